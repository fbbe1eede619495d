//! The store on a real file.

use super::buffer::Change;
use super::rows::stored_key;
use super::*;
use crate::greylist::{Lookup, Reason, Verdict};
use crate::state::{ClientRecord, TripletRecord};
use lmdb::{Transaction as _, WriteFlags};
use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory that goes away with the test.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Directory {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("postgrey-store-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Directory(path)
    }

    fn open(&self) -> Store {
        Store::open(&self.0, notes("subnet,24,64")).unwrap()
    }

    fn file(&self) -> PathBuf {
        self.0.join(FILE_NAME)
    }

    fn error(&self) -> String {
        match Store::open(&self.0, notes("subnet,24,64")) {
            Ok(_) => panic!("it opens"),
            Err(error) => error.to_string(),
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

mod expiry;
mod journal;
mod model;
mod structure;

fn notes(keys: &str) -> Metadata {
    Metadata { keys: keys.to_string(), rules: String::new() }
}

const FIRST: TripletRecord = TripletRecord { first: 100, last: 100 };
const LATER: TripletRecord = TripletRecord { first: 100, last: 500 };

fn file(store: &Store) -> &File {
    store.file.as_ref().unwrap()
}

fn record(store: &mut Store, table: Table, key: &[u8]) -> Option<Record> {
    store.record(table, key).unwrap()
}

fn triplet(store: &mut Store, key: &[u8]) -> Option<TripletRecord> {
    record(store, Table::Triplets, key).and_then(Record::triplet)
}

fn client(store: &mut Store, key: &[u8]) -> Option<ClientRecord> {
    record(store, Table::Clients, key).and_then(Record::client)
}

fn change(store: &mut Store, table: Table, key: &[u8], new: Record) {
    let was_there = record(store, table, key).is_some();
    store.batch.changes.add(table, key, Change { record: Some(new), was_there });
}

/// Changes a triplet in the batch.
fn put(store: &mut Store, key: &[u8], record: TripletRecord) {
    store.open_again_if_needed();
    change(store, Table::Triplets, key, Record::Triplet(record));
}

fn put_client(store: &mut Store, key: &[u8], record: ClientRecord) {
    change(store, Table::Clients, key, Record::Client(record));
}

/// Lets a triplet wait for the disk.
fn defer(store: &mut Store, key: &[u8], record: TripletRecord) {
    let was_there = triplet(store, key).is_some();
    let change = Change { record: Some(Record::Triplet(record)), was_there };
    store.buffer.put_loose(Table::Triplets, key, change);
    store.schedule.note_loose(1, Instant::now());
}

fn commit(store: &mut Store) {
    store.commit(&mut Vec::new()).unwrap();
}

/// Does what is due, and waits for the sweep that this starts.
fn run_sweep(store: &mut Store) {
    store.run_due().unwrap();
    wait_for_sweep(store);
}

fn wait_for_sweep(store: &mut Store) {
    if let Some(ended) = store.writer.wait() {
        store.note_ended(ended).unwrap();
    }
}

/// Commits the batch and sweeps it to LMDB.
fn commit_to_file(store: &mut Store) {
    commit(store);
    store.flush().unwrap();
}

/// Decides an attempt of a triplet; `None` if the verdict waits for the commit.
fn decide(store: &mut Store, key: &[u8], now: i64) -> Option<Verdict> {
    let lookup =
        Lookup { triplet: key.to_vec(), clients: Default::default(), recipient_delay: 300, now };
    let mut completed = Vec::new();
    store.submit(Ticket::Connection(7), Task::Decide(lookup));
    store.decide(&Policy::default(), &mut completed);
    completed.pop().map(verdict)
}

fn verdict(completed: Completed) -> Verdict {
    match completed.result {
        Ok(Done::Decided(decision)) => decision.verdict,
        other => panic!("{other:?}"),
    }
}

const NEW: Verdict = Verdict { reason: Reason::New, seconds: 300 };

#[test]
fn committed_records_are_there_at_the_next_start() {
    let directory = Directory::new();
    let mut store = directory.open();
    put(&mut store, b"a/b/c", FIRST);
    put_client(&mut store, b"1.2.3.4", ClientRecord { count: 1, last: 7 });
    commit(&mut store);
    drop(store);
    let mut store = directory.open();
    assert_eq!(triplet(&mut store, b"a/b/c"), Some(FIRST));
    assert_eq!(triplet(&mut store, b"a/b/d"), None);
    let client = client(&mut store, b"1.2.3.4");
    assert_eq!(client, Some(ClientRecord { count: 1, last: 7 }));
}

#[test]
fn an_unfinished_database_is_created_again() {
    let directory = Directory::new();
    let unfinished = directory.0.join("postgrey.mdb.new");
    fs::write(directory.file(), "").unwrap();
    fs::write(&unfinished, "cut off by a power failure").unwrap();
    let mut store = directory.open();
    assert_eq!(triplet(&mut store, b"a/b/c"), None);
    assert!(!unfinished.exists());
}

#[test]
fn a_refreshed_record_is_seen_at_once_and_appended_when_it_is_due() {
    let directory = Directory::new();
    let mut store = directory.open();
    put(&mut store, b"a/b/c", FIRST);
    commit(&mut store);
    store.flush().unwrap();
    assert_eq!(store.deadline(), None);

    defer(&mut store, b"a/b/c", LATER);
    assert_eq!(triplet(&mut store, b"a/b/c"), Some(LATER));
    assert!(store.deadline().is_some());
    put(&mut store, b"x/y/z", FIRST);
    commit(&mut store);
    assert_eq!(store.buffer.loose().len(), 1, "no append takes it along that soon");
    assert_eq!(triplet(&mut store, b"a/b/c"), Some(LATER));
    store.append_loose().unwrap();
    drop(store);
    assert_eq!(triplet(&mut directory.open(), b"a/b/c"), Some(LATER));
}

#[test]
fn deferred_writes_can_be_committed_alone() {
    let directory = Directory::new();
    let mut store = directory.open();
    defer(&mut store, b"a/b/c", LATER);
    store.flush().unwrap();
    store.flush().unwrap();
    drop(store);
    assert_eq!(triplet(&mut directory.open(), b"a/b/c"), Some(LATER));
}

#[test]
fn a_newer_write_overtakes_what_waits() {
    let directory = Directory::new();
    let mut store = directory.open();
    defer(&mut store, b"a/b/c", LATER);
    put(&mut store, b"a/b/c", FIRST);
    commit(&mut store);
    assert_eq!(triplet(&mut store, b"a/b/c"), Some(FIRST));
    assert!(store.buffer.loose().is_empty());
    drop(store);
    assert_eq!(triplet(&mut directory.open(), b"a/b/c"), Some(FIRST));
}

#[test]
fn long_keys_are_distinguished_by_their_whole_length() {
    let directory = Directory::new();
    let mut store = directory.open();
    let long = vec![b'x'; 2000];
    for length in [509, 510, 511, 512, 2000] {
        let seen = TripletRecord { first: i64::try_from(length).unwrap(), last: 1 };
        put(&mut store, &long[..length], seen);
    }
    commit(&mut store);
    for length in [509, 510, 511, 512, 2000] {
        let seen = triplet(&mut store, &long[..length]).unwrap();
        assert_eq!(seen.first, i64::try_from(length).unwrap());
    }
    assert_eq!(triplet(&mut store, &long[..600]), None);
}

#[test]
fn a_long_key_is_kept_whole_in_its_row() {
    let key = vec![b'x'; 600];
    let short = stored_key(&key);
    assert_eq!(short.len(), 511);
    assert_eq!(&short[..470], &key[..470]);
    assert_eq!(short[470], 0);

    let directory = Directory::new();
    let mut store = directory.open();
    put(&mut store, &key, FIRST);
    commit_to_file(&mut store);
    let reader = file(&store).environment.begin_ro_txn().unwrap();
    let row = reader.get(file(&store).tables.triplets, &short.as_ref()).unwrap();
    assert_eq!(row, [b"100,100\0".as_slice(), &key].concat());
}

#[test]
fn the_map_grows_with_the_database() {
    let directory = Directory::new();
    let mut store = directory.open();
    let size = file(&store).environment.info().unwrap().map_size();
    // A few large rows fill the first map as well as many small ones.
    let key = |batch, row| format!("{batch}/{row}/{}", "k".repeat(100_000)).into_bytes();
    for batch in 0..10 {
        for row in 0..80 {
            put(&mut store, &key(batch, row), FIRST);
        }
        commit(&mut store);
    }
    assert!(file(&store).environment.info().unwrap().map_size() > size);
    assert_eq!(triplet(&mut store, &key(0, 0)), Some(FIRST));
}

#[test]
fn a_database_without_a_free_page_opens_again() {
    let directory = Directory::new();
    let mut store = directory.open();
    let first_map = file(&store).environment.info().unwrap().map_size();
    file(&store).environment.set_map_size(3 * first_map).unwrap();
    let row = |number| format!("{number}/{}", "k".repeat(1 << 20)).into_bytes();
    for number in 0..=first_map >> 20 {
        put(&mut store, &row(number), FIRST);
    }
    commit(&mut store);
    drop(store);
    let mut store = Store::open(&directory.0, notes("subnet,32,128")).unwrap();
    assert_eq!(triplet(&mut store, &row(first_map >> 20)), Some(FIRST));
}

#[test]
fn a_foreign_file_is_refused_and_left_alone() {
    let directory = Directory::new();
    let foreign = b"this is not a database\n".repeat(1000);
    fs::write(directory.file(), &foreign).unwrap();
    let error = directory.error();
    assert!(error.contains("postgrey.mdb is not a database of this program"), "{error}");
    assert!(error.contains("to start with an empty database"), "{error}");
    assert_eq!(fs::read(directory.file()).unwrap(), foreign);
}

#[test]
fn a_file_that_was_cut_off_is_refused() {
    let directory = Directory::new();
    drop(directory.open());
    let file = fs::OpenOptions::new().write(true).open(directory.file()).unwrap();
    file.set_len(file.metadata().unwrap().len() - 4096).unwrap();
    let error = directory.error();
    assert!(error.contains("is cut off"), "{error}");
}

#[test]
fn a_file_that_lacks_only_free_pages_is_whole() {
    let directory = Directory::new();
    let mut store = directory.open();
    let key = |row: usize| format!("{row:08}/{}", "k".repeat(60)).into_bytes();
    for row in 0..2400 {
        put(&mut store, &key(row), FIRST);
    }
    commit(&mut store);
    let mut writer = file(&store).environment.begin_rw_txn().unwrap();
    for row in 2100..2400 {
        writer.del(file(&store).tables.triplets, &key(row), None).unwrap();
    }
    writer.commit().unwrap();
    let pages = file(&store).environment.info().unwrap().last_pgno() as u64 + 1;
    let page_size = u64::from(file(&store).environment.stat().unwrap().page_size());
    drop(store);
    let length = fs::metadata(directory.file()).unwrap().len();
    assert!(length < pages * page_size, "LMDB wrote a page that it had given back");

    let mut store = directory.open();
    assert_eq!(triplet(&mut store, &key(0)), Some(FIRST));
    assert_eq!(triplet(&mut store, &key(2099)), Some(FIRST));
    drop(store);
    let file = fs::OpenOptions::new().write(true).open(directory.file()).unwrap();
    file.set_len(length - page_size).unwrap();
    let error = directory.error();
    assert!(error.contains("is cut off"), "{error}");
}

#[test]
fn the_list_of_free_pages_is_the_one_that_lmdb_keeps() {
    let directory = Directory::new();
    let mut store = directory.open();
    let key = |row: usize| format!("{row:08}/{}", "k".repeat(200)).into_bytes();
    for row in 0..20_000 {
        put(&mut store, &key(row), FIRST);
    }
    commit(&mut store);
    let on_disk = fs::File::open(directory.file()).unwrap();
    let page_size = file(&store).environment.stat().unwrap().page_size() as usize;
    // One list that is longer than a page, then many short ones.
    let batches = std::iter::once(0..10_000).chain((10_000..20_000).step_by(20).map(|a| a..a + 20));
    for rows in batches {
        let mut writer = file(&store).environment.begin_rw_txn().unwrap();
        for row in rows {
            writer.del(file(&store).tables.triplets, &key(row), None).unwrap();
        }
        writer.commit().unwrap();
        let free = free_pages::free_list(&on_disk, page_size).unwrap();
        assert_eq!(free.len(), file(&store).environment.freelist().unwrap());
    }
}

#[test]
fn a_newer_format_is_refused() {
    let directory = Directory::new();
    let store = directory.open();
    let meta = file(&store).environment.open_db(Some("meta")).unwrap();
    let mut writer = file(&store).environment.begin_rw_txn().unwrap();
    writer.put(meta, b"format", b"2", WriteFlags::empty()).unwrap();
    writer.commit().unwrap();
    drop(store);
    let error = directory.error();
    assert!(error.contains("has format 2"), "{error}");
}

#[test]
fn the_file_is_for_the_daemon_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = Directory::new();
    drop(directory.open());
    let mode = fs::metadata(directory.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

fn with_sync(directory: &Directory) -> Store {
    directory.open().writing_within(Duration::from_secs(60))
}

#[test]
fn a_verdict_waits_for_the_commit_of_what_it_depends_on() {
    let directory = Directory::new();
    let mut store = directory.open();
    put(&mut store, b"known", LATER);
    commit(&mut store);
    let found = Verdict { reason: Reason::TripletFound, seconds: 500 };
    assert_eq!(decide(&mut store, b"known", 600), Some(found), "only refreshes a record");
    assert_eq!(decide(&mut store, b"new", 600), None);
    assert_eq!(decide(&mut store, b"known", 600), Some(found), "another record");
    assert_eq!(decide(&mut store, b"new", 601), None, "depends on the new record");
    let mut completed = Vec::new();
    assert_eq!(store.commit(&mut completed), Ok(true));
    let early = Verdict { reason: Reason::EarlyRetry, seconds: 299 };
    assert_eq!(completed.into_iter().map(verdict).collect::<Vec<_>>(), [NEW, early]);
    assert_eq!(triplet(&mut store, b"new"), Some(TripletRecord { first: 600, last: 601 }));
}

#[test]
fn nothing_of_a_batch_remains_after_a_failed_commit() {
    let directory = Directory::new();
    let mut store = directory.open();
    defer(&mut store, b"known", LATER);
    assert_eq!(decide(&mut store, b"new", 600), None);
    put(&mut store, b"known", FIRST);
    store.failure = Some(Failure::new(Error::new("the disk is full")));
    let mut completed = Vec::new();
    store.commit(&mut completed).unwrap_err();
    let result = Err(Error::new("the disk is full"));
    assert_eq!(completed, [Completed { ticket: Ticket::Connection(7), result }]);
    store.failure = None;
    assert_eq!(triplet(&mut store, b"new"), None);
    assert_eq!(triplet(&mut store, b"known"), Some(LATER), "what waited");
    store.flush().unwrap();
    drop(store);
    assert_eq!(triplet(&mut directory.open(), b"known"), Some(LATER));
}

#[test]
fn after_a_failure_every_task_fails_until_the_file_is_opened_again() {
    let directory = Directory::new();
    let mut store = directory.open();
    store.failure = Some(Failure::new(Error::new("the disk is full")));
    let mut completed = Vec::new();
    store.submit(Ticket::Tool(1), Task::Edit(Vec::new(), 0));
    store.decide(&Policy::default(), &mut completed);
    let result = Err(Error::new("the disk is full"));
    assert_eq!(completed, [Completed { ticket: Ticket::Tool(1), result }]);
    assert_eq!(store.failure(), Some("the disk is full".to_string()));
}

#[test]
fn with_sync_an_append_is_not_synced_at_once() {
    let directory = Directory::new();
    let mut store = with_sync(&directory);
    assert_eq!(decide(&mut store, b"a/b/c", 100), None);
    commit(&mut store);
    assert!(!store.journal.is_synced());
    assert_eq!(triplet(&mut store, b"a/b/c"), Some(FIRST));
    drop(store);
    // The kernel has it, which is enough for a kill.
    let mut store = with_sync(&directory);
    assert_eq!(triplet(&mut store, b"a/b/c"), Some(FIRST));
    assert!(store.journal.is_synced());
    store.schedule.set_sync_delay(Duration::from_nanos(1));
    put(&mut store, b"x/y/z", FIRST);
    commit(&mut store);
    assert!(store.deadline().is_some_and(|due| due <= Instant::now()));
    assert_eq!(store.run_due(), Ok(true));
    assert!(store.journal.is_synced());
}

#[test]
fn edits_change_records_in_the_file_in_the_batch_and_those_that_wait() {
    use crate::greylist::edit::Change;
    let directory = Directory::new();
    let mut store = directory.open();
    put(&mut store, b"on disk", FIRST);
    put_client(&mut store, b"on disk", ClientRecord { count: 1, last: 1 });
    commit(&mut store);
    defer(&mut store, b"on disk", LATER);
    defer(&mut store, b"waits", FIRST);
    put(&mut store, b"new", FIRST);
    let forget =
        |key: &[u8]| Edit { table: Table::Triplets, key: key.to_vec(), change: Change::Forget };
    let keys = ["on disk", "waits", "new", "none", "waits"];
    let edits = keys.map(|key| forget(key.as_bytes())).to_vec();
    assert_eq!(store.edit(&Policy::default(), edits, 0), Ok(3));
    drop(store);
    let mut store = directory.open();
    for key in keys {
        assert_eq!(triplet(&mut store, key.as_bytes()), None, "{key}");
    }
    assert!(client(&mut store, b"on disk").is_some(), "of the other table");
}
