//! The syntax of options, and the order of information and errors: BEHAVIOUR A1,
//! A2 and A4.

use super::super::flags;
use super::super::getopt::Takes;
use super::*;

#[test]
fn names_are_complete_and_spelled_as_in_the_table() {
    for (line, name) in [
        ("--daemon", "daemon"),
        ("--wh", "wh"),
        ("--he", "he"),
        ("--ver", "ver"),
        ("--dela=5", "dela"),
        ("-inet=10023", "inet=10023"),
        ("-delay=5", "delay=5"),
        ("-u=/run/s", "u=/run/s"),
        ("-u/run/s", "u/run/s"),
        ("-i20004", "i20004"),
        ("-vd", "vd"),
        ("-qd", "qd"),
        ("--Delay=5", "Delay"),
        ("-V", "V"),
        ("--max_age=3", "max_age"),
        ("--greylist_text=x", "greylist_text"),
        ("--syslog_facility=x", "syslog_facility"),
        ("--no_action", "no_action"),
        ("--noverbose", "noverbose"),
        ("--no-verbose", "no-verbose"),
        ("---help", "-help"),
        ("-?", "?"),
        ("--=x", "=x"),
        ("--unknown==x", "unknown"),
    ] {
        check_refused(1, &[(line, &format!("Unknown option: {name}"))]);
    }
}

#[test]
fn one_dash_is_as_good_as_two_and_every_alias_works() {
    check(&[
        ("-delay|7", |o| o.policy.delay = 7),
        ("-inet|7", |o| o.listen = Some(Listen::Inet("7".to_owned()))),
        ("-i|7", |o| o.listen = Some(Listen::Inet("7".to_owned()))),
        ("--i|7", |o| o.listen = Some(Listen::Inet("7".to_owned()))),
        ("--i=7", |o| o.listen = Some(Listen::Inet("7".to_owned()))),
        ("-v", |o| o.verbosity = Verbosity::Verbose),
        ("--v", |o| o.verbosity = Verbosity::Verbose),
        ("-verbose", |o| o.verbosity = Verbosity::Verbose),
        ("-q", |o| o.verbosity = Verbosity::Quiet),
        ("--quiet", |o| o.verbosity = Verbosity::Quiet),
        ("-d", |o| o.daemonize = true),
        ("--d", |o| o.daemonize = true),
        ("--daemonize", |o| o.daemonize = true),
        ("--facility=user", |o| o.facility = Facility::from_name("user").unwrap()),
        ("--syslogfacility=user", |o| o.facility = Facility::from_name("user").unwrap()),
        ("--syslog-facility=user", |o| o.facility = Facility::from_name("user").unwrap()),
    ]);
    for line in ["-u|/run/s", "--u|/run/s", "--u=/run/s", "-unix|/run/s", "--unix=/run/s"] {
        let Ok(Invocation::Serve(options)) = parse_line(line) else {
            panic!("{line}");
        };
        let path = "/run/s".into();
        assert_eq!(options.listen, Some(Listen::Unix { path, mode: 0o666 }), "{line}");
    }
}

#[test]
fn switches_take_no_value() {
    check_refused(
        1,
        &[
            ("--verbose=1", "Option verbose does not take an argument"),
            ("--v=1", "Option v does not take an argument"),
            ("--quiet=", "Option quiet does not take an argument"),
            ("--exim=1", "Option exim does not take an argument"),
            ("--privacy=1", "Option privacy does not take an argument"),
            ("--daemonize=1", "Option daemonize does not take an argument"),
        ],
    );
}

#[test]
fn an_option_complains_about_a_missing_value_under_the_name_that_was_typed() {
    let mut tried = 0;
    for arg in flags::command().get_arguments() {
        let Takes::Value { may_be_empty } = Takes::of(arg) else {
            continue;
        };
        let mut names: Vec<String> =
            arg.get_all_aliases().unwrap_or_default().iter().map(ToString::to_string).collect();
        names.extend(arg.get_long().map(str::to_owned));
        names.extend(arg.get_short().map(|short| short.to_string()));
        for name in names {
            let message = format!("Option {name} requires an argument");
            check_refused(1, &[(&format!("-{name}"), &message), (&format!("--{name}"), &message)]);
            if !may_be_empty {
                check_refused(1, &[(&format!("--{name}="), &message)]);
            }
            tried += 1;
        }
    }
    assert_ne!(tried, 0);
}

