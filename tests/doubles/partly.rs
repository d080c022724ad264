//! Writes that fail and have landed in some shards: a copy, a pass that catches up and a repair end
//! exact all the same, and so do they when they were killed in such a write.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use testkit::collection::{Collection, FieldWords, Index, key, var_char, vector};
use testkit::data;
use testkit::fake::Landed;
use testkit::ferry::says;
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Call, Relay};
use testkit::scene::{PLAN, doubles::Doubles, entry, expect_words};
use testkit::table::{Key, Table};

const APPLY: [&str; 3] = ["apply", PLAN, "--yes"];
const CATCH_UP: [&str; 4] = ["apply", PLAN, "--yes", "--catch-up"];
const PATIENCE: Duration = Duration::from_secs(60);
const ROWS: i64 = 1_500;
const SHARDS: i32 = 3;
/// Runs, at most, until a command is at its end.
const RUNS: usize = 40;
const PARTITIONS: [&str; 3] = ["_default", "north", "south"];

/// How a collection spreads its rows.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Whole,
    Partitions,
    PartitionKey,
    /// The server makes up the keys.
    MadeUp,
}

struct Trip {
    scene: Doubles,
    relay: Relay,
    collection: Collection,
    rows: Table,
    kind: Kind,
}

impl Trip {
    async fn new(version: &str, kind: Kind) -> Self {
        let scene = Doubles::between(version, version).await;
        let mut fields = vec![
            key(DataType::Int64),
            var_char("text", 500),
            vector("embedding", DataType::FloatVector, 64),
        ];
        match kind {
            Kind::MadeUp => fields[0] = key(DataType::Int64).auto_id(),
            Kind::PartitionKey => fields[1].is_partition_key = true,
            Kind::Whole | Kind::Partitions => {}
        }
        let index = Index::new("embedding", "FLAT", "L2", "");
        let mut collection = Collection::new("things", fields).shards(SHARDS).index(index);
        let mut rows = data::table_of(&collection, &data::key_range(0..ROWS), 9);
        if kind == Kind::Partitions {
            collection = collection.partitions(&PARTITIONS[1..]);
            rows = rows.spread_over(&PARTITIONS);
        }
        scene.source.fill(&collection, &rows).await;
        if kind == Kind::MadeUp {
            rows = scene.source.read_all("things", &[], &[]).await;
        }
        let relay = Relay::to(&scene.to.uri(), |_| Act::Forward);
        scene.plan_file(&format!("{}\n[verify]\ncontent = \"full\"", entry("things", "")));
        let plan = scene.ferry.read(PLAN).replace(&scene.to.uri(), &relay.uri());
        scene.ferry.write(PLAN, &plan.replace("[copy]\n", "[copy]\nparallelism = 1\n"));
        scene.to.forget_calls();
        Self { scene, relay, collection, rows, kind }
    }

    async fn run(&self, arguments: &[&str], code: i32) {
        self.scene.run(arguments).await.expect_code(code);
    }

    /// From now on every third write lands in part, and in other shards each time. Where the server makes
    /// up the keys, each of them is waited for until none can come late: there it is one write.
    fn storm(&self, rpc: &'static str) {
        match self.kind {
            Kind::MadeUp => self.scene.to.land_partly(rpc, 0, Landed::in_shards(&[0])),
            _ => self.scene.to.change(|profile| profile.partial_writes = 3),
        }
    }

    /// Until it has come to its end: where a single row or a delete failed, the run stops, and the same
    /// command continues.
    async fn until_done(&self, arguments: &[&str]) {
        for _ in 0..RUNS {
            let outcome = self.scene.run(arguments).await;
            match outcome.code {
                Some(0) => return,
                Some(5) => {
                    assert!(
                        says(&outcome, "failed to append"),
                        "{}\n{}",
                        outcome.stdout,
                        outcome.stderr
                    );
                }
                code => panic!("{code:?}\n{}\n{}", outcome.stdout, outcome.stderr),
            }
        }
        panic!("not at its end after {RUNS} runs");
    }

    /// Each row of the source is at the target once, and nothing is left to do.
    async fn expect_exact(&self) {
        let found = if self.kind == Kind::Partitions {
            self.scene.target.read_all("things", &self.rows.keys(), &PARTITIONS).await
        } else {
            self.scene.target.read_all("things", &self.rows.keys(), &[]).await
        };
        match self.kind {
            Kind::Partitions => testkit::table::assert_same_by_partition(&self.rows, &found),
            _ => testkit::table::assert_same(&self.rows, &found),
        }
        // A query gives a key once, and `count(*)` each row.
        assert_eq!(self.scene.target.count("things", &[]).await, self.rows.rows.len());
        let mut there: BTreeMap<Key, usize> = BTreeMap::new();
        self.scene.to.with_collection("default", "things", |things| {
            things.live().for_each(|row| *there.entry(row.key.clone()).or_default() += 1);
        });
        assert!(there.values().all(|times| *times == 1), "rows that are there twice");
        let again = self.scene.run(&APPLY).await.expect_code(0);
        assert!(says(&again, "Nothing to do"), "{}\n{}", again.stdout, again.stderr);
    }

