//! postgrey-whitelist(5): what its lines match comes from tables.

use super::super::{template, unknown};
use super::forms::{
    ADDRESSES, CLIENTS, CLIENTS_EXAMPLE, DELAYS, DELAYS_EXAMPLE, Form, Kind, SENDERS_EXAMPLE,
    WRONG, Wrong,
};
use crate::cli::man::{Block, Page};

pub fn page(source: &str) -> Page {
    template::page(source, |mark| match mark {
        "LINES clients" => CLIENTS.iter().map(form).collect(),
        "LINES addresses" => ADDRESSES.iter().map(form).collect(),
        "LINES delays" => DELAYS.iter().map(form).collect(),
        "REPORTED" => WRONG.iter().map(wrong).collect(),
        "EXAMPLE clients" => example(CLIENTS_EXAMPLE),
        "EXAMPLE senders" => example(SENDERS_EXAMPLE),
        "EXAMPLE delays" => example(DELAYS_EXAMPLE),
        mark => unknown(mark),
    })
}

fn form(form: &Form) -> Block {
    let Form { line, means, matches, spares } = form;
    let (matches, spares) = (matches.join(" and "), spares.join(" or "));
    Block::Item((*line).to_owned(), format!("{means} It matches {matches}, but not {spares}."))
}

fn wrong(Wrong { line, kinds, complaint }: &Wrong) -> Block {
    let place = match kinds {
        [Kind::Clients] => "Of clients",
        [Kind::Addresses] => "Of recipients and senders",
        [Kind::Delays] => "Of delays",
        _ => "Of all",
    };
    Block::Item((*line).to_owned(), format!("{place}: \"{complaint}\""))
}

/// Lines that are kept as they are; the parsers' tests read them.
fn example(lines: &str) -> Vec<Block> {
    vec![Block::Example(lines.to_owned() + "\n")]
}
