//! Rows that a server lets expire or still counts after they were deleted are told from rows that
//! are lost: on doubles, as real servers take hours for it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use milvus_ferry::verify::result::{Basis, Mode, Status};

use testkit::collection::plain;
use testkit::data;
use testkit::fake::{Fake, Profile};
use testkit::patience::until;
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Relay};
use testkit::scene::library::{Copied, End, Pair, said, some, spoiled};
use testkit::table::{Key, Table, Value};

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
    let age = || copied.ledger.with(move |ledger| ledger.seconds_since_last_chunk(of_move));
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
            let open = found.result.content.as_ref().map_or(7, |content| content.open());
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
        let found = scene.verify(NAME, mode, basis, Some(&copied)).await;
        // Of the rows of a sample the ledger has no digest: their numbers alone are explained.
        let whole = if mode == Mode::Sample { Status::Different } else { Status::Verified };
        let found = found.is(whole);
        assert_eq!(found.explained(), [("expired", 7)], "{found:#?}");
        let Some(content) = &found.result.content else { continue };
        let explained = if mode == Mode::Sample { 0 } else { 7 };
        assert_eq!((content.missing, content.explained), (7, explained));
        let why = if mode == Mode::Sample { "" } else { " (expired)" };
        let expected: Vec<_> =
            (100..107).map(|place| format!("{} missing{why}", said(&rows, place))).collect();
        assert_eq!(found.rows(), expected);
    }
    live_for(&scene.source, Some(LONG)).await;
    let found = scene.verify(NAME, Mode::Full, Basis::Source, Some(&copied)).await;
    assert_eq!(found.is(Status::Verified).explained(), [("expired", 7)]);
    // Without the ledger nobody knows since when they were there.
    let found = scene.full(NAME).await.is(Status::Different);
    assert_eq!(found.result.content.unwrap().open(), 7);
    // One that came to the source after the copy was never at the target.
    let mut new = some(&rows, &[100]);
    new.rows[0].values[0] = Value::Int(1_000_000);
    scene.source.probe.insert(NAME, &new).await;
    let found = scene.verify(NAME, Mode::Full, Basis::Source, Some(&copied)).await;
    let found = found.is(Status::Different);
    assert_eq!(found.explained(), [("changed_at_source", 1), ("expired", 7)]);
    assert_eq!(found.rows().last().unwrap(), "1000000 missing (changed_at_source)");
    scene.source.probe.delete(NAME, "", "id in [1000000]").await;
    // A row that is another one has not expired.
    let mut wrong = some(&rows, &[300]);
    let column = wrong.column("text");
    wrong.rows[0].values[column] = spoiled(&wrong.rows[0].values[column]);
    scene.target.probe.upsert(NAME, &wrong).await;
    let found = scene.verify(NAME, Mode::Full, Basis::Source, Some(&copied)).await;
    let found = found.is(Status::Different);
    assert_eq!(found.explained(), [("expired", 7)]);
    assert_eq!(found.result.content.as_ref().unwrap().open(), 1, "{found:#?}");
    assert_eq!(found.rows().last().unwrap(), &format!("{} different text", said(&rows, 300)));
}

