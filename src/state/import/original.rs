//! The original's directory: its two databases and its log.

use super::Import;
use super::recover;
use super::work::WorkDirectory;
use super::{CLIENTS, TRIPLETS};
use crate::state::Table;
use crate::state::berkeley::{BerkeleyFile, OpenError, Visit, changes_pending};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Imports a directory of the original. If it was killed or still runs, its last
/// changes are only in its log: they are recovered in a copy.
pub fn read(directory: &Path, work: &WorkDirectory, import: &mut Import<'_>) {
    let place = current(directory, work).unwrap_or_else(|why| {
        import.remark(why);
        directory.to_owned()
    });
    for (table, name) in [(Table::Triplets, TRIPLETS), (Table::Clients, CLIENTS)] {
        match BerkeleyFile::open(&place.join(name)) {
            Ok(file) => read_file(&file, Some(table), &directory.join(name), import),
            Err(OpenError::Empty) => {}
            Err(OpenError::Io(error)) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => {
                let path = directory.join(name);
                import.remark(format!("nothing was imported from {}: it {error}", path.display()));
            }
        }
    }
}

/// Imports one file, and adds remarks about damage.
pub fn read_file(file: &BerkeleyFile, table: Option<Table>, name: &Path, import: &mut Import<'_>) {
    let summary = file.read(|step| match step {
        Visit::Row(key, value) => import.row(table, key, value),
        Visit::Leaf { done, of } => (import.watch)(done, of),
    });
    if summary.is_damaged() {
        import.remark(format!(
            "{} is damaged: its other rows were imported, but {} pages and {} single rows could \
             not be read ({})",
            name.display(),
            summary.lost_pages,
            summary.lost_items,
            summary.notes.join("; ")
        ));
    }
}

/// Returns the directory if its databases have all changes, or else that of a recovered
/// copy.
fn current(directory: &Path, work: &WorkDirectory) -> Result<PathBuf, String> {
    let shown = directory.display();
    let files = [TRIPLETS, CLIENTS].into_iter();
    let opened = files.filter_map(|name| BerkeleyFile::open(&directory.join(name)).ok());
    let newest = opened.map(|file| file.newest_change()).max().unwrap_or_default();
    let pending = changes_pending(directory, newest);
    if !pending.map_err(|error| format!("can't read the log of {shown}: {error}"))? {
        return Ok(directory.to_owned());
    }
    recover::copy(directory, work.path(), recover::PROGRAMS).map_err(|why| {
        format!(
            "the last changes of the original are only in {shown}/log.*, because it was killed \
             or still runs, and could not be recovered: {why}; to import them, stop it, run \
             \"db5.3_recover -h {shown}\" and then \"postgrey import --from={shown}\""
        )
    })
}
