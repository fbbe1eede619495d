//! The table of the report's options. `man/postgreyreport.1.in` has the longer texts of the
//! manual.

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
            .help("read the database as USER, a name or a number"),
        flags::value("dbdir", "PATH")
            .default_value("/var/lib/postgrey")
            .help("find the database in the directory PATH"),
        flags::value("delay", "N")
            .help("report mail without an attempt after N seconds (default: the daemon's --delay)"),
        flags::value("greylist-text", "TEXT")
            .visible_alias("return_string")
            .default_value("Greylisted")
            .help("read only lines that match this Perl regular expression"),
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
        flags::value("skip_clients", "FILE").action(ArgAction::Append).help(
            "skip the clients in FILE: names, addresses and /patterns/, one per line; may be \
                 repeated",
        ),
        flags::value("match_clients", "FILE")
            .action(ArgAction::Append)
            .help("report only the clients in FILE; may be repeated"),
        flags::value("skip_dnsbl", "ZONE")
            .action(ArgAction::Append)
            .help("skip clients on the DNS blocklist ZONE; may be repeated"),
    ]
}

fn columns() -> [Arg; 3] {
    [
        flags::switch("show_time")
            .help("print the time of the last attempt (not with --nosingle_line)"),
        flags::switch("show_tries").help("print the number of attempts"),
        flags::value("check_sender", "LIST").help(
            "print whether the client is a mail server (mx) or an address (a) of the sender's \
                 domain, or in the network of one (mx/24, a/24); some of these, separated by \
                 commas",
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
            .help("print TEXT before each new network; \\n is a newline"),
        flags::value("separate_by_ip", "TEXT")
            .help("print TEXT before each new client; \\n is a newline"),
    ]
}

fn debugging() -> [Arg; 2] {
    [
        flags::switch("debug_db")
            .help("print the entries of clients that match --debug_re, and end with 255"),
        flags::value("debug_re", "LIST")
            .help("Perl regular expressions for names of clients, separated by commas"),
    ]
}
