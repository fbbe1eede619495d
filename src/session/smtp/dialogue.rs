//! The dialogue with the mail server behind the proxy: its greeting, and a few
//! commands with their replies.

use std::collections::VecDeque;

/// Bytes of the longest reply.
const MAX_REPLY: usize = 16 * 1024;

#[derive(Debug)]
pub struct Dialogue {
    commands: VecDeque<Vec<u8>>,
    received: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum DialogueStep {
    /// Bytes of the mail server are awaited.
    Wait,
    Send(Vec<u8>),
    Accepted {
        reply: Vec<u8>,
        /// The bytes that the mail server sent after it.
        rest: Vec<u8>,
    },
    /// A command, or the connection, was refused: with a reply that can be
    /// given to the client for its RCPT.
    Refused(Vec<u8>),
    /// The mail server does not speak SMTP as it should, in this way.
    Failed(&'static str),
}

/// A reply of one or more lines.
struct ServerReply<'a> {
    code: [u8; 3],
    bytes: &'a [u8],
}

impl Dialogue {
    /// A dialogue that waits for the greeting, then sends each command after
    /// the reply to the one before.
    pub fn new(commands: impl IntoIterator<Item = Vec<u8>>) -> Dialogue {
        Dialogue { commands: commands.into_iter().collect(), received: Vec::new() }
    }

    /// Adds bytes from the mail server. Nothing may be fed after
    /// [`DialogueStep::Accepted`], [`DialogueStep::Refused`] and [`DialogueStep::Failed`].
    pub fn feed(&mut self, bytes: &[u8]) -> DialogueStep {
        self.received.extend_from_slice(bytes);
        let reply = match ServerReply::first(&self.received) {
            Ok(Some(reply)) => reply,
            Ok(None) if self.received.len() > MAX_REPLY => {
                return DialogueStep::Failed("reply too long");
            }
            Ok(None) => return DialogueStep::Wait,
            Err(fault) => return DialogueStep::Failed(fault),
        };
        let rest = self.received[reply.bytes.len()..].to_vec();
        match reply.code[0] {
            b'4' | b'5' => DialogueStep::Refused(reply.for_recipient()),
            b'2' => match self.commands.pop_front() {
                Some(_) if !rest.is_empty() => DialogueStep::Failed("reply before its command"),
                Some(command) => {
                    self.received.clear();
                    DialogueStep::Send(command)
                }
                None => DialogueStep::Accepted { reply: reply.bytes.to_vec(), rest },
            },
            _ => DialogueStep::Failed("unexpected reply code"),
        }
    }
}

impl ServerReply<'_> {
    /// The first reply in what was received, if it is complete.
    fn first(received: &[u8]) -> Result<Option<ServerReply<'_>>, &'static str> {
        let mut first = None;
        let mut end = 0;
        for line in received.split_inclusive(|byte| *byte == b'\n') {
            if line.last() != Some(&b'\n') {
                return Ok(None);
            }
            let code = line.first_chunk::<3>().filter(|code| is_code(**code));
            let code = *code.ok_or("reply without a code")?;
            if *first.get_or_insert(code) != code {
                return Err("reply with several codes");
            }
            end += line.len();
            match line[3] {
                b'-' => {}
                b' ' | b'\r' | b'\n' => {
                    return Ok(Some(ServerReply { code, bytes: &received[..end] }));
                }
                _ => return Err("reply without a code"),
            }
        }
        Ok(None)
    }

    /// The reply as one to RCPT: 421 would end the client's connection, which
    /// continues.
    fn for_recipient(&self) -> Vec<u8> {
        let mut reply = self.bytes.to_vec();
        if self.code == *b"421" {
            let starts = memchr::memchr_iter(b'\n', self.bytes).map(|end| end + 1);
            for start in std::iter::once(0).chain(starts) {
                if let Some(code) = reply.get_mut(start..start + 3) {
                    code.copy_from_slice(b"451");
                }
            }
        }
        reply
    }
}

