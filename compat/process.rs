//! The program as started by a shell: with the arguments of the case, and with
//! all its output captured.

use crate::case::Run;
use crate::mail::mail;
use crate::normalise;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use testkit::{Client, Program, Scratch, require, wait_for};

/// The time limit of a wait for a line in the log.
pub const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Standard output, without versions and paths.
    pub stdout: String,
    pub stderr: String,
    /// For example `exit status: 1`.
    pub status: String,
}

impl Outcome {
    pub fn shown(&self) -> String {
        let Outcome { stdout, stderr, status } = self;
        format!("{stdout}{stderr}{status}")
    }

    /// The same, for an end of which only success or failure says something:
    /// the original's numbers are often the errno that Perl happened to hold.
    pub fn shown_roughly(&self) -> String {
        let Outcome { stdout, stderr, status } = self;
        let status = if status == "exit status: 0" { status } else { "failure" };
        format!("{stdout}{stderr}{status}")
    }
}

#[derive(Debug)]
pub struct Process {
    program: Program,
    child: Child,
    status: Option<ExitStatus>,
}

impl Process {
    /// Starts the program in a directory; what it prints goes to the files
    /// `stdout` and `stderr` there.
    pub fn start(run: &Run, scratch: &Scratch, words: &[impl AsRef<OsStr>]) -> Process {
        let command = Command::new(run.program().path());
        Process::start_by(command, run.program(), scratch, words)
    }

    /// The same for a command that becomes the program: `nsenter`, `setpriv`.
    pub fn start_by(
        mut command: Command,
        program: Program,
        scratch: &Scratch,
        words: &[impl AsRef<OsStr>],
    ) -> Process {
        let file = |name| File::create(scratch.path().join(name)).expect("a file for output");
        let child = command
            .args(words)
            .current_dir(scratch.path())
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .expect("the program under test");
        Process { program, child, status: None }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn has_ended(&mut self) -> bool {
        if self.status.is_none() {
            self.status = self.child.try_wait().expect("a child");
        }
        self.status.is_some()
    }

    /// Waits for its end. `poke` is called meanwhile: the original acts on a
    /// signal only when its socket has something to read (BEHAVIOUR C5).
    pub fn wait(mut self, poke: impl Fn()) -> ExitStatus {
        wait_for("the program's end", || {
            if self.program == Program::Theirs {
                poke();
            }
            self.has_ended().then_some(self.status).flatten()
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.status.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The result for a program that is asked once, in place of how it ended.
pub const SERVES: &str = "serves";

/// The same for one that ends without a reply.
pub const DIES: &str = "dies of the first request";

impl Run {
    /// Starts the program on a socket in a directory of its own, with empty
    /// whitelists and these words, and sends it one request: [`SERVES`],
    /// [`DIES`], or how it failed to start.
    pub fn fate(&self, words: &[impl AsRef<OsStr>]) -> String {
        let scratch = Scratch::new();
        let socket = scratch.path().join("socket");
        let mut words = usual_words(&scratch, words);
        words.insert(0, "--unix=socket".into());
        let mut process = Process::start(self, &scratch, &words);
        let fate = wait_for("a reply or an end", || match Client::unix(&socket) {
            Ok(mut client) => Some(client.try_to_ask(&mail()).map_or(DIES, |_| SERVES)),
            Err(_) => process.has_ended().then_some(""),
        });
        match fate {
            "" => outcome(&scratch, process.wait(|| ())).shown_roughly(),
            fate => fate.to_string(),
        }
    }

    /// Runs a command line that ends by itself, in a directory of its own.
    ///
    /// The advice of ours after the original's sentences is cut off (X48); a case
    /// of its own looks at it.
    pub fn outcome(&self, words: &[impl AsRef<OsStr>]) -> Outcome {
        let outcome = self.advised(words);
        Outcome { stderr: normalise::without_advice(&outcome.stderr), ..outcome }
    }

    /// The outcome with all that was printed.
    pub fn advised(&self, words: &[impl AsRef<OsStr>]) -> Outcome {
        let scratch = Scratch::new();
        let status = Process::start(self, &scratch, words).wait(|| ());
        outcome(&scratch, status)
    }
}

/// Words that make a server in a directory but for the place where it listens,
/// followed by a case's own.
pub fn usual_words(scratch: &Scratch, own: &[impl AsRef<OsStr>]) -> Vec<OsString> {
    let nothing = scratch.file("nothing", "").display().to_string();
    let usual = [
        format!("--dbdir={}", scratch.subdirectory("db").display()),
        format!("--whitelist-clients={nothing}"),
        format!("--whitelist-recipients={nothing}"),
    ];
    let own = own.iter().map(|word| word.as_ref().to_owned());
    usual.into_iter().map(OsString::from).chain(own).collect()
}

/// A command that starts a copy of the program as the user `nobody`, who may write in
/// the directory.
pub fn of_nobody(run: &Run, scratch: &Scratch) -> Vec<OsString> {
    require("/usr/bin/setpriv", "util-linux");
    for folder in [scratch.path().to_path_buf(), scratch.subdirectory("db")] {
        fs::set_permissions(folder, Permissions::from_mode(0o777)).expect("chmod");
    }
    // The project may lie where only its owner may look.
    let copy = scratch.path().join("postgrey");
    fs::copy(run.program().path(), &copy).expect("a copy of the program");
    let words = ["/usr/bin/setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"];
    words.map(OsString::from).into_iter().chain([copy.into()]).collect()
}

/// The files that a process left in the directory it was started in.
pub fn outcome(scratch: &Scratch, status: ExitStatus) -> Outcome {
    let stdout = printed(scratch, "stdout");
    let stderr = printed(scratch, "stderr");
    Outcome { stdout, stderr, status: status.to_string() }
}

/// The output of a process so far: `stdout` or `stderr`.
pub fn printed(scratch: &Scratch, name: &str) -> String {
    let bytes = fs::read(scratch.path().join(name)).expect("what it printed");
    normalise::text(&String::from_utf8_lossy(&bytes), scratch)
}

/// Words that are separated by blanks; `''` stands for an empty one.
pub fn words(line: &str) -> Vec<OsString> {
    let words = line.split(' ').map(|word| if word == "''" { "" } else { word });
    words.map(|word| OsStr::from_bytes(word.as_bytes()).to_owned()).collect()
}
