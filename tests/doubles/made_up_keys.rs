//! Keys that the source's server makes up: the target keeps them, and makes up those of new rows.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use testkit::collection::{Collection, FieldWords, Index, key, var_char, vector};
use testkit::data;
use testkit::fake::{Feature, Profile};
use testkit::ferry::says;
use testkit::pb::schema::DataType;
use testkit::probe::refusal;
use testkit::relay::{Act, Call, Relay};
use testkit::scene::{PLAN, Scene, doubles::Doubles, entry, expect_words};
use testkit::table::{Key, Table};

const PROPERTY: &str = "allow_insert_auto_id";
const APPLY: [&str; 3] = ["apply", PLAN, "--yes"];
const CATCH_UP: [&str; 4] = ["apply", PLAN, "--yes", "--catch-up"];
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

/// A move between two doubles, and what its source holds.
struct Trip {
    scene: Doubles,
    relay: Relay,
    collection: Collection,
    rows: Table,
}

impl Trip {
    async fn between(from: &str, to: &str, kind: DataType) -> Self {
        Self::of(Doubles::between(from, to).await, made_up(kind), "").await
    }

    async fn of(scene: Doubles, collection: Collection, settings: &str) -> Self {
        scene.source.fill(&collection, &rows_of(&collection, 0..ROWS)).await;
        let rows = scene.source.read_all("things", &[], &[]).await;
        assert_eq!(rows.rows.len() as i64, ROWS);
        let relay = Relay::to(&scene.to.uri(), |_| Act::Forward);
        scene.plan_file(&format!("{}\n[verify]\ncontent = \"full\"", entry("things", settings)));
        let plan = scene.ferry.read(PLAN).replace(&scene.to.uri(), &relay.uri());
        let plan = plan.replace("[copy]\n", "[copy]\nparallelism = 1\n");
        scene.ferry.write(PLAN, &plan);
        scene.to.forget_calls();
        Self { scene, relay, collection, rows }
    }

    /// How often each key is at the target, past all queries.
    fn keys_there(&self) -> Vec<Key> {
        self.scene.to.with_collection("default", "things", |things| {
            let live = things.rows.iter().filter(|row| row.deleted.is_none());
            live.map(|row| row.key.clone()).collect()
        })
    }

    /// The target has each row of the source once, makes up keys again, and nothing is left to do.
    async fn expect_whole(&self) {
        let keys = self.keys_there();
        let different: BTreeSet<&Key> = keys.iter().collect();
        assert_eq!(keys.len(), different.len(), "rows that are there twice");
        assert_eq!(keys.len(), self.rows.rows.len());
        self.scene.expect("things", &self.rows).await;
        self.expect_made_up().await;
        assert_eq!(self.scene.to.count("Upsert"), 0, "an upsert gives rows new keys");
        let again = self.scene.run(&APPLY).await.expect_code(0);
        assert!(says(&again, "Nothing to do"), "{}\n{}", again.stdout, again.stderr);
    }

    async fn expect_made_up(&self) {
        let schema = self.scene.target.describe("things").await.schema.unwrap();
        assert!(schema.fields[0].auto_id);
        assert_eq!(self.scene.properties("things").await.get(PROPERTY), None);
        assert_ne!(self.insert_with_keys().await, None, "keys may be given still");
    }

    /// What the target says of a row that brings its key.
    async fn insert_with_keys(&self) -> Option<String> {
        let mut own = self.collection.clone();
        own.fields[0].auto_id = false;
        let rows = data::table(&own, 1, 77);
        let request = self.scene.target.insert_requests("things", &rows, 10).remove(0);
        let answer = self.scene.target.raw().insert(request).await.unwrap().into_inner();
        refusal(answer.status.as_ref())
    }

    /// What an application does that lets the server make up the keys.
    async fn application_inserts(&self, seed: u64) {
        let keys = data::keys(&self.collection, 3);
        let rows = data::table_of(&self.collection, &keys, seed);
        self.scene.target.insert("things", &rows).await;
    }

