//! A log in JSON (`--log-format=json`): its lines, and the programs that read it.

use serde_json::{Map, Value, json};
use testkit::tool::{postgrey, run_with};
use testkit::{Attempt, Daemon, Program, Scratch};

fn mail() -> Attempt {
    Attempt::new("192.0.2.7", "mx.b.test", "a@b.test", "r@d.test")
}

/// The lines that a daemon writes when it is asked so, from start to stop.
fn log_of(arguments: &[&str], attempts: impl IntoIterator<Item = Attempt>) -> Vec<String> {
    let builder = Daemon::builder(Program::Ours).arg("--verbose");
    let daemon = builder.args(arguments).start();
    let mut client = daemon.client();
    for attempt in attempts {
        client.ask(&attempt);
    }
    drop(client);
    daemon.stop().log
}

fn objects(log: &[String]) -> Vec<Map<String, Value>> {
    let parse =
        |line: &String| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    log.iter().map(parse).collect()
}

/// The decision, without the client.
fn decisions(log: &[String]) -> Vec<Value> {
    let mut decisions = objects(log);
    decisions.retain(|object| object.contains_key("action"));
    for name in ["client_name", "client_address", "sender", "recipient"] {
        decisions.iter_mut().for_each(|decision| drop(decision.remove(name)));
    }
    decisions.into_iter().map(Value::Object).collect()
}

#[test]
fn json_decisions_have_delay_and_remaining_time() {
    let late = mail().with("queue_id", "4F2A");
    let attempts = [mail().at(0), mail().at(100), late.clone().at(305), late.at(306)];
    let log = log_of(&["--log-format=json"], attempts);
    assert_eq!(
        decisions(&log),
        [
            json!({"action": "greylist", "reason": "new", "missing": 300}),
            json!({"action": "greylist", "reason": "early-retry", "missing": 200}),
            json!({"action": "pass", "reason": "triplet found", "delay": 305,
                   "queue_id": "4F2A"}),
            json!({"action": "pass", "reason": "triplet found", "queue_id": "4F2A"}),
        ]
    );
    let first = &objects(&log)[log.iter().position(|line| line.contains("action")).expect("one")];
    assert_eq!(first["client_name"], "mx.b.test");
    assert_eq!(first["client_address"], "192.0.2.7");
    assert_eq!(first["sender"], "a@b.test");
    assert_eq!(first["recipient"], "r@d.test");
}

#[test]
fn every_json_line_is_an_object_for_all_input() {
    let hostile =
        Attempt::new("192.0.2.7", "\"},{\"action\":\"x", "\u{9b}2J\u{1b}[2J\\\u{e9}", "r")
            .with("queue_id", b"\xff\"\\".as_slice());
    let nonsense = Attempt::new("no address", "a", "b", "c");
    let log = log_of(&["--log-format=json"], [hostile, nonsense]);
    let objects = objects(&log);
    assert!(objects.len() > 5, "{log:#?}");
    let hostile = objects.iter().find(|object| object.contains_key("action")).expect("a decision");
    assert_eq!(hostile["client_name"], "\"},{\"action\":\"x");
    assert_eq!(hostile["sender"], "\u{9b}2J\u{1b}[2J\\\u{e9}");
    assert_eq!(hostile["queue_id"], "\u{fffd}\"\\");
    assert!(log.iter().all(|line| !line.contains(['\u{1b}', '\u{9b}'])), "{log:#?}");
    let message = "client_address is not an IP address: no address";
    let complaint = objects.iter().find(|object| object.get("message") == Some(&message.into()));
    assert_eq!(complaint.expect("a complaint")["severity"], "warning");
}

/// The output of a command that reads this log.
fn printed(scratch: &Scratch, command: &str, log: &str) -> String {
    run_with(postgrey(command).arg(scratch.dbdir_option()), log).success()
}

#[test]
fn commands_read_both_log_formats_even_mixed() {
    testkit::needs!(testkit::root_for("reports"));
    let empty: Scratch = Daemon::builder(Program::Ours).start().stop().scratch;
    let story = || {
        let other = Attempt::new("198.51.100.7", "mx.c.test", "c@c.test", "r@d.test");
        [mail().at(0), other.at(1), mail().at(100), mail().with("queue_id", "4F2A").at(400)]
    };
    let decided = |arguments: &[&str]| {
        let mut log = log_of(arguments, story());
        log.retain(|line| line.contains("action"));
        log
    };
    let (words, json) = (decided(&[]), decided(&["--log-format=json"]));
    let mixed: Vec<String> = words[..2].iter().chain(&json[2..]).cloned().collect();
    let reject = |name: &str, address: &str, sender: &str| {
        format!(
            "Jun 20 10:00:00 mx postfix/smtpd[7]: NOQUEUE: reject: RCPT from {name}[{address}]: \
             450 4.2.0 <r@d.test>: Recipient address rejected: Greylisted, see there; \
             from=<{sender}> to=<r@d.test> proto=ESMTP helo=<x>\n"
        )
    };
    let rejects = reject("mx.b.test", "192.0.2.7", "a@b.test")
        + &reject("mx.c.test", "198.51.100.7", "c@c.test");
    let mail_log = |lines: &[String]| -> String {
        let stamped = lines.iter().zip(0..);
        let line = |(line, minute)| format!("Jun 20 10:{minute:02}:00 mx postgrey[812]: {line}\n");
        rejects.clone() + &stamped.map(line).collect::<String>()
    };
    let report = |log: &str| printed(&empty, "report", log);
    let explain = |log: &str| printed(&empty, "explain --sender=a@b.test -", log);
    let expected = "   198.51.100.7 mx.c.test c@c.test r@d.test\n";
    let story = explain(&mail_log(&words));
    assert!(story.contains("passed after 3 min, at attempt 3"), "{story}");
    for lines in [&words, &json, &mixed] {
        assert_eq!(report(&mail_log(lines)), expected, "{lines:#?}");
        assert_eq!(explain(&mail_log(lines)), story, "{lines:#?}");
    }
}
