//! The table of the daemon's options: names, value, default, and the texts for
//! `--help` and the manual.
//!
//! An option built with [`text`] or [`number`] treats an empty value or 0 as its
//! default, like the original (BEHAVIOUR A3).

mod lists;
mod shared;
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

/// The table before it is built, for commands that add options.
pub(super) fn table() -> Command {
    program("postgrey", "greylisting server for Postfix, Exim, Sendmail, OpenSMTPD and others")
        .next_help_heading("Where to listen (--inet, --unix, --milter or --smtp is required)")
        .args(listening())
        .next_help_heading("Sendmail and other mail servers with the milter protocol")
        .args(milter())
        .next_help_heading("Mail servers with neither protocol")
        .args(smtp::options())
        .next_help_heading("Greylisting")
        .args(greylisting())
        .args(replies())
        .next_help_heading("Which clients are treated as one")
        .args(clients())
        .next_help_heading("Whitelists")
        .args(lists::whitelists())
        .next_help_heading("Blacklists")
        .args(lists::blacklists())
        .next_help_heading("The daemon")
        .args(daemon())
        .next_help_heading("One state for several hosts")
        .args(shared::options())
        .next_help_heading("Log and monitoring")
        .args(log())
        .next_help_heading("Information")
        .args(information())
}

/// A program that prints help and version by itself.
pub(super) fn program(name: &'static str, about: &'static str) -> Command {
    Command::new(name)
        .version(env!("CARGO_PKG_VERSION"))
        .about(about)
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args_override_self(true)
}

fn listening() -> [Arg; 6] {
    [
        value("inet", "[HOST:]PORT")
            .short('i')
            .help("listen on a TCP port, of localhost if HOST is left out")
            .long_help(
                "Listen on a TCP port. HOST is a name, an IPv4 address, an IPv6 address in \
                 brackets, or * for all addresses of this machine; without it, only this machine \
                 can connect. PORT is a number or the name of a service. There is no access \
                 control: every client that can connect gets answers. If --inet and --unix are \
                 both given, --unix is ignored.",
            ),
        value("unix", "PATH").short('u').help("listen on the Unix socket PATH").long_help(
            "Listen on a Unix socket, which belongs to --user and --group. A socket of an earlier \
             run at PATH is replaced.",
        ),
        text("socketmode", "MODE", "0666")
            .help("permissions of the Unix socket, in octal")
            .long_help(
                "Permissions of the Unix socket, an octal number as for chmod(1), or hexadecimal \
                 with 0x or binary with 0b. The umask has no effect.",
            ),
        number("listen-queue-size", "N", "0")
            .hide_default_value(true)
            .help("length of the queue of connections (default: the system's limit)")
            .long_help(
                "The number of connections that may wait to be accepted, at most 999. The default \
                 is the limit of the system.",
            ),
        switch("exim").help("close a connection after one answer, for Exim").long_help(
            "Close each connection after its first answer, for recipes for Exim that wait for its \
             end. The recipe of this version does not need it.",
        ),
        switch("policy-test-time").help("accept policy_test_time from other machines").long_help(
            "Accept the attribute policy_test_time from other machines. It replaces the clock for \
             one request and is meant for tests. Without this option it is accepted only through \
             Unix sockets and from loopback addresses, since with it a client can be put on the \
             auto-whitelist, or be kept from it.",
        ),
    ]
}

fn milter() -> [Arg; 2] {
    [
        value("milter", "PATH|[HOST:]PORT")
            .help("listen for Sendmail on a Unix socket or a TCP port")
            .long_help(
                "Listen for mail servers with the milter protocol, such as Sendmail, with or \
                 without --inet or --unix. A value that starts with a slash or a dot is the path \
                 of a Unix socket; any other is a port as for --inet. All protocols share \
                 whitelists and database. With the milter protocol, mail from this machine and \
                 from authenticated clients always passes.",
            ),
        text("milter-socketmode", "MODE", "0660")
            .help("permissions of that Unix socket, in octal")
            .long_help(
                "Permissions of the Unix socket of --milter, as for --socketmode. Sendmail \
                 refuses a socket that users other than its owner and group can write to.",
            ),
    ]
}

