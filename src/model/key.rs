//! Primary keys and ranges of them, and how a range is written as a filter expression.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

use super::{Flavour, ServerVersion};

/// How a server's filter language writes a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Milvus and Zilliz Cloud: `\U` and eight hex digits are a character.
    Milvus,
    /// Milvus Lite, which knows no such escape: 2.5.1 reads another text, and 3.2.2 refuses it.
    Lite,
}

impl Dialect {
    /// That of a server.
    pub fn of(version: &ServerVersion) -> Self {
        match version.flavour {
            Flavour::Milvus | Flavour::ZillizCloud => Self::Milvus,
            Flavour::Lite => Self::Lite,
        }
    }
}

/// The type of a primary key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// `Int64`.
    Int64,
    /// `VarChar`, ordered by its UTF-8 bytes.
    VarChar,
}

/// A primary key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Key {
    /// An `Int64` key.
    Int64(i64),
    /// A `VarChar` key.
    VarChar(String),
}

impl Key {
    /// The key as a literal of Milvus's expression language.
    ///
    /// Backslash, double quote, line feed and carriage return are escaped; everything else up to
    /// U+FFFF may stay as it is (measured on 2.2.16 and 2.3.5 with equality and order). Beyond it,
    /// Milvus 2.4.15 to 3.0 reads Han characters as others: `convertHanToASCII`
    /// (`planparserv2/utils.go`) writes the lower four of their hex digits. A `\U` anywhere makes it
    /// leave the expression as it is.
    /// `i64::MIN` has no literal before Milvus 2.6; it is written as a difference, which parsers
    /// fold into a constant, in a list too (measured on both).
    pub fn literal(&self, dialect: Dialect) -> String {
        match self {
            Self::Int64(i64::MIN) => format!("{} - 1", i64::MIN + 1),
            Self::Int64(value) => value.to_string(),
            Self::VarChar(value) => {
                let mut out = String::with_capacity(value.len() + 2);
                out.push('"');
                for c in value.chars() {
                    match c {
                        '\\' => out.push_str("\\\\"),
                        '"' => out.push_str("\\\""),
                        '\n' => out.push_str("\\n"),
                        '\r' => out.push_str("\\r"),
                        wide if wide > '\u{ffff}' && dialect == Dialect::Milvus => {
                            let _ = write!(out, "\\U{:08X}", u32::from(wide));
                        }
                        other => out.push(other),
                    }
                }
                out.push('"');
                out
            }
        }
    }

    /// The expression that holds for these keys and no others, in the field that has them.
    ///
    /// Milvus Lite 3 takes no difference in a list, and reads the literal of `i64::MIN` as minus of a
    /// number that is too large (M); what is below `i64::MIN + 1` it finds. Milvus 2.2 deletes by a list
    /// alone, and folds a difference in it.
    pub fn any_of(field: &str, keys: &[Self], dialect: Dialect) -> String {
        let apart = |key: &&Self| dialect == Dialect::Lite && **key == Self::Int64(i64::MIN);
        let listed: Vec<String> =
            keys.iter().filter(|key| !apart(key)).map(|key| key.literal(dialect)).collect();
        let lowest =
            keys.iter().any(|key| apart(&key)).then(|| format!("{field} < {}", i64::MIN + 1));
        match lowest {
            Some(lowest) if listed.is_empty() => lowest,
            Some(lowest) => format!("{lowest} or {field} in [{}]", listed.join(",")),
            None => format!("{field} in [{}]", listed.join(",")),
        }
    }

    /// The expression that holds for this key alone, in the field that has it.
    pub fn is(&self, field: &str, dialect: Dialect) -> String {
        match self {
            Self::Int64(i64::MIN) => format!("{field} < {}", i64::MIN + 1),
            key => format!("{field} == {}", key.literal(dialect)),
        }
    }

