//! Plan files that people copy, for newer servers than the tests have and for Zilliz Cloud: each is
//! carried out, and then there is nothing to do. (All are carried out between real servers too.)

use testkit::collection::{Collection, FieldWords, Index, field, plain, var_char};
use testkit::data;
use testkit::fake::{Plan, Profile};
use testkit::ferry::Ferry;
use testkit::lines::auto_index;
use testkit::pb::schema::DataType;
use testkit::pb::schema::value_field::Data;
use testkit::probe::Probe;
use testkit::scene::{PLAN, doubles::Doubles};

/// An example between two doubles: its endpoints are theirs, everything else is as it stands.
async fn scene(example: &str, from: Profile, to: Profile) -> Doubles {
    let scene = Doubles::of(from, to).await;
    let mut ferry = Ferry::new();
    for name in ["SOURCE_USER", "SOURCE_PASSWORD", "ZILLIZ_TOKEN"] {
        ferry = ferry.env(name, "anything");
    }
    let path = format!("{}/examples/{example}.ferry.toml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let mut ends = [scene.from.uri(), scene.to.uri()].into_iter();
    let lines = text.lines().map(|line| {
        let is_end = ["endpoint = \"http", "source_endpoint = \"http", "target_endpoint = \"http"]
            .iter()
            .any(|start| line.starts_with(start));
        match line.split_once(" = ") {
            Some((key, _)) if is_end => match ends.next() {
                Some(uri) => format!("{key} = \"{uri}\""),
                None => line.to_owned(),
            },
            _ => line.to_owned(),
        }
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    ferry.write(PLAN, &text);
    scene.with_ferry(ferry)
}

async fn fill(probe: &Probe, collection: &Collection, partitions: &[&str]) {
    let rows = data::table_of(collection, &data::key_range(0..200), 3);
    let rows = if partitions.is_empty() { rows } else { rows.spread_over(partitions) };
    probe.fill(collection, &rows).await;
}

fn with(name: &str, more: impl FnOnce(&mut Collection)) -> Collection {
    let mut collection = plain(name, DataType::Int64);
    more(&mut collection);
    collection
}

#[tokio::test]
async fn fields_and_indexes() {
    let milvus = || Profile::milvus("2.6.5").set(|profile| profile.limits.replicas = 2);
    let scene = scene("fields-and-indexes", milvus(), milvus()).await;
    let articles = with("articles", |to| {
        to.fields.retain(|field| field.name != "text");
        to.fields.extend([
            var_char("body", 200),
            var_char("tenant", 40).nullable().with_default(Data::StringData("nobody".to_owned())),
            field("published", DataType::Int64),
            var_char("scratch", 100),
        ]);
        to.properties.push(("timezone".to_owned(), "UTC".to_owned()));
        to.indexes = vec![
            auto_index("embedding", "COSINE"),
            Index::new("tenant", "BITMAP", "", ""),
            Index::new("published", "STL_SORT", "", ""),
        ];
    });
    fill(&scene.source, &articles, &[]).await;
    scene.converge().await;
    let described = scene.target.describe("articles_v2").await;
    let fields = described.schema.unwrap().fields;
    let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    assert!(names.contains(&"text") && !names.contains(&"body") && !names.contains(&"scratch"));
}

#[tokio::test]
async fn zilliz_serverless() {
    let cloud = Profile::zilliz(Plan::Serverless, "2.6");
    let scene = scene("zilliz-serverless", Profile::milvus("2.5.4"), cloud).await;
    fill(&scene.source, &plain("products", DataType::Int64).alias("live"), &[]).await;
    fill(&scene.source, &plain("reviews", DataType::Int64), &[]).await;
    fill(&scene.source, &plain("archive_2020", DataType::Int64), &[]).await;
    scene.converge().await;
    let of = async |alias: &str| scene.target.describe(alias).await.schema.unwrap().name;
    assert_eq!(of("live").await, "products_2026");
    assert_eq!(of("reviews").await, "reviews_2026");
}
