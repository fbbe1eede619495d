//! The replies of the session (RFC 5321 section 4.2, RFC 3463).

use super::command::Fault;
use crate::greylist::Reply;
use crate::session::action::{Action, whole_text};
use crate::session::refusal as refused;

pub const OK: &str = "250 2.0.0 Ok";
pub const SENDER_OK: &str = "250 2.1.0 Ok";
pub const START_TLS: &str = "220 2.0.0 Ready to start TLS";
pub const BYE: &str = "221 2.0.0 Bye";
pub const HELP: &str = "214 2.0.0 See RFC 5321";
pub const CANNOT_VERIFY: &str = "252 2.0.0 Cannot verify, but will try to deliver";

pub const TOO_MANY_ERRORS: &str = "421 4.7.0 Error: too many errors";
pub const TOO_MUCH_DISCARDED: &str = "421 4.7.0 Error: too much data for refused recipients";
pub const FOREIGN_PROTOCOL: &str = "421 4.7.0 Error: this is an SMTP server";

pub const NO_RECIPIENT_PASSED: &str = "451 4.7.1 Error: no recipient was accepted";
pub const TOO_MANY_RECIPIENTS: &str = "452 4.5.3 Error: too many recipients";

pub const LINE_TOO_LONG: &str = "500 5.5.2 Error: line too long";
pub const NOT_OFFERED: &str = "502 5.5.1 Error: command not implemented";
pub const HELLO_FIRST: &str = "503 5.5.1 Error: send HELO or EHLO first";
pub const NESTED_MAIL: &str = "503 5.5.1 Error: nested MAIL command";
pub const MAIL_FIRST: &str = "503 5.5.1 Error: need MAIL command";
pub const RCPT_FIRST: &str = "503 5.5.1 Error: need RCPT command";
pub const TLS_ACTIVE: &str = "503 5.5.1 Error: TLS already active";
pub const UNKNOWN_PARAMETER: &str = "555 5.5.4 Error: parameter not recognized";

/// The reply to a line that is not a command.
pub fn of_fault(fault: Fault) -> &'static str {
    match fault {
        Fault::Unknown => "500 5.5.2 Error: command not recognized",
        Fault::ControlCharacter => "500 5.5.2 Error: control character in command",
        Fault::Argument => "501 5.5.4 Error: wrong number of arguments",
        Fault::Sender => "501 5.1.7 Error: syntax: MAIL FROM:<address>",
        Fault::Recipient => "501 5.1.3 Error: syntax: RCPT TO:<address>",
        Fault::Parameters => "501 5.5.4 Error: syntax of parameters",
        Fault::ChunkSize => "501 5.5.4 Error: syntax: BDAT size [LAST]",
    }
}

/// A reply of one line as bytes.
pub fn line(reply: &str) -> Vec<u8> {
    [reply.as_bytes(), b"\r\n"].concat()
}

/// The reply that refuses a recipient; `None` if it passes. The session can only
/// reply, so that an action without a code lets mail pass.
pub fn refusal(reply: &Reply) -> Option<Vec<u8>> {
    let Reply::Restrict { action, text } = reply else {
        return None;
    };
    match Action::split(action) {
        (Action::Reply(code), rest) => {
            let line = refused::line(code, &whole_text(rest, text));
            Some([&line, b"\r\n".as_slice()].concat())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn action_gives_the_code_of_a_refusal() {
        for (action, expected) in [
            ("DEFER_IF_PERMIT", Some("451 4.7.1 Greylisted\r\n")),
            ("450", Some("450 4.7.1 Greylisted\r\n")),
            ("REJECT", Some("554 5.7.1 Greylisted\r\n")),
            ("DEFER wait:", Some("451 4.7.1 wait: Greylisted\r\n")),
            ("DUNNO", None),
            ("HOLD", None),
            ("PREPEND X: y", None),
        ] {
            let restrict = Reply::Restrict { action: action.into(), text: b"Greylisted".to_vec() };
            let found = refusal(&restrict);
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{action}");
        }
        assert_eq!(refusal(&Reply::Dunno), None);
        assert_eq!(refusal(&Reply::Prepend(b"X: y".to_vec())), None);
    }
}
