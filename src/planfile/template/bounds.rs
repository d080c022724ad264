//! How large a template may be. The engine calls itself for every part of an expression, and would
//! run out of stack.

/// Bytes of one template; far more than any text of Milvus may have.
const LONGEST: usize = 65_536;

/// Names, values and operators of one template.
const MOST_PARTS: usize = 300;

/// Brackets, one in the other.
const DEEPEST: usize = 20;

/// Bytes that one template may give.
pub(super) const LONGEST_RESULT: usize = 1 << 20;

/// Why a template is too large, if it is.
pub(super) fn fault(text: &str) -> Option<String> {
    if text.len() > LONGEST {
        let length = text.len();
        return Some(format!("the template has {length} bytes; at most {LONGEST} are allowed"));
    }
    let (parts, depth) = measure(text);
    if parts > MOST_PARTS {
        return Some(format!(
            "the template has {parts} parts (names, values, operators); at most {MOST_PARTS} are \
             allowed"
        ));
    }
    (depth > DEEPEST).then(|| {
        format!(
            "the template has {depth} brackets, one in the other; at most {DEEPEST} are allowed"
        )
    })
}

/// How many words, strings and signs are between the braces, and how deep their brackets are.
fn measure(text: &str) -> (usize, usize) {
    let (mut parts, mut deepest) = (0, 0);
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        rest = &rest[start + 1..];
        let close = match rest.chars().next() {
            Some('{') => "}}",
            Some('%') => "%}",
            _ => continue,
        };
        rest = &rest[1..];
        parts += 1;
        let mut depth: usize = 0;
        while !rest.is_empty() && !rest.starts_with(close) {
            let length = part(rest);
            parts += usize::from(!rest[..length].trim().is_empty());
            match &rest[..length] {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
            deepest = deepest.max(depth);
            rest = &rest[length..];
        }
    }
    (parts, deepest)
}

/// How long the first part of a text is.
fn part(text: &str) -> usize {
    let mut characters = text.char_indices();
    let Some((_, first)) = characters.next() else { return 0 };
    if matches!(first, '"' | '\'') {
        let mut escaped = false;
        for (at, c) in characters {
            if c == first && !escaped {
                return at + c.len_utf8();
            }
            escaped = c == '\\' && !escaped;
        }
        return text.len();
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    if is_word(first) {
        return text.find(|c| !is_word(c)).unwrap_or(text.len());
    }
    first.len_utf8()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_words_strings_and_signs() {
        let parts = |text: &str| measure(text).0;
        assert_eq!(parts("no template { }"), 0);
        assert_eq!(parts("{{ a + 1 }} text {{ name }}"), 6);
        assert_eq!(parts("{{ 'a }} + \\' b' ~ \"c\" }}"), 4);
        assert_eq!(parts("{% if on %}yes{% endif %}"), 5);
        assert_eq!(parts("{{ 'a"), 2);
        assert_eq!(parts("{{{"), 2);
        assert_eq!(parts("{# a b c #}"), 0);
    }

    #[test]
    fn all_bounds_are_exact() {
        let template = |text: usize| format!("{{{{ a }}}}{}", "x".repeat(text - 7));
        assert_eq!(fault(&template(LONGEST)), None);
        assert!(fault(&template(LONGEST + 1)).is_some_and(|why| why.contains("65537 bytes")));
        let template = |parts: usize| format!("{{{{ {} }}}}", "a ".repeat(parts - 1));
        assert_eq!(fault(&template(MOST_PARTS)), None);
        assert!(fault(&template(MOST_PARTS + 1)).is_some_and(|why| why.contains("301 parts")));
        let template =
            |depth: usize| format!("{{{{ {}a{} }}}}", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(fault(&template(DEEPEST)), None);
        assert!(fault(&template(DEEPEST + 1)).is_some_and(|why| why.contains("21 brackets")));
    }
}
