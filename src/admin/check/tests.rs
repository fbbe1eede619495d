//! The kinds of findings in the daemon's options and where they come from.

use super::*;
use std::ffi::OsString;
use std::path::Path;

/// The kinds of findings in a file with the service's options.
fn in_file(content: Option<&str>) -> Vec<&'static str> {
    let name = format!("postgrey-options-{}-{:p}", std::process::id(), &content);
    let file = std::env::temp_dir().join(name);
    if let Some(content) = content {
        std::fs::write(&file, content).unwrap();
    }
    let findings = kinds(Vec::new(), &file);
    let _ = std::fs::remove_file(file);
    findings
}

/// The kinds of findings in arguments of `postgrey check`.
fn in_arguments(arguments: &str) -> Vec<&'static str> {
    let words = arguments.split_whitespace().map(OsString::from).collect();
    kinds(words, Path::new("/nonexistent"))
}

fn kinds(words: Vec<OsString>, defaults: &Path) -> Vec<&'static str> {
    let defaults = defaults.to_owned();
    let check = CheckOptions { words, defaults, mail: None };
    let (options, findings) = source::read(&check);
    // These depend on the machine.
    let of_machine = ["local-list-left-out", "no-database-directory", "no-user"];
    let more = options
        .iter()
        .flat_map(|options| places::lint(options).into_iter().chain(options::lint(options)))
        .chain(options.iter().filter_map(|it| it.smtp.as_ref()).flat_map(smtp::lint));
    let kinds = findings.into_iter().chain(more).map(|finding| finding.kind);
    kinds.filter(|kind| !of_machine.contains(kind)).collect()
}

#[test]
fn a_file_with_which_the_daemon_does_not_start_is_an_error() {
    for (content, kind) in [
        (None, "no-options"),
        (Some(""), "no-options"),
        (Some("# POSTGREY_OPTS=\"--inet=10023\"\n"), "no-options"),
        (Some("export POSTGREY_OPTS=\"--inet=10023\"\n"), "exported"),
        (Some("POSTGREY_OPTS=\"\"\n"), "nowhere-to-listen"),
        (Some("POSTGREY_OPTS=\"--delay=60\"\n"), "nowhere-to-listen"),
        (Some("POSTGREY_OPTS=\"--metrics=9154\"\n"), "nowhere-to-listen"),
        (Some("POSTGREY_OPTS=\"--inet=10023 \\\n --dely=5\"\n"), "refused"),
        (Some("POSTGREY_OPTS=\"--inet=10023\n --retry-window=often\"\n"), "refused"),
        (Some("POSTGREY_OPTS=\"$POSTGREY_OPTS --inet=10023\"\n"), "variable"),
        (Some("POSTGREY_OPTS=\"--inet=10023 on --privacy\"\n"), "plain-word"),
    ] {
        assert!(in_file(content).contains(&kind), "{content:?}: {:?}", in_file(content));
    }
}

#[test]
fn a_file_that_the_service_reads_well_is_clean() {
    for content in [
        "POSTGREY_OPTS=\"--inet=10023\"\n",
        "POSTGREY_OPTS=\"--inet=10023 \\\n  --delay=60\"\n",
        "POSTGREY_OPTS=\"--inet=10023\n  --delay=60\n\"\nPOSTGREY_TEXT=\"a b\"\n",
        "POSTGREY_OPTS=--milter=/run/postgrey/milter\n",
        "POSTGREY_TEXT=\"\"\nPOSTGREY_OPTS=\"--unix=/run/postgrey/s --exim\"\n",
    ] {
        assert_eq!(in_file(Some(content)), [""; 0], "{content}");
    }
}

#[test]
fn options_that_debians_unit_replaces_or_breaks_are_reported() {
    for (content, kind) in [
        ("POSTGREY_OPTS=\"--inet=1 --daemonize\"", "daemonize"),
        ("POSTGREY_OPTS=\"--inet=1 -d\"", "daemonize"),
        ("POSTGREY_OPTS=\"--inet=1 --greylist-text='a b'\"", "text-replaced"),
        ("POSTGREY_OPTS=\"--inet=1 --greylist-text=a\"\nPOSTGREY_TEXT=b", "text-replaced"),
    ] {
        assert_eq!(in_file(Some(content)), [kind], "{content}");
    }
}

