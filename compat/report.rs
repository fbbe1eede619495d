//! `postgreyreport` within a case: a database that the program's own daemon
//! wrote, a log, and the report on both. The cases here are about its command
//! line (BEHAVIOUR H1).

use crate::case::{Run, case, differs};
use crate::normalise::without_advice;
use crate::process::{Outcome, words};
use std::fs::File;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use testkit::{Attempt, Daemon, Program, Scratch};

pub const NAME: &str = "postgreyreport";

/// A directory with a database, and what to ask of it.
pub struct Site {
    scratch: Scratch,
    report: PathBuf,
}

impl Site {
    /// Lets a daemon with these options answer some attempts, after one that is
    /// of no interest: the original makes its database late.
    pub fn new(program: Program, options: &[&str], attempts: &[Attempt]) -> Site {
        let daemon = Daemon::builder(program).args(options).start();
        let mut client = daemon.client();
        let other = Attempt::new("203.0.113.99", "mx.other.test", "a@other.test", "r@other.test");
        for attempt in [other.at(0)].iter().chain(attempts) {
            client.ask(attempt);
        }
        drop(client);
        Site::in_scratch(program, daemon.stop().scratch)
    }

    /// A site without a daemon, in a directory that has or has not a database.
    pub fn in_scratch(program: Program, scratch: Scratch) -> Site {
        let report = match program {
            Program::Theirs => PathBuf::from("/usr/bin").join(NAME),
            Program::Ours => {
                let link = scratch.path().join(NAME);
                symlink(program.path(), &link).expect("a link");
                link
            }
        };
        scratch.subdirectory("db");
        Site { scratch, report }
    }

    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// The command that reports on a log by these words, to be changed and run.
    pub fn command(&self, line: &str, log: &str) -> Command {
        let log = self.scratch.file("maillog", log);
        let mut command = Command::new(&self.report);
        command
            .arg(format!("--dbdir={}", self.scratch.path().join("db").display()))
            .args(if line.is_empty() { Vec::new() } else { words(line) })
            .current_dir(self.scratch.path())
            .stdin(File::open(log).expect("the log"));
        command
    }

    pub fn report(&self, line: &str, log: &str) -> Outcome {
        let output = self.command(line, log).output().expect("the report");
        self.outcome(&output)
    }

    /// How it ended, without the name of the directory.
    pub fn outcome(&self, output: &Output) -> Outcome {
        let directory = self.scratch.path().display().to_string();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&directory, "DIRECTORY");
        Outcome {
            stdout: text(&output.stdout),
            stderr: without_advice(&text(&output.stderr)),
            status: output.status.to_string(),
        }
    }
}

impl Run {
    pub fn site(&self, options: &[&str], attempts: &[Attempt]) -> Site {
        Site::new(self.program(), options, attempts)
    }
}

pub const TIME: &str = "Jun 20 10:00:00";

/// The line by which Postfix logs that a client, `NAME[ADDRESS]`, was deferred.
pub fn line(client: &str, sender: &str, recipient: &str) -> String {
    format!(
        "{TIME} mx postfix/smtpd[123]: NOQUEUE: reject: RCPT from {client}: 450 4.2.0 \
         <{recipient}>: Recipient address rejected: Greylisted, see \
         http://postgrey.schweikert.ch/help/d.com.html; from=<{sender}> to=<{recipient}> \
         proto=ESMTP helo=<mx.b.com>\n"
    )
}

pub fn usual() -> String {
    line("mx.b.com[1.2.3.4]", "a@b.com", "r@d.com")
}

pub const USUAL: &str = "        1.2.3.4 mx.b.com a@b.com r@d.com\n";

#[test]
fn names_have_underscores_and_are_not_abbreviated() {
    case(|run| {
        let site = run.site(&[], &[]);
        for line in [
            "--show-tries",
            "--show",
            "--notab",
            "--nosingle-line",
            "-vv",
            "--delay=",
            "--delay",
            "--tab=1",
            "--nosingle_line=1",
            "--Tab",
            "--nope --show-tries",
            "-tab=1",
            "--separate_by_ip=",
            "--v=2",
        ] {
            run.note(line, site.report(line, "").shown());
        }
        for line in [
            "-tab",
            "--no-single_line",
            "--nosingle_line --single_line",
            "-v --v --v",
            "--return_string Grey",
            "--greylist-text=x --greylist-text=Grey",
            "-u postgrey",
            "-delay 5",
            "--u=postgrey",
            "--tab -- ",
            "--show_tries -",
        ] {
            run.note(line, site.report(line.trim(), &usual()).shown());
        }
    });
}

#[test]
fn files_are_read_in_order_and_standard_input_by_default() {
    case(|run| {
        let site = run.site(&[], &[]);
        site.scratch().file("one", usual());
        site.scratch().file("two", line("mx.c.com[1.2.9.4]", "a@b.com", "r@d.com") + &usual());
        site.scratch().file("empty", "");
        for words in ["", "-", "one", "--show_tries one two", "--show_tries one - two", "empty"] {
            run.note(words, site.report(words, &usual().repeat(3)).shown());
        }
        run.note("no input", site.report("", "").shown());
        run.note("--version", site.report("--version", "").status);
    });
}

