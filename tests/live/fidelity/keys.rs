//! Keys that are hard to write, to compare or to page over, and keys that nobody chose.

use testkit::collection::{Collection, FieldWords, Index, key, plain, var_char, vector};
use testkit::data;
use testkit::lab::Kind;
use testkit::pb::schema::DataType;
use testkit::scene::{Scene, expect_words};
use testkit::table::assert_same;
use testkit::traps::{page_carelessly, paging_trap};

/// Rows of 64 KiB, so that with chunks of 64 KiB every key is the bound of a chunk.
fn heavy(name: &str, key_type: DataType) -> Collection {
    let fields = vec![
        key(key_type),
        var_char("text", 500),
        vector("embedding", DataType::FloatVector, 16_400),
    ];
    Collection::new(name, fields).shards(2).index(Index::new("embedding", "FLAT", "L2", ""))
}

/// With every key a bound, and again with a few rows to a chunk and pages that end anywhere.
async fn every_key_arrives(key_type: DataType, count: usize) {
    let scene = Scene::new().await;
    let (one, many) = (heavy("one", key_type), plain("many", key_type));
    let (few, rows) = (data::table(&one, count, 1), data::table(&many, 5000, 2));
    tokio::join!(scene.source.fill(&one, &few), scene.source.fill(&many, &rows));
    scene.plan_file("[[collections]]\nsource = \"one\"\n[[collections]]\nsource = \"many\"");
    scene.converge().await;
    let per_collection = i64::try_from(count).unwrap();
    assert!(scene.chunks() > per_collection, "{} chunks for {count} keys", scene.chunks());
    scene.expect("one", &few).await;
    scene.expect("many", &rows).await;
}

#[tokio::test]
async fn awkward_var_char_keys_arrive() {
    every_key_arrives(DataType::VarChar, data::AWKWARD_TEXTS.len() + 2).await;
}

#[tokio::test]
async fn int64_keys_at_the_edges_arrive() {
    every_key_arrives(DataType::Int64, data::INT64_KEYS.len() + 2).await;
}

#[tokio::test]
async fn keys_that_the_source_made_up_are_kept() {
    let scene = Scene::new().await;
    let made_up = |name: &str, key_type| {
        let mut collection = plain(name, key_type);
        collection.fields[0] = collection.fields[0].clone().auto_id();
        collection
    };
    let collections =
        [made_up("auto_numbers", DataType::Int64), made_up("auto_texts", DataType::VarChar)];
    let [numbers, texts] = &collections;
    let rows = [data::table(numbers, 3000, 3), data::table(texts, 3000, 4)];
    tokio::join!(scene.source.fill(numbers, &rows[0]), scene.source.fill(texts, &rows[1]));
    // This release cannot do both, and nothing is decided without a word.
    scene.plan_file("[[collections]]\nsource = \"auto_*\"");
    scene.expect_refusal(&["auto_id_not_kept", "auto_id = \"keep_keys\""]).await;
    scene.plan_file("[[collections]]\nsource = \"auto_*\"\nauto_id = \"keep_keys\"");
    let (plan, _) = scene.converge().await;
    expect_words(&plan, &["auto_id_off", "inserts without a key will fail at the target"]);
    for (collection, rows) in collections.iter().zip(&rows) {
        let name = &collection.name;
        let there = scene.source.read_all(name, &[], &[]).await;
        assert_eq!(there.rows.len(), 3000);
        // Whatever the keys are, the other columns are those that were put in.
        let mut texts: Vec<String> =
            there.rows.iter().map(|row| format!("{:?}", row.values[1])).collect();
        let mut given: Vec<String> =
            rows.rows.iter().map(|row| format!("{:?}", row.values[1])).collect();
        texts.sort();
        given.sort();
        assert_eq!(texts, given);
        scene.expect(name, &there).await;
        let target = scene.target.describe(name).await.schema.unwrap();
        assert!(!target.fields[0].auto_id);
    }
}

/// Paging by key loses rows of such a source; the tool does not page for rows.
async fn nothing_is_lost_where_paging_loses(source: Kind) {
    let scene = Scene::between(source, Kind::Milvus235B).await;
    let (collection, rows) = paging_trap(&scene.source, "trap").await;
    let seen = page_carelessly(&scene.source, &collection.name, 300).await;
    assert!(seen.len() < rows.rows.len(), "nothing was lost: the trap is not armed");
    scene.plan_file("[[collections]]\nsource = \"trap\"");
    scene.plan().await.expect_code(2);
    let apply = scene.apply().await.expect_code(0);
    expect_words(&apply, &["duplicate keys", "20,000"]);
    scene.nothing_to_do().await;
    let read = scene.target.read_all("trap", &rows.keys(), &[]).await;
    assert_same(&rows, &read);
}

#[tokio::test]
async fn nothing_is_lost_where_paging_loses_rows_of_235() {
    nothing_is_lost_where_paging_loses(Kind::Milvus235A).await;
}

#[tokio::test]
async fn nothing_is_lost_where_paging_loses_rows_of_2216() {
    nothing_is_lost_where_paging_loses(Kind::Milvus2216).await;
}
