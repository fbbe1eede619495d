//! Records in the journal: when they move, what a journal may be, and what a damaged
//! one costs.

use super::*;
use crate::state::local::journal::path_beside;
use crate::state::local::writer::{Ended, Sweep};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};

impl Directory {
    fn journal(&self) -> PathBuf {
        path_beside(&self.file())
    }

    /// A store with a record of each key in its journal, as a killed daemon left it.
    fn with_records(&self, keys: &[&[u8]]) {
        let mut store = self.open();
        for key in keys {
            put(&mut store, key, FIRST);
            commit(&mut store);
        }
    }

    fn has(&self, key: &[u8]) -> bool {
        triplet(&mut self.open(), key).is_some()
    }
}

/// Returns true if LMDB has a key.
fn is_in_lmdb(store: &Store, key: &[u8]) -> bool {
    let reader = file(store).environment.begin_ro_txn().unwrap();
    reader.get(file(store).tables.triplets, &key).is_ok()
}

fn key(row: usize) -> Vec<u8> {
    format!("a/b/{row:05}").into_bytes()
}

fn is_due(store: &Store) -> bool {
    store.deadline().is_some_and(|due| due <= Instant::now())
}

/// Offset of some bytes in a file.
fn offset_of(path: &Path, bytes: &[u8]) -> u64 {
    memchr::memmem::find(&fs::read(path).unwrap(), bytes).unwrap() as u64
}

#[test]
fn a_lone_record_stays_in_the_journal_for_minutes() {
    let directory = Directory::new();
    let mut store = directory.open();
    put(&mut store, b"a/b/c", FIRST);
    commit(&mut store);
    assert!(!is_due(&store));
    assert_eq!(store.run_due(), Ok(false));
    assert!(!is_in_lmdb(&store, b"a/b/c"));
    assert_eq!(store.size().records, Some([1, 0]));
    assert_eq!(store.flush(), Ok(true));
    assert!(is_in_lmdb(&store, b"a/b/c"));
    assert_eq!(store.size().records, Some([1, 0]));
    assert_eq!(store.flush(), Ok(false));
}

#[test]
fn a_sweep_starts_when_half_of_a_half_is_used() {
    let directory = Directory::new();
    let mut store = directory.open();
    let mut rows = 0;
    while !is_due(&store) {
        put(&mut store, &key(rows), FIRST);
        commit(&mut store);
        rows += 1;
    }
    assert!(rows > 200, "{rows}");
    assert_eq!(store.run_due(), Ok(false));
    assert_eq!(store.deadline(), None, "the writer wakes the loop");
    assert_eq!(store.size().records, Some([rows, 0]));
    run_sweep(&mut store);
    assert_eq!(store.size().records, Some([rows, 0]));
    assert!(is_in_lmdb(&store, &key(rows - 1)));
    assert!(store.buffer.is_empty());
}

/// Starts a sweep, which waits until `work` is done.
fn during_a_sweep(store: &mut Store, work: impl FnOnce(&mut Store)) {
    let open = Arc::clone(store.file.as_ref().unwrap());
    // As long as this lives, no other transaction writes.
    let _slow = open.environment.begin_rw_txn().unwrap();
    store.settle();
    store.run_due().unwrap();
    work(store);
}

#[test]
fn a_commit_does_not_wait_for_a_sweep() {
    let directory = Directory::new();
    let mut store = directory.open();
    put(&mut store, &key(0), FIRST);
    put(&mut store, &key(1), FIRST);
    commit(&mut store);
    during_a_sweep(&mut store, |store| {
        put(store, &key(1), LATER);
        put(store, &key(2), FIRST);
        commit(store);
        assert!(store.writer.is_writing());
        let records = [0, 1, 2].map(|row| triplet(store, &key(row)));
        assert_eq!(records, [Some(FIRST), Some(LATER), Some(FIRST)]);
        assert_eq!(store.size().records, Some([3, 0]));
    });
    store.flush().unwrap();
    assert!((0..3).all(|row| is_in_lmdb(&store, &key(row))));
}

