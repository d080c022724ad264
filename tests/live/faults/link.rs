//! The network between the tool and real servers: connections that are cut, fall silent, are slow.

use std::time::{Duration, Instant};

use super::world::{self, PATIENCE, RESUME, Trip, assert_says};
use testkit::ferry::{Outcome, Running};
use testkit::lab::{self, Kind};
use testkit::tcp::{End, Link, Towards};

/// A link before either end.
struct Links {
    source: Link,
    target: Link,
}

impl Links {
    fn new() -> Self {
        let [source, target] = lab::servers([Kind::Milvus235A, Kind::Milvus235B]);
        Self { source: Link::before(source), target: Link::before(target) }
    }

    fn both(&self) -> [&Link; 2] {
        [&self.source, &self.target]
    }

    /// From one end to the other, over both links.
    async fn trip(&self, copy: &str) -> Trip {
        let (from, to) = (self.source.uri(), self.target.uri());
        let target = lab::server(Kind::Milvus235B);
        Trip::between(world::rows().await, &from, target, &to, "", copy).await
    }

    /// Lets the copy begin at a walk, so that what a test does to a link comes in the middle of it.
    fn slow_down(&self) {
        self.target.slow_to(150_000);
    }
}

/// Rows are at the target exactly once.
async fn arrived(trip: Trip) {
    trip.assert_exact().await;
    assert_says(&trip.apply().expect_code(0), "Nothing to do");
    trip.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn answers_of_the_source_that_are_cut_in_the_middle() {
    let links = Links::new();
    let trip = links.trip("").await;
    // All rows are more than a megabyte, and a chunk 64 KiB.
    links.source.cut_every(Towards::Client, 150_001);
    trip.apply().expect_code(0);
    assert!(links.source.cuts() >= 5, "{} cuts", links.source.cuts());
    arrived(trip).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn requests_to_the_target_that_are_cut_in_the_middle() {
    let links = Links::new();
    let trip = links.trip("").await;
    links.target.cut_every(Towards::Server, 150_001);
    trip.apply().expect_code(0);
    assert!(links.target.cuts() >= 5, "{} cuts", links.target.cuts());
    arrived(trip).await;
}

/// Acknowledgements are a few bytes each: what is lost is that the rows have arrived.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn acknowledgements_of_the_target_that_are_cut_off() {
    let links = Links::new();
    let trip = links.trip("").await;
    let mut run = trip.spawn();
    run.wait_until(PATIENCE, || trip.ledger().chunks_done() >= 1);
    links.target.cut_every(Towards::Client, 401);
    run.wait_until(PATIENCE, || links.target.cuts() >= 3 || trip.ledger().moves_done() > 0);
    assert!(links.target.cuts() > 0, "it was over before a cut");
    links.target.clear();
    run.wait(PATIENCE).expect_code(0);
    arrived(trip).await;
}

/// Every connection of both ends, all at once and again and again, in either way.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_connection_is_cut_time_after_time() {
    let links = Links::new();
    // One chunk after the other, so that there are some left for every cut.
    let trip = links.trip("parallelism = 1").await;
    links.slow_down();
    let ledger = trip.ledger();
    let mut run = trip.spawn();
    for end in [End::Reset, End::Orderly, End::Reset, End::Orderly] {
        let done = ledger.chunks_done();
        run.wait_until(PATIENCE, || ledger.chunks_done() > done);
        let before: Vec<usize> = links.both().map(Link::connections).into();
        links.both().iter().for_each(|link| link.cut(end));
        // Both ends are connected to again.
        run.wait_until(PATIENCE, || {
            links.both().iter().zip(&before).all(|(link, before)| link.connections() > *before)
        });
    }
    assert_eq!(ledger.moves_done(), 0, "it was over before the last cut");
    links.target.clear();
    run.wait(PATIENCE).expect_code(0);
    arrived(trip).await;
}

