//! The table of commands and their words, from which parsing, help and manual
//! are made.

use crate::cli::settings::DEFAULTS_FILE;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgAction, Command};
use std::ffi::OsString;

pub(super) fn commands() -> Vec<Command> {
    let reading = [list(), show(), stats(), export(), backup(), check(), explain()];
    let writing = [forget(), allow(), clear(), import(), restore()];
    let controlling = [status(), reload(), config()];
    let commands = reading.into_iter().chain(writing).chain(controlling);
    commands.map(with_common_options).collect()
}

fn list() -> Command {
    command("list", "print the entries of the database", "[OPTIONS]").args([
        value("client", "WHO").help(
            "those of this client, or of its network, by address; or of a registered domain like \
             example.com, where clients are told by domain",
        ),
        value("network", "NETWORK").help("those of clients in a network like 192.0.2.0/24"),
        value("sender", "WHO").help("those of this sender, user@domain or a whole domain"),
        value("recipient", "WHO").help("those of this recipient, likewise"),
        choice("state", "STATE", &["waiting", "passed", "expired"]).help(
            "those that are waiting (deferred until the delay is over), passed (let through), or \
             expired (too old to count)",
        ),
        switch("clients").help(
            "the auto-whitelist's clients in place of the triplets; with --sender its pairs of \
             domains",
        ),
        choice("sort", "ORDER", &["key", "first", "last"]).default_value("key").help(
            "by key (client, sender, recipient), first (when first seen; of clients their \
             count) or last (when last seen)",
        ),
        switch("reverse").help("reverse the sort order"),
        value("limit", "NUMBER").help("print at most NUMBER entries"),
        file(),
        json(),
    ])
}

fn show() -> Command {
    let about = "show the stored state of a triplet or client and when it may pass";
    command("show", about, "[OPTIONS] CLIENT [SENDER RECIPIENT]")
        .args(triplet())
        .args([file(), json()])
}

fn forget() -> Command {
    let more = "delete a triplet, all of a client and its network or of a clients' domain, or all \
                 of a sender's domain with the pairs of domains that count its passes";
    let words = "CLIENT [SENDER RECIPIENT]\n       postgrey forget [CLIENT] --sender-domain=DOMAIN";
    let about = "delete the entries of a triplet, a client or a domain";
    command("forget", about, words).long_about(more).args(triplet()).args([
        sender_domain(),
        switch("client-only")
            .help("delete the client's entry on the auto-whitelist, not its network's triplets"),
        switch("dry-run").help("print the entries and delete nothing"),
    ])
}

fn clear() -> Command {
    command("clear", "delete all entries, after a question", "[OPTIONS]").arg(yes())
}

fn status() -> Command {
    let more = "print whether the daemon runs. The exit status is 0 if it runs, 3 if it does not \
                run, 4 if neither is certain";
    command("status", "print whether the daemon runs", "[OPTIONS]").long_about(more).arg(json())
}

fn reload() -> Command {
    let more = "let the running daemon read its lists again, as SIGHUP does";
    command("reload", "let the daemon read its lists again", "[OPTIONS]").long_about(more)
}

fn config() -> Command {
    let more = "print the daemon's settings that differ from the defaults, with the file and line \
                of each";
    let all = switch("all").help("print the defaults of the other options as well");
    command("config", "print the daemon's settings and where they come from", "[OPTIONS]")
        .long_about(more)
        .args([all, json()])
}

fn allow() -> Command {
    let more = "let a triplet, a client, the known pairs of a clients' domain, or the known triplets of \
                 a sender's domain pass at once; of both domains the pair, known or not";
    let words = "CLIENT [SENDER RECIPIENT]\n       postgrey allow [CLIENT] --sender-domain=DOMAIN";
    let about = "let a triplet, a client or a domain pass at once";
    command("allow", about, words).long_about(more).args(triplet()).arg(sender_domain())
}

fn stats() -> Command {
    let about = "count the entries, and what a running daemon did since it started";
    command("stats", about, "[OPTIONS]").args([file(), json()])
}

fn export() -> Command {
    command("export", "print the database as text that Berkeley DB's db_load reads", "[OPTIONS]")
        .args([
            switch("triplets").help("only the triplets, as db_load wants them for postgrey.db"),
            switch("clients")
                .help("only the clients, as db_load wants them for postgrey_clients.db"),
            json(),
        ])
}

fn import() -> Command {
    let about = "import the entries of postgrey 1, or of another program";
    command("import", about, "[OPTIONS]").arg(value("from", "PATH").help(
        "a directory or file of postgrey 1, text of db_dump or \"postgrey export\", or \
         tab-separated triplets of another program, see postgrey-migration(7); - is standard input \
         (default: --dbdir)",
    ))
}

fn restore() -> Command {
    let more = "replace all entries by those of a backup or of any other file that can be imported, \
                while the daemon runs or without it, after a question";
    command("restore", "replace all entries by those of a file", "[OPTIONS] FILE")
        .long_about(more)
        .args([
            word("FILE").required_unless_present("help").help("a backup, or the text of an export"),
            yes(),
        ])
}

