//! Sockets in the file system, and the files of the database (BEHAVIOUR B3, G).

use crate::case::{Run, case, differs};
use crate::listening::error_of;
use crate::sockets::CONTROL;
use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use testkit::{Program, Scratch};

/// Kind, permissions and owner of a file: `socket 0666 postgrey:postgrey`.
fn described(path: &Path) -> String {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return "nothing".to_string();
    };
    let kind = metadata.file_type();
    let kind = match (kind.is_socket(), kind.is_symlink(), kind.is_dir()) {
        (true, _, _) => "socket",
        (_, true, _) => "link",
        (_, _, true) => "directory",
        _ => "file",
    };
    let owner = |id: u32| match id {
        0 => "root".to_string(),
        _ => {
            nix::unistd::User::from_uid(id.into()).ok().flatten().map_or(id.to_string(), |u| u.name)
        }
    };
    let group = nix::unistd::Group::from_gid(metadata.gid().into()).ok().flatten();
    let group = group.map_or(metadata.gid().to_string(), |group| group.name);
    let mode = metadata.permissions().mode() & 0o7777;
    format!("{kind} {mode:04o} {}:{group}", owner(metadata.uid()))
}

#[test]
fn anyone_may_connect_and_the_socket_is_the_daemon_s() {
    case(|run| {
        for umask in ["000", "022", "077"] {
            let mut command = Command::new("/bin/sh");
            let script = "umask $1; shift; exec \"$@\"";
            command.args(["-c", script, "sh", umask]).arg(run.program().path());
            let server = run.listen_by(command, Scratch::new(), &["--unix=socket"]);
            let path = server.as_ref().expect("a server").scratch().path().join("socket");
            run.expect(umask, described(&path), "socket 0666 postgrey:postgrey");
        }
    });
}

#[test]
fn the_mode_of_the_socket_is_read_as_perl_reads_octal_numbers() {
    case(|run| {
        for (value, mode) in [
            ("0660", "0660"),
            ("660", "0660"),
            ("0x1b6", "0666"),
            ("0b11", "0003"),
            ("0o640", "0640"),
            // Changing the owner takes away what lets others become him.
            ("7777", "1777"),
            ("0", "0666"),
            ("00", "0000"),
        ] {
            let words = ["--unix=socket".to_string(), format!("--socketmode={value}")];
            let server = run.listen(Scratch::new(), &words).expect("a server");
            let path = server.scratch().path().join("socket");
            run.expect(value, described(&path), format!("socket {mode} postgrey:postgrey"));
        }
    });
}

#[test]
fn the_socket_belongs_to_the_user_and_group_of_the_options() {
    case(|run| {
        for (words, owner) in [
            (["--user=root", "--group=mail"], "root:mail"),
            (["--user=nobody", "--group=mail,postgrey"], "nobody:mail"),
            (["--user=65533", "--group=65532"], "65533:65532"),
        ] {
            let words = ["--unix=socket", words[0], words[1]];
            let scratch = Scratch::new();
            let dbdir = scratch.subdirectory("db");
            fs::set_permissions(dbdir, Permissions::from_mode(0o777)).expect("chmod");
            let server = run.listen(scratch, &words).expect("a server");
            let path = server.scratch().path().join("socket");
            run.expect(owner, described(&path), format!("socket 0666 {owner}"));
            run.note(format!("{owner}: log"), server.log_of_rights("socket"));
        }
    });
}

/// Starts a server where something stands in the way of its socket.
fn instead_of(run: &Run, what: &str, prepare: impl Fn(&Scratch)) -> (String, Scratch) {
    let scratch = Scratch::new();
    prepare(&scratch);
    match run.listen(scratch, &["--unix=socket"]) {
        Ok(server) => {
            server.serves_at("socket");
            let (scratch, status) = server.stop("socket");
            run.expect(format!("{what}: end"), status.to_string(), "exit status: 0");
            run.expect(
                format!("{what}: left"),
                described(&scratch.path().join("socket")),
                "nothing",
            );
            ("serves".to_string(), scratch)
        }
        Err(failure) => (error_of(&failure).to_string(), Scratch::new()),
    }
}

