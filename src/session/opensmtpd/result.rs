//! From an action of the policy protocol to a result for smtpd.

use crate::session::action::{Action, whole_text};
use crate::session::refusal;

/// The code for `REJECT`, which rejects permanently.
const REJECTION: [u8; 3] = *b"550";

/// The result for a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterResult {
    /// Accept it, as far as the filter is concerned.
    Proceed,
    /// Accept it, and add this header to the message.
    Prepend(Vec<u8>),
    /// Refuse it with this line of SMTP.
    Reject(Vec<u8>),
}

impl FilterResult {
    /// Returns the result of an action with its text. smtpd cannot hold or
    /// discard a message at this point: these actions defer.
    pub fn of_action(text: &[u8]) -> FilterResult {
        let (action, rest) = Action::split(text);
        let word = text.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        let is_rejection = word.eq_ignore_ascii_case(b"reject");
        match action {
            Action::Pass => FilterResult::Proceed,
            Action::Prepend if is_header(rest) => FilterResult::Prepend(rest.to_vec()),
            Action::Prepend => FilterResult::Proceed,
            Action::Reply(_) if is_rejection => FilterResult::reject(REJECTION, rest),
            Action::Reply(code) => FilterResult::reject(code, rest),
            Action::Hold | Action::Discard => FilterResult::reject(*b"451", rest),
        }
    }

    fn reject(code: [u8; 3], text: &[u8]) -> FilterResult {
        FilterResult::Reject(refusal::line(code, &whole_text(text, b"")))
    }
}

/// Returns true if a line is a header (RFC 5322 section 2.2). A dot at its start
/// is special in SMTP.
fn is_header(line: &[u8]) -> bool {
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
    let is_name = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    is_name && name.len() < line.len() && !line.starts_with(b".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_become_results() {
        let reject = |line: &str| FilterResult::Reject(line.into());
        for (action, expected) in [
            ("DUNNO", FilterResult::Proceed),
            ("OK", FilterResult::Proceed),
            ("WARN greylisted", FilterResult::Proceed),
            ("PREPEND X-Greylist: delayed", FilterResult::Prepend("X-Greylist: delayed".into())),
            ("PREPEND X-Greylist delayed", FilterResult::Proceed),
            ("PREPEND X-Greylist", FilterResult::Proceed),
            ("PREPEND .x: y", FilterResult::Proceed),
            ("DEFER_IF_PERMIT Greylisted, see x|y", reject("451 4.7.1 Greylisted, see x|y")),
            ("DEFER_IF_PERMIT 4.2.0 Greylisted", reject("451 4.2.0 Greylisted")),
            ("450 Greylisted", reject("450 4.7.1 Greylisted")),
            ("REJECT Access denied", reject("550 5.7.1 Access denied")),
            ("554 Access denied", reject("554 5.7.1 Access denied")),
            ("HOLD for review", reject("451 4.7.1 for review")),
            ("DEFER_IF_PERMIT a\rb\u{e9}", reject("451 4.7.1 a b?")),
        ] {
            assert_eq!(FilterResult::of_action(action.as_bytes()), expected, "{action}");
        }
    }
}
