//! The daemon's listeners, database directory and user: invalid values, and
//! sockets that the mail server cannot open.

use super::finding::Finding;
use crate::cli::{Listen, Options, Smtp};
use crate::daemon::endpoint::{Endpoint, Place};
use crate::daemon::privileges::Identity;
use std::fs;
use std::io::ErrorKind;

/// The longest path of a socket in bytes (unix(7)).
const LONGEST: usize = 107;

/// The permissions that the group and others need to use a socket.
const WRITE: [u32; 2] = [0o020, 0o002];

pub fn lint(options: &Options) -> Vec<Finding> {
    let Options { listen, milter, smtp, metrics, .. } = options;
    let of_policy = match listen {
        Some(Listen::Unix { .. }) => "--unix",
        _ => "--inet",
    };
    let places = [(of_policy, listen), ("--milter", milter), ("--metrics", metrics)];
    let of_smtp = smtp.as_ref().map(places_of_smtp).unwrap_or_default();
    let places: Vec<(&str, &Listen)> = places
        .into_iter()
        .filter_map(|(option, place)| Some((option, place.as_ref()?)))
        .chain(of_smtp.iter().map(|(option, place)| (*option, place)))
        .collect();
    let mut findings = Vec::new();
    for (index, (option, place)) in places.iter().enumerate() {
        findings.extend(impossible(option, place));
        let before = &places[..index];
        if let Some((other, _)) = before.iter().find(|(_, other)| is_same(place, other)) {
            let problem = format!("{option} and {other} name the same place");
            findings.push(Finding::error("same-place", problem, "give each a place of its own"));
        }
    }
    if let Some(Listen::Unix { mode, .. }) = milter {
        findings.extend(unusable(*mode));
    }
    findings.extend(no_user(options).into_iter().chain(no_database(options)));
    findings
}

/// The places of the proxy, and that of the mail server, which is another.
fn places_of_smtp(smtp: &Smtp) -> Vec<(&'static str, Listen)> {
    let listen = smtp.listen.iter().map(|place| ("--smtp", Listen::Inet(place.to_string())));
    let backend = match &smtp.backend {
        Place::Inet(place) => Listen::Inet(place.to_string()),
        Place::Unix(path) => Listen::Unix { path: path.clone(), mode: 0 },
    };
    listen.chain([("--smtp-backend", backend)]).collect()
}

fn is_same(one: &Listen, other: &Listen) -> bool {
    match (one, other) {
        (Listen::Unix { path: one, .. }, Listen::Unix { path: other, .. }) => one == other,
        (Listen::Inet(one), Listen::Inet(other)) => {
            let endpoints = (Endpoint::parse(one), Endpoint::parse(other));
            matches!(endpoints, (Ok(one), Ok(other)) if one.meets(&other))
        }
        _ => false,
    }
}

/// A place that is invalid or does not exist yet.
fn impossible(option: &str, place: &Listen) -> Option<Finding> {
    match place {
        Listen::Inet(place) => {
            Endpoint::parse(place).err()?;
            let problem = format!("{option}={place} is not a valid port");
            Some(Finding::error("refused", problem, "write a port's number or HOST:PORT"))
        }
        Listen::Unix { path, .. } if path.as_os_str().len() > LONGEST => {
            let problem =
                format!("{option}: the path has more than the {LONGEST} bytes that a socket's can");
            Some(Finding::error("refused", problem, "write a shorter one"))
        }
        Listen::Unix { path, .. } => {
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty())?;
            // Directories in /run are created when a service starts.
            let is_of_service = ["/run", "/var/run"].iter().any(|run| directory.starts_with(run));
            if is_of_service || directory.is_dir() {
                return None;
            }
            let problem = format!("{option}: the directory {} does not exist", directory.display());
            Some(Finding::warning("no-directory", problem, "make it before the daemon starts"))
        }
    }
}

/// A user or group that does not exist.
fn no_user(Options { user, group, .. }: &Options) -> Option<Finding> {
    let failure = Identity::look_up(user, group).err()?;
    let (problem, fix) = failure.parts();
    Some(Finding::error("no-user", problem, fix))
}

/// A directory of the database that does not exist.
fn no_database(Options { dbdir, .. }: &Options) -> Option<Finding> {
    let why = match fs::metadata(dbdir) {
        Ok(found) if found.is_dir() => return None,
        Ok(_) => "is not a directory",
        Err(error) if error.kind() == ErrorKind::NotFound => "does not exist",
        Err(_) => return None,
    };
    let problem = format!("--dbdir: {} {why}", dbdir.display());
    Some(Finding::error(
        "no-database-directory",
        problem,
        "make it, as --user's own, before the start",
    ))
}

/// Permissions of the milter's socket with which no mail server can use it.
fn unusable(mode: u32) -> Option<Finding> {
    let [of_group, of_others] = WRITE.map(|bit| mode & bit != 0);
    if of_others {
        let problem = format!("--milter-socketmode={mode:04o} lets every user write to the socket");
        return Some(Finding::warning(
            "open-socket",
            problem,
            "write 0660: Sendmail refuses it otherwise",
        ));
    }
    if of_group {
        return None;
    }
    let problem = format!(
        "--milter-socketmode={mode:04o} lets only the daemon's user and root use the socket"
    );
    let fix = "write 0660, and name the mail server's group in --group";
    Some(Finding::warning("closed-socket", problem, fix))
}
