//! The daemon in the background: its process, its pid file and what syslog
//! hears of it (BEHAVIOUR C2 to C5).

use crate::background::Background;
use crate::case::{Run, case, differs};
use crate::mail::mail;
use nix::sys::signal::Signal;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use testkit::{Program, Scratch, wait_for};

/// The server with one request answered, so that it is known to serve.
fn serving(run: &Run, options: &[&str]) -> Option<Background> {
    let server = run.background(options)?;
    server.client().ask(&mail().at(0));
    Some(server)
}

#[test]
fn each_line_is_a_datagram_with_a_priority_and_a_newline() {
    case(|run| {
        let Some(server) = serving(run, &[]) else { return };
        run.expect("end", server.end_by(Signal::SIGTERM), "exit status: 0");
        let seen = server.datagrams_until("Server closing!");
        let expected = [
            r"<21>Process Backgrounded\n",
            r"<21>TIME postgrey (type Net::Server::Multiplex) starting! pid(PID)\n",
            r#"<21>Binding to UNIX socket file "socket"\n"#,
            r#"<21>Setting gid to "107 107"\n"#,
            r#"<21>Setting uid to "103"\n"#,
            concat!(
                "<21>action=greylist, reason=new, client_name=mx.example.com, ",
                "client_address=192.0.2.7, sender=alice@example.com, recipient=bob@example.org\\n"
            ),
            r"<21>TIME Server closing!\n",
        ];
        run.expect("lines", numbered(&seen), numbered(&expected.map(str::to_string)));
    });
}

fn numbered(lines: &[String]) -> Vec<String> {
    let number = regex::Regex::new("\"[0-9 ]+\"").expect("a pattern");
    lines.iter().map(|line| number.replace(line, "\"N\"").into_owned()).collect()
}

#[test]
fn quiet_and_verbose_choose_by_priority() {
    case(|run| {
        for option in ["-q", "-v"] {
            let Some(server) = serving(run, &[option]) else { return };
            let mut client = server.client();
            client.send(b"garbage\nrequest=junk\n\n");
            let seen = server.datagrams_until("'junk'");
            run.note(option, seen);
        }
    });
}

#[test]
fn the_facility_is_an_option_with_names_in_any_case() {
    case(|run| {
        for (option, priority) in [
            ("--facility=local0", "<133>"),
            ("--syslog-facility=LOCAL3", "<157>"),
            ("--syslogfacility=LOG_LOCAL4", "<165>"),
            ("--facility=daemon", "<29>"),
            ("--facility=user", "<13>"),
            ("--facility=mail", "<21>"),
            ("--facility=authpriv", "<85>"),
            ("--facility=0", "<21>"),
        ] {
            let Some(server) = run.background(&[option]) else { return };
            let lines = server.datagrams_until("Binding to ");
            let told = lines.iter().all(|line| line.starts_with(priority)).to_string();
            run.expect(option, told, "true");
        }
    });
}

#[test]
fn warnings_and_errors_have_priorities_of_their_own() {
    case(|run| {
        let Some(server) = run.background(&[""; 0]) else { return };
        let mut client = server.client();
        client.ask(&mail().without("sender"));
        client.send(b"garbage\n\n");
        client.send(b"request=junk\n\n");
        let seen = server.datagrams_until("'junk'");
        // The lines of the start belong to another case.
        let seen: Vec<String> =
            seen.into_iter().skip_while(|l| !l.contains("Setting uid")).collect();
        let seen = &seen[1..];
        run.expect("a warning of Perl's", seen[0].clone(), {
            let line = "<20>WARNING: attribute missing: sender\\n";
            differs("X57", format!("{line}\\n"), line)
        });
        run.expect(
            "the others",
            seen[1..].to_vec(),
            [
                r"<20>ignoring garbage: <garbage>\n",
                r"<19>unrecognized request type: ''\n",
                r"<19>unrecognized request type: 'junk'\n",
            ],
        );
    });
}

