//! The output of `journalctl -o json` (systemd's Journal Export Formats): one
//! object per line, in which text that is not UTF-8 is an array of its bytes.

use super::Line;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use serde_json::Value;

const MICROSECONDS: i64 = 1_000_000;

pub(super) fn parse(line: &[u8]) -> Option<Line<'static>> {
    let fields: Value = serde_json::from_slice(line).ok()?;
    let bytes = |name: &str| bytes(fields.get(name)?);
    let time: i64 = fields.get("__REALTIME_TIMESTAMP")?.as_str()?.parse().ok()?;
    let program = bytes("SYSLOG_IDENTIFIER").or_else(|| bytes("_COMM"))?;
    let text = bytes("MESSAGE")?;
    Some(Line { time: time / MICROSECONDS, program: program.into(), text: text.into() })
}

/// The same as a line of syslog with an ISO timestamp; the host is left open.
pub(super) fn as_syslog(line: &[u8]) -> Option<Vec<u8>> {
    let Line { time, program, text } = parse(line)?;
    let time = Timestamp::from_second(time).ok()?;
    let time = ZonedDateTime::new(time, TimeZone::system());
    let beginning = format!("{} - ", time.strftime("%Y-%m-%dT%H:%M:%S%:z"));
    Some([beginning.as_bytes(), &program, b": ", &text].concat())
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Array(numbers) => {
            numbers.iter().map(|number| u8::try_from(number.as_u64()?).ok()).collect()
        }
        _ => None,
    }
}
