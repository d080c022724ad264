//! What runs leave behind, on real servers: the source is written to while rows are copied, compared,
//! repaired and caught up with, in any order, and runs are killed at any moment. Then the writers
//! pause, and one command makes the target's rows those of the source. `docs/states.md` has the model.

mod model;

use futures_util::stream::{self, StreamExt};

use model::Model;

/// Seeds at a time: they wait for most of the time.
const AT_A_TIME: usize = 20;

/// Every seed of a range, with so many runs at least; one of `flushed` has a source that is flushed.
/// There every run waits for a while once rows are deleted: the statistic of flushed rows counts them
/// still.
async fn every(seeds: std::ops::Range<u64>, runs: u64, flushed: u64) {
    let runs = seeds.map(|seed| async move {
        let history = async move {
            let mut model = Model::new(seed, seed.is_multiple_of(flushed)).await;
            model.live(runs).await;
            model.pause_and_catch_up().await;
        };
        tokio::spawn(history).await
    });
    let ended: Vec<_> = stream::iter(runs).buffer_unordered(AT_A_TIME).collect().await;
    let failed = ended.iter().filter(|ended| ended.is_err()).count();
    assert_eq!(failed, 0, "seeds whose rows are not those of the source; see above");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_command_converges_from_whatever_twenty_histories_left() {
    every(0..20, 1, 10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: asked for by its name"]
async fn one_command_converges_from_whatever_two_hundred_histories_left() {
    every(1_000..1_200, 3, 2).await;
}
