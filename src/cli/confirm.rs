//! The question before anything is written.

use std::io::{IsTerminal, Write};

use super::ends::Problem;
use super::output;
use crate::exit;

/// Asks on the terminal. Only `yes` goes on. `what_for` is what `--yes` does without a terminal.
pub(super) async fn confirm(question: &str, what_for: &str) -> Result<(), Problem> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Problem::new(
            exit::WRONG_USAGE,
            format!("there is no terminal to ask on; give --yes {what_for} without a question"),
        ));
    }
    forget_what_was_typed();
    let mut stderr = std::io::stderr();
    // Where it cannot be shown it cannot be answered.
    let _ = stderr.write_all(question.as_bytes());
    let _ = stderr.flush();
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    match answer.await {
        Ok(Ok(line)) if line.trim() == "yes" => Ok(()),
        Ok(Ok(line)) if line.is_empty() => {
            // The end of the input: the question stays in its line.
            output::message("\n");
            Err(Problem::new(exit::FAILED, "not confirmed; nothing was changed"))
        }
        _ => Err(Problem::new(exit::FAILED, "not confirmed; nothing was changed")),
    }
}

/// Whoever typed before the changes were shown has not seen them.
#[cfg(unix)]
fn forget_what_was_typed() {
    use rustix::termios::{QueueSelector, tcflush};
    // A terminal that cannot do that still asks.
    let _ = tcflush(std::io::stdin(), QueueSelector::IFlush);
}

#[cfg(not(unix))]
fn forget_what_was_typed() {}