#[test]
fn options_without_the_expected_effect_are_reported() {
    for (arguments, kind) in [
        ("--inet=10023 --unix=/run/s", "two-places"),
        ("--unix=/run/s --inet 10023", "two-places"),
        ("--inet=127.0.0.1:10023 --inet=[::1]:10023", "two-places"),
        ("--unix=/run/a -u /run/b", "two-places"),
        ("--delay=0", "zero-is-default"),
        ("--delay=00", "zero-is-default"),
        ("--ipv4cidr=0", "zero-is-default"),
        ("--user=0", "zero-is-default"),
        ("--retry-window=0", "nothing-passes"),
        ("--delay=7200 --retry-window=1h", "window-shorter-than-delay"),
        ("--noaction", "dry-run"),
        ("--policy-test-time", "policy-test-time"),
        ("--greylist-action=TEMPFAIL", "unknown-action"),
        ("--blacklist-action=DENY", "unknown-action"),
        ("--greylist-recipients=/dev/null", "nobody-greylisted"),
        ("--pidfile=/run/a= --greylist-action=TEMPFAIL", "unknown-action"),
        ("--dely=5", "refused"),
        // Places that cannot be, or not by the mail server.
        ("--milter=milter.sock", "refused"),
        ("--metrics=/run/metrics", "refused"),
        ("--metrics=localhost:70000", "refused"),
        ("--inet=mx.example.org:", "refused"),
        ("--metrics=unix:", "refused"),
        ("--milter=/tmp/s --milter-socketmode=9", "refused"),
        ("--unix=/nonexistent/s", "no-directory"),
        ("--milter=/nonexistent/s --milter-socketmode=0660", "no-directory"),
        ("--inet=9 --metrics=9", "same-place"),
        ("--inet=9 --milter=localhost:9", "same-place"),
        ("--inet=9 --metrics=127.0.0.1:9", "same-place"),
        ("--inet=*:9 --milter=192.0.2.1:9", "same-place"),
        ("--milter=/tmp/s --milter-socketmode=666", "open-socket"),
        ("--smtp=9", "refused"),
        ("--smtp=9 --smtp-backend=9", "same-place"),
        ("--smtp=9 --smtp-backend=/nonexistent/s", "no-directory"),
        ("--smtp=9 --smtp-backend=8 --smtp-proxy-protocol=off", "no-client-address"),
        ("--milter=/tmp/s --milter-socketmode=600", "closed-socket"),
    ] {
        assert_eq!(in_arguments(arguments), [kind], "{arguments}");
    }
}

#[test]
fn options_that_do_what_they_say_are_clean() {
    for arguments in [
        "--inet=10023",
        "--delay=60 --privacy",
        "-delay 120 -v",
        "--exim",
        "--delay=0 --delay=60",
        "--greylist-action=450 --blacklist-action=reject",
        "--milter=127.0.0.1:10022 --metrics=9154 --inet=10023",
        "--milter=/tmp/milter --metrics=unix:/tmp/metrics --milter-socketmode=0660",
        "--milter=/run/not-yet-made/milter --milter-socketmode=0620",
        "--milter=127.0.0.1:0 --metrics=127.0.0.1:0",
        "--smtp=*:25 --smtp-backend=2525",
        "--smtp=25 --smtp-backend=/run/mx --smtp-tls-cert=/dev/null --smtp-tls-key=/dev/null",
    ] {
        assert_eq!(in_arguments(arguments), [""; 0], "{arguments}");
    }
}

#[test]
fn missing_files_of_the_certificate_are_refused() {
    let files = "--smtp-tls-cert=/nonexistent/c --smtp-tls-key=/nonexistent/k";
    let found = in_arguments(&format!("--smtp=25 --smtp-backend=2525 {files}"));
    assert_eq!(found, ["refused", "refused"]);
}

#[cfg(feature = "shared-state")]
#[test]
fn certificates_that_the_daemon_cannot_use_are_refused() {
    for file in ["/nonexistent/ca", "/dev/null"] {
        let shared = format!("--inet=1 --shared-state=rediss://h --shared-state-ca={file}");
        assert_eq!(in_arguments(&shared), ["refused"], "{file}");
        // They are not read without TLS.
        assert_eq!(in_arguments(&shared.replace("rediss", "redis")), [""; 0], "{file}");
    }
}

#[test]
fn a_socket_whose_path_is_too_long_is_refused() {
    let path = format!("--unix=/run/{}", "x".repeat(108));
    assert_eq!(in_arguments(&path), ["refused"]);
}

#[test]
fn lists_that_contradict_options_are_reported() {
    let name = format!("postgrey-lists-{}", std::process::id());
    let file = std::env::temp_dir().join(name);
    std::fs::write(&file, "example.com delay=7200\n").unwrap();
    let file = file.display().to_string();
    for (options, expected) in [
        ("--whitelist-senders=F --blacklist-senders=F", &["white-and-black"][..]),
        ("--whitelist-clients=F --whitelist-recipients=F", &["same-list"]),
        ("--recipient-delays=F --retry-window=1h", &["window-shorter-than-a-delay"]),
        ("--recipient-delays=F --retry-window=3h", &[]),
    ] {
        assert_eq!(in_arguments(&options.replace('F', &file)), expected, "{options}");
    }
    std::fs::remove_file(file).unwrap();
}
