//! The commands about the daemon as a service, and the database that commands
//! find by its settings.

use crate::database::{command, daemon};
use std::fs;
use testkit::tool::{postgrey, run};
use testkit::{Attempt, Daemon, Program, Scratch, assert_contains};

#[test]
fn commands_work_on_the_database_in_the_daemons_settings() {
    let daemon = daemon();
    let scratch = daemon.scratch();
    let option = |name: &str, file: &str, text: &str| {
        format!("--{name}={}", scratch.file(file, text).display())
    };
    let dbdir = scratch.dbdir_option();
    let config = option("config", "postgrey.conf", dbdir.trim_start_matches("--"));
    let set = |option: &str| format!("POSTGREY_OPTS=\"--inet=10023 {option}\"\n");
    let defaults = option("defaults", "defaults", &set(&dbdir));
    let indirect = option("defaults", "indirect", &set(&config));
    let source = format!("postgrey: using --dbdir={} of /", daemon.dbdir().display());
    for place in [&defaults, &config, &indirect] {
        for line in [
            "list --sender=sender.test",
            "stats",
            "show 192.0.2.1",
            "export",
            "check --database",
            "forget 192.0.2.1 --dry-run",
            "status",
        ] {
            let finished = run(postgrey(line).arg(place));
            assert_eq!(finished.status, Some(0), "{line} {place}: {finished:?}");
            assert!(finished.err.starts_with(&source), "{line} {place}: {finished:?}");
        }
    }
    assert!(run(postgrey("list").arg(&defaults)).out.contains("alice@sender.test"));
    // The command line has precedence and needs no such line.
    run(postgrey("list").args([&defaults, &dbdir])).success();
}

#[test]
fn invalid_settings_are_an_error_for_tools() {
    let scratch = Scratch::new();
    let defaults = scratch.file("defaults", "POSTGREY_OPTS=\"--dbdri=/srv\"\n");
    let finished = run(&mut postgrey(&format!("list --defaults={}", defaults.display())));
    assert!(finished.err.contains("--dbdir"), "{finished:?}");
    finished.refusal(2, "cannot use the daemon's options");
}

#[test]
fn a_change_without_a_daemon_is_reported_as_such() {
    let daemon = daemon();
    assert_eq!(daemon.tool("allow 192.0.2.1").success(), "allowed 1 entry\n");
    let stopped = daemon.stop();
    let out = stopped.tool("forget 192.0.2.1 --client-only").success();
    let file = stopped.dbdir().join("postgrey.mdb");
    let expected = format!("forgot 1 entry\nno daemon runs with {}; the next one", file.display());
    assert!(out.starts_with(&expected), "{out}");
}

#[test]
fn forgotten_entries_are_printed_and_a_dry_run_keeps_them() {
    let daemon = daemon();
    let dry = daemon.tool("forget 198.51.100.99 --dry-run").success();
    assert_contains(
        &dry,
        &["news42@lists.sender.test", "198.51.100.0/24", "would forget 1 entry\n"],
    );
    let one = daemon.tool("forget 198.51.100.7 --client-only").success();
    assert_eq!(one, "forgot 1 entry\n");
    let all = daemon.tool("forget 192.0.2.99").success();
    assert!(all.contains("alice@sender.test") && all.ends_with("forgot 2 entries\n"), "{all}");
    assert_eq!(daemon.tool("forget 192.0.2.99 --dry-run").status, Some(1));
}

#[test]
fn clear_needs_yes() {
    let daemon = daemon();
    daemon.tool("clear").refusal(2, "refusing to delete all 5 entries of");
    assert_eq!(daemon.tool("clear --yes").success(), "forgot 5 entries\n");
    assert_eq!(daemon.tool("list").status, Some(1));
}