#[test]
fn an_empty_greylist_text_is_the_default() {
    // The systemd unit passes --greylist-text=${POSTGREY_TEXT}.
    check(&[("--greylist-text=", NO_CHANGE), ("--greylist-text=x|--greylist-text=", NO_CHANGE)]);
}

#[test]
fn a_required_value_is_the_next_argument_in_any_form() {
    check(&[
        ("--inet|--exim", |o| o.listen = Some(Listen::Inet("--exim".to_owned()))),
        ("--inet|--", |o| o.listen = Some(Listen::Inet("--".to_owned()))),
        ("--greylist-text|--foo", |o| o.policy.greylist_text = b"--foo".to_vec()),
        ("--greylist-text|-v", |o| o.policy.greylist_text = b"-v".to_vec()),
        ("--greylist-text=a=b", |o| o.policy.greylist_text = b"a=b".to_vec()),
        ("--greylist-text==b", |o| o.policy.greylist_text = b"=b".to_vec()),
        ("--delay|-5", |o| o.policy.delay = -5),
    ]);
}

#[test]
fn integers_are_decimal_with_an_optional_sign() {
    check(&[
        ("--delay=+5", |o| o.policy.delay = 5),
        ("--delay=-5", |o| o.policy.delay = -5),
        ("--delay=010", |o| o.policy.delay = 10),
        ("--delay=1_000", |o| o.policy.delay = 1000),
        ("--delay=5\n", |o| o.policy.delay = 5),
    ]);
    for value in [
        "abc",
        "5x",
        "1.5",
        " 5",
        "5 ",
        "1e3",
        "0x10",
        "+-5",
        "-",
        "_",
        "_-5",
        "5\n\n",
        // Seconds that do not fit the clock's arithmetic.
        "99999999999999999999",
        "9223372036854775807",
        "-9223372036854775808",
    ] {
        let message = format!("Value \"{value}\" invalid for option delay (number expected)");
        check_refused(
            1,
            &[
                (&format!("--inet=1|--delay={value}"), &message),
                (&format!("--inet=1|-delay|{value}"), &message),
            ],
        );
    }
    check_refused(
        1,
        &[
            ("--max-age|", "Value \"\" invalid for option max-age (number expected)"),
            ("--ipv4cidr=a", "Value \"a\" invalid for option ipv4cidr (number expected)"),
            ("--ipv6cidr=a", "Value \"a\" invalid for option ipv6cidr (number expected)"),
            (
                "--listen-queue-size=a",
                "Value \"a\" invalid for option listen-queue-size (number expected)",
            ),
            (
                "--inet=1|--max-age=106751991167301",
                "Value \"106751991167301\" invalid for option max-age (number expected)",
            ),
        ],
    );
}

#[test]
fn all_errors_are_reported_in_order() {
    check_refused(
        1,
        &[(
            "--foo|--verbose=1|--delay=x|-help=|--retry-window=x|--max-age",
            "Unknown option: foo\n\
             Option verbose does not take an argument\n\
             Value \"x\" invalid for option delay (number expected)\n\
             Unknown option: help=\n\
             Option max-age requires an argument",
        )],
    );
}

#[test]
fn the_first_plain_word_ends_the_options_and_leftovers_are_ignored() {
    check(&[
        ("foo|--delay=7", NO_CHANGE),
        ("|--delay=7", NO_CHANGE),
        ("--|--delay=7", NO_CHANGE),
        ("-|--delay=7", NO_CHANGE),
        ("--delay=7|", |o| o.policy.delay = 7),
        ("foo bar", NO_CHANGE),
        ("--|--foo=bar", NO_CHANGE),
        ("background=1|setsid|chroot=/tmp", NO_CHANGE),
        ("--|--log_file=/x|--pid_file=/x|--conf_file=/x", NO_CHANGE),
    ]);
}

