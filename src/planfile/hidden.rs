//! Which parts of a text may be secret, so that no finding shows them.
//!
//! A credential does not belong in a plan file, and the file that has one anyway is exactly the
//! one that gets reported. So every value in a credential's place is hidden, well formed or not,
//! and so is what in an address is neither scheme, host nor port.

mod address;

use std::ops::Range;

use serde_json::Value;

use super::document::{Document, child};
use super::{schema, template};

/// Parts of key names that say "credential".
const SOUNDS_SECRET: [&str; 16] = [
    "token",
    "username",
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "api_key",
    "apikey",
    "api-key",
    "access_key",
    "access-key",
    "private_key",
    "credential",
    "bearer",
    "auth",
];

/// Whether a pointer is that of a credential: `/source/token` and its like.
pub(super) fn is_credential(pointer: &str) -> bool {
    let mut keys = pointer.split('/').skip(1);
    matches!(keys.next(), Some("source" | "target"))
        && matches!(keys.next(), Some("username" | "password" | "token"))
        && keys.next().is_none()
}

/// Whether the keys of the table at a pointer are names of fields: those may sound like anything.
fn names_field(pointer: &str) -> bool {
    let keys: Vec<&str> = pointer.split('/').skip(1).collect();
    matches!(
        keys.as_slice(),
        ["collections", _, "fields" | "indexes"] | ["defaults", "fields" | "indexes"]
    )
}

/// Whether a text can be the name of an environment variable, and is unlikely to be a secret.
pub(super) fn is_env_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The parts of a text to hide.
pub(super) fn ranges(text: &str, document: &Document) -> Vec<Range<usize>> {
    let mut ranges = address::parts_of_addresses(text);
    in_comments(text, &mut ranges);
    in_tables(&document.value, "", (text, document), &mut ranges);
    if !document.syntax.is_empty() {
        in_lines(text, &mut ranges);
    }
    ranges
}

/// Whether the value of a variable may be a credential. Names of environment variables are none.
pub fn may_be_secret(name: &str, value: &str) -> bool {
    (sounds_secret(name) && !is_env_name(value)) || !address::parts_of_addresses(value).is_empty()
}

/// Whether a key says that its value is a credential.
pub(super) fn sounds_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key == "pass" || key.ends_with("_pass") || SOUNDS_SECRET.iter().any(|word| key.contains(word))
}

fn in_tables(
    value: &Value,
    pointer: &str,
    file: (&str, &Document),
    ranges: &mut Vec<Range<usize>>,
) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                let at = child(pointer, key);
                let secret = sounds_secret(key) && !(names_field(pointer) && value.is_object());
                if secret || is_credential(&at) {
                    let (text, document) = file;
                    credential(value, &at, document, ranges);
                    ranges.extend(comment(text, document.spans.value(&at).end));
                } else {
                    in_tables(value, &at, file, ranges);
                }
                if let Value::String(address) = value
                    && (address::is_address_key(key) || may_hold_address(pointer, address))
                {
                    in_address(address, file.1.spans.value(&at), file.0, ranges);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                in_tables(item, &format!("{pointer}/{index}"), file, ranges);
            }
        }
        _ => {}
    }
}

/// Hides everything about a credential but a well-formed name of a variable.
fn credential(value: &Value, pointer: &str, document: &Document, ranges: &mut Vec<Range<usize>>) {
    match value {
        Value::Object(table) => {
            for (key, value) in table {
                let at = child(pointer, key);
                match value {
                    Value::String(text)
                        if key == "env" && (is_env_name(text) || template::is_template(text)) => {}
                    Value::Object(_) => credential(value, &at, document, ranges),
                    _ => ranges.push(document.spans.value(&at)),
                }
            }
        }
        _ => ranges.push(document.spans.value(pointer)),
    }
}

/// The comment on the rest of a line: beside a credential it may be an old one.
fn comment(text: &str, after: usize) -> Option<Range<usize>> {
    let rest = text.get(after..)?.lines().next()?;
    let start = rest.find('#')?;
    Some(after + start..after + rest.len())
}

/// Comments that speak of a credential: one that is commented out is still one.
fn in_comments(text: &str, ranges: &mut Vec<Range<usize>>) {
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if let Some(start) = line.find('#')
            && sounds_secret(&line[start..])
        {
            ranges.push(offset + start..offset + line.len());
        } else if let Some(start) = line.find('#') {
            in_addresses(&line[start..], offset + start, ranges);
        }
        offset += line.len();
    }
}

