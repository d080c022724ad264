//! Keys that the source's server makes up and the target makes anew: the source's go into a field of
//! their own, by which rows are found.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use testkit::collection::{Collection, FieldWords, Index, key, var_char, vector};
use testkit::data;
use testkit::ferry::{Outcome, says};
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Call, Relay};
use testkit::scene::{PLAN, Scene, doubles::Doubles, entry, expect_words};
use testkit::table::{Key, Table, assert_same};

const APPLY: [&str; 3] = ["apply", PLAN, "--yes"];
const CATCH_UP: [&str; 4] = ["apply", PLAN, "--yes", "--catch-up"];
const REGENERATE: &str = "auto_id = \"regenerate\"\nsource_key_field = \"legacy_id\"";
const ROWS: i64 = 1_500;
const PATIENCE: Duration = Duration::from_secs(60);

fn made_up(kind: DataType) -> Collection {
    let fields = vec![
        key(kind).auto_id(),
        var_char("text", 500),
        vector("embedding", DataType::FloatVector, 64),
    ];
    Collection::new("things", fields).index(Index::new("embedding", "FLAT", "L2", ""))
}

fn rows_of(collection: &Collection, range: std::ops::Range<i64>) -> Table {
    data::table_of(collection, &data::key_range(range), 9)
}

/// Rows of the source as the target is to have them, but for their new keys.
fn moved(rows: &Table) -> Table {
    rows.clone().renamed("id", "legacy_id")
}

/// What the target has, but for its keys.
async fn there(scene: &Scene, collection: &str) -> Table {
    let all = scene.target.read_all(collection, &[], &[]).await;
    let mut rows = all.without("id");
    let column = rows.column("legacy_id");
    rows.columns[column].is_primary_key = true;
    rows
}

/// A move between two doubles, and what its source holds.
struct Trip {
    scene: Doubles,
    relay: Relay,
    collection: Collection,
    rows: Table,
}

impl Trip {
    async fn between(from: &str, to: &str, kind: DataType) -> Self {
        let scene = Doubles::between(from, to).await;
        let collection = made_up(kind);
        scene.source.fill(&collection, &rows_of(&collection, 0..ROWS)).await;
        let rows = scene.source.read_all("things", &[], &[]).await;
        assert_eq!(rows.rows.len() as i64, ROWS);
        let relay = Relay::to(&scene.to.uri(), |_| Act::Forward);
        let verify = "[verify]\ncontent = \"full\"";
        scene.plan_file(&format!("{}\n{verify}", entry("things", REGENERATE)));
        let plan = scene.ferry.read(PLAN).replace(&scene.to.uri(), &relay.uri());
        let plan = plan.replace("[copy]\n", "[copy]\nparallelism = 1\n");
        scene.ferry.write(PLAN, &plan);
        scene.to.forget_calls();
        Self { scene, relay, collection, rows }
    }

    /// The target has each row of the source once, makes up keys, and nothing is left to do.
    async fn expect_whole(&self) {
        assert_same(&moved(&self.rows), &there(&self.scene, "things").await);
        let schema = self.scene.target.describe("things").await.schema.unwrap();
        assert!(schema.fields[0].auto_id && schema.fields[0].is_primary_key);
        assert_eq!(schema.fields[1].name, "legacy_id");
        assert_eq!(self.scene.to.count("Upsert"), 0, "an upsert gives rows new keys");
        let again = self.scene.run(&APPLY).await.expect_code(0);
        assert!(says(&again, "Nothing to do"), "{}\n{}", again.stdout, again.stderr);
    }

    async fn apply(&self) -> Outcome {
        self.scene.run(&APPLY).await
    }

