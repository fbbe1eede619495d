//! Files that are missing, or that the caller may not read.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use testkit::namespace::Namespace;
use testkit::tool::{Finished, postgrey, run};
use testkit::{Attempt, Daemon, Program, Scratch};

const MISSING: &str = "/nonexistent";

/// A user without any rights.
const NOBODY: u32 = 65_534;

/// Commands that need the database.
const COMMANDS: &[&str] = &[
    "list",
    "list --clients",
    "show 192.0.2.1",
    "stats",
    "export",
    "backup -",
    "check --database",
    "forget 192.0.2.1",
    "forget --dry-run 192.0.2.1",
    "allow 192.0.2.1",
    "clear --yes",
    "import",
    "reload",
];

/// Commands that read a file, whose name follows.
const FILES: &[&str] = &[
    "list --file=",
    "show 192.0.2.1 --file=",
    "stats --file=",
    "restore --yes ",
    "import --from=",
    "explain ",
    "explain --summary ",
];

/// Runs a command as a user without any rights.
fn run_as_nobody(line: &str) -> Finished {
    run(postgrey(line).uid(NOBODY).gid(NOBODY))
}

#[test]
fn missing_files_have_one_exit_status() {
    let scratch = Scratch::new();
    let directories = [MISSING.to_owned(), scratch.subdirectory("empty").display().to_string()];
    let mut lines = Vec::new();
    for directory in &directories {
        let of_command = |command: &&str| format!("{command} --dbdir={directory}");
        // If nothing is checked, nothing is wrong.
        let needs_file = |command: &&&str| *directory == MISSING || **command != "check --database";
        lines.extend(COMMANDS.iter().filter(needs_file).map(of_command));
    }
    lines.push(format!("status --dbdir={MISSING}"));
    let empty = &directories[1];
    lines.extend(FILES.iter().map(|command| match command.starts_with("explain") {
        true => format!("{command}{MISSING}"),
        false => format!("{command}{MISSING} --dbdir={empty}"),
    }));
    let database = Path::new(empty).join("postgrey.mdb");
    for line in lines {
        let finished = run(&mut postgrey(&line));
        assert_eq!(finished.status, Some(3), "{line}: {finished:?}");
        // An import may be the first start.
        let is_made = fs::remove_file(&database).is_ok();
        assert!(!is_made || line.starts_with("import"), "{line} made a database");
    }
}

#[test]
fn commands_of_an_ordinary_user_name_who_may_read_the_files() {
    testkit::needs!(testkit::root_for("files of root"));
    let daemon = Daemon::builder(Program::Ours).start();
    let directory = daemon.scratch().subdirectory("db");
    fs::set_permissions(&directory, Permissions::from_mode(0o700)).expect("chmod");
    let secret = daemon.scratch().file("secret", "a line\n");
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).expect("chmod");
    let directory = directory.display();
    let of_command = |command: &&str| format!("{command} --dbdir={directory}");
    let of_file = |command: &&str| format!("{command}{}", secret.display());
    let lines = COMMANDS.iter().map(of_command).chain(FILES.iter().map(of_file));
    let remedy = ": Permission denied; run this as root or as the daemon's user (postgrey)\n";
    for line in lines {
        let finished = run_as_nobody(&line);
        assert_eq!(finished.status, Some(3), "{line}: {finished:?}");
        assert!(finished.err.ends_with(remedy), "{line}: {finished:?}");
    }
    let status = run_as_nobody(&format!("status --dbdir={directory}"));
    assert_eq!(status.status, Some(4), "{status:?}");
    assert!(status.out.ends_with(remedy), "{status:?}");
}

/// As in the README's trial, whose daemon an ordinary user starts.
#[test]
fn commands_of_root_name_the_user_of_the_directory() {
    testkit::needs!(testkit::root_for("a daemon of another user"));
    let builder = Daemon::builder(Program::Ours);
    let directory = builder.scratch().subdirectory("other");
    chown(&directory, Some(NOBODY), Some(NOBODY)).expect("chown");
    let dbdir = format!("--dbdir={}", directory.display());
    let (user, group) = ("--user=nobody", "--group=nogroup");
    let daemon = builder.args([user, group, &dbdir]).start();
    let attempt = Attempt::new("192.0.2.1", "mx.test", "a@example.com", "b@example.org");
    daemon.ask(&attempt);
    let lines: Vec<&str> = COMMANDS.iter().copied().chain(["status"]).collect();
    let check = |lines: &[&str], what: &str| {
        for line in lines {
            let finished = run(&mut postgrey(&format!("{line} {dbdir}")));
            assert!(matches!(finished.status, Some(3 | 4)), "{what}, {line}: {finished:?}");
            let text = format!("{}{}", finished.out, finished.err);
            let remedy = ": Permission denied; the directory is nobody's: run this with \
                          --user=nobody\n";
            assert!(text.ends_with(remedy), "{what}, {line}: {finished:?}");
        }
    };
    for mode in [0o755, 0o700] {
        fs::set_permissions(&directory, Permissions::from_mode(mode)).expect("chmod");
        check(&lines, &format!("mode {mode:o}"));
    }
    let listed = run(&mut postgrey(&format!("list {dbdir} {user} {group}")));
    assert!(listed.success().contains("a@example.com"));
    let stopped = daemon.stop();
    check(COMMANDS.split_last().expect("a command").1, "without a daemon");
    drop(stopped);
}

#[test]
fn without_a_mail_log_explain_prints_the_command_that_reads_the_journal() {
    let Some(namespace) = Namespace::new("mount -t tmpfs tmpfs /var/log", &[]) else { return };
    let [program, argument] = namespace.words();
    let explain = [Program::Ours.path(), "explain".into(), "--summary".into()];
    let Finished { status, err: errors, .. } =
        run(Command::new(program).arg(argument).args(explain));
    assert_eq!(status, Some(3), "{errors}");
    let journal = "journalctl --facility=mail -o short-iso | postgrey explain [OPTIONS] -\n";
    assert!(errors.ends_with(journal), "{errors}");
    assert!(errors.starts_with("postgrey: can't open /var/log/mail.log: No such file"), "{errors}");
}
