//! The files of the whitelists, and their reload at HUP (BEHAVIOUR F1, C5).

use crate::background::Background;
use crate::case::{Run, case, differs};
use crate::mail::mail;
use crate::process::{Process, usual_words};
use nix::sys::signal::Signal;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use testkit::namespace::Namespace;
use testkit::{Client, Program, Scratch, wait_for};

/// The lines that tell of lists, from a server that read these.
fn told_of(run: &Run, lists: impl Fn(&Scratch) -> Vec<String>) -> String {
    let scratch = Scratch::new();
    let words = lists(&scratch);
    let server = run.listen(scratch, &[vec!["--unix=socket".to_string()], words].concat());
    let log = server.expect("a server").log();
    log.lines().filter(|line| !line.starts_with("Binding")).collect::<Vec<_>>().join("\n")
}

#[test]
fn missing_files_are_reported_except_local_ones() {
    case(|run| {
        for kind in ["clients", "recipients"] {
            for (name, told) in [
                ("missing", "can't open missing: No such file or directory"),
                ("missing.local", ""),
                ("/dev/null", ""),
            ] {
                let seen = told_of(run, |_| vec![format!("--whitelist-{kind}={name}")]);
                run.expect(format!("{kind}: {name}"), seen, told);
            }
        }
    });
}

#[test]
fn a_directory_is_not_a_list() {
    case(|run| {
        let seen = told_of(run, |scratch| {
            let folder = scratch.subdirectory("folder");
            vec![format!("--whitelist-clients={}", folder.display())]
        });
        run.expect("told", seen.replace("can't open ", ""), {
            differs("X38", "", "DIR/folder: Is a directory")
        });
    });
}

#[test]
fn several_files_are_one_list_and_lines_are_counted_in_each() {
    case(|run| {
        let scratch = Scratch::new();
        let first = scratch.file("first", "one.example\nfoo bar\n");
        let second = scratch.file("second", "\nfoo bar\ntwo.example\n");
        let words = [first, second].map(|file| format!("--whitelist-clients={}", file.display()));
        let mut server = run.start_with(|builder| builder.args(words));
        for name in ["one.example", "two.example"] {
            server.ask(&mail().with("client_name", name).at(0), "DUNNO");
        }
        let log = server.stop().ignore("log").log_lines();
        let told: Vec<String> =
            log.into_iter().filter(|line| line.contains("look like a hostname")).collect();
        let told = told.join("\n").replace(&scratch.path().display().to_string(), "LISTS");
        let told = told.replace("doesn't look like a hostname", "is no name");
        run.expect(
            "told",
            told,
            ["LISTS/first line 2: is no name", "LISTS/second line 2: is no name"],
        );
    });
}

/// Who is whitelisted by the default lists, of which each has a host or a user
/// of its own.
fn known_by_default(run: &Run, words: &[&str]) -> Option<String> {
    let scratch = Scratch::new();
    let lists = scratch.subdirectory("lists");
    for (name, rule) in [
        ("whitelist_clients", "a.example\n"),
        ("whitelist_clients.local", "b.example\n"),
        ("whitelist_recipients", "c@\n"),
        ("whitelist_recipients.local", "d@\n"),
    ] {
        fs::write(lists.join(name), rule).expect("a list");
    }
    let own = scratch.file("own", "e.example\nf@\n");
    fs::create_dir_all("/etc/postgrey").expect("the package's directory");
    let namespace = Namespace::new("mount --bind \"$1\" /etc/postgrey", &[&lists])?;
    let [nsenter, mount] = namespace.words();
    let mut command = Command::new(nsenter);
    command.arg(mount).arg("--wd=.").arg(run.program().path());
    let dbdir = format!("--dbdir={}", scratch.subdirectory("db").display());
    let words: Vec<String> =
        words.iter().map(|w| w.replace("OWN", &own.display().to_string())).collect();
    let words = [vec!["--unix=socket".to_string(), dbdir], words].concat();
    let process = Process::start_by(command, run.program(), &scratch, &words);
    let path = scratch.path().join("socket");
    let mut client = wait_for("a server", || Client::unix(&path).ok());
    let mut known = String::new();
    for name in ["a", "b", "c", "d", "e", "f"] {
        let by_client = mail().with("client_name", format!("{name}.example")).at(0);
        let by_recipient = mail().with("recipient", format!("{name}@example.org")).at(0);
        if [by_client, by_recipient].iter().any(|attempt| client.ask(attempt) == "DUNNO") {
            known.push_str(name);
        }
    }
    drop(process);
    Some(known)
}

#[test]
fn a_list_of_clients_or_recipients_takes_the_place_of_both_usual_ones() {
    case(|run| {
        for (words, known) in [
            (&[][..], "abcd"),
            (&["--whitelist-clients=OWN"], "cde"),
            (&["--whitelist-recipients=OWN"], "abf"),
            (&["--whitelist-clients=OWN", "--whitelist-recipients=OWN"], "ef"),
        ] {
            let Some(seen) = known_by_default(run, words) else { return };
            run.expect(words.join(" "), seen, known);
        }
    });
}