#[test]
fn the_status_is_that_of_systemctl() {
    let daemon = daemon();
    let pid = daemon.pid();
    let out = daemon.tool("status").success();
    let running = format!("postgrey is running: process {pid}, started ");
    assert!(out.starts_with(&running) && out.lines().count() == 1, "{out}");
    let json = daemon.tool("status --json").success();
    assert!(json.contains(&format!("\"status\":\"running\",\"pid\":{pid}")), "{json}");
    fs::remove_file(daemon.dbdir().join("postgrey.control")).expect("a socket");
    let status = daemon.tool("status");
    assert_eq!(status.status, Some(4), "{status:?}");
    let why = format!("process {pid} holds its lock; it has no postgrey.control");
    assert!(status.out.contains(&why), "{status:?}");
    let holder = format!("postgrey.lock by process {pid}");
    daemon.tool("forget 192.0.2.1").refusal(3, &holder);
    let stopped = daemon.stop();
    let status = stopped.tool("status");
    let expected = format!("postgrey is not running, {}\n", stopped.dbdir().display());
    assert_eq!((status.status, status.out), (Some(3), expected));
}

#[test]
fn reload_makes_the_daemon_read_its_lists_again() {
    let daemon = daemon();
    daemon.tool("reload").success();
    daemon.wait_for_line("HUP received");
    daemon.stop().tool("reload").refusal(3, "no daemon runs in");
}

#[test]
fn settings_are_printed_with_their_source() {
    let scratch = Scratch::new();
    let config =
        scratch.file("postgrey.conf", "# mine\ndelay = 60\nprivacy\nwhitelist-clients = /a\n");
    let config = config.display();
    let text = format!("\nPOSTGREY_OPTS=\"--unix=/run/x --delay=90 --config={config}\"\n");
    let defaults = scratch.file("defaults", text);
    let defaults = defaults.display();
    let print = |options: &str| {
        run(&mut postgrey(&format!("config {options} --defaults={defaults}"))).success()
    };
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        print("").lines().map(words).collect::<Vec<_>>(),
        [
            format!("unix = /run/x # {defaults}:2"),
            format!("delay = 90 # {defaults}:2"),
            format!("privacy # {config}:3"),
            format!("whitelist-clients = /a # {config}:4"),
        ]
    );
    let all = print("--all");
    let is_default = |line: &str| line.starts_with("max-age = 35 ") && line.ends_with("# default");
    assert!(all.lines().any(is_default), "{all}");
    let json = print("--json");
    assert!(json.starts_with("{\"name\":\"unix\",\"value\":\"/run/x\",\"file\":\""), "{json}");
}

#[test]
fn text_of_mail_servers_does_not_control_the_terminal() {
    let daemon = Daemon::builder(Program::Ours).start();
    let sender = "\u{202e}evil\u{2066}\u{9b}31m@one.test";
    daemon.ask(&Attempt::new("192.0.2.1", "mx.test", sender, "bob@example.org"));
    for line in ["list", "list --json", "show 192.0.2.1"] {
        let out = daemon.tool(line).success();
        assert!(out.contains("evil"), "{out}");
        assert!(!out.contains(['\u{202e}', '\u{2066}', '\u{9b}']), "{out:?}");
    }
}

/// LMDB's lock file is not safe between processes that can be stopped, or that have
/// process numbers of their own.
#[test]
fn a_check_next_to_the_daemon_does_not_open_the_database() {
    let daemon = daemon();
    let lock = daemon.dbdir().join("postgrey.mdb-lock");
    fs::remove_file(&lock).expect("the lock file");
    let out = daemon.tool("check --database").success();
    assert!(out.ends_with("postgrey.mdb is sound: 5 entries\n"), "{out}");
    assert!(!lock.exists(), "another process has opened the database");
    let stopped = daemon.stop();
    assert_eq!(command(&stopped.dbdir(), "check --database").success(), out);
}

#[test]
fn check_counts_the_entries_that_a_killed_daemon_left_in_its_journal() {
    let stopped = daemon().kill();
    let out = command(&stopped.dbdir(), "check --database").success();
    assert!(out.contains(" is sound: 5 entries"), "{out}");
}
