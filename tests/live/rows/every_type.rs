//! Every type with nulls between two servers that have them.

use milvus_ferry::model::RowSettings;

use testkit::collection::Index;
use testkit::data;
use testkit::lab::Kind;
use testkit::lines::everything_25;
use testkit::pb::schema::DataType;
use testkit::scene::library::{Pair, agree};
use testkit::table::assert_same;

const ROWS: usize = 400;

#[tokio::test]
async fn nulls_between_two_milvus_lite() {
    let scene = Pair::between(Kind::Lite3, Kind::Lite3).await;
    let mut collection = everything_25("all", DataType::Int64);
    // What it does not know.
    let unknown = ["half", "brain"];
    collection.fields.retain(|field| !unknown.contains(&field.name.as_str()));
    collection.indexes = vec![
        Index::new("embedding", "FLAT", "L2", ""),
        Index::new("sparse", "SPARSE_INVERTED_INDEX", "IP", ""),
    ];
    let rows = data::table(&collection, ROWS, 8);
    scene.source.probe.fill(&collection, &rows).await;
    let from = scene.source.describe("all").await;
    let mut to = scene.same(&from, "copy");
    to.indexes = scene.source.client.list_indexes(&from.database, "all").await.unwrap();
    let counts = scene.copy_and_count(&from, &to, &RowSettings::default()).await.unwrap();
    agree(&counts, ROWS);
    let there = scene.source.probe.read_all("all", &rows.keys(), &[]).await;
    let here = scene.target.probe.read_all("copy", &rows.keys(), &[]).await;
    assert_same(&there, &here);
    assert_same(&rows.with_json_parsed(), &here.with_json_parsed());
}
