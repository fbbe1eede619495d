//! The commands about the daemon as a service, and the database that commands
//! find by its settings.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use testkit::{Attempt, Daemon, Program, Stopped};

/// Runs a command; returns its exit status, its output and its errors.
fn run(words: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = Command::new(Program::Ours.path())
        .args(words)
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .output()
        .expect("our binary");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code().expect("no signal"), text(stdout), text(stderr))
}

fn directory(daemon: &Daemon) -> PathBuf {
    daemon.scratch().path().join("db")
}

fn dbdir(daemon: &Daemon) -> String {
    format!("--dbdir={}", directory(daemon).display())
}

fn daemon() -> Daemon {
    let daemon = Daemon::builder(Program::Ours).start();
    let mut client = daemon.client();
    for (address, sender) in [("192.0.2.1", "a@one.test"), ("192.0.2.7", "b@two.test")] {
        client.ask(&Attempt::new(address, "mx.test", sender, "bob@example.org"));
    }
    client.ask(&Attempt::new("192.0.2.7", "mx.test", "old@two.test", "bob@example.org").at(-900));
    client.ask(&Attempt::new("192.0.2.7", "mx.test", "old@two.test", "bob@example.org").at(-100));
    daemon
}

#[test]
fn commands_work_on_the_database_that_the_daemon_s_settings_name() {
    let daemon = daemon();
    let dbdir = dbdir(&daemon);
    let config = daemon.scratch().file("postgrey.conf", dbdir.trim_start_matches("--"));
    let config = format!("--config={}", config.display());
    let text = format!("POSTGREY_OPTS=\"--inet=10023 {dbdir}\"\n");
    let defaults = daemon.scratch().file("defaults", text);
    let defaults = format!("--defaults={}", defaults.display());
    let indirect = format!("POSTGREY_OPTS=\"--inet=10023 {config}\"\n");
    let indirect = daemon.scratch().file("indirect", indirect);
    let indirect = format!("--defaults={}", indirect.display());
    for place in [&defaults, &config, &indirect] {
        for words in [
            &["list", "--sender=one.test"] as &[&str],
            &["stats"],
            &["show", "192.0.2.1"],
            &["export"],
            &["check", "--database"],
            &["forget", "192.0.2.1", "--dry-run"],
            &["status"],
        ] {
            let words = [words, &[place.as_str()]].concat();
            let (status, out, err) = run(&words);
            assert_eq!(status, 0, "{words:?}: {out}{err}");
            let found =
                format!("postgrey: using the database in {}, see /", directory(&daemon).display());
            assert!(err.starts_with(&found), "{words:?}: {err}");
        }
    }
    let (_, list, _) = run(&["list", &defaults]);
    assert!(list.contains("a@one.test"), "{list}");
    // What is typed wins, and is not commented on.
    let (status, _, err) = run(&["list", &defaults, &dbdir]);
    assert_eq!((status, err.as_str()), (0, ""));
}

#[test]
fn invalid_settings_are_an_error_for_tools() {
    let scratch = testkit::Scratch::new();
    let defaults = scratch.file("defaults", "POSTGREY_OPTS=\"--dbdri=/srv\"\n");
    let (status, _, err) = run(&["list", &format!("--defaults={}", defaults.display())]);
    assert_eq!(status, 2, "{err}");
    assert!(err.contains("cannot use the daemon's options") && err.contains("--dbdir"), "{err}");
}

#[test]
fn a_change_without_a_daemon_is_reported_as_such() {
    let daemon = daemon();
    let dbdir = dbdir(&daemon);
    let (_, out, _) = run(&["allow", "192.0.2.1", &dbdir]);
    assert_eq!(out, "allowed 1 entry\n");
    let Stopped { scratch, .. } = daemon.stop();
    let (_, out, _) = run(&["forget", "192.0.2.1", "--client-only", &dbdir]);
    let file = scratch.path().join("db/postgrey.mdb");
    let expected = format!("forgot 1 entry\nno daemon runs with {}; the next one", file.display());
    assert!(out.starts_with(&expected), "{out}");
}

