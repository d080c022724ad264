//! The plan files that people copy, between real servers: each is planned, carried out, and planned
//! again, when there are no changes any more. (Those for newer servers and for Zilliz Cloud are carried
//! out between doubles too, which have the limits of these.)

use futures_util::future::join_all;

use testkit::collection::{Collection, FieldWords, Index, field, plain, var_char};
use testkit::data;
use testkit::ferry::Ferry;
use testkit::lab::{Kind, servers};
use testkit::pb::common::LoadState;
use testkit::pb::schema::DataType;
use testkit::pb::schema::value_field::Data;
use testkit::probe::Probe;
use testkit::scene::{Scene, expect_words};
use testkit::table::Table;

/// All of them.
const EXAMPLES: [&str; 11] = [
    "fields-and-indexes",
    "minimal",
    "multi-environment",
    "multi-tenant",
    "partition-key",
    "partitions",
    "policy",
    "rename-and-describe",
    "shared-parts",
    "verify-and-repair",
    "zilliz-serverless",
];

/// An example on its way between two servers.
struct Example {
    scene: Scene,
    file: String,
}

impl Example {
    /// Its endpoints are those of the servers. Where it names no database, it gets those of this
    /// test. Everything else is as it stands.
    async fn of(name: &str) -> Self {
        Self::between(name, Kind::Milvus235A, Kind::Milvus235B).await
    }

