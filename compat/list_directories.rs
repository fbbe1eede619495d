//! Directories of drop-ins (BEHAVIOUR F1).

use crate::case::{Run, case, differs};
use crate::mail::mail;
use std::fs;
use testkit::Scratch;

/// The answers for clients and the messages about lists, with a list of clients
/// and its drop-ins.
fn seen(run: &Run, beside: &[(&str, &str)], clients: &[&str]) -> (Vec<String>, String) {
    let scratch = Scratch::new();
    let list = scratch.file("list", "list.example\n");
    for (name, lines) in beside {
        let path = scratch.path().join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, lines).expect("a file");
    }
    let word = format!("--whitelist-clients={}", list.display());
    let mut server = run.start_with(|builder| builder.arg(&word));
    let replies = clients.iter().map(|name| {
        let reply = server.reply_to(&mail().with("client_name", *name).at(0));
        if reply == "DUNNO" { "passes".to_owned() } else { "waits".to_owned() }
    });
    let replies = replies.collect();
    let log = server.stop().ignore("log").ignore("triplets").log_lines();
    let place = scratch.path().display().to_string();
    let told = log.into_iter().filter(|line| line.contains(&place) || line.contains("can't open"));
    (replies, told.collect::<Vec<_>>().join("\n").replace(&place, "DIR"))
}

#[test]
fn drop_ins_are_read() {
    case(|run| {
        let beside = [
            ("list.d/b.conf", "no name\nb.example\n"),
            ("list.d/a.conf", "a.example\n"),
            ("list.d/other", "other.example\n"),
        ];
        let clients = ["list.example", "a.example", "b.example", "other.example"];
        let (replies, told) = seen(run, &beside, &clients);
        run.expect("the list's own", replies[0].clone(), "passes");
        for (name, reply) in clients.iter().zip(&replies).skip(1).take(2) {
            run.expect(*name, reply.clone(), differs("X96", "waits", "passes"));
        }
        run.expect("another name", replies[3].clone(), "waits");
        let complaint = "DIR/list.d/b.conf line 1: doesn't look like a hostname";
        run.expect("told", told, differs("X96", "", complaint));
    });
}

#[test]
fn without_a_directory_nothing_is_said() {
    case(|run| {
        let (replies, told) = seen(run, &[], &["list.example", "a.example"]);
        run.expect("replies", replies.join(" "), "passes waits");
        run.expect("told", told, "");
    });
}
