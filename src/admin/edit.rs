//! `postgrey forget` and `postgrey allow`: changes, by the running daemon where
//! there is one.

use super::daemon::Daemon;
use super::progress::Progress;
use super::text::grouped;
use super::view::View;
use super::{Outcome, Trouble};
use crate::cli::admin::{Filter, Subject};
use crate::daemon::{DirectoryLock, clock};
use crate::greylist::edit::{self, Change, Edit};
use crate::greylist::{self, State, triplet};
use crate::protocol::control::{LONGEST, MOST_EDITS};
use crate::store::Notes;
use crate::store::lmdb::{Store, Table};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

/// Makes the change to all entries that are meant, and says to how many.
pub fn run(
    directory: &Path,
    subject: &Subject,
    change: Change,
    out: &mut impl Write,
) -> Result<Outcome, Trouble> {
    let view = View::open(directory)?;
    let edits = edits(&view, subject, &change)?;
    let notes = view.reader.notes()?;
    // Before the file is opened for writing: LMDB bears it only once a process.
    drop(view);
    let mut editor = Editor::open(directory, notes)?;
    let mut progress = Progress::new(edits.len());
    let mut changed = 0;
    for batch in batches(&edits) {
        changed += editor.edit(batch)?;
        progress.advance(batch.len());
    }
    drop(progress);
    if changed == 0 {
        return Ok(Outcome::NothingMatched);
    }
    let verb = if change == Change::Allow { "allowed" } else { "forgot" };
    let noun = if changed == 1 { "entry" } else { "entries" };
    writeln!(out, "{verb} {} {noun}", grouped(changed as u64))?;
    out.flush()?;
    Ok(Outcome::Done)
}

/// Edits of one request. The daemon takes more, but mail waits for the commit:
/// each edit changes a page of its own, which costs some 30 microseconds.
const FEW: usize = MOST_EDITS / 4;

/// The edits in parts that the daemon takes at once.
pub(super) fn batches(edits: &[Edit]) -> impl Iterator<Item = &[Edit]> {
    // A byte of a key may take four in a request.
    let most_bytes = LONGEST / 5;
    let mut bytes = 0;
    let mut number = 0;
    edits.chunk_by(move |edit, next| {
        bytes += edit.key.len() + 32;
        number += 1;
        let fits = number < FEW && bytes + next.key.len() < most_bytes;
        if !fits {
            (bytes, number) = (0, 0);
        }
        fits
    })
}

fn edits(view: &View, subject: &Subject, change: &Change) -> Result<Vec<Edit>, Trouble> {
    let policy = &view.policy;
    let edit = |table, key| Edit { table, key, change: change.clone() };
    let mut filter = Filter::default();
    let mut edits = Vec::new();
    match subject {
        Subject::Triplet { client, sender, recipient } => {
            let key = triplet::key(policy, *client, sender, recipient);
            return Ok(vec![edit(Table::Triplets, key)]);
        }
        Subject::Client(client) => {
            edits.push(edit(Table::Clients, triplet::client_key(policy, *client)));
            if *change == Change::Allow && policy.auto_whitelist.is_none() {
                return Err(Trouble::Usage(
                    "the daemon runs without an auto-whitelist (--auto-whitelist-clients=0), so \
                     that no client can be put on it; use its whitelist of clients"
                        .to_owned(),
                ));
            }
            // Hashed triplets of a client cannot be found.
            if *change == Change::Allow || policy.privacy {
                return Ok(edits);
            }
            filter.client = Some(*client);
        }
        Subject::Senders(senders) => filter.sender = Some(senders.clone()),
    }
    view.select(Table::Triplets, &filter, |key, row| {
        if *change == Change::Forget || row.state() != State::Passed {
            edits.push(edit(Table::Triplets, key.to_vec()));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(edits)
}

/// Who writes.
enum Editor {
    /// The daemon, which alone may while it runs.
    Daemon(Daemon),
    /// This process, which keeps the daemon from starting meanwhile.
    Own(Box<(Store, DirectoryLock)>, Notes),
}

impl Editor {
    fn open(directory: &Path, notes: Notes) -> Result<Editor, Trouble> {
        let unheard = match Daemon::connect(directory) {
            Ok(daemon) => return Ok(Editor::Daemon(daemon)),
            Err(error) => error,
        };
        let lock = DirectoryLock::take(directory).map_err(|failure| {
            Trouble::Access(format!(
                "{failure}; a daemon that runs there can't be asked, either: {unheard}"
            ))
        })?;
        let store = Store::open(directory, notes.clone())?;
        Ok(Editor::Own(Box::new((store, lock)), notes))
    }

    /// Makes changes; gives how many of them changed anything.
    fn edit(&mut self, edits: &[Edit]) -> Result<usize, Trouble> {
        match self {
            Editor::Daemon(daemon) => daemon.edit(edits),
            Editor::Own(own, notes) => {
                let mut turn = own.0.begin();
                let policy = greylist::policy(notes);
                let changed = edit::apply_all(&policy, edits, &mut turn, clock::now())?;
                turn.commit()?;
                Ok(changed)
            }
        }
    }
}
