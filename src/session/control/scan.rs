//! The request for a slice of records: which records, and from where on.

use super::{escaped, unescaped};
use crate::greylist::filter::{AddressFilter, ClientFilter, Filter, network};
use crate::greylist::{State, Table};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    pub table: Table,
    /// The filter that records must match.
    pub filter: Filter,
    /// The end of the last slice; `None` for the first.
    pub position: Option<Vec<u8>>,
}

impl Scan {
    /// The lines of the request, each a name and a value.
    pub(super) fn text(&self) -> String {
        let Filter { client, network, sender, recipient, state } = &self.filter;
        let mut text = format!("table {}\n", self.table.name());
        let mut line = |name: &str, value: &[u8]| text += &format!("{name} {}\n", escaped(value));
        match client {
            Some(ClientFilter::One(address)) => line("client", address.to_string().as_bytes()),
            Some(ClientFilter::Domain(domain)) => line("client-domain", domain),
            None => {}
        }
        if let Some(network) = network {
            line("network", network.to_string().as_bytes());
        }
        for (name, of_domain, addresses) in
            [("sender", "sender-domain", sender), ("recipient", "recipient-domain", recipient)]
        {
            match addresses {
                Some(AddressFilter::One(address)) => line(name, address),
                Some(AddressFilter::Domain(domain)) => line(of_domain, domain),
                None => {}
            }
        }
        if let Some(state) = state {
            line("state", state.word().as_bytes());
        }
        if let Some(position) = &self.position {
            line("position", position);
        }
        text
    }

    /// Parses the lines; `None` if one of them is malformed or the table missing.
    pub(super) fn parse<'l>(lines: impl Iterator<Item = &'l str>) -> Option<Scan> {
        let mut table = None;
        let (mut filter, mut position) = (Filter::default(), None);
        for line in lines {
            let (name, value) = line.split_once(' ')?;
            let value = unescaped(value)?;
            let text = std::str::from_utf8(&value);
            match name {
                "table" => table = Some(super::table(text.ok()?)?),
                "client" => filter.client = Some(ClientFilter::One(text.ok()?.parse().ok()?)),
                "client-domain" => filter.client = Some(ClientFilter::Domain(value)),
                "network" => filter.network = Some(network(text.ok()?)?),
                "sender" => filter.sender = Some(AddressFilter::One(value)),
                "sender-domain" => filter.sender = Some(AddressFilter::Domain(value)),
                "recipient" => filter.recipient = Some(AddressFilter::One(value)),
                "recipient-domain" => filter.recipient = Some(AddressFilter::Domain(value)),
                "state" => {
                    let state = text.ok()?;
                    filter.state = State::ALL.into_iter().find(|known| known.word() == state);
                    filter.state?;
                }
                "position" => position = Some(value),
                _ => return None,
            }
        }
        Some(Scan { table: table?, filter, position })
    }
}
