//! Proves that no server and no folder outlives the tests, however they end.
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use testkit::lab::{Kind, Lab, Server, Spec, listens, server};

const WHEN_SERVERS_ARE_UP: &str = "the servers are up: ";

/// What has to be gone: the ports of servers and the folder of their run.
struct Traces {
    ports: Vec<u16>,
    run: PathBuf,
}

impl Traces {
    fn of(servers: &[&Server]) -> Self {
        let ports: Vec<u16> = servers.iter().flat_map(|server| server.ports()).copied().collect();
        let run = servers[0].folder.parent().unwrap().to_owned();
        assert!(run.is_dir() && servers.iter().all(|server| listens(server.port())));
        Self { ports, run }
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

/// Not a test: the test process that the tests below end.
#[test]
#[ignore = "started by the other tests of this file"]
fn a_test_process_that_waits_to_be_ended() {
    let (one, other) = (server(Kind::Milvus235A), server(Kind::Lite3));
    let ports: Vec<String> =
        one.ports().iter().chain(other.ports()).map(ToString::to_string).collect();
    println!(
        "\n{WHEN_SERVERS_ARE_UP}{} {}",
        one.folder.parent().unwrap().display(),
        ports.join(" ")
    );
    std::thread::sleep(Duration::from_secs(120));
}

/// Starts that test process in a process group of its own, and ends it as told.
fn end_a_test_process(signal: &str, whole_group: bool) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "a_test_process_that_waits_to_be_ended"])
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.find_map(|line| line.strip_prefix(WHEN_SERVERS_ARE_UP).map(str::to_owned));
    let line = line.unwrap();
    let mut words = line.split(' ');
    let run = PathBuf::from(words.next().unwrap());
    let traces = Traces { run, ports: words.map(|port| port.parse().unwrap()).collect() };
    assert!(traces.ports.len() > 2 && traces.run.is_dir() && !traces.ports_are_closed());

    let pid = child.id();
    kill(signal, &if whole_group { format!("-{pid}") } else { pid.to_string() });
    assert!(!child.wait().unwrap().success());
    traces.wait_until_gone();
}

#[test]
fn nothing_is_left_of_a_test_process_that_was_killed() {
    end_a_test_process("KILL", false);
}

#[test]
fn nothing_is_left_of_a_test_process_that_was_interrupted() {
    end_a_test_process("INT", true);
}

#[test]
fn nothing_is_left_of_a_launcher_that_was_killed() {
    let lab = Lab::start("");
    let (one, other) =
        (lab.start_server("one", &Spec::milvus_235()), lab.start_server("other", &Spec::lite3()));
    let traces = Traces::of(&[&one, &other]);
    kill("KILL", &lab.pid().to_string());
    traces.wait_until_gone();
}

#[test]
fn the_next_launcher_sweeps_up_when_even_the_sweeper_was_killed() {
    let lab = Lab::start("");
    let one = lab.start_server("one", &Spec::lite3());
    let traces = Traces::of(&[&one]);
    // The sweeper and a supervisor; a child changes hands when the thread that started it ends.
    wait_until("both are listed", || children(lab.pid()).len() == 2);
    let everybody = children(lab.pid());
    for pid in everybody.iter().chain([&lab.pid().to_string()]) {
        kill("KILL", pid);
    }
    wait_until("the servers are gone", || traces.ports_are_closed());
    assert!(traces.run.exists());
    let _next = Lab::start("");
    wait_until("the folder is gone", || !traces.run.exists());
}
