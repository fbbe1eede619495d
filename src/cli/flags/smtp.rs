//! The options of the SMTP proxy.

use super::value;
use clap::{Arg, ArgAction, value_parser};

pub(super) fn options() -> [Arg; 7] {
    [
        value("smtp", "[HOST:]PORT")
            .action(ArgAction::Append)
            .help("listen for SMTP clients on a TCP port, in front of --smtp-backend")
            .long_help(
                "Listen for SMTP clients on a TCP port, as for --inet. The option may be \
                 repeated. New clients are greylisted. Clients that a list or --trusted-networks \
                 exempts are connected to the mail server at once, and others as soon as one of \
                 their recipients passes; from then on, bytes are copied unchanged. See SMTP \
                 PROXY in postgrey-mail-servers(7).",
            ),
        value("smtp-backend", "PATH|[HOST:]PORT").help("the mail server behind --smtp").long_help(
            "The mail server behind --smtp: a TCP port, by default of this machine, or the path \
             of a Unix socket. While it is not available, mail is deferred. Its extensions (SIZE, \
             8BITMIME, ...) are offered to clients.",
        ),
        value("smtp-proxy-protocol", "VERSION")
            .default_value("2")
            .help("PROXY protocol for the client's address: 2, 1 or off")
            .long_help(
                "The version of the PROXY protocol that announces the address of each client to \
                 --smtp-backend, 2 or 1. With off, the mail server sees all clients at the \
                 address of this machine; it must not relay mail for that address.",
            ),
        value("smtp-tls-cert", "FILE")
            .help("offer STARTTLS to clients of --smtp, with this certificate")
            .long_help(
                "The certificate for STARTTLS at --smtp, followed by the certificates of its \
                 issuers, as PEM. Without it, clients can use TLS only after the hand-over, with \
                 the mail server. It is read again on SIGHUP and must be readable for --user.",
            ),
        value("smtp-tls-key", "FILE").help("private key of --smtp-tls-cert, as PEM"),
        value("smtp-dns-timeout", "SECONDS")
            .value_parser(value_parser!(i64))
            .default_value("3")
            .help("time limit for the name of a client of --smtp")
            .long_help(
                "The time limit in seconds, 1 to 60, for the DNS lookup of a client's name. A \
                 name is used only if it resolves to the client's address. Otherwise the name is \
                 \"unknown\", so that no list exempts the client by name.",
            ),
        value("smtp-max-clients", "N")
            .value_parser(value_parser!(i64))
            .default_value("1000")
            .help("maximum number of connections to --smtp")
            .long_help(
                "The maximum number of clients connected to --smtp, at least 1; further ones get 421 and \
                 retry later. At most 50 of them may be in one network (/24 of IPv4, /64 of \
                 IPv6).",
            ),
    ]
}
