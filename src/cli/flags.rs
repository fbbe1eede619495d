//! The table of the daemon's options: names, value, default, and the text of `--help`.
//! `man/postgrey.8.in` has the longer texts of the manual.
//!
//! An option built with [`text`] or [`number`] treats an empty value or 0 as its
//! default, like the original (BEHAVIOUR A3).

mod lists;

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
        .args(smtp())
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
        .args(shared_state())
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
            .help("listen on a TCP port, of localhost if HOST is left out"),
        value("unix", "PATH").short('u').help("listen on the Unix socket PATH"),
        text("socketmode", "MODE", "0666").help("permissions of the Unix socket, in octal"),
        number("listen-queue-size", "N", "0")
            .hide_default_value(true)
            .help("length of the queue of connections (default: the system's limit)"),
        switch("exim").help("close a connection after one answer, for Exim"),
        switch("policy-test-time").help("accept policy_test_time from other machines"),
    ]
}

fn milter() -> [Arg; 2] {
    [
        value("milter", "PATH|[HOST:]PORT")
            .help("listen for Sendmail on a Unix socket or a TCP port"),
        text("milter-socketmode", "MODE", "0660").help("permissions of that Unix socket, in octal"),
    ]
}

fn smtp() -> [Arg; 7] {
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

fn greylisting() -> [Arg; 5] {
    [
        number("delay", "N", "300").help("defer a new triplet for N seconds"),
        value("retry-window", "N")
            .default_value("2")
            .help("accept it only within N days, or with h within N hours (6h)"),
        number("max-age", "N", "35").help("delete entries that were not seen for N days"),
        switch("privacy").help("store SHA-1 sums instead of addresses"),
        switch("noaction")
            .short('n')
            .visible_alias("no-action")
            .help("decide, store and log as usual, but accept all mail"),
    ]
}

fn replies() -> [Arg; 5] {
    [
        text("greylist-action", "ACTION", "DEFER_IF_PERMIT")
            .help("action for Postfix that defers a mail"),
        text("greylist-text", "TEXT", GREYLIST_TEXT)
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value(GREYLIST_TEXT)
            .help("text of the temporary error"),
        text("x-greylist-header", "TEXT", HEADER).help("header for a mail that was delayed"),
        switch("no-x-greylist-header").help("add no header to a delayed mail"),
        value("hostname", "NAME")
            .help("name of this machine in that header (default: its host name)"),
    ]
}

fn clients() -> [Arg; 5] {
    [
        switch("lookup-by-subnet").help("all clients of a network (the default)"),
        number("ipv4cidr", "N", "24").help("prefix length of IPv4 networks, 1 to 32"),
        number("ipv6cidr", "N", "64").help("prefix length of IPv6 networks, 1 to 128"),
        switch("lookup-by-host").help("each client address separately"),
        switch("lookup-by-domain").help("all clients of a domain, in any network"),
    ]
}

fn daemon() -> [Arg; 8] {
    [
        value("config", "FILE").help("read options from FILE; the command line overrides them"),
        switch("daemonize").short('d').help("run in the background and log to syslog"),
        text("pidfile", "PATH", "")
            .hide_default_value(true)
            .help("write the process ID to PATH; ignored without --daemonize"),
        text("user", "USER", "postgrey").help("run as USER, a name or a number"),
        text("group", "GROUP", "postgrey").help("run as GROUP, a name or a number"),
        text("dbdir", "PATH", "/var/lib/postgrey")
            .help("keep the database and its lock file in the directory PATH"),
        number("max-size", "N", "0").help("limit the database to about N MiB; 0: no limit"),
        number("sync", "N", "0").help("write entries to the disk up to N seconds after the answer"),
    ]
}

fn shared_state() -> [Arg; 4] {
    [
        value("shared-state", "URL").help("keep the state on Redis or Valkey, for several hosts"),
        value("shared-state-file", "FILE")
            .help("file with the URL of --shared-state, for a password"),
        value("shared-state-ca", "FILE")
            .help("trust these certificate authorities for --shared-state"),
        limited("shared-state-timeout", "MS", "200")
            .help("let mail wait for --shared-state for N milliseconds at most"),
    ]
}

fn log() -> [Arg; 5] {
    [
        value("metrics", "unix:PATH|[HOST:]PORT")
            .help("serve Prometheus metrics on a socket or TCP port"),
        text("syslog-facility", "NAME", "mail")
            .visible_aliases(["facility", "syslogfacility"])
            .help("syslog facility to log to"),
        text("log-format", "FORMAT", "classic").help("format of log lines: classic or json"),
        switch("verbose").short('v').help("log each connection as well as each decision"),
        switch("quiet").short('q').help("log only warnings and errors"),
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

/// An integer option that can be 0, with limits that the conversion checks.
fn limited(name: &'static str, shown: &'static str, default: &'static str) -> Arg {
    value(name, shown).value_parser(value_parser!(i64)).default_value(default)
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
