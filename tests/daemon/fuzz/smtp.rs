//! SMTP commands of a client, and replies of the mail server.

use super::{Target, in_pieces, some_of};
use postgrey::session::smtp::{
    Dialogue, DialogueStep, Event, Extensions, MAX_LINE, Offer, Session, Step,
};
use std::rc::Rc;
use testkit::random::Random;

pub const CLIENT: Target = Target {
    name: "smtp-client",
    corpus: COMMANDS,
    words: || WORDS.to_vec(),
    generate: |random| lines(WORDS, random),
    check,
};

pub const SERVER: Target = Target {
    name: "smtp-server",
    corpus: REPLIES,
    words: || REPLIES.to_vec(),
    generate: |random| lines(REPLIES, random),
    check: check_server,
};

const COMMANDS: &[&[u8]] = &[
    b"EHLO a\r\nMAIL FROM:<s@a.test> SIZE=1\r\nRCPT TO:<r@b.test>\r\nDATA\r\nQUIT\r\n",
    b"HELO a\nMAIL FROM:<>\nRCPT TO:<@x,@y:\"r s\"@b.test>\nBDAT 5 LAST\nQUIT\nRSET\n",
    b"STARTTLS\r\nEHLO a\r\nNOOP\r\nVRFY x\r\nHELP\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"",
];

const WORDS: &[&[u8]] = &[
    b"EHLO a\r\n",
    b"HELO a\r\n",
    b"MAIL FROM:<s@a.test>\r\n",
    b"MAIL FROM:<> BODY=8BITMIME\r\n",
    b"RCPT TO:<r@b.test>\r\n",
    b"RCPT TO:<pass@b.test> NOTIFY=NEVER\r\n",
    b"DATA\r\n",
    b"BDAT 3\r\n",
    b"BDAT 0 LAST\r\n",
    b"BDAT 99999999999999999999\r\n",
    b"RSET\r\n",
    b"NOOP\r\n",
    b"STARTTLS\r\n",
    b"AUTH PLAIN\r\n",
    b"QUIT\r\n",
    b"\"\\\"",
    b"<@a,@b:",
    b"\r\n.\r\n",
    b"\r",
    b"\n",
];

const REPLIES: &[&[u8]] = &[
    b"220 mx ESMTP\r\n",
    b"250 ok\r\n",
    b"250-mx\r\n250-SIZE 10\r\n250 DSN\r\n",
    b"421-bye\r\n421 4.3.2 bye\r\n",
    b"550 no\n",
    b"354 go\r\n",
    b"250\r\n",
    b"-",
    b"\n",
];

/// Some lines, of which a few are too long.
fn lines(words: &[&[u8]], random: &mut Random) -> Vec<u8> {
    let mut input = some_of(words, random);
    if random.one_in(20) {
        input.extend(vec![b'x'; random.below(3 * MAX_LINE)]);
        input.extend(some_of(words, random));
    }
    input
}

fn check(input: &[u8], random: &mut Random) -> String {
    let whole = events(&[input]);
    assert!(events(&in_pieces(input, random)) == whole, "pieces matter");
    whole.iter().take(6).map(|event| event.chars().take(14).collect::<String>()).collect()
}

/// Returns what a session makes of its input, up to a hand-over, the beginning
/// of TLS or its end.
fn events(pieces: &[&[u8]]) -> Vec<String> {
    let extensions = Extensions::of_reply(b"250-x\r\n250-SIZE\r\n250-8BITMIME\r\n250 DSN\r\n");
    let settings = Offer { host: "mx.test".to_owned(), extensions, offers_tls: true };
    let mut session = Session::new(Rc::new(settings));
    let mut seen = Vec::new();
    for piece in pieces {
        session.feed(piece);
        while let Some(event) = session.next_event() {
            seen.push(format!("{event:?}"));
            match event {
                Event::Reply(reply) => assert_is_reply(&reply),
                // How much is discarded in clear depends on the pieces.
                Event::Close(reply) | Event::StartTls(reply) => {
                    assert_is_reply(&reply);
                    return seen;
                }
                Event::Recipient(asked) => {
                    assert!(asked.sender.len() <= 512 && asked.recipient.len() <= 512);
                    let passes = asked.recipient.starts_with(b"pass");
                    let refusal = (!passes).then(|| b"451 4.7.1 later\r\n".to_vec());
                    match session.answer(refusal) {
                        Step::Reply(reply) => assert_is_reply(&reply),
                        Step::HandOver(lines) => {
                            lines.iter().for_each(|line| assert_is_line(line));
                            seen.push(format!("{lines:?}"));
                            return seen;
                        }
                    }
                }
            }
        }
        session.shrink();
        assert!(session.rest().len() <= MAX_LINE, "{} bytes are held", session.rest().len());
    }
    seen
}

fn assert_is_line(line: &[u8]) {
    let text = line.strip_suffix(b"\r\n").expect("the end of a line");
    assert!(text.len() <= MAX_LINE && !text.iter().any(u8::is_ascii_control));
}

fn assert_is_reply(reply: &[u8]) {
    for line in reply.split_inclusive(|byte| *byte == b'\n') {
        assert_is_line(line);
        assert!(line[..3].iter().all(u8::is_ascii_digit));
    }
}

fn check_server(input: &[u8], random: &mut Random) -> String {
    let whole = progress(&[input]);
    let pieces = progress(&in_pieces(input, random));
    // Only in pieces can a server wait for the commands.
    if let (Some(DialogueStep::Accepted { .. }), None) = (&whole.1, &pieces.1) {
        panic!("pieces matter");
    }
    format!("{whole:?}").chars().take(40).collect()
}

/// Returns the number of commands sent, and how the dialogue ended.
fn progress(pieces: &[&[u8]]) -> (usize, Option<DialogueStep>) {
    let mut dialogue = Dialogue::new(["EHLO a\r\n", "MAIL\r\n", "RCPT\r\n"].map(Into::into));
    let mut sent = 0;
    for piece in pieces {
        match dialogue.feed(piece) {
            DialogueStep::Wait => {}
            DialogueStep::Send(_) => sent += 1,
            end => {
                if let DialogueStep::Refused(reply) = &end {
                    assert!(matches!(reply[0], b'4' | b'5') && !reply.starts_with(b"421"));
                }
                return (sent, Some(end));
            }
        }
    }
    (sent, None)
}
