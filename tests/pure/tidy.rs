//! Rules of the repository, as tests: who may import whom, file sizes, what is forbidden where.
//!
//! Files are read as tokens, so that comments and strings are no code, and the code behind a test
//! is code. Which files there are, and which are of tests, comes from the module tree; which module
//! may import which from the table in `src/lib.rs`. `planted` breaks every rule on purpose.

mod code;
mod planted;
mod rules;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use tree::{Files, Tree};

/// The files of this repository.
static REPOSITORY: LazyLock<Tree> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Files::new();
    for folder in ["src", "tests", "benches", "examples", "proto"] {
        let before = files.len();
        rust_files(root, root.join(folder), &mut files);
        assert!(files.len() > before, "no files below {folder}");
    }
    Tree::of(files)
});

fn rust_files(root: &Path, folder: PathBuf, files: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(root, path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            files.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

fn holds(rule: fn(&Tree) -> Vec<String>) {
    let wrong = rule(&REPOSITORY);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_is_in_a_module() {
    holds(rules::every_file_is_in_a_module);
}

#[test]
fn the_table_is_of_the_modules() {
    holds(rules::the_table_is_of_the_modules);
}

#[test]
fn imports_point_one_way() {
    holds(rules::imports_point_one_way);
}

#[test]
fn what_belongs_to_a_module_stays_in_it() {
    holds(rules::what_belongs_to_a_module_stays_in_it);
}

#[test]
fn pure_modules_are_pure() {
    holds(rules::pure_modules_are_pure);
}

#[test]
fn nothing_panics_outside_tests() {
    holds(rules::nothing_panics);
}

#[test]
fn files_stay_small_and_have_a_purpose() {
    holds(rules::files_stay_small_and_have_a_purpose);
}
