//! Faults of the server: no mail waits longer than the time limit, the log has one line
//! for each change, and greylisting resumes by itself.

use crate::proxy::{Mode, Proxy};
use nix::sys::signal::Signal;
use std::time::{Duration, Instant};
use testkit::redis::{Engine, Server, host_that_waits};
use testkit::{Attempt, Builder, Client, Daemon, free_port, wait_until};

/// The time limit, in milliseconds.
const LIMIT: u32 = 500;

/// The limit for a reply; this machine may be busy.
const LONGEST: Duration = Duration::from_millis(2000);

/// Replies while the server is known to have failed.
const REPLIES: u32 = 50;

fn attempt(number: usize) -> Attempt {
    let client = format!("192.0.{}.7", number % 250);
    let recipient = format!("r{number}@example.com");
    Attempt::new(&client, "mail.example.net", "alice@example.net", &recipient).at(1000)
}

fn host(url: &str) -> Builder {
    host_that_waits(url, LIMIT)
}

/// A host, and what was seen of it.
struct Site {
    host: Daemon,
    client: Client,
    number: usize,
    longest: Duration,
}

impl Site {
    fn of(host: Daemon) -> Site {
        let client = host.client();
        Site { host, client, number: 0, longest: Duration::ZERO }
    }

    /// Asks about mail that is new, and returns whether it is deferred.
    fn is_deferred(&mut self) -> bool {
        self.number += 1;
        let start = Instant::now();
        let reply = self.client.ask(&attempt(self.number));
        self.longest = self.longest.max(start.elapsed());
        assert!(reply == "DUNNO" || reply.starts_with("DEFER_IF_PERMIT "), "{reply}");
        reply != "DUNNO"
    }

    /// The lines about failures.
    fn failures(&self) -> Vec<String> {
        self.host.lines_with("mail is accepted without greylisting")
    }

    /// Mail passes once the server has failed, and does not wait again.
    fn fails(&mut self, part: &str) {
        wait_until("mail passes", || !self.is_deferred());
        let start = Instant::now();
        for _ in 0..REPLIES {
            assert!(!self.is_deferred());
        }
        assert!(start.elapsed() < LONGEST, "{REPLIES} replies took {:?}", start.elapsed());
        let lines = self.failures();
        assert!(matches!(&lines[..], [line] if line.contains(part)), "{lines:#?}");
    }

    /// Greylisting resumes.
    #[expect(clippy::print_stdout, reason = "the numbers of the manual")]
    fn recovers(mut self, fault: &str) {
        let start = Instant::now();
        wait_until("greylisting resumes", || self.is_deferred());
        let recovery = start.elapsed();
        let resumed = "the shared state works again; greylisting resumed";
        assert_eq!(self.host.lines_with(resumed).len(), 1);
        assert_eq!(self.failures().len(), 1);
        assert!(self.longest < LONGEST, "{:?}", self.longest);
        println!("{fault}: longest reply {:?}, recovery {recovery:?}", self.longest);
    }
}

/// Breaks a working server, and repairs it.
fn fault(name: &str, line: &str, break_it: impl Fn(&mut Server), repair: impl Fn(&mut Server)) {
    let Some(mut server) = Server::start(Engine::Redis, &[]) else { return };
    let mut site = Site::of(host(&server.url()).start());
    assert!(site.is_deferred());
    break_it(&mut server);
    site.fails(line);
    repair(&mut server);
    site.recovers(name);
}

#[test]
fn a_stopped_server_lets_mail_pass() {
    fault(
        "SIGSTOP",
        "no answer",
        |server| server.signal(Signal::SIGSTOP),
        |server| server.signal(Signal::SIGCONT),
    );
}

#[test]
fn a_killed_server_lets_mail_pass() {
    fault("kill", "shared state: 127.0.0.1:", Server::end, Server::restart);
}

#[test]
fn a_server_without_memory_lets_mail_pass() {
    let set = |value: &'static str| {
        move |server: &mut Server| {
            assert_eq!(server.ask(&["config", "set", "maxmemory", value]), "OK");
        }
    };
    fault("maxmemory", "OOM", set("1"), set("0"));
}

#[test]
fn a_server_that_became_a_replica_lets_mail_pass() {
    let set = |host: &'static str, port: &'static str| {
        move |server: &mut Server| assert_eq!(server.ask(&["replicaof", host, port]), "OK")
    };
    fault("READONLY", "READONLY", set("127.0.0.1", "1"), set("no", "one"));
}

