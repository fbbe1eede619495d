//! The decision: a function of the request, the clock and what is remembered.

use super::auto_whitelist::{self, AwlKey};
use super::verdict::{Blacklist, Decision, Exemption, Note, Verdict, Wait};
use super::{Client, Policy, Trust, triplet};
use crate::lists::{Addresses, Clients, Location, Warning, Whitelists};
use crate::request::Request;
use crate::state::{self, Transaction, TripletRecord, Urgency};
use std::net::IpAddr;

/// Decides one request and remembers the attempt. `now` is in seconds since
/// the epoch.
///
/// The order of the rules: first [`rule`], which asks the options and lists,
/// and nothing it decides is remembered; then, as the original does (BEHAVIOUR
/// E1), the auto-whitelist and the triplet.
///
/// # Errors
/// When the database fails; nothing is decided then.
pub fn decide(
    policy: &Policy,
    whitelists: &Whitelists,
    transaction: &mut dyn Transaction,
    now: i64,
    request: &Request<'_>,
) -> Result<Decision, state::Error> {
    let mut notes = Vec::new();
    let mut warnings = Vec::new();
    let mut triplet = None;
    let rule = rule(policy, whitelists, request, &mut warnings);
    let verdict = match (rule, request.address()) {
        (Some((verdict, _)), _) => verdict,
        (None, None) => Verdict::NoAddress,
        (None, Some(address)) => {
            let client = Client { address, name: request.client_name };
            let delay = delay(policy, whitelists, request, &mut warnings);
            let attempt = Attempt { policy, now, client, request, delay };
            if auto_whitelist::is_exempt(policy, attempt.counted(), transaction, now)? {
                Verdict::Exempt(Exemption::AutoWhitelist)
            } else {
                let key = triplet.insert(attempt.key());
                attempt.greylist(key, transaction, &mut notes)?
            }
        }
    };
    let warnings = warnings.into_iter().map(Note::Whitelist);
    Ok(Decision { verdict, triplet, notes: warnings.chain(notes).collect() })
}

/// What the administrator said of a request, and the line of the list that
/// says so. The first that applies counts:
///
/// 1. trust: clients that have logged in, and those of trusted networks;
/// 2. the whitelists of clients (by name, then by address), of recipients and
///    of senders;
/// 3. the blacklists of clients (likewise), of senders and of recipients;
/// 4. the list of those who are greylisted, if there is one: all others are not.
///
/// A client without a usable address is still looked up by its name, its sender
/// and its recipient. `warnings` takes a pattern's giving up.
pub fn rule<'w>(
    policy: &Policy,
    whitelists: &'w Whitelists,
    request: &Request<'_>,
    warnings: &mut Vec<Warning>,
) -> Option<(Verdict, Option<&'w Location>)> {
    let Whitelists { clients, recipients, senders, blacklists: black, greylisted, .. } = whitelists;
    let address = request.address();
    if let Some(exemption) = trust(&policy.trust, request, address) {
        return Some((Verdict::Exempt(exemption), None));
    }
    let origin = client(clients, request.client_name, address, warnings);
    if origin.is_some() {
        return Some((Verdict::Exempt(Exemption::Client), origin));
    }
    for (list, address, verdict) in [
        (recipients, request.recipient, Verdict::Exempt(Exemption::Recipient)),
        (senders, request.sender, Verdict::Exempt(Exemption::Sender)),
    ] {
        let origin = list.find(address, warnings);
        if origin.is_some() {
            return Some((verdict, origin));
        }
    }
    let origin = client(&black.clients, request.client_name, address, warnings);
    if origin.is_some() {
        return Some((Verdict::Blacklisted(Blacklist::Client), origin));
    }
    for (list, address, which) in [
        (&black.senders, request.sender, Blacklist::Sender),
        (&black.recipients, request.recipient, Blacklist::Recipient),
    ] {
        let origin = list.find(address, warnings);
        if origin.is_some() {
            return Some((Verdict::Blacklisted(which), origin));
        }
    }
    let is_listed = |list: &Addresses, warnings| list.find(request.recipient, warnings).is_some();
    let is_greylisted = greylisted.as_ref().is_none_or(|list| is_listed(list, warnings));
    (!is_greylisted).then_some((Verdict::Exempt(Exemption::NotGreylisted), None))
}

/// For how many seconds a request's recipient has new mail wait: `--delay`, or
/// what the list of delays says. `warnings` takes a pattern's giving up.
pub fn delay(
    policy: &Policy,
    whitelists: &Whitelists,
    request: &Request<'_>,
    warnings: &mut Vec<Warning>,
) -> i64 {
    whitelists.delays.find(request.recipient, warnings).unwrap_or(policy.delay)
}

