//! Texts from elsewhere, made harmless and short.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a terminal may act on a character instead of showing it: control characters, line and
/// paragraph separators, and those that reverse or hide the text around them.
pub(super) fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
        )
}

/// `text` with every character that a terminal could act on written out (`\n`, `\u{1b}`).
///
/// Doing it twice changes nothing more.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            other if is_unprintable(other) => {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "\\u{{{:x}}}", u32::from(other));
            }
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

/// JSON may hold characters as they are that a terminal would act on: write them as `\u009b`.
/// They stand inside strings only, so that it stays the same JSON.
pub(super) fn printable_json(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        // Line feeds between values stay.
        if is_unprintable(character) && character != '\n' {
            // Writing to a string cannot fail. All of them have four digits at most.
            let _ = write!(text, "\\u{:04x}", u32::from(character));
        } else {
            text.push(character);
        }
    }
    text
}

/// `text` escaped, and cut to `limit` characters where it is longer.
pub(super) fn shorten(text: &str, limit: usize) -> String {
    let text = escape(text);
    if text.chars().nth(limit).is_none() {
        return text.into_owned();
    }
    let mut short: String = text.chars().take(limit.saturating_sub(1)).collect();
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

/// `text` shortened, between quotation marks.
pub(super) fn quote(text: &str, limit: usize) -> String {
    format!("\"{}\"", shorten(text, limit))
}

/// Two texts shortened, between quotation marks, so that a difference shows.
pub(super) fn quote_both(first: &str, second: &str, limit: usize) -> (String, String) {
    let short = (quote(first, limit), quote(second, limit));
    if short.0 != short.1 || first == second {
        return short;
    }
    // They begin alike: leave most of that out.
    let (first, second) = (escape(first), escape(second));
    let alike = first.chars().zip(second.chars()).take_while(|(a, b)| a == b).count();
    let from = alike.saturating_sub(limit / 2);
    let tail = |text: &str| {
        let tail: String = text.chars().skip(from).collect();
        quote(&format!("…{tail}"), limit)
    };
    (tail(&first), tail(&second))
}

/// Breaks a text at spaces into lines of at most `width` characters; a longer word gets its own
/// line, whole, so that it can be copied.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let text = escape(text);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let used = line.chars().count();
        if used > 0 && used + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        } else if used > 0 {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_elsewhere_reaches_the_terminal_as_a_command() {
        let hostile = "a\u{1b}[2Jb\u{9b}1mc\rd\ne\tf\u{7}\u{202e}g\u{7f}";
        let expected = "a\\u{1b}[2Jb\\u{9b}1mc\\rd\\ne\\tf\\u{7}\\u{202e}g\\u{7f}";
        assert_eq!(escape(hostile), expected);
        assert_eq!(escape(expected), expected);
        assert!(matches!(escape("Größe 尺寸 🦀"), Cow::Borrowed(_)));
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(shorten("尺寸尺寸", 4), "尺寸尺寸");
        assert_eq!(shorten("尺寸尺寸", 3), "尺寸…");
        assert_eq!(shorten("one two", 5), "one…");
        assert_eq!(shorten("a\nb", 3), "a\\…");
        assert_eq!(shorten("", 3), "");
    }

    #[test]
    fn a_difference_at_the_end_of_a_long_text_is_shown() {
        let alike = "The same words at the beginning of both of these texts, then ";
        let (first, second) = quote_both(&format!("{alike}one"), &format!("{alike}two"), 30);
        assert_eq!(first, "\"…se texts, then one\"");
        assert_eq!(second, "\"…se texts, then two\"");
        assert_eq!(quote_both("", "new", 30), ("\"\"".to_owned(), "\"new\"".to_owned()));
    }

    #[test]
    fn lines_break_at_spaces_only() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a-very-long-word b", 4), ["a-very-long-word", "b"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