#[test]
fn an_existing_file_is_replaced() {
    case(|run| {
        let (fate, _) = instead_of(run, "a stale socket", |scratch| {
            drop(UnixListener::bind(scratch.path().join("socket")).expect("a socket"));
        });
        run.expect("a stale socket", fate, "serves");
        let (fate, _) = instead_of(run, "a file", |scratch| {
            scratch.file("socket", "x");
        });
        run.expect("a file", fate, "serves");
        let (fate, scratch) = instead_of(run, "a link", |scratch| {
            scratch.file("target", "x");
            symlink("target", scratch.path().join("socket")).expect("a link");
        });
        run.expect("a link", fate, "serves");
        let target = fs::read_to_string(scratch.path().join("target")).expect("the target");
        run.expect("what the link led to", target, "x");
    });
}

#[test]
fn a_link_to_nowhere_is_replaced_as_well() {
    case(|run| {
        let (fate, _) = match run.program() {
            // The programs differ after the start.
            Program::Theirs => instead_of(run, "a link to nowhere", dangling),
            Program::Ours => {
                let scratch = Scratch::new();
                dangling(&scratch);
                let server = run.listen(scratch, &["--unix=socket"]).expect("a server");
                server.serves_at("socket");
                ("serves".to_string(), Scratch::new())
            }
        };
        let theirs = "ERROR: Can't connect to UNIX socket at file socket [Address already in use] \
                      at /usr/sbin/postgrey line 781.";
        run.expect("a link to nowhere", fate, differs("X52", theirs, "serves"));
    });
}

fn dangling(scratch: &Scratch) {
    symlink("nowhere", scratch.path().join("socket")).expect("a link");
}

#[test]
fn a_socket_in_use_is_not_replaced() {
    case(|run| {
        let scratch = Scratch::new();
        let path = scratch.path().join("socket");
        let listener = UnixListener::bind(&path).expect("a socket");
        let inode = || fs::symlink_metadata(&path).map(|metadata| metadata.ino()).ok();
        let before = inode();
        let server = run.listen(Scratch::new(), &[format!("--unix={}", path.display())]);
        let seen = match &server {
            Ok(_) => "serves".to_string(),
            Err(failure) => error_of(failure).to_string(),
        };
        let seen = seen.replace(&path.display().to_string(), "PATH");
        let ours = "ERROR: Can't connect to UNIX socket at file PATH [Address already in use]; \
                    another program listens there";
        run.expect("the second", seen, differs("X51", "serves", ours));
        let kept = (inode() == before).to_string();
        run.expect("the first keeps its path", kept, differs("X51", "false", "true"));
        drop(listener);
    });
}

#[test]
fn a_socket_that_cannot_be_created_is_reported() {
    case(|run| {
        for (path, why, advice) in [
            ("/etc", "Is a directory", "add a name for the socket in it"),
            ("missing/socket", "No such file or directory", "create the directory first"),
        ] {
            let failure = run.listens_at(&[format!("--unix={path}")]);
            let line = error_of(&failure);
            let words = format!("ERROR: Can't connect to UNIX socket at file {path} [{why}]");
            let theirs = format!("{words} at /usr/sbin/postgrey line 781.");
            run.expect(path, line, differs("X48", theirs, format!("{words}; {advice}")));
        }
    });
}

#[test]
fn a_socket_may_have_any_path() {
    case(|run| {
        for path in ["a@b", "a b", "a,b", "s\u{f6}cket"] {
            let scratch = Scratch::new();
            let words = [format!("--unix={path}")];
            let seen = match run.listen(scratch, &words) {
                Ok(server) => server.scratch().path().join(path).exists().to_string(),
                Err(_) => "false".to_string(),
            };
            run.expect(path, seen, differs("X53", "false", "true"));
        }
    });
}

#[test]
fn a_socket_in_a_directory_of_root_stays() {
    case(|run| {
        let scratch = Scratch::new();
        let folder = scratch.path().join("run");
        fs::create_dir(&folder).expect("a directory");
        let server = run.listen(scratch, &["--unix=run/socket"]).expect("a server");
        let (_scratch, status) = server.stop("run/socket");
        run.expect("end", status.to_string(), "exit status: 0");
        run.expect("left", described(&folder.join("socket")), "socket 0666 postgrey:postgrey");
    });
}

