//! Tab-separated triplets, and the commands of postgrey-migration(7) that print
//! them from the databases of other programs.

use crate::import::by_hand::import;
use crate::import::exported;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use testkit::tool;
use testkit::{
    Attempt, Daemon, Program, Scratch, program_for, root_for, start_of_time, wait_until,
};

const PAGE: &str = include_str!("../../../man/postgrey-migration.7.in");

fn command(beginning: &str) -> &'static str {
    let examples = PAGE.split("\n.EX\n").skip(1).filter_map(|rest| rest.split("\n.EE\n").next());
    let mut fitting = examples.filter(|example| example.starts_with(beginning));
    let command = fitting.next().unwrap_or_else(|| panic!("no command {beginning}"));
    assert_eq!(fitting.next(), None, "{beginning}");
    command
}

/// A directory with `postgrey` and other programs, for `PATH`.
fn programs(scratch: &Scratch, others: &[(&str, String)]) -> PathBuf {
    let directory = scratch.subdirectory("bin");
    let dbdir = scratch.subdirectory("db");
    let postgrey = format!("{} \"$@\" --dbdir={}", Program::Ours.path().display(), dbdir.display());
    for (name, command) in others.iter().chain([&("postgrey", postgrey)]) {
        let script = format!("#!/bin/sh\nexec {command}\n");
        let path = directory.join(name);
        fs::write(&path, script).expect("a script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("chmod");
    }
    directory
}

/// Runs a command of the page, in which these paths are replaced.
fn run(scratch: &Scratch, command: &str, others: &[(&str, String)]) -> String {
    let path = format!("{}:/usr/bin:/bin", programs(scratch, others).display());
    let finished = tool::run(Command::new("/bin/sh").args(["-c", command]).env("PATH", path));
    assert_eq!(finished.status, Some(0), "{command}: {finished:?}");
    finished.out + &finished.err
}

/// sqlgrey's table; `$NOW` is the type's value for a number of seconds.
fn sqlgrey(time: impl Fn(i64) -> String) -> String {
    let rows = [
        ("o''brien", "sender.test", "192.0.2", 1_700_000_000),
        ("list-42-bounces", "sender.test", "198.51.100.7", 1_700_000_100),
        ("-undef-", "-undef-", "2001:0db8:0000:0001", 1_700_000_200),
        ("root", "-undef-", "2001:0db8:0000:0001:0000:0000:0000:0001", 1_700_000_300),
        ("a", "sender.test", "elsewhere", 1_700_000_400),
    ];
    let table = "CREATE TABLE connect (sender_name varchar(64) NOT NULL,
        sender_domain varchar(255) NOT NULL, src varchar(39) NOT NULL, rcpt varchar(255) NOT NULL,
        first_seen timestamp NOT NULL);\n";
    let insert = |(name, domain, src, seconds): &(&str, &str, &str, i64)| {
        let seen = time(*seconds);
        format!(
            "INSERT INTO connect VALUES ('{name}', '{domain}', '{src}', 'bob@example.org', {seen});\n"
        )
    };
    table.to_owned() + &rows.iter().map(insert).collect::<String>()
}

/// Asserts that the rows of [`sqlgrey`] were imported.
fn assert_sqlgrey_imported(scratch: &Scratch, text: &str) {
    assert!(text.starts_with("imported 4 triplets and 0 clients from standard input; "), "{text}");
    assert!(text.contains("1 row was not imported: \"line 5\" has an invalid client"), "{text}");
    assert_eq!(
        exported(scratch, "--triplets"),
        " 192.0.2.0/o'brien@sender.test/bob@example.org\n 1700000000,1700000000\n \
         198.51.100.0/list-#-bounces@sender.test/bob@example.org\n 1700000100,1700000100\n \
         2001:db8:0:1:0:0:0:0//bob@example.org\n 1700000200,1700000200\n \
         2001:db8:0:1:0:0:0:0/root/bob@example.org\n 1700000300,1700000300\n"
    );
}

