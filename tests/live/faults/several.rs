//! Several collections in one plan, whatever their order and however many have their turn at a
//! time: they are killed and interrupted together, and one that fails is no trouble to the others.

use std::time::Duration;

use tokio::sync::OnceCell;

use super::world::{LedgerFile, PATIENCE, PLAN, RESUME, assert_says, plan};
use testkit::collection::plain;
use testkit::data;
use testkit::ferry::Ferry;
use testkit::lab::{self, Kind};
use testkit::pb::common::{ErrorCode, LoadState};
use testkit::pb::schema::DataType;
use testkit::probe::Probe;
use testkit::relay::{Act, Call, Relay, refusal};
use testkit::table::{Table, assert_same};

/// Collections of very different sizes, one of them empty: about 40 chunks in all.
const SIZES: [(&str, usize); 4] =
    [("large", 14_000), ("medium", 6_000), ("none", 0), ("texts", 3_000)];

/// The database of the source server that holds them, and their rows.
async fn sources() -> &'static (String, Vec<(&'static str, Table)>) {
    static SHARED: OnceCell<(String, Vec<(&'static str, Table)>)> = OnceCell::const_new();
    SHARED
        .get_or_init(|| async {
            let probe =
                Probe::of(lab::server(Kind::Milvus235A)).await.in_new_database().await.kept();
            let mut tables = Vec::new();
            for (name, rows) in SIZES {
                let kind = if name == "texts" { DataType::VarChar } else { DataType::Int64 };
                let collection = plain(name, kind).dynamic();
                let table = data::table(&collection, rows, 71);
                probe.fill(&collection, &table).await;
                tables.push((name, table));
            }
            (probe.database().to_owned(), tables)
        })
        .await
}

/// All of them on their way into a new database of the target, by way of relays.
struct Caravan {
    ferry: Ferry,
    source: Relay,
    target: Relay,
    there: Probe,
}

impl Caravan {
    async fn new(copy: &str) -> Self {
        let (database, _) = sources().await;
        let [from, to] = lab::servers([Kind::Milvus235A, Kind::Milvus235B]);
        let (source, target) = (Relay::before(from), Relay::before(to));
        let there = Probe::of(to).await.in_new_database().await;
        let entry = format!(
            "[[collections]]\nsource = \"*\"\nsource_database = \"{database}\"\n\
             target_database = \"{}\"\n",
            there.database()
        );
        let text = plan(&source.uri(), &target.uri(), &entry, copy);
        Self { ferry: Ferry::with_plan(PLAN, &text), source, target, there }
    }

    /// Writes take a while, so that the copy can be caught.
    async fn slow(copy: &str) -> Self {
        let caravan = Self::new(copy).await;
        caravan.target.set_rule(slowly);
        caravan
    }

    fn ledger(&self) -> LedgerFile {
        LedgerFile::of(&self.ferry)
    }

    fn clear(&self) {
        self.source.set_rule(|_| Act::Forward);
        self.target.set_rule(|_| Act::Forward);
    }

    async fn assert_exact(&self, name: &str) {
        let (_, tables) = sources().await;
        let (_, table) = tables.iter().find(|(of, _)| *of == name).unwrap();
        assert_same(table, &self.there.read_all(name, &table.keys(), &[]).await);
    }

    /// The same command ends, every collection is as it was at the source, and nothing is left.
    async fn arrives(self) {
        self.clear();
        self.ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
        for (name, _) in SIZES {
            self.assert_exact(name).await;
        }
        assert_eq!(self.ledger().moves_done(), 4);
        let again = self.ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
        assert_says(&again, "Nothing to do");
        for (name, _) in SIZES {
            self.there.drop_collection(name).await;
        }
    }
}

fn slowly(call: &Call) -> Act {
    match call.rpc {
        "Insert" | "Upsert" => Act::Delay(Duration::from_millis(60)),
        _ => Act::Forward,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn killed_after_every_kth_acknowledged_chunk_of_all() {
    // Chunks are recorded once a second: so slow that some are left for the last kill.
    let caravan = Caravan::slow("parallelism = 1").await;
    caravan.target.set_rule(|call| match call.rpc {
        "Insert" | "Upsert" => Act::Delay(Duration::from_millis(700)),
        _ => Act::Forward,
    });
    let ledger = caravan.ledger();
    for chunks in [1, 3, 6] {
        let before = ledger.chunks_done();
        let mut run = caravan.ferry.spawn(&["apply", PLAN, "--yes"]);
        run.wait_until(PATIENCE, || ledger.chunks_done() >= before + chunks);
        run.kill();
        println!("killed with {} chunks recorded", ledger.chunks_done());
    }
    assert!(ledger.moves_done() < 4, "it was over before the last kill");
    caravan.arrives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn ctrl_c_stops_all_after_what_is_in_flight() {
    let caravan = Caravan::slow("").await;
    let ledger = caravan.ledger();
    let mut run = caravan.ferry.spawn(&["apply", PLAN, "--yes"]);
    run.wait_until(PATIENCE, || ledger.chunks_done() >= 4);
    run.signal("INT");
    let outcome = run.wait(Duration::from_secs(20)).expect_code(130);
    assert_says(&outcome, RESUME);
    assert!(ledger.moves_done() < 4, "it was over before the signal");
    // Whatever was sent was waited for, in every collection.
    assert_eq!(ledger.number("SELECT count(*) FROM chunks WHERE state = 'open' AND tried = 1"), 0);
    assert_eq!(ledger.number("SELECT count(*) FROM runs WHERE outcome = 'interrupted'"), 1);
    // Those that did not come to an end are noted as stopped, and none as failed.
    assert!(ledger.number("SELECT count(*) FROM events WHERE kind = 'stopped'") >= 1);
    assert_eq!(ledger.number("SELECT count(*) FROM events WHERE kind = 'failed'"), 0);
    assert_eq!(caravan.target.count("Upsert"), 0);
    caravan.arrives().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_second_ctrl_c_stops_all_at_once() {
    let caravan = Caravan::new("").await;
    caravan.target.set_rule(|call| {
        if call.rpc == "Insert" && call.number > 4 { Act::Hang } else { Act::Forward }
    });
    let mut run = caravan.ferry.spawn(&["apply", PLAN, "--yes"]);
    run.wait_until(PATIENCE, || caravan.target.count("Insert") >= 5);
    run.signal("INT");
    for _ in 0..50 {
        assert!(run.runs(), "it did not wait for what is in flight");
        std::thread::sleep(Duration::from_millis(10));
    }
    run.signal("INT");
    run.wait(Duration::from_secs(2)).expect_code(130);
    caravan.arrives().await;
}

/// One cannot be read, another cannot be written: refusals that say nothing of the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn one_that_fails_keeps_no_other_from_finishing() {
    const UNREAD: &str = "a segment of this collection is broken";
    const UNLIKED: &str = "the rows of this collection are not liked";
    let caravan = Caravan::new("").await;
    caravan.source.set_rule(|call| {
        let reads_chunk = call.output_fields.len() > 1 && call.limit().is_none();
        if call.rpc == "Query" && call.collection == "texts" && reads_chunk {
            return Act::Refuse(refusal(65535, ErrorCode::UnexpectedError, UNREAD));
        }
        Act::Forward
    });
    caravan.target.set_rule(|call| match call.rpc {
        "Insert" | "Upsert" if call.collection == "medium" => {
            Act::Refuse(refusal(1100, ErrorCode::IllegalArgument, UNLIKED))
        }
        _ => Act::Forward,
    });
    let outcome = caravan.ferry.run(&["apply", PLAN, "--yes"]).expect_code(5);
    for said in [UNREAD, UNLIKED, RESUME] {
        assert_says(&outcome, said);
    }
    let ledger = caravan.ledger();
    assert_eq!(ledger.moves_done(), 2);
    assert_eq!(ledger.number("SELECT count(*) FROM events WHERE kind = 'failed'"), 2);
    caravan.assert_exact("large").await;
    caravan.assert_exact("none").await;
    // Those that are done are not touched by the run that mends the others.
    let before = caravan.target.calls().len();
    caravan.clear();
    caravan.ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
    let writes = |call: &&Call| matches!(call.rpc, "Insert" | "Upsert" | "Delete");
    for call in caravan.target.calls()[before..].iter().filter(writes) {
        assert!(["medium", "texts"].contains(&call.collection.as_str()), "{call:?}");
    }
    caravan.arrives().await;
}

/// No collection can be written any more: none is begun, and all are resumable.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_target_that_fails_stops_all() {
    let caravan = Caravan::new("retry_for = \"3s\"").await;
    for (says, away) in [
        ("deactivated by the administrator", Act::write_denied()),
        ("cannot reach the server", Act::unavailable()),
    ] {
        let before = caravan.target.count("Insert");
        let written = caravan.ledger().chunks_done();
        caravan.target.set_rule(move |call| match call.rpc {
            "Insert" if call.number > before + 6 => away.clone(),
            "Upsert" => away.clone(),
            _ => Act::Forward,
        });
        let outcome = caravan.ferry.run(&["apply", PLAN, "--yes"]).expect_code(5);
        assert!(outcome.took < Duration::from_secs(40), "{:?}", outcome.took);
        assert_says(&outcome, says);
        assert_says(&outcome, RESUME);
        let more = caravan.ledger().chunks_done() - written;
        assert!(more <= 8, "{more} chunks were written to a target that is not there");
    }
    let ledger = caravan.ledger();
    assert!(ledger.moves_done() < 4, "they were over before the server failed");
    assert_eq!(ledger.number("SELECT count(*) FROM runs WHERE outcome = 'failed'"), 2);
    caravan.arrives().await;
}

/// One source collection that a run loads for the sake of three targets: who is done first must not
/// release it under the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_source_that_is_loaded_for_several_targets_stays_loaded_for_all() {
    let [from, to] = lab::servers([Kind::Milvus235A, Kind::Milvus235B]);
    let (here, there) = (Probe::of(from).await, Probe::of(to).await);
    let (here, there) = (here.in_new_database().await, there.in_new_database().await);
    let collection = plain("asleep", DataType::Int64).dynamic();
    let table = data::table(&collection, 5_000, 72);
    here.fill(&collection, &table).await;
    here.release("asleep").await;
    let relay = Relay::with_rule(to, |call| match call.rpc {
        "Insert" if call.collection != "one" => Act::Delay(Duration::from_millis(400)),
        _ => Act::Forward,
    });
    let entry = |target: &str| {
        format!(
            "[[collections]]\nsource = \"asleep\"\nsource_database = \"{}\"\n\
             target = \"{target}\"\ntarget_database = \"{}\"\nload = true\n",
            here.database(),
            there.database()
        )
    };
    let names = ["two", "one", "three"];
    let text = plan(from.uri(), &relay.uri(), &names.map(entry).concat(), "");
    let ferry = Ferry::with_plan(PLAN, &text.replace("[target]", "load = true\n[target]"));
    ferry.run(&["apply", PLAN, "--yes"]).expect_code(0);
    for name in names {
        assert_same(&table, &there.read_all(name, &table.keys(), &[]).await);
        there.drop_collection(name).await;
    }
    assert_eq!(here.load_state("asleep", &[]).await, LoadState::NotLoad);
    here.drop_collection("asleep").await;
}
