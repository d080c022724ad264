//! Collections as a whole: keys, counts, shards, partitions, repeats.

use testkit::collection::{Collection, FieldWords, field, key, plain, vector};
use testkit::pb::milvus;
use testkit::pb::schema::DataType;

use super::super::talk::{Talk, describe, partition_request};

fn floats(name: &str) -> testkit::pb::schema::FieldSchema {
    vector(name, DataType::FloatVector, 4)
}

fn keyed(name: &str) -> Collection {
    let mut collection = plain(name, DataType::Int64);
    collection.fields.push(field("tenant", DataType::Int64).partition_key());
    collection
}

pub(super) async fn list(talk: &mut Talk) {
    talk.topic("create");
    let of = |name: &str, fields| Collection::new(name, fields);
    let id = || key(DataType::Int64);
    talk.create("no key", &of("c_1", vec![floats("v")])).await;
    let two = vec![id(), field("other", DataType::Int64).primary(), floats("v")];
    talk.create("two keys", &of("c_2", two)).await;
    talk.create("no vector", &of("c_3", vec![id()])).await;
    talk.create("no field", &of("c_4", Vec::new())).await;
    talk.create("a name twice", &of("c_5", vec![id(), floats("v"), floats("v")])).await;
    let split = |name: &str| field(name, DataType::Int64).partition_key();
    talk.create("two partition keys", &of("c_6", vec![id(), split("a"), split("b"), floats("v")]))
        .await;
    let cluster = |name: &str| testkit::pb::schema::FieldSchema {
        is_clustering_key: true,
        ..field(name, DataType::Int64)
    };
    let fields = vec![id(), cluster("a"), cluster("b"), floats("v")];
    talk.create("two clustering keys", &of("c_7", fields)).await;
    let fields = vec![id().partition_key(), floats("v")];
    talk.create("primary key as partition key", &of("c_8", fields)).await;
    for vectors in [4, 5, 10, 11] {
        let fields = std::iter::once(id()).chain((0..vectors).map(|n| floats(&format!("v{n}"))));
        let collection = of(&format!("c_vectors_{vectors}"), fields.collect());
        talk.create(format!("{vectors} vector fields"), &collection).await;
    }
    for count in [63, 64, 65, 256, 257] {
        let more = (0..count - 2).map(|n| field(&format!("f{n}"), DataType::Int64));
        let fields = [id(), floats("v")].into_iter().chain(more).collect();
        let collection = of(&format!("c_fields_{count}"), fields);
        talk.create(format!("{count} fields"), &collection).await;
    }
    let dynamic = of("c_dynamic", vec![id(), floats("v"), field("x", DataType::Int64)]).dynamic();
    talk.create("dynamic", &dynamic).await;
    talk.ask("dynamic: describe", describe("c_dynamic")).await;
    let texts = of("c_texts", vec![key(DataType::VarChar), floats("v")]);
    talk.create("VarChar key", &texts).await;
    let made = of("c_made", vec![id().auto_id(), floats("v")]);
    talk.create("autoID", &made).await;
    talk.ask("autoID: describe", describe("c_made")).await;
    let made = of("c_made_text", vec![key(DataType::VarChar).auto_id(), floats("v")]);
    talk.create("autoID of a VarChar key", &made).await;
    counts(talk).await;
    repeats(talk).await;
    others(talk).await;
}

async fn counts(talk: &mut Talk) {
    for shards in [-1, 0, 1, 2, 16, 17] {
        let name = format!("c_shards_{}", shards + 1);
        talk.create(format!("{shards} shards"), &plain(&name, DataType::Int64).shards(shards))
            .await;
    }
    talk.ask("0 shards: describe", describe("c_shards_1")).await;
    for partitions in [-1, 0, 1, 16, 64, 1024, 1025, 4096, 4097] {
        let mut collection = plain(&format!("c_parts_{}", partitions + 1), DataType::Int64);
        collection.num_partitions = partitions;
        talk.create(format!("{partitions} partitions without a partition key"), &collection).await;
        let mut collection = keyed(&format!("c_keyed_{}", partitions + 1));
        collection.num_partitions = partitions;
        talk.create(format!("{partitions} partitions of a partition key"), &collection).await;
    }
    talk.ask("0 partitions of a partition key: describe", describe("c_keyed_1")).await;
    for level in 0..=4 {
        let mut collection = plain(&format!("c_level_{}", level + 1), DataType::Int64);
        collection.consistency = level;
        talk.create(format!("consistency level {level}"), &collection).await;
        talk.ask(format!("consistency level {level}: describe"), describe(&collection.name)).await;
    }
}

async fn repeats(talk: &mut Talk) {
    let collection = plain("c_again", DataType::Int64);
    talk.create("first", &collection).await;
    talk.create("repeated", &collection).await;
    talk.create("repeated with 2 shards", &collection.clone().shards(2)).await;
    let changed = Collection { consistency: 0, ..collection.clone() };
    talk.create("repeated with another consistency level", &changed).await;
    let changed = collection.clone().property("collection.ttl.seconds", "60");
    talk.create("repeated with a property", &changed).await;
    let changed = Collection { description: "d".to_owned(), ..collection.clone() };
    talk.create("repeated with a description", &changed).await;
    let mut changed = collection.clone();
    changed.fields.push(field("x", DataType::Int64));
    talk.create("repeated with a field more", &changed).await;
    let mut changed = collection.clone();
    changed.fields.swap(0, 1);
    talk.create("repeated in another order", &changed).await;
    talk.ask("partition more", partition_request("c_again", "p")).await;
    talk.create("repeated with a partition more", &collection).await;
    let dynamic = plain("c_again_dynamic", DataType::Int64)
        .dynamic()
        .property("collection.ttl.seconds", "60");
    talk.create("dynamic with a property", &dynamic).await;
    talk.create("dynamic with a property, repeated", &dynamic).await;
    let keyed = keyed("c_again_keyed");
    talk.create("keyed", &keyed).await;
    talk.create("keyed, repeated", &keyed).await;
    let more = Collection { num_partitions: 32, ..keyed };
    talk.create("keyed, repeated with more partitions", &more).await;
    let alias = super::names::alias("c_again", "c_alias");
    talk.ask("alias", alias).await;
    talk.create("named as an alias", &plain("c_alias", DataType::Int64)).await;
    let drop = |name: &str| milvus::DropCollectionRequest {
        collection_name: name.to_owned(),
        ..Default::default()
    };
    talk.ask("drop by alias", drop("c_alias")).await;
    talk.ask("drop with an alias", drop("c_again")).await;
    talk.ask("drop", drop("c_again_keyed")).await;
    talk.ask("drop again", drop("c_again_keyed")).await;
}

async fn others(talk: &mut Talk) {
    let request = talk.probe.create_request(&plain("c_broken", DataType::Int64));
    let broken = milvus::CreateCollectionRequest { schema: vec![0xff, 0xff], ..request.clone() };
    talk.ask("a schema that is none", broken).await;
    let other =
        milvus::CreateCollectionRequest { collection_name: "c_other".to_owned(), ..request };
    talk.ask("another name in the schema", other).await;
    talk.ask("another name in the schema: describe", describe("c_other")).await;
}
