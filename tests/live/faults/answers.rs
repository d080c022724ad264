//! Answers that no honest server gives: going on with some of them would lose rows, so nobody does;
//! others do no harm.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::world::{self, PLAN, RESUME, Source, Trip, assert_says};
use testkit::collection::everything_235;
use testkit::data;
use testkit::ferry::Ferry;
use testkit::lab::{self, Kind};
use testkit::pb::milvus::QueryResults;
use testkit::pb::schema::DataType;
use testkit::pb::schema::field_data::Field;
use testkit::pb::schema::scalar_field::Data;
use testkit::probe::Probe;
use testkit::relay::{Act, Call, Relay};
use testkit::table::{Key, assert_same};

/// Copies with answers that `spoil` has its hands on, and says what came of it; then copies with
/// honest ones.
async fn refused(
    source: &'static Source,
    concerns: impl Fn(&Call) -> bool + Send + Sync + 'static,
    spoil: fn(&mut QueryResults),
    message: &str,
) {
    let relay = Relay::with_rule(lab::server(Kind::Milvus235A), move |call| {
        // Those up to the fifth are about samples and counts.
        if call.rpc == "Query" && call.number > 5 && concerns(call) {
            Act::change(spoil)
        } else {
            Act::Forward
        }
    });
    let target = lab::server(Kind::Milvus235B);
    let trip = Trip::between(source, &relay.uri(), target, target.uri(), "", "").await;
    let outcome = trip.apply().expect_code(5);
    assert_says(&outcome, message);
    assert_says(&outcome, RESUME);
    relay.set_rule(|_| Act::Forward);
    trip.apply().expect_code(0);
    trip.assert_exact().await;
    trip.clear().await;
}

fn is_page(call: &Call) -> bool {
    call.output_fields == ["id"] && call.limit().is_some_and(|limit| limit > 1)
}

fn wants_rows(call: &Call) -> bool {
    call.output_fields.len() > 1
}

/// The values of a scalar column.
fn values<'a>(answer: &'a mut QueryResults, name: &str) -> Option<&'a mut Data> {
    let column = answer.fields_data.iter_mut().find(|column| column.field_name == name)?;
    match &mut column.field {
        Some(Field::Scalars(scalars)) => scalars.data.as_mut(),
        _ => None,
    }
}

fn swap_ends(answer: &mut QueryResults) {
    match values(answer, "id") {
        Some(Data::LongData(keys)) if keys.data.len() > 1 => {
            let last = keys.data.len() - 1;
            keys.data.swap(0, last);
        }
        Some(Data::StringData(keys)) if keys.data.len() > 1 => {
            let last = keys.data.len() - 1;
            keys.data.swap(0, last);
        }
        _ => {}
    }
}

