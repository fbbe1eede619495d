//! Files and sockets that an attacker prepared for root's tools.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use testkit::tool::{self, Finished, postgrey};
use testkit::{Attempt, Daemon, Program, Scratch};

/// Runs a command on the database, which has to come to an end.
pub fn run(scratch: &Scratch, line: &str) -> Finished {
    tool::run(postgrey(line).arg(scratch.dbdir_option()))
}

/// A database of some pages that no daemon has open.
pub fn database() -> Scratch {
    let daemon = Daemon::builder(Program::Ours).start();
    let mut client = daemon.client();
    for number in 0..600 {
        let sender = format!("sender{number}@example.com");
        client.ask(&Attempt::new("192.0.2.1", "mx.test", &sender, "bob@example.org").at(-900));
    }
    daemon.stop().scratch
}

pub fn database_with_a_forged_lock() -> Scratch {
    let scratch = database();
    let lock = scratch.dbdir().join("postgrey.mdb-lock");
    let mut bytes = fs::read(&lock).expect("a lock file");
    // The number of readers follows magic, format, transaction and mutex.
    bytes[8..].fill(0xff);
    fs::write(&lock, bytes).expect("a lock file");
    scratch
}

#[test]
fn a_forged_lock_file_crashes_no_tool() {
    let scratch = database_with_a_forged_lock();
    for line in ["list --limit=1", "stats --json"] {
        let finished = run(&scratch, line);
        assert!(matches!(finished.status, Some(0..=3)), "{line}: {finished:?}");
    }
}

/// Serves a socket as a user does who is not the daemon's.
fn foreign_socket(directory: &Path, answer: impl Fn(&mut dyn Write) + Send + 'static) {
    let path = directory.join("postgrey.control");
    let _ = fs::remove_file(&path);
    let listener = UnixListener::bind(&path).expect("a socket");
    let owner = fs::metadata(directory).expect("a directory");
    let _ = chown(&path, Some(owner.uid()), Some(owner.gid()));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(&mut &stream);
        }
    });
}

#[test]
fn an_endless_reply_uses_bounded_memory() {
    let scratch = database();
    let endless = |stream: &mut dyn Write| while stream.write_all(&[b'x'; 65536]).is_ok() {};
    foreign_socket(&scratch.dbdir(), endless);
    run(&scratch, "list").refusal(3, "");
}

/// Serves a socket as another user, until its input ends.
const FOREIGN_SERVER: &str = r#"
    $SIG{PIPE} = 'IGNORE';
    umask 0;
    $> = 65534;
    my $socket = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 5) or die;
    $| = 1;
    print "ready\n";
    while (my $client = $socket->accept) { print $client "ok\n192.0.2.9\n\n" }
"#;

#[test]
fn a_control_socket_of_another_user_is_refused() {
    testkit::needs!(testkit::root_for("a server of another user"));
    let scratch = database();
    let directory = scratch.dbdir();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).expect("chmod");
    let mut server = Command::new("perl")
        .args(["-MIO::Socket::UNIX", "-e", FOREIGN_SERVER])
        .arg(directory.join("postgrey.control"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("perl");
    let mut ready = [0; 6];
    let output = server.stdout.as_mut().expect("a pipe");
    output.read_exact(&mut ready).expect("a server");
    let results = ["list", "stats", "backup -"].map(|line| run(&scratch, line));
    server.kill().and_then(|()| server.wait()).expect("an end");
    for finished in results {
        finished.refusal(3, "is served by user 65534");
    }
}
