//! The table of the daemon's options: names, value, default, the sentence for
//! `--help` and the paragraphs for the manual, each in one place.
//!
//! The one thing to know: an option built with [`text`] or [`number`] takes an
//! empty value or 0 as "the default", like the original (BEHAVIOUR A3).

mod lists;
mod smtp;

use std::ffi::OsStr;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Arg, ArgAction, Command, value_parser};

const GREYLIST_TEXT: &str = "Greylisted, see http://postgrey.schweikert.ch/help/%r.html";
const HEADER: &str = "X-Greylist: delayed %t seconds by postgrey-%v at %h; %d";

/// The command of `postgrey`, built.
pub(super) fn command() -> Command {
    let mut command = table();
    command.build();
    command
}

/// The same before it is built, for a command that takes more.
pub(super) fn table() -> Command {
    Command::new("postgrey")
        .version(env!("CARGO_PKG_VERSION"))
        .about("greylisting policy server for Postfix and Exim")
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args_override_self(true)
        .next_help_heading("Where to listen (--inet, --unix, --milter or --smtp is needed)")
        .args(listening())
        .next_help_heading("Sendmail, and others that speak the milter protocol")
        .args(milter())
        .next_help_heading("Mail servers that speak neither protocol")
        .args(smtp::options())
        .next_help_heading("Greylisting")
        .args(greylisting())
        .args(replies())
        .next_help_heading("Which clients count as the same")
        .args(clients())
        .next_help_heading("Whitelists")
        .args(lists::whitelists())
        .next_help_heading("Blacklists")
        .args(lists::blacklists())
        .next_help_heading("The daemon")
        .args(daemon())
        .next_help_heading("The log, and monitoring")
        .args(log())
        .next_help_heading("Information")
        .args(information())
}

fn listening() -> [Arg; 5] {
    [
        value("inet", "[HOST:]PORT")
            .short('i')
            .help("listen on a TCP port, of localhost if HOST is left out")
            .long_help(
                "Listen on a TCP port. HOST is a name, an IPv4 address, an IPv6 address in \
                 brackets, or * for all addresses of this machine; without it, only this machine \
                 itself can connect. PORT is a number or the name of a service. Whoever can \
                 connect can ask: there is no further access control. If --unix is given, too, \
                 it is ignored.",
            ),
        value("unix", "PATH").short('u').help("listen on the Unix socket PATH").long_help(
            "Listen on a Unix socket, which belongs to --user and --group. A socket that an \
                 earlier run left at PATH is replaced.",
        ),
        text("socketmode", "MODE", "0666")
            .help("permissions of the Unix socket, in octal")
            .long_help(
                "Permissions of the Unix socket, an octal number as for chmod(1); 0x and 0b \
                 introduce hexadecimal and binary ones. The umask has no influence.",
            ),
        number("listen-queue-size", "N", "0")
            .hide_default_value(true)
            .help("let up to N connections wait (default: the system's limit)")
            .long_help(
                "How many connections may wait to be accepted, 999 at most. Without this option, \
                 the limit is the system's own.",
            ),
        switch("exim").help("close a connection after one answer, for Exim").long_help(
            "Close each connection after its first answer. Exim takes the end of the \
                 connection for the end of the answer.",
        ),
    ]
}

fn milter() -> [Arg; 2] {
    [
        value("milter", "PATH|[HOST:]PORT")
            .help("listen for Sendmail on a Unix socket or a TCP port")
            .long_help(
                "Listen for mail servers that speak the milter protocol, such as Sendmail, \
                 beside --inet or --unix or in place of them. What begins with a slash or a dot \
                 is the path of a Unix socket; all else is a port as for --inet. Both ways of \
                 asking share whitelists and database. Here, mail passes at once that comes from \
                 this machine, from --trusted-networks, or from clients that have logged in.",
            ),
        text("milter-socketmode", "MODE", "0660")
            .help("permissions of that Unix socket, in octal")
            .long_help(
                "Permissions of the Unix socket of --milter, as for --socketmode. Sendmail \
                 refuses a socket that others than its owner and group may write to.",
            ),
    ]
}

