//! Addresses of servers: what in one may be a credential. Everything may, but a scheme, a host and a
//! port.

use std::ops::Range;

use super::super::draft::PLACEHOLDER;
use crate::model::suggestion::closest;

/// Parts of key names that say "address".
const SOUNDS_LIKE_ADDRESS: [&str; 4] = ["endpoint", "address", "uri", "url"];

/// Whether a key says that its value is the address of a server, well written or nearly.
pub(super) fn is_address_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SOUNDS_LIKE_ADDRESS.iter().any(|word| key.contains(word))
        || closest(&key, ["endpoint"]).is_some()
}

/// Whether a text begins as an address does.
pub(super) fn is_address(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

/// What may be secret in a text that is to be an address.
pub(super) fn secret_part(text: &str) -> Option<Range<usize>> {
    let start = secret_from(text)?;
    // A host with its port is none. Without one it may be the end of a password.
    let server = text.rfind('@').filter(|at| text[at + 1..].contains(':'));
    let server = server.filter(|at| secret_from(&text[at + 1..]).is_none());
    Some(start..server.unwrap_or(text.len()))
}

/// Where what may be secret begins.
fn secret_from(text: &str) -> Option<usize> {
    if text == PLACEHOLDER {
        return None;
    }
    let scheme = text.find("://").map_or(0, |at| at + "://".len());
    // A scheme is a word; anything else before `://` is not known.
    if !text[..scheme].trim_end_matches("://").chars().all(|c| c.is_ascii_alphabetic()) {
        return Some(0);
    }
    if text.contains('@') {
        return Some(scheme);
    }
    let end_of_host = scheme
        + piece(&text[scheme..], |c| {
            c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '[' | ']')
        });
    let host = &text[scheme..end_of_host];
    // The colons of an address of IPv6.
    let end_of_host = if host.starts_with('[') {
        text[scheme..].find(']').map_or(end_of_host, |end| scheme + end + 1)
    } else {
        end_of_host
    };
    let rest = &text[end_of_host..];
    let end = match rest.strip_prefix(':') {
        Some(port) => {
            let length = piece(port, |c| c.is_ascii_digit());
            let known = port[..length].contains("{{") || (1..=5).contains(&length);
            if known { end_of_host + 1 + length } else { end_of_host + 1 }
        }
        // A word alone may be anything.
        None if scheme == 0 && !host.contains("{{") => 0,
        None => end_of_host,
    };
    let rest = &text[end..];
    (!rest.is_empty() && rest != "/").then_some(end)
}

/// How far a text has only such characters and templates.
fn piece(text: &str, fits: impl Fn(char) -> bool) -> usize {
    let mut length = 0;
    loop {
        let rest = &text[length..];
        if rest.starts_with("{{")
            && let Some(end) = rest.find("}}")
        {
            length += end + "}}".len();
        } else if let Some(c) = rest.chars().next().filter(|c| fits(*c)) {
            length += c.len_utf8();
        } else {
            return length;
        }
    }
}

/// User information and queries in any text: `user:password@`, with a scheme or without, and what
/// follows the `?` of an address.
pub(super) fn parts_of_addresses(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut offset = 0;
    for word in text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'')) {
        let scheme = word.find("://").map(|at| at + "://".len());
        let start = scheme.unwrap_or_default();
        let at_sign = word[start..].rfind('@').map(|at| start + at);
        if let Some(at_sign) = at_sign
            && (scheme.is_some() || word[..at_sign].contains(':'))
        {
            ranges.push(offset + start..offset + at_sign);
        }
        let after = at_sign.unwrap_or(start);
        if scheme.is_some()
            && let Some(query) = word[after..].find('?')
        {
            ranges.push(offset + after + query + 1..offset + word.len());
        }
        // What separates them is one byte.
        offset += word.len();
        offset += text[offset..].chars().next().map_or(0, char::len_utf8);
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_hosts_and_ports_are_no_secrets() {
        for text in [
            "http://localhost",
            "https://in01.zillizcloud.com:443/",
            "http://[::1]:19530",
            "localhost:19530",
            "tcp://host:1",
            "{{ endpoint }}",
            "https://{{ host }}.x.y:{{ port }}",
            "{{ host }}:19530",
            PLACEHOLDER,
        ] {
            assert_eq!(secret_part(text), None, "{text}");
        }
    }

    #[test]
    fn everything_else_may_be_one() {
        for (text, seen) in [
            ("root:canary@host:19530", ""),
            ("http:root:canary@host", ""),
            ("root:canary", "root:"),
            ("canary", ""),
            ("http://root:canary@host", "http://"),
            ("http://host/v1/canary", "http://host"),
            ("http://host:1/?token=canary", "http://host:1"),
            ("http://host:1#canary", "http://host:1"),
            ("http://host:canary", "http://host:"),
            ("http://host:123456", "http://host:"),
            ("http://host canary", "http://host"),
            ("https://{{ host }}/canary", "https://{{ host }}"),
            ("{{ user }}:canary@host", ""),
            ("canary x://host", ""),
        ] {
            assert_eq!(secret_part(text).map(|part| &text[..part.start]), Some(seen), "{text}");
        }
    }

    #[test]
    fn a_server_with_its_port_is_seen_behind_a_login() {
        for (text, seen) in [
            ("http://root:canary@host:19530", "@host:19530"),
            ("root:can@ary@host:1", "@host:1"),
            ("http://root:can@ary", ""),
            ("http://root@host:1/canary", ""),
        ] {
            assert_eq!(secret_part(text).map(|part| &text[part.end..]), Some(seen), "{text}");
        }
    }

    #[test]
    fn addresses_in_any_text_lose_what_may_be_secret() {
        let seen = |text: &str| {
            let mut shown = text.to_owned();
            for range in parts_of_addresses(text).into_iter().rev() {
                shown.replace_range(range, "…");
            }
            shown
        };
        assert_eq!(seen("see https://a/b c@d"), "see https://a/b c@d");
        assert_eq!(seen("x = \"root:canary@h:1\" # ü"), "x = \"…@h:1\" # ü");
        assert_eq!(seen("ä http://u:canary@h/?x=canary ß"), "ä http://…@h/?… ß");
        assert_eq!(seen("'http://h?canary'"), "'http://h?…'");
    }
}
