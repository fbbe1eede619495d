//! A policy server that a test started, and its end.

use super::tool::{Finished, postgrey, run};
use super::{Attempt, Client, Program, Scratch, free_port, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// The start of a warning that Perl 5.40 writes whenever the original starts: its
/// Net::Server calls a method that IO::Multiplex does not have.
pub const PERL_WARNING: &str = "Attempt to call undefined import method ";

#[derive(Clone, Debug)]
pub enum Listener {
    Unix(PathBuf),
    /// On `host:port`.
    Tcp(String),
}

impl Listener {
    pub fn connect(&self) -> std::io::Result<Client> {
        match self {
            Listener::Unix(path) => Client::unix(path),
            Listener::Tcp(address) => Client::tcp(address),
        }
    }

    fn option(&self) -> String {
        match self {
            Listener::Unix(path) => format!("--unix={}", path.display()),
            Listener::Tcp(address) => format!("--inet={address}"),
        }
    }
}

#[derive(Debug)]
pub struct Builder {
    program: Program,
    listener: Listener,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    wrapper: Vec<String>,
    stdin: Stdio,
    scratch: Scratch,
    has_client_list: bool,
    has_recipient_list: bool,
}

impl Builder {
    pub fn arg(mut self, argument: impl Into<String>) -> Builder {
        self.arguments.push(argument.into());
        self
    }

    pub fn args(self, arguments: impl IntoIterator<Item = impl AsRef<str>>) -> Builder {
        arguments.into_iter().fold(self, |builder, it| builder.arg(it.as_ref()))
    }

    /// Adds an option that names a list of this text. The file is named like the
    /// option.
    pub fn list(self, option: &str, text: impl AsRef<[u8]>) -> Builder {
        let path = self.scratch.file(option, text);
        self.arg(format!("--{option}={}", path.display()))
    }

    pub fn env(mut self, name: &str, value: &str) -> Builder {
        self.environment.push((name.to_string(), value.to_string()));
        self
    }

    /// Lets another program start it, one that becomes it by exec: `nsenter`,
    /// `prlimit`.
    pub fn within(mut self, wrapper: impl IntoIterator<Item = String>) -> Builder {
        self.wrapper.extend(wrapper);
        self
    }

    /// Sets its standard input.
    pub fn stdin(mut self, stdin: Stdio) -> Builder {
        self.stdin = stdin;
        self
    }

    /// Lets it listen on a free TCP port of 127.0.0.1 in place of its socket.
    pub fn tcp(mut self) -> Builder {
        self.listener = Listener::Tcp(format!("127.0.0.1:{}", free_port()));
        self
    }

    /// The text of its only client whitelist.
    pub fn whitelist_clients(mut self, text: impl AsRef<[u8]>) -> Builder {
        let path = self.scratch.file("whitelist_clients", text);
        self.has_client_list = true;
        self.arg(format!("--whitelist-clients={}", path.display()))
    }

    /// The text of its only recipient whitelist.
    pub fn whitelist_recipients(mut self, text: impl AsRef<[u8]>) -> Builder {
        let path = self.scratch.file("whitelist_recipients", text);
        self.has_recipient_list = true;
        self.arg(format!("--whitelist-recipients={}", path.display()))
    }

    pub fn on(mut self, listener: Listener) -> Builder {
        self.listener = listener;
        self
    }

    pub fn listener(&self) -> &Listener {
        &self.listener
    }

    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    pub fn into_parts(self) -> (Listener, Scratch) {
        (self.listener, self.scratch)
    }

    /// Starts the server in the foreground on a Unix-domain socket, or over TCP
    /// if that was asked for, with empty whitelists unless some were given, and
    /// waits until it takes connections.
    pub fn start(self) -> Daemon {
        self.try_to_start().unwrap_or_else(|stopped| panic!("it does not start: {stopped:#?}"))
    }

    /// The same for a server that may fail to start.
    pub fn try_to_start(self) -> Result<Daemon, Stopped> {
        let mut daemon = self.launch();
        if daemon.wait_until_it_answers() { Ok(daemon) } else { Err(daemon.end()) }
    }

    /// Starts a server that will not come to serve, and waits for its end.
    pub fn fail_to_start(self) -> Stopped {
        self.launch().end()
    }

    /// Starts the server and does not wait until it serves.
    pub fn launch(self) -> Daemon {
        let (mut command, builder) = self.into_command();
        let child = command.spawn().expect("the program under test");
        let Builder { program, listener, scratch, .. } = builder;
        Daemon { program, child, listener, scratch: Some(scratch) }
    }

    /// The options by which our daemon stays the user who runs the tests, unless
    /// that is root. Later options override them.
    fn identity(&self) -> Vec<String> {
        let (user, group) = (nix::unistd::geteuid(), nix::unistd::getegid());
        if user.is_root() || self.program == Program::Theirs {
            return Vec::new();
        }
        vec![format!("--user={user}"), format!("--group={group}")]
    }

    /// The command that starts the server, for tests that have a way of their
    /// own to do it; its standard error goes to the file `log`.
    pub fn into_command(mut self) -> (Command, Builder) {
        if !self.has_client_list {
            self = self.whitelist_clients("");
        }
        if !self.has_recipient_list {
            self = self.whitelist_recipients("");
        }
        let mut words = self.wrapper.iter().map(OsString::from).collect::<Vec<_>>();
        words.push(self.program.path().into());
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .arg(self.listener.option())
            .arg(format!("--dbdir={}", self.scratch.subdirectory("db").display()))
            .args(self.identity())
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.scratch.path())
            .stdin(std::mem::replace(&mut self.stdin, Stdio::null()))
            .stdout(Stdio::null())
            .stderr(File::create(self.scratch.path().join("log")).expect("a log file"));
        (command, self)
    }
}

