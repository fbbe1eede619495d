//! Backups: where they may be written, and what they are good for.

use crate::database::{attempt, command, daemon as records, output, with_and_without};
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use testkit::tool::{postgrey, run_from, run_with};
use testkit::{Attempt, Daemon, Program, root_for, wait_until};

fn ask(daemon: &Daemon, sender: &str) {
    daemon.ask(&Attempt::new("192.0.2.1", "mx.test", sender, "bob@example.org"));
}

/// A daemon with two entries, and a place for copies.
fn daemon() -> (Daemon, PathBuf) {
    let daemon = Daemon::builder(Program::Ours).start();
    ask(&daemon, "one@a.test");
    // Longer than LMDB's keys.
    ask(&daemon, &format!("{}@a.test", "x".repeat(600)));
    let place = daemon.scratch().path().to_owned();
    (daemon, place)
}

/// Writes a backup, an export and an export in JSON.
fn copies(daemon: &Daemon) -> [PathBuf; 3] {
    let copy = daemon.scratch().path().join("copy.mdb");
    daemon.tool(&format!("backup {}", copy.display())).success();
    let export = |name: &str, line: &str| daemon.scratch().file(name, daemon.tool(line).success());
    [copy, export("copy.txt", "export"), export("copy.json", "export --json")]
}

