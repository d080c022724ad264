//! What is recorded is there again, and contradictions are refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "that is how a test fails")]

mod apart;
mod damage;
mod files;
mod invariant;
mod keys;
mod rejects;

use std::path::Path;

use super::*;
use crate::model::{Collection, DataType, Digest, Key, KeyRange, samples};

fn collection(name: &str) -> Collection {
    Collection {
        description: "quotes \" and\nlines".into(),
        partitions: vec!["p".into()],
        ..samples::collection(name, vec![samples::field("id", DataType::INT64)])
    }
}

fn ends(target: &str) -> MoveEnds {
    MoveEnds {
        source_endpoint: "http://source:19530".into(),
        source_database: "default".into(),
        source_collection: "products".into(),
        target_endpoint: "https://target:19530".into(),
        target_database: "default".into(),
        target_collection: target.into(),
    }
}

fn open(directory: &Path) -> Ledger {
    Ledger::open(directory, "plan").unwrap()
}

fn begin(ledger: &mut Ledger, target: &str) -> MoveId {
    let run = ledger.begin_run("0.1.0", "apply", None).unwrap();
    ledger.begin_move(run, &ends(target), &collection(target), "{}", false, 7).unwrap()
}

fn range(after: Option<i64>, up_to: Option<i64>) -> KeyRange {
    KeyRange { after: after.map(Key::Int64), up_to: up_to.map(Key::Int64) }
}

fn text(key: &str) -> Key {
    Key::VarChar(key.into())
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>) -> String {
    match outcome {
        Err(Error::Refused { reason, .. }) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn reopening_keeps_everything() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(&directory.path().join("new/state"));
    let run = ledger.begin_run("0.1.0", "apply", Some("prod")).unwrap();
    let id = ledger
        .begin_move(run, &ends("t"), &collection("t"), r#"{"read":"range"}"#, true, -5)
        .unwrap();
    ledger.target_described(id, i64::MAX, &collection("made")).unwrap();
    ledger.step_started(id, "create_collection", "").unwrap();
    ledger.step_done(id, "create_collection", "2 shards").unwrap();
    ledger.step_started(id, "copy_rows", "").unwrap();
    let keys = ["", "a\0b", "line\nbreak", "'; DROP TABLE chunks; --", "é\u{10FFFF}"];
    let mut sorted = keys.map(String::from).to_vec();
    sorted.sort();
    let mut after = None;
    let mut ranges = Vec::new();
    for key in &sorted {
        ranges.push(KeyRange { after, up_to: Some(text(key)) });
        after = Some(text(key));
    }
    ledger.add_chunks(id, Some("p"), &ranges, false).unwrap();
    let whole = [
        range(None, Some(i64::MIN)),
        range(Some(i64::MIN), Some(-1)),
        range(Some(-1), Some(i64::MAX)),
        range(Some(i64::MAX), None),
    ];
    let ids = ledger.add_chunks(id, None, &whole, true).unwrap();
    ledger.chunk_tried(ids[1]).unwrap();
    ledger.chunk_tried(ids[2]).unwrap();
    ledger.chunk_done(ids[2], 10, 1_000, Digest(7)).unwrap();
    ledger.note(run, Some(id), "warning", "careful").unwrap();
    ledger.note(run, None, "info", "bye").unwrap();
    ledger.end_run(run, "stopped").unwrap();
    drop(ledger);

    let mut ledger = open(&directory.path().join("new/state"));
    let found = ledger.find_move(&ends("t")).unwrap().unwrap();
    assert_eq!(found.id, id);
    assert_eq!(found.run, run);
    assert_eq!(found.ends, ends("t"));
    assert_eq!(found.state, MoveState::Open);
    assert_eq!(found.wanted, collection("t"));
    assert_eq!(found.created, Some(collection("made")));
    assert_eq!(found.settings, r#"{"read":"range"}"#);
    assert!(found.adopted);
    assert_eq!((found.source_collection_id, found.target_collection_id), (-5, Some(i64::MAX)));
    assert_eq!((found.counts, found.finished_at), (None, None));
    assert_eq!(found.started_at.len(), "2026-08-31T12:34:56.789Z".len());
    let steps = ledger.steps(id).unwrap();
    assert_eq!(steps["create_collection"], StepState::Done);
    assert_eq!(steps["copy_rows"], StepState::Started);
    assert_eq!(steps.len(), 2);

    let all = ledger.open_chunks(id, None, 100).unwrap();
    let in_partition: Vec<_> =
        all.iter().filter(|c| c.scope.as_deref() == Some("p")).map(|c| &c.range).collect();
    assert_eq!(in_partition, ranges.iter().collect::<Vec<_>>());
    let in_whole: Vec<_> =
        all.iter().filter(|c| c.scope.is_none()).map(|c| (&c.range, c.tried)).collect();
    assert_eq!(in_whole, [(&whole[0], false), (&whole[1], true), (&whole[3], false)]);
    let done = ledger.done_chunks(id, None, 100).unwrap();
    assert_eq!(done.len(), 1);
    assert_eq!((&done[0].chunk.range, done[0].rows, done[0].bytes), (&whole[2], 10, 1_000));
    assert_eq!(done[0].digest, Some(Digest(7)));
    ledger.chunk_digest_changed(done[0].chunk.id, 9, Digest(8)).unwrap();
    let changed = ledger.done_chunks(id, None, 100).unwrap();
    assert_eq!((changed[0].rows, changed[0].digest), (9, Some(Digest(8))));
    ledger.chunk_digest_changed(done[0].chunk.id, 10, Digest(7)).unwrap();
    refused(ledger.chunk_digest_changed(ids[0], 1, Digest(7)));

    let last_up_to = Some(text("é\u{10FFFF}"));
    assert_eq!(ledger.scope(id, Some("p")).unwrap(), ScopeState { complete: false, last_up_to });
    assert_eq!(ledger.scope(id, None).unwrap(), ScopeState { complete: true, last_up_to: None });
    assert_eq!(ledger.scope(id, Some("q")).unwrap(), ScopeState::default());
    let expected = Totals {
        chunks_done: 1,
        chunks_open: 8,
        chunks_tried: 1,
        rows: 10,
        bytes: 1_000,
        scopes: 2,
        scopes_complete: 1,
    };
    assert_eq!(ledger.totals(id).unwrap(), expected);

    let runs = ledger.runs().unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0].environment.as_deref(), Some("prod"));
    assert_eq!(runs[0].process_id, std::process::id());
    assert_eq!(runs[0].outcome.as_deref(), Some("stopped"));
    let events = ledger.events(Some(run), None, 10).unwrap();
    assert_eq!(events.len(), 2);
    assert_eq!((events[0].of_move, events[0].text.as_str()), (Some(id), "careful"));
    let rest = ledger.events(None, Some(events[0].id), 10).unwrap();
    assert_eq!(rest, events[1..]);
}

#[test]
fn finds_the_newest_move_that_is_not_superseded() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    assert_eq!(ledger.find_move(&ends("t")).unwrap(), None);
    let first = begin(&mut ledger, "t");
    let second = begin(&mut ledger, "t");
    let mut elsewhere = ends("t");
    elsewhere.source_collection = "other".into();
    assert_eq!(ledger.find_move(&ends("t")).unwrap().unwrap().id, second);
    assert_eq!(ledger.find_move(&elsewhere).unwrap(), None);
    ledger.supersede_move(second, "the target was dropped").unwrap();
    assert_eq!(ledger.find_move(&ends("t")).unwrap().unwrap().id, first);
    let target = |l: &Ledger| l.find_target("https://target:19530", "default", "t").unwrap();
    assert_eq!(target(&ledger).unwrap().id, first);
    ledger.supersede_move(first, "").unwrap();
    assert_eq!(target(&ledger), None);
    assert_eq!(ledger.moves().unwrap().len(), 2);
    refused(ledger.supersede_move(first, ""));
    refused(ledger.step_started(first, "load", ""));
    refused(ledger.step_done(first, "load", ""));
    refused(ledger.add_chunks(first, None, &[KeyRange::ALL], true));
    refused(ledger.move_done(MoveId(99), "{}"));
}

