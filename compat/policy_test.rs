//! `policy-test`, which asks a server about the mail of a log (BEHAVIOUR H5).

use crate::case::{Run, case, differs};
use std::process::Command;
use testkit::tool::{Finished, run_with};
use testkit::{Daemon, Listener, Program, free_port, require};

/// The words that start the program's `policy-test`.
fn words(run: &Run) -> Vec<String> {
    match run.program() {
        Program::Ours => {
            vec![Program::Ours.path().display().to_string(), "policy-test".to_owned()]
        }
        Program::Theirs => {
            require("/usr/share/perl5/Parse/Syslog.pm", "libparse-syslog-perl");
            vec!["/usr/sbin/policy-test".to_owned()]
        }
    }
}

/// Runs the program's `policy-test` with a log on standard input.
fn policy_test(run: &Run, options: &[&str], log: &str) -> Finished {
    let words = words(run);
    run_with(Command::new(&words[0]).args(&words[1..]).args(options).env("TZ", "UTC"), log)
}

/// The exit status of a command that no signal ended.
fn status(finished: &Finished) -> String {
    finished.status.map_or("a signal".to_owned(), |status| status.to_string())
}

fn target(daemon: &Daemon) -> String {
    match daemon.listener() {
        Listener::Unix(path) => format!("unix:{}", path.display()),
        Listener::Tcp(address) => format!("inet:{address}"),
    }
}

/// The output with the attributes of each request in order, which are at random
/// in the original, and without what depends on the clock.
fn settled(out: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut request = Vec::new();
    for line in out.lines() {
        if line.contains('=') && !line.starts_with("action=") {
            request.push(line.to_owned());
            continue;
        }
        request.sort();
        lines.append(&mut request);
        let end = line.find(" seconds by ").or(line.find(" requests in ").map(|at| at + 12));
        lines.push(line[..end.unwrap_or(line.len())].to_owned());
    }
    lines
}

const DEFERRED: &str = "Nov 24 10:00:00 mx postfix/smtpd[7]: NOQUEUE: reject: RCPT from \
    mail.a.test[192.0.2.4]: 450 4.2.0 <x@y.test>: Recipient address rejected: Greylisted; \
    from=<a@b.test> to=<x@y.test> proto=ESMTP helo=<a>\n";

const TAKEN: &str = "Nov 24 10:06:00 mx postfix/submission/smtpd[7]: 0A1B2C3D4E: \
    client=mail.a.test[192.0.2.4]\n\
    Nov 24 10:06:00 mx postfix/qmgr[3]: 0A1B2C3D4E: from=<a@b.test>, size=1, nrcpt=1\n\
    Nov 24 10:06:01 mx postfix/local[9]: 0A1B2C3D4E: to=<x@y.test>, orig_to=<z@y.test>, relay=local\n\
    Nov 24 10:06:01 mx postfix/local[9]: 0A1B2C3D4E: to=<second@y.test>, relay=local\n";

#[test]
fn refused_and_taken_mail_becomes_requests() {
    let strange = DEFERRED.replace("postfix/", "postfix-in/");
    let bounce = DEFERRED.replace("a@b.test", "").replace("192.0.2.4", "2001:db8::4");
    let other = "Nov 24 10:00:01 mx postfix/smtpd[7]: NOQUEUE: strange\n";
    let unrelated = "Nov 24 10:00:01 mx sshd[7]: hello\n";
    let log = [DEFERRED, &strange, &bounce, other, unrelated, TAKEN].concat();
    case(|run| {
        let daemon = Daemon::builder(run.program()).tcp().arg("--greylist-text=Wait").start();
        let done = policy_test(run, &["-v", &target(&daemon)], &log);
        run.note("the requests and replies", settled(&done.out));
        run.note("the complaints", &done.err);
        run.note("the status", status(&done));
        let quiet = policy_test(run, &[&target(&daemon), "-v"], DEFERRED);
        run.note("without -v", settled(&quiet.out));
    });
}

