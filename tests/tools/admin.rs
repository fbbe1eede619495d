//! The administration commands, with a running daemon and without one.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use testkit::random;
use testkit::{Attempt, Daemon, Program, Stopped, start_of_time};

#[derive(Debug)]
struct Done {
    status: i32,
    out: String,
    err: String,
}

fn run(directory: &Path, words: &str) -> Done {
    let words: Vec<&str> = words.split(' ').map(|word| word.trim_matches('\'')).collect();
    let Output { status, stdout, stderr } = Command::new(Program::Ours.path())
        .args(&words)
        .arg(format!("--dbdir={}", directory.display()))
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .output()
        .expect("our binary");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Done { status: status.code().expect("no signal"), out: text(stdout), err: text(stderr) }
}

fn output(directory: &Path, words: &str) -> String {
    let Done { status, out, err } = run(directory, words);
    assert_eq!((status, err.as_str()), (0, ""), "{words}: {out}");
    out
}

/// The number of entries that a command has changed, as it says it.
fn summary(directory: &Path, words: &str) -> String {
    let out = output(directory, words);
    let lines =
        out.lines().filter(|line| line.starts_with("allowed ") || line.starts_with("forgot "));
    lines.map(|line| format!("{line}\n")).collect()
}

fn assert_nothing(directory: &Path, words: &str) {
    let Done { status, out, err } = run(directory, words);
    assert_eq!((status, err.as_str()), (1, "postgrey: nothing matched\n"), "{words}: {out}");
}

fn assert_refused(directory: &Path, words: &str, status: i32, sentence: &str) {
    let done = run(directory, words);
    assert_eq!(done.status, status, "{words}: {done:?}");
    assert!(done.err.contains(sentence), "{words}: {done:?}");
    assert_eq!(done.out, "", "{words}");
}

fn attempt(client: &str, sender: &str, recipient: &str) -> Attempt {
    Attempt::new(client, "mx.test", sender, recipient)
}

/// A daemon that knows four triplets of three networks and has let one of them
/// pass; it waits ten minutes, so that nothing passes by itself meanwhile.
fn daemon() -> Daemon {
    started(Daemon::builder(Program::Ours).arg("--delay=600"))
}

fn started(builder: testkit::Builder) -> Daemon {
    let daemon = builder.start();
    let mut client = daemon.client();
    for (address, sender, recipient, ago) in [
        ("192.0.2.1", "alice@sender.test", "bob@example.org", 100),
        ("192.0.2.2", "", "carol@example.org", 50),
        ("198.51.100.7", "news42@lists.sender.test", "bob@example.org", 1000),
        ("2001:db8::1", "dave@other.test", "bob@example.net", 10),
    ] {
        client.ask(&attempt(address, sender, recipient).at(-ago));
    }
    let old = attempt("198.51.100.7", "news42@lists.sender.test", "bob@example.org");
    assert!(client.ask(&old.at(-300)).starts_with("PREPEND "));
    daemon
}

fn directory(daemon: &Daemon) -> PathBuf {
    daemon.scratch().path().join("db")
}

/// Does the same beside a running daemon and, later, without it.
fn with_and_without_a_daemon(test: impl Fn(&Path)) {
    let daemon = daemon();
    test(&directory(&daemon));
    let Stopped { scratch, .. } = daemon.stop();
    test(&scratch.path().join("db"));
}

fn keys(list: &str) -> Vec<&str> {
    let keys = list.lines().map(|line| line.split("\"key\":\"").nth(1).expect("a key"));
    keys.map(|key| key.strip_suffix("\"}").expect("the last field")).collect()
}

const ALICE: &str = "192.0.2.0/alice@sender.test/bob@example.org";
const BOUNCE: &str = "192.0.2.0//carol@example.org";
const NEWS: &str = "198.51.100.0/news42@lists.sender.test/bob@example.org";
const DAVE: &str = "2001:db8:0:0:0:0:0:0/dave@other.test/bob@example.net";

