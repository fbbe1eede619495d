//! `postgrey check --address=...` on the real binary: it says what the daemon
//! then answers, why, and writes nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use testkit::{Attempt, Daemon, Program, Stopped, start_of_time};

/// The daemon's options, in which one needs nothing of the machine.
const OPTIONS: [&str; 2] = ["--hostname=mail.example.org", "--greylist-text=Wait %s for %r"];

fn daemon() -> Daemon {
    Daemon::builder(Program::Ours)
        .arg(OPTIONS[0])
        .arg(OPTIONS[1])
        .arg("--delay=600")
        .arg("--auto-whitelist-clients=2")
        .whitelist_clients(
            "# Ours.\n\nexample.com # a friend\n/^mx\\d+\\.pool\\.test$/\n2001:db8::/32\n",
        )
        .whitelist_recipients("postmaster@\n")
        .start()
}

struct Directory(PathBuf);

impl Directory {
    fn of(daemon: &Daemon) -> Directory {
        Directory(daemon.scratch().path().to_owned())
    }

    fn database(&self) -> PathBuf {
        self.0.join("db")
    }

    /// Asks about an attempt, `seconds` after the start of time.
    fn ask(
        &self,
        [address, name, sender, recipient]: [&str; 4],
        seconds: i64,
        form: &str,
    ) -> String {
        let lists = lists(&self.0);
        let Output { status, stdout, stderr } = Command::new(Program::Ours.path())
            .arg("check")
            .args(["--defaults=/dev/null", form])
            .args(OPTIONS)
            .args(["--delay=600", "--auto-whitelist-clients=2"])
            .args(lists)
            .arg(format!("--dbdir={}", self.database().display()))
            .args([format!("--address={address}"), format!("--client={name}")])
            .args([format!("--sender={sender}"), format!("--recipient={recipient}")])
            .arg(format!("--at={}", start_of_time() + seconds))
            .env("TZ", "UTC")
            .output()
            .expect("our binary");
        let text = String::from_utf8(stdout).expect("UTF-8");
        assert!(status.success(), "{text}{}", String::from_utf8_lossy(&stderr));
        text
    }
}

/// The words that name the lists of a scratch directory.
fn lists(scratch: &Path) -> [String; 2] {
    let find = |word: &str| {
        let entries = fs::read_dir(scratch).expect("a directory");
        let mut paths = entries.map(|entry| entry.expect("an entry").path());
        let is_list = |path: &PathBuf| path.display().to_string().contains(word);
        paths.find(is_list).unwrap_or_else(|| panic!("no list of {word}"))
    };
    [
        format!("--whitelist-clients={}", find("clients").display()),
        format!("--whitelist-recipients={}", find("recipients").display()),
    ]
}

/// Without the date of a header, which is that of the real clock.
fn without_date(answer: &str) -> &str {
    answer.split(" at mail.example.org;").next().unwrap_or_default()
}

fn answer(json: &str) -> &str {
    let rest = json.strip_prefix("{\"answer\":\"action=").expect("an answer first");
    rest.split('"').next().expect("an end")
}

#[test]
fn predicted_replies_are_the_daemons() {
    let daemon = daemon();
    let directory = Directory::of(&daemon);
    let mut client = daemon.client();
    let alice = ["192.0.2.1", "mx.test", "alice@sender.test", "bob@example.org"];
    let carol = ["192.0.2.1", "mx.test", "carol@sender.test", "bob@example.org"];
    for (attempt, seconds, decision) in [
        (alice, 0, "new"),
        (alice, 100, "early-retry"),
        (alice, 599, "early-retry"),
        (alice, 600, "first-pass"),
        (alice, 700, "passed-before"),
        (carol, 800, "new"),
        (carol, 800 + 3 * 86_400, "new"),
        (carol, 1500 + 3 * 86_400, "first-pass"),
        (["192.0.2.1", "mx.test", "", "bob@example.org"], 1600 + 3 * 86_400, "auto-whitelist"),
        (["192.0.2.9", "mail.example.com", "a@b.test", "c@d.test"], 0, "client-whitelist"),
        (["192.0.2.9", "MX7.pool.test", "a@b.test", "c@d.test"], 0, "client-whitelist"),
        (["2001:db8::9", "unknown", "a@b.test", "c@d.test"], 0, "client-whitelist"),
        (["192.0.2.9", "mx.test", "a@b.test", "postmaster+x@d.test"], 0, "recipient-whitelist"),
        (["2001:db9::9", "unknown", "a@b.test", "c@d.test"], 5, "new"),
    ] {
        let foretold = directory.ask(attempt, seconds, "--json");
        let [address, name, sender, recipient] = attempt;
        let request = Attempt::new(address, name, sender, recipient).with("etrn_domain", "");
        let given = client.ask(&request.at(seconds));
        let both = [answer(&foretold), &given].map(|text| without_date(text).to_owned());
        assert_eq!(both[0], both[1], "{attempt:?} after {seconds}");
        assert!(foretold.contains(&format!("\"decision\":\"{decision}\"")), "{foretold}");
    }
}

