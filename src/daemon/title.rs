//! The name under which `ps` shows the daemon.
//!
//! The original is `postgrey` and its options there, without a path
//! (BEHAVIOUR C2), and people look for that with pgrep. The first word of a
//! command line can only be chosen when a program is executed, so the program
//! executes itself once more.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The name.
const TITLE: &str = "postgrey";

/// Executes the program again under its short name, if it was not started by
/// it. Returns only when there is nothing to do or no way to do it.
pub fn shorten() {
    let mut words = env::args_os();
    if words.next().is_none_or(|first| first == TITLE) {
        return;
    }
    if let Ok(program) = env::current_exe() {
        // An error leaves the long title, which does no harm.
        let _ = Command::new(program).arg0(TITLE).args(words).exec();
    }
}
