//! Signals: the first one lets what is in flight finish, the second one ends at once.

use std::time::Duration;

use super::world::{self, PATIENCE, PLAN, RESUME, Trip, assert_says};
use testkit::lab::{self, Kind};
use testkit::pb::common::Status;
use testkit::relay::{Act, Call, Relay};

/// A relay before the target in which an insert takes a while, so that a copy can be caught.
fn slow_inserts() -> Relay {
    Relay::with_rule(lab::server(Kind::Milvus235B), |call| match call.rpc {
        "Insert" => Act::Delay(Duration::from_millis(100)),
        _ => Act::Forward,
    })
}

async fn trip_by(relay: &Relay, copy: &str) -> Trip {
    let source = lab::server(Kind::Milvus235A).uri();
    let target = lab::server(Kind::Milvus235B);
    Trip::between(world::rows().await, source, target, &relay.uri(), "", copy).await
}

async fn one_signal(name: &str) {
    let relay = slow_inserts();
    let trip = trip_by(&relay, "").await;
    let mut run = trip.spawn();
    run.wait_until(PATIENCE, || trip.ledger().chunks_done() >= 3);
    run.signal(name);
    let outcome = run.wait(Duration::from_secs(20)).expect_code(130);
    assert_says(&outcome, RESUME);
    // Nothing was left behind half-way: what was sent was waited for.
    let ledger = trip.ledger();
    assert_eq!(ledger.number("SELECT count(*) FROM chunks WHERE state = 'open' AND tried = 1"), 0);
    assert_eq!(ledger.number("SELECT count(*) FROM runs WHERE outcome = 'interrupted'"), 1);
    assert_eq!(ledger.number("SELECT count(*) FROM events WHERE kind = 'stopped'"), 1);
    relay.set_rule(|_| Act::Forward);
    trip.apply().expect_code(0);
    assert_eq!(relay.count("Upsert"), 0);
    trip.assert_exact().await;
    trip.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn ctrl_c_stops_after_what_is_in_flight() {
    one_signal("INT").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn sigterm_stops_after_what_is_in_flight() {
    one_signal("TERM").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_second_ctrl_c_does_not_wait_for_an_answer() {
    let relay = Relay::with_rule(lab::server(Kind::Milvus235B), |call| {
        if call.rpc == "Insert" && call.number > 3 { Act::Hang } else { Act::Forward }
    });
    let trip = trip_by(&relay, "").await;
    let mut run = trip.spawn();
    run.wait_until(PATIENCE, || relay.count("Insert") >= 4);
    run.signal("INT");
    // The first one waits for the answer, for as long as it takes.
    for _ in 0..50 {
        assert!(run.runs(), "it did not wait for what is in flight");
        std::thread::sleep(Duration::from_millis(10));
    }
    run.signal("INT");
    run.wait(Duration::from_secs(2)).expect_code(130);
    relay.set_rule(|_| Act::Forward);
    trip.apply().expect_code(0);
    assert!(relay.count("Upsert") >= 1, "nobody knew whether those rows had arrived");
    trip.assert_exact().await;
    trip.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn ctrl_c_does_not_wait_for_rows_that_would_not_be_written() {
    // Some chunks are read, and then every answer is late.
    let late = |call: &Call| {
        let is_chunk = call.output_fields.len() > 1 && call.limit().is_none();
        call.rpc == "Query" && is_chunk && call.number > 12
    };
    let relay = Relay::with_rule(lab::server(Kind::Milvus235A), move |call| {
        if late(call) { Act::Hang } else { Act::Forward }
    });
    let target = lab::server(Kind::Milvus235B);
    let source = world::rows().await;
    let trip = Trip::between(source, &relay.uri(), target, target.uri(), "", "").await;
    let mut run = trip.spawn();
    run.wait_until(PATIENCE, || relay.calls().iter().any(late));
    run.signal("INT");
    assert_says(&run.wait(Duration::from_secs(5)).expect_code(130), RESUME);
    relay.set_rule(|_| Act::Forward);
    trip.apply().expect_code(0);
    trip.assert_exact().await;
    trip.clear().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn ctrl_c_ends_a_pause_between_retries() {
    let target = lab::server(Kind::Milvus235B);
    for away in ["Insert", "Query"] {
        // `Query` goes to the source, `Insert` to the target.
        let rule = move |call: &Call| {
            if call.rpc == away && call.number > 4 { Act::unavailable() } else { Act::Forward }
        };
        let sources = Relay::with_rule(lab::server(Kind::Milvus235A), rule);
        let targets = Relay::with_rule(target, rule);
        let source = world::rows().await;
        let (from, to) = (sources.uri(), targets.uri());
        let trip = Trip::between(source, &from, target, &to, "", "retry_for = \"10m\"").await;
        let mut run = trip.spawn();
        // By now the pauses are longer than a second.
        run.wait_until(PATIENCE, || sources.count(away) + targets.count(away) >= 16);
        run.signal("INT");
        let outcome = run.wait(Duration::from_secs(2)).expect_code(130);
        assert_says(&outcome, RESUME);
        sources.set_rule(|_| Act::Forward);
        targets.set_rule(|_| Act::Forward);
        trip.apply().expect_code(0);
        trip.assert_exact().await;
        trip.clear().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn ctrl_c_while_the_target_loads() {
    let relay = Relay::with_rule(lab::server(Kind::Milvus235B), |call| match call.rpc {
        // As if the collection were large.
        "LoadCollection" => Act::Refuse(Status::default()),
        _ => Act::Forward,
    });
    let trip = trip_by(&relay, "").await;
    let mut run = trip.spawn();
    run.wait_until(PATIENCE, || relay.count("LoadCollection") > 0);
    let asked = relay.count("GetLoadState");
    run.wait_until(PATIENCE, || relay.count("GetLoadState") > asked + 2);
    run.signal("INT");
    assert_says(&run.wait(Duration::from_secs(2)).expect_code(130), RESUME);
    relay.set_rule(|_| Act::Forward);
    let inserts = relay.count("Insert");
    trip.apply().expect_code(0);
    assert_eq!(relay.count("Insert"), inserts, "rows were copied again");
    trip.assert_exact().await;
    trip.clear().await;
}

/// Everything that may ask for the end.
const SIGNALS: [&str; 3] = ["INT", "TERM", "HUP"];

/// What a command says that is ended before it has changed anything: one line.
#[track_caller]
fn ended_at_once(trip: &Trip, outcome: &testkit::ferry::Outcome) {
    let says = outcome.stderr.trim();
    assert_eq!(says, "error: interrupted; nothing was changed");
    assert_eq!(outcome.stdout, "");
    assert!(!trip.ferry.path(".milvus-ferry").exists(), "a ledger was made");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn any_signal_ends_any_command_in_one_line() {
    // Nothing that is asked of the source is answered once both ends are connected.
    let relay = Relay::with_rule(lab::server(Kind::Milvus235A), |call| match call.rpc {
        "DescribeCollection" | "ShowCollections" | "ListDatabases" => Act::Hang,
        _ => Act::Forward,
    });
    let target = lab::server(Kind::Milvus235B);
    let source = world::rows().await;
    let trip = Trip::between(source, &relay.uri(), target, target.uri(), "", "").await;
    let hung = || {
        ["DescribeCollection", "ShowCollections", "ListDatabases"]
            .iter()
            .map(|rpc| relay.count(rpc))
            .sum::<usize>()
    };
    let uri = relay.uri();
    let commands: [&[&str]; 5] = [
        &["plan", PLAN, "--out", "changes.json"],
        &["validate", PLAN, "--online"],
        &["init", "--from", &uri, "--out", "new.ferry.toml"],
        &["apply", PLAN, "--yes"],
        &["verify", PLAN],
    ];
    for command in commands {
        for signal in SIGNALS {
            let before = hung();
            let mut run = trip.ferry.spawn(command);
            run.wait_until(PATIENCE, || hung() > before);
            run.signal(signal);
            let outcome = run.wait(Duration::from_secs(5)).expect_code(130);
            if command[0] == "verify" {
                // It may note what it compared.
                let _ = std::fs::remove_dir_all(trip.ferry.path(".milvus-ferry"));
            }
            ended_at_once(&trip, &outcome);
        }
    }
    for left in ["changes.json", "changes.json.part", "new.ferry.toml"] {
        assert!(!trip.ferry.path(left).exists(), "{left}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_end_of_the_terminal_stops_a_copy_as_ctrl_c_does() {
    one_signal("HUP").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_question_that_is_not_answered_with_yes_leaves_nothing_behind() {
    let trip = Trip::new(world::rows().await, "").await;
    let question = "Only `yes` is accepted: ";
    for (answer, code, says) in [
        ("no", 1, "error: not confirmed; nothing was changed"),
        ("SIGINT", 130, "\nerror: interrupted; nothing was changed"),
        ("SIGTERM", 130, "\nerror: interrupted; nothing was changed"),
        ("SIGHUP", 130, "\nerror: interrupted; nothing was changed"),
    ] {
        let (ended, said) = trip.ferry.run_on_terminal(&["apply", PLAN], &[(question, answer)]);
        assert_eq!(ended, code, "{answer}: {said}");
        assert!(said.trim_end().ends_with(says), "{answer}: {said}");
        assert!(!trip.ferry.path(".milvus-ferry").exists(), "{answer}: a ledger was made");
        assert!(!trip.probe.has_collection(&trip.target).await, "{answer}");
    }
    for signal in ["SIGINT", "SIGTERM", "SIGHUP"] {
        let (ended, said) =
            trip.ferry.run_on_terminal(&["init", "--interactive"], &[("Source [", signal)]);
        assert_eq!(ended, 130, "{signal}: {said}");
        assert!(said.trim_end().ends_with("\nerror: interrupted; nothing was changed"), "{said}");
    }
    // Said yes to, it is as it always was.
    let (ended, said) = trip.ferry.run_on_terminal(&["apply", PLAN], &[(question, "yes")]);
    assert_eq!(ended, 0, "{said}");
    trip.assert_exact().await;
    trip.clear().await;
}

/// `nohup` and what works as it does: the end of the terminal is passed over.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_ignored_hangup_stays_ignored() {
    let relay = slow_inserts();
    let trip = trip_by(&relay, "").await;
    let binary = testkit::ferry::binary();
    let script = format!("trap '' HUP; exec '{}' apply {PLAN} --yes", binary.display());
    let mut child = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(trip.ferry.folder())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let began = std::time::Instant::now();
    while trip.ledger().chunks_done() < 2 {
        assert!(began.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = child.id().to_string();
    assert!(
        std::process::Command::new("kill").args(["-s", "HUP", &pid]).status().unwrap().success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(0), "it heeded the signal");
    trip.assert_exact().await;
    trip.clear().await;
}
