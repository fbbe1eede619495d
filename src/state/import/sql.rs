//! What other greylisting programs keep in SQL, as triplets.
//!
//! sqlgrey (1.4 to 1.8) has `connect`, whose rows are first attempts: sender,
//! client and recipient, and when. Whoever has passed is in `from_awl` and
//! `domain_awl`, which know no recipient any more and so make no triplet.
//!
//! iRedAPD (1.7 and later) has `greylisting_tracking`: sender, recipient,
//! client, when it was first seen, until when it is blocked and kept, and
//! whether it passed.

use super::{Entry, Import, Refusal, timestamp};
use crate::state::TripletRecord;
use crate::state::sql::{self, Item, Row, Value};
use std::io::{self, BufRead};
use std::net::{IpAddr, Ipv4Addr};

/// What sqlgrey writes for the parts of an empty sender.
const UNDEFINED: &[u8] = b"-undef-";

/// For how long iRedAPD keeps what has passed since it last did, unless it is
/// told otherwise (`GREYLISTING_AUTH_TRIPLET_EXPIRE`), in seconds.
const KEPT: i64 = 30 * 86_400;

/// The tables that are looked at.
const TABLES: &[&str] = &["connect", "from_awl", "domain_awl", "greylisting_tracking"];

/// How the daemon makes the keys of triplets.
pub trait Keys {
    /// The key of a triplet; none where the daemon tells clients of that network
    /// apart.
    fn triplet(&self, client: Network, sender: &[u8], recipient: &[u8]) -> Option<Vec<u8>>;

    /// For how many seconds a triplet has to be known before it passes.
    fn delay(&self) -> i64;
}

/// A client, or those of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// The address, or the network's first.
    pub address: IpAddr,
    /// The length of its prefix in bits.
    pub bits: u8,
}

/// Takes all rows of a dump. `step` is called now and then.
pub fn read(
    text: impl BufRead,
    keys: &dyn Keys,
    import: &mut Import<'_>,
    step: impl Fn(&mut Import<'_>),
) -> io::Result<()> {
    let mut without_recipient = 0;
    let mut is_empty = true;
    sql::read(text, TABLES, |item| {
        match item {
            Item::Row(row) if row.table.ends_with("_awl") => without_recipient += 1,
            Item::Row(row) => match entry(&row, keys) {
                Ok(entry) => {
                    import.report.has_made_keys = true;
                    import.entry(entry);
                }
                Err(refusal) => {
                    let name = format!("{} on line {}", row.table, row.line);
                    import.report.refuse(name.as_bytes(), refusal);
                }
            },
            Item::Broken { line } => {
                let name = format!("line {line}");
                import.report.refuse(name.as_bytes(), "cannot be read to its end");
            }
        }
        is_empty = false;
        step(import);
    })?;
    if without_recipient > 0 {
        import.report.refused += without_recipient;
        import.remark(format!(
            "{without_recipient} of the rows that were not taken are of sqlgrey's from_awl and \
             domain_awl, which say nothing about recipients: such mail is deferred once"
        ));
    }
    if is_empty {
        import.remark(
            "there are no rows of sqlgrey (connect) or iRedAPD (greylisting_tracking) in it"
                .to_string(),
        );
    }
    Ok(())
}

fn entry(row: &Row<'_>, keys: &dyn Keys) -> Result<Entry, Refusal> {
    let (client, sender, recipient, seen) = match row.table {
        "connect" => sqlgrey(row)?,
        _ => iredapd(row, keys.delay())?,
    };
    let key = keys.triplet(client, &sender, recipient);
    Entry::triplet(key.ok_or(Refusal::LargeNetwork(client.bits))?, seen)
}

type Triplet<'r> = (Network, Vec<u8>, &'r [u8], TripletRecord);

fn sqlgrey<'r>(row: &Row<'r>) -> Result<Triplet<'r>, Refusal> {
    // Before version 1.5 `src` was `ip_addr`.
    let client = text(row, "src").or_else(|refusal| text(row, "ip_addr").map_err(|_| refusal))?;
    let client = network(client).ok_or(Refusal::NoValue("src"))?;
    let sender = match (text(row, "sender_name")?, text(row, "sender_domain")?) {
        (UNDEFINED, UNDEFINED) => Vec::new(),
        (name, UNDEFINED) => name.to_vec(),
        (name, domain) => [name, domain].join(&b'@'),
    };
    let first = time(row, "first_seen")?;
    Ok((client, sender, text(row, "rcpt")?, TripletRecord { first, last: first }))
}

fn iredapd<'r>(row: &Row<'r>, delay: i64) -> Result<Triplet<'r>, Refusal> {
    let client = text(row, "client_address")?;
    let client = network(client).ok_or(Refusal::NoValue("client_address"))?;
    let sender = text(row, "sender")?.to_vec();
    let recipient = text(row, "recipient")?;
    let first = time(row, "init_time")?;
    let has_passed = ["passed", "passed_count"]
        .iter()
        .any(|column| number(row, column).is_some_and(|number| number != 0));
    let last = if has_passed {
        // It does not say when mail passed last, but for how long it is kept.
        let kept = number(row, "record_expired").map(|end| end.saturating_sub(KEPT));
        [kept, number(row, "block_expired"), number(row, "last_time")]
            .into_iter()
            .flatten()
            .fold(first.saturating_add(delay.max(0)), i64::max)
    } else {
        first
    };
    Ok((client, sender, recipient, TripletRecord { first, last }))
}

fn text<'r>(row: &Row<'r>, column: &'static str) -> Result<&'r [u8], Refusal> {
    match row.get(column) {
        Some(Value::Bytes(bytes)) if !bytes.contains(&0) => Ok(bytes),
        Some(_) => Err(Refusal::NoValue(column)),
        None => Err(Refusal::NoColumn(column)),
    }
}

fn time(row: &Row<'_>, column: &'static str) -> Result<i64, Refusal> {
    timestamp::parse(text(row, column)?, row.is_utc).ok_or(Refusal::NoValue(column))
}

fn number(row: &Row<'_>, column: &str) -> Option<i64> {
    match row.get(column)? {
        Value::Bytes(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
        _ => None,
    }
}

/// An address, the first three numbers of an IPv4 one or the first four groups
/// of an IPv6 one: sqlgrey cuts those whose last parts change.
fn network(text: &[u8]) -> Option<Network> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(Network { address, bits: if address.is_ipv4() { 32 } else { 128 } });
    }
    if let Ok(address) = format!("{text}.0").parse::<Ipv4Addr>() {
        return Some(Network { address: address.into(), bits: 24 });
    }
    let is_half = text.split(':').count() == 4 && !text.contains("::");
    let address = format!("{text}::").parse().ok().filter(|_| is_half)?;
    Some(Network { address: IpAddr::V6(address), bits: 64 })
}
