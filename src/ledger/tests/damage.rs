//! Files of a ledger that are damaged, incomplete, not ours, or open to others.

use std::fs;

use super::files::{copy_of_a_live_ledger, read};
use super::*;

/// What both ways of opening say: the same.
#[track_caller]
fn refusal(directory: &Path) -> String {
    let texts = [
        Ledger::open(directory, "plan").map(Some),
        Ledger::open_existing(directory, "plan"),
        Ledger::open_read_only(directory, "plan"),
    ]
    .map(|outcome| match outcome {
        Err(error @ Error::Corrupt { .. }) => error.to_string(),
        other => panic!("not refused: {other:?}"),
    });
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
    for says in ["plan.db", "nothing was done", "existing = \"adopt\"", "drop them"] {
        assert!(texts[0].contains(says), "no {says:?} in {}", texts[0]);
    }
    texts[0].clone()
}

/// A ledger with as many chunks, closed.
fn with_chunks(directory: &Path, chunks: i64) {
    let mut ledger = open(directory);
    let id = begin(&mut ledger, "t");
    let ranges: Vec<KeyRange> = (0..chunks)
        .map(|at| range((at > 0).then_some(at * 1_000), Some((at + 1) * 1_000)))
        .chain([range(Some(chunks * 1_000), None)])
        .collect();
    ledger.add_chunks(id, None, &ranges, true).unwrap();
}

/// Something may have been done by then.
#[test]
fn damage_that_is_met_later_does_not_say_that_nothing_was_done() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = begin(&mut ledger, "t");
    let other = Connection::open(ledger.path()).unwrap();
    other.execute("UPDATE moves SET wanted = 'x'", []).unwrap();
    let met = ledger.moves().unwrap_err().to_string();
    for says in ["plan.db cannot be used any more", "what the run did before stays", "adopt"] {
        assert!(met.contains(says), "no {says:?} in {met}");
    }
    other.execute("UPDATE moves SET state = 'open', wanted = x'ff'", []).unwrap();
    for text in [met, ledger.moves().unwrap_err().to_string()] {
        assert!(!text.contains("nothing was done"), "{text}");
    }
    ledger.step_started(id, "load", "").unwrap();
}

#[test]
fn an_emptied_file_is_no_fresh_start() {
    let directory = tempfile::tempdir().unwrap();
    begin(&mut open(directory.path()), "t");
    let file = directory.path().join("plan.db");
    fs::write(&file, "").unwrap();
    assert!(refusal(directory.path()).contains("it is empty"));
    assert_eq!(fs::metadata(&file).unwrap().len(), 0, "somebody wrote to it");
    // The way on that it names.
    fs::remove_file(file).unwrap();
    assert!(read(directory.path()).is_none());
    begin(&mut open(directory.path()), "t");
    assert!(read(directory.path()).is_some());
}

/// As a kill leaves it, and then the log is taken away: chunks that were tried would count as never
/// tried, and be inserted twice.
#[test]
fn a_deleted_log_is_missed() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("place");
    copy_of_a_live_ledger(&place, &["plan.db", "plan.db-wal", "plan.lock"]);
    assert!(read(&place).is_some());
    let log = place.join("plan.db-wal");
    let kept = fs::read(&log).unwrap();
    fs::remove_file(&log).unwrap();
    let text = refusal(&place);
    assert!(text.contains("the last 2 of 2 records"), "{text}");
    assert!(text.contains("plan.db-wal was deleted"), "{text}");
    // One that is cut off, or garbled, misses them too.
    fs::write(&log, &kept[..kept.len() / 2]).unwrap();
    assert!(refusal(&place).contains("records that were made in it are not there"));
    // With the whole of it there is nothing to say.
    fs::write(&log, &kept).unwrap();
    assert!(open(&place).find_move(&ends("t")).unwrap().is_some());
}

#[test]
fn a_log_without_its_file_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("place");
    copy_of_a_live_ledger(&place, &["plan.db-wal", "plan.lock"]);
    assert!(refusal(&place).contains("plan.db-wal, which belongs to it, is there"));
}

/// A program that folds the log into the file and deletes it takes nothing away.
#[test]
fn a_log_that_another_program_folded_in_is_not_missed() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("place");
    copy_of_a_live_ledger(&place, &["plan.db", "plan.db-wal", "plan.lock"]);
    let other = Connection::open(place.join("plan.db")).unwrap();
    let moves: i64 = other.query_row("SELECT count(*) FROM moves", [], |row| row.get(0)).unwrap();
    assert_eq!(moves, 1);
    drop(other);
    assert!(!place.join("plan.db-wal").exists());
    assert!(read(&place).is_some());
    assert!(open(&place).find_move(&ends("t")).unwrap().is_some());
}

