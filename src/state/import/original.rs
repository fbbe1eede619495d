//! The original's directory: its two databases and its log.

use super::Import;
use super::recover;
use super::work::WorkDirectory;
use super::{CLIENTS, TRIPLETS};
use crate::state::Table;
use crate::state::berkeley::{BerkeleyFile, Lsn, OpenError, Visit, changes_pending};
use std::io::ErrorKind;
use std::path::Path;

/// Imports a directory of the original. If it was killed or still runs, its last
/// changes are only in its log: they are recovered in a copy.
pub fn read(directory: &Path, work: &WorkDirectory, import: &mut Import<'_>) {
    let pending = changes_pending(directory, newest_change(directory));
    let recovered = match pending {
        Ok(false) => None,
        Ok(true) => match recover::copy(directory, work.path(), recover::PROGRAMS) {
            Ok(copy) => Some(copy),
            Err(why) => {
                import.remark(unrecovered(directory, &why));
                None
            }
        },
        Err(error) => {
            import.remark(format!("can't read the log of {}: {error}", directory.display()));
            None
        }
    };
    let place = recovered.as_deref().unwrap_or(directory);
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

fn newest_change(directory: &Path) -> Lsn {
    let files = [TRIPLETS, CLIENTS].into_iter();
    let opened = files.filter_map(|name| BerkeleyFile::open(&directory.join(name)).ok());
    opened.map(|file| file.newest_change()).max().unwrap_or_default()
}

fn unrecovered(directory: &Path, why: &str) -> String {
    let directory = directory.display();
    format!(
        "the last changes of the original are only in {directory}/log.*, because it was killed \
         or still runs, and could not be recovered: {why}; to import them, stop it, run \
         \"db5.3_recover -h {directory}\" and then \"postgrey import --from={directory}\""
    )
}
