//! Command lines (RFC 5321 section 4.1).

use crate::session::address;

/// A command, without the end of its line.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    Hello {
        is_extended: bool,
    },
    Mail(Envelope),
    Rcpt(Envelope),
    Data,
    /// BDAT with the size of its chunk.
    Chunk(u64),
    Reset,
    Noop,
    Verify,
    Help,
    Quit,
    StartTls,
    /// A command of SMTP that is not offered.
    NotOffered,
    /// A command of HTTP, which a browser was made to send.
    Foreign,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The address, without brackets, source route and quotes.
    pub address: Vec<u8>,
    pub parameters: Vec<String>,
}

/// The reason why a line is not a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Unknown,
    /// A control character, which mail servers disagree on.
    ControlCharacter,
    /// EHLO, HELO or VRFY without an argument, or another command with one.
    Argument,
    /// Not a path (RFC 5321 section 4.1.2): the sender's, or the recipient's.
    Sender,
    Recipient,
    Parameters,
    /// BDAT without a size: where its chunk ends is unknown.
    ChunkSize,
}

/// Commands of SMTP and its extensions that are never offered here.
const NOT_OFFERED: [&str; 8] =
    ["AUTH", "XCLIENT", "XFORWARD", "TURN", "ETRN", "ATRN", "EXPN", "SEND"];

const FOREIGN: [&str; 3] = ["CONNECT", "GET", "POST"];

impl Command {
    pub fn parse(line: &[u8]) -> Result<Command, Fault> {
        if line.iter().any(u8::is_ascii_control) {
            return Err(Fault::ControlCharacter);
        }
        let line = line.trim_ascii_end();
        let end = memchr::memchr(b' ', line).unwrap_or(line.len());
        let (verb, argument) = (&line[..end], line[end..].trim_ascii());
        let is = |name: &str| verb.eq_ignore_ascii_case(name.as_bytes());
        let with_argument =
            |command| if argument.is_empty() { Err(Fault::Argument) } else { Ok(command) };
        let without_argument =
            |command| if argument.is_empty() { Ok(command) } else { Err(Fault::Argument) };
        match verb {
            _ if is("EHLO") => with_argument(Command::Hello { is_extended: true }),
            _ if is("HELO") => with_argument(Command::Hello { is_extended: false }),
            _ if is("MAIL") => envelope(argument, b"FROM:", Fault::Sender).map(Command::Mail),
            _ if is("RCPT") => {
                let envelope = envelope(argument, b"TO:", Fault::Recipient)?;
                let has_recipient = !envelope.address.is_empty();
                if has_recipient { Ok(Command::Rcpt(envelope)) } else { Err(Fault::Recipient) }
            }
            _ if is("DATA") => without_argument(Command::Data),
            _ if is("BDAT") => chunk_size(argument).map(Command::Chunk).ok_or(Fault::ChunkSize),
            _ if is("RSET") => without_argument(Command::Reset),
            _ if is("NOOP") => Ok(Command::Noop),
            _ if is("VRFY") => with_argument(Command::Verify),
            _ if is("HELP") => Ok(Command::Help),
            _ if is("QUIT") => without_argument(Command::Quit),
            _ if is("STARTTLS") => without_argument(Command::StartTls),
            _ if NOT_OFFERED.iter().any(|name| is(name)) => Ok(Command::NotOffered),
            _ if FOREIGN.iter().any(|name| is(name)) => Ok(Command::Foreign),
            _ => Err(Fault::Unknown),
        }
    }
}

/// The argument of BDAT: a size, and LAST (RFC 3030 section 2).
fn chunk_size(argument: &[u8]) -> Option<u64> {
    let mut words = std::str::from_utf8(argument).ok()?.split_ascii_whitespace();
    let size = words.next().filter(|word| word.bytes().all(|byte| byte.is_ascii_digit()))?;
    let is_last = words.next().is_none_or(|word| word.eq_ignore_ascii_case("LAST"));
    if is_last && words.next().is_none() { size.parse().ok() } else { None }
}

fn envelope(argument: &[u8], keyword: &[u8], fault: Fault) -> Result<Envelope, Fault> {
    let start = argument.get(..keyword.len()).ok_or(fault)?;
    if !start.eq_ignore_ascii_case(keyword) {
        return Err(fault);
    }
    let argument = argument[keyword.len()..].trim_ascii_start();
    let end = if argument.starts_with(b"<") {
        address::unquoted_position(argument, b'>').ok_or(fault)? + 1
    } else {
        address::unquoted_position(argument, b' ').unwrap_or(argument.len())
    };
    let (path, rest) = argument.split_at(end);
    if path.is_empty() || !(rest.is_empty() || rest.starts_with(b" ")) {
        return Err(fault);
    }
    let parameters = rest.split(|byte| *byte == b' ').filter(|it| !it.is_empty());
    let names: Option<Vec<String>> = parameters.map(parameter_name).collect();
    let parameters = names.ok_or(Fault::Parameters)?;
    Ok(Envelope { address: address::mailbox(path), parameters })
}