#[test]
fn a_half_is_used_again_only_after_its_sweep() {
    let directory = Directory::new();
    let mut store = directory.open();
    put(&mut store, &key(0), FIRST);
    commit(&mut store);
    let mut generation = 0;
    during_a_sweep(&mut store, |store| {
        generation = store.journal.generation();
        put(store, &key(1), FIRST);
        commit(store);
        store.settle();
        store.run_due().unwrap();
        assert_eq!(store.journal.generation(), generation);
    });
    wait_for_sweep(&mut store);
    run_sweep(&mut store);
    assert_eq!(store.journal.generation(), generation + 1);
}

#[test]
fn a_tool_waits_for_a_sweep_that_has_all_records() {
    let directory = Directory::new();
    let mut store = directory.open();
    (0..100).for_each(|row| put(&mut store, &key(row), FIRST));
    commit(&mut store);
    let first = store.settle();
    store.run_due().unwrap();
    // Too late for the sweep in progress.
    put(&mut store, &key(0), LATER);
    commit(&mut store);
    defer(&mut store, &key(1), LATER);
    let second = store.settle();
    run_sweep(&mut store);
    assert_eq!((store.has_settled(first), store.has_settled(second)), (true, false));
    assert!(is_due(&store));
    run_sweep(&mut store);
    assert!(store.has_settled(second));
    assert!(store.buffer.is_empty());
    let nothing = store.settle();
    assert!(store.has_settled(nothing));
    assert_eq!(store.deadline(), None);
}

#[test]
fn when_both_halves_are_full_the_batch_waits_for_a_sweep() {
    let directory = Directory::new();
    let mut store = directory.open();
    let long = |row: usize| format!("{row}/{}", "k".repeat(1000)).into_bytes();
    for row in 0..500 {
        put(&mut store, &long(row), FIRST);
        commit(&mut store);
    }
    drop(store);
    let mut store = directory.open();
    assert!((0..500).all(|row| triplet(&mut store, &long(row)) == Some(FIRST)));
}

#[test]
fn a_batch_that_is_larger_than_the_journal_replaces_what_is_in_it() {
    let directory = Directory::new();
    let mut store = directory.open();
    put(&mut store, &key(0), FIRST);
    commit(&mut store);
    defer(&mut store, &key(1), FIRST);
    (0..5000).for_each(|row| put(&mut store, &key(row), LATER));
    commit(&mut store);
    assert!(store.buffer.is_empty());
    put(&mut store, &key(2), FIRST);
    commit(&mut store);
    drop(store);
    let mut store = directory.open();
    let records = [0, 1, 2, 4999].map(|row| triplet(&mut store, &key(row)));
    assert_eq!(records, [Some(LATER), Some(LATER), Some(FIRST), Some(LATER)]);
}

#[test]
fn an_expired_record_is_not_deleted_while_a_newer_one_is_in_the_journal() {
    let directory = Directory::new();
    let mut store = directory.open();
    put(&mut store, b"a/b/c", FIRST);
    commit(&mut store);
    let lifetimes = Lifetimes { max_age: 10, retry_window: 10, delay: 300, clients: true };
    let begin = store.expire(&lifetimes, 1_000_000).unwrap().unwrap();
    assert_eq!(begin.rows, 0, "a pass begins when LMDB has the records of the journal");
    store.flush().unwrap();
    put(&mut store, b"a/b/c", LATER);
    commit(&mut store);
    let slice = store.expire(&lifetimes, 1_000_000).unwrap().unwrap();
    assert_eq!(slice.rows, 1);
    store.flush().unwrap();
    assert_eq!(triplet(&mut store, b"a/b/c"), Some(LATER));
    // Then it has expired itself, and its block is not read again.
    store.take_expiry_pass().unwrap();
    store.expire(&lifetimes, 1_000_000).unwrap();
    store.flush().unwrap();
    drop(store);
    assert!(!directory.has(b"a/b/c"));
}

#[test]
fn a_journal_that_is_deleted_or_replaced_is_made_again_with_its_records() {
    let directory = Directory::new();
    let mut store = directory.open();
    put(&mut store, &key(0), FIRST);
    commit(&mut store);
    for (row, replace) in [(1, false), (2, true)] {
        fs::remove_file(directory.journal()).unwrap();
        if replace {
            fs::write(directory.journal(), "something else").unwrap();
        }
        put(&mut store, &key(row), FIRST);
        commit(&mut store);
        let notices = store.check();
        let expected = format!("was deleted or replaced; it was made again with {row} records");
        assert!(matches!(&notices[..], [line] if line.ends_with(&expected)), "{notices:?}");
    }
    fs::remove_file(directory.journal()).unwrap();
    assert_eq!(store.check().len(), 1, "noticed without mail");
    drop(store);
    assert!((0..3).all(|row| directory.has(&key(row))));
}

