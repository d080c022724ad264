//! Answers that no honest server gives: going on with them would lose rows, so nobody does.

use crate::support::lab::{self, Kind};
use crate::support::pb::milvus::QueryResults;
use crate::support::pb::schema::field_data::Field;
use crate::support::pb::schema::scalar_field::Data;
use crate::support::relay::{Act, Call, Relay};
use crate::world::{self, RESUME, Source, Trip, assert_says};

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
