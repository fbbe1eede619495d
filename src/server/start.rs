//! The order in which a daemon comes to life.
//!
//! Whatever can fail for a reason that the administrator can mend fails before
//! the first client is served, and leaves nothing behind.

use super::greylister::Greylister;
use super::listen;
use super::poll_loop::PollLoop;
use crate::cli::Options;
use crate::daemon::privileges::Identity;
use crate::daemon::{DirectoryLock, Failure, Log, Severity, Signals, clock, errno};
use crate::greylist::triplet;
use crate::store::lmdb::Store;
use crate::whitelist::Whitelists;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};

/// Serves until it is told to stop.
///
/// # Errors
/// When it cannot start, or when the system takes its loop away.
pub fn run(options: Options) -> Result<(), Failure> {
    let mut log = Log::to_stderr(options.verbosity);
    let result = serve(options, &mut log);
    log.flush();
    result
}

fn serve(options: Options, log: &mut Log) -> Result<(), Failure> {
    let (whitelists, warnings) = Whitelists::read(&options.whitelists);
    for warning in warnings {
        log.line(Severity::Warning, warning.to_string());
    }
    let (stamp, pid) = (clock::log_stamp(), std::process::id());
    let kind = "(type Net::Server::Multiplex)";
    log.line(
        Severity::Notice,
        format!("{stamp} postgrey {kind} starting! pid({pid})"),
    );

    let identity = Identity::look_up(&options.user, &options.group)?;
    let lock = DirectoryLock::take(&options.dbdir, identity.owner())?;
    let signals = Signals::register().map_err(|error| {
        let why = errno(&error);
        Failure::system(format!("can't take over signals: {}", why.desc()), why)
    })?;
    let listeners = listen::open(&options.listen, options.backlog, identity.owner(), log)?;
    allow_many_connections();
    identity.assume(log)?;
    umask(Mode::from_bits_truncate(0o077));

    let keys = triplet::description(&options.policy);
    let store = Store::open(&options.dbdir, &keys).map_err(|e| Failure::new(e.to_string()))?;
    log.flush();
    let greylister = Greylister::new(options.policy, whitelists);
    let mut poll_loop = PollLoop::new(listeners, signals, greylister, store, options.exim)
        .map_err(|error| {
            let why = errno(&error);
            Failure::system(format!("can't watch the sockets: {}", why.desc()), why)
        })?;
    poll_loop.run(log);
    log.line(
        Severity::Notice,
        format!("{} Server closing!", clock::log_stamp()),
    );
    drop(poll_loop);
    drop(lock);
    Ok(())
}

/// Each connection takes a descriptor, and the usual soft limit is for
/// programs of another kind. Where it cannot be raised it stays.
fn allow_many_connections() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}
