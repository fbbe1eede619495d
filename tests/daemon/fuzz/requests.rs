//! Requests of the policy protocol.

use crate::fuzz::{Target, in_pieces};
use postgrey::request::Request;
use postgrey::session::policy::{MAX_REQUEST_LENGTH, Session};
use postgrey::session::{Event, MailSession as _};
use testkit::random::Random;

pub const TARGET: Target =
    Target { name: "requests", corpus: CORPUS, words: || WORDS.to_vec(), generate, check };

const CORPUS: &[&[u8]] = &[
    b"request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=\
      192.0.2.1\nclient_name=mx.a.test\nreverse_client_name=mx.a.test\nhelo_name=mx\nsender=\
      alice@a.test\nrecipient=bob@b.test\nrecipient_count=0\nqueue_id=\ninstance=1.2.3\nsize=0\n\
      etrn_domain=\nccert_subject=\n\n",
    b"request=smtpd_access_policy\r\nclient_address=2001:db8::1\r\nclient_name=\r\nsender=\r\n\
      recipient=b@b\r\npolicy_test_time=1700000000\r\n\r\n",
    b"request=junk_policy\n\nrequest=smtpd_access_policy\nsender=a\n\nno name here\n===x==y=\n\n",
    b"policy_test_time=12x\npolicy_test_time=-1\npolicy_test_time=\n\n\n\n",
    b"",
];

const WORDS: &[&[u8]] = &[
    b"\n\n",
    b"\r\n\r\n",
    b"\n",
    b"request=smtpd_access_policy\n",
    b"client_address=",
    b"client_name=",
    b"sender=",
    b"recipient=",
    b"instance=",
    b"queue_id=",
    b"etrn_domain=",
    b"policy_test_time=",
    b"9223372036854775807",
    b"9223372036854775808",
    b"==",
    b"request=smtpd_access_policy\nclient_address=1.2.3.4\nclient_name=c\nsender=s\nrecipient=r\n\n",
];

/// Some requests, whole ones among them whose reading is known: see [`whole`].
fn generate(random: &mut Random) -> Vec<u8> {
    let mut input = Vec::new();
    for _ in 0..=random.below(6) {
        if random.one_in(2) {
            input.extend(whole(random).bytes());
        } else {
            for _ in 0..random.below(12) {
                input.extend_from_slice(random.pick(WORDS));
            }
        }
    }
    input
}

/// A request without fault.
struct Whole {
    values: [Vec<u8>; 4],
    end: &'static [u8],
}

fn whole(random: &mut Random) -> Whole {
    let values = [value(random), value(random), value(random), value(random)];
    Whole { values, end: random.pick(&[b"\n".as_slice(), b"\r\n"]) }
}

fn value(random: &mut Random) -> Vec<u8> {
    let length = if random.one_in(20) { random.below(513) } else { random.below(30) };
    let byte = |random: &mut Random| match random.below(256) {
        0x0a | 0x0d => b'.',
        byte => u8::try_from(byte).expect("a byte"),
    };
    (0..length).map(|_| byte(random)).collect()
}

impl Whole {
    fn bytes(&self) -> Vec<u8> {
        let [address, name, sender, recipient] = self.values.each_ref();
        let mut bytes = Vec::new();
        for (name, value) in [
            (b"request".as_slice(), b"smtpd_access_policy".as_slice()),
            (b"client_address", address),
            (b"size", b"10"),
            (b"client_name", name),
            (b"sender", sender),
            (b"recipient", recipient),
        ] {
            bytes.extend([name, b"=", value, self.end].concat());
        }
        bytes.extend_from_slice(self.end);
        bytes
    }

    fn request(&self) -> Request<'_> {
        let [client_address, client_name, sender, recipient] = self.values.each_ref();
        Request { client_address, client_name, sender, recipient, ..Request::default() }
    }
}

fn check(input: &[u8], random: &mut Random) -> String {
    let whole_read = events(&[input]);
    assert!(events(&in_pieces(input, random)) == whole_read, "pieces matter");
    let each_alone: Vec<String> =
        requests(input).into_iter().flat_map(|request| events(&[request])).collect();
    assert!(each_alone == whole_read, "a request changes how a later one is read");
    assert_bounded(input);
    assert_whole_one_is_understood(input, random);
    kinds(&whole_read)
}

/// The events of a session for its input; its memory is checked meanwhile.
fn events(pieces: &[&[u8]]) -> Vec<String> {
    let mut session = Session::default();
    let mut seen = Vec::new();
    for piece in pieces {
        session.feed(piece);
        while let Some(event) = session.next_event() {
            let other = match event {
                Event::Request => None,
                other => Some((format!("{other:?}"), longest_text(&other), 512 + 40)),
            };
            let request = || {
                let request = session.request();
                (format!("{request:?}"), longest_value(&request), 512)
            };
            let (shown, longest, limit) = other.unwrap_or_else(request);
            assert!(longest <= limit, "a value of {longest} bytes");
            seen.push(shown);
        }
        session.rest();
    }
    seen
}

/// The length of a line for the log, which consists of a sentence and a value.
fn longest_text(event: &Event) -> usize {
    match event {
        Event::Warning(line) | Event::Error(line) => line.len(),
        _ => 0,
    }
}

fn longest_value(request: &Request<'_>) -> usize {
    let Request { client_address, client_name, sender, recipient, .. } = request;
    let others = [request.instance.unwrap_or_default(), request.queue_id];
    let values = [client_address, client_name, sender, recipient];
    values.into_iter().chain(&others).map(|value| value.len()).max().unwrap_or_default()
}

/// The input cut after each empty line.
fn requests(input: &[u8]) -> Vec<&[u8]> {
    let mut requests = Vec::new();
    let (mut start, mut end) = (0, 0);
    for line in input.split_inclusive(|byte| *byte == b'\n') {
        end += line.len();
        if line == b"\n" || line == b"\r\n" {
            requests.push(&input[start..end]);
            start = end;
        }
    }
    requests.push(&input[start..]);
    requests
}

/// A server's way to read, which hangs up on a request without an end, takes no
/// more memory than the longest request and a bit.
fn assert_bounded(input: &[u8]) {
    const PIECE: usize = 4096;
    let mut session = Session::default();
    for piece in input.chunks(PIECE) {
        session.feed(piece);
        while session.next_event().is_some() {}
        session.rest();
        let buffered = session.buffered();
        assert!(buffered <= 2 * (MAX_REQUEST_LENGTH + PIECE), "{buffered} bytes are held");
        if session.is_too_long() {
            return;
        }
    }
}

/// After any input that was complete, a valid request is read as it was written.
fn assert_whole_one_is_understood(before: &[u8], random: &mut Random) {
    let mut session = Session::default();
    session.feed(before);
    session.feed(b"\n\n");
    while session.next_event().is_some() {}
    let whole = whole(random);
    session.feed(&whole.bytes());
    assert_eq!(session.next_event(), Some(Event::Request));
    assert_eq!(session.request(), whole.request());
    assert_eq!(session.next_event(), None);
    assert!(session.is_empty());
}

/// The first few events by kind: the outcome in short.
fn kinds(events: &[String]) -> String {
    let kind = |event: &String| event.split(['(', '[']).next().unwrap_or_default().to_string();
    events.iter().take(5).map(kind).collect::<Vec<_>>().join(" ")
}