/// Rows with keys that nobody copied, put into the target by hand.
async fn put_by_hand(scene: &Pair, rows: &Table, keys: impl IntoIterator<Item = i64>) {
    let keys: Vec<i64> = keys.into_iter().collect();
    let mut by_hand = some(rows, &(0..keys.len()).collect::<Vec<_>>());
    for (row, key) in by_hand.rows.iter_mut().zip(keys) {
        row.values[0] = Value::Int(key);
    }
    scene.target.probe.insert(NAME, &by_hand).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_expired_at_the_source_are_explained_where_that_is_proven() {
    let (scene, rows, copied) = copied().await;
    expire(&scene.fakes[0], &rows, 200..205);
    let with_ledger = async |mode, basis| scene.verify(NAME, mode, basis, Some(&copied)).await;
    let without = async |mode| scene.verify(NAME, mode, Basis::Source, None).await;
    // Deleted, or expired in a time that is not over.
    for lifetime in [None, Some(LONG)] {
        live_for(&scene.source, lifetime).await;
        let found = without(Mode::Full).await.is(Status::Different);
        assert_eq!(found.explained(), []);
        assert_eq!(found.rows()[0], format!("{} extra", said(&rows, 200)));
        assert_eq!(without(Mode::Counts).await.is(Status::Different).explained(), []);
        let found = with_ledger(Mode::Full, Basis::Source).await.is(Status::Different);
        assert_eq!(found.explained(), [("changed_at_source", 5)]);
        assert_eq!(found.result.unexplained, Vec::<String>::new());
        let why = &found.result.pending().unwrap().message;
        assert_eq!(why.contains("or expired: rows live 1000000 seconds"), lifetime.is_some());
        let found = with_ledger(Mode::Counts, Basis::Source).await.is(Status::Different);
        assert!(found.result.unexplained[0].contains("5 rows were deleted or expired"));
        // By the ledger the target is as it was copied.
        let found = with_ledger(Mode::Full, Basis::Ledger).await.is(Status::Verified);
        assert_eq!(found.explained(), [("changed_at_source", 5)], "{found:#?}");
    }
    // Nobody lives so long there: what was copied then is gone by now, whatever else befell it.
    a_second_after(&copied).await;
    live_for(&scene.source, Some("1")).await;
    for (mode, basis) in
        [(Mode::Full, Basis::Source), (Mode::Counts, Basis::Source), (Mode::Full, Basis::Ledger)]
    {
        let found = with_ledger(mode, basis).await.is(Status::Verified);
        assert_eq!(found.explained(), [("expired", 5)], "{found:#?}");
    }
    // Without the ledger nobody knows that they were there.
    assert_eq!(without(Mode::Full).await.is(Status::Different).explained(), []);
    assert_eq!(without(Mode::Counts).await.is(Status::Different).explained(), []);
    // Rows that nobody copied are no part of it.
    put_by_hand(&scene, &rows, 1_000_000..1_000_004).await;
    let found = with_ledger(Mode::Full, Basis::Source).await.is(Status::Different);
    assert_eq!(found.explained(), [("expired", 5)]);
    let open: Vec<String> = found.rows().into_iter().filter(|row| !row.ends_with(')')).collect();
    assert_eq!(open, [0, 1, 2, 3].map(|key| format!("{} extra", 1_000_000 + key)));
    assert!(found.result.unexplained[0].contains("nothing proves"), "{found:#?}");
    assert_eq!(
        with_ledger(Mode::Counts, Basis::Source).await.is(Status::Different).rows().len(),
        0
    );
    with_ledger(Mode::Full, Basis::Ledger).await.is(Status::Different);
    // One that is missing has not expired at the source.
    expire(&scene.fakes[1], &rows, 400..401);
    for copied in [None, Some(&copied)] {
        let found = scene.verify(NAME, Mode::Full, Basis::Source, copied).await;
        let found = found.is(Status::Different);
        assert!(found.rows().contains(&format!("{} missing", said(&rows, 400))), "{found:#?}");
    }
}

/// Rows put in by hand, expired and deleted in any mixture: with a time to live or without one, by
/// the ledger or without it. What is excused was copied, and its time is over.
async fn mixtures(seeds: Range<u64>) {
    let every = seeds.map(|seed| async move {
        let mut random = data::SplitMix::new(seed);
        let (scene, rows, copied) = copied().await;
        let mut some_of = |most: u64| (0..random.below(most)).map(|_| random.below(600)).collect();
        let (gone, lost): (BTreeSet<u64>, BTreeSet<u64>) = (some_of(5), some_of(3));
        let strays: BTreeSet<u64> = some_of(4);
        let at = |place: u64| usize::try_from(place).unwrap();
        for place in &gone {
            expire(&scene.fakes[0], &rows, at(*place)..at(*place) + 1);
        }
        for place in lost.difference(&gone) {
            expire(&scene.fakes[1], &rows, at(*place)..at(*place) + 1);
        }
        let keys = strays.iter().map(|place| i64::try_from(place * 10 + 1_000_000).unwrap());
        put_by_hand(&scene, &rows, keys).await;
        let lifetime = [None, Some(LONG), Some("1")][at(random.below(3))];
        a_second_after(&copied).await;
        live_for(&scene.source, lifetime).await;
        for by_ledger in [false, true] {
            let known = by_ledger.then_some(&copied);
            let found = scene.verify(NAME, Mode::Full, Basis::Source, known).await;
            let provable = by_ledger && lifetime == Some("1");
            let whole = strays.is_empty() && lost.is_subset(&gone) && (gone.is_empty() || provable);
            let said = format!("seed {seed}, {lifetime:?}, ledger {by_ledger}: {found:#?}");
            assert_eq!(found.result.status == Status::Verified, whole, "{said}");
            for row in &found.told {
                let milvus_ferry::model::Key::Int64(key) = row.key else { panic!("{said}") };
                let excused = row.explanation.as_deref() == Some("expired");
                let place = rows.keys().iter().position(|other| *other == Key::Int(key));
                let was_copied = place.is_some_and(|place| gone.contains(&(place as u64)));
                assert!(!excused || (provable && was_copied), "{said}");
            }
        }
    });
    futures_util::future::join_all(every).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_row_is_excused_without_evidence() {
    mixtures(0..20).await;
}

/// `cargo test --test doubles no_row_is_excused_without_evidence_200 -- --ignored`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn no_row_is_excused_without_evidence_200() {
    for first in (0..200).step_by(20) {
        mixtures(first..first + 20).await;
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
        // A server that counts rows in a range that it does not give may have lost them.
        scene.fakes[side].change(|profile| profile.counts_deleted_by_filter = true);
        for mode in [Mode::Full, Mode::Sample, Mode::Counts] {
            let found = scene.verify(NAME, mode, Basis::Source, None).await.is(Status::Different);
            assert_eq!(found.explained(), [], "{found:#?}");
            let why = &found.result.unexplained[0];
            assert!(why.contains("counts 4 rows that no query gives"), "{why}");
        }
        scene.fakes[side].change(|profile| {
            profile.counts_deleted = false;
            profile.counts_deleted_by_filter = false;
        });
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
