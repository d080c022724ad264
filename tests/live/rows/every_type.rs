//! Every type with nulls between two servers that have them.

use testkit::collection::Index;
use testkit::data;
use testkit::lab::Kind;
use testkit::lines::everything_25;
use testkit::pb::schema::DataType;
use testkit::scene::library::Pair;
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
    let here = scene.arrives_whole(&collection, &rows).await;
    assert_same(&rows.with_json_parsed(), &here.with_json_parsed());
}
