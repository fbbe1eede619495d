//! The addresses of `--inet` on machines that lack IPv6, names, or the right to a
//! port (BEHAVIOUR B2, B4).

use crate::case::{Run, case, differs};
use crate::listening::{AT, View, error_of, has_ipv6, sockets_and_log};
use crate::mail::mail;
use crate::process::{self, Process, outcome, printed, usual_words};
use std::fs;
use std::process::Command;
use testkit::{Client, Scratch, free_port, wait_for};

/// A network of its own, in which `$1` was done first.
const OWN_NETWORK: &str = "ip link set lo up; eval \"$1\"; shift; exec \"$@\"";

fn in_own_network(run: &Run, view: &View, script: &str) -> Command {
    let words = ["/usr/bin/unshare", "--net", "/bin/sh", "-euc", OWN_NETWORK, "sh", script];
    let mut command = view.enter();
    command.args(words).arg(run.program().path());
    command
}

/// The addresses on which the program listens there, or its error; `None` if such a
/// network is not possible.
fn sockets_in_own_network(run: &Run, script: &str, option: &str) -> Option<String> {
    let view = View::new()?;
    let command = in_own_network(run, &view, script);
    Some(match run.listen_by(command, Scratch::new(), &[option]) {
        Ok(server) => server.sockets().join("\n"),
        Err(failure) => error_of(&failure).to_string(),
    })
}

#[test]
fn a_name_without_an_ipv6_address_is_one_of_ipv4() {
    case(|run| {
        let Some(view) = View::with_hosts("127.0.0.1 localhost\n") else { return };
        for value in ["P", "localhost:P"] {
            let (sockets, log) = sockets_and_log(run, &view, value);
            run.expect(value, sockets, "127.0.0.1:P");
            let lines = [
                "Resolved [localhost]:P to [127.0.0.1]:P, IPv4",
                "Binding to TCP port P on host 127.0.0.1 with IPv4",
            ];
            run.expect(format!("{value}: log"), log, lines);
        }
    });
}

#[test]
fn ipv4_addresses_may_be_written_as_ipv6() {
    if has_ipv6() {
        case(|run| {
            let Some(view) = View::new() else { return };
            let (sockets, log) = sockets_and_log(run, &view, "::ffff:127.0.0.1:P");
            run.expect("sockets", sockets, "[::ffff:127.0.0.1]:P");
            run.note("log", log);
        });
    }
}

#[test]
fn a_machine_without_ipv6_listens_at_its_ipv4_address() {
    if !has_ipv6() {
        return;
    }
    case(|run| {
        let script = "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6";
        let Some(seen) = sockets_in_own_network(run, script, "--inet=10023") else { return };
        let theirs = format!(
            "ERROR: Can't connect to TCP port 10023 on ::1 [Cannot assign requested address] {AT}"
        );
        run.expect("sockets", seen, differs("X49", theirs, "127.0.0.1:10023"));
    });
}

#[test]
fn an_unknown_name_is_reported() {
    case(|run| {
        let Some(view) = View::new() else { return };
        // No name server can be reached from here.
        let command = in_own_network(run, &view, ":");
        let words = ["--inet=nosuchhost.invalid:10023"];
        let failure = run.listen_by(command, Scratch::new(), &words).map(|_| "listens");
        let failure = failure.expect_err("no such host");
        let reason = "Temporary failure in name resolution";
        let expected = format!("ERROR: Unresolveable [nosuchhost.invalid]:10023: {reason}");
        run.expect("error", error_of(&failure), expected);
    });
}

#[test]
fn a_free_port_is_chosen_for_all_addresses() {
    if !has_ipv6() {
        return;
    }
    case(|run| {
        for value in ["0", "localhost:0"] {
            let Some(view) = View::new() else { return };
            let mut command = view.enter();
            command.arg(run.program().path());
            let words = [format!("--inet={value}")];
            let server = run.listen_by(command, Scratch::new(), &words).expect("a server");
            let sockets = server.sockets().join("\n");
            let port = sockets.rsplit(':').next().unwrap_or_default().to_string();
            let anonymous = |text: &str| text.replace(&port, "P");
            run.expect(value, anonymous(&sockets), "127.0.0.1:P\n[::1]:P");
            let (ipv6, ipv4) = (["[::1]", "::1", "IPv6"], ["[127.0.0.1]", "127.0.0.1", "IPv4"]);
            let resolved = |port: &str| {
                [ipv6, ipv4].map(|[shown, _, family]| {
                    format!("Resolved [localhost]:0 to {shown}:{port}, {family}")
                })
            };
            let binding = |port: &str, [_, host, family]: [&str; 3]| {
                format!("Binding to TCP port {port} on host {host} with {family}")
            };
            let auto = "  Bound to auto-assigned port P".to_string();
            let theirs = [
                "Determining auto-assigned port (0) for host localhost (prebind)".to_string(),
                auto.clone(),
            ];
            let theirs = [&theirs[..], &resolved("P"), &[binding("P", ipv6), binding("P", ipv4)]];
            let ours = [&resolved("0")[..], &[binding("0", ipv6), auto, binding("P", ipv4)]];
            let log = anonymous(&server.log());
            run.expect(format!("{value}: log"), log, {
                differs("X81", theirs.concat(), ours.concat())
            });
        }
    });
}

