//! The ledger's disk: folders that cannot be written to, and disks that fill up.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::world::{self, LedgerFile, PATIENCE, PLAN, Trip, assert_says};
use testkit::ferry::Outcome;
use testkit::lab::{self, Kind};
use testkit::patience::finish;
use testkit::relay::{Act, Relay};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_folder_that_cannot_be_made() {
    let trip = Trip::new(world::rows().await, "").await;
    trip.ferry.write("file", "");
    let outcome = trip.ferry.run(&["apply", PLAN, "--yes", "--state", "file/state"]).expect_code(1);
    assert_says(&outcome, "file/state");
    assert!(!trip.probe.has_collection(&trip.target).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_folder_that_is_read_only() {
    let trip = Trip::new(world::rows().await, "").await;
    let Some(disk) = Disk::mount(&trip.ferry.path("disk"), "ro,size=1m") else { return };
    let outcome = trip.apply_on(&disk).expect_code(1);
    assert_says(&outcome, "catalog");
    assert_says(&outcome, "Read-only file system");
    assert!(!trip.probe.has_collection(&trip.target).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_disk_that_is_full_from_the_start() {
    let trip = Trip::new(world::rows().await, "").await;
    let Some(disk) = Disk::mount(&trip.ferry.path("disk"), "size=32k") else { return };
    let outcome = trip.apply_on(&disk).expect_code(1);
    assert_says(&outcome, "is full");
    assert!(!trip.probe.has_collection(&trip.target).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_disk_that_fills_up_and_gets_larger() {
    let slow = Slow::new().await;
    let Some(disk) = Disk::mount(&slow.trip.ferry.path("disk"), "size=4m") else { return };
    let ledger = LedgerFile::at(&disk.0);
    let (outcome, _) = slow.fill(&disk, 1);
    assert_says(&outcome, "nothing recorded so far is lost");
    assert_says(&outcome, "--state");
    // Looking needs no room.
    slow.trip.ferry.run(&["plan", PLAN, "--state", disk.path()]).expect_code(0);
    disk.remount("size=8m");
    slow.ends_exactly(&ledger, disk.path()).await;
}

/// Somebody else fills the disk in the middle of the copy, and frees it again: the same command
/// goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_disk_that_is_filled_in_the_middle_and_freed_again() {
    let slow = Slow::new().await;
    let Some(disk) = Disk::mount(&slow.trip.ferry.path("disk"), "size=4m") else { return };
    let ledger = LedgerFile::at(&disk.0);
    for more in [3, 4] {
        let (_, filler) = slow.fill(&disk, more);
        std::fs::remove_file(filler).unwrap();
    }
    slow.ends_exactly(&ledger, disk.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_disk_that_fills_up_and_is_left_for_another() {
    let slow = Slow::new().await;
    let Some(disk) = Disk::mount(&slow.trip.ferry.path("disk"), "size=4m") else { return };
    let (_, filler) = slow.fill(&disk, 1);
    let elsewhere = slow.trip.ferry.path("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    for entry in std::fs::read_dir(&disk.0).unwrap() {
        let path = entry.unwrap().path();
        if path != filler {
            std::fs::copy(&path, elsewhere.join(path.file_name().unwrap())).unwrap();
        }
    }
    slow.ends_exactly(&LedgerFile::at(&elsewhere), "elsewhere").await;
}

/// A copy of which chunks are left when some are recorded, which is done once a second.
struct Slow {
    relay: Relay,
    trip: Trip,
}

impl Slow {
    async fn new() -> Self {
        let target = lab::server(Kind::Milvus235B);
        let relay = Relay::with_rule(target, |call| match call.rpc {
            "Insert" => Act::Delay(Duration::from_secs(1)),
            _ => Act::Forward,
        });
        let from = lab::server(Kind::Milvus235A).uri();
        let trip = Trip::between(world::rows().await, from, target, &relay.uri(), "", "").await;
        Self { relay, trip }
    }

    /// Runs it until so many more chunks are recorded and the disk is full then.
    fn fill(&self, disk: &Disk, more: i64) -> (Outcome, PathBuf) {
        let ledger = LedgerFile::at(&disk.0);
        let done = ledger.chunks_done();
        let mut run = self.trip.ferry.spawn(&["apply", PLAN, "--yes", "--state", disk.path()]);
        run.wait_until(PATIENCE, || ledger.chunks_done() >= done + more);
        let filler = disk.fill();
        let outcome = run.wait(PATIENCE).expect_code(5);
        assert_says(&outcome, "is full");
        assert_eq!(ledger.moves_done(), 0, "it was over before the disk was full");
        (outcome, filler)
    }

    /// The same command goes on to the end.
    async fn ends_exactly(self, ledger: &LedgerFile, state: &str) {
        self.relay.set_rule(|_| Act::Forward);
        self.trip.ferry.run(&["apply", PLAN, "--yes", "--state", state]).expect_code(0);
        assert_eq!(ledger.rows_done(), 12_000);
        assert_eq!(ledger.number("SELECT count(*) FROM moves"), 1, "it began anew");
        self.trip.assert_exact().await;
        self.trip.clear().await;
    }
}

impl Trip {
    #[track_caller]
    fn apply_on(&self, disk: &Disk) -> Outcome {
        self.ferry.run(&["apply", PLAN, "--yes", "--state", disk.path()])
    }
}

/// A small disk in memory.
struct Disk(PathBuf);

impl Disk {
    /// Nothing, with a notice, where mounting is not permitted.
    fn mount(folder: &Path, options: &str) -> Option<Self> {
        // The servers may take a minute to start; the disk must not wait for them mounted.
        lab::server(Kind::Milvus235B);
        std::fs::create_dir(folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "milvus-ferry-test"]).arg(folder);
        let mounted = finish(&mut mount).status.success();
        if !mounted {
            eprintln!("skipped: a disk cannot be mounted here");
        }
        mounted.then(|| Self(folder.to_owned()))
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// Leaves not a byte on it.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = std::fs::File::create(&path).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        path
    }

    fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        let status = Command::new("mount").args(["-o", &options]).arg(&self.0).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A folder that nobody needed: what is refused, cannot begin or has nothing to do makes none.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_apply_that_is_not_carried_out_makes_no_folder() {
    let trip = Trip::new(world::rows().await, "").await;
    let none = |outcome: testkit::ferry::Outcome, why: &str| {
        assert!(!trip.ferry.path(".milvus-ferry").exists(), "{why}: {outcome:#?}");
    };
    // There is no terminal to ask on.
    none(trip.ferry.run(&["apply", PLAN]).expect_code(64), "no answer");
    let plan = trip.ferry.read(PLAN);
    trip.ferry.write(PLAN, &plan.replace("version = 1", "version = \"one\""));
    none(trip.apply().expect_code(3), "a broken plan file");
    let away = "http://127.0.0.1:1";
    let target = lab::server(Kind::Milvus235B).uri();
    trip.ferry
        .write(PLAN, &plan.replace(target, away).replace("[copy]", "[copy]\nretry_for = \"1s\""));
    none(trip.apply().expect_code(4), "a server that is away");
    trip.ferry.write(PLAN, &plan.replace("source = \"", "source = \"no_such_"));
    none(trip.apply().expect_code(1), "a source that is not there");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nobody_else_may_read_what_is_written_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt;

    let trip = Trip::new(world::rows().await, "").await;
    let run = |umask: &str, arguments: &str, code: i32| {
        let binary = testkit::ferry::binary();
        let script = format!("umask {umask}; exec '{}' {arguments}", binary.display());
        let output =
            Command::new("sh").args(["-c", &script]).current_dir(trip.ferry.folder()).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
    };
    run("000", &format!("apply {PLAN} --yes"), 0);
    trip.probe.delete(&trip.target, "", "id in [1, 2, 3]").await;
    run("000", &format!("verify {PLAN}"), 6);
    let state = trip.ferry.path(".milvus-ferry");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&state).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, ["catalog.db", "catalog.differences.jsonl", "catalog.lock"]);
    trip.clear().await;
}

/// Files of a killed run that somebody takes away, empties or overwrites: nothing is begun anew, as
/// that would double rows, and the way on is named.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn files_that_are_damaged_after_a_kill() {
    let Slow { relay, trip } = Slow::new().await;
    let mut run = trip.spawn();
    run.wait_until(PATIENCE, || trip.ledger().chunks_done() >= 4);
    run.kill();
    let state = trip.ferry.path(".milvus-ferry");
    let names = ["catalog.db", "catalog.db-wal", "catalog.db-shm", "catalog.lock"];
    let kept = names.map(|name| std::fs::read(state.join(name)).unwrap());
    let put_back = || {
        for (name, bytes) in names.iter().zip(&kept) {
            let _ = std::fs::remove_file(state.join(name));
            std::fs::write(state.join(name), bytes).unwrap();
        }
    };
    type Damage<'a> = (&'a str, Box<dyn Fn() + 'a>);
    let damages: [Damage; 5] = [
        (
            "catalog.db-wal was deleted",
            Box::new(|| {
                std::fs::remove_file(state.join("catalog.db-wal")).unwrap();
            }),
        ),
        ("it is empty", Box::new(|| std::fs::write(state.join("catalog.db"), "").unwrap())),
        ("is there", Box::new(|| std::fs::remove_file(state.join("catalog.db")).unwrap())),
        (
            "cannot be used",
            Box::new(|| {
                std::fs::write(state.join("catalog.db"), "no database at all\n".repeat(500))
                    .unwrap();
                std::fs::remove_file(state.join("catalog.db-wal")).unwrap();
            }),
        ),
        (
            "cannot be used",
            Box::new(|| {
                std::fs::write(state.join("catalog.db"), &kept[0][..kept[0].len() / 2]).unwrap();
                std::fs::remove_file(state.join("catalog.db-wal")).unwrap();
            }),
        ),
    ];
    let (inserts, upserts) = (relay.count("Insert"), relay.count("Upsert"));
    for (says, damage) in &damages {
        damage();
        for outcome in [trip.plan(), trip.apply()] {
            let outcome = outcome.expect_code(1);
            for says in [*says, "nothing was done", "existing = \"adopt\""] {
                assert_says(&outcome, says);
            }
            for debug in ["Some(", "{ ", "panicked"] {
                assert!(!outcome.stderr.contains(debug), "{}", outcome.stderr);
            }
        }
        put_back();
    }
    assert_eq!((relay.count("Insert"), relay.count("Upsert")), (inserts, upserts));
    relay.set_rule(|_| Act::Forward);
    trip.apply().expect_code(0);
    trip.assert_exact().await;
    trip.clear().await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_lock_that_leads_elsewhere_is_not_written_through() {
    let trip = Trip::new(world::rows().await, "").await;
    trip.ferry.write("precious", "precious");
    trip.ferry.write(".milvus-ferry/.keep", "");
    let lock = trip.ferry.path(".milvus-ferry/catalog.lock");
    std::os::unix::fs::symlink(trip.ferry.path("precious"), &lock).unwrap();
    let outcome = trip.apply().expect_code(1);
    assert_says(&outcome, "catalog.lock is not a plain file of its own");
    assert_eq!(trip.ferry.read("precious"), "precious");
    assert!(!trip.probe.has_collection(&trip.target).await);
    std::fs::remove_file(lock).unwrap();
    trip.apply().expect_code(0);
    trip.clear().await;
}
