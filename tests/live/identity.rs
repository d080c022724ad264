//! A blue/green swap at the source while rows are copied: the collection is renamed, and another one
//! with the same keys and other values takes its name. Whenever that happens, no target is called
//! finished that has rows of both.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use testkit::collection::plain;
use testkit::data;
use testkit::lab::{self, Kind};
use testkit::pb::milvus::RenameCollectionRequest;
use testkit::pb::schema::DataType;
use testkit::probe::{Probe, refusal};
use testkit::relay::{Act, Relay};
use testkit::scene::{PLAN, Scene, expect_words};
use testkit::table::{Table, Value};

const ROWS: i64 = 4_000;
const PATIENCE: Duration = Duration::from_secs(120);

async fn rename(probe: &Probe, from: &str, to: &str) {
    let request = RenameCollectionRequest {
        db_name: probe.database().to_owned(),
        old_name: from.to_owned(),
        new_name: to.to_owned(),
        new_db_name: probe.database().to_owned(),
        ..Default::default()
    };
    let answer = probe.raw().rename_collection(request).await.unwrap().into_inner();
    assert_eq!(refusal(Some(&answer)), None);
}

/// Two collections of one source, and plan files for as many targets as there are seeds.
struct Swap {
    scene: Scene,
    /// In front of the source: it counts the calls of a run.
    relay: Relay,
    blue: Table,
    green: Table,
    /// Milvus Lite releases a collection that it renames.
    lite: bool,
}

impl Swap {
    async fn new(from: Kind, to: Kind) -> Self {
        let [from_server, to_server] = lab::servers([from, to]);
        let relay = Relay::before(from_server);
        let source = Probe::of(from_server).await.in_new_database().await;
        let target = Probe::of(to_server).await.in_new_database().await;
        let scene = Scene::of((source, &relay.uri()), (target, to_server.uri()));
        let (first, second) = (plain("x", DataType::Int64), plain("x_new", DataType::Int64));
        let blue = data::table_of(&first, &data::key_range(0..ROWS), 21);
        let green = data::table_of(&second, &data::key_range(0..ROWS), 22);
        scene.source.fill(&first, &blue).await;
        scene.source.fill(&second, &green).await;
        Self { scene, relay, blue, green, lite: from == Kind::Lite3 }
    }

    async fn swap(&self) {
        rename(&self.scene.source, "x", "x_old").await;
        rename(&self.scene.source, "x_new", "x").await;
        if self.lite {
            self.scene.source.load("x").await;
        }
    }

    async fn swap_back(&self) {
        rename(&self.scene.source, "x", "x_new").await;
        rename(&self.scene.source, "x_old", "x").await;
        if self.lite {
            self.scene.source.load("x").await;
        }
    }

    /// Rows of the target that are as in the one and in the other collection.
    async fn rows_of_each(&self, target: &str) -> (usize, usize) {
        if !self.scene.target.has_collection(target).await {
            return (0, 0);
        }
        if !self.lite {
            // A run that stopped has made no index yet.
            let collection = plain(target, DataType::Int64);
            self.scene.target.build_and_load(&collection).await;
        }
        let read = self.scene.target.read_uncounted(target, &self.blue.keys(), &[]).await;
        let (mut blue, mut green) = (0, 0);
        let values = |of: &Table| -> Vec<(i64, Value)> {
            let (key, vector) = (of.key_column(), of.column("embedding"));
            let number = |value: &Value| match value {
                Value::Int(number) => *number,
                other => panic!("{other:?}"),
            };
            of.rows
                .iter()
                .map(|row| (number(&row.values[key]), row.values[vector].clone()))
                .collect()
        };
        let (ours, theirs) = (values(&self.blue), values(&self.green));
        for (key, value) in values(&read) {
            let place = usize::try_from(key).unwrap();
            blue += usize::from(ours[place] == (key, value.clone()));
            green += usize::from(theirs[place] == (key, value));
        }
        assert_eq!(blue + green, read.rows.len(), "a row of neither");
        (blue, green)
    }

    /// One run, with a swap once so many calls have come to the source. Every other seed, the call
    /// is carried out when the swap is over.
    async fn run(&self, seed: u64, at: usize) {
        let target = format!("t{seed}");
        self.scene.plan_file(&format!("[[collections]]\nsource = \"x\"\ntarget = \"{target}\""));
        let (calls, come) = (AtomicUsize::new(0), Arc::new(tokio::sync::Notify::new()));
        let now = come.clone();
        self.relay.set_rule(move |_| {
            if calls.fetch_add(1, Ordering::Relaxed) != at {
                return Act::Forward;
            }
            now.notify_one();
            if seed.is_multiple_of(2) {
                Act::Forward
            } else {
                Act::Delay(Duration::from_millis(500))
            }
        });
        let run = self.scene.ferry.spawn(&["apply", PLAN, "--yes"]);
        let mut ended = tokio::task::spawn_blocking(move || run.wait(PATIENCE));
        let early = tokio::select! {
            () = come.notified() => None,
            // It may need a call less than the one that was counted.
            outcome = &mut ended => Some(outcome.unwrap()),
        };
        self.swap().await;
        let outcome = match early {
            Some(outcome) => outcome,
            None => ended.await.unwrap(),
        };
        self.relay.set_rule(|_| Act::Forward);
        let (blue, green) = self.rows_of_each(&target).await;
        let rows = usize::try_from(ROWS).unwrap();
        println!("seed {seed}, swap at call {at}: exit {:?}, rows {blue} + {green}", outcome.code);
        if outcome.code == Some(0) {
            assert!([(rows, 0), (0, rows)].contains(&(blue, green)), "{outcome:#?}");
        } else if blue + green > 0 && !self.lite {
            assert_eq!(outcome.code, Some(1), "{outcome:#?}");
            let says = ["was replaced during the run", "was dropped or renamed during the run"];
            assert!(says.iter().any(|text| testkit::scene::says(&outcome, text)), "{outcome:#?}");
            // The next run refuses, whatever is at the target.
            let again = self.scene.run(&["apply", PLAN, "--yes"]).await.expect_code(1);
            expect_words(&again, &["is not the collection that an earlier run read"]);
        }
        self.swap_back().await;
        self.scene.target.drop_collection(&target).await;
    }
}

/// The moments are spread over the calls of a whole run, which are counted first.
async fn swaps(from: Kind, to: Kind, seeds: u64) {
    let swap = Swap::new(from, to).await;
    swap.scene.plan_file("[[collections]]\nsource = \"x\"\ntarget = \"whole\"");
    swap.scene.run(&["apply", PLAN, "--yes"]).await.expect_code(0);
    let calls = u64::try_from(swap.relay.calls().len()).unwrap();
    for seed in 0..seeds {
        let at = (2 * seed + 1) * calls / (2 * seeds);
        swap.run(seed, usize::try_from(at).unwrap()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fourteen_swaps_on_a_real_server_are_noticed() {
    swaps(Kind::Milvus235A, Kind::Milvus235B, 14).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_swaps_on_milvus_lite_are_noticed() {
    swaps(Kind::Lite3, Kind::Lite3, 6).await;
}

#[ignore = "takes minutes: asked for by its name"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_and_forty_swaps_on_a_real_server_are_noticed() {
    swaps(Kind::Milvus235A, Kind::Milvus235B, 140).await;
}

#[ignore = "takes minutes: asked for by its name"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_swaps_on_milvus_lite_are_noticed() {
    swaps(Kind::Lite3, Kind::Lite3, 60).await;
}
