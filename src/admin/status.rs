//! `postgrey status` and `postgrey reload`: the daemon as a service.

use super::rights::Rights;
use super::text::moment;
use super::{Error, Exit, Output};
use crate::cli::admin::OutputFormat;
use crate::daemon::{DirectoryLock, clock, errno};
use crate::database::Connection;
use crate::json::Object;
use crate::session::control::ToolRequest;
use std::io::{self, Write};
use std::path::Path;

enum Status {
    Running {
        pid: i64,
        /// The time of its start, in seconds since the epoch.
        started: i64,
    },
    NotRunning,
    Unknown(String),
}

pub fn run(directory: &Path, rights: &Rights, out: &mut Output) -> Result<Exit, Error> {
    let status = match ask(directory) {
        Status::Unknown(why) => Status::Unknown(rights.advise(why)),
        status => status,
    };
    let shown = directory.display();
    match (out.format, &status) {
        (OutputFormat::Json, status) => object(directory, status).write(out)?,
        (_, Status::Running { pid, started }) => {
            let started = moment(*started, clock::now());
            writeln!(out, "postgrey is running: process {pid}, started {started}, {shown}")?;
        }
        (_, Status::NotRunning) => writeln!(out, "postgrey is not running, {shown}")?,
        (_, Status::Unknown(why)) => {
            writeln!(out, "the state of postgrey is unknown, {shown}: {why}")?;
        }
    }
    Ok(match status {
        Status::Running { .. } => Exit::Done,
        Status::NotRunning => Exit::NotRunning,
        Status::Unknown(_) => Exit::Unknown,
    })
}

pub fn reload(directory: &Path, out: &mut Output) -> Result<Exit, Error> {
    let asked = Connection::to_daemon(directory).and_then(|mut it| it.ask(&ToolRequest::Reload));
    match asked {
        Ok(reply) => drop(reply.map_err(Error::Access)?),
        Err(_) if is_free(directory) => {
            let shown = directory.display();
            return Err(Error::Access(format!("no daemon runs in {shown}; start it instead")));
        }
        Err(error) => {
            let why = reason(&error);
            return Err(Error::Access(format!("the running daemon cannot be asked: {why}")));
        }
    }
    writeln!(out, "the daemon reads its lists again; its log names invalid lines, if any")?;
    Ok(Exit::Done)
}

fn ask(directory: &Path) -> Status {
    let asked =
        Connection::to_daemon(directory).and_then(|mut it| it.ask(&ToolRequest::Statistics));
    let unheard = match asked {
        Ok(Ok(lines)) => return running(&lines),
        Ok(Err(why)) => why,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            "it has no postgrey.control, which postgrey 1.x lacks too".to_owned()
        }
        Err(error) => reason(&error),
    };
    match DirectoryLock::holder(directory) {
        Ok(None) => Status::NotRunning,
        Ok(Some(holder)) => Status::Unknown(format!("{holder} holds its lock; {unheard}")),
        Err(error) => Status::Unknown(reason(&error)),
    }
}

/// The system's words alone, or those of this program.
fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(_) => errno(error).desc().to_owned(),
        None => error.to_string(),
    }
}

fn is_free(directory: &Path) -> bool {
    matches!(DirectoryLock::holder(directory), Ok(None))
}

fn running(lines: &[String]) -> Status {
    let number = |name: &str| {
        let line = lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    Status::Running { pid: number("pid"), started: number("started") }
}

fn object(directory: &Path, status: &Status) -> Object {
    let object = Object::new().text("dbdir", directory.as_os_str().as_encoded_bytes());
    match status {
        Status::Running { pid, started } => {
            object.text("status", "running").number("pid", *pid).number("started", *started)
        }
        Status::NotRunning => object.text("status", "not running"),
        Status::Unknown(why) => object.text("status", "unknown").text("reason", why),
    }
}
