use super::super::MAX_PACKET_LENGTH;
use super::*;

const OFFER: [u32; 3] = [6, 0x1ff, 0x1f_ffff];

fn packet(command: u8, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len() + 1).unwrap();
    [&length.to_be_bytes(), [command].as_slice(), data].concat()
}

fn offer(numbers: [u32; 3]) -> Vec<u8> {
    packet(b'O', &numbers.map(u32::to_be_bytes).concat())
}

fn connection(name: &str, address: &str) -> Vec<u8> {
    let family = if address.contains(':') { b'6' } else { b'4' };
    packet(b'C', &[name.as_bytes(), &[0, family, 0x1f, 0x90], address.as_bytes(), b"\0"].concat())
}

fn mail(sender: &str) -> Vec<u8> {
    packet(b'M', format!("<{sender}>\0SIZE=10\0").as_bytes())
}

fn rcpt(recipient: &str) -> Vec<u8> {
    packet(b'R', format!("<{recipient}>\0").as_bytes())
}

/// A session that has been fed packets up to a recipient.
fn fed(packets: &[Vec<u8>]) -> Session {
    let mut session = Session::default();
    session.feed(&packets.concat());
    session
}

/// A session with a client and no message.
fn connected() -> Session {
    let mut session = fed(&[offer(OFFER), connection("mx.a.test", "192.0.2.1")]);
    assert!(matches!(session.next_event(), Some(Event::Send(_))));
    assert_eq!(session.next_event(), None);
    session
}

fn next_recipient(session: &mut Session) -> Request<'_> {
    assert_eq!(session.next_event(), Some(Event::Request));
    session.request()
}

fn header(text: &str) -> Reply {
    Reply::Prepend(format!("X-Greylist: {text}").into_bytes())
}

fn restrict(action: &str, text: &str) -> Reply {
    Reply::Restrict { action: action.into(), text: text.into() }
}

fn next_reply(session: &mut Session) -> Vec<u8> {
    match session.next_event() {
        Some(Event::Send(bytes)) => bytes,
        other => panic!("{other:?} instead of a reply"),
    }
}

/// The event that ends a session.
fn end_of(packets: &[Vec<u8>]) -> Event {
    let mut session = fed(packets);
    loop {
        match session.next_event() {
            Some(event @ Event::Close(_)) => return event,
            Some(_) => {}
            None => panic!("the session continues"),
        }
    }
}

#[test]
fn of_what_is_offered_only_what_is_of_use_is_taken() {
    let table = [
        (OFFER, [6, 0x21, 0x5372]),
        ([7, 0x1ff, u32::MAX], [6, 0x21, 0x5372]),
        ([2, 0x3f, 0x7f], [2, 0x21, 0x72]),
        ([6, 0x1f, 0x7f], [6, 0x1, 0x72]),
        ([4, 0, 0], [4, 0, 0]),
    ];
    for (offered, agreed) in table {
        let mut session = fed(&[offer(offered)]);
        assert_eq!(next_reply(&mut session), offer(agreed));
        assert!(session.is_empty());
    }
}

#[test]
fn only_what_is_awaited_is_answered() {
    let packets = [connection("mx.a.test", "192.0.2.1"), mail("a@a.test")];
    let mut silent = fed(&[&[offer(OFFER)], packets.as_slice()].concat());
    next_reply(&mut silent);
    assert_eq!(silent.next_event(), None);
    let mut old = fed(&[&[offer([2, 0x3f, 0x7f])], packets.as_slice()].concat());
    next_reply(&mut old);
    assert_eq!(next_reply(&mut old), CONTINUE);
    assert_eq!(next_reply(&mut old), CONTINUE);
    for command in *b"HTLNBU" {
        old.feed(&packet(command, b"x\0"));
        assert_eq!(next_reply(&mut old), CONTINUE);
    }
    assert_eq!(old.next_event(), None);
}

#[test]
fn a_recipient_becomes_the_request_of_the_policy_protocol() {
    let mut session = connected();
    session.feed(&packet(b'D', b"Mi\x003F1A2B\0{mail_addr}\0x\0"));
    session.feed(&[mail("@relay.test:Alice@A.test"), rcpt("\"bo b\"@B.test")].concat());
    assert_eq!(
        next_recipient(&mut session),
        Request {
            client_address: b"192.0.2.1",
            client_name: b"mx.a.test",
            sender: b"Alice@A.test",
            recipient: b"bo b@B.test",
            queue_id: b"3F1A2B",
            covers_own_users: true,
            ..Request::default()
        }
    );
}

#[test]
fn the_null_sender_is_empty_and_a_nameless_client_unknown() {
    let mut session = fed(&[
        offer(OFFER),
        connection("[IPv6:2001:db8::7]", "IPv6:2001:DB8:0::7"),
        packet(b'M', b"<>\0"),
        rcpt("bob@b.test"),
    ]);
    next_reply(&mut session);
    let request = next_recipient(&mut session);
    assert_eq!(request.sender, b"");
    assert_eq!(request.client_name, b"unknown");
    assert_eq!(request.client_address, b"2001:db8::7");
}

