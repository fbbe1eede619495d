//! The limits of disk and LMDB: a bare loop of puts, committed in batches.

use crate::process::{Pid, cpu_time};
use lmdb::{DatabaseFlags, Environment, EnvironmentFlags, Transaction as _, WriteFlags};
use std::fs;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};
use testkit::Scratch;

/// Puts keys in random order for so long, so many in each commit. Gives the puts
/// a second, and microseconds of CPU time a put.
pub fn puts(batch: usize, duration: Duration) -> (f64, f64) {
    let scratch = Scratch::new();
    let environment = Environment::new()
        .set_flags(EnvironmentFlags::NO_SUB_DIR)
        .set_map_size(1 << 30)
        .open(&scratch.path().join("limit.mdb"))
        .expect("a new database");
    let database = environment.create_db(None, DatabaseFlags::empty()).expect("a table");
    let own = Pid::try_from(std::process::id()).expect("a process id");
    let (begin, work) = (Instant::now(), cpu_time(own));
    let mut number = 0_u64;
    while begin.elapsed() < duration {
        let mut writer = environment.begin_rw_txn().expect("the only writer");
        for _ in 0..batch {
            number += 1;
            let key = format!("{:016x}-as-long-as-a-triplet-usually-is", mixed(number));
            let value = "1700000000,1700000000";
            writer.put(database, &key, &value, WriteFlags::empty()).expect("room");
        }
        writer.commit().expect("room on the disk");
    }
    let work = cpu_time(own) - work;
    let number = number as f64;
    (number / begin.elapsed().as_secs_f64(), work.as_secs_f64() * 1e6 / number)
}

fn mixed(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Appends to a preallocated file, each with as many triplets, and waits for the disk
/// after each. Returns the appends a second.
pub fn appends(batch: usize, duration: Duration) -> f64 {
    let scratch = Scratch::new();
    let path = scratch.path().join("limit.journal");
    let length = 4 << 20;
    fs::write(&path, vec![0; length]).expect("room on the disk");
    let file = fs::OpenOptions::new().write(true).open(&path).expect("the file");
    file.sync_all().expect("a disk");
    let record = vec![b'x'; 28 + 90 * batch];
    let (begin, mut number, mut at) = (Instant::now(), 0, 0);
    while begin.elapsed() < duration {
        if at + record.len() > length {
            at = 0;
        }
        file.write_all_at(&record, at as u64).expect("a write");
        file.sync_data().expect("a disk");
        at += record.len();
        number += 1;
    }
    f64::from(number) / begin.elapsed().as_secs_f64()
}
