//! The store on a real file.

use super::rows::stored_key;
use super::*;
use crate::state::{ClientRecord, Transaction, TripletRecord, Urgency};
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

fn notes(keys: &str) -> Metadata {
    Metadata { keys: keys.to_string(), rules: String::new() }
}

const FIRST: TripletRecord = TripletRecord { first: 100, last: 100 };
const LATER: TripletRecord = TripletRecord { first: 100, last: 500 };

fn file(store: &Store) -> &File {
    store.file.as_ref().unwrap()
}

fn triplet(store: &mut Store, key: &[u8]) -> Option<TripletRecord> {
    store.begin().triplet(key).unwrap()
}

#[test]
fn what_was_committed_is_there_at_the_next_start() {
    let directory = Directory::new();
    let mut store = directory.open();
    let mut turn = store.begin();
    turn.put_triplet(b"a/b/c", FIRST, Urgency::BeforeReply).unwrap();
    turn.put_client(b"1.2.3.4", ClientRecord { count: 1, last: 7 }).unwrap();
    turn.commit().unwrap();
    drop(store);
    let mut store = directory.open();
    assert_eq!(triplet(&mut store, b"a/b/c"), Some(FIRST));
    assert_eq!(triplet(&mut store, b"a/b/d"), None);
    let client = store.begin().client(b"1.2.3.4").unwrap();
    assert_eq!(client, Some(ClientRecord { count: 1, last: 7 }));
}

#[test]
fn a_database_that_was_never_finished_is_made_anew() {
    let directory = Directory::new();
    let unfinished = directory.0.join("postgrey.mdb.new");
    fs::write(directory.file(), "").unwrap();
    fs::write(&unfinished, "cut off by a power failure").unwrap();
    let mut store = directory.open();
    assert_eq!(triplet(&mut store, b"a/b/c"), None);
    assert!(!unfinished.exists());
}

#[test]
fn a_turn_without_a_commit_leaves_nothing() {
    let directory = Directory::new();
    let mut store = directory.open();
    store.begin().put_triplet(b"a/b/c", FIRST, Urgency::BeforeReply).unwrap();
    assert_eq!(triplet(&mut store, b"a/b/c"), None);
}

#[test]
fn what_waits_is_seen_at_once_and_written_when_it_is_due() {
    let directory = Directory::new();
    let mut store = directory.open();
    let mut turn = store.begin();
    turn.put_triplet(b"a/b/c", FIRST, Urgency::BeforeReply).unwrap();
    turn.commit().unwrap();
    assert_eq!(store.due(), None);

    store.begin().put_triplet(b"a/b/c", LATER, Urgency::Soon).unwrap();
    assert_eq!(triplet(&mut store, b"a/b/c"), Some(LATER));
    let due = store.due();
    assert!(due.is_some());

    let mut turn = store.begin();
    turn.put_triplet(b"x/y/z", FIRST, Urgency::BeforeReply).unwrap();
    turn.commit().unwrap();
    assert_eq!(store.due(), due, "no commit takes it along that soon");
    assert_eq!(triplet(&mut store, b"a/b/c"), Some(LATER));
    store.flush().unwrap();
    assert_eq!(store.due(), None);
    drop(store);
    assert_eq!(triplet(&mut directory.open(), b"a/b/c"), Some(LATER));
}

#[test]
fn what_waits_can_be_written_by_itself() {
    let directory = Directory::new();
    let mut store = directory.open();
    store.begin().put_triplet(b"a/b/c", LATER, Urgency::Soon).unwrap();
    store.flush().unwrap();
    store.flush().unwrap();
    drop(store);
    assert_eq!(triplet(&mut directory.open(), b"a/b/c"), Some(LATER));
}

#[test]
fn a_removal_that_fails_leaves_what_waits() {
    let directory = Directory::new();
    let mut store = directory.open().writing_within(Duration::from_secs(60));
    store.begin().put_triplet(b"a/b/c", FIRST, Urgency::BeforeReply).unwrap();
    let mut turn = store.begin();
    assert!(turn.remove(Table::Triplets, b"a/b/c").unwrap());
    assert_eq!(turn.triplet(b"a/b/c").unwrap(), None);
    drop(turn);
    assert_eq!(triplet(&mut store, b"a/b/c"), Some(FIRST));
    let mut turn = store.begin();
    assert!(turn.remove(Table::Triplets, b"a/b/c").unwrap());
    turn.commit().unwrap();
    assert_eq!(triplet(&mut store, b"a/b/c"), None);
}