#[test]
fn the_last_of_a_repeated_option_counts_but_whitelists_add_up() {
    check(&[
        ("--delay=7|--delay=8", |o| o.policy.delay = 8),
        ("--delay=7|--delay=0", NO_CHANGE),
        ("-v|-v|--verbose", |o| o.verbosity = Verbosity::Verbose),
        ("--whitelist-clients=b|--whitelist-clients|a", |o| {
            o.lists[ListKind::WhitelistClients] = vec!["b".into(), "a".into()];
        }),
        ("--whitelist-recipients|b|--whitelist-recipients|", |o| {
            o.lists[ListKind::WhitelistRecipients] = vec!["b".into(), "".into()];
        }),
    ]);
}

#[test]
fn the_count_of_the_auto_whitelist_may_be_left_out() {
    check(&[
        ("--auto-whitelist-clients", NO_CHANGE),
        ("--auto-whitelist-clients=", NO_CHANGE),
        ("--auto-whitelist-clients|", NO_CHANGE),
        ("--auto-whitelist-clients=5", NO_CHANGE),
        ("--auto-whitelist-clients|7", |o| o.policy.auto_whitelist = Some(7)),
        ("--auto-whitelist-clients=7", |o| o.policy.auto_whitelist = Some(7)),
        ("--auto-whitelist-clients=0", |o| o.policy.auto_whitelist = None),
        ("--auto-whitelist-clients|--exim", |o| o.exim = true),
        ("--auto-whitelist-clients|--|--exim", NO_CHANGE),
        ("--auto-whitelist-clients=7|--auto-whitelist-clients", NO_CHANGE),
    ]);
    let refused = |value: &str| {
        format!("Value \"{value}\" invalid for option auto-whitelist-clients (number expected)")
    };
    check_refused(
        1,
        &[
            ("--auto-whitelist-clients|-5", "Unknown option: 5"),
            ("--auto-whitelist-clients|foo", &refused("foo")),
            ("--auto-whitelist-clients|-", &refused("-")),
            ("--auto-whitelist-clients=2x", &refused("2x")),
            ("--auto-whitelist-clients=0.5", &refused("0.5")),
            ("--inet=1|--auto-whitelist-clients=-1", &refused("-1")),
        ],
    );
}

#[test]
fn information_is_printed_in_the_order_help_manual_version() {
    let start = |line| match parse_line(line) {
        Ok(Invocation::Print(text)) => text.chars().take(15).collect::<String>(),
        other => panic!("{line}: {other:?}"),
    };
    for line in ["--help", "-h", "--h", "-help", "--inet=1|--noaction|--version|--man|--help"] {
        assert_eq!(start(line), "Usage: postgrey", "{line}");
    }
    for line in ["--man", "-man", "--version|--man", "-n|--man", "--man|--retry-window=x"] {
        assert_eq!(start(line), "POSTGREY(8)\n\nNA", "{line}");
    }
    let version = concat!("postgrey ", env!("CARGO_PKG_VERSION"), "\n");
    for line in ["--version", "--version|--noaction", "--version|--ipv4cidr=99"] {
        assert_eq!(start(line), version, "{line}");
    }
}

#[test]
fn syntax_errors_come_first() {
    check_refused(
        1,
        &[
            ("--help|--foo", "Unknown option: foo"),
            ("--delay=x|--version", "Value \"x\" invalid for option delay (number expected)"),
        ],
    );
}

#[test]
fn errors_of_the_original_come_next_with_its_text_and_order() {
    let hint = "the ways to listen are --inet, --unix, --milter, --smtp; \"postgrey help\" lists all commands";
    let no_socket = &format!("ERROR: --unix or --inet must be specified; {hint}");
    let unknown =
        "ERROR: --unix or --inet must be specified; unknown command \"foo\", see \"postgrey help\"";
    check_refused(
        2,
        &[
            ("--noaction", no_socket),
            ("--exim", no_socket),
            ("foo|--inet=1", unknown),
            ("-d|--retry-window=x|--socketmode=x", no_socket),
            ("--inet||--socketmode=x|--ipv4cidr=99|--retry-window=x", RETRY_WINDOW),
        ],
    );
}
