//! Keys that the server makes up, and rows that bring their own all the same.

use testkit::collection::{Collection, FieldWords, Index, key, vector};
use testkit::data;
use testkit::pb::milvus;
use testkit::pb::schema::DataType;

use super::super::talk::{Talk, alter, query};

fn made_up(name: &str, kind: DataType) -> Collection {
    let fields = vec![key(kind).auto_id(), vector("v", DataType::FloatVector, 4)];
    Collection::new(name, fields).index(Index::new("v", "FLAT", "L2", ""))
}

/// Rows with these keys, or with none.
fn insert(
    talk: &Talk,
    collection: &Collection,
    keys: &[data_key::Key],
    with: bool,
) -> milvus::InsertRequest {
    let mut own = collection.clone();
    own.fields[0].auto_id = !with;
    let rows = data::table_of(&own, keys, 1);
    talk.probe.insert_requests(&collection.name, &rows, 100).remove(0)
}

use testkit::table as data_key;

fn upsert(request: milvus::InsertRequest) -> milvus::UpsertRequest {
    milvus::UpsertRequest {
        collection_name: request.collection_name,
        num_rows: request.num_rows,
        fields_data: request.fields_data,
        ..Default::default()
    }
}

pub(super) async fn list(talk: &mut Talk) {
    talk.topic("made-up keys");
    for (kind, keys) in [
        (DataType::Int64, data::key_range(1..3)),
        (
            DataType::VarChar,
            vec![data_key::Key::Text("a".to_owned()), data_key::Key::Text("b".to_owned())],
        ),
    ] {
        let of = kind.as_str_name();
        let name = format!("k_{}", kind as i32);
        let collection = made_up(&name, kind);
        talk.ready(&collection).await;
        let count = |name: &str| query(name, "", &["count(*)"]);
        let seen = |talk: &Talk| {
            let listed: Vec<String> = keys.iter().map(data_key::Key::literal).collect();
            let _ = talk;
            query(&name, &format!("id in [{}]", listed.join(", ")), &["id"])
        };
        talk.ask(format!("{of}: insert without keys"), insert(talk, &collection, &keys, false))
            .await;
        talk.ask(format!("{of}: insert with keys"), insert(talk, &collection, &keys, true)).await;
        talk.ask(
            format!("{of}: upsert without keys"),
            upsert(insert(talk, &collection, &keys, false)),
        )
        .await;
        talk.ask(format!("{of}: upsert with keys"), upsert(insert(talk, &collection, &keys, true)))
            .await;
        talk.ask(format!("{of}: count"), count(&name)).await;
        talk.ask(format!("{of}: the keys sent"), seen(talk)).await;
        let allowed = [("allow_insert_auto_id", "true")];
        talk.ask(format!("{of}: allowed"), alter(&name, &allowed, &[])).await;
        talk.ask(
            format!("{of}, allowed: insert with keys"),
            insert(talk, &collection, &keys, true),
        )
        .await;
        talk.ask(format!("{of}, allowed: the keys sent"), seen(talk)).await;
        talk.ask(format!("{of}, allowed: the same again"), insert(talk, &collection, &keys, true))
            .await;
        talk.ask(format!("{of}, allowed: count"), count(&name)).await;
        talk.ask(
            format!("{of}, allowed: insert without keys"),
            insert(talk, &collection, &keys, false),
        )
        .await;
        talk.ask(
            format!("{of}, allowed: upsert with keys"),
            upsert(insert(talk, &collection, &keys, true)),
        )
        .await;
        talk.ask(format!("{of}, allowed: the keys sent, then"), seen(talk)).await;
        talk.ask(format!("{of}, allowed: count then"), count(&name)).await;
        talk.ask(
            format!("{of}, allowed: upsert without keys"),
            upsert(insert(talk, &collection, &keys, false)),
        )
        .await;
        talk.ask(format!("{of}: no longer allowed"), alter(&name, &[], &["allow_insert_auto_id"]))
            .await;
        talk.ask(
            format!("{of}, no longer: insert with keys"),
            insert(talk, &collection, &keys, true),
        )
        .await;
        talk.ask(
            format!("{of}, no longer: insert without keys"),
            insert(talk, &collection, &keys, false),
        )
        .await;
    }
    let mut own = made_up("k_own", DataType::Int64);
    own.fields[0].auto_id = false;
    let own = own.property("allow_insert_auto_id", "true");
    talk.create("allowed where keys are not made up", &own).await;
}
