//! A full disk.

use crate::faults::preload::Faults;
use crate::faults::witness::{SPARE_MEMORY, Watch};
use nix::errno::Errno;
use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::namespace::Namespace;
use testkit::tool::run;
use testkit::{Attempt, Daemon, Program, require, wait_for, wait_until};
use testkit::{http, process};

/// A server whose database has a small disk of its own, and that disk.
struct Site {
    daemon: Daemon,
    namespace: Namespace,
    dbdir: PathBuf,
}

impl Site {
    /// `mount` is a shell script that mounts something on `$1`.
    /// `None` where the system does not allow it, see [`Namespace::new`].
    fn start(mount: &str) -> Option<Site> {
        let builder = Daemon::builder(Program::Ours);
        let dbdir = builder.scratch().subdirectory("db");
        let namespace = Namespace::new(mount, &[&dbdir])?;
        let metrics = builder.scratch().path().join("metrics");
        let builder = builder.arg(format!("--metrics=unix:{}", metrics.display()));
        let daemon = builder.within(namespace.words()).start();
        Some(Site { daemon, namespace, dbdir })
    }

    fn restart(self) -> Site {
        let Site { daemon, namespace, dbdir } = self;
        let builder = daemon.stop().again(Program::Ours);
        Site { daemon: builder.within(namespace.words()).start(), namespace, dbdir }
    }

    fn health(&self) -> String {
        http::get(&self.daemon.scratch().path().join("metrics"), "/health")
    }

    /// The path of a file of the database directory.
    fn file(&self, name: &str) -> PathBuf {
        self.namespace.path(&self.dbdir.join(name))
    }
}

const SMALL_DISK: &str = "mount -t tmpfs -o size=64m,mode=0777 tmpfs \"$1\"";

/// Writes until there is no byte left.
fn fill(path: &Path) {
    let mut file = File::create(path).expect("a file on the small disk");
    for size in [1 << 16, 1 << 12, 1] {
        let piece = vec![b'x'; size];
        while file.write_all(&piece).is_ok() {}
    }
}

/// Asks about new triplets, until one passes because the database cannot be
/// written. Returns those that were deferred, which must not be lost.
fn ask_about(daemon: &Daemon, name: &str, triplets: usize) -> Vec<Attempt> {
    let mut client = daemon.client();
    let mut acknowledged = Vec::new();
    for number in 0..triplets {
        let recipient = format!("{name}{number}@example.org");
        let attempt = Attempt::to(&recipient);
        let reply = client.ask(&attempt.clone().at(0));
        if reply == "DUNNO" {
            break;
        }
        assert!(reply.starts_with("DEFER_IF_PERMIT "), "{reply}");
        acknowledged.push(attempt);
    }
    acknowledged
}

fn assert_remembered(daemon: &Daemon, acknowledged: &[Attempt]) {
    let mut client = daemon.client();
    for attempt in acknowledged {
        let reply = client.ask(&attempt.clone().at(300));
        assert!(reply.starts_with("PREPEND X-Greylist: delayed 300 seconds "), "{reply}");
    }
}

/// The log lines about a database that fails and recovers, without those about records
/// that wait in the journal.
fn story(log: &[String]) -> Vec<String> {
    let is_part = |line: &&String| {
        line.contains("mail is accepted without greylisting") || line.contains("works again")
    };
    log.iter().filter(is_part).cloned().collect()
}

/// The log lines about records that LMDB does not take.
fn kept(log: &[String]) -> Vec<String> {
    let is_part = |line: &&String| line.contains("kept in the journal");
    log.iter().filter(is_part).cloned().collect()
}

/// Fills the journal, so that LMDB would have to take what it holds.
fn fill_journal(daemon: &Daemon) {
    let heard = ask_at_length(daemon, 12_000);
    assert!(heard.contains_key("DEFER_IF_PERMIT"), "{heard:?}");
    assert!(heard.contains_key("DUNNO"), "{heard:?}");
}

/// Asserts that a server with a failing database accepts mail promptly, and logs one
/// line that says `why`. On a full disk it may find a page and defer a mail.
fn assert_mail_flows(daemon: &Daemon, why: &str) {
    let watch = Watch::begin(daemon);
    watch.let_ask(200);
    let heard = watch.finish(SPARE_MEMORY);
    assert!(heard["DUNNO"] >= 200 / 2, "{heard:?}");
    let story = story(&daemon.log());
    assert!(story[0].contains(why), "{story:?}");
    assert!(story[0].contains("mail is accepted without greylisting"), "{story:?}");
    assert!(!story[1..].iter().any(|line| line.contains("can't")), "{story:?}");
}