/// iRedAPD's table, with rows that are waiting, that passed, and that passed
/// lately; one has no client.
fn iredapd() -> String {
    "CREATE TABLE greylisting_tracking (
        sender varchar(255) NOT NULL, recipient varchar(255) NOT NULL, client_address varchar(40),
        init_time integer NOT NULL, block_expired integer NOT NULL,
        record_expired integer NOT NULL, blocked_count bigint NOT NULL, passed smallint NOT NULL);
     INSERT INTO greylisting_tracking VALUES
        ('a@sender.test', 'bob@example.org', '192.0.2.1', 1700000000, 1700000900, 1700172800, 2, 0),
        ('it''s@sender.test', 'bob@example.org', '192.0.2.1', 1690000000, 1690000900, 1702592000, 1, 1),
        ('', 'bob@example.org', '2001:db8::1', 1700000000, 1700000360, 1700000000, 1, 1),
        ('b@sender.test', 'bob@example.org', NULL, 1, 2, 3, 4, 0);\n"
        .to_owned()
}

/// Asserts that the rows of [`iredapd`] were imported.
fn assert_iredapd_imported(scratch: &Scratch, text: &str) {
    assert!(text.starts_with("imported 3 triplets and 0 clients from standard input; "), "{text}");
    assert!(text.contains("1 row was not imported: \"line 4\" has an invalid client"), "{text}");
    assert_eq!(
        exported(scratch, "--triplets"),
        " 192.0.2.0/a@sender.test/bob@example.org\n 1700000000,1700000000\n \
         192.0.2.0/it's@sender.test/bob@example.org\n 1690000000,1700000000\n \
         2001:db8:0:0:0:0:0:0//bob@example.org\n 1700000000,1700000360\n"
    );
}

#[test]
fn sqlgrey_on_sqlite_is_imported() {
    testkit::needs!(program_for("the import from SQLite", "/usr/bin/sqlite3", "sqlite3"));
    let scratch = Scratch::new();
    let file = scratch.path().join("sqlgrey.db");
    let schema = sqlgrey(|seconds| seconds.to_string());
    let made = Command::new("/usr/bin/sqlite3").arg(&file).arg(schema).status();
    assert!(made.expect("sqlite3").success());
    let command =
        command("sqlite3").replace("/var/lib/sqlgrey/sqlgrey.db", &file.to_string_lossy());
    assert_sqlgrey_imported(&scratch, &run(&scratch, &command, &[]));
}

/// A database server on a socket in the scratch directory, killed with the value.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Repeats `client` until it succeeds: the server needs its time to start.
fn await_server(server: &mut Server, mut client: impl FnMut() -> Command) {
    wait_until("a database server", || {
        assert_eq!(server.0.try_wait().expect("a child"), None, "the server has ended");
        tool::run(&mut client()).status == Some(0)
    });
}

fn succeeded(command: &mut Command) {
    let finished = tool::run(command);
    assert_eq!(finished.status, Some(0), "{finished:?}");
}

fn mariadb(scratch: &Scratch) -> Option<(Server, String)> {
    let what = "the import from MariaDB";
    if !root_for(what) || !program_for(what, "/usr/sbin/mariadbd", "mariadb-server") {
        return None;
    }
    let place = scratch.path();
    let data = format!("--datadir={}", place.join("data").display());
    succeeded(Command::new("/usr/bin/mariadb-install-db").args([
        "--no-defaults",
        "--user=root",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        &data,
    ]));
    let socket = format!("--socket={}", place.join("mysql").display());
    let log = fs::File::create(place.join("mariadb.log")).expect("a log");
    let mut daemon = Command::new("/usr/sbin/mariadbd");
    let daemon = daemon.args(["--no-defaults", "--user=root", "--skip-networking", &data, &socket]);
    let daemon = daemon.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let mut server = Server(daemon.spawn().expect("mariadbd"));
    await_server(&mut server, || {
        let mut client = Command::new("/usr/bin/mariadb");
        client.args([
            "--no-defaults",
            &socket,
            "-e",
            "CREATE DATABASE sqlgrey; CREATE DATABASE iredapd",
        ]);
        client
    });
    Some((server, format!("/usr/bin/mariadb --no-defaults {socket} \"$@\"")))
}

