//! The bytes on the socket (BEHAVIOUR D).

use crate::case::{case, differs};
use crate::mail::{GREYLISTED, KEY, MAIL, greylist, mail, passed};
use crate::server::CLOSED;

fn request(end: &str) -> String {
    let bytes = mail().at(0).bytes();
    let text = String::from_utf8(bytes).expect("a request in ASCII");
    text.replace('\n', end)
}

#[test]
fn lines_end_with_or_without_a_carriage_return() {
    case(|run| {
        let server = run.start(&["--delay=-1"]);
        run.expect("LF", server.exchange(request("\n")), passed(0));
        run.expect("CR LF", server.exchange(request("\r\n")), "DUNNO");
        let mixed = request("\n").replacen("policy\n", "policy\r\n", 1);
        run.expect("both", server.exchange(mixed), "DUNNO");
    });
}

#[test]
fn requests_may_come_in_any_pieces() {
    case(|run| {
        let server = run.start(&[]);
        for size in [1, 7, 100] {
            let mut client = server.daemon().client();
            for piece in request("\n").as_bytes().chunks(size) {
                client.send(piece);
            }
            let reply = client.reply().expect("a reply");
            run.expect(format!("pieces of {size}"), reply, GREYLISTED);
        }
    });
}

#[test]
fn one_connection_serves_many_requests() {
    case(|run| {
        let mut server = run.start(&[]);
        for second in 0..200 {
            server.ask(&mail().at(second), GREYLISTED);
        }
    });
}

#[test]
fn three_hundred_connections_are_served() {
    case(|run| {
        let server = run.start(&[]);
        let mut clients: Vec<_> = (0..300).map(|_| server.daemon().client()).collect();
        for client in &mut clients {
            client.send(&mail().at(0).bytes());
        }
        let replies = clients.iter_mut().map(|client| client.reply());
        let greylisted = replies.filter(|reply| reply.as_deref() == Some(GREYLISTED));
        run.expect("deferred", greylisted.count().to_string(), "300");
    });
}

#[test]
fn a_half_closed_connection_gets_its_reply_and_is_closed() {
    case(|run| {
        let server = run.start(&[]);
        let whole = request("\n");
        let unfinished = whole.trim_end().to_string() + "\n";
        run.expect("complete", server.exchange(whole), GREYLISTED);
        run.expect("without an end", server.exchange(unfinished), "");
        run.expect("nothing at all", server.exchange(""), "");
        let _ = server.stop().log(greylist("new", MAIL));
    });
}

#[test]
fn clients_that_leave_without_reading_do_no_harm() {
    case(|run| {
        let mut server = run.start(&[]);
        for _ in 0..20 {
            let mut client = server.daemon().client();
            client.send(&mail().at(0).bytes());
        }
        server.ask(&mail().at(0), GREYLISTED);
        // The original warns now and then of what it could not write.
        let _ = server.stop().ignore("log");
    });
}

#[test]
fn a_carriage_return_within_a_line_is_a_byte_like_others() {
    case(|run| {
        let server = run.start(&[]);
        let reply = server.exchange(request("\n").replace("mx.", "m\rx."));
        run.expect("lone CR", reply, differs("X3", "", GREYLISTED));
        let logged = greylist("new", &MAIL.replace("mx.", "m%0Dx."));
        let left = server.stop().log(differs("X3", "", logged));
        let _ = left.triplets(differs("X3", "", format!("{KEY} +0,+0")));
    });
}

#[test]
fn requests_sent_at_once_are_answered_in_order() {
    case(|run| {
        let server = run.start(&["--greylist-text=%r"]);
        let attempts = (0..20).map(|n| mail().with("recipient", format!("bob@d{n}")).at(n));
        let all: Vec<u8> = attempts.flat_map(|attempt| attempt.bytes()).collect();
        let expected: Vec<String> = (0..20).map(|n| format!("DEFER_IF_PERMIT d{n}")).collect();
        run.expect("replies", server.exchange(all), expected);
    });
}

