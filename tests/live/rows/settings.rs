//! Rows that arrive under other names, without some columns, or from some partitions only.

use testkit::lab::Kind;
use testkit::scene::library::Pair;
use testkit::scene::selection::chosen_parts_arrive;

#[tokio::test]
async fn chosen_parts_arrive_at_235() {
    chosen_parts_arrive(Pair::between(Kind::Milvus235A, Kind::Milvus235B).await).await;
}
