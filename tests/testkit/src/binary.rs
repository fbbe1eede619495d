//! The path of the binary under test.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, Permissions};
use std::hash::{Hash, Hasher};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The copies that all users may execute. Only root writes here.
const COPIES: &str = "/var/cache/postgrey-test/bin";

/// Our binary, at a path that each user may execute.
pub(crate) fn ours() -> PathBuf {
    static OURS: OnceLock<PathBuf> = OnceLock::new();
    OURS.get_or_init(|| {
        let binary = built();
        // Root's tests start it as other users, who cannot reach it below /root.
        if nix::unistd::geteuid().is_root() && !is_reachable(&binary) {
            return copy(&binary).unwrap_or_else(|error| panic!("a copy in {COPIES}: {error}"));
        }
        binary
    })
    .clone()
}

/// The binary that cargo built for the running test program. Cargo names it to
/// the tests of its own package only, hence it is looked for next to them.
fn built() -> PathBuf {
    let program = std::env::current_exe().expect("the path of the test program");
    let directory = program.ancestors().nth(2).expect("cargo's target directory");
    directory.join("postgrey")
}

fn is_reachable(binary: &Path) -> bool {
    let mut directories = binary.ancestors().skip(1);
    directories.all(|it| fs::metadata(it).is_ok_and(|it| it.permissions().mode() & 0o001 != 0))
}

/// Copies the binary, one copy for each place that cargo builds in.
fn copy(binary: &Path) -> io::Result<PathBuf> {
    let mut place = DefaultHasher::new();
    binary.hash(&mut place);
    let directory = Path::new(COPIES).join(format!("{:x}", place.finish()));
    fs::create_dir_all(&directory)?;
    // Renamed when whole: other test programs may be running it.
    let draft = directory.join(std::process::id().to_string());
    let copy = directory.join("postgrey");
    fs::copy(binary, &draft)?;
    fs::set_permissions(&draft, Permissions::from_mode(0o755))?;
    fs::rename(draft, &copy)?;
    Ok(copy)
}
