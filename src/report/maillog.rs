//! The greylisting events of a mail log (BEHAVIOUR H2).

use crate::daemon::Failure;
use crate::lists::{Letters, Pattern};
use crate::maillog::{LoggedDecision, Reject};
use memchr::memmem;

#[derive(Debug, PartialEq, Eq)]
pub enum Event<'line> {
    /// Postfix deferred a client because of greylisting.
    Deferred(Reject<'line>),
    Passed(LoggedDecision<'line>),
}

pub struct Maillog {
    greylisted: Option<Pattern>,
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
        Ok(Maillog { greylisted: greylisted.transpose()? })
    }

    /// Returns the event of a line, if it has one. The text distinguishes greylisting
    /// from other refusals, with any code of `--greylist-action`; without a text all
    /// refusals with 450 are selected.
    pub fn event<'line>(&self, line: &'line [u8]) -> Option<Event<'line>> {
        if let Some(at) = Reject::find(line) {
            let reject = Reject::parse(line, at)?;
            let is_greylisted = match &self.greylisted {
                Some(text) => text.is_match(line),
                None => reject.code == b"450",
            };
            return is_greylisted.then_some(Event::Deferred(reject));
        }
        let at = memmem::find(line, b"action=pass, reason=")?;
        LoggedDecision::parse(&line[at..]).map(Event::Passed)
    }
}

#[cfg(test)]
#[path = "maillog_tests.rs"]
mod tests;
