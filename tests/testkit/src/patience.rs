//! Waits that end: no test may hang, whatever it waits for.

use std::future::Future;
use std::io::Read;
use std::process::{Command, Output, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longer than anything takes that a test waits for.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// What the work yields; panics if that takes longer than [`PATIENCE`].
#[track_caller]
pub fn within_reason<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let asked = std::panic::Location::caller();
    async move {
        let done = tokio::time::timeout(PATIENCE, work).await;
        done.unwrap_or_else(|_| panic!("not done after {PATIENCE:?}: {asked}"))
    }
}

/// Waits until the condition holds; panics if it does not in [`PATIENCE`].
#[track_caller]
pub fn until<C: AsyncFnMut() -> bool>(mut condition: C) -> impl Future<Output = ()> {
    within_reason(async move {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
}

/// Runs a command to its end, as [`Command::output`]; panics, having killed it, if it takes longer
/// than [`PATIENCE`].
#[track_caller]
pub fn finish(command: &mut Command) -> Output {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let stdout = read_all(child.stdout.take().unwrap());
    let stderr = read_all(child.stderr.take().unwrap());
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if began.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("still running after {PATIENCE:?}: {command:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    Output { status, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
}

/// Everything that a stream holds, read beside whatever else goes on.
pub(crate) fn read_all(mut stream: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        bytes
    })
}
