//! The values of options: BEHAVIOUR A3 and the socket modes of B3.

use std::path::PathBuf;

use super::*;

#[test]
fn a_delayed_mail_gets_a_header_unless_that_is_switched_off() {
    assert!(options("--x-greylist-header=X-Waited: %t").policy.adds_header);
    let without = "--no-x-greylist-header|--x-greylist-header=X-Waited: %t";
    assert!(!options(without).policy.adds_header);
}
use crate::greylist::LookupBy;

#[test]
fn metrics_are_served_on_a_port_or_a_socket() {
    check(&[
        ("--metrics=9154", |o| o.metrics = Some(Listen::Inet("localhost:9154".to_owned()))),
        ("--metrics=[::1]:9154", |o| o.metrics = Some(Listen::Inet("[::1]:9154".to_owned()))),
        ("--metrics=unix:/run/m", |o| {
            o.metrics = Some(Listen::Unix { path: "/run/m".into(), mode: 0o666 });
        }),
    ]);
    let message = "ERROR: --metrics needs unix:PATH or [HOST:]PORT, not an empty word";
    check_refused(2, &[("--inet=1|--metrics=unix:", message), ("--inet=1|--metrics|", message)]);
}

#[test]
fn a_retry_window_is_in_days_or_in_hours() {
    check(&[
        ("--retry-window=3", |o| o.policy.retry_window = 3 * 86_400),
        ("--retry-window=6h", |o| o.policy.retry_window = 6 * 3_600),
        ("--retry-window=6H", |o| o.policy.retry_window = 6 * 3_600),
        ("--retry-window=06h", |o| o.policy.retry_window = 6 * 3_600),
        ("--retry-window=6h\n", |o| o.policy.retry_window = 6 * 3_600),
        ("--retry-window=3\n", |o| o.policy.retry_window = 3 * 86_400),
        ("--retry-window=0", |o| o.policy.retry_window = 0),
        ("--retry-window=0h", |o| o.policy.retry_window = 0),
    ]);
    for value in [
        "-1",
        "+1",
        "1.5",
        "6d",
        "6m",
        "6 h",
        " 6h",
        "6hh",
        "h",
        "",
        "6h\n\n",
        "6\nh",
        "99999999999999999999",
        "9223372036854775807h",
    ] {
        check_refused(2, &[(&format!("--inet=1|--retry-window|{value}"), RETRY_WINDOW)]);
    }
}

#[test]
fn inet_wins_over_unix_unless_it_is_empty() {
    let unix = |path: &str| Listen::Unix { path: path.into(), mode: 0o666 };
    let inet = |address: &str| Listen::Inet(address.to_owned());
    for (line, listen) in [
        ("--unix=/run/s|--inet=1", inet("1")),
        ("--inet=[::1]:1|--unix=/run/s", inet("[::1]:1")),
        ("--unix=/run/s|--inet|", unix("/run/s")),
        ("--unix||--inet=1", inet("1")),
        ("--inet=0", inet("0")),
        ("--unix=0", unix("0")),
    ] {
        let Ok(Invocation::Serve(options)) = parse_line(line) else {
            panic!("{line}");
        };
        assert_eq!(options.listen, Some(listen), "{line}");
    }
    let no_path = "ERROR: --unix needs the path of a socket, not an empty word";
    check_refused(
        2,
        &[
            ("--unix|", no_path),
            ("--inet||--unix|", no_path),
            ("--inet|", "ERROR: --inet needs [HOST:]PORT, not an empty word"),
        ],
    );
}

#[test]
fn a_socket_mode_is_octal_unless_it_has_a_prefix() {
    for (value, mode) in [
        ("0660", 0o660),
        ("660", 0o660),
        ("0x1b6", 0o666),
        ("0X1B6", 0o666),
        ("0b11", 0o3),
        ("0o640", 0o640),
        ("7777", 0o7777),
        ("00", 0),
        ("0", 0o666),
        ("", 0o666),
    ] {
        let Ok(Invocation::Serve(options)) = parse_line(&format!("--unix=s|--socketmode|{value}"))
        else {
            panic!("{value}");
        };
        assert_eq!(options.listen, Some(Listen::Unix { path: "s".into(), mode }), "{value}");
    }
    for value in ["abc", "-1", "+6", "999", "10000", "0x", "0b2", "6 6", "u=rw"] {
        let message =
            format!("ERROR: --socketmode must be an octal number up to 7777, not \"{value}\"");
        check_refused(2, &[(&format!("--inet=1|--socketmode={value}"), &message)]);
    }
}

