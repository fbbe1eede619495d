use super::*;
use crate::daemon::endpoint::{Endpoint, Place};

fn served(line: &str) -> Options {
    match parse_line(line) {
        Ok(Invocation::Serve(options)) => *options,
        other => panic!("{line}: {other:?}"),
    }
}

fn smtp(line: &str) -> Smtp {
    served(line).smtp.expect("a proxy")
}

#[test]
fn smtp_proxy_listens_alone_or_next_to_the_policy_server() {
    assert_eq!(served("--inet=10023").smtp, None);
    let alone = served("--smtp=25|--smtp-backend=2525");
    assert_eq!(alone.listen, None);
    let proxy = alone.smtp.unwrap();
    assert_eq!(proxy.listen, [Endpoint::parse("25").unwrap()]);
    assert_eq!(proxy.backend, Place::Inet(Endpoint::parse("2525").unwrap()));
    assert_eq!(proxy.proxy_protocol, Some(2));
    assert_eq!(proxy.tls, None);
    assert_eq!(proxy.dns_timeout, Duration::from_secs(3));
    assert_eq!(proxy.max_clients, 1000);
}

#[test]
fn smtp_options_are_read() {
    let proxy = smtp(
        "--inet=1|--smtp=192.0.2.1:25|--smtp=[2001:db8::1]:25|--smtp-backend=/run/mx|\
         --smtp-proxy-protocol=off|--smtp-tls-cert=c|--smtp-tls-key=k|--smtp-dns-timeout=10|\
         --smtp-max-clients=5",
    );
    let places = ["192.0.2.1:25", "[2001:db8::1]:25"];
    assert_eq!(proxy.listen, places.map(|place| Endpoint::parse(place).unwrap()));
    assert_eq!(proxy.backend, Place::Unix("/run/mx".into()));
    assert_eq!(proxy.proxy_protocol, None);
    assert_eq!(proxy.tls, Some(("c".into(), "k".into())));
    assert_eq!(proxy.dns_timeout, Duration::from_secs(10));
    assert_eq!(proxy.max_clients, 5);
}

#[test]
fn unusable_smtp_options_are_refused_by_name() {
    check_refused(
        2,
        &[
            ("--smtp=25", "ERROR: --smtp needs --smtp-backend, the mail server behind it"),
            (
                "--inet=1|--smtp-backend=25",
                "ERROR: --smtp-backend needs --smtp, a port for clients",
            ),
            (
                "--smtp=99999|--smtp-backend=1",
                "ERROR: --smtp=99999 is not a TCP port; write a port's number or HOST:PORT",
            ),
            (
                "--smtp=25|--smtp-backend|",
                "ERROR: --smtp-backend= is not a TCP port; write a port's number or HOST:PORT, \
                 or the path of a socket, which begins with a slash",
            ),
            (
                "--smtp=25|--smtp-backend=1|--smtp-proxy-protocol=3",
                "ERROR: --smtp-proxy-protocol must be 2, 1 or off, not \"3\"",
            ),
            (
                "--smtp=25|--smtp-backend=1|--smtp-tls-cert=c",
                "ERROR: --smtp-tls-cert needs --smtp-tls-key",
            ),
            (
                "--smtp=25|--smtp-backend=1|--smtp-tls-key=k",
                "ERROR: --smtp-tls-key needs --smtp-tls-cert",
            ),
            (
                "--smtp=25|--smtp-backend=1|--smtp-dns-timeout=61",
                "ERROR: --smtp-dns-timeout must be a number of seconds from 1 to 60, not 61",
            ),
            (
                "--smtp=25|--smtp-backend=1|--smtp-max-clients=-1",
                "ERROR: --smtp-max-clients must be a number of clients from 1 to 1000000, not -1",
            ),
        ],
    );
}
