//! Clients that passed often enough are no longer greylisted (BEHAVIOUR E6).
//!
//! A client is counted at most once an hour, so that one mail to many
//! recipients does not whitelist it.
//!
//! Machines of a pool come too seldom for that. With `--auto-whitelist-by=domain`
//! the passes of all clients of a domain are counted as well, for the mail of
//! each sender's domain by itself: what a provider's one customer earns does
//! not let the mail of another pass, nor that of who forges a new domain for
//! each mail. Addresses are counted all the same, so that the option never
//! makes mail wait that would pass without it.

use super::{Client, Note, Policy, client_domain, triplet};
use crate::state::{self, ClientRecord, Transaction};
use std::iter;
use std::net::IpAddr;

/// Seconds between two counts.
const INTERVAL: i64 = 3600;

/// Whose passes a row of the auto-whitelist counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwlKey {
    /// Those of a client.
    Client(IpAddr),
    /// Those of mail from clients in one registered domain with senders in
    /// another, or in the same.
    Domains {
        /// The domain of the clients' names.
        client: Vec<u8>,
        /// The domain of the senders, empty for bounces.
        sender: Vec<u8>,
    },
}

impl AwlKey {
    /// All that count an attempt, first the one that the original has. Of
    /// domains none without a domain of the client and one of the sender.
    pub fn all<'a>(
        policy: &Policy,
        client: Client<'a>,
        sender: &'a [u8],
    ) -> impl Iterator<Item = AwlKey> + use<'a> {
        let by_domain = policy.by_domain.auto_whitelist;
        let domains = move || {
            let client = client.domain().filter(|_| by_domain)?;
            Some(AwlKey::Domains { client, sender: client_domain::sender_domain(sender)? })
        };
        iter::once(AwlKey::Client(client.address)).chain(iter::once_with(domains).flatten())
    }

    /// The key of the row.
    pub fn key(&self, policy: &Policy) -> Vec<u8> {
        match self {
            AwlKey::Client(address) => triplet::client_key(policy, *address),
            AwlKey::Domains { client, sender } => triplet::domains_key(policy, client, sender),
        }
    }
}

/// Whether an attempt is counted often enough by one of those. Each of them
/// remembers that it was asked.
///
/// # Errors
/// When the database fails.
pub fn is_exempt(
    policy: &Policy,
    counted: impl Iterator<Item = AwlKey>,
    transaction: &mut dyn Transaction,
    now: i64,
) -> Result<bool, state::Error> {
    let Some(enough) = policy.auto_whitelist else {
        return Ok(false);
    };
    let mut is_exempt = false;
    for key in counted.map(|counted| counted.key(policy)) {
        let Some(row) = transaction.client(&key)?.filter(|row| row.count >= enough) else {
            continue;
        };
        is_exempt = true;
        if let Some(row) = after_exempt_pass(row, now) {
            transaction.put_client(&key, row)?;
        }
    }
    Ok(is_exempt)
}

/// Counts mail that passes for the first time; notes who has just passed often
/// enough.
///
/// # Errors
/// When the database fails.
pub fn count_first_pass(
    policy: &Policy,
    all: impl Iterator<Item = AwlKey>,
    transaction: &mut dyn Transaction,
    now: i64,
    notes: &mut Vec<Note>,
) -> Result<(), state::Error> {
    let Some(enough) = policy.auto_whitelist else {
        return Ok(());
    };
    for counted in all {
        let key = counted.key(policy);
        let Some(row) = after_first_pass(transaction.client(&key)?, now) else {
            continue;
        };
        transaction.put_client(&key, row)?;
        if row.count == enough {
            notes.push(Note::AutoWhitelisted(counted));
        }
    }
    Ok(())
}

/// The row after mail of a client passed for the first time, or `None` if this
/// pass is too close to the last to count.
fn after_first_pass(row: Option<ClientRecord>, now: i64) -> Option<ClientRecord> {
    match row {
        None => Some(ClientRecord { count: 1, last: now }),
        Some(row) => is_due(row, now).then(|| counted(row, now)),
    }
}

/// The row after mail of a client on the auto-whitelist passed, or `None` if
/// there is nothing to write. A last pass in the future is set right.
fn after_exempt_pass(row: ClientRecord, now: i64) -> Option<ClientRecord> {
    (is_due(row, now) || row.last > now).then(|| counted(row, now))
}

fn is_due(row: ClientRecord, now: i64) -> bool {
    now >= row.last.saturating_add(INTERVAL)
}

fn counted(row: ClientRecord, now: i64) -> ClientRecord {
    ClientRecord { count: row.count.saturating_add(1), last: now }
}

#[cfg(test)]
#[path = "auto_whitelist_tests.rs"]
mod tests;