#[test]
fn the_line_that_decides_is_named() {
    let daemon = daemon();
    let directory = Directory::of(&daemon);
    for (name, line) in
        [("mail.example.com", "whitelist_clients:3"), ("mx1.pool.test", "whitelist_clients:4")]
    {
        let text = directory.ask(["192.0.2.9", name, "a@b.test", "c@d.test"], 0, "--verbose");
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn nothing_is_written() {
    let daemon = daemon();
    let mut client = daemon.client();
    let attempt = Attempt::new("192.0.2.1", "mx.test", "alice@sender.test", "bob@example.org");
    client.ask(&attempt.at(0));
    let directory = Directory::of(&daemon);
    let Stopped { scratch: _scratch, .. } = daemon.stop();
    let file = directory.database().join("postgrey.mdb");
    let before = fs::read(&file).expect("the database");
    for seconds in [0, 300, 600, 100 * 86_400] {
        for sender in ["alice@sender.test", "dave@sender.test"] {
            directory.ask(["192.0.2.1", "mx.test", sender, "bob@example.org"], seconds, "--json");
        }
    }
    assert!(fs::read(&file).expect("the database") == before, "the database has changed");
}

#[test]
fn without_a_database_everything_is_new() {
    let daemon = daemon();
    let directory = Directory::of(&daemon);
    let Stopped { scratch: _scratch, .. } = daemon.stop();
    fs::remove_file(directory.database().join("postgrey.mdb")).expect("the database");
    let json = directory.ask(["192.0.2.1", "mx.test", "a@b.test", "c@d.test"], 0, "--json");
    assert!(json.contains("\"decision\":\"new\""), "{json}");
    assert!(!directory.database().join("postgrey.mdb").exists());
}

#[test]
fn no_entry_is_predicted_for_exempt_mail() {
    let daemon = daemon();
    let directory = Directory::of(&daemon);
    let dbdir = format!("--dbdir={}", directory.database().display());
    let [clients, recipients] = lists(&directory.0);
    let list = daemon.scratch().file("greylisted", "example.org\n");
    let greylisted = format!("--greylist-recipients={}", list.display());
    let ask = |more: &[&str], form: &str| {
        let mail = ["--sender=a@b.test", "--recipient=c@d.test"];
        let Output { stdout, .. } = Command::new(Program::Ours.path())
            .args(["check", form, &dbdir, &clients, &recipients])
            .args(mail)
            .args(more)
            .args((!more.contains(&"--address=::1")).then_some("--address=10.1.2.3"))
            .output()
            .expect("our binary");
        String::from_utf8(stdout).expect("UTF-8")
    };
    for (options, reason) in [
        (&["--trusted-networks=10.0.0.0/8"][..], "trusted network"),
        (&["--trust-authenticated", "--login"], "has logged in"),
        (&["--milter=/run/m", "--login"], "has logged in"),
        (&["--milter=/run/m", "--address=::1"], "trusted network"),
        (&[&greylisted], "not on the list of those who are greylisted"),
    ] {
        let text = ask(options, "--verbose");
        assert!(text.replace("\n            ", " ").contains(reason), "{text}");
        assert!(!text.contains("Next") && !text.contains("Key"), "{text}");
        let json = ask(options, "--json");
        assert!(!json.contains("\"key\""), "{json}");
    }
    let text = ask(&["--noaction"], "--verbose");
    assert!(text.starts_with("Answer      action=DUNNO\nBecause     no such triplet"), "{text}");
    assert!(text.contains("Dry run     with --noaction mail passes, whatever"), "{text}");
    let json = ask(&["--noaction"], "--json");
    assert!(json.contains("\"dry_run\":true"), "{json}");
}
