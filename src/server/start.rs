//! The start of the daemon.
//!
//! Whatever can fail for a reason that the administrator can remove fails before
//! the first client is served, is reported on the terminal, and leaves nothing
//! behind: a child without root's rights checks the database before any socket is
//! bound. The daemon itself opens it last, once it has given up root for good: the
//! file belongs to the daemon's user, and a damaged one can lead LMDB astray.

use super::acceptor::Acceptor;
use super::control::Control;
use super::engine::Engine;
use super::housekeeping::Housekeeping;
use super::listen::Opener;
use super::metrics::Metrics;
use super::poll_loop::{PollLoop, Service};
use super::proxy::Proxy;
use super::relay::Relay;
use super::size_limit::SizeLimit;
use super::smtp;
use crate::cli::Options;
use crate::daemon::pidfile::{self, Earlier, PidFile};
use crate::daemon::privileges::Identity;
use crate::daemon::signals;
use crate::daemon::{
    Detached, DirectoryLock, Failure, Log, Readiness, Severity, Signals, detach, errno, systemd,
};
use crate::database::Database;
use crate::dns::Servers;
use crate::greylist::{Metadata, Policy};
use crate::lists::{ListReader, Warning};
use crate::session::Protocol;
use crate::state::local::Store;
#[cfg(feature = "shared-state")]
use crate::state::shared::SharedBackend;
use crate::state::{Backend, Error, Lifetimes, import};
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};
use std::os::fd::OwnedFd;
use std::path::Path;

/// Serves until a signal stops it. In the process that went to the background
/// as well as in the one that the administrator started, the result is the
/// exit status.
pub fn run(options: Options) -> Result<u8, Failure> {
    signals::hold();
    let is_daemon = options.daemonize;
    let mut log = if is_daemon {
        Log::to_syslog(options.verbosity, options.log_format, options.facility.number())
    } else {
        Log::to_stderr(options.verbosity, options.log_format)
    };
    let result = start(options, &mut log);
    if let Err(failure) = &result {
        // The terminal hears of it as well; who started it may not look here.
        if is_daemon {
            log.line(Severity::Critical, format!("FATAL: {failure}"));
        }
    }
    log.flush();
    result
}

fn start(options: Options, log: &mut Log) -> Result<u8, Failure> {
    allow_many_connections()?;
    let identity = Identity::look_up(&options.user, &options.group)?;
    let mut lists = ListReader::new(options.lists.clone());
    lists.read_ahead();
    let (whitelists, warnings) = identity.lend(|| Ok(lists.read()))?;
    let earlier = options.pidfile.as_deref().map_or(Ok(Earlier::Nothing), pidfile::check)?;
    let mut readiness = None;
    if options.daemonize {
        match detach()? {
            Detached::Parent(status) => return Ok(status),
            Detached::Daemon(ready) => readiness = Some(ready),
        }
        log.line(Severity::Notice, "Process Backgrounded");
    }
    log_start(&options, &warnings, earlier, log);

    let (lock, control) = identity.lend(|| {
        let mut lock = DirectoryLock::take(&options.dbdir)?;
        if options.shared_state.is_none() {
            let checked = Database::check(&options.dbdir, lock.is_unchecked());
            checked.map_err(|error| Failure::new(error.to_string()))?;
            lock.set_checked();
        }
        Ok((lock, open_control(&options.dbdir, log)))
    })?;
    // From here on, no signal may end the process before it has cleaned up.
    let signals = Signals::register().map_err(|error| unwatchable(&error))?;
    // Mail comes last: a client that can ask about mail finds tools and metrics, too.
    let mut opener = Opener { backlog: options.backlog, identity: &identity, log };
    let metrics = options.metrics.as_ref().map(|place| opener.open(place).map(Metrics::new));
    let metrics = metrics.transpose()?;
    let (for_smtp, handed_over) = smtp::divide(systemd::sockets());
    let for_mail = [(Protocol::Policy, &options.listen), (Protocol::Milter, &options.milter)];
    let listeners = opener.open_for_mail(for_mail, handed_over)?;
    let proxy = open_proxy(&options, for_smtp, &mut opener)?;
    let pid_file = options.pidfile.as_deref().map(PidFile::write).transpose()?;
    // The pid file is for all to read; nothing that is made from here on is.
    umask(Mode::from_bits_truncate(0o077));
    let served = identity.assume(log).and_then(|()| {
        // Without root's rights, the files in --dbdir can do no harm.
        let (backend, failure) = open_backend(&options, log)?;
        let mut service = Service {
            acceptor: Acceptor::new(listeners),
            housekeeping: Housekeeping::new(
                lifetimes(&options.policy),
                SizeLimit::new(options.max_size),
            ),
            engine: Engine::new(options.policy, whitelists, options.log_format),
            backend,
            control,
            metrics,
            proxy,
            one_reply: options.exim,
            remote_test_time: options.remote_test_time,
        };
        if let Some(error) = failure {
            service.engine.report_failure(&error, log);
        }
        let poll_loop = PollLoop::new(service, lists, signals);
        serve(poll_loop.map_err(|error| unwatchable(&error))?, readiness, log);
        Ok(())
    });
    if let Some(file) = pid_file {
        file.remove(log);
    }
    served?;
    drop(lock);
    log.line_with_time(Severity::Notice, "Server closing!");
    Ok(0)
}

