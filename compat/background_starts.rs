//! Starts in the background that fail: the output for the administrator, the
//! messages in syslog, and the files that are left (BEHAVIOUR C2 to C4).
//!
//! The original's parent succeeds as soon as it has a child; ours waits for the
//! child's result.

use crate::background::{Message, wait_for_pid};
use crate::case::{Expected, Run, case, differs};
use crate::mail::mail;
use crate::normalise;
use crate::process::TIMEOUT;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use std::fs::{self, File};
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, SystemTime};
use testkit::private_dev::{listen_to_log, private_dev};
use testkit::{Client, Program, Scratch};

struct Start {
    parent: String,
    /// The messages to syslog of warnings and worse, `<20>text`.
    log: Vec<String>,
    /// Which of `pid` and `socket` are there once the start has come to its
    /// end, and whether the daemon serves.
    left: String,
}

/// Starts the program with `-d`, a pid file and a socket in a directory that
/// the case prepared.
fn start(run: &Run, scratch: &Scratch, words: &[&str]) -> Option<Start> {
    let namespace = private_dev(&scratch.subdirectory("dev"))?;
    let (logger, _) = listen_to_log(&namespace, TIMEOUT);
    let outcome = run.parent(&namespace, &[run.program().path().into()], scratch, words);
    let parent = outcome.shown_roughly();
    let hear = || heard(run, scratch, &logger);
    let (mut log, mut serves) = (Vec::new(), false);
    if outcome.status == "exit status: 0" {
        let mut daemon = None;
        // The original's child runs to its end, which is logged twice.
        while !serves && !log.iter().any(|line: &String| line.contains("FATAL: ERROR: ")) {
            let (line, author) = hear().expect("a line within the patience");
            daemon = author;
            log.push(line);
            serves =
                log.last().is_some_and(|line| line.contains("Setting uid")) && replies(scratch);
        }
        let left = left(scratch, serves);
        let daemon = daemon.expect("a daemon that told of itself");
        let _ = kill(daemon, Signal::SIGKILL);
        let _ = waitpid(daemon, None);
        log.retain(|line| is_important(line));
        return Some(Start { parent, log, left });
    }
    logger.set_read_timeout(Some(Duration::from_millis(10))).expect("a timeout");
    log.extend(std::iter::from_fn(hear).map(|(line, _)| line));
    log.retain(|line| is_important(line));
    Some(Start { parent, log, left: left(scratch, serves) })
}

/// Returns true if a server comes to answer. The original takes connections before it
/// knows.
fn replies(scratch: &Scratch) -> bool {
    let client = Client::unix(&scratch.path().join("socket"));
    client.is_ok_and(|mut client| client.try_to_ask(&mail()).is_some())
}

/// A datagram as `<20>text`, and the process that it names. Without one it says
/// so.
fn heard(run: &Run, scratch: &Scratch, logger: &UnixDatagram) -> Option<(String, Option<Pid>)> {
    let mut datagram = vec![0; 64 * 1024];
    let length = logger.recv(&mut datagram).ok()?;
    let Message { priority, author, text } = Message::of(&datagram[..length]);
    let from = if author.is_some() { "" } else { "(nobody) " };
    let text = String::from_utf8_lossy(text);
    let text = normalise::log_line(run.program(), text.trim_end(), scratch);
    let text = text.replace(&std::process::id().to_string(), "PID");
    Some((format!("{priority}{from}{text}"), author))
}

/// Returns true if its severity is that of a warning or worse.
fn is_important(line: &str) -> bool {
    let priority = line.trim_start_matches('<').split('>').next().expect("a priority");
    priority.parse::<u32>().expect("a number") % 8 <= 4
}

fn left(scratch: &Scratch, serves: bool) -> String {
    let names = ["pid", "socket"].into_iter();
    let there = names.filter(|name| fs::symlink_metadata(scratch.path().join(name)).is_ok());
    let there = there.collect::<Vec<_>>().join(" ");
    if serves { format!("serves: {there}") } else { there }
}

/// Compares a start with what is expected of its parent, its log and the files
/// that it leaves.
fn expect(run: &Run, what: &str, start: Start, [parent, log, left]: [Expected; 3]) {
    run.expect(format!("{what}: the parent"), start.parent, parent);
    run.expect(format!("{what}: syslog"), start.log, log);
    run.expect(format!("{what}: left"), start.left, left);
}

/// The original's words for the end that it does not explain.
const LOST: &str = "ERROR:  at /usr/sbin/postgrey line 781.";

/// Its log of such a start, for a reason.
fn lost(text: &str) -> [String; 3] {
    [format!("<18>FATAL: {text}"), format!("<20>WARNING: {text}"), format!("<18>FATAL: {LOST}")]
}

const NO_NUMBER: &str = "pid: Couldn't find pid in existent pid_file";
const DAEMONIZE: &str = "at /usr/share/perl5/Net/Server/Daemonize.pm line 44.";

