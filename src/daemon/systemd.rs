//! Notifications and sockets of systemd (sd_notify(3), sd_listen_fds(3)). Without
//! systemd nothing is done.

use nix::sys::stat::{FileStat, fstat};
use nix::unistd::Pid;
use sd_notify::NotifyState;
use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// Notifies that clients are served, after the start or a reload.
pub fn ready() {
    notify(&[NotifyState::Ready]);
}

/// Notifies that the lists are being reloaded.
pub fn reloading() {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        notify(&[NotifyState::Reloading, now]);
    }
}

pub fn stopping() {
    notify(&[NotifyState::Stopping]);
}

pub fn alive() {
    notify(&[NotifyState::Watchdog]);
}

/// Returns the interval in which to call [`alive`], half of systemd's, if the
/// watchdog is enabled. Must be called before
/// [`crate::daemon::Readiness::announce`].
///
/// The crate's function rejects the `WATCHDOG_PID` of another process, which with
/// `--daemonize` is the parent.
pub fn watchdog() -> Option<Duration> {
    let number = |name| env::var(name).ok()?.parse::<u64>().ok();
    let interval = number("WATCHDOG_USEC").filter(|microseconds| *microseconds > 0)?;
    let is_meant =
        |process: &str| [Pid::this(), Pid::parent()].iter().any(|own| own.to_string() == *process);
    match env::var("WATCHDOG_PID") {
        Ok(process) if !is_meant(&process) => None,
        _ => Some(Duration::from_micros(interval) / 2),
    }
}

/// Returns true if a stream leads to systemd's journal (`JOURNAL_STREAM` of
/// systemd.exec(5): device and inode).
pub fn is_journal(stream: &impl AsFd) -> bool {
    let Some(journal) = env::var_os("JOURNAL_STREAM") else {
        return false;
    };
    let is_it = |found: FileStat| *journal == *format!("{}:{}", found.st_dev, found.st_ino);
    fstat(stream).is_ok_and(is_it)
}

fn notify(states: &[NotifyState<'_>]) {
    if let Some(address) = env::var_os("NOTIFY_SOCKET") {
        // Without a listening service manager the daemon works as well.
        let _ = send(address.as_bytes(), states);
    }
}

/// Sends without waiting: the crate's own way waits for a service manager that
/// does not keep up, and mail would wait with it.
fn send(address: &[u8], states: &[NotifyState<'_>]) -> io::Result<()> {
    let address = match address {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        path => SocketAddr::from_pathname(OsStr::from_bytes(path))?,
    };
    let message: String = states.iter().map(|state| format!("{state}\n")).collect();
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.send_to_addr(message.as_bytes(), &address)?;
    Ok(())
}

/// The listening sockets that systemd hands over (`postgrey.socket`), with
/// their names (`FileDescriptorName=`). To be called once.
pub fn sockets() -> Vec<(OwnedFd, String)> {
    let Ok(descriptors) = sd_notify::listen_fds_with_names() else {
        return Vec::new();
    };
    descriptors
        .map(|(descriptor, name)| {
            // SAFETY: systemd opened these descriptors for the process with the number
            // LISTEN_PID, and no other code in it owns them. After a fork, which closes
            // them, the number differs and none are returned.
            #[allow(unsafe_code)]
            let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
            (descriptor, name)
        })
        .collect()
}
