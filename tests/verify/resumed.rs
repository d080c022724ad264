//! A comparison that is stopped says so, and goes on where it was.

use milvus_ferry::verify::result::{Basis, Mode, Status};
use milvus_ferry::verify::{Event, verify_collection};
use tokio_util::sync::CancellationToken;

use super::scene::Scene;
use crate::support::collection::plain;
use crate::support::data;
use crate::support::fake::Profile;
use crate::support::pb::schema::DataType;

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_comparison_goes_on_where_it_was() {
    let profile = || Profile::milvus("2.5.4");
    let mut scene = Scene::between_doubles(profile(), profile()).await;
    let collection = plain("long", DataType::Int64);
    let rows = data::table(&collection, 20_000, 41);
    let copied = scene.copy(&collection, &rows).await;
    let ranges = {
        let of_move = copied.of_move;
        let done = copied.ledger.with(move |l| l.done_chunks(of_move, None, 10_000)).await.unwrap();
        done.len() as u64
    };
    for basis in [Basis::Source, Basis::Ledger] {
        scene.stop = CancellationToken::new();
        let (check, mut told) = scene.check(Mode::Full, Some(&copied));
        let subject = scene.subject("long", Some(&copied)).await;
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
        let (stopped, ()) = tokio::join!(work, watch);
        assert_eq!(stopped.status, Status::Unfinished, "{stopped:#?}");
        assert!(stopped.failure.as_ref().unwrap().starts_with("stopped"), "{stopped:#?}");

        scene.stop = CancellationToken::new();
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
