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
            .help("read clients to let pass from FILE; may be repeated")
            .long_help(
                "Read clients that are never deferred from FILE, in place of the default files. \
                 The option may be repeated. A missing file is warned about unless its name \
                 ends in .local. Behind each FILE, of this list and of all others, the files \
                 FILE.d/*.conf are read in the order of their names.",
            ),
        value("whitelist-recipients", "FILE")
            .action(ArgAction::Append)
            .default_values([
                "/etc/postgrey/whitelist_recipients",
                "/etc/postgrey/whitelist_recipients.local",
            ])
            .help("read recipients who want no greylisting; may be repeated")
            .long_help(
                "Read recipients whose mail is never deferred from FILE, in place of the default \
                 files. The option may be repeated.",
            ),
        list("whitelist-senders").help("read senders to let pass; may be repeated").long_help(
            "Read senders whose mail is never deferred from FILE. The option may be repeated. A \
             sender can be forged by anybody: prefer --whitelist-clients where the servers are \
             known.",
        ),
        list("greylist-recipients")
            .help("greylist only mail to recipients in FILE; may be repeated")
            .long_help(
                "Read the only recipients whose mail is greylisted from FILE; all other mail passes. \
                 The option may be repeated. Without it, the mail of all is greylisted but for \
                 --whitelist-recipients. If FILE cannot be read, nobody's is.",
            ),
        list("recipient-delays")
            .help("read recipients with a delay of their own; may be repeated")
            .long_help(
                "Read recipients whose new mail waits for another time than --delay from FILE, in \
                 lines like \"example.com delay=60\". The option may be repeated. Mail that \
                 has passed before does not wait anew. Commands tell by --delay whether an entry \
                 has passed: one that passes sooner is noted as if it had waited that long, and \
                 one that waits longer as if it was last seen before that time was over; \
                 \"postgrey check --address\" tells when it may pass.",
            ),
        value("trusted-networks", "LIST")
            .action(ArgAction::Append)
            .help("let mail of these networks pass; may be repeated")
            .long_help(
                "Networks whose mail passes at once and leaves no entry: addresses and networks \
                 like 192.0.2.0/24 and 2001:db8::/32, separated by commas or blanks. The option \
                 may be repeated. This machine's own addresses, 127.0.0.0/8 and ::1, are then \
                 trusted, too; with --milter they are in any case. Such mail is logged only with \
                 --verbose. Postfix needs no such option where permit_mynetworks comes first.",
            ),
        switch("trust-authenticated").help("let mail of clients that logged in pass").long_help(
            "Let mail pass at once and without an entry when the client has logged in (Postfix's \
             sasl_username is not empty). It is logged only with --verbose. With --milter, such \
             mail passes in any case. Postfix needs no such option where \
             permit_sasl_authenticated comes first.",
        ),
        Arg::new("auto-whitelist-clients")
            .long("auto-whitelist-clients")
            .value_name("N")
            .num_args(0..=1)
            .require_equals(true)
            .value_parser(value_parser!(i64))
            .default_value("5")
            .default_missing_value("5")
            .help("let a client pass after N delayed mails; 0: never")
            .long_help(
                "Stop deferring a client address once N of its triplets passed after their \
                 delay, of which at most one an hour counts. With 0, no client is ever \
                 whitelisted like this.",
            ),
        text("auto-whitelist-by", "WHAT", "client")
            .help("count the passes of each client, or those of a domain's as well")
            .long_help(
                "Whose passes --auto-whitelist-clients counts: those of each client address, or \
                 with domain those of all clients in a domain as well, as --lookup-by-domain tells \
                 it. That helps pools whose single addresses never come often enough. Passes of a \
                 domain's clients count for each domain of senders by itself, and for bounces by \
                 themselves: once mail of example.org has passed N times from machines of \
                 example.com, the mail of example.org passes from all of them, and other mail \
                 still waits. It passes as well from a customer's machine that the provider names \
                 like its own.",
            ),
    ]
}

pub(super) fn blacklists() -> [Arg; 5] {
    [
        list("blacklist-clients").help("read clients to refuse; may be repeated").long_help(
            "Read clients whose mail is refused from FILE. The option may be repeated. Whitelists \
             come first.",
        ),
        list("blacklist-senders")
            .help("read senders to refuse; may be repeated")
            .long_help("Read senders whose mail is refused from FILE. The option may be repeated."),
        list("blacklist-recipients").help("read recipients to refuse; may be repeated").long_help(
            "Read recipients whose mail is refused from FILE. The option may be repeated.",
        ),
        text("blacklist-action", "ACTION", "REJECT")
            .help("what to tell Postfix when a mail is refused")
            .long_help(
                "The action of access(5) for mail of those on a blacklist, such as REJECT, 550, \
                 HOLD or DISCARD. With --milter it is what --greylist-action would make of it.",
            ),
        text("blacklist-text", "TEXT", "Access denied")
            .help("text of that refusal")
            .long_help("The text behind --blacklist-action, as it stands."),
    ]
}

/// An option that names a file with a list.
fn list(name: &'static str) -> Arg {
    value(name, "FILE").action(ArgAction::Append)
}
