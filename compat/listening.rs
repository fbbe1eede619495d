//! The addresses of `--inet` (BEHAVIOUR B2).
//!
//! The servers see an `/etc/hosts` of the test's own, so that names mean the
//! same on every machine.

use crate::case::{Run, case, differs};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use testkit::namespace::Namespace;
use testkit::{Scratch, free_port};

const HOSTS: &str = "127.0.0.1 localhost both.test partly.test
::1 localhost both.test ip6-localhost
192.0.2.1 partly.test
";

/// A server's view of the file system with those names.
pub struct View {
    namespace: Namespace,
    _scratch: Scratch,
}

impl View {
    /// `None` where nothing may be mounted, see [`Namespace::new`].
    pub fn new() -> Option<View> {
        View::with_hosts(HOSTS)
    }

    pub fn with_hosts(hosts: &str) -> Option<View> {
        let scratch = Scratch::new();
        let hosts = scratch.file("hosts", hosts);
        let namespace = Namespace::new("mount --bind \"$1\" /etc/hosts", &[&hosts])?;
        Some(View { namespace, _scratch: scratch })
    }

    fn command(&self, run: &Run) -> Command {
        let mut command = self.enter();
        command.arg(run.program().path());
        command
    }

    /// The prefix of a command to observe its program.
    pub fn enter(&self) -> Command {
        let [nsenter, mount] = self.namespace.words();
        let mut command = Command::new(nsenter);
        command.arg(mount);
        command
    }
}

/// Returns true if the machine has IPv6. Without it, cases that need it are left out.
pub fn has_ipv6() -> bool {
    let has = TcpListener::bind("[::1]:0").is_ok();
    if !has {
        testkit::skip("IPv6: this machine has none");
    }
    has
}

/// A value of `--inet`, with `P` for a free port, and its addresses, one per line.
type Table<'t> = &'t [(&'t str, &'t str)];

fn listens(table: Table) {
    case(|run| {
        let Some(view) = View::new() else { return };
        for (value, sockets) in table {
            let (seen, log) = sockets_and_log(run, &view, value);
            run.expect(value, seen, *sockets);
            // Ours logs the number without zeros in front.
            run.note(format!("{value}: log"), log.replace(" 0P ", " P "));
        }
    });
}

pub fn sockets_and_log(run: &Run, view: &View, value: &str) -> (String, String) {
    let port = free_port().to_string();
    let inet = format!("--inet={}", value.replace('P', &port));
    let anonymous = |text: String| text.replace(&port, "P");
    match run.listen_by(view.command(run), Scratch::new(), &[inet]) {
        Ok(server) => (anonymous(server.sockets().join("\n")), anonymous(server.log())),
        Err(failure) => (anonymous(failure), String::new()),
    }
}

#[test]
fn an_address_and_a_port_are_written_in_many_ways() {
    listens(&[
        ("127.0.0.1:P", "127.0.0.1:P"),
        ("[127.0.0.1]:P", "127.0.0.1:P"),
        ("127.0.0.1|P", "127.0.0.1:P"),
        ("127.0.0.1,P", "127.0.0.1:P"),
        ("127.0.0.1 P", "127.0.0.1:P"),
        ("127.0.0.1:0P", "127.0.0.1:P"),
        ("127.1:P", "127.0.0.1:P"),
        ("2130706433:P", "127.0.0.1:P"),
        ("127.0.0.1:P/tcp", "127.0.0.1:P"),
        ("0.0.0.0:P", "0.0.0.0:P"),
    ]);
}

#[test]
fn a_port_alone_is_that_of_localhost_with_all_its_addresses() {
    if has_ipv6() {
        let both = "127.0.0.1:P\n[::1]:P";
        listens(&[("P", both), ("localhost:P", both), ("both.test:P", both)]);
    }
}

#[test]
fn ipv6_addresses_need_no_brackets_and_all_addresses_are_one_socket() {
    if has_ipv6() {
        listens(&[
            ("[::1]:P", "[::1]:P"),
            ("::1:P", "[::1]:P"),
            ("ip6-localhost:P", "[::1]:P"),
            ("*:P", "[::]:P"),
            ("[*]:P", "[::]:P"),
            (":P", "[::]:P"),
            (":::P", "[::]:P"),
            ("[::]:P", "[::]:P"),
            ("P/tcp", "[::]:P"),
        ]);
    }
}

