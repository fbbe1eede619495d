//! The database and the user of a tool: the daemon's settings, unless the command
//! line has others.

use super::defaults::{self, Defaults};
use super::{Given, Options};
use crate::database::{SharedLocation, StateLocation};
use crate::state::SHARED_STATE_VARIABLE;
use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

pub const DEFAULTS_FILE: &str = "/etc/default/postgrey";

/// The directory of a daemon without `--dbdir`.
const USUAL_DBDIR: &str = "/var/lib/postgrey";

/// The options on the command line of a tool that say which daemon is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolOptions {
    /// Directory of the database (`--dbdir`).
    pub dbdir: Option<PathBuf>,
    /// The daemon's user (`--user`).
    pub user: Option<String>,
    /// The daemon's groups (`--group`).
    pub group: Option<String>,
    /// The file with `POSTGREY_OPTS` (`--defaults`); [`DEFAULTS_FILE`] if empty.
    pub defaults: PathBuf,
    /// The daemon's configuration file (`--config`), read in place of it.
    pub config: Option<PathBuf>,
    /// Options of the shared state (`--shared-state` and others), as they are typed.
    pub shared: Vec<OsString>,
}

/// The settings that a tool shares with the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolSettings {
    pub dbdir: PathBuf,
    /// The shared state in place of the database, if there is one.
    pub shared: Option<SharedLocation>,
    pub user: String,
    pub group: String,
    /// The file that names the directory, if it is another than usual.
    pub source: Option<PathBuf>,
}

impl ToolOptions {
    /// Reads the daemon's settings.
    pub fn settings(&self) -> Result<ToolSettings, String> {
        let daemon = self.options();
        let daemon = match (daemon, &self.dbdir) {
            (Err(_), Some(_)) => self.built_in()?,
            (daemon, _) => daemon.map_err(|why| format!("{why}; or name --dbdir"))?,
        };
        let is_typed = !self.shared.is_empty() || env::var_os(SHARED_STATE_VARIABLE).is_some();
        // Another directory is another daemon's.
        let is_shared = is_typed || self.dbdir.is_none();
        let is_found = self.dbdir.is_none() && daemon.dbdir != Path::new(USUAL_DBDIR);
        Ok(ToolSettings {
            shared: daemon.shared_location(is_typed).filter(|_| is_shared),
            dbdir: self.dbdir.clone().unwrap_or(daemon.dbdir),
            user: self.user.clone().unwrap_or(daemon.user),
            group: self.group.clone().unwrap_or(daemon.group),
            source: is_found.then(|| self.file().to_owned()),
        })
    }

    /// The file that the daemon's options are read from.
    pub fn file(&self) -> &Path {
        match &self.config {
            Some(config) => config,
            None if self.defaults.as_os_str().is_empty() => Path::new(DEFAULTS_FILE),
            None => &self.defaults,
        }
    }

    /// The daemon's options as they would be typed.
    pub fn words(&self) -> Result<Vec<OsString>, String> {
        if let Some(config) = &self.config {
            return Ok(vec![Given::new("config", config).word()]);
        }
        let file = self.file();
        let defaults = match defaults::read(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Defaults::default()),
            defaults => defaults,
        };
        let explain = |error| {
            let why = crate::daemon::errno(&error).desc();
            format!("cannot read {}: {why}; name another file with --defaults", file.display())
        };
        defaults.map(|defaults| defaults.words()).map_err(explain)
    }

    /// The options of a daemon of which nothing is known but what is typed.
    fn built_in(&self) -> Result<Options, String> {
        options(self.shared.clone()).map_err(|error| error.message.replace("ERROR: ", ""))
    }

    fn options(&self) -> Result<Options, String> {
        let words = self.words()?.into_iter().chain(self.shared.clone()).collect();
        options(words).map_err(|error| {
            let why = error.message.replace("ERROR: ", "").replace('\n', "; ");
            format!(
                "cannot use the daemon's options in {}: {why}; postgrey check shows all errors",
                self.file().display()
            )
        })
    }
}

impl ToolSettings {
    /// The place of the state.
    pub fn location(&self) -> StateLocation {
        StateLocation { directory: self.dbdir.clone(), shared: self.shared.clone() }
    }
}

/// The options of a daemon, for tools that do not need its listeners.
fn options(mut words: Vec<OsString>) -> Result<Options, super::UsageError> {
    words.insert(0, "--inet=10023".into());
    super::options(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(name: &str, text: &str, place: ToolOptions) -> Result<ToolSettings, String> {
        let file = std::env::temp_dir().join(format!("postgrey-{name}-{}", std::process::id()));
        std::fs::write(&file, text).unwrap();
        let found = ToolOptions { defaults: file.clone(), ..place }.settings();
        std::fs::remove_file(&file).unwrap();
        found
    }

    #[test]
    fn a_tool_has_the_settings_of_the_daemon() {
        let text = "POSTGREY_OPTS=\"--inet=10023 --dbdir=/srv/greylist --user=mail --group=adm\"\n";
        let found = settings("all", text, ToolOptions::default()).unwrap();
        assert_eq!(found.dbdir, Path::new("/srv/greylist"));
        assert_eq!((found.user.as_str(), found.group.as_str()), ("mail", "adm"));
        assert!(found.source.is_some());
        // A daemon with nowhere to listen has a database as well.
        let found =
            settings("deaf", "POSTGREY_OPTS=--dbdir=/srv/a", ToolOptions::default()).unwrap();
        assert_eq!(found.dbdir, Path::new("/srv/a"));
    }

    #[test]
    fn the_command_line_of_a_tool_overrides_the_daemon_s() {
        let text = "POSTGREY_OPTS=\"--dbdir=/srv/greylist --user=mail\"\n";
        let place = ToolOptions { dbdir: Some("/tmp/x".into()), ..ToolOptions::default() };
        let found = settings("typed", text, place.clone()).unwrap();
        assert_eq!((found.dbdir, found.user), (PathBuf::from("/tmp/x"), "mail".to_owned()));
        assert_eq!(found.source, None);
        // With the database on the command line, invalid options do not matter.
        let found = settings("wrong", "POSTGREY_OPTS=--unknown", place).unwrap();
        assert_eq!(found.user, "postgrey");
        let error =
            settings("refused", "POSTGREY_OPTS=--unknown", ToolOptions::default()).unwrap_err();
        assert!(error.contains("cannot use the daemon's options"), "{error}");
    }

    #[test]
    fn without_a_file_the_usual_settings_hold() {
        let place =
            ToolOptions { defaults: "/nonexistent/postgrey".into(), ..ToolOptions::default() };
        let found = place.settings().unwrap();
        assert_eq!(found.dbdir, Path::new(USUAL_DBDIR));
        assert_eq!(found.source, None);
    }
}
