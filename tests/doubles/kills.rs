//! `kill -9` in every phase of a run: the next `apply` continues, and the target is as if nobody had
//! killed any.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};

use testkit::collection::{Collection, Index, key, var_char, vector};
use testkit::data::{self, SplitMix};
use testkit::ferry::says;
use testkit::pb::schema::DataType;
use testkit::relay::{Act, Call, Relay};
use testkit::scene::{PLAN, doubles::Doubles, entry};
use testkit::table::Table;

const PATIENCE: Duration = Duration::from_secs(60);
const APPLY: [&str; 3] = ["apply", PLAN, "--yes"];
const ROWS: i64 = 1_200;
/// Scenes at a time.
const AT_A_TIME: usize = 6;
/// Calls of each phase in which runs are killed, by name of the test.
const OF_A_PHASE: usize = 12;

/// Partitions of a source that has some.
const PARTITIONS: [&str; 3] = ["_default", "north", "south"];
/// Phases in which these are made and written.
const OF_PARTITIONS: [usize; 2] = [0, 1];

const PHASES: [&str; 7] = ["create", "copy", "index", "load", "counts", "verification", "aliases"];

/// The phase that begins with a call to the target, when another one is under way.
fn begun_by(call: &Call, phase: Option<usize>) -> Option<usize> {
    let count = call.output_fields == ["count(*)"];
    let begun = match (call.rpc, phase) {
        ("CreateCollection", None) => 0,
        ("Insert", _) => 1,
        ("CreateIndex", _) => 2,
        ("LoadCollection", _) => 3,
        ("Query", Some(3)) if count => 4,
        ("Query", Some(4)) if !count => 5,
        ("CreateAlias", _) => 6,
        _ => return phase,
    };
    Some(begun)
}

/// Where a run is killed: in this call of a phase, the server having carried it out or not.
#[derive(Debug, Clone, Copy)]
struct Point {
    parted: bool,
    phase: usize,
    call: usize,
    carried_out: bool,
}

/// What a run has come to.
#[derive(Debug, Default)]
struct Progress {
    phase: Option<usize>,
    /// Calls of each phase so far.
    calls: [usize; PHASES.len()],
    /// The call in which it is to be killed.
    reached: Option<Call>,
}

struct Trip {
    scene: Doubles,
    relay: Relay,
    rows: Table,
    parted: bool,
    progress: Arc<Mutex<Progress>>,
}

impl Trip {
    async fn new(parted: bool, point: Option<Point>) -> Self {
        let scene = Doubles::between("2.5.4", "2.5.4").await;
        let fields = vec![
            key(DataType::Int64),
            var_char("text", 500),
            vector("embedding", DataType::FloatVector, 64),
        ];
        let collection = Collection::new("things", fields).alias("live").index(Index::new(
            "embedding",
            "FLAT",
            "L2",
            "",
        ));
        let rows = data::table_of(&collection, &data::key_range(0..ROWS), 9);
        let (collection, rows) = if parted {
            (collection.partitions(&PARTITIONS[1..]), rows.spread_over(&PARTITIONS))
        } else {
            (collection, rows)
        };
        scene.source.fill(&collection, &rows).await;
        let progress = Arc::new(Mutex::new(Progress::default()));
        let shared = Arc::clone(&progress);
        let relay = Relay::to(&scene.to.uri(), move |call| judge(&shared, point, call));
        scene.plan_file(&format!("{}\n[verify]\ncontent = \"full\"", entry("things", "")));
        let plan = scene.ferry.read(PLAN).replace(&scene.to.uri(), &relay.uri());
        let plan = plan.replace("[copy]\n", "[copy]\nparallelism = 1\n");
        scene.ferry.write(PLAN, &plan);
        scene.to.forget_calls();
        Self { scene, relay, rows, parted, progress }
    }

    /// Whether the run hangs in its call, and the server has carried that out where it is to.
    fn is_there(&self, point: Point) -> bool {
        let reached = self.progress.lock().unwrap().reached.clone();
        let Some(call) = reached else { return false };
        let there = !point.carried_out || self.scene.to.count(call.rpc) >= call.number;
        // The double counts a call when it begins, and holds its state until it is over.
        self.scene.to.double().change_state(|_| there)
    }