/// The name of `NAME` or `NAME=VALUE` (RFC 5321 section 4.1.2).
fn parameter_name(parameter: &[u8]) -> Option<String> {
    let end = memchr::memchr(b'=', parameter).unwrap_or(parameter.len());
    let name = &parameter[..end];
    let is_name = name.first().is_some_and(u8::is_ascii_alphanumeric)
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    let has_value = end == parameter.len() || end + 1 < parameter.len();
    (is_name && has_value).then(|| String::from_utf8_lossy(name).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(address: &str, parameters: &[&str]) -> Envelope {
        let parameters = parameters.iter().map(ToString::to_string).collect();
        Envelope { address: address.as_bytes().to_vec(), parameters }
    }

    #[test]
    fn commands_are_read_in_any_case() {
        for (line, command) in [
            ("EHLO a.test", Command::Hello { is_extended: true }),
            ("helo [192.0.2.1]", Command::Hello { is_extended: false }),
            ("DATA", Command::Data),
            ("data  ", Command::Data),
            ("BDAT 12", Command::Chunk(12)),
            ("bdat 0 last", Command::Chunk(0)),
            ("BDAT 18446744073709551615 LAST", Command::Chunk(u64::MAX)),
            ("RSET", Command::Reset),
            ("NOOP", Command::Noop),
            ("NOOP well", Command::Noop),
            ("VRFY bob", Command::Verify),
            ("HELP", Command::Help),
            ("HELP MAIL", Command::Help),
            ("QUIT", Command::Quit),
            ("StartTLS", Command::StartTls),
            ("AUTH PLAIN AGEAYg==", Command::NotOffered),
            ("XCLIENT ADDR=192.0.2.1", Command::NotOffered),
            ("XFORWARD NAME=x", Command::NotOffered),
            ("TURN", Command::NotOffered),
            ("EXPN list", Command::NotOffered),
            ("GET / HTTP/1.1", Command::Foreign),
        ] {
            assert_eq!(Command::parse(line.as_bytes()), Ok(command), "{line}");
        }
    }

    #[test]
    fn malformed_lines_are_not_commands() {
        for (line, fault) in [
            ("", Fault::Unknown),
            (" NOOP", Fault::Unknown),
            ("MAILFROM:<a@b>", Fault::Unknown),
            ("\u{e9}", Fault::Unknown),
            ("EHLO", Fault::Argument),
            ("HELO ", Fault::Argument),
            ("VRFY", Fault::Argument),
            ("DATA now", Fault::Argument),
            ("QUIT now", Fault::Argument),
            ("STARTTLS 1.3", Fault::Argument),
            ("NOOP\0", Fault::ControlCharacter),
            ("EHLO a\rMAIL FROM:<a@b>", Fault::ControlCharacter),
            ("EHLO\ta", Fault::ControlCharacter),
            ("BDAT", Fault::ChunkSize),
            ("BDAT -1", Fault::ChunkSize),
            ("BDAT +1", Fault::ChunkSize),
            ("BDAT 1 FIRST", Fault::ChunkSize),
            ("BDAT 1 LAST x", Fault::ChunkSize),
            ("BDAT 18446744073709551616", Fault::ChunkSize),
            ("MAIL", Fault::Sender),
            ("MAIL FROM", Fault::Sender),
            ("MAIL FROM:", Fault::Sender),
            ("MAIL TO:<a@b>", Fault::Sender),
            ("MAIL FROM:<a@b", Fault::Sender),
            ("MAIL FROM:<a@b>x", Fault::Sender),
            ("MAIL FROM:<\"a>@b", Fault::Sender),
            ("RCPT FROM:<a@b>", Fault::Recipient),
            ("RCPT TO:<>", Fault::Recipient),
            ("RCPT TO:", Fault::Recipient),
            ("MAIL FROM:<a@b> =1", Fault::Parameters),
            ("MAIL FROM:<a@b> SIZE=", Fault::Parameters),
            ("MAIL FROM:<a@b> -x", Fault::Parameters),
            ("MAIL FROM:<a@b> <c@d>", Fault::Parameters),
        ] {
            assert_eq!(Command::parse(line.as_bytes()), Err(fault), "{line:?}");
        }
    }

    #[test]
    fn envelopes_have_addresses_and_parameters() {
        for (line, address, parameters) in [
            ("MAIL FROM:<a@b.test>", "a@b.test", &[][..]),
            ("mail from: <a@b.test>", "a@b.test", &[]),
            ("MAIL FROM:a@b.test", "a@b.test", &[]),
            ("MAIL FROM:<>", "", &[]),
            ("MAIL FROM:<@r.test,@s.test:a@b.test>", "a@b.test", &[]),
            ("MAIL FROM:<\"a b>\"@b.test>", "a b>@b.test", &[]),
            ("MAIL FROM:<a@b.test> SIZE=10  BODY=8BITMIME", "a@b.test", &["SIZE", "BODY"]),
            ("MAIL FROM:<a@b.test> smtputf8 AUTH=<>", "a@b.test", &["smtputf8", "AUTH"]),
            ("MAIL FROM:<\u{fc}@b.test> SMTPUTF8", "\u{fc}@b.test", &["SMTPUTF8"]),
        ] {
            let expected = Command::Mail(envelope(address, parameters));
            assert_eq!(Command::parse(line.as_bytes()), Ok(expected), "{line}");
        }
        let expected = Command::Rcpt(envelope("postmaster", &["NOTIFY", "ORCPT"]));
        let line = b"RCPT TO:<postmaster> NOTIFY=NEVER ORCPT=rfc822;a@b";
        assert_eq!(Command::parse(line), Ok(expected));
    }
}
