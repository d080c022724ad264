//! TOML strings that are no templates, and comments that stay comments.

use std::fmt::Write as _;

use super::super::template::is_template;

/// Characters in a line of comments, beyond which words go to the next one.
const WIDTH: usize = 96;

/// A TOML string that means this text, whatever is in it.
pub(super) fn string(text: &str) -> String {
    let text = if is_template(text) {
        // A template that is one string literal; its escapes are those of JSON.
        format!("{{{{ {} }}}}", serde_json::Value::from(text))
    } else {
        text.to_owned()
    };
    toml::Value::from(text).to_string()
}

/// Adds lines of comments. Nothing in the text can end a line, or turn its direction.
pub(super) fn comment(to: &mut String, bullet: &str, text: &str) {
    let mut first = true;
    let mut line = String::new();
    let mut flush = |line: &mut String| {
        let indent = if first { bullet.to_owned() } else { " ".repeat(bullet.len()) };
        let _ = writeln!(to, "# {indent}{line}");
        line.clear();
        first = false;
    };
    for word in text.split([' ', '\n', '\r', '\t']).filter(|word| !word.is_empty()) {
        let word = plain(word);
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH {
            flush(&mut line);
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    if !line.is_empty() {
        flush(&mut line);
    }
}

/// A text on one line, without characters that do something rather than show something.
pub(super) fn plain(text: &str) -> String {
    let acts = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) { plain.extend(c.escape_unicode()) } else { plain.push(c) }
    }
    plain
}
