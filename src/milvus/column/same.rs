//! Whether two forms are one value: servers write JSON anew, give instants in a time zone of their
//! own and geometries with other spaces. What is not surely the same is not.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::milvus::convert::moment;
use crate::model::DataType;

/// Whether two values of a type, in canonical form, are the same in another form.
pub(super) fn same(data_type: DataType, one: &[u8], other: &[u8]) -> bool {
    let of_texts = |same: fn(&str, &str) -> bool| {
        let texts = (std::str::from_utf8(one), std::str::from_utf8(other));
        matches!(texts, (Ok(one), Ok(other)) if same(one, other))
    };
    match data_type {
        DataType::JSON => of_texts(same_json),
        DataType::TIMESTAMPTZ => of_texts(same_instant),
        DataType::GEOMETRY => of_texts(same_geometry),
        _ => false,
    }
}

/// Spaces, the order of keys, escapes and the form of numbers aside.
fn same_json(one: &str, other: &str) -> bool {
    let parsed = |text: &str| {
        // Parsed as it is, a number would be rounded: that it is JSON is all that this tells.
        serde_json::from_str::<Json>(text).ok()?;
        serde_json::from_str::<Json>(&with_marked_numbers(text)?).ok()
    };
    matches!((parsed(one), parsed(other)), (Some(one), Some(other)) if one == other)
}

fn same_instant(one: &str, other: &str) -> bool {
    matches!((moment::micros(one), moment::micros(other)), (Some(one), Some(other)) if one == other)
}

/// Coordinates are doubles.
fn same_geometry(one: &str, other: &str) -> bool {
    let (one, other) = (words(one), words(other));
    !one.is_empty() && one == other
}

/// JSON with texts instead of its numbers, equal where the numbers are, and other than all texts.
fn with_marked_numbers(json: &str) -> Option<String> {
    let mut out = String::with_capacity(json.len() * 2);
    let mut rest = json;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => {
                let length = text_length(rest)?;
                out.push_str("\"t");
                out.push_str(&rest[1..length]);
                length
            }
            '-' | '0'..='9' => {
                let is_of_number =
                    |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
                let length = rest.find(|c| !is_of_number(c)).unwrap_or(rest.len());
                let _ = write!(out, "\"n{}\"", exactly(&rest[..length])?);
                length
            }
            other => {
                out.push(other);
                other.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    Some(out)
}

/// Bytes of the text that something begins with, quotes included.
fn text_length(json: &str) -> Option<usize> {
    let mut escaped = false;
    let end = json.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    Some(end + 2)
}

/// A number in the one form that it has: its digits, and where the point is among them. A whole
/// number is none with a fraction of 0: servers tell them apart.
fn exactly(number: &str) -> Option<String> {
    if !number.contains(['.', 'e', 'E']) {
        return Some(number.to_owned());
    }
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (number, 0),
    };
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    let dropped = i64::try_from(digits.len() - significant.len()).ok()?;
    let places = i64::try_from(fraction.len()).ok()?;
    let exponent = exponent.checked_sub(places)?.checked_add(dropped)?;
    match significant.trim_start_matches('0') {
        "" => Some(format!("{sign}0e0")),
        digits => Some(format!("{sign}{digits}e{exponent}")),
    }
}

/// The words of a WKT, each number by its bits.
fn words(wkt: &str) -> Vec<Cow<'_, str>> {
    let is_mark = |c: char| matches!(c, '(' | ')' | ',');
    let mut words = Vec::new();
    for word in wkt.split(char::is_whitespace) {
        for part in word.split_inclusive(is_mark) {
            let (word, mark) = part.split_at(part.trim_end_matches(is_mark).len());
            words.extend((!word.is_empty()).then(|| canonical_word(word)));
            words.extend((!mark.is_empty()).then_some(Cow::Borrowed(mark)));
        }
    }
    words
}

