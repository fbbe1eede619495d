//! The control socket, through which commands reach a running daemon.

use crate::database::{assert_changes, attempt, command, daemon};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use testkit::process::{is_asleep, processor_time};
use testkit::tool::{postgrey, run};
use testkit::{Program, program_for, wait_until};

/// Sends bytes to the control socket, and returns the reply up to an empty line.
fn exchange(directory: &Path, request: &[u8]) -> String {
    let mut stream = connect(directory);
    stream.write_all(request).expect("a daemon that reads");
    let mut reply = Vec::new();
    while !reply.ends_with(b"\n\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a reply");
        reply.push(byte[0]);
    }
    String::from_utf8(reply).expect("UTF-8")
}

fn connect(directory: &Path) -> UnixStream {
    UnixStream::connect(directory.join("postgrey.control")).expect("a socket")
}

#[test]
fn commands_fail_while_a_daemon_that_does_not_answer_holds_the_lock() {
    let daemon = daemon();
    let directory = daemon.dbdir();
    fs::remove_file(directory.join("postgrey.control")).expect("a socket");
    for words in ["forget 192.0.2.1", "list", "stats", "export", "backup copy"] {
        command(&directory, words).refusal(3, "cannot be asked");
    }
}

#[test]
fn a_stalled_list_command_does_not_keep_pages_in_use() {
    let what = "the free pages of a database";
    testkit::needs!(program_for(what, "/usr/bin/mdb_stat", "lmdb-utils"));
    let daemon = daemon();
    let directory = daemon.dbdir();
    fill(&directory, 20);
    let mut list = postgrey("list")
        .arg(daemon.scratch().dbdir_option())
        .stdout(Stdio::piped())
        .spawn()
        .expect("our binary");
    let mut first = [0; 5];
    list.stdout.as_mut().expect("a pipe").read_exact(&mut first).expect("a heading");
    wait_until("a full pipe", || is_asleep(list.id()));
    let file = directory.join("postgrey.mdb");
    let readers = run(Command::new("/usr/bin/mdb_stat").args(["-n", "-r"]).arg(file)).out;
    let pid = list.id().to_string();
    assert!(readers.starts_with("Reader Table Status\n"), "{readers}");
    assert!(readers.split_whitespace().all(|word| word != pid), "{pid}: {readers}");
    list.kill().and_then(|()| list.wait()).expect("an end");
}

fn fill(directory: &Path, batches: usize) {
    for batch in 0..batches {
        let edit = |number| {
            format!("allow triplets 203.0.113.0/{batch}x{number}@z.test/bob@example.org\n")
        };
        let edits: String = (0..256).map(edit).collect();
        let reply = exchange(directory, format!("edit\n{edits}\n").as_bytes());
        assert_eq!(reply, "ok\nchanged 256\n\n");
    }
}

#[test]
fn the_socket_is_private_and_removed_by_the_daemon() {
    let daemon = daemon();
    let socket = daemon.dbdir().join("postgrey.control");
    let mode = fs::metadata(&socket).expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let stopped = daemon.kill().again(Program::Ours).start().stop();
    assert!(!stopped.scratch.path().join("db/postgrey.control").exists());
}

#[test]
fn malformed_or_silent_tools_do_not_affect_the_daemon() {
    let daemon = daemon();
    let directory = daemon.dbdir();
    // More than are served at the same time, some in the middle of a request.
    let mut silent: Vec<UnixStream> = (0..20).map(|_| connect(&directory)).collect();
    for stream in silent.iter_mut().skip(12) {
        stream.write_all(b"edit\nforget trip").expect("a daemon that reads");
    }
    for nonsense in [b"hello\n\n".as_slice(), b"edit\nforget\n\n", b"\xff\n\n"] {
        assert!(exchange(&directory, nonsense).starts_with("error "));
    }
    let mut endless = connect(&directory);
    let mut reply = Vec::new();
    let sent = endless.write_all(&vec![b'x'; 3 << 20]);
    let read = endless.read_to_end(&mut reply);
    assert!(sent.is_err() || read.is_err() || reply.starts_with(b"error a request of more than"));
    assert_changes(&directory, "forget 192.0.2.1", "forgot 2 entries");
    daemon.client().assert_deferred(&attempt("192.0.2.1", "a@b.test", "c@d.test").at(0));
}

#[test]
fn a_tool_that_does_not_read_its_reply_costs_no_processor_time() {
    let daemon = daemon();
    let mut stream = connect(&daemon.dbdir());
    stream.set_write_timeout(Some(Duration::from_millis(300))).expect("a limit");
    // Until the buffers of both sides are full.
    while stream.write_all(&b"statistics\n\n".repeat(1000)).is_ok() {}
    let before = processor_time(daemon.pid());
    // A tool that asks nothing gets no answer.
    let mut silent = connect(&daemon.dbdir());
    silent.set_read_timeout(Some(Duration::from_millis(500))).expect("a limit");
    silent.read_exact(&mut [0]).expect_err("half a second without an answer");
    let spent = processor_time(daemon.pid()) - before;
    assert!(spent < Duration::from_millis(200), "{spent:?} in half a second");
    let mut buffer = [0; 10];
    stream.read_exact(&mut buffer).expect("the reply is still there");
}

#[test]
fn the_control_socket_serves_only_root_and_the_daemons_user() {
    testkit::needs!(testkit::root_for("tools of other users"));
    let daemon = daemon();
    let directory = daemon.dbdir();
    let socket = directory.join("postgrey.control");
    for path in [&directory, &socket] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("chmod");
    }
    let heard = |user: &str| {
        let words = ["-u", user, "--", "perl", "-MIO::Socket::UNIX", "-e", ASK];
        run(Command::new("runuser").args(words).arg(&socket)).out
    };
    assert!(heard("root").starts_with("ok\npid "));
    assert!(heard("postgrey").starts_with("ok\npid "));
    assert_eq!(heard("nobody"), "");
}

const ASK: &str = "$SIG{PIPE} = 'IGNORE'; my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die; \
                   print $s \"statistics\\n\\n\"; $s->flush; while (<$s>) { last if $_ eq \"\\n\"; \
                   print }";
