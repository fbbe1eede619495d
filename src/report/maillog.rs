//! The greylisting events of a mail log (BEHAVIOUR H2).

use crate::daemon::Failure;
use crate::lists::{Letters, Pattern};
use crate::maillog::{LoggedDecision, Reject, Rejects};
use memchr::memmem::Finder;

#[derive(Debug, PartialEq, Eq)]
pub enum Event<'line> {
    /// Postfix deferred a client because of greylisting.
    Deferred(Reject<'line>),
    Passed(LoggedDecision<'line>),
}

pub struct Maillog {
    greylisted: Option<Pattern>,
    rejects: Rejects,
    pass: Finder<'static>,
}

impl Maillog {
    /// Will look for deferred mail where the Perl pattern `greylist_text`
    /// matches; an empty one matches everywhere.
    pub fn new(greylist_text: &[u8]) -> Result<Maillog, Failure> {
        let greylisted = (!greylist_text.is_empty()).then(|| {
            Pattern::new(greylist_text, Letters::AsWritten).map_err(|why| {
                let text = greylist_text.escape_ascii();
                Failure::new(format!("ERROR: --greylist-text is the pattern \"{text}\", and {why}"))
            })
        });
        Ok(Maillog {
            greylisted: greylisted.transpose()?,
            rejects: Rejects::default(),
            pass: Finder::new("action=pass, reason="),
        })
    }

    /// Returns the event of a line, if it has one.
    pub fn event<'line>(&self, line: &'line [u8]) -> Option<Event<'line>> {
        if let Some(at) = self.rejects.find(line) {
            let is_greylisted = self.greylisted.as_ref().is_none_or(|text| text.is_match(line));
            return is_greylisted.then(|| self.deferral(line, at)).flatten().map(Event::Deferred);
        }
        let at = self.pass.find(line)?;
        LoggedDecision::parse(&line[at..]).map(Event::Passed)
    }

    /// Returns the attempt in a line that has `reject: ` at a place. The text
    /// distinguishes greylisting from other refusals, with any code of
    /// `--greylist-action`; without a text all refusals with 450 are selected.
    fn deferral<'line>(&self, line: &'line [u8], place: usize) -> Option<Reject<'line>> {
        let reject = self.rejects.parse(line, place)?;
        (self.greylisted.is_some() || reject.code == b"450").then_some(reject)
    }
}

#[cfg(test)]
#[path = "maillog_tests.rs"]
mod tests;
