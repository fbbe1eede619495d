//! The pid file (BEHAVIOUR C3).
//!
//! It belongs to root and stays so: start-stop-daemon refuses to signal by a
//! file that the daemon's own user could have changed.

use super::{Failure, Log, Severity, errno};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::kill;
use nix::unistd::{Pid, getpid};
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Bytes that are read of a pid file; a number and a newline are shorter.
const MAX_LENGTH: u64 = 64;

/// A pid file that this process wrote.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    Nothing,
    /// A file of a process that is gone.
    Stale,
}

/// Checks for the pid file of a living process.
pub fn check(path: &Path) -> Result<Earlier, Failure> {
    let shown = path.display();
    let content = match read(path) {
        Ok(content) => content,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Earlier::Nothing),
        // No daemon writes one, so that its target is not read.
        Err(error) if error.raw_os_error() == Some(Errno::ELOOP as i32) => {
            return Ok(Earlier::Stale);
        }
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            let text = format!("Couldn't open existent pid_file \"{shown}\": not a regular file");
            return Err(Failure::new(text).advise("remove it or name another with --pidfile"));
        }
        Err(error) => {
            let why = errno(&error);
            let text = format!("Couldn't open existent pid_file \"{shown}\" [{}]", why.desc());
            return Err(Failure::system(text, why));
        }
    };
    let digits = content.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 && !content.is_empty() {
        return Err(Failure::new(format!(
            "{shown}: Couldn't find pid in existent pid_file; remove it if no postgrey runs"
        )));
    }
    let number = std::str::from_utf8(&content[..digits]).ok().and_then(|text| text.parse().ok());
    let alive = number.filter(|number| {
        // Zero means our own process group. Our own number was left by an earlier
        // container, in which the daemon had the same.
        let pid = Pid::from_raw(*number);
        *number > 0 && pid != getpid() && kill(pid, None) != Err(Errno::ESRCH)
    });
    match alive {
        Some(number) => Err(Failure::new(format!(
            "Pid_file already exists for running process ({number})... aborting; \
             if that is not postgrey, remove {shown}"
        ))),
        None => Ok(Earlier::Stale),
    }
}

/// Reads the beginning of a regular file. The daemon's user may own its
/// directory: a FIFO there must not block root, a device must not be read without
/// end, and a link must not lead root to another file.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_NOFOLLOW;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    let kind = file.metadata()?.file_type();
    // Reading a directory fails with the reason.
    if !kind.is_file() && !kind.is_dir() {
        return Err(ErrorKind::InvalidInput.into());
    }
    let mut content = Vec::new();
    file.take(MAX_LENGTH).read_to_end(&mut content)?;
    Ok(content)
}

impl PidFile {
    /// Writes this process's number, in place of a stale file.
    pub fn write(path: &Path) -> Result<PidFile, Failure> {
        let write = || {
            match fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o644)
                .custom_flags(OFlag::O_NOFOLLOW.bits())
                .open(path)?
                .write_all(&line_of(std::process::id()))
        };
        match write() {
            Ok(()) => Ok(PidFile { path: path.to_path_buf() }),
            Err(error) => {
                let (why, shown) = (errno(&error), path.display());
                let text = format!("Couldn't open pid file \"{shown}\" [{}].", why.desc());
                Err(Failure::system(text, why))
            }
        }
    }

    /// Removes the file, where the daemon's user may and if it is still ours.
    pub fn remove(self, log: &mut Log) {
        let (shown, pid) = (self.path.display(), std::process::id());
        let line = match read(&self.path) {
            Ok(content) if content != line_of(pid) => {
                format!("Process {pid} doesn't own pid_file \"{shown}\". Can't remove it.")
            }
            Ok(_) => match fs::remove_file(&self.path) {
                Err(error) => format!("Couldn't unlink \"{shown}\" [{}]", errno(&error).desc()),
                Ok(()) => return,
            },
            // Another process has replaced it.
            Err(_) => return,
        };
        log.line(Severity::Warning, line);
    }
}

fn line_of(pid: u32) -> Vec<u8> {
    format!("{pid}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(content: &[u8]) -> Result<Earlier, String> {
        let name = format!("postgrey-pidfile-{}-{:p}", std::process::id(), content);
        let path = std::env::temp_dir().join(name);
        fs::write(&path, content).unwrap();
        let result = check(&path).map_err(|failure| failure.to_string());
        fs::remove_file(&path).unwrap();
        result
    }

    #[test]
    fn the_file_of_a_dead_process_is_stale() {
        for content in ["2147483646\n", "0", "99999999999", ""] {
            assert_eq!(checked(content.as_bytes()), Ok(Earlier::Stale), "{content}");
        }
    }

    #[test]
    fn the_file_of_a_living_process_is_respected() {
        let error = checked(b"1\n").unwrap_err();
        assert!(
            error.starts_with("Pid_file already exists for running process (1)... aborting"),
            "{error}"
        );
    }

    #[test]
    fn our_own_number_is_not_another_daemon_s() {
        assert_eq!(checked(&line_of(std::process::id())), Ok(Earlier::Stale));
    }

    #[test]
    fn a_file_without_a_number_is_not_overwritten() {
        for content in ["garbage", " 5", "-5"] {
            let error = checked(content.as_bytes()).unwrap_err();
            assert!(error.contains("Couldn't find pid in existent pid_file"), "{error}");
        }
    }

    #[test]
    fn a_missing_file_is_accepted() {
        assert_eq!(check(Path::new("/nonexistent/postgrey.pid")), Ok(Earlier::Nothing));
    }
}
