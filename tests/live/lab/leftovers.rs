//! Proves that no server and no folder outlives the tests, however they end, and that the test
//! processes of one run share their servers.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use testkit::lab::{Kind, Spec, listens, private, server};
use testkit::patience::until;
use testkit::probe::Probe;
use testkit::scene::databases;

const READY: &str = "the servers are up: ";
/// The shared server that a test process below asks for.
const WANTED: &str = "SHARED_SERVER";
const RUN_ID: &str = "NEXTEST_RUN_ID";
/// The first of all may install servers.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a test process below has.
#[derive(Debug, Serialize, Deserialize)]
struct Ready {
    pid: u32,
    run: PathBuf,
    uri: String,
    /// Of the shared server.
    server: u32,
    database: String,
    own: PathBuf,
    ports: Vec<u16>,
    own_port: u16,
}

impl Ready {
    /// The lab's process; its folder is named after the owner of the run and after the lab.
    fn lab(&self) -> u32 {
        let name = self.run.file_name().unwrap().to_str().unwrap();
        name.rsplit('-').next().unwrap().parse().unwrap()
    }

    fn ports_are_closed(&self) -> bool {
        !self.ports.iter().any(|port| listens(*port))
    }

    #[track_caller]
    fn wait_until_gone(&self) {
        wait_until("the servers are gone", || self.ports_are_closed());
        wait_until("the folder is gone", || !self.run.exists());
    }
}

#[track_caller]
fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(20), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn kill(signal: &str, target: &str) {
    assert!(Command::new("kill").args(["-s", signal, "--", target]).status().unwrap().success());
}

/// The processes that a process started, by whichever of its threads.
fn children(pid: u32) -> Vec<String> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    threads
        .filter_map(|thread| std::fs::read_to_string(thread.unwrap().path().join("children")).ok())
        .flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// Not a test: a test process that the tests below end.
#[tokio::test]
#[ignore = "started by the other tests of this file"]
async fn a_test_process_that_waits_to_be_ended() {
    let wanted = std::env::var(WANTED).unwrap();
    let kind = Kind::ALL.into_iter().find(|kind| format!("{kind:?}") == wanted).unwrap();
    let (shared, own) = (server(kind), private(&Spec::lite25()));
    let probe = Probe::of(shared).await;
    let probe = if probe.is_lite_25() { probe } else { probe.in_new_database().await };
    let ready = Ready {
        pid: std::process::id(),
        run: shared.folder.parent().unwrap().to_owned(),
        uri: shared.uri().to_owned(),
        server: shared.pid(),
        database: probe.database().to_owned(),
        own: own.folder.clone(),
        ports: [shared.ports(), own.ports()].concat(),
        own_port: own.port(),
    };
    println!("\n{READY}{}", serde_json::to_string(&ready).unwrap());
    std::thread::sleep(PATIENCE);
}

/// Processes of other runs than this one; they end with the value.
struct Started {
    child: Child,
    ready: Receiver<Ready>,
}

impl Started {
    /// That test process, in a process group of its own: a run of one process.
    fn alone(kind: Kind) -> Self {
        // Whoever runs the tests in the background of a script ignores SIGINT for all of them.
        let mut reset = Command::new("env");
        reset.arg("--default-signal=INT").arg(std::env::current_exe().unwrap());
        Self::spawn(&mut reset, kind)
    }

    /// A test runner that starts that test process twice.
    fn two_of_a_run(kind: Kind) -> Self {
        let script = format!("export {RUN_ID}=of-two; \"$0\" \"$@\" & \"$0\" \"$@\" & wait");
        let mut runner = Command::new("sh");
        Self::spawn(runner.arg("-c").arg(script).arg(std::env::current_exe().unwrap()), kind)
    }

    fn spawn(command: &mut Command, kind: Kind) -> Self {
        let module =
            module_path!().split_once("::").map_or(String::new(), |(_, path)| format!("{path}::"));
        let test = format!("{module}a_test_process_that_waits_to_be_ended");
        let mut child = command
            .args(["--ignored", "--exact", "--nocapture", &test])
            .env(WANTED, format!("{kind:?}"))
            .env_remove(RUN_ID)
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (told, ready) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(text) = line.strip_prefix(READY) {
                    let _ = told.send(serde_json::from_str(text).unwrap());
                }
            }
        });
        Self { child, ready }
    }

    fn ready(&self) -> Ready {
        let ready = self.ready.recv_timeout(PATIENCE).unwrap();
        assert!(ready.run.is_dir() && ready.own.is_dir() && !ready.ports_are_closed());
        ready
    }

    fn signal(&self, name: &str) {
        kill(name, &self.child.id().to_string());
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-s", "KILL", "--", &group]).status();
        let _ = self.child.wait();
    }
}

