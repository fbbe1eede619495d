//! A temporary directory for one test.

use crate::watchdog;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory that is removed with the value, unless the test failed.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes an empty directory that everybody may enter and, when root runs
    /// the tests, that belongs to the user `postgrey`, as both programs expect.
    pub fn new() -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // A failed test of an earlier process of this number may have left its own.
        let numbers = (0..1000).map(|_| COUNT.fetch_add(1, Ordering::Relaxed));
        let name = |number| format!("postgrey-test-{}-{number}", std::process::id());
        let mut paths = numbers.map(|number| std::env::temp_dir().join(name(number)));
        let path = paths.find(|path| fs::create_dir(path).is_ok());
        let path = path.expect("a new temporary directory");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("chmod");
        let scratch = Scratch { path };
        watchdog::begin();
        scratch.give_away(&scratch.path);
        scratch
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory of the database, which may not exist yet.
    pub fn dbdir(&self) -> PathBuf {
        self.path.join("db")
    }

    /// The option that names it.
    pub fn dbdir_option(&self) -> String {
        format!("--dbdir={}", self.dbdir().display())
    }

    pub fn subdirectory(&self, name: &str) -> PathBuf {
        let path = self.path.join(name);
        fs::create_dir_all(&path).expect("a subdirectory");
        self.give_away(&path);
        path
    }

    /// Writes a file, and makes the directories above it.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path.join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(&path, content).expect("a file in the temporary directory");
        path
    }

    fn give_away(&self, path: &Path) {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        if let Ok(Some(user)) = nix::unistd::User::from_name("postgrey") {
            std::os::unix::fs::chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
                .expect("chown");
        }
    }
}

impl Default for Scratch {
    fn default() -> Scratch {
        Scratch::new()
    }
}

#[expect(clippy::print_stderr, reason = "where the traces of a failure are")]
impl Drop for Scratch {
    fn drop(&mut self) {
        watchdog::end();
        if std::thread::panicking() {
            eprintln!("left to look at: {}", self.path.display());
        } else {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}
