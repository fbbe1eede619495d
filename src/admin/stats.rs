//! `postgrey stats`: numbers, from the file and from a running daemon.

use super::progress::for_each_record;
use super::text::{bytes, client, duration, grouped, moment};
use super::view::{Row, View};
use super::{Error, Exit, Output};
use crate::cli::admin::OutputFormat;
use crate::daemon::clock;
use crate::greylist::{FileSize, Policy, State};
use crate::json::Object;
use crate::session::control::ToolRequest;
use crate::state::{Table, Totals};
use std::collections::HashMap;
use std::io::Write;

const TOP_NETWORKS: usize = 10;

#[derive(Clone, Copy, Debug, Default)]
struct TableStats {
    /// By state, in the order of [`State::ALL`].
    states: [u64; 3],
    /// The time of the oldest entry, in seconds since the epoch.
    oldest: Option<i64>,
}

impl TableStats {
    fn count(&mut self, row: Row) {
        self.states[row.state() as usize] += 1;
        self.oldest = Some(self.oldest.map_or(row.last(), |oldest| oldest.min(row.last())));
    }

    fn all(self) -> u64 {
        self.states.iter().sum()
    }
}

pub fn run(view: &View, out: &mut Output) -> Result<Exit, Error> {
    let counters = view.database.ask_daemon(&ToolRequest::Statistics)?;
    let size = view.database.totals()?;
    let mut networks = Networks::default();
    let mut tallies = [TableStats::default(); 2];
    for_each_record(&view.database, &Table::ALL, |table, key, text| {
        tallies[table as usize].count(view.row(table, text));
        if table == Table::Triplets {
            networks.count(key);
        }
        Ok(())
    })?;
    let [triplets, clients] = tallies;
    let networks = networks.take();
    match out.format {
        OutputFormat::Json => {
            print_json(view, size, triplets, clients, &networks, out)?;
            if let Some(lines) = counters {
                let numbers = counters_of(&lines);
                let object = numbers.fold(Object::new().text("kind", "daemon"), |object, line| {
                    object.number(line.0, line.1)
                });
                object.write(out)?;
            }
        }
        OutputFormat::Text => {
            print_size(view, size, out)?;
            print_tally("Triplets", triplets, view.now, out)?;
            print_tally("Clients", clients, view.now, out)?;
            print_networks(&view.policy, &networks, out)?;
            print_counters(counters.as_deref(), view.now, out)?;
        }
    }
    Ok(Exit::Done)
}

fn print_size(view: &View, size: Totals, out: &mut Output) -> Result<(), Error> {
    let (name, now) = (view.database.name(), clock::local(view.now));
    writeln!(out, "{name} at {now}")?;
    if let Some(FileSize { bytes: all, free }) = size.file {
        writeln!(out, "{} in all, {} of it free for new entries", bytes(all), bytes(free))?;
    }
    let policy = &view.policy;
    let time = |seconds: i64| duration(seconds.max(0).unsigned_abs());
    writeln!(
        out,
        "delay {}, retry window {}, longest age {}",
        time(policy.delay),
        time(policy.retry_window),
        time(policy.max_age)
    )?;
    Ok(())
}

fn print_tally(name: &str, tally: TableStats, now: i64, out: &mut Output) -> Result<(), Error> {
    writeln!(out, "\n{name:<20}{:>14}", grouped(tally.all()))?;
    for (state, number) in State::ALL.into_iter().zip(tally.states) {
        writeln!(out, "  {:<18}{:>14}", state.word(), grouped(number))?;
    }
    if let Some(oldest) = tally.oldest {
        writeln!(out, "  oldest seen last {}", moment(oldest, now))?;
    }
    Ok(())
}

fn print_networks(
    policy: &Policy,
    networks: &[(Vec<u8>, u64)],
    out: &mut Output,
) -> Result<(), Error> {
    if networks.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nNetworks with the most triplets")?;
    for (network, number) in networks {
        writeln!(out, "{:>34}  {}", grouped(*number), client(policy, network))?;
    }
    Ok(())
}

fn print_counters(lines: Option<&[String]>, now: i64, out: &mut Output) -> Result<(), Error> {
    let Some(lines) = lines else {
        writeln!(out, "\nNo running daemon found.")?;
        return Ok(());
    };
    writeln!(out, "\nThe running daemon")?;
    for (name, number) in counters_of(lines) {
        match name {
            "started" => writeln!(out, "  {name:<12}{}", moment(number, now))?,
            "pid" => writeln!(out, "  {name:<20}{number:>12}")?,
            name => writeln!(out, "  {name:<20}{:>12}", grouped(number.unsigned_abs()))?,
        }
    }
    Ok(())
}

fn counters_of(lines: &[String]) -> impl Iterator<Item = (&str, i64)> {
    let numbers = lines.iter().filter_map(|line| line.split_once(' '));
    numbers.filter_map(|(name, number)| Some((name, number.parse().ok()?)))
}

fn print_json(
    view: &View,
    size: Totals,
    triplets: TableStats,
    clients: TableStats,
    networks: &[(Vec<u8>, u64)],
    out: &mut Output,
) -> Result<(), Error> {
    let FileSize { bytes, free } = size.file.unwrap_or_default();
    let mut file = Object::new()
        .text("kind", "file")
        .number("time", view.now)
        .number("bytes", bytes)
        .number("free", free);
    for (name, tally) in [("triplets", triplets), ("clients", clients)] {
        file = file.number(name, tally.all());
        for (state, number) in State::ALL.into_iter().zip(tally.states) {
            file = file.number(&format!("{name}_{}", state.word()), number);
        }
        if let Some(oldest) = tally.oldest {
            file = file.number(&format!("{name}_oldest"), oldest);
        }
    }
    file.write(out)?;
    for (network, number) in networks {
        let object = Object::new().text("kind", "network").text("network", network);
        object.number("triplets", *number).write(out)?;
    }
    Ok(())
}

/// Counts the triplets of each network. Those of a shared state come in no order.
#[derive(Default)]
struct Networks {
    numbers: HashMap<Vec<u8>, u64>,
}

impl Networks {
    /// Counts a key, unless it is a hash.
    fn count(&mut self, key: &[u8]) {
        let Some(end) = memchr::memchr(b'/', key) else {
            return;
        };
        match self.numbers.get_mut(&key[..end]) {
            Some(number) => *number += 1,
            None => drop(self.numbers.insert(key[..end].to_vec(), 1)),
        }
    }

    /// Those with the most triplets, the largest first.
    fn take(self) -> Vec<(Vec<u8>, u64)> {
        let mut networks: Vec<_> = self.numbers.into_iter().collect();
        networks.sort_unstable_by(|(one, few), (other, many)| many.cmp(few).then(one.cmp(other)));
        networks.truncate(TOP_NETWORKS);
        networks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_networks_are_kept_in_order_of_size() {
        let mut networks = Networks::default();
        for network in 0..100_u8 {
            for number in 0..u32::from(network) * 37 % 101 {
                networks.count(format!("{network:03}.0.0.0/{number}/c@d").as_bytes());
            }
        }
        networks.count(b"da39a3ee5e6b4b0d3255bfef95601890afd80709");
        let numbers: Vec<u64> = networks.take().iter().map(|(_, number)| *number).collect();
        assert_eq!(numbers, [100, 99, 98, 97, 96, 95, 94, 93, 92, 91]);
    }
}