#[test]
fn the_journal_is_for_the_daemon_alone() {
    let directory = Directory::new();
    directory.with_records(&[b"a"]);
    let metadata = fs::metadata(directory.journal()).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert!(metadata.blocks() * 512 >= metadata.len(), "a hole would have to be filled later");
}

#[test]
fn a_damaged_journal_is_used_as_far_as_possible_and_kept() {
    let directory = Directory::new();
    directory.with_records(&[b"first key", b"second key", b"third key"]);
    let before = fs::read(directory.journal()).unwrap();
    let at = offset_of(&directory.journal(), b"second key");
    let file = fs::OpenOptions::new().write(true).open(directory.journal()).unwrap();
    file.write_all_at(b"S", at).unwrap();
    let mut store = directory.open();
    let notices = store.check();
    assert!(matches!(&notices[..], [line] if line.contains("is damaged at byte ")), "{notices:?}");
    let keys: [&[u8]; 3] = [b"first key", b"second key", b"third key"];
    assert_eq!(keys.map(|key| triplet(&mut store, key).is_some()), [true, false, true]);
    drop(store);
    let mut kept = fs::read(directory.0.join("postgrey.journal.damaged")).unwrap();
    kept[usize::try_from(at).unwrap()] = b's';
    assert!(kept == before);
    let mut store = directory.open();
    assert_eq!(store.check(), [""; 0], "the journal was made again");
    assert!(triplet(&mut store, b"third key").is_some());
}

#[test]
fn a_journal_that_was_cut_off_keeps_its_first_records() {
    let directory = Directory::new();
    directory.with_records(&[b"first key", b"second key"]);
    let file = fs::OpenOptions::new().write(true).open(directory.journal()).unwrap();
    file.set_len(offset_of(&directory.journal(), b"second key")).unwrap();
    let mut store = directory.open();
    let notices = store.check();
    assert!(matches!(&notices[..], [line] if line.contains("is cut off at ")), "{notices:?}");
    assert!(triplet(&mut store, b"first key").is_some());
}

#[test]
fn a_journal_of_another_database_is_kept_and_not_used() {
    let (directory, other) = (Directory::new(), Directory::new());
    directory.with_records(&[b"a"]);
    other.with_records(&[b"b"]);
    fs::copy(other.journal(), directory.journal()).unwrap();
    let mut store = directory.open();
    let notices = store.check();
    let expected = "belongs to another database";
    assert!(matches!(&notices[..], [line] if line.contains(expected)), "{notices:?}");
    assert_eq!(triplet(&mut store, b"b"), None);
    drop(store);
    fs::rename(directory.0.join("postgrey.journal.damaged"), other.journal()).unwrap();
    assert!(other.has(b"b"), "it was kept");
}

#[test]
fn an_empty_journal_of_another_database_is_replaced() {
    let (directory, other) = (Directory::new(), Directory::new());
    other.open().writing_within(Duration::ZERO);
    fs::copy(other.journal(), directory.journal()).unwrap();
    let mut store = directory.open();
    put(&mut store, b"a", FIRST);
    commit(&mut store);
    assert_eq!(store.check(), [""; 0]);
    drop(store);
    assert!(directory.has(b"a"));
}

#[test]
fn a_journal_that_may_not_be_used_is_a_start_up_error_and_left_alone() {
    let directory = Directory::new();
    directory.with_records(&[b"a"]);
    let journal = directory.journal();
    let original = fs::read(&journal).unwrap();
    let mut newer = original.clone();
    newer[8] += 1;
    fs::write(&journal, &newer).unwrap();
    assert!(directory.error().contains("postgrey.journal has format 2"), "{}", directory.error());
    assert!(fs::read(&journal).unwrap() == newer);

    let elsewhere = directory.0.join("elsewhere");
    fs::write(&elsewhere, &original).unwrap();
    fs::remove_file(&journal).unwrap();
    symlink(&elsewhere, &journal).unwrap();
    assert!(directory.error().contains("is a symbolic link"), "{}", directory.error());
    fs::remove_file(&journal).unwrap();
    fs::create_dir(&journal).unwrap();
    assert!(directory.error().contains("postgrey.journal"), "{}", directory.error());
    fs::remove_dir(&journal).unwrap();
    fs::write(&journal, &original).unwrap();
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(&journal, Some(12_345), None).unwrap();
        assert!(directory.error().contains("the user with id 12345"), "{}", directory.error());
        std::os::unix::fs::chown(&journal, Some(0), None).unwrap();
    }
    assert!(directory.has(b"a"));
}

