//! Lines of OpenSMTPD for its filter, and the daemon's replies to it.

use super::{Target, in_pieces, some_of};
use postgrey::session::opensmtpd::{Complaint, FilterResult, SmtpdFilter};
use postgrey::session::policy_client::Replies;
use std::collections::HashSet;
use std::time::Instant;
use testkit::random::Random;

pub const TARGET: Target = Target {
    name: "opensmtpd",
    corpus: LINES,
    words: || LINES.to_vec(),
    generate: |random| some_of(LINES, random),
    check,
};

pub const REPLIES: Target = Target {
    name: "policy-client",
    corpus: ANSWERS,
    words: || ANSWERS.to_vec(),
    generate: |random| some_of(ANSWERS, random),
    check: check_replies,
};

const LINES: &[&[u8]] = &[
    b"config|ready\n",
    b"report|0.5|1|smtp-in|link-connect|1|mx.a.test|pass|192.0.2.1:9|[::1]:25\n",
    b"report|0.6|1|smtp-in|link-connect|2|<unknown>|fail|[2001:db8::1]:9|[::1]:25\n",
    b"report|0.7|1|smtp-in|link-connect|1|x|error|unix:/run/smtpd.sock|x\n",
    b"report|0.6|1|smtp-in|link-auth|1|joe|pass\n",
    b"report|0.7|1|smtp-in|link-auth|2|pass|joe\n",
    b"report|0.6|1|smtp-in|tx-begin|1|c0ffee01\n",
    b"report|0.6|1|smtp-in|tx-mail|1|c0ffee01|ok|a@a.test\n",
    b"report|0.6|1|smtp-in|tx-mail|2|c0ffee02|ok|\n",
    b"report|0.5|1|smtp-in|tx-mail|2|c0ffee02|\"a b\"@a.test|ok\n",
    b"report|0.6|1|smtp-in|tx-reset|1|c0ffee01\n",
    b"report|0.6|1|smtp-in|link-disconnect|1\n",
    b"filter|0.6|1|smtp-in|rcpt-to|1|3|b@b.test\n",
    b"filter|0.6|1|smtp-in|rcpt-to|2|4|\"b\\\"c\"@b.test\n",
    b"filter|0.6|1|smtp-in|data-line|1|5|..\n",
    b"filter|0.6|1|smtp-in|commit|2|6|\n",
    b"|",
    b"\n",
];

const ANSWERS: &[&[u8]] =
    &[b"action=DUNNO\n\n", b"action=PREPEND X: y\n\n", b"action=", b"\n", b"220 mx\r\n", b""];

/// Holds the filter to one result for each request of a session that lives, and
/// to lines that smtpd understands: it exits on any other.
fn check(input: &[u8], random: &mut Random) -> String {
    let mut filter = SmtpdFilter::new(random.one_in(2));
    let mut questions = Vec::new();
    let (mut requests, mut results) = (0_usize, 0_usize);
    let mut complaints = HashSet::new();
    let results_of = [
        FilterResult::Proceed,
        FilterResult::Prepend(b"X-Greylist: delayed".to_vec()),
        FilterResult::of_action(b"DEFER_IF_PERMIT wait"),
    ];
    let mut disconnected = 0;
    for line in input.split(|byte| *byte == b'\n') {
        let pending = filter.pending();
        let complaint = filter.line(line, Instant::now());
        let is_malformed = matches!(complaint, Err(Complaint::Malformed(_)));
        complaints.insert(is_malformed);
        requests += usize::from(line.starts_with(b"filter|") && !is_malformed);
        disconnected += pending.saturating_sub(filter.pending());
        questions.extend(std::iter::from_fn(|| filter.next_question()));
        if random.one_in(2) && !questions.is_empty() {
            let question = questions.swap_remove(random.below(questions.len()));
            filter.answer(question.request_id, results_of[random.below(3)].clone());
            questions.extend(std::iter::from_fn(|| filter.next_question()));
        }
        results += results_in(filter.output());
    }
    while let Some(question) = questions.pop() {
        filter.answer(question.request_id, FilterResult::Proceed);
        questions.extend(std::iter::from_fn(|| filter.next_question()));
    }
    results += results_in(filter.output());
    assert_eq!(filter.pending(), 0);
    assert_eq!(results + disconnected, requests, "{results} results");
    format!("{requests} {results} {disconnected} {}", complaints.len())
}

/// Takes the output and counts its results; a header of a message is none.
fn results_in(output: &mut Vec<u8>) -> usize {
    let output = std::mem::take(output);
    let lines: Vec<&[u8]> = output.split(|byte| *byte == b'\n').collect();
    let (end, lines) = lines.split_last().expect("the rest after the last line feed");
    assert_eq!(*end, b"", "a line without its end");
    let mut results = 0;
    for line in lines {
        let fields: Vec<&[u8]> = line.splitn(4, |byte| *byte == b'|').collect();
        match fields[0] {
            b"register" => continue,
            b"filter-result" => {
                let result = fields[3];
                assert!(result == b"proceed" || result.starts_with(b"reject|451 4.7.1 "));
            }
            b"filter-dataline" => {}
            other => panic!("{}", other.escape_ascii()),
        }
        for number in &fields[1..3] {
            assert!(number.len() == 16 && number.iter().all(u8::is_ascii_hexdigit));
        }
        results += usize::from(!line.ends_with(b"|X-Greylist: delayed"));
    }
    results
}

fn check_replies(input: &[u8], random: &mut Random) -> String {
    let read = |pieces: &[&[u8]]| {
        let (mut replies, mut found) = (Replies::default(), Vec::new());
        for piece in pieces {
            replies.feed(piece);
            loop {
                match replies.next_action() {
                    Ok(Some(action)) => found.push(FilterResult::of_action(&action)),
                    Ok(None) => break,
                    Err(_) => return (found, true),
                }
            }
        }
        (found, false)
    };
    let whole = read(&[input]);
    assert_eq!(read(&in_pieces(input, random)), whole);
    format!("{} {}", whole.0.len(), whole.1)
}