fn greylisting() -> [Arg; 5] {
    [
        number("delay", "N", "300").help("defer a new triplet for N seconds").long_help(
            "How many seconds a triplet of client, sender and recipient is deferred, counted \
                 from its first attempt. With a negative number, the first attempt passes.",
        ),
        value("retry-window", "N")
            .default_value("2")
            .help("let it pass only within N days, or N hours with an h after it (6h)")
            .long_help(
                "How many days after its first attempt a triplet may pass for the first time; \
                 with an h after the number, as in 6h, how many hours. A triplet that comes \
                 later is treated as new. With 0, nothing ever passes.",
            ),
        number("max-age", "N", "35").help("forget what was not seen for N days").long_help(
            "Delete triplets and automatically whitelisted clients from the database when \
                 they were not seen for more than N days.",
        ),
        switch("privacy").help("store SHA-1 sums in place of addresses").long_help(
            "Keep SHA-1 sums in the database in place of addresses. What was stored without \
             this option is not found with it, nor the other way round. The log names the \
             addresses all the same.",
        ),
        switch("noaction")
            .short('n')
            .visible_alias("no-action")
            .help("let all mail pass, and only log what would be done")
            .long_help(
                "Dry run: decide, remember, count and log everything as without this option, and \
                 let all mail pass. The lines of the log hold the word dry-run. Since mail that \
                 passed does not come back, most entries stay at their first attempt; they count \
                 once the option is gone.",
            ),
    ]
}

fn replies() -> [Arg; 5] {
    [
        text("greylist-action", "ACTION", "DEFER_IF_PERMIT")
            .help("what to tell Postfix when a mail is deferred")
            .long_help(
                "The action of access(5) that defers a mail. With DEFER_IF_PERMIT, Postfix's \
                 later restrictions can still reject the mail for good; with 451, it is deferred \
                 at once. With --milter, a code such as 450 becomes that of the reply, and REJECT \
                 is 554; DUNNO, OK, WARN and the like let mail pass, and PREPEND as well, with \
                 its header. HOLD keeps the message in the mail server's queue, and DISCARD takes \
                 it and throws it away, for all of its recipients. Other words defer with 451, and \
                 so does HOLD where the mail server lets no milter hold mail.",
            ),
        text("greylist-text", "TEXT", GREYLIST_TEXT)
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value(GREYLIST_TEXT)
            .help("text of the temporary error")
            .long_help(
                "The text of the temporary error. In it, the first %s stands for the number of \
                 seconds that remain to be waited, and the first %r for the domain of the \
                 recipient. Empty, as in --greylist-text= alone, it means the default.",
            ),
        text("x-greylist-header", "TEXT", HEADER)
            .help("header for a mail that was delayed")
            .long_help(
                "The header that a delayed mail gets when it passes. In it, the first %t stands \
                 for the number of seconds since the first attempt, %v for the version of \
                 postgrey, %d for the date and %h for --hostname.",
            ),
        switch("no-x-greylist-header").help("add no header to a delayed mail").long_help(
            "Let a delayed mail pass without a header. The log tells its delay all the same. Wins \
             over --x-greylist-header.",
        ),
        value("hostname", "NAME")
            .help("name of this machine in that header (default: its host name)")
            .long_help(
                "The name that %h stands for in --x-greylist-header. It may be empty. Without \
                 this option, it is the machine's host name.",
            ),
    ]
}

fn clients() -> [Arg; 5] {
    [
        switch("lookup-by-subnet").help("all clients of a network (the default)").long_help(
            "Treat all clients of a network as the same client, because large sites retry from \
             another machine than the first time. This is the default, and the option is there \
             for completeness.",
        ),
        number("ipv4cidr", "N", "24")
            .help("bits of an address that make an IPv4 network, 1 to 32")
            .long_help("How many bits of an IPv4 address say which network it is in, 1 to 32."),
        number("ipv6cidr", "N", "64")
            .help("bits of an address that make an IPv6 network, 1 to 128")
            .long_help("How many bits of an IPv6 address say which network it is in, 1 to 128."),
        switch("lookup-by-host").help("each client for itself").long_help(
            "Treat each client address for itself. Mail from sites that send from many machines \
             is then delayed much longer. Wins over --lookup-by-subnet.",
        ),
        switch("lookup-by-domain").help("all clients of a domain, whatever their network").long_help(
            "Treat all clients whose names are in one registered domain, such as example.com or \
             example.co.uk, as the same client, because the pools of large providers retry from \
             another network each time. The name must be one that the mail server has verified, \
             as Postfix's client_name is. A client that has none, or whose name carries its \
             address, as those of dialup lines do, is looked up as without this option. What was \
             stored without it is not found with it, so that known mail waits once more.",
        ),
    ]
}

