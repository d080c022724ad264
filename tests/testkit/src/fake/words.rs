//! Words of the filter language: those that no field may be called, and those that a filter takes
//! for something else than a field.

use super::profile::Version;

/// `common.FieldNameKeywords` (`pkg/common/keywords.go`), which `validateFieldName`
/// (`internal/proxy/util.go`) refuses with 1701 from 2.4.12 on; each as it is written here.
const REFUSED: [&str; 27] = [
    "like",
    "exists",
    "EXISTS",
    "and",
    "or",
    "not",
    "in",
    "json_contains",
    "JSON_CONTAINS",
    "json_contains_all",
    "JSON_CONTAINS_ALL",
    "json_contains_any",
    "JSON_CONTAINS_ANY",
    "array_contains",
    "ARRAY_CONTAINS",
    "array_contains_all",
    "ARRAY_CONTAINS_ALL",
    "array_contains_any",
    "ARRAY_CONTAINS_ANY",
    "array_length",
    "ARRAY_LENGTH",
    "true",
    "True",
    "TRUE",
    "false",
    "False",
    "FALSE",
];

/// What is a keyword to `validateFieldName`; 3.0 refuses `null` in any case (`IsFieldNameKeyword`).
pub fn is_refused(version: Version, name: &str) -> bool {
    let either = |words: &[&str]| words.iter().any(|word| is_either(word, name));
    version >= (2, 4, 12) && REFUSED.contains(&name)
        || version >= (2, 5, 8) && either(&["text_match"])
        || version >= (2, 6, 0) && either(&["phrase_match", "random_sample"])
        || version >= (3, 0, 0) && name.eq_ignore_ascii_case("null")
}

/// What the lexer takes for a token of its own (`internal/parser/planparserv2/Plan.g4`): a filter
/// that names such a field cannot be parsed.
pub fn is_token(version: Version, name: &str) -> bool {
    let either = |words: &[&str]| words.iter().any(|word| is_either(word, name));
    let geometry = [
        "st_equals",
        "st_touches",
        "st_overlaps",
        "st_crosses",
        "st_contains",
        "st_intersects",
        "st_within",
        "st_dwithin",
    ];
    REFUSED.contains(&name)
        || name == "LIKE"
        || version >= (2, 4, 14) && name == "IN"
        || version >= (2, 5, 0) && either(&["text_match"])
        || version >= (2, 5, 2) && ["AND", "OR", "NOT"].contains(&name)
        || version >= (2, 5, 17) && either(&["phrase_match"])
        || version >= (2, 5, 18) && either(&geometry)
        || version >= (2, 6, 0) && either(&["random_sample"])
        || version >= (2, 6, 3) && either(&["interval", "iso"])
        || version >= (2, 6, 8) && either(&["minimum_should_match"])
        || version >= (3, 0, 0)
            && either(&[
                "match_all",
                "match_any",
                "match_least",
                "match_most",
                "match_exact",
                "threshold",
                "element_filter",
                "st_isvalid",
                "text_match_fuzzy",
            ])
}

/// In small letters or in capitals, and not in both.
fn is_either(word: &str, name: &str) -> bool {
    name == word || name == word.to_uppercase()
}