/// Whether a value is that of a variable, and an address.
fn may_hold_address(table: &str, value: &str) -> bool {
    let of_variables = ["/vars", "/env", "/inputs"].iter().any(|of| table.starts_with(of));
    of_variables && (address::is_address(value) || value.contains('@'))
}

/// Hides what may be secret in an address: all of it where it is written with escapes.
fn in_address(value: &str, span: Range<usize>, text: &str, ranges: &mut Vec<Range<usize>>) {
    let Some(secret) = address::secret_part(value) else { return };
    let written = text.get(span.clone()).unwrap_or_default();
    match written.find(value) {
        Some(start) => {
            let start = span.start + start;
            ranges.push(start + secret.start..start + secret.end);
        }
        None => ranges.push(span),
    }
}

/// A text with `…` for every `user:password` and every query in an address.
pub fn without_secrets_of_addresses(text: &str) -> String {
    let mut shown = text.to_owned();
    for range in address::parts_of_addresses(text).into_iter().rev() {
        shown.replace_range(range, "…");
    }
    shown
}

/// The value of a variable, without what may be secret where it is an address.
pub(super) fn shown_variable(name: &str, value: &str) -> String {
    match address::secret_part(value) {
        Some(secret) if address::is_address_key(name) => {
            format!("{}…{}", &value[..secret.start], &value[secret.end..])
        }
        _ => without_secrets_of_addresses(value),
    }
}

/// Hides what may be secret behind every key that says "endpoint", in a text that is no TOML.
/// `offset` is where the text begins in the file.
fn in_addresses(text: &str, offset: usize, ranges: &mut Vec<Range<usize>>) {
    let lower = text.to_ascii_lowercase();
    for (at, word) in lower.match_indices("endpoint") {
        let value = text[at + word.len()..].trim_start_matches(['"', '\'', ' ', '\t', '=', ':']);
        let line = value.lines().next().unwrap_or_default();
        let address = line.split(['"', '\'']).next().unwrap_or_default().trim_end();
        let start = offset + text.len() - value.len();
        // What follows may belong to it too, but for a comment.
        let rest = line[address.len()..].trim_start_matches(['"', '\'']).trim_start();
        match address::secret_part(address) {
            Some(secret) => ranges.push(start + secret.start..start + line.len()),
            None if rest.is_empty() || rest.starts_with([',', '}', '#']) => {}
            None => ranges.push(start..start + line.len()),
        }
    }
}

/// Where the TOML is broken its values have no certain place: hides what follows any key that
/// sounds like a credential.
fn in_lines(text: &str, ranges: &mut Vec<Range<usize>>) {
    let lower = text.to_ascii_lowercase();
    in_addresses(text, 0, ranges);
    for word in SOUNDS_SECRET {
        for (at, _) in lower.match_indices(word) {
            let key_end = at
                + text[at..]
                    .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')))
                    .unwrap_or(text.len() - at);
            let value = text[key_end..]
                .trim_start_matches(['"', '\'', ' ', '\t'])
                .trim_start_matches(['=', ':'])
                .trim_start();
            if !names_variable(value) {
                let start = text.len() - value.len();
                ranges.push(start..start + value_length(value));
            }
        }
    }
}

/// Whether a value begins with a whole `{ env = "NAME" }`.
fn names_variable(value: &str) -> bool {
    let name = value
        .strip_prefix('{')
        .map(str::trim_start)
        .and_then(|rest| rest.strip_prefix("env"))
        .map(str::trim_start)
        .and_then(|rest| rest.strip_prefix('='))
        .map(str::trim_start)
        .and_then(|rest| rest.strip_prefix(['"', '\'']))
        .and_then(|rest| rest.split_once(['"', '\'']));
    name.is_some_and(|(name, rest)| {
        is_env_name(name) && rest.trim_start_matches([' ', '\t']).starts_with('}')
    })
}

/// How far a value may reach: to the end of the quotes that it opens, and at least to the next
/// line that begins a key or a table.
fn value_length(value: &str) -> usize {
    let quoted = ["\"\"\"", "'''"].into_iter().find_map(|quotes| {
        let body = value.strip_prefix(quotes)?;
        let end = body.find(quotes).map(|end| end + 2 * quotes.len());
        Some(end.unwrap_or(value.len()))
    });
    let mut length = 0;
    for (index, line) in value.split_inclusive('\n').enumerate() {
        if index > 0 && begins_something(line) {
            break;
        }
        length += line.len();
    }
    quoted.unwrap_or_default().max(length)
}

