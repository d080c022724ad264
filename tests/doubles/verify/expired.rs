//! Rows that a server lets expire or still counts after they were deleted are told from rows that
//! are lost: on doubles, as real servers take hours for it.

use std::collections::BTreeMap;
use std::ops::Range;

use milvus_ferry::verify::result::{Basis, Mode, Status};

use testkit::collection::plain;
use testkit::data;
use testkit::fake::{Fake, Profile};
use testkit::patience::until;
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Relay};
use testkit::scene::library::{Copied, End, Pair, said, some, spoiled};
use testkit::table::Table;

const NAME: &str = "aging";
const ROWS: usize = 600;
const TTL: &str = "collection.ttl.seconds";
/// Longer than any test.
const LONG: &str = "1000000";

async fn copied() -> (Pair, Table, Copied) {
    let milvus = || Profile::milvus("2.5.4");
    let scene = Pair::between_doubles(milvus(), milvus()).await;
    let collection = plain(NAME, DataType::Int64);
    let rows = data::table_of(&collection, &data::key_range(0..ROWS as i64), 61);
    let copied = scene.copy(&collection, &rows).await;
    (scene, rows, copied)
}

/// The rows of an end live so many seconds from now on; for ever without a number.
async fn live_for(end: &End, seconds: Option<&str>) {
    let set = seconds.map(|seconds| (TTL.to_owned(), seconds.to_owned()));
    let unset = if seconds.is_none() { vec![TTL.to_owned()] } else { Vec::new() };
    let set: BTreeMap<String, String> = set.into_iter().collect();
    end.client.alter_collection(end.probe.database(), NAME, &set, &unset).await.unwrap();
}

/// Rows are gone at every moment, as after their time to live.
fn expire(fake: &Fake, rows: &Table, places: Range<usize>) {
    let gone = some(rows, &places.collect::<Vec<_>>()).keys();
    fake.with_collection("default", NAME, |of| of.rows.retain(|row| !gone.contains(&row.key)));
}

/// Until the ledger says that the rows were written a second ago.
async fn a_second_after(copied: &Copied) {
    let of_move = copied.of_move.unwrap();
    let age = || copied.ledger.with(move |ledger| ledger.seconds_since_first_chunk(of_move));
    until(async || age().await.unwrap().unwrap() >= 1).await;
}