    /// Changes the source: rows that are new, changed and deleted, in several chunks and shards.
    async fn source_changes(&mut self) {
        let source = &self.scene.source;
        let keys = self.rows.keys();
        let gone: Vec<Key> = keys.iter().step_by(97).cloned().collect();
        let literals: Vec<String> = gone.iter().map(Key::literal).collect();
        source.delete("things", "", &format!("id in [{}]", literals.join(", "))).await;
        let new = data::table_of(&self.collection, &data::key_range(5_000..5_100), 10);
        source.insert("things", &new).await;
        if self.kind == Kind::MadeUp {
            self.rows = source.read_all("things", &[], &[]).await;
            return;
        }
        let changed: Vec<Key> = keys.iter().skip(1).step_by(53).cloned().collect();
        let changed: Vec<Key> = changed.into_iter().filter(|key| !gone.contains(key)).collect();
        let other = data::table_of(&self.collection, &changed, 11);
        let (mut other, mut new) = (other, new);
        if self.kind == Kind::Partitions {
            // Each stays in its partition.
            let places: BTreeMap<Key, String> = keys
                .into_iter()
                .zip(self.rows.rows.iter().map(|row| row.partition.clone()))
                .collect();
            for (row, key) in other.rows.iter_mut().zip(&changed) {
                row.partition.clone_from(&places[key]);
            }
            new.rows.iter_mut().for_each(|row| "_default".clone_into(&mut row.partition));
        }
        source.upsert("things", &other).await;
        let kept = |key: &Key| !gone.contains(key) && !changed.contains(key);
        self.rows = self.rows.filtered(kept).followed_by(&other).followed_by(&new);
    }

    /// Spoils rows at the target, past all calls: some are gone, others have another text.
    fn spoil(&self) {
        let keys = self.rows.keys();
        self.scene.to.with_collection("default", "things", |things| {
            let text = things.columns.iter().position(|one| one.field.name == "text").unwrap();
            let live = things.rows.iter_mut().filter(|row| row.deleted.is_none());
            for row in live {
                let place = keys.iter().position(|key| *key == row.key).unwrap();
                match place % 71 {
                    3 => row.deleted = Some(row.written),
                    5 => row.values[text] = testkit::table::Value::Text("wrong".to_owned()),
                    _ => {}
                }
            }
        });
    }

    /// Kills a command in a write that has landed in part, and is never answered.
    async fn killed_in(&self, arguments: &[&str], rpc: &'static str, number: usize, at: Landed) {
        self.scene.to.land_partly(rpc, number - 1, at);
        let before = (self.scene.to.partial_writes(), self.relay.count(rpc));
        let seen = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&seen);
        self.relay.set_rule(move |call: &Call| {
            let over = call.rpc == rpc && count.fetch_add(1, Ordering::SeqCst) + 1 >= number;
            if over { Act::Hang } else { Act::Forward }
        });
        let mut run = self.scene.ferry.spawn(arguments);
        tokio::task::block_in_place(|| {
            run.wait_until(PATIENCE, || self.scene.to.partial_writes() > before.0);
            run.kill()
        });
        assert!(self.relay.count(rpc) >= before.1 + number);
        self.relay.set_rule(|_| Act::Forward);
    }
}

/// A copy, a pass and a repair, each in a storm.
async fn all_of(version: &str, kind: Kind) {
    let mut trip = Trip::new(version, kind).await;
    trip.storm("Insert");
    trip.until_done(&APPLY).await;
    let copied = trip.scene.to.partial_writes();
    assert!(copied >= 1, "{version} {kind:?}: {copied}");
    trip.expect_exact().await;
    trip.source_changes().await;
    trip.storm("Delete");
    trip.until_done(&CATCH_UP).await;
    let caught_up = trip.scene.to.partial_writes();
    assert!(caught_up > copied, "{version} {kind:?}: {caught_up}");
    trip.expect_exact().await;
    trip.spoil();
    trip.run(&["verify", PLAN], 6).await;
    trip.storm("Insert");
    trip.until_done(&APPLY).await;
    assert!(trip.scene.to.partial_writes() > caught_up, "{version} {kind:?}");
    trip.expect_exact().await;
    trip.run(&["verify", PLAN], 0).await;
}

#[ignore = "takes minutes"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_a_pass_and_a_repair_are_exact() {
    tokio::join!(
        all_of("2.5.27", Kind::Whole),
        all_of("2.6.20", Kind::Partitions),
        all_of("3.0.0", Kind::PartitionKey),
        all_of("2.6.20", Kind::MadeUp),
    );
}

