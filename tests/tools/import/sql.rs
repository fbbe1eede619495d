//! Dumps of sqlgrey's and iRedAPD's tables.

use crate::import::by_hand::import;
use crate::import::exported;
use postgrey::greylist::{LookupBy, Policy};
use postgrey::state::Metadata;
use postgrey::state::import::Source;
use postgrey::state::local::Store;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use testkit::mutation::mutate;
use testkit::random::{self, Random};
use testkit::{Attempt, Daemon, Program, Scratch, require, start_of_time};

/// sqlgrey's tables as it makes them on SQLite, and rows of all kinds.
const SQLGREY: &str = "
CREATE TABLE connect (sender_name varchar(64) NOT NULL, sender_domain varchar(255) NOT NULL,
  src varchar(39) NOT NULL, rcpt varchar(255) NOT NULL, first_seen timestamp NOT NULL);
CREATE TABLE from_awl (sender_name varchar(64) NOT NULL, sender_domain varchar(255) NOT NULL,
  src varchar(39) NOT NULL, first_seen timestamp NOT NULL, last_seen timestamp NOT NULL,
  PRIMARY KEY (src, sender_domain, sender_name));
CREATE TABLE domain_awl (sender_domain varchar(255) NOT NULL, src varchar(39) NOT NULL,
  first_seen timestamp NOT NULL, last_seen timestamp NOT NULL, PRIMARY KEY (src, sender_domain));
INSERT INTO connect VALUES ('o''brien', 'sender.test', '192.0.2', 'bob@example.org', 1700000000);
INSERT INTO connect VALUES ('list-42-bounces', 'sender.test', '198.51.100.7', 'bob@example.org',
  1700000100);
INSERT INTO connect VALUES ('-undef-', '-undef-', '2001:0db8:0000:0001', 'bob@example.org',
  1700000200);
INSERT INTO connect VALUES ('root', '-undef-', '2001:0db8:0000:0001:0000:0000:0000:0001',
  'bob@example.org', 1700000300);
INSERT INTO connect VALUES ('a', 'sender.test', 'elsewhere', 'bob@example.org', 1700000400);
INSERT INTO connect VALUES ('a', 'sender.test', '192.0.2.1', 'bob@example.org', 'today');
INSERT INTO from_awl VALUES ('a', 'sender.test', '192.0.2.1', 1600000000, 1700000000);
INSERT INTO domain_awl VALUES ('sender.test', '192.0.2', 1600000000, 1700000000);
INSERT INTO domain_awl VALUES ('other.test', '192.0.2', 1600000000, 1700000000);
";

