//! A source that counts more rows than it gives: the move is done, and says why.

use testkit::collection::plain;
use testkit::data;
use testkit::fake::Profile;
use testkit::pb::schema::DataType;
use testkit::scene::{doubles::Doubles, expect_words};

#[tokio::test]
async fn rows_that_are_counted_after_they_were_deleted_stand_in_no_ones_way() {
    let milvus = || Profile::milvus("2.5.4");
    let scene = Doubles::of(milvus().set(|profile| profile.counts_deleted = true), milvus()).await;
    let collection = plain("rows", DataType::Int64).alias("live");
    let rows = data::table_of(&collection, &data::key_range(0..600), 3);
    scene.source.fill(&collection, &rows).await;
    scene.source.delete("rows", "", "id in [10, 20, 30, 599]").await;
    scene.plan_one("rows", "");
    let (_, apply) = scene.converge().await;
    expect_words(
        &apply,
        &["the source counts 4 rows more in all than in its key ranges", "server compacts"],
    );
    assert_eq!(scene.target.count("rows", &[]).await, 596);
    assert_eq!(scene.target.describe("live").await.schema.unwrap().name, "rows");
}
