use super::*;

fn served(line: &str) -> Options {
    match parse_line(line) {
        Ok(Invocation::Serve(options)) => *options,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn a_milter_listens_with_the_policy_server_or_alone() {
    let options = served("--milter=/run/postgrey/milter");
    let path = "/run/postgrey/milter".into();
    assert_eq!(options.listen, None);
    assert_eq!(options.milter, Some(Listen::Unix { path, mode: 0o660 }));
    let options = served("--inet=10023|--milter=localhost:10022");
    assert_eq!(options.listen, Some(Listen::Inet("10023".to_owned())));
    assert_eq!(options.milter, Some(Listen::Inet("localhost:10022".to_owned())));
}

#[test]
fn the_milter_socket_has_separate_permissions() {
    let mode = |line: &str| match served(line).milter {
        Some(Listen::Unix { mode, .. }) => mode,
        other => panic!("{other:?}"),
    };
    assert_eq!(mode("--milter=./m|--milter-socketmode=0600|--socketmode=0777"), 0o600);
    assert_eq!(mode("--milter=/m|--milter-socketmode|"), 0o660);
    check_refused(
        2,
        &[
            (
                "--milter=/m|--milter-socketmode=rw",
                "ERROR: --milter-socketmode must be an octal number up to 7777, not \"rw\"",
            ),
            (
                "--inet=1|--milter|",
                "ERROR: --milter needs the path of a socket or [HOST:]PORT, not an empty word",
            ),
            (
                "--milter=milter.sock",
                "ERROR: --milter=milter.sock is not a TCP port; write a port's number or \
                 HOST:PORT, or the path of a socket, which begins with a slash",
            ),
            (
                "--inet=1|--metrics=99999",
                "ERROR: --metrics=99999 is not a TCP port; write a port's number or \
                 HOST:PORT, or unix: and the path of a socket",
            ),
        ],
    );
}

#[test]
fn networks_are_trusted_by_name() {
    let line =
        "--milter=1|--trusted-networks=192.0.2.0/24,2001:db8::/32|--trusted-networks=203.0.113.7";
    let trusted = served(line).policy.trust.networks;
    assert!(trusted.holds("203.0.113.7".parse().unwrap()));
    assert!(trusted.holds("192.0.2.1".parse().unwrap()));
    assert!(!trusted.holds("198.51.100.1".parse().unwrap()));
    check_refused(
        2,
        &[(
            "--milter=1|--trusted-networks=lan",
            "ERROR: --trusted-networks: lan is not a network; write it like 192.0.2.0/24 or \
             2001:db8::/32",
        )],
    );
}