fn greylisting() -> [Arg; 5] {
    [
        number("delay", "N", "300").help("defer a new triplet for N seconds").long_help(
            "The number of seconds for which a triplet of client, sender and recipient is \
             deferred, counted from its first attempt. With -1, the first attempt passes.",
        ),
        value("retry-window", "N")
            .default_value("2")
            .help("accept it only within N days, or with h within N hours (6h)")
            .long_help(
                "The number of days within which a mail must come back after its first attempt; \
                 6h means six hours. A later attempt is treated as new. With 0, nothing ever \
                 passes.",
            ),
        number("max-age", "N", "35")
            .help("delete entries that were not seen for N days")
            .long_help(
                "Forget passed triplets, and all clients, that were not seen \
             for more than N days.",
            ),
        switch("privacy").help("store SHA-1 sums instead of addresses").long_help(
            "Store SHA-1 sums instead of addresses in the database. Entries that were stored \
             without this option are not found with it, and vice versa. Commands find an entry by \
             its whole address, not by a domain. The log still contains the addresses.",
        ),
        switch("noaction")
            .short('n')
            .visible_alias("no-action")
            .help("decide, store and log as usual, but accept all mail")
            .long_help(
                "Dry run: decide, store and log everything as without this option, but accept all \
                 mail. Log lines contain the word dry-run. Accepted mail is not sent again, so \
                 most triplets stay waiting. The entries count when the option is removed.",
            ),
    ]
}

fn replies() -> [Arg; 5] {
    [
        text("greylist-action", "ACTION", "DEFER_IF_PERMIT")
            .help("action for Postfix that defers a mail")
            .long_help(
                "The action of access(5) that defers a mail. With DEFER_IF_PERMIT, later \
                 restrictions of Postfix can still reject the mail; with 451, it is deferred at \
                 once. With --milter, a code such as 450 is the code of the reply, and REJECT is \
                 554; DUNNO, OK, WARN and similar actions accept the mail, and so does PREPEND, \
                 with its header. HOLD keeps the message in the queue of the mail server, and \
                 DISCARD accepts it and deletes it, for all of its recipients. Other actions \
                 defer with 451, and so does HOLD if the mail server does not allow milters to \
                 hold mail.",
            ),
        text("greylist-text", "TEXT", GREYLIST_TEXT)
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value(GREYLIST_TEXT)
            .help("text of the temporary error")
            .long_help(
                "The text of the temporary error. The first %s is replaced by the remaining \
                 seconds of the delay, and the first %r by the domain of the recipient. An empty \
                 text is the default.",
            ),
        text("x-greylist-header", "TEXT", HEADER)
            .help("header for a mail that was delayed")
            .long_help(
                "The header that is added to a delayed mail. The first %t is replaced by the \
                 seconds since the first attempt, %v by the version of postgrey, %d by the date \
                 and %h by --hostname.",
            ),
        switch("no-x-greylist-header").help("add no header to a delayed mail").long_help(
            "Add no header to a delayed mail. The log still has its delay. Overrides \
             --x-greylist-header.",
        ),
        value("hostname", "NAME")
            .help("name of this machine in that header (default: its host name)")
            .long_help(
                "The name for %h in --x-greylist-header. The default is the host name of this \
                 machine. For no name, write --hostname \"\".",
            ),
    ]
}

fn clients() -> [Arg; 5] {
    [
        switch("lookup-by-subnet").help("all clients of a network (the default)").long_help(
            "Treat all clients of a network as one client, because large sites retry from another \
             machine. This is the default.",
        ),
        number("ipv4cidr", "N", "24").help("prefix length of IPv4 networks, 1 to 32"),
        number("ipv6cidr", "N", "64").help("prefix length of IPv6 networks, 1 to 128"),
        switch("lookup-by-host").help("each client address separately").long_help(
            "Treat each client address as a separate client. Mail from sites with many machines \
             is then delayed much longer. Overrides --lookup-by-subnet.",
        ),
        switch("lookup-by-domain").help("all clients of a domain, in any network").long_help(
            "Treat all clients with names in one registered domain, such as example.com or \
             example.co.uk, as one client, because the pools of large providers retry from \
             another network each time. The mail server must have verified the name, as Postfix \
             does for client_name. A client without such a name, or with its address in its name \
             like a dial-up line, is looked up as without this option. Entries that were stored \
             without it are not found with it, so that known mail is deferred once more. See \
             postgrey-pools(7).",
        ),
    ]
}