const EVERY_WAY: [(Mode, Basis); 4] = [
    (Mode::Full, Basis::Source),
    (Mode::Full, Basis::Ledger),
    (Mode::Sample, Basis::Source),
    (Mode::Counts, Basis::Source),
];

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_expired_at_the_target_are_explained_where_their_time_is_over() {
    let (scene, rows, copied) = copied().await;
    a_second_after(&copied).await;
    expire(&scene.fakes[1], &rows, 100..107);
    let unexplained = async |why: &str| {
        for (mode, basis) in EVERY_WAY {
            let found = scene.verify(NAME, mode, basis, Some(&copied)).await;
            let found = found.is(Status::Different);
            assert!(found.explained().is_empty(), "{why}: {found:#?}");
            let open = found.result.content.as_ref().map_or(7, |content| content.unexplained());
            assert_eq!(open, 7, "{why}: {found:#?}");
        }
    };
    unexplained("nothing expires").await;
    live_for(&scene.target, Some(LONG)).await;
    unexplained("their time is not over").await;
    live_for(&scene.target, Some("1")).await;
    live_for(&scene.source, Some("1")).await;
    unexplained("the source still has them, and they expire there too").await;

    live_for(&scene.source, None).await;
    for (mode, basis) in EVERY_WAY {
        let found = scene.verify(NAME, mode, basis, Some(&copied)).await.is(Status::Verified);
        // A sample has them among its rows, and in the numbers of all rows.
        let times = if mode == Mode::Sample { 2 } else { 1 };
        assert_eq!(found.explained(), vec![("expired", 7); times], "{found:#?}");
        let Some(content) = &found.result.content else { continue };
        assert_eq!((content.missing, content.explained), (7, 7));
        let expected: Vec<_> =
            (100..107).map(|place| format!("{} missing (expired)", said(&rows, place))).collect();
        assert_eq!(found.rows(), expected);
    }
    live_for(&scene.source, Some(LONG)).await;
    let found = scene.verify(NAME, Mode::Full, Basis::Source, Some(&copied)).await;
    assert_eq!(found.is(Status::Verified).explained(), [("expired", 7)]);
    // Without the ledger nobody knows since when they were there.
    let found = scene.full(NAME).await.is(Status::Different);
    assert_eq!(found.result.content.unwrap().unexplained(), 7);
    // A row that is another one has not expired.
    let mut wrong = some(&rows, &[300]);
    let column = wrong.column("text");
    wrong.rows[0].values[column] = spoiled(&wrong.rows[0].values[column]);
    scene.target.probe.upsert(NAME, &wrong).await;
    let found = scene.verify(NAME, Mode::Full, Basis::Source, Some(&copied)).await;
    let found = found.is(Status::Different);
    assert_eq!(found.explained(), [("expired", 7)]);
    assert_eq!(found.result.content.as_ref().unwrap().unexplained(), 1, "{found:#?}");
    assert_eq!(found.rows().last().unwrap(), &format!("{} different text", said(&rows, 300)));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_expired_at_the_source_are_explained_where_rows_expire_there() {
    let (scene, rows, copied) = copied().await;
    expire(&scene.fakes[0], &rows, 200..205);
    let found = scene.full(NAME).await.is(Status::Different);
    assert_eq!(found.explained(), []);
    assert_eq!(found.rows()[0], format!("{} extra", said(&rows, 200)));
    let found = scene.verify(NAME, Mode::Counts, Basis::Source, None).await;
    assert_eq!(found.is(Status::Different).explained(), []);
    let found = scene.verify(NAME, Mode::Full, Basis::Source, Some(&copied)).await;
    assert_eq!(found.is(Status::Different).explained(), [("changed_at_source", 5)]);

    live_for(&scene.source, Some(LONG)).await;
    let ways = [None, Some(&copied)]
        .into_iter()
        .flat_map(|copied| [Mode::Full, Mode::Counts].map(|mode| (mode, Basis::Source, copied)));
    for (mode, basis, copied) in ways.chain([(Mode::Full, Basis::Ledger, Some(&copied))]) {
        let found = scene.verify(NAME, mode, basis, copied).await.is(Status::Verified);
        assert_eq!(found.explained(), [("expired", 5)], "{found:#?}");
        let extra = found.result.content.map_or(5, |content| content.extra);
        // By the ledger the target is as it was copied.
        assert_eq!(extra, if basis == Basis::Ledger { 0 } else { 5 });
    }
    // One that is missing has not expired at the source.
    expire(&scene.fakes[1], &rows, 400..401);
    for copied in [None, Some(&copied)] {
        let found = scene.verify(NAME, Mode::Full, Basis::Source, copied).await;
        let found = found.is(Status::Different);
        assert_eq!(found.explained(), [("expired", 5)]);
        assert_eq!(found.rows().last().unwrap(), &format!("{} missing", said(&rows, 400)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_counted_after_they_were_deleted_are_explained() {
    let (scene, _, _) = copied().await;
    for probe in [&scene.source.probe, &scene.target.probe] {
        probe.delete(NAME, "", "id in [10, 20, 30, 599]").await;
    }
    scene.full(NAME).await.found_the_same(ROWS - 4);
    for side in [0, 1] {
        scene.fakes[side].change(|profile| profile.counts_deleted = true);
        for mode in [Mode::Full, Mode::Sample, Mode::Counts] {
            let found = scene.verify(NAME, mode, Basis::Source, None).await.is(Status::Verified);
            assert_eq!(found.explained(), [("deletes_not_compacted", 4)], "{found:#?}");
            let counts = &found.result.counts[0];
            let counted = [counts.source_count, counts.target_count];
            assert_eq!((counted[side], counted[1 - side]), (Some(600), Some(596)));
        }
        scene.fakes[side].change(|profile| profile.counts_deleted = false);
    }
}

/// Numbers that are no better, and for which there is no such excuse.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_counted_for_another_reason_is_not_explained_by_deletes() {
    let (mut scene, rows, _) = copied().await;
    scene.fakes[1].change(|profile| profile.counts_deleted = true);
    // A row of the target was deleted that the source has: by their numbers the ends are equal.
    scene.target.probe.delete(NAME, "", "id in [77]").await;
    let found = scene.full(NAME).await.is(Status::Different);
    assert_eq!(found.explained(), [("deletes_not_compacted", 1)], "{found:#?}");
    assert_eq!(found.rows(), ["77 missing"]);
    let found = scene.verify(NAME, Mode::Counts, Basis::Source, None).await;
    assert_eq!(found.is(Status::Verified).explained(), []);
    scene.target.probe.insert(NAME, &some(&rows, &[77])).await;
    // The target holds rows twice: nobody knows which of them people get.
    scene.fakes[1].change(|profile| profile.counts_deleted = false);
    scene.full(NAME).await.found_the_same(ROWS);
    scene.target.probe.insert(NAME, &some(&rows, &[5, 6])).await;
    for mode in [Mode::Full, Mode::Counts] {
        let found = scene.verify(NAME, mode, Basis::Source, None).await.is(Status::Different);
        assert_eq!(found.explained(), []);
        let why = &found.result.unexplained[0];
        assert!(why.contains("the target holds duplicate keys: 2 rows"), "{why}");
    }
    // A server that gives more than it counts.
    let relay = Relay::to(&scene.source.uri, |call| {
        if call.rpc == "Query" && call.output_fields == ["count(*)"] {
            Act::change(|answer| one_less(&mut answer.fields_data[0]))
        } else {
            Act::Forward
        }
    });
    scene.source.client = testkit::scene::library::client(&relay.uri()).await;
    let found = scene.full(NAME).await.is(Status::Different);
    let why = found.result.unexplained.join("\n");
    assert!(why.contains("counts 599 rows, and gives 600"), "{why}");
}

/// A count that is too low.
fn one_less(column: &mut testkit::pb::schema::FieldData) {
    use testkit::pb::schema::field_data::Field;
    use testkit::pb::schema::scalar_field::Data;
    let Some(Field::Scalars(scalars)) = &mut column.field else { panic!("{column:?}") };
    let Some(Data::LongData(count)) = &mut scalars.data else { panic!("{scalars:?}") };
    count.data[0] = (count.data[0] - 1).max(0);
}
