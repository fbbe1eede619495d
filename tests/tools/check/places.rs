//! Places where the daemon would listen, and what else `check` is asked about.

use super::{Directory, check, list};
use std::path::Path;

/// The output of a check of these options, without lists, in one line each.
fn checked(options: &[&str]) -> (i32, String) {
    let none = Path::new("/dev/null");
    let mut words = vec![list("clients", none), list("recipients", none)];
    words.extend(options.iter().map(|word| (*word).to_owned()));
    let (status, text) = check(&words);
    (status, text.replace("\n    ", " "))
}

#[test]
fn places_that_can_be_are_clean() {
    let directory = Directory::new();
    let socket = format!("--milter={}/milter", directory.0.display());
    let metrics = format!("--metrics=unix:{}/metrics", directory.0.display());
    for words in [
        &["--milter=127.0.0.1:10022", "--metrics=9154", "--inet=10023"][..],
        &[&socket, &metrics, "--milter-socketmode=0660"],
        &["--milter=/run/not-yet-made/milter", "--milter-socketmode=0620"],
        &["--milter=127.0.0.1:0", "--metrics=127.0.0.1:0"],
    ] {
        let (status, text) = checked(words);
        assert_eq!(status, 0, "{words:?}: {text}");
    }
}

#[test]
fn places_that_cannot_be_are_told_with_what_to_write() {
    let long = format!("--milter=/run/{}", "x".repeat(108));
    for (words, status, part) in [
        (&["--milter=milter.sock"][..], 2, "--milter=milter.sock names no port"),
        (&["--metrics=/run/metrics"], 2, "--metrics=/run/metrics names no port"),
        (&["--metrics=localhost:70000"], 2, "names no port that there is; write a port's"),
        (&["--inet=mx.example.org:"], 2, "names no port"),
        (&["--metrics=unix:"], 2, "--metrics needs unix:PATH or [HOST:]PORT"),
        (&[&long], 2, "--milter: the path has more than the 107 bytes"),
        (&["--unix=/nonexistent/s"], 1, "--unix: the directory /nonexistent is not there"),
        (&["--milter=/nonexistent/s"], 1, "-> make it before the daemon starts"),
        (&["--inet=9", "--metrics=9"], 2, "--metrics and --inet name the same place"),
        (&["--inet=9", "--milter=localhost:9"], 2, "--milter and --inet name the same place"),
        (&["--inet=9", "--metrics=127.0.0.1:9"], 2, "--metrics and --inet name the same place"),
        (&["--inet=*:9", "--milter=192.0.2.1:9"], 2, "--milter and --inet name the same place"),
        (&["--milter=/tmp/s", "--metrics=unix:/tmp/s"], 2, "--metrics and --milter name the same"),
        (&["--milter=/tmp/s", "--milter-socketmode=9"], 2, "--milter-socketmode must be an octal"),
        (&["--milter=/tmp/s", "--milter-socketmode=666"], 1, "=0666 lets everybody write"),
        (&["--milter=/tmp/s", "--milter-socketmode=600"], 1, "=0600 lets nobody use the socket"),
        (&["--auto-whitelist-by=domain"], 1, "spam of the others passes"),
    ] {
        let (ended, text) = checked(words);
        assert_eq!(ended, status, "{words:?}: {text}");
        assert!(text.contains(part), "{words:?}: {text}");
    }
}

#[test]
fn a_client_that_has_logged_in_can_be_asked_about() {
    let directory = Directory::new();
    let dbdir = format!("--dbdir={}", directory.0.display());
    let mail = ["--address=192.0.2.1", "--sender=a@b.test", "--recipient=c@d.test", &dbdir];
    let trusting = [&mail[..], &["--trust-authenticated"]].concat();
    for (words, part) in [
        ([&trusting[..], &["--login"]].concat(), "the client has logged in"),
        (trusting.clone(), "no such triplet is remembered"),
        ([&mail[..], &["--login"]].concat(), "no such triplet is remembered"),
    ] {
        let (status, text) = checked(&words);
        assert_eq!(status, 0, "{words:?}: {text}");
        assert!(text.contains(part), "{words:?}: {text}");
    }
    let (status, text) = checked(&["--login"]);
    assert_eq!(status, 2, "{text}");
    assert!(text.contains("--login asks about a mail, which needs --address"), "{text}");
}

#[test]
fn the_database_is_looked_for_where_the_configuration_file_says() {
    let directory = Directory::new();
    let dbdir = directory.0.join("elsewhere");
    let config = directory.file("config", format!("inet = 10023\ndbdir = {}\n", dbdir.display()));
    let config = format!("--config={}", config.display());
    let (status, text) = check(&["--database".to_owned(), config.clone()]);
    assert_ne!(status, 0, "{text}");
    assert!(text.contains(&dbdir.display().to_string()), "{text}");
    let typed = directory.0.join("typed");
    let words = ["--database".to_owned(), config, format!("--dbdir={}", typed.display())];
    let (_, text) = check(&words);
    assert!(text.contains(&typed.display().to_string()), "what is typed wins: {text}");
}

#[test]
fn a_byte_order_mark_before_delays_is_a_warning_like_elsewhere() {
    let directory = Directory::new();
    let path = directory.file("delays", "\u{feff}example.com delay=60\n");
    let word = format!("--recipient-delays={}", path.display());
    let (status, text) = checked(&[&word]);
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("delays:1: warning the file starts with a byte order mark"), "{text}");
    assert!(text.contains("0 errors, 1 warning"), "{text}");
}

#[test]
fn whom_the_daemon_cannot_become_and_where_it_cannot_keep_anything_is_told() {
    let directory = Directory::new();
    let file = directory.file("file", "");
    let config = directory.file("config", "user = nosuchuser\n");
    for (word, part) in [
        ("--user=nosuchuser".to_owned(), "No such user \"nosuchuser\" -> create it with \"useradd"),
        ("--group=nosuchgroup".to_owned(), "No such group \"nosuchgroup\""),
        ("--group=b/d".to_owned(), "Invalid group \"b/d\""),
        (format!("--config={}", config.display()), "No such user \"nosuchuser\""),
        ("--dbdir=/nonexistent/db".to_owned(), "--dbdir: /nonexistent/db is not there -> make it"),
        (format!("--dbdir={}", file.display()), "is no directory"),
    ] {
        let (status, text) = checked(&[&word]);
        assert_eq!(status, 2, "{word}: {text}");
        assert!(text.contains(part), "{word}: {text}");
    }
}

#[test]
fn an_empty_word_is_the_default_as_for_the_daemon() {
    for option in ["--blacklist-text", "--log-format", "--auto-whitelist-by", "--facility"] {
        let (status, text) = checked(&[option, ""]);
        assert_eq!(status, 0, "{option}: {text}");
    }
    for option in ["--metrics", "--milter"] {
        let (status, text) = checked(&[option, ""]);
        assert_eq!(status, 2, "{option}: {text}");
        assert!(text.contains("not an empty word"), "{option}: {text}");
    }
}
