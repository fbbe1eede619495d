//! The user as which a command needs to run, for errors about missing rights.

use super::Error;
use crate::cli::settings::ToolSettings;
use crate::session::control::SOCKET_NAME;
use nix::errno::Errno;
use nix::unistd::{Uid, User, geteuid};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The user of a daemon that has no other.
const DEFAULT_USER: &str = "postgrey";

/// The users on whose rights the success of a command depends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// The user that called the command. Root becomes `user` to run it.
    caller: Uid,
    /// The name that `--user` gives.
    user: String,
    /// The owner of the daemon's directory, if it can be seen.
    owner: Option<Uid>,
}

impl Rights {
    /// The rights of a command that needs no daemon's directory.
    pub fn without_directory() -> Rights {
        Rights { caller: geteuid(), user: DEFAULT_USER.to_owned(), owner: None }
    }

    /// The rights of a command with these settings. Root looks before it becomes
    /// another user.
    pub fn of(settings: &ToolSettings) -> Rights {
        let owner = owner(&settings.dbdir);
        Rights { caller: geteuid(), user: settings.user.clone(), owner }
    }

    /// Replaces the advice of an error about missing rights, which is for the start of
    /// a daemon.
    pub fn explain(&self, error: Error) -> Error {
        match error {
            Error::Access(text) => Error::Access(self.advise(text)),
            error => error,
        }
    }

    /// Does the same with the text of an error.
    pub fn advise(&self, text: String) -> String {
        let denied = Errno::EACCES.desc();
        match (text.split_once(denied), self.advice()) {
            (Some((what, _)), Some(advice)) => format!("{what}{denied}; {advice}"),
            _ => text,
        }
    }

    /// What to do if rights are missing; `None` if another user would not help. Root is
    /// not advised to keep its rights, as the directory may be an attacker's.
    fn advice(&self) -> Option<String> {
        let Rights { caller, user, owner } = self;
        let is_caller = |owner: &Uid| !caller.is_root() && owner == caller;
        let other = owner.filter(|owner| Some(*owner) != number_of(user) && !is_caller(owner));
        Some(match (other, caller.is_root()) {
            (None, true) => return None,
            (None, false) => format!("run this as root or as the daemon's user ({user})"),
            (Some(owner), true) if owner.is_root() => {
                format!("the directory is root's, and this command runs as {user} (--user)")
            }
            (Some(owner), false) if owner.is_root() => "run this as root".to_owned(),
            (Some(owner), true) => {
                let owner = name_of(owner);
                format!("the directory is {owner}'s: run this with --user={owner}")
            }
            (Some(owner), false) => {
                let owner = name_of(owner);
                format!("run this as {owner}, or as root with --user={owner}")
            }
        })
    }
}

/// The owner of a running daemon's socket, or else of the directory. Links are not
/// followed.
fn owner(directory: &Path) -> Option<Uid> {
    let socket = directory.join(SOCKET_NAME);
    let found = fs::symlink_metadata(socket).or_else(|_| fs::symlink_metadata(directory));
    found.ok().map(|found| Uid::from_raw(found.uid()))
}

/// The number of a user given by name or number, as `--user` is.
fn number_of(user: &str) -> Option<Uid> {
    let number = user.parse().ok().map(Uid::from_raw);
    number.or_else(|| User::from_name(user).ok().flatten().map(|user| user.uid))
}

fn name_of(user: Uid) -> String {
    User::from_uid(user).ok().flatten().map_or_else(|| user.to_string(), |user| user.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_names_the_user_that_has_the_rights() {
        let [root, daemon, other] = [0, 1, 4_000_000_000].map(Uid::from_raw);
        let own = "run this as root or as the daemon's user (daemon)";
        let advised = |caller, owner| Rights { caller, user: "daemon".to_owned(), owner }.advice();
        for (caller, owner, advice) in [
            (root, None, ""),
            (root, Some(daemon), ""),
            (root, Some(root), "the directory is root's, and this command runs as daemon (--user)"),
            (root, Some(other), "the directory is 4000000000's: run this with --user=4000000000"),
            (other, None, own),
            (other, Some(daemon), own),
            (other, Some(other), own),
            (other, Some(root), "run this as root"),
            (daemon, Some(daemon), own),
            (daemon, Some(other), "run this as 4000000000, or as root with --user=4000000000"),
        ] {
            let advised = advised(caller, owner).unwrap_or_default();
            assert_eq!(advised, advice, "{caller} {owner:?}");
        }
    }

    #[test]
    fn only_advice_about_missing_rights_is_replaced() {
        let rights = Rights { caller: Uid::from_raw(1), user: "postgrey".to_owned(), owner: None };
        let advised = |text: &str| rights.advise(text.to_owned());
        assert_eq!(advised("a: No space left; b"), "a: No space left; b");
        assert_eq!(
            advised("a: Permission denied; chown it"),
            "a: Permission denied; run this as root or as the daemon's user (postgrey)"
        );
    }
}
