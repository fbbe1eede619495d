//! `postgrey check` on the real binary. The checks themselves have their tests
//! where they are, in `src/admin/check`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use testkit::tool::{postgrey, run};
use testkit::{Scratch, assert_contains, root_for};

/// Runs `postgrey check` in a directory, and returns its exit status and output.
fn check(scratch: &Scratch, arguments: &str) -> (i32, String) {
    let finished = run(postgrey(&format!("check {arguments}")).current_dir(scratch.path()));
    (finished.status.expect("no signal"), finished.out + &finished.err)
}

const CLIENTS_ONLY: &str = "--whitelist-recipients=/dev/null";

fn faulty() -> (Scratch, String) {
    let scratch = Scratch::new();
    scratch.file("list", "example.com\n.example.org # dot\n*.a.test b.test\nalice@ OK\n");
    scratch.file("list.d/more.conf", "\u{feff}mx.example.com\n");
    scratch.file("list.d/more.conf.bak", "*.ignored.test\n");
    scratch.file("delays", "@example.com delay=60\n");
    let arguments = format!(
        "{CLIENTS_ONLY} --whitelist-clients=list --recipient-delays=delays --whitelist-senders=gone \
         --inet=10023 --unix=/run/s --noaction"
    );
    (scratch, arguments)
}

/// The text that people read. `POSTGREY_WRITE_GOLDEN=1` rewrites the file.
#[test]
fn findings_are_printed_with_place_problem_and_fix() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/check/findings.txt");
    let (scratch, arguments) = faulty();
    let (status, text) = check(&scratch, &arguments);
    assert_eq!(status, 2, "{text}");
    if std::env::var_os("POSTGREY_WRITE_GOLDEN").is_some() {
        fs::write(&golden, &text).expect("the golden file");
    }
    assert_eq!(text, fs::read_to_string(golden).expect("the golden file"));
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn findings_are_printed_as_json() {
    let (scratch, arguments) = faulty();
    let (status, text) = check(&scratch, &format!("{arguments} --json"));
    assert_eq!(status, 2, "{text}");
    assert_contains(
        &text,
        &[
            "\"file\":\"list\",\"line\":2,\"severity\":\"error\",\"kind\":\"leading-dot\",\
         \"rule\":\".example.org\",",
            "\"write\":\"a.test\\u000ab.test\"",
            "\"kind\":\"two-places\"",
            "\"fix\":\"delete it\"",
        ],
    );
}

#[test]
fn the_exit_status_says_how_bad_the_findings_are() {
    let scratch = Scratch::new();
    scratch.file("warning", "example.com\nexample.com\n");
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
        let (status, text) = check(&scratch, &format!("{CLIENTS_ONLY} {arguments}"));
        let (alone, _) = check(&scratch, arguments);
        let status = if arguments.starts_with("--defaults") { alone } else { status };
        assert_eq!(status, expected, "{arguments}: {text}");
    }
}

#[test]
fn the_shipped_lists_are_clean() {
    let debian = Path::new(env!("CARGO_MANIFEST_DIR")).join("debian");
    let scratch = Scratch::new();
    for name in
        ["whitelist_clients", "whitelist_clients.d/large-providers.conf", "whitelist_recipients"]
    {
        let list = fs::read(debian.join(format!("postgrey_{name}"))).expect("a shipped list");
        scratch.file(name, list);
    }
    let lists = "--whitelist-clients=whitelist_clients --whitelist-recipients=whitelist_recipients";
    let (status, text) = check(&scratch, lists);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("large-providers.conf"), "{text}");
}

#[test]
fn a_drop_in_that_cannot_be_read_is_reported_by_its_own_name() {
    let scratch = Scratch::new();
    scratch.file("list", "example.com\n");
    scratch.file("list.d/a.conf/file", "");
    let (status, text) = check(&scratch, &format!("{CLIENTS_ONLY} --whitelist-clients=list"));
    assert_eq!(status, 2, "{text}");
    assert!(text.starts_with("list.d/a.conf: error"), "{text}");
}

#[test]
fn a_list_that_the_daemons_user_cannot_read_exempts_no_client() {
    let scratch = Scratch::new();
    testkit::needs!(root_for("lists that only root can read"));
    let list = scratch.file("list", "example.com\n");
    fs::set_permissions(&list, fs::Permissions::from_mode(0o600)).expect("our file");
    let lists =
        format!("{CLIENTS_ONLY} --whitelist-clients=list --user=nobody --group=nogroup --dbdir=.");
    let (status, text) = check(&scratch, &lists);
    assert_eq!(status, 2, "{text}");
    assert!(text.contains("Permission denied"), "{text}");
    let mail = "--client=mx.example.com --address=192.0.2.1 --sender=a@b.test --recipient=c@d.test";
    let (status, text) = check(&scratch, &format!("{lists} {mail}"));
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("Permission denied") && !text.contains("on a whitelist"), "{text}");
}

const MAIL: &str = "--address=192.0.2.1 --sender=a@b.test --recipient=c@d.test --dbdir=.";

#[test]
fn an_answer_names_the_drop_in_of_its_rule() {
    let scratch = Scratch::new();
    scratch.file("list", "example.com\n");
    scratch.file("list.d/a.conf", "\nexample.org\n");
    let arguments = format!("{CLIENTS_ONLY} --whitelist-clients=list {MAIL}");
    let (status, text) = check(&scratch, &format!("{arguments} --client=mx.example.org"));
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("example.org, in list.d/a.conf:2\n"), "{text}");
}
