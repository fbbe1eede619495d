//! Reads `/proc/PID/status`.

use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::fs;

/// The fields of a living process, with one blank between words.
pub struct Status {
    fields: BTreeMap<String, String>,
}

impl Status {
    pub fn of(pid: Pid) -> Status {
        let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("a living process");
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        let words = |value: &str| value.split_whitespace().collect::<Vec<_>>().join(" ");
        Status { fields: fields.map(|(name, value)| (name.to_string(), words(value))).collect() }
    }

    pub fn text(&self, name: &str) -> &str {
        self.fields.get(name).unwrap_or_else(|| panic!("no {name}: {:?}", self.fields))
    }

    pub fn capabilities(&self, name: &str) -> u64 {
        u64::from_str_radix(self.text(name), 16).expect("a hexadecimal number")
    }
}