#[test]
fn client_may_be_local_or_unknown() {
    let client = |data: &[u8]| {
        let mut session = fed(&[offer(OFFER), packet(b'C', data), mail("a"), rcpt("b")]);
        next_reply(&mut session);
        let request = next_recipient(&mut session);
        (request.client_address.to_vec(), request.is_local)
    };
    assert_eq!(client(b"localhost\0L\0\0/run/socket\0"), (b"unknown".to_vec(), true));
    assert_eq!(client(b"nobody\0U"), (b"unknown".to_vec(), false));
    assert_eq!(client(b"x\x004\0\x00192.0.2.1"), (b"192.0.2.1".to_vec(), false));
}

#[test]
fn a_login_applies_to_one_message() {
    let mut session = connected();
    session.feed(&packet(b'D', b"M{auth_type}\0PLAIN\0{auth_authen}\0joe\0"));
    session.feed(&[mail("a@a.test"), rcpt("b@b.test"), rcpt("c@b.test")].concat());
    assert!(next_recipient(&mut session).is_authenticated);
    assert!(next_recipient(&mut session).is_authenticated);
    session.feed(&[packet(b'A', b""), mail("a@a.test"), rcpt("b@b.test")].concat());
    assert!(!next_recipient(&mut session).is_authenticated);
    session.feed(&packet(b'D', b"M{auth_type}\0\0{auth_authen}\0\0"));
    session.feed(&[mail("a@a.test"), rcpt("b@b.test")].concat());
    assert!(!next_recipient(&mut session).is_authenticated);
}

#[test]
fn a_login_is_not_that_of_the_next_client_or_message() {
    for between in [packet(b'A', b""), connection("mx.b.test", "192.0.2.2")] {
        let mut session = connected();
        session.feed(&packet(b'D', b"M{auth_type}\0PLAIN\0"));
        session.feed(&[between, mail("a@a.test"), rcpt("b")].concat());
        assert!(!next_recipient(&mut session).is_authenticated);
    }
}

#[test]
fn the_queue_id_may_come_with_a_recipient() {
    let mut session = connected();
    let with_id = packet(b'D', b"R{i}\x004711\0");
    session.feed(&[mail("a"), rcpt("b"), with_id, rcpt("c"), mail("a"), rcpt("b")].concat());
    assert_eq!(next_recipient(&mut session).queue_id, b"");
    assert_eq!(next_recipient(&mut session).queue_id, b"4711");
    assert_eq!(next_recipient(&mut session).queue_id, b"");
}

#[test]
fn a_message_gets_one_header_and_the_next_its_own() {
    let mut session = connected();
    session.feed(&[mail("a"), rcpt("b"), rcpt("c")].concat());
    assert!(!next_recipient(&mut session).has_header);
    assert_eq!(session.reply(&header("first")), CONTINUE);
    assert!(next_recipient(&mut session).has_header);
    assert_eq!(session.reply(&header("second")), CONTINUE);
    session.feed(&packet(b'E', b""));
    let with_header = [&packet(b'i', b"\0\0\0\0X-Greylist\0first\0"), CONTINUE].concat();
    assert_eq!(next_reply(&mut session), with_header);

    session.feed(&[mail("a"), rcpt("b"), packet(b'E', b"")].concat());
    assert!(!next_recipient(&mut session).has_header);
    assert_eq!(session.reply(&Reply::Dunno), CONTINUE);
    assert_eq!(next_reply(&mut session), CONTINUE);
}

#[test]
fn a_header_is_not_put_in_where_that_was_not_agreed() {
    let mut session =
        fed(&[offer([6, 0x1fe, 0x1f_ffff]), connection("mx", "192.0.2.1"), mail("a"), rcpt("b")]);
    next_reply(&mut session);
    next_recipient(&mut session);
    session.reply(&header("x"));
    session.feed(&packet(b'E', b""));
    assert_eq!(next_reply(&mut session), CONTINUE);
}

#[test]
fn an_aborted_message_leaves_no_state() {
    let mut session = connected();
    session.feed(&[mail("a"), rcpt("b")].concat());
    next_recipient(&mut session);
    session.reply(&header("x"));
    session.feed(&[packet(b'A', b""), packet(b'E', b"")].concat());
    assert_eq!(next_reply(&mut session), CONTINUE);
    session.feed(&rcpt("b"));
    assert_eq!(session.next_event(), Some(closing(Fault::OutOfPlace(b'R'))));
}

