//! Files that are made from the code are up to date. `UPDATE=1 cargo test --test pure generated`
//! rewrites them.

use std::fs;
use std::sync::{Mutex, PoisonError};

mod carried;
mod keys;

fn check(path: &str, wanted: &str) {
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, wanted).unwrap();
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == wanted,
        "{path} is stale; rewrite it with `UPDATE=1 cargo test --test pure generated`"
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

#[test]
fn rehearsal_schema() {
    let schema = milvus_ferry::report::rehearsal::document::published_schema();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    check("schema/rehearsal.schema.json", &format!("{schema:#}\n"));
}

/// Two parts of the README are two tests, and each reads and writes the whole file.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Rewrites a part of the README.
fn check_part(name: &str, part: &str) {
    let begin =
        format!("<!-- {name}: written by `UPDATE=1 cargo test --test pure generated` -->\n");
    let end = format!("<!-- end of {name} -->");
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let readme = fs::read_to_string("README.md").unwrap();
    let (before, rest) = readme.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    check("README.md", &format!("{before}{begin}\n{part}\n\n{end}{after}"));
}

/// The part of the README that says which server holds what.
#[test]
fn carried() {
    check_part("carried", carried::tables().trim());
}

/// The part of the README that has every key of a plan file.
#[test]
fn keys() {
    let schema = milvus_ferry::planfile::published_schema();
    check_part("keys", &keys::tables(&schema));
}