#[test]
fn a_second_daemon_for_a_directory_fails_and_leaves_nothing() {
    case(|run| {
        let first = run.listen(Scratch::new(), &["--unix=socket"]).expect("a server");
        first.serves_at("socket");
        let scratch = Scratch::new();
        let path = scratch.path().join("second");
        let dbdir = first.scratch().path().join("db");
        let words = [format!("--unix={}", path.display()), format!("--dbdir={}", dbdir.display())];
        let lock = format!("ERROR: locked: {}/postgrey.lock", dbdir.display());
        let failure = run.fails(&words);
        let told = failure.lines().any(|line| line == lock).to_string();
        run.expect("told", told, "true");
        let left = described(&path);
        let theirs = "socket 0666 postgrey:postgrey";
        run.expect("left", left, differs("X54", theirs, "nothing"));
        first.serves_at("socket");
    });
}

#[test]
fn unknown_users_and_groups_are_reported() {
    case(|run| {
        for (word, error, command) in [
            (
                "--user=nosuchuser",
                "ERROR: No such user \"nosuchuser\"",
                "useradd --system --gid postgrey nosuchuser",
            ),
            (
                "--group=nosuchgroup",
                "ERROR: No such group \"nosuchgroup\"",
                "groupadd --system nosuchgroup",
            ),
        ] {
            let failure = run.fails(&["--unix=socket", word]);
            let line = error_of(&failure);
            let option = word.split('=').next().unwrap_or(word);
            let ours =
                format!("{error}; create it with \"{command}\", or name another with {option}");
            run.expect(word, line, differs("X48", error, ours));
        }
    });
}

#[test]
fn invalid_users_and_groups_are_reported() {
    case(|run| {
        for word in ["user=bad user", "user=b:d", "group=bad:group", "group=a  b"] {
            let (what, name) = word.split_once('=').expect("an option");
            let failure = run.fails(&["--unix=socket", &format!("--{word}")]);
            let line = error_of(&failure);
            let ours = format!("ERROR: Invalid {what} \"{name}\"");
            let (told, place) = line.split_at_checked(ours.len()).unwrap_or((line, ""));
            run.expect(word, told, ours.as_str());
            let place = place.trim_end_matches(|end: char| end.is_ascii_digit() || end == '.');
            let expected = differs("X84", " at /usr/sbin/postgrey line ", "");
            run.expect("its place", place, expected);
        }
    });
}

#[test]
fn the_files_of_the_database_are_for_the_daemon_alone() {
    case(|run| {
        let server = run.listen(Scratch::new(), &["--unix=socket"]).expect("a server");
        let (scratch, _) = server.stop("socket");
        let dbdir = scratch.path().join("db");
        let entries = fs::read_dir(&dbdir).expect("the directory");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        for name in &names {
            let seen = described(&dbdir.join(name));
            assert_eq!(seen, "file 0600 postgrey:postgrey", "{:?}: {name}", run.program());
        }
        let theirs = [
            "__db.001",
            "__db.002",
            "__db.003",
            "log.0000000001",
            "postgrey.db",
            "postgrey.lock",
            "postgrey_clients.db",
        ];
        let ours = ["postgrey.journal", "postgrey.lock", "postgrey.mdb", "postgrey.mdb-lock"];
        run.expect("files", names, differs("X55", theirs, ours));
        let lock = fs::read_to_string(dbdir.join("postgrey.lock")).expect("the lock file");
        run.expect("the lock file after the end", lock, "");
    });
}

#[test]
fn there_is_a_socket_for_tools() {
    case(|run| {
        let server = run.listen(Scratch::new(), &["--unix=socket"]).expect("a server");
        server.serves_at("socket");
        let is_there = server.all_sockets().iter().any(|socket| socket.ends_with(CONTROL));
        run.expect("control socket", is_there.to_string(), differs("X56", "false", "true"));
        let _ = server.stop("socket");
    });
}

#[test]
fn a_first_word_can_be_a_command() {
    case(|run| {
        let scratch = Scratch::new();
        let path = scratch.path().display().to_string();
        let output = Command::new(run.program().path())
            .args(["export", &format!("--dbdir={path}"), "--user=root", "--group=root"])
            .output()
            .expect("the program");
        let told = String::from_utf8_lossy(&output.stderr);
        let is_about_the_database = told.contains("postgrey.mdb");
        let expected = differs("X47", "false", "true");
        run.expect("it looks for the database", is_about_the_database.to_string(), expected);
    });
}
