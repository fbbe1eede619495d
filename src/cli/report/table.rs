//! The table of the report's options, with the sentence for `--help` and, where
//! there is more to say, the paragraph for the manual.

use super::PROGRAM;
use crate::cli::flags;
use clap::{Arg, ArgAction, Command};

/// The command of `postgreyreport`, built.
pub(in crate::cli) fn command() -> Command {
    let mut command = Command::new(PROGRAM)
        .version(env!("CARGO_PKG_VERSION"))
        .about("lists the mail in a log that was deferred and never came back")
        .override_usage("postgreyreport [OPTIONS] [FILE...]")
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args_override_self(true)
        .next_help_heading("What to read (logs of Postfix, perhaps packed by gzip, xz or zstd)")
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
                "Read the database as USER, a name or a number. The logs are opened before, with \
                 the rights of who runs the report.",
            ),
        flags::value("dbdir", "PATH")
            .default_value("/var/lib/postgrey")
            .help("find the database in the directory PATH"),
        flags::value("delay", "N")
            .help("report what did not try again after N seconds (default: the daemon's --delay)")
            .long_help(
                "Report mail of which no attempt came N seconds or more after the first one. \
                 Without this option, N is the --delay of the daemon that wrote the database.",
            ),
        flags::value("greylist-text", "TEXT")
            .visible_alias("return_string")
            .default_value("Greylisted")
            .help("look only at lines that this Perl regular expression matches")
            .long_help(
                "Take only lines of the log for deferred mail that this Perl regular expression \
                 matches. Who gave the daemon another --greylist-text needs this option.",
            ),
        Arg::new("v")
            .long("v")
            .short('v')
            .action(ArgAction::Count)
            .help("say which checks are made")
            .long_help("Say first which checks of --check_sender are made."),
    ]
}

fn filters() -> [Arg; 4] {
    [
        flags::switch("skip_pool")
            .help("leave out clients with the last two numbers of their address in their name")
            .long_help(
                "Leave out IPv4 clients with the last two numbers of their address in their \
                 name, as providers name the machines of their customers.",
            ),
        flags::value("skip_clients", "FILE")
            .action(ArgAction::Append)
            .help(
                "leave out the clients in FILE: names, addresses and /patterns/, one a line; may \
                 be repeated",
            )
            .long_help(
                "Leave out the clients in FILE, whose lines are told of below. The option may be \
                 repeated.",
            ),
        flags::value("match_clients", "FILE")
            .action(ArgAction::Append)
            .help("report the clients in FILE alone; may be repeated")
            .long_help(
                "Report the clients in FILE alone, a list of the same form. The option may be \
                 repeated. Without it, all clients are reported.",
            ),
        flags::value("skip_dnsbl", "ZONE")
            .action(ArgAction::Append)
            .help("leave out clients that the DNS blocklist ZONE names; may be repeated")
            .long_help(
                "Leave out clients that the DNS blocklist ZONE names with an answer in \
                 127.0.0.0/8. Each client is asked about once. The option may be repeated.",
            ),
    ]
}

fn columns() -> [Arg; 3] {
    [
        flags::switch("show_time").help("the time of its last attempt (not with --nosingle_line)"),
        flags::switch("show_tries").help("how many attempts there were"),
        flags::value("check_sender", "LIST")
            .help(
                "whether the client is one of the mail servers (mx) or an address (a) of the \
                 sender's domain, or in the network of one (mx/24, a/24); some of these, \
                 separated by commas",
            )
            .long_help(
                "Whether the client is one of the mail servers (mx) or an address (a) of the \
                 sender's domain, or in the network of one (mx/24, a/24), which is a /64 of \
                 IPv6. LIST is some of these four words, separated by commas. The first that \
                 holds is printed: MX, MX/24, A or A/24.",
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
            .help("print TEXT, in which \\n is a new line, before each new network")
            .long_help(
                "Print TEXT, in which \\n is a new line, before each new network, a /24 of IPv4 \
                 or a /64 of IPv6. Empty or 0, as without this option, it is nothing.",
            ),
        flags::value("separate_by_ip", "TEXT").help("print TEXT, likewise, before each new client"),
    ]
}

fn debugging() -> [Arg; 2] {
    [
        flags::switch("debug_db")
            .help("print what the database has of clients that --debug_re names, and fail")
            .long_help(
                "Print what the database has of each deferred attempt of the clients that \
                 --debug_re names, in place of the report, and fail.",
            ),
        flags::value("debug_re", "LIST")
            .help("Perl regular expressions for names of clients, separated by commas"),
    ]
}