#[test]
fn long_lines_and_foreign_bytes_go_as_they_are() {
    case(|run| {
        let Some(server) = run.background(&[""; 0]) else { return };
        let mut client = server.client();
        client.ask(&mail().with("sender", b"\xc3\xa9\xff@x").at(0));
        client.ask(&mail().with("sender", "x".repeat(500)).with("helo_name", "y").at(0));
        client.ask(&mail().with("recipient", "last@x").at(0));
        let seen = server.datagrams_until("last@x");
        run.note("lines", seen.into_iter().filter(|l| l.contains("action=")).collect::<Vec<_>>());
    });
}

#[test]
fn control_characters_are_escaped() {
    case(|run| {
        let Some(server) = run.background(&[""; 0]) else { return };
        server.client().ask(&mail().with("sender", b"a\x1b[2J\t@x").at(0));
        let seen = server.datagrams_until("action=").pop().expect("a line");
        let (_, seen) = seen.split_once("sender=").expect("a sender");
        let (seen, _) = seen.split_once(',').expect("more");
        run.expect("sender", seen, differs("X62", r"a\x1b[2J\t@x", "a%1B[2J%09@x"));
    });
}

#[test]
fn ps_shows_the_name_and_all_words() {
    case(|run| {
        let Some(server) = serving(run, &["--delay=7", "left", "", "over"]) else { return };
        let line = fs::read(server.proc("cmdline")).expect("its command line");
        let line = line.iter().map(|byte| if *byte == 0 { ' ' } else { char::from(*byte) });
        let line = line.collect::<String>();
        let line = line.trim_end().replace(&server.scratch().path().display().to_string(), "DIR");
        run.expect(
            "command line",
            line,
            concat!(
                "postgrey --dbdir=DIR/db --whitelist-clients=DIR/nothing ",
                "--whitelist-recipients=DIR/nothing -d --unix=socket --pidfile=pid --delay=7 ",
                "left  over"
            ),
        );
    });
}

#[test]
fn the_daemon_leads_a_session_without_terminal_and_stays_where_it_was_started() {
    case(|run| {
        let Some(server) = serving(run, &[]) else { return };
        let stat = fs::read_to_string(server.proc("stat")).expect("its state");
        let (_, fields) = stat.rsplit_once(") ").expect("a name");
        let fields: Vec<&str> = fields.split(' ').collect();
        let pid = server.pid().to_string();
        let leads = |field: &str| (field == pid).to_string();
        run.expect("leader of its group", leads(fields[2]), "true");
        run.expect("leader of its session", leads(fields[3]), "true");
        run.expect("terminal", fields[4], "0");
        let place = fs::read_link(server.proc("cwd")).expect("its directory");
        run.expect("directory", (place == server.scratch().path()).to_string(), "true");
        for descriptor in ["fd/0", "fd/1", "fd/2"] {
            let target = fs::read_link(server.proc(descriptor)).expect("a descriptor");
            run.expect(descriptor, target.display().to_string(), "/dev/null");
        }
        let status = fs::read_to_string(server.proc("status")).expect("its state");
        let wanted = ["Umask:", "Uid:", "Gid:", "Groups:", "CapEff:", "CapPrm:"];
        let told = status.lines().filter(|line| wanted.iter().any(|name| line.starts_with(name)));
        // The original has its group twice among the supplementary ones.
        let group = nix::unistd::Group::from_name("postgrey").ok().flatten().expect("its group");
        let (twice, once) = (format!("{0} {0}", group.gid), group.gid.to_string());
        let told = told.map(|line| line.trim_end().replace(&twice, &once));
        run.note("rights", told.collect::<Vec<_>>());
    });
}

#[test]
fn the_pid_file_holds_the_number_and_all_may_read_it() {
    case(|run| {
        let Some(server) = serving(run, &[]) else { return };
        let path = server.scratch().path().join("pid");
        let text = fs::read_to_string(&path).expect("the file");
        run.expect("content", (text == format!("{}\n", server.pid())).to_string(), "true");
        let metadata = fs::metadata(&path).expect("the file");
        run.expect("mode", format!("{:o}", metadata.permissions().mode() & 0o7777), "644");
        let owner = if metadata.uid() == 0 { "root" } else { "postgrey" };
        run.expect("owner", owner, differs("X58", "postgrey", "root"));
        run.expect("end", server.end_by(Signal::SIGTERM), "exit status: 0");
        run.expect("left", path.exists().to_string(), "false");
    });
}

