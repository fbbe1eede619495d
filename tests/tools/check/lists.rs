//! Lists as a whole: files, and lines that other lines make superfluous.

use super::{Directory, check, list, only};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

const SHIPPED: [&str; 2] = ["whitelist_clients", "whitelist_clients.d/large-providers.conf"];

/// The shipped lists of clients in a directory, where they have been looked
/// through on this day, or nobody knows when.
fn shipped(directory: &Directory, day: Option<&str>) -> PathBuf {
    let debian = Path::new(env!("CARGO_MANIFEST_DIR")).join("debian");
    fs::create_dir(directory.0.join("whitelist_clients.d")).expect("a directory");
    for name in SHIPPED {
        let lines = fs::read_to_string(debian.join(format!("postgrey_{name}"))).expect("a list");
        let (before, rest) = lines.split_once("Last looked through: ").expect("a date");
        let after = &rest["2026-11-25".len()..];
        let date =
            day.map_or("Nobody knows".to_owned(), |day| format!("Last looked through: {day}"));
        directory.file(name, [before, &date, after].concat());
    }
    directory.0.join(SHIPPED[0])
}

#[test]
fn the_shipped_lists_are_clean() {
    let directory = Directory::new();
    let clients = shipped(&directory, None);
    let debian = Path::new(env!("CARGO_MANIFEST_DIR")).join("debian");
    let recipients = debian.join("postgrey_whitelist_recipients");
    let (status, text) = check(&[list("clients", &clients), list("recipients", &recipients)]);
    assert_eq!(status, 0, "{text}");
    // What a site adds to them is looked at all the same.
    let lines = fs::read_to_string(&clients).expect("the list");
    let path = directory.file("list", lines + "/^mx\\d.a.test$/\n");
    let (status, text) = check(&only("clients", &path));
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("/^mx\\d.a.test$/ has a . for a dot"), "{text}");
    assert!(text.contains("    write: /^mx\\d\\.a\\.test$/\n"), "{text}");
}

#[test]
fn shipped_lists_that_nobody_looked_through_for_more_than_a_year_are_told() {
    let directory = Directory::new();
    let clients = shipped(&directory, Some("2022-01-22"));
    let (status, text) = check(&only("clients", &clients));
    assert_eq!(status, 1, "{text}");
    let text = text.replace("\n    ", " ");
    assert_eq!(
        text.matches("was last looked through on 2022-01-22, more than").count(),
        2,
        "{text}"
    );
    assert!(
        text.contains("-> upgrade the package for a newer one, or look through it and"),
        "{text}"
    );
    let content = fs::read_to_string(&clients).expect("the list");
    let line = content.lines().position(|line| line.contains("2022-01-22")).expect("a date") + 1;
    // Behind rules, too, stand dates; the first line with one alone counts.
    assert!(text.contains(&format!("{}:{line}: warning", clients.display())), "{text}");
}

#[test]
fn lines_that_others_make_superfluous_are_told_with_where_those_stand() {
    for (kind, lines, part) in [
        ("clients", "example.com\nExample.COM\n", "list:1 already"),
        ("clients", "mx.example.com\nexample.com\n", "covered by example.com in"),
        ("clients", "192.0.2.0/24\n192.0.2.7\n", "covered by 192.0.2.0/24 in"),
        ("clients", "2001:db8::/32\n2001:db8:1::/48\n", "covered by 2001:db8::/32 in"),
        ("clients", "192.0.2\n192.0.2.0/24\n", "list:1 already"),
        ("clients", "/^mx\\d\\.a\\.test$/\n/^mx\\d\\.a\\.test$/\n", "list:1 already"),
        ("recipients", "postmaster@\npostmaster@example.com\n", "covered by postmaster@ in"),
        ("recipients", "example.com\nuser@example.com\n", "covered by example.com in"),
        ("recipients", "example.com\nuser@mail.example.com\n", "covered by example.com in"),
        ("recipients", "user@example.com\nUSER@example.com\n", "list:1 already"),
    ] {
        let directory = Directory::new();
        let path = directory.file("list", lines);
        let (status, text) = check(&only(kind, &path));
        assert_eq!(status, 1, "{lines}: {text}");
        let text = text.replace("\n    ", " ");
        assert!(text.contains(part), "{lines}: {text}");
        assert!(text.contains("0 errors, 1 warning;"), "{lines}: {text}");
    }
}

