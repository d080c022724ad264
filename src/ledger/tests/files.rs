//! The file itself: its lock, readers beside a writer or after a kill, formats, full disks.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::*;

/// Tells the other process (`holder` and `onlooker`) where the ledger is.
const DIRECTORY: &str = "LEDGER_TEST_DIRECTORY";

/// Not a test of its own: the writer in another process.
#[test]
#[ignore = "started by other tests"]
fn holder() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let mut ledger = open(Path::new(&directory));
    begin(&mut ledger, "t");
    println!("\nready");
    std::io::stdout().flush().unwrap();
    loop {
        std::thread::park();
    }
}

/// Not a test of its own: a reader in another process.
#[test]
#[ignore = "started by other tests"]
fn onlooker() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let directory = Path::new(&directory);
    assert!(fs::write(directory.join("mine"), "").is_err(), "the directory is writable");
    assert!(read(directory).is_some());
}

fn other_process(test: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--ignored", "--exact", "--nocapture", &format!("ledger::tests::files::{test}")])
        .env(DIRECTORY, directory);
    command
}

/// A process that holds the ledger and has recorded a move.
fn start_holder(directory: &Path) -> Child {
    let mut child = other_process("holder", directory).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "ready"));
    child
}

/// Names, sizes and times of everything in a directory.
fn listing(directory: &Path) -> Vec<(PathBuf, u64, std::time::SystemTime)> {
    let mut all: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            (entry.path(), metadata.len(), metadata.modified().unwrap())
        })
        .collect();
    all.sort();
    all
}

pub(super) fn read(directory: &Path) -> Option<MoveRecord> {
    let ledger = Ledger::open_read_only(directory, "plan").unwrap()?;
    ledger.find_move(&ends("t")).unwrap()
}

#[test]
fn one_writer_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path());
    let Err(Error::Locked { by, path }) = Ledger::open(directory.path(), "plan") else {
        panic!("a second writer")
    };
    assert_eq!(by.pid, Some(std::process::id()));
    assert!(by.since.is_some_and(|since| since.ends_with('Z')));
    assert_eq!(path, directory.path().join("plan.lock"));
    Ledger::open(directory.path(), "other").unwrap();
    drop(ledger);
    open(directory.path());
}

#[test]
fn a_kill_frees_the_lock_and_loses_nothing_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = start_holder(directory.path());
    match Ledger::open(directory.path(), "plan") {
        Err(error @ Error::Locked { .. }) => {
            assert!(error.to_string().contains(&format!("process {}", child.id())), "{error}");
        }
        other => panic!("not locked: {other:?}"),
    }
    assert!(read(directory.path()).is_some(), "reading beside a live writer");
    child.kill().unwrap();
    child.wait().unwrap();

    let main_and_log = |directory: &Path| {
        listing(directory).into_iter().filter(|f| !f.0.ends_with("plan.db-shm")).collect::<Vec<_>>()
    };
    let before = main_and_log(directory.path());
    assert!(before.iter().any(|f| f.0.ends_with("plan.db-wal") && f.1 > 0), "{before:?}");
    assert!(read(directory.path()).is_some(), "reading after the kill");
    assert_eq!(main_and_log(directory.path()), before);

    // And the next run goes on from there.
    let ledger = open(directory.path());
    assert!(ledger.find_move(&ends("t")).unwrap().is_some());
    drop(ledger);
    assert!(!directory.path().join("plan.db-wal").exists());
}

/// The files of a ledger with a commit that is only in the log, as a kill leaves them.
pub(super) fn copy_of_a_live_ledger(to: &Path, names: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    begin(&mut ledger, "t");
    fs::create_dir_all(to).unwrap();
    for name in names {
        fs::copy(directory.path().join(name), to.join(name)).unwrap();
    }
}

#[test]
fn reading_leaves_no_trace() {
    let directory = tempfile::tempdir().unwrap();
    let absent = directory.path().join("absent");
    assert!(read(&absent).is_none());
    assert!(!absent.exists());

    // A path that has to be escaped.
    let state = directory.path().join("a b?c%20#é");
    let mut ledger = open(&state);
    begin(&mut ledger, "t");
    assert!(read(&state).is_some(), "beside a live writer");
    drop(ledger);
    let copied = directory.path().join("copied");
    copy_of_a_live_ledger(&copied, &["plan.db", "plan.db-wal"]);

    for (place, log) in [(&state, false), (&copied, true)] {
        let before = listing(place);
        assert_eq!(before.iter().any(|f| f.0.ends_with("plan.db-wal")), log);
        assert!(read(place).is_some(), "{}", place.display());
        assert_eq!(listing(place), before);
    }
}

