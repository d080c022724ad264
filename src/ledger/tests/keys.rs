//! Keys of rows that a target had before, and of those that were written into it.

use super::*;

fn int(keys: &[i64]) -> Vec<Key> {
    keys.iter().copied().map(Key::Int64).collect()
}

/// An adopted move of one chunk, with the keys that its target has, and those that are written.
fn tried(ledger: &mut Ledger, there: &[i64], written: &[i64]) -> (MoveId, ChunkId) {
    let run = ledger.begin_run("0.1.0", "apply", None).unwrap();
    let id = ledger.begin_move(run, &ends("t"), &collection("t"), "{}", true, 7).unwrap();
    let chunk = ledger.add_chunks(id, None, &[range(None, None)], true).unwrap()[0];
    ledger.there_before(chunk, &int(there)).unwrap();
    let ours: Vec<i64> = written.iter().copied().filter(|key| !there.contains(key)).collect();
    ledger.chunk_tried_with(chunk, &int(written), &int(&ours)).unwrap();
    (id, chunk)
}

fn before(ledger: &Ledger, id: MoveId) -> Vec<Key> {
    let keys: Vec<i64> = (0..100).collect();
    ledger.among_before(id, None, &int(&keys)).unwrap().into_iter().collect()
}

fn ours(ledger: &Ledger, chunk: ChunkId) -> Vec<(Key, bool)> {
    ledger.written_keys(chunk).unwrap().into_iter().collect()
}

fn done(ledger: &mut Ledger, id: ChunkId) {
    ledger.chunk_done(id, 2, 20, Digest::default()).unwrap();
}

#[test]
fn what_is_written_was_not_there_before_and_what_was_there_is_not_ours() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let (id, chunk) = tried(&mut ledger, &[1, 2, 3], &[2, 4, 5]);
    assert_eq!(before(&ledger, id), int(&[1, 3]));
    assert_eq!(ledger.count_before(id).unwrap(), [(None, 2)].into());
    let written = int(&[4, 5]).into_iter().map(|key| (key, true)).collect::<Vec<_>>();
    assert_eq!(ours(&ledger, chunk), written);
    // Something may have been written: what is there by now may be of this move.
    assert!(refused(ledger.there_before(chunk, &int(&[9]))).contains("may be written already"));
    // Written once, the digest says what the target holds.
    done(&mut ledger, chunk);
    assert_eq!(ours(&ledger, chunk), []);
    assert_eq!(before(&ledger, id), int(&[1, 3]));
    ledger.chunk_unsure(chunk, Unsure::Others, &int(&[6]), &int(&[3]), None).unwrap();
    assert_eq!(ours(&ledger, chunk), [(Key::Int64(3), false), (Key::Int64(6), true)]);
    assert_eq!(before(&ledger, id), int(&[1]));
    ledger.chunk_digest_changed(chunk, 3, Digest::default()).unwrap();
    assert_eq!(ours(&ledger, chunk), []);
}

#[test]
fn what_was_written_before_a_kill_stays_known_until_both_ends_are_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let (id, chunk) = tried(&mut ledger, &[1], &[10, 20, 30]);
    ledger.tried_again(id).unwrap();
    ledger.chunk_tried_with(chunk, &int(&[1, 20, 40]), &int(&[40])).unwrap();
    assert_eq!(before(&ledger, id), []);
    // Each half has its own.
    let (lower, upper) = ledger.split_chunk(chunk, &Key::Int64(20)).unwrap();
    assert_eq!(ours(&ledger, chunk), []);
    for (half, keys) in [(lower.id, &[10, 20]), (upper.id, &[30, 40])] {
        let keys: Vec<(Key, bool)> = int(keys).into_iter().map(|key| (key, true)).collect();
        assert_eq!(ours(&ledger, half), keys);
        done(&mut ledger, half);
        assert_eq!(ours(&ledger, half), keys);
    }
    ledger.chunk_digest_changed(lower.id, 1, Digest::default()).unwrap();
    assert_eq!(ours(&ledger, lower.id), []);
    // Another partition, and another move, know nothing of it.
    assert_eq!(ledger.among_before(id, Some("p"), &int(&[1])).unwrap(), [].into());
}