#[test]
fn lines_that_only_look_alike_are_clean() {
    let clients = "example.com\nnotexample.com\nexample.org\n192.0.2.0/25\n192.0.2.128/25\n\
                   /^mx\\d+\\.example\\.net$/\nlocalhost\n2001:db8::1\nmail-1.example.test\n";
    let recipients = "user@\nuser2@example.com\nexample.org\nabuse@example.net\n";
    let directory = Directory::new();
    let words = [
        list("clients", &directory.file("c", clients)),
        list("recipients", &directory.file("r", recipients)),
    ];
    let (status, text) = check(&words);
    assert_eq!(status, 0, "{text}");
}

#[test]
fn a_file_that_is_not_there_is_told_unless_it_is_the_sites_own() {
    let (status, text) = check(&only("clients", Path::new("/nonexistent/list")));
    assert_eq!(status, 2, "{text}");
    assert!(text.contains("/nonexistent/list: error"), "{text}");
    let (status, text) = check(&only("clients", Path::new("/nonexistent/list.local")));
    assert_eq!(status, 0, "{text}");
}

#[test]
fn a_byte_order_mark_is_told() {
    let directory = Directory::new();
    let path = directory.file("list", "\u{feff}example.com\n");
    let (status, text) = check(&only("clients", &path));
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("list:1: warning\n    the file starts with a byte order mark"), "{text}");
}

#[test]
fn a_long_list_is_looked_at_within_seconds() {
    let lines: String =
        (0..100_000).map(|n| format!("host{n}.example{}.test\n", n % 977)).collect();
    let directory = Directory::new();
    let path = directory.file("list", lines);
    let (status, text) = check(&only("clients", &path));
    assert_eq!(status, 0, "{text}");
}

#[test]
fn dots_that_stand_for_anything_are_told_once_a_file() {
    let directory = Directory::new();
    let path = directory.file("list", "/^mta[12].a.test$/\n");
    let (status, text) = check(&only("clients", &path));
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("    write: /^mta[12]\\.a\\.test$/\n"), "{text}");
    let path = directory.file("list", "b.test\n/^mta[12].a.test$/\n/^x\\d.c.test$/\n");
    let (_, text) = check(&only("clients", &path));
    assert!(text.contains("list:2: warning\n"), "{text}");
    assert!(text.contains("0 errors, 1 warning;") && text.contains("; 1 more of"), "{text}");
}

#[test]
fn a_list_that_the_daemons_user_cannot_read_exempts_no_client() {
    if fs::metadata("/proc/self").expect("this process").uid() != 0 {
        return;
    }
    let directory = Directory::new();
    let path = directory.file("list", "example.com\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("our file");
    let user = ["--user=nobody", "--group=nogroup"].map(str::to_owned);
    let (status, text) = check(&[&only("clients", &path)[..], &user].concat());
    assert_eq!(status, 2, "{text}");
    assert!(text.contains("Permission denied"), "{text}");
    let dbdir = format!("--dbdir={}", directory.0.display());
    let mail = ["--client=mx.example.com", "--address=192.0.2.1", "--sender=", "--recipient=a@b"];
    let words = mail.map(str::to_owned).into_iter().chain([dbdir]).chain(only("clients", &path));
    let (status, text) = check(&words.chain(user).collect::<Vec<_>>());
    assert_eq!(status, 0, "{text}");
    assert!(!text.contains("whitelist\n") && text.contains("Permission denied"), "{text}");
}
