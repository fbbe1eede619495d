//! Signals that arrive while the daemon starts, and signals that the process was
//! started with blocked.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use testkit::process::status;
use testkit::{Daemon, Program, wait_until};

/// A list that takes long enough to read.
const LINES: usize = 200_000;

fn has(mask: &str, signal: Signal) -> bool {
    let mask = u64::from_str_radix(mask, 16).expect("a hexadecimal number");
    mask & (1 << (signal as i32 - 1)) != 0
}

#[test]
fn hup_and_usr1_during_the_start_are_kept_until_it_serves() {
    let list: String = (0..LINES).map(|number| format!("host{number}.test\n")).collect();
    let builder = Daemon::builder(Program::Ours).whitelist_clients(list);
    let log = builder.scratch().path().join("log");
    let (mut command, builder) = builder.into_command();
    let mut daemon = command.spawn().expect("the daemon");
    let pid = Pid::from_raw(i32::try_from(daemon.id()).expect("a process id"));
    wait_until("a daemon that holds HUP", || has(&status(pid, "SigBlk"), Signal::SIGHUP));
    assert!(builder.listener().connect().is_err(), "it serves already: the list is too short");
    kill(pid, Signal::SIGHUP).expect("HUP");
    kill(pid, Signal::SIGUSR1).expect("USR1");
    wait_until("a line of each signal", || {
        assert_eq!(daemon.try_wait().expect("a child"), None, "the daemon has ended");
        let log = std::fs::read_to_string(&log).expect("the log");
        log.contains("\nHUP received: ") && log.contains("\nstatistics: ")
    });
    kill(pid, Signal::SIGTERM).expect("TERM");
    assert_eq!(daemon.wait().expect("its end").code(), Some(0));
}

#[test]
fn signals_blocked_at_the_start_are_handled() {
    let script = "use POSIX; \
        sigprocmask(SIG_SETMASK, POSIX::SigSet->new(SIGHUP, SIGUSR1, SIGTERM, SIGINT)); \
        kill 'HUP', $$; kill 'USR1', $$; exec @ARGV or die";
    let words = ["/usr/bin/perl", "-e", script].map(str::to_owned);
    let daemon = Daemon::builder(Program::Ours).within(words).start();
    wait_until("a line of each signal", || {
        let log = daemon.log();
        let is_there = |start: &str| log.iter().any(|line| line.starts_with(start));
        is_there("HUP received: ") && is_there("statistics: ")
    });
    assert_eq!(daemon.stop().status.code(), Some(0));
}
