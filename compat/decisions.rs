//! Who waits, how long, and what is remembered of it (BEHAVIOUR E1 to E3).

use crate::case::{Run, case};
use crate::mail::{GREYLISTED, KEY, MAIL, greylist, mail, pass, passed};
use crate::server::{Left, Server};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// The moments of attempts to deliver the same message, and the reason that the
/// log gives for each reply.
type Story<'a> = &'a [(i64, &'a str)];

fn tell(server: &mut Server, story: Story) {
    for (second, reason) in story {
        let reply = match reason.split_once("delay=") {
            Some((_, delay)) => passed(delay.parse().expect("seconds")),
            None if reason.starts_with("triplet found") => "DUNNO".to_string(),
            None => GREYLISTED.to_string(),
        };
        server.ask(&mail().at(*second), reply);
    }
}

fn lines(story: Story) -> Vec<String> {
    let line = |(_, reason): &(i64, &str)| match *reason {
        found if found.starts_with("triplet found") => pass(found, MAIL),
        BACK_THEN => format!("{BACK_THEN}\n{}", greylist("new", MAIL)),
        waiting => greylist(waiting, MAIL),
    };
    story.iter().map(line).collect()
}

const BACK_THEN: &str = "correcting date for first seen in the future!";

/// Lets a story happen with the auto-whitelist off, and expects this to be
/// remembered of it: first and last time.
fn story(run: &Run, options: &[&str], story: Story, remembered: &str) -> Left {
    let options = [&["--auto-whitelist-clients=0"], options].concat();
    let mut server = run.start(&options);
    tell(&mut server, story);
    let left = server.stop().log(lines(story));
    left.triplets(format!("{KEY} {remembered}")).clients("")
}

#[test]
fn the_first_attempt_is_deferred_and_a_retry_passes_after_the_delay() {
    case(|run| {
        let attempts: Story = &[
            (0, "new"),
            (1, "early-retry (299s missing)"),
            (299, "early-retry (1s missing)"),
            (300, "triplet found, delay=300"),
            (301, "triplet found"),
            (1_000, "triplet found"),
        ];
        story(run, &[], attempts, "+0,+1000");
    });
}

#[test]
fn another_attempt_in_the_same_second_is_new_as_well() {
    case(|run| {
        story(run, &[], &[(0, "new"), (0, "new")], "+0,+0");
    });
}

#[test]
fn the_delay_is_an_option() {
    case(|run| {
        let attempts: Story =
            &[(0, "new"), (59, "early-retry (1s missing)"), (60, "triplet found, delay=60")];
        story(run, &["--delay=60"], attempts, "+0,+60");
    });
}

#[test]
fn every_attempt_is_remembered_as_the_last() {
    case(|run| {
        let early: Story = &[(0, "new"), (7, "early-retry (293s missing)")];
        story(run, &[], early, "+0,+7");
        let late: Story = &[(0, "new"), (400, "triplet found, delay=400")];
        story(run, &[], late, "+0,+400");
    });
}

#[test]
fn the_first_retry_must_come_within_two_days() {
    case(|run| {
        let in_time: Story = &[(0, "new"), (2 * DAY, "triplet found, delay=172800")];
        story(run, &[], in_time, "+0,+172800");
        let too_late: Story = &[(0, "new"), (2 * DAY + 1, "new")];
        story(run, &[], too_late, "+172801,+172801");
    });
}

#[test]
fn early_retries_do_not_extend_the_window() {
    case(|run| {
        let attempts: Story = &[
            (0, "new"),
            (299, "early-retry (1s missing)"),
            (2 * DAY + 1, "new"),
            (2 * DAY + 301, "triplet found, delay=300"),
        ];
        story(run, &[], attempts, "+172801,+173101");
    });
}

#[test]
fn the_window_is_given_in_days_or_hours() {
    for (option, window) in [
        ("--retry-window=3", 3 * DAY),
        ("--retry-window=6h", 6 * HOUR),
        ("--retry-window=06H", 6 * HOUR),
        ("--retry-window=1\n", DAY),
    ] {
        case(|run| {
            let found = format!("triplet found, delay={window}");
            let in_time: Story = &[(0, "new"), (window, &found)];
            story(run, &[option], in_time, &format!("+0,+{window}"));
            let later = window + 1;
            let too_late: Story = &[(0, "new"), (later, "new")];
            story(run, &[option], too_late, &format!("+{later},+{later}"));
        });
    }
}

#[test]
fn a_window_of_zero_lets_nothing_pass() {
    case(|run| {
        let attempts: Story = &[(0, "new"), (1, "new"), (300, "new"), (900, "new")];
        story(run, &["--retry-window=0"], attempts, "+900,+900");
        story(run, &["--retry-window=0h"], attempts, "+900,+900");
    });
}

#[test]
fn a_passed_triplet_always_passes() {
    case(|run| {
        let attempts: Story = &[
            (0, "new"),
            (300, "triplet found, delay=300"),
            (3 * DAY, "triplet found"),
            (400 * DAY, "triplet found"),
        ];
        story(run, &["--max-age=1"], attempts, "+0,+34560000");
    });
}

#[test]
fn a_first_attempt_in_the_future_is_corrected() {
    case(|run| {
        story(run, &[], &[(0, "new"), (-1, BACK_THEN)], "-1,-1");
        let passed: Story = &[
            (0, "new"),
            (300, "triplet found, delay=300"),
            (-1, BACK_THEN),
            (299, "triplet found, delay=300"),
        ];
        story(run, &[], passed, "-1,+299");
    });
}

#[test]
fn a_clock_that_goes_back_makes_who_passed_wait_again() {
    case(|run| {
        let attempts: Story = &[
            (0, "new"),
            (300, "triplet found, delay=300"),
            (100, "early-retry (200s missing)"),
            (300, "triplet found, delay=300"),
        ];
        story(run, &[], attempts, "+0,+300");
    });
}

#[test]
fn a_clock_that_goes_far_back_and_forth_is_survived() {
    case(|run| {
        let attempts: Story = &[
            (0, "new"),
            (50 * 365 * DAY, "new"),
            (0, BACK_THEN),
            (300, "triplet found, delay=300"),
            (50 * 365 * DAY, "triplet found"),
        ];
        story(run, &[], attempts, "+0,+1576800000");
    });
}

#[test]
fn a_changed_delay_applies_to_old_triplets() {
    case(|run| {
        let first: Story = &[(0, "new"), (100, "early-retry (200s missing)")];
        let mut server = run.start(&[]);
        tell(&mut server, first);
        let mut server = server.stop().again(&["--delay=60"]);
        tell(&mut server, &[(101, "triplet found")]);
        let mut server = server.stop().again(&["--delay=200"]);
        tell(&mut server, &[(150, "early-retry (50s missing)")]);
        let left = server.stop();
        let _ = left.triplets(format!("{KEY} +0,+150"));
    });
}

#[test]
fn a_restart_forgets_nothing() {
    case(|run| {
        let mut server = run.start(&[]);
        tell(&mut server, &[(0, "new")]);
        let mut server = server.stop().again(&[]);
        tell(&mut server, &[(300, "triplet found, delay=300")]);
        let _ = server.stop().triplets(format!("{KEY} +0,+300")).clients("192.0.2.7 1,+300");
    });
}

#[test]
fn a_negative_delay_lets_the_first_attempt_pass_with_a_header() {
    case(|run| {
        let attempts: Story = &[(0, "triplet found, delay=0"), (0, "triplet found")];
        story(run, &["--delay=-5"], attempts, "+0,+0");
    });
}

#[test]
fn client_sender_and_recipient_make_three_waits() {
    case(|run| {
        let mut server = run.start(&[]);
        server.ask(&mail().at(0), GREYLISTED);
        for (name, value) in [
            ("client_address", "192.0.3.7"),
            ("sender", "carol@example.com"),
            ("recipient", "carol@example.org"),
        ] {
            server.ask(&mail().with(name, value).at(300), GREYLISTED);
        }
        server.ask(&mail().with("client_address", "192.0.2.8").at(300), passed(300));
        server.ask(&mail().with("helo_name", "other").at(301), "DUNNO");
    });
}

#[test]
fn whitelists_come_before_the_auto_whitelist_and_the_greylist() {
    case(|run| {
        let mut server = run.start_with(|builder| {
            let builder = builder.arg("--auto-whitelist-clients=1").arg("--delay=-1");
            let builder = builder.whitelist_clients("friend.example\n198.51.100.0/24\n");
            builder.whitelist_recipients("postmaster@\n")
        });
        let friend = mail().with("client_name", "mx.friend.example");
        let network = mail().with("client_address", "198.51.100.1");
        let wanted = mail().with("recipient", "postmaster@example.org");
        for attempt in [&friend, &network, &wanted] {
            server.ask(&attempt.clone().at(0), "DUNNO");
        }
        server.ask(&mail().at(0), passed(0));
        server.ask(&mail().at(1), "DUNNO");
        let both = friend.with("recipient", "postmaster@example.org");
        server.ask(&both.at(1), "DUNNO");
        server.ask(&wanted.at(1), "DUNNO");
        let friends = MAIL.replace("mx.example.com", "mx.friend.example");
        let postmasters = MAIL.replace("bob@", "postmaster@");
        let left = server.stop().log([
            pass("client whitelist", &friends),
            pass("client whitelist", &MAIL.replace("192.0.2.7", "198.51.100.1")),
            pass("recipient whitelist", &postmasters),
            "whitelisted: mx.example.com[192.0.2.7]".to_string(),
            pass("triplet found, delay=0", MAIL),
            pass("client AWL", MAIL),
            pass("client whitelist", &friends.replace("bob@", "postmaster@")),
            pass("recipient whitelist", &postmasters),
        ]);
        let left = left.triplets(format!("{KEY} +0,+0"));
        let _ = left.clients("192.0.2.7 1,+0");
    });
}