/// Whether a line begins a key of plan files that is no part of a credential, or a table.
fn begins_something(line: &str) -> bool {
    let line = line.trim_start();
    let after_key = line.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let key = &line[..line.len() - after_key.len()];
    let is_key = after_key.trim_start().starts_with('=')
        && key != "env"
        && !sounds_secret(key)
        && schema::KEYS.contains(key);
    let is_table = line.strip_prefix('[').is_some_and(|name| {
        name.trim_start_matches('[').starts_with(|c: char| c.is_ascii_alphabetic())
    });
    is_key || is_table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let document = Document::parse(text);
        let mut bytes = text.as_bytes().to_vec();
        for range in ranges(text, &document) {
            bytes[range].fill(b'#');
        }
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn names_of_variables_stay() {
        let text = "[source]\ntoken = { env = \"ZILLIZ_TOKEN\" }\nendpoint = \"http://a:1\"\n";
        assert_eq!(shown(text), text);
    }

    #[test]
    fn values_of_credentials_go() {
        for line in [
            "token = \"canary\"",
            "token = { env = \"canary\" }",
            "token = { value = \"canary\", env = \"A\" }",
            "password = [\"canary\"]",
            "api_key = '''canary'''",
            "password = \"\"\"\nx\ncanary\"\"\"",
            "username.value = \"canary\"",
            "endpoint = \"https://root:canary@host\"",
            "endpoint = \"https://root:c@n/canary@host\"",
            "\"token\" = \"canary\"",
            "token = { env = \"ZILLIZ_TOKEN\" }  # canary",
            "token = \"\"#canary",
            "endpiont = \"\" # token = \"canary\"",
            "endpoint = \"root:canary@host:19530\"",
            "endpoint = \"canary@host\"",
            "endpoint = 'http:root:canary@host'",
            "endpoint = \"http://host/canary\"",
            "endpoint = \"http://host:1/?token=canary\"",
            "endpoint = \"http://host:1#canary\"",
            "endpoint = \"http://host:canary\"",
            "endpoint = \"root:ca nary@host\"  # canary:canary@x",
            "url = \"http://host/canary\"",
            "# endpoint = \"root:canary@host\"",
        ] {
            let text = format!("[source]\n{line}\n");
            assert!(!shown(&text).contains("canary"), "{line}");
            let broken = ["[target\n", "x = = 1\n", "y = \"\n"];
            // A misspelt key is one only where the rest can be read.
            let broken = if line.starts_with("url") { &broken[..0] } else { &broken[..] };
            for broken in broken {
                let text = format!("{broken}{text}");
                assert!(!shown(&text).contains("canary"), "{text}");
                let text = format!("[source]\n{line}\n{broken}");
                assert!(!shown(&text).contains("canary"), "{text}");
            }
        }
    }

    #[test]
    fn fields_may_sound_like_credentials_and_what_is_said_of_them_stays() {
        let text = "[[collections]]\nindexes = { tokens = { type = \"SPARSE\" } }\n\
             [collections.fields.author]\nrename = \"writer\"\n\
             [defaults.fields.token]\ndrop = true\n";
        assert_eq!(shown(text), text);
        for line in [
            "fields.author = { token = \"canary\" }",
            "fields.author.rename = { password = \"canary\" }",
            "indexes = { token = \"canary\" }",
            "indexes.a = { type = \"X\", params = { api_key = \"canary\" } }",
            "properties = { set = { \"cipher.secret\" = \"canary\" } }",
            "properties.set.token = \"canary\"",
            "aliases = { password = \"canary\" }",
        ] {
            for place in ["[[collections]]", "[defaults]"] {
                let text = format!("{place}\n{line}\n");
                assert!(!shown(&text).contains("canary"), "{text}");
            }
        }
    }

    #[test]
    fn broken_values_of_credentials_go() {
        for line in [
            "token = canary",
            "token = \"canary",
            "token \"canary\"",
            "token: canary",
            "token = { env = canary }",
            "token = [\n\"canary\"\n",
            "target = { token = 'canary', }, ",
            "password = \"\"\"\ncanary\n",
        ] {
            let text = format!("[source]\n{line}\n");
            assert!(!shown(&text).contains("canary"), "{}", shown(&text));
        }
    }
}
