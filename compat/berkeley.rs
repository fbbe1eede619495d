//! Our reader of Berkeley DB files against Berkeley DB itself, on files that its
//! tools and the original daemon wrote: what `db5.3_dump -p` prints is what we
//! must read.
//!
//! Needs root and Debian's packages `postgrey`, `db5.3-util` and
//! `libberkeleydb-perl` (which `postgrey` brings along).

use crate::case::can_compare;
use postgrey::state::berkeley::{BerkeleyFile, Summary, Visit, changes_pending};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use testkit::random::Random;
use testkit::tool::{run, run_with};
use testkit::{Attempt, Daemon, Program, Scratch, program_for};

#[test]
fn files_of_every_page_size_and_byte_order_are_read() {
    if !has_berkeley_db() {
        return;
    }
    let dir = Scratch::new();
    let mut random = Random::of(20_100_321);
    for exponent in 9..=16 {
        for order in [1234, 4321] {
            for checksums in [0, 1] {
                let page = 1 << exponent;
                let file = dir.path().join(format!("{page}-{order}-{checksums}.db"));
                let header = format!("db_pagesize={page}\ndb_lorder={order}\nchksum={checksums}");
                load(&file, &header, &random_rows(&mut random, 400));
                let summary = assert_read_as_dumped(&file);
                assert_eq!(summary.rows, 400, "{}", file.display());
            }
        }
    }
}

#[test]
fn files_with_a_past_of_replaced_and_deleted_rows_are_read() {
    if !has_berkeley_db() || !can_compare() {
        return;
    }
    const PROGRAM: &str = r#"
        use strict; use warnings; use BerkeleyDB;
        my ($file, $seed) = @ARGV;
        srand $seed;
        my $db = BerkeleyDB::Btree->new(
            -Filename => $file, -Flags => DB_CREATE, -Pagesize => 512 << $seed % 4,
        ) or die "$file: $BerkeleyDB::Error\n";
        my @keys;
        for my $round (1 .. 6000) {
            if (@keys and rand() < ($round < 3000 ? 0.2 : 0.6)) {
                $db->db_del(splice @keys, rand @keys, 1);
            }
            else {
                my $key = @keys && rand() < 0.3 ? $keys[rand @keys]
                    : join '', map { chr rand 256 } 1 .. (rand() < 0.02 ? 1500 : 40);
                $db->db_put($key, 'v' x rand(rand() < 0.02 ? 9000 : 60));
                push @keys, $key;
            }
        }
        $db->db_close;
    "#;
    let dir = Scratch::new();
    for seed in 1..=8 {
        let file = dir.path().join(format!("{seed}.db"));
        let mut perl = Command::new("perl");
        run(perl.args(["-e", PROGRAM]).arg(&file).arg(seed.to_string())).success();
        let summary = assert_read_as_dumped(&file);
        assert!(summary.rows > 100, "{}: {summary:?}", file.display());
    }
}

#[test]
fn databases_of_the_original_are_read() {
    if !can_compare() {
        return;
    }
    let slashes_and_bytes: &[u8] = b"o'b/r\xfc\xdf/ch@m\xfcller.example";
    let cases: [(&[&str], Client, &[u8], u32); 6] = [
        (&[], Client::V4, b"alice@example.org", 1),
        (&[], Client::V4, b"alice-42@example.org", 10_000),
        (&["--privacy"], Client::V4, b"alice@example.org", 200),
        (&["--lookup-by-host"], Client::V4, b"alice@example.org", 200),
        (&[], Client::V6, b"", 200),
        (&[], Client::V4, slashes_and_bytes, 200),
    ];
    for (options, client, sender, triplets) in cases {
        let original = Daemon::builder(Program::Theirs).args(options).start();
        teach(&original, client, 0..triplets, sender, 1_700_000_000);
        // Some come again after the delay and put their client on record.
        teach(&original, client, (0..triplets).step_by(10), sender, 1_700_000_400);
        let stopped = original.stop();
        assert!(stopped.status.success(), "{stopped:?}");
        let dbdir = stopped.dbdir();

        let main = assert_read_as_dumped(&dbdir.join("postgrey.db"));
        assert_eq!(main.rows, u64::from(triplets), "{options:?}");
        let clients = assert_read_as_dumped(&dbdir.join("postgrey_clients.db"));
        assert_eq!(clients.rows, u64::from(triplets.div_ceil(10)), "{options:?}");
        let newest = main.newest_change.max(clients.newest_change);
        assert!(!changes_pending(&dbdir, newest).unwrap(), "{options:?}");
    }
}

