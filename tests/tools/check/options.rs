//! Options that the daemon would refuse, and options that do not do what one
//! hopes.

use super::{Directory, check, list};
use std::path::Path;

/// The output of a check of these options, without lists.
fn checked(options: &str) -> (i32, String) {
    let none = Path::new("/dev/null");
    let mut words = vec![list("clients", none), list("recipients", none)];
    words.extend(options.split_whitespace().map(str::to_owned));
    check(&words)
}

#[test]
fn options_that_are_fine_are_clean() {
    for options in [
        "",
        "--inet=10023",
        "-- --delay=60 --privacy",
        "-delay 120 -v",
        "--exim",
        "--greylist-action=450 --blacklist-action=reject",
    ] {
        let (status, text) = checked(options);
        assert_eq!(status, 0, "{options}: {text}");
        assert!(text.starts_with("Nothing is wrong"), "{options}: {text}");
    }
}

#[test]
fn options_of_the_file_of_defaults_are_read_as_the_service_reads_them() {
    for (content, status, part) in [
        ("POSTGREY_OPTS=\"--inet=10023 --delay=-5\"\n", 1, "--delay=-5 defers hardly"),
        ("#x\nPOSTGREY_OPTS=\"--inet=10023 --dely=5\"\n", 2, ":2: error\n    Unknown option: dely"),
        ("POSTGREY_OPTS=\"--retry-window=often\"\n", 2, ":1: error\n    --retry-window must be"),
        ("POSTGREY_OPTS=\"$POSTGREY_OPTS --privacy\"\n", 2, "systemd does not replace"),
        ("POSTGREY_OPTS=\"--inet=10023 on --privacy\"\n", 2, "on is no option, and ends"),
    ] {
        let directory = Directory::new();
        let path = directory.file("defaults", content);
        let (ended, text) = check(&[format!("--defaults={}", path.display())]);
        assert!(text.contains(part), "{content}: {text}");
        assert!(ended >= status, "{content}: {text}");
    }
}

#[test]
fn every_list_is_looked_at() {
    for (option, line, kind) in [
        ("whitelist-senders", "*@example.com", "wildcard"),
        ("blacklist-clients", ".example.com", "leading-dot"),
        ("blacklist-senders", "@example.com", "at-domain"),
        ("blacklist-recipients", "two words", "blank"),
        ("greylist-recipients", "user@*", "wildcard"),
        ("recipient-delays", "example.com", "delay"),
        ("recipient-delays", "@example.com delay=60", "at-domain"),
    ] {
        let directory = Directory::new();
        let path = directory.file("list", format!("{line}\n"));
        let (status, text) = checked(&format!("--json --{option}={}", path.display()));
        assert_eq!(status, 2, "{option}: {text}");
        assert!(text.contains("/list\",\"line\":1,") && text.contains(kind), "{option}: {text}");
        let (status, text) = checked(&format!("--{option}=/nonexistent/list"));
        assert_eq!(status, 2, "{option}: {text}");
        assert!(text.replace("\n    ", " ").contains(&format!("--{option}")), "{text}");
    }
}

#[test]
fn a_file_that_is_a_whitelist_and_a_blacklist_is_told() {
    let directory = Directory::new();
    let path = directory.file("list", "example.com\n");
    let path = path.display();
    let (status, text) = checked(&format!("--whitelist-senders={path} --blacklist-senders={path}"));
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("is a whitelist and a blacklist"), "{text}");
}

#[test]
fn words_that_make_no_sense_are_refused() {
    for (words, part) in [
        ("--dely=5", "postgrey check: Unknown option: dely"),
        ("whatever", "postgrey check: whatever is no option"),
    ] {
        let (status, text) = check(&[words.to_owned()]);
        assert_eq!(status, 2, "{words}: {text}");
        assert!(text.starts_with(part), "{words}: {text}");
    }
}

#[test]
fn a_list_of_both_clients_and_recipients_is_told() {
    let directory = Directory::new();
    let path = directory.file("list", "example.com\n");
    let (status, text) = check(&[list("clients", &path), list("recipients", &path)]);
    assert_eq!(status, 1, "{text}");
    assert!(text.replace("\n    ", " ").contains("list of clients and of mail"), "{text}");
}
