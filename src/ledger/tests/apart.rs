//! What is recorded of one move or partition says nothing of another.

use super::*;

/// Two chunks of a partition, of which the first is done.
fn half_done(ledger: &mut Ledger, id: MoveId, partition: Option<&str>, rows: u64) -> Vec<ChunkId> {
    let ranges = [range(None, Some(5)), range(Some(5), None)];
    let chunks = ledger.add_chunks(id, partition, &ranges, true).unwrap();
    ledger.chunk_tried(chunks[0]).unwrap();
    ledger.chunk_done(chunks[0], rows, 10 * rows, Digest(u128::from(rows))).unwrap();
    chunks
}

#[test]
fn chunks_are_those_of_their_own_move_and_partition() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let (one, other) = (begin(&mut ledger, "one"), begin(&mut ledger, "other"));
    let p = half_done(&mut ledger, one, Some("p"), 3);
    let q = half_done(&mut ledger, one, Some("q"), 4);
    half_done(&mut ledger, other, None, 90);
    ledger.add_chunks(one, Some("r"), &[range(None, Some(1))], false).unwrap();

    let done = ledger.done_chunks(one, None, 9).unwrap();
    let told: Vec<_> = done.iter().map(|c| (c.chunk.id, c.rows, c.bytes, c.digest)).collect();
    let expected = [(p[0], 3, 30, Some(Digest(3))), (q[0], 4, 40, Some(Digest(4)))];
    assert_eq!(told, expected);
    assert_eq!(done[0].chunk.scope.as_deref(), Some("p"));
    let open: Vec<_> = ledger.open_chunks(one, None, 9).unwrap();
    assert_eq!(open.iter().map(|c| c.id).collect::<Vec<_>>()[..2], [p[1], q[1]]);
    assert_eq!(open.iter().map(|c| c.tried).collect::<Vec<_>>(), [false; 3]);
    let totals = ledger.totals(one).unwrap();
    let expected = Totals {
        chunks_done: 2,
        chunks_open: 3,
        chunks_tried: 0,
        rows: 7,
        bytes: 70,
        scopes: 3,
        scopes_complete: 2,
    };
    assert_eq!(totals, expected);
    assert_eq!(ledger.scope(one, Some("r")).unwrap().last_up_to, Some(Key::Int64(1)));
    assert_eq!(ledger.scope(other, Some("p")).unwrap(), ScopeState::default());
    assert!(!ledger.scope(one, None).unwrap().complete);
}

#[test]
fn rows_are_summed_up_by_partition() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let (one, other) = (begin(&mut ledger, "one"), begin(&mut ledger, "other"));
    assert_eq!(ledger.rows_by_scope(one).unwrap(), []);
    let p = half_done(&mut ledger, one, Some("p"), 3);
    ledger.chunk_done(p[1], 8, 80, Digest(8)).unwrap();
    half_done(&mut ledger, one, Some("q"), 4);
    ledger.add_chunks(one, Some("r"), &[range(None, Some(1))], false).unwrap();
    half_done(&mut ledger, other, None, 90);
    let rows = |partition: &str, rows| (Some(partition.to_owned()), rows);
    assert_eq!(ledger.rows_by_scope(one).unwrap(), [rows("p", 11), rows("q", 4), rows("r", 0)]);
    assert_eq!(ledger.rows_by_scope(other).unwrap(), [(None, 90)]);
    ledger.reopen_chunk(p[0]).unwrap();
    assert_eq!(ledger.rows_by_scope(one).unwrap()[0], rows("p", 8));
}

#[test]
fn a_move_is_as_old_as_its_last_chunk() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let (one, other) = (begin(&mut ledger, "one"), begin(&mut ledger, "other"));
    half_done(&mut ledger, other, None, 1);
    assert_eq!(ledger.seconds_since_last_chunk(one).unwrap(), None);
    let chunks = half_done(&mut ledger, one, None, 1);
    assert!(ledger.seconds_since_last_chunk(one).unwrap().is_some_and(|age| age < 600));
    let change = "UPDATE chunks SET done_at = '2020-01-01T00:00:00.000Z' WHERE id = ?1";
    ledger.connection.execute(change, [chunks[0].0]).unwrap();
    let years = ledger.seconds_since_last_chunk(one).unwrap().unwrap() / (365 * 86_400);
    assert!((1..1_000).contains(&years), "{years}");
    ledger.chunk_done(chunks[1], 1, 1, Digest(1)).unwrap();
    assert!(ledger.seconds_since_last_chunk(one).unwrap().is_some_and(|age| age < 600));
    assert!(ledger.seconds_since_last_chunk(other).unwrap().is_some_and(|age| age < 600));
}

#[test]
fn what_a_target_is_to_be_is_altered_for_one_move_that_is_not_superseded() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let (one, other) = (begin(&mut ledger, "one"), begin(&mut ledger, "other"));
    let altered = Collection { description: "altered".into(), ..collection("one") };
    ledger.wanted_altered(one, &altered).unwrap();
    assert_eq!(ledger.find_move(&ends("one")).unwrap().unwrap().wanted, altered);
    assert_eq!(ledger.find_move(&ends("other")).unwrap().unwrap().wanted, collection("other"));
    ledger.supersede_move(other, "").unwrap();
    refused(ledger.wanted_altered(other, &altered));
}

#[test]
fn only_the_holder_of_the_lock_records() {
    let directory = tempfile::tempdir().unwrap();
    assert!(open(directory.path()).records());
    let reader = Ledger::open_read_only(directory.path(), "plan").unwrap().unwrap();
    assert!(!reader.records());
}
