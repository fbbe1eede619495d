//! The confirmation of a command that deletes everything.

use super::Error;
use crate::cli::admin::Consent;
use std::io::{self, BufRead, IsTerminal, Write};

/// Asks for confirmation, unless the command line has given it.
pub fn ask(consent: Consent, what: &str) -> Result<(), Error> {
    if consent == Consent::Given {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Error::Usage(format!("refusing to {what} without --yes")));
    }
    write!(io::stderr(), "{what}? [y/N] ")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        Ok(())
    } else {
        Err(Error::Usage("nothing was changed".to_owned()))
    }
}