#[test]
fn all_addresses_of_ipv6_include_those_of_ipv4() {
    if has_ipv6() {
        case(|run| {
            for host in ["*", "[::]"] {
                let port = free_port();
                let server = run.listen(Scratch::new(), &[format!("--inet={host}:{port}")]);
                let server = server.expect("a server");
                let connected = std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
                run.expect(host, connected.to_string(), "true");
                drop(server);
            }
        });
    }
}

#[test]
fn inet_wins_over_unix() {
    case(|run| {
        let port = free_port();
        let inet = format!("--inet=127.0.0.1:{port}");
        for words in [[&inet, "--unix=socket"], ["--unix=socket", &inet]] {
            let sockets = run.listens_at(&words).replace(&port.to_string(), "P");
            run.expect(format!("{}", words[0].starts_with("--inet")), sockets, "127.0.0.1:P");
        }
    });
}

#[test]
fn an_address_without_a_port_is_refused() {
    case(|run| {
        for (value, shown) in [
            ("127.0.0.1", "[*]:127.0.0.1"),
            ("localhost", "[*]:localhost"),
            ("-5", "[*]:-5"),
            ("+P", "[*]:+P"),
            ("localhost:Px", "[localhost]:Px"),
        ] {
            let failure = run.listens_at(&[format!("--inet={value}")]);
            let error = error_of(&failure);
            let expected = format!("ERROR: Could not determine port number from host {shown}");
            run.expect(value, error, expected);
        }
    });
}

/// The line that says why a server did not start.
pub fn error_of(failure: &str) -> &str {
    failure.lines().find(|line| line.starts_with("ERROR: ")).unwrap_or(failure)
}

/// The text that the original adds to an error.
pub const AT: &str = "at /usr/sbin/postgrey line 781.";

#[test]
fn an_unavailable_address_is_reported() {
    case(|run| {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = taken.local_addr().expect("its address").port();
        let failure = run.listens_at(&[format!("--inet=127.0.0.1:{port}")]);
        let said = error_of(&failure).replace(&port.to_string(), "P");
        let words = "ERROR: Can't connect to TCP port P on 127.0.0.1 [Address already in use]";
        let ours = format!("{words}; another program listens there");
        run.expect("taken", said, differs("X48", format!("{words} {AT}"), ours));

        let failure = run.listens_at(&["--inet=192.0.2.1:10023"]);
        let words = "ERROR: Can't connect to TCP port 10023 on 192.0.2.1 \
                     [Cannot assign requested address]";
        let ours = format!("{words}; this machine has no such address");
        run.expect("not here", error_of(&failure), differs("X48", format!("{words} {AT}"), ours));
    });
}

#[test]
fn an_address_that_the_machine_lacks_does_not_keep_the_others_from_working() {
    case(|run| {
        let Some(view) = View::new() else { return };
        let (seen, _) = sockets_and_log(run, &view, "partly.test:P");
        let theirs = format!(
            "ERROR: Can't connect to TCP port P on 192.0.2.1 [Cannot assign requested address] {AT}"
        );
        run.expect("sockets", error_of(&seen), differs("X49", theirs, "127.0.0.1:P"));
    });
}

#[test]
fn a_port_that_does_not_exist_is_refused() {
    case(|run| {
        for (value, theirs, shown) in [
            ("127.0.0.1:87654", "127.0.0.1:22118", "[127.0.0.1]:87654"),
            ("22117/udp", "", "[*]:22117/udp"),
        ] {
            let seen = run.listens_at(&[format!("--inet={value}")]);
            let ours = format!("ERROR: Could not determine port number from host {shown}");
            run.expect(value, error_of(&seen), differs("X50", theirs, ours));
        }
    });
}

#[test]
fn names_of_services_are_ports() {
    if !Path::new("/etc/services").exists() {
        return;
    }
    case(|run| {
        let scratch = Scratch::new();
        let port = free_port();
        let services = scratch.file("services", format!("greylisting {port}/tcp\n"));
        let mount = "mount --bind \"$1\" /etc/services";
        let Some(namespace) = Namespace::new(mount, &[&services]) else { return };
        let view = View { namespace, _scratch: scratch };
        let words = "--inet=127.0.0.1:greylisting";
        let server = run.listen_by(view.command(run), Scratch::new(), &[words]).expect("a server");
        let anonymous = |text: String| text.replace(&port.to_string(), "P");
        run.expect("sockets", anonymous(server.sockets().join("\n")), "127.0.0.1:P");
        run.note("log", anonymous(server.log()));
    });
}
