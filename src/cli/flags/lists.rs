//! The options that name lists, and what to do with those on them.

use super::{switch, text, value};
use crate::lists::ListKind;
use clap::{Arg, ArgAction, value_parser};

pub(super) fn whitelists() -> [Arg; 9] {
    [
        list(ListKind::WhitelistClients).help("read exempt clients from FILE; may be repeated"),
        list(ListKind::WhitelistRecipients)
            .help("read exempt recipients from FILE; may be repeated"),
        list(ListKind::WhitelistSenders).help("read exempt senders from FILE; may be repeated"),
        list(ListKind::GreylistRecipients)
            .help("greylist only mail to recipients in FILE; may be repeated"),
        list(ListKind::RecipientDelays).help("read recipients with another delay; may be repeated"),
        value("trusted-networks", "LIST")
            .action(ArgAction::Append)
            .help("exempt these networks; may be repeated"),
        switch("trust-authenticated").help("exempt authenticated clients"),
        Arg::new("auto-whitelist-clients")
            .long("auto-whitelist-clients")
            .value_name("N")
            .num_args(0..=1)
            .require_equals(true)
            .value_parser(value_parser!(i64))
            .default_value("5")
            .default_missing_value("5")
            .help("exempt a client after N accepted triplets; 0: never"),
        text("auto-whitelist-by", "WHAT", "client")
            .help("count passes by client, or with domain also by domain"),
    ]
}

pub(super) fn blacklists() -> [Arg; 5] {
    [
        list(ListKind::BlacklistClients).help("read clients to refuse from FILE; may be repeated"),
        list(ListKind::BlacklistSenders).help("read senders to refuse from FILE; may be repeated"),
        list(ListKind::BlacklistRecipients)
            .help("read recipients to refuse from FILE; may be repeated"),
        text("blacklist-action", "ACTION", "REJECT").help("action for Postfix that refuses a mail"),
        text("blacklist-text", "TEXT", "Access denied").help("text of --blacklist-action"),
    ]
}

/// The option that names files of a kind of list.
fn list(kind: ListKind) -> Arg {
    let option = value(kind.option(), "FILE").action(ArgAction::Append);
    option.default_values(kind.default_files().iter().copied())
}