/// What keep-alive is for: 30 s without a word, 20 s for the answer to a ping.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn connections_that_fall_silent_for_ever() {
    let links = Links::new();
    let trip = links.trip("").await;
    links.slow_down();
    let ledger = trip.ledger();
    let mut run = trip.spawn();
    run.wait_until(PATIENCE, || ledger.chunks_done() >= 3);
    let before: Vec<usize> = links.both().map(Link::connections).into();
    links.both().iter().for_each(|link| {
        link.clear();
        link.silence();
    });
    let began = Instant::now();
    assert_eq!(ledger.moves_done(), 0, "it was over before the silence");
    run.wait(PATIENCE).expect_code(0);
    let took = began.elapsed();
    assert!(took < Duration::from_secs(110), "it took {took:?} to leave silent connections");
    assert!(links.target.connections() > before[1]);
    arrived(trip).await;
}

async fn silent_for_a_while(choose: fn(&Links) -> &Link) {
    let links = Links::new();
    let trip = links.trip("").await;
    links.slow_down();
    let (link, ledger) = (choose(&links), trip.ledger());
    let mut run = trip.spawn();
    run.wait_until(PATIENCE, || ledger.chunks_done() >= 3);
    let connections = link.connections();
    link.silence_for_good();
    let began = Instant::now();
    run.wait_until(PATIENCE, || began.elapsed() > Duration::from_secs(4));
    assert!(ledger.moves_done() == 0, "it went on in silence");
    links.both().iter().for_each(|link| link.clear());
    run.wait(PATIENCE).expect_code(0);
    assert_eq!(link.connections(), connections, "a pause of four seconds is no failure");
    arrived(trip).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_source_that_falls_silent_for_a_while() {
    silent_for_a_while(|links| &links.source).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_target_that_falls_silent_for_a_while() {
    silent_for_a_while(|links| &links.target).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn links_that_are_slow() {
    let links = Links::new();
    let trip = links.trip("").await;
    links.both().iter().for_each(|link| link.slow_to(120_000));
    let outcome = trip.apply().expect_code(0);
    assert!(outcome.took > Duration::from_secs(3), "{:?} is not slow", outcome.took);
    arrived(trip).await;
}

/// A run whose links have fallen silent in the middle of the copy, after a Ctrl-C.
fn interrupted_in_silence(links: &Links, trip: &Trip) -> Running {
    links.slow_down();
    let mut run = trip.spawn();
    run.wait_until(PATIENCE, || trip.ledger().chunks_done() >= 3);
    links.both().iter().for_each(|link| link.silence_for_good());
    run.signal("INT");
    let began = Instant::now();
    run.wait_until(PATIENCE, || began.elapsed() > Duration::from_secs(1));
    run
}

async fn resumed(links: &Links, trip: Trip, outcome: &Outcome) {
    assert_eq!(outcome.code, Some(130), "{outcome:#?}");
    assert_eq!(trip.ledger().moves_done(), 0, "it was over before the signal");
    links.both().iter().for_each(|link| link.clear());
    assert_says(&trip.apply().expect_code(0), "Done");
    arrived(trip).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_second_ctrl_c_on_silent_links_ends_at_once() {
    let links = Links::new();
    let trip = links.trip("").await;
    let run = interrupted_in_silence(&links, &trip);
    run.signal("INT");
    let outcome = run.wait(Duration::from_secs(2));
    resumed(&links, trip, &outcome).await;
}

/// What is in flight is waited for, but not for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn one_ctrl_c_on_silent_links_ends_too() {
    let links = Links::new();
    let trip = links.trip("").await;
    let run = interrupted_in_silence(&links, &trip);
    let outcome = run.wait(Duration::from_secs(110));
    assert_says(&outcome, RESUME);
    resumed(&links, trip, &outcome).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_link_that_is_cut_and_stays_closed() {
    let links = Links::new();
    let trip = links.trip("retry_for = \"3s\"\nparallelism = 1").await;
    for link in links.both() {
        let done = trip.ledger().chunks_done();
        links.slow_down();
        let mut run = trip.spawn();
        run.wait_until(PATIENCE, || trip.ledger().chunks_done() > done + 2);
        link.close();
        link.cut(End::Reset);
        let outcome = run.wait(PATIENCE).expect_code(5);
        assert_says(&outcome, "cannot reach the server");
        assert_says(&outcome, RESUME);
        // Not even begun: nobody can be reached.
        trip.apply().expect_code(4);
        link.clear();
    }
    trip.apply().expect_code(0);
    arrived(trip).await;
}