#[test]
fn a_pid_file_of_a_dead_process_is_replaced() {
    case(|run| {
        let scratch = Scratch::new();
        scratch.file("pid", "2147483646\n");
        let Some(server) = run.background_in(scratch, &[""; 0]) else { return };
        server.client().ask(&mail().at(0));
        let seen = server.datagrams_until("action=");
        let told = seen.iter().filter(|line| line.contains("Overwriting"));
        run.note(
            "warning",
            told.map(|line| line.replace(r"\n\n", r"\n").replace("(the parent) ", ""))
                .collect::<Vec<_>>(),
        );
    });
}

#[test]
fn term_and_int_stop_and_tidy_up() {
    case(|run| {
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT] {
            let Some(server) = serving(run, &[]) else { return };
            run.expect(signal, server.end_by(signal), "exit status: 0");
            run.expect(format!("{signal}: left"), server.files(), "[false, false]");
        }
    });
}

#[test]
fn hup_reloads_the_lists_and_keeps_connections() {
    case(|run| {
        let scratch = Scratch::new();
        let list = scratch.file("clients", "");
        let words = [format!("--whitelist-clients={}", list.display())];
        let Some(server) = run.background_in(scratch, &words) else { return };
        let mut client = server.client();
        let reply = client.ask(&mail().at(0));
        run.expect("before", reply.starts_with("DEFER").to_string(), "true");
        fs::write(&list, "mx.example.com\n").expect("the list");
        server.signal(Signal::SIGHUP);
        // The original acts on it when something happens at its socket.
        drop(server.client());
        let told = server.datagrams_until("HUP").pop().expect("a line");
        run.expect("told", told, r"<20>HUP received: reloading whitelists...\n");
        let mut after = || client.ask(&mail().at(1));
        let reply = match run.program() {
            Program::Theirs => after(),
            // Ours answers by the old list until it has read the new one.
            Program::Ours => wait_for("the new list", || Some(after()).filter(|it| it == "DUNNO")),
        };
        run.expect("after", reply, "DUNNO");
    });
}

#[test]
fn usr1_logs_statistics() {
    case(|run| {
        let Some(server) = serving(run, &[]) else { return };
        let fate = match run.program() {
            Program::Theirs => server.end_by(Signal::SIGUSR1),
            Program::Ours => {
                server.signal(Signal::SIGUSR1);
                server.datagrams_until("statistics: ");
                server.client().ask(&mail().at(1));
                "serves".to_string()
            }
        };
        run.expect("it", fate, differs("X59", "signal: SIGUSR1", "serves"));
    });
}

#[test]
fn files_in_a_directory_of_root_stay() {
    case(|run| {
        let scratch = Scratch::new();
        std::os::unix::fs::chown(scratch.path(), Some(0), Some(0)).expect("chown");
        let Some(server) = run.background_in(scratch, &[""; 0]) else { return };
        server.client().ask(&mail().at(0));
        run.expect("end", server.end_by(Signal::SIGTERM), "exit status: 0");
        let told = server.datagrams_until("unlink").pop().expect("a line");
        run.expect("told", told, r#"<20>Couldn't unlink "pid" [Permission denied]\n"#);
        run.expect("left", server.files(), "[true, true]");
    });
}

#[test]
fn other_signals_do_what_they_always_did() {
    case(|run| {
        let Some(server) = serving(run, &[]) else { return };
        for signal in [Signal::SIGPIPE, Signal::SIGCHLD, Signal::SIGWINCH, Signal::SIGTTOU] {
            server.signal(signal);
            let reply = server.client().ask(&mail().at(1));
            run.expect(signal, reply.starts_with("DEFER").to_string(), "true");
        }
        for signal in [Signal::SIGUSR2, Signal::SIGALRM] {
            let Some(server) = serving(run, &[]) else { return };
            run.expect(signal, server.end_by(signal), format!("signal: {signal}"));
            run.expect(format!("{signal}: left"), server.files(), "[true, true]");
        }
    });
}