#[test]
fn a_list_can_be_filtered_sorted_and_limited() {
    with_and_without_a_daemon(|directory| {
        for (words, expected) in [
            ("", &[BOUNCE, ALICE, NEWS, DAVE] as &[&str]),
            ("--client=192.0.2.77", &[BOUNCE, ALICE]),
            ("--network=192.0.0.0/8", &[BOUNCE, ALICE]),
            ("--network=2001:db8::/32", &[DAVE]),
            ("--sender=sender.test", &[ALICE, NEWS]),
            ("--sender=alice@sender.test", &[ALICE]),
            ("--sender=<>", &[BOUNCE]),
            ("--recipient=BOB@example.org", &[ALICE, NEWS]),
            ("--state=waiting", &[BOUNCE, ALICE, DAVE]),
            ("--state=passed", &[NEWS]),
            ("--state=waiting --sender=sender.test", &[ALICE]),
            ("--limit=2", &[BOUNCE, ALICE]),
            ("--sort=last", &[NEWS, ALICE, BOUNCE, DAVE]),
            ("--sort=last --reverse --limit=2", &[DAVE, BOUNCE]),
            ("--sort=first --limit=1", &[NEWS]),
            ("--reverse", &[DAVE, NEWS, ALICE, BOUNCE]),
        ] {
            let list = output(directory, format!("list --json {words}").trim_end());
            assert_eq!(keys(&list), expected, "{words}");
        }
        assert_nothing(directory, "list --state=expired");
        assert_nothing(directory, "list --client=203.0.113.1");
        assert_nothing(directory, "list --limit=0");
    });
}

#[test]
fn a_list_is_a_table_for_people() {
    with_and_without_a_daemon(|directory| {
        let list = output(directory, "list");
        let lines: Vec<&str> = list.lines().collect();
        assert_eq!(lines.len(), 5, "{list}");
        assert!(lines[0].starts_with("STATE    FIRST SEEN           LAST SEEN            CLIENT"));
        assert!(lines[1].starts_with("waiting  20"), "{list}");
        assert!(lines[1].ends_with("  192.0.2.0/24        <>  carol@example.org"), "{list}");
        assert!(lines[3].starts_with("passed   20"), "{list}");
        let clients = output(directory, "list --clients");
        assert!(clients.lines().nth(1).unwrap().starts_with("waiting        1  20"), "{clients}");
        assert!(clients.ends_with("  198.51.100.7\n"), "{clients}");
    });
}

#[test]
fn a_triplet_is_shown_with_what_happens_to_it_next() {
    with_and_without_a_daemon(|directory| {
        let shown = output(directory, "show 192.0.2.9 alice@sender.test bob@example.org");
        for part in [
            "Client      192.0.2.9, of the network 192.0.2.0/24\n",
            "Sender      alice@sender.test\n",
            "State       waiting\n",
            "Next        An attempt before 20",
            "is deferred.",
            "starts again.",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(shown.lines().all(|line| line.len() <= 80), "{shown}");
        let shown = output(directory, "show 192.0.2.9 '' carol@example.org");
        assert!(shown.contains("Sender      <>\n"), "{shown}");
        let shown = output(directory, "show 198.51.100.1 news42@lists.sender.test bob@example.org");
        assert!(shown.contains("State       passed\n"), "{shown}");
        assert!(shown.contains("Next        Attempts pass."), "{shown}");
    });
}

#[test]
fn unknown_entries_are_reported_as_unknown() {
    with_and_without_a_daemon(|directory| {
        let done = run(directory, "show 192.0.2.9 nobody@sender.test bob@example.org");
        assert_eq!(done.status, 1);
        assert!(done.out.contains("State       not known\n"), "{done:?}");
        let words = done.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("it is deferred, and one after 10 min passes."), "{words}");
        assert_eq!(run(directory, "show 203.0.113.1").status, 1);
    });
}

