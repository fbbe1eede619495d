//! Another greylisting server under the same load: sqlgrey, on SQLite.
//!
//! Two others of Debian's are left out: greylistd, because it speaks a protocol
//! of its own with Exim and is asked once a connection, and postfix-gld, because
//! it needs a MySQL server, whose work would be measured with its own.

use crate::contest::Effort;
use crate::page::Page;
use crate::programme::{USUAL, measured_rows};
use crate::subject::{Field, Kind, Subject};
use crate::table;
use crate::traffic::{KNOWN, NEW, Population, REAL_LIFE, listed, network, sender_domain};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use testkit::{Attempt, Client, Listener, Scratch, free_port};

const TIMEOUT: Duration = Duration::from_secs(20);

pub fn is_installed() -> bool {
    Path::new("/usr/sbin/sqlgrey").exists()
}

/// Measures it beside the original and ours.
pub fn run(page: &mut Page) {
    page.heading("A peer: sqlgrey 1.8 on SQLite");
    page.line(
        "The same load, on TCP, with its method `classc`. Known mail is of domains that it has \
         whitelisted for a network, which is how it knows most mail; other known mail it looks up \
         in a second table. It waits for the disk three or four times a request (see the column \
         of syncs), before the answer, so that its answers are as durable as the others'. \
         greylistd and postfix-gld are left out: the one speaks another protocol, the other needs \
         a MySQL server.\n",
    );
    page.line(table::HEAD);
    let mut subjects =
        Field { population: USUAL, expired: 0, tcp: true }.start(&[Kind::Theirs, Kind::Ours]);
    subjects.push(start(USUAL));
    let effort = Effort { rounds: 3, duration: Duration::from_secs(1) };
    for mix in [REAL_LIFE, KNOWN, NEW] {
        for connections in [1, 50] {
            measured_rows(page, effort, &subjects, USUAL, mix, connections);
        }
    }
}

fn start(population: Population) -> Subject {
    let scratch = Scratch::new();
    let database = scratch.path().join("sqlgrey.db");
    let lists = scratch.subdirectory("lists");
    for entry in fs::read_dir("/etc/sqlgrey").expect("the package sqlgrey").flatten() {
        fs::copy(entry.path(), lists.join(entry.file_name())).expect("a copy of its lists");
    }
    scratch.file("lists/clients_fqdn_whitelist.local", format!("*.{}\n", listed(0)));
    let port = free_port();
    // Nothing that waits when the measurement starts passes before its end.
    let settings = format!(
        "loglevel = 2\nuser = root\ngroup = root\ninet = 127.0.0.1:{port}\npidfile = {}\n\
         conf_dir = {}\nreconnect_delay = 60\nconnect_src_throttle = 0\ndb_type = SQLite\n\
         db_name = {}\nprepend = 0\ngreymethod = classc\n",
        scratch.path().join("pid").display(),
        lists.display(),
        database.display()
    );
    let settings = scratch.file("sqlgrey.conf", settings);
    let begin = Instant::now();
    let child = Command::new("sqlgrey")
        .arg(format!("--configfile={}", settings.display()))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sqlgrey (compat/bench --peers installs it)");
    let listener = Listener::Tcp(format!("127.0.0.1:{port}"));
    wait_for_answer(&listener, &child);
    let started_in = begin.elapsed();
    teach(&database, population);
    Subject::other(Kind::Sqlgrey, started_in, child, listener, scratch)
}

fn wait_for_answer(listener: &Listener, child: &Child) {
    let begin = Instant::now();
    let attempt =
        Attempt::new("100.64.0.1", &format!("mx1.{}", listed(0)), "a@a.example", "b@example.org");
    let answer = |mut client: Client| client.ask(&attempt);
    loop {
        match listener.connect().map(answer) {
            Ok(answer) => return assert_eq!(answer, "dunno"),
            Err(error) => {
                assert!(begin.elapsed() < TIMEOUT, "process {}: {error}", child.id());
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

/// Tells it of the mail that is known: by the sender's domain and the client's
/// network.
fn teach(database: &Path, population: Population) {
    let mut statements = "BEGIN;\n".to_string();
    for number in 0..population.known as u64 {
        let [a, b] = network(number);
        let _ = writeln!(
            statements,
            "INSERT OR IGNORE INTO domain_awl VALUES ('{}', '100.{a}.{b}', datetime('now'), \
             datetime('now'));",
            sender_domain(number)
        );
    }
    statements.push_str("COMMIT;\n");
    let mut sqlite = Command::new("sqlite3")
        .arg(database)
        .stdin(Stdio::piped())
        .spawn()
        .expect("sqlite3 (compat/check installs it)");
    let mut input = sqlite.stdin.take().expect("a pipe");
    input.write_all(statements.as_bytes()).expect("a reader");
    drop(input);
    assert!(sqlite.wait().expect("a child").success(), "sqlite3 failed");
}
