//! `postgrey check` on the real binary. The checks themselves have their tests
//! where they are, in `src/admin/check`.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory for one test, which is removed after it.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Directory {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("postgrey-check-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a directory");
        Directory(path)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(&path, content).expect("a file");
        path
    }

    /// Runs `postgrey check` here with arguments between blanks, and returns its
    /// exit status and output.
    fn check(&self, arguments: &str) -> (i32, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_postgrey"))
            .arg("check")
            .args(arguments.split(' ').filter(|argument| !argument.is_empty()))
            .current_dir(&self.0)
            .output();
        let Output { status, stdout, stderr } = output.expect("our binary");
        let text = String::from_utf8(stdout).expect("UTF-8");
        (status.code().expect("no signal"), text + &String::from_utf8_lossy(&stderr))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const CLIENTS_ONLY: &str = "--whitelist-recipients=/dev/null";

fn faulty() -> (Directory, String) {
    let directory = Directory::new();
    directory.file("list", "example.com\n.example.org # dot\n*.a.test b.test\nalice@ OK\n");
    directory.file("list.d/more.conf", "\u{feff}mx.example.com\n");
    directory.file("list.d/more.conf.bak", "*.ignored.test\n");
    directory.file("delays", "@example.com delay=60\n");
    let arguments = format!(
        "{CLIENTS_ONLY} --whitelist-clients=list --recipient-delays=delays --whitelist-senders=gone \
         --inet=10023 --unix=/run/s --noaction"
    );
    (directory, arguments)
}

/// The text that people read. `POSTGREY_WRITE_GOLDEN=1` rewrites the file.
#[test]
fn findings_are_printed_with_place_problem_and_fix() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/check/findings.txt");
    let (directory, arguments) = faulty();
    let (status, text) = directory.check(&arguments);
    assert_eq!(status, 2, "{text}");
    if std::env::var_os("POSTGREY_WRITE_GOLDEN").is_some() {
        fs::write(&golden, &text).expect("the golden file");
    }
    assert_eq!(text, fs::read_to_string(golden).expect("the golden file"));
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn findings_are_printed_as_json() {
    let (directory, arguments) = faulty();
    let (status, text) = directory.check(&format!("{arguments} --json"));
    assert_eq!(status, 2, "{text}");
    for part in [
        "\"file\":\"list\",\"line\":2,\"severity\":\"error\",\"kind\":\"leading-dot\",\
         \"rule\":\".example.org\",",
        "\"write\":\"a.test\\u000ab.test\"",
        "\"kind\":\"two-places\"",
        "\"fix\":\"delete it\"",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn the_exit_status_says_how_bad_the_findings_are() {
    let directory = Directory::new();
    directory.file("warning", "example.com\nexample.com\n");
    for (arguments, expected) in [
        ("--whitelist-clients=/dev/null", 0),
        ("--whitelist-clients=/nonexistent/list.local", 0),
        ("-- --whitelist-clients=/dev/null --delay=60 --privacy", 0),
        ("--whitelist-clients=/dev/null --blacklist-text  --log-format=classic", 0),
        ("--whitelist-clients=warning", 1),
        ("--whitelist-clients=/nonexistent/list", 2),
        ("--dely=5", 2),
        ("whatever", 2),
        ("--login", 2),
        ("--whitelist-clients=/dev/null --user=nosuchuser", 2),
        ("--whitelist-clients=/dev/null --group=b/d", 2),
        ("--whitelist-clients=/dev/null --dbdir=/nonexistent/db", 2),
        ("--whitelist-clients=/dev/null --dbdir=warning", 2),
        ("--defaults=/nonexistent/defaults", 2),
    ] {
        let (status, text) = directory.check(&format!("{CLIENTS_ONLY} {arguments}"));
        let (alone, _) = directory.check(arguments);
        let status = if arguments.starts_with("--defaults") { alone } else { status };
        assert_eq!(status, expected, "{arguments}: {text}");
    }
}

#[test]
fn the_shipped_lists_are_clean() {
    let debian = Path::new(env!("CARGO_MANIFEST_DIR")).join("debian");
    let directory = Directory::new();
    for name in
        ["whitelist_clients", "whitelist_clients.d/large-providers.conf", "whitelist_recipients"]
    {
        let list = fs::read(debian.join(format!("postgrey_{name}"))).expect("a shipped list");
        directory.file(name, list);
    }
    let lists = "--whitelist-clients=whitelist_clients --whitelist-recipients=whitelist_recipients";
    let (status, text) = directory.check(lists);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("large-providers.conf"), "{text}");
}

#[test]
fn a_drop_in_that_cannot_be_read_is_reported_by_its_own_name() {
    let directory = Directory::new();
    directory.file("list", "example.com\n");
    directory.file("list.d/a.conf/file", "");
    let (status, text) = directory.check(&format!("{CLIENTS_ONLY} --whitelist-clients=list"));
    assert_eq!(status, 2, "{text}");
    assert!(text.starts_with("list.d/a.conf: error"), "{text}");
}

#[test]
fn a_list_that_the_daemons_user_cannot_read_exempts_no_client() {
    let directory = Directory::new();
    let list = directory.file("list", "example.com\n");
    if fs::metadata(&list).expect("our file").uid() != 0 {
        return;
    }
    fs::set_permissions(&list, fs::Permissions::from_mode(0o600)).expect("our file");
    let lists =
        format!("{CLIENTS_ONLY} --whitelist-clients=list --user=nobody --group=nogroup --dbdir=.");
    let (status, text) = directory.check(&lists);
    assert_eq!(status, 2, "{text}");
    assert!(text.contains("Permission denied"), "{text}");
    let mail = "--client=mx.example.com --address=192.0.2.1 --sender=a@b.test --recipient=c@d.test";
    let (status, text) = directory.check(&format!("{lists} {mail}"));
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("Permission denied") && !text.contains("on a whitelist"), "{text}");
}

const MAIL: &str = "--address=192.0.2.1 --sender=a@b.test --recipient=c@d.test --dbdir=.";

#[test]
fn an_answer_names_the_drop_in_of_its_rule() {
    let directory = Directory::new();
    directory.file("list", "example.com\n");
    directory.file("list.d/a.conf", "\nexample.org\n");
    let arguments = format!("{CLIENTS_ONLY} --whitelist-clients=list {MAIL}");
    let (status, text) = directory.check(&format!("{arguments} --client=mx.example.org"));
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("example.org, in list.d/a.conf:2\n"), "{text}");
}

#[test]
fn an_answer_depends_on_whether_the_client_has_logged_in() {
    let directory = Directory::new();
    for (arguments, part) in [
        ("--trust-authenticated --login", "the client has logged in"),
        ("--trust-authenticated", "no such triplet is remembered"),
        ("--login", "no such triplet is remembered"),
    ] {
        let lists = format!("{CLIENTS_ONLY} --whitelist-clients=/dev/null");
        let (status, text) = directory.check(&format!("{lists} {MAIL} {arguments}"));
        assert_eq!(status, 0, "{arguments}: {text}");
        assert!(text.contains(part), "{arguments}: {text}");
    }
}

#[test]
fn the_configuration_file_says_where_the_database_is() {
    let directory = Directory::new();
    directory.file("config", "inet = 10023\ndbdir = elsewhere\n");
    let (status, text) = directory.check("--database --config=config");
    assert_ne!(status, 0, "{text}");
    assert!(text.contains("elsewhere"), "{text}");
    let (_, text) = directory.check("--database --config=config --dbdir=typed");
    assert!(text.contains("typed"), "the command line overrides the file: {text}");
}