#[test]
fn names_that_a_shell_would_take_for_more_are_names() {
    case(|run| {
        for name in [">list", "list|"] {
            let scratch = Scratch::new();
            scratch.file(name, "mx.example.com\n");
            let words = usual_words(
                &scratch,
                &["--unix=socket".to_string(), format!("--whitelist-clients={name}")],
            );
            let mut process = Process::start(run, &scratch, &words);
            let path = scratch.path().join("socket");
            let seen = wait_for("a server or an end", || match Client::unix(&path) {
                Ok(mut client) => Some(client.ask(&mail().at(0))),
                Err(_) => process.has_ended().then(|| "dies".to_string()),
            });
            run.expect(name, seen, differs("X82", "dies", "DUNNO"));
        }
    });
}

#[test]
fn comments_blanks_and_odd_bytes() {
    let list: &[u8] = b"/one#comment/\n/two\\#more/\n/thr\\x65e/#\n\x0b four.example\x0c\r\n\
        five.example\rmore\n\xef\xbb\xbfseven.example\n eight.example";
    case(|run| {
        let mut server = run.start_with(|builder| builder.whitelist_clients(list));
        for (name, is_known) in [
            ("one", false),
            ("/one", true),
            ("two#more", false),
            ("three", true),
            ("four.example", true),
            ("five.example", false),
            ("seven.example", false),
            ("eight.example", true),
        ] {
            let reply = server.reply_to(&mail().with("client_name", name).at(0));
            run.expect(name, (reply == "DUNNO").to_string(), is_known.to_string());
        }
    });
}

/// A server with a list that lets the usual client pass, and the list.
fn with_list(run: &Run) -> Option<(Background, std::path::PathBuf)> {
    let scratch = Scratch::new();
    let list = scratch.file("clients", "mx.example.com\n");
    // Root reads it at the start: ours only where no other user can have put it.
    fs::set_permissions(&list, Permissions::from_mode(0o600)).expect("chmod");
    chown(scratch.path(), Some(0), Some(0)).expect("chown");
    let words = [format!("--whitelist-clients={}", list.display())];
    let server = run.background_in(scratch, &words)?;
    run.expect("before", server.client().ask(&mail().at(0)), "DUNNO");
    Some((server, list))
}

/// The answer for the usual client after the list was changed and HUP sent, and the
/// messages about the list.
fn after_hup(run: &Run, change: impl Fn(&Path)) -> Option<(String, String)> {
    let (server, list) = with_list(run)?;
    change(&list);
    server.signal(Signal::SIGHUP);
    let _ = Client::unix(&server.scratch().path().join("socket"));
    // Ours has warned of a list that only root can read at the start.
    server.datagrams_until("HUP received");
    let is_theirs = run.program() == Program::Theirs;
    let told = server.datagrams_until(if is_theirs { "open" } else { "clients" }).pop();
    let reply = Client::unix(&server.scratch().path().join("socket"))
        .ok()
        .and_then(|mut client| client.try_to_ask(&mail().at(1)));
    let fate = match reply.as_deref() {
        Some("DUNNO") => "passes",
        Some(_) => "waits",
        None => "dies",
    };
    Some((fate.to_string(), told.expect("a line").trim_end_matches(r"\n").to_string()))
}

#[test]
fn a_list_that_cannot_be_read_at_hup_keeps_its_rules() {
    case(|run| {
        let deleted: &dyn Fn(&Path) = &|list| fs::remove_file(list).expect("the list");
        let of_root: &dyn Fn(&Path) = &|_| ();
        for (what, change, why) in [
            ("deleted", deleted, "No such file or directory"),
            ("root's", of_root, "Permission denied"),
        ] {
            let Some((fate, told)) = after_hup(run, change) else { return };
            run.expect(what, fate, differs("X38", "waits", "passes"));
            let theirs = format!("<20>WARNING: can't open DIR/clients: {why}");
            run.expect(
                format!("{what}: told"),
                told,
                differs("X38", theirs.clone(), {
                    format!("{theirs}; its rules stay as they were")
                }),
            );
        }
    });
}

#[test]
fn a_broken_pattern_at_hup_does_not_end_it() {
    case(|run| {
        let (server, list) = match with_list(run) {
            Some(both) => both,
            None => return,
        };
        fs::set_permissions(&list, Permissions::from_mode(0o644)).expect("chmod");
        fs::write(&list, "/(/\nmx.example.com\n").expect("the list");
        let is_theirs = run.program() == Program::Theirs;
        let (fate, told) = if is_theirs {
            let fate = server.end_by(Signal::SIGHUP);
            (fate, server.datagrams_until("Unmatched").pop())
        } else {
            server.signal(Signal::SIGHUP);
            let told = server.datagrams_until("/clients line").pop();
            (server.client().ask(&mail().at(1)), told)
        };
        run.expect("fate", fate, differs("X36", "exit status: 25", "DUNNO"));
        let told = told.expect("a line").trim_end_matches(r"\n").to_string();
        let told = told.split("; marked").next().unwrap_or_default().to_string();
        let theirs = "<18>FATAL: Unmatched ( in regex";
        let ours = "<20>WARNING: DIR/clients line 1: pattern ignored";
        run.expect(
            "told",
            told.split(", a ( ").next().unwrap_or_default(),
            differs("X36", theirs, ours),
        );
    });
}
