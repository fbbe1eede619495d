//! Texts of replies (BEHAVIOUR E4).

use crate::case::{case, differs};
use crate::mail::{GREYLISTED, MAIL, greylist, mail, passed};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

#[test]
fn the_text_of_a_deferral_is_a_template() {
    // The text, the recipient, and the reply after 7 seconds.
    let table = [
        ("wait %s", "bob@example.org", "wait 293"),
        ("%r %s", "bob@Example.ORG", "Example.ORG 293"),
        ("%s %s %r %r", "bob@example.org", "293 %s example.org %r"),
        ("%%s %S %d %t %v %h", "bob@x", "%293 %S %d %t %v %h"),
        ("%r", "nodomain", "nodomain"),
        ("%r", "a@b@c", "c"),
        ("%r", "a@", ""),
        ("%r", "a@%s", "%s"),
        ("%r %s", "a@%s", "%s 293"),
        ("%r", "a@%r", "%r"),
        ("", "bob@example.org", &GREYLISTED["DEFER_IF_PERMIT ".len()..]),
        ("0", "bob@example.org", &GREYLISTED["DEFER_IF_PERMIT ".len()..]),
        ("\u{e9} \\1 $1 @x", "bob@x", "\\xc3\\xa9 \\\\1 $1 @x"),
    ];
    case(|run| {
        for (text, recipient, reply) in table {
            let mut server = run.start(&["--greylist-text", text]);
            let attempt = mail().with("recipient", recipient);
            server.reply_to(&attempt.clone().at(0));
            server.ask(&attempt.at(7), format!("DEFER_IF_PERMIT {reply}"));
        }
    });
}

#[test]
fn the_action_of_a_deferral_is_an_option() {
    let text = &GREYLISTED["DEFER_IF_PERMIT".len()..];
    let table = [
        ("451", "451"),
        ("defer_if_permit", "defer_if_permit"),
        ("450 4.7.1", "450 4.7.1"),
        ("%s %r", "%s %r"),
        ("", "DEFER_IF_PERMIT"),
        ("0", "DEFER_IF_PERMIT"),
    ];
    case(|run| {
        for (action, word) in table {
            let mut server = run.start(&["--greylist-action", action]);
            server.ask(&mail().at(0), format!("{word}{text}"));
        }
    });
}

#[test]
fn the_header_is_a_template() {
    // The template, the host name, and the header after 300 seconds.
    let table = [
        ("X: %t %h", "mx", "X: 300 mx"),
        ("X: %t %t %v %v %h %h", "mx", "X: 300 %t VER %v mx %h"),
        ("X: %h", "%t", "X: %t"),
        ("X: %h %t", "%t", "X: %t 300"),
        ("X: %s %r %T", "mx", "X: %s %r %T"),
        ("X: %%t", "mx", "X: %300"),
        ("X: %h.", "", "X: ."),
        ("X: %h.", "0", "X: 0."),
    ];
    let version = env!("CARGO_PKG_VERSION");
    case(|run| {
        for (template, host, header) in table {
            let options = ["--x-greylist-header", template, "--hostname", host];
            let mut server = run.start(&options);
            server.reply_to(&mail().at(0));
            let reply = server.reply_to(&mail().at(300));
            let reply = reply.replace(version, "VER").replace("1.37", "VER");
            let expected = format!("PREPEND {header}");
            run.expect(template, reply, expected);
        }
    });
}

#[test]
fn an_empty_header_template_is_the_usual_one() {
    case(|run| {
        for template in ["", "0"] {
            let mut server = run.start(&["--x-greylist-header", template, "--delay=-1"]);
            server.ask(&mail().at(0), passed(0));
        }
    });
}

#[test]
fn the_date_is_local_time_with_the_name_of_the_zone() {
    let zones = ["UTC", "CET-1", "FOO-3", "<+0330>-3:30", "America/St_Johns"];
    case(|run| {
        for zone in zones {
            let options = ["--x-greylist-header=X: %d", "--delay=-1"];
            let server = run.start_with(|builder| builder.args(options).env("TZ", zone));
            let start = seconds();
            // Its date is the real one, whatever the test's time is.
            let reply = server.daemon().client().ask(&mail().at(-86_400));
            let mut moments = start..=seconds();
            let is_now =
                moments.any(|moment| reply == format!("PREPEND X: {}", date(zone, moment)));
            run.expect(zone, is_now.to_string(), "true");
        }
    });
}

fn seconds() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("a clock after 1970").as_secs()
}

fn date(zone: &str, moment: u64) -> String {
    let output = Command::new("date")
        .args(["-d", &format!("@{moment}"), "+%a, %d %b %Y %H:%M:%S %Z"])
        .env("TZ", zone)
        .env("LC_ALL", "C")
        .output()
        .expect("date");
    let text = String::from_utf8(output.stdout).expect("a date");
    text.trim_end().to_string()
}

#[test]
fn a_percent_sign_is_logged_once() {
    case(|run| {
        let mut server = run.start(&[]);
        server.ask(&mail().with("sender", "100%s@x").at(0), GREYLISTED);
        let once = greylist("new", &MAIL.replace("alice@example.com", "100%s@x"));
        let left = server.stop();
        let is_action = |line: &&String| line.starts_with("action=");
        let line = left.raw_lines().iter().find(is_action).cloned();
        let twice = once.replace('%', "%%");
        run.expect("log", line.unwrap_or_default(), differs("X6", twice, once));
    });
}
