//! Lines of whitelists that mean nothing, or not what their author thinks.

use crate::case::{Run, case, differs};
use crate::mail::{GREYLISTED, mail};
use crate::normalise;
use testkit::{Builder, Daemon, Program};

/// The messages of the server about its lists at the start: `clients line 1: …`.
fn complaints(run: &Run, daemon: &Daemon) -> Vec<String> {
    let lines = daemon.log();
    let lines = lines.iter().map(|line| normalise::log_line(run.program(), line, daemon.scratch()));
    lines.filter_map(|line| line.strip_prefix("DIR/whitelist_").map(str::to_string)).collect()
}

fn with(list: &str) -> impl Fn(Builder) -> Builder {
    move |builder| builder.whitelist_clients(list)
}

#[test]
fn invalid_networks_are_reported() {
    let list = "192.0.2.256\n192.0.2.1/33\n2001:db8::/129\n2001:db8:1\n1::2::3\nnext.example\n";
    case(|run| {
        let mut server = run.start_with(with(list));
        let told = [
            "clients line 1: 192.0.2.256 is not an IPv4 address: its numbers are 0 to 255",
            "clients line 2: 192.0.2.1/33 is not an IPv4 network: its length is 0 to 32",
            "clients line 3: 2001:db8::/129 is not an IPv6 network: its length is 0 to 128",
            "clients line 4: 2001:db8:1 is not an IPv6 address; write it like 2001:db8::1 or \
             2001:db8::/32, and nothing after it",
            "clients line 5: 1::2::3 is not an IPv6 address; write it like 2001:db8::1 or \
             2001:db8::/32, and nothing after it",
        ];
        run.expect("complaints", complaints(run, server.daemon()), differs("X34", "", told));
        server.ask(&mail().with("client_name", "next.example").at(0), "DUNNO");
        server.ask(&mail().with("client_address", "192.0.2.1").at(0), GREYLISTED);
        let _ = server.stop().ignore("log");
    });
}

#[test]
fn numbers_with_leading_zeros_are_refused() {
    case(|run| {
        let mut server = run.start_with(with("010.1.1.1\n"));
        let told = "clients line 1: 010.1.1.1 has leading zeros, which some programs take for \
                    octal; write 10.1.1.1";
        run.expect("complaints", complaints(run, server.daemon()), differs("X35", "", told));
        let octal = mail().with("client_address", "8.1.1.1");
        server.ask(&octal.at(0), differs("X35", "DUNNO", GREYLISTED));
        let decimal = mail().with("client_address", "10.1.1.1").with("sender", "");
        server.ask(&decimal.at(0), GREYLISTED);
        let _ = server.stop().ignore("log").ignore("triplets");
    });
}

#[test]
fn a_broken_pattern_does_not_stop_the_start() {
    case(|run| {
        let list = "/mx(/\nnext.example\n";
        let builder = with(list)(Daemon::builder(run.program()));
        let seen = match run.program() {
            Program::Theirs => builder.fail_to_start().status.to_string(),
            Program::Ours => {
                let daemon = builder.start();
                let mut client = daemon.client();
                client.send(&mail().with("client_name", "next.example").at(0).bytes());
                let reply = client.reply().expect("a reply");
                [complaints(run, &daemon), vec![reply]].concat().join("\n")
            }
        };
        let told = "clients line 1: pattern ignored, a ( lacks its ); write \\( for the character";
        run.expect("the start", seen, differs("X36", "exit status: 25", [told, "DUNNO"]));
    });
}

#[test]
fn patterns_that_pcre2_reads_differently_are_refused() {
    for pattern in
        [r"\p{Han}|x", "(*ACCEPT)x", r"(?<=(?>a))b|x", r"(?x)mx|x", r"(?(?=m)mx|x)", r"[[:al:]]|x"]
    {
        case(|run| {
            let mut server = run.start_with(with(&format!("/{pattern}/\n")));
            let told = complaints(run, server.daemon());
            let told: Vec<&str> = told.iter().map(|text| &text[..text.len().min(31)]).collect();
            let ours = "clients line 1: pattern ignored";
            run.expect("complaint", told.join("\n"), differs("X37", "", ours));
            let attempt = mail().with("client_name", "mxa.x");
            server.ask(&attempt.at(0), differs("X37", "DUNNO", GREYLISTED));
            let _ = server.stop().ignore("log").ignore("triplets");
        });
    }
}
