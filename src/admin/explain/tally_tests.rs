use super::*;

const DAY: i64 = 86_400;

fn attempt(time: i64, number: u32, is_deferred: bool) -> Attempt {
    Attempt {
        time,
        id: None,
        source: LoggedBy::Daemon,
        is_deferred,
        reason: b"new".to_vec(),
        name: b"mx.a.test".to_vec(),
        client: "192.0.2.1".parse().unwrap(),
        sender: format!("u{number}x@a.test").into_bytes(),
        recipient: b"bob@example.org".to_vec(),
    }
}

fn tally(attempts: impl IntoIterator<Item = Attempt>) -> LogTotals {
    let mut tally = LogTotals::new(&Policy::default());
    for attempt in attempts {
        tally.reach(attempt.time);
        tally.take(&attempt);
    }
    tally
}

#[test]
fn mail_that_may_return_is_distinguished_from_lost_mail() {
    let mut tally = tally([
        attempt(0, 1, true),
        attempt(3 * DAY, 2, true),
        attempt(3 * DAY + 3600, 3, true),
        attempt(4 * DAY, 4, true),
        attempt(4 * DAY + 600, 4, false),
        attempt(4 * DAY + 600, 5, true),
    ]);
    let ends = Ends { delays: vec![600], lost: 1, waiting: 3, silent: 2 };
    assert_eq!(tally.ends(), ends);
    // A further attempt breaks the silence.
    tally.take(&attempt(4 * DAY + 700, 2, true));
    assert_eq!(tally.ends().silent, 1);
}

#[test]
fn a_retry_after_the_window_starts_again() {
    let tally =
        tally([attempt(0, 1, true), attempt(5 * DAY, 1, true), attempt(5 * DAY + 300, 1, false)]);
    assert_eq!(tally.ends(), Ends { delays: vec![300], lost: 1, waiting: 0, silent: 0 });
}

#[test]
fn mail_whose_time_is_over_is_counted_and_not_kept() {
    // Ten a minute for twenty days, none of which comes back.
    let tally = tally((0..288_000_u32).map(|number| attempt(i64::from(number) * 6, number, true)));
    let most = 2 * (2 * 14_400 * 2);
    assert!(tally.open.len() <= most, "{}", tally.open.len());
    let ends = tally.ends();
    assert_eq!(ends.lost + ends.waiting, 288_000);
    assert_eq!(ends.waiting, 28_801);
}

#[test]
fn mail_accepted_by_postfix_counts_only_if_deferred_before() {
    let by_postfix =
        |time, number| Attempt { source: LoggedBy::Postfix, ..attempt(time, number, false) };
    let tally = tally([
        attempt(100, 1, true),
        by_postfix(50, 1),
        by_postfix(500, 2),
        by_postfix(500, 1),
        by_postfix(600, 1),
    ]);
    assert_eq!((tally.attempts, tally.ends().delays), (2, vec![400]));
}
