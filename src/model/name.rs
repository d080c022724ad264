//! Milvus's rules for names.

/// The longest name that Milvus takes, in bytes, in every release and flavour.
pub const LONGEST: usize = 255;

/// Names of fields that Milvus keeps for itself (`common.go`, every line).
pub const RESERVED_FIELDS: &[&str] = &["$meta", "RowID", "Timestamp", "$namespace_id"];

/// The key of external collections: Milvus 3.0 keeps it for itself, and a field of an older server may
/// be called so.
pub const VIRTUAL_KEY: &str = "__virtual_pk__";

/// What is wrong with a name of a collection, database or field, if anything.
pub fn fault(name: &str) -> Option<&'static str> {
    fault_allowing(name, |_| false)
}

/// [`fault`] for a server that allows more characters behind the first one.
pub fn fault_allowing(name: &str, extra: impl Fn(char) -> bool) -> Option<&'static str> {
    if name.is_empty() {
        Some("is empty")
    } else if name.len() > LONGEST {
        Some("is longer than 255 bytes")
    } else if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        Some("does not begin with a letter or `_`")
    } else if name.contains(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || extra(c))) {
        Some("has characters other than letters, digits and `_`")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_milvus() {
        for name in ["a", "_x", "Products_2026", &"a".repeat(255)] {
            assert_eq!(fault(name), None, "{name}");
        }
        for name in ["", "1a", "a-b", "a b", "ä", "a.b", &"a".repeat(256)] {
            assert!(fault(name).is_some(), "{name}");
        }
    }
}