#[test]
fn a_clean_end_leaves_an_empty_journal() {
    let directory = Directory::new();
    directory.with_records(&[b"a", b"b"]);
    let mut store = directory.open();
    store.flush().unwrap();
    drop(store);
    fs::remove_file(directory.journal()).unwrap();
    assert!(directory.has(b"a") && directory.has(b"b"), "the database has them");
}

#[test]
fn a_sweep_of_a_file_that_was_cut_off_touches_no_page_of_it() {
    let directory = Directory::new();
    let mut store = directory.open();
    put(&mut store, &key(0), FIRST);
    commit(&mut store);
    let (file, changes) =
        (Arc::clone(store.file.as_ref().unwrap()), Arc::new(store.buffer.young().clone()));
    fs::OpenOptions::new().write(true).open(directory.file()).unwrap().set_len(0).unwrap();
    store.writer.start(Sweep { file, changes, swept: None, slice: 1 }).unwrap();
    assert_eq!(store.writer.wait().unwrap().result, Err(lmdb::Error::Invalid));
    let notices = store.check();
    assert!(matches!(&notices[..], [line] if line.contains("was cut off while")), "{notices:?}");
    store.flush().unwrap();
    assert!(is_in_lmdb(&store, &key(0)));
}

#[test]
fn a_journal_that_is_made_again_during_a_sweep_is_not_read_again_after_it() {
    let directory = Directory::new();
    let mut store = directory.open();
    put(&mut store, &key(0), FIRST);
    commit(&mut store);
    during_a_sweep(&mut store, |store| {
        fs::remove_file(directory.journal()).unwrap();
        assert_eq!(store.check().len(), 1);
    });
    wait_for_sweep(&mut store);
    // These are too many for the journal.
    (0..5000).for_each(|row| put(&mut store, &key(row), LATER));
    commit(&mut store);
    drop(store);
    assert_eq!(triplet(&mut directory.open(), &key(0)), Some(LATER));
}

#[test]
fn a_map_that_was_too_small_for_a_sweep_is_made_larger() {
    let directory = Directory::new();
    let mut store = directory.open();
    put(&mut store, &key(0), FIRST);
    commit(&mut store);
    let map_size = |store: &Store| file(store).environment.info().unwrap().map_size();
    let usual = map_size(&store);
    file(&store).environment.set_map_size(usual * 3 / 4).unwrap();
    assert!(file(&store).has_room());
    let ended = Ended { result: Err(lmdb::Error::MapFull), took: Duration::ZERO };
    store.note_ended(ended).unwrap();
    assert!(map_size(&store) >= usual);
}

#[test]
fn a_file_that_is_the_only_copy_is_not_waited_for_without_a_pause() {
    let directory = Directory::new();
    let mut store = directory.open();
    put(&mut store, &key(0), FIRST);
    commit(&mut store);
    defer(&mut store, &key(0), LATER);
    // Nothing can be written there.
    fs::create_dir(directory.0.join("postgrey.mdb.new")).unwrap();
    fs::remove_file(directory.file()).unwrap();
    assert_eq!(store.check().len(), 1);
    let moment = Instant::now().checked_sub(RETRY_PAUSE).unwrap();
    store.failure = Some(Failure { error: Error::new("it is full"), moment });
    store.settle();
    store.run_due().unwrap_err();
    assert!(!is_due(&store));
}

#[test]
fn a_tool_does_not_wait_for_refreshed_records_that_lmdb_has() {
    let directory = Directory::new();
    let mut store = directory.open();
    put(&mut store, &key(0), FIRST);
    commit_to_file(&mut store);
    defer(&mut store, &key(0), FIRST);
    let number = store.settle();
    // These are too many for the journal.
    (0..5000).for_each(|row| put(&mut store, &key(row), LATER));
    commit(&mut store);
    assert!(store.buffer.is_empty());
    assert!(store.has_settled(number));
}
