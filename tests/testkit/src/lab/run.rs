//! The lab of this test run: who the run belongs to, and the connection to its lab.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Server;

/// Long enough for the first run, which installs the servers.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long the lab itself may take to listen.
const UNTIL_IT_LISTENS: Duration = Duration::from_secs(60);
/// What `cargo nextest` tells all test processes of a run.
const RUN_ID: &str = "NEXTEST_RUN_ID";

/// A process, told from a later one with its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    pid: u32,
    start: u64,
}

impl Process {
    fn of(pid: u32) -> Self {
        // The fields after the name, which may hold anything: state, parent, ..., start time.
        let start = stat(pid)[19].parse().unwrap();
        Self { pid, start }
    }
}

fn stat(pid: u32) -> Vec<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    text.rsplit_once(')').unwrap().1.split_whitespace().map(str::to_owned).collect()
}

/// The process at whose end the run ends: the test runner that started one process per test, or
/// this process.
fn owner() -> Process {
    let mut pid = std::process::id();
    if let Ok(run) = std::env::var(RUN_ID) {
        // Wrappers of the test process have the variable too; the test runner has not.
        let mark = format!("{RUN_ID}={run}");
        let told = |pid: u32| {
            std::fs::read(format!("/proc/{pid}/environ"))
                .is_ok_and(|all| all.split(|byte| *byte == 0).any(|one| one == mark.as_bytes()))
        };
        while told(pid) {
            pid = stat(pid)[1].parse().unwrap();
        }
    }
    Process::of(pid)
}

/// Where the launcher keeps everything; see `home()` in versions.py.
fn home() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    set("MILVUS_LAB_HOME").map_or_else(
        || {
            let cache = set("XDG_CACHE_HOME").map(PathBuf::from);
            let cache = cache.unwrap_or_else(|| std::env::home_dir().unwrap().join(".cache"));
            cache.join("milvus-ferry/lab")
        },
        PathBuf::from,
    )
}

/// Connects to the lab of the run, if it is there.
fn connect(owner: Process) -> Option<UnixStream> {
    let prefix = format!("serve-{}-{}-", owner.pid, owner.start);
    let runs = std::fs::read_dir(home().join("run")).ok()?.flatten();
    runs.filter(|run| run.file_name().to_string_lossy().starts_with(&prefix)).find_map(|run| {
        let folder = File::open(run.path()).ok()?;
        // The path of a socket holds 107 bytes only, and the home may be longer than that.
        UnixStream::connect(format!("/proc/self/fd/{}/socket", folder.as_raw_fd())).ok()
    })
}

/// Starts the lab of the run unless another process did.
fn start(owner: Process) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../lab/milvus_lab.py");
    let mut child = Command::new("python3")
        .args([script, "serve", "--owner", &format!("{}:{}", owner.pid, owner.start)])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("python3 is needed to start Milvus servers");
    let began = Instant::now();
    loop {
        match child.try_wait().unwrap() {
            Some(status) => return assert!(status.success(), "the lab does not start: {status}"),
            None if began.elapsed() < UNTIL_IT_LISTENS => {
                std::thread::sleep(Duration::from_millis(10));
            }
            None => {
                let _ = child.kill();
                panic!("the lab does not listen after {UNTIL_IT_LISTENS:?}");
            }
        }
    }
}

/// A connection to the lab. Servers of its own end with it, so with this process too.
pub struct Lab {
    output: Mutex<UnixStream>,
    waiting: Arc<Mutex<HashMap<u64, Sender<Value>>>>,
    next: AtomicU64,
}

impl Lab {
    /// The one of this process.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Lab> = OnceLock::new();
        SHARED.get_or_init(|| {
            let owner = owner();
            let stream = connect(owner).unwrap_or_else(|| {
                start(owner);
                connect(owner).expect("the lab listens")
            });
            Self::on(stream)
        })
    }

    fn on(stream: UnixStream) -> Self {
        stream.set_write_timeout(Some(UNTIL_IT_LISTENS)).unwrap();
        let input = BufReader::new(stream.try_clone().unwrap());
        let waiting = Arc::<Mutex<HashMap<u64, Sender<Value>>>>::default();
        let answered = Arc::clone(&waiting);
        std::thread::spawn(move || {
            for line in input.lines().map_while(Result::ok) {
                let answer: Value = serde_json::from_str(&line).unwrap();
                let id = answer["id"].as_u64().unwrap();
                if let Some(asker) = answered.lock().unwrap().remove(&id) {
                    let _ = asker.send(answer);
                }
            }
            answered.lock().unwrap().clear(); // nobody will answer those who still wait
        });
        Self { output: Mutex::new(stream), waiting, next: AtomicU64::new(1) }
    }

    pub(super) fn ask(&self, request: Value) -> Server {
        self.try_ask(request).unwrap_or_else(|error| panic!("the lab failed: {error}"))
    }

    pub(super) fn try_ask(&self, mut request: Value) -> Result<Server, String> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        request["id"] = id.into();
        let (asker, answer): (_, Receiver<Value>) = channel();
        self.waiting.lock().unwrap().insert(id, asker);
        self.tell(&request)?;
        let answer =
            answer.recv_timeout(PATIENCE).map_err(|_| format!("no answer to {request}"))?;
        match answer["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(Server::from_json(&answer["server"])),
        }
    }

    /// Says something that is not answered.
    pub(super) fn tell(&self, request: &Value) -> Result<(), String> {
        let line = format!("{request}\n");
        self.output.lock().unwrap().write_all(line.as_bytes()).map_err(|error| error.to_string())
    }
}

/// What a test made on a shared server. The lab drops it, in its own time, when the value goes;
/// what a process did not get to say, the lab sees at the end of the process.
#[derive(Debug)]
pub struct Lease(Value);

impl Lease {
    /// A database with all that is in it.
    pub(crate) fn database(server: &str, name: &str) -> Self {
        Self::collection(server, name, "")
    }

    pub(crate) fn collection(server: &str, database: &str, name: &str) -> Self {
        let collection = name;
        Self(json!({"cmd": "drop", "name": server, "database": database, "collection": collection}))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let _ = Lab::shared().tell(&self.0);
    }
}
