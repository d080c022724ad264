//! Keys that the source's server makes up and the target makes anew, on servers that cannot keep both
//! autoID and the source's keys: each row of the source is there once, found by the field with its key.

use std::time::Duration;

use testkit::collection::{Collection, FieldWords, plain};
use testkit::data;
use testkit::lab::Kind;
use testkit::pb::schema::DataType;
use testkit::scene::{PLAN, Scene, entry, expect_words, says};
use testkit::table::{Key, Table, Value, assert_same};

const REGENERATE: &str = "auto_id = \"regenerate\"\nsource_key_field = \"legacy_id\"";
const APPLY: [&str; 3] = ["apply", PLAN, "--yes"];
const ROWS: usize = 12_000;
const PATIENCE: Duration = Duration::from_secs(120);

fn made_up(name: &str, kind: DataType) -> Collection {
    let mut collection = plain(name, kind);
    collection.fields[0] = collection.fields[0].clone().auto_id();
    collection
}

/// A source with keys that its server made up, and a plan file for a target that makes others.
struct Trip {
    scene: Scene,
    collection: Collection,
    rows: Table,
}

impl Trip {
    async fn new(from: Kind, to: Kind, kind: DataType) -> Self {
        let scene = Scene::between(from, to).await;
        let collection = made_up("things", kind);
        scene.source.fill(&collection, &data::table(&collection, ROWS, 21)).await;
        let rows = scene.source.read_all("things", &[], &[]).await;
        assert_eq!(rows.rows.len(), ROWS);
        scene.plan_file(&format!(
            "{}\n[verify]\ncontent = \"full\"\n\
             search = {{ queries = 10, top_k = 5, min_overlap = 0.9 }}",
            entry("things", REGENERATE)
        ));
        let plan = scene.ferry.read(PLAN);
        scene.ferry.write(PLAN, &plan.replace("[copy]\n", "[copy]\nmax_write_rate = \"1MB/s\"\n"));
        Self { scene, collection, rows }
    }

    fn chunks_done(&self) -> i64 {
        let path = self.scene.ferry.path(".milvus-ferry/plan.db");
        let count = "SELECT count(*) FROM chunks WHERE state = 'done'";
        rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
            .and_then(|ledger| ledger.query_row(count, [], |row| row.get(0)))
            .unwrap_or(0)
    }

    /// `kill -9` as soon as so many chunks are done.
    fn killed_after(&self, chunks: i64) {
        let mut run = self.scene.ferry.spawn(&APPLY);
        tokio::task::block_in_place(|| {
            run.wait_until(PATIENCE, || self.chunks_done() >= chunks);
            run.kill();
        });
    }

    /// What the target has, but for its own keys.
    async fn there(&self) -> Table {
        let mut rows = self.scene.target.read_all("things", &[], &[]).await.without("id");
        let column = rows.column("legacy_id");
        rows.columns[column].is_primary_key = true;
        rows
    }

    /// Each row of the source, once, with all its values.
    async fn expect_whole(&self) {
        assert_same(&self.rows.clone().renamed("id", "legacy_id"), &self.there().await);
        let fields = self.scene.target.describe("things").await.schema.unwrap().fields;
        assert!(fields[0].auto_id && fields[0].is_primary_key && fields[0].name == "id");
        assert_eq!((&*fields[1].name, fields[1].data_type), ("legacy_id", fields[0].data_type));
    }

    /// Rows as an application inserts them at the target: without a key.
    fn as_inserted(&self, mut rows: Table) -> Table {
        let mut legacy = self.collection.fields[0].clone();
        legacy.name = "legacy_id".to_owned();
        (legacy.auto_id, legacy.is_primary_key) = (false, false);
        let key = rows.column("id");
        let mut own = rows.columns[key].clone();
        own.auto_id = true;
        rows.columns[key] = own;
        rows.columns.push(legacy);
        for row in &mut rows.rows {
            row.values.push(row.values[key].clone());
        }
        rows
    }

    /// Spoils rows at the target: one is another, one is gone, one is there twice.
    async fn spoil(&self) {
        let keys: Vec<Key> = self.rows.keys()[..3].to_vec();
        let gone: Vec<String> = keys[..2].iter().map(Key::literal).collect();
        let filter = format!("legacy_id in [{}]", gone.join(", "));
        self.scene.target.delete("things", "", &filter).await;
        let mut other = self.rows.filtered(|key| *key == keys[0]);
        let text = other.column("text");
        other.rows[0].values[text] = Value::Text("spoiled".to_owned());
        let twice = self.rows.filtered(|key| *key == keys[2]);
        let rows = self.as_inserted(other.followed_by(&twice));
        self.scene.target.insert("things", &rows).await;
    }
}

async fn from_235_to_235(kind: DataType) {
    let mut trip = Trip::new(Kind::Milvus235A, Kind::Milvus235B, kind).await;
    let plan = trip.scene.plan().await.expect_code(2);
    expect_words(&plan, &["auto_id_regenerated", "legacy_id", "those of id at the source"]);
    trip.killed_after(2);
    trip.killed_after(7);
    trip.scene.apply().await.expect_code(0);
    trip.expect_whole().await;
    trip.scene.nothing_to_do().await;
    trip.scene.run(&["verify", PLAN]).await.expect_code(0);

    // Rows that differ are named, and mended.
    trip.spoil().await;
    let verify = trip.scene.run(&["verify", PLAN]).await.expect_code(6);
    assert!(says(&verify, "different"), "{}", verify.stdout);
    trip.scene.apply().await.expect_code(0);
    trip.expect_whole().await;

    // What changes at the source is carried over.
    let gone: Vec<String> = trip.rows.keys()[..7].iter().map(Key::literal).collect();
    let filter = format!("id in [{}]", gone.join(", "));
    trip.scene.source.delete("things", "", &filter).await;
    let new = data::table(&trip.collection, 300, 22);
    trip.scene.source.insert("things", &new).await;
    trip.rows = trip.scene.source.read_all("things", &[], &[]).await;
    trip.scene.run(&["apply", PLAN, "--yes", "--catch-up"]).await.expect_code(0);
    trip.expect_whole().await;

    // An application goes on without keys.
    let new = trip.as_inserted(data::table(&trip.collection, 5, 23));
    trip.scene.target.insert("things", &new).await;
    let count = trip.scene.target.count("things", &[]).await;
    assert_eq!(count, trip.rows.rows.len() + 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_are_made_anew_by_235_and_rows_are_found_by_the_old_ones() {
    from_235_to_235(DataType::Int64).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_are_made_anew_by_235_and_rows_are_found_by_the_old_ones() {
    from_235_to_235(DataType::VarChar).await;
}

/// Milvus Lite has autoID too, and no releases that keep both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_made_anew_by_lite() {
    let trip = Trip::new(Kind::Milvus235A, Kind::Lite3, DataType::Int64).await;
    trip.killed_after(3);
    trip.scene.apply().await.expect_code(0);
    trip.expect_whole().await;
    trip.scene.nothing_to_do().await;
    trip.scene.run(&["verify", PLAN]).await.expect_code(0);
    trip.spoil().await;
    trip.scene.run(&["verify", PLAN]).await.expect_code(6);
    trip.scene.apply().await.expect_code(0);
    trip.expect_whole().await;
}