#[test]
fn a_pid_file_of_a_living_process_is_explained() {
    case(|run| {
        let scratch = Scratch::new();
        let content = format!("{}\n", std::process::id());
        scratch.file("pid", &content);
        let Some(mut start) = start(run, &scratch, &[]) else { return };
        start.parent = start.parent.replace(&std::process::id().to_string(), "PID");
        let text = "Pid_file already exists for running process (PID)... aborting";
        let ours = format!("{text}; if that is not postgrey, remove pid");
        let theirs = lost(text);
        expect(
            run,
            "alive",
            start,
            [
                differs("X78", [LOST, "failure"], [&format!("ERROR: {ours}"), "failure"]),
                differs("X78", theirs, format!("<18>FATAL: {ours}")),
                "pid".into(),
            ],
        );
        let kept = fs::read_to_string(scratch.path().join("pid")).expect("the file");
        run.expect("the file", (kept == content).to_string(), "true");
    });
}

#[test]
fn a_pid_file_without_a_number_is_explained() {
    let ours = format!("{NO_NUMBER}; remove it if no postgrey runs");
    for content in ["garbage\n", " 5\n", "-5\n"] {
        case(|run| {
            let scratch = Scratch::new();
            scratch.file("pid", content);
            let Some(start) = start(run, &scratch, &[]) else { return };
            let theirs = lost(&format!("{NO_NUMBER} {DAEMONIZE}"));
            expect(
                run,
                content,
                start,
                [
                    differs("X78", [LOST, "failure"], [&format!("ERROR: {ours}"), "failure"]),
                    differs("X78", theirs, format!("<18>FATAL: {ours}")),
                    "pid".into(),
                ],
            );
            let kept = fs::read_to_string(scratch.path().join("pid")).expect("the file");
            run.expect("the file", kept, content);
        });
    }
}

#[test]
fn an_empty_pid_file_is_replaced() {
    case(|run| {
        let replaced = "<20>WARNING: Pid_file \"pid\" already exists.  Overwriting!";
        // The original waits for a quarter of an hour whether somebody fills it.
        for (what, age) in [("empty", 0), ("old and empty", 3600)] {
            let scratch = Scratch::new();
            let path = scratch.file("pid", "");
            let then = SystemTime::now() - Duration::from_secs(age);
            File::options().write(true).open(path).expect("it").set_modified(then).expect("a time");
            let Some(start) = start(run, &scratch, &[]) else { return };
            let serves = "serves: pid socket";
            let expected = match age {
                0 => [
                    differs("X78", [LOST, "failure"], "exit status: 0"),
                    differs("X78", lost(&format!("{NO_NUMBER} {DAEMONIZE}")), replaced),
                    differs("X78", "pid", serves),
                ],
                _ => ["exit status: 0".into(), differs("X78", "", replaced), serves.into()],
            };
            expect(run, what, start, expected);
        }
    });
}

#[test]
fn numbers_that_no_process_has_are_stale() {
    case(|run| {
        for content in ["0\n", "2147483646\n", "99999999999999999999\n"] {
            let scratch = Scratch::new();
            scratch.file("pid", content);
            let Some(start) = start(run, &scratch, &[]) else { return };
            expect(
                run,
                content,
                start,
                [
                    "exit status: 0".into(),
                    "<20>WARNING: Pid_file \"pid\" already exists.  Overwriting!".into(),
                    "serves: pid socket".into(),
                ],
            );
        }
    });
}

/// A start that fails after the original's parent has succeeded: the arguments, the
/// reason that both tell, what ours adds, and what the original leaves.
fn fails(words: &[&str], reason: &str, advice: &str, theirs_leaves: &str) {
    let told = |reason: &str| format!("<18>FATAL: {reason}");
    case(|run| {
        let scratch = Scratch::new();
        let Some(start) = start(run, &scratch, words) else { return };
        let [theirs, ours] = if let Some((reason, at)) = reason.split_once(" at /usr/") {
            [format!("{reason} at /usr/{at}"), format!("{reason}{advice}")]
        } else {
            [reason.to_string(), format!("{reason}{advice}")]
        };
        // Some of its ends are logged twice.
        let log: Vec<String> = match run.program() {
            Program::Theirs => vec![start.log.last().cloned().unwrap_or_default()],
            Program::Ours => start.log.clone(),
        };
        let start = Start { log, ..start };
        let left: Expected = match theirs_leaves {
            "" => "".into(),
            files => differs("X83", files, ""),
        };
        expect(
            run,
            &words.join(" "),
            start,
            [
                differs("X83", "exit status: 0", [&format!("ERROR: {ours}"), "failure"]),
                differs("X83", told(&format!("ERROR: {theirs}")), told(&ours)),
                left,
            ],
        );
    });
}

