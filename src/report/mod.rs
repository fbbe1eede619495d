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

/// Reads the logs and prints the report to `out`.
///
/// # Errors
/// If an option is invalid, or the database cannot be read. A log that cannot be
/// read is reported on stderr, and the others are processed.
pub fn run(order: &ReportOptions, out: &mut impl Write) -> Result<(), Failure> {
    let names = order.debug.as_deref().map(patterns).transpose()?;
    let filter = ReportFilter::read(order)?;
    let maillog = Maillog::new(&order.greylist_text)?;
    // The database is the daemon's user's, the logs are root's.
    let inputs = Inputs::open(&order.files);
    let settings = order.tool.settings();
    let settings = settings.map_err(|why| Failure::new(format!("ERROR: {why}")))?;
    become_user(&settings.user)?;
    match report(
        order,
        &settings.location(),
        out,
        names.as_deref(),
        &Program { filter, maillog },
        inputs,
    ) {
        Err(End::BrokenPipe) => Ok(()),
        Err(End::Failed(failure)) => Err(failure),
        Ok(()) => Ok(()),
    }
}

struct Program {
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

fn report(
    order: &ReportOptions,
    location: &StateLocation,
    out: &mut impl Write,
    names: Option<&[Pattern]>,
    program: &Program,
    inputs: Inputs,
) -> Result<(), End> {
    if let Some(patterns) = &order.debug {
        out.write_all(b"\nDebugging_DB Active, Displaying hosting matching REs: ")?;
        for pattern in patterns {
            out.write_all(pattern)?;
            out.write_all(b" ; ")?;
        }
        out.write_all(b"\n\n")?;
    }
    out.write_all(order.preface.as_bytes())?;
    let state = DaemonState::open(location, order.delay)?;
    let mut lost = Lost::default();
    let mut end = Ok(());
    let mut format = Format::new();
    inputs.for_each_line(|line| {
        format.look(line);
        let step = program.line(line, &state, &mut lost, names, out);
        if step.is_ok() {
            return ControlFlow::Continue(());
        }
        end = step;
        ControlFlow::Break(())
    });
    end?;
    if format.is_unknown() {
        complain(UNKNOWN_FORMAT);
    }
    if names.is_some() {
        out.flush()?;
        return Err(End::Failed(Failure::new("Debugging DB active, report shutdown")));
    }
    let mut mails = lost.sorted();
    ask_dns(order, &mut mails)?;
    mails.iter_mut().for_each(LostMail::make_printable);
    render::report(&mails, &order.shown, out)?;
    out.flush()?;
    Ok(())
}

/// Looks for a line in a known format among the first ones.
struct Format {
    reader: LogReader,
    lines: usize,
    is_known: bool,
}

impl Format {
    const MAX_LINES: usize = 1000;

    fn new() -> Format {
        Format { reader: LogReader::new(clock::now()), lines: 0, is_known: false }
    }

    fn look(&mut self, line: &[u8]) {
        if !self.is_known && !line.is_empty() && self.lines < Format::MAX_LINES {
            self.lines += 1;
            self.is_known = self.reader.line(line).is_some();
        }
    }

    fn is_unknown(&self) -> bool {
        self.lines > 0 && !self.is_known
    }
}

/// Removes clients on blocklists, and checks the senders of the others.
fn ask_dns(order: &ReportOptions, mails: &mut Vec<LostMail>) -> Result<(), Failure> {
    if order.skip_dnsbl.is_empty() && order.checks.is_empty() {
        return Ok(());
    }
    let mut dns = Questions::of_system()
        .map_err(|error| Failure::new(format!("ERROR: cannot ask DNS servers: {error}")))?;
    dns::skip_listed(mails, &order.skip_dnsbl, &mut dns);
    dns::check_senders(mails, &order.checks, &mut dns);
    Ok(())
}

impl Program {
    fn line(
        &self,
        line: &[u8],
        state: &DaemonState,
        lost: &mut Lost,
        names: Option<&[Pattern]>,
        out: &mut impl Write,
    ) -> Result<(), End> {
        let in_words = classic_line(line);
        let line = in_words.as_deref().unwrap_or(line);
        match self.maillog.event(line) {
            None => {}
            Some(Event::Passed(passed)) => lost.forget(&state.key_of_pass(&passed)),
            Some(Event::Deferred(attempt)) => {
                if names.is_some_and(|names| names.iter().any(|it| it.is_match(attempt.name))) {
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