#[test]
fn lost_scripts_records_and_connections_are_not_failures() {
    for command in
        [["script", "flush"].as_slice(), &["flushall"], &["client", "kill", "type", "normal"]]
    {
        let Some(server) = Server::start(Engine::Redis, &[]) else { return };
        let mut site = Site::of(host(&server.url()).start());
        for _ in 0..4 {
            assert!(site.is_deferred());
            server.ask(command);
        }
        assert!(site.is_deferred());
        assert!(site.failures().is_empty(), "{command:?}: {:?}", site.failures());
    }
}

#[test]
fn a_server_may_start_after_the_host() {
    let port = free_port();
    let url = format!("redis://127.0.0.1:{port}");
    let mut site = Site::of(host(&url).start());
    site.fails("Connection refused");
    let Some(server) = Server::start_on(port, Engine::Redis, &[]) else { return };
    site.recovers("absent at the start");
    assert_eq!(server.ask(&["hget", "postgrey:meta", "keys"]), "subnet,24,64");
}

#[test]
fn a_wrong_password_lets_mail_pass() {
    let Some(server) = Server::start(Engine::Redis, &["--requirepass", "right"]) else { return };
    let url = |password: &str| format!("redis://:{password}@127.0.0.1:{}", server.port);
    let mut site = Site::of(host(&url("wrong")).start());
    site.fails("WRONGPASS");
    server.ask(&["-a", "right", "--no-auth-warning", "config", "set", "requirepass", "wrong"]);
    let log = site.host.log().join("\n");
    assert!(!log.contains("wrong@"), "{log}");
    site.recovers("wrong password");
}

#[test]
fn a_user_without_a_permission_lets_mail_pass() {
    let Some(server) = Server::start(Engine::Redis, &[]) else { return };
    let user = ["acl", "setuser", "mx", "on", ">secret", "~postgrey:*", "+@all"];
    assert_eq!(server.ask(&user), "OK");
    let url = format!("redis://mx:secret@127.0.0.1:{}", server.port);
    let mut site = Site::of(host(&url).start());
    assert!(site.is_deferred());
    assert_eq!(server.ask(&["acl", "setuser", "mx", "-evalsha"]), "OK");
    assert_eq!(server.ask(&["acl", "setuser", "mx", "-eval"]), "OK");
    site.fails("NOPERM");
    assert_eq!(server.ask(&["acl", "setuser", "mx", "+eval", "+evalsha"]), "OK");
    site.recovers("ACL without EVAL");
}

#[test]
fn broken_replies_let_mail_pass() {
    for (mode, line) in [
        (Mode::Garbage, "not that of a Redis"),
        (Mode::Drip, "no answer"),
        (Mode::Silence, "no answer"),
    ] {
        let Some(server) = Server::start(Engine::Redis, &[]) else { return };
        let proxy = Proxy::to(server.port);
        let mut site = Site::of(host(&format!("redis://127.0.0.1:{}", proxy.port)).start());
        assert!(site.is_deferred());
        proxy.set(mode);
        site.fails(line);
        proxy.set(Mode::Forward);
        site.recovers(&format!("{mode:?}"));
    }
}

#[test]
fn host_starts_reloads_and_stops_while_the_server_hangs() {
    let Some(server) = Server::start(Engine::Redis, &[]) else { return };
    server.signal(Signal::SIGSTOP);
    let start = Instant::now();
    let mut site = Site::of(host(&server.url()).start());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    site.fails("no answer");
    site.host.signal(Signal::SIGHUP);
    site.host.wait_for_line("HUP received");
    assert!(!site.is_deferred());
    let start = Instant::now();
    let stopped = site.host.stop();
    assert!(stopped.status.success());
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(stopped.log.iter().any(|line| line.ends_with("Server closing!")));
}

#[test]
fn password_is_not_in_the_list_of_processes() {
    let Some(server) = Server::start(Engine::Redis, &["--requirepass", "hush"]) else { return };
    let url = format!("redis://:hush@127.0.0.1:{}", server.port);
    let host = Daemon::builder(testkit::Program::Ours).arg(format!("--shared-state={url}")).start();
    let title = std::fs::read(format!("/proc/{}/cmdline", host.pid())).expect("a process");
    let title = String::from_utf8_lossy(&title).replace('\0', " ");
    assert!(title.starts_with("postgrey ") && !title.contains("hush"), "{title}");
    let mut site = Site::of(host);
    assert!(site.is_deferred());
}