    /// Bytes of its text; none of a number.
    pub fn text_bytes(&self) -> usize {
        match self {
            Self::Int64(_) => 0,
            Self::VarChar(text) => text.len(),
        }
    }

    /// Whether it is a text of several lines. Milvus Lite 2 has no literal for a carriage return and
    /// reads the one of a line feed as `n`, so that another key is a better bound of a range.
    pub fn breaks_lines(&self) -> bool {
        matches!(self, Self::VarChar(text) if text.contains(['\n', '\r']))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int64(value) => write!(f, "{value}"),
            Self::VarChar(value) => write!(f, "{value:?}"),
        }
    }
}

/// A primary-key interval `after < pk <= up_to`, open where a bound is absent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct KeyRange {
    /// Exclusive lower bound.
    pub after: Option<Key>,
    /// Inclusive upper bound.
    pub up_to: Option<Key>,
}

impl KeyRange {
    /// Every key.
    pub const ALL: Self = Self { after: None, up_to: None };

    /// Whether a key lies in the range.
    pub fn contains(&self, key: &Key) -> bool {
        self.after.as_ref().is_none_or(|after| key > after)
            && self.up_to.as_ref().is_none_or(|up_to| key <= up_to)
    }

    /// The range as a filter over the primary-key field.
    ///
    /// Never names `i64::MIN`, whose literal old parsers refuse: `pk > i64::MIN` is written
    /// `pk >= i64::MIN + 1`, and `pk <= i64::MIN` as `pk < i64::MIN + 1`.
    pub fn expression(&self, field: &str, kind: KeyKind, dialect: Dialect) -> String {
        let after = self.after.as_ref().map(|key| match key {
            Key::Int64(i64::MIN) => format!("{field} >= {}", i64::MIN + 1),
            key => format!("{field} > {}", key.literal(dialect)),
        });
        let up_to = self.up_to.as_ref().map(|key| match key {
            Key::Int64(i64::MIN) => format!("{field} < {}", i64::MIN + 1),
            key => format!("{field} <= {}", key.literal(dialect)),
        });
        match (after, up_to) {
            (Some(after), Some(up_to)) => format!("{after} and {up_to}"),
            (Some(only), None) | (None, Some(only)) => only,
            // A filter must not be empty (2.2), and an upper bound keeps i64::MIN in.
            (None, None) => match kind {
                KeyKind::Int64 => format!("{field} <= {}", i64::MAX),
                KeyKind::VarChar => format!("{field} >= \"\""),
            },
        }
    }
}

