//! The walk on a real file: what goes, what stays, and when.

use super::*;
use crate::state::TableExpiry;

const NOW: i64 = 1_800_000_000;
const DAY: i64 = 86_400;

const LIFETIMES: Lifetimes =
    Lifetimes { max_age: 35 * DAY, retry_window: 2 * DAY, delay: 300, clients: true };

const OLD: TripletRecord = TripletRecord { first: NOW - 50 * DAY, last: NOW - 36 * DAY };
const YOUNG: TripletRecord = TripletRecord { first: NOW - 50 * DAY, last: NOW };

/// Writes rows as they are.
fn write(store: &Store, table: Table, rows: impl IntoIterator<Item = (Vec<u8>, String)>) {
    let mut writer = file(store).environment.begin_rw_txn().unwrap();
    for (key, text) in rows {
        rows::put(&mut writer, file(store).tables.database(table), &key, &text).unwrap();
    }
    writer.commit().unwrap();
}

/// A store with so many old triplets.
fn with_old_triplets(directory: &Directory, count: usize) -> Store {
    let store = directory.open();
    write(&store, Table::Triplets, (0..count).map(|row| (key(row), OLD.text())));
    store
}

fn key(row: usize) -> Vec<u8> {
    format!("192.0.2.0/a@example.net/{row:06}@example.org").into_bytes()
}

fn count(store: &Store) -> usize {
    let reader = file(store).environment.begin_ro_txn().unwrap();
    reader.stat(file(store).tables.triplets).unwrap().entries()
}

fn last_commit(store: &Store) -> usize {
    file(store).environment.info().unwrap().last_txnid()
}

/// Looks at everything and deletes what it finds.
fn lap(store: &mut Store) -> ExpiryPass {
    loop {
        store.expire(&LIFETIMES, NOW).unwrap();
        store.flush().unwrap();
        if let Some(lap) = store.take_expiry_pass() {
            return lap;
        }
    }
}

#[test]
fn expired_records_are_deleted_and_others_kept() {
    let directory = Directory::new();
    let mut store = directory.open();
    let times = |first: i64, last: i64| format!("{},{}", NOW - first, NOW - last);
    let long = |name: u8| [vec![name], vec![b'x'; 600]].concat();
    let staying = [
        (b"passed".to_vec(), times(36 * DAY, 35 * DAY)),
        (b"waiting".to_vec(), times(2 * DAY, 2 * DAY)),
        (b"future".to_vec(), times(-DAY, -DAY)),
        (b"no first time".to_vec(), format!(",{NOW}")),
        (long(b's'), times(DAY, DAY)),
    ];
    let going = [
        (b"aged".to_vec(), times(50 * DAY, 35 * DAY + 1)),
        (b"given up".to_vec(), times(2 * DAY + 1, 2 * DAY + 1)),
        (b"no last time".to_vec(), NOW.to_string()),
        (b"nothing".to_vec(), String::new()),
        (b"garbage".to_vec(), "abc,def".to_string()),
        // The comma in its key is none in its row.
        (b",".repeat(600), NOW.to_string()),
        (long(b'g'), times(3 * DAY, 3 * DAY)),
    ];
    write(&store, Table::Triplets, staying.iter().chain(&going).cloned());
    let clients = [
        (b"192.0.2.1".to_vec(), format!("1,{}", NOW - 35 * DAY)),
        (b"192.0.2.2".to_vec(), format!("9,{}", NOW - 35 * DAY - 1)),
        (b"192.0.2.3".to_vec(), "9".to_string()),
    ];
    write(&store, Table::Clients, clients);

    assert_eq!(
        lap(&mut store),
        ExpiryPass {
            triplets: TableExpiry { before: 12, deleted: 7 },
            clients: TableExpiry { before: 3, deleted: 2 },
            waiting: 3,
            oldest_waiting: Some(2 * DAY),
            corrected: 0
        }
    );
    drop(store);
    let reader = Reader::open(&directory.0).unwrap();
    let rows = |table| {
        let rows = reader.reading().slice(table, b"", None).unwrap().rows;
        let text = |(key, text)| (key, String::from_utf8(text).unwrap());
        rows.into_iter().map(text).collect::<Vec<_>>()
    };
    let mut expected = staying.to_vec();
    expected.sort();
    assert_eq!(rows(Table::Triplets), expected);
    assert_eq!(rows(Table::Clients).len(), 1);
}