    async fn apply(&self) -> testkit::ferry::Outcome {
        self.scene.run(&APPLY).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keys_arrive_and_the_target_makes_up_those_of_new_rows() {
    for (from, to) in [("2.4.17", "2.6.20"), ("2.6.20", "3.0.0"), ("2.5.27", "2.5.27")] {
        for kind in [DataType::Int64, DataType::VarChar] {
            let trip = Trip::between(from, to, kind).await;
            let plan = trip.scene.plan().await.expect_code(2);
            expect_words(&plan, &[PROPERTY, "for the copy", "in the end none", "auto_id_restarts"]);
            trip.apply().await.expect_code(0);
            trip.expect_whole().await;
            trip.scene.run(&["verify", PLAN]).await.expect_code(0);
            let before = trip.keys_there().len();
            trip.application_inserts(3).await;
            assert_eq!(trip.keys_there().len(), before + 3);
        }
    }
}

/// What the source or the plan file says of the property is what it is in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_property_that_the_target_is_to_have_stays() {
    let set = format!("properties = {{ set = {{ {PROPERTY} = true }} }}");
    for (at_source, settings) in [(true, ""), (false, set.as_str())] {
        let scene = Doubles::between("2.6.20", "2.6.20").await;
        let collection = made_up(DataType::Int64);
        let collection = if at_source { collection.property(PROPERTY, "true") } else { collection };
        let trip = Trip::of(scene, collection, settings).await;
        trip.apply().await.expect_code(0);
        let there = trip.scene.properties("things").await;
        assert_eq!(there.get(PROPERTY).map(String::as_str), Some("true"));
        assert_eq!(trip.insert_with_keys().await, None);
        trip.scene.run(&APPLY).await.expect_code(0);
        assert_eq!(trip.scene.to.count("Upsert"), 0);
    }
}

/// Applications insert while rows are copied, and before an adopted target is written into.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adopted_target_gets_the_property_for_the_time_of_the_copy() {
    let scene = Doubles::between("2.6.20", "2.6.20").await;
    let trip = Trip::of(scene, made_up(DataType::Int64), "existing = \"adopt\"").await;
    trip.scene.target.create_collection(&trip.collection).await;
    trip.scene.target.build_and_load(&trip.collection).await;
    // Real servers make up keys by the time, so that those of two never meet.
    trip.scene.target.insert("things", &rows_of(&trip.collection, 0..2 * ROWS)).await;
    trip.scene.target.delete("things", "", "id >= 0").await;
    trip.application_inserts(5).await;
    let plan = trip.scene.plan().await.expect_code(2);
    expect_words(&plan, &["for the copy", "in the end none"]);
    trip.apply().await.expect_code(0);
    assert_eq!(trip.keys_there().len() as i64, ROWS + 3);
    trip.expect_made_up().await;
    assert_eq!(trip.scene.to.count("Upsert"), 0);
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

/// `again`: rows were doubled or lost, and the look at all of them found it.
async fn arrives_whole_when(again: bool, spoiled: impl Fn(&Relay)) {
    let trip = Trip::between("2.6.20", "2.6.20", DataType::Int64).await;
    spoiled(&trip.relay);
    let apply = trip.apply().await.expect_code(0);
    assert!(trip.scene.to.count("Delete") > 0, "nothing was spoiled");
    assert_eq!(says(&apply, "copied again"), again, "{}\n{}", apply.stdout, apply.stderr);
    trip.relay.set_rule(|_| Act::Forward);
    trip.expect_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_lost_answer_doubles_or_loses_rows() {
    let unavailable = || tonic::Status::unavailable("relay: connection reset by peer");
    let late = || Act::Late(Duration::from_secs(8), unavailable());
    tokio::join!(
        arrives_whole_when(false, |relay| spoil(relay, "Insert", 2, Act::lose_answer())),
        // Carried out when the rows were deleted and inserted once more.
        arrives_whole_when(true, |relay| spoil(relay, "Insert", 2, late())),
        // A lost insert, after which the delete is lost, or comes when the rows are there.
        arrives_whole_when(false, |relay| {
            let (inserts, deletes) = (AtomicUsize::new(0), AtomicUsize::new(0));
            relay.set_rule(move |call: &Call| match call.rpc {
                "Insert" if inserts.fetch_add(1, Ordering::SeqCst) == 1 => Act::lose_answer(),
                "Delete" if deletes.fetch_add(1, Ordering::SeqCst) == 0 => Act::lose_answer(),
                _ => Act::Forward,
            });
        }),
        arrives_whole_when(true, |relay| {
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
        ("Insert", 1, true),
        ("Insert", 3, false),
        ("LoadCollection", 1, true),
        ("AlterCollection", 1, false),
        ("AlterCollection", 1, true),
    ];
    let killed = all.map(|(rpc, number, carried_out)| async move {
        let trip = Trip::between("2.6.20", "2.6.20", DataType::Int64).await;
        killed_in(&trip, &APPLY, (rpc, number), carried_out).await;
        trip.apply().await.expect_code(0);
        trip.expect_whole().await;
    });
    futures_util::future::join_all(killed).await;
}

impl Trip {
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

/// Writes of a later pass are lost, or come late; keys may be given for its time only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_since_is_carried_over() {
    let unavailable = tonic::Status::unavailable("relay: connection reset by peer");
    let late = Act::Late(Duration::from_secs(8), unavailable);
    let passes = [None, Some(Act::lose_answer()), Some(late)].map(|act| async move {
        let mut trip = Trip::between("2.6.20", "2.6.20", DataType::Int64).await;
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

/// The next command takes the property back, and the next pass makes the rows those of the source.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_pass_leaves_nothing_behind() {
    let kills = [("Insert", true), ("Insert", false), ("Delete", true)];
    let passes = kills.map(|(rpc, carried_out)| async move {
        let mut trip = Trip::between("2.6.20", "2.6.20", DataType::Int64).await;
        trip.apply().await.expect_code(0);
        trip.source_changes().await;
        killed_in(&trip, &CATCH_UP, (rpc, 1), carried_out).await;
        let there = trip.scene.properties("things").await;
        assert_eq!(there.get(PROPERTY).map(String::as_str), Some("true"), "{rpc}");
        let plan = trip.scene.plan().await.expect_code(2);
        expect_words(&plan, &["still to be taken back", PROPERTY]);
        trip.apply().await.expect_code(0);
        trip.expect_made_up().await;
        trip.scene.run(&CATCH_UP).await.expect_code(0);
        trip.expect_whole().await;
    });
    futures_util::future::join_all(passes).await;
}

/// Rows that differ are written by delete and insert too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_differ_are_repaired() {
    let trip = Trip::between("2.6.20", "2.6.20", DataType::Int64).await;
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

/// A target that cannot do both asks for the choice, and keeps the keys where that is made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_cannot_do_both_asks() {
    for to in ["2.4.17", "2.5.18", "2.6.2"] {
        let scene = Doubles::between("2.4.17", to).await;
        let collection = made_up(DataType::Int64);
        scene.source.fill(&collection, &rows_of(&collection, 0..300)).await;
        scene.plan_one("things", "");
        scene
            .expect_refusal(&["auto_id_not_kept", "auto_id = \"keep_keys\"", "2.6.3", "2.5.19"])
            .await;
        keeps_the_keys_alone(&scene).await;
    }
    // Also where it could do both.
    let scene = Doubles::between("2.4.17", "2.6.20").await;
    let collection = made_up(DataType::Int64);
    scene.source.fill(&collection, &rows_of(&collection, 0..300)).await;
    keeps_the_keys_alone(&scene).await;
}

async fn keeps_the_keys_alone(scene: &Scene) {
    let rows = scene.source.read_all("things", &[], &[]).await;
    scene.plan_one("things", "auto_id = \"keep_keys\"");
    let (plan, _) = scene.converge().await;
    expect_words(&plan, &["auto_id_off", "inserts without a key will fail at the target"]);
    scene.expect("things", &rows).await;
    assert!(!scene.target.describe("things").await.schema.unwrap().fields[0].auto_id);
}

/// The release says that it can, and the server does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_refuses_given_keys_is_told_with_the_way_out() {
    let target = Profile::milvus("2.6.20").without(Feature::AutoIdInserted);
    let scene = Doubles::of(Profile::milvus("2.6.20"), target).await;
    let trip = Trip::of(scene, made_up(DataType::Int64), "").await;
    let apply = trip.apply().await.expect_code(5);
    expect_words(&apply, &["refuses rows that bring their keys", "auto_id = \"keep_keys\""]);
    assert_eq!(trip.keys_there().len(), 0);
    assert_eq!(trip.scene.to.count("Upsert"), 0);
}
