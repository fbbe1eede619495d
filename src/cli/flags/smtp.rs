//! The options of the SMTP proxy.

use super::value;
use clap::{Arg, ArgAction, value_parser};

pub(super) fn options() -> [Arg; 7] {
    [
        value("smtp", "[HOST:]PORT")
            .action(ArgAction::Append)
            .help("listen for SMTP clients on a TCP port, in front of --smtp-backend")
            .long_help(
                "Listen for SMTP clients on a TCP port, as for --inet; may be given several \
                 times. New clients are greylisted here. A client that a list or \
                 --trusted-networks exempts is connected to the mail server at once, and any \
                 other as soon as one of its recipients passes; from then on, bytes are copied \
                 unchanged. See the section SMTP PROXY.",
            ),
        value("smtp-backend", "PATH|[HOST:]PORT").help("the mail server behind --smtp").long_help(
            "The mail server behind --smtp: a TCP port, of this machine if HOST is left out, \
                 or the path of a Unix socket. While it is not available, mail is deferred. Its \
                 extensions (SIZE, 8BITMIME, ...) are offered to clients.",
        ),
        value("smtp-proxy-protocol", "VERSION")
            .default_value("2")
            .help("header that tells --smtp-backend the client's address: 2, 1 or off")
            .long_help(
                "The version of the PROXY protocol in which --smtp-backend is told the address of \
                 each client, 2 or 1. With off, the mail server sees all clients at the address \
                 of this machine; it must not treat that as one of its own.",
            ),
        value("smtp-tls-cert", "FILE")
            .help("offer STARTTLS to clients of --smtp, with this certificate")
            .long_help(
                "The certificate for STARTTLS at --smtp, followed by the certificates of its \
                 issuers, as PEM. Without it, only clients that were handed over use TLS, with \
                 the mail server itself. It is read again on HUP, when it must be readable for \
                 --user.",
            ),
        value("smtp-tls-key", "FILE")
            .help("private key of --smtp-tls-cert")
            .long_help("The private key of --smtp-tls-cert, as PEM."),
        value("smtp-dns-timeout", "SECONDS")
            .value_parser(value_parser!(i64))
            .default_value("3")
            .help("time limit for the name of a client of --smtp")
            .long_help(
                "How many seconds, 1 to 60, the name of a client of --smtp is looked up. Names \
                 count only if they lead back to the address. A client whose name is not found \
                 in time is called unknown, so that no list exempts it by name.",
            ),
        value("smtp-max-clients", "N")
            .value_parser(value_parser!(i64))
            .default_value("1000")
            .help("connections of --smtp at a time, in all")
            .long_help(
                "How many clients may be connected to --smtp at a time; further ones get 421 and \
                 come back later. At most 50 of them may be of one network (24 bits of an IPv4 \
                 address, 64 of an IPv6 address).",
            ),
    ]
}