/// The option of commands that can look into a copy.
fn file() -> Arg {
    value("file", "FILE").help("read a backup or the text of an export in place of the database")
}

fn backup() -> Command {
    let about = "copy the database to a file, with the daemon running or not";
    command("backup", about, "[OPTIONS] FILE").arg(
        word("FILE")
            .required_unless_present("help")
            .help("the file, replaced if it exists; - is standard output"),
    )
}

/// Without the options that all commands have, which the daemon has as well.
pub(super) fn check() -> Command {
    let more = "tell what is wrong or useless in the daemon's options and whitelists, by file \
                 and line, and what to write instead; or what the daemon would answer to a mail, \
                 and why, without writing anything; or whether the database is damaged. The exit \
                 status is 0 when nothing is wrong, 1 after warnings, 2 after errors";
    let words = "[OPTIONS OF THE DAEMON] [--json]\n       postgrey check --address=IP --sender=WHO \
                 --recipient=WHO [OPTIONS]\n       postgrey check --database [OPTIONS]";
    let about = "check options, lists or the database, or ask what a mail would get";
    command("check", about, words).long_about(more).args([
        defaults().help(
            "where POSTGREY_OPTS stands, which has the daemon's options unless some are given here",
        ),
        json(),
        value("address", "IP").help("ask about mail from this address"),
        value("client", "NAME").help("whose name is NAME (default: unknown)"),
        perhaps_empty("sender").help("with this sender; empty for bounces"),
        perhaps_empty("recipient").help("to this recipient"),
        switch("login").help("from a client that has logged in"),
        value("at", "TIME")
            .help("at this time: 2026-11-23 22:53, or seconds since 1970 (default: now)"),
        switch("database").help("read every page and every entry of the database instead"),
    ])
}

fn explain() -> Command {
    let more = "tell from a mail log why mail was delayed, from where it came how often, what that \
                 cost and how it ended; or sum up what greylisting did. Mail that a blacklist \
                 refused was not delayed and is left out";
    let about = "explain from a mail log why and how long mail was delayed";
    command("explain", about, "[OPTIONS] [FILE...]").long_about(more).args([
        word("FILE").num_args(0..).help(
            "logs of syslog, of journalctl -o short-iso or json, or of containers, perhaps \
             compressed; - is standard input (default: /var/log/mail.log or /var/log/maillog)",
        ),
        value("sender", "WHO").help("mail of this sender, user@domain or a whole domain"),
        value("recipient", "WHO").help("mail to this recipient, likewise"),
        value("client", "WHO").help("mail from this address, host or domain of hosts"),
        value("id", "QUEUEID").help("the mail with this queue id"),
        value("day", "DAY").help("only what happened on a day like 2026-11-25"),
        switch("summary").help("numbers of all mail in place of the story of each"),
        json(),
    ])
}

fn command(name: &'static str, about: &'static str, words: &str) -> Command {
    Command::new(name)
        .about(about)
        .override_usage(format!("postgrey {name} {words}").trim_end().to_owned())
        .disable_help_flag(true)
        .args_override_self(true)
}

pub(super) fn with_common_options(command: Command) -> Command {
    let has_defaults = command.get_arguments().any(|arg| arg.get_id() == "defaults");
    let defaults = (!has_defaults).then(|| {
        defaults().help("file with the daemon's POSTGREY_OPTS, which name database and user")
    });
    let config = value("config", "FILE").help("the daemon's --config file, in place of --defaults");
    command.args(defaults).args([
        config,
        value("dbdir", "PATH").help("directory of the database (default: the daemon's)"),
        value("user", "NAME").help("user to become when started by root (default: the daemon's)"),
        value("group", "NAME").help("groups to become with it (default: the daemon's)"),
        switch("help").short('h').help("show this help"),
    ])
}

fn defaults() -> Arg {
    value("defaults", "FILE").default_value(DEFAULTS_FILE)
}

fn yes() -> Arg {
    switch("yes").help("do not ask")
}

fn triplet() -> [Arg; 3] {
    [
        word("CLIENT").help("address of the client, or its registered domain like example.com"),
        word("SENDER").help("its sender; \"\" for bounces"),
        word("RECIPIENT").help("its recipient"),
    ]
}

fn sender_domain() -> Arg {
    value("sender-domain", "DOMAIN").help(
        "all with senders at this domain or below it, or with <> all bounces; with CLIENT only its \
         own",
    )
}

fn json() -> Arg {
    switch("json").help("print one JSON object a line instead")
}

fn switch(name: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue)
}

fn value(name: &'static str, shown: &'static str) -> Arg {
    word(name).long(name).value_name(shown)
}

/// A value out of a few, which completions offer.
fn choice(name: &'static str, shown: &'static str, values: &'static [&'static str]) -> Arg {
    let parser = PossibleValuesParser::new(values).map(OsString::from);
    value(name, shown).value_parser(parser)
}

/// A value that may be empty.
fn perhaps_empty(name: &'static str) -> Arg {
    value(name, "WHO")
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("")
        .allow_hyphen_values(true)
}

fn word(name: &'static str) -> Arg {
    Arg::new(name).value_name(name).value_parser(clap::value_parser!(OsString))
}