#[derive(Debug)]
pub struct Daemon {
    program: Program,
    child: Child,
    listener: Listener,
    scratch: Option<Scratch>,
}

#[derive(Debug)]
pub struct Stopped {
    pub status: ExitStatus,
    /// All its log lines, see [`Daemon::log`].
    pub log: Vec<String>,
    /// Its directory, with the database in `db`.
    pub scratch: Scratch,
}

impl Stopped {
    pub fn again(self, program: Program) -> Builder {
        Daemon::builder_in(program, self.scratch)
    }

    pub fn dbdir(&self) -> PathBuf {
        self.scratch.dbdir()
    }

    /// Runs a command of our program on the database.
    pub fn tool(&self, line: &str) -> Finished {
        on_database(&self.scratch, line)
    }
}

fn on_database(scratch: &Scratch, line: &str) -> Finished {
    run(postgrey(line).arg(scratch.dbdir_option()))
}

impl Daemon {
    pub fn builder(program: Program) -> Builder {
        Daemon::builder_in(program, Scratch::new())
    }

    /// Prepares a server in a directory that may have seen others.
    pub fn builder_in(program: Program, scratch: Scratch) -> Builder {
        Builder {
            program,
            listener: Listener::Unix(scratch.path().join("socket")),
            arguments: Vec::new(),
            environment: Vec::new(),
            wrapper: Vec::new(),
            stdin: Stdio::null(),
            scratch,
            has_client_list: false,
            has_recipient_list: false,
        }
    }

    pub fn client(&self) -> Client {
        self.listener.connect().unwrap_or_else(|error| panic!("{error}\n{}", self.raw_log()))
    }

    pub fn listener(&self) -> &Listener {
        &self.listener
    }

    pub fn socket(&self) -> &Path {
        match &self.listener {
            Listener::Unix(path) => path,
            Listener::Tcp(address) => panic!("no socket, it listens on {address}"),
        }
    }

    pub fn scratch(&self) -> &Scratch {
        self.scratch.as_ref().expect("a daemon that was not stopped")
    }

    pub fn dbdir(&self) -> PathBuf {
        self.scratch().dbdir()
    }

    /// Runs a command of our program on the database.
    pub fn tool(&self, line: &str) -> Finished {
        on_database(self.scratch(), line)
    }

    /// Asks on a connection of its own.
    pub fn ask(&self, attempt: &Attempt) -> String {
        self.client().ask(attempt)
    }

    /// Waits for the first line of the log that contains a text.
    #[track_caller]
    pub fn wait_for_line(&self, part: &str) -> String {
        wait_for(part, || self.log().into_iter().find(|line| line.contains(part)))
    }

    /// The lines of the log that contain a text.
    pub fn lines_with(&self, part: &str) -> Vec<String> {
        self.log().into_iter().filter(|line| line.contains(part)).collect()
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"))
    }

    /// The lines of standard error so far, without Perl's own ([`PERL_WARNING`]).
    pub fn log(&self) -> Vec<String> {
        let log = self.raw_log();
        log.lines().filter(|line| !line.starts_with(PERL_WARNING)).map(str::to_string).collect()
    }

    fn raw_log(&self) -> String {
        let bytes = fs::read(self.scratch().path().join("log")).expect("the log file");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("a living daemon");
    }

    /// Stops it as an administrator would (TERM) and waits for its end.
    pub fn stop(self) -> Stopped {
        self.end_by(Signal::SIGTERM)
    }

    /// Kills it without a chance to tidy up.
    pub fn kill(self) -> Stopped {
        self.end_by(Signal::SIGKILL)
    }

    /// Waits for an end that the test causes by other means.
    pub fn end(mut self) -> Stopped {
        let status = self.wait();
        self.into_stopped(status)
    }

    pub fn end_by(mut self, signal: Signal) -> Stopped {
        self.signal(signal);
        let status = self.wait();
        self.into_stopped(status)
    }

    fn into_stopped(mut self, status: ExitStatus) -> Stopped {
        let log = self.log();
        let scratch = self.scratch.take().expect("a daemon stops once");
        Stopped { status, log, scratch }
    }

    fn wait(&mut self) -> ExitStatus {
        wait_for("the end of a server", || {
            let status = self.child.try_wait().expect("a child");
            if status.is_none() && self.program == Program::Theirs {
                // The original acts on a signal only when its socket has
                // something to read (BEHAVIOUR C5).
                drop(self.listener.connect());
            }
            status
        })
    }

    /// Returns false if the server has ended.
    fn wait_until_it_answers(&mut self) -> bool {
        let client = wait_for("a server", || match self.listener.connect() {
            Ok(client) => Some(Some(client)),
            Err(_) => self.child.try_wait().expect("a child").map(|_| None),
        });
        // Ours listens before it opens its database and the socket for tools; its
        // event loop, which closes ended connections, starts last. One that ends
        // meanwhile closes them as well.
        match client {
            Some(mut client) if self.program == Program::Ours => {
                client.half_close();
                assert_eq!(client.reply(), None, "{}", self.raw_log());
                self.listener.connect().is_ok()
            }
            client => client.is_some(),
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.scratch.is_some() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