#[test]
fn forgotten_entries_are_printed_and_a_dry_run_keeps_them() {
    let daemon = daemon();
    let dbdir = dbdir(&daemon);
    let (_, dry, _) = run(&["forget", "192.0.2.99", "--dry-run", &dbdir]);
    for part in
        ["a@one.test", "b@two.test", "old@two.test", "192.0.2.0/24", "would forget 3 entries\n"]
    {
        assert!(dry.contains(part), "{part}: {dry}");
    }
    let (_, one, _) = run(&["forget", "192.0.2.7", "--client-only", &dbdir]);
    assert_eq!(one, "forgot 1 entry\n");
    let (_, all, _) = run(&["forget", "192.0.2.99", &dbdir]);
    assert!(all.contains("a@one.test") && all.ends_with("forgot 3 entries\n"), "{all}");
    let (status, _, _) = run(&["forget", "192.0.2.99", "--dry-run", &dbdir]);
    assert_eq!(status, 1);
}

#[test]
fn everything_is_deleted_only_after_a_yes() {
    let daemon = daemon();
    let dbdir = dbdir(&daemon);
    let (status, _, err) = run(&["clear", &dbdir]);
    assert_eq!(status, 2, "{err}");
    assert!(err.contains("refusing to delete all 4 entries of"), "{err}");
    let (status, out, _) = run(&["clear", "--yes", &dbdir]);
    assert_eq!((status, out.as_str()), (0, "forgot 4 entries\n"));
    assert_eq!(run(&["list", &dbdir]).0, 1);
}

#[test]
fn the_status_is_that_of_systemctl() {
    let daemon = daemon();
    let dbdir = dbdir(&daemon);
    let (status, out, _) = run(&["status", &dbdir]);
    let running = format!("postgrey is running: process {}, started ", daemon.pid());
    assert_eq!(status, 0);
    assert!(out.starts_with(&running) && out.lines().count() == 1, "{out}");
    let (_, json, _) = run(&["status", "--json", &dbdir]);
    assert!(json.contains(&format!("\"status\":\"running\",\"pid\":{}", daemon.pid())), "{json}");
    fs::remove_file(directory(&daemon).join("postgrey.control")).expect("a socket");
    let (status, out, _) = run(&["status", &dbdir]);
    assert_eq!(status, 4, "{out}");
    assert!(out.contains(&format!("process {} holds its lock", daemon.pid())), "{out}");
    let (status, _, err) = run(&["forget", "192.0.2.1", &dbdir]);
    assert_eq!(status, 3);
    assert!(err.contains(&format!("postgrey.lock by process {}", daemon.pid())), "{err}");
    let Stopped { scratch, .. } = daemon.stop();
    let (status, out, _) = run(&["status", &dbdir]);
    let directory = scratch.path().join("db");
    assert_eq!((status, out), (3, format!("postgrey is not running, {}\n", directory.display())));
}

#[test]
fn a_daemon_reads_its_lists_again_when_asked() {
    let daemon = daemon();
    let dbdir = dbdir(&daemon);
    let (status, out, err) = run(&["reload", &dbdir]);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    let has_line = || daemon.log().iter().any(|line| line.contains("HUP received"));
    let end = Instant::now() + Duration::from_secs(30);
    while !has_line() && Instant::now() < end {
        std::thread::yield_now();
    }
    assert!(has_line(), "{:?}", daemon.log());
    let Stopped { scratch, .. } = daemon.stop();
    let (status, _, err) = run(&["reload", &dbdir]);
    assert_eq!(status, 3, "{err}");
    assert!(err.contains("no daemon runs in"), "{err}");
    drop(scratch);
}

#[test]
fn settings_are_printed_with_the_place_that_they_come_from() {
    let scratch = testkit::Scratch::new();
    let config =
        scratch.file("postgrey.conf", "# mine\ndelay = 60\nprivacy\nwhitelist-clients = /a\n");
    let text =
        format!("\nPOSTGREY_OPTS=\"--unix=/run/x --delay=90 --config={}\"\n", config.display());
    let defaults = scratch.file("defaults", text);
    let place = format!("--defaults={}", defaults.display());
    let (status, out, err) = run(&["config", &place]);
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    let lines: Vec<String> =
        out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let (config, defaults) = (config.display(), defaults.display());
    assert_eq!(
        lines,
        [
            format!("unix = /run/x # {defaults}:2"),
            format!("delay = 90 # {defaults}:2"),
            format!("privacy # {config}:3"),
            format!("whitelist-clients = /a # {config}:4"),
        ]
    );
    let (_, all, _) = run(&["config", "--all", &place]);
    assert!(
        all.lines().any(|line| line.starts_with("max-age = 35 ") && line.ends_with("# default"))
    );
    let (_, json, _) = run(&["config", "--json", &place]);
    assert!(json.starts_with("{\"name\":\"unix\",\"value\":\"/run/x\",\"file\":\""), "{json}");
}

