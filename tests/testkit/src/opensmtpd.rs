//! smtpd's side of its filter protocol, for a filter that a test started.

use super::{Program, Scratch, wait_for};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// The time limit of a wait for a line before it fails.
const TIMEOUT: Duration = Duration::from_secs(20);

pub struct Filter {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    version: &'static str,
    scratch: Scratch,
}

impl Filter {
    pub fn start(version: &'static str, options: &[&str]) -> Filter {
        let mut filter = Filter::start_unread(version, options);
        let output = filter.child.stdout.take().expect("a pipe");
        let (sender, lines) = channel();
        thread::spawn(move || {
            BufReader::new(output)
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        filter.lines = lines;
        filter.send("config|smtpd-version|7.6.0");
        filter.send("config|ready");
        while filter.receive() != "register|ready" {}
        filter
    }

    /// Starts our filter. Nothing reads its output, see [`Filter::child`].
    pub fn start_unread(version: &'static str, options: &[&str]) -> Filter {
        let scratch = Scratch::new();
        let errors = File::create(scratch.path().join("errors")).expect("a file");
        let mut child = Command::new(Program::Ours.path())
            .arg("opensmtpd-filter")
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .expect("our binary");
        let input = child.stdin.take();
        Filter { child, input, lines: channel().1, version, scratch }
    }

    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    pub fn take_input(&mut self) -> ChildStdin {
        self.input.take().expect("an open input")
    }

    pub fn send(&mut self, line: &str) {
        let input = self.input.as_mut().expect("an open input");
        writeln!(input, "{line}").expect("a filter that reads");
    }

    pub fn report(&mut self, session: u64, event: &str, arguments: &str) {
        let head = format!("report|{}|1764000000.5|smtp-in|{event}|{session:016x}", self.version);
        self.send(&if arguments.is_empty() { head } else { format!("{head}|{arguments}") });
    }

    /// Reports a client and the sender of its first message.
    pub fn mail(&mut self, session: u64, client: &str, sender: &str) {
        self.report(session, "link-connect", &format!("{client}|203.0.113.9:25"));
        self.sender(session, sender);
    }

    pub fn sender(&mut self, session: u64, sender: &str) {
        self.report(session, "tx-begin", &format!("{session:08x}"));
        let arguments = match self.version {
            "0.5" => format!("{session:08x}|{sender}|ok"),
            _ => format!("{session:08x}|ok|{sender}"),
        };
        self.report(session, "tx-mail", &arguments);
    }

    pub fn recipient(&mut self, session: u64, token: u64, recipient: &str) {
        self.request(session, token, "rcpt-to", recipient);
    }

    pub fn request(&mut self, session: u64, token: u64, phase: &str, argument: &str) {
        let version = self.version;
        self.send(&format!(
            "filter|{version}|1764000000.5|smtp-in|{phase}|{session:016x}|{token:016x}|{argument}"
        ));
    }

    pub fn receive(&mut self) -> String {
        self.lines.recv_timeout(TIMEOUT).unwrap_or_else(|error| {
            panic!("{error}: {:?} {}", self.child.try_wait(), self.log().join("\n"))
        })
    }

    /// Waits for the next result. Returns its session, its token and what it
    /// says.
    pub fn result(&mut self) -> (u64, u64, String) {
        let line = self.receive();
        let fields: Vec<&str> = line.splitn(4, '|').collect();
        let [kind, session, token, result] = fields[..] else { panic!("{line}") };
        assert_eq!(kind, "filter-result", "{line}");
        let number = |text| u64::from_str_radix(text, 16).expect("a hexadecimal number");
        (number(session), number(token), result.to_string())
    }

    /// Requests a decision on a recipient and waits for it.
    pub fn decide(&mut self, session: u64, token: u64, recipient: &str) -> String {
        self.recipient(session, token, recipient);
        let (of_session, of_token, result) = self.result();
        assert_eq!((of_session, of_token), (session, token));
        result
    }

    pub fn log(&self) -> Vec<String> {
        let text = fs::read_to_string(self.scratch.path().join("errors")).expect("a file");
        text.lines().map(str::to_string).collect()
    }

    /// Waits until it has written a number of lines to standard error.
    pub fn wait_for_log(&self, lines: usize) -> Vec<String> {
        wait_for("a line of the filter's log", || Some(self.log()).filter(|log| log.len() >= lines))
    }

    /// Closes its input, waits for its end, and holds it to having sent no
    /// further line.
    pub fn close(mut self) -> ExitStatus {
        self.input = None;
        self.end()
    }

    pub fn end(mut self) -> ExitStatus {
        let status = self.child.wait().expect("a child");
        match self.lines.recv_timeout(TIMEOUT) {
            Err(RecvTimeoutError::Disconnected) => status,
            other => panic!("after the end: {other:?}"),
        }
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