fn is_code(code: [u8; 3]) -> bool {
    matches!(code[0], b'2'..=b'5') && code.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialogue() -> Dialogue {
        Dialogue::new(["EHLO a\r\n", "MAIL\r\n", "RCPT\r\n"].map(|line| line.as_bytes().to_vec()))
    }

    /// Runs a dialogue with a server that sends these pieces; returns the number
    /// of pieces used and the result.
    fn run(pieces: &[&str]) -> (usize, DialogueStep) {
        let mut dialogue = dialogue();
        let mut sent = 0;
        for piece in pieces {
            match dialogue.feed(piece.as_bytes()) {
                DialogueStep::Wait => {}
                DialogueStep::Send(_) => sent += 1,
                end => return (sent, end),
            }
        }
        (sent, DialogueStep::Wait)
    }

    fn accepted(reply: &str, rest: &str) -> DialogueStep {
        DialogueStep::Accepted { reply: reply.into(), rest: rest.into() }
    }

    #[test]
    fn commands_follow_the_replies() {
        let mut dialogue = dialogue();
        assert_eq!(dialogue.feed(b"22"), DialogueStep::Wait);
        assert_eq!(dialogue.feed(b"0 mx\r\n"), DialogueStep::Send(b"EHLO a\r\n".to_vec()));
        assert_eq!(dialogue.feed(b"250-mx\r\n250-"), DialogueStep::Wait);
        assert_eq!(dialogue.feed(b"SIZE\r\n250 DSN\r\n"), DialogueStep::Send(b"MAIL\r\n".to_vec()));
        assert_eq!(dialogue.feed(b"250\r\n"), DialogueStep::Send(b"RCPT\r\n".to_vec()));
        assert_eq!(dialogue.feed(b"250 ok\r\n421 bye"), accepted("250 ok\r\n", "421 bye"));
    }

    #[test]
    fn recipient_may_be_accepted_in_several_lines() {
        let end = run(&["220 x\r\n", "250 x\r\n", "250 x\r\n", "251-will\r\n251 forward\r\n"]);
        assert_eq!(end, (3, accepted("251-will\r\n251 forward\r\n", "")));
    }

    #[test]
    fn refusal_of_any_step_is_the_recipients() {
        let steps = ["220 x\r\n", "250 x\r\n", "250 x\r\n"];
        for refusal in ["450 4.2.0 busy\r\n", "550-no\r\n550 never\r\n", "554\r\n"] {
            for step in 0..=3 {
                let pieces = [&steps[..step], &[refusal]].concat();
                assert_eq!(
                    run(&pieces),
                    (step, DialogueStep::Refused(refusal.into())),
                    "{pieces:?}"
                );
            }
        }
    }

    #[test]
    fn refusal_does_not_end_the_clients_connection() {
        let refused = |reply: &str| match run(&[reply]) {
            (0, DialogueStep::Refused(reply)) => String::from_utf8(reply).unwrap(),
            other => panic!("{other:?}"),
        };
        assert_eq!(refused("421 4.3.2 bye\r\n"), "451 4.3.2 bye\r\n");
        assert_eq!(refused("421-421\r\n421 bye\n"), "451-421\r\n451 bye\n");
    }

    #[test]
    fn malformed_replies_fail() {
        for (pieces, steps, fault) in [
            (&["hello\r\n"][..], 0, "reply without a code"),
            (&["\r\n"], 0, "reply without a code"),
            (&["22\n"], 0, "reply without a code"),
            (&["120 x\r\n"], 0, "reply without a code"),
            (&["220x\r\n"], 0, "reply without a code"),
            (&["220-a\r\n250 b\r\n"], 0, "reply with several codes"),
            (&["354 go\r\n"], 0, "unexpected reply code"),
            (&["220 x\r\n250 y\r\n"], 0, "reply before its command"),
            (&["220 x\r\n", "250 y\r\n250"], 1, "reply before its command"),
        ] {
            assert_eq!(run(pieces), (steps, DialogueStep::Failed(fault)), "{pieces:?}");
        }
    }

    #[test]
    fn reply_without_an_end_is_given_up() {
        let mut dialogue = dialogue();
        let mut fed = 0;
        while dialogue.feed(b"220-and so on\r\n") == DialogueStep::Wait {
            fed += 15;
            assert!(fed < 2 * MAX_REPLY);
        }
        assert!(fed > MAX_REPLY / 2);
    }
}
