//! The report beside a running daemon, and on logs that are not what they
//! should be.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use testkit::{Attempt, Daemon, Program, Scratch};

/// Runs the report on a database, with words behind its directory.
fn report(db: &Path, words: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(Program::Ours.path())
        .arg("report")
        .arg(format!("--dbdir={}", db.display()))
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the report");
    // It need not read all of it.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    child.wait_with_output().expect("its end")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
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

const TOLD: &str = "      192.0.2.7 mx.b.test a@b.test r@d.test\n";

#[test]
fn it_sees_what_the_running_daemon_has_just_written() {
    if !testkit::root_for("reports") {
        return;
    }
    let daemon = Daemon::builder(Program::Ours).start();
    let db = daemon.scratch().path().join("db");
    let mut client = daemon.client();
    client.ask(&mail().at(0));
    assert_eq!(stdout(&report(&db, &[], line("a@b.test").as_bytes())), TOLD);
    client.ask(&mail().at(400));
    let output = report(&db, &[], line("a@b.test").as_bytes());
    assert_eq!((stdout(&output), stderr(&output)), (String::new(), String::new()));
    assert!(client.ask(&mail().at(401)).starts_with("DUNNO"));
    assert!(daemon.stop().status.success());
}

#[test]
fn a_pass_in_a_log_of_postgrey_1_36_is_found() {
    if !testkit::root_for("reports") {
        return;
    }
    let scratch = site();
    let pass = "Jun 20 10:10:00 mx postgrey[7]: action=pass, reason=triplet found, delay=600, \
                client_name=mx.b.test, client_address=192.0.2.7/32, sender=a@b.test, \
                recipient=r@d.test\n";
    let log = line("a@b.test") + pass;
    let output = report(&scratch.path().join("db"), &[], log.as_bytes());
    assert_eq!((stdout(&output), stderr(&output)), (String::new(), String::new()));
}

#[test]
fn a_log_in_no_known_format_is_reported() {
    if !testkit::root_for("reports") {
        return;
    }
    let output = report(&site().path().join("db"), &[], b"hello\nworld\n");
    assert_eq!(stdout(&output), "");
    assert!(stderr(&output).starts_with("no line of the log is in a known format"), "{output:?}");
}

/// A directory with an empty database and files beside it.
fn site() -> Scratch {
    Daemon::builder(Program::Ours).start().stop().scratch
}

#[test]
fn of_a_damaged_archive_what_can_be_read_is_reported() {
    let scratch = site();
    let plain = scratch.file("plain", line("a@b.test") + &line("b@b.test").repeat(20_000));
    let packed = Command::new("gzip").arg("-c").arg(&plain).output().expect("gzip").stdout;
    let whole = scratch.file("whole.gz", &packed);
    let cut = scratch.file("cut.gz", &packed[..packed.len() / 2]);
    let log = |path: &Path| path.display().to_string();
    let output = report(&scratch.path().join("db"), &[&log(&cut), &log(&plain)], b"");
    assert!(output.status.success());
    assert_eq!(stdout(&output).lines().count(), 2);
    let complaint = format!("Can't read {}: gzip failed, the rest of it is missing\n", log(&cut));
    assert!(stderr(&output).ends_with(&complaint), "{output:?}");
    let output = report(&scratch.path().join("db"), &["--show_tries", &log(&whole)], b"");
    assert!(stdout(&output).starts_with(&format!("1 {TOLD}20000 ")), "{output:?}");
}

#[test]
fn packed_logs_are_read_from_standard_input_and_from_pipes() {
    if !testkit::root_for("reports") {
        return;
    }
    let scratch = site();
    let db = scratch.path().join("db");
    let plain = scratch.file("plain", line("a@b.test").repeat(50_000));
    let told = format!("50000 {TOLD}");
    for packer in ["gzip", "xz", "zstd"] {
        let output = Command::new(packer).arg("-1kc").arg(&plain).output();
        let packed = output.unwrap_or_else(|error| panic!("{packer}: {error}")).stdout;
        let output = report(&db, &["--show_tries"], &packed);
        assert_eq!((stdout(&output), stderr(&output)), (told.clone(), String::new()), "{packer}");
        // The same through a name of the pipe.
        let output = report(&db, &["--show_tries", "/dev/stdin"], &packed);
        assert_eq!((stdout(&output), stderr(&output)), (told.clone(), String::new()), "{packer}");
        let output = report(&db, &["--show_tries"], &packed[..packed.len() / 2]);
        let complaint = format!("{packer} failed, the rest of it is missing\n");
        assert!(output.status.success() && stderr(&output).ends_with(&complaint), "{output:?}");
    }
    for short in ["", "\n"] {
        let output = report(&db, &[], short.as_bytes());
        assert_eq!((stdout(&output), stderr(&output)), (String::new(), String::new()));
    }
}

#[test]
fn a_directory_is_not_a_log() {
    if !testkit::root_for("reports") {
        return;
    }
    let scratch = site();
    let db = scratch.path().join("db");
    let output = report(&db, &["/tmp", "-"], line("a@b.test").as_bytes());
    assert_eq!(stderr(&output), "Can't read /tmp: Is a directory\n");
    assert_eq!((stdout(&output).as_str(), output.status.code()), (TOLD, Some(0)));
}

#[test]
fn any_bytes_can_be_fed() {
    if !testkit::root_for("reports") {
        return;
    }
    let scratch = site();
    let good = line("a@b.test").into_bytes();
    let mut log = Vec::new();
    let mut state = 12_345_u64;
    for _ in 0..3000 {
        let mut line = good.clone();
        for _ in 0..3 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (state >> 33) as usize % line.len();
            match state % 3 {
                0 => line[at] = (state >> 20) as u8,
                1 => drop(line.drain(at..(at + 20).min(good.len()).min(line.len()))),
                _ => line.insert(at, b"<>[]\": \\\0"[(state >> 40) as usize % 9]),
            }
            if line.is_empty() {
                break;
            }
        }
        log.extend(line);
    }
    let output = report(&scratch.path().join("db"), &["--show_tries", "--nosingle_line"], &log);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
    assert!(!output.stdout.is_empty());
}

#[test]
fn closing_the_output_is_not_an_error() {
    if !testkit::root_for("reports") {
        return;
    }
    let scratch = site();
    let log: String = (0..20_000).map(|number| line(&format!("u{number}x@b.test"))).collect();
    let log = scratch.file("log", log);
    let command = format!(
        "{} report --dbdir={} {} | head -n 1",
        Program::Ours.path().display(),
        scratch.path().join("db").display(),
        log.display()
    );
    let output = Command::new("sh").args(["-c", &command]).output().expect("a shell");
    assert_eq!(stdout(&output).lines().count(), 1);
    assert_eq!(stderr(&output), "");
}

#[test]
fn a_damaged_database_is_a_sentence() {
    if !testkit::root_for("reports") {
        return;
    }
    let scratch = site();
    let db = scratch.path().join("db");
    fs::write(db.join("postgrey.mdb"), b"nonsense".repeat(2000)).expect("a database");
    let output = report(&db, &[], line("a@b.test").as_bytes());
    assert!(!output.status.success() && output.stdout.is_empty());
    assert!(stderr(&output).starts_with("ERROR: "), "{output:?}");
    assert_eq!(stderr(&output).lines().count(), 1, "{output:?}");
}
