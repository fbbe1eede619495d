//! The command line of `policy-test`: the original's options, and those for load
//! tests (BEHAVIOUR H5).

use super::{Invocation, UsageError, flags};
use clap::{ArgMatches, Command, value_parser};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The name under which `postgrey` is this program, and the word for it.
pub(super) const PROGRAM: &str = "policy-test";

/// The maximum number of connections.
const MAX_CONNECTIONS: i64 = 10_000;

/// The options of `policy-test`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyTest {
    pub target: ServerAddress,
    pub verbose: bool,
    /// The number of requests to send, if not those of the log.
    pub count: Option<usize>,
    pub concurrency: Option<usize>,
}

/// The address of a policy server, as Postfix writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerAddress {
    /// `unix:PATH`
    Unix(PathBuf),
    /// `inet:HOST:PORT`
    Inet(String, u16),
}

/// Converts the options and arguments of `policy-test`.
pub(super) fn convert(matches: &ArgMatches, rest: Vec<OsString>) -> Result<Invocation, UsageError> {
    let Some(target) = rest.first().and_then(|word| target(word)) else {
        return Err(UsageError::parse(format!(
            "{PROGRAM}: say where the server listens: unix:/path/of/socket or inet:host:port\n{}",
            command().render_usage()
        )));
    };
    let number = |id: &str, most: i64| match matches.get_one::<i64>(id) {
        None => Ok(None),
        Some(&number) if (1..=most).contains(&number) => Ok(usize::try_from(number).ok()),
        Some(number) => Err(UsageError::parse(format!(
            "{PROGRAM}: --{id} must be a number from 1 to {most}, not {number}"
        ))),
    };
    Ok(Invocation::PolicyTest(Box::new(PolicyTest {
        target,
        verbose: matches.get_flag("verbose"),
        count: number("count", i64::from(u32::MAX))?,
        concurrency: number("concurrency", MAX_CONNECTIONS)?,
    })))
}

/// The command of `policy-test`, built.
pub(super) fn command() -> Command {
    let number = |name: &'static str| flags::value(name, "N").value_parser(value_parser!(i64));
    let about = "replay the mail of a Postfix log on standard input against a policy server and \
                 measure its speed";
    let mut command = flags::program(PROGRAM, about)
        .override_usage("policy-test [OPTIONS] unix:PATH|inet:HOST:PORT < LOG")
        .args([
            flags::switch("verbose").short('v').help("print each request and its reply"),
            number("count").help(
                "send N requests, repeating the log, or generated new mail if the log is \
                     empty; and print reply times",
            ),
            number("concurrency").help("use N connections at once, and print reply times"),
        ])
        .args(flags::information());
    command.build();
    command
}

fn target(word: &OsStr) -> Option<ServerAddress> {
    if let Some(path) = word.as_bytes().strip_prefix(b"unix:").filter(|path| !path.is_empty()) {
        return Some(ServerAddress::Unix(OsStr::from_bytes(path).into()));
    }
    let (host, port) = word.to_str()?.strip_prefix("inet:")?.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    (!host.is_empty()).then_some(ServerAddress::Inet(host.to_owned(), port.parse().ok()?))
}
