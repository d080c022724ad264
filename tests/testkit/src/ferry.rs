//! Runs the built binary in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::patience::{PATIENCE, read_all};

/// A folder with plan files in which the binary runs; the folder goes with the value.
#[derive(Debug)]
pub struct Ferry {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

/// What a run said.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Nothing when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Outcome {
    /// Panics, with everything that it said, unless it ended with this code.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("{error} in:\n{}\nstderr:\n{}", self.stdout, self.stderr)
        })
    }
}

/// Whether the run said this, whatever the line breaks.
pub fn says(outcome: &Outcome, text: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    words(&outcome.stdout).contains(&words(text)) || words(&outcome.stderr).contains(&words(text))
}

/// Panics, with everything that the run said, unless it said each of these.
#[track_caller]
pub fn expect_words(outcome: &Outcome, texts: &[&str]) {
    for text in texts {
        assert!(says(outcome, text), "no {text:?} in:\n{}\n{}", outcome.stdout, outcome.stderr);
    }
}

impl Default for Ferry {
    fn default() -> Self {
        Self::new()
    }
}

impl Ferry {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("milvus-ferry-").tempdir().unwrap();
        Self { folder, environment: Vec::new() }
    }

    /// With a plan file of this name.
    pub fn with_plan(name: &str, text: &str) -> Self {
        let ferry = Self::new();
        ferry.write(name, text);
        ferry
    }

    /// With a variable in the environment of every run.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The variables of every run.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (&str, &str)> {
        self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs the binary to its end. Panics if that takes longer than five minutes.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        self.spawn(arguments).wait(PATIENCE)
    }

    /// [`Ferry::run`] without blocking the test's runtime.
    pub async fn run_aside(self: &Arc<Self>, arguments: &[&str]) -> Outcome {
        let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
        let ferry = Arc::clone(self);
        let run = move || ferry.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        tokio::task::spawn_blocking(run).await.unwrap()
    }

    /// Starts the binary; the caller waits for it, or ends it.
    pub fn spawn(&self, arguments: &[&str]) -> Running {
        let mut child = Command::new(binary())
            .args(arguments)
            .current_dir(self.folder.path())
            // The answers must not depend on the terminal or on the language of whoever runs the tests.
            .env_clear()
            .envs(
                std::env::vars()
                    .filter(|(name, _)| ["PATH", "HOME", "TMPDIR"].contains(&name.as_str())),
            )
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = read_all(child.stdout.take().unwrap());
        let stderr = read_all(child.stderr.take().unwrap());
        Running { child, began: Instant::now(), streams: Some([stdout, stderr]) }
    }
}

/// The binary under test, which Cargo builds beside the tests and benchmarks of its package.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // target/PROFILE/deps/TEST
    let binary = test.parent().and_then(Path::parent).unwrap().join("milvus-ferry");
    assert!(binary.is_file(), "{} is not there: run the tests with `cargo test`", binary.display());
    binary
}

/// A run that has not been waited for; dropping it kills it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    began: Instant,
    /// Standard output and standard error, until they were waited for.
    streams: Option<[JoinHandle<Vec<u8>>; 2]>,
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end. Panics, having killed it, if it takes longer than `limit`.
    #[track_caller]
    pub fn wait(mut self, limit: Duration) -> Outcome {
        let began = Instant::now();
        while self.runs() && began.elapsed() < limit {
            std::thread::sleep(Duration::from_millis(5));
        }
        let late = self.runs();
        if late {
            self.child.kill().unwrap();
        }
        let outcome = self.outcome();
        assert!(
            !late,
            "still running after {limit:?}\nstdout:\n{}\nstderr:\n{}",
            outcome.stdout, outcome.stderr
        );
        outcome
    }

    /// `kill -9`, and what it had said until then.
    pub fn kill(mut self) -> Outcome {
        self.child.kill().unwrap();
        self.outcome()
    }

    /// Sends a signal by its name: `INT`, `TERM`.
    pub fn signal(&self, name: &str) {
        let status =
            Command::new("kill").args(["-s", name, &self.pid().to_string()]).status().unwrap();
        assert!(status.success(), "kill -s {name}");
    }

    /// Waits until `condition` holds, at most `limit`; panics if it never does.
    #[track_caller]
    pub fn wait_until(&mut self, limit: Duration, mut condition: impl FnMut() -> bool) {
        let began = Instant::now();
        while !condition() {
            assert!(began.elapsed() < limit, "it has not come about in {limit:?}");
            if !self.runs() {
                let outcome = self.outcome();
                panic!("the run ended before it came about: {outcome:#?}");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn outcome(&mut self) -> Outcome {
        let status = self.child.wait().unwrap();
        let [stdout, stderr] = self.streams.take().unwrap();
        Outcome {
            code: status.code(),
            stdout: String::from_utf8_lossy(&stdout.join().unwrap()).into_owned(),
            stderr: String::from_utf8_lossy(&stderr.join().unwrap()).into_owned(),
            took: self.began.elapsed(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
