//! Keys that a filter writes in a way of its own.

use testkit::collection::plain;
use testkit::data;
use testkit::fake::{Plan, Profile};
use testkit::pb::schema::DataType;
use testkit::scene::{doubles::Doubles, entry};
use testkit::table::Key;

/// Some of them beyond U+FFFF, which 2.4.13 and later read as other ones where they are not escaped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_han_characters_arrive() {
    let versions = ["2.4.12", "2.4.17", "2.5.27", "2.6.20", "3.0.0"].map(Profile::milvus);
    let zilliz = Profile::zilliz(Plan::Dedicated { units: 1 }, "2.6");
    let pairs = versions.into_iter().map(|both| (both.clone(), both));
    for (from, to) in pairs.chain([(Profile::milvus("2.6.20"), zilliz)]) {
        let scene = Doubles::of(from, to).await;
        let collection = plain("things", DataType::VarChar);
        let mut keys: Vec<Key> = data::text_keys(data::AWKWARD_TEXTS.len());
        keys.extend(
            (0..400).map(|n| Key::Text(format!("𠮷{}", char::from_u32(0x20000 + n).unwrap()))),
        );
        let rows = data::table_of(&collection, &keys, 5);
        scene.source.fill(&collection, &rows).await;
        scene.plan_file(&format!("{}\n[verify]\ncontent = \"full\"", entry("things", "")));
        scene.converge().await;
        scene.expect("things", &rows).await;
    }
}