#[test]
fn a_service_alone_is_its_port_at_all_addresses() {
    if !has_ipv6() {
        return;
    }
    case(|run| {
        let Some(view) = View::new() else { return };
        let command = in_own_network(run, &view, ":");
        let server = run.listen_by(command, Scratch::new(), &["--inet=smtp"]).expect("a server");
        run.expect("sockets", server.sockets(), "[::]:25");
        run.note("log", server.log());
    });
}

#[test]
fn an_ipv6_address_without_a_port_is_refused() {
    if !has_ipv6() {
        return;
    }
    case(|run| {
        let Some(seen) = sockets_in_own_network(run, ":", "--inet=::1") else { return };
        let ours = "ERROR: Could not determine port number from host [*]:::1";
        run.expect("sockets", seen, differs("X50", "[::]:1", ours));
    });
}

/// Starts the program as the user `nobody` in a network of its own, and asks it
/// by a client that is made by `connect`: what it says up to its reply or its
/// end, without the numbers of users and groups.
fn of_nobody(run: &Run, words: &[&str], connect: impl Fn(&Scratch) -> Option<Client>) -> String {
    let scratch = Scratch::new();
    let words = usual_words(&scratch, words);
    let program = process::of_nobody(run, &scratch);
    let mut command = Command::new(&program[0]);
    command.args(&program[1..]);
    let mut process = Process::start_by(command, run.program(), &scratch, &words);
    let serves = wait_for("a reply or an end", || {
        // One that is about to end may not answer.
        let reply = connect(&scratch).and_then(|mut client| client.try_to_ask(&mail().at(0)));
        reply.map(|_| true).or(process.has_ended().then_some(false))
    });
    let said = match serves {
        true => format!("{}serves", printed(&scratch, "stderr")),
        false => outcome(&scratch, process.wait(|| ())).shown_roughly(),
    };
    let lines = said.lines().filter(|line| {
        let others = ["TIME ", "Binding ", "action="];
        !others.iter().any(|start| line.starts_with(start))
    });
    let number = regex::Regex::new("\"[0-9 ]+\"").expect("a pattern");
    number.replace_all(&lines.collect::<Vec<_>>().join("\n"), "\"N\"").into_owned()
}

#[test]
fn an_ordinary_user_serves_as_himself() {
    case(|run| {
        let port = free_port();
        let address = format!("127.0.0.1:{port}");
        let inet = format!("--inet={address}");
        let seen = of_nobody(run, &[&inet], |_| Client::tcp(&address).ok());
        let gid = "Couldn't become gid \"N\": Operation not permitted";
        let uid = "Couldn't become uid \"N\": Operation not permitted";
        let theirs = ["Setting gid to \"N\"", gid, "serves"];
        run.expect("a port", seen, differs("X80", theirs, [gid, uid, "serves"]));

        let seen = of_nobody(run, &["--unix=socket"], |scratch| {
            Client::unix(&scratch.path().join("socket")).ok()
        });
        let theirs = [
            "ERROR: Couldn't chown \"socket\" [Operation not permitted] at DIR/postgrey line 781.",
            "failure",
        ];
        run.expect("a socket", seen, differs("X80", theirs, [gid, uid, "serves"]));
    });
}

#[test]
fn low_ports_are_root_s() {
    // Containers often let everybody have them.
    let first = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if first.is_ok_and(|first| first.trim().parse().unwrap_or(1024) <= 24) {
        return;
    }
    case(|run| {
        let seen = of_nobody(run, &["--inet=127.0.0.1:24"], |_| None);
        let words = "ERROR: Can't connect to TCP port 24 on 127.0.0.1 [Permission denied]";
        let theirs = format!("{words} at DIR/postgrey line 781.");
        let ours = format!("{words}; start it as root; it drops root's rights after binding");
        run.expect("error", error_of(&seen), differs("X48", theirs, ours));
    });
}