#[test]
fn an_older_copy_is_not_gone_on_from() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("plan.db");
    begin(&mut open(directory.path()), "t");
    let older = fs::read(&file).unwrap();
    begin(&mut open(directory.path()), "u");
    fs::write(&file, older).unwrap();
    assert!(refusal(directory.path()).contains("this is an older copy"));
}

/// What takes format 5 back to format 4.
const OLDER: &str =
    "DROP TABLE commits; DROP TABLE written_keys; DROP TABLE keys_before; ALTER TABLE chunks DROP COLUMN unsure;
     ALTER TABLE chunks DROP COLUMN rest_rows; ALTER TABLE chunks DROP COLUMN rest_digest;
     PRAGMA user_version = 4";

#[test]
fn a_file_of_an_older_format_has_nothing_to_miss() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    begin(&mut ledger, "t");
    ledger.connection.execute_batch(OLDER).unwrap();
    drop(ledger);
    fs::write(directory.path().join("plan.lock"), "pid 1\nsince then\n").unwrap();
    assert!(read(directory.path()).is_some());
    let ledger = open(directory.path());
    assert!(ledger.find_move(&ends("t")).unwrap().is_some());
    let lock = fs::read_to_string(directory.path().join("plan.lock")).unwrap();
    assert!(lock.ends_with("commits 00000000000000000000\n"), "{lock}");
}

#[test]
fn a_file_that_was_cut_off_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    with_chunks(directory.path(), 2_000);
    let file = directory.path().join("plan.db");
    let whole = fs::read(&file).unwrap();
    for of in 1..8 {
        fs::write(&file, &whole[..whole.len() * of / 8]).unwrap();
        refusal(directory.path());
    }
    fs::write(&file, &whole).unwrap();
    assert!(open(directory.path()).find_move(&ends("t")).unwrap().is_some());
}

/// Bytes that became others: found, and said in words, or none of what is kept is another for it (a
/// comment in the text of a table).
#[test]
fn random_bytes_in_the_middle_are_found() {
    let directory = tempfile::tempdir().unwrap();
    with_chunks(directory.path(), 2_000);
    let file = directory.path().join("plan.db");
    let whole = fs::read(&file).unwrap();
    let mut state = 11_u64;
    let mut random = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap()
    };
    let kept = chunks_of(directory.path()).unwrap();
    let (mut tried, mut found) = (0, 0);
    while tried < 64 {
        let mut damaged = whole.clone();
        let at = random() % (whole.len() - 256);
        // Nothing is kept there, and nothing lost.
        if whole[at..at + 256].iter().all(|byte| *byte == 0) {
            continue;
        }
        tried += 1;
        damaged[at..at + 256].fill_with(|| u8::try_from(random() % 256).unwrap());
        fs::write(&file, &damaged).unwrap();
        match chunks_of(directory.path()) {
            Ok(chunks) => assert_eq!(chunks, kept, "not found at {at}"),
            Err(error) => {
                found += 1;
                let text = error.to_string();
                assert!(matches!(error, Error::Corrupt { .. }), "{text}");
                for debug in ["Some(", "Error {", "code:"] {
                    assert!(!text.contains(debug), "{text}");
                }
            }
        }
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(directory.path().join(format!("plan.db{suffix}")));
        }
    }
    assert!(found >= 48, "{found}");
}

fn chunks_of(directory: &Path) -> Result<Vec<ChunkRecord>, Error> {
    let ledger = Ledger::open(directory, "plan")?;
    let moves = ledger.moves()?;
    ledger.open_chunks(moves.first().map_or(MoveId(1), |record| record.id), None, 5_000)
}

/// No check of `SQLite` finds this, and keys between two chunks would never be copied.
#[test]
fn a_bound_that_became_another_is_found() {
    let directory = tempfile::tempdir().unwrap();
    with_chunks(directory.path(), 3);
    let other = Connection::open(directory.path().join("plan.db")).unwrap();
    other.execute_batch("UPDATE chunks SET after_key = '2001' WHERE after_key = '2000'").unwrap();
    drop(other);
    assert!(refusal(directory.path()).contains("ranges of keys have gaps"));
}