    async fn between(name: &str, from: Kind, to: Kind) -> Self {
        let [from, to] = servers([from, to]);
        let (source, target) = (Probe::of(from).await, Probe::of(to).await);
        let file = format!("{name}.ferry.toml");
        let path = format!("{}/examples/{file}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        let names_databases = text.contains("database =");
        // A serverless cluster has one database only.
        let one_database = text.contains("kind = \"zilliz-serverless\"");
        let source = if names_databases { source } else { source.in_new_database().await };
        let target = match (names_databases, one_database) {
            (true, _) => target,
            (false, true) => target.in_database("default"),
            (false, false) => target.in_new_database().await,
        };
        let databases = format!(
            "source_database = \"{}\"\ntarget_database = \"{}\"",
            source.database(),
            target.database()
        );
        let mut table = "";
        let mut placed = names_databases;
        let mut lines = Vec::new();
        for line in text.lines() {
            if line == "[defaults]" && !placed {
                lines.push(format!("[defaults]\n{databases}"));
                placed = true;
                continue;
            }
            if line == "[[collections]]" && !placed {
                lines.push(format!("[defaults]\n{databases}"));
                placed = true;
            }
            table = if line.starts_with('[') { line } else { table };
            let key = line.split(" = ").next().unwrap();
            lines.push(match (table, key) {
                ("[source]", "endpoint") | (_, "source_endpoint") => {
                    format!("{key} = \"{}\"", from.uri())
                }
                ("[target]", "endpoint") | (_, "target_endpoint") => {
                    format!("{key} = \"{}\"", to.uri())
                }
                _ => line.to_owned(),
            });
        }
        let text = lines.join("\n");
        let mut ferry = Ferry::new();
        for user in ["DEV", "STAGING", "PROD"] {
            for what in ["USER", "PASSWORD", "TOKEN"] {
                ferry = ferry.env(&format!("{user}_{what}"), "anything");
            }
        }
        for name in ["SOURCE_USER", "SOURCE_PASSWORD", "TARGET_TOKEN", "ZILLIZ_TOKEN"] {
            ferry = ferry.env(name, "anything");
        }
        ferry.write(&file, &text);
        let scene = Scene::of((source, from.uri()), (target, to.uri())).with_ferry(ferry);
        Self { scene, file }
    }

    async fn converge(&self, options: &[&str]) {
        let run = async |command: &[&str], code| {
            let words = [&[command[0], &self.file], &command[1..], options].concat();
            self.scene.run(&words).await.expect_code(code)
        };
        run(&["validate"], 0).await;
        run(&["plan", "--detailed-exitcode"], 2).await;
        run(&["apply", "--yes"], 0).await;
        let plan = run(&["plan", "--detailed-exitcode"], 0).await;
        expect_words(&plan, &["No changes"]);
    }
}

async fn fill(probe: &Probe, collection: &Collection) -> Table {
    let rows = data::table_of(collection, &data::key_range(0..200), 3);
    let names = collection.partitions.iter().map(String::as_str);
    let names: Vec<&str> = std::iter::once("_default").chain(names).collect();
    let rows = if names.len() == 1 { rows } else { rows.spread_over(&names) };
    probe.fill(collection, &rows).await;
    rows
}

async fn fill_plain(probe: &Probe, names: &[&str]) {
    let collections: Vec<Collection> =
        names.iter().map(|name| plain(name, DataType::Int64)).collect();
    join_all(collections.iter().map(|collection| fill(probe, collection))).await;
}

#[test]
fn no_example_is_left_out() {
    let folder = format!("{}/examples", env!("CARGO_MANIFEST_DIR"));
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut there: Vec<String> = names
        .filter_map(|name| Some(name.to_str()?.strip_suffix(".ferry.toml")?.to_owned()))
        .collect();
    there.sort();
    assert_eq!(there, EXAMPLES);
}

#[tokio::test]
async fn minimal() {
    let pairs = [(Kind::Milvus235A, Kind::Milvus235B), (Kind::Lite3, Kind::Milvus235B)];
    let moved = pairs.map(async |(from, to)| {
        let example = Example::between("minimal", from, to).await;
        let rows = fill(&example.scene.source, &plain("products", DataType::Int64)).await;
        example.converge(&[]).await;
        example.scene.expect("products", &rows).await;
    });
    join_all(moved).await;
}

#[tokio::test]
async fn rename_and_describe() {
    let example = Example::of("rename-and-describe").await;
    let names = ["products", "shop_orders", "shop_tmp_a", "shop_old_backup"];
    fill_plain(&example.scene.source, &names).await;
    example.converge(&[]).await;
    let target = &example.scene.target;
    let described = target.describe("products_live").await.schema.unwrap();
    assert_eq!(described.name, "products_v2");
    assert_eq!(described.description, "Product embeddings, model of March 2026");
    let described = target.describe("orders_v2").await.schema.unwrap();
    assert_eq!(described.description, "shop_orders, moved in 2026");
    for name in ["tmp_a_v2", "old_backup_v2"] {
        assert!(!target.has_collection(name).await, "{name}");
    }
}

#[tokio::test]
async fn partition_key() {
    let example = Example::of("partition-key").await;
    let source = &example.scene.source;
    let with = |name: &str, field| {
        let mut collection = plain(name, DataType::Int64);
        collection.fields.push(field);
        collection
    };
    let products = with("products", var_char("tenant_id", 64)).partitions(&["old", "new"]);
    let mut visits = with("visits", field("day", DataType::Int64).partition_key());
    visits.num_partitions = 4;
    let clicks = with("clicks", field("tenant_id", DataType::Int64)).dynamic();
    tokio::join!(fill(source, &products), fill(source, &visits), fill(source, &clicks));
    example.converge(&[]).await;
    let partitions = async |name: &str| example.scene.target.partition_names(name).await.len();
    assert_eq!(partitions("products_by_tenant").await, 16);
    assert_eq!((partitions("visits").await, partitions("clicks").await), (1, 4));
}

#[tokio::test]
async fn zilliz_serverless() {
    let example = Example::of("zilliz-serverless").await;
    let Scene { source, target, .. } = &example.scene;
    let with_alias = plain("products", DataType::Int64).alias("live");
    let products = fill(source, &with_alias).await;
    fill_plain(source, &["reviews", "archive_2020"]).await;
    source.release("reviews").await;
    example.converge(&[]).await;
    example.scene.expect("products_2026", &products).await;
    let of = async |alias: &str| target.describe(alias).await.schema.unwrap().name;
    assert_eq!(of("live").await, "products_2026");
    assert_eq!(of("reviews").await, "reviews_2026");
    let loaded = async |probe: &Probe, name: &str| probe.load_state(name, &[]).await;
    assert_eq!(loaded(target, "archive_2020").await, LoadState::NotLoad);
    assert_eq!(loaded(target, "reviews_2026").await, LoadState::Loaded);
    assert_eq!(loaded(source, "reviews").await, LoadState::NotLoad);
}

/// Milvus Lite 3 has nullable fields, as Milvus has from 2.5 on.
#[tokio::test]
async fn fields_and_indexes() {
    let example = Example::between("fields-and-indexes", Kind::Lite3, Kind::Lite3).await;
    let mut articles = plain("articles", DataType::Int64);
    articles.fields.retain(|field| field.name != "text");
    articles.fields.extend([
        var_char("body", 200),
        var_char("tenant", 40).nullable().with_default(Data::StringData("nobody".to_owned())),
        field("published", DataType::Int64),
        var_char("scratch", 100),
    ]);
    for field in ["tenant", "published"] {
        articles.indexes.push(Index::new(field, "INVERTED", "", ""));
    }
    let Scene { source, target, .. } = &example.scene;
    let rows = fill(source, &articles).await;
    example.converge(&[]).await;
    // The source has put its default in place of nulls.
    let rows = source.read_all("articles", &rows.keys(), &[]).await;
    let carried = rows.without("scratch").renamed("body", "text");
    example.scene.expect("articles_v2", &carried).await;
    let indexes = target.describe_index("articles_v2").await;
    assert!(indexes.iter().all(|index| index.field_name != "published"), "{indexes:?}");
}

#[tokio::test]
async fn multi_tenant() {
    let example = Example::of("multi-tenant").await;
    let Scene { source, target, .. } = &example.scene;
    let filled = ["acme", "globex", "hooli", "initech"].map(async |tenant| {
        let database = format!("tenant_{tenant}");
        source.create_database(&database).await;
        let names: &[&str] = if tenant == "acme" { &["events", "tmp_1"] } else { &["events"] };
        fill_plain(&source.in_database(&database), names).await;
    });
    join_all(filled).await;
    example.converge(&[]).await;
    for (database, name) in [
        ("tenant_acme", "events"),
        ("globex", "events"),
        ("small_tenants", "hooli_events"),
        ("small_tenants", "initech_events"),
    ] {
        assert!(target.in_database(database).has_collection(name).await, "{database}/{name}");
    }
    assert!(!target.in_database("tenant_acme").has_collection("tmp_1").await);
}

#[tokio::test]
async fn multi_environment() {
    let example = Example::of("multi-environment").await;
    let Scene { source, target, .. } = &example.scene;
    source.create_database("catalog").await;
    fill_plain(&source.in_database("catalog"), &["products", "reviews_de"]).await;
    example.converge(&[]).await;
    example.converge(&["--env", "prod", "--var", "suffix=_rehearsal"]).await;
    let described = target.in_database("catalog").describe("reviews_de_rehearsal").await;
    assert_eq!(described.schema.unwrap().description, "Moved from reviews_de (prod)");
}

#[tokio::test]
async fn shared_parts() {
    let example = Example::of("shared-parts").await;
    let rules = std::fs::read_to_string("examples/team-rules.toml").unwrap();
    example.scene.ferry.write("team-rules.toml", &rules);
    fill_plain(&example.scene.source, &["products", "reviews_de"]).await;
    example.converge(&["--env", "staging", "--var", "generation=3"]).await;
    assert!(example.scene.target.has_collection("reviews_de_v3").await);
}

#[tokio::test]
async fn verify_and_repair() {
    let example = Example::of("verify-and-repair").await;
    let rows = fill(&example.scene.source, &plain("products", DataType::Int64)).await;
    example.converge(&[]).await;
    example.scene.expect("products", &rows).await;
}

#[tokio::test]
async fn partitions() {
    let example = Example::of("partitions").await;
    let Scene { source, target, .. } = &example.scene;
    let events = plain("events", DataType::Int64).partitions(&["2025_12", "2026_01"]);
    let mut clicks = plain("clicks_web", DataType::Int64).partitions(&["a"]);
    clicks.fields.push(var_char("customer", 40));
    tokio::join!(source.create_database("eu"), source.create_database("us"));
    let (eu, us) = (source.in_database("eu"), source.in_database("us"));
    tokio::join!(fill(&eu, &events), fill(&us, &events), fill(&us, &clicks));
    example.converge(&[]).await;
    let world = target.in_database("world");
    assert_eq!(world.partition_names("events_eu").await.len(), 2);
    assert_eq!(world.partition_names("events_us").await.len(), 1);
    assert_eq!(target.in_database("us").partition_names("clicks_web").await.len(), 16);
}

#[tokio::test]
async fn policy() {
    let example = Example::of("policy").await;
    fill_plain(&example.scene.source, &["search_articles", "search_images"]).await;
    let other = ["validate", &example.file, "--var", "suffix=_v9"];
    expect_words(&example.scene.run(&other).await.expect_code(3), &["_v2", "_v3"]);
    example.converge(&["--var", "suffix=_v3"]).await;
    let described = example.scene.target.describe("search_images_v3").await.schema.unwrap();
    assert_eq!(described.description, "search_images, owned by the search team");
}