#[test]
fn pages_through_chunks_and_sees_splits_behind() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = begin(&mut ledger, "t");
    let ranges: Vec<_> =
        (0..10).map(|i| range((i > 0).then_some(i * 10), Some((i + 1) * 10))).collect();
    let ids = ledger.add_chunks(id, None, &ranges, false).unwrap();
    let first = ledger.open_chunks(id, None, 4).unwrap();
    assert_eq!(first.iter().map(|c| c.id).collect::<Vec<_>>(), ids[..4]);
    ledger.chunk_tried(ids[9]).unwrap();
    let (lower, upper) = ledger.split_chunk(ids[9], &Key::Int64(91)).unwrap();
    assert_eq!(lower.range, range(Some(90), Some(91)));
    assert_eq!(upper.range, range(Some(91), Some(100)));
    assert!(lower.tried && upper.tried);
    let rest = ledger.open_chunks(id, Some(ids[3]), 100).unwrap();
    assert_eq!(rest[..5].iter().map(|c| c.id).collect::<Vec<_>>(), ids[4..9]);
    assert_eq!(rest[5..], [lower, upper]);
    refused(ledger.chunk_tried(ids[9]));
    refused(ledger.chunk_done(ids[9], 1, 1, Digest(7)));
}

#[test]
fn refuses_gaps_overlaps_and_halves_without_keys() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = begin(&mut ledger, "t");
    refused(ledger.add_chunks(id, None, &[range(Some(5), Some(9))], false));
    refused(ledger.add_chunks(id, None, &[range(None, Some(5))], true));
    refused(ledger.add_chunks(id, None, &[KeyRange::ALL], false));
    refused(ledger.add_chunks(id, None, &[], true));
    refused(ledger.add_chunks(id, Some(""), &[KeyRange::ALL], true));
    // Refused as a whole: the first range of a refused call is not there.
    refused(ledger.add_chunks(id, None, &[range(None, Some(5)), range(Some(4), None)], true));
    assert_eq!(ledger.totals(id).unwrap(), Totals::default());

    let chunk = ledger.add_chunks(id, None, &[range(None, Some(5))], false).unwrap()[0];
    refused(ledger.add_chunks(id, None, &[range(None, Some(9))], false));
    refused(ledger.add_chunks(id, None, &[range(Some(5), Some(5))], false));
    let mixed = KeyRange { after: Some(Key::Int64(5)), up_to: Some(text("x")) };
    refused(ledger.add_chunks(id, None, &[mixed], false));
    refused(ledger.split_chunk(chunk, &Key::Int64(5)));
    refused(ledger.split_chunk(chunk, &text("1")));
    assert_eq!(ledger.add_chunks(id, None, &[], false).unwrap(), []);
    let last = ledger.add_chunks(id, None, &[range(Some(5), None)], true).unwrap()[0];
    refused(ledger.split_chunk(last, &Key::Int64(5)));
    refused(ledger.add_chunks(id, None, &[KeyRange::ALL], true));
    refused(ledger.add_chunks(id, None, &[range(Some(5), None)], true));
    assert_eq!(ledger.add_chunks(id, None, &[], true).unwrap(), []);

    let all = ledger.add_chunks(id, Some("p"), &[KeyRange::ALL], true).unwrap()[0];
    let (lower, upper) = ledger.split_chunk(all, &Key::Int64(0)).unwrap();
    assert_eq!((lower.range, upper.range), (range(None, Some(0)), range(Some(0), None)));
}