#[test]
fn requests_sent_at_once_do_not_inherit_from_each_other() {
    case(|run| {
        let server = run.start(&["--greylist-text=%r"]);
        let mut all = mail().at(0).bytes();
        all.extend(mail().without("recipient").at(0).bytes());
        let deferred = "DEFER_IF_PERMIT example.org";
        let second = differs("X4", [deferred, deferred], [deferred, "DUNNO"]);
        run.expect("replies", server.exchange(all), second);
        let new = greylist("new", MAIL);
        let missing = "attribute missing: recipient".to_string();
        let _ = server.stop().log(differs("X4", [new.clone(), new.clone()], [new, missing]));
    });
}

#[test]
fn a_burst_larger_than_one_read_loses_no_request() {
    case(|run| {
        let server = run.start(&[]);
        let all: Vec<u8> = (0..100).flat_map(|_| mail().at(0).bytes()).collect();
        let answered = server.exchange(all).len() == 100;
        let lost = differs("X4", "false", "true");
        run.expect("all answered", answered.to_string(), lost);
        let _ = server.stop().ignore("log");
    });
}

#[test]
fn long_requests_are_taken() {
    case(|run| {
        let mut server = run.start(&[]);
        server.ask(&mail().with("x", "y".repeat(60_000)).at(0), GREYLISTED);
        let many = (0..2_000).fold(mail(), |mail, n| mail.with(format!("x{n}"), "y"));
        server.ask(&many.at(0), GREYLISTED);
    });
}

#[test]
fn a_request_without_an_end_is_cut_off() {
    case(|run| {
        let server = run.start(&[]);
        let mut client = server.daemon().client();
        client.send(&mail().with("x", "y".repeat(100_000)).at(0).bytes());
        let reply = client.reply().unwrap_or(CLOSED.to_string());
        run.expect("100,000 bytes", reply, differs("X5", GREYLISTED, CLOSED));
        let warning = "closing a connection: its request exceeds 65536 bytes";
        let log = differs("X5", greylist("new", MAIL), warning);
        let triplets = differs("X5", format!("{KEY} +0,+0"), "");
        let _ = server.stop().log(log).triplets(triplets);
    });
}

#[test]
fn exim_mode_answers_one_request_a_connection() {
    case(|run| {
        let server = run.start(&["--exim"]);
        let twice = request("\n").repeat(2);
        run.expect("two requests", server.exchange(twice), GREYLISTED);
        let missing = mail().without("sender").at(0).bytes();
        let both = [missing, request("\n").into_bytes()].concat();
        run.expect("after a missing attribute", server.exchange(both), "DUNNO");
        let after_junk = format!("request=junk\n\n{}", request("\n"));
        run.expect("after junk", server.exchange(after_junk), GREYLISTED);
    });
}

#[test]
fn the_reply_comes_before_the_client_says_that_it_is_done() {
    case(|run| {
        let server = run.start(&["--exim"]);
        let mut client = server.daemon().client();
        client.send(request("\n").as_bytes());
        let reply = client.reply().unwrap_or(CLOSED.to_string());
        run.expect("reply", reply, GREYLISTED);
        let end = client.reply().unwrap_or(CLOSED.to_string());
        run.expect("end", end, CLOSED);
    });
}

#[test]
fn malformed_input_cannot_fill_the_log() {
    case(|run| {
        let mut server = run.start(&[]);
        let mut client = server.daemon().client();
        for _ in 0..15 {
            client.send(&b"junk\n\n".repeat(100));
            server.ask(&mail().at(0), GREYLISTED);
        }
        let log = server.daemon().log();
        let count = |part: &str| log.iter().filter(|line| line.contains(part)).count();
        let is_whole = count("junk") > 1_000;
        run.expect("a line for each", is_whole.to_string(), differs("X97", "true", "false"));
        run.expect("decisions", count("action=greylist").to_string(), "15");
        let _ = server.stop().ignore("log");
    });
}
