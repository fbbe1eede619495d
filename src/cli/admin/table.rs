//! The table of commands and their words, from which parsing, help and manual
//! are made.

use crate::cli::flags::switch;
use crate::cli::settings::DEFAULTS_FILE;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, Command};
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
            "entries of this client address and its network; or of a registered domain like \
             example.com with --lookup-by-domain or --auto-whitelist-by=domain",
        ),
        value("network", "NETWORK").help("entries of clients in a network like 192.0.2.0/24"),
        value("sender", "WHO").help("entries of this sender, user@domain or a whole domain"),
        value("recipient", "WHO").help("entries of this recipient, user@domain or a whole domain"),
        choice("state", "STATE", &["waiting", "passed", "expired"]).help(
            "entries that are waiting (not accepted yet), passed, or expired (too old to count)",
        ),
        switch("clients").help(
            "list the clients of the auto-whitelist instead of triplets; with --sender its pairs \
             of domains",
        ),
        choice("sort", "ORDER", &["key", "first", "last"]).default_value("key").help(
            "sort by key (client, sender, recipient), first (first seen; with --clients the \
             number of passes) or last (last seen)",
        ),
        switch("reverse").help("reverse the sort order"),
        value("limit", "NUMBER").help("print at most NUMBER entries"),
        file(),
        json(),
    ])
}

fn show() -> Command {
    let about = "show the stored state of a triplet or client and when it may pass";
    let more = "show the stored state of a triplet or client and when it may pass, by --delay: if \
         --recipient-delays has another delay for the recipient, ask check --address";
    command("show", about, "[OPTIONS] CLIENT [SENDER RECIPIENT]")
        .long_about(more)
        .args(triplet())
        .args([file(), json()])
}

fn forget() -> Command {
    let more = "delete a triplet, all entries of a client and its network or of a client domain, or all \
         entries of a sender's domain, including its pairs of domains";
    let words = "CLIENT [SENDER RECIPIENT]\n       postgrey forget [CLIENT] --sender-domain=DOMAIN";
    let about = "delete the entries of a triplet, a client or a domain";
    command("forget", about, words).long_about(more).args(triplet()).args([
        sender_domain(),
        switch("client-only")
            .help("delete only the client on the auto-whitelist, not the triplets of its network"),
        switch("dry-run").help("print the entries and delete nothing"),
    ])
}

fn clear() -> Command {
    command("clear", "delete all entries after asking for confirmation", "[OPTIONS]").arg(yes())
}

fn status() -> Command {
    let more = "print whether the daemon runs. The exit status is 0 if it runs, 3 if it does not, 4 if \
         that is unknown";
    command("status", "print whether the daemon runs", "[OPTIONS]").long_about(more).arg(json())
}

fn reload() -> Command {
    let more = "let the running daemon read its lists again, as SIGHUP does; its log has the invalid \
         lines";
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
    let more = "let mail pass at once: of a triplet; of a client address; of all stored pairs of a client \
         domain; of all stored triplets of a sender domain; or of a pair of client domain and \
         sender domain, even before its first mail. An allowed entry lasts as long as any other: until it was not seen for --max-age \
         days";
    let words = "CLIENT [SENDER RECIPIENT]\n       postgrey allow [CLIENT] --sender-domain=DOMAIN";
    let about = "let a triplet, a client or a domain pass at once";
    command("allow", about, words).long_about(more).args(triplet()).arg(sender_domain())
}

fn stats() -> Command {
    let about = "print the number of entries and the statistics of a running daemon";
    command("stats", about, "[OPTIONS]").args([file(), json()])
}

fn export() -> Command {
    command("export", "print the database as text that Berkeley DB's db_load reads", "[OPTIONS]")
        .args([
            switch("triplets").help("only the triplets, for postgrey.db"),
            switch("clients").help("only the clients, for postgrey_clients.db"),
            json(),
        ])
}

fn import() -> Command {
    let about = "import the entries of postgrey 1, or of another program";
    command("import", about, "[OPTIONS]").arg(value("from", "PATH").help(
        "a directory or file of postgrey 1, a backup, text of db_dump or \"postgrey export\", or \
         tab-separated triplets of another program, see postgrey-migration(7); - is standard \
         input (default: --dbdir)",
    ))
}

