//! The binary on a terminal of its own, where it asks and is answered.

use std::process::Command;

use super::ferry::{Ferry, binary};
use super::patience::finish;

/// Answers each question when it is asked, with a line or a signal, and then shows all that was said.
const TERMINAL: &str = r"
import json, os, pty, signal, sys
answers = json.loads(sys.argv[1])
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[2], sys.argv[2:])
said, seen = b'', 0
if answers and not answers[0][0]:
    os.write(terminal, (answers.pop(0)[1] + '\n').encode())
while True:
    try:
        part = os.read(terminal, 65536)
    except OSError:
        break
    if not part:
        break
    said += part
    if answers and answers[0][0].encode() in said[seen:]:
        seen = len(said)
        answer = answers.pop(0)[1]
        if answer.startswith('SIG'):
            os.kill(child, getattr(signal, answer))
        else:
            os.write(terminal, (answer + '\n').encode())
sys.stdout.buffer.write(said)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(code if not answers else 99)
";

impl Ferry {
    /// Runs the binary on a terminal: each question, as soon as it stands there, is answered with a line,
    /// or with a signal by its name (`SIGINT`); what answers no question is typed before. Returns the exit code, 99 where a question was not asked,
    /// and what stood on the terminal.
    #[track_caller]
    pub fn run_on_terminal(&self, arguments: &[&str], answers: &[(&str, &str)]) -> (i32, String) {
        let mut command = Command::new("python3");
        command
            .args(["-c", TERMINAL, &serde_json::to_string(answers).unwrap()])
            .arg(binary())
            .args(arguments)
            .current_dir(self.folder())
            .env("NO_COLOR", "1")
            .envs(self.environment());
        let output = finish(&mut command);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).replace('\r', "");
        (output.status.code().unwrap(), said)
    }
}
