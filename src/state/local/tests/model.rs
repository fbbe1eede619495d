//! The store and a map that is written at once, through the same random operations and
//! crashes.

use super::*;
use crate::state::local::journal::path_beside;
use std::collections::BTreeMap;
use testkit::random::{self, Random};

type Model = BTreeMap<(Table, Vec<u8>), Record>;

/// A key of a few, some too long for LMDB.
fn random_place(random: &mut Random) -> (Table, Vec<u8>) {
    let table = if random.one_in(3) { Table::Clients } else { Table::Triplets };
    let mut key = format!("{:02}", random.below(40)).into_bytes();
    if random.one_in(4) {
        key.extend([b'x'; 600]);
    }
    (table, key)
}

fn random_record(random: &mut Random, table: Table) -> Record {
    let number = random.below(1000) as i64;
    match table {
        Table::Triplets => Record::Triplet(TripletRecord { first: number, last: number + 1 }),
        Table::Clients => Record::Client(ClientRecord { count: 1, last: number }),
    }
}

/// A batch of a few changes.
fn change_some(store: &mut Store, model: &mut Model, random: &mut Random) {
    for _ in 0..1 + random.below(20) {
        let (table, key) = random_place(random);
        let new = (!random.one_in(4)).then(|| random_record(random, table));
        let was_there = record(store, table, &key).is_some();
        store.batch.changes.add(table, &key, Change { record: new, was_there });
        match new {
            Some(record) => drop(model.insert((table, key), record)),
            None => drop(model.remove(&(table, key))),
        }
    }
    commit(store);
}

/// Refreshes one of the records that there are.
fn refresh_one(store: &mut Store, model: &mut Model, random: &mut Random) {
    let (table, key) = random_place(random);
    if let Some(known) = model.get_mut(&(table, key.clone())) {
        *known = random_record(random, table);
        let change = Change { record: Some(*known), was_there: true };
        store.buffer.put_loose(table, &key, change);
        store.schedule.note_loose(1, Instant::now());
    }
}

fn assert_equal(store: &mut Store, model: &Model) {
    for number in 0..40 {
        for table in Table::ALL {
            for tail in [&b""[..], &[b'x'; 600]] {
                let key = [format!("{number:02}").as_bytes(), tail].concat();
                let expected = model.get(&(table, key.clone())).copied();
                assert_eq!(record(store, table, &key), expected, "{table:?} {number}");
            }
        }
    }
    let count = |table| model.keys().filter(|(other, _)| *other == table).count();
    assert_eq!(store.size().records, Some(Table::ALL.map(count)));
}

/// The files of a directory at a moment.
struct Files {
    database: Vec<u8>,
    journal: Vec<u8>,
}

impl Files {
    fn of(directory: &Directory) -> Files {
        let journal = fs::read(path_beside(&directory.file())).unwrap_or_default();
        Files { database: fs::read(directory.file()).unwrap(), journal }
    }

    /// The records that a start finds in them.
    fn assert_hold(&self, model: &Model) {
        let directory = Directory::new();
        fs::write(directory.file(), &self.database).unwrap();
        if !self.journal.is_empty() {
            fs::write(path_beside(&directory.file()), &self.journal).unwrap();
        }
        let mut store = directory.open();
        assert_eq!(store.check(), [""; 0]);
        assert_equal(&mut store, model);
    }
}

/// An append that is cut at any byte is there wholly or not at all.
fn assert_cuts_hold(random: &mut Random, files: [&Files; 2], models: [&Model; 2]) {
    let [before, after] = files;
    if before.database != after.database || before.journal.len() != after.journal.len() {
        return;
    }
    let differs = |(old, new): (&u8, &u8)| old != new;
    let pairs = || before.journal.iter().zip(&after.journal);
    let Some(first) = pairs().position(differs) else { return };
    let last = pairs().enumerate().filter(|(_, pair)| differs(*pair)).map(|(at, _)| at).max();
    let last = last.unwrap_or(first);
    let cut = first + random.below(last + 1 - first);
    let torn = [&after.journal[..cut], &before.journal[cut..]].concat();
    Files { database: after.database.clone(), journal: torn }.assert_hold(models[0]);
    after.assert_hold(models[1]);
}

#[test]
fn the_store_equals_one_that_writes_at_once_through_crashes() {
    let mut random = Random::of(random::seed());
    for _ in 0..random::cases(8) {
        let directory = Directory::new();
        let mut store = directory.open();
        let mut model = Model::new();
        // The records of the journal and LMDB: all but the refreshed ones.
        let mut durable = Model::new();
        for _ in 0..60 {
            match random.below(10) {
                0..=3 => {
                    store.append_loose().unwrap();
                    durable.clone_from(&model);
                    wait_for_sweep(&mut store);
                    let before = Files::of(&directory);
                    change_some(&mut store, &mut model, &mut random);
                    let after = Files::of(&directory);
                    assert_cuts_hold(&mut random, [&before, &after], [&durable, &model]);
                    durable.clone_from(&model);
                }
                4 | 5 => refresh_one(&mut store, &mut model, &mut random),
                6 | 7 => {
                    // The sweep goes on meanwhile.
                    store.settle();
                    store.run_due().unwrap();
                    durable.clone_from(&model);
                }
                8 => {
                    drop(store);
                    store = directory.open();
                    model.clone_from(&durable);
                }
                _ => {
                    store.flush().unwrap();
                    durable.clone_from(&model);
                }
            }
            assert_equal(&mut store, &model);
            if random.one_in(4) {
                wait_for_sweep(&mut store);
                Files::of(&directory).assert_hold(&durable);
            }
        }
    }
}