/// The line that a client's name or address matches.
fn client<'w>(
    clients: &'w Clients,
    name: &[u8],
    address: Option<IpAddr>,
    warnings: &mut Vec<Warning>,
) -> Option<&'w Location> {
    clients
        .by_name(name, warnings)
        .or_else(|| address.and_then(|address| clients.by_address(address)))
}

fn trust(trust: &Trust, request: &Request<'_>, address: Option<IpAddr>) -> Option<Exemption> {
    let Trust { networks, authenticated } = trust;
    if request.is_authenticated && (*authenticated || request.is_unsifted) {
        return Some(Exemption::Authenticated);
    }
    if !request.is_unsifted && networks.is_empty() {
        return None;
    }
    let is_trusted = request.is_local || address.is_some_and(|address| networks.holds(address));
    is_trusted.then_some(Exemption::Network)
}

/// One attempt of a client that no list exempts.
struct Attempt<'a> {
    policy: &'a Policy,
    now: i64,
    client: Client<'a>,
    request: &'a Request<'a>,
    /// Seconds that a new triplet of the recipient waits.
    delay: i64,
}

impl Attempt<'_> {
    /// Whose passes on the auto-whitelist this one is.
    fn counted(&self) -> impl Iterator<Item = AwlKey> {
        AwlKey::all(self.policy, self.client, self.request.sender)
    }

    /// The key of its triplet.
    fn key(&self) -> Vec<u8> {
        let Request { sender, recipient, .. } = self.request;
        triplet::key(self.policy, self.client, sender, recipient)
    }

    fn greylist(
        &self,
        key: &[u8],
        transaction: &mut dyn Transaction,
        notes: &mut Vec<Note>,
    ) -> Result<Verdict, state::Error> {
        let known = transaction.triplet(key)?;
        let has_passed = known.is_some_and(|seen| self.has_passed(seen));
        let first = self.first_seen(known, has_passed, notes);
        // Only new mail waits for the recipient's own time.
        let is_known = has_passed && known.is_some_and(|seen| seen.first == first);
        let delay = if is_known { self.policy.delay } else { self.delay };
        let waited = self.now.saturating_sub(first);
        let is_over = waited >= delay;
        let seen = self.noted(first, has_passed, is_over);
        transaction.put_triplet(key, seen, self.urgency(known, seen))?;
        if !is_over {
            let reason = if first == self.now { Wait::New } else { Wait::EarlyRetry };
            return Ok(Verdict::Greylisted { reason, missing: delay.saturating_sub(waited) });
        }
        if !has_passed {
            let counted = self.counted();
            auto_whitelist::count_first_pass(self.policy, counted, transaction, self.now, notes)?;
        }
        Ok(Verdict::Passed { waited, first_time: !has_passed })
    }

    /// The time from which the delay counts (BEHAVIOUR E3): a triplet that did
    /// not come back within the retry window begins anew, and so does one
    /// whose first attempt lies in the future.
    fn first_seen(
        &self,
        known: Option<TripletRecord>,
        has_passed: bool,
        notes: &mut Vec<Note>,
    ) -> i64 {
        let Some(TripletRecord { first, .. }) = known else {
            return self.now;
        };
        if !has_passed && self.now.saturating_sub(first) > self.policy.retry_window {
            return self.now;
        }
        if first > self.now {
            notes.push(Note::FirstSeenInFuture);
            return self.now;
        }
        first
    }

    /// The row after the attempt. Clean-up, tools and the original tell by
    /// `--delay` whether a row has passed, and so does the next attempt. Where
    /// the recipient has another delay, mail that passes sooner is noted as if
    /// it had waited that long, and mail that waits longer as if it was last
    /// seen before that time was over.
    fn noted(&self, first: i64, has_passed: bool, is_over: bool) -> TripletRecord {
        let Attempt { policy, now, .. } = *self;
        if !is_over {
            let latest = first.saturating_add(policy.delay).saturating_sub(1);
            return TripletRecord { first, last: now.min(latest) };
        }
        let longest = now.saturating_sub(policy.delay);
        TripletRecord { first: if has_passed { first } else { first.min(longest) }, last: now }
    }

    /// A row may wait for the disk if no later decision could tell whether it
    /// was written: same first attempt, and last seen on the same side of the
    /// delay as before.
    fn urgency(&self, known: Option<TripletRecord>, seen: TripletRecord) -> Urgency {
        let is_same = |known: TripletRecord| {
            known.first == seen.first && self.has_passed(known) == self.has_passed(seen)
        };
        if known.is_some_and(is_same) { Urgency::Soon } else { Urgency::BeforeReply }
    }

    fn has_passed(&self, TripletRecord { first, last }: TripletRecord) -> bool {
        last.saturating_sub(first) >= self.policy.delay
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "rule_tests.rs"]
mod rule_tests;
