//! DNS data about senders and clients (`--check_sender`, `--skip_dnsbl`;
//! BEHAVIOUR H4).
//!
//! Every question is asked once, many at a time, with a time limit: a report
//! without some answers is better than none.

mod questions;

use super::clients::network_of;
use super::lost::LostMail;
use crate::cli::DnsCheck;
use crate::dns::{Answer, Kind, Question, reversed};
pub use questions::Questions;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

/// Removes the mails whose client is on one of the blocklists.
pub fn skip_listed(mails: &mut Vec<LostMail>, zones: &[String], dns: &mut Questions) {
    if zones.is_empty() {
        return;
    }
    let question = |client, zone: &String| Question {
        name: format!("{}.{zone}", reversed(client)),
        kind: Kind::A,
    };
    let clients: BTreeSet<IpAddr> = mails.iter().map(|mail| mail.client).collect();
    let questions = clients.iter().flat_map(|client| zones.iter().map(|it| question(*client, it)));
    let answers = dns.ask(questions.collect());
    let is_listed = |client| {
        zones.iter().any(|zone| {
            let answer = answers.get(&question(client, zone));
            answer.is_some_and(|answer| answer.addresses.iter().any(is_listing))
        })
    };
    mails.retain(|mail| !is_listed(mail.client));
}

/// Returns true if an address from a blocklist is an entry (RFC 5782, 2.1): an
/// expired domain has other addresses.
fn is_listing(address: &IpAddr) -> bool {
    address.is_loopback()
}

/// Notes in each mail the first check that finds its client in the sender's
/// domain.
pub fn check_senders(mails: &mut [LostMail], checks: &[DnsCheck], dns: &mut Questions) {
    let servers = checks.iter().any(|check| matches!(check, DnsCheck::Mx | DnsCheck::MxNetwork));
    let hosts = checks.iter().any(|check| matches!(check, DnsCheck::A | DnsCheck::ANetwork));
    let senders = || mails.iter().filter_map(|it| Some((domain(&it.sender)?, it.client)));
    let mut questions = BTreeSet::new();
    for (domain, client) in senders() {
        if servers {
            questions.insert(Question { name: domain.clone(), kind: Kind::Mx });
        }
        if hosts {
            questions.insert(addresses(domain, client));
        }
    }
    let mut answers = dns.ask(questions);
    let exchanges: BTreeSet<Question> = senders()
        .flat_map(|(domain, client)| {
            let exchanges = exchanges(&answers, domain);
            exchanges.iter().map(move |name| addresses(name.clone(), client)).collect::<Vec<_>>()
        })
        .filter(|question| !answers.contains_key(question))
        .collect();
    answers.extend(dns.ask(exchanges));
    for mail in mails {
        mail.check = check(mail, checks, &answers);
    }
}

fn check(
    mail: &LostMail,
    checks: &[DnsCheck],
    answers: &HashMap<Question, Answer>,
) -> Option<DnsCheck> {
    let client = mail.client;
    let domain = domain(&mail.sender)?;
    let of_name = |name: &String| {
        let answer = answers.get(&addresses(name.clone(), client));
        answer.map(|answer| answer.addresses.as_slice()).unwrap_or_default()
    };
    checks.iter().copied().find(|check| {
        let names = match check {
            DnsCheck::Mx | DnsCheck::MxNetwork => exchanges(answers, domain.clone()),
            DnsCheck::A | DnsCheck::ANetwork => std::slice::from_ref(&domain),
        };
        let mut found = names.iter().flat_map(of_name);
        match check {
            DnsCheck::Mx | DnsCheck::A => found.any(|address| *address == client),
            DnsCheck::MxNetwork | DnsCheck::ANetwork => {
                found.any(|address| network_of(*address) == network_of(client))
            }
        }
    })
}

fn exchanges(answers: &HashMap<Question, Answer>, domain: String) -> &[String] {
    let answer = answers.get(&Question { name: domain, kind: Kind::Mx });
    answer.map(|answer| answer.exchanges.as_slice()).unwrap_or_default()
}

/// The question for a name's addresses of the same kind as the client's.
fn addresses(name: String, client: IpAddr) -> Question {
    Question { name, kind: Kind::of_family(client) }
}

/// The domain of a sender that has one, which is in lower case already.
fn domain(sender: &[u8]) -> Option<String> {
    let at = memchr::memrchr(b'@', sender)?;
    let domain = std::str::from_utf8(&sender[at + 1..]).ok()?;
    (!domain.is_empty()).then(|| domain.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_blocklists_are_in_the_loopback_network() {
        for (address, is_entry) in [("127.0.0.2", true), ("127.1.0.10", true), ("10.0.0.1", false)]
        {
            assert_eq!(is_listing(&address.parse().unwrap()), is_entry, "{address}");
        }
    }

    #[test]
    fn senders_without_a_domain_have_no_sender_domain() {
        for (sender, expected) in
            [("a@b.test", Some("b.test")), ("root", None), ("a@", None), ("", None)]
        {
            assert_eq!(domain(sender.as_bytes()).as_deref(), expected, "{sender}");
        }
    }
}
