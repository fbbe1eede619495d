//! `postgrey backup`: a copy that opens as it is.

use super::progress::Progress;
use super::{Error, Outcome};
use crate::cli::settings::Settings;
use crate::daemon::Failure;
use crate::daemon::privileges::Identity;
use crate::state::local::{Reader, Table, copy};
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

/// Copies. Root writes where root may, but reads as the daemon's user, to whom
/// the copy belongs.
pub fn run(settings: &Settings, target: &Path) -> Result<Outcome, Error> {
    let identity = Identity::look_up(&settings.user, &settings.group)?;
    let reader = identity.lend(|| {
        super::daemon::settle(&settings.dbdir);
        Reader::open(&settings.dbdir).map_err(|error| Failure::new(error.to_string()))
    })?;
    if is_same(reader.path(), target) {
        let path = target.display();
        return Err(Error::Usage(format!("{path} is the database itself")));
    }
    let rows = reader.count(Table::Triplets)? + reader.count(Table::Clients)?;
    let mut progress = Progress::new(rows);
    copy(
        &reader,
        target,
        |rows| progress.advance(rows),
        |file| match identity.owner() {
            Some((user, group)) => chown(file, Some(user.as_raw()), Some(group.as_raw())),
            None => Ok(()),
        },
    )?;
    Ok(Outcome::Done)
}

fn is_same(left: &Path, right: &Path) -> bool {
    match (fs::metadata(left), fs::metadata(right)) {
        (Ok(left), Ok(right)) => (left.dev(), left.ino()) == (right.dev(), right.ino()),
        _ => false,
    }
}
