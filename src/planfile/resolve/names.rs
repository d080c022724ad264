//! Rules about names: of collections and databases, of runs, and globs of names.

use globset::{GlobBuilder, GlobMatcher};

use crate::diagnostic::Diagnostic;
pub(in crate::planfile) use crate::model::name::fault;
use crate::model::name::{RESERVED_FIELDS, VIRTUAL_KEY, fault_allowing};

const HELP: &str =
    "names have letters, digits and `_`, begin with a letter or `_`, and have at most 255 bytes";

/// A name for trying templates where no source collection is known.
pub(in crate::planfile) const SAMPLE: &str = "collection";

/// A finding about a name, if anything is wrong with it.
pub(super) fn finding(name: &str) -> Option<Diagnostic> {
    fault(name)
        .map(|fault| Diagnostic::error("invalid_name", format!("this name {fault}")).help(HELP))
}

/// A finding about a name at the source, if no server can have it. Some have hyphens and dollar signs
/// (Milvus Lite 3, Milvus 2.6); whether the target takes them is for the target to say.
pub(super) fn of_source(name: &str) -> Option<Diagnostic> {
    fault_allowing(name, |c| matches!(c, '-' | '$'))
        .map(|fault| Diagnostic::error("invalid_name", format!("this name {fault}")).help(HELP))
}

/// A finding about a new name of a field, if anything is wrong with it.
pub(super) fn new_field_finding(name: &str) -> Option<Diagnostic> {
    if RESERVED_FIELDS.contains(&name) || name == VIRTUAL_KEY {
        let message = format!("Milvus keeps the name `{name}` for itself");
        return Some(Diagnostic::error("reserved_name", message).help("choose another one"));
    }
    finding(name)
}

/// A finding about the name of a field at the source, if it can have none of that name.
pub(super) fn source_field_finding(name: &str) -> Option<Diagnostic> {
    if RESERVED_FIELDS.contains(&name) {
        let message = format!("`{name}` is Milvus's own, and no field that a plan file can change");
        let finding = Diagnostic::error("reserved_name", message);
        return Some(match name {
            "$meta" => finding.help("`dynamic_field` says what becomes of the dynamic field"),
            _ => finding,
        });
    }
    of_source(name)
}

/// Whether a text is safe as the stem of a file's name.
pub(in crate::planfile) fn is_file_stem(text: &str) -> bool {
    text.len() <= 100
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

/// Whether a `source` is a glob.
pub(in crate::planfile) fn is_glob(source: &str) -> bool {
    source.contains(['*', '?', '['])
}

/// A glob of names, or why it is none.
pub(super) fn glob(pattern: &str) -> Result<GlobMatcher, &'static str> {
    if pattern.is_empty() {
        return Err("is empty");
    }
    // Braces and backslashes mean something to the glob library and nothing in a plan file.
    if pattern.contains(|c: char| !(c.is_ascii_alphanumeric() || "_*?[]-!$".contains(c))) {
        return Err("has characters other than letters, digits, `_`, `*`, `?` and `[…]`");
    }
    GlobBuilder::new(pattern)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|_| "has a `[` without its `]`, or a range that runs backwards")
}

/// A finding about a glob, if anything is wrong with it.
pub(super) fn glob_finding(pattern: &str) -> Option<Diagnostic> {
    glob(pattern).err().map(|fault| {
        Diagnostic::error("invalid_glob", format!("this glob {fault}"))
            .help("`*` stands for any characters, `?` for one, `[abc]` and `[a-z]` for one of some")
    })
}

/// A name that a source may have: the name itself, or one that fits the glob.
pub(in crate::planfile) fn sample_name(source: &str) -> String {
    let mut sample = String::new();
    let mut rest = source.chars();
    while let Some(c) = rest.next() {
        match c {
            '*' => sample.push_str("sample"),
            '?' => sample.push('x'),
            '[' => {
                let class: String = rest.by_ref().take_while(|c| *c != ']').collect();
                let negated = class.strip_prefix(['!', '^']);
                sample.push(match negated {
                    Some(excluded) => ('a'..='z').find(|c| !excluded.contains(*c)).unwrap_or('_'),
                    None => class.chars().next().unwrap_or('x'),
                });
            }
            other => sample.push(other),
        }
    }
    sample
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_may_have_names_that_only_targets_refuse() {
        for name in ["my-products", "a$b"] {
            assert!(of_source(name).is_none() && finding(name).is_some(), "{name}");
        }
        for name in ["", "-a", "1st", "a b", "a.b", "a/b", "a\n", &"a".repeat(256)] {
            assert!(of_source(name).is_some(), "{name:?}");
        }
    }

    #[test]
    fn file_stems() {
        for name in ["catalog", "a.b-c_d", "2026"] {
            assert!(is_file_stem(name), "{name}");
        }
        for name in ["", ".", "..", ".hidden", "-rf", "a/b", "a\\b", "ä", "a b"] {
            assert!(!is_file_stem(name), "{name}");
        }
    }

    #[test]
    fn globs_and_names_that_fit_them() {
        for pattern in ["*", "prod_*", "p?_*x", "[ab]_*", "[!a]*", "[a-f]x"] {
            let name = sample_name(pattern);
            assert!(glob(pattern).unwrap().is_match(&name), "{pattern} {name}");
            assert_eq!(fault(&name), None);
        }
        for pattern in ["", "[a", "{a,b}*", "a\\*", "a/b*", "[z-a]"] {
            assert!(glob(pattern).is_err(), "{pattern}");
        }
        assert_eq!(sample_name("exact"), "exact");
    }
}