#[test]
fn text_of_mail_servers_does_not_control_the_terminal() {
    let daemon = Daemon::builder(Program::Ours).start();
    let sender = "\u{202e}evil\u{2066}\u{9b}31m@one.test";
    daemon.client().ask(&Attempt::new("192.0.2.1", "mx.test", sender, "bob@example.org"));
    let dbdir = dbdir(&daemon);
    for words in [&["list"] as &[&str], &["list", "--json"], &["show", "192.0.2.1"]] {
        let (_, out, _) = run(&[words, &[&dbdir]].concat());
        assert!(out.contains("evil"), "{out}");
        let steers = |c: char| ['\u{202e}', '\u{2066}', '\u{9b}'].contains(&c);
        assert!(!out.contains(steers), "{out:?}");
    }
}

#[test]
fn a_tool_that_does_not_read_its_reply_costs_the_daemon_nothing() {
    let daemon = daemon();
    let mut stream =
        UnixStream::connect(directory(&daemon).join("postgrey.control")).expect("a socket");
    stream.set_write_timeout(Some(Duration::from_millis(300))).expect("a limit");
    // Until neither side takes any more.
    while stream.write_all(&b"statistics\n\n".repeat(1000)).is_ok() {}
    let before = daemon_cpu(&daemon);
    // A tool that asks nothing gets no answer.
    let mut silent = UnixStream::connect(directory(&daemon).join("postgrey.control")).expect("one");
    silent.set_read_timeout(Some(Duration::from_millis(500))).expect("a limit");
    silent.read_exact(&mut [0]).expect_err("half a second without an answer");
    let spent = daemon_cpu(&daemon) - before;
    assert!(spent < 20, "{spent} ticks in half a second");
    let mut buffer = [0; 10];
    stream.read_exact(&mut buffer).expect("the reply is still there");
}

/// Ticks of a hundredth second that a daemon has computed.
fn daemon_cpu(daemon: &Daemon) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", daemon.pid())).expect("a process");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    fields[11].parse::<u64>().expect("ticks") + fields[12].parse::<u64>().expect("ticks")
}

#[test]
fn the_control_socket_serves_only_root_and_the_daemons_user() {
    if !testkit::root_for("tools of other users") {
        return;
    }
    let daemon = daemon();
    let directory = directory(&daemon);
    let socket = directory.join("postgrey.control");
    for path in [&directory, &socket] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("chmod");
    }
    let heard = |user: &str| {
        let words = ["-u", user, "--", "perl", "-MIO::Socket::UNIX", "-e", ASK];
        let output = Command::new("runuser").args(words).arg(&socket).output().expect("runuser");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    assert!(heard("root").starts_with("ok\npid "));
    assert!(heard("postgrey").starts_with("ok\npid "));
    assert_eq!(heard("nobody"), "");
}

const ASK: &str = "$SIG{PIPE} = 'IGNORE'; my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die; \
                   print $s \"statistics\\n\\n\"; $s->flush; while (<$s>) { last if $_ eq \"\\n\"; \
                   print }";

/// LMDB's lock file is not safe between processes that can be stopped, or that have
/// process numbers of their own.
#[test]
fn a_check_of_the_database_leaves_it_to_the_daemon() {
    let daemon = daemon();
    let lock = directory(&daemon).join("postgrey.mdb-lock");
    fs::remove_file(&lock).expect("the lock file");
    let (status, output, errors) = run(&["check", "--database", &dbdir(&daemon)]);
    assert_eq!((status, errors.as_str()), (0, ""));
    assert!(output.ends_with("postgrey.mdb is sound: 4 entries\n"), "{output}");
    assert!(!lock.exists(), "another process has opened the database");
}
