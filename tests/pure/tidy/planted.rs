//! Every rule is broken on purpose, in a small tree of files: it finds exactly the lines that end in
//! `//~ what it says`, and not what only looks like them.

use super::rules;
use super::tree::{Files, Tree};

/// A tree that breaks no rule.
const SOUND: &[(&str, &str)] = &[
    (
        "src/lib.rs",
        r"//! A program.
//!
//! | module | holds | may use |
//! |---|---|---|
//! | [`cli`] | commands | everything |
//! | [`changes`] | changes | [`milvus`] (inspect only), [`model`] |
//! | [`milvus`] | the client | [`model`] |
//! | [`model`], [`mod@env`] | values | nothing of ours |
pub mod changes;
pub mod cli;
pub mod env;
pub mod milvus;
pub mod model;
",
    ),
    ("src/main.rs", "//! The program.\nfn main() { milvus_ferry::cli::run() }\n"),
    ("src/changes.rs", "//! Changes.\npub mod inspect;\nmod diff;\n#[cfg(test)]\nmod tests;\n"),
    ("src/changes/diff.rs", "//! Differences.\nuse crate::model::Row;\n"),
    ("src/changes/inspect.rs", "//! Inspection.\nuse crate::{milvus::Client, model};\n"),
    ("src/changes/tests.rs", "use super::super::cli;\nfn a() { x.unwrap() }\n"),
    ("src/cli.rs", "//! Commands.\nuse crate::{changes, milvus as client};\n"),
    ("src/env.rs", "//! Variables.\nfn v() { std::env::var(\"A\") }\n"),
    ("src/milvus.rs", "//! The client.\nmod pb {}\nuse pb::Row;\nuse tonic::Status;\n"),
    ("src/model.rs", "//! Values.\n"),
    ("tests/all/main.rs", "//! Tests.\nmod area;\n"),
    ("tests/all/area.rs", "//! An area.\n"),
];

const RULES: &[fn(&Tree) -> Vec<String>] = &[
    rules::every_file_is_in_a_module,
    rules::the_table_is_of_the_modules,
    rules::imports_point_one_way,
    rules::what_belongs_to_a_module_stays_in_it,
    rules::pure_modules_are_pure,
    rules::nothing_panics,
    rules::files_stay_small_and_have_a_purpose,
];

