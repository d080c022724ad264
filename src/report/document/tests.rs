use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::report::samples::outcome;
use crate::report::text::escape;
use crate::report::verification::samples::{HOSTILE, different, hostile, unfinished, verified};
use crate::verify::result::Mode;

fn document(command: Command, collections: Vec<CollectionReport>) -> Document {
    let found: Vec<_> = collections.iter().filter_map(|one| one.verification.clone()).collect();
    Document {
        format_version: FORMAT_VERSION.to_owned(),
        command,
        name: "catalog".to_owned(),
        environment: None,
        tool_version: "0.1.0".to_owned(),
        source: End { uri: "http://a:19530".to_owned(), version: "Milvus 2.3.5".to_owned() },
        target: End { uri: "http://b:19530".to_owned(), version: "Milvus 2.6.1".to_owned() },
        started: "2026-08-31T12:34:56.789Z".to_owned(),
        finished: "2026-08-31T12:35:09.001Z".to_owned(),
        verdict: verdict(&found),
        exit_code: 6,
        collections,
        differences_file: Some(".milvus-ferry/catalog.differences.jsonl".to_owned()),
    }
}

fn of_verify() -> Document {
    let found = [
        verified("counted", Mode::Counts, 5),
        verified("sampled", Mode::Sample, 50_000),
        verified("full", Mode::Full, 1_000),
        different("products"),
        hostile(),
        unfinished("tags"),
    ];
    document(Command::Verify, found.iter().map(CollectionReport::verified).collect())
}

fn of_apply() -> Document {
    let mut refused = outcome("products", Status::Done, 20_000);
    refused.rejected = 2;
    refused.rejects_file = Some(PathBuf::from(".milvus-ferry/catalog.rejects.jsonl"));
    refused.warnings = vec![HOSTILE.to_owned()];
    refused.elapsed = Duration::from_millis(1_500);
    let statuses = [
        Status::Unchanged,
        Status::CountsDiffer(vec!["2 rows less".to_owned()]),
        Status::Failed("cannot write\n  wait".to_owned()),
        Status::Stopped,
    ];
    let others = statuses.into_iter().map(|status| outcome("others", status, 7));
    let mut collections: Vec<_> =
        others.map(|outcome| CollectionReport::copied(&outcome)).collect();
    collections.push(CollectionReport::copied(&refused));
    document(Command::Apply, collections)
}

#[test]
fn documents_are_as_their_schema_says() {
    let schema = published_schema();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    for document in [of_verify(), of_apply(), document(Command::Verify, Vec::new())] {
        let text = document.to_text().unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<_> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}\n{text}");
        assert_eq!(serde_json::from_str::<Document>(&text).unwrap(), document);
    }
    let good = serde_json::to_value(of_verify()).unwrap();
    for (pointer, wrong) in [
        ("/format_version", Value::from("2.0")),
        ("/command", Value::from("plan")),
        ("/verdict/word", Value::from("fine")),
        ("/collections/3/verification/status", Value::from("good")),
        ("/collections/3/verification/content/missing", Value::from(-1)),
        ("/collections/3/verification/content/differences/0/key", Value::from(1.5)),
        ("/exit_code", Value::from("0")),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = wrong;
        assert!(!validator.is_valid(&bad), "{pointer}");
    }
}

#[test]
fn a_document_is_harmless_to_a_terminal() {
    let text = of_verify().to_text().unwrap();
    for line in text.lines() {
        assert_eq!(escape(line), line);
    }
    assert!(text.starts_with("{\n  \"format_version\": \"1.1\",\n"));
    insta::assert_snapshot!(of_apply().to_text().unwrap());
}

#[test]
fn everything_of_the_schema_is_documented() {
    fn walk(schema: &Value, path: &str) {
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            let referred = property.get("$ref").is_some();
            assert!(referred || property.get("description").is_some(), "{path}.{key}");
        }
    }
    let schema = published_schema();
    walk(&schema, "");
    let definitions = schema["definitions"].as_object().unwrap();
    assert!(definitions.len() > 10);
    for (name, definition) in definitions {
        walk(definition, name);
    }
}

#[test]
fn the_verdict_of_a_copy_says_what_was_compared() {
    let done = || outcome("products", Status::Done, 20_000);
    let unchanged = || outcome("tags", Status::Unchanged, 0);
    let mut uncounted = done();
    uncounted.counts = None;
    let differs = Status::CountsDiffer(vec!["2 rows are missing".to_owned()]);
    for (outcomes, word, text) in [
        (vec![done(), unchanged()], Word::CountsAgree, "Counts agree; no row was compared."),
        (
            vec![uncounted],
            Word::NotVerified,
            "Not verified: default/products: its rows could not be counted at both ends.",
        ),
        (
            vec![done(), outcome("a", differs, 7)],
            Word::Different,
            "Different: 1 of 2 collections — default/a: 2 rows are missing.",
        ),
        (
            vec![done(), outcome("a", Status::Failed("away\n  wait".to_owned()), 7)],
            Word::NotVerified,
            "Not verified: default/a failed: away",
        ),
        (
            vec![outcome("a", Status::Stopped, 7)],
            Word::NotVerified,
            "Not verified: default/a was stopped.",
        ),
        (
            vec![unchanged()],
            Word::NotVerified,
            "Not verified: there was nothing to do, and nothing was compared.",
        ),
    ] {
        let found = verdict_of_copy(&outcomes);
        assert_eq!((found.word, found.sentence.as_str()), (word, text));
    }
}
