//! A `/dev` that only one server sees, so that its log leads to the test.

use crate::namespace::Namespace;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// With what a server may need, and no `/dev/log`.
const PRIVATE_DEV: &str = "mount -t tmpfs -o mode=0755 tmpfs \"$1\"
    for name in null zero full random urandom; do
        touch \"$1/$name\"
        mount --bind \"/dev/$name\" \"$1/$name\"
    done
    mount --rbind \"$1\" /dev";

/// Makes a directory the `/dev` of a namespace. `None` where mounts are not allowed,
/// see [`Namespace::new`].
pub fn private_dev(directory: &Path) -> Option<Namespace> {
    Namespace::new(PRIVATE_DEV, &[directory])
}

/// Listens at `/dev/log` with a time limit for each line; also returns the path of
/// the socket outside of the namespace.
pub fn listen_to_log(namespace: &Namespace, patience: Duration) -> (UnixDatagram, PathBuf) {
    let path = namespace.path(Path::new("/dev/log"));
    let socket = UnixDatagram::bind(&path).expect("a socket in the private /dev");
    fs::set_permissions(&path, Permissions::from_mode(0o666)).expect("chmod");
    socket.set_read_timeout(Some(patience)).expect("a timeout");
    (socket, path)
}
