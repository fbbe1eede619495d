//! What a server asked of the disk and what it answered, as `recorder.c` wrote
//! it down.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use testkit::Builder;

#[derive(Debug)]
pub enum Event {
    /// These bytes are on their way to this place in the file.
    Write(usize, Vec<u8>),
    /// The last of them have arrived, at this moment of some clock.
    WriteSynced(Duration),
    Synced,
    Named,
    Told(Duration, Vec<u8>),
}

pub fn recording(builder: Builder) -> Builder {
    let record = builder.scratch().file("record", "");
    fs::set_permissions(&record, Permissions::from_mode(0o666)).expect("chmod");
    let builder = builder.env("RECORD", record.to_str().expect("UTF-8"));
    builder.preload("tests/durability/power_loss/recorder.c")
}

/// The record of a server that has ended, in a directory.
pub fn read(directory: &Path) -> Vec<Event> {
    let record = fs::read(directory.join("record")).expect("the record");
    let mut rest = record.as_slice();
    let mut events = Vec::new();
    while !rest.is_empty() {
        let [kind, place, length, time] = [0, 1, 2, 3].map(|field| {
            let bytes = rest[8 * field..].first_chunk().expect("a whole event");
            usize::from_ne_bytes(*bytes)
        });
        let (bytes, others) = rest[32..].split_at(length);
        rest = others;
        let time = Duration::from_nanos(time as u64);
        events.push(match u8::try_from(kind).expect("a letter") {
            b'W' => Event::Write(place, bytes.to_vec()),
            b'D' => Event::WriteSynced(time),
            b'S' => Event::Synced,
            b'N' => Event::Named,
            b'R' => Event::Told(time, bytes.to_vec()),
            other => panic!("an event of kind {other}"),
        });
    }
    events
}