#[test]
fn a_newer_write_overtakes_what_waits() {
    let directory = Directory::new();
    let mut store = directory.open();
    store.begin().put_triplet(b"a/b/c", LATER, Urgency::Soon).unwrap();
    let mut turn = store.begin();
    turn.put_triplet(b"a/b/c", FIRST, Urgency::BeforeReply).unwrap();
    turn.commit().unwrap();
    assert_eq!(triplet(&mut store, b"a/b/c"), Some(FIRST));
    assert_eq!(store.due(), None);
    drop(store);
    assert_eq!(triplet(&mut directory.open(), b"a/b/c"), Some(FIRST));
}

#[test]
fn what_waits_outlives_a_commit_that_fails() {
    let directory = Directory::new();
    let mut store = directory.open();
    store.begin().put_triplet(b"a/b/c", LATER, Urgency::Soon).unwrap();
    let mut turn = store.begin();
    turn.put_triplet(b"a/b/c", FIRST, Urgency::BeforeReply).unwrap();
    assert_eq!(turn.triplet(b"a/b/c").unwrap(), Some(FIRST));
    drop(turn);
    assert_eq!(triplet(&mut store, b"a/b/c"), Some(LATER));
    store.flush().unwrap();
    drop(store);
    assert_eq!(triplet(&mut directory.open(), b"a/b/c"), Some(LATER));
}

#[test]
fn with_patience_all_rows_wait_and_are_told_at_once() {
    let directory = Directory::new();
    let passes = ClientRecord { count: 1, last: 7 };
    let mut store = directory.open().writing_within(Duration::from_secs(60));
    let mut turn = store.begin();
    turn.put_triplet(b"a/b/c", FIRST, Urgency::BeforeReply).unwrap();
    turn.put_client(b"1.2.3.4", passes).unwrap();
    assert_eq!(turn.triplet(b"a/b/c").unwrap(), Some(FIRST));
    assert_eq!(turn.client(b"1.2.3.4").unwrap(), Some(passes));
    assert!(!turn.take_unsettled());
    turn.commit().unwrap();
    let wait = store.due().unwrap() - Instant::now();
    assert!(wait > Duration::from_secs(50), "{wait:?}");
    drop(store);

    let mut store = directory.open().writing_within(Duration::from_secs(60));
    assert_eq!(triplet(&mut store, b"a/b/c"), None, "it waited for longer than the store lived");
    store.begin().put_triplet(b"a/b/c", FIRST, Urgency::BeforeReply).unwrap();
    store.begin().put_client(b"1.2.3.4", passes).unwrap();
    store.flush().unwrap();
    assert_eq!(store.due(), None);
    drop(store);
    let mut store = directory.open();
    assert_eq!(triplet(&mut store, b"a/b/c"), Some(FIRST));
    assert_eq!(store.begin().client(b"1.2.3.4").unwrap(), Some(passes));
}

#[test]
fn with_patience_only_so_many_rows_wait() {
    let directory = Directory::new();
    let mut store = directory.open().writing_within(Duration::from_secs(60));
    let key = |row: usize| format!("a/b/{row}").into_bytes();
    let mut turn = store.begin();
    let mut waiting = 0;
    while {
        turn.put_triplet(&key(waiting), FIRST, Urgency::BeforeReply).unwrap();
        !turn.take_unsettled()
    } {
        waiting += 1;
    }
    assert_eq!(waiting, 2048);
    turn.commit().unwrap();
    assert_eq!(store.due(), None, "a commit takes them all");
    drop(store);
    let mut store = directory.open();
    assert_eq!(triplet(&mut store, &key(0)), Some(FIRST));
    assert_eq!(triplet(&mut store, &key(waiting)), Some(FIRST));
}

#[test]
fn with_patience_nothing_more_waits_for_a_disk_that_takes_nothing() {
    let directory = Directory::new();
    let mut store = directory.open().writing_within(Duration::from_secs(60));
    store.begin().put_triplet(b"a/b/c", FIRST, Urgency::BeforeReply).unwrap();
    let mut turn = store.begin();
    turn.fail(Error::new("the disk is full"));
    turn.commit().unwrap_err();
    assert!(store.is_failing());
    // As after a second.
    store.failure = None;

    let mut turn = store.begin();
    assert_eq!(turn.triplet(b"a/b/c").unwrap(), Some(FIRST), "told before, and not lost");
    turn.put_triplet(b"x/y/z", FIRST, Urgency::BeforeReply).unwrap();
    assert!(turn.take_unsettled());
    turn.commit().unwrap();
    let mut turn = store.begin();
    turn.put_triplet(b"1/2/3", FIRST, Urgency::BeforeReply).unwrap();
    assert!(!turn.take_unsettled(), "the disk takes rows again");
    drop(turn);
    drop(store);
    let mut store = directory.open();
    assert_eq!(triplet(&mut store, b"a/b/c"), Some(FIRST));
    assert_eq!(triplet(&mut store, b"x/y/z"), Some(FIRST));
}

