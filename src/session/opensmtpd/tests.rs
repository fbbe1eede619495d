use super::*;

/// A filter that has seen a client connect, in session 1.
fn connected(source: &str) -> SmtpdFilter {
    let mut filter = SmtpdFilter::new(true);
    lines(
        &mut filter,
        &[&format!("report|0.7|1|smtp-in|link-connect|1|mx.a.test|pass|{source}|x:25")],
    );
    filter
}

fn lines(filter: &mut SmtpdFilter, lines: &[&str]) {
    for line in lines {
        filter
            .line(line.as_bytes(), Instant::now())
            .unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

fn output(filter: &mut SmtpdFilter) -> Vec<String> {
    let output = std::mem::take(filter.output());
    String::from_utf8(output).unwrap().lines().map(str::to_owned).collect()
}

const MESSAGE: [&str; 2] = [
    "report|0.7|1|smtp-in|tx-begin|1|c0ffee01",
    "report|0.7|1|smtp-in|tx-mail|1|c0ffee01|ok|alice@a.test",
];

fn recipient(session: u64, token: u64) -> String {
    format!("filter|0.7|1|smtp-in|rcpt-to|{session:x}|{token:x}|bob@example.org")
}

fn result(session: u64, token: u64, result: &str) -> String {
    format!("filter-result|{session:016x}|{token:016x}|{result}")
}

#[test]
fn only_needed_events_are_registered() {
    for (adds_header, has_lines) in [(false, false), (true, true)] {
        let mut filter = SmtpdFilter::new(adds_header);
        lines(&mut filter, &["config|smtpd-version|7.6.0", "config|subsystem|smtp-in"]);
        assert_eq!(output(&mut filter), [""; 0]);
        lines(&mut filter, &["config|ready"]);
        let registered = output(&mut filter);
        assert_eq!(registered.last().map(String::as_str), Some("register|ready"));
        assert!(registered.contains(&"register|filter|smtp-in|rcpt-to".to_owned()));
        let data_line = "register|filter|smtp-in|data-line".to_owned();
        assert_eq!(registered.contains(&data_line), has_lines);
        assert_eq!(registered.len(), 8 + usize::from(has_lines), "{registered:?}");
    }
}

#[test]
fn a_recipient_is_asked_about_in_each_version() {
    for (version, mail) in [
        ("0.5", "c0ffee01|alice@a.test|ok"),
        ("0.6", "c0ffee01|ok|alice@a.test"),
        ("0.7", "c0ffee01|ok|alice@a.test"),
    ] {
        let mut filter = SmtpdFilter::new(false);
        for line in [
            "report|V|1|smtp-in|link-connect|a|mx.a.test|pass|[2001:db8::7]:99|[2001:db8::1]:25",
            "report|V|1|smtp-in|tx-begin|a|c0ffee01",
            &format!("report|V|1|smtp-in|tx-mail|a|{mail}"),
            "filter|V|1|smtp-in|rcpt-to|a|b|\"bo b\"@example.org",
        ] {
            lines(&mut filter, &[&line.replace('V', version)]);
        }
        let question = filter.next_question().unwrap();
        assert_eq!(
            String::from_utf8(question.request).unwrap(),
            "request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=2001:db8::7\n\
             client_name=mx.a.test\nsender=alice@a.test\nrecipient=bo b@example.org\n\
             instance=000000000000000a.c0ffee01\nqueue_id=c0ffee01\n\n"
        );
        assert_eq!((filter.next_question(), filter.pending()), (None, 1));
        filter.answer(question.request_id, FilterResult::Reject(b"451 4.7.1 Greylisted".to_vec()));
        assert_eq!(output(&mut filter), [result(0xa, 0xb, "reject|451 4.7.1 Greylisted")]);
        assert_eq!(filter.pending(), 0);
    }
}

#[test]
fn bounces_are_asked_about_with_an_empty_sender() {
    let mut filter = connected("192.0.2.1:99");
    lines(&mut filter, &["report|0.7|1|smtp-in|tx-mail|1|c0ffee01|ok|", &recipient(1, 2)]);
    let request = String::from_utf8(filter.next_question().unwrap().request).unwrap();
    assert!(request.contains("\nsender=\n"), "{request}");
}

#[test]
fn local_and_authenticated_clients_proceed_without_a_question() {
    for source in ["127.0.0.1:99", "[::1]:99", "unix:/run/smtpd.sock"] {
        let mut filter = connected(source);
        lines(&mut filter, &[MESSAGE[0], MESSAGE[1], &recipient(1, 2)]);
        assert_eq!(output(&mut filter), [result(1, 2, "proceed")]);
    }
    for (login, proceeds) in [
        ("0.5|1|smtp-in|link-auth|1|joe|pass", true),
        ("0.6|1|smtp-in|link-auth|1|joe|fail", false),
        ("0.7|1|smtp-in|link-auth|1|pass|joe", true),
        ("0.7|1|smtp-in|link-auth|1|fail|pass", false),
    ] {
        let mut filter = connected("192.0.2.1:99");
        let login = format!("report|{login}");
        lines(&mut filter, &[&login, MESSAGE[0], MESSAGE[1], &recipient(1, 2)]);
        assert_eq!(filter.next_question().is_none(), proceeds, "{login}");
        assert_eq!(output(&mut filter).len(), usize::from(proceeds), "{login}");
    }
}

#[test]
fn recipients_of_unknown_sessions_and_without_a_sender_proceed() {
    let mut filter = connected("192.0.2.1:99");
    lines(&mut filter, &[&recipient(9, 2), &recipient(1, 3)]);
    lines(&mut filter, &["report|0.7|1|smtp-in|tx-mail|1|c0ffee01|permfail|alice@a.test"]);
    lines(&mut filter, &[&recipient(1, 4)]);
    let expected = [result(9, 2, "proceed"), result(1, 3, "proceed"), result(1, 4, "proceed")];
    assert_eq!(output(&mut filter), expected);
}

#[test]
fn results_of_a_session_come_in_the_order_of_its_requests() {
    let mut filter = connected("192.0.2.1:99");
    lines(&mut filter, &[MESSAGE[0], MESSAGE[1], &recipient(1, 2), &recipient(1, 3)]);
    lines(&mut filter, &["report|0.7|1|smtp-in|link-auth|1|pass|joe", &recipient(1, 4)]);
    let first = filter.next_question().unwrap();
    assert_eq!((filter.next_question(), output(&mut filter)), (None, vec![]));
    filter.answer(first.request_id, FilterResult::Proceed);
    assert_eq!(output(&mut filter), [result(1, 2, "proceed")]);
    let second = filter.next_question().unwrap();
    filter.answer(first.request_id, FilterResult::Proceed);
    assert_eq!(output(&mut filter), [""; 0]);
    filter.answer(second.request_id, FilterResult::Reject(b"451 no".to_vec()));
    let expected = [result(1, 3, "reject|451 no"), result(1, 4, "proceed")];
    assert_eq!(output(&mut filter), expected);
}

#[test]
fn the_answer_for_a_disconnected_client_is_dropped() {
    let mut filter = connected("192.0.2.1:99");
    lines(&mut filter, &[MESSAGE[0], MESSAGE[1], &recipient(1, 2)]);
    let question = filter.next_question().unwrap();
    lines(&mut filter, &["report|0.7|1|smtp-in|link-disconnect|1"]);
    assert_eq!(filter.pending(), 0);
    // The same number once more, as smtpd could choose it.
    lines(&mut filter, &["report|0.7|1|smtp-in|link-connect|1|x|fail|192.0.2.2:99|x:25"]);
    lines(&mut filter, &[MESSAGE[0], MESSAGE[1], &recipient(1, 3)]);
    filter.answer(question.request_id, FilterResult::Proceed);
    assert_eq!(output(&mut filter), [""; 0]);
    let question = filter.next_question().unwrap();
    filter.answer(question.request_id, FilterResult::Proceed);
    assert_eq!(output(&mut filter), [result(1, 3, "proceed")]);
}

#[test]
fn the_header_precedes_the_first_line_and_lines_are_unchanged() {
    const HEADER: &str = "X-Greylist: delayed 300 seconds";
    let mut filter = connected("192.0.2.1:99");
    lines(&mut filter, &[MESSAGE[0], MESSAGE[1]]);
    for token in [2, 3] {
        lines(&mut filter, &[&recipient(1, token)]);
        let request_id = filter.next_question().unwrap().request_id;
        let other = format!("{HEADER}{}", if token == 2 { "" } else { " twice" });
        filter.answer(request_id, FilterResult::Prepend(other.into()));
        assert_eq!(output(&mut filter), [result(1, token, "proceed")]);
    }
    for line in ["Subject: a|b", "", "..dots", "."] {
        lines(&mut filter, &[&format!("filter|0.7|1|smtp-in|data-line|1|5|{line}")]);
    }
    let expected = [HEADER, "Subject: a|b", "", "..dots", "."]
        .map(|line| format!("filter-dataline|{:016x}|{:016x}|{line}", 1, 5));
    assert_eq!(output(&mut filter), expected);
}

#[test]
fn the_header_of_an_abandoned_message_is_forgotten() {
    for event in ["tx-reset|1|c0ffee01", "tx-begin|1|c0ffee02"] {
        let mut filter = connected("192.0.2.1:99");
        lines(&mut filter, &[MESSAGE[0], MESSAGE[1], &recipient(1, 2)]);
        let request_id = filter.next_question().unwrap().request_id;
        filter.answer(request_id, FilterResult::Prepend(b"X-Greylist: delayed".to_vec()));
        lines(&mut filter, &[&format!("report|0.7|1|smtp-in|{event}")]);
        let _ = output(&mut filter);
        lines(&mut filter, &["filter|0.7|1|smtp-in|data-line|1|5|Subject: x"]);
        assert_eq!(output(&mut filter).len(), 1, "{event}");
    }
}

#[test]
fn unknown_and_malformed_lines_are_ignored() {
    let mut filter = connected("192.0.2.1:99");
    for (line, is_unknown) in [
        ("garbage\x07", false),
        ("", false),
        ("report|0.7|1|smtp-in|tx-data|1|c0ffee01|ok", true),
        ("report|0.7|1|smtp-in|tx-envelope|77|c0ffee01|1", true),
        ("report|0.7|1|smtp-in|link-connect|1|mx.a.test", false),
    ] {
        let complaint = filter.line(line.as_bytes(), Instant::now()).unwrap_err();
        assert_eq!(matches!(complaint, Complaint::Unknown(_)), is_unknown, "{complaint}");
        assert!(!complaint.to_string().contains(char::is_control), "{complaint}");
        assert_eq!(output(&mut filter), [""; 0]);
    }
    let held = b"filter|0.7|1|smtp-in|commit|1|5|";
    assert!(matches!(filter.line(held, Instant::now()), Err(Complaint::Unknown(_))));
    assert_eq!(output(&mut filter), [result(1, 5, "proceed")]);
}

#[test]
fn interleaved_sessions_are_answered_each_with_its_own_token() {
    const SESSIONS: u64 = 1000;
    let mut filter = SmtpdFilter::new(false);
    for id in 0..SESSIONS {
        lines(
            &mut filter,
            &[
                &format!("report|0.7|1|smtp-in|link-connect|{id:x}|x|fail|192.0.2.1:{id}|x:25"),
                &format!("report|0.7|1|smtp-in|tx-begin|{id:x}|{id:08x}"),
                &format!("report|0.7|1|smtp-in|tx-mail|{id:x}|{id:08x}|ok|s{id}@a.test"),
            ],
        );
    }
    (0..SESSIONS).for_each(|id| lines(&mut filter, &[&recipient(id, id * 7)]));
    let mut questions: Vec<_> = std::iter::from_fn(|| filter.next_question()).collect();
    assert_eq!(questions.len(), 1000);
    // Answers may arrive in any order.
    questions.sort_by_key(|question| question.request_id.token.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    for question in questions {
        let request = String::from_utf8(question.request).unwrap();
        let sender = request.lines().find_map(|line| line.strip_prefix("sender=s")).unwrap();
        let id: u64 = sender.strip_suffix("@a.test").unwrap().parse().unwrap();
        filter.answer(question.request_id, FilterResult::Reject(format!("451 {id}").into()));
        assert_eq!(output(&mut filter), [result(id, id * 7, &format!("reject|451 {id}"))]);
    }
    assert_eq!(filter.pending(), 0);
}

#[test]
fn requests_beyond_the_limit_of_sessions_proceed() {
    let mut filter = SmtpdFilter::new(false);
    let connect = |id| format!("report|0.7|1|smtp-in|link-connect|{id:x}|x|fail|192.0.2.1:1|x:25");
    (0..MAX_SESSIONS).for_each(|id| lines(&mut filter, &[&connect(id)]));
    let complaint = filter.line(connect(MAX_SESSIONS).as_bytes(), Instant::now());
    assert_eq!(complaint, Err(Complaint::TooManySessions));
    lines(&mut filter, &[&recipient(MAX_SESSIONS as u64, 2)]);
    assert_eq!(output(&mut filter), [result(MAX_SESSIONS as u64, 2, "proceed")]);
}
