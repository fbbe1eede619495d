//! What is wrong in one list means another thing in another.

use super::{Directory, check};

/// What is found in a list of an option, as one text.
fn found_in(option: &str, lines: &str) -> String {
    let directory = Directory::new();
    let path = directory.file("list", lines);
    let words = [
        "--whitelist-clients=/dev/null".to_owned(),
        "--whitelist-recipients=/dev/null".to_owned(),
        format!("--{option}={}", path.display()),
    ];
    check(&words).1.replace("\n    ", " ")
}

#[test]
fn a_blacklist_that_holds_everybody_refuses_all_mail() {
    for (option, line) in [("blacklist-clients", "/./"), ("blacklist-senders", "/.*/")] {
        let text = found_in(option, line);
        assert!(text.contains("matches everything: all mail is refused"), "{option}: {text}");
    }
    let text = found_in("greylist-recipients", "/@/");
    assert!(text.contains("the mail of all is greylisted, as without the list"), "{text}");
    let text = found_in("recipient-delays", "/@/ delay=60");
    assert!(text.contains("matches everything, as --delay does"), "{text}");
    let text = found_in("whitelist-senders", "/@/");
    assert!(text.contains("matches everything: nothing is greylisted"), "{text}");
}

#[test]
fn nobody_who_is_refused_is_proposed_for_a_whitelist() {
    for (option, line, remedy) in [
        ("blacklist-senders", "192.0.2.1", "move it to a list of --blacklist-clients,"),
        ("blacklist-clients", "a@spam.test", "move it to a list of --blacklist-senders or"),
        ("blacklist-recipients", "*@*", "-> delete it\n"),
        ("greylist-recipients", "192.0.2.1", "this is a list of recipients"),
        ("greylist-recipients", "*", "to greylist the mail of all, leave the option out"),
        ("recipient-delays", "* delay=60", "--delay is for the mail of all"),
    ] {
        let text = found_in(option, &format!("{line}\n"));
        assert!(text.contains(remedy), "{option}: {line}: {text}");
        assert!(!text.contains("whitelist_"), "{option}: {line}: {text}");
    }
}

#[test]
fn a_narrower_recipient_with_another_delay_is_no_mistake() {
    let lines = "example.com delay=60\ncodes@example.com delay=5\nslow.example.com delay=900\n";
    let text = found_in("recipient-delays", lines);
    assert!(text.starts_with("Nothing is wrong"), "{text}");
    let text = found_in("recipient-delays", &format!("{lines}example.com delay=90\n"));
    assert!(text.contains("/list:4: warning example.com stands in "), "{text}");
}

#[test]
fn what_to_write_for_a_recipient_keeps_its_delay() {
    for (line, better) in [
        ("*@example.com delay=60", "write: example.com delay=60\n"),
        (
            "a@example.com,b@example.com delay=7",
            "write: a@example.com delay=7 write: b@example.com delay=7\n",
        ),
    ] {
        let text = found_in("recipient-delays", &format!("{line}\n"));
        assert!(
            text.split_whitespace().collect::<Vec<_>>().join(" ").contains(better.trim()),
            "{text}"
        );
    }
}

#[test]
fn a_recipient_whose_delay_outlasts_the_retry_window_is_told() {
    let directory = Directory::new();
    let path = directory.file("list", "example.com delay=60\nslow@example.com delay=86400\n");
    for (window, is_told) in [("1", true), ("25h", false), ("6h", true)] {
        let words =
            [format!("--recipient-delays={}", path.display()), format!("--retry-window={window}")];
        let text = check(&words).1.replace("\n    ", " ");
        assert_eq!(text.contains("so that such mail never passes"), is_told, "{window}: {text}");
    }
}
