//! `postgrey backup`: a copy that can be opened as it is.
//!
//! Root only creates the file, passes it on by its descriptor and gives it its
//! name. A child without root's rights writes it, so that nothing in the daemon's
//! directory is accessed with root's rights, even if it is replaced meanwhile.

use super::progress::for_each_record;
use super::{Error, Exit};
use crate::cli::Given;
use crate::cli::settings::ToolSettings;
use crate::daemon::privileges::Identity;
use crate::database::{self, Database, SharedLocation};
use crate::state::local::{Copy, FILE_NAME};
use crate::state::{SHARED_STATE_VARIABLE, Table};
use nix::fcntl::{OFlag, open, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, fchown, fsync, geteuid, mkstemp, unlink, unlinkat};
use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The room, in bytes, for the copy of a state whose size is unknown. Only what is used
/// takes place on the disk.
const UNKNOWN_SIZE: u64 = 16 << 30;

const STANDARD_OUTPUT: &str = "/proc/self/fd/1";

/// Copies to a file, or for `-` to standard output.
pub fn run(settings: &ToolSettings, target: &Path) -> Result<Exit, Error> {
    if target == Path::new("-") {
        return to_standard_output(settings);
    }
    let target = regular(target)?;
    refuse_database(&settings.dbdir.join(FILE_NAME), &target)?;
    let identity = Identity::look_up(&settings.user, &settings.group)?;
    let explain = |why: nix::Error| {
        Error::Access(format!("can't write {}: {}", target.display(), why.desc()))
    };
    let unfinished = Unfinished::create(&target).map_err(explain)?;
    if let Some((user, group)) = identity.owner() {
        fchown(&unfinished.file, Some(user), Some(group)).map_err(explain)?;
    }
    let file = unfinished.file.try_clone()?;
    let mut command = Command::new(database::program());
    command.args(["backup", "-"]);
    if let Some(SharedLocation { settings, .. }) = &settings.shared {
        command.env(SHARED_STATE_VARIABLE, settings.address.url());
        let authorities = settings.authorities.as_ref();
        command.args(authorities.map(|file| Given::new("shared-state-ca", file).word()));
    }
    let status = command
        .arg(Given::new("dbdir", &settings.dbdir).word())
        .arg(Given::new("user", &settings.user).word())
        .arg(Given::new("group", &settings.group).word())
        .stdin(Stdio::null())
        .stdout(file)
        .status()?;
    if !status.success() {
        return Err(Error::Reported);
    }
    unfinished.finish().map_err(explain)?;
    Ok(Exit::Done)
}

/// The path of a regular file, or of none so far: a link that the caller made is
/// followed.
fn regular(target: &Path) -> Result<PathBuf, Error> {
    let refuse = |what: &str| Err(Error::Usage(format!("{} {what}", target.display())));
    let Ok(link) = fs::symlink_metadata(target) else {
        return Ok(target.to_owned());
    };
    if link.is_symlink() && link.uid() != geteuid().as_raw() {
        return refuse("is a symbolic link of another user");
    }
    match fs::metadata(target) {
        Ok(metadata) if metadata.is_file() => Ok(target.canonicalize()?),
        Ok(_) => refuse("is not a regular file; - is standard output"),
        Err(_) => refuse("is a symbolic link to nothing"),
    }
}

fn refuse_database(database: &Path, target: &Path) -> Result<(), Error> {
    match (fs::metadata(database), fs::metadata(target)) {
        (Ok(left), Ok(right)) if (left.dev(), left.ino()) == (right.dev(), right.ino()) => {
            Err(Error::Usage(format!("{} is the database itself", target.display())))
        }
        _ => Ok(()),
    }
}

/// A file that does not have its name yet. It goes away with the value.
struct Unfinished {
    directory: OwnedFd,
    file: File,
    name: PathBuf,
    final_name: PathBuf,
    is_finished: bool,
}

impl Unfinished {
    fn create(target: &Path) -> Result<Unfinished, nix::Error> {
        let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let directory = open(parent, flags, Mode::empty())?;
        let final_name = PathBuf::from(target.file_name().ok_or(nix::Error::EISDIR)?);
        let mut name = final_name.clone().into_os_string();
        name.push(".new");
        let name = PathBuf::from(name);
        // Left by a backup that was killed; only the name is removed.
        let _ = unlinkat(&directory, &name, UnlinkatFlags::NoRemoveDir);
        let flags =
            OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file = openat(&directory, &name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
        Ok(Unfinished { directory, file: file.into(), name, final_name, is_finished: false })
    }

    /// Gives the file its name, once all is on disk.
    fn finish(mut self) -> Result<(), nix::Error> {
        fsync(&self.file)?;
        renameat(&self.directory, &self.name, &self.directory, &self.final_name)?;
        self.is_finished = true;
        fsync(&self.directory)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_finished {
            let _ = unlinkat(&self.directory, &self.name, UnlinkatFlags::NoRemoveDir);
        }
    }
}

fn to_standard_output(settings: &ToolSettings) -> Result<Exit, Error> {
    if io::stdout().is_terminal() {
        let what = "a database is not for a terminal: name a file, or redirect the output";
        return Err(Error::Usage(what.to_owned()));
    }
    Identity::look_up(&settings.user, &settings.group)?.assume_silently()?;
    let database = Database::open(&settings.location())?;
    database.require_all()?;
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let is_empty_file = output.metadata().is_ok_and(|file| file.is_file() && file.len() == 0);
    let reopened = OpenOptions::new().read(true).write(true).open(STANDARD_OUTPUT);
    if is_empty_file && reopened.is_ok() {
        write(&database, Path::new(STANDARD_OUTPUT))?;
    } else {
        through_temporary_file(&database, output)?;
    }
    Ok(Exit::Done)
}

/// LMDB writes in no order: a pipe gets the finished file.
fn through_temporary_file(database: &Database, mut output: File) -> Result<(), Error> {
    // Another user could create a file whose name can be guessed.
    let template = std::env::temp_dir().join("postgrey-backup-XXXXXX");
    let explain = |why: nix::Error| {
        Error::Access(format!("can't write {}: {}", template.display(), why.desc()))
    };
    let (file, path) = mkstemp(&template).map_err(explain)?;
    let mut file = File::from(file);
    let written = write(database, &path);
    unlink(&path).map_err(explain)?;
    written?;
    io::copy(&mut file, &mut output)?;
    Ok(output.flush()?)
}

fn write(database: &Database, path: &Path) -> Result<(), Error> {
    let bytes = database.totals()?.file.map_or(UNKNOWN_SIZE, |file| file.bytes);
    let mut copy = Copy::create(path, bytes, database.metadata())?;
    for_each_record(database, &Table::ALL, |table, key, text| Ok(copy.put(table, key, text)?))?;
    Ok(copy.finish()?)
}
