//! Tools on a shared state: through the daemon, and without one.

use testkit::redis::{Engine, Server, host};
use testkit::tool::{Finished, postgrey, run_with};
use testkit::{Attempt, Daemon, Program, Scratch, start_of_time, wait_until};

/// Runs a command of postgrey; `input` is its standard input.
fn run(words: &[&str], input: &str) -> Finished {
    run_with(postgrey("").args(words), input)
}

/// The sorted output of a command: a server's records have no order.
#[track_caller]
fn printed(words: &[&str], input: &str) -> Vec<String> {
    let finished = run(words, input);
    assert_eq!(finished.status, Some(0), "{words:?}: {finished:?}");
    let mut lines: Vec<String> = finished.out.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn attempt(number: usize) -> Attempt {
    Attempt::new(
        &format!("192.0.{}.7", number % 200),
        "mail.example.net",
        "alice@example.net",
        &format!("r{number}@example.com"),
    )
}

fn dbdir(daemon: &Daemon) -> String {
    daemon.scratch().dbdir_option()
}

/// A file with a URL, and the option that names it.
fn url_option(scratch: &Scratch, server: &Server) -> String {
    let file = scratch.file("url", server.url() + "\n");
    format!("--shared-state-file={}", file.display())
}

const ENTRIES: usize = 1200;

/// Puts entries into a state; some of them have passed.
fn fill(daemon: &Daemon) {
    let mut client = daemon.client();
    for number in 0..ENTRIES {
        client.ask(&attempt(number).at(0));
    }
    for number in 0..20 {
        client.ask(&attempt(number).at(400));
    }
}

#[test]
fn tools_see_and_change_the_shared_state() {
    let Some(server) = Server::start(Engine::Redis, &[]) else { return };
    let daemon = host(&server.url()).start();
    fill(&daemon);
    let (dir, scratch) = (dbdir(&daemon), Scratch::new());
    let direct = url_option(&scratch, &server);
    // The same by the daemon, and by the tool alone.
    for place in [&dir, &direct] {
        let count = |words: &[&str]| printed(&[words, &[place, "--json"]].concat(), "").len();
        assert_eq!(count(&["list"]), ENTRIES);
        assert_eq!(count(&["list", "--state=passed"]), 20);
        assert_eq!(count(&["list", "--clients"]), 20);
        assert_eq!(count(&["list", "--client=192.0.3.7"]), 6);
        assert_eq!(count(&["list", "--recipient=r7@example.com"]), 1);
        let stats = printed(&["stats", place], "").join("\n");
        assert!(stats.contains("Triplets") && stats.contains("1,200"), "{stats}");
        assert!(!stats.contains("bytes") && !stats.contains("in all"), "{stats}");
        let shown = ["show", "192.0.7.7", "alice@example.net", "r7@example.com", place];
        assert!(
            printed(&shown, "").join("\n").contains("State       passed"),
            "{:?}",
            printed(&shown, "")
        );
        let at = format!("--at={}", start_of_time() + 500);
        let of = ["--address=192.0.7.9", "--sender=alice@example.net"];
        let words = ["check", of[0], of[1], "--recipient=r7@example.com", &at, "--inet=1", place];
        let answer = printed(&words, "");
        assert!(answer.join("\n").contains("action=DUNNO"), "{answer:#?}");
    }
    for (number, place) in [(100, &dir), (101, &direct)] {
        let recipient = format!("r{number}@example.com");
        let client = format!("192.0.{number}.7");
        let words = |verb| [verb, client.as_str(), "alice@example.net", &recipient, place];
        printed(&words("allow"), "");
        assert_eq!(daemon.client().ask(&attempt(number).at(500)), "DUNNO");
        printed(&words("forget"), "");
        daemon.client().assert_deferred(&attempt(number).at(501));
    }
    // The daemon's own options count, not those that the tool finds.
    let heading = |words: &[&str]| run(words, "").out.lines().next().map(str::to_owned);
    let shared = heading(&["stats", &dir]).expect("a first line");
    assert!(shared.starts_with("the shared state of the running daemon at "), "{shared}");
    let refusal = run(&["clear", &dir], "").err;
    assert!(refusal.contains("the shared state of the running daemon"), "{refusal}");
    let stopped = daemon.stop();
    assert!(!stopped.scratch.path().join("db/postgrey.mdb").exists());
}

#[test]
fn a_running_site_moves_over_and_back() {
    let Some(server) = Server::start(Engine::Redis, &[]) else { return };
    let local = Daemon::builder(Program::Ours).start();
    fill(&local);
    let scratch = Scratch::new();
    let direct = url_option(&scratch, &server);
    let from_local = dbdir(&local);
    let dump = printed(&["export", &from_local], "");
    let text = run(&["export", &from_local], "").out;
    printed(&["import", &direct, "--from=-"], &text);
    assert_eq!(printed(&["export", &direct], ""), dump);
    // The same again changes nothing, and a daemon finds what was moved.
    printed(&["import", &direct, "--from=-"], &text);
    let shared = host(&server.url()).start();
    assert_eq!(shared.client().ask(&attempt(0).at(500)), "DUNNO");
    assert!(shared.client().ask(&attempt(50).at(400)).starts_with("PREPEND"));
    assert_eq!(printed(&["export", &dbdir(&shared)], "").len(), dump.len() + 2);

    let text = run(&["export", &direct], "").out;
    let other = Daemon::builder(Program::Ours).start();
    wait_until("the daemon answers tools", || {
        run(&["status", &dbdir(&other)], "").status == Some(0)
    });
    printed(&["import", &dbdir(&other), "--from=-"], &text);
    assert_eq!(printed(&["export", &dbdir(&other)], ""), printed(&["export", &direct], ""));
    let backup = scratch.path().join("backup").display().to_string();
    printed(&["backup", &direct, &backup], "");
    assert_eq!(printed(&["list", "--json", &backup.replacen("", "--file=", 1)], "").len(), ENTRIES);
}

#[test]
fn keys_of_other_options_are_found_without_a_daemon() {
    let Some(server) = Server::start(Engine::Redis, &[]) else { return };
    let daemon = host(&server.url()).arg("--lookup-by-host").arg("--privacy").start();
    fill(&daemon);
    daemon.stop();
    let scratch = Scratch::new();
    let direct = url_option(&scratch, &server);
    assert_eq!(printed(&["list", "--json", &direct], "").len(), ENTRIES);
    let shown = ["show", "192.0.7.7", "alice@example.net", "r7@example.com", &direct];
    assert!(printed(&shown, "").join("\n").contains("State       passed"));
    printed(&["clear", "--yes", &direct], "");
    assert_eq!(server.records("*:[tc]:*"), [""; 0]);
}

#[test]
fn commands_report_why_they_cannot_reach_the_state() {
    let Some(server) = Server::start(Engine::Redis, &["--requirepass", "right"]) else { return };
    let failure = |words: &[&str]| {
        let finished = run(words, "");
        assert_ne!(finished.status, Some(0), "{words:?}");
        finished.err
    };
    let url = format!("--shared-state=redis://:hush@127.0.0.1:{}", server.port);
    for (words, part) in [
        (["list", url.as_str()], "WRONGPASS"),
        (["list", "--shared-state=http://x"], "unknown scheme"),
        (["list", "--shared-state=redis://127.0.0.1:1"], "Connection refused"),
        (["list", "--shared-state-file=/nonexistent"], "No such file"),
    ] {
        let text = failure(&words);
        assert!(text.contains(part) && !text.contains("hush"), "{words:?}: {text}");
    }
    let text = failure(&["check", "--database", &url]);
    assert!(text.contains("checks the file in --dbdir") && !text.contains("hush"), "{text}");
}

/// The lines of mail servers' logs about one deferred mail.
fn log_of_deferral() -> String {
    let of_postgrey = "action=greylist, reason=new, client_name=mail.example.net, \
                       client_address=192.0.3.7, sender=alice@example.net, \
                       recipient=r3@example.com";
    let of_postfix = "NOQUEUE: reject: RCPT from mail.example.net[192.0.3.7]: 450 4.2.0 \
                      <r3@example.com>: Recipient address rejected: Greylisted, see there; \
                      from=<alice@example.net> to=<r3@example.com> proto=ESMTP helo=<x>";
    let head = "2026-11-28T12:00:00+00:00 mx";
    format!("{head} postgrey[5]: {of_postgrey}\n{head} postfix/smtpd[7]: {of_postfix}\n")
}

#[test]
fn report_and_explain_look_into_the_shared_state() {
    let Some(server) = Server::start(Engine::Redis, &[]) else { return };
    let daemon = host(&server.url()).start();
    let dir = dbdir(&daemon);
    daemon.client().assert_deferred(&attempt(3).at(0));
    let log = log_of_deferral();
    let report = || printed(&["report", &dir], &log).join("\n");
    assert!(report().contains("alice@example.net r3@example.com"), "{}", report());
    let explained = printed(&["explain", "--recipient=r3@example.com", &dir, "-"], &log);
    assert!(explained.join("\n").contains("has not passed. An attempt before"), "{explained:#?}");
    // Mail that has passed is not lost.
    daemon.client().ask(&attempt(3).at(400));
    assert!(!report().contains("r3@example.com"), "{}", report());
}
