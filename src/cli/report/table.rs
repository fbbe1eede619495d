//! The table of the report's options, with the texts for `--help` and the manual.

use super::PROGRAM;
use crate::cli::flags;
use clap::{Arg, ArgAction, Command};

/// The command of `postgreyreport`, built.
pub(in crate::cli) fn command() -> Command {
    let about = "list the mail in a log that was deferred and not accepted later";
    let mut command = flags::program(PROGRAM, about)
        .override_usage("postgreyreport [OPTIONS] [FILE...]")
        .next_help_heading("What to read (logs of Postfix, also compressed by gzip, xz or zstd)")
        .args(reading())
        .next_help_heading("What to leave out")
        .args(filters())
        .next_help_heading("What to print of each triplet")
        .args(columns())
        .next_help_heading("How to print it")
        .args(layout())
        .next_help_heading("Information")
        .args(debugging())
        .args(flags::information());
    command.build();
    command
}

fn reading() -> [Arg; 5] {
    [
        flags::value("user", "USER")
            .short('u')
            .default_value("postgrey")
            .help("read the database as USER, a name or a number")
            .long_help(
                "Read the database as USER, a name or a number. The logs are opened first, with \
                 the rights of the user who runs the report.",
            ),
        flags::value("dbdir", "PATH")
            .default_value("/var/lib/postgrey")
            .help("find the database in the directory PATH"),
        flags::value("delay", "N")
            .help("report mail without an attempt after N seconds (default: the daemon's --delay)")
            .long_help(
                "Report mail without an attempt N seconds or more after the first one. The \
                 default is the --delay of the daemon that wrote the database.",
            ),
        flags::value("greylist-text", "TEXT")
            .visible_alias("return_string")
            .default_value("Greylisted")
            .help("read only lines that match this Perl regular expression")
            .long_help(
                "Treat only log lines that match this Perl regular expression as deferred mail. \
                 It is needed if the daemon has another --greylist-text.",
            ),
        Arg::new("v")
            .long("v")
            .short('v')
            .action(ArgAction::Count)
            .help("print first which checks of --check_sender are made"),
    ]
}

fn filters() -> [Arg; 4] {
    [
        flags::switch("skip_pool").help(
            "skip IPv4 clients with the last two numbers of their address in their name, as \
                 providers name dial-up lines",
        ),
        flags::value("skip_clients", "FILE")
            .action(ArgAction::Append)
            .help(
                "skip the clients in FILE: names, addresses and /patterns/, one per line; may be \
                 repeated",
            )
            .long_help(
                "Skip the clients in FILE, see LISTS OF CLIENTS. The option may be repeated.",
            ),
        flags::value("match_clients", "FILE")
            .action(ArgAction::Append)
            .help("report only the clients in FILE; may be repeated")
            .long_help(
                "Report only the clients in FILE, a list of the same format. The option may be \
                 repeated. Without it, all clients are reported.",
            ),
        flags::value("skip_dnsbl", "ZONE")
            .action(ArgAction::Append)
            .help("skip clients on the DNS blocklist ZONE; may be repeated")
            .long_help(
                "Skip clients on the DNS blocklist ZONE, which it lists by an answer in \
                 127.0.0.0/8. Each client is looked up once. The option may be repeated.",
            ),
    ]
}

fn columns() -> [Arg; 3] {
    [
        flags::switch("show_time")
            .help("print the time of the last attempt (not with --nosingle_line)"),
        flags::switch("show_tries").help("print the number of attempts"),
        flags::value("check_sender", "LIST")
            .help(
                "print whether the client is a mail server (mx) or an address (a) of the sender's \
                 domain, or in the network of one (mx/24, a/24); some of these, separated by \
                 commas",
            )
            .long_help(
                "Print whether the client is a mail server (mx) or an address (a) of the sender's \
                 domain, or in the network of one (mx/24, a/24; a /64 of IPv6). LIST is some of \
                 these four words, separated by commas. The first that applies is printed: MX, \
                 MX/24, A or A/24.",
            ),
    ]
}

fn layout() -> [Arg; 5] {
    [
        flags::switch("tab").help("separate the columns with tabs"),
        flags::switch("nosingle_line")
            .alias("no-single_line")
            .overrides_with("single_line")
            .help("group sender and recipient below their client"),
        flags::switch("single_line")
            .overrides_with("nosingle_line")
            .help("print a line for each triplet (the default)"),
        flags::value("separate_by_subnet", "TEXT")
            .help("print TEXT before each new network; \\n is a newline")
            .long_help(
                "Print TEXT before each new network, a /24 of IPv4 or a /64 of IPv6; \\n is a \
                 newline. An empty text and 0 print nothing.",
            ),
        flags::value("separate_by_ip", "TEXT")
            .help("print TEXT before each new client; \\n is a newline"),
    ]
}

fn debugging() -> [Arg; 2] {
    [
        flags::switch("debug_db")
            .help("print the entries of clients that match --debug_re, and end with 255")
            .long_help(
                "Print the database entry of each deferred attempt of clients that match \
                 --debug_re, instead of the report, and end with status 255.",
            ),
        flags::value("debug_re", "LIST")
            .help("Perl regular expressions for names of clients, separated by commas"),
    ]
}
