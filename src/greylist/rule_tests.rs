//! The rules that ask options and lists, and their order.

use super::*;
use crate::whitelist::{Clients, Recipients, Text, Trusted};

const STRANGER: Request<'static> = Request {
    client_address: b"192.0.2.1",
    client_name: b"mx.b.example",
    sender: b"a@b.example",
    recipient: b"c@d.example",
    instance: None,
    queue_id: b"",
    has_etrn_domain: false,
    is_authenticated: false,
    is_local: false,
    is_unsifted: false,
    test_time: None,
};

fn text(bytes: &str) -> [Text; 1] {
    [Text { file: "list".into(), bytes: bytes.into() }]
}

fn exemption(policy: &Policy, lists: &Whitelists, request: &Request<'_>) -> Option<Exemption> {
    rule(policy, lists, request, &mut Vec::new()).map(|(exemption, _)| exemption)
}

fn trusting(networks: &str, authenticated: bool) -> Policy {
    let networks = Trusted::parse(networks.as_bytes()).unwrap();
    Policy { trust: Trust { networks, authenticated }, ..Policy::default() }
}

#[test]
fn nobody_is_trusted_unless_the_administrator_says_so() {
    let by = |policy: &Policy, request| exemption(policy, &Whitelists::default(), &request);
    let user = Request { is_authenticated: true, ..STRANGER };
    let machine = Request { client_address: b"127.0.0.1", ..STRANGER };
    let nobody = Policy::default();
    let networks = trusting("192.0.2.0/24,2001:db8::/32", false);
    let users = trusting("", true);
    for (policy, request, expected) in [
        (&nobody, STRANGER, None),
        (&nobody, user, None),
        (&nobody, machine, None),
        (&networks, STRANGER, Some(Exemption::Network)),
        (
            &networks,
            Request { client_address: b"2001:db8::7", ..STRANGER },
            Some(Exemption::Network),
        ),
        (&networks, Request { client_address: b"192.0.3.1", ..STRANGER }, None),
        (&networks, Request { client_address: b"192.0.3.1", ..user }, None),
        (&networks, machine, Some(Exemption::Network)),
        (&users, user, Some(Exemption::Authenticated)),
        (&users, STRANGER, None),
        (&users, machine, None),
    ] {
        assert_eq!(by(policy, request), expected, "{policy:?} {request:?}");
    }
}

#[test]
fn where_nothing_was_asked_before_the_sites_own_mail_is_trusted() {
    let by = |request| exemption(&Policy::default(), &Whitelists::default(), &request);
    let unsifted = Request { is_unsifted: true, ..STRANGER };
    assert_eq!(by(unsifted), None);
    let user = Request { is_authenticated: true, ..unsifted };
    assert_eq!(by(user), Some(Exemption::Authenticated));
    let machine = Request { client_address: b"::1", ..unsifted };
    assert_eq!(by(machine), Some(Exemption::Network));
    let local = Request { client_address: b"unknown", is_local: true, ..unsifted };
    assert_eq!(by(local), Some(Exemption::Network));
}

#[test]
fn trust_comes_first_then_the_client_then_the_recipient() {
    let mut warnings = Vec::new();
    let all = Whitelists {
        clients: Clients::parse(text("192.0.2.1"), &mut warnings),
        recipients: Recipients::parse(text("c@"), &mut warnings),
    };
    let one = Whitelists {
        recipients: Recipients::parse(text("c@"), &mut warnings),
        ..Whitelists::default()
    };
    let nobody = Policy::default();
    assert_eq!(exemption(&trusting("192.0.2.1", true), &all, &STRANGER), Some(Exemption::Network));
    assert_eq!(exemption(&nobody, &all, &STRANGER), Some(Exemption::Client));
    assert_eq!(exemption(&nobody, &one, &STRANGER), Some(Exemption::Recipient));
    assert_eq!(exemption(&nobody, &Whitelists::default(), &STRANGER), None);
}