impl fmt::Display for KeyRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.after, &self.up_to) {
            (None, None) => f.write_str("all keys"),
            (Some(after), None) => write!(f, "keys after {after}"),
            (None, Some(up_to)) => write!(f, "keys up to {up_to}"),
            (Some(after), Some(up_to)) => write!(f, "keys after {after} up to {up_to}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What Milvus's parser makes of a literal.
    fn unescape(literal: &str, dialect: Dialect) -> String {
        let inner = literal.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap();
        let mut out = String::new();
        let mut characters = inner.chars();
        while let Some(c) = characters.next() {
            assert_ne!(c, '"', "a quote ends the literal: {literal}");
            out.push(match c {
                '\\' => match characters.next().unwrap() {
                    'n' => '\n',
                    'r' => '\r',
                    'U' => {
                        assert_eq!(dialect, Dialect::Milvus, "{literal}");
                        let digits: String = characters.by_ref().take(8).collect();
                        char::from_u32(u32::from_str_radix(&digits, 16).unwrap()).unwrap()
                    }
                    other => other,
                },
                wide if dialect == Dialect::Milvus && wide > '\u{ffff}' => {
                    panic!("{wide} is not escaped: {literal}")
                }
                other => other,
            });
        }
        out
    }

    fn int_key() -> impl Strategy<Value = Key> {
        prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MIN + 1), Just(i64::MAX), Just(0)]
            .prop_map(Key::Int64)
    }

    proptest! {
        #[test]
        fn literals_of_texts_read_back(text in any::<String>()) {
            for dialect in [Dialect::Milvus, Dialect::Lite] {
                let literal = Key::VarChar(text.clone()).literal(dialect);
                prop_assert!(!literal.contains(['\n', '\r']));
                prop_assert_eq!(unescape(&literal, dialect), text.clone());
            }
        }

        #[test]
        fn a_range_and_its_complement_share_no_key(
            key in int_key(), at in int_key(), after in proptest::option::of(int_key()),
        ) {
            let lower = KeyRange { after: after.clone(), up_to: Some(at.clone()) };
            let upper = KeyRange { after: Some(at.clone()), up_to: None };
            let whole = KeyRange { after: after.clone(), up_to: None };
            if after.is_none_or(|after| after <= at) {
                let parts = usize::from(lower.contains(&key)) + usize::from(upper.contains(&key));
                prop_assert_eq!(parts, usize::from(whole.contains(&key)));
            }
        }

        #[test]
        fn no_range_needs_the_literal_that_old_parsers_refuse(
            after in proptest::option::of(int_key()), up_to in proptest::option::of(int_key()),
        ) {
            let expression = KeyRange { after, up_to }.expression("id", KeyKind::Int64, Dialect::Milvus);
            prop_assert!(!expression.contains(&i64::MIN.to_string()), "{}", expression);
        }
    }

    #[test]
    fn the_lowest_number_stands_apart_where_no_list_takes_it() {
        let keys = [Key::Int64(3), Key::Int64(i64::MIN), Key::Int64(-1)];
        let any = |keys: &[Key], dialect| Key::any_of("id", keys, dialect);
        assert_eq!(any(&keys, Dialect::Lite), "id < -9223372036854775807 or id in [3,-1]");
        assert_eq!(any(&keys[1..2], Dialect::Lite), "id < -9223372036854775807");
        assert_eq!(any(&keys[..1], Dialect::Lite), "id in [3]");
        assert_eq!(any(&keys, Dialect::Milvus), "id in [3,-9223372036854775807 - 1,-1]");
        assert_eq!(keys[1].is("id", Dialect::Milvus), "id < -9223372036854775807");
        assert_eq!(keys[0].is("id", Dialect::Lite), "id == 3");
        let text = Key::VarChar("a\"b".to_owned());
        assert_eq!(text.is("id", Dialect::Lite), r#"id == "a\"b""#);
    }

    #[test]
    fn ranges_are_written_as_filters() {
        let range = |after, up_to| KeyRange { after, up_to };
        let int = |value| Some(Key::Int64(value));
        let text = |value: &str| Some(Key::VarChar(value.to_owned()));
        let written = |range: KeyRange, kind| range.expression("id", kind, Dialect::Milvus);
        assert_eq!(written(range(int(-1), int(5)), KeyKind::Int64), "id > -1 and id <= 5");
        assert_eq!(written(KeyRange::ALL, KeyKind::Int64), "id <= 9223372036854775807");
        assert_eq!(
            written(range(int(i64::MIN), None), KeyKind::Int64),
            "id >= -9223372036854775807"
        );
        assert_eq!(
            written(range(None, int(i64::MIN)), KeyKind::Int64),
            "id < -9223372036854775807"
        );
        assert_eq!(
            written(range(text("a\"b"), text("c\\\n")), KeyKind::VarChar),
            r#"id > "a\"b" and id <= "c\\\n""#
        );
        assert_eq!(written(KeyRange::ALL, KeyKind::VarChar), "id >= \"\"");
        assert_eq!(
            written(range(text("中𠮷"), text("\u{16fe2}")), KeyKind::VarChar),
            r#"id > "中\U00020BB7" and id <= "\U00016FE2""#
        );
        let plain = range(text("中𠮷"), None).expression("id", KeyKind::VarChar, Dialect::Lite);
        assert_eq!(plain, r#"id > "中𠮷""#);
    }
}
