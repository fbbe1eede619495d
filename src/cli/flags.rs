//! The table of the daemon's options: names, value, default, the sentence for
//! `--help` and the paragraphs for the manual, each in one place.
//!
//! The one thing to know: an option built with [`text`] or [`number`] takes an
//! empty value or 0 as "the default", like the original (BEHAVIOUR A3).

use std::ffi::OsStr;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Arg, ArgAction, Command, value_parser};

/// The command of `postgrey`, built.
pub(super) fn command() -> Command {
    let mut command = Command::new("postgrey")
        .version(env!("CARGO_PKG_VERSION"))
        .about("greylisting policy server for Postfix and Exim")
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args_override_self(true)
        .next_help_heading("Listening (one of --inet and --unix is needed)")
        .args(listening())
        .next_help_heading("Greylisting")
        .args(greylisting())
        .next_help_heading("Clients as networks or hosts")
        .args(clients())
        .next_help_heading("Whitelists")
        .args(whitelists())
        .next_help_heading("Process")
        .args(process())
        .next_help_heading("Log")
        .args(log())
        .next_help_heading("Information")
        .args(information());
    command.build();
    command
}

fn listening() -> [Arg; 5] {
    [
        value("inet", "[HOST:]PORT").short('i'),
        value("unix", "PATH").short('u'),
        text("socketmode", "MODE", "0666"),
        number("listen-queue-size", "N").hide_default_value(true).default_value("0"),
        switch("exim"),
    ]
}

fn greylisting() -> [Arg; 8] {
    [
        number("delay", "N").default_value("300"),
        value("retry-window", "N").default_value("2"),
        number("max-age", "N").default_value("35"),
        text("greylist-action", "ACTION", "DEFER_IF_PERMIT"),
        text("greylist-text", "TEXT", GREYLIST_TEXT)
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value(GREYLIST_TEXT),
        text(
            "x-greylist-header",
            "TEXT",
            "X-Greylist: delayed %t seconds by postgrey-%v at %h; %d",
        ),
        value("hostname", "NAME"),
        switch("privacy"),
    ]
}

const GREYLIST_TEXT: &str = "Greylisted, see http://postgrey.schweikert.ch/help/%r.html";

fn clients() -> [Arg; 4] {
    [
        switch("lookup-by-subnet"),
        number("ipv4cidr", "N").default_value("24"),
        number("ipv6cidr", "N").default_value("64"),
        switch("lookup-by-host"),
    ]
}

fn whitelists() -> [Arg; 3] {
    [
        value("whitelist-clients", "FILE").action(ArgAction::Append).default_values([
            "/etc/postgrey/whitelist_clients",
            "/etc/postgrey/whitelist_clients.local",
        ]),
        value("whitelist-recipients", "FILE").action(ArgAction::Append).default_values([
            "/etc/postgrey/whitelist_recipients",
            "/etc/postgrey/whitelist_recipients.local",
        ]),
        Arg::new("auto-whitelist-clients")
            .long("auto-whitelist-clients")
            .value_name("N")
            .num_args(0..=1)
            .require_equals(true)
            .value_parser(value_parser!(i64))
            .default_value("5")
            .default_missing_value("5"),
    ]
}

fn process() -> [Arg; 5] {
    [
        switch("daemonize").short('d'),
        text("pidfile", "PATH", ""),
        text("user", "USER", "postgrey"),
        text("group", "GROUP", "postgrey"),
        text("dbdir", "PATH", "/var/lib/postgrey"),
    ]
}

fn log() -> [Arg; 3] {
    [
        text("syslog-facility", "NAME", "mail").visible_aliases(["facility", "syslogfacility"]),
        switch("verbose").short('v'),
        switch("quiet").short('q'),
    ]
}

fn information() -> [Arg; 4] {
    [
        switch("help").short('h'),
        switch("man"),
        switch("version"),
        switch("noaction").short('n').visible_alias("no-action"),
    ]
}

fn switch(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

/// An option whose value is taken as it is.
fn value(name: &'static str, value: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name(value)
        .value_parser(OsStringValueParser::new())
        .allow_hyphen_values(true)
}

/// An option whose default is used for an empty value or `0`, too.
fn text(name: &'static str, shown: &'static str, default: &'static str) -> Arg {
    value(name, shown).value_parser(OrDefault(OsStringValueParser::new())).default_value(default)
}

/// An integer option whose default is used for 0, too.
fn number(name: &'static str, shown: &'static str) -> Arg {
    value(name, shown).value_parser(OrDefault(value_parser!(i64)))
}

/// Parses the option's default in place of what Perl holds for false.
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
        let falsy = value.is_empty() || value == "0";
        let value = default.filter(|_| falsy).map_or(value, |default| default.as_ref());
        self.0.parse_ref(command, arg, value)
    }
}