#[test]
fn a_move_is_done_only_when_nothing_is_open_and_reopens_with_its_chunks() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = begin(&mut ledger, "t");
    let first = ledger.add_chunks(id, None, &[range(None, Some(5))], false).unwrap()[0];
    ledger.chunk_done(first, 3, 30, Digest(7)).unwrap();
    refused(ledger.move_done(id, "{}"));
    let last = ledger.add_chunks(id, None, &[range(Some(5), None)], true).unwrap()[0];
    refused(ledger.move_done(id, "{}"));
    ledger.chunk_done(last, 0, 0, Digest(7)).unwrap();
    ledger.move_done(id, r#"{"target":3}"#).unwrap();
    let found = ledger.find_move(&ends("t")).unwrap().unwrap();
    assert_eq!((found.state, found.counts.as_deref()), (MoveState::Done, Some(r#"{"target":3}"#)));
    assert!(found.finished_at.is_some());

    ledger.reopen_chunk(first).unwrap();
    let open = ledger.open_chunks(id, None, 9).unwrap();
    assert!(open.len() == 1 && open[0].id == first && open[0].tried);
    let found = ledger.find_move(&ends("t")).unwrap().unwrap();
    assert_eq!((found.state, found.counts), (MoveState::Open, None));
    assert_eq!(ledger.totals(id).unwrap().rows, 0);
    refused(ledger.reopen_chunk(first));
}

#[test]
fn keeps_secrets_out() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let run = ledger.begin_run("0.1.0", "apply", None).unwrap();
    let mut bad = ends("t");
    bad.target_endpoint = "https://root:hunter2@target:19530/x".into();
    let reason = refused(ledger.begin_move(run, &bad, &collection("t"), "{}", false, 1));
    assert!(!reason.contains("hunter2"));
    let mut odd = ends("t");
    odd.target_endpoint = "https://target:19530/path@1".into();
    ledger.begin_move(run, &odd, &collection("t"), "{}", false, 1).unwrap();
}

#[test]
fn is_made_to_be_sent_between_threads() {
    fn send<T: Send>() {}
    send::<Ledger>();
    send::<Error>();
}

#[test]
fn all_marks_of_a_ledger_name_one_owner() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    assert_eq!(ledger.owner().unwrap(), None);
    let (one, other) = (begin(&mut ledger, "a"), begin(&mut ledger, "b"));
    assert_eq!(ledger.marking(one, "first").unwrap(), "first");
    assert_eq!(ledger.marking(other, "second").unwrap(), "first");
    ledger.step_done(one, MARK, "first").unwrap();
    assert_eq!(ledger.steps(one).unwrap()[MARK], StepState::Done);
    // Before it is taken away.
    ledger.marking(one, "third").unwrap();
    assert_eq!(ledger.steps(one).unwrap()[MARK], StepState::Started);
    drop(ledger);
    assert_eq!(open(directory.path()).owner().unwrap().as_deref(), Some("first"));
}