#[test]
fn values_that_are_false_in_perl_mean_the_default() {
    check(&[
        ("--delay=0", NO_CHANGE),
        ("--delay=-0", NO_CHANGE),
        ("--max-age=00", NO_CHANGE),
        ("--ipv4cidr=0", NO_CHANGE),
        ("--ipv6cidr=0", NO_CHANGE),
        ("--listen-queue-size=0", NO_CHANGE),
        ("--greylist-text|", NO_CHANGE),
        ("--greylist-text=0", NO_CHANGE),
        ("--greylist-action|", NO_CHANGE),
        ("--greylist-action=0", NO_CHANGE),
        ("--x-greylist-header|", NO_CHANGE),
        ("--x-greylist-header=0", NO_CHANGE),
        ("--user|", NO_CHANGE),
        ("--user=0", NO_CHANGE),
        ("--group|", NO_CHANGE),
        ("--group=0", NO_CHANGE),
        ("--dbdir|", NO_CHANGE),
        ("--dbdir=0", NO_CHANGE),
        ("--facility|", NO_CHANGE),
        ("--facility=0", NO_CHANGE),
        ("-d|--pidfile|", |o| o.daemonize = true),
        ("-d|--pidfile=0", |o| o.daemonize = true),
        ("--hostname|", |o| o.policy.hostname.clear()),
        ("--hostname=0", |o| o.policy.hostname = b"0".to_vec()),
    ]);
}

#[test]
fn each_option_changes_what_it_names() {
    check(&[
        ("--max-age=10", |o| o.policy.max_age = 10 * 86_400),
        ("--max-age=-1", |o| o.policy.max_age = -86_400),
        ("--privacy", |o| o.policy.privacy = true),
        ("--greylist-action=451", |o| o.policy.greylist_action = b"451".to_vec()),
        ("--greylist-text=wait %s", |o| o.policy.greylist_text = b"wait %s".to_vec()),
        ("--x-greylist-header=X: %t", |o| o.policy.header = b"X: %t".to_vec()),
        ("--hostname=mx", |o| o.policy.hostname = b"mx".to_vec()),
        ("--exim", |o| o.exim = true),
        ("--whitelist-senders=/s", |o| o.lists[ListKind::WhitelistSenders] = vec!["/s".into()]),
        ("--blacklist-clients=/a|--blacklist-clients=/b", |o| {
            o.lists[ListKind::BlacklistClients] = vec!["/a".into(), "/b".into()];
        }),
        ("--blacklist-senders=/s", |o| o.lists[ListKind::BlacklistSenders] = vec!["/s".into()]),
        ("--blacklist-recipients=/r", |o| {
            o.lists[ListKind::BlacklistRecipients] = vec!["/r".into()]
        }),
        ("--greylist-recipients=/g", |o| o.lists[ListKind::GreylistRecipients] = vec!["/g".into()]),
        ("--recipient-delays=/d", |o| o.lists[ListKind::RecipientDelays] = vec!["/d".into()]),
        ("--blacklist-action=550", |o| o.policy.blacklist_action = b"550".to_vec()),
        ("--blacklist-text=no", |o| o.policy.blacklist_text = b"no".to_vec()),
        ("--noaction", |o| o.policy.is_dry_run = true),
        ("--no-action", |o| o.policy.is_dry_run = true),
        ("-n", |o| o.policy.is_dry_run = true),
        ("--trust-authenticated", |o| o.policy.trust.authenticated = true),
        ("--user=nobody", |o| o.user = "nobody".to_owned()),
        ("--group=mail,postgrey", |o| o.group = "mail,postgrey".to_owned()),
        ("--dbdir=/srv/db", |o| o.dbdir = "/srv/db".into()),
        ("--sync=1", |o| o.sync = Duration::from_secs(1)),
        ("--sync=3600", |o| o.sync = Duration::from_secs(3600)),
        ("--sync=0", NO_CHANGE),
        ("--pidfile=/run/p", NO_CHANGE),
        ("-d|--pidfile=/run/p", |o| {
            o.daemonize = true;
            o.pidfile = Some("/run/p".into());
        }),
        ("-q|-v", |o| o.verbosity = Verbosity::Quiet),
        ("-v|-q", |o| o.verbosity = Verbosity::Quiet),
        ("--listen-queue-size=7", |o| o.backlog = Some(7)),
        ("--listen-queue-size=1000", |o| o.backlog = Some(999)),
        ("--listen-queue-size=-1", |o| o.backlog = Some(5)),
        ("--facility=LOG_LOCAL4", |o| o.facility = Facility::from_name("local4").unwrap()),
    ]);
}