    /// The target is as the source, and nothing is left to do.
    async fn expect_whole(&self) {
        let scene = &self.scene;
        if self.parted {
            scene.expect_in_partitions("things", &self.rows, &PARTITIONS).await;
        } else {
            scene.expect("things", &self.rows).await;
        }
        // A query gives each key once.
        let live = scene.to.with_collection("default", "things", |things| {
            things.rows.iter().filter(|row| row.deleted.is_none()).count()
        });
        assert_eq!(live, self.rows.rows.len(), "rows that are there twice");
        assert_eq!(scene.target.leads_to("live").await.as_deref(), Some("things"));
        // Its indexes, and no property of a run is left on it.
        scene.expect_alike("things").await;
        let again = scene.run(&APPLY).await.expect_code(0);
        assert!(says(&again, "Nothing to do"), "{}\n{}", again.stdout, again.stderr);
    }
}

fn judge(progress: &Mutex<Progress>, point: Option<Point>, call: &Call) -> Act {
    let mut progress = progress.lock().unwrap();
    if progress.reached.is_some() {
        return Act::Forward;
    }
    progress.phase = begun_by(call, progress.phase);
    let Some(phase) = progress.phase else { return Act::Forward };
    progress.calls[phase] += 1;
    match point {
        Some(point) if point.phase == phase && point.call == progress.calls[phase] => {
            progress.reached = Some(call.clone());
            if point.carried_out { Act::Hang } else { Act::Delay(Duration::from_secs(3_600)) }
        }
        _ => Act::Forward,
    }
}

async fn killed_at(point: Point) {
    let trip = Trip::new(point.parted, Some(point)).await;
    let mut run = trip.scene.ferry.spawn(&APPLY);
    tokio::task::block_in_place(|| {
        run.wait_until(PATIENCE, || trip.is_there(point));
        run.kill()
    });
    trip.relay.set_rule(|_| Act::Forward);
    let next = trip.scene.run(&APPLY).await.expect_code(0);
    // Rows that are there twice would be found by their number, and written once more by key.
    assert!(!says(&next, "copied again"), "{}\n{}", next.stdout, next.stderr);
    trip.expect_whole().await;
}

/// Points in every phase of a run that nobody kills, in up to so many calls of each.
async fn points(calls_of_a_phase: usize) -> Vec<Point> {
    let (whole, mut parted) =
        tokio::join!(points_of(false, calls_of_a_phase), points_of(true, calls_of_a_phase));
    parted.retain(|point| OF_PARTITIONS.contains(&point.phase));
    whole.into_iter().chain(parted).collect()
}

async fn points_of(parted: bool, calls_of_a_phase: usize) -> Vec<Point> {
    let trip = Trip::new(parted, None).await;
    trip.scene.run(&APPLY).await.expect_code(0);
    let calls = trip.progress.lock().unwrap().calls;
    trip.expect_whole().await;
    let mut points = Vec::new();
    for (phase, calls) in calls.into_iter().enumerate() {
        assert!(calls > 0, "no call of the phase {:?}", PHASES[phase]);
        let taken = calls.min(calls_of_a_phase);
        // From the first to the last.
        for number in 0..taken {
            let call = 1 + number * (calls - 1) / (taken - 1).max(1);
            let both = [false, true];
            points.extend(both.map(|carried_out| Point { parted, phase, call, carried_out }));
        }
    }
    println!("calls by phase: {calls:?}; {} points", points.len());
    points
}

async fn every(points: Vec<Point>) {
    let ended: Vec<Option<String>> = stream::iter(points)
        .map(|point| async move {
            let ended = tokio::spawn(killed_at(point)).await;
            ended.err().map(|panic| format!("{}: {point:?}: {panic}", PHASES[point.phase]))
        })
        .buffer_unordered(AT_A_TIME)
        .collect()
        .await;
    let wrong: Vec<String> = ended.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "not continued after a kill in these; see above: {wrong:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_two_points_of_each_phase() {
    // With partitions, each run waits for a while: these first, and without one that only counts calls.
    let parted =
        OF_PARTITIONS.map(|phase| Point { parted: true, phase, call: 2, carried_out: true });
    let parted = every(parted.to_vec());
    let whole = async {
        let all = points_of(false, OF_A_PHASE).await;
        let mut random = SplitMix::new(15);
        let mut chosen = Vec::new();
        for phase in 0..PHASES.len() {
            let of_phase: Vec<Point> =
                all.iter().copied().filter(|point| point.phase == phase).collect();
            for _ in 0..2 {
                let at = random.below(of_phase.len() as u64);
                chosen.push(of_phase[usize::try_from(at).unwrap()]);
            }
        }
        // Rows that arrived before anybody knew: inserted once more, they would be there twice.
        chosen.push(Point { parted: false, phase: 1, call: 1, carried_out: true });
        every(chosen).await;
    };
    tokio::join!(parted, whole);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: asked for by its name"]
async fn killed_at_a_hundred_points_of_all_phases() {
    let points = points(OF_A_PHASE).await;
    assert!(points.len() >= 90, "{}", points.len());
    every(points).await;
}
