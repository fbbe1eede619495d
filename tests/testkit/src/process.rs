//! Reads facts about a process from `/proc`.

use std::fmt::Display;
use std::fs;
use std::time::Duration;

/// A field of `/proc/PID/status`, with one blank between its words; `None` if the
/// process has ended.
pub fn field(pid: impl Display, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(value.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A field of a living process.
#[track_caller]
pub fn status(pid: impl Display, name: &str) -> String {
    field(pid, name).unwrap_or_else(|| panic!("no {name}"))
}

/// The number at the start of a field.
pub fn number(pid: impl Display, name: &str) -> Option<usize> {
    field(pid, name)?.split(' ').next()?.parse().ok()
}

/// The memory in KiB that is the process's own: without mapped pages of files. 0
/// if it has ended.
pub fn memory(pid: impl Display) -> usize {
    number(pid, "RssAnon").unwrap_or_default()
}

/// The most memory that this process ever had, in KiB.
pub fn peak_memory() -> usize {
    number("self", "VmHWM").expect("Linux")
}

/// The processor time that a process has used.
pub fn processor_time(pid: impl Display) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a living process");
    let (_, fields) = stat.rsplit_once(')').expect("the name in brackets");
    let ticks = fields.split_whitespace().skip(11).take(2);
    // 100 ticks are a second.
    Duration::from_millis(ticks.map(|field| 10 * field.parse::<u64>().expect("a number")).sum())
}

/// Returns true if a process sleeps.
pub fn is_asleep(pid: impl Display) -> bool {
    field(pid, "State").is_some_and(|state| state.starts_with('S'))
}
