//! Filters for records, and their application to keys and texts.

use super::{
    ClientRecord, Policy, State, Table, TripletRecord, client_state, key, registered_domain,
    sender_domain, triplet, triplet_state,
};
use ipnet::IpNet;
use std::net::IpAddr;

/// The conditions that selected records meet; without any, all are selected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The client, or in triplets its network, or all of a domain.
    pub client: Option<ClientFilter>,
    /// A network in which the client is.
    pub network: Option<IpNet>,
    pub sender: Option<AddressFilter>,
    pub recipient: Option<AddressFilter>,
    pub state: Option<State>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientFilter {
    One(IpAddr),
    /// A registered domain, in lower case as in keys.
    Domain(Vec<u8>),
}

impl ClientFilter {
    /// Reads an address or a registered domain.
    ///
    /// # Errors
    /// The text says what is valid. A host name is refused, because only its
    /// registered domain is stored; the text names it.
    pub fn parse(bytes: &[u8]) -> Result<ClientFilter, String> {
        if let Some(address) = std::str::from_utf8(bytes).ok().and_then(|word| word.parse().ok()) {
            return Ok(ClientFilter::One(address));
        }
        match registered_domain(bytes) {
            Some(domain) if domain.eq_ignore_ascii_case(bytes) => Ok(ClientFilter::Domain(domain)),
            Some(domain) => {
                let domain = String::from_utf8_lossy(&domain).into_owned();
                Err(format!("an IP address or a registered domain, such as {domain}"))
            }
            None => Err("an IP address or a registered domain".to_owned()),
        }
    }
}

/// Reads a network, or an address as the network of this one alone.
pub fn network(text: &str) -> Option<IpNet> {
    let network = text.parse().ok().map(|network: IpNet| network.trunc());
    network.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Mail addresses, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressFilter {
    /// One, or the empty one of bounces.
    One(Vec<u8>),
    /// All of a domain and those below it.
    Domain(Vec<u8>),
}

impl AddressFilter {
    /// Reads `user@domain`, `domain` or `@domain`; nothing and `<>` are the
    /// empty address.
    pub fn parse(text: &[u8]) -> AddressFilter {
        let address = bare_address(text).to_ascii_lowercase();
        match memchr::memchr(b'@', &address) {
            Some(0) => AddressFilter::Domain(address[1..].to_vec()),
            None if !address.is_empty() => AddressFilter::Domain(address),
            _ => AddressFilter::One(address),
        }
    }

    /// Returns true if the filter selects an address of a key.
    pub fn contain(&self, address: &[u8]) -> bool {
        match self {
            AddressFilter::One(one) => address.eq_ignore_ascii_case(one),
            AddressFilter::Domain(domain) => match memchr::memrchr(b'@', address) {
                Some(at) => is_in(&address[at + 1..], domain),
                None => false,
            },
        }
    }

    /// Returns true if a registered domain, or the empty one of bounces, holds any that
    /// is meant.
    pub fn touch(&self, registered: &[u8]) -> bool {
        match self {
            AddressFilter::One(one) => sender_domain(one).is_some_and(|of| of == registered),
            AddressFilter::Domain(domain) => {
                is_in(registered, domain)
                    || registered_domain(domain).is_some_and(|of| of == registered)
            }
        }
    }
}

/// Returns true if a name is a domain or lies below it.
fn is_in(name: &[u8], domain: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let rest = name.strip_suffix(domain);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with(b"."))
}

/// An address without the brackets that logs put around it.
pub fn bare_address(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"<").and_then(|rest| rest.strip_suffix(b">")).unwrap_or(text)
}

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
                    |who: &AddressFilter| key::split(key).is_some_and(|it| who.touch(it.1));
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
