//! Figures of a running process from the system and from perf.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const SYNCS: [&str; 4] = ["fsync", "fdatasync", "msync", "sync_file_range"];

pub type Pid = i32;

pub fn cpu_time(pid: Pid) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("a living process");
    let nanoseconds = tasks.flatten().filter_map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.sum())
}

/// Memory of its own in KiB: what is no page of a file.
pub fn own_memory(pid: Pid) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a living process");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let number = line.and_then(|line| line.trim().split(' ').next());
    number.and_then(|number| number.parse().ok()).expect("a kernel that counts RssAnon")
}

/// Bytes that a process had written to a disk.
pub fn written_bytes(pid: Pid) -> u64 {
    let counters = fs::read_to_string(format!("/proc/{pid}/io")).expect("a living process");
    let number = counters.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    number.and_then(|number| number.parse().ok()).expect("a kernel that counts bytes")
}

/// System calls of a process, and those of them that wait for the disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calls {
    pub all: u64,
    pub syncs: u64,
}

pub struct Counter {
    perf: Child,
}

impl Counter {
    pub fn attach(pid: Pid) -> Option<Counter> {
        let syncs = SYNCS.map(|name| format!("syscalls:sys_enter_{name}")).join(",");
        let perf = Command::new("perf")
            .args(["stat", "--no-big-num", "-x", ";", "-e"])
            .arg(format!("raw_syscalls:sys_enter,{syncs}"))
            .args(["-p", &pid.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        // It says nowhere that it has begun.
        std::thread::sleep(Duration::from_millis(300));
        Some(Counter { perf })
    }

    pub fn read(self) -> Option<Calls> {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.perf.id()).ok()?);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).ok()?;
        let output = self.perf.wait_with_output().ok()?;
        let mut calls = Calls::default();
        for line in String::from_utf8_lossy(&output.stderr).lines() {
            let fields: Vec<&str> = line.split(';').collect();
            let (Some(Ok(count)), Some(event)) =
                (fields.first().map(|field| field.parse::<u64>()), fields.get(2))
            else {
                continue;
            };
            if event.starts_with("raw_syscalls") {
                calls.all = count;
            } else {
                calls.syncs += count;
            }
        }
        (calls.all > 0).then_some(calls)
    }
}