#[test]
fn a_missing_file_is_reported_and_the_others_are_read() {
    case(|run| {
        let site = run.site(&[], &[]);
        site.scratch().file("one", usual());
        let outcome = site.report("one nope one --tab", "");
        run.expect(
            "report and status",
            outcome.stdout + &outcome.status,
            USUAL.to_string() + "exit status: 0",
        );
        let theirs = [
            "Can't open nope: No such file or directory at /usr/bin/postgreyreport line 249, <> line 1.",
            "Can't open --tab: No such file or directory at /usr/bin/postgreyreport line 249, <> line 2.",
        ];
        let ours = [
            "Can't open nope: No such file or directory",
            "Can't open --tab: No such file or directory",
        ];
        let (theirs, ours) = (theirs.join("\n") + "\n", ours.join("\n") + "\n");
        run.expect("complaints", outcome.stderr, differs("X71", theirs, ours));
    });
}

#[test]
fn help_and_manual_exit_successfully() {
    case(|run| {
        let site = run.site(&[], &[]);
        let help = site.report("--help", "");
        run.expect("help", help.status, differs("X70", "exit status: 1", "exit status: 0"));
        run.note("where", help.stderr);
        run.note("-h is the same", (site.report("-h", "").stdout == help.stdout).to_string());
        let manual = site.report("--man", "");
        let is_source = manual.stdout.contains("use BerkeleyDB");
        run.expect("is source code", is_source.to_string(), differs("X70", "true", "false"));
        run.note("status", manual.status);
    });
}

#[test]
fn a_missing_database_or_user_ends_it() {
    case(|run| {
        let site = Site::in_scratch(run.program(), Scratch::new());
        let none = site.report("", &usual());
        run.note("status and output", none.stdout + &none.status);
        let missing = |file: &str| {
            format!("ERROR: can't find database DIRECTORY/db/{file}: No such file or directory\n")
        };
        let theirs = missing("postgrey.db");
        run.expect("database", none.stderr, differs("X71", theirs, missing("postgrey.mdb")));
        run.note("user", site.report("--user=nosuch", &usual()).shown());
    });
}

#[test]
fn the_old_database_alone_is_not_read() {
    let scratch = Scratch::new();
    let db = scratch.subdirectory("db");
    std::fs::write(db.join("postgrey.db"), "").expect("a file");
    let outcome = Site::in_scratch(Program::Ours, scratch).report("", &usual());
    assert_eq!(outcome.status, "exit status: 2");
    assert!(outcome.stderr.contains("db/postgrey.db is a database of postgrey 1; "), "{outcome:?}");
}

#[test]
fn other_users_than_root_keep_their_identity() {
    case(|run| {
        let site = run.site(&[], &[]);
        let mut command = site.command("--user=postgrey", &usual());
        // nobody, who may not read the database.
        let output = command.uid(65534).gid(65534).output().expect("the report");
        let outcome = site.outcome(&output);
        let postgrey = nix::unistd::User::from_name("postgrey").ok().flatten().expect("its user");
        let complaint =
            format!("Couldn't become uid \"{}\": Operation not permitted\n", postgrey.uid);
        let on_stdout = complaint.clone() + "\n";
        run.expect("standard output", outcome.stdout, differs("X71", on_stdout, ""));
        let denied = |file: &str| {
            format!("ERROR: can't find database DIRECTORY/db/{file}: Permission denied\n")
        };
        let theirs = denied("postgrey.db");
        run.expect(
            "standard error",
            outcome.stderr,
            differs("X71", theirs, complaint + &denied("postgrey.mdb")),
        );
        run.note("status", outcome.status);
    });
}

#[test]
fn rows_are_shown_for_those_who_look_for_a_fault() {
    case(|run| {
        let mail = Attempt::new("1.2.3.4", "mx.b.com", "a@b.com", "r@d.com");
        let site = run.site(&[], &[mail.clone().at(0), mail.at(77)]);
        let log = usual() + &line("mx.c.com[1.2.9.4]", "A@b.com", "r@d.com");
        let none = site.report("--debug_db", &log);
        run.note("nobody named", none.stdout + &none.status);
        let message =
            "\nDebugging_DB Activated, but no matching RE's defined. use --debug_re also! \n  ";
        let theirs = format!("{message} at /usr/bin/postgreyreport line 554.\n");
        run.expect("complaint", none.stderr, differs("X71", theirs, format!("{message}\n")));
        for words in
            ["--debug_db --debug_re=B.com", "--debug_db --debug_re=^mx,z -v --check_sender=spf"]
        {
            let shown = site.report(words, &log);
            run.note(
                format!("{words} rows"),
                crate::normalise::record(&shown.stdout) + &shown.status,
            );
            let end = "Debugging DB active, report shutdown";
            let theirs = format!("{end} at /usr/bin/postgreyreport line 253, <> line 2.\n");
            run.expect("end", shown.stderr, differs("X71", theirs, format!("{end}\n")));
        }
        run.note("--debug_re alone", site.report("--debug_re=b.com", &log).shown());
    });
}