fn canonical_word(word: &str) -> Cow<'_, str> {
    match word.parse::<f64>() {
        Ok(number) if number.is_finite() => Cow::Owned(format!("{:x}", number.to_bits())),
        _ => Cow::Owned(word.to_ascii_uppercase()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn json_is_the_same_whatever_its_spaces_keys_and_forms_of_numbers() {
        for (one, other) in [
            (r#"{"a":1,"b":[1.5,"x"]}"#, r#" { "b" : [ 1.50, "x" ], "a" : 1 } "#),
            ("[9007199254740993]", "[ 9007199254740993]"),
            ("[1e5, 0.0, -0.0, 1E-7]", "[100000.0,0.00,-0e9,0.0000001]"),
            (r#""\u00e9\"""#, r#""é\"""#),
        ] {
            assert!(same_json(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("[9007199254740993]", "[9007199254740992]"),
            ("[0.1]", "[0.10000000000000000001]"),
            // Each of these numbers is in both, and rounded they are the same.
            (r#"{"a":0.1,"b":0.10000000000000000001}"#, r#"{"a":0.10000000000000000001,"b":0.1}"#),
            ("[1]", "[1.0]"),
            ("[0.0]", "[-0.0]"),
            ("[1]", r#"["n1"]"#),
            (r#"["1 \"2"]"#, r#"["1 \"3"]"#),
            ("[1, 2]", "[2, 1]"),
            ("[1]", "[1"),
            ("[01]", "[01 ]"),
            ("[1]", "[true]"),
        ] {
            assert!(!same_json(one, other), "{one} {other}");
        }
    }

    #[test]
    fn an_instant_is_the_same_in_every_time_zone() {
        assert!(same_instant("2026-01-01T00:00:00Z", "2026-01-01T08:00:00.000+08:00"));
        assert!(!same_instant("2026-01-01T00:00:00Z", "2026-01-01T00:00:00+08:00"));
        assert!(!same_instant("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000001Z"));
        assert!(!same_instant("soon", "soon "));
    }

    #[test]
    fn a_geometry_is_the_same_whatever_its_spaces_and_forms_of_numbers() {
        for other in ["POINT(1 2.5)", "Point ( 1.0  2.50 )", "POINT (1e0 2.5)"] {
            assert!(same_geometry("POINT (1 2.5)", other), "{other}");
        }
        for other in ["POINT (1 2.5000001)", "POINT (2.5 1)", "POINT (12.5)", "POINT (1, 2.5)", ""]
        {
            assert!(!same_geometry("POINT (1 2.5)", other), "{other}");
        }
        // Numbers beyond all doubles are those that are written, and not one infinity.
        assert!(!same_geometry("POINT (1e400 1)", "POINT (1e500 1)"));
        let polygons = ["POLYGON ((0 0, 1 0, 1 1, 0 0))", "POLYGON((0 0,1 0,1 1,0 0))"];
        assert!(same_geometry(polygons[0], polygons[1]));
    }

    /// Values that are kept exactly when they are parsed.
    fn json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<u64>().prop_map(Json::from),
            any::<f64>().prop_filter_map("no JSON", |number| {
                serde_json::Number::from_f64(number).map(Json::Number)
            }),
            "\\PC{0,8}".prop_map(Json::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                prop::collection::vec(("[a-c\"\\\\]{0,2}", inner), 0..4)
                    .prop_map(|pairs| Json::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_anew_is_the_same_and_nothing_else_is(one in json(), other in json()) {
            let (text, pretty) = (one.to_string(), serde_json::to_string_pretty(&one).unwrap());
            prop_assert!(same_json(&text, &pretty));
            prop_assert_eq!(same_json(&text, &other.to_string()), one == other);
        }

        #[test]
        fn any_bytes_are_no_reason_to_stop(one in any::<Vec<u8>>(), text in "[\\[\\]{}\",:0-9eE.+\\-\\\\tn ]{0,20}") {
            for data_type in [DataType::JSON, DataType::TIMESTAMPTZ, DataType::GEOMETRY] {
                let _ = same(data_type, &one, text.as_bytes());
                let _ = same(data_type, text.as_bytes(), text.as_bytes());
            }
        }
    }
}
