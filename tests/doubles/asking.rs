//! What the target may refuse is asked of it before the first row of a large collection.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use testkit::collection::{Collection, Index, key, plain, var_char, vector};
use testkit::data;
use testkit::ferry::says;
use testkit::pb::common::LoadState;
use testkit::pb::milvus::{CreateIndexRequest, LoadCollectionRequest};
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Call, Relay};
use testkit::scene::{PLAN, doubles::Doubles, entry, expect_words};
use testkit::table::{Table, Value};

const PATIENCE: Duration = Duration::from_secs(60);
const APPLY: [&str; 3] = ["apply", PLAN, "--yes"];
/// Rows, of which the first are so large that all seem to be.
const ROWS: i64 = 2_200;
const LARGE: usize = 100;

/// A collection that is large by what its first rows weigh, and its rows.
fn large() -> (Collection, Table) {
    let fields = vec![
        key(DataType::Int64),
        var_char("text", 65_535),
        vector("embedding", DataType::FloatVector, 4),
    ];
    let params = r#"{"M": 8, "efConstruction": 64}"#;
    let things = Collection::new("things", fields)
        .index(Index::new("embedding", "HNSW", "L2", params))
        .index(Index::new("text", "INVERTED", "", "{}"));
    let mut rows = data::table_of(&things, &data::key_range(0..ROWS), 4);
    let text = rows.column("text");
    for row in rows.rows.iter_mut().take(LARGE) {
        row.values[text] = Value::Text("x".repeat(65_000));
    }
    (things, rows)
}

async fn scene(settings: &str) -> (Doubles, Table) {
    let scene = Doubles::between("2.6.20", "2.6.20").await;
    let (things, rows) = large();
    scene.source.create_collection(&things).await;
    scene.source.insert_batches("things", &rows, 100).await;
    scene.source.build_and_load(&things).await;
    scene.plan_one("things", settings);
    scene.to.forget_calls();
    (scene, rows)
}

/// Calls to the target that say in which order things were done.
fn order(scene: &Doubles) -> Vec<&'static str> {
    const SHOWN: [&str; 7] = [
        "CreateCollection",
        "CreateIndex",
        "LoadCollection",
        "ReleaseCollection",
        "DropIndex",
        "Insert",
        "Upsert",
    ];
    let mut order: Vec<_> = scene.to.calls().iter().map(|call| call.rpc).collect();
    order.retain(|rpc| SHOWN.contains(rpc));
    order.dedup();
    order
}

/// Indexes of the target.
fn indexes(scene: &Doubles) -> usize {
    scene.to.with_collection("default", "things", |things| things.indexes.len())
}

/// Each index is made, the empty collection is loaded, and both are undone before the first row.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn indexes_and_load_are_tried_before_the_first_row() {
    let (scene, rows) = scene("").await;
    let (_, apply) = scene.converge().await;
    expect_words(&apply, &["try indexes and load"]);
    let expected = [
        "CreateCollection",
        "CreateIndex",
        "LoadCollection",
        "ReleaseCollection",
        "DropIndex",
        "Insert",
        "CreateIndex",
        "LoadCollection",
    ];
    assert_eq!(order(&scene), expected);
    assert_eq!(scene.to.count("DropIndex"), 2);
    scene.expect("things", &rows).await;
    scene.expect_alike("things").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_plan_shows_it_and_small_collections_do_without() {
    let (scene, _) = scene("").await;
    let plan = scene.run(&["plan", PLAN, "--format", "json"]).await.expect_code(0);
    let steps = |plan: &serde_json::Value| -> Vec<String> {
        let steps = plan["collections"][0]["steps"].as_array().unwrap();
        steps.iter().map(|step| step["action"].as_str().unwrap().to_owned()).collect()
    };
    let actions = steps(&plan.json());
    let place = actions.iter().position(|action| action == "ask_target").unwrap();
    assert_eq!(actions[place + 1], "copy_rows");
    let small = plain("small", DataType::Int64);
    let rows = data::table_of(&small, &data::key_range(0..100), 3);
    scene.source.fill(&small, &rows).await;
    scene.plan_one("small", "");
    let plan = scene.run(&["plan", PLAN, "--format", "json"]).await.expect_code(0);
    assert!(!steps(&plan.json()).contains(&"ask_target".to_owned()));
    scene.apply().await.expect_code(0);
    assert_eq!(scene.to.count("DropIndex"), 0);
}

/// The run ends in its first seconds; the plan file is corrected, and the same command goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_index_ends_the_collection_before_its_first_row() {
    let (scene, rows) = scene("").await;
    scene.to.refuse("CreateIndex", 1100, "M should be in range [2, 2048]: invalid parameter");
    let refused = scene.run(&APPLY).await.expect_code(5);
    expect_words(&refused, &["M should be in range", "indexes.embedding", "no row was copied yet"]);
    assert!(scene.writes().is_empty());
    assert_eq!(indexes(&scene), 0);
    scene.to.forget_refusals();
    scene.plan_one("things", "indexes.embedding = { type = \"FLAT\", metric = \"L2\" }");
    scene.converge().await;
    let tried: Vec<CreateIndexRequest> = scene.to.requests();
    assert!(tried.len() >= 5, "refused once, then each tried and made: {}", tried.len());
    assert_eq!(scene.target.index("things", "embedding").await["index_type"], "FLAT");
    scene.expect("things", &rows).await;
}