#[test]
fn a_client_is_shown_with_its_count_and_its_network() {
    with_and_without_a_daemon(|directory| {
        let shown = output(directory, "show 198.51.100.7");
        for part in [
            "Passes      1\n",
            "4 more first passes",
            "Triplets    1\n",
            "198.51.100.0/24     news42@lists.sender.test  bob@example.org\n",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let json = output(directory, "show --json 198.51.100.7");
        assert_eq!(keys(&json), ["198.51.100.7", NEWS]);
    });
}

#[test]
fn statistics_count_the_entries_and_what_the_daemon_did() {
    let daemon = daemon();
    let text = output(&directory(&daemon), "stats");
    for part in [
        "Triplets                         4\n",
        "  waiting                        3\n",
        "  passed                         1\n",
        "                                 2  192.0.2.0/24\n",
        "  new                            4\n",
        "  first-pass                     1\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.lines().all(|line| line.len() <= 80 || line.starts_with('/')), "{text}");
    let json = output(&directory(&daemon), "stats --json");
    assert!(json.contains("\"triplets\":4,\"triplets_waiting\":3,"), "{json}");
    assert!(json.contains(&format!("\"pid\":{},", daemon.pid())), "{json}");

    let Stopped { scratch, .. } = daemon.stop();
    let text = output(&scratch.path().join("db"), "stats");
    assert!(text.contains("Triplets                         4\n"), "{text}");
    assert!(text.contains("No running daemon found"), "{text}");
}

#[test]
fn a_forgotten_triplet_counts_as_new() {
    let daemon = daemon();
    let directory = directory(&daemon);
    let mut client = daemon.client();
    let news = attempt("198.51.100.7", "news42@lists.sender.test", "bob@example.org");
    assert_eq!(client.ask(&news.clone().at(0)), "DUNNO");
    let words = "forget 198.51.100.7 news42@lists.sender.test bob@example.org";
    assert_eq!(summary(&directory, words), "forgot 1 entry\n");
    assert_nothing(&directory, words);
    assert!(client.ask(&news.at(0)).starts_with("DEFER_IF_PERMIT "));
}

#[test]
fn an_allowed_triplet_passes_at_once() {
    let daemon = daemon();
    let directory = directory(&daemon);
    let mut client = daemon.client();
    for (words, sender) in [
        ("allow 192.0.2.1 alice@sender.test bob@example.org", "alice@sender.test"),
        ("allow 192.0.2.1 unknown@sender.test bob@example.org", "unknown@sender.test"),
    ] {
        assert_eq!(summary(&directory, words), "allowed 1 entry\n");
        let attempt = attempt("192.0.2.1", sender, "bob@example.org");
        assert_eq!(client.ask(&attempt.at(10_000)), "DUNNO", "{words}");
    }
}

#[test]
fn a_client_that_is_allowed_is_on_the_auto_whitelist_until_it_is_forgotten() {
    let daemon = daemon();
    let directory = directory(&daemon);
    let mut client = daemon.client();
    let fresh = |number| attempt("192.0.2.1", "fresh@sender.test", &format!("{number}@x.test"));
    assert_eq!(summary(&directory, "allow 192.0.2.1"), "allowed 1 entry\n");
    assert_eq!(client.ask(&fresh(1).at(5)), "DUNNO");
    // Its count, and the two triplets of its network.
    assert_eq!(summary(&directory, "forget 192.0.2.1"), "forgot 3 entries\n");
    assert!(client.ask(&fresh(2).at(5)).starts_with("DEFER_IF_PERMIT "));
}

#[test]
fn all_of_a_sender_s_domain_can_be_allowed_and_forgotten() {
    with_and_without_a_daemon(|directory| {
        output(directory, "allow 192.0.2.1 eve@sender.test bob@example.org");
        let waiting = output(directory, "list --json --sender=sender.test");
        let was_allowed = waiting.contains("waiting");
        if was_allowed {
            let words = "allow --sender-domain=Sender.test";
            assert_eq!(summary(directory, words), "allowed 1 entry\n");
        }
        assert_nothing(directory, "list --sender=sender.test --state=waiting");
        let words = "forget --sender-domain=lists.sender.test";
        assert_eq!(run(directory, words).status, i32::from(!was_allowed));
        let eve = "forget 192.0.2.1 eve@sender.test bob@example.org";
        assert_eq!(summary(directory, eve), "forgot 1 entry\n");
        let list = output(directory, "list --json");
        assert_eq!(keys(&list), [BOUNCE, ALICE, DAVE]);
    });
}

#[test]
fn a_change_without_a_daemon_is_there_at_its_next_start() {
    let Stopped { scratch, .. } = daemon().stop();
    let directory = scratch.path().join("db");
    let words = "allow 192.0.2.1 alice@sender.test bob@example.org";
    assert_eq!(summary(&directory, words), "allowed 1 entry\n");
    assert_eq!(summary(&directory, "forget 198.51.100.7"), "forgot 2 entries\n");
    let list = output(&directory, "list --json --state=passed");
    assert_eq!(keys(&list), [ALICE]);
}

#[test]
fn changes_are_seen_though_rows_wait_for_the_disk() {
    let daemon = started(Daemon::builder(Program::Ours).arg("--delay=600").arg("--sync=3600"));
    let directory = directory(&daemon);
    assert_eq!(keys(&output(&directory, "list --json")).len(), 4);
    assert_eq!(summary(&directory, "forget --sender-domain=other.test"), "forgot 1 entry\n");
    let dave = attempt("2001:db8::1", "dave@other.test", "bob@example.net");
    let mut client = daemon.client();
    assert!(client.ask(&dave.clone().at(0)).starts_with("DEFER_IF_PERMIT "));
    let words = "forget 2001:db8::1 dave@other.test bob@example.net";
    assert_eq!(summary(&directory, words), "forgot 1 entry\n");
    assert_eq!(keys(&output(&directory, "list --json")), [BOUNCE, ALICE, NEWS]);
}

#[test]
fn hashed_keys_are_found_by_their_triplet_but_not_by_their_parts() {
    let daemon = started(Daemon::builder(Program::Ours).arg("--delay=600").arg("--privacy"));
    let directory = directory(&daemon);
    let shown = output(&directory, "show 192.0.2.1 alice@sender.test bob@example.org");
    assert!(shown.contains("State       waiting\n"), "{shown}");
    let words = "allow 192.0.2.1 alice@sender.test bob@example.org";
    assert_eq!(summary(&directory, words), "allowed 1 entry\n");
    assert_eq!(output(&directory, "list --json --state=passed").lines().count(), 2);
    assert_eq!(
        output(&directory, "list --json --clients --client=198.51.100.7").lines().count(),
        1
    );
    for words in ["list --client=192.0.2.1", "forget --sender-domain=sender.test"] {
        assert_refused(&directory, words, 2, "are hashes (--privacy)");
    }
}

#[test]
fn a_client_cannot_be_put_on_an_auto_whitelist_that_is_off() {
    let builder = Daemon::builder(Program::Ours).arg("--auto-whitelist-clients=0");
    let daemon = builder.start();
    assert_refused(&directory(&daemon), "allow 192.0.2.1", 2, "without an auto-whitelist");
}

#[test]
fn a_backup_opens_as_it_is() {
    with_and_without_a_daemon(|directory| {
        let elsewhere = testkit::Scratch::new();
        let target = elsewhere.path().join("postgrey.mdb");
        assert_eq!(output(directory, &format!("backup {}", target.display())), "");
        let mode = fs::metadata(&target).expect("a copy").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let both = [directory, elsewhere.path()];
        let [original, copy] = both.map(|directory| output(directory, "export"));
        assert_eq!(original, copy);
        assert!(output(elsewhere.path(), "check --database").contains("is sound: 5 entries"));
        // A second one takes the place of the first.
        assert_eq!(output(directory, &format!("backup {}", target.display())), "");
        let words = format!("backup {}", directory.join("postgrey.mdb").display());
        assert_refused(directory, &words, 2, "is the database itself");
    });
}

#[test]
fn a_daemon_serves_from_a_backup() {
    let daemon = daemon();
    let backup = daemon.scratch().path().join("copy");
    output(&directory(&daemon), &format!("backup {}", backup.display()));
    let stopped = daemon.stop();
    let database = stopped.scratch.path().join("db/postgrey.mdb");
    fs::remove_file(database.with_extension("mdb-lock")).expect("a lock file");
    fs::rename(backup, &database).expect("a copy");
    let daemon = stopped.again(Program::Ours).arg("--delay=600").start();
    let news = attempt("198.51.100.7", "news42@lists.sender.test", "bob@example.org");
    assert_eq!(daemon.client().ask(&news.at(0)), "DUNNO");
}

#[test]
fn a_check_finds_a_sound_database_sound() {
    with_and_without_a_daemon(|directory| {
        let text = output(directory, "check --database");
        assert!(text.ends_with("postgrey.mdb is sound: 5 entries\n"), "{text}");
    });
}

#[test]
fn a_check_finds_damage_of_each_kind() {
    let Stopped { scratch, .. } = daemon().stop();
    let directory = scratch.path().join("db");
    let file = directory.join("postgrey.mdb");
    let sound = fs::read(&file).expect("a database");
    let rows: Vec<usize> = memchr::memmem::find_iter(&sound, b"alice@sender.test").collect();
    let row = *rows.last().expect("a row");
    let page = row / 4096 * 4096;
    for (what, range, byte) in [
        ("a key that is out of order", row - 10..row - 9, b'z'),
        ("a row that is none", row + 34..row + 38, b'x'),
        ("a page of nothing", page..page + 4096, 0),
        ("a page of garbage", page..page + 4096, 0xa5),
        ("a page with another number", page..page + 1, 0xff),
    ] {
        let mut damaged = sound.clone();
        // All versions of the page, the current one among them.
        for other in &rows {
            let shift = |at: usize| other / 4096 * 4096 + at % 4096;
            let (start, end) = (shift(range.start), shift(range.start) + range.len());
            damaged[start..end].fill(byte);
        }
        fs::write(&file, &damaged).expect("a damaged database");
        let done = run(&directory, "check --database");
        assert_eq!(done.status, 3, "{what}: {done:?}");
        assert!(done.err.starts_with("postgrey: "), "{what}: {done:?}");
        assert!(done.err.contains("postgrey.mdb"), "{what}: {done:?}");
    }
    fs::write(&file, &sound[..sound.len() / 2]).expect("half a database");
    assert_refused(&directory, "check --database", 3, "is cut off");
    fs::write(&file, &sound).expect("the database");
    assert!(output(&directory, "check --database").contains("is sound"));
}

#[test]
#[allow(clippy::print_stderr, reason = "the seed repeats what failed")]
fn a_check_of_a_randomly_damaged_database_comes_to_an_end() {
    let Stopped { scratch, .. } = daemon().stop();
    let directory = scratch.path().join("db");
    let file = directory.join("postgrey.mdb");
    let sound = fs::read(&file).expect("a database");
    let seed = random::seed();
    eprintln!("POSTGREY_SEED={seed}");
    let mut random = random::Random::of(seed);
    for _ in 0..random::cases(200) {
        let mut damaged = sound.clone();
        for _ in 0..=random.below(4) {
            let page = random.below(sound.len() / 4096) * 4096;
            // Where pages say most of themselves.
            let at = if random.one_in(2) { random.below(160) } else { random.below(4096) };
            damaged[page + at] = u8::try_from(random.below(256)).expect("a byte");
        }
        fs::write(&file, &damaged).expect("a damaged database");
        let done = run_briefly(&directory, "check --database");
        let is_told = done.status == 3 && done.err.starts_with("postgrey: ");
        assert!(done.status == 0 || is_told, "{done:?}");
    }
}

/// Like [`run`], for a command that might not come to an end.
fn run_briefly(directory: &Path, words: &str) -> Done {
    let output = Command::new("timeout")
        .arg("20")
        .arg(Program::Ours.path())
        .args(words.split(' '))
        .arg(format!("--dbdir={}", directory.display()))
        .stdin(Stdio::null())
        .output()
        .expect("timeout, of coreutils");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let status = output.status.code().expect("no signal");
    Done { status, out: text(&output.stdout), err: text(&output.stderr) }
}

#[test]
fn without_a_database_no_command_makes_one() {
    let scratch = testkit::Scratch::new();
    let directory = scratch.subdirectory("db");
    for words in [
        "list",
        "stats",
        "show 192.0.2.1",
        "forget 192.0.2.1",
        "allow 192.0.2.1",
        "check --database",
        "backup copy",
        "export",
    ] {
        assert_refused(&directory, words, 3, "No such file or directory");
    }
    assert_eq!(fs::read_dir(&directory).expect("a directory").count(), 0);
}

#[test]
fn a_lock_without_a_daemon_that_answers_keeps_tools_out() {
    let daemon = daemon();
    let directory = directory(&daemon);
    fs::remove_file(directory.join("postgrey.control")).expect("a socket");
    for words in ["forget 192.0.2.1", "list", "stats", "export", "backup copy"] {
        assert_refused(&directory, words, 3, "cannot be asked");
    }
}

#[test]
fn a_stalled_list_command_does_not_keep_pages_in_use() {
    if !testkit::program_for("the free pages of a database", "/usr/bin/mdb_stat", "lmdb-utils") {
        return;
    }
    let daemon = daemon();
    let directory = directory(&daemon);
    fill(&directory, 20);
    let mut list = Command::new(Program::Ours.path())
        .arg("list")
        .arg(format!("--dbdir={}", directory.display()))
        .stdout(Stdio::piped())
        .spawn()
        .expect("our binary");
    let mut first = [0; 5];
    list.stdout.as_mut().expect("a pipe").read_exact(&mut first).expect("a heading");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_asleep(list.id()) {
        assert!(Instant::now() < deadline, "it does not fill its pipe");
        std::thread::sleep(Duration::from_millis(5));
    }
    let readers = Command::new("/usr/bin/mdb_stat")
        .args(["-n", "-r"])
        .arg(directory.join("postgrey.mdb"))
        .output()
        .expect("mdb_stat");
    let readers = String::from_utf8_lossy(&readers.stdout).into_owned();
    let pid = list.id().to_string();
    assert!(readers.starts_with("Reader Table Status\n"), "{readers}");
    assert!(readers.split_whitespace().all(|word| word != pid), "{pid}: {readers}");
    list.kill().and_then(|()| list.wait()).expect("an end");
}

fn is_asleep(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S'))
}

fn fill(directory: &Path, batches: usize) {
    let mut stream = UnixStream::connect(directory.join("postgrey.control")).expect("a socket");
    for batch in 0..batches {
        let edit = |number| {
            format!("allow triplets 203.0.113.0/{batch}x{number}@z.test/bob@example.org\n")
        };
        let edits: String = (0..256).map(edit).collect();
        stream.write_all(format!("edit\n{edits}\n").as_bytes()).expect("a daemon that reads");
        let mut reply = [0; 16];
        stream.read_exact(&mut reply).expect("a reply");
        assert_eq!(String::from_utf8_lossy(&reply), "ok\nchanged 256\n\n");
    }
}

#[test]
fn the_socket_is_the_user_s_own_and_goes_with_the_daemon() {
    let daemon = daemon();
    let socket = directory(&daemon).join("postgrey.control");
    let mode = fs::metadata(&socket).expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let Stopped { scratch, .. } = daemon.kill().again(Program::Ours).start().stop();
    assert!(!scratch.path().join("db/postgrey.control").exists());
}

#[test]
fn malformed_or_silent_tools_do_not_affect_the_daemon() {
    let daemon = daemon();
    let directory = directory(&daemon);
    let socket = directory.join("postgrey.control");
    let connect = || UnixStream::connect(&socket).expect("a socket");
    // More than are served at the same time, some in the middle of a request.
    let mut silent: Vec<UnixStream> = (0..20).map(|_| connect()).collect();
    for stream in silent.iter_mut().skip(12) {
        stream.write_all(b"edit\nforget trip").expect("a daemon that reads");
    }
    for nonsense in [b"hello\n\n".as_slice(), b"edit\nforget\n\n", b"\xff\n\n"] {
        let mut stream = connect();
        stream.write_all(nonsense).expect("a daemon that reads");
        let mut reply = [0; 6];
        stream.read_exact(&mut reply).expect("a reply");
        assert_eq!(&reply, b"error ");
    }
    let mut endless = connect();
    let mut reply = Vec::new();
    let sent = endless.write_all(&vec![b'x'; 3 << 20]);
    let read = endless.read_to_end(&mut reply);
    assert!(sent.is_err() || read.is_err() || reply.starts_with(b"error a request of more than"));
    assert_eq!(summary(&directory, "forget 192.0.2.1"), "forgot 2 entries\n");
    assert_eq!(daemon.client().ask(&attempt("192.0.2.1", "a@b.test", "c@d.test").at(0)), DEFERRED);
}

const DEFERRED: &str =
    "DEFER_IF_PERMIT Greylisted, see http://postgrey.schweikert.ch/help/d.test.html";

#[test]
fn rows_of_another_database_are_merged() {
    let daemon = daemon();
    let directory = directory(&daemon);
    let now = start_of_time();
    let later = format!("merge triplets {ALICE} {},{}", now - 900, now);
    let older = format!("merge triplets {DAVE} 2,2");
    let new =
        format!("merge triplets 203.0.113.0/x\\x20y@z.test/bob@example.org {},{now}", now - 5);
    let client = format!("merge clients 198.51.100.7 9,{}", now - 5000);
    let mut stream = UnixStream::connect(directory.join("postgrey.control")).expect("a socket");
    let request = format!("edit\n{later}\n{older}\n{new}\n{client}\n\n");
    stream.write_all(request.as_bytes()).expect("a daemon that reads");
    let mut reply = [0; 14];
    stream.read_exact(&mut reply).expect("a reply");
    assert_eq!(String::from_utf8_lossy(&reply), "ok\nchanged 3\n\n");
    let passed = output(&directory, "list --json --state=passed");
    assert_eq!(keys(&passed), [ALICE, NEWS]);
    let clients = output(&directory, "list --json --clients");
    let row = format!("\"state\":\"passed\",\"count\":9,\"last\":{}", now - 300);
    assert!(clients.contains(&row), "{clients}");
}