#[test]
fn nothing_is_left_of_a_test_process_that_was_killed() {
    let process = Started::alone(Kind::Milvus235A);
    let ready = process.ready();
    process.signal("KILL");
    ready.wait_until_gone();
}

#[test]
fn nothing_is_left_of_a_test_process_that_was_interrupted() {
    let process = Started::alone(Kind::Lite25);
    let ready = process.ready();
    kill("INT", &format!("-{}", process.child.id()));
    ready.wait_until_gone();
}

/// The folders of labs of a run with this owner.
fn labs_of(owner: u32, runs: &Path) -> Vec<PathBuf> {
    let prefix = format!("serve-{owner}-");
    let all = std::fs::read_dir(runs).unwrap().flatten().map(|entry| entry.path());
    all.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(&prefix)).collect()
}

#[test]
fn nothing_is_left_of_a_server_that_was_about_to_start() {
    // Where runs are.
    let runs = server(Kind::Lite25).folder.ancestors().nth(2).unwrap();
    let process = Started::alone(Kind::Milvus235A);
    let instances = || {
        let labs = labs_of(process.child.id(), runs).into_iter();
        labs.map(|lab| lab.join("milvus-235-a/instance.json")).find(|path| path.exists())
    };
    let began = Instant::now();
    while instances().is_none() {
        assert!(began.elapsed() < PATIENCE, "no server is started");
        std::thread::sleep(Duration::from_millis(5));
    }
    let text = std::fs::read_to_string(instances().unwrap()).unwrap();
    let instance: serde_json::Value = serde_json::from_str(&text).unwrap();
    let ports = instance["ports"].as_object().unwrap().values();
    let ports: Vec<u16> =
        ports.map(|port| u16::try_from(port.as_u64().unwrap()).unwrap()).collect();
    process.signal("KILL");
    wait_until("the folder is gone", || labs_of(process.child.id(), runs).is_empty());
    assert!(ports.len() > 2 && !ports.iter().any(|port| listens(*port)));
}

#[test]
fn nothing_is_left_of_a_lab_that_was_killed() {
    let process = Started::alone(Kind::Lite25);
    let ready = process.ready();
    kill("KILL", &ready.lab().to_string());
    ready.wait_until_gone();
}

#[test]
fn the_next_lab_sweeps_up_when_even_the_sweeper_was_killed() {
    let process = Started::alone(Kind::Lite25);
    let ready = process.ready();
    // The sweeper and two supervisors; a child changes hands when the thread that started it ends.
    wait_until("all are listed", || children(ready.lab()).len() == 3);
    let everybody = children(ready.lab());
    for pid in everybody.iter().chain([&ready.lab().to_string()]) {
        kill("KILL", pid);
    }
    wait_until("the servers are gone", || ready.ports_are_closed());
    assert!(ready.run.exists());
    let next = Started::alone(Kind::Lite25);
    next.ready();
    assert!(!ready.run.exists());
}

#[tokio::test]
async fn the_processes_of_a_run_share_its_servers() {
    let runner = Started::two_of_a_run(Kind::Lite3);
    let (one, other) = (runner.ready(), runner.ready());
    assert_eq!((&one.run, one.server), (&other.run, other.server), "started once");
    assert!(one.own != other.own && one.database != other.database);

    // What a process had for itself ends with it, and nothing else does.
    kill("KILL", &one.pid.to_string());
    wait_until("its own server is gone", || !listens(one.own_port) && !one.own.exists());
    until(async || !databases(&Probe::connect(&one.uri).await).await.contains(&one.database)).await;
    assert!(databases(&Probe::connect(&one.uri).await).await.contains(&other.database));
    assert!(listens(other.own_port) && other.own.exists());

    // Everything ends with the runner, though the other process is still there.
    runner.signal("KILL");
    other.wait_until_gone();
    assert!(Path::new(&format!("/proc/{}", other.pid)).exists());
}
