//! Rows that are set aside: how many, in which file, and for how long.

use std::fs;

use super::*;

fn file(directory: &Path) -> String {
    fs::read_to_string(directory.join("plan.rejects.jsonl")).unwrap()
}

#[test]
fn rows_are_set_aside_as_long_as_that_is_allowed() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = begin(&mut ledger, "t");
    let other = begin(&mut ledger, "other");
    let ranges =
        [range(None, Some(1)), range(Some(1), Some(i64::MAX)), range(Some(i64::MAX), None)];
    let chunks = ledger.add_chunks(id, Some("p"), &ranges, true).unwrap();
    let keys = [text("a\"\n\0"), text("b")];
    let texts = [
        KeyRange { after: None, up_to: Some(keys[0].clone()) },
        KeyRange { after: Some(keys[0].clone()), up_to: None },
    ];
    let others = ledger.add_chunks(other, None, &texts, true).unwrap();

    assert!(!ledger.set_aside(chunks[0], &Key::Int64(1), "why", 0).unwrap());
    assert_eq!(ledger.rejected(id).unwrap(), 0);
    assert_eq!(ledger.open_chunks(id, None, 9).unwrap().len(), 3);
    assert_eq!(ledger.write_rejects_file().unwrap(), None);

    assert!(ledger.set_aside(chunks[0], &Key::Int64(i64::MIN), "why [code 1]", 2).unwrap());
    refused(ledger.set_aside(chunks[0], &Key::Int64(1), "again", 2));
    refused(ledger.set_aside(chunks[1], &Key::Int64(1), "not in there", 2));
    assert!(ledger.set_aside(chunks[1], &Key::Int64(i64::MAX), "", 2).unwrap());
    assert!(!ledger.set_aside(chunks[2], &text("c"), "one too many", 2).unwrap());
    // Each move has its own allowance.
    assert!(ledger.set_aside(others[0], &keys[0], "no \"text\"", 1).unwrap());
    assert!(!ledger.set_aside(others[1], &keys[1], "one too many", 1).unwrap());

    // They are no rows of the target, and nothing of them is left to do.
    let totals = ledger.totals(id).unwrap();
    assert_eq!((totals.rows, totals.chunks_done, totals.chunks_open), (0, 2, 1));
    ledger.chunk_done(chunks[2], 5, 50, Digest(7)).unwrap();
    ledger.move_done(id, "{}").unwrap();

    drop(ledger);
    let ledger = open(directory.path());
    let rejects = ledger.rejects(id).unwrap();
    let found: Vec<_> =
        rejects.iter().map(|reject| (reject.chunk, &reject.key, reject.reason.as_str())).collect();
    assert_eq!(
        found,
        [
            (chunks[0], &Key::Int64(i64::MIN), "why [code 1]"),
            (chunks[1], &Key::Int64(i64::MAX), "")
        ]
    );
    assert_eq!(rejects[0].scope.as_deref(), Some("p"));
    assert_eq!(ledger.rejects(other).unwrap()[0].key, keys[0]);
}

#[test]
fn the_file_names_them_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = begin(&mut ledger, "t");
    let key = text("a\"\n\0é");
    let whole = KeyRange { after: None, up_to: None };
    let chunk = ledger.add_chunks(id, None, &[whole], true).unwrap()[0];
    let at = text("m");
    let (lower, upper) = ledger.split_chunk(chunk, &at).unwrap();
    assert!(ledger.set_aside(lower.id, &key, "no good", 9).unwrap());
    assert!(ledger.set_aside(upper.id, &text("z"), "", 9).unwrap());
    let path = ledger.write_rejects_file().unwrap().unwrap();
    assert_eq!(path, directory.path().join("plan.rejects.jsonl"));
    let first = file(directory.path());
    assert_eq!(first.lines().count(), 2);
    let line: serde_json::Value = serde_json::from_str(first.lines().next().unwrap()).unwrap();
    let mut line = line.as_object().unwrap().clone();
    assert!(line.remove("at").unwrap().as_str().unwrap().ends_with('Z'));
    let expected = serde_json::json!({
        "source": "default/products",
        "target": "default/t",
        "partition": null,
        "key": "a\"\n\0é",
        "reason": "no good",
    });
    assert_eq!(serde_json::Value::from(line), expected);

    // A row that is tried again is set aside no longer, and that is all the same to the file.
    ledger.reopen_chunk(lower.id).unwrap();
    assert_eq!(ledger.rejected(id).unwrap(), 1);
    assert_eq!(file(directory.path()), first);
    ledger.write_rejects_file().unwrap();
    assert_eq!(file(directory.path()), first.lines().nth(1).unwrap().to_owned() + "\n");

    // A move that is no more has nothing to tell. Nor has the directory anything beside the ledger.
    ledger.supersede_move(id, "dropped").unwrap();
    assert_eq!(ledger.write_rejects_file().unwrap(), None);
    drop(ledger);
    let mut names: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["plan.db", "plan.lock"]);
}
