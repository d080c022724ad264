//! Rules of the repository, as tests: who may import whom, file sizes, what is forbidden where.
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The top-level modules and what each may import; `lib.rs` says why.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    (
        "cli",
        &[
            "apply",
            "changes",
            "copy",
            "diagnostic",
            "env",
            "exit",
            "ledger",
            "milvus",
            "model",
            "planfile",
            "report",
            "secret",
            "verify",
        ],
    ),
    ("report", &["apply", "changes", "verify", "model"]),
    ("apply", &["verify", "copy", "changes", "ledger", "milvus", "model"]),
    ("verify", &["copy", "ledger", "milvus", "model"]),
    ("copy", &["ledger", "milvus", "model"]),
    ("changes", &["milvus", "model"]),
    ("ledger", &["model"]),
    ("planfile", &["model", "diagnostic"]),
    ("milvus", &["model", "secret"]),
    ("model", &[]),
    ("secret", &[]),
    ("diagnostic", &[]),
    ("exit", &[]),
    ("env", &[]),
];

/// Parts of a module with a stricter rule than the whole.
const MAY_IMPORT_INSIDE: &[(&str, &[&str])] = &[
    ("changes/abilities.rs", &["model"]),
    ("changes/abilities/index_tables.rs", &["model"]),
    ("changes/abilities/limits.rs", &["model"]),
    ("changes/abilities/tables.rs", &["model"]),
    ("changes/diff.rs", &["model"]),
    ("changes/indexes.rs", &["model"]),
    ("changes/policy.rs", &["model"]),
    ("changes/preflight.rs", &["model"]),
    ("changes/preflight/left_behind.rs", &["model"]),
    ("changes/preflight/names.rs", &["model"]),
    ("changes/preflight/room.rs", &["model"]),
    ("changes/preflight/schema.rs", &["model"]),
    ("changes/preflight/sizes.rs", &["model"]),
    ("changes/wanted.rs", &["model"]),
];

/// Hard upper bound of a file's lines; the aim is 400.
const MOST_LINES: usize = 500;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder, by its path relative to it.
fn rust_files(folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                files.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    assert!(!files.is_empty(), "no files below {}", folder.display());
    files
}

/// A file's text without its tests.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap()
}

/// The top-level modules that a text names through `crate::`.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for (position, _) in line.match_indices("crate::") {
            let rest = &line[position + "crate::".len()..];
            if let Some(list) = rest.strip_prefix('{') {
                let list = list.split('}').next().unwrap();
                found.extend(list.split(',').map(|item| first_word(item.trim())));
            } else {
                found.push(first_word(rest));
            }
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn is_test_file(name: &str) -> bool {
    ["/tests.rs", "/samples.rs"].iter().any(|end| name.ends_with(end)) || name.contains("/tests/")
}

#[test]
fn imports_point_one_way() {
    let mut wrong = Vec::new();
    for (name, text) in rust_files(&root().join("src")) {
        let module = name.split(['/', '.']).next().unwrap();
        if ["main", "lib"].contains(&module) || is_test_file(&name) {
            continue;
        }
        let whole = MAY_IMPORT.iter().find(|(of, _)| *of == module);
        let inside = MAY_IMPORT_INSIDE.iter().find(|(of, _)| *of == name);
        let (_, allowed) =
            inside.or(whole).unwrap_or_else(|| panic!("{name} is in no module that is listed"));
        for import in imports(without_tests(&text)) {
            if import != module && !allowed.contains(&import.as_str()) {
                wrong.push(format!("src/{name} imports {import}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_listed_modules_are_those_of_the_crate() {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let declared: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let mut listed: Vec<&str> = MAY_IMPORT.iter().map(|(name, _)| *name).collect();
    listed.sort_unstable();
    assert_eq!(declared, listed);
}

#[test]
fn what_belongs_to_one_module_stays_in_it() {
    let mut wrong = Vec::new();
    for (name, text) in rust_files(&root().join("src")) {
        let text = without_tests(&text);
        let module = name.split(['/', '.']).next().unwrap();
        let only = |owners: &[&str], words: &[&str]| {
            let found = words.iter().find(|word| text.contains(**word));
            match found {
                Some(word) if !owners.contains(&module) && !is_test_file(&name) => {
                    vec![format!("src/{name} uses {word}, which belongs to {owners:?}")]
                }
                _ => Vec::new(),
            }
        };
        wrong.extend(only(&["milvus"], &["prost::", "tonic::", "pb::"]));
        wrong.extend(only(&["planfile"], &["toml::", "minijinja::", "jsonschema::"]));
        // The formats of files are made from the types that hold them.
        wrong.extend(only(&["planfile", "report", "verify", "model"], &["schemars::"]));
        wrong.extend(only(
            &["cli", "report"],
            &["println!", "eprintln!", "io::stdout", "io::stderr"],
        ));
        wrong.extend(only(&["env"], &["std::env::var"]));
        wrong.extend(only(&["ledger"], &["rusqlite::"]));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_stay_small_and_have_a_purpose() {
    let mut wrong = Vec::new();
    for folder in ["src", "tests", "examples", "proto"] {
        for (name, text) in rust_files(&root().join(folder)) {
            let lines = text.lines().count();
            if lines > MOST_LINES {
                wrong.push(format!("{folder}/{name} has {lines} lines"));
            }
            let file = name.rsplit('/').next().unwrap();
            if ["utils.rs", "util.rs", "helpers.rs", "common.rs", "misc.rs", "types.rs"]
                .contains(&file)
            {
                wrong.push(format!("{folder}/{name} has a name that says nothing"));
            }
            let described = text.starts_with("//!") || is_test_file(&name);
            if !described {
                wrong.push(format!("{folder}/{name} does not say what it is for"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_panics_outside_tests() {
    let mut wrong = Vec::new();
    for (name, text) in rust_files(&root().join("src")) {
        if is_test_file(&name) {
            continue;
        }
        for word in [".unwrap()", ".expect(", "panic!(", "todo!(", "unimplemented!("] {
            for line in without_tests(&text).lines() {
                if line.contains(word) && !line.trim_start().starts_with("//") {
                    wrong.push(format!("src/{name}: {}", line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