#[test]
fn a_backup_replaces_nothing_but_regular_files() {
    let (daemon, place) = daemon();
    let fifo = place.join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
    let dangling = place.join("dangling");
    symlink("/nonexistent", &dangling).expect("a link");
    for target in [&fifo, &dangling, &place, Path::new("/dev/null"), Path::new("/dev/stdout")] {
        daemon.tool(&format!("backup {}", target.display())).refusal(2, "");
    }
    assert!(fs::metadata("/dev/null").expect("it is there").file_type().is_char_device());
    assert!(fs::metadata(&fifo).expect("it is there").file_type().is_fifo());
    let database = place.join("db/postgrey.mdb");
    daemon.tool(&format!("backup {}", database.display())).refusal(2, "is the database itself");
    // An own link is followed.
    let (file, link) = (place.join("file"), place.join("link"));
    fs::write(&file, "old").expect("a file");
    symlink(&file, &link).expect("a link");
    daemon.tool(&format!("backup {}", link.display())).success();
    assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
    assert!(fs::metadata(&file).expect("a file").len() > 4096);
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_backup_into_a_users_directory_exposes_nothing_of_root() {
    testkit::needs!(root_for("root in a hostile directory"));
    let (daemon, place) = daemon();
    let secret = place.join("secret");
    fs::write(&secret, "root's own").expect("a file");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("chmod");
    let hostile = place.join("hostile");
    fs::create_dir(&hostile).expect("a directory");
    let owner = fs::metadata(place.join("db")).expect("a directory");
    let give = |path: &Path| {
        std::os::unix::fs::lchown(path, Some(owner.uid()), Some(owner.gid())).expect("chown");
    };
    give(&hostile);
    // A link planted under the name of the unfinished file is not followed.
    let copy = hostile.join("copy.mdb");
    symlink(&secret, hostile.join("copy.mdb.new")).expect("a link");
    daemon.tool(&format!("backup {}", copy.display())).success();
    assert!(fs::symlink_metadata(&copy).expect("a copy").is_file());
    // Neither is a link of another user at its own name.
    let link = hostile.join("link.mdb");
    symlink(&secret, &link).expect("a link");
    give(&link);
    let backup = format!("backup {}", link.display());
    daemon.tool(&backup).refusal(2, "is a symbolic link of another user");
    let metadata = fs::metadata(&secret).expect("the secret");
    assert_eq!((metadata.uid(), metadata.mode() & 0o777), (0, 0o600));
    assert_eq!(fs::read_to_string(&secret).expect("the secret"), "root's own");
}

#[test]
fn a_backup_opens_as_it_is() {
    with_and_without(records(), |directory| {
        let elsewhere = testkit::Scratch::new();
        let target = elsewhere.path().join("postgrey.mdb");
        assert_eq!(output(directory, &format!("backup {}", target.display())), "");
        let mode = fs::metadata(&target).expect("a copy").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let both = [directory, elsewhere.path()];
        let [original, copy] = both.map(|directory| output(directory, "export"));
        assert_eq!(original, copy);
        assert!(output(elsewhere.path(), "check --database").contains("is sound: 5 entries"));
        // A second one takes the place of the first.
        assert_eq!(output(directory, &format!("backup {}", target.display())), "");
    });
}

#[test]
fn a_daemon_serves_from_a_backup() {
    let daemon = records();
    let backup = daemon.scratch().path().join("copy");
    output(&daemon.dbdir(), &format!("backup {}", backup.display()));
    let stopped = daemon.stop();
    let database = stopped.scratch.path().join("db/postgrey.mdb");
    fs::remove_file(database.with_extension("mdb-lock")).expect("a lock file");
    fs::rename(backup, &database).expect("a copy");
    let daemon = stopped.again(Program::Ours).arg("--delay=600").start();
    let news = attempt("198.51.100.7", "news42@lists.sender.test", "bob@example.org");
    assert_eq!(daemon.ask(&news.at(0)), "DUNNO");
}

#[test]
fn a_check_finds_damage_of_each_kind() {
    let stopped = records().stop();
    let directory = stopped.dbdir();
    let file = directory.join("postgrey.mdb");
    let sound = fs::read(&file).expect("a database");
    let rows: Vec<usize> = memchr::memmem::find_iter(&sound, b"alice@sender.test").collect();
    let row = *rows.last().expect("a row");
    let page = row / 4096 * 4096;
    for (what, range, byte) in [
        ("a key that is out of order", row - 10..row - 9, b'z'),
        ("a row that is none", row + 34..row + 38, b'x'),
        ("a page of nothing", page..page + 4096, 0),
        ("a page of garbage", page..page + 4096, 0xa5),
        ("a page with another number", page..page + 1, 0xff),
    ] {
        let mut damaged = sound.clone();
        // All versions of the page, the current one among them.
        for other in &rows {
            let shift = |at: usize| other / 4096 * 4096 + at % 4096;
            let (start, end) = (shift(range.start), shift(range.start) + range.len());
            damaged[start..end].fill(byte);
        }
        fs::write(&file, &damaged).expect("a damaged database");
        let done = command(&directory, "check --database");
        assert_eq!(done.status, Some(3), "{what}: {done:?}");
        assert!(done.err.starts_with("postgrey: "), "{what}: {done:?}");
        assert!(done.err.contains("postgrey.mdb"), "{what}: {done:?}");
    }
    fs::write(&file, &sound[..sound.len() / 2]).expect("half a database");
    command(&directory, "check --database").refusal(3, "is cut off");
    fs::write(&file, &sound).expect("the database");
    assert!(output(&directory, "check --database").contains("is sound"));
}

#[test]
fn a_backup_can_be_written_to_standard_output() {
    let (daemon, place) = daemon();
    let mut backup = postgrey("backup -");
    let output = backup.arg(daemon.scratch().dbdir_option()).output().expect("our binary");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let copy = place.join("piped.mdb");
    fs::write(&copy, output.stdout).expect("a file");
    let list = daemon.tool(&format!("list --file={}", copy.display())).success();
    assert_eq!(list.lines().count(), 3, "{list}");
}

#[test]
fn commands_read_every_kind_of_copy() {
    let (daemon, _) = daemon();
    let copies = copies(&daemon);
    daemon.tool("clear --yes").success();
    for copy in copies {
        let file = format!("--file={}", copy.display());
        let print = |line: &str| daemon.tool(&format!("{line} {file}")).success();
        let list = print("list --sender=one@a.test");
        assert!(list.contains("192.0.2.0/24        one@a.test"), "{file}: {list}");
        assert!(print("stats").contains("Triplets                         2\n"), "{file}");
        let shown = print("show 192.0.2.1 one@a.test bob@example.org");
        assert!(shown.contains("State       waiting"), "{file}: {shown}");
    }
    assert_eq!(daemon.tool("list").status, Some(1));
    let missing = "can't open database /nonexistent: No such file";
    daemon.tool("list --file=/nonexistent").refusal(3, missing);
}

#[test]
fn every_kind_of_copy_can_be_imported() {
    let (daemon, _) = daemon();
    let before = daemon.tool("export").success();
    let copies = copies(&daemon);
    for copy in &copies {
        daemon.tool("clear --yes").success();
        let out = daemon.tool(&format!("import --from={}", copy.display())).success();
        assert!(out.starts_with("imported 2 triplets and 0 clients from "), "{out}");
        assert_eq!(daemon.tool("export").success(), before);
    }
    daemon.tool("clear --yes").success();
    let mut import = postgrey("import --from=-");
    run_from(import.arg(daemon.scratch().dbdir_option()), &copies[0]).success();
    assert_eq!(daemon.tool("export").success(), before);
}

#[test]
fn a_copy_is_restored_with_and_without_a_daemon() {
    let (daemon, _) = daemon();
    let before = daemon.tool("export").success();
    let [copy, ..] = copies(&daemon);
    let restore = |options: &str| format!("restore {options} {}", copy.display());
    let directory = daemon.dbdir();
    let spoil = || {
        output(&directory, "forget 192.0.2.1 one@a.test bob@example.org");
        output(&directory, "allow 198.51.100.1 new@b.test bob@example.org");
    };
    spoil();
    daemon.tool(&restore("")).refusal(2, "refusing to replace all entries of");
    let out = daemon.tool(&restore("--yes")).success();
    assert!(out.contains("1 written, 1 deleted"), "{out}");
    assert_eq!(daemon.tool("export").success(), before);
    let stopped = daemon.stop();
    spoil();
    let out = stopped.tool(&restore("--yes")).success();
    assert!(out.contains("no daemon runs with"), "{out}");
    assert_eq!(stopped.tool("export").success(), before);
}

/// The daemon's user, which a tool of root becomes, may not open these copies.
#[test]
fn copies_that_only_root_can_read_are_read_for_root() {
    testkit::needs!(root_for("files of root"));
    let (daemon, _) = daemon();
    let before = daemon.tool("export").success();
    let [copy, _, json] = copies(&daemon);
    for file in [&copy, &json] {
        chown(file, Some(0), Some(0)).expect("chown");
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("chmod");
        let list = daemon.tool(&format!("list --file={}", file.display())).success();
        assert_eq!(list.lines().count(), 3, "{list}");
        daemon.tool("clear --yes").success();
        daemon.tool(&format!("restore --yes {}", file.display())).success();
        assert_eq!(daemon.tool("export").success(), before);
    }
    daemon.tool("clear --yes").success();
    daemon.tool(&format!("import --from={}", copy.display())).success();
    assert_eq!(daemon.tool("export").success(), before);
    // Other formats are read by the daemon's user, and root redirects a file of root.
    let remedy = format!("a file can be given by --from=- <{}", json.display());
    daemon.tool(&format!("import --from={}", json.display())).refusal(3, &remedy);
    daemon.tool("clear --yes").success();
    let mut import = postgrey("import --from=-");
    run_from(import.arg(daemon.scratch().dbdir_option()), &json).success();
    assert_eq!(daemon.tool("export").success(), before);
}

/// A tool of root runs as the daemon's user, who could read the file of a link that it
/// has planted.
#[test]
fn a_link_of_another_user_to_a_file_of_root_is_not_read() {
    testkit::needs!(root_for("files of root"));
    let (daemon, _) = daemon();
    let [copy, ..] = copies(&daemon);
    let of_root = daemon.scratch().path().join("root/copy");
    fs::create_dir(of_root.parent().expect("a directory")).expect("a directory");
    fs::rename(&copy, &of_root).expect("a copy in another directory");
    for path in [of_root.parent().expect("a directory"), &of_root] {
        chown(path, Some(0), Some(0)).expect("chown");
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).expect("chmod");
    }
    let planted = daemon.scratch().subdirectory("planted");
    let [link, directory, other_name] =
        ["link", "directory", "name"].map(|name| planted.join(name));
    std::os::unix::fs::symlink(&of_root, &link).expect("a symbolic link");
    std::os::unix::fs::symlink(of_root.parent().expect("a directory"), &directory)
        .expect("a symbolic link");
    let refuse = |file: &Path, why: &str| {
        for command in ["list --file=", "show 192.0.2.1 --file=", "stats --file=", "restore --yes "]
        {
            daemon.tool(&format!("{command}{}", file.display())).refusal(3, why);
        }
        let import = daemon.tool(&format!("import --from={}", file.display()));
        import.refusal(3, "as the daemon's user: Permission denied");
    };
    refuse(&link, " is reached by a symbolic link, and only root may read it");
    refuse(&directory.join("copy"), " is reached by a symbolic link, and only root may read it");
    daemon.tool(&format!("list --file={}", of_root.display())).success();
    fs::hard_link(&of_root, &other_name).expect("a hard link");
    refuse(&other_name, " has another name (a hard link), and only root may read it");
    let user = fs::metadata(daemon.dbdir()).expect("a directory").uid();
    chown(&of_root, Some(user), None).expect("chown");
    daemon.tool(&format!("list --file={}", other_name.display())).success();
}

