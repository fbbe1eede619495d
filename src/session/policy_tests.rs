//! The rules of BEHAVIOUR D1 to D4.

use super::*;
use testkit::random::{self, Random};

/// Returns the events of a session as text.
fn events(pieces: &[&[u8]]) -> Vec<String> {
    let mut session = Session::default();
    let mut seen = Vec::new();
    for piece in pieces {
        session.feed(piece);
        while let Some(event) = session.next_event() {
            seen.push(match event {
                Event::Request => describe(&session.request()),
                Event::Incomplete(line) => line,
                Event::Warning(line) | Event::Error(line) => line.escape_ascii().to_string(),
                other => panic!("{other:?}"),
            });
        }
    }
    seen
}

fn describe(request: &Request<'_>) -> String {
    format!(
        "{}|{}|{}|{}|{}|{}|{}|{:?}",
        request.client_address.escape_ascii(),
        request.client_name.escape_ascii(),
        request.sender.escape_ascii(),
        request.recipient.escape_ascii(),
        request.instance.map_or("-".to_string(), |i| i.escape_ascii().to_string()),
        request.queue_id.escape_ascii(),
        request.has_etrn_domain,
        request.test_time,
    )
}

const REQUEST: &[u8] = b"request=smtpd_access_policy\nclient_address=1.2.3.4\nclient_name=mx\n\
    sender=a@b\nrecipient=c@d\n\n";
const SEEN: &str = "1.2.3.4|mx|a@b|c@d|-||false|None";

/// [`REQUEST`] with more lines before its end.
fn with(lines: &str) -> Vec<u8> {
    let mut bytes = REQUEST[..REQUEST.len() - 1].to_vec();
    bytes.extend_from_slice(lines.as_bytes());
    bytes.extend_from_slice(b"\n");
    bytes
}

#[test]
fn a_request_ends_at_the_empty_line() {
    assert_eq!(events(&[REQUEST]), [SEEN]);
    assert_eq!(events(&[&REQUEST[..REQUEST.len() - 1]]), [""; 0]);
    assert_eq!(events(&[&REQUEST[..20], &REQUEST[20..]]), [SEEN]);
    let crlf = REQUEST.escape_ascii().to_string().replace("\\n", "\r\n");
    assert_eq!(events(&[crlf.as_bytes()]), [SEEN]);
}

#[test]
fn every_attribute_of_use_is_taken() {
    let all =
        with("instance=i.1\nqueue_id=3F2A\netrn_domain=\npolicy_test_time=1700000000\nsize=5\n");
    assert_eq!(events(&[&all]), ["1.2.3.4|mx|a@b|c@d|i.1|3F2A|true|Some(1700000000)"]);
}

#[test]
fn names_and_values_are_split_as_the_original_does() {
    let table = [
        ("=sender=x\n", "1.2.3.4|mx|x|c@d|-||false|None"),
        ("sender==b\n", "1.2.3.4|mx|=b|c@d|-||false|None"),
        ("sender=\n", "1.2.3.4|mx||c@d|-||false|None"),
        ("sender = x\n", SEEN),
        ("Sender=x\n", SEEN),
        ("sender=1\nsender=2\n", "1.2.3.4|mx|2|c@d|-||false|None"),
        ("sender= x \n", "1.2.3.4|mx| x |c@d|-||false|None"),
        ("sender=a\rb\n", "1.2.3.4|mx|a\\rb|c@d|-||false|None"),
        ("sender=a\r\r\n", "1.2.3.4|mx|a\\r|c@d|-||false|None"),
        ("sender=é\0\n", "1.2.3.4|mx|\\xc3\\xa9\\x00|c@d|-||false|None"),
    ];
    for (lines, seen) in table {
        assert_eq!(events(&[&with(lines)]), [seen], "{lines:?}");
    }
}

#[test]
fn long_values_are_cut() {
    let long = "x".repeat(600);
    let seen = events(&[&with(&format!("sender={long}\n"))]);
    assert_eq!(seen, [format!("1.2.3.4|mx|{}|c@d|-||false|None", &long[..512])]);
}

#[test]
fn a_line_without_a_name_is_reported_and_passed_over() {
    for line in ["nothing", "=value", "==", " ", "\r\r"] {
        let seen = events(&[&with(&format!("{line}\n"))]);
        let shown = line.strip_suffix('\r').unwrap_or(line).escape_debug();
        assert_eq!(seen, [format!("ignoring garbage: <{shown}>"), SEEN.to_string()], "{line:?}");
    }
    let seen = events(&[&with(&format!("{}\n", "y".repeat(200)))]);
    assert_eq!(seen[0], format!("ignoring garbage: <{}>", "y".repeat(100)));
}

