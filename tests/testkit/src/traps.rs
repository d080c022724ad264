//! Collections on which a careless copy goes wrong.

use super::collection::{Collection, plain};
use super::data;
use super::pb::common::ConsistencyLevel;
use super::pb::schema::DataType;
use super::probe::{Probe, keys_of};
use super::table::{Key, Table};

/// Keys in the paging trap, beginning with 0.
pub const PAGING_TRAP_KEYS: i64 = 20_000;

/// A loaded collection on which paging by `key > last` with a limit loses rows without an error on
/// Milvus 2.2.16 and, without the iterator flags, on 2.3.5. Returns what a complete read yields.
///
/// Three copies of every even key in one segment, every odd key once in another, two shards. With
/// one shard, or without interleaving, nothing is lost.
pub async fn paging_trap(probe: &Probe, name: &str) -> (Collection, Table) {
    let collection = plain(name, DataType::Int64).shards(2);
    probe.create_collection(&collection).await;
    let keys =
        |first: i64| -> Vec<Key> { (first..PAGING_TRAP_KEYS).step_by(2).map(Key::Int).collect() };
    let (even, odd) =
        (data::table_of(&collection, &keys(0), 1), data::table_of(&collection, &keys(1), 2));
    // The copies are equal: which of them a query returns is not defined.
    let copies = even.clone().followed_by(&even).followed_by(&even);
    probe.insert_batches(name, &copies, copies.rows.len()).await;
    probe.flush(name).await;
    probe.insert_batches(name, &odd, odd.rows.len()).await;
    probe.flush(name).await;
    probe.build_and_load(&collection).await;
    (collection, even.followed_by(&odd))
}

/// Pages as a careless reader does, until a page is empty. Returns the keys that it saw.
pub async fn page_carelessly(probe: &Probe, collection: &str, limit: u32) -> Vec<Key> {
    let limit = limit.to_string();
    let mut seen: Vec<Key> = Vec::new();
    // Strong costs 200 ms a page. Once is enough: nobody writes.
    let mut consistency = ConsistencyLevel::Strong;
    for _ in 0..=PAGING_TRAP_KEYS {
        let expression = match seen.last() {
            None => format!("id >= {}", i64::MIN + 1),
            Some(last) => format!("id > {}", last.literal()),
        };
        let params = [("limit", limit.as_str())];
        let answer =
            probe.query_at(consistency, collection, &[], &expression, &["id"], &params).await;
        let page = keys_of(&answer, "id");
        if page.is_empty() {
            return seen;
        }
        seen.extend(page);
        consistency = ConsistencyLevel::Eventually;
    }
    panic!("the pages of {collection} do not end");
}
