//! Decisions in JSON (`--log-format=json`), converted to the classic format so
//! that readers of a log need to support one format only.

use super::journal;
use memchr::memmem;
use serde_json::Value;

const BEGINNING: &[u8] = b"{\"action\":\"";

/// Returns true if a text starts like a decision in JSON.
pub(super) fn is_decision(text: &[u8]) -> bool {
    text.starts_with(BEGINNING)
}

/// Returns the line in syslog's format with a classic decision; `None` if it is
/// in that format already. Output of `journalctl -o json` is parsed.
#[must_use]
pub fn classic_line(line: &[u8]) -> Option<Vec<u8>> {
    if line.first() == Some(&b'{') && !is_decision(line) {
        let line = journal::as_syslog(line)?;
        return Some(with_words(&line).unwrap_or(line));
    }
    with_words(line)
}

fn with_words(line: &[u8]) -> Option<Vec<u8>> {
    let at = memmem::find(line, BEGINNING)?;
    Some([&line[..at], &classic(&line[at..])?].concat())
}

/// The words that a log in the classic format has for a decision in JSON
/// (BEHAVIOUR E2); none for all else.
pub(super) fn classic(text: &[u8]) -> Option<Vec<u8>> {
    if !text.starts_with(BEGINNING) {
        return None;
    }
    let fields: Value = serde_json::from_slice(text.trim_ascii_end()).ok()?;
    let word = |name: &str| fields.get(name)?.as_str();
    let number = |name: &str| fields.get(name)?.as_i64();
    let (action, reason) = (word("action")?, word("reason")?);
    let mut line = word("queue_id").map_or(String::new(), |id| format!("{id}: "));
    line += &format!("action={action}, reason={reason}");
    match number("missing") {
        Some(missing) if reason == "early-retry" => line += &format!(" ({missing}s missing)"),
        _ => {}
    }
    if let Some(delay) = number("delay") {
        line += &format!(", delay={delay}");
    }
    if fields.get("dry_run").is_some_and(|is_dry_run| is_dry_run == true) {
        line += ", dry-run";
    }
    for name in ["client_name", "client_address", "sender", "recipient"] {
        if let Some(value) = word(name) {
            line += &format!(", {name}={value}");
        }
    }
    Some(line.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_in_json_becomes_a_classic_line() {
        let table = [
            (
                r#"{"action":"pass","reason":"triplet found","delay":305,"attempts":3,"queue_id":"4F2A","client_name":"mx.a.test","client_address":"192.0.2.1","sender":"a@b.test","recipient":"c@d.test"}"#,
                "4F2A: action=pass, reason=triplet found, delay=305, client_name=mx.a.test, \
                 client_address=192.0.2.1, sender=a@b.test, recipient=c@d.test",
            ),
            (
                r#"{"action":"greylist","reason":"early-retry","missing":299,"attempts":2,"dry_run":true,"client_address":"192.0.2.1"}"#,
                "action=greylist, reason=early-retry (299s missing), dry-run, \
                 client_address=192.0.2.1",
            ),
            (
                r#"{"action":"greylist","reason":"new","missing":300,"sender":"\"a\\b\"@c.test"}"#,
                r#"action=greylist, reason=new, sender="a\b"@c.test"#,
            ),
        ];
        for (object, words) in table {
            let line = format!("Nov 25 10:00:00 mx postgrey[1]: {object}\n");
            let classic = classic_line(line.as_bytes()).expect(object);
            assert_eq!(
                String::from_utf8(classic).expect("text"),
                format!("Nov 25 10:00:00 mx postgrey[1]: {words}")
            );
        }
    }

    #[test]
    fn all_else_is_left_alone() {
        for line in [
            r#"{"severity":"notice","message":"{\"action\":\"pass\"}"}"#,
            r#"{"action":"pass","reason":"new""#,
            r#"{"action":"pass"}"#,
            "action=pass, reason=triplet found, client_address=192.0.2.1, recipient=a@b.test",
        ] {
            assert_eq!(classic_line(line.as_bytes()), None, "{line}");
        }
    }
}
