//! Failed starts: one sentence for the administrator, a meaningful exit status,
//! and nothing in the way of the next start (BEHAVIOUR B).

use crate::life::background::{Refusal, assert_nothing_is_left, start};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use testkit::{Builder, Daemon, Listener, Program};

fn builder() -> Builder {
    Daemon::builder(Program::Ours)
}

/// The same start fails in the foreground and in the background, with the same
/// words and status. `prepare` may give what has to live as long as the test.
fn assert_fails<T>(prepare: impl Fn(Builder) -> (Builder, T), sentence: &str, status: i32) {
    let (builder, _kept) = prepare(self::builder());
    let sentence = sentence.replace("SCRATCH", &builder.scratch().path().display().to_string());
    let stopped = builder.fail_to_start();
    let last = stopped.log.last().expect("a reason");
    assert!(last.starts_with(&format!("ERROR: {sentence}")), "{:#?}", stopped.log);
    assert_eq!(stopped.status.code(), Some(status), "{last}");

    let (builder, _kept) = prepare(self::builder());
    let (first, second) = (stopped.scratch.path(), builder.scratch().path());
    let sentence = sentence.replace(&first.display().to_string(), &second.display().to_string());
    let Refusal { status: actual, stderr, scratch } =
        start(builder).expect_err("a start that must fail");
    assert!(stderr.starts_with(&format!("ERROR: {sentence}")), "{stderr}");
    assert_eq!(stderr.matches('\n').count(), 1, "one sentence: {stderr}");
    assert_eq!(actual, status, "{stderr}");
    for scratch in [&stopped.scratch, &scratch] {
        assert_nothing_is_left(scratch);
    }
}

#[test]
fn a_socket_of_another_program_is_a_start_up_error() {
    let prepare = |builder: Builder| {
        let path = builder.scratch().path().join("taken");
        let other = UnixListener::bind(&path).expect("a socket");
        (builder.on(Listener::Unix(path)), other)
    };
    let text = "Can't connect to UNIX socket at file SCRATCH/taken [Address already in use]; \
                another program listens there";
    assert_fails(prepare, text, Errno::EADDRINUSE as i32);
}

#[test]
fn a_locked_database_directory_is_a_start_up_error() {
    let prepare = |builder: Builder| {
        let path = builder.scratch().subdirectory("locked");
        let file = File::create(path.join("postgrey.lock")).expect("a lock file");
        file.set_permissions(Permissions::from_mode(0o666)).expect("chmod");
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).expect("a lock");
        (builder.arg(format!("--dbdir={}", path.display())), lock)
    };
    assert_fails(prepare, "locked: SCRATCH/locked/postgrey.lock", Errno::EAGAIN as i32);
}

#[test]
fn too_low_a_limit_of_open_files_is_a_start_up_error() {
    let limited = ["/usr/bin/prlimit", "--nofile=18", "--"].map(str::to_string);
    let prepare = move |builder: Builder| (builder.within(limited.clone()), ());
    let reason = "only 18 open files are allowed, 64 are needed; raise the limit";
    assert_fails(prepare, reason, Errno::EMFILE as i32);
}

/// Only in the background: in the foreground no pid file is written.
#[test]
fn an_unwritable_pid_file_is_a_start_up_error() {
    let builder = builder();
    let obstacle = builder.scratch().path().join("pid");
    fs::create_dir(&obstacle).expect("a directory in the way");
    let refusal = start(builder).expect_err("a start that must fail");
    assert!(refusal.stderr.starts_with("ERROR: Couldn't open "), "{}", refusal.stderr);
    assert_eq!(refusal.status, Errno::EISDIR as i32);
    fs::remove_dir(&obstacle).expect("the directory that was in the way");
    assert_nothing_is_left(&refusal.scratch);
}
