//! What systemd and the daemon tell each other (sd_notify(3), sd_listen_fds(3)).
//! Without systemd all of it does nothing.

use sd_notify::NotifyState;
use std::os::fd::{FromRawFd, OwnedFd};
use std::time::Duration;

/// Says that clients are served, for the first time or again after a reload.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Says that the lists are being read anew.
pub fn reloading() {
    if let Ok(now) = NotifyState::monotonic_usec_now() {
        tell(&[NotifyState::Reloading, now]);
    }
}

/// Says that the end has begun.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Says that the loop still turns.
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// How often [`alive`] should be said, if at all: twice in systemd's own
/// interval.
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|interval| interval / 2)
}

fn tell(states: &[NotifyState<'_>]) {
    // A service manager that does not listen is no reason to do less.
    let _ = sd_notify::notify(states);
}

/// The listening sockets that systemd hands over (`postgrey.socket`). To be
/// called once.
pub fn sockets() -> Vec<OwnedFd> {
    let Ok(descriptors) = sd_notify::listen_fds() else {
        return Vec::new();
    };
    descriptors
        .map(|descriptor| {
            // SAFETY: systemd opened these descriptors for this process alone,
            // and nothing else in it has taken them.
            #[allow(unsafe_code)]
            unsafe {
                OwnedFd::from_raw_fd(descriptor)
            }
        })
        .collect()
}