#[test]
fn sqlgrey_and_iredapd_on_mariadb_are_imported() {
    let scratch = Scratch::new();
    let Some((_server, client)) = mariadb(&scratch) else { return };
    let others = [("mysql", client)];
    let schema = scratch.file("schema", sqlgrey(|seconds| format!("FROM_UNIXTIME({seconds})")));
    run(&scratch, &format!("mysql sqlgrey -e 'source {}'", schema.display()), &others);
    assert_sqlgrey_imported(&scratch, &run(&scratch, command("mysql -N -B -r sqlgrey"), &others));
    let fresh = Scratch::new();
    let schema = scratch.file("schema", iredapd());
    run(&fresh, &format!("mysql iredapd -e 'source {}'", schema.display()), &others);
    assert_iredapd_imported(&fresh, &run(&fresh, command("mysql -N -B -r iredapd"), &others));
}

fn postgresql() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let directories = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    directories.filter(|directory| directory.join("initdb").exists()).max()
}

fn postgres(scratch: &Scratch) -> Option<(Server, String)> {
    let what = "the import from PostgreSQL";
    let programs = postgresql().unwrap_or_else(|| "/usr/lib/postgresql/15/bin".into());
    let initdb = programs.join("initdb").display().to_string();
    if !root_for(what) || !program_for(what, &initdb, "postgresql") {
        return None;
    }
    // It refuses to run as root.
    let place = scratch.subdirectory("postgresql");
    succeeded(Command::new("/bin/chown").arg("postgres").arg(&place));
    let data = place.join("data").display().to_string();
    let as_postgres = |program: &str| {
        let mut command = Command::new("/usr/bin/setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
        command.arg(programs.join(program)).current_dir(&place);
        command
    };
    succeeded(as_postgres("initdb").args(["--auth=trust", "--username=root", "-D", &data]));
    let log = fs::File::create(scratch.path().join("postgresql.log")).expect("a log");
    let mut daemon = as_postgres("postgres");
    let socket = place.display().to_string();
    let daemon = daemon.args(["-D", &data, "-k", &socket, "-c", "listen_addresses="]);
    let daemon = daemon.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let mut server = Server(daemon.spawn().expect("postgres"));
    let client = programs.join("psql").display().to_string();
    await_server(&mut server, || {
        let mut psql = Command::new(&client);
        psql.args(["-h", &socket, "-U", "root", "postgres", "-c", "CREATE DATABASE sqlgrey"]);
        psql
    });
    Some((server, format!("{client} -h {socket} -U root \"$@\"")))
}

#[test]
fn sqlgrey_and_iredapd_on_postgresql_are_imported() {
    let scratch = Scratch::new();
    let Some((_server, client)) = postgres(&scratch) else { return };
    let others = [("psql", client)];
    run(&scratch, "psql postgres -c 'CREATE DATABASE iredapd'", &others);
    let schema = scratch.file("schema", sqlgrey(|seconds| format!("to_timestamp({seconds})")));
    run(&scratch, &format!("psql sqlgrey -v ON_ERROR_STOP=1 -f {}", schema.display()), &others);
    let printed = run(&scratch, command("psql -A -t -F \"$(printf '\\t')\" sqlgrey"), &others);
    assert_sqlgrey_imported(&scratch, &printed);
    let fresh = Scratch::new();
    let schema = scratch.file("schema", iredapd());
    run(&fresh, &format!("psql iredapd -v ON_ERROR_STOP=1 -f {}", schema.display()), &others);
    let printed = run(&fresh, command("psql -A -t -F \"$(printf '\\t')\" iredapd"), &others);
    assert_iredapd_imported(&fresh, &printed);
}

/// The dump of milter-greylist 4.
const MILTER_GREYLIST: &str = "#\n# milter-greylist databases, dumped by milter-greylist-4.5.16\n\
    #\n\n#\n# Greylisted tuples\n#\n# Sender IP\tSender e-mail\tRecipient e-mail\tTime accepted\n\
    192.0.2.7\t<alice@sender.test>\t<bob@example.org>\t1700001800 # 2023-11-14 22:43:20\n\
    2001:db8::1\t<>\t<bob@example.org>\t1700001900\n\n\n\
    #\n# Auto-whitelisted tuples\n#\n# Sender IP\tSender e-mail\tRecipient e-mail\tExpire\n\
    198.51.100.7\t<carol@sender.test>\t<bob@example.org>\t1700086400 AUTO # 2023-11-15 22:13:20\n\
    #\n# Summary:  2 records, 2 greylisted, 1 whitelisted\n#\n";

#[test]
fn milter_greylist_is_imported() {
    let scratch = Scratch::new();
    let file = scratch.file("greylist.db", MILTER_GREYLIST);
    let place = "/var/lib/milter-greylist/db/greylist.db";
    let command = command("awk").replace(place, &file.to_string_lossy());
    assert_ne!(command, self::command("awk"), "the page names {place}");
    let text = run(&scratch, &command, &[]);
    assert!(text.starts_with("imported 3 triplets and 0 clients from standard input\n"), "{text}");
    assert_eq!(
        exported(&scratch, "--triplets"),
        " 192.0.2.0/alice@sender.test/bob@example.org\n 1700000000,1700000000\n \
         198.51.100.0/carol@sender.test/bob@example.org\n 1699913600,1700000000\n \
         2001:db8:0:0:0:0:0:0//bob@example.org\n 1700000100,1700000100\n"
    );
}

#[test]
fn keys_are_made_as_the_running_daemon_makes_them() {
    let first = start_of_time() - 1000;
    let lines = format!(
        "192.0.2.7\talice@sender.test\tbob@example.org\t{first}\t{first}\n\
         192.0.2\talice@sender.test\tbob@example.org\t{first}\t{first}\nbroken\n"
    );
    for (options, distinguishes) in [
        (&["--lookup-by-host"] as &[&str], true),
        (&["--ipv4cidr=28"], true),
        (&["--privacy"], false),
        (&["--ipv4cidr=16", "--privacy"], false),
    ] {
        let builder = Daemon::builder(Program::Ours);
        let builder = builder.args(options);
        let daemon = builder.start();
        let (status, text) = import(daemon.scratch(), &["--from=-"], &lines);
        assert_eq!(status, Some(0), "{text}");
        assert!(text.starts_with("imported 1 triplet"), "{options:?}: {text}");
        assert!(text.contains("\"line 3\" does not have the fields client, sender"), "{text}");
        assert!(!text.contains("no daemon has run"), "{text}");
        let is_refused = text.contains("is about a /24, whose clients the daemon distinguishes");
        assert_eq!(is_refused, distinguishes, "{options:?}: {text}");
        let attempt = Attempt::new("192.0.2.7", "a.test", "alice@sender.test", "bob@example.org");
        let reply = daemon.client().ask(&attempt.at(0));
        assert!(reply.starts_with("PREPEND X-Greylist: delayed 1000 seconds"), "{reply}");
        drop(daemon.stop());
    }
}

#[test]
fn a_dump_in_sql_is_refused_with_the_page_that_helps() {
    let scratch = Scratch::new();
    for text in ["-- MySQL dump\nCREATE TABLE `x` (a int);\n", "SQLite format 3\0..."] {
        let (status, text) = import(&scratch, &["--from=-"], text);
        assert_eq!(status, Some(3), "{text}");
        assert!(text.contains("SQL; postgrey-migration(7) has queries"), "{text}");
    }
}