#[ignore = "takes minutes"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn and_with_the_other_releases() {
    tokio::join!(
        all_of("2.4.17", Kind::Whole),
        all_of("2.5.27", Kind::Partitions),
        all_of("2.5.27", Kind::PartitionKey),
        all_of("3.0.0", Kind::MadeUp),
    );
}

/// A kill in the first and in a later write of a copy, each landed in none, one or all of the shards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_was_killed_in_such_a_write_is_exact() {
    let killed = |kind: Kind, number: usize, shards: &'static [u32]| async move {
        let trip = Trip::new("2.6.20", kind).await;
        trip.killed_in(&APPLY, "Insert", number, Landed::in_shards(shards)).await;
        // The next one is not spared either.
        trip.storm("Insert");
        trip.until_done(&APPLY).await;
        trip.expect_exact().await;
    };
    tokio::join!(
        killed(Kind::Whole, 1, &[1]),
        killed(Kind::Whole, 3, &[0, 2]),
        killed(Kind::Partitions, 2, &[0]),
        killed(Kind::PartitionKey, 2, &[]),
        killed(Kind::MadeUp, 2, &[0, 1]),
    );
}

/// The same in a pass that catches up, where rows are replaced and deleted. Up to 2.5 new rows may be
/// there beside the old ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pass_that_was_killed_in_such_a_write_is_exact() {
    let killed = |version: &'static str, kind: Kind, rpc: &'static str, at: Landed| async move {
        let mut trip = Trip::new(version, kind).await;
        trip.run(&APPLY, 0).await;
        trip.source_changes().await;
        trip.killed_in(&CATCH_UP, rpc, 1, at).await;
        trip.storm("Insert");
        trip.until_done(&CATCH_UP).await;
        trip.expect_exact().await;
    };
    tokio::join!(
        killed("2.5.27", Kind::Whole, "Upsert", Landed::beside(&[0], &[1])),
        killed("2.6.20", Kind::Partitions, "Upsert", Landed::in_shards(&[2])),
        killed("2.6.20", Kind::Whole, "Delete", Landed::in_shards(&[1])),
        killed("2.6.20", Kind::MadeUp, "Insert", Landed::in_shards(&[1])),
        killed("3.0.0", Kind::MadeUp, "Delete", Landed::in_shards(&[0])),
    );
}

/// And in a repair.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_that_was_killed_in_such_a_write_is_exact() {
    let killed = |version: &'static str, kind: Kind, rpc: &'static str, at: Landed| async move {
        let trip = Trip::new(version, kind).await;
        trip.run(&APPLY, 0).await;
        trip.spoil();
        trip.run(&["verify", PLAN], 6).await;
        trip.killed_in(&APPLY, rpc, 1, at).await;
        trip.storm("Insert");
        trip.until_done(&APPLY).await;
        trip.expect_exact().await;
    };
    tokio::join!(
        killed("2.5.27", Kind::Whole, "Upsert", Landed::beside(&[], &[0, 1])),
        killed("2.6.20", Kind::Partitions, "Upsert", Landed::in_shards(&[0])),
        killed("2.6.20", Kind::MadeUp, "Insert", Landed::in_shards(&[2])),
    );
}

/// A row of a source that an import left in another shard: two rows have one key. Up to 2.4 one of them
/// arrives, and the other is explained; later servers give both, or refuse, and nothing is copied.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_in_two_shards_of_the_source_is_not_passed_over() {
    for (version, code, words) in [
        ("2.4.17", 0, &["1,501 at the source", "duplicate keys", "700"][..]),
        ("2.5.27", 5, &["key 700", "twice"]),
        ("2.6.20", 5, &["key 700", "twice"]),
        ("3.0.0", 1, &["source_not_readable", "duplicate PK 700 found across shards"]),
    ] {
        let trip = Trip::new(version, Kind::Whole).await;
        trip.scene.from.with_collection("default", "things", |things| {
            things.double_across_shards(&Key::Int(700));
        });
        let outcome = trip.scene.run(&APPLY).await.expect_code(code);
        expect_words(&outcome, words);
        if code == 0 {
            trip.expect_exact().await;
        }
    }
}

/// A row of a target that is adopted, in another shard than its key's: no write finds it. The copy is not
/// called exact.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_in_two_shards_of_an_adopted_target_is_found() {
    let trip = Trip::new("2.6.20", Kind::Whole).await;
    trip.scene.target.fill(&trip.collection, &trip.rows).await;
    trip.scene.to.with_collection("default", "things", |things| {
        things.double_across_shards(&Key::Int(700));
    });
    let plan = trip.scene.ferry.read(PLAN);
    let adopts = plan.replace("source = \"things\"", "source = \"things\"\nexisting = \"adopt\"");
    trip.scene.ferry.write(PLAN, &adopts);
    let outcome = trip.scene.run(&APPLY).await;
    assert_ne!(outcome.code, Some(0), "{}\n{}", outcome.stdout, outcome.stderr);
}
