//! The administrator's commands in postgrey(8).

use clap::{Arg, Command};

use super::{options, text};
use crate::cli::admin;
use crate::cli::man::Block;

/// The options that all commands have, and each command.
pub(super) fn all() -> Vec<Block> {
    let common = admin::common_options();
    let commands = admin::commands();
    common.iter().map(one).chain(commands.iter().flat_map(command)).collect()
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
    let common = admin::common_options();
    // Of check, --defaults is the file that is checked.
    let is_common = |own: &Arg| {
        common.iter().any(|arg| arg.get_id() == own.get_id() && arg.get_help() == own.get_help())
    };
    let is_own = |arg: &&Arg| !is_common(arg);
    let own = command.get_arguments().filter(is_own);
    blocks.extend(own.map(one));
    blocks
}

fn one(arg: &Arg) -> Block {
    options::one(arg, &mut options::Texts::new())
}
