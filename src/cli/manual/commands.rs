//! The administrator's commands in postgrey(8).

use clap::{Arg, Command};

use super::{options, text};
use crate::cli::admin;
use crate::cli::man::Block;

const COMMON: [&str; 9] = [
    "defaults",
    "config",
    "dbdir",
    "shared-state",
    "shared-state-file",
    "shared-state-ca",
    "user",
    "group",
    "help",
];

/// The options that all commands have, and each command.
pub(super) fn all() -> Vec<Block> {
    let commands = admin::commands();
    let of_first = commands.first().into_iter().flat_map(Command::get_arguments);
    let common = of_first.filter(|arg| COMMON.contains(&arg.get_id().as_str()));
    common.map(one).chain(commands.iter().flat_map(command)).collect()
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
    let is_own = |arg: &&Arg| {
        let id = arg.get_id().as_str();
        // Of check, it is the file that is checked.
        !COMMON.contains(&id) || id == "defaults" && command.get_name() == "check"
    };
    let own = command.get_arguments().filter(is_own);
    blocks.extend(own.map(one));
    blocks
}

fn one(arg: &Arg) -> Block {
    options::one(arg, &mut options::Texts::new())
}