/// The sound tree with other or more files.
fn with(changed: &[(&str, &str)]) -> Files {
    let files = SOUND.iter().chain(changed);
    files.map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

/// Lines that end in `//~ what`, in the form of what the rules say.
fn marked(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    for (file, text) in files {
        for (line, text) in (1..).zip(text.lines()) {
            let marks = text.split("//~ ").skip(1);
            found.extend(marks.map(|what| format!("{file}:{line}: {}", what.trim())));
        }
    }
    found.sort();
    found
}

/// A rule finds what is marked, and nothing else.
#[track_caller]
fn finds(rule: fn(&Tree) -> Vec<String>, changed: &[(&str, &str)]) {
    let files = with(changed);
    let planted = marked(&files);
    assert!(!planted.is_empty(), "nothing is planted");
    let mut found = rule(&Tree::of(files));
    found.sort();
    assert_eq!(found, planted);
}

#[test]
fn a_sound_tree_breaks_no_rule() {
    for rule in RULES {
        assert_eq!(rule(&Tree::of(with(&[]))), Vec::<String>::new());
    }
}

#[test]
fn code_behind_and_between_tests_is_code() {
    let text = r#####"//! Values.
#[cfg(test)]
use std::fmt::{self, Debug};
fn after_a_use() { a.unwrap() } //~ unwrap panics
#[cfg(test)]
#[allow(dead_code, reason = "x")]
pub(crate) const fn only_in_tests() -> [u8; 2] { b.unwrap() }
fn after_a_function() { a.expect("why") } //~ expect panics
#[cfg(test)]
const TABLE: &[Row] = &[Row { a: 1 }, Row { a: b.unwrap() }];
static TABLE: Row = Row { a: b.unwrap() }; //~ unwrap panics
#[cfg(test)]
struct Unit;
struct Other { a: [u8; x.unwrap()] } //~ unwrap panics
impl Other {
    #[cfg(test)]
    fn only_in_tests(&self) -> impl Fn() { b.unwrap() }
    fn after_a_method(&self) { a.unwrap_err() } //~ unwrap_err panics
    fn within(&self) {
        #[cfg(test)]
        let seen = Row { a: b.unwrap() };
        if let Some(x) = a.unwrap() {} //~ unwrap panics
    }
}
#[cfg(test)]
mod tests {
    #[test]
    fn a() { b.unwrap(); panic!("{}", "}"); }
    mod more { fn a() { b.unwrap() } }
}
fn after_a_module() { todo!() } //~ todo panics
#[cfg(all(unix, test))]
fn only_in_tests() { b.unwrap() }
#[cfg(any(unix, test))]
fn not_only_in_tests() { a.unwrap() } //~ unwrap panics
#[cfg(not(test))]
fn never_in_tests() { a.unwrap() } //~ unwrap panics
mod inner {
    #[cfg(test)]
    mod tests;
    fn in_a_module() { a.iter().map(Option::unwrap) } //~ unwrap panics
}
mod whole { #![cfg(test)] fn a() { b.unwrap() } }
macro_rules! made { () => { unreachable!() } } //~ unreachable panics
"#####;
    let tests = "fn a() { b.unwrap() }\n";
    finds(rules::nothing_panics, &[("src/model.rs", text), ("src/model/inner/tests.rs", tests)]);
}

#[test]
fn words_that_are_no_code_are_not_found() {
    let text = r#####"//! `a.unwrap()`, [`crate::cli`], println!("x")
/// ```
/// crate::cli::run().unwrap();
/// ```
/* panic!() /* crate::cli */ x.unwrap() */
#[doc = "crate::cli::run"]
fn a(unwrap: u8, expect: u8) { // a.unwrap()
    let texts = ["x.unwrap()", r#"panic!("crate::cli") "#, b"todo!()", 'a', '"', "\"", '\''];
    let lifetime: &'static str = "#[cfg(test)]"; x.unwrap(); //~ unwrap panics
    (unwrap, x.unwrap, x.unwrap_or(1), x != (panic), std::panic::catch_unwind(x))
}
"#####;
    finds(rules::nothing_panics, &[("src/model.rs", text)]);
    let imports = format!("{text}use crate::cli; //~ imports cli\n");
    let imports = imports.replace(" //~ unwrap panics", "");
    finds(rules::imports_point_one_way, &[("src/model.rs", &imports)]);
}

#[test]
fn imports_are_found_in_every_form() {
    let text = r#"//! The client.
use crate::{
    model::{Row, Key},
    changes, //~ imports changes
    cli::{self, run, deep::{a, b as c}}, //~ imports cli
};
mod pb { use super::super::cli::run; } //~ imports cli
mod other {
    use super::{pb, model};
    mod deeper { fn a() { super::super::super::cli::run() } } //~ imports cli
    #[cfg(test)]
    mod tests { use crate::cli::run; }
}
fn a(x: crate::cli::Run) -> Vec<crate::changes::Change> { //~ imports cli //~ imports changes
    tracing::info!("{}", crate::cli::run()); //~ imports cli
    crate::cli::made!(); //~ imports cli
    match x { self::super::cli::Run { .. } => 1..crate::cli::LAST } //~ imports cli
}
#[cfg(test)]
mod tests {}
pub use super::cli; //~ imports cli
use crate as everything; //~ imports the root
use crate::*; //~ imports *
#[serde(default, with = "crate::cli::form", rename = "crate: cli")] //~ imports cli
struct Own { own: super::milvus::Own, model: crate::model::Row, cli: cli::Run }
pub(in crate::milvus) fn own() -> impl Sized + use<> { crate_cli() }
"#;
    finds(rules::imports_point_one_way, &[("src/milvus.rs", text)]);
}

#[test]
fn imports_of_the_roots_and_of_new_files_are_found() {
    let diff = "//! Differences.\nmod new;\nuse crate::milvus::Client; //~ imports milvus\n";
    let new = "//! New.\nuse super::super::super::milvus::Client; //~ imports milvus\n";
    let main = "//! The program.\nuse milvus_ferry::milvus::Client; //~ imports milvus\n";
    finds(
        rules::imports_point_one_way,
        &[("src/changes/diff.rs", diff), ("src/changes/diff/new.rs", new), ("src/main.rs", main)],
    );
    let root = format!("{}pub use model::Row; //~ imports model\n", SOUND[0].1);
    finds(rules::imports_point_one_way, &[("src/lib.rs", &root)]);
}

#[test]
fn the_table_and_the_modules_are_compared() {
    let sound = SOUND[0].1;
    let more = format!("{sound}pub mod ledger;\n");
    let lacking = more.replace("A program.", "//~ the table lacks `ledger`");
    let files = [("src/lib.rs", lacking.as_str()), ("src/ledger.rs", "//! Records.\n")];
    finds(rules::the_table_is_of_the_modules, &files);

    let gone = sound.replace("pub mod env;\n", "");
    let found = rules::the_table_is_of_the_modules(&Tree::of(with(&[("src/lib.rs", &gone)])));
    assert_eq!(found, ["src/lib.rs:8: `env` is no module"]);

    let unreadable = sound.replace("ours |", "ours | //~ this row of the table cannot be read");
    let none = "pub mod model; //~ has no table of modules\n";
    for rule in [rules::the_table_is_of_the_modules, rules::imports_point_one_way] {
        finds(rule, &[("src/lib.rs", &unreadable)]);
        finds(rule, &[("src/lib.rs", none)]);
    }
}

#[test]
fn strangers_in_a_module_are_found() {
    let text = r#"//! Values.
#[cfg(test)]
mod tests;
use prost::Message; //~ uses prost, which belongs to milvus
use {std::fmt, tonic as wire}; //~ uses tonic, which belongs to milvus
fn a(toml: toml::Value, b: &minijinja::Value<'_>) { //~ uses toml, which belongs to planfile //~ uses minijinja, which belongs to planfile
    print!("{toml}"); //~ uses print!, which belongs to cli, report
    let out = std::io::stdout(); //~ uses io::stdout, which belongs to cli, report
    use std::io::{self, stderr}; //~ uses io::stderr, which belongs to cli, report
    std::env::var_os("A"); //~ uses env::var_os, which belongs to env
    <crate::milvus::pb::Row as x::y>::z(); //~ uses milvus::pb, which belongs to milvus
    let toml = rusqlite(a.toml(), writeln!(out), a.tonic, std::env::args());
}
"#;
    let tests = ("src/model/tests.rs", "use toml::Value;\nfn a() { println!() }\n");
    finds(rules::what_belongs_to_a_module_stays_in_it, &[("src/model.rs", text), tests]);
}

#[test]
fn impure_modules_are_found() {
    let diff = r#"//! Differences.
#[cfg(test)]
use std::fs;
use super::inspect::State; //~ uses changes::inspect in a pure module
use std::{fmt, fs::File}; //~ uses std::fs in a pure module
fn a() { crate::changes::inspect::all(std::time::Instant::now()) } //~ uses Instant::now in a pure module //~ uses changes::inspect in a pure module
"#;
    let changes = "//! Changes.\npub mod inspect;\nmod diff;\nfn a() { inspect::all() } //~ uses changes::inspect in a pure module\n";
    let inspect = "//! Inspection.\nuse std::fs;\nfn a() { super::inspect::all() }\n";
    finds(
        rules::pure_modules_are_pure,
        &[
            ("src/changes.rs", changes),
            ("src/changes/diff.rs", diff),
            ("src/changes/inspect.rs", inspect),
        ],
    );
}

#[test]
fn files_without_a_module_are_found() {
    let lost = [
        ("src/changes/lost.rs", "//~ is in no module\n"),
        ("tests/all/lost/main_part.rs", "//~ is in no module\n"),
        ("src/model.rs", "//! Values.\nmod gone; //~ no file of `mod gone`\nmod part;\n"),
        ("src/model/part/mod.rs", "mod deep;\nmod inline { mod deeper; }\n"),
        ("src/model/part/deep.rs", "fn a() { mod hidden {} } //~ a module inside of a block\n"),
        ("src/model/part/inline/deeper.rs", "\n"),
        ("tests/all/area.rs", "#[path = \"../shared/one.rs\"]\nmod one;\n"),
        ("tests/shared/one.rs", "mod two;\n"),
        ("tests/shared/two.rs", "\n"),
    ];
    finds(rules::every_file_is_in_a_module, &lost);
}

#[test]
fn files_that_cannot_be_read_are_found() {
    let found = |text| rules::every_file_is_in_a_module(&Tree::of(with(&[("src/model.rs", text)])));
    let wrong = found("//! Values.\nfn a() { \"\n");
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    assert!(wrong[0].starts_with("src/model.rs:2: cannot be read"), "{wrong:?}");
}

#[test]
fn files_without_purpose_or_measure_are_found() {
    let long = format!("//! Long.\n{}", "\n".repeat(500));
    let full = format!("//! Full.\n{}", "\n".repeat(499));
    let files = with(&[
        ("src/model.rs", "mod helpers;\n#[cfg(test)]\nmod samples;\nmod tests;\n"),
        ("src/model/helpers.rs", "//! Help.\n"),
        ("src/model/samples.rs", "fn sample() {}\n"),
        ("src/model/tests.rs", "fn not_only_in_tests() {}\n"),
        ("tests/all/area.rs", "fn test() {}\n"),
        ("tests/all/main.rs", &long),
        ("src/env.rs", &full),
    ]);
    assert_eq!(
        rules::files_stay_small_and_have_a_purpose(&Tree::of(files)),
        [
            "src/model.rs:1: does not say what it is for",
            "src/model/helpers.rs:1: has a name that says nothing",
            "src/model/tests.rs:1: does not say what it is for",
            "tests/all/area.rs:1: does not say what it is for",
            "tests/all/main.rs:500: is one of 501 lines",
        ]
    );
}
