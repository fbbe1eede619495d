//! The whole way from words to options, one row of BEHAVIOUR A1 to A4 each.

use super::*;
use crate::daemon::Verbosity;
use crate::greylist::Policy;

/// Splits at `|`, so that a row can hold empty words and blanks.
fn parse_line(line: &str) -> Result<Invocation, UsageError> {
    let words = line.split('|').map(OsString::from);
    parse(if line.is_empty() { Vec::new() } else { words.collect() })
}

#[test]
fn without_options_but_a_port_everything_is_the_originals_default() {
    let machine = nix::unistd::gethostname().unwrap_or_default();
    let options = Options {
        listen: Listen::Inet("10023".to_owned()),
        backlog: None,
        dbdir: "/var/lib/postgrey".into(),
        user: "postgrey".to_owned(),
        group: "postgrey".to_owned(),
        daemonize: false,
        pidfile: None,
        facility: Facility::MAIL,
        verbosity: Verbosity::Normal,
        exim: false,
        policy: Policy {
            hostname: std::os::unix::ffi::OsStringExt::into_vec(machine),
            ..Policy::default()
        },
        whitelists: WhitelistFiles {
            clients: vec![
                "/etc/postgrey/whitelist_clients".into(),
                "/etc/postgrey/whitelist_clients.local".into(),
            ],
            recipients: vec![
                "/etc/postgrey/whitelist_recipients".into(),
                "/etc/postgrey/whitelist_recipients.local".into(),
            ],
        },
    };
    assert_eq!(parse_line("--inet=10023"), Ok(Invocation::Serve(Box::new(options))));
}
