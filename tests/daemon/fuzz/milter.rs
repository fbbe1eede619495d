//! Packets of the milter protocol.

use crate::fuzz::{Target, in_pieces};
use postgrey::greylist::Reply;
use postgrey::session::milter::{MAX_PACKET_LENGTH, Session};
use postgrey::session::{Event, MailSession as _};
use testkit::random::Random;

pub const TARGET: Target =
    Target { name: "milter", corpus: CORPUS, words: || WORDS.to_vec(), generate, check };

const CORPUS: &[&[u8]] = &[
    b"\0\0\0\rO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff\0\0\0\x1cCmx.a.test\x004\x1f\x90192.0.2.1\0\
      \0\0\0\x0aDMi\x004711\0\0\0\0\x0eM<a@a.test>\0\0\0\0\x0eR<b@b.test>\0\0\0\0\x01E\0\0\0\x01Q",
    b"\0\0\0\rO\0\0\0\x02\0\0\0\x3f\0\0\0\x7f\0\0\0\x12C[::1]\x006\0\x19::1\0\0\0\0\x01K\
      \0\0\0\x06Hhelo\0\0\0\0\x01A",
    b"GET / HTTP/1.0\r\n\r\n",
    b"\0\0\0\0",
    b"",
];

const WORDS: &[&[u8]] = &[
    b"\0\0\0\x01E",
    b"\0\0\0\x01A",
    b"\0\0\0\x01K",
    b"\0\0\0\x01Q",
    b"\0\0\0\rO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff",
    b"\0\0\0\rO\0\0\0\x02\0\0\0\x3f\0\0\0\x7f",
    b"\0\0\0\x03M<>",
    b"\0\0\0\x06R<b@c>",
    b"\0\0\0\x0bCx\x004\0\0::1\0",
    b"\0\0\0\x12DM{auth_type}\0PLA\0",
    b"\0\0\0\x09DR{i}\x0012\0",
    b"\0\x01\0\0B",
    b"\0\x01\0\x01B",
    b"<\"a\\\"b\"@c>",
    b"<@a,@b:c@d>",
    b"IPv6:",
    b"\0",
];

const ACTIONS: [&[u8]; 5] =
    [b"DEFER_IF_PERMIT", b"HOLD", b"DISCARD", b"PREPEND X-Greylist:", b"WARN"];

fn packet(command: u8, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len() + 1).expect("a short packet");
    [&length.to_be_bytes(), [command].as_slice(), data].concat()
}

/// A text without a NUL, with bytes that mean something more often than others.
fn text(random: &mut Random) -> Vec<u8> {
    let length = if random.one_in(20) { random.below(2000) } else { random.below(20) };
    let byte = |random: &mut Random| match random.below(3) {
        0 => one_of(random, b"<>\"\\@:,[]()%; "),
        _ => u8::try_from(random.below(255) + 1).expect("a byte"),
    };
    (0..length).map(|_| byte(random)).collect()
}

fn one_of(random: &mut Random, bytes: &[u8]) -> u8 {
    bytes[random.below(bytes.len())]
}

/// A few messages, most of them in order.
fn generate(random: &mut Random) -> Vec<u8> {
    let mut input = packet(b'O', b"\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff");
    for _ in 0..=random.below(8) {
        let data = match random.below(4) {
            0 => [&text(random), b"\0".as_slice(), &text(random)].concat(),
            1 => [b"x\x004\0\0".as_slice(), &text(random), b"\0"].concat(),
            2 => [b"M{i}\0".as_slice(), &text(random), b"\0"].concat(),
            _ => [b"<".as_slice(), &text(random), b">\0"].concat(),
        };
        let command = if random.one_in(20) {
            u8::try_from(random.below(256)).expect("a byte")
        } else {
            one_of(random, b"CCDDMMMRRRRRREEAKHLNBTUOQ")
        };
        input.extend(packet(command, &data));
    }
    input
}

fn check(input: &[u8], random: &mut Random) -> String {
    let whole_read = events(&[input]);
    assert!(events(&in_pieces(input, random)) == whole_read, "pieces matter");
    let kind = |event: &String| event.split(['(', '[', '{']).next().unwrap_or("").to_string();
    whole_read.iter().take(5).map(kind).collect::<Vec<_>>().join(" ")
}

/// The events and replies of a session up to the end of its input. The recipients get
/// each kind of reply in turn.
fn events(pieces: &[&[u8]]) -> Vec<String> {
    let mut session = Session::default();
    let mut seen = Vec::new();
    for piece in pieces.iter().flat_map(|piece| piece.chunks(4096)) {
        session.feed(piece);
        while let Some(event) = session.next_event() {
            seen.push(format!("{event:?}"));
            match event {
                Event::Send(bytes) => assert_are_packets(&bytes),
                Event::Request => {
                    let request = session.request();
                    for text in [
                        request.client_address,
                        request.client_name,
                        request.sender,
                        request.recipient,
                        request.queue_id,
                    ] {
                        assert!(text.len() <= 512, "a text of {} bytes", text.len());
                    }
                    seen.push(format!("{request:?}"));
                    let text = request.recipient.to_vec();
                    let reply = match seen.len() % 4 {
                        0 => Reply::Dunno,
                        1 => Reply::Prepend([b"X-Greylist: ".as_slice(), &text].concat()),
                        _ => {
                            let action = ACTIONS[text.len() % ACTIONS.len()].to_vec();
                            Reply::Restrict { action, text }
                        }
                    };
                    let reply = session.reply(&reply);
                    assert_are_packets(&reply);
                    seen.push(format!("{}", reply.escape_ascii()));
                }
                Event::Close(_) => return seen,
                other => panic!("{other:?} of a milter session"),
            }
        }
        session.rest();
        let buffered = session.buffered();
        assert!(buffered <= 2 * (MAX_PACKET_LENGTH + 4 + 4096), "{buffered} bytes are held");
    }
    seen
}

/// Each packet is whole, of a kind that mail servers await, and its text is
/// one line that is no format.
fn assert_are_packets(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let (head, rest) = bytes.split_first_chunk::<4>().expect("a length");
        let length = usize::try_from(u32::from_be_bytes(*head)).expect("a length");
        let (packet, after) = rest.split_at(length);
        match packet {
            [b'c' | b'd'] => {}
            [b'q', reason @ .., 0] => assert!(!reason.iter().any(u8::is_ascii_control)),
            [b'O', terms @ ..] => assert_eq!(terms.len(), 12),
            [b'i', 0, 0, 0, 0, header @ ..] => {
                assert!(header.starts_with(b"X-Greylist\0") && header.ends_with(b"\0"));
                assert_eq!(header.iter().filter(|byte| **byte == 0).count(), 2);
                assert!(!header.iter().any(|byte| matches!(byte, b'\r' | b'\n')));
            }
            [b'y', text @ .., 0] => {
                assert!(text.starts_with(b"451 4."), "{}", text.escape_ascii());
                assert!(!text.iter().any(u8::is_ascii_control));
                let without_pairs = text.escape_ascii().to_string().replace("%%", "");
                assert!(!without_pairs.contains('%'), "{without_pairs}");
            }
            other => panic!("{}", other.escape_ascii()),
        }
        bytes = after;
    }
}
