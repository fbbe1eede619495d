//! The rules that ask options and lists, and their order.

use super::*;
use crate::lists::{Addresses, Blacklists, Clients, Text, Trusted};

const STRANGER: Request<'static> = Request {
    client_address: b"192.0.2.1",
    client_name: b"mx.b.example",
    sender: b"a@b.example",
    recipient: b"c@d.example",
    instance: None,
    has_header: false,
    queue_id: b"",
    has_etrn_domain: false,
    is_authenticated: false,
    is_local: false,
    covers_own_users: false,
    test_time: None,
};

fn text(bytes: &str) -> [Text; 1] {
    [Text { file: "list".into(), bytes: bytes.into() }]
}

fn reason(policy: &Policy, lists: &Lists, request: &Request<'_>) -> Option<Reason> {
    rule(policy, lists, request, &mut Budget::default()).map(|(reason, _)| reason)
}

fn trusting(networks: &str, authenticated: bool) -> Policy {
    let networks = Trusted::parse(networks.as_bytes()).unwrap();
    Policy { trust: Trust { networks, authenticated }, ..Policy::default() }
}

#[test]
fn no_client_is_trusted_by_default() {
    let by = |policy: &Policy, request| reason(policy, &Lists::default(), &request);
    let user = Request { is_authenticated: true, ..STRANGER };
    let machine = Request { client_address: b"127.0.0.1", ..STRANGER };
    let nobody = Policy::default();
    let networks = trusting("192.0.2.0/24,2001:db8::/32", false);
    let users = trusting("", true);
    for (policy, request, expected) in [
        (&nobody, STRANGER, None),
        (&nobody, user, None),
        (&nobody, machine, None),
        (&networks, STRANGER, Some(Reason::TrustedNetwork)),
        (
            &networks,
            Request { client_address: b"2001:db8::7", ..STRANGER },
            Some(Reason::TrustedNetwork),
        ),
        (&networks, Request { client_address: b"192.0.3.1", ..STRANGER }, None),
        (&networks, Request { client_address: b"192.0.3.1", ..user }, None),
        (&networks, machine, Some(Reason::TrustedNetwork)),
        (&users, user, Some(Reason::Authenticated)),
        (&users, STRANGER, None),
        (&users, machine, None),
    ] {
        assert_eq!(by(policy, request), expected, "{policy:?} {request:?}");
    }
}

#[test]
fn where_nothing_was_asked_before_the_sites_own_mail_is_trusted() {
    let by = |request| reason(&Policy::default(), &Lists::default(), &request);
    let own_too = Request { covers_own_users: true, ..STRANGER };
    assert_eq!(by(own_too), None);
    let user = Request { is_authenticated: true, ..own_too };
    assert_eq!(by(user), Some(Reason::Authenticated));
    let machine = Request { client_address: b"::1", ..own_too };
    assert_eq!(by(machine), Some(Reason::TrustedNetwork));
    let local = Request { client_address: b"unknown", is_local: true, ..own_too };
    assert_eq!(by(local), Some(Reason::TrustedNetwork));
}

#[test]
fn trust_comes_first_then_whitelists_then_blacklists() {
    let mut warnings = Vec::new();
    let mut clients = || Clients::parse(text("192.0.2.1"), &mut warnings);
    let (white, black) = (clients(), clients());
    let mut addresses = |rule| Addresses::parse(text(rule), &mut warnings);
    let mut lists = Lists {
        clients: white,
        recipients: addresses("c@"),
        senders: addresses("b.example"),
        blacklists: Blacklists {
            clients: black,
            senders: addresses("a@b.example"),
            recipients: addresses("/^c@/"),
        },
        greylisted: Some(addresses("else.example")),
        ..Lists::default()
    };
    let trust = trusting("192.0.2.1", true);
    assert_eq!(reason(&trust, &lists, &STRANGER), Some(Reason::TrustedNetwork));
    let mut next = |expected, take_away: fn(&mut Lists)| {
        assert_eq!(reason(&Policy::default(), &lists, &STRANGER), expected);
        take_away(&mut lists);
    };
    next(Some(Reason::ClientWhitelist), |lists| lists.clients = Clients::default());
    next(Some(Reason::RecipientWhitelist), |lists| lists.recipients = Addresses::default());
    next(Some(Reason::SenderWhitelist), |lists| lists.senders = Addresses::default());
    next(Some(Reason::ClientBlacklist), |lists| lists.blacklists.clients = Clients::default());
    next(Some(Reason::SenderBlacklist), |lists| lists.blacklists.senders = Addresses::default());
    next(Some(Reason::RecipientBlacklist), |lists| {
        lists.blacklists.recipients = Addresses::default()
    });
    next(Some(Reason::RecipientNotListed), |lists| lists.greylisted = None);
    next(None, |_| ());
}

#[test]
fn lists_of_clients_know_those_without_an_address_by_name() {
    let clients = Clients::parse(text("b.example"), &mut Vec::new());
    let blacklists = Blacklists { clients, ..Blacklists::default() };
    let lists = Lists { blacklists, ..Lists::default() };
    let nameless = Request { client_address: b"unknown", ..STRANGER };
    let expected = Some(Reason::ClientBlacklist);
    assert_eq!(reason(&Policy::default(), &lists, &nameless), expected);
}

#[test]
fn of_two_recipients_only_the_listed_one_is_greylisted() {
    let greylisted = Some(Addresses::parse(text("d.example"), &mut Vec::new()));
    let lists = Lists { greylisted, ..Lists::default() };
    let policy = Policy::default();
    assert_eq!(reason(&policy, &lists, &STRANGER), None);
    let other = Request { recipient: b"c@e.example", ..STRANGER };
    assert_eq!(reason(&policy, &lists, &other), Some(Reason::RecipientNotListed));
}

#[test]
fn a_client_without_a_valid_address_is_not_greylisted() {
    for address in ["unknown", "", "1.2.3.4:25", "1.2.3.256", "fe80::1%eth0", "010.1.1.1", "1.2.3"]
    {
        let request = Request { client_address: address.as_bytes(), ..STRANGER };
        let plan = plan(&Policy::default(), &Lists::default(), &request, 0, &mut Budget::default());
        assert_eq!(plan, Plan::Decided(Reason::NoAddress.into()), "{address}");
    }
}