fn daemon() -> [Arg; 7] {
    [
        value("config", "FILE").help("read options from FILE, before those typed here").long_help(
            "Read options from FILE, as CONFIGURATION FILE below describes it. Those of the \
             command line come after them and win. Without this option no such file is read.",
        ),
        switch("daemonize").short('d').help("run in the background and log to syslog").long_help(
            "Run in the background and log to syslog. The command returns when the daemon is \
             ready for requests, or fails with the reason why it is not.",
        ),
        text("pidfile", "PATH", "")
            .hide_default_value(true)
            .help("write the process ID to PATH (only with --daemonize)")
            .long_help("Write the daemon's process ID to PATH. Ignored without --daemonize."),
        text("user", "USER", "postgrey").help("run as USER, a name or a number").long_help(
            "Run as USER, a name or a number, which must be able to write to --dbdir. The \
                 number 0 means the default.",
        ),
        text("group", "GROUP", "postgrey").help("run as GROUP, a name or a number").long_help(
            "Run as GROUP, a name or a number. Further groups may follow, separated by \
                 commas or blanks.",
        ),
        text("dbdir", "PATH", "/var/lib/postgrey")
            .help("keep the database in the directory PATH")
            .long_help("Keep the database and its lock file in the directory PATH."),
        number("sync", "N", "0")
            .help("let entries reach the disk up to N seconds after the answer")
            .long_help(
                "How many seconds after the answer an entry of the database may reach the disk, \
                 3600 at most. With 0, it is on disk before the mail server has its answer, and \
                 nothing that was answered is ever lost. With more, many entries share one wait \
                 for the disk, and more requests are answered in a second. If the machine or the \
                 daemon then dies, the entries of the last N seconds may be lost, and such mail \
                 may be deferred once more than it should be. The database stays sound in any \
                 case, and a daemon that is stopped loses nothing.",
            ),
    ]
}

fn log() -> [Arg; 5] {
    [
        value("metrics", "unix:PATH|[HOST:]PORT")
            .help("tell a monitoring system how things go, on a socket or a port")
            .long_help(
                "Answer HTTP requests of a monitoring system such as Prometheus: for /metrics \
                 with the numbers of the daemon in its text format, for /health with status 200, \
                 or with 503 and the reason while the database takes no writes and mail passes. \
                 A port is given as for --inet. Whoever can connect can ask; the numbers name no \
                 client, sender or recipient.",
            ),
        text("syslog-facility", "NAME", "mail")
            .visible_aliases(["facility", "syslogfacility"])
            .help("syslog facility to log to")
            .long_help(
                "The syslog facility to log to with --daemonize, such as mail, daemon, user or \
                 local0. Case does not matter, and LOG_ may precede the name.",
            ),
        text("log-format", "FORMAT", "classic")
            .help("how lines of the log look: classic or json")
            .long_help(
                "With json, each line of the log is a JSON object. What was decided has the fields \
                 action, reason, queue_id, client_name, client_address, sender and recipient; \
                 deferred mail has missing, the seconds until it may pass, and mail that passes \
                 after that delay, the seconds it waited. Other log records have the fields \
                 severity and message. postgreyreport and postgrey explain read both formats.",
            ),
        switch("verbose")
            .short('v')
            .help("log each connection, too")
            .long_help("Log each connection, too, not only what became of each request."),
        switch("quiet")
            .short('q')
            .help("log only warnings and errors")
            .long_help("Log only warnings and errors. Wins over --verbose."),
    ]
}

/// What each of the programs can say of itself.
pub(super) fn information() -> [Arg; 3] {
    [
        switch("help")
            .short('h')
            .help("print this and exit")
            .long_help("Print a summary of the options and exit."),
        switch("man").help("print the manual and exit").long_help("Print this manual and exit."),
        switch("version")
            .help("print the version and exit")
            .long_help("Print the version and exit."),
    ]
}

/// An option without a value.
pub(super) fn switch(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

/// An option whose value is taken as it is.
pub(super) fn value(name: &'static str, shown: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name(shown)
        .value_parser(OsStringValueParser::new())
        .allow_hyphen_values(true)
}

/// An option that means its default when its value is empty or `0`.
fn text(name: &'static str, shown: &'static str, default: &'static str) -> Arg {
    value(name, shown).value_parser(OrDefault(OsStringValueParser::new())).default_value(default)
}

/// An integer option that means its default when its value is 0.
fn number(name: &'static str, shown: &'static str, default: &'static str) -> Arg {
    value(name, shown).value_parser(OrDefault(value_parser!(i64))).default_value(default)
}

/// Parses the option's default in place of a value that is false in Perl.
#[derive(Clone)]
struct OrDefault<P>(P);

impl<P: TypedValueParser> TypedValueParser for OrDefault<P> {
    type Value = P::Value;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        let default = arg.and_then(|arg| arg.get_default_values().first());
        let value = match default {
            Some(default) if value.is_empty() || value == "0" => default.as_ref(),
            _ => value,
        };
        self.0.parse_ref(command, arg, value)
    }
}