#[test]
fn a_repeated_line_is_a_repeated_request() {
    let log = [DEFERRED, "Nov 24 10:00:05 mx last message repeated 3 times\n"].concat();
    case(|run| {
        let daemon = Daemon::builder(run.program()).tcp().start();
        let done = policy_test(run, &[&target(&daemon)], &log);
        run.expect("the count", settled(&done.out), ["4 requests in"]);
    });
}

#[test]
fn a_server_that_cannot_be_reached_is_an_error() {
    let port = free_port();
    case(|run| {
        let done = policy_test(run, &[&format!("inet:127.0.0.1:{port}")], DEFERRED);
        run.note("the status of inet", status(&done));
        run.note("the words of inet", &done.err);
        let done = policy_test(run, &["unix:/nonexistent/socket"], DEFERRED);
        run.note("the status of unix", status(&done));
        let line = done.err.lines().find(|line| line.starts_with("Can't"));
        run.note("the words of unix", line.unwrap_or_default());
    });
}

#[test]
fn a_log_without_mail_reaches_no_server() {
    case(|run| {
        let done = policy_test(run, &["unix:/nonexistent/socket"], "");
        run.note("the status", status(&done));
        run.expect(
            "the count",
            done.out,
            differs("X90", " requests in 0s \n", "0 requests in 0s \n"),
        );
    });
}

#[test]
fn invalid_targets_are_refused() {
    case(|run| {
        for words in [&[] as &[&str], &["nowhere"], &["inet:10023"], &["unix:"], &["--foo"]] {
            let done = policy_test(run, words, "");
            run.note(format!("the status of {words:?}"), status(&done));
        }
        let done = policy_test(run, &["nowhere"], "");
        let is_told = |text: &str| text.contains("unix:").to_string();
        run.expect("usage on stdout", is_told(&done.out), differs("X91", "true", "false"));
        run.expect("usage on stderr", is_told(&done.err), differs("X91", "false", "true"));
        let done = policy_test(run, &["--version"], "");
        let ours = format!("policy-test {}\n", env!("CARGO_PKG_VERSION"));
        run.expect("the version", done.out, differs("X92", "postgrey 0.1\n", ours));
    });
}

#[test]
fn a_server_that_closes_is_asked_again() {
    let log = [DEFERRED, TAKEN].concat();
    case(|run| {
        let daemon = Daemon::builder(run.program()).tcp().arg("--exim").start();
        // The original dies of the closed connection, or reports it without end.
        let script = format!("timeout -s KILL 2 \"$@\" {} 2>/dev/null", target(&daemon));
        let program = words(run);
        let mut shell = Command::new("sh");
        let done =
            run_with(shell.args(["-c", &script, "sh"]).args(program).env("TZ", "UTC"), &*log);
        let text = done.out.split(" requests").next().unwrap_or_default();
        run.expect("the requests", text, differs("X93", "", "2"));
    });
}

/// Returns true if the original's Perl library reads ISO timestamps, as that of
/// Debian 13 does.
fn theirs_reads_iso_timestamps() -> bool {
    let program = "print Parse::Syslog->VERSION >= 1.11 ? 1 : 0";
    let output = Command::new("perl").args(["-MParse::Syslog", "-e", program]).output();
    output.expect("perl").stdout == b"1"
}

#[test]
fn new_timestamps_and_queue_ids_are_understood() {
    let log = DEFERRED.replace("Nov 24 10:00:00", "2026-11-24T10:00:00.123456+00:00");
    let long = TAKEN.replace("0A1B2C3D4E", "4bXyZw1234zQrTk");
    case(|run| {
        let daemon = Daemon::builder(run.program()).tcp().start();
        for (what, log) in [("an ISO timestamp", &log), ("a long queue id", &long)] {
            let done = policy_test(run, &[&target(&daemon)], log);
            let text = done.out.split(" requests").next().unwrap_or_default();
            if log.contains("T10:00:00") && theirs_reads_iso_timestamps() {
                run.expect(what, text, "1");
            } else {
                run.expect(what, text, differs("X94", "", "1"));
            }
        }
    });
}
