//! `postgreyreport`: mail that was deferred and never returned, from a log of
//! Postfix and the daemon's database (BEHAVIOUR H).
//!
//! The log is read once, line by line; only lost mail is kept.

mod clients;
mod dns;
mod lost;
mod maillog;
mod render;

use crate::cli::ReportOptions;
use crate::daemon::privileges::Identity;
use crate::daemon::{Failure, clock};
use crate::database::StateLocation;
use crate::lists::{Letters, Pattern};
use crate::maillog::{Inputs, LogReader, UNKNOWN_FORMAT, classic_line, complain, stamp};
use clients::ReportFilter;
use dns::Questions;
use lost::{DaemonState, Lost, LostMail};
use maillog::{Event, Maillog};
use std::io::{self, Write};
use std::ops::ControlFlow;

/// The first lines of a log, among which one has to be in a known format.
const MAX_FORMAT_LINES: usize = 1000;

/// Reads the logs and prints the report to `out`.
///
/// # Errors
/// If an option is invalid, or the database cannot be read. A log that cannot be
/// read is reported on stderr, and the others are processed.
pub fn run(options: &ReportOptions, out: &mut impl Write) -> Result<(), Failure> {
    let report = Report {
        options,
        names: options.debug.as_deref().map(patterns).transpose()?,
        filter: ReportFilter::read(options)?,
        maillog: Maillog::new(&options.greylist_text)?,
    };
    // The database is the daemon's user's, the logs are root's.
    let inputs = Inputs::open(&options.files);
    let settings = options.tool.settings();
    let settings = settings.map_err(|why| Failure::new(format!("ERROR: {why}")))?;
    become_user(&settings.user)?;
    match report.print(&settings.location(), inputs, out) {
        Ok(()) | Err(End::BrokenPipe) => Ok(()),
        Err(End::Failed(failure)) => Err(failure),
    }
}

struct Report<'o> {
    options: &'o ReportOptions,
    /// The names of clients whose records are shown, instead of a report.
    names: Option<Vec<Pattern>>,
    filter: ReportFilter,
    maillog: Maillog,
}

enum End {
    /// The reader of the output has closed it. No error.
    BrokenPipe,
    Failed(Failure),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> End {
        match error.kind() {
            io::ErrorKind::BrokenPipe => End::BrokenPipe,
            _ => End::Failed(Failure::new(format!("ERROR: can't write the report: {error}"))),
        }
    }
}

impl From<Failure> for End {
    fn from(failure: Failure) -> End {
        End::Failed(failure)
    }
}

impl Report<'_> {
    fn print(
        &self,
        location: &StateLocation,
        inputs: Inputs,
        out: &mut impl Write,
    ) -> Result<(), End> {
        let Report { options, names, .. } = self;
        if let Some(patterns) = &options.debug {
            out.write_all(b"\nDebugging_DB Active, Displaying hosting matching REs: ")?;
            for pattern in patterns {
                out.write_all(pattern)?;
                out.write_all(b" ; ")?;
            }
            out.write_all(b"\n\n")?;
        }
        out.write_all(options.preface.as_bytes())?;
        let state = DaemonState::open(location, options.delay)?;
        let mut lost = Lost::default();
        let mut reader = LogReader::new(clock::now());
        let (mut lines, mut has_format) = (0, false);
        let mut end = Ok(());
        inputs.for_each_line(|line| {
            if !has_format && !line.is_empty() && lines < MAX_FORMAT_LINES {
                lines += 1;
                has_format = reader.line(line).is_some();
            }
            end = self.line(line, &state, &mut lost, out);
            if end.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        end?;
        if lines > 0 && !has_format {
            complain(UNKNOWN_FORMAT);
        }
        if names.is_some() {
            out.flush()?;
            return Err(End::Failed(Failure::new("Debugging DB active, report shutdown")));
        }
        let mut mails = lost.sorted();
        ask_dns(options, &mut mails)?;
        mails.iter_mut().for_each(LostMail::make_printable);
        render::report(&mails, &options.shown, out)?;
        out.flush()?;
        Ok(())
    }

    fn line(
        &self,
        line: &[u8],
        state: &DaemonState,
        lost: &mut Lost,
        out: &mut impl Write,
    ) -> Result<(), End> {
        let in_words = classic_line(line);
        let line = in_words.as_deref().unwrap_or(line);
        match self.maillog.event(line) {
            None => {}
            Some(Event::Passed(passed)) => lost.forget(&state.key_of_pass(&passed)),
            Some(Event::Deferred(attempt)) => {
                if self.names.iter().flatten().any(|name| name.is_match(attempt.name)) {
                    state.show(&attempt, out)?;
                }
                if self.filter.reports(&attempt) {
                    let key = state.key(&attempt);
                    if state.is_lost(&key, &attempt)? {
                        lost.add(&key, stamp(line), &attempt);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Removes clients on blocklists, and checks the senders of the others.
fn ask_dns(options: &ReportOptions, mails: &mut Vec<LostMail>) -> Result<(), Failure> {
    if options.skip_dnsbl.is_empty() && options.checks.is_empty() {
        return Ok(());
    }
    let mut dns = Questions::of_system()
        .map_err(|error| Failure::new(format!("ERROR: cannot ask DNS servers: {error}")))?;
    dns::skip_listed(mails, &options.skip_dnsbl, &mut dns);
    dns::check_senders(mails, &options.checks, &mut dns);
    Ok(())
}

fn patterns(patterns: &[Vec<u8>]) -> Result<Vec<Pattern>, Failure> {
    let compiled = patterns.iter().map(|pattern| {
        Pattern::new(pattern, Letters::SameInBothCases).map_err(|why| {
            let pattern = pattern.escape_ascii();
            Failure::new(format!("ERROR: --debug_re has the pattern \"{pattern}\", and {why}"))
        })
    });
    compiled.collect()
}

/// Switches from root to the user. Other users stay as they are, with a warning.
fn become_user(user: &str) -> Result<(), Failure> {
    let identity = Identity::look_up_user(user)?;
    if let Some(sentence) = identity.complaint() {
        complain(&sentence);
    }
    identity.assume_silently()
}
