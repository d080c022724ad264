//! Servers that go away, answer wrongly or too much: nothing is verified on partial data.

use milvus_ferry::verify::result::{Basis, Mode, Status};
use milvus_ferry::verify::verify;

use testkit::collection::plain;
use testkit::data;
use testkit::fake::Profile;
use testkit::patience::within_reason;
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Relay};
use testkit::scene::library::{Pair, client, some, spoiled};

async fn doubles() -> Pair {
    Pair::between_doubles(Profile::milvus("2.5.4"), Profile::milvus("2.5.4")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_leaves_it_unfinished() {
    let mut scene = doubles().await;
    let collection = plain("gone", DataType::Int64);
    let rows = data::table(&collection, 5_000, 51);
    scene.copy(&collection, &rows).await;
    for uri in [scene.source.uri.clone(), scene.target.uri.clone()] {
        let relay = Relay::to(&uri, |call| {
            if call.rpc == "Query" && call.number > 2 { Act::unavailable() } else { Act::Forward }
        });
        let at_source = uri == scene.source.uri;
        let end = if at_source { &mut scene.source } else { &mut scene.target };
        let whole = std::mem::replace(&mut end.client, client(&relay.uri()).await);
        for mode in [Mode::Full, Mode::Sample] {
            let found = scene.verify("gone", mode, Basis::Source, None).await;
            let found = found.is(Status::Unfinished);
            let why = found.result.failure.unwrap();
            assert!(why.contains("relay: unavailable"), "{why}");
        }
        let end = if at_source { &mut scene.source } else { &mut scene.target };
        end.client = whole;
    }
    scene.full("gone").await.found_the_same(5_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_too_large_are_read_in_parts() {
    let mut scene = doubles().await;
    let collection = plain("large", DataType::Int64);
    let rows = data::table_of(&collection, &data::key_range(0..4_000), 52);
    let copied = scene.copy(&collection, &rows).await;
    let mut bad = some(&rows, &[77, 3_333]);
    let column = bad.column("embedding");
    for row in &mut bad.rows {
        row.values[column] = spoiled(&row.values[column]);
    }
    scene.target.probe.upsert("large", &bad).await;
    // A server that gives no more than a few rows of more than one column at a time.
    let relay = Relay::to(&scene.target.uri, |call| {
        let (low, high) = bounds(&call.expression);
        let many = high.saturating_sub(low) > 400;
        if call.rpc == "Query" && call.output_fields.len() > 1 && many && call.limit().is_none() {
            Act::too_large()
        } else {
            Act::Forward
        }
    });
    scene.target.client = client(&relay.uri()).await;
    for (basis, copied) in [(Basis::Source, None), (Basis::Ledger, Some(&copied))] {
        let found = scene.verify("large", Mode::Full, basis, copied).await;
        let found = found.is(Status::Different);
        let content = found.result.content.as_ref().unwrap();
        assert_eq!((content.rows, content.different), (4_000, 2), "{found:#?}");
    }
}

/// The bounds, within 4,000 keys, in a filter like `id > 5 and id <= 9`.
fn bounds(expression: &str) -> (i64, i64) {
    let number = |after: &str| {
        let (_, rest) = expression.split_once(after)?;
        rest.split_whitespace().next()?.parse().ok()
    };
    if expression.contains(" in [") {
        return (0, 0);
    }
    (number("> ").unwrap_or(-1), number("<= ").unwrap_or(4_000))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_with_a_row_twice_is_compared_by_key() {
    let mut scene = doubles().await;
    let collection = plain("twice", DataType::Int64);
    let rows = data::table(&collection, 1_000, 53);
    scene.copy(&collection, &rows).await;
    let relay = Relay::to(&scene.source.uri, |call| {
        if call.rpc == "Query" && call.limit().is_none() && call.output_fields.len() > 1 {
            Act::change(|answer| {
                // Every column of every row a second time.
                for column in &mut answer.fields_data {
                    *column = twice(column);
                }
            })
        } else {
            Act::Forward
        }
    });
    scene.source.client = client(&relay.uri()).await;
    scene.full("twice").await.found_the_same(1_000);
}

/// A column with its values twice.
fn twice(column: &testkit::pb::schema::FieldData) -> testkit::pb::schema::FieldData {
    use testkit::pb::schema::field_data::Field;
    use testkit::pb::schema::scalar_field::Data;
    use testkit::pb::schema::vector_field;
    let mut column = column.clone();
    match column.field.as_mut().unwrap() {
        Field::Scalars(scalars) => match scalars.data.as_mut().unwrap() {
            Data::LongData(array) => array.data.extend_from_within(..),
            Data::StringData(array) => array.data.extend_from_within(..),
            other => panic!("{other:?}"),
        },
        Field::Vectors(vectors) => match vectors.data.as_mut().unwrap() {
            vector_field::Data::FloatVector(array) => array.data.extend_from_within(..),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
    column
}

/// A pass for what changed at the source reads the target where it did, and nowhere else.
#[tokio::test(flavor = "multi_thread")]
async fn the_target_is_read_where_the_source_changed() {
    let mut scene = doubles().await;
    let collection = plain("changed", DataType::Int64);
    let rows = data::table_of(&collection, &data::key_range(0..5_000), 54);
    let copied = scene.copy(&collection, &rows).await;
    let mut changed = some(&rows, &[4_000]);
    let column = changed.column("text");
    changed.rows[0].values[column] = spoiled(&changed.rows[0].values[column]);
    scene.source.probe.upsert("changed", &changed).await;
    let relay = Relay::to(&scene.target.uri, |_| Act::Forward);
    scene.target.client = client(&relay.uri()).await;
    for (basis, status, read_rows) in
        [(Basis::Changes, Status::Different, 1), (Basis::Ledger, Status::Verified, 0)]
    {
        let before = relay.calls_of("Query").len();
        let found = scene.verify("changed", Mode::Full, basis, Some(&copied)).await.is(status);
        let content = found.result.content.as_ref().unwrap();
        assert_eq!((content.different, content.basis), (read_rows, basis), "{found:#?}");
        assert!(content.ranges > 3, "{content:#?}");
        let reads = relay.calls_of("Query").split_off(before);
        let ranges = reads
            .iter()
            .filter(|call| call.output_fields.len() > 1 && !call.expression.contains(" in ["));
        let expected = if basis == Basis::Changes { 1 } else { content.ranges };
        assert_eq!(ranges.count() as u64, expected, "{basis:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_collections_are_verified_in_their_order() {
    let scene = doubles().await;
    let names = ["one", "two", "three"];
    for (name, rows) in names.iter().zip([900, 10, 300]) {
        let collection = plain(name, DataType::Int64);
        scene.copy(&collection, &data::table(&collection, rows, 55)).await;
    }
    let (mut check, mut told) = scene.check(Mode::Full, None);
    check.limits.parallel_collections = 2;
    let mut subjects = Vec::new();
    for name in names {
        subjects.push(scene.subject(name, None).await);
    }
    let work = async move { verify(&check, &subjects, Basis::Source).await };
    let drain = async { while told.recv().await.is_some() {} };
    let (found, ()) = within_reason(async { tokio::join!(work, drain) }).await;
    let said: Vec<_> =
        found.iter().map(|one| (one.target.rsplit('/').next().unwrap(), one.status)).collect();
    assert_eq!(said, names.map(|name| (name, Status::Verified)));
}
