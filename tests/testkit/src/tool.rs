//! Commands, run to their end.

use crate::{Program, wait_for};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

/// How a command ended, and what it printed.
#[derive(Debug)]
pub struct Finished {
    /// The exit status; `None` if a signal ended it.
    pub status: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Finished {
    /// Returns the output of a command that succeeded without a complaint.
    #[track_caller]
    pub fn success(self) -> String {
        assert_eq!((self.status, self.err.as_str()), (Some(0), ""), "{}", self.out);
        self.out
    }

    /// Asserts that a command failed with this status, with a complaint that
    /// contains `part`, and without output.
    #[track_caller]
    pub fn refusal(self, status: i32, part: &str) {
        let is_expected = self.status == Some(status) && self.err.contains(part);
        assert!(is_expected && self.out.is_empty(), "not status {status} and {part:?}: {self:?}");
    }
}

/// Our program with the words of a line as its arguments, in UTC. A word may be
/// in single quotes, to be empty.
pub fn postgrey(line: &str) -> Command {
    let mut command = Command::new(Program::Ours.path());
    let words = line.split(' ').filter(|word| !word.is_empty());
    command.args(words.map(|word| word.trim_matches('\''))).env("TZ", "UTC");
    command
}

/// Runs a command without input. Invalid UTF-8 in its output is replaced.
#[track_caller]
pub fn run(command: &mut Command) -> Finished {
    finish(command.stdin(Stdio::null()), Vec::new())
}

/// Runs a command with a file as its input.
#[track_caller]
pub fn run_from(command: &mut Command, file: &Path) -> Finished {
    let file = File::open(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    finish(command.stdin(file), Vec::new())
}

/// Runs a command with this input, which it need not read.
#[track_caller]
pub fn run_with(command: &mut Command, input: impl Into<Vec<u8>>) -> Finished {
    finish(command.stdin(Stdio::piped()), input.into())
}

/// A child that is killed with the value, such as one that does not end in time.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[track_caller]
fn finish(command: &mut Command, input: Vec<u8>) -> Finished {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = Running(child.unwrap_or_else(|error| panic!("{command:?}: {error}")));
    if let Some(mut pipe) = child.0.stdin.take() {
        thread::spawn(move || pipe.write_all(&input));
    }
    let out = reader(child.0.stdout.take().expect("a pipe"));
    let err = reader(child.0.stderr.take().expect("a pipe"));
    let what = format!("the end of {command:?}");
    let status = wait_for(&what, || child.0.try_wait().expect("a child"));
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let [out, err] = [out, err].map(|reader| reader.join().expect("a reader"));
    Finished { status: status.code(), out: text(&out), err: text(&err) }
}

fn reader(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}
