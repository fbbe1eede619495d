//! Whose rights the daemon has, and that it has no way back (BEHAVIOUR B4).

use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User, setegid, seteuid, setgid, setgroups, setresuid, setuid};
use postgrey::daemon::privileges::Identity;
use std::env;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use testkit::process::status;
use testkit::{Attempt, Builder, Daemon, Program, Scratch};

fn builder() -> Builder {
    Daemon::builder(Program::Ours)
}

fn user(name: &str) -> User {
    User::from_name(name).expect("passwd").unwrap_or_else(|| panic!("no user {name}"))
}

fn group(name: &str) -> Gid {
    Group::from_name(name).expect("group").unwrap_or_else(|| panic!("no group {name}")).gid
}

fn four(number: impl std::fmt::Display) -> String {
    format!("{number} {number} {number} {number}")
}

/// The daemon answers, so it has all the rights that it needs.
fn assert_answers(daemon: &Daemon) {
    let attempt = Attempt::to("bob@example.org");
    daemon.client().assert_deferred(&attempt.at(0));
}

pub fn database_of(builder: Builder, user: u32) -> Builder {
    let scratch: &Scratch = builder.scratch();
    for path in [scratch.path().to_path_buf(), scratch.subdirectory("other")] {
        std::os::unix::fs::chown(path, Some(user), None).expect("chown");
    }
    let path = builder.scratch().path().join("other");
    builder.arg(format!("--dbdir={}", path.display()))
}

fn started_by(builder: Builder, user: u32, group: u32, more: &[&str]) -> Builder {
    let words = ["/usr/bin/setpriv", "--clear-groups"].map(str::to_string);
    let ids = [format!("--reuid={user}"), format!("--regid={group}")];
    let more = more.iter().map(|word| (*word).to_string());
    builder.within(words.into_iter().chain(ids).chain(more))
}

#[test]
fn from_root_it_becomes_the_user_postgrey_with_no_capability_left() {
    testkit::needs!(testkit::root_for("a change of user"));
    let daemon = builder().start();
    assert_answers(&daemon);
    let (user, group) = (user("postgrey").uid, group("postgrey"));
    let pid = daemon.pid();
    assert_eq!(status(pid, "Uid"), four(user));
    assert_eq!(status(pid, "Gid"), four(group));
    assert_eq!(status(pid, "Groups"), group.to_string());
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(u64::from_str_radix(&status(pid, set), 16), Ok(0), "{set}");
    }
    assert_eq!(status(pid, "NoNewPrivs"), "1");
    let log = daemon.log();
    let lines =
        [format!("Setting gid to \"{group} {group}\""), format!("Setting uid to \"{user}\"")];
    assert!(log.windows(2).any(|window| window == lines), "{log:#?}");
}

#[test]
fn users_and_groups_are_names_numbers_or_lists() {
    testkit::needs!(testkit::root_for("a change of user"));
    let (games, mail, postgrey) = (user("games").uid, group("mail"), group("postgrey"));
    let table = [
        ("games".to_string(), "mail".to_string(), vec![mail]),
        (games.to_string(), mail.to_string(), vec![mail]),
        ("games".to_string(), "mail,postgrey".to_string(), vec![mail, postgrey]),
        ("games".to_string(), "mail postgrey".to_string(), vec![mail, postgrey]),
        ("games".to_string(), format!("{mail},postgrey"), vec![mail, postgrey]),
    ];
    for (name, list, groups) in table {
        let daemon = database_of(builder(), games.as_raw())
            .arg(format!("--user={name}"))
            .arg(format!("--group={list}"))
            .start();
        assert_answers(&daemon);
        let pid = daemon.pid();
        assert_eq!(status(pid, "Uid"), four(games), "{name} {list}");
        assert_eq!(status(pid, "Gid"), four(mail), "{name} {list}");
        let mut numbers: Vec<u32> = groups.iter().map(|group| group.as_raw()).collect();
        numbers.sort_unstable();
        let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
        assert_eq!(status(pid, "Groups"), numbers.join(" "), "{name} {list}");
    }
}

#[test]
fn root_is_kept_only_by_option() {
    testkit::needs!(testkit::root_for("a change of user"));
    let daemon = builder().arg("--user=root").start();
    assert_answers(&daemon);
    let pid = daemon.pid();
    assert_eq!(status(pid, "Uid"), four(0));
    assert_eq!(status(pid, "Gid"), four(group("postgrey")));
    assert!(!daemon.log().iter().any(|line| line.starts_with("Setting uid")), "{:?}", daemon.log());
}

/// As a systemd unit with `User=` and `AmbientCapabilities=` starts it.
#[test]
fn an_ordinary_user_loses_all_capabilities() {
    testkit::needs!(testkit::root_for("a change of user"));
    let user = user("postgrey");
    let set = "+net_bind_service";
    let more = [format!("--inh-caps={set}"), format!("--ambient-caps={set}")];
    let more = more.each_ref().map(String::as_str);
    let (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
    let daemon = started_by(builder(), uid, gid, &more).start();
    assert_answers(&daemon);
    let pid = daemon.pid();
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(u64::from_str_radix(&status(pid, set), 16), Ok(0), "{set}");
    }
    assert_eq!(status(pid, "NoNewPrivs"), "1");
    assert!(!daemon.log().iter().any(|line| line.starts_with("Couldn't")), "{:?}", daemon.log());
}

