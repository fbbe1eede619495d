//! From root to the daemon's own user, for good.

use super::failure::Failure;
use super::{Log, Severity};
use caps::CapSet;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::{
    Gid, Group, Uid, User, getegid, geteuid, getgroups, setgid, setgroups, setresgid, setresuid,
    setuid,
};
use std::fmt;

/// The user that the package creates, the default of `--user` and `--group`.
const OWN_NAME: &str = "postgrey";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub user: Uid,
    /// The group, which is the first of the supplementary groups as well.
    pub group: Gid,
    /// All groups that `--group` names.
    pub groups: Vec<Gid>,
}

impl Identity {
    /// Looks up `--user` and `--group`: names or numbers, and for the group a
    /// list of them.
    ///
    /// Without a user `postgrey` on the machine, an ordinary user keeps its
    /// identity, which it could not change anyway.
    pub fn look_up(user: &str, group: &str) -> Result<Identity, Failure> {
        if !group.split([' ', ',']).all(can_be_a_name) {
            return Err(Failure::new(format!("Invalid group \"{group}\"")));
        }
        let groups = group.split([' ', ',']).map(look_up_group);
        let groups = groups.collect::<Result<Vec<Gid>, Failure>>()?;
        if !can_be_a_name(user) {
            return Err(Failure::new(format!("Invalid user \"{user}\"")));
        }
        let first = group.split([' ', ',']).next().unwrap_or(group);
        let command = format!("useradd --system --gid {first} {user}");
        Ok(Identity { user: look_up_user(user, &command)?, group: groups[0], groups })
    }

    /// Looks up a user with its primary group, for tools that only read.
    pub fn look_up_user(user: &str) -> Result<Identity, Failure> {
        let user = look_up_user(user, &format!("useradd --system {user}"))?;
        let group = User::from_uid(user).ok().flatten().map_or(Gid::current(), |user| user.gid);
        Ok(Identity { user, group, groups: vec![group] })
    }

    /// Returns a warning if this process, not being root's, cannot switch to this
    /// user (BEHAVIOUR H1).
    pub fn complaint(&self) -> Option<String> {
        let is_stuck = !geteuid().is_root() && self.user != Uid::current();
        is_stuck.then(|| not_permitted("uid", self.user))
    }

    /// Does some work with this user's rights for a while: an operation that only root
    /// may do must fail here, as it would fail later. A program that is run meanwhile
    /// cannot return to root.
    pub fn lend<T>(&self, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        if !geteuid().is_root() {
            return work();
        }
        let own_groups = getgroups().map_err(|why| refused("read the groups", why))?;
        let (root, own_group) = (Uid::from_raw(0), getegid());
        // Only the saved identity stays root's; exec discards it.
        setgroups(&self.groups)
            .and_then(|()| setresgid(self.group, self.group, own_group))
            .and_then(|()| setresuid(self.user, self.user, root))
            .map_err(|why| self.cannot_become(why))?;
        let result = work();
        setresuid(root, root, root)
            .and_then(|()| setresgid(own_group, own_group, own_group))
            .and_then(|()| setgroups(&own_groups))
            .map_err(|why| refused("become root again", why))?;
        result
    }

    /// Switches to this user permanently. Without the right to do so it logs the
    /// failures and continues, like the original (BEHAVIOUR B4).
    pub fn assume(&self, log: &mut Log) -> Result<(), Failure> {
        if geteuid().is_root() {
            let groups: Vec<String> = self.groups.iter().map(Gid::to_string).collect();
            let line = format!("Setting gid to \"{} {}\"", self.group, groups.join(" "));
            log.line(Severity::Notice, line);
            if !self.user.is_root() {
                log.line(Severity::Notice, format!("Setting uid to \"{}\"", self.user));
            }
        } else {
            let group = (self.group != Gid::current()).then(|| not_permitted("gid", self.group));
            for line in group.into_iter().chain(self.complaint()) {
                log.line(Severity::Warning, line);
            }
        }
        self.assume_silently()
    }

    /// Does the same without log lines, for tools.
    pub fn assume_silently(&self) -> Result<(), Failure> {
        if geteuid().is_root() {
            if !self.user.is_root() {
                // Needs root's rights, so it comes first. A sandbox may forbid
                // it; then no_new_privs alone keeps the set out of reach.
                let _ = caps::clear(None, CapSet::Bounding);
            }
            setgroups(&self.groups)
                .and_then(|()| setgid(self.group))
                .and_then(|()| if self.user.is_root() { Ok(()) } else { setuid(self.user) })
                .map_err(|why| self.cannot_become(why))?;
        }
        if !geteuid().is_root() {
            // A service manager can give capabilities to an ordinary user. The
            // sockets are bound, so they are no longer needed. Giving them up is
            // always permitted.
            for set in [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted]
            {
                let _ = caps::clear(None, set);
            }
        }
        // Programs executed by this process gain no rights. An old kernel without
        // this does no harm, since next to nothing is executed.
        let _ = prctl::set_no_new_privs();
        Ok(())
    }

    fn cannot_become(&self, why: Errno) -> Failure {
        refused(&format!("become uid \"{}\" and gid \"{}\"", self.user, self.group), why)
    }

    /// The owner of files that root creates for the daemon; `None` if the process
    /// cannot change owners.
    pub fn owner(&self) -> Option<(Uid, Gid)> {
        geteuid().is_root().then_some((self.user, self.group))
    }
}

fn not_permitted(kind: &str, id: impl fmt::Display) -> String {
    format!("Couldn't become {kind} \"{id}\": {}", Errno::EPERM.desc())
}

fn refused(what: &str, why: Errno) -> Failure {
    Failure::system(format!("Couldn't {what}: {}", why.desc()), why)
}

/// Returns true if the original accepts this as a name: it does not ask the
/// system about others (BEHAVIOUR B4).
fn can_be_a_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    !name.is_empty() && name.bytes().all(is_allowed)
}

/// `command` creates the user if it is missing.
fn look_up_user(name: &str, command: &str) -> Result<Uid, Failure> {
    let find = |name: &str| Ok(User::from_name(name)?.map(|user| user.uid));
    look_up("user", name, command, Uid::from_raw, find, Uid::current)
}

fn look_up_group(name: &str) -> Result<Gid, Failure> {
    let command = format!("groupadd --system {name}");
    let find = |name: &str| Ok(Group::from_name(name)?.map(|group| group.gid));
    look_up("group", name, &command, Gid::from_raw, find, Gid::current)
}

/// Looks up a name or a number. Without root's rights, this process is its own user.
fn look_up<I>(
    kind: &str,
    name: &str,
    command: &str,
    of_number: fn(u32) -> I,
    find: impl FnOnce(&str) -> nix::Result<Option<I>>,
    own: fn() -> I,
) -> Result<I, Failure> {
    if let Ok(number) = name.parse() {
        return Ok(of_number(number));
    }
    let found = find(name).map_err(|why| {
        Failure::system(format!("can't look up {kind} \"{name}\": {}", why.desc()), why)
    })?;
    match found {
        Some(found) => Ok(found),
        None if !geteuid().is_root() && name == OWN_NAME => Ok(own()),
        None => Err(Failure::new(format!("No such {kind} \"{name}\""))
            .advise(format!("create it with \"{command}\", or name another with --{kind}"))),
    }
}