#[test]
fn records_of_the_future_are_set_to_now() {
    let directory = Directory::new();
    let mut store = directory.open();
    let (long, ahead) = ([b'y'; 600].to_vec(), NOW + DAY + 1);
    let triplets = [
        (b"ahead".to_vec(), format!("{ahead},{ahead}")),
        (long.clone(), format!("{NOW},{ahead}")),
        (b"near".to_vec(), format!("{},{}", NOW + DAY, NOW + DAY)),
    ];
    write(&store, Table::Triplets, triplets);
    write(&store, Table::Clients, [(b"192.0.2.1".to_vec(), format!("7,{ahead}"))]);
    assert_eq!(lap(&mut store).corrected, 3);
    assert_eq!(lap(&mut store).corrected, 0, "they are right now");
    let mut text = |table, key: &[u8]| store.record(table, key).unwrap().map(Record::text);
    let seen = |first: i64, last: i64| Some(format!("{first},{last}"));
    assert_eq!(text(Table::Triplets, b"ahead"), seen(NOW, NOW));
    assert_eq!(text(Table::Triplets, &long), seen(NOW, NOW));
    assert_eq!(text(Table::Triplets, b"near"), seen(NOW + DAY, NOW + DAY));
    assert_eq!(text(Table::Clients, b"192.0.2.1"), seen(7, NOW));
}

#[test]
fn clients_are_left_alone_without_an_auto_whitelist() {
    let directory = Directory::new();
    let mut store = directory.open();
    write(&store, Table::Clients, [(b"192.0.2.1".to_vec(), "9,0".to_string())]);
    let look = store.expire(&Lifetimes { clients: false, ..LIFETIMES }, NOW).unwrap().unwrap();
    assert_eq!(look, ExpirySlice::default());
    assert_eq!(store.take_expiry_pass(), Some(ExpiryPass::default()));
    assert_eq!(lap(&mut store).clients, TableExpiry { before: 1, deleted: 1 });
}

#[test]
fn where_nothing_is_too_old_nothing_is_written() {
    let directory = Directory::new();
    let mut store = directory.open();
    put(&mut store, b"a/b/c", YOUNG);
    commit_to_file(&mut store);
    let commits = last_commit(&store);
    let look = store.expire(&LIFETIMES, NOW).unwrap().unwrap();
    assert_eq!(look, ExpirySlice { rows: 1, of: 1, is_full: false, cost: look.cost });
    assert_eq!(store.deadline(), None);
    assert!(!store.flush().unwrap());
    let triplets = TableExpiry { before: 1, deleted: 0 };
    assert_eq!(store.take_expiry_pass(), Some(ExpiryPass { triplets, ..ExpiryPass::default() }));
    assert_eq!(store.take_expiry_pass(), None);
    assert_eq!(last_commit(&store), commits);
}

#[test]
fn a_scan_waits_for_the_sweep_of_what_it_found() {
    let directory = Directory::new();
    let mut store = with_old_triplets(&directory, 1000);
    let mut left = 1000;
    while left > 256 {
        let look = store.expire(&LIFETIMES, NOW).unwrap().unwrap();
        assert_eq!(look, ExpirySlice { rows: 256, of: left, is_full: true, cost: look.cost });
        left -= 256;
        assert_eq!(store.size().records, Some([left, 0]));
        let again = store.expire(&LIFETIMES, NOW).unwrap().unwrap();
        assert_eq!(again, ExpirySlice { rows: 0, of: 0, is_full: true, cost: again.cost });
        assert!(store.deadline().is_some_and(|due| due <= Instant::now()));
        run_sweep(&mut store);
        assert_eq!(store.deadline(), None);
        assert_eq!(count(&store), left);
    }
    assert_eq!(lap(&mut store).triplets, TableExpiry { before: 1000, deleted: 1000 });
    assert_eq!(count(&store), 0);
}

