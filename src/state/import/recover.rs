//! Brings a copy of the original's databases up to date from its log, with
//! Berkeley DB's own program.

use super::{CLIENTS, TRIPLETS};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Programs that recover the directory in their last argument, best first.
pub const PROGRAMS: &[&[&str]] = &[
    &["/usr/bin/db5.3_recover", "-h"],
    &["/usr/bin/db_recover", "-h"],
    &["/usr/local/bin/db_recover-5.3", "-h"],
    &["/usr/local/bin/db_recover", "-h"],
    &["/usr/bin/perl", "-MBerkeleyDB", "-e", PERL],
];

/// The equivalent of `db_recover` with the Perl module that the original is built
/// on.
const PERL: &str = "exit !BerkeleyDB::Env->new(-Home => $ARGV[0], -Flags => DB_CREATE \
                    | DB_PRIVATE | DB_RECOVER | DB_INIT_TXN | DB_INIT_MPOOL | DB_INIT_LOG)";

/// The time limit. The log holds an hour's changes, which take less.
const TIMEOUT: Duration = Duration::from_secs(45);

/// Copies the databases and the log of a directory below `work`, recovers the
/// copy, and returns its directory.
pub fn copy(directory: &Path, work: &Path, programs: &[&[&str]]) -> Result<PathBuf, String> {
    let installed = programs.iter().filter(|program| Path::new(program[0]).exists());
    let mut failure = "neither db5.3_recover nor Perl's BerkeleyDB is installed \
                       (apt-get install db5.3-util)"
        .to_string();
    for (number, program) in installed.enumerate() {
        // Each starts with a new copy, because a failed one may have changed it.
        let home = work.join(format!("copy{number}"));
        copy_files(directory, &home).map_err(|error| format!("can't copy it: {error}"))?;
        match run(program, &home) {
            Ok(()) => return Ok(home),
            Err(why) => failure = format!("{} {why}", program[0]),
        }
        let _ = fs::remove_dir_all(&home);
    }
    Err(failure)
}

/// Copies the databases first: if the original is running, the log is then the
/// newer part.
fn copy_files(directory: &Path, home: &Path) -> io::Result<()> {
    fs::create_dir(home)?;
    for name in [TRIPLETS, CLIENTS] {
        match fs::copy(directory.join(name), home.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b"log.") {
            fs::copy(entry.path(), home.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn run(program: &[&str], home: &Path) -> Result<(), String> {
    let said = home.join("said");
    let status = File::create(&said).and_then(|stderr| {
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).arg(home).env_clear().current_dir(home);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        wait(&mut command)
    });
    match status {
        Ok(Some(status)) if status.success() => Ok(()),
        Ok(Some(status)) => Err(format!("failed ({status}): {}", first_line(&said))),
        Ok(None) => Err(format!("did not end within {} seconds", TIMEOUT.as_secs())),
        Err(error) => Err(format!("could not be run: {error}")),
    }
}

/// The program's status, or nothing if it was stopped because it took too long.
fn wait(command: &mut Command) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + TIMEOUT;
    let mut child = command.spawn()?;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(Duration::from_millis(10));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

fn first_line(path: &Path) -> String {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(200).read_to_end(&mut text));
    let text = String::from_utf8_lossy(&text);
    match (read, text.lines().next()) {
        (Ok(_), Some(line)) => line.to_string(),
        _ => "it reported no reason".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::berkeley::BerkeleyFile;
    use crate::state::import::work::WorkDirectory;

    /// The result for a directory with a log and these programs.
    fn outcome(name: &str, programs: &[&[&str]]) -> Result<(), String> {
        let directory =
            std::env::temp_dir().join(format!("postgrey-recover-{}-{name}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("log.0000000001"), "x").unwrap();
        let work = WorkDirectory::new(&directory).unwrap();
        let copy = copy(&directory, work.path(), programs);
        let copied = copy.as_ref().is_ok_and(|home| home.join("log.0000000001").exists());
        assert_eq!(copy.is_ok(), copied);
        drop(work);
        let left = fs::read_dir(&directory).unwrap().count();
        fs::remove_dir_all(&directory).unwrap();
        assert_eq!(left, 1, "it was tidied up");
        copy.map(drop)
    }

    #[test]
    fn the_first_program_that_can_do_it_does_it() {
        let programs: &[&[&str]] = &[&["/nowhere"], &["/bin/false"], &["/bin/true"]];
        assert_eq!(outcome("can", programs), Ok(()));
    }

    #[test]
    fn output_of_a_program_is_reported() {
        let why = outcome("says", &[&["/bin/sh", "-c", "echo broken >&2; exit 3"]]);
        assert_eq!(why, Err("/bin/sh failed (exit status: 3): broken".to_string()));
    }

    #[test]
    fn without_a_program_the_report_says_what_to_install() {
        let why = outcome("none", &[&["/nowhere"]]).unwrap_err();
        assert!(why.contains("apt-get install db5.3-util"), "{why}");
    }

    #[test]
    fn every_program_that_is_installed_recovers_what_a_killed_original_left() {
        let fixtures =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("src/state/berkeley/fixtures/original");
        let is_able = |program: &[&str]| {
            let test = Command::new(program[0]).args(["-MBerkeleyDB", "-e1"]).output();
            test.is_ok_and(|output| program[1] == "-h" || output.status.success())
        };
        for (number, program) in PROGRAMS.iter().enumerate().filter(|(_, p)| is_able(p)) {
            let name = format!("postgrey-recovered-{}-{number}", std::process::id());
            let directory = std::env::temp_dir().join(name);
            fs::create_dir(&directory).unwrap();
            fs::copy(fixtures.join("killed.db"), directory.join(TRIPLETS)).unwrap();
            let log = "log.0000000001";
            fs::copy(fixtures.join(log), directory.join(log)).unwrap();
            let work = WorkDirectory::new(&directory).unwrap();
            let home = copy(&directory, work.path(), &[program]).unwrap();
            let file = BerkeleyFile::open(&home.join(TRIPLETS)).unwrap();
            assert_eq!(file.read(|_| {}).rows, 2, "{program:?}");
            drop(work);
            fs::remove_dir_all(&directory).unwrap();
        }
    }
}