#[cfg(unix)]
#[test]
fn reads_where_nothing_may_be_written() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;

    let directory = tempfile::tempdir().unwrap();
    let closed = directory.path().join("closed");
    begin(&mut open(&closed), "t");
    let log = directory.path().join("log");
    copy_of_a_live_ledger(&log, &["plan.db", "plan.db-wal"]);
    let killed = directory.path().join("killed");
    copy_of_a_live_ledger(&killed, &["plan.db", "plan.db-wal", "plan.db-shm"]);
    let allow = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    allow(directory.path(), 0o755);
    // Permissions do not hold root back, so root sends somebody else.
    let root = fs::metadata(directory.path()).unwrap().uid() == 0;
    for place in [&closed, &log, &killed] {
        for file in listing(place) {
            allow(&file.0, 0o444);
        }
        allow(place, 0o555);
        let before = listing(place);
        let mut command = other_process("onlooker", place);
        if root {
            command.uid(65_534).gid(65_534).current_dir("/");
        }
        match command.output() {
            Ok(output) => {
                assert!(output.status.success(), "{}: {output:?}", place.display());
            }
            // The test program itself may lie where only root can go.
            Err(error) => assert!(root, "{error}"),
        }
        assert_eq!(listing(place), before);
        allow(place, 0o755);
    }
}

#[test]
fn a_reader_records_nothing() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    let mut reader = Ledger::open_read_only(directory.path(), "plan").unwrap().unwrap();
    refused(reader.begin_run("0.1.0", "apply", None));
}

#[test]
fn a_reader_notices_a_writer_that_came_later() {
    let directory = tempfile::tempdir().unwrap();
    begin(&mut open(directory.path()), "t");
    let reader = Ledger::open_read_only(directory.path(), "plan").unwrap().unwrap();
    assert_eq!(reader.runs().unwrap().len(), 1);
    // Times of files are only as fine as the system's clock tick.
    std::thread::sleep(std::time::Duration::from_millis(50));
    begin(&mut open(directory.path()), "t");
    assert!(matches!(reader.runs(), Err(Error::Changed { .. })));
}

#[test]
fn reads_past_a_shared_memory_file_without_use() {
    // A run that found the disk full as it started leaves it, too short and impossible to grow.
    let directory = tempfile::tempdir().unwrap();
    begin(&mut open(directory.path()), "t");
    for name in ["plan.db-shm", "plan.db-wal"] {
        fs::write(directory.path().join(name), "").unwrap();
    }
    let before = listing(directory.path());
    assert!(read(directory.path()).is_some());
    assert_eq!(listing(directory.path()), before);
}

/// A first run that was killed while it made its ledger leaves nothing that counts.
#[test]
fn what_was_not_made_to_the_end_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("plan.db.new"), "half of it").unwrap();
    fs::write(directory.path().join("plan.lock"), "").unwrap();
    assert!(read(directory.path()).is_none());
    assert!(Ledger::open_existing(directory.path(), "plan").unwrap().is_none());
    begin(&mut open(directory.path()), "t");
    assert!(read(directory.path()).is_some());
    assert!(!directory.path().join("plan.db.new").exists());
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path());
    ledger.connection.pragma_update(None, "user_version", 99).unwrap();
    drop(ledger);
    let file = directory.path().join("plan.db");
    let before = fs::read(&file).unwrap();
    for outcome in [
        Ledger::open(directory.path(), "plan").map(Some),
        Ledger::open_read_only(directory.path(), "plan"),
    ] {
        let Err(error @ Error::Newer { found: 99, known: 5, .. }) = outcome else {
            panic!("{outcome:?}")
        };
        assert!(error.to_string().contains("plan.db has format 99"), "{error}");
    }
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn what_is_no_ledger_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("plan.db"), "version = 1\n".repeat(1_000)).unwrap();
    for outcome in [
        Ledger::open(directory.path(), "plan").map(Some),
        Ledger::open_read_only(directory.path(), "plan"),
    ] {
        assert!(matches!(outcome, Err(Error::Corrupt { .. })), "{outcome:?}");
    }
    for name in ["", ".", "..", "../plan", "a/b", "/plan", "a\\b", "a/"] {
        let outcome = Ledger::open(directory.path(), name);
        assert!(matches!(outcome, Err(Error::Name { .. })), "{name}: {outcome:?}");
    }
}

#[test]
fn a_full_disk_is_named_and_costs_nothing_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let mut ledger = open(directory.path());
    let id = begin(&mut ledger, "t");
    let run = ledger.runs().unwrap()[0].id;
    // No page may be added: SQLite answers as it does on a full disk.
    ledger.connection.pragma_update(None, "max_page_count", 1).unwrap();
    let long = "x".repeat(100_000);
    let Err(error @ Error::Full { .. }) = ledger.note(run, Some(id), "info", &long) else {
        panic!("not full")
    };
    let message = error.to_string();
    assert!(message.contains("plan.db is full") && message.contains("--state"), "{message}");
    assert_eq!(ledger.find_move(&ends("t")).unwrap().unwrap().id, id);
    // With space again the same ledger goes on.
    ledger.connection.pragma_update(None, "max_page_count", 1_000_000).unwrap();
    ledger.note(run, Some(id), "info", &long).unwrap();
    drop(ledger);
    assert_eq!(read(directory.path()).unwrap().id, id);
}