/// For example, a list in a pager that shows its first page.
#[test]
fn a_list_with_unread_output_does_not_keep_a_daemon_from_starting() {
    const ENTRIES: usize = 3000;
    let daemon = Daemon::builder(Program::Ours).start();
    for number in 0..ENTRIES {
        ask(&daemon, &format!("sender{number:04}.{}@a.test", "x".repeat(40)));
    }
    let stopped = daemon.stop();
    let lock = stopped.dbdir().join("postgrey.lock");
    let mut list = postgrey("list")
        .arg(stopped.scratch.dbdir_option())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("our binary");
    let mut first = [0; 100];
    let pipe = list.stdout.as_mut().expect("a pipe");
    std::io::Read::read_exact(pipe, &mut first).expect("the first lines");
    // A free lock names no process.
    wait_until("a free lock", || fs::read(&lock).expect("the lock").is_empty());
    let _daemon = stopped.again(Program::Ours).start();
    let output = list.wait_with_output().expect("an end");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(errors.contains("; the database was released while this command waited"), "{errors}");
}

#[test]
fn a_copy_with_keys_of_other_options_is_not_restored() {
    let (daemon, _) = daemon();
    let [copy, ..] = copies(&daemon);
    let other = Daemon::builder(Program::Ours).arg("--lookup-by-host").start();
    other
        .tool(&format!("restore --yes {}", copy.display()))
        .refusal(2, "has keys of other settings (subnet,24,64)");
}

#[test]
fn a_copy_can_be_standard_input_but_not_a_pipe() {
    let (daemon, _) = daemon();
    let mut list = postgrey("list --file=/dev/stdin");
    list.arg(daemon.scratch().dbdir_option());
    for copy in copies(&daemon) {
        assert_eq!(run_from(&mut list, &copy).success().lines().count(), 3);
    }
    run_with(&mut list, "x").refusal(3, "is not a regular file");
}
