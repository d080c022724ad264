//! A comparison that is stopped says so, and goes on where it was.

use milvus_ferry::verify::result::{Basis, Mode, Status};
use milvus_ferry::verify::{Event, Verification, verify_collection};
use tokio_util::sync::CancellationToken;

use testkit::collection::plain;
use testkit::data;
use testkit::fake::Profile;
use testkit::patience::within_reason;
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Relay};
use testkit::scene::library::{Copied, Pair, client, said, some, spoiled};

/// Compares 20,000 rows until half of them are.
async fn stopped_half_way(
    scene: &mut Pair,
    name: &str,
    basis: Basis,
    copied: &Copied,
) -> Verification {
    let (check, mut told) = scene.check(Mode::Full, Some(copied));
    let subject = scene.subject(name, Some(copied)).await;
    let stop = scene.stop.clone();
    let work = async move { verify_collection(&check, &subject, basis).await };
    let watch = async {
        let mut compared = 0;
        while let Some(event) = told.recv().await {
            if let Event::Compared { rows, .. } = event {
                compared += rows;
                if compared > 10_000 {
                    stop.cancel();
                }
            }
        }
    };
    let (stopped, ()) = within_reason(async { tokio::join!(work, watch) }).await;
    assert_eq!(stopped.status, Status::Unfinished, "{stopped:#?}");
    assert!(stopped.failure.as_ref().unwrap().starts_with("stopped"), "{stopped:#?}");
    scene.stop = CancellationToken::new();
    stopped
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_comparison_goes_on_where_it_was() {
    let profile = || Profile::milvus("2.5.4");
    let mut scene = Pair::between_doubles(profile(), profile()).await;
    let collection = plain("long", DataType::Int64);
    let rows = data::table(&collection, 20_000, 41);
    let copied = scene.copy(&collection, &rows).await;
    let ranges = {
        let of_move = copied.of_move.unwrap();
        let done = copied.ledger.with(move |l| l.done_chunks(of_move, None, 10_000)).await.unwrap();
        done.len() as u64
    };
    for basis in [Basis::Source, Basis::Ledger] {
        stopped_half_way(&mut scene, "long", basis, &copied).await;
        let found = scene.verify("long", Mode::Full, basis, Some(&copied)).await;
        let found = found.found_the_same(20_000);
        let content = found.result.content.unwrap();
        assert_eq!(content.ranges, ranges);
        assert!(content.ranges_before > 0 && content.ranges_before < ranges, "{content:#?}");
        // One that came to its end is not taken up.
        let found = scene.verify("long", Mode::Full, basis, Some(&copied)).await;
        assert_eq!(found.found_the_same(20_000).result.content.unwrap().ranges_before, 0);
    }
}

/// Nobody knows how the rows came: the ranges are found by a scan of the keys, and are the same ones
/// when it goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_by_a_scan_goes_on_where_it_was() {
    let profile = || Profile::milvus("2.5.4");
    let mut scene = Pair::between_doubles(profile(), profile()).await;
    let collection = plain("long", DataType::Int64);
    let rows = data::table_of(&collection, &data::key_range(0..20_000), 42);
    // The ledger that it goes on with knows of no copy.
    let mut copied = scene.copy(&collection, &rows).await;
    copied.of_move = None;
    let whole = scene.full("long").await.found_the_same(20_000).result.content.unwrap();
    let relay = Relay::to(&scene.target.uri, |_| Act::Forward);
    scene.target.client = client(&relay.uri()).await;
    for wrong in [None, Some(19_990)] {
        if let Some(place) = wrong {
            let mut row = some(&rows, &[place]);
            let column = row.column("text");
            row.rows[0].values[column] = spoiled(&row.rows[0].values[column]);
            scene.target.probe.upsert("long", &row).await;
        }
        let stopped = stopped_half_way(&mut scene, "long", Basis::Source, &copied).await;
        let equal = stopped.content.unwrap().ranges;
        let before = relay.calls_of("Query").len();
        let found = scene.verify("long", Mode::Full, Basis::Source, Some(&copied)).await;
        match wrong {
            None => assert_eq!(found.rows(), Vec::<String>::new()),
            Some(place) => {
                assert_eq!(found.rows(), [format!("{} different text", said(&rows, place))]);
            }
        }
        let status = if wrong.is_none() { Status::Verified } else { Status::Different };
        let content = found.is(status).result.content.unwrap();
        assert_eq!((content.basis, content.rows), (Basis::Source, 20_000), "{content:#?}");
        assert_eq!(content.ranges, whole.ranges, "{content:#?}");
        assert!(content.ranges_before > 0 && content.ranges_before <= equal, "{content:#?}");
        // What was compared before was not read again.
        let reads = relay
            .calls_of("Query")
            .into_iter()
            .skip(before)
            .filter(|call| call.output_fields.len() > 1 && !call.expression.contains(" in ["));
        assert_eq!(reads.count() as u64, content.ranges - content.ranges_before, "{content:#?}");
    }
    // One that came to its end is not taken up.
    let found = scene.verify("long", Mode::Full, Basis::Source, Some(&copied)).await;
    assert_eq!(found.is(Status::Different).result.content.unwrap().ranges_before, 0);
}
