//! `postgrey list`: entries, one a line.

use super::text;
use super::view::{Entry, Row, View};
use super::{Error, Exit, Output};
use crate::cli::admin::{ListOptions, OutputFormat, Sort};
use crate::cli::layout::WIDTH;
use crate::daemon::clock;
use crate::greylist::{Policy, key};
use crate::json::Object;
use crate::state::Table;
use std::cmp::Ordering;
use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;

/// Prints the selected entries. In key order they are printed as they are found;
/// for another order, only as many are kept as will be printed.
pub fn run(view: &View, list: &ListOptions, out: &mut Output) -> Result<Exit, Error> {
    let table = if list.clients { Table::Clients } else { Table::Triplets };
    let limit = list.limit.unwrap_or(usize::MAX);
    let mut printer = Printer::new(&view.policy);
    if list.sort == Sort::Key && !list.reverse {
        let mut left = limit;
        if left > 0 {
            view.select(table, &list.filter, |entry| {
                printer.print(&entry, out)?;
                left -= 1;
                Ok(if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })?;
        }
    } else {
        let mut best = Best { entries: Vec::new(), limit, list };
        view.for_each(table, &list.filter, |entry| {
            best.add(entry);
            Ok(())
        })?;
        for entry in best.take() {
            printer.print(&entry, out)?;
        }
    }
    Ok(if printer.printed.is_none() { Exit::NothingMatched } else { Exit::Done })
}

/// The first entries of an order, out of any number of them.
struct Best<'l> {
    entries: Vec<Entry>,
    limit: usize,
    list: &'l ListOptions,
}

impl Best<'_> {
    /// Entries that are kept beyond the limit before they are sorted.
    const SPARE: usize = 1000;

    fn add(&mut self, entry: Entry) {
        self.entries.push(entry);
        if self.entries.len() >= self.limit.saturating_mul(2).saturating_add(Best::SPARE) {
            self.cut();
        }
    }

    fn take(mut self) -> Vec<Entry> {
        self.cut();
        self.entries
    }

    fn cut(&mut self) {
        let list = self.list;
        self.entries.sort_by(|left, right| compare(list, left, right));
        self.entries.truncate(self.limit);
    }
}

fn compare(list: &ListOptions, left: &Entry, right: &Entry) -> Ordering {
    let number = |entry: &Entry| match (list.sort, entry.row) {
        (Sort::Key, _) => 0,
        (Sort::Last, row) => i128::from(row.last()),
        (Sort::First, Row::Triplet(seen, _)) => i128::from(seen.first),
        (Sort::First, Row::Client(passes, _)) => i128::from(passes.count),
    };
    let order = number(left).cmp(&number(right)).then_with(|| left.key.cmp(&right.key));
    if list.reverse { order.reverse() } else { order }
}

/// Prints entries, those of each table after a line that names their columns.
pub struct Printer<'p> {
    policy: &'p Policy,
    is_narrow: bool,
    /// The table of the last entry.
    printed: Option<Table>,
}

impl Printer<'_> {
    pub fn new(policy: &Policy) -> Printer<'_> {
        Printer { policy, is_narrow: io::stdout().is_terminal(), printed: None }
    }

    /// Prints an entry.
    pub fn print(&mut self, entry: &Entry, out: &mut Output) -> io::Result<()> {
        let table = entry.row.table();
        let is_first = self.printed.replace(table) != Some(table);
        if out.format == OutputFormat::Json {
            return object(entry).write(out);
        }
        if is_first {
            out.write_all(match table {
                Table::Triplets => TRIPLETS,
                Table::Clients => CLIENTS,
            })?;
        }
        out.write_all(self.line(entry).as_bytes())
    }

    fn line(&self, Entry { key, row }: &Entry) -> String {
        let state = row.state().word();
        let last = clock::local(row.last());
        let seen = match row {
            Row::Client(passes, _) => {
                let count = passes.count;
                return format!("{state:<7}  {count:>7}  {last}  {}\n", counted(key));
            }
            Row::Triplet(seen, _) => seen,
        };
        let beginning = format!("{state:<7}  {}  {last}", clock::local(seen.first));
        let Some(parts) = key::parts(key) else {
            return format!("{beginning}  {}\n", text::foreign(key));
        };
        let client = text::client(self.policy, parts.client);
        let sender = text::address(parts.sender);
        let recipient = text::address(parts.recipient);
        let line = format!("{beginning}  {client:<18}  {sender}  {recipient}\n");
        if self.is_narrow && line.chars().count() > WIDTH {
            format!("{beginning}  {client}\n         {sender}  {recipient}\n")
        } else {
            line
        }
    }
}

const TRIPLETS: &[u8] =
    b"STATE    FIRST SEEN           LAST SEEN            CLIENT, SENDER, RECIPIENT\n";
const CLIENTS: &[u8] = b"STATE     PASSES  LAST PASS            CLIENT, DOMAIN OF SENDERS\n";

fn counted(key: &[u8]) -> String {
    match key::split(key) {
        None => text::single_client(key),
        Some((client, sender)) => {
            format!("{:<15}  {}", text::foreign(client), text::address(sender))
        }
    }
}

/// The entry with its numbers, its state, and its parts where they are known.
pub fn object(Entry { key, row }: &Entry) -> Object {
    let object = Object::new().text("state", row.state().word());
    let object = match row {
        Row::Client(passes, _) => {
            let object = object.number("count", passes.count).number("last", passes.last);
            match key::split(key) {
                None => object.text("client", key),
                Some((client, sender)) => {
                    object.text("client", client).text("sender_domain", sender)
                }
            }
        }
        Row::Triplet(seen, _) => {
            let object = object.number("first", seen.first).number("last", seen.last);
            match key::parts(key) {
                None => object,
                Some(parts) => object
                    .text("client", parts.client)
                    .text("sender", parts.sender)
                    .text("recipient", parts.recipient),
            }
        }
    };
    object.text("key", key)
}
