//! Default values, and what else describes a field, between releases.

use testkit::collection::{Collection, FieldWords, field, plain, var_char};
use testkit::data;
use testkit::pb::schema::DataType;
use testkit::pb::schema::value_field::Data;
use testkit::scene::doubles::Doubles;
use testkit::table::Value;

type Make = fn(&str) -> Collection;

/// A default of every type that may have one.
fn collection(name: &str) -> Collection {
    let mut collection = plain(name, DataType::Int64);
    collection.fields.extend([
        field("flag", DataType::Bool).with_default(Data::BoolData(true)),
        field("tiny", DataType::Int8).with_default(Data::IntData(-7)),
        field("small", DataType::Int16).with_default(Data::IntData(0)),
        field("medium", DataType::Int32).with_default(Data::IntData(i32::MIN)),
        field("big", DataType::Int64).with_default(Data::LongData(i64::MAX)),
        field("single", DataType::Float).with_default(Data::FloatData(-0.0)),
        field("double", DataType::Double).with_default(Data::DoubleData(0.1)),
        var_char("words", 600).with_default(Data::StringData(String::new())),
        var_char("more", 600).nullable().with_default(Data::StringData("ü".to_owned())),
    ]);
    collection
}

fn with_moment(name: &str) -> Collection {
    let mut collection = collection(name);
    let moment = Data::StringData("2026-01-02T03:04:05Z".to_owned());
    collection.fields.push(field("moment", DataType::Timestamptz).with_default(moment));
    collection
}

#[tokio::test]
async fn default_values_of_every_type_arrive() {
    let pairs: [(&str, &str, Make); 6] = [
        ("2.5.4", "2.5.4", collection),
        ("2.5.4", "2.6.20", collection),
        ("2.6.20", "3.0.0", collection),
        ("2.6.20", "2.6.20", with_moment),
        ("3.0.0", "3.0.0", with_moment),
        ("3.0.0", "2.6.20", with_moment),
    ];
    for (from, to, collection) in pairs {
        let scene = Doubles::between(from, to).await;
        let collection = collection("things");
        let mut rows = data::table_of(&collection, &data::key_range(0..300), 1);
        let more = rows.column("more");
        for (number, row) in rows.rows.iter_mut().enumerate() {
            row.values[more] = Value::Text(format!("{number}"));
        }
        scene.source.fill(&collection, &rows).await;
        scene.plan_one("things", "");
        scene.converge().await;
        scene.expect("things", &rows).await;
        scene.expect_alike("things").await;
        let held = [&scene.from, &scene.to].map(|fake| {
            fake.with_collection("default", "things", |collection| {
                let fields = collection.schema.fields.iter();
                fields.map(|field| field.default_value.clone()).collect::<Vec<_>>()
            })
        });
        assert_eq!(held[0], held[1]);
    }
}

#[tokio::test]
async fn moments_keep_their_meaning_across_time_zones() {
    for (from, to) in [("2.6.20", "2.6.20"), ("2.6.20", "3.0.0")] {
        let scene = Doubles::between(from, to).await;
        let mut collection = plain("things", DataType::Int64).property("timezone", "Asia/Shanghai");
        collection.fields.extend([
            field("moment", DataType::Timestamptz),
            field("maybe", DataType::Timestamptz).nullable(),
        ]);
        let mut rows = data::table_of(&collection, &data::key_range(0..300), 1);
        // The last second of the year 9999 has no text east of Greenwich.
        rows.rows.remove(4);
        scene.source.fill(&collection, &rows).await;
        let other = "target = \"other\"\nproperties = { set = { timezone = \"Asia/Tokyo\" } }";
        let none = "target = \"none\"\nproperties = { unset = [\"timezone\"] }";
        scene.plan_file(
            &["", other, none].map(|settings| testkit::scene::entry("things", settings)).concat(),
        );
        scene.converge().await;
        scene.expect_alike("things").await;
        let there = scene.source.read_all("things", &rows.keys(), &[]).await;
        scene.expect("things", &there).await;
        // In UTC, as they were generated.
        scene.expect("none", &rows).await;
        let held = |fake: &testkit::fake::Fake, name: &str| {
            fake.with_collection("default", name, |collection| {
                let mut rows: Vec<_> = collection.live().collect();
                rows.sort_by(|a, b| a.key.cmp(&b.key));
                rows.into_iter().map(|row| row.values.clone()).collect::<Vec<_>>()
            })
        };
        assert_eq!(held(&scene.to, "other"), held(&scene.from, "things"));
    }
}
