use super::super::attempt::{Attempt, LoggedBy};
use super::super::mail::Mails;
use super::*;

/// The advice on the last mail that these attempts make: the second, the
/// client, and whether it is deferred.
fn advice_on(policy: &Policy, attempts: &[(i64, &str, bool)]) -> String {
    let mut mails = Mails::new(policy);
    for (time, client, is_deferred) in attempts {
        mails.take(Attempt {
            time: *time,
            id: None,
            source: LoggedBy::Daemon,
            is_deferred: *is_deferred,
            reason: b"new".to_vec(),
            name: b"mx.a.test".to_vec(),
            client: client.parse().unwrap(),
            sender: b"a@a.test".to_vec(),
            recipient: b"b@b.test".to_vec(),
        });
    }
    let last = mails.waiting().last().copied().or(mails.ended.last()).unwrap();
    advice(last, policy).unwrap_or_default()
}

fn subnet() -> Policy {
    Policy::default()
}

fn host() -> Policy {
    Policy { lookup_by: LookupBy::Host, ..Policy::default() }
}

#[test]
fn neighbours_are_made_one_client_by_an_option() {
    for (policy, clients, option) in [
        (subnet(), ["192.0.2.1", "192.0.3.1"], "or make one client of them: write --ipv4cidr=23"),
        (subnet(), ["192.0.2.1", "198.51.100.1"], "one client of them: write --lookup-by-domain"),
        (subnet(), ["192.0.2.1", "2001:db8::1"], "one client of them: write --lookup-by-domain"),
        (subnet(), ["2001:db8::1", "2001:db8:0:1::1"], "write --ipv6cidr=63"),
        (
            host(),
            ["192.0.2.1", "192.0.2.9"],
            "or make one client of them: leave out --lookup-by-host",
        ),
    ] {
        let text = advice_on(&policy, &[(0, clients[0], true), (60, clients[1], true)]);
        assert!(text.starts_with("It came from 2 "), "{text}");
        assert!(text.ends_with(option), "{clients:?}: {text}");
    }
    assert_eq!(advice_on(&subnet(), &[(0, "192.0.2.1", true), (60, "192.0.2.9", true)]), "");
}

#[test]
fn a_slightly_early_retry_gets_advice_on_the_delay() {
    let client = "192.0.2.1";
    let text =
        advice_on(&subnet(), &[(0, client, true), (250, client, true), (2000, client, false)]);
    let expected = "Its retry after 4 min 10 s came too early, which cost it 29 min 10 s: with \
                    --delay=240 it would have passed then";
    assert_eq!(text, expected);
    for attempts in [
        // Sooner than any sensible delay; soon enough after all; not yet passed.
        [(0, client, true), (30, client, true), (2000, client, false)],
        [(0, client, true), (250, client, true), (400, client, false)],
        [(0, client, true), (250, client, true), (2000, client, true)],
    ] {
        assert_eq!(advice_on(&subnet(), &attempts), "", "{attempts:?}");
    }
}

#[test]
fn a_server_that_comes_back_after_days_needs_a_longer_window() {
    let (client, day) = ("192.0.2.1", 86_400);
    let text = advice_on(&subnet(), &[(0, client, true), (3 * day - 60, client, true)]);
    assert!(text.starts_with("It had been deferred 2 d 23 h before"), "{text}");
    assert!(text.contains("write --retry-window=3 for"), "{text}");
    assert_eq!(advice_on(&subnet(), &[(0, client, true), (30 * day, client, true)]), "");
    assert_eq!(advice_on(&subnet(), &[(0, "198.51.100.1", true), (3 * day, client, true)]), "");
}

#[test]
fn a_slow_server_is_spared_by_lists() {
    let client = "192.0.2.1";
    let slow = [(0, client, true), (7200, client, false)];
    assert!(advice_on(&subnet(), &slow).ends_with("after 5 such (--auto-whitelist-clients)"));
    let off = Policy { auto_whitelist: None, ..Policy::default() };
    assert!(advice_on(&off, &slow).contains("without --auto-whitelist-clients=0"));
}
