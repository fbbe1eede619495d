//! The administrator's commands in postgrey(8).

use clap::Command;

use super::{example, item, options, text};
use crate::cli::admin;
use crate::cli::man::Block;

/// Options that all commands have.
const COMMON: [&str; 4] = ["dbdir", "user", "group", "help"];

/// The section on the commands.
pub(super) fn section() -> Vec<Block> {
    let commands = admin::commands();
    let mut blocks = vec![
        Block::Section("COMMANDS"),
        text(
            "With a command as its first word, postgrey looks into the database of a daemon, \
             whether that runs or not. Changes are made by the daemon if it runs. Root becomes \
             --user before anything is opened. Times are those of the local zone; in JSON they \
             are in seconds since 1970. Entries are waiting while they are deferred until the \
             delay is over, passed when mail goes through, and expired when they count no more \
             and the next clean-up deletes them.",
        ),
        text(
            "The exit status is 0 when it is done, 1 when no entry matched, 2 when the words make \
             no sense, and 3 when the database or the daemon could not be used. Every command \
             takes these options:",
        ),
    ];
    let of_first = commands.first().into_iter().flat_map(Command::get_arguments);
    let common = of_first.filter(|arg| COMMON.contains(&arg.get_id().as_str()));
    blocks.extend(common.map(options::one));
    blocks.extend(commands.iter().flat_map(command));
    blocks.push(Block::Subsection("The other programs".to_owned()));
    blocks.push(item("postgrey report", "is postgreyreport(1)."));
    blocks.push(item("postgrey policy-test", "is policy-test(8)."));
    blocks.push(item("postgrey opensmtpd-filter", "is described under OPENSMTPD."));
    blocks
}

/// A command, with the options that it alone has.
fn command(command: &Command) -> Vec<Block> {
    let usage = command.clone().render_usage().to_string();
    let calls = usage.strip_prefix("Usage: ").unwrap_or(&usage);
    let about = command.get_long_about().or(command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let mut blocks = vec![Block::Subsection(format!("postgrey {}", command.get_name()))];
    blocks.extend(calls.lines().map(|call| text(call.trim())));
    blocks.push(text(&options::sentence(&about)));
    let own = command.get_arguments().filter(|arg| !COMMON.contains(&arg.get_id().as_str()));
    blocks.extend(own.map(options::one));
    blocks
}

/// What an administrator types most.
pub(super) fn examples() -> [Block; 8] {
    [
        text("See what waits from a domain, and what the daemon did since it started:"),
        example("postgrey list --state=waiting --sender=example.com\npostgrey stats"),
        text("Find out why a mail was delayed, and what would become of it now:"),
        example(
            "postgrey explain --sender=alice@example.com\n\
             postgrey show 192.0.2.7 alice@example.com bob@example.org\n\
             postgrey check --address=192.0.2.7 --client=mx.example.com \\\n    \
             --sender=alice@example.com --recipient=bob@example.org",
        ),
        text("Let it pass at once, or forget all mail of a domain:"),
        example(
            "postgrey allow 192.0.2.7 alice@example.com bob@example.org\n\
             postgrey forget --sender-domain=example.com",
        ),
        text("Check the daemon's options and lists, and the database, and keep a copy of that:"),
        example(
            "postgrey check\npostgrey check --database\npostgrey backup /var/backups/postgrey.mdb",
        ),
    ]
}
