//! The daemon under systemd: readiness, the watchdog, socket activation, the
//! journal.

use crate::life::background;
use crate::life::manager::Manager;
use nix::sys::signal::Signal;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use testkit::{Attempt, Builder, Client, Daemon, Listener, Program, Scratch, wait_until};

fn attempt(number: usize) -> Attempt {
    let recipient = format!("r{number}@example.org");
    Attempt::to(&recipient).at(0)
}

#[test]
fn systemd_is_notified_of_start_reload_and_stop() {
    let (manager, builder) = Manager::of(Daemon::builder(Program::Ours));
    let daemon = builder.start();
    assert_eq!(manager.next(), ["READY"]);
    daemon.signal(Signal::SIGHUP);
    assert_eq!(manager.next(), ["RELOADING", "MONOTONIC_USEC"]);
    assert_eq!(manager.next(), ["READY"]);
    assert_eq!(daemon.stop().status.code(), Some(0));
    assert_eq!(manager.next(), ["STOPPING"]);
    assert_eq!(manager.peek(), None);
}

#[test]
fn a_failed_start_is_never_reported_as_ready() {
    let builder = Daemon::builder(Program::Ours).arg("--user=nosuchuser");
    let (manager, builder) = Manager::of(builder);
    assert_eq!(builder.fail_to_start().status.code(), Some(255));
    assert_eq!(manager.peek(), None);
}

#[test]
fn the_watchdog_is_notified_in_time() {
    let prepare = || {
        let (manager, builder) = Manager::of(Daemon::builder(Program::Ours));
        (manager, builder.env("WATCHDOG_USEC", "100000"))
    };
    let assert_notified = |manager: &Manager| {
        assert_eq!(manager.next(), ["READY"]);
        (0..5).for_each(|_| assert_eq!(manager.next(), ["WATCHDOG"]));
    };
    let (manager, builder) = prepare();
    let _daemon = builder.start();
    assert_notified(&manager);
    // As a drop-in with `Type=forking` starts it: `WATCHDOG_PID` is the process that
    // systemd started, and the daemon is its child.
    let script = "export WATCHDOG_PID=$$; exec \"$@\"";
    let (manager, builder) = prepare();
    let builder = builder.within(["/bin/sh", "-c", script, "sh"].map(str::to_string));
    let _daemon = background::start(builder).expect("a daemon");
    assert_notified(&manager);
}

/// A socket that another process, as systemd, keeps for the server.
struct Kept {
    socket: UnixListener,
    listener: Listener,
}

impl Kept {
    fn new(scratch: &Scratch) -> Kept {
        let path = scratch.path().join("kept");
        let socket = UnixListener::bind(&path).expect("a socket");
        Kept { socket, listener: Listener::Unix(path) }
    }

    /// Hands it over as systemd does: as descriptor 3, for this process alone.
    fn hand_to(&self, builder: Builder) -> Builder {
        let script = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\"";
        let socket = self.socket.try_clone().expect("another descriptor");
        builder
            .within(["/bin/sh", "-c", script, "sh"].map(str::to_string))
            .stdin(Stdio::from(OwnedFd::from(socket)))
            .on(self.listener.clone())
    }
}

#[test]
fn a_socket_of_systemd_is_used_and_not_removed() {
    let builder = Daemon::builder(Program::Ours);
    let kept = Kept::new(builder.scratch());
    let daemon = kept.hand_to(builder).start();
    daemon.client().assert_deferred(&attempt(0));
    let log = daemon.log();
    assert!(log.iter().any(|line| line == "Using 1 sockets of systemd"), "{log:#?}");
    assert!(!log.iter().any(|line| line.starts_with("Binding to")), "{log:#?}");
    let stopped = daemon.stop();
    assert_eq!(stopped.status.code(), Some(0));
    // No daemon serves, but the socket accepts connections.
    let mut client = kept.listener.connect().expect("a socket that is still there");
    client.send(b"\n");
}

/// Mail servers come and ask all the time; one whose connection ends without a
/// reply tries once more, as Postfix does.
#[test]
fn no_client_is_refused_during_a_restart_with_a_socket_of_systemd() {
    const RESTARTS: usize = 5;
    let builder = Daemon::builder(Program::Ours);
    let kept = Kept::new(builder.scratch());
    let mut daemon = kept.hand_to(builder).start();
    let (is_over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mail_server = {
        let (listener, is_over, asked) =
            (kept.listener.clone(), Arc::clone(&is_over), Arc::clone(&asked));
        thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                let number = asked.fetch_add(1, Ordering::Relaxed);
                let once = || -> Option<String> {
                    let mut client: Client = listener.connect().expect("nobody is refused");
                    client.try_to_ask(&attempt(number))
                };
                let reply = once().or_else(once).expect("a reply at the second try");
                assert!(reply.starts_with("DEFER_IF_PERMIT "), "{reply}");
            }
        })
    };
    for restart in 1..=RESTARTS {
        wait_until("requests of the mail server", || {
            asked.load(Ordering::Relaxed) >= 20 * restart || mail_server.is_finished()
        });
        let stopped = daemon.stop();
        assert_eq!(stopped.status.code(), Some(0));
        daemon = kept.hand_to(stopped.again(Program::Ours)).start();
    }
    is_over.store(true, Ordering::Relaxed);
    mail_server.join().expect("a mail server that was served");
}

#[test]
fn the_journal_gets_severities_and_no_time() {
    let script = "export JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2); exec \"$@\"";
    let daemon = Daemon::builder(Program::Ours)
        .within(["/bin/sh", "-c", script, "sh"].map(str::to_string))
        .arg("--verbose")
        .start();
    let pid = daemon.pid();
    let socket = daemon.socket().display().to_string();
    // Only who got a reply is known to have been accepted.
    let _ = daemon.client().ask(&attempt(0));
    let log = daemon.stop().log;
    let first = format!("<5>postgrey (type Net::Server::Multiplex) starting! pid({pid})");
    assert_eq!(log.first(), Some(&first));
    assert!(log.contains(&format!("<6>CONNECT UNIX Socket: \"{socket}\"")), "{log:#?}");
    assert_eq!(log.last().map(String::as_str), Some("<5>Server closing!"));
}

/// The variable may be inherited where standard error leads elsewhere.
#[test]
fn lines_outside_the_journal_have_a_time() {
    let daemon = Daemon::builder(Program::Ours).env("JOURNAL_STREAM", "1:2").start();
    let log = daemon.stop().log;
    for line in [log.first(), log.last()] {
        let line = line.expect("a line");
        assert!(line.starts_with("20") && line.as_bytes()[4] == b'/', "{line}");
    }
}