/// The original's first lines, and what is wrong with the lists.
fn log_start(options: &Options, warnings: &[Warning], earlier: Earlier, log: &mut Log) {
    if let (Earlier::Stale, Some(path)) = (earlier, &options.pidfile) {
        let path = path.display();
        let line = format!("Pid_file \"{path}\" already exists.  Overwriting!");
        log.line(Severity::Complaint, line);
    }
    for warning in warnings {
        log.line(Severity::Complaint, warning.to_string());
    }
    let pid = std::process::id();
    let line = format!("postgrey (type Net::Server::Multiplex) starting! pid({pid})");
    log.line_with_time(Severity::Notice, &line);
    if options.policy.is_dry_run {
        let line = "dry-run: all mail passes, and the log says what would be done (--noaction)";
        log.line(Severity::Warning, line);
    }
    // What follows may take its time: a database is opened, names are resolved.
    log.flush();
}

/// Opens the state; a shared one may fail at first.
fn open_backend(options: &Options, log: &mut Log) -> Result<OpenedBackend, Failure> {
    match &options.shared_state {
        #[cfg(feature = "shared-state")]
        Some(settings) => {
            let opened = SharedBackend::open(settings, &options.policy);
            let (shared, failure) = opened.map_err(|error| Failure::new(error.to_string()))?;
            log.line(Severity::Notice, format!("shared state: {}", settings.address));
            Ok((Box::new(shared), failure))
        }
        _ => {
            let store = open_database(options, log)?.writing_within(options.sync);
            Ok((Box::new(store), None))
        }
    }
}

/// Opens the socket of the tools, without which the daemon can serve mail.
fn open_control(dbdir: &Path, log: &mut Log) -> Option<Control> {
    let control = Control::open(dbdir);
    if let Err(error) = &control {
        let line = format!("can't open the socket of postgrey's tools in --dbdir: {error}");
        log.line(Severity::Warning, line);
    }
    control.ok()
}

/// A backend, and the failure that keeps it from being used at present.
type OpenedBackend = (Box<dyn Backend>, Option<Error>);

/// Opens the database, and logs the import of the original's.
fn open_database(options: &Options, log: &mut Log) -> Result<Store, Failure> {
    let notes = Metadata::of(&options.policy);
    let opened = import::open_or_import(&options.dbdir, &notes, &options.policy, &mut |_, _| {});
    let (store, report) = opened.map_err(|error| Failure::new(error.to_string()))?;
    if let Some(report) = report {
        log.line(Severity::Warning, report.to_string());
        for remark in &report.remarks {
            log.line(Severity::Warning, remark);
        }
    }
    Ok(store)
}

fn lifetimes(policy: &Policy) -> Lifetimes {
    let Policy { delay, retry_window, max_age, auto_whitelist, .. } = *policy;
    Lifetimes { max_age, retry_window, delay, clients: auto_whitelist.is_some() }
}

fn open_proxy(
    options: &Options,
    handed_over: Vec<OwnedFd>,
    opener: &mut Opener<'_>,
) -> Result<Option<Proxy>, Failure> {
    let Some(wanted) = &options.smtp else {
        return Ok(None);
    };
    let listeners = smtp::listeners(wanted, handed_over, opener)?;
    let relay_options = smtp::options(wanted, &options.policy)?;
    let relay = Relay::new(relay_options, listeners, Servers::of_system()).map_err(Failure::new)?;
    Ok(Some(Proxy::new(relay)))
}

fn serve(mut poll_loop: PollLoop, readiness: Option<Readiness>, log: &mut Log) {
    log.flush();
    if let Some(readiness) = readiness {
        readiness.announce();
    }
    systemd::ready();
    poll_loop.run(log);
    systemd::stopping();
}

fn unwatchable(error: &std::io::Error) -> Failure {
    let why = errno(error);
    Failure::system(format!("can't watch sockets and signals: {}", why.desc()), why)
}

/// Descriptors that the daemon asks for, one a connection. The usual soft limit
/// is for programs of another kind.
const DESCRIPTORS: u64 = 65_536;

/// Descriptors with which the daemon serves a few connections. With fewer it
/// would start and never answer.
const MIN_DESCRIPTORS: u64 = 64;

/// Raises the limit as far as [`DESCRIPTORS`]; where it cannot be raised it stays.
fn allow_many_connections() -> Result<(), Failure> {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let wanted = hard.min(DESCRIPTORS).max(soft);
        let raised = setrlimit(Resource::RLIMIT_NOFILE, wanted, hard);
        let limit = if raised.is_ok() { wanted } else { soft };
        if limit < MIN_DESCRIPTORS {
            let text = format!("only {limit} open files are allowed, {MIN_DESCRIPTORS} are needed");
            let advice = "raise the limit (LimitNOFILE, ulimit -n)";
            return Err(Failure::system(text, Errno::EMFILE).advise(advice));
        }
    }
    Ok(())
}