#[test]
fn another_client_may_follow_on_the_same_connection() {
    let mut session = connected();
    session.feed(&[mail("a"), rcpt("b"), packet(b'K', b"")].concat());
    next_recipient(&mut session);
    session.feed(&[connection("mx.c.test", "198.51.100.2"), mail("c"), rcpt("d")].concat());
    let request = next_recipient(&mut session);
    assert_eq!(request.client_address, b"198.51.100.2");
    assert_eq!(request.sender, b"c");
    session.feed(&packet(b'Q', b""));
    assert_eq!(session.next_event(), Some(Event::Close(None)));
}

#[test]
fn actions_of_a_message_end_with_it() {
    let ends: [(&[Vec<u8>], &[u8]); 4] = [
        (&[], &packet(b'd', b"")),
        (&[packet(b'A', b"")], CONTINUE),
        (&[packet(b'K', b""), connection("mx", "192.0.2.2"), mail("a")], CONTINUE),
        (&[mail("a")], CONTINUE),
    ];
    for (between, end) in ends {
        let mut session = connected();
        session.feed(&[mail("a"), rcpt("b")].concat());
        next_recipient(&mut session);
        assert_eq!(session.reply(&restrict("DISCARD", "No")), CONTINUE);
        session.feed(&[between.concat(), packet(b'E', b"")].concat());
        assert_eq!(next_reply(&mut session), end, "{between:?}");
    }
}

#[test]
fn a_deferral_becomes_an_smtp_reply() {
    let mut session = connected();
    session.feed(&[mail("a"), rcpt("b")].concat());
    next_recipient(&mut session);
    let reply = session.reply(&restrict("DEFER_IF_PERMIT", "Greylisted"));
    assert_eq!(reply, packet(b'y', b"451 4.7.1 Greylisted\0"));
}

#[test]
fn protocol_errors_end_the_connection() {
    let greeting = || [offer(OFFER), connection("mx", "192.0.2.1")];
    let after = |packet: Vec<u8>| end_of(&[greeting().as_slice(), &[packet]].concat());
    assert_eq!(end_of(&[vec![0; 4]]), closing(Fault::Length(0)));
    assert_eq!(end_of(&[b"GET / HTTP/1.0\r\n\r\n".to_vec()]), closing(Fault::Length(0x4745_5420)));
    assert_eq!(end_of(&[mail("a")]), closing(Fault::OutOfPlace(b'M')));
    assert_eq!(end_of(&[offer([1, 0, 0])]), closing(Fault::Version(1)));
    assert_eq!(end_of(&[packet(b'O', &[0; 8])]), closing(Fault::Version(0)));
    assert_eq!(
        end_of(&[packet(b'O', &[0, 0, 0, 6, 0, 0, 0, 1])]),
        closing(Fault::OutOfPlace(b'O'))
    );
    assert_eq!(end_of(&[offer(OFFER), mail("a"), rcpt("b")]), closing(Fault::OutOfPlace(b'R')));
    assert_eq!(after(rcpt("b")), closing(Fault::OutOfPlace(b'R')));
    assert_eq!(after(packet(b'z', b"")), closing(Fault::Unknown(b'z')));
    assert_eq!(after(packet(b'C', b"no family")), closing(Fault::OutOfPlace(b'C')));
    assert_eq!(after(packet(b'C', b"mx\x004\0")), closing(Fault::OutOfPlace(b'C')));
}

#[test]
fn the_longest_packet_is_read_and_a_longer_one_is_not_waited_for() {
    let mut session = connected();
    session.feed(&packet(b'B', &vec![b'x'; MAX_PACKET_LENGTH - 1]));
    assert_eq!(next_reply(&mut session), CONTINUE);
    session.rest();
    assert!(session.is_empty() && session.buffered() <= 4096);
    let too_long = u32::try_from(MAX_PACKET_LENGTH + 1).unwrap();
    session.feed(&too_long.to_be_bytes());
    assert_eq!(session.next_event(), Some(closing(Fault::Length(too_long))));
}

#[test]
fn pieces_do_not_matter() {
    let input = [offer(OFFER), connection("mx", "192.0.2.1"), mail("a"), rcpt("b")].concat();
    let mut session = Session::default();
    let (last, others) = input.split_last().unwrap();
    let mut replies = 0;
    for byte in others {
        session.feed(&[*byte]);
        while let Some(event) = session.next_event() {
            assert!(matches!(event, Event::Send(_)));
            replies += 1;
        }
    }
    assert_eq!(replies, 1);
    session.feed(&[*last]);
    assert_eq!(next_recipient(&mut session).recipient, b"b");
}

#[test]
fn texts_have_a_bounded_length() {
    let long = "x".repeat(5000);
    let mut session = fed(&[
        offer(OFFER),
        connection(&long, &long),
        packet(b'D', format!("Mi\0{long}\0").as_bytes()),
        mail(&long),
        rcpt(&long),
    ]);
    next_reply(&mut session);
    let request = next_recipient(&mut session);
    for text in [
        request.client_address,
        request.client_name,
        request.sender,
        request.recipient,
        request.queue_id,
    ] {
        assert_eq!(text, &long.as_bytes()[..512]);
    }
}