/// The bounds of a chunk that was split are no bounds any more.
#[test]
fn a_bound_of_a_half_that_became_another_is_found() {
    let directory = tempfile::tempdir().unwrap();
    with_chunks(directory.path(), 3);
    let mut ledger = open(directory.path());
    let second = ledger.open_chunks(MoveId(1), None, 9).unwrap()[1].id;
    let (_, upper) = ledger.split_chunk(second, &Key::Int64(1_500)).unwrap();
    drop(ledger);
    drop(open(directory.path()));
    let other = Connection::open(directory.path().join("plan.db")).unwrap();
    let change = "UPDATE chunks SET up_to_key = '1999' WHERE id = ?1";
    assert_eq!(other.execute(change, [upper.id.0]).unwrap(), 1);
    drop(other);
    assert!(refusal(directory.path()).contains("ranges of keys have gaps"));
}

/// Keys before the first chunk or behind the last one would never be copied, of two that both begin or
/// end a partition some would be written twice.
#[test]
fn a_partition_has_one_first_and_one_last_chunk() {
    let first = "after_key IS NULL";
    let last = "up_to_key IS NULL";
    let one_more = |of: &str, end: &str| format!("UPDATE chunks SET {end} = NULL WHERE {of}");
    for change in [
        format!("DELETE FROM chunks WHERE {first}"),
        format!("DELETE FROM chunks WHERE {last}"),
        "DELETE FROM chunks".to_owned(),
        one_more("after_key = '1000'", "after_key"),
        one_more("up_to_key = '1000'", "up_to_key"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        with_chunks(directory.path(), 3);
        let other = Connection::open(directory.path().join("plan.db")).unwrap();
        other.execute_batch(&change).unwrap();
        drop(other);
        assert!(refusal(directory.path()).contains("ranges of keys have gaps"), "{change}");
    }
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn allow(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn not_ours(outcome: Result<Ledger, Error>) {
        let Err(error @ Error::NotOurs { .. }) = outcome else { panic!("taken: {outcome:?}") };
        assert!(error.to_string().contains("is not a plain file of its own"), "{error}");
    }

    #[test]
    fn what_a_link_leads_to_is_left_alone() {
        for name in ["plan.lock", "plan.db", "plan.db-wal"] {
            let directory = tempfile::tempdir().unwrap();
            if name == "plan.db-wal" {
                drop(open(directory.path()));
            }
            let victim = directory.path().join("victim");
            fs::write(&victim, "precious").unwrap();
            allow(&victim, 0o644);
            symlink(&victim, directory.path().join(name)).unwrap();
            not_ours(Ledger::open(directory.path(), "plan"));
            assert_eq!(fs::read_to_string(&victim).unwrap(), "precious", "{name}");
            assert_eq!(mode(&victim), 0o644, "{name}");
            // Nor is it made.
            fs::remove_file(&victim).unwrap();
            not_ours(Ledger::open(directory.path(), "plan"));
            assert!(!victim.exists(), "{name}");
        }
        let directory = tempfile::tempdir().unwrap();
        let victim = directory.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        fs::hard_link(&victim, directory.path().join("plan.lock")).unwrap();
        not_ours(Ledger::open(directory.path(), "plan"));
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    }

    /// The files of a ledger at work, and what others may do with them.
    fn modes(directory: &Path) -> Vec<(String, u32)> {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
        entries.map(|e| (e.file_name().into_string().unwrap(), mode(&e.path()))).collect()
    }

    #[test]
    fn nobody_else_may_look_into_it() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("a/state");
        let mut ledger = open(&state);
        begin(&mut ledger, "t");
        let files = modes(&state);
        assert_eq!(files.len(), 4, "{files:?}");
        assert!(files.iter().all(|(_, mode)| *mode == 0o600), "{files:?}");
        assert_eq!(mode(&state), 0o700);
    }

    #[test]
    fn what_an_earlier_version_left_open_is_closed() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("state");
        copy_of_a_live_ledger(&state, &["plan.db", "plan.db-wal", "plan.db-shm", "plan.lock"]);
        for more in ["plan.rejects.jsonl", "plan.differences.jsonl"] {
            fs::write(state.join(more), "{}\n").unwrap();
        }
        allow(&state, 0o755);
        for (name, _) in modes(&state) {
            allow(&state.join(name), 0o644);
        }
        let ledger = open(&state);
        assert!(ledger.find_move(&ends("t")).unwrap().is_some());
        let files = modes(&state);
        assert!(files.iter().all(|(_, mode)| *mode == 0o600), "{files:?}");
        assert_eq!(mode(&state), 0o700);
    }

    /// A folder that holds other things is somebody's own: only our files in it are closed.
    #[test]
    fn a_folder_with_other_things_stays_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        allow(directory.path(), 0o755);
        fs::write(directory.path().join("catalog.ferry.toml"), "").unwrap();
        drop(open(directory.path()));
        assert_eq!(mode(directory.path()), 0o755);
        assert_eq!(mode(&directory.path().join("plan.db")), 0o600);
    }
}
