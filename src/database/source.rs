//! What a child opens, and the arguments that say so.

use crate::state::Metadata;
use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Directory(PathBuf),
    /// A directory whose lock the parent holds; the file is checked first.
    Locked(PathBuf),
    /// The same, after a daemon was killed: all of a large file is checked.
    LockedWhole(PathBuf),
    /// The file that is its standard output, with the name to show.
    File(PathBuf),
    /// The shared state whose URL is in the environment, as arguments are for all to see;
    /// with the metadata of servers that have none, and the file of authorities.
    Shared(Metadata, Option<PathBuf>),
}

/// The first argument of the process, not a command for users.
const WORD: &str = "database-server";

impl Source {
    pub fn arguments(&self) -> Vec<OsString> {
        let (kind, path) = match self {
            Source::Directory(path) => ("directory", path),
            Source::Locked(path) => ("locked", path),
            Source::LockedWhole(path) => ("locked-whole", path),
            Source::File(path) => ("file", path),
            Source::Shared(Metadata { keys, rules }, authorities) => {
                let words = [WORD, "shared", keys, rules].map(OsString::from);
                return words.into_iter().chain(authorities.clone().map(Into::into)).collect();
            }
        };
        vec![WORD.into(), kind.into(), path.into()]
    }

    /// Reads the arguments of such a process; `None` for those of any other.
    pub fn parse(arguments: &[OsString]) -> Option<Source> {
        let [word, kind, first, rest @ ..] = arguments else { return None };
        if word != WORD {
            return None;
        }
        Some(match kind.to_str()? {
            "directory" => Source::Directory(first.into()),
            "locked" => Source::Locked(first.into()),
            "locked-whole" => Source::LockedWhole(first.into()),
            "file" => Source::File(first.into()),
            "shared" => {
                let (keys, rules) =
                    (first.to_str()?.to_owned(), rest.first()?.to_str()?.to_owned());
                Source::Shared(Metadata { keys, rules }, rest.get(1).map(PathBuf::from))
            }
            _ => return None,
        })
    }
}