    /// Changes the source after the copy: rows go, and others come.
    async fn source_changes(&mut self) {
        let gone: Vec<String> = self.rows.keys()[..5].iter().map(Key::literal).collect();
        let filter = format!("id in [{}]", gone.join(", "));
        self.scene.source.delete("things", "", &filter).await;
        let new = data::table_of(&self.collection, &data::key_range(5_000..5_200), 12);
        self.scene.source.insert("things", &new).await;
        self.rows = self.scene.source.read_all("things", &[], &[]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keys_arrive_in_a_field_of_their_own() {
    for (from, to) in [("2.4.17", "2.4.17"), ("2.4.17", "2.6.20")] {
        for kind in [DataType::Int64, DataType::VarChar] {
            let trip = Trip::between(from, to, kind).await;
            let plan = trip.scene.plan().await.expect_code(2);
            let field = "values: none → those of id at the source";
            expect_words(&plan, &["auto_id_regenerated", "legacy_id", field]);
            assert!(!says(&plan, "allow_insert_auto_id"), "{}", plan.stdout);
            trip.apply().await.expect_code(0);
            trip.expect_whole().await;
            trip.scene.run(&["verify", PLAN]).await.expect_code(0);
            // An application makes no keys.
            let keys = data::keys(&trip.collection, 3);
            let mut new = data::table_of(&trip.collection, &keys, 3);
            let mut legacy = new.columns[0].clone();
            (legacy.name, legacy.auto_id, legacy.is_primary_key) =
                ("legacy_id".to_owned(), false, false);
            new.columns.insert(1, legacy);
            for row in &mut new.rows {
                row.values.insert(1, row.values[0].clone());
            }
            trip.scene.target.insert("things", &new).await;
            assert_eq!(trip.scene.target.count("things", &[]).await as i64, ROWS + 3);
        }
    }
}

/// Partitions, dynamic data and other names are moved as ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_else_is_moved_as_ever() {
    let scene = Doubles::between("2.4.17", "2.4.17").await;
    let collection = made_up(DataType::Int64).dynamic().partitions(&["red", "blue"]);
    let rows = rows_of(&collection, 0..600).spread_over(&["_default", "red", "blue"]);
    scene.source.fill(&collection, &rows).await;
    let names = ["_default", "red", "blue"];
    let rows = scene.source.read_all("things", &[], &names).await;
    let fields = "[collections.fields.text]\nrename = \"words\"\nmax_length = 700";
    scene.plan_file(&format!(
        "{}\n{fields}\n[verify]\ncontent = \"full\"",
        entry("things", REGENERATE)
    ));
    scene.converge().await;
    let all = scene.target.read_all("things", &[], &names).await;
    let mut there = all.without("id");
    let column = there.column("legacy_id");
    there.columns[column].is_primary_key = true;
    let expected = moved(&rows).renamed("text", "words");
    testkit::table::assert_same_by_partition(&expected, &there);
    scene.run(&["verify", PLAN]).await.expect_code(0);
}

/// The call of a kind that is spoiled, by its number.
fn spoil(relay: &Relay, rpc: &'static str, number: usize, act: Act) {
    let seen = AtomicUsize::new(0);
    relay.set_rule(move |call: &Call| {
        if call.rpc == rpc && seen.fetch_add(1, Ordering::SeqCst) + 1 == number {
            act.clone()
        } else {
            Act::Forward
        }
    });
}

fn unavailable() -> tonic::Status {
    tonic::Status::unavailable("relay: connection reset by peer")
}

/// `again`: rows were doubled or lost, and the look at all of them found it.
async fn arrives_whole_when(again: bool, spoiled: impl Fn(&Relay)) {
    let trip = Trip::between("2.4.17", "2.4.17", DataType::Int64).await;
    spoiled(&trip.relay);
    let apply = trip.apply().await.expect_code(0);
    assert_eq!(says(&apply, "copied again"), again, "{}\n{}", apply.stdout, apply.stderr);
    trip.relay.set_rule(|_| Act::Forward);
    trip.expect_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_lost_answer_doubles_or_loses_rows() {
    let late = || Act::Late(Duration::from_secs(8), unavailable());
    tokio::join!(
        arrives_whole_when(false, |relay| spoil(relay, "Insert", 2, Act::lose_answer())),
        // Carried out when the rows were deleted and inserted once more.
        arrives_whole_when(true, |relay| spoil(relay, "Insert", 2, late())),
        // A lost insert, after which the delete is lost, or comes when the rows are there: it is of
        // keys that are there no more.
        arrives_whole_when(false, |relay| {
            let (inserts, deletes) = (AtomicUsize::new(0), AtomicUsize::new(0));
            relay.set_rule(move |call: &Call| match call.rpc {
                "Insert" if inserts.fetch_add(1, Ordering::SeqCst) == 1 => Act::lose_answer(),
                "Delete" if deletes.fetch_add(1, Ordering::SeqCst) == 0 => Act::lose_answer(),
                _ => Act::Forward,
            });
        }),
        arrives_whole_when(false, |relay| {
            let (inserts, deletes) = (AtomicUsize::new(0), AtomicUsize::new(0));
            relay.set_rule(move |call: &Call| match call.rpc {
                "Insert" if inserts.fetch_add(1, Ordering::SeqCst) == 1 => Act::lose_answer(),
                "Delete" if deletes.fetch_add(1, Ordering::SeqCst) == 0 => {
                    Act::Late(Duration::from_secs(8), unavailable())
                }
                _ => Act::Forward,
            });
        }),
    );
}

/// Kills `arguments` in this call; the server has carried it out or not.
async fn killed_in(
    trip: &Trip,
    arguments: &[&str],
    call: (&'static str, usize),
    carried_out: bool,
) {
    let (rpc, number) = call;
    let reached = Arc::new(Mutex::new(false));
    let (seen, there) = (AtomicUsize::new(0), Arc::clone(&reached));
    let before = trip.scene.to.count(rpc);
    trip.relay.set_rule(move |call: &Call| {
        if call.rpc != rpc || seen.fetch_add(1, Ordering::SeqCst) + 1 != number {
            return Act::Forward;
        }
        *there.lock().unwrap() = true;
        if carried_out { Act::Hang } else { Act::Delay(Duration::from_secs(3_600)) }
    });
    let mut run = trip.scene.ferry.spawn(arguments);
    tokio::task::block_in_place(|| {
        run.wait_until(PATIENCE, || {
            let done = !carried_out || trip.scene.to.count(rpc) >= before + number;
            *reached.lock().unwrap() && trip.scene.to.double().change_state(|_| done)
        });
        run.kill()
    });
    trip.relay.set_rule(|_| Act::Forward);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_copy_is_continued() {
    let all = [
        ("CreateCollection", 1, true),
        ("LoadCollection", 1, true),
        ("Insert", 1, true),
        ("Insert", 1, false),
        ("Insert", 3, true),
        ("Insert", 3, false),
    ];
    let killed = all.map(|(rpc, number, carried_out)| async move {
        let trip = Trip::between("2.4.17", "2.4.17", DataType::Int64).await;
        killed_in(&trip, &APPLY, (rpc, number), carried_out).await;
        trip.apply().await.expect_code(0);
        trip.expect_whole().await;
    });
    futures_util::future::join_all(killed).await;
}

/// Killed once more while rows are written again: between the delete and the insert, and in either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_killed_again_while_rows_are_written_again() {
    let second = [("Delete", true), ("Delete", false), ("Insert", true), ("Insert", false)];
    let killed = second.map(|(rpc, carried_out)| async move {
        let trip = Trip::between("2.4.17", "2.4.17", DataType::VarChar).await;
        killed_in(&trip, &APPLY, ("Insert", 3), true).await;
        killed_in(&trip, &APPLY, (rpc, 1), carried_out).await;
        trip.apply().await.expect_code(0);
        trip.expect_whole().await;
    });
    futures_util::future::join_all(killed).await;
}

/// Writes of a later pass are lost, or come late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_since_is_carried_over() {
    let late = Act::Late(Duration::from_secs(8), unavailable());
    let passes = [None, Some(Act::lose_answer()), Some(late)].map(|act| async move {
        let mut trip = Trip::between("2.4.17", "2.4.17", DataType::Int64).await;
        trip.apply().await.expect_code(0);
        trip.source_changes().await;
        if let Some(act) = act {
            spoil(&trip.relay, "Insert", 1, act);
        }
        let before = trip.scene.to.count("Insert");
        trip.scene.run(&CATCH_UP).await.expect_code(0);
        assert!(trip.scene.to.count("Insert") > before, "nothing was spoiled");
        trip.relay.set_rule(|_| Act::Forward);
        trip.expect_whole().await;
    });
    futures_util::future::join_all(passes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_pass_leaves_nothing_behind() {
    let kills = [("Insert", true), ("Insert", false), ("Delete", true)];
    let passes = kills.map(|(rpc, carried_out)| async move {
        let mut trip = Trip::between("2.4.17", "2.4.17", DataType::Int64).await;
        trip.apply().await.expect_code(0);
        trip.source_changes().await;
        killed_in(&trip, &CATCH_UP, (rpc, 1), carried_out).await;
        trip.scene.run(&CATCH_UP).await.expect_code(0);
        trip.expect_whole().await;
    });
    futures_util::future::join_all(passes).await;
}

/// Rows that are missing, spoiled or there twice are found, and mended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_differ_are_repaired() {
    let trip = Trip::between("2.4.17", "2.4.17", DataType::Int64).await;
    trip.apply().await.expect_code(0);
    trip.scene.to.with_collection("default", "things", |things| {
        let live = things.rows.iter_mut().filter(|row| row.deleted.is_none());
        for row in live.take(4) {
            row.deleted = Some(row.written);
        }
    });
    trip.scene.run(&["verify", PLAN]).await.expect_code(6);
    trip.apply().await.expect_code(0);
    trip.expect_whole().await;
}

/// Where the target could keep both, new keys are made if that is asked for; and a source that brings
/// its keys is refused, as is a name that is taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_it_is_not_for_is_refused() {
    let scene = Doubles::between("2.4.17", "2.6.20").await;
    let collection = made_up(DataType::Int64);
    scene.source.fill(&collection, &rows_of(&collection, 0..30)).await;
    let taken = REGENERATE.replace("legacy_id", "text");
    scene.plan_one("things", &taken);
    scene.expect_refusal(&["source_key_field_taken", "\"text\""]).await;
    scene.plan_one("things", &format!("{REGENERATE}\nfields.id.rename = \"key\""));
    scene.expect_refusal(&["field_override_unfit", "fields.id"]).await;
    let own = Collection { name: "own".to_owned(), ..made_up(DataType::Int64) };
    let mut own = own;
    own.fields[0].auto_id = false;
    scene.source.fill(&own, &rows_of(&own, 0..30)).await;
    scene.plan_one("own", REGENERATE);
    scene.expect_refusal(&["regenerate_unfit", "auto_id = \"keep\""]).await;
    // A glob spans both kinds.
    scene.plan_file(&format!("[[collections]]\nsource = \"*\"\n{REGENERATE}"));
    scene.converge().await;
    let fields = scene.target.describe("own").await.schema.unwrap().fields;
    assert!(fields.iter().all(|field| field.name != "legacy_id"));
}
