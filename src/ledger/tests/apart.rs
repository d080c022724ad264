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

#[test]
fn a_move_is_done_alone() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let (one, other) = (begin(&mut ledger, "one"), begin(&mut ledger, "other"));
    let chunks = half_done(&mut ledger, one, None, 3);
    half_done(&mut ledger, other, None, 4);
    // What is open or not found yet elsewhere does not hold it up.
    ledger.add_chunks(other, Some("r"), &[range(None, Some(1))], false).unwrap();
    ledger.chunk_done(chunks[1], 5, 50, Digest(5)).unwrap();
    ledger.move_done(one, "{}").unwrap();
    let state = |ledger: &Ledger, target| ledger.find_move(&ends(target)).unwrap().unwrap().state;
    assert_eq!(
        (state(&ledger, "one"), state(&ledger, "other")),
        (MoveState::Done, MoveState::Open)
    );
    let third = begin(&mut ledger, "third");
    ledger.add_chunks(third, None, &[KeyRange::ALL], true).unwrap();
    let whole = ledger.open_chunks(third, None, 9).unwrap()[0].id;
    ledger.chunk_done(whole, 1, 1, Digest(1)).unwrap();
    ledger.move_done(third, "{}").unwrap();
    // Only the move of the chunk is open again.
    ledger.reopen_chunk(whole).unwrap();
    assert_eq!(
        (state(&ledger, "one"), state(&ledger, "third")),
        (MoveState::Done, MoveState::Open)
    );
}

#[test]
fn a_superseded_move_stays_so_when_a_chunk_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = begin(&mut ledger, "t");
    let chunks = half_done(&mut ledger, id, None, 3);
    ledger.supersede_move(id, "dropped").unwrap();
    ledger.reopen_chunk(chunks[0]).unwrap();
    assert_eq!(ledger.find_move(&ends("t")).unwrap(), None);
    refused(ledger.marking(id, "owner"));
    assert_eq!(ledger.owner().unwrap(), None);
}

#[test]
fn keys_that_were_written_are_forgotten_with_the_chunk_that_they_are_of() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = begin(&mut ledger, "t");
    let chunks = half_done(&mut ledger, id, None, 3);
    ledger.chunk_done(chunks[1], 4, 40, Digest(4)).unwrap();
    let keys = [Key::Int64(1), Key::Int64(-7)];
    let open = ledger.add_chunks(id, Some("p"), &[KeyRange::ALL], true).unwrap()[0];
    refused(ledger.chunk_unsure(open, Unsure::Ours, &keys, &[], None));
    assert_eq!(ledger.written_keys(open).unwrap(), [].into());
    let rest = Some((2, Digest(9)));
    ledger.chunk_unsure(chunks[0], Unsure::Others, &keys, &[], rest).unwrap();
    ledger.chunk_unsure(chunks[1], Unsure::Ours, &[], &[Key::Int64(8)], None).unwrap();
    let told = |ledger: &Ledger| {
        let done = ledger.done_chunks(id, None, 9).unwrap();
        done.iter().map(|chunk| (chunk.unsure, chunk.rest)).collect::<Vec<_>>()
    };
    assert_eq!(told(&ledger), [(Some(Unsure::Others), rest), (Some(Unsure::Ours), None)]);
    assert_eq!(ledger.written_keys(chunks[0]).unwrap(), keys.map(|key| (key, true)).into());
    ledger.chunk_digest_changed(chunks[0], 3, Digest(5)).unwrap();
    assert_eq!(told(&ledger), [(None, None), (Some(Unsure::Ours), None)]);
    assert_eq!(ledger.written_keys(chunks[0]).unwrap(), [].into());
    assert_eq!(ledger.written_keys(chunks[1]).unwrap(), [(Key::Int64(8), false)].into());
}

#[test]
fn a_split_tells_the_kind_of_key_of_its_own_partition() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = begin(&mut ledger, "t");
    let p = ledger.add_chunks(id, Some("p"), &[KeyRange::ALL], true).unwrap()[0];
    let q = ledger.add_chunks(id, Some("q"), &[KeyRange::ALL], true).unwrap()[0];
    let (lower, upper) = ledger.split_chunk(p, &text("m")).unwrap();
    assert_eq!((lower.scope.as_deref(), upper.scope.as_deref()), (Some("p"), Some("p")));
    // Nothing but texts from now on, there and nowhere else.
    refused(ledger.split_chunk(lower.id, &Key::Int64(1)));
    refused(ledger.split_chunk(upper.id, &Key::Int64(1)));
    ledger.split_chunk(q, &Key::Int64(1)).unwrap();
    let kinds = "SELECT key_kind FROM scopes ORDER BY id";
    let mut kinds = ledger.connection.prepare(kinds).unwrap();
    let kinds: Vec<String> =
        kinds.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(kinds, ["varchar", "int64"]);
}