#[test]
fn lookups_are_by_subnet_unless_by_host_is_asked_for() {
    check(&[
        ("--lookup-by-subnet", NO_CHANGE),
        ("--lookup-by-host", |o| o.policy.lookup_by = LookupBy::Host),
        ("--lookup-by-host|--lookup-by-subnet", |o| o.policy.lookup_by = LookupBy::Host),
        ("--lookup-by-subnet|--lookup-by-host", |o| o.policy.lookup_by = LookupBy::Host),
        ("--ipv4cidr=32|--ipv6cidr=128", |o| {
            o.policy.lookup_by = LookupBy::Subnet { ipv4: 32, ipv6: 128 };
        }),
        ("--ipv4cidr=1|--ipv6cidr=1", |o| {
            o.policy.lookup_by = LookupBy::Subnet { ipv4: 1, ipv6: 1 };
        }),
    ]);
}

#[test]
fn the_log_has_one_of_two_formats() {
    check(&[
        ("--log-format=classic", NO_CHANGE),
        ("--log-format=json", |o| o.log_format = Format::Json),
    ]);
    let refusal = "ERROR: --log-format must be classic or json, not \"xml\"";
    check_refused(2, &[("--inet=1|--log-format=xml", refusal)]);
}

#[test]
fn pools_are_keyed_by_domain_if_configured() {
    check(&[
        ("--lookup-by-domain", |o| o.policy.by_domain.triplets = true),
        ("--lookup-by-domain|--lookup-by-host", |o| {
            o.policy.by_domain.triplets = true;
            o.policy.lookup_by = LookupBy::Host;
        }),
        ("--auto-whitelist-by=client", NO_CHANGE),
        ("--auto-whitelist-by=0", NO_CHANGE),
        ("--auto-whitelist-by=domain", |o| o.policy.by_domain.auto_whitelist = true),
        ("--auto-whitelist-by|domain", |o| o.policy.by_domain.auto_whitelist = true),
    ]);
    check_refused(
        2,
        &[(
            "--inet=1|--auto-whitelist-by=host",
            "ERROR: --auto-whitelist-by must be client or domain, not \"host\"",
        )],
    );
}

#[test]
fn values_without_a_meaning_are_refused() {
    check_refused(
        2,
        &[
            (
                "--inet=1|--ipv4cidr=33",
                "ERROR: --ipv4cidr must be a number of bits from 1 to 32, not 33",
            ),
            (
                "--inet=1|--ipv4cidr=-1",
                "ERROR: --ipv4cidr must be a number of bits from 1 to 32, not -1",
            ),
            (
                "--inet=1|--ipv6cidr=129",
                "ERROR: --ipv6cidr must be a number of bits from 1 to 128, not 129",
            ),
            (
                "--inet=1|--sync=-1",
                "ERROR: --sync must be a number of seconds from 0 to 3600, not -1",
            ),
            (
                "--inet=1|--sync=3601",
                "ERROR: --sync must be a number of seconds from 0 to 3600, not 3601",
            ),
            (
                "--inet=1|--facility=LOG_BOGUS",
                "ERROR: --syslog-facility must be a facility like mail, daemon or local0, not \"LOG_BOGUS\"",
            ),
        ],
    );
    for name in
        ["greylist-action", "greylist-text", "x-greylist-header", "hostname", "blacklist-text"]
    {
        let message = format!(
            "ERROR: --{name} must be a single line: the rest would not reach the mail server"
        );
        check_refused(2, &[(&format!("--inet=1|--{name}=a\nb"), &message)]);
    }
}

#[test]
fn invalid_utf_8_survives_in_paths_and_texts() {
    let word = |start: &str| OsString::from_vec([start.as_bytes(), b"\xff"].concat());
    let words = ["--unix=", "--dbdir=", "--greylist-text=", "--hostname=", "--whitelist-clients="];
    let Ok(Invocation::Serve(options)) = parse(words.map(word).to_vec()) else {
        panic!();
    };
    let path = PathBuf::from(word(""));
    assert_eq!(options.listen, Some(Listen::Unix { path: path.clone(), mode: 0o666 }));
    assert_eq!(options.dbdir, path);
    assert_eq!(options.policy.greylist_text, b"\xff");
    assert_eq!(options.policy.hostname, b"\xff");
    assert_eq!(options.lists[ListKind::WhitelistClients], [path]);

    let refused = |words: &[&str]| {
        let error = parse(words.iter().map(|start| word(start)).collect()).unwrap_err();
        (error.message, error.status)
    };
    assert_eq!(refused(&["--"]), ("Unknown option: \u{fffd}".to_owned(), 1));
    for name in ["inet", "user", "group"] {
        let words = ["--inet=1".into(), word(&format!("--{name}="))];
        let message = format!("ERROR: --{name} must be valid UTF-8, not \"\u{fffd}\"");
        assert_eq!(parse(words.to_vec()), Err(UsageError { message, status: 2 }), "{name}");
    }
}
