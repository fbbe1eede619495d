//! The name under which `ps` shows the daemon.
//!
//! The original is `postgrey` and its options there, without a path
//! (BEHAVIOUR C2), and people look for that with pgrep. The first word of a
//! command line can only be chosen when a program is executed, so the program
//! executes itself once more. That is also how a password leaves the command line.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

const TITLE: &str = "postgrey";

/// Arguments without a secret, and the environment variable that has it instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hidden {
    pub words: Vec<OsString>,
    pub variable: &'static str,
    pub secret: OsString,
}

/// Executes the program again under its short name, if it was not started by it or
/// has something to hide. Returns only when there is nothing to do or no way to do it.
pub fn shorten(hidden: Option<Hidden>) {
    let mut words = env::args_os();
    let is_short = words.next().is_none_or(|first| first == TITLE);
    let Ok(program) = env::current_exe() else {
        return;
    };
    let mut command = Command::new(program);
    command.arg0(TITLE);
    match hidden {
        Some(Hidden { words, variable, secret }) => command.args(words).env(variable, secret),
        None if is_short => return,
        None => command.args(words),
    };
    // An error leaves the long title, which does no harm.
    let _ = command.exec();
}
