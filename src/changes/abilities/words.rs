//! Words of Milvus's filter language: names of fields that a server refuses, and names that it takes
//! and no filter can use.
//!
//! Sources: the lexer of each line (`internal/parser/planparserv2/Plan.g4`) and what
//! `validateFieldName` and `validateReservedFieldNames` of `internal/proxy/util.go` refuse
//! (`pkg/common/keywords.go`), by the histories of the 2.4, 2.5, 2.6 and 3.0 branches. 2.5.27, 2.6.20
//! and 3.0.0 were asked for each word.

use super::{Abilities, Family, Release};
use crate::model::name::VIRTUAL_KEY;

/// What a server makes of a field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldName {
    /// A name like any other.
    Fine,
    /// A field may be called so, and no filter can name it.
    Unnamed,
    /// No field may be called so.
    Refused,
    /// A word of Milvus's filter language, at a server whose own language is not known.
    Unsure,
}

/// How a word is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    /// So.
    Exactly,
    /// In small letters or in capitals.
    SmallOrCapitals,
    /// In any mixture of them.
    Anyhow,
}

/// Words with one history.
struct Words {
    each: &'static [&'static str],
    written: Written,
    /// The releases whose lexer takes them for something else than a field: from one on, and in a
    /// line below another.
    unnamed: &'static [(Release, Option<Release>)],
    /// The first release that refuses them as names of fields.
    refused: Option<Release>,
}

/// From the first release that is known.
const ALWAYS: &[(Release, Option<Release>)] = &[((0, 0, 0), None)];

const WORDS: &[Words] = &[
    Words {
        each: &["like", "and", "or", "not", "in", "True", "False"],
        written: Written::Exactly,
        unnamed: ALWAYS,
        refused: Some((2, 4, 12)),
    },
    Words {
        each: &[
            "exists",
            "true",
            "false",
            "json_contains",
            "json_contains_all",
            "json_contains_any",
            "array_contains",
            "array_contains_all",
            "array_contains_any",
            "array_length",
        ],
        written: Written::SmallOrCapitals,
        unnamed: ALWAYS,
        refused: Some((2, 4, 12)),
    },
    // The lists of refused names forgot these.
    Words { each: &["LIKE"], written: Written::Exactly, unnamed: ALWAYS, refused: None },
    Words {
        each: &["IN"],
        written: Written::Exactly,
        unnamed: &[((2, 4, 14), None)],
        refused: None,
    },
    Words {
        each: &["AND", "OR", "NOT"],
        written: Written::Exactly,
        unnamed: &[((2, 5, 2), None)],
        refused: None,
    },
    Words {
        each: &["text_match"],
        written: Written::SmallOrCapitals,
        unnamed: &[((2, 5, 0), None)],
        refused: Some((2, 5, 8)),
    },
    Words {
        each: &["phrase_match"],
        written: Written::SmallOrCapitals,
        unnamed: &[((2, 5, 17), None)],
        refused: Some((2, 6, 0)),
    },
    Words {
        each: &["random_sample"],
        written: Written::SmallOrCapitals,
        unnamed: &[((2, 6, 0), None)],
        refused: Some((2, 6, 0)),
    },
    Words {
        each: &[
            "st_equals",
            "st_touches",
            "st_overlaps",
            "st_crosses",
            "st_contains",
            "st_intersects",
            "st_within",
            "st_dwithin",
        ],
        written: Written::SmallOrCapitals,
        unnamed: &[((2, 5, 18), Some((2, 6, 0))), ((2, 6, 3), None)],
        refused: None,
    },
    Words {
        each: &["interval", "iso"],
        written: Written::SmallOrCapitals,
        unnamed: &[((2, 6, 3), None)],
        refused: None,
    },
    Words {
        each: &["minimum_should_match"],
        written: Written::SmallOrCapitals,
        unnamed: &[((2, 6, 8), None)],
        refused: None,
    },
    Words {
        each: &[
            "match_all",
            "match_any",
            "match_least",
            "match_most",
            "match_exact",
            "threshold",
            "element_filter",
            "st_isvalid",
            "text_match_fuzzy",
        ],
        written: Written::SmallOrCapitals,
        unnamed: &[((3, 0, 0), None)],
        refused: None,
    },
    Words {
        each: &["null"],
        written: Written::Anyhow,
        unnamed: &[((3, 0, 0), None)],
        refused: Some((3, 0, 0)),
    },
    Words {
        // `validateReservedFieldNames` (internal/proxy/util.go), which looks into structs too.
        each: &[VIRTUAL_KEY, "RowID", "Timestamp"],
        written: Written::Exactly,
        unnamed: &[],
        refused: Some((3, 0, 0)),
    },
];

impl Words {
    fn has(&self, name: &str) -> bool {
        self.each.iter().any(|word| match self.written {
            Written::Exactly => name == *word,
            Written::SmallOrCapitals => name == *word || name == word.to_uppercase(),
            Written::Anyhow => name.eq_ignore_ascii_case(word),
        })
    }
}

impl Abilities {
    /// What the server makes of a field that is called so.
    pub fn field_name(&self, name: &str) -> FieldName {
        if matches!(self.family, Family::Lite2 | Family::Lite3) {
            let lower = name.to_lowercase();
            let word = WORDS.iter().any(|words| words.has(name) || words.has(&lower));
            return if word { FieldName::Unsure } else { FieldName::Fine };
        }
        let Some(words) = WORDS.iter().find(|words| words.has(name)) else {
            return FieldName::Fine;
        };
        let within = |(from, below): &(Release, Option<Release>)| {
            *from <= self.release && below.is_none_or(|below| self.release < below)
        };
        if words.refused.is_some_and(|from| from <= self.release) {
            FieldName::Refused
        } else if words.unnamed.iter().any(within) {
            FieldName::Unnamed
        } else {
            FieldName::Fine
        }
    }
}
