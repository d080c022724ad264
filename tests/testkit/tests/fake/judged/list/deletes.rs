//! Deletes by keys, by ranges, in partitions.

use testkit::collection::plain;
use testkit::pb::milvus;
use testkit::pb::schema::DataType;

use super::super::talk::{Talk, load, query};
use super::rows::insert;

pub(super) async fn list(talk: &mut Talk) {
    let collection = plain("r_deletes", DataType::Int64).partitions(&["p"]);
    talk.indexed(&collection).await;
    let delete = |filter: &str| milvus::DeleteRequest {
        collection_name: "r_deletes".to_owned(),
        expr: filter.to_owned(),
        ..Default::default()
    };
    talk.ask("delete, not loaded: by keys", delete("id in [1]")).await;
    talk.ask("delete, not loaded: by a range", delete("id > 1")).await;
    talk.ask("deletes: load", load("r_deletes", 1)).await;
    talk.settled("r_deletes").await;
    talk.ask("deletes: rows", insert(talk, &collection, 1..9)).await;
    for filter in [
        "",
        "id in []",
        "id in [1, 2]",
        "id == 3",
        "id",
        "id in [\"a\"]",
        "none in [1]",
        "id > 1 and",
    ] {
        talk.ask(format!("delete {filter:?}"), delete(filter)).await;
    }
    talk.ask(
        "delete in no partition",
        milvus::DeleteRequest { partition_name: "none".to_owned(), ..delete("id in [4]") },
    )
    .await;
    talk.ask(
        "delete in another partition",
        milvus::DeleteRequest { partition_name: "p".to_owned(), ..delete("id in [4]") },
    )
    .await;
    talk.ask("deletes: seen", query("r_deletes", "id >= 0", &["id"])).await;
}
