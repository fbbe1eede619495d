//! Advice to shorten the wait of a mail.

use super::super::text::duration;
use super::mail::Mail;
use crate::greylist::triplet;
use crate::greylist::{LookupBy, Policy};
use std::net::IpAddr;

/// Shortest `--delay` in seconds that is advised: with less, spam passes.
const MIN_DELAY: i64 = 60;

/// Seconds that a shorter `--delay` must have saved to be worth a word.
const MIN_SAVING: i64 = 600;

/// The longest advised `--retry-window` in days: servers give up after four or
/// five days (RFC 5321, section 4.5.4.1).
const MAX_WINDOW_DAYS: u64 = 5;

/// Shortest prefixes that are advised, IPv4 and IPv6: wider networks have many
/// owners.
const MIN_PREFIXES: (u8, u8) = (20, 40);

/// Returns advice for a mail that was deferred longer than necessary.
pub fn advice(mail: &Mail, policy: &Policy) -> Option<String> {
    let found = [
        late(mail),
        many_networks(mail, policy),
        early(mail, policy),
        slow(mail, policy).filter(|_| early(mail, policy).is_none()),
    ];
    let sentences: Vec<String> = found.into_iter().flatten().collect();
    (!sentences.is_empty()).then(|| sentences.join(". "))
}

/// For a server that came back when its triplet was forgotten.
fn late(mail: &Mail) -> Option<String> {
    let seconds = mail.too_late?;
    let days = seconds.div_ceil(86_400);
    (days <= MAX_WINDOW_DAYS).then(|| {
        format!(
            "It had been deferred {} before, longer ago than --retry-window, so that its wait \
             started again: write --retry-window={days} for servers as slow as this",
            duration(seconds)
        )
    })
}

fn many_networks(mail: &Mail, policy: &Policy) -> Option<String> {
    if mail.networks.len() < 2 {
        return None;
    }
    let networks = mail.networks.len();
    let line = match common_domain(mail) {
        Some(domain) => {
            format!("exempt its servers by a line in whitelist_clients.local: {domain}")
        }
        None => {
            format!("exempt them by lines in whitelist_clients.local: {}", mail.networks.join(", "))
        }
    };
    let what = if policy.lookup_by == LookupBy::Host { "addresses" } else { "networks" };
    let option = one_client(mail, policy)
        .map(|option| format!(", or make one client of them: {option}"))
        .unwrap_or_default();
    Some(format!(
        "It came from {networks} {what}, and each of them had to wait on its own: {line}{option}"
    ))
}

/// The option by which all clients of a mail count as one, if there is one to
/// recommend.
fn one_client(mail: &Mail, policy: &Policy) -> Option<String> {
    let clients = || mail.attempts.iter().map(|attempt| attempt.client);
    let are_ipv4 = clients().all(|client| client.is_ipv4());
    if !are_ipv4 && clients().any(|client| client.is_ipv4()) {
        return by_domain(mail, policy);
    }
    let (name, widest, usual, longest) =
        if are_ipv4 { ("ipv4", MIN_PREFIXES.0, 24, 32) } else { ("ipv6", MIN_PREFIXES.1, 64, 128) };
    let common = common_prefix(clients(), longest);
    match policy.lookup_by {
        LookupBy::Host if common >= usual => Some("leave out --lookup-by-host".to_owned()),
        _ if common >= widest => Some(format!("write --{name}cidr={common}")),
        _ => by_domain(mail, policy),
    }
}

/// The option by which distant servers of one domain count as one client.
fn by_domain(mail: &Mail, policy: &Policy) -> Option<String> {
    let is_off = !policy.by_domain.triplets;
    common_domain(mail).filter(|_| is_off).map(|_| "write --lookup-by-domain".to_owned())
}

/// Returns the number of bits the addresses begin with alike.
fn common_prefix(clients: impl Iterator<Item = IpAddr> + Clone, longest: u8) -> u8 {
    let is_common = |bits: &u8| {
        let mut networks = clients.clone().map(|client| triplet::network(client, *bits));
        let first = networks.next();
        networks.all(|network| Some(network) == first)
    };
    (0..=longest).rev().find(is_common).unwrap_or(0)
}

/// For a server whose retry came too early by less than the next one cost.
fn early(mail: &Mail, policy: &Policy) -> Option<String> {
    let last = mail.last();
    let network = last.network(policy);
    let own: Vec<i64> = mail
        .attempts
        .iter()
        .filter(|attempt| attempt.network(policy) == network)
        .map(|attempt| attempt.time)
        .collect();
    let (first, rest) = own.split_first()?;
    let end = rest.last().filter(|_| !last.is_deferred)?;
    let waits = rest.iter().map(|time| time - first);
    let wait = waits.filter(|wait| (MIN_DELAY..policy.delay).contains(wait)).min()?;
    let length = |seconds: i64| duration(seconds.max(0).unsigned_abs());
    (end - first - wait >= MIN_SAVING).then(|| {
        format!(
            "Its retry after {} came too early, which cost it {}: with --delay={} it would have \
             passed then",
            length(wait),
            length(end - first - wait),
            wait - wait % 60
        )
    })
}

fn slow(mail: &Mail, policy: &Policy) -> Option<String> {
    let waited = i64::try_from(mail.delay()?).ok()?;
    let is_slow =
        waited > 4 * policy.delay.max(1) && mail.attempts.len() == 2 && mail.networks.len() == 1;
    let later = match policy.auto_whitelist {
        Some(1) => {
            "its other mail passes at once after one such (--auto-whitelist-clients)".to_owned()
        }
        Some(passes) => {
            format!("its other mail passes at once after {passes} such (--auto-whitelist-clients)")
        }
        None => "without --auto-whitelist-clients=0 its other mail would pass at once".to_owned(),
    };
    is_slow.then(|| {
        format!(
            "Its server was slow to come back: a shorter --delay would not have helped; exempt it \
             in whitelist_clients.local if its mail is urgent; {later}"
        )
    })
}

/// The domain that all of a mail's clients are in, of two labels at least.
fn common_domain(mail: &Mail) -> Option<String> {
    let names =
        mail.attempts.iter().map(|attempt| String::from_utf8_lossy(&attempt.name).to_lowercase());
    let mut common: Option<Vec<String>> = None;
    for name in names {
        let labels: Vec<String> = name.rsplit('.').map(str::to_owned).collect();
        common = Some(match common {
            None => labels,
            Some(known) => known
                .into_iter()
                .zip(labels)
                .take_while(|(one, other)| one == other)
                .map(|(label, _)| label)
                .collect(),
        });
    }
    let labels = common.filter(|labels| labels.len() >= 2 && labels[0] != "unknown")?;
    // Of co.uk and the like one more label is needed.
    let is_short = labels.len() == 2 && labels[0].len() == 2 && labels[1].len() <= 3;
    let mut labels = labels;
    labels.reverse();
    (!is_short).then(|| labels.join("."))
}

#[cfg(test)]
#[path = "advice_tests.rs"]
mod tests;
