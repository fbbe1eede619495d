//! The options that name lists, and what to do with those on them.

use super::{switch, text, value};
use crate::lists::ListKind;
use clap::{Arg, ArgAction, value_parser};

pub(super) fn whitelists() -> [Arg; 9] {
    [
        list(ListKind::WhitelistClients)
            .help("read exempt clients from FILE; may be repeated")
            .long_help(
                "Read clients that are never deferred from FILE instead of the default files. The \
                 option may be repeated. A missing file is a warning unless its name ends in \
                 .local. Each FILE of this and the other lists is continued by the files \
                 FILE.d/*.conf in the order of their names.",
            ),
        list(ListKind::WhitelistRecipients)
            .help("read exempt recipients from FILE; may be repeated")
            .long_help(
                "Read recipients whose mail is never deferred from FILE instead of the default \
                 files. The option may be repeated.",
            ),
        list(ListKind::WhitelistSenders)
            .help("read exempt senders from FILE; may be repeated")
            .long_help(
                "Read senders whose mail is never deferred from FILE. The option may be repeated. \
             Anybody can forge a sender: prefer --whitelist-clients if the servers are known.",
            ),
        list(ListKind::GreylistRecipients)
            .help("greylist only mail to recipients in FILE; may be repeated")
            .long_help(
                "Greylist only mail to the recipients in FILE; all other mail passes. The option \
                 may be repeated. If FILE cannot be read at the start, nothing is greylisted.",
            ),
        list(ListKind::RecipientDelays)
            .help("read recipients with another delay; may be repeated")
            .long_help(
                "Read recipients with another delay than --delay for new mail from FILE, in lines \
                 like \"example.com delay=60\". The option may be repeated. Mail that has passed \
                 before is not delayed again. For mail with another delay, the stored time of the \
                 last attempt can differ from the real one, so that the entry counts as waiting or \
                 passed by --delay as well. \"postgrey check --address\" shows when such mail may pass.",
            ),
        value("trusted-networks", "LIST")
            .action(ArgAction::Append)
            .help("exempt these networks; may be repeated")
            .long_help(
                "Networks whose mail passes at once and is not stored: addresses and networks \
                 like 192.0.2.0/24 and 2001:db8::/32, separated by commas or blanks. The option \
                 may be repeated. It also exempts 127.0.0.0/8, ::1 and the addresses of this \
                 machine; with --milter these are always exempt. Such mail is logged only with \
                 --verbose. Postfix does not need this option if permit_mynetworks comes first.",
            ),
        switch("trust-authenticated").help("exempt authenticated clients").long_help(
            "Accept mail of authenticated clients (with a sasl_username) at once and do not store \
             it. It is logged only with --verbose. With --milter, such mail always passes. \
             Postfix does not need this option if permit_sasl_authenticated comes first.",
        ),
        Arg::new("auto-whitelist-clients")
            .long("auto-whitelist-clients")
            .value_name("N")
            .num_args(0..=1)
            .require_equals(true)
            .value_parser(value_parser!(i64))
            .default_value("5")
            .default_missing_value("5")
            .help("exempt a client after N accepted triplets; 0: never")
            .long_help(
                "Stop deferring a client address when N of its triplets have passed after their \
                 delay; at most one per hour is counted. With 0, there is no auto-whitelist.",
            ),
        text("auto-whitelist-by", "WHAT", "client")
            .help("count passes by client, or with domain also by domain")
            .long_help(
                "What --auto-whitelist-clients counts: accepted triplets by client address, or \
                 with domain also by registered domain of the client (as example.co.uk, the part \
                 of a name that its owner has registered). This helps pools whose single addresses \
                 never come often enough. Passes are counted for each pair of client domain and \
                 sender domain: when mail from example.org has passed N times from machines of \
                 example.com, mail from example.org passes from all of them, and other mail is \
                 still delayed. If the customers' machines of a provider have names in its domain, \
                 mail from example.org passes from these as well. See postgrey-pools(7).",
            ),
    ]
}

pub(super) fn blacklists() -> [Arg; 5] {
    [
        list(ListKind::BlacklistClients).help("read clients to refuse from FILE; may be repeated").long_help(
            "Read clients whose mail is refused from FILE. The option may be repeated. Whitelists \
             have precedence.",
        ),
        list(ListKind::BlacklistSenders)
            .help("read senders to refuse from FILE; may be repeated")
            .long_help("Read senders whose mail is refused from FILE. The option may be repeated."),
        list(ListKind::BlacklistRecipients).help("read recipients to refuse from FILE; may be repeated").long_help(
            "Read recipients whose mail is refused from FILE. The option may be repeated.",
        ),
        text("blacklist-action", "ACTION", "REJECT")
            .help("action for Postfix that refuses a mail")
            .long_help(
                "The action of access(5) for mail on a blacklist, such as REJECT, 550, HOLD or \
                 DISCARD. With --milter it is converted like --greylist-action.",
            ),
        text("blacklist-text", "TEXT", "Access denied")
            .help("text of --blacklist-action")
            .long_help("The text after --blacklist-action; nothing in it is replaced."),
    ]
}

/// The option that names files of a kind of list.
fn list(kind: ListKind) -> Arg {
    let option = value(kind.option(), "FILE").action(ArgAction::Append);
    option.default_values(kind.default_files().iter().copied())
}