/// Names the set-user-id program with which [`try_to_become_root`] tries to
/// regain root's rights, in the process that [`root_privileges_cannot_be_regained`]
/// starts.
const LADDER: &str = "POSTGREY_TEST_LADDER";

/// The rights of a process are those of all its threads, so this test runs in
/// a process of its own.
#[test]
fn root_privileges_cannot_be_regained() {
    testkit::needs!(testkit::root_for("a change of user"));
    if let Some(ladder) = env::var_os(LADDER) {
        return try_to_become_root(&ladder);
    }
    let scratch = Scratch::new();
    let ladder = scratch.path().join("id");
    fs::copy("/usr/bin/id", &ladder).expect("a copy");
    fs::set_permissions(&ladder, Permissions::from_mode(0o4755)).expect("chmod");
    let control = Command::new("/usr/bin/setpriv")
        .args(["--reuid=postgrey", "--regid=postgrey", "--clear-groups"])
        .args([ladder.as_os_str(), "-u".as_ref()])
        .output()
        .expect("setpriv");
    assert_eq!(control.stdout, b"0\n", "the ladder leads nowhere: is /tmp mounted nosuid?");
    let output = Command::new(env::current_exe().expect("this program"))
        .args(["--exact", "life::privileges::root_privileges_cannot_be_regained", "--nocapture"])
        .env(LADDER, &ladder)
        .output()
        .expect("this program");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn try_to_become_root(ladder: &OsStr) {
    let identity = Identity::look_up("postgrey", "postgrey").expect("a user");
    identity.assume_silently().expect("root's rights");
    let root = Uid::from_raw(0);
    assert_eq!(setuid(root), Err(Errno::EPERM));
    assert_eq!(seteuid(root), Err(Errno::EPERM));
    assert_eq!(setresuid(root, root, root), Err(Errno::EPERM));
    assert_eq!(setgid(Gid::from_raw(0)), Err(Errno::EPERM));
    assert_eq!(setegid(Gid::from_raw(0)), Err(Errno::EPERM));
    assert_eq!(setgroups(&[Gid::from_raw(0)]), Err(Errno::EPERM));
    let output = Command::new(ladder).arg("-u").output().expect("id");
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{}\n", identity.user));
}

#[test]
fn a_list_that_links_to_a_file_of_root_is_not_read() {
    testkit::needs!(testkit::root_for("a change of user"));
    let builder = builder();
    let (file, link) =
        (builder.scratch().file("secret", "999.7.7.7\n"), builder.scratch().path().join("list"));
    fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("chmod");
    std::os::unix::fs::symlink(&file, &link).expect("a symbolic link");
    let daemon = builder.arg(format!("--whitelist-clients={}", link.display())).start();
    assert_answers(&daemon);
    let log = daemon.log().join("\n");
    assert!(!log.contains("999.7.7.7"), "{log}");
    let expected = format!("can't open {}: Permission denied", link.display());
    assert!(log.lines().any(|line| line.ends_with(&expected)), "{log}");
}

#[test]
fn a_list_that_only_root_can_read_applies() {
    testkit::needs!(testkit::root_for("a change of user"));
    let name = format!("postgrey-list-of-root-{}", std::process::id());
    let directory = env::temp_dir().join(name);
    fs::create_dir(&directory).expect("a new directory");
    let list = directory.join("list");
    fs::write(&list, "a.test\n").expect("a list");
    fs::set_permissions(&list, Permissions::from_mode(0o600)).expect("chmod");
    let daemon = builder().arg(format!("--whitelist-clients={}", list.display())).start();
    let attempt = Attempt::to("bob@example.org");
    assert_eq!(daemon.client().ask(&attempt.at(0)), "DUNNO");
    let expected =
        format!("can't open {}: Permission denied; its rules stay as they were", list.display());
    let log = daemon.log().join("\n");
    assert!(log.lines().any(|line| line.ends_with(&expected)), "{log}");
    fs::remove_dir_all(directory).expect("cleanup");
}

/// LMDB trusts the files of the database, which belong to the daemon's user.
#[test]
fn the_database_is_opened_after_root_privileges_are_dropped() {
    testkit::needs!(testkit::root_for("a change of user"));
    let builder = builder();
    let directory = builder.scratch().subdirectory("db");
    let lock = directory.join("postgrey.mdb-lock");
    // Only root could open it.
    fs::write(&lock, "").expect("a file");
    fs::set_permissions(&lock, fs::Permissions::from_mode(0o600)).expect("chmod");
    let stopped = builder.fail_to_start();
    let log = stopped.log.join("\n");
    assert!(log.contains("postgrey.mdb-lock: Permission denied"), "{log}");
}
