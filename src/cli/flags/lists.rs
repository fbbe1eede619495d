//! The options that name lists, and what to do with those on them.

use super::{switch, text, value};
use clap::{Arg, ArgAction, value_parser};

pub(super) fn whitelists() -> [Arg; 9] {
    [
        value("whitelist-clients", "FILE")
            .action(ArgAction::Append)
            .default_values([
                "/etc/postgrey/whitelist_clients",
                "/etc/postgrey/whitelist_clients.local",
            ])
            .help("read exempt clients from FILE; may be repeated")
            .long_help(
                "Read clients that are never deferred from FILE instead of the default files. The \
                 option may be repeated. A missing file is a warning unless its name ends in \
                 .local. Each FILE of this and the other lists is continued by the files \
                 FILE.d/*.conf in the order of their names.",
            ),
        value("whitelist-recipients", "FILE")
            .action(ArgAction::Append)
            .default_values([
                "/etc/postgrey/whitelist_recipients",
                "/etc/postgrey/whitelist_recipients.local",
            ])
            .help("read exempt recipients from FILE; may be repeated")
            .long_help(
                "Read recipients whose mail is never deferred from FILE instead of the default \
                 files. The option may be repeated.",
            ),
        list("whitelist-senders").help("read exempt senders from FILE; may be repeated").long_help(
            "Read senders whose mail is never deferred from FILE. The option may be repeated. \
             Anybody can forge a sender: prefer --whitelist-clients if the servers are known.",
        ),
        list("greylist-recipients")
            .help("greylist only mail to recipients in FILE; may be repeated")
            .long_help(
                "Read the only recipients whose mail is greylisted from FILE; all other mail \
                 passes. The option may be repeated. Without it, the mail of all recipients is \
                 greylisted, except --whitelist-recipients. If FILE cannot be read, no mail is.",
            ),
        list("recipient-delays")
            .help("read recipients with another delay; may be repeated")
            .long_help(
                "Read recipients with another delay than --delay for new mail from FILE, in lines \
                 like \"example.com delay=60\". The option may be repeated. Mail that has passed \
                 before is not delayed again. Commands decide by --delay whether an entry has \
                 passed: an entry that passes sooner is stored as if it had waited for --delay, \
                 and one that waits longer as if it was last seen before --delay was over; \
                 \"postgrey check --address\" shows when it may pass.",
            ),
        value("trusted-networks", "LIST")
            .action(ArgAction::Append)
            .help("exempt these networks; may be repeated")
            .long_help(
                "Networks whose mail passes at once and is not recorded: addresses and networks \
                 like 192.0.2.0/24 and 2001:db8::/32, separated by commas or blanks. The option \
                 may be repeated. It also exempts the addresses of this machine, 127.0.0.0/8 and \
                 ::1, which --milter always does. Such mail is logged only with --verbose. \
                 Postfix does not need this option if permit_mynetworks comes first.",
            ),
        switch("trust-authenticated").help("exempt authenticated clients").long_help(
            "Accept mail of authenticated clients (with a sasl_username) at once and do not \
             record it. It is logged only with --verbose. With --milter, such mail always passes. \
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
            .help("exempt a client after N delayed mails; 0: never")
            .long_help(
                "Stop deferring a client address once N of its triplets have passed after their \
                 delay, of which at most one per hour counts. With 0, there is no auto-whitelist.",
            ),
        text("auto-whitelist-by", "WHAT", "client")
            .help("count passes by client, or with domain also by domain")
            .long_help(
                "What --auto-whitelist-clients counts: the passes of each client address, or with \
                 domain also those of all clients in a registered domain. This helps pools whose \
                 single addresses never come often enough. Passes by domain count separately for \
                 each domain of senders, and for bounces: once mail from example.org has passed N \
                 times from machines of example.com, mail from example.org passes from all of \
                 them, and other mail is still delayed. It also passes from customers' machines \
                 that the provider names like its own. See postgrey-pools(7).",
            ),
    ]
}

pub(super) fn blacklists() -> [Arg; 5] {
    [
        list("blacklist-clients").help("read clients to refuse from FILE; may be repeated").long_help(
            "Read clients whose mail is refused from FILE. The option may be repeated. Whitelists \
             have precedence.",
        ),
        list("blacklist-senders")
            .help("read senders to refuse from FILE; may be repeated")
            .long_help("Read senders whose mail is refused from FILE. The option may be repeated."),
        list("blacklist-recipients").help("read recipients to refuse from FILE; may be repeated").long_help(
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

/// An option that names a file with a list.
fn list(name: &'static str) -> Arg {
    value(name, "FILE").action(ArgAction::Append)
}
