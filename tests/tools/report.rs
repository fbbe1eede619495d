//! The report next to a running daemon, and on malformed logs.

use std::process::Command;
use testkit::mutation::mutate;
use testkit::random::{self, Random};
use testkit::tool::{Finished, postgrey, run, run_with};
use testkit::{Attempt, Daemon, Program, Scratch, root_for};

/// Runs the report on a database, with more arguments.
fn report(scratch: &Scratch, words: &[&str], input: impl Into<Vec<u8>>) -> Finished {
    run_with(postgrey("report").arg(scratch.dbdir_option()).args(words), input)
}

fn line(sender: &str) -> String {
    format!(
        "Jun 20 10:00:00 mx postfix/smtpd[7]: NOQUEUE: reject: RCPT from mx.b.test[192.0.2.7]: \
         450 4.2.0 <r@d.test>: Recipient address rejected: Greylisted, see there; \
         from=<{sender}> to=<r@d.test> proto=ESMTP helo=<x>\n"
    )
}

fn mail() -> Attempt {
    Attempt::new("192.0.2.7", "mx.b.test", "a@b.test", "r@d.test")
}

const MISSED: &str = "      192.0.2.7 mx.b.test a@b.test r@d.test\n";

#[test]
fn a_report_includes_the_latest_records_of_the_daemon() {
    testkit::needs!(root_for("reports"));
    let daemon = Daemon::builder(Program::Ours).start();
    let db = daemon.scratch();
    let mut client = daemon.client();
    client.ask(&mail().at(0));
    assert_eq!(report(db, &[], line("a@b.test")).out, MISSED);
    client.ask(&mail().at(400));
    assert_eq!(report(db, &[], line("a@b.test")).success(), "");
    assert!(client.ask(&mail().at(401)).starts_with("DUNNO"));
    assert!(daemon.stop().status.success());
}

#[test]
fn a_log_in_no_known_format_is_reported() {
    testkit::needs!(root_for("reports"));
    let output = report(&site(), &[], "hello\nworld\n");
    assert_eq!(output.out, "");
    assert!(output.err.starts_with("no line of the log is in a known format"), "{output:?}");
}

/// A directory with an empty database.
fn site() -> Scratch {
    Daemon::builder(Program::Ours).start().stop().scratch
}

#[test]
fn packed_logs_are_read_from_standard_input_and_from_pipes() {
    testkit::needs!(root_for("reports"));
    let db = site();
    let plain = db.file("plain", line("a@b.test").repeat(50_000));
    let expected = format!("50000 {MISSED}");
    for packer in ["gzip", "xz", "zstd"] {
        let output = Command::new(packer).arg("-1kc").arg(&plain).output();
        let packed = output.unwrap_or_else(|error| panic!("{packer}: {error}")).stdout;
        // Also through a name of the pipe.
        for words in [&["--show_tries"][..], &["--show_tries", "/dev/stdin"]] {
            assert_eq!(report(&db, words, packed.clone()).success(), expected, "{packer}");
        }
        let output = report(&db, &["--show_tries"], &packed[..packed.len() / 2]);
        let complaint = format!("{packer} failed, the rest of it is missing\n");
        assert!(output.status == Some(0) && output.err.ends_with(&complaint), "{output:?}");
    }
    for short in ["", "\n"] {
        assert_eq!(report(&db, &[], short).success(), "");
    }
}

#[test]
fn a_directory_is_not_a_log() {
    testkit::needs!(root_for("reports"));
    let output = report(&site(), &["/tmp", "-"], line("a@b.test"));
    assert_eq!(output.err, "Can't read /tmp: Is a directory\n");
    assert_eq!((output.out.as_str(), output.status), (MISSED, Some(0)));
}

#[test]
fn any_bytes_can_be_in_a_log() {
    testkit::needs!(root_for("reports"));
    let (seed, corpus) = (random::seed(), [line("a@b.test").into_bytes()]);
    let mut random = Random::of(seed);
    let words: [&[u8]; 4] = [b"<>", b"[", b": ", b"\0"];
    let log = (0..3000).flat_map(|_| mutate(&corpus, &words, &mut random)).collect::<Vec<_>>();
    let output = report(&site(), &["--show_tries", "--nosingle_line"], log);
    assert!(output.status == Some(0) && output.err.is_empty(), "{seed}: {}", output.err);
    assert!(!output.out.is_empty(), "{seed}");
}

#[test]
fn closing_the_output_is_not_an_error() {
    testkit::needs!(root_for("reports"));
    let scratch = site();
    let log: String = (0..20_000).map(|number| line(&format!("u{number}x@b.test"))).collect();
    let log = scratch.file("log", log);
    let command = format!(
        "{} report --dbdir={} {} | head -n 1",
        Program::Ours.path().display(),
        scratch.dbdir().display(),
        log.display()
    );
    let first = run(Command::new("sh").args(["-c", &command])).success();
    assert_eq!(first.lines().count(), 1);
}

#[test]
fn a_damaged_database_is_a_one_line_error() {
    testkit::needs!(root_for("reports"));
    let db = site();
    db.file("db/postgrey.mdb", b"nonsense".repeat(2000));
    let output = report(&db, &[], line("a@b.test"));
    assert!(output.status != Some(0) && output.out.is_empty());
    assert!(output.err.starts_with("ERROR: "), "{output:?}");
    assert_eq!(output.err.lines().count(), 1, "{output:?}");
}