#[test]
fn a_killed_original_is_noticed_until_its_databases_are_recovered() {
    if !can_compare() {
        return;
    }
    // Enough rows for Berkeley DB's cache to write some pages and not others.
    const TRIPLETS: u32 = 4_000;
    let original = Daemon::builder(Program::Theirs).start();
    teach(&original, Client::V4, 0..TRIPLETS, b"alice@example.org", 1_700_000_000);
    let killed = original.kill();
    let dbdir = killed.dbdir();
    let newest = |summaries: [Summary; 2]| summaries.map(|s| s.newest_change).into_iter().max();

    let files = ["postgrey.db", "postgrey_clients.db"].map(|name| dbdir.join(name));
    let killed = files.clone().map(|file| read(&file).1);
    assert!(killed[0].rows < u64::from(TRIPLETS), "{killed:?}");
    assert!(changes_pending(&dbdir, newest(killed).unwrap()).unwrap());

    run(Command::new("db5.3_recover").arg("-h").arg(&dbdir)).success();
    let recovered = files.map(|file| assert_read_as_dumped(&file));
    assert_eq!(recovered[0].rows, u64::from(TRIPLETS));
    assert!(!changes_pending(&dbdir, newest(recovered).unwrap()).unwrap());
}

fn has_berkeley_db() -> bool {
    program_for("databases of Berkeley DB", "/usr/bin/db5.3_load", "db5.3-util")
}

/// Compares all rows and their order, and wants no damage found.
fn assert_read_as_dumped(file: &Path) -> Summary {
    let (rows, summary) = read(file);
    let mut dump = Command::new("db5.3_dump");
    let dumped = run(dump.env("LC_ALL", "C").arg("-p").arg(file)).success();
    let (_, dumped) = dumped.split_once("HEADER=END\n").expect("a header");
    assert!(rows + "DATA=END\n" == dumped, "{} differs: {summary:?}", file.display());
    assert!(!summary.is_damaged(), "{}: {summary:?}", file.display());
    summary
}

/// The rows as `db_dump -p` prints them.
fn read(file: &Path) -> (String, Summary) {
    let mut text = String::new();
    let database =
        BerkeleyFile::open(file).unwrap_or_else(|error| panic!("{} {error}", file.display()));
    let summary = database.read(|visit| {
        let Visit::Row(key, value) = visit else { return };
        for item in [key, value] {
            text.push(' ');
            for &byte in item {
                match byte {
                    b'\\' => text.push_str("\\\\"),
                    b' '..=b'~' => text.push(char::from(byte)),
                    _ => write!(text, "\\{byte:02x}").expect("strings can grow"),
                }
            }
            text.push('\n');
        }
    });
    (text, summary)
}

/// Makes a file of rows that are written as `db5.3_dump` prints them.
fn load(file: &Path, header: &str, rows: &str) {
    let text =
        format!("VERSION=3\nformat=bytevalue\ntype=btree\n{header}\nHEADER=END\n{rows}DATA=END\n");
    run_with(Command::new("db5.3_load").arg(file), text).success();
}

#[derive(Clone, Copy)]
enum Client {
    V4,
    V6,
}

impl Client {
    fn address(self, number: u32) -> String {
        let (high, low) = (number >> 8, number & 0xff);
        match self {
            Client::V4 => format!("10.{high}.{low}.7"),
            Client::V6 => format!("2001:db8:{high:x}:{low:x}::7"),
        }
    }
}

/// Lets a daemon learn of mail at a time, from clients of these numbers.
fn teach(
    daemon: &Daemon,
    client: Client,
    numbers: impl Iterator<Item = u32>,
    sender: &[u8],
    time: u32,
) {
    let mut connection = daemon.client();
    for number in numbers {
        let attempt = Attempt::new(&client.address(number), "unknown", "", "bob@example.com")
            .with("sender", sender)
            .with("policy_test_time", time.to_string());
        connection.ask(&attempt);
    }
}

/// N rows of random bytes in hexadecimal, one key or value a line, one in fifty
/// too long for its page. Keys differ in their first four bytes.
fn random_rows(random: &mut Random, count: u32) -> String {
    let mut text = String::new();
    for number in 0..count {
        for start in [&number.to_le_bytes()[..], &[]] {
            let limit = if random.one_in(50) { 40_000 } else { 60 };
            text.push(' ');
            for byte in start {
                write!(text, "{byte:02x}").expect("strings can grow");
            }
            for _ in 0..random.below(limit) {
                write!(text, "{:02x}", random.below(256)).expect("strings can grow");
            }
            text.push('\n');
        }
    }
    text
}