/// Waits until new triplets are deferred again, and the log says so.
fn assert_recovers(daemon: &Daemon) {
    let mut client = daemon.client();
    let attempt = Attempt::to("after@example.org");
    wait_until("the database to be written again", || {
        client.ask(&attempt.clone().at(0)).starts_with("DEFER_IF_PERMIT ")
    });
    let last = wait_for("a line about it", || story(&daemon.log()).get(1).cloned());
    assert_eq!(last, "the database works again; greylisting resumed");
}

/// A copy without the entries of the journal would be taken for a whole one.
fn assert_copies_are_refused(site: &Site) {
    let missing = "lacks the latest entries, which the daemon has in its journal: ";
    let [nsenter, mount] = site.namespace.words();
    let dbdir = format!("--dbdir={}", site.dbdir.display());
    let tool = |line: &str| {
        let program = Program::Ours.path();
        run(Command::new(&nsenter).arg(&mount).arg(program).args(line.split(' ')).arg(&dbdir))
    };
    for copy in ["export", "backup -"] {
        tool(copy).refusal(3, missing);
    }
    let stats = tool("stats");
    assert!(stats.status == Some(0) && stats.err.contains(missing), "{stats:?}");
}

#[test]
fn mail_flows_on_a_full_disk_and_acknowledged_records_stay() {
    let Some(site) = Site::start(SMALL_DISK) else { return };
    let mut acknowledged = ask_about(&site.daemon, "before", 100);
    fill(&site.file("filler"));
    // The journal has its place on the disk already.
    acknowledged.extend(ask_about(&site.daemon, "full", 1000));
    assert_eq!(acknowledged.len(), 1100);
    assert_copies_are_refused(&site);
    fill_journal(&site.daemon);
    let kept = kept(&site.daemon.log());
    assert!(matches!(&kept[..], [line] if line.contains("No space left on device")), "{kept:?}");
    assert_mail_flows(&site.daemon, "No space left on device");
    let sick = site.health();
    assert!(sick.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{sick}");
    assert!(sick.contains("No space left on device"), "{sick}");
    fs::remove_file(site.file("filler")).expect("the filler");
    assert_recovers(&site.daemon);
    assert!(site.health().starts_with("HTTP/1.1 200 OK\r\n"), "{}", site.health());
    assert_remembered(&site.restart().daemon, &acknowledged);
}

#[test]
fn a_commit_that_is_written_in_part_is_reported_as_a_full_disk() {
    let Some(site) = Site::start(SMALL_DISK) else { return };
    let acknowledged = ask_about(&site.daemon, "before", 10);
    let filler = site.file("filler");
    fill(&filler);
    let size = fs::metadata(&filler).expect("the filler").len();
    let filler = File::options().write(true).open(filler).expect("the filler");
    filler.set_len(size - 4096).expect("a page less");
    fill_journal(&site.daemon);
    assert_mail_flows(&site.daemon, "No space left on device");
    drop(filler);
    fs::remove_file(site.file("filler")).expect("the filler");
    assert_remembered(&site.restart().daemon, &acknowledged);
}

#[test]
fn a_restart_on_a_full_disk_keeps_acknowledged_records() {
    let Some(site) = Site::start(SMALL_DISK) else { return };
    let acknowledged = ask_about(&site.daemon, "before", 100);
    fill(&site.file("filler"));
    let site = site.restart();
    site.daemon.client().assert_deferred(&acknowledged[0].clone().at(1));
    fs::remove_file(site.file("filler")).expect("the filler");
    assert_remembered(&site.daemon, &acknowledged);
}

#[test]
fn a_first_start_on_a_full_disk_is_an_error() {
    let builder = Daemon::builder(Program::Ours);
    let dbdir = builder.scratch().subdirectory("db");
    let Some(namespace) = Namespace::new(SMALL_DISK, &[&dbdir]) else { return };
    fill(&namespace.path(&dbdir.join("filler")));
    let stopped = builder.within(namespace.words()).fail_to_start();
    assert_eq!(stopped.status.code(), Some(255), "{stopped:?}");
    let last = stopped.log.last().expect("a reason");
    assert!(last.starts_with("ERROR: can't open database "), "{last}");
    assert!(last.ends_with(": No space left on device"), "{last}");
}

#[test]
fn a_write_that_fails_does_not_poison_the_database() {
    let table = [
        ("write", Errno::EROFS, "Read-only file system"),
        ("write", Errno::EDQUOT, "Quota exceeded"),
        ("write-meta", Errno::EIO, "I/O error"),
        ("sync", Errno::EIO, "I/O error"),
    ];
    for (fault, error, why) in table {
        let (builder, faults) = Faults::of(Daemon::builder(Program::Ours));
        let daemon = builder.start();
        let acknowledged = ask_about(&daemon, "before", 10);
        faults.begin(fault, error as i64);
        assert_mail_flows(&daemon, why);
        faults.end(fault);
        assert_recovers(&daemon);
        assert_remembered(&daemon, &acknowledged);
    }
}

#[test]
fn a_directory_that_turns_read_only_changes_nothing() {
    testkit::needs!(testkit::root_for("files of other users"));
    let daemon = Daemon::builder(Program::Ours).start();
    let dbdir = daemon.dbdir();
    chown(&dbdir, Some(0), Some(0)).expect("root");
    let mut acknowledged = ask_about(&daemon, "before", 10);
    fs::set_permissions(&dbdir, Permissions::from_mode(0o555)).expect("chmod");
    acknowledged.extend(ask_about(&daemon, "after", 1000));
    assert_eq!(acknowledged.len(), 1010);
    assert_remembered(&daemon, &acknowledged);
}

/// Asks about new triplets with the longest keys.
fn ask_at_length(daemon: &Daemon, triplets: usize) -> BTreeMap<String, usize> {
    let mut client = daemon.client();
    let mut heard = BTreeMap::new();
    let (mut asked, mut replies) = (0, 0);
    while replies < triplets {
        while asked < triplets && asked < replies + 100 {
            let sender = format!("{asked}{}@sender.test", "s".repeat(480));
            let recipient = format!("{asked}{}@example.org", "r".repeat(480));
            client.send(&Attempt::new("192.0.2.1", "a.test", &sender, &recipient).at(0).bytes());
            asked += 1;
        }
        let reply = client.reply().expect("a reply");
        let word = reply.split(' ').next().expect("a word").to_string();
        *heard.entry(word).or_default() += 1;
        replies += 1;
    }
    heard
}

#[test]
fn mail_is_accepted_while_the_map_cannot_grow() {
    require("/usr/bin/setpriv", "util-linux");
    let Some(site) = Site::start("mount -t tmpfs -o size=512m,mode=0777 tmpfs \"$1\"") else {
        return;
    };
    let daemon = &site.daemon;
    let acknowledged = ask_about(daemon, "before", 10);
    limit_address_space(
        daemon,
        &(1024 * (process::number(daemon.pid(), "VmSize").expect("a size") + 65_536)).to_string(),
    );
    let heard = ask_at_length(daemon, 40_000);
    assert!(heard.contains_key("DUNNO"), "the map was large enough: {heard:?}");
    assert_mail_flows(daemon, "LimitAS");
    limit_address_space(daemon, "unlimited");
    assert_recovers(daemon);
    assert_remembered(daemon, &acknowledged);
}

/// Not even root may do this to another user's process everywhere; its own user
/// may, as long as the hard limit stays.
fn limit_address_space(daemon: &Daemon, bytes: &str) {
    let mut command = Command::new("/usr/bin/setpriv");
    let number = |name| process::number(daemon.pid(), name).expect("a number");
    let (user, group) = (number("Uid"), number("Gid"));
    command
        .args([format!("--reuid={user}"), format!("--regid={group}")])
        .args(["--clear-groups", "prlimit"])
        .args([format!("--pid={}", daemon.pid()), format!("--as={bytes}:unlimited")]);
    assert!(command.status().expect("setpriv").success(), "{command:?}");
}

#[test]
fn a_retried_request_gets_the_header_that_a_failing_disk_prevented() {
    let (builder, faults) = Faults::of(Daemon::builder(Program::Ours));
    let daemon = builder.start();
    let mut client = daemon.client();
    let attempt = |recipient: &str| {
        Attempt::new("192.0.2.1", "mx.a.test", "alice@a.test", recipient).with("instance", "m1")
    };
    let bob = attempt("bob@example.org");
    client.assert_deferred(&bob.clone().at(0));
    faults.begin("write", Errno::EIO as i64);
    assert_eq!(client.ask(&bob.clone().at(300)), "DUNNO", "on a disk that fails");
    faults.end("write");
    wait_until("the database to be written again", || {
        let other = attempt("carol@example.org").at(0);
        client.ask(&other).starts_with("DEFER_IF_PERMIT ")
    });
    let reply = client.ask(&bob.at(300));
    assert!(reply.starts_with("PREPEND X-Greylist: delayed 300 seconds "), "{reply}");
}