#[test]
fn other_steps_say_nothing_of_the_owner() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let (one, other) = (begin(&mut ledger, "a"), begin(&mut ledger, "b"));
    ledger.step_started(one, "copy_rows", "not an owner").unwrap();
    assert_eq!(ledger.owner().unwrap(), None);
    assert_eq!(ledger.marking(other, "first").unwrap(), "first");
    assert_eq!(ledger.owner().unwrap().as_deref(), Some("first"));
}

#[test]
fn what_was_found_equal_is_that_of_one_verification() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let one = ledger.begin_verification("one").unwrap().id;
    let other = ledger.begin_verification("other").unwrap().id;
    let equal = |from| VerifiedRange { scope: None, range: range(Some(from), None), rows: 1 };
    ledger.ranges_verified(one, &[equal(1)]).unwrap();
    ledger.ranges_verified(other, &[equal(2)]).unwrap();
    assert_eq!(ledger.verified_ranges(one).unwrap(), [equal(1)]);
    ledger.verification_ranges(one, Some(9)).unwrap();
    assert_eq!(ledger.begin_verification("other").unwrap().range_rows, None);
    ledger.verification_finished(one).unwrap();
    assert_eq!(ledger.verified_ranges(other).unwrap(), [equal(2)]);
    assert_eq!(ledger.begin_verification("other").unwrap().id, other);
}

#[test]
fn rows_set_aside_are_those_of_their_move() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let (one, other) = (begin(&mut ledger, "one"), begin(&mut ledger, "other"));
    for (id, key) in [(one, 1), (other, 2)] {
        let chunk = ledger.add_chunks(id, None, &[KeyRange::ALL], true).unwrap()[0];
        assert!(ledger.set_aside(chunk, &Key::Int64(key), "why", 9).unwrap());
    }
    assert_eq!((ledger.rejected(one).unwrap(), ledger.rejected(other).unwrap()), (1, 1));
}

type Change = fn(&mut Ledger, &[ChunkId]) -> Result<(), Error>;

#[test]
fn what_was_found_equal_counts_until_a_chunk_of_its_move_changes() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let (one, other) = (begin(&mut ledger, "one"), begin(&mut ledger, "other"));
    let chunks = half_done(&mut ledger, one, None, 3);
    half_done(&mut ledger, other, None, 3);
    let found_equal = |ledger: &mut Ledger, of: MoveId| {
        let subject = format!("{{\"of_move\":{}}}", of.0);
        let id = ledger.begin_verification(&subject).unwrap().id;
        let equal = VerifiedRange { scope: None, range: range(None, Some(5)), rows: 3 };
        ledger.ranges_verified(id, &[equal]).unwrap();
        id
    };
    let of_other = found_equal(&mut ledger, other);
    let changes: [Change; 4] = [
        |ledger, chunks| ledger.chunk_unsure(chunks[0], Unsure::Ours, &[], &[], None),
        |ledger, chunks| ledger.chunk_digest_changed(chunks[0], 3, Digest(4)),
        |ledger, chunks| ledger.reopen_chunk(chunks[0]),
        |ledger, chunks| ledger.chunk_done(chunks[0], 3, 30, Digest(3)),
    ];
    for (number, change) in changes.iter().enumerate() {
        let id = found_equal(&mut ledger, one);
        change(&mut ledger, &chunks).unwrap();
        assert_eq!(ledger.verified_ranges(id).unwrap(), [], "{number}");
        assert_eq!(ledger.verified_ranges(of_other).unwrap().len(), 1);
    }
}

#[test]
fn a_target_is_described_for_one_move() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    begin(&mut ledger, "before");
    let run = ledger.begin_run("0.1.0", "apply", None).unwrap();
    let mut begin = |target: &str| {
        ledger.begin_move(run, &ends(target), &collection(target), "{}", false, 7).unwrap()
    };
    let (one, other) = (begin("one"), begin("other"));
    ledger.target_described(one, 41, &collection("made")).unwrap();
    assert_eq!(ledger.target_id(one).unwrap(), Some(41));
    assert_eq!(ledger.target_id(other).unwrap(), None);
    let found = ledger.find_move(&ends("other")).unwrap().unwrap();
    assert_eq!((found.id, found.run, found.adopted), (other, run, false));
    assert_eq!((found.source_collection_id, found.created), (7, None));
    ledger.supersede_move(one, "dropped").unwrap();
    refused(ledger.target_described(one, 42, &collection("made")));
    assert_eq!(ledger.target_id(one).unwrap(), Some(41));
}

#[test]
fn what_is_recorded_is_on_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path());
    let pragma = |name: &str| -> i64 {
        ledger.connection.pragma_query_value(None, name, |row| row.get(0)).unwrap()
    };
    // 2 is FULL.
    assert_eq!(pragma("synchronous"), 2);
    assert_eq!((pragma("fullfsync"), pragma("checkpoint_fullfsync")), (1, 1));
}