#[test]
fn the_parent_reports_a_failed_start() {
    let at = "at /usr/sbin/postgrey line 781.";
    fails(
        &["--pidfile=missing/pid"],
        "Couldn't open pid file \"missing/pid\" [No such file or directory].",
        "",
        "",
    );
    let text = "Can't connect to UNIX socket at file missing/socket [No such file or directory]";
    fails(
        &["--unix=missing/socket"],
        &format!("{text} {at}"),
        "; create the directory first",
        "pid",
    );
    fails(
        &["--user=nosuchuser"],
        "No such user \"nosuchuser\"",
        "; create it with \"useradd --system --gid postgrey nosuchuser\", \
         or name another with --user",
        "pid socket",
    );
    fails(
        &["--dbdir=/nonexistent"],
        "can't open lock file: /nonexistent/postgrey.lock",
        ": No such file or directory; --dbdir must be a directory in which --user may write",
        "pid socket",
    );
}

#[test]
fn complaints_about_lists_are_lines_of_the_daemon() {
    case(|run| {
        let scratch = Scratch::new();
        let list = scratch.file("list", "one.example\nfoo bar\n");
        let list = format!("--whitelist-clients={}", list.display());
        let Some(start) = start(run, &scratch, &["--whitelist-clients=missing", &list]) else {
            return;
        };
        let texts = [
            "WARNING: can't open missing: No such file or directory",
            "WARNING: DIR/list line 2: doesn't look like a hostname",
        ];
        expect(
            run,
            "lists",
            start,
            [
                "exit status: 0".into(),
                differs(
                    "X79",
                    texts.map(|text| format!("<12>(nobody) {text}")),
                    texts.map(|text| format!("<20>{text}")),
                ),
                "serves: pid socket".into(),
            ],
        );
    });
}

#[test]
fn a_broken_pattern_does_not_stop_the_start_in_the_background() {
    case(|run| {
        let scratch = Scratch::new();
        let list = scratch.file("list", "/(/\n");
        let list = format!("--whitelist-clients={}", list.display());
        let Some(start) = start(run, &scratch, &[&list]) else { return };
        let theirs = "Unmatched ( in regex; marked by <-- HERE in m/( <-- HERE / \
                      at /usr/sbin/postgrey line 42, <CLIENTS> line 1.";
        let ours = "DIR/list line 1: pattern ignored, a ( lacks its ); write \\( for the character";
        expect(
            run,
            "(",
            start,
            [
                differs("X36", [theirs, "failure"], "exit status: 0"),
                differs(
                    "X36",
                    format!("<10>(nobody) FATAL: {theirs}"),
                    format!("<20>WARNING: {ours}"),
                ),
                differs("X36", "", "serves: pid socket"),
            ],
        );
    });
}

#[test]
fn an_unknown_facility_is_refused_in_the_background() {
    case(|run| {
        let scratch = Scratch::new();
        let Some(start) = start(run, &scratch, &["--facility=bogus"]) else { return };
        // Each line of the original's comes with one like this.
        let mut log = start.log.clone();
        log.dedup();
        let theirs = "<35>syslog: unknown facility/priority: ffffffff";
        let ours = "ERROR: --syslog-facility must be a facility like mail, daemon or local0, \
                    not \"bogus\"";
        expect(
            run,
            "bogus",
            Start { log, ..start },
            [
                differs("X44", "exit status: 0", [ours, "failure"]),
                differs("X44", theirs, ""),
                differs("X44", "serves: pid socket", ""),
            ],
        );
    });
}

#[test]
fn lines_wait_for_a_logger_that_is_not_there() {
    case(|run| {
        let scratch = Scratch::new();
        let Some(namespace) = private_dev(&scratch.subdirectory("dev")) else { return };
        let program = [run.program().path().into()];
        let parent = run.parent(&namespace, &program, &scratch, &[""; 0]);
        run.expect("the parent", parent.shown(), "exit status: 0");
        let pid = wait_for_pid(&scratch);
        let mut client = Client::unix(&scratch.path().join("socket")).expect("a server");
        let asked = client.ask(&mail().with("recipient", "first@x").at(0));
        run.expect("answers without a log", asked.starts_with("DEFER").to_string(), "true");

        let (logger, _) = listen_to_log(&namespace, TIMEOUT);
        let mut told = Vec::new();
        // Ours looks for a logger once a second.
        for n in 0..50 {
            client.ask(&mail().with("recipient", format!("r{n}@x")).at(0));
            logger.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
            while let Some((line, _)) = heard(run, &scratch, &logger) {
                told.push(line);
            }
            if !told.is_empty() {
                break;
            }
        }
        let first = told.iter().any(|line| line.ends_with("recipient=first@x"));
        kill(pid, Signal::SIGKILL).expect("a living server");
        let _ = waitpid(pid, None);
        run.expect("the line from before", first.to_string(), differs("X39", "false", "true"));
    });
}