#[test]
fn expired_records_are_deleted_with_other_commits() {
    let directory = Directory::new();
    let mut store = with_old_triplets(&directory, 10);
    store.expire(&LIFETIMES, NOW).unwrap().unwrap();
    assert_eq!(store.take_expiry_pass(), None, "not yet deleted");
    store.ensure_journal().unwrap();
    let commits = last_commit(&store);
    put(&mut store, b"a/b/c", YOUNG);
    commit_to_file(&mut store);
    assert_eq!(last_commit(&store), commits + 1);
    assert_eq!(count(&store), 1);
    assert_eq!(store.take_expiry_pass().unwrap().triplets, TableExpiry { before: 10, deleted: 10 });
}

#[test]
fn a_row_whose_refresh_waits_is_as_young_as_the_refresh() {
    let directory = Directory::new();
    let mut store = with_old_triplets(&directory, 2);
    defer(&mut store, &key(1), YOUNG);
    assert_eq!(lap(&mut store).triplets, TableExpiry { before: 2, deleted: 1 });
    drop(store);
    let mut store = directory.open();
    assert_eq!([0, 1].map(|row| triplet(&mut store, &key(row))), [None, Some(YOUNG)]);
}

#[test]
fn an_expired_record_is_gone_at_once_and_a_new_one_stays() {
    let directory = Directory::new();
    let mut store = with_old_triplets(&directory, 3);
    store.expire(&LIFETIMES, NOW).unwrap().unwrap();
    assert_eq!([0, 1, 2].map(|row| triplet(&mut store, &key(row))), [None; 3]);
    put(&mut store, &key(1), YOUNG);
    // By a clock of its own.
    put(&mut store, &key(2), OLD);
    commit_to_file(&mut store);
    assert_eq!(store.size().records, Some([2, 0]));
    drop(store);
    let mut store = directory.open();
    let left = [None, Some(YOUNG), Some(OLD)];
    assert_eq!([0, 1, 2].map(|row| triplet(&mut store, &key(row))), left);
}

#[test]
fn a_scan_continues_after_its_last_row_even_if_that_is_deleted() {
    let directory = Directory::new();
    let mut store = with_old_triplets(&directory, 256);
    write(&store, Table::Triplets, [(key(255), YOUNG.text()), (key(256), OLD.text())]);
    assert!(store.expire(&LIFETIMES, NOW).unwrap().unwrap().is_full);
    store.flush().unwrap();
    assert_eq!(count(&store), 1);
    let look = store.expire(&LIFETIMES, NOW).unwrap().unwrap();
    assert_eq!(look, ExpirySlice { rows: 0, of: 1, is_full: false, cost: look.cost });
    assert!(!look.cost.is_zero(), "it says what the deletion took");
    assert_eq!(
        store.take_expiry_pass().unwrap().triplets,
        TableExpiry { before: 257, deleted: 256 }
    );
    let look = store.expire(&LIFETIMES, NOW).unwrap().unwrap();
    assert_eq!(look, ExpirySlice { rows: 1, of: 1, is_full: false, cost: look.cost });
}

#[test]
fn expired_records_are_found_again_if_their_deletion_is_lost() {
    let directory = Directory::new();
    let mut store = with_old_triplets(&directory, 10);
    store.expire(&LIFETIMES, NOW).unwrap().unwrap();
    drop(store);
    let mut store = directory.open();
    assert_eq!(lap(&mut store).triplets, TableExpiry { before: 10, deleted: 10 });
}