#[test]
fn garbage_is_reported_before_the_request_is_complete() {
    assert_eq!(events(&[b"junk\nsender=x\n"]), ["ignoring garbage: <junk>"]);
}

#[test]
fn a_request_of_another_type_is_ignored() {
    let line = |kind: &str| format!("unrecognized request type: \\'{kind}\\'");
    assert_eq!(events(&[b"\n"]), [line("")]);
    assert_eq!(events(&[b"request=junk\nsender=x\n\n"]), [line("junk")]);
    let other_case = line("SMTPD_access_policy");
    assert_eq!(events(&[b"request=SMTPD_access_policy\n\n"]), [other_case]);
    assert_eq!(events(&[&[REQUEST, b"\n", REQUEST].concat()]), [SEEN, &line(""), SEEN]);
}

#[test]
fn the_first_missing_attribute_is_named() {
    let required = ["client_address", "client_name", "recipient", "sender"];
    let mut request = "request=smtpd_access_policy\n".to_string();
    for name in required {
        assert_eq!(events(&[request.as_bytes(), b"\n"]), [format!("attribute missing: {name}")]);
        request.push_str(&format!("{name}=1.2.3.4\n"));
    }
}

#[test]
fn nothing_carries_over_to_the_next_request() {
    let bytes = [
        &with("queue_id=3F2A\ninstance=1\netrn_domain=x\n"),
        REQUEST,
        b"request=smtpd_access_policy\n\n",
    ]
    .concat();
    let seen = events(&[&bytes]);
    assert_eq!(
        seen,
        ["1.2.3.4|mx|a@b|c@d|1|3F2A|true|None", SEEN, "attribute missing: client_address"]
    );
}

#[test]
fn a_test_time_has_to_be_a_number() {
    for time in ["abc", "", "-5", "1,5", "99999999999999999999"] {
        let seen = events(&[&with(&format!("policy_test_time={time}\n"))]);
        let warning = format!("ignoring invalid policy_test_time: {time}");
        assert_eq!(seen, [&warning, SEEN]);
    }
}

#[test]
fn a_request_without_an_end_is_too_long_at_last() {
    let mut session = Session::default();
    let piece = [b'x'; 1024];
    for _ in 0..64 {
        session.feed(&piece);
        assert_eq!(session.next_event(), None);
    }
    assert!(!session.is_too_long());
    session.feed(b"x");
    assert_eq!(session.next_event(), None);
    assert!(session.is_too_long());
}

#[test]
fn many_complete_requests_are_not_too_long() {
    let mut session = Session::default();
    session.feed(&REQUEST.repeat(2000));
    while session.next_event().is_some() {}
    assert!(!session.is_too_long());
}

#[test]
fn replies_are_framed() {
    let restrict =
        |text: &str| Reply::Restrict { action: b"DEFER_IF_PERMIT".to_vec(), text: text.into() };
    let replies = [
        (Reply::Dunno, "action=DUNNO\n\n"),
        (restrict("wait"), "action=DEFER_IF_PERMIT wait\n\n"),
        (Reply::Prepend(b"X-G: 1".to_vec()), "action=PREPEND X-G: 1\n\n"),
        (restrict("a\rb"), "action=DEFER_IF_PERMIT a b\n\n"),
    ];
    for (given, text) in replies {
        assert_eq!(reply(&given), text.as_bytes());
    }
}

fn request(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..random.below(12) {
        match random.below(8) {
            0 => bytes.extend_from_slice(b"request=smtpd_access_policy"),
            1 => bytes.extend((0..random.below(40)).map(|_| b"=ab\r "[random.below(5)])),
            _ => {
                let names = ["client_address", "client_name", "sender", "recipient", "size"];
                bytes.extend_from_slice(names[random.below(names.len())].as_bytes());
                bytes.push(b'=');
                bytes.extend((0..random.below(20)).map(|_| b"=a1.\r\0\xff"[random.below(7)]));
            }
        }
        bytes.extend_from_slice([b"\n".as_slice(), b"\r\n"][random.below(2)]);
    }
    bytes.extend_from_slice([b"\n".as_slice(), b"\r\n"][random.below(2)]);
    bytes
}

#[test]
fn the_pieces_in_which_bytes_come_do_not_matter() {
    let seed = random::seed();
    let mut random = Random::of(seed);
    let stream: Vec<u8> = (0..10_000).flat_map(|_| request(&mut random)).collect();
    let whole = events(&[&stream]);
    assert!(whole.len() >= 10_000);
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert!(events(&bytes) == whole, "byte by byte, seed {seed}");
    let mut rest = stream.as_slice();
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(random.below(rest.len().min(3000)) + 1);
        pieces.push(piece);
        rest = after;
    }
    assert!(events(&pieces) == whole, "in random pieces, seed {seed}");
}
