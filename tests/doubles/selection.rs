//! Rows that arrive under other names, without some columns, or from some partitions only.

use testkit::fake::Profile;
use testkit::scene::library::Pair;
use testkit::scene::selection::chosen_parts_arrive;

#[tokio::test(flavor = "multi_thread")]
async fn chosen_parts_arrive_at_30() {
    let (from, to) = (Profile::milvus("2.5.4"), Profile::milvus("3.0.0"));
    chosen_parts_arrive(Pair::between_doubles(from, to).await).await;
}
