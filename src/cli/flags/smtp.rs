//! The options of the SMTP proxy.

use super::{limited, value};
use clap::{Arg, ArgAction};

pub(super) fn options() -> [Arg; 7] {
    [
        value("smtp", "[HOST:]PORT")
            .action(ArgAction::Append)
            .help("listen for SMTP clients on a TCP port, in front of --smtp-backend"),
        value("smtp-backend", "PATH|[HOST:]PORT").help("the mail server behind --smtp"),
        value("smtp-proxy-protocol", "VERSION")
            .default_value("2")
            .help("PROXY protocol for the client's address: 2, 1 or off"),
        value("smtp-tls-cert", "FILE")
            .help("offer STARTTLS to clients of --smtp, with this certificate"),
        value("smtp-tls-key", "FILE").help("private key of --smtp-tls-cert, as PEM"),
        limited("smtp-dns-timeout", "SECONDS", "3")
            .help("time limit for the name of a client of --smtp"),
        limited("smtp-max-clients", "N", "1000").help("maximum number of connections to --smtp"),
    ]
}