/// More replicas than the target has nodes for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_replicas_end_the_collection_before_its_first_row() {
    let (scene, rows) = scene("replicas = 2").await;
    scene.to.refuse(
        "LoadCollection",
        65_535,
        "when load 2 replica count: service resource insufficient",
    );
    let refused = scene.run(&APPLY).await.expect_code(5);
    expect_words(&refused, &["replicas", "no row was copied yet"]);
    assert!(scene.writes().is_empty());
    // What was made for it is gone.
    assert_eq!(indexes(&scene), 0);
    assert_eq!(scene.target.load_state("things", &[]).await, LoadState::NotLoad);
    scene.to.forget_refusals();
    scene.plan_one("things", "");
    scene.converge().await;
    let loads: Vec<LoadCollectionRequest> = scene.to.requests();
    assert_eq!(loads.last().unwrap().replica_number, 0);
    scene.expect("things", &rows).await;
}

/// A user that may make indexes and not drop them gets the rows into the collection as it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_be_undone_stays() {
    for refused in ["DropIndex", "ReleaseCollection"] {
        let (scene, rows) = scene("").await;
        scene.to.refuse(refused, 1401, "PrivilegeAll: permission deny");
        let apply = scene.apply().await.expect_code(0);
        expect_words(&apply, &["stays there while rows are copied"]);
        scene.to.forget_refusals();
        scene.nothing_to_do().await;
        scene.expect("things", &rows).await;
        scene.expect_alike("things").await;
    }
}

/// Hangs in a call of the probe, the server having carried it out or not.
fn judge(
    reached: &Mutex<Option<Call>>,
    (rpc, number): (&str, usize),
    carried_out: bool,
    call: &Call,
) -> Act {
    let mut reached = reached.lock().unwrap();
    if reached.is_some() || call.rpc != rpc || call.number != number {
        return Act::Forward;
    }
    *reached = Some(call.clone());
    if carried_out { Act::Hang } else { Act::Delay(Duration::from_secs(3_600)) }
}

async fn killed_in(point: (&'static str, usize), carried_out: bool) {
    let (scene, rows) = scene("load = false").await;
    let reached = Arc::new(Mutex::new(None));
    let shared = Arc::clone(&reached);
    let relay = Relay::to(&scene.to.uri(), move |call| judge(&shared, point, carried_out, call));
    let plan = scene.ferry.read(PLAN).replace(&scene.to.uri(), &relay.uri());
    scene.ferry.write(PLAN, &plan);
    let mut run = scene.ferry.spawn(&APPLY);
    tokio::task::block_in_place(|| {
        run.wait_until(PATIENCE, || {
            let Some(call) = reached.lock().unwrap().clone() else { return false };
            let there = !carried_out || scene.to.count(call.rpc) >= call.number;
            scene.to.double().change_state(|_| there)
        });
        run.kill()
    });
    assert!(scene.writes().is_empty());
    relay.set_rule(|_| Act::Forward);
    // Another index by now: what the probe made is not wanted any more.
    let other = "indexes.embedding = { type = \"FLAT\", metric = \"L2\" }\nload = false";
    scene.plan_one("things", other);
    let plan = scene.ferry.read(PLAN).replace(&scene.to.uri(), &relay.uri());
    scene.ferry.write(PLAN, &plan);
    scene.run(&APPLY).await.expect_code(0);
    let again = scene.run(&APPLY).await.expect_code(0);
    assert!(says(&again, "Nothing to do"), "{}\n{}", again.stdout, again.stderr);
    assert_eq!(scene.target.index("things", "embedding").await["index_type"], "FLAT");
    assert_eq!(scene.target.describe_index("things").await.len(), 2);
    assert_eq!(scene.target.load_state("things", &[]).await, LoadState::NotLoad);
    scene.target.load("things").await;
    scene.expect("things", &rows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_it_asks() {
    let points = [
        ("CreateIndex", 1),
        ("CreateIndex", 2),
        ("LoadCollection", 1),
        ("ReleaseCollection", 1),
        ("DropIndex", 2),
    ];
    for point in points {
        for carried_out in [false, true] {
            println!("{point:?}, {carried_out}");
            killed_in(point, carried_out).await;
        }
    }
}

/// A collection that was there before is not touched until its rows are there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adopted_collection_is_not_asked() {
    let (scene, rows) = scene("").await;
    let (mut things, _) = large();
    things.indexes.clear();
    scene.target.create_collection(&things).await;
    scene.plan_file(&entry("things", "existing = \"adopt\""));
    scene.run(&APPLY).await.expect_code(0);
    assert_eq!(scene.to.count("DropIndex"), 0);
    scene.expect("things", &rows).await;
}
