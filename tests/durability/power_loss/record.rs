//! A server's disk operations and replies, as recorded by `recorder.c`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use testkit::Builder;

/// The number of a file: the database or the journal.
pub type File = usize;

/// The database.
pub const DATABASE: File = 0;

/// The journal.
pub const JOURNAL: File = 1;

/// One line of the record.
#[derive(Debug)]
pub enum Event {
    /// These bytes are on their way to this place in a file.
    Write(File, usize, Vec<u8>),
    /// The last of them have arrived.
    WriteSynced(File),
    /// All of them have, at this moment of some clock.
    Synced(File, Duration),
    /// A file gets its name.
    Named(File),
    /// A reply to a client, and its time.
    Acknowledged(Duration, Vec<u8>),
}

/// Has a server write a record into its directory.
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
        let [kind, file, place, length, time] = [0, 1, 2, 3, 4].map(|field| {
            let bytes = rest[8 * field..].first_chunk().expect("a whole event");
            usize::from_ne_bytes(*bytes)
        });
        let (bytes, others) = rest[40..].split_at(length);
        rest = others;
        let time = Duration::from_nanos(time as u64);
        events.push(match u8::try_from(kind).expect("a letter") {
            b'W' => Event::Write(file, place, bytes.to_vec()),
            b'D' => Event::WriteSynced(file),
            b'S' => Event::Synced(file, time),
            b'N' => Event::Named(file),
            b'R' => Event::Acknowledged(time, bytes.to_vec()),
            other => panic!("an event of kind {other}"),
        });
    }
    events
}
