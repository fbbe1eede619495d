//! Who is counted with whom.

use super::super::{AwlSubject, ByDomain, Client, Plan, Table, awl_keys, plan};
use super::*;
use crate::lists::{Budget, Lists};
use crate::request::Request;
use crate::state::memory::Memory;

fn policy() -> Policy {
    let by_domain = ByDomain { triplets: false, auto_whitelist: true };
    Policy { by_domain, delay: -1, auto_whitelist: Some(2), ..Policy::default() }
}

/// A mail at a second; gives whether the auto-whitelist let it pass, and who was
/// noted to have reached it.
fn mail(
    memory: &mut Memory,
    now: i64,
    [name, address, sender]: [&str; 3],
) -> (bool, Vec<AwlSubject>) {
    let request = Request {
        client_address: address.as_bytes(),
        client_name: name.as_bytes(),
        sender: sender.as_bytes(),
        recipient: b"bob@example.org",
        ..Request::default()
    };
    let lists = Lists::default();
    let Plan::Lookup(lookup) = plan(&policy(), &lists, &request, now, &mut Budget::default())
    else {
        panic!("decided without a lookup");
    };
    let decision = memory.decide_now(&policy(), &lookup);
    let reached = decision.notices.into_iter().filter_map(|notice| match notice {
        Notice::AutoWhitelisted(subject) => Some(subject),
        Notice::FirstSeenInFuture => None,
    });
    (decision.verdict.reason == Reason::AutoWhitelist, reached.collect())
}

fn subjects(policy: &Policy, client: Client<'_>, sender: &str) -> Vec<AwlSubject> {
    let keys = awl_keys(policy, client, sender.as_bytes());
    keys.into_iter().map(|key| key.subject).collect()
}

fn keys(memory: &Memory) -> Vec<String> {
    let clients = memory.records.keys().filter(|(table, _)| *table == Table::Clients);
    clients.map(|(_, key)| String::from_utf8(key.clone()).unwrap()).collect()
}

#[test]
fn a_pool_is_counted_for_each_domain_of_senders() {
    let mut memory = Memory::default();
    let pool = |number: u8| (format!("mx{number}.pool.test"), format!("192.0.{number}.7"));
    let mut ask = |now, number, sender| {
        let (name, address) = pool(number);
        mail(&mut memory, now, [&name, &address, sender])
    };
    assert_eq!(ask(0, 1, "a@one.test"), (false, vec![]));
    let both = AwlSubject::Domains { client: b"pool.test".to_vec(), sender: b"one.test".to_vec() };
    assert_eq!(ask(9000, 2, "b@mail.One.test"), (false, vec![both]));
    assert!(ask(9001, 3, "c@one.test").0);
    assert!(!ask(9002, 4, "c@other.test").0);
    assert!(!ask(9003, 4, "").0);
    let rows = [
        "192.0.1.7",
        "192.0.2.7",
        "192.0.4.7",
        "pool.test/",
        "pool.test/one.test",
        "pool.test/other.test",
    ];
    assert_eq!(keys(&memory), rows);
}

#[test]
fn a_client_that_sends_for_many_domains_is_counted_by_its_address_as_ever() {
    let mut memory = Memory::default();
    let mut ask = |now, sender| mail(&mut memory, now, ["mx.host.test", "192.0.2.7", sender]);
    assert_eq!(ask(0, "a@one.test"), (false, vec![]));
    let client = AwlSubject::Client([192, 0, 2, 7].into());
    assert_eq!(ask(9000, "b@two.test"), (false, vec![client]));
    assert!(ask(9001, "c@three.test").0);
}

#[test]
fn every_row_that_lets_mail_pass_is_kept_young() {
    let mut memory = Memory::default();
    for (key, count) in [("192.0.2.7", 2), ("pool.test/one.test", 2), ("pool.test/other.test", 1)] {
        let record = Record::Client(ClientRecord { count, last: 0 });
        memory.records.insert((Table::Clients, key.into()), record);
    }
    assert!(mail(&mut memory, 9000, ["mx.pool.test", "192.0.2.7", "a@one.test"]).0);
    assert!(mail(&mut memory, 9000, ["mx.pool.test", "192.0.2.7", "a@other.test"]).0);
    let last: Vec<i64> = memory.records.values().filter_map(|it| Some(it.client()?.last)).collect();
    assert_eq!(last, [9000, 9000, 0]);
}

#[test]
fn clients_without_a_domain_are_counted_by_address() {
    for [name, sender] in [
        ["unknown", "a@one.test"],
        ["192-0-2-7.dsl.pool.test", "a@one.test"],
        ["localhost", "a@one.test"],
        ["mx.pool.test", "root"],
        ["mx.pool.test", "<>"],
        ["mx.pool.test", "a@"],
        ["mx.pool.test", "a@localhost"],
        ["mx.pool.test", "a@[192.0.2.7]"],
        ["mx.pool.test", "a@192.0.2.7"],
        ["mx.pool.test", "a@b/c.test"],
        ["mx.pool.test", "a@co.uk"],
    ] {
        let client = Client { address: [192, 0, 2, 7].into(), name: name.as_bytes() };
        assert_eq!(subjects(&policy(), client, sender), [AwlSubject::Client(client.address)]);
    }
}

#[test]
fn senders_that_are_rewritten_or_numbered_share_a_domain() {
    for (sender, domain) in [
        ("SRS0=HHH=TT=one.test=user@forwarder.test", "forwarder.test"),
        ("srs1=abc=xx.test==hhh=tt=one.test=u@mx.Forwarder.test", "forwarder.test"),
        ("bounces-123-bob=example.org@lists.one.co.uk", "one.co.uk"),
        ("\"a@b.test\"@one.test.", "one.test"),
        ("", ""),
    ] {
        let client = Client { address: [192, 0, 2, 7].into(), name: b"mx.pool.test" };
        let keys = awl_keys(&policy(), client, sender.as_bytes());
        assert_eq!(keys[1].bytes, format!("pool.test/{domain}").as_bytes(), "{sender}");
    }
}

#[test]
fn privacy_hides_both_domains() {
    let counted =
        AwlSubject::Domains { client: b"pool.test".to_vec(), sender: b"one.test".to_vec() };
    let hidden = Policy { privacy: true, ..policy() };
    let sum = sha1_smol::Sha1::from("pool.test/one.test").digest().to_string();
    assert_eq!(counted.key(&hidden).bytes, sum.as_bytes());
}

#[test]
fn without_the_option_the_original_s_row_is_the_only_one() {
    let client = Client { address: [192, 0, 2, 7].into(), name: b"mx.pool.test" };
    let all = subjects(&Policy::default(), client, "a@one.test");
    assert_eq!(all, [AwlSubject::Client(client.address)]);
}
