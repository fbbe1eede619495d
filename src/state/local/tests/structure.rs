//! The check of all pages: databases as LMDB writes them pass, and damage that LMDB
//! would abort on does not.

use super::*;
use crate::state::local::{Looked, look_at_pages, structure};
use testkit::random::{self, Random};

const PAGE: usize = 4096;
const LEAF: usize = 2;
const TABLE_NODE: usize = 2;

#[test]
fn sound_databases_pass() {
    let mut random = Random::of(random::seed());
    for _ in 0..random::cases(6) {
        let directory = Directory::new();
        let store = directory.open();
        let tables = file(&store).tables;
        for _ in 0..random.below(30) {
            let mut writer = file(&store).environment.begin_rw_txn().unwrap();
            let is_deleting = random.one_in(3);
            for _ in 0..random.below(300) {
                let key = vec![b'a' + random.below(26) as u8; random.below(511) + 1];
                let longest = if random.one_in(9) { 9000 } else { 90 };
                let length = random.below(longest);
                let table = if random.one_in(2) { tables.triplets } else { tables.clients };
                let result = match is_deleting {
                    true => writer.del(table, &key, None),
                    false => writer.put(table, &key, &vec![0; length], WriteFlags::empty()),
                };
                assert!(matches!(result, Ok(()) | Err(lmdb::Error::NotFound)), "{result:?}");
            }
            writer.commit().unwrap();
            assert_eq!(look_at_pages(&directory.file()).unwrap(), Looked::AtAll);
        }
    }
}

/// A number of two bytes.
fn short(page: &[u8], at: usize) -> usize {
    u16::from_ne_bytes([page[at], page[at + 1]]).into()
}

fn set_short(page: &mut [u8], at: usize, number: usize) {
    page[at..at + 2].copy_from_slice(&(number as u16).to_ne_bytes());
}

/// The nodes' offsets of a page.
fn nodes(page: &[u8]) -> Vec<usize> {
    (16..short(page, 12)).step_by(2).map(|at| short(page, at)).collect()
}

/// Returns true for a leaf with some nodes of these flags.
fn is_leaf_of(page: &[u8], flags: usize, fewest: usize) -> bool {
    short(page, 10) == LEAF
        && nodes(page).len() >= fewest
        && nodes(page).iter().all(|node| short(page, node + 4) == flags)
}

#[test]
fn damage_inside_pages_is_found() {
    type Damage = fn(&mut [u8]);
    let swap: Damage = |page| {
        let nodes = nodes(page);
        set_short(page, 16, nodes[1]);
        set_short(page, 18, nodes[0]);
    };
    let lose: Damage = |page| set_short(page, 12, short(page, 12) - 2);
    let shrink: Damage = |page| {
        let size = nodes(page)[0];
        set_short(page, size, short(page, size) - 2);
    };
    let as_branch: Damage = |page| set_short(page, 10, 1);
    let describe: fn(&mut [u8], usize) = |page, at| {
        let node = nodes(page)[0];
        page[node + 8 + short(page, node + 6) + at] ^= 1;
    };
    let flags: Damage = |page| page[nodes(page)[0] + 4] ^= 4;
    let records = |page: &[u8]| is_leaf_of(page, 0, 10);
    let tables = |page: &[u8]| is_leaf_of(page, TABLE_NODE, 3);
    type Case = (&'static str, fn(&[u8]) -> bool, Box<dyn Fn(&mut [u8])>);
    let table: [Case; 9] = [
        ("keys out of order", records, Box::new(swap)),
        ("a lost row", records, Box::new(lose)),
        ("a row that is too short", records, Box::new(shrink)),
        ("a branch where a leaf should be", records, Box::new(as_branch)),
        ("a row of an unknown kind", records, Box::new(flags)),
        ("a table with other flags", tables, Box::new(move |page| describe(page, 4))),
        ("a table of other levels", tables, Box::new(move |page| describe(page, 6))),
        ("a table of other pages", tables, Box::new(move |page| describe(page, 16))),
        ("a table of other entries", tables, Box::new(move |page| describe(page, 32))),
    ];
    let directory = Directory::new();
    let mut store = directory.open();
    for number in 0..200_u32 {
        put_client(&mut store, format!("client {number}").as_bytes(), ClientRecord::default());
    }
    commit_to_file(&mut store);
    drop(store);
    let sound = fs::read(directory.file()).unwrap();
    assert!(look_at_pages(&directory.file()).is_ok());
    for (name, is_wanted, damage) in table {
        let mut bytes = sound.clone();
        let mut pages = 0;
        for page in bytes.chunks_mut(PAGE).skip(2).filter(|page| is_wanted(page)) {
            damage(page);
            pages += 1;
        }
        fs::write(directory.file(), bytes).unwrap();
        assert!(pages > 0 && look_at_pages(&directory.file()).is_err(), "{name}");
    }
}

#[test]
fn a_large_file_is_checked_if_the_last_daemon_was_killed() {
    let directory = Directory::new();
    let store = directory.open();
    let environment = &file(&store).environment;
    environment.set_map_size(100 << 20).unwrap();
    let mut writer = environment.begin_rw_txn().unwrap();
    let tables = file(&store).tables;
    for number in 0..20_u8 {
        writer.put(tables.clients, &[number], b"", WriteFlags::empty()).unwrap();
    }
    writer.put(tables.triplets, b"long", &vec![0; 65 << 20], WriteFlags::empty()).unwrap();
    writer.commit().unwrap();
    store.probe(true).unwrap();
    drop(store);
    let mut bytes = fs::read(directory.file()).unwrap();
    for page in bytes.chunks_mut(PAGE).skip(2).filter(|page| is_leaf_of(page, 0, 20)) {
        let first = nodes(page)[0];
        set_short(page, 18, first);
    }
    fs::write(directory.file(), bytes).unwrap();
    let store = directory.open();
    store.probe(false).unwrap();
    let error = store.probe(true).unwrap_err().to_string();
    assert!(error.contains("is damaged: page"), "{error}");
}

#[test]
fn the_check_of_pages_ends_at_its_deadline() {
    let directory = Directory::new();
    drop(directory.open());
    let file = fs::File::open(directory.file()).unwrap();
    let look = |deadline| structure::look(&file, PAGE, deadline).unwrap();
    assert_eq!(look(None), Looked::AtAll);
    assert_eq!(look(Some(Instant::now())), Looked::InVain);
}