#[test]
fn nobody_is_told_of_a_row_that_is_not_committed() {
    let directory = Directory::new();
    let mut store = directory.open();
    let mut turn = store.begin();
    turn.triplet(b"a/b/c").unwrap();
    assert!(!turn.take_unsettled(), "nothing was written");
    turn.put_triplet(b"a/b/c", FIRST, Urgency::BeforeReply).unwrap();
    assert!(turn.take_unsettled(), "a new row");
    turn.triplet(b"x/y/z").unwrap();
    assert!(!turn.take_unsettled(), "another row");
    assert_eq!(turn.triplet(b"a/b/c").unwrap(), Some(FIRST));
    assert!(turn.take_unsettled(), "the new row again");
    turn.put_triplet(b"a/b/c", LATER, Urgency::Soon).unwrap();
    assert!(turn.take_unsettled(), "what refreshes the new row");
    turn.put_triplet(b"x/y/z", LATER, Urgency::Soon).unwrap();
    assert!(!turn.take_unsettled(), "what refreshes another");
}

#[test]
fn long_keys_are_told_apart_by_their_whole_length() {
    let directory = Directory::new();
    let mut store = directory.open();
    let long = vec![b'x'; 2000];
    let mut turn = store.begin();
    for length in [509, 510, 511, 512, 2000] {
        let seen = TripletRecord { first: i64::try_from(length).unwrap(), last: 1 };
        turn.put_triplet(&long[..length], seen, Urgency::BeforeReply).unwrap();
    }
    turn.commit().unwrap();
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
    let mut turn = store.begin();
    turn.put_triplet(&key, FIRST, Urgency::BeforeReply).unwrap();
    turn.commit().unwrap();
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
        let mut turn = store.begin();
        for row in 0..80 {
            turn.put_triplet(&key(batch, row), FIRST, Urgency::BeforeReply).unwrap();
        }
        turn.commit().unwrap();
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
    let mut turn = store.begin();
    for number in 0..=first_map >> 20 {
        turn.put_triplet(&row(number), FIRST, Urgency::BeforeReply).unwrap();
    }
    turn.commit().unwrap();
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
    let mut turn = store.begin();
    for row in 0..2400 {
        turn.put_triplet(&key(row), FIRST, Urgency::BeforeReply).unwrap();
    }
    turn.commit().unwrap();
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
    let mut turn = store.begin();
    for row in 0..20_000 {
        turn.put_triplet(&key(row), FIRST, Urgency::BeforeReply).unwrap();
    }
    turn.commit().unwrap();
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

#[test]
fn what_is_removed_is_gone_whether_it_is_on_disk_or_waits() {
    let directory = Directory::new();
    let mut store = directory.open();
    let mut turn = store.begin();
    turn.put_triplet(b"on disk", FIRST, Urgency::BeforeReply).unwrap();
    turn.put_client(b"on disk", ClientRecord { count: 1, last: 1 }).unwrap();
    turn.commit().unwrap();
    let mut turn = store.begin();
    turn.put_triplet(b"on disk", LATER, Urgency::Soon).unwrap();
    turn.put_triplet(b"waits", FIRST, Urgency::Soon).unwrap();
    turn.put_triplet(b"new", FIRST, Urgency::BeforeReply).unwrap();
    for (key, was_there) in [("on disk", true), ("waits", true), ("new", true), ("none", false)] {
        let removed = turn.remove(Table::Triplets, key.as_bytes());
        assert_eq!(removed, Ok(was_there), "{key}");
        assert_eq!(turn.triplet(key.as_bytes()), Ok(None), "{key}");
    }
    turn.commit().unwrap();
    drop(store);
    let mut store = directory.open();
    for key in ["on disk", "waits", "new"] {
        assert_eq!(triplet(&mut store, key.as_bytes()), None, "{key}");
    }
    assert!(store.begin().client(b"on disk").unwrap().is_some(), "of the other table");
}

#[test]
fn a_removal_that_is_not_committed_is_none() {
    let directory = Directory::new();
    let mut store = directory.open();
    let mut turn = store.begin();
    turn.put_triplet(b"key", FIRST, Urgency::BeforeReply).unwrap();
    turn.commit().unwrap();
    assert_eq!(store.begin().remove(Table::Triplets, b"key"), Ok(true));
    assert_eq!(triplet(&mut store, b"key"), Some(FIRST));
}
