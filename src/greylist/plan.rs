//! Decisions without state: trust, whitelists and blacklists.

use super::lookup::{Lookup, awl_keys};
use super::verdict::{Reason, Verdict};
use super::{Client, Policy, Trust, triplet};
use crate::lists::{Addresses, Budget, Clients, Lists, Location};
use crate::request::Request;
use std::net::IpAddr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Decided by an option or a list. Nothing of it is recorded.
    Decided(Verdict),
    /// To be decided by [`judge`](super::judge), with these records.
    Lookup(Lookup),
}

/// Decides a request as far as options and lists do, else names the records that
/// decide it (BEHAVIOUR E1). `now` is in seconds since the epoch; patterns that
/// take too long are reported in `budget`.
pub fn plan<'l>(
    policy: &Policy,
    lists: &'l Lists,
    request: &Request<'_>,
    now: i64,
    budget: &mut Budget<'l>,
) -> Plan {
    if let Some((reason, _)) = rule(policy, lists, request, budget) {
        return Plan::Decided(reason.into());
    }
    let Some(address) = request.address() else {
        return Plan::Decided(Reason::NoAddress.into());
    };
    let client = Client { address, name: request.client_name };
    Plan::Lookup(Lookup {
        triplet: triplet::key(policy, client, request.sender, request.recipient),
        clients: awl_keys(policy, client, request.sender),
        recipient_delay: lists.delays.find(request.recipient, budget).unwrap_or(policy.delay),
        now,
    })
}

/// The decision of options and lists on a request, and the line of the list that
/// made it. The first that applies counts:
///
/// 1. trust: clients that have logged in, and those of trusted networks;
/// 2. the whitelists of clients (by name, then by address), of recipients and
///    of senders;
/// 3. the blacklists of clients (likewise), of senders and of recipients;
/// 4. the list of greylisted recipients, if there is one: all others are exempt.
///
/// A client without a valid address is still looked up by its name, its sender
/// and its recipient. Patterns that take too long are reported in `budget`.
pub fn rule<'l>(
    policy: &Policy,
    lists: &'l Lists,
    request: &Request<'_>,
    budget: &mut Budget<'l>,
) -> Option<(Reason, Option<&'l Location>)> {
    let Lists { clients, recipients, senders, blacklists: black, greylisted, .. } = lists;
    let address = request.address();
    if let Some(reason) = trust(&policy.trust, request, address) {
        return Some((reason, None));
    }
    let white_addresses = [
        (recipients, request.recipient, Reason::RecipientWhitelist),
        (senders, request.sender, Reason::SenderWhitelist),
    ];
    let black_addresses = [
        (&black.senders, request.sender, Reason::SenderBlacklist),
        (&black.recipients, request.recipient, Reason::RecipientBlacklist),
    ];
    for (clients, reason, addresses) in [
        (clients, Reason::ClientWhitelist, white_addresses),
        (&black.clients, Reason::ClientBlacklist, black_addresses),
    ] {
        let location = client(clients, request.client_name, address, budget);
        if location.is_some() {
            return Some((reason, location));
        }
        for (list, address, reason) in addresses {
            let location = list.find(address, budget);
            if location.is_some() {
                return Some((reason, location));
            }
        }
    }
    let is_listed = |list: &'l Addresses| list.find(request.recipient, budget).is_some();
    let is_greylisted = greylisted.as_ref().is_none_or(is_listed);
    (!is_greylisted).then_some((Reason::RecipientNotListed, None))
}

/// Returns true if a client is exempt for all senders and recipients: by trust,
/// or by a list of clients.
pub fn exempts_client<'l>(
    policy: &Policy,
    lists: &'l Lists,
    request: &Request<'_>,
    budget: &mut Budget<'l>,
) -> bool {
    let address = request.address();
    trust(&policy.trust, request, address).is_some()
        || client(&lists.clients, request.client_name, address, budget).is_some()
}

/// The line that matches a client's name or address.
fn client<'l>(
    clients: &'l Clients,
    name: &[u8],
    address: Option<IpAddr>,
    budget: &mut Budget<'l>,
) -> Option<&'l Location> {
    clients
        .by_name(name, budget)
        .or_else(|| address.and_then(|address| clients.by_address(address)))
}

fn trust(trust: &Trust, request: &Request<'_>, address: Option<IpAddr>) -> Option<Reason> {
    let Trust { networks, authenticated } = trust;
    if request.is_authenticated && (*authenticated || request.covers_own_users) {
        return Some(Reason::Authenticated);
    }
    if !request.covers_own_users && networks.is_empty() {
        return None;
    }
    let is_trusted = request.is_local || address.is_some_and(|address| networks.holds(address));
    is_trusted.then_some(Reason::TrustedNetwork)
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
