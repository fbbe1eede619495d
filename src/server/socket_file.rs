//! The file of a Unix-domain socket: made with its mode and owner in one step, since
//! the daemon's user may own the directory and replace the file at any time.

use crate::daemon::privileges::Identity;
use crate::daemon::{Failure, errno};
use mio::net::UnixListener;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{Mode, fchmod, umask};
use nix::unistd::{fchownat, geteuid};
use socket2::{Domain, SockAddr, Socket, Type};
use std::fs::{self, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Listens at a path with the rights of `identity`, or with root's if only root
/// may write to the directory.
pub fn bind(
    path: &Path,
    mode: u32,
    backlog: i32,
    identity: &Identity,
    explain: impl Fn(Errno) -> Failure,
) -> Result<(UnixListener, SocketFile), Failure> {
    let listen = || make_way(path).and_then(|()| listen(path, mode, backlog));
    let find = || SocketFile::of(path).map_err(|error| explain(errno(&error)));
    match identity.lend(|| Ok(listen()))? {
        Err(Errno::EACCES | Errno::EPERM | Errno::EROFS) if geteuid().is_root() => {
            let listener = listen().map_err(&explain)?;
            let file = find()?;
            file.give_to(identity).map_err(|error| {
                let (shown, why) = (path.display(), errno(&error));
                Failure::system(format!("Couldn't chown \"{shown}\" [{}]", why.desc()), why)
            })?;
            Ok((listener, file))
        }
        result => Ok((result.map_err(&explain)?, find()?)),
    }
}

fn listen(path: &Path, mode: u32, backlog: i32) -> Result<UnixListener, Errno> {
    let address = SockAddr::unix(path).map_err(|_| Errno::ENAMETOOLONG)?;
    let listen = || {
        let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
        // On Linux the file has the mode of the socket, here without the bits
        // that a change of owner clears. On other systems only the umask applies.
        let _ = fchmod(&socket, Mode::from_bits_truncate(mode & 0o1777));
        let usual = umask(Mode::from_bits_truncate(!mode & 0o777));
        let bound = socket.bind(&address);
        umask(usual);
        bound?;
        socket.listen(backlog)?;
        Ok(UnixListener::from_std(socket.into()))
    };
    listen().map_err(|error: io::Error| errno(&error))
}

/// Removes the stale socket of an earlier daemon; a socket in use stays
/// (BEHAVIOUR B3).
fn make_way(path: &Path) -> Result<(), Errno> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        // Without permission to look, creating it fails with the reason.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(Errno::EACCES),
        Err(_) => return Ok(()),
    };
    if metadata.is_dir() {
        return Err(Errno::EISDIR);
    }
    match knock(path).map_err(|error| errno(&error)) {
        // The socket is stale, or was removed meanwhile.
        Err(Errno::ECONNREFUSED | Errno::ENOENT) => {
            fs::remove_file(path).map_err(|error| errno(&error))
        }
        // In use, although its queue may be full or its type another.
        Ok(()) | Err(Errno::EAGAIN | Errno::EPROTOTYPE) => Err(Errno::EADDRINUSE),
        Err(why) => Err(why),
    }
}

/// Tries to connect, without waiting for a listener that is busy.
fn knock(path: &Path) -> io::Result<()> {
    let address = SockAddr::unix(path).map_err(|_| io::Error::from(Errno::ENAMETOOLONG))?;
    Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?.connect(&address)
}

/// The file of a socket, removed when it is dropped unless another program has
/// replaced it.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    device_and_inode: (u64, u64),
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<SocketFile> {
        let device_and_inode = identity(&fs::symlink_metadata(path)?);
        Ok(SocketFile { path: path.to_path_buf(), device_and_inode })
    }

    /// Gives a file of root to the daemon's user. It is opened first, and given
    /// away only if it is a socket of root's without another name.
    fn give_to(&self, owner: &Identity) -> io::Result<()> {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW;
        let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(&self.path)?;
        let metadata = file.metadata()?;
        let is_ours = metadata.file_type().is_socket()
            && identity(&metadata) == self.device_and_inode
            && metadata.uid() == geteuid().as_raw()
            && metadata.nlink() == 1;
        if !is_ours {
            return Err(Errno::EBADF.into());
        }
        let (user, group) = (Some(owner.user), Some(owner.group));
        Ok(fchownat(&file, "", user, group, AtFlags::AT_EMPTY_PATH)?)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let metadata = fs::symlink_metadata(&self.path);
        if metadata.is_ok_and(|metadata| identity(&metadata) == self.device_and_inode) {
            // A directory that belongs to root keeps the file, as with the
            // original; the next start replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}