fn restore() -> Command {
    let more = "replace all entries by those of a backup or of another file that can be imported, after \
         asking for confirmation; the daemon may be running or not";
    command("restore", "replace all entries by those of a file", "[OPTIONS] FILE")
        .long_about(more)
        .args([
            word("FILE").required_unless_present("help").help("a backup, or the text of an export"),
            yes(),
        ])
}

/// The option of commands that can look into a copy.
fn file() -> Arg {
    value("file", "FILE").help("read a backup or the text of an export instead of the database")
}

fn backup() -> Command {
    let about = "copy the database to a file; the daemon may be running or not";
    command("backup", about, "[OPTIONS] FILE").arg(
        word("FILE")
            .required_unless_present("help")
            .help("the file, replaced if it exists; - is standard output"),
    )
}

/// Without the options that all commands have, which the daemon has as well.
pub(super) fn check() -> Command {
    let more = "report wrong and useless settings in the daemon's options and lists with file, line and \
         what to write instead; or how the daemon would answer a mail, and why, without storing \
         anything; or damage in the database. The exit status is 0 if nothing is wrong, 1 after \
         warnings, 2 after errors";
    let words = "[OPTIONS OF THE DAEMON] [--json]\n       postgrey check --address=IP --sender=WHO \
                 --recipient=WHO [OPTIONS]\n       postgrey check --database [OPTIONS]";
    let about = "check options, lists or the database, or how a mail would be answered";
    command("check", about, words).long_about(more).args([
        defaults().help("file with POSTGREY_OPTS, used if no options are given here"),
        json(),
        value("address", "IP").help("address of the client that sends the mail"),
        value("client", "NAME").help("name of the client (default: unknown)"),
        perhaps_empty("sender").help("sender of the mail; empty for bounces"),
        perhaps_empty("recipient").help("recipient of the mail"),
        switch("login").help("the client is authenticated"),
        value("at", "TIME")
            .help("time of the mail: 2026-11-23 22:53, or seconds since 1970 (default: now)"),
        switch("database").help("check every page and every entry of the database"),
    ])
}

fn explain() -> Command {
    let more = "explain from a mail log why mail was delayed, with its attempts, their clients and the \
         outcome; or summarize what greylisting did. Mail that a blacklist refused is not shown";
    let about = "explain from a mail log why and how long mail was delayed";
    command("explain", about, "[OPTIONS] [SENDER] [FILE...]").long_about(more).args([
        word("FILE").num_args(0..).help(
            "logs of syslog, journalctl -o short-iso or json, or containers, also compressed; - \
             is standard input (default: /var/log/mail.log or /var/log/maillog)",
        ),
        value("sender", "WHO").help(
            "mail of this sender, user@domain or a whole domain; an address \
             in place of a FILE means the same",
        ),
        value("recipient", "WHO").help("mail to this recipient, user@domain or a whole domain"),
        value("client", "WHO").help("mail from this client address, host or domain of hosts"),
        value("id", "QUEUEID").help("the mail with this queue id"),
        value("day", "DAY").help("only mail of a day like 2026-11-25"),
        switch("summary").help("totals of all mail instead of each mail"),
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

/// Adds the options that all commands have, unless a command has one with another text.
pub(super) fn with_common_options(command: Command) -> Command {
    let has = |arg: &Arg| command.get_arguments().any(|own| own.get_id() == arg.get_id());
    let missing: Vec<Arg> = common_options().into_iter().filter(|arg| !has(arg)).collect();
    command.args(missing)
}

pub(in crate::cli) fn common_options() -> [Arg; 9] {
    [
        defaults().help("file with the daemon's POSTGREY_OPTS"),
        value("config", "FILE").help("the daemon's --config file, instead of --defaults"),
        value("dbdir", "PATH").help("directory of the database (default: the daemon's)"),
        value("shared-state", "URL").help("the shared state (default: the daemon's)"),
        value("shared-state-file", "FILE").help("file with the URL of --shared-state"),
        value("shared-state-ca", "FILE").help("certificate authorities for --shared-state"),
        value("user", "NAME").help("user to run as when started by root (default: the daemon's)"),
        value("group", "NAME").help("groups to set with --user (default: the daemon's)"),
        switch("help").short('h').help("show this help"),
    ]
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
        "all entries with senders in this domain or below it, or with <> all bounces; with CLIENT \
         only those of the client",
    )
}

fn json() -> Arg {
    switch("json").help("print one JSON object per line")
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
