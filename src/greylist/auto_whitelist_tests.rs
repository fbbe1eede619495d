//! Who is counted with whom.

use super::super::{ByDomain, decide};
use super::*;
use crate::lists::Whitelists;
use crate::request::Request;
use crate::state::{Error, Table, TripletRecord, Urgency};
use std::collections::BTreeMap;

/// Clients alone: every triplet has waited.
#[derive(Default)]
struct Memory(BTreeMap<Vec<u8>, ClientRecord>);

impl Transaction for Memory {
    fn triplet(&mut self, _: &[u8]) -> Result<Option<TripletRecord>, Error> {
        Ok(None)
    }

    fn put_triplet(&mut self, _: &[u8], _: TripletRecord, _: Urgency) -> Result<(), Error> {
        Ok(())
    }

    fn client(&mut self, key: &[u8]) -> Result<Option<ClientRecord>, Error> {
        Ok(self.0.get(key).copied())
    }

    fn put_client(&mut self, key: &[u8], passes: ClientRecord) -> Result<(), Error> {
        self.0.insert(key.to_vec(), passes);
        Ok(())
    }

    fn remove(&mut self, _: Table, key: &[u8]) -> Result<bool, Error> {
        Ok(self.0.remove(key).is_some())
    }
}

fn policy() -> Policy {
    let by_domain = ByDomain { lookup: false, auto_whitelist: true };
    Policy { by_domain, delay: -1, auto_whitelist: Some(2), ..Policy::default() }
}

/// A mail at a second; gives whether the auto-whitelist let it pass, and who was
/// noted to have reached it.
fn mail(memory: &mut Memory, now: i64, [name, address, sender]: [&str; 3]) -> (bool, Vec<AwlKey>) {
    let request = Request {
        client_address: address.as_bytes(),
        client_name: name.as_bytes(),
        sender: sender.as_bytes(),
        recipient: b"bob@example.org",
        ..Request::default()
    };
    let lists = Whitelists::default();
    let decision = decide(&policy(), &lists, memory, now, &request).unwrap();
    let reached = decision.notes.into_iter().filter_map(|note| match note {
        Note::AutoWhitelisted(counted) => Some(counted),
        _ => None,
    });
    (matches!(decision.verdict, super::super::Verdict::Exempt(_)), reached.collect())
}

fn keys(memory: &Memory) -> Vec<String> {
    memory.0.keys().map(|key| String::from_utf8(key.clone()).unwrap()).collect()
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
    let both = AwlKey::Domains { client: b"pool.test".to_vec(), sender: b"one.test".to_vec() };
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
    let client = AwlKey::Client([192, 0, 2, 7].into());
    assert_eq!(ask(9000, "b@two.test"), (false, vec![client]));
    assert!(ask(9001, "c@three.test").0);
}

#[test]
fn every_row_that_lets_mail_pass_is_kept_young() {
    let mut memory = Memory::default();
    let enough = ClientRecord { count: 2, last: 0 };
    for key in ["192.0.2.7", "pool.test/one.test"] {
        memory.0.insert(key.into(), enough);
    }
    memory.0.insert("pool.test/other.test".into(), ClientRecord { count: 1, last: 0 });
    assert!(mail(&mut memory, 9000, ["mx.pool.test", "192.0.2.7", "a@one.test"]).0);
    assert!(mail(&mut memory, 9000, ["mx.pool.test", "192.0.2.7", "a@other.test"]).0);
    let last: Vec<i64> = memory.0.values().map(|passes| passes.last).collect();
    assert_eq!(last, [9000, 9000, 0]);
}

#[test]
fn who_has_no_domain_is_counted_by_address_alone() {
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
        let all: Vec<_> = AwlKey::all(&policy(), client, sender.as_bytes()).collect();
        assert_eq!(all, [AwlKey::Client(client.address)], "{name} {sender}");
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
        let key = AwlKey::all(&policy(), client, sender.as_bytes()).nth(1).unwrap();
        let expected = format!("pool.test/{domain}");
        assert_eq!(key.key(&policy()), expected.as_bytes(), "{sender}");
    }
}

#[test]
fn privacy_hides_both_domains() {
    let counted = AwlKey::Domains { client: b"pool.test".to_vec(), sender: b"one.test".to_vec() };
    let hidden = Policy { privacy: true, ..policy() };
    let sum = sha1_smol::Sha1::from("pool.test/one.test").digest().to_string();
    assert_eq!(counted.key(&hidden), sum.as_bytes());
}

#[test]
fn without_the_option_the_original_s_row_is_the_only_one() {
    let client = Client { address: [192, 0, 2, 7].into(), name: b"mx.pool.test" };
    let all = AwlKey::all(&Policy::default(), client, b"a@one.test");
    assert_eq!(all.collect::<Vec<_>>(), [AwlKey::Client(client.address)]);
}