fn daemon() -> [Arg; 8] {
    [
        value("config", "FILE").help("read options from FILE; the command line overrides them").long_help(
            "Read options from FILE, see CONFIGURATION FILE. Options on the command line override \
             them. Without this option no such file is read.",
        ),
        switch("daemonize").short('d').help("run in the background and log to syslog").long_help(
            "Run in the background and log to syslog. The command returns when the daemon is \
             ready for requests, or fails with the reason.",
        ),
        text("pidfile", "PATH", "")
            .hide_default_value(true)
            .help("write the process ID to PATH; ignored without --daemonize"),
        text("user", "USER", "postgrey").help("run as USER, a name or a number").long_help(
            "Run as USER, a name or a number, which must be able to write to --dbdir. The number \
             0 selects the default.",
        ),
        text("group", "GROUP", "postgrey").help("run as GROUP, a name or a number").long_help(
            "Run as GROUP, a name or a number. More groups may follow, separated by commas or \
             blanks.",
        ),
        text("dbdir", "PATH", "/var/lib/postgrey")
            .help("keep the database and its lock file in the directory PATH"),
        number("max-size", "N", "0")
            .help("limit the database to about N MiB; 0: no limit")
            .long_help(
                "Limit the database to about N MiB. When it is larger, the oldest triplets that have \
                 not passed are deleted until an eighth of the limit is free, and a warning is \
                 logged. Accepted mail is not forgotten sooner: if less than an eighth of the \
                 entries are waiting, nothing is deleted, and the database stays larger than N. \
                 With 0, there is no limit. A triplet takes about 150 bytes, or 2.3 KiB with the longest addresses. \
                 Not for --shared-state.",
            ),
        number("sync", "N", "0")
            .help("write entries to the disk up to N seconds after the answer")
            .long_help(
                "The number of seconds after the answer within which an entry is written to the \
                 disk, at most 3600. With 0, it is on disk before the mail server gets the \
                 answer, so that no answer is ever lost. With more, many entries share one wait \
                 for the disk, and more requests per second are answered. If the power fails, the \
                 entries of the last N seconds may be lost, and such mail may be deferred once \
                 more. The database is never damaged, and a daemon that is stopped or killed \
                 loses nothing.",
            ),
    ]
}

fn log() -> [Arg; 5] {
    [
        value("metrics", "unix:PATH|[HOST:]PORT")
            .help("serve Prometheus metrics on a socket or TCP port")
            .long_help(
                "Answer HTTP requests of a monitoring system such as Prometheus, see \
                 postgrey-monitoring(7): /metrics with the metrics of the daemon, /health with \
                 status 200, or with 503 and the reason while the database or the shared state cannot be \
                 written. \
                 PORT is as for --inet. There is no access control; the metrics contain no \
                 clients, senders or recipients.",
            ),
        text("syslog-facility", "NAME", "mail")
            .visible_aliases(["facility", "syslogfacility"])
            .help("syslog facility to log to")
            .long_help(
                "The syslog facility for --daemonize, such as mail, daemon, user or local0. Case \
                 does not matter, and LOG_ may precede the name.",
            ),
        text("log-format", "FORMAT", "classic")
            .help("format of log lines: classic or json")
            .long_help(
                "With json, each log line is a JSON object. Decisions have the fields action, \
                 reason, queue_id, client_name, client_address, sender and recipient; deferred \
                 mail also has missing, the seconds until it may pass, and delayed mail that \
                 passes has delay, the seconds it waited; with --noaction there is dry_run. Other log records have the fields \
                 severity and message. postgreyreport and postgrey explain read both formats.",
            ),
        switch("verbose").short('v').help("log each connection as well as each decision"),
        switch("quiet")
            .short('q')
            .help("log only warnings and errors")
            .long_help("Log only warnings and errors. Overrides --verbose."),
    ]
}

/// The options that print information: help, manual, version.
pub(super) fn information() -> [Arg; 3] {
    [
        switch("help").short('h').help("print a summary of the options and exit"),
        switch("man").help("print the manual and exit"),
        switch("version").help("print the version and exit"),
    ]
}

/// An option without a value.
pub(super) fn switch(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

/// An option whose value is not parsed.
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
