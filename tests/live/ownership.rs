//! Two runs onto one target: one fills it, the other leaves it alone and says whose it is.

mod servers;
mod takeover;
mod together;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use testkit::collection::plain;
use testkit::data;
use testkit::ferry::{Ferry, Outcome};
use testkit::pb::schema::DataType;
use testkit::scene::{PLAN, Scene};
use testkit::table::Table;

/// How long a condition may take to come about.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the names of marks begin with.
const MARK: &str = "milvus-ferry.filling.";

/// A source `rows` of a few hundred rows.
async fn filled(scene: &Scene, rows: usize) -> Table {
    let collection = plain("rows", DataType::Int64);
    let keys = data::key_range(0..i64::try_from(rows).unwrap());
    let table = data::table_of(&collection, &keys, 31);
    scene.source.fill(&collection, &table).await;
    table
}

/// The plan file of a scene, in a folder of its own: another machine with a checkout.
fn checkout(scene: &Scene) -> Arc<Ferry> {
    Arc::new(Ferry::with_plan(PLAN, &scene.ferry.read(PLAN)))
}

/// A plan file for a source and a target of these names. Milvus Lite 2 has no databases.
fn plan_text(scene: &Scene, source: &str, target: &str, settings: &str) -> String {
    let (from, to) = (&scene.source_uri, &scene.target_uri);
    let database = match scene.target.database() {
        "" => String::new(),
        name => format!("target_database = \"{name}\"\n"),
    };
    format!(
        "version = 1\n[source]\nendpoint = \"{from}\"\n[target]\nendpoint = \"{to}\"\n\
         [copy]\nchunk_size = \"64KiB\"\n[[collections]]\nsource = \"{source}\"\n\
         source_database = \"{}\"\n{database}target = \"{target}\"\n{settings}\n",
        scene.source.database()
    )
}

/// A plan file for the source `rows` and a target of this name.
fn plan_onto(scene: &Scene, target: &str, settings: &str) {
    scene.ferry.write(PLAN, &plan_text(scene, "rows", target, settings));
}

/// The values of the marks on a target; what is left of one has none.
async fn marks(scene: &Scene, target: &str) -> Vec<String> {
    let properties: BTreeMap<String, String> = scene.target.properties(target).await;
    let marks = properties.into_iter().filter(|(name, _)| name.starts_with(MARK));
    marks.map(|(_, value)| value).filter(|value| !value.is_empty()).collect()
}

/// Starts `apply` in both folders, the second one so much later, and waits for both.
async fn both(one: &Arc<Ferry>, other: &Arc<Ferry>, later: Duration) -> [Outcome; 2] {
    let first = one.run_aside(&["apply", PLAN, "--yes"]);
    let second = async {
        // What is tried: how much later the second one is.
        tokio::time::sleep(later).await;
        other.run_aside(&["apply", PLAN, "--yes"]).await
    };
    let (first, second) = tokio::join!(first, second);
    [first, second]
}

/// Panics unless one of them did it, and the other left the target alone and said so.
#[track_caller]
fn expect_one_owner(outcomes: &[Outcome; 2]) {
    let mut codes = [outcomes[0].code, outcomes[1].code];
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(8)], "{outcomes:#?}");
    let left = outcomes.iter().find(|outcome| outcome.code == Some(8)).unwrap();
    for words in ["another run is filling", "the plan \"plan\", since 20", "--take-over"] {
        assert!(testkit::ferry::says(left, words), "no {words:?} in {left:#?}");
    }
}

/// Chunks that a run in this folder has copied, however far its ledger has come.
fn chunks_done(ferry: &Ferry) -> i64 {
    let path = ferry.path(".milvus-ferry/plan.db");
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    rusqlite::Connection::open_with_flags(path, flags)
        .and_then(|ledger| {
            let count = "SELECT count(*) FROM chunks WHERE state = 'done'";
            ledger.query_row(count, [], |row| row.get(0))
        })
        .unwrap_or(0)
}

/// Another plan file onto the same target, from a source with other values under the same keys.
async fn another_plan(scene: &Scene, target: &str) -> (Arc<Ferry>, Table) {
    let collection = plain("others", DataType::Int64);
    let table = data::table_of(&collection, &data::key_range(0..300), 32);
    scene.source.fill(&collection, &table).await;
    let text = plan_text(scene, "others", target, "");
    (Arc::new(Ferry::with_plan(PLAN, &text)), table)
}
