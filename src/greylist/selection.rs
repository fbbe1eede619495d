//! Applies a filter to the keys and texts of records.

use super::filter::{AddressFilter, ClientFilter, Filter};
use super::{
    ClientRecord, Policy, State, Table, TripletRecord, client_state, key, triplet, triplet_state,
};
use std::net::IpAddr;

/// A filter for one table of a daemon's records.
pub struct Selection<'f> {
    policy: &'f Policy,
    table: Table,
    filter: &'f Filter,
    /// The sender in the form of keys.
    sender: Option<AddressFilter>,
    prefix: Vec<u8>,
    /// True if the keys are nothing but that.
    is_whole: bool,
}

impl Selection<'_> {
    /// Prepares a filter.
    ///
    /// # Errors
    /// If the daemon's keys do not contain what the filter asks for.
    pub fn new<'f>(
        policy: &'f Policy,
        table: Table,
        filter: &'f Filter,
    ) -> Result<Selection<'f>, String> {
        let Filter { client, network, sender, recipient, .. } = filter;
        let looks_into_keys = network.is_some()
            || sender.is_some()
            || recipient.is_some()
            || matches!(client, Some(ClientFilter::Domain(_)))
            || client.is_some() && table == Table::Triplets;
        if policy.privacy && looks_into_keys {
            return Err(HASHED.to_owned());
        }
        let prefix = match (client, table) {
            (None, _) => Vec::new(),
            (Some(ClientFilter::Domain(domain)), _) => [domain, b"/".as_slice()].concat(),
            (Some(ClientFilter::One(client)), Table::Triplets) => {
                triplet::beginning(policy, *client)
            }
            (Some(ClientFilter::One(client)), Table::Clients) => {
                triplet::client_key(policy, *client)
            }
        };
        let is_whole = matches!(client, Some(ClientFilter::One(_))) && table == Table::Clients;
        let sender = sender.clone().map(|sender| match sender {
            AddressFilter::One(sender) => AddressFilter::One(triplet::sender_part(&sender)),
            domain @ AddressFilter::Domain(_) => domain,
        });
        Ok(Selection { policy, table, filter, sender, prefix, is_whole })
    }

    /// Returns the prefix of all selected keys.
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// Returns true if a record with the right prefix is let through at `now`, in
    /// seconds since the epoch.
    pub fn lets_through(&self, key: &[u8], text: &[u8], now: i64) -> bool {
        self.has_key(key) && self.filter.state.is_none_or(|state| state == self.state(text, now))
    }

    fn state(&self, text: &[u8], now: i64) -> State {
        match self.table {
            Table::Triplets => {
                let record = TripletRecord::parse(text).unwrap_or_default();
                triplet_state(self.policy, record, now).state()
            }
            Table::Clients => {
                let record = ClientRecord::parse(text).unwrap_or_default();
                client_state(self.policy, record, now).state()
            }
        }
    }

    fn has_key(&self, key: &[u8]) -> bool {
        let Selection { filter: Filter { network, recipient, .. }, sender, .. } = self;
        if self.is_whole && key.len() != self.prefix.len() {
            return false;
        }
        if network.is_none() && sender.is_none() && recipient.is_none() {
            return true;
        }
        let is_in_network = |client| {
            let address = || std::str::from_utf8(client).ok()?.parse::<IpAddr>().ok();
            network.is_none_or(|network| address().is_some_and(|it| network.contains(&it)))
        };
        match (self.table, key::parts(key)) {
            (Table::Clients, _) => {
                let has_sender =
                    |who: &AddressFilter| key::domains(key).is_some_and(|it| who.touch(it.1));
                is_in_network(key) && sender.as_ref().is_none_or(has_sender)
            }
            (Table::Triplets, None) => false,
            (Table::Triplets, Some(parts)) => {
                is_in_network(parts.client)
                    && sender.as_ref().is_none_or(|who| who.contain(parts.sender))
                    && recipient.as_ref().is_none_or(|who| who.contain(parts.recipient))
            }
        }
    }
}

const HASHED: &str = "the keys of this database are hashes (--privacy): whose they are is unknown";
