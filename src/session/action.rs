//! The meaning of the administrator's actions for a milter.

/// The code of a deferral where the action names none.
pub(super) const DEFERRAL: [u8; 3] = *b"451";

/// The code for `REJECT`, a permanent rejection.
const REJECTION: [u8; 3] = *b"554";

/// Actions of access(5) that let mail pass: administrators use them to watch
/// greylisting without effect. `DEFER_IF_REJECT` is one, because a mail server
/// asks a milter after all its own restrictions.
const PASSING: &[&[u8]] = &[b"dunno", b"ok", b"permit", b"info", b"warn", b"defer_if_reject"];

/// An action of access(5), as a milter can apply it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Refuse the recipient with this SMTP code.
    Reply([u8; 3]),
    Pass,
    Prepend,
    /// The message is kept in the mail server's queue for its administrator.
    Hold,
    /// Accept the message and discard it.
    Discard,
}

impl Action {
    /// Splits the value of an option, or a whole action with its text, into the
    /// action and the rest. Actions that a milter does not support (`FILTER`,
    /// `REDIRECT`, names of Postfix's restrictions) defer.
    pub(super) fn split(option: &[u8]) -> (Action, &[u8]) {
        let option = option.trim_ascii();
        let end = option.iter().position(u8::is_ascii_whitespace).unwrap_or(option.len());
        let (word, rest) = option.split_at(end);
        (Action::of_word(word), rest.trim_ascii())
    }

    fn of_word(word: &[u8]) -> Action {
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        match word {
            [b'4' | b'5', b'0'..=b'9', b'0'..=b'9'] => Action::Reply([word[0], word[1], word[2]]),
            _ if is(b"reject") => Action::Reply(REJECTION),
            _ if is(b"prepend") => Action::Prepend,
            _ if is(b"hold") => Action::Hold,
            _ if is(b"discard") => Action::Discard,
            _ if PASSING.iter().any(|passing| is(passing)) => Action::Pass,
            _ => Action::Reply(DEFERRAL),
        }
    }
}

/// The text of an action as Postfix reads it: the rest of the action's option,
/// and the option of the text, with a space between.
pub(super) fn whole_text(rest: &[u8], text: &[u8]) -> Vec<u8> {
    [rest, text].join(&b' ').trim_ascii().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_what_it_means_to_postfix() {
        let table = [
            ("DEFER_IF_PERMIT", Action::Reply(*b"451")),
            ("DEFER", Action::Reply(*b"451")),
            ("450", Action::Reply(*b"450")),
            ("550", Action::Reply(*b"550")),
            ("250", Action::Reply(*b"451")),
            ("4511", Action::Reply(*b"451")),
            ("", Action::Reply(*b"451")),
            ("REDIRECT", Action::Reply(*b"451")),
            ("reject", Action::Reply(*b"554")),
            ("WARN", Action::Pass),
            ("dunno", Action::Pass),
            ("OK", Action::Pass),
            ("defer_if_reject", Action::Pass),
            ("Prepend", Action::Prepend),
            ("HOLD", Action::Hold),
            ("discard", Action::Discard),
        ];
        for (word, action) in table {
            assert_eq!(Action::split(word.as_bytes()), (action, b"".as_slice()), "{word}");
        }
    }

    #[test]
    fn text_after_the_action_belongs_to_the_text() {
        let (action, rest) = Action::split(b" PREPEND  X-Waits: yes ");
        assert_eq!((action, rest), (Action::Prepend, b"X-Waits: yes".as_slice()));
        assert_eq!(whole_text(rest, b"indeed"), b"X-Waits: yes indeed");
        assert_eq!(whole_text(b"", b"indeed"), b"indeed");
        assert_eq!(whole_text(rest, b""), rest);
    }
}
