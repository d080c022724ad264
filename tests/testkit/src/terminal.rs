//! The binary on a terminal of its own, where it asks and is answered.

use std::process::Command;

use super::ferry::{Ferry, binary};
use super::patience::finish;

/// Answers each question when it is asked, with a line or a signal, and then shows all that was said.
const TERMINAL: &str = r"
import fcntl, json, os, pty, signal, struct, sys, termios, time
answers, columns = json.loads(sys.argv[1]), int(sys.argv[2])
def size(columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 40, columns, 0, 0))
ready, go = os.pipe()
child, terminal = pty.fork()
if child == 0:
    os.close(go)
    os.read(ready, 1)
    os.execv(sys.argv[3], sys.argv[3:])
os.close(ready)
size(columns)
os.close(go)
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
        if answer == 'PAUSE':
            os.kill(child, signal.SIGSTOP)
            time.sleep(0.5)
            os.kill(child, signal.SIGCONT)
        elif answer.startswith('COLUMNS '):
            size(int(answer[8:]))
            os.kill(child, signal.SIGWINCH)
        elif answer.startswith('SIG'):
            os.kill(child, getattr(signal, answer))
        else:
            os.write(terminal, (answer + '\n').encode())
sys.stdout.buffer.write(said)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(code if not answers else 99)
";

impl Ferry {
    /// Runs the binary on a terminal: each question, as soon as it stands there, is answered with a line,
    /// or with a signal by its name (`SIGINT`); `PAUSE` stops it for a moment, `COLUMNS 60` makes the
    /// terminal so wide; what answers no question is typed before. Returns the exit code, 99 where a
    /// question was not asked, and what stood on the terminal.
    #[track_caller]
    pub fn run_on_terminal(&self, arguments: &[&str], answers: &[(&str, &str)]) -> (i32, String) {
        self.run_on_columns(100, arguments, answers)
    }

    /// [`Ferry::run_on_terminal`] that is so wide, in columns.
    #[track_caller]
    pub fn run_on_columns(
        &self,
        columns: u16,
        arguments: &[&str],
        answers: &[(&str, &str)],
    ) -> (i32, String) {
        let mut command = Command::new("python3");
        let answers = serde_json::to_string(answers).unwrap();
        command
            .args(["-c", TERMINAL, &answers, &columns.to_string()])
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
