//! Files that are made from the code are up to date. `UPDATE=1 cargo test --test generated`
//! rewrites them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::fs;

mod generated {
    pub(crate) mod carried;
}

fn check(path: &str, wanted: &str) {
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, wanted).unwrap();
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == wanted,
        "{path} is stale; rewrite it with `UPDATE=1 cargo test --test generated`"
    );
}

#[test]
fn plan_schema() {
    let schema = milvus_ferry::planfile::published_schema();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    check("schema/plan.schema.json", &format!("{schema:#}\n"));
}

#[test]
fn report_schema() {
    let schema = milvus_ferry::report::document::published_schema();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    check("schema/report.schema.json", &format!("{schema:#}\n"));
}

#[test]
fn changes_schema() {
    let schema = milvus_ferry::report::plan::document::published_schema();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    check("schema/changes.schema.json", &format!("{schema:#}\n"));
}

/// The part of the README that says which server holds what.
#[test]
fn carried() {
    const BEGIN: &str = "<!-- carried: written by `UPDATE=1 cargo test --test generated` -->\n";
    const END: &str = "<!-- end of carried -->";
    let readme = fs::read_to_string("README.md").unwrap();
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let tables = generated::carried::tables();
    check("README.md", &format!("{before}{BEGIN}\n{tables}\n{END}{after}"));
}