fn drop_column(answer: &mut QueryResults, name: &str) {
    answer.fields_data.retain(|column| column.field_name != name);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_page_of_int64_keys_that_is_not_in_order() {
    refused(world::rows().await, is_page, swap_ends, "not in ascending order").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_page_of_var_char_keys_that_is_not_in_order() {
    refused(world::texts().await, is_page, swap_ends, "not in ascending order").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn rows_without_one_of_their_columns() {
    let spoil = |answer: &mut QueryResults| drop_column(answer, "embedding");
    refused(world::rows().await, wants_rows, spoil, "misses the column").await;
    let spoil = |answer: &mut QueryResults| drop_column(answer, "$meta");
    refused(world::rows().await, wants_rows, spoil, "misses the column").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn rows_without_their_keys() {
    let spoil = |answer: &mut QueryResults| drop_column(answer, "id");
    refused(world::rows().await, wants_rows, spoil, "misses the key column").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn rows_that_nobody_asked_for() {
    let spoil = |answer: &mut QueryResults| {
        if let Some(Data::LongData(keys)) = values(answer, "id") {
            keys.data[0] = i64::MAX - 5;
        }
    };
    // The last chunk is open above, and holds such a key by rights.
    let bounded = |call: &Call| wants_rows(call) && call.expression.contains("<=");
    refused(world::rows().await, bounded, spoil, "the answer holds key").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_column_with_a_value_too_few() {
    let spoil = |answer: &mut QueryResults| {
        if let Some(Data::StringData(texts)) = values(answer, "text") {
            texts.data.pop();
        }
    };
    refused(world::rows().await, wants_rows, spoil, "text").await;
}

/// Copies with pages of keys that `spoil` has its hands on: they only find bounds, so every row
/// arrives whatever they hold.
async fn harmless(source: &'static Source, spoil: impl Fn(&Call) -> Act + Send + Sync + 'static) {
    let relay = Relay::with_rule(lab::server(Kind::Milvus235A), move |call| {
        if call.rpc == "Query" && is_page(call) { spoil(call) } else { Act::Forward }
    });
    let target = lab::server(Kind::Milvus235B);
    let trip = Trip::between(source, &relay.uri(), target, target.uri(), "", "").await;
    trip.apply().expect_code(0);
    let pages = relay.calls_of("Query").iter().filter(|call| is_page(call)).count();
    assert!(pages > 1, "{pages} pages are too few to prove anything");
    trip.assert_exact().await;
    assert_says(&trip.apply().expect_code(0), "Nothing to do");
    trip.clear().await;
}

/// Keeps the keys of a page that `keep` says yes to, by their places.
fn thin_out(answer: &mut QueryResults, keep: impl Fn(usize) -> bool) {
    let mut place = 0;
    let mut next = || {
        place += 1;
        keep(place - 1)
    };
    match values(answer, "id") {
        Some(Data::LongData(keys)) => keys.data.retain(|_| next()),
        Some(Data::StringData(keys)) => keys.data.retain(|_| next()),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn pages_with_fewer_keys_than_were_asked_for() {
    for source in [world::rows().await, world::texts().await] {
        harmless(source, |_| Act::change(|answer| thin_out(answer, |place| place < 400))).await;
    }
}

/// What real servers do, too: of 20,000 keys, pages showed 19,159.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn pages_that_skip_keys() {
    for source in [world::rows().await, world::texts().await] {
        let skip = |place: usize| !place.is_multiple_of(3) && !(100..300).contains(&place);
        harmless(source, move |_| Act::change(move |answer| thin_out(answer, skip))).await;
    }
}

/// An empty page is the end of the keys. Where it comes early, the last range is open above.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_page_that_is_empty_too_early() {
    for from in [1, 5] {
        harmless(world::rows().await, move |call| {
            // By the place in the keys: how many queries come before does not matter.
            let late = call.expression.split_whitespace().any(|word| {
                word.parse::<i64>().is_ok_and(|key| (from * 2_000..i64::MAX - 9).contains(&key))
            });
            if late { Act::change(|answer| thin_out(answer, |_| false)) } else { Act::Forward }
        })
        .await;
    }
}

/// A server that answers another, larger page.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn pages_with_more_keys_than_were_asked_for() {
    let source = world::rows().await;
    let mut all: Vec<i64> = Vec::new();
    for key in source.table.keys() {
        let Key::Int(key) = key else { panic!("a whole number") };
        // The first has no literal, and the last is shown by no server before 2.6.
        all.extend((key > i64::MIN && key < i64::MAX).then_some(key));
    }
    all.sort_unstable();
    let all = Arc::new(all);
    harmless(source, move |_| {
        let all = Arc::clone(&all);
        Act::change(move |answer| {
            if let Some(Data::LongData(keys)) = values(answer, "id")
                && let Some(last) = keys.data.last().copied()
            {
                let behind = all.partition_point(|key| *key <= last);
                keys.data.extend(all[behind..].iter().take(777));
            }
        })
    })
    .await;
}

/// Every answer has its columns in another order, and each says that it is another column.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn columns_in_any_order_with_the_ids_of_others() {
    let probe = Probe::of(lab::server(Kind::Milvus235A)).await.in_new_database().await;
    let collection = everything_235("medley", DataType::Int64);
    let table = data::table(&collection, 1_500, 16);
    probe.fill(&collection, &table).await;
    let turn = Arc::new(AtomicUsize::new(1));
    let relay = Relay::with_rule(lab::server(Kind::Milvus235A), move |call| {
        let turn = Arc::clone(&turn);
        if call.rpc != "Query" || !wants_rows(call) {
            return Act::Forward;
        }
        Act::change(move |answer| {
            let columns = &mut answer.fields_data;
            let by = turn.fetch_add(1, Ordering::SeqCst) % columns.len().max(1);
            let ids: Vec<i64> = columns.iter().map(|column| column.field_id).collect();
            columns.rotate_left(by);
            if by % 2 == 1 {
                columns.reverse();
            }
            for (column, id) in columns.iter_mut().zip(ids) {
                column.field_id = id;
            }
        })
    });
    let target = lab::server(Kind::Milvus235B);
    let name = lab::unique_name("medley");
    let entry = format!(
        "[[collections]]\nsource = \"medley\"\nsource_database = \"{}\"\ntarget = \"{name}\"\n",
        probe.database()
    );
    let ferry = Ferry::with_plan(PLAN, &world::plan(&relay.uri(), target.uri(), &entry, ""));
    ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
    let rows = relay.calls_of("Query").iter().filter(|call| wants_rows(call)).count();
    assert!(rows > 5, "{rows} answers are too few to prove anything");
    let there = Probe::of(target).await;
    assert_same(&table, &there.read_all(&name, &table.keys(), &[]).await);
    // The server found the right key in each request: by hashing another column it would not.
    assert_eq!(there.query_keys(&name, &[], "id >= 0", 0).await.len(), {
        table.keys().iter().filter(|key| matches!(key, Key::Int(0..))).count()
    });
    there.drop_collection(&name).await;
    probe.drop_collection("medley").await;
}