/// What `sqlite3 FILE .dump` prints of a database that was made so.
fn dumped(scratch: &Scratch, schema: &str) -> String {
    require("/usr/bin/sqlite3", "sqlite3");
    let file = scratch.path().join("sqlite.db");
    let sqlite = |word: &str| {
        let output = Command::new("sqlite3").arg(&file).arg(word).stdin(Stdio::null()).output();
        let output = output.expect("sqlite3");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    sqlite(schema);
    sqlite(".dump")
}

#[test]
fn first_attempts_that_sqlgrey_saw_count() {
    let scratch = Scratch::new();
    let dump = dumped(&scratch, SQLGREY);
    let (status, text) = import(&scratch, &["--from=-"], &dump);
    assert_eq!(status, Some(0), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    let line = |row: &str| 1 + dump.lines().position(|line| line.contains(row)).expect("the row");
    assert_eq!(
        lines[0],
        format!(
            "imported 4 triplets and 0 clients from standard input; 5 rows were not taken: \
             \"connect on line {}\" has no src that makes sense, \"connect on line {}\" has no \
             first_seen that makes sense, …",
            line("elsewhere"),
            line("today")
        )
    );
    assert!(lines[1].starts_with("3 of the rows that were not taken are of sqlgrey's"), "{text}");
    assert!(lines[2].starts_with("no daemon has run here yet"), "{text}");
    assert_eq!(
        exported(&scratch, "--triplets"),
        " 192.0.2.0/o'brien@sender.test/bob@example.org\n 1700000000,1700000000\n \
         198.51.100.0/list-#-bounces@sender.test/bob@example.org\n 1700000100,1700000100\n \
         2001:db8:0:1:0:0:0:0//bob@example.org\n 1700000200,1700000200\n \
         2001:db8:0:1:0:0:0:0/root/bob@example.org\n 1700000300,1700000300\n"
    );
    let (status, text) = import(&scratch, &["--from=-"], &dump);
    assert_eq!(status, Some(0));
    assert!(text.contains("from standard input; 4 entries were known already; 5 rows"), "{text}");
}

/// What `mysqldump` prints of a table of iRedAPD, with rows that are waiting,
/// that passed, and that passed lately.
const IREDAPD: &str = "-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)
/*!40103 SET TIME_ZONE='+00:00' */;
DROP TABLE IF EXISTS `greylisting_tracking`;
/*!40101 SET character_set_client = utf8 */;
CREATE TABLE `greylisting_tracking` (
  `id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `sender` varchar(255) NOT NULL,
  `recipient` varchar(255) NOT NULL,
  `client_address` varchar(40) NOT NULL,
  `sender_domain` varchar(255) NOT NULL DEFAULT '',
  `rcpt_domain` varchar(255) NOT NULL DEFAULT '',
  `init_time` int(10) unsigned NOT NULL DEFAULT 0,
  `block_expired` int(10) unsigned NOT NULL DEFAULT 0,
  `record_expired` int(10) unsigned NOT NULL DEFAULT 0,
  `blocked_count` bigint(20) NOT NULL DEFAULT 0,
  `passed` tinyint(1) NOT NULL DEFAULT 0,
  PRIMARY KEY (`id`),
  UNIQUE KEY `sender` (`sender`,`recipient`,`client_address`)
) ENGINE=InnoDB AUTO_INCREMENT=4 DEFAULT CHARSET=utf8mb4;
LOCK TABLES `greylisting_tracking` WRITE;
INSERT INTO `greylisting_tracking` VALUES (1,'a@sender.test','bob@example.org','192.0.2.1',\
'sender.test','example.org',1700000000,1700000900,1700172800,2,0),\
(2,'it\\'s@sender.test','bob@example.org','192.0.2.1','sender.test','example.org',1690000000,\
1690000900,1702592000,1,1),(3,'','bob@example.org','2001:db8::1','','example.org',1700000000,\
1700000060,1700000000,1,1);
INSERT INTO `greylisting_tracking` VALUES (4,'b@sender.test','bob@example.org',NULL,'','',1,2,3,4,0);
UNLOCK TABLES;
";

#[test]
fn what_passed_by_iredapd_has_passed() {
    let scratch = Scratch::new();
    let (status, text) = import(&scratch, &["--from=-"], IREDAPD);
    assert_eq!(status, Some(0), "{text}");
    let line = "imported 3 triplets and 0 clients from standard input; 1 row was not taken: \
                \"greylisting_tracking on line 22\" has no client_address that makes sense";
    assert_eq!(text.lines().next(), Some(line));
    assert_eq!(
        exported(&scratch, "--triplets"),
        // Waiting; passed 30 days before it would be forgotten; passed, if
        // sooner than this daemon would have let it.
        " 192.0.2.0/a@sender.test/bob@example.org\n 1700000000,1700000000\n \
         192.0.2.0/it's@sender.test/bob@example.org\n 1690000000,1700000000\n \
         2001:db8:0:0:0:0:0:0//bob@example.org\n 1700000000,1700000300\n"
    );
}

/// What `pg_dump` prints of a table of sqlgrey.
fn postgres(first_seen: &str) -> String {
    format!(
        "--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n\
         CREATE TABLE public.connect (\n    sender_name character varying(64) NOT NULL,\n    \
         sender_domain character varying(255) NOT NULL,\n    src character varying(39) NOT NULL,\n    \
         rcpt character varying(255) NOT NULL,\n    \
         first_seen timestamp without time zone NOT NULL\n);\n\
         COPY public.connect (sender_name, sender_domain, src, rcpt, first_seen) FROM stdin;\n\
         alice\tsender.test\t192.0.2.7\tbob@example.org\t{first_seen}\n\
         alice\tsender.test\t192.0.2\tbob@example.org\t{first_seen}\nalice\tbroken\n\\.\n"
    )
}

#[test]
fn keys_are_made_as_the_running_daemon_makes_them() {
    let seconds_ago = |seconds| {
        jiff::Timestamp::from_second(start_of_time() - seconds).expect("a time").to_string()
    };
    for (options, taken) in [
        (&["--lookup-by-host"] as &[&str], 1),
        (&["--ipv4cidr=28"], 1),
        (&["--privacy"], 1),
        (&["--ipv4cidr=16", "--privacy"], 1),
    ] {
        let mut builder = Daemon::builder(Program::Ours);
        for option in options {
            builder = builder.arg(*option);
        }
        let daemon = builder.start();
        let dump = postgres(&seconds_ago(1000).replace('T', " "));
        let (status, text) = import(daemon.scratch(), &["--from=-"], &dump);
        assert_eq!(status, Some(0), "{text}");
        assert!(text.starts_with(&format!("imported {taken} triplet")), "{options:?}: {text}");
        assert!(text.contains("has no src") || text.contains("without a column"), "{text}");
        assert!(!text.contains("no daemon has run"), "{text}");
        let refused = text.contains("is about a /24, whose clients the daemon tells apart");
        assert_eq!(refused, !text.contains("known already"), "{options:?}: {text}");
        let attempt = Attempt::new("192.0.2.7", "a.test", "alice@sender.test", "bob@example.org");
        let reply = daemon.client().ask(&attempt.at(0));
        assert!(reply.starts_with("PREPEND X-Greylist: delayed 1000 seconds"), "{reply}");
        drop(daemon.stop());
    }
}

#[test]
fn what_cannot_be_imported_is_told() {
    let scratch = Scratch::new();
    let (status, text) =
        import(&scratch, &["--from=-"], "-- MySQL dump\nCREATE TABLE `x` (a int);\n");
    assert_eq!(status, Some(1));
    assert!(
        text.ends_with(
            "there are no rows of sqlgrey (connect) or iRedAPD (greylisting_tracking) in it"
        ),
        "{text}"
    );
    let without_names = "INSERT INTO connect VALUES ('a','b.test','192.0.2.1','c@d.test',5);\n";
    let (status, text) = import(&scratch, &["--from=-"], without_names);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("\"connect on line 1\" comes without a column src"), "{text}");
    dumped(&scratch, SQLGREY);
    let file = scratch.path().join("sqlite.db");
    let (status, text) = import(&scratch, &[&format!("--from={}", file.display())], "");
    assert_eq!(status, Some(3));
    assert!(
        text.ends_with("is a database of SQLite; import what \"sqlite3 FILE .dump\" prints"),
        "{text}"
    );
}

/// How many damaged dumps, unless `POSTGREY_RANDOM_CASES` says.
const FILES: usize = 400;

/// How long one may take on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(20);

const WORDS: &[&[u8]] = &[
    b"'",
    b"\\",
    b"`",
    b"\"",
    b"(",
    b"),(",
    b";",
    b"\n",
    b"--",
    b"/*",
    b"*/",
    b"/*!",
    b"NULL",
    b"INSERT INTO connect VALUES (",
    b"COPY connect (src) FROM stdin;\n",
    b"\\.\n",
    b"\\N",
    b"\t",
    b"CREATE TABLE connect (",
    b"99999999999999999999",
    b"-1",
    b"::",
    b"E'",
    b"\0",
    b"\xff",
];

#[test]
#[allow(clippy::print_stderr, reason = "repeats a failure")]
fn no_damage_makes_the_import_of_a_dump_panic_or_hang() {
    let (seed, scratch) = (random::seed(), Scratch::new());
    eprintln!("POSTGREY_SEED={seed}");
    let mut random = Random::of(seed);
    let corpus = [
        format!("PRAGMA foreign_keys=OFF;{SQLGREY}").into_bytes(),
        IREDAPD.as_bytes().to_vec(),
        postgres("2004-08-15 12:00:00").into_bytes(),
    ];
    let policies = [
        Policy::default(),
        Policy { privacy: true, delay: -5, ..Policy::default() },
        Policy { lookup: LookupBy::Host, ..Policy::default() },
    ];
    let mut store = Store::open(scratch.path(), Metadata::default()).expect("a new database");
    let file = scratch.path().join("dump");
    let mut taken = 0;
    for number in 0..random::cases(FILES) {
        fs::write(&file, mutate(&corpus, WORDS, &mut random)).expect("a file");
        let keys = &policies[random.below(policies.len())];
        let begin = Instant::now();
        let source = Source { path: &file, dbdir: scratch.path(), keys };
        // A text that does not look like a dump any more is refused.
        if let Ok(report) = source.import(&mut store, &mut |_, _| {}) {
            taken += report.triplets.new + report.triplets.known;
        }
        assert!(begin.elapsed() < PATIENCE, "dump {number} of POSTGREY_SEED={seed}");
    }
    assert!(taken > 0, "all were damaged beyond use");
}
