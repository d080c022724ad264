//! Fields that are called as a word of the filter language.

use testkit::collection::{field, plain};
use testkit::data;
use testkit::pb::schema::DataType;
use testkit::scene::{PLAN, doubles::Doubles, expect_words};

/// A source collection of two fields with these names.
async fn filled(from: &str, to: &str, key: &str, number: &str) -> Doubles {
    let scene = Doubles::between(from, to).await;
    let mut collection = plain("things", DataType::Int64);
    collection.fields[0].name = key.to_owned();
    collection.fields.push(field(number, DataType::Int64));
    scene.source.fill(&collection, &data::table(&collection, 300, 3)).await;
    scene.plan_one("things", "");
    scene
}

/// It could be written, and never be read again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_the_target_cannot_be_asked_about_is_refused_with_the_way_out() {
    for (from, to, word) in [
        ("2.4.17", "2.6.20", "interval"),
        ("2.5.27", "2.6.20", "ISO"),
        ("2.4.17", "2.5.27", "st_contains"),
        ("2.6.20", "3.0.0", "threshold"),
        ("2.4.12", "2.4.17", "IN"),
    ] {
        let scene = filled(from, to, word, "other").await;
        let rename = format!("fields.{word}.rename");
        scene.expect_refusal(&["name_unfit", word, "cannot be named by a filter", &rename]).await;
        scene.plan_one("things", &format!("[collections.fields]\n{word} = {{ rename = \"key\" }}"));
        scene.converge().await;
        assert_eq!(scene.target.count("things", &[]).await, 300);
    }
}

/// Code 1701 of CreateCollection, known before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_the_target_refuses_is_refused_before() {
    for (from, to, word) in [
        ("2.4.10", "2.4.17", "like"),
        ("2.4.17", "2.5.27", "text_match"),
        ("2.5.27", "2.6.20", "phrase_match"),
        ("2.6.20", "3.0.0", "Null"),
        ("2.6.20", "3.0.0", "__virtual_pk__"),
    ] {
        let scene = filled(from, to, "id", word).await;
        scene
            .expect_refusal(&["name_unfit", word, "refuses", &format!("fields.{word}.rename")])
            .await;
        scene.plan_one(
            "things",
            &format!("[collections.fields]\n{word} = {{ rename = \"other\" }}"),
        );
        scene.converge().await;
    }
}

/// Whatever `plan` lets through is created, and read again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_only_filters_cannot_use_is_a_warning() {
    let scene = filled("2.4.17", "2.6.20", "id", "interval").await;
    let plan = scene.plan().await.expect_code(2);
    expect_words(&plan, &["name_unfit", "interval", "fields.interval.rename"]);
    scene.converge().await;
    // Such names are fine there.
    let scene = filled("2.4.17", "2.5.27", "interval", "is").await;
    let plan = scene.run(&["plan", PLAN, "--format", "json"]).await.expect_code(0);
    assert!(!plan.stdout.contains("name_unfit"), "{}", plan.stdout);
    scene.converge().await;
}
