use super::super::format::{Block, Header, VERSION};
use super::*;
use testkit::random::{self, Random};

const IDENTITY: u64 = 0x1234_5678_9abc_def0;

/// Reads a half that is in memory.
fn scan(bytes: &[u8], identity: u64, swept: u64) -> Option<Half> {
    let window = Window::new(|offset: usize, into: &mut [u8]| {
        let from = bytes.get(offset..).unwrap_or_default();
        let length = from.len().min(into.len());
        into[..length].copy_from_slice(&from[..length]);
        Ok(length)
    });
    super::scan(window, identity, swept).expect("memory")
}

fn random_row(random: &mut Random) -> OwnedRow {
    let key = (0..random.below(80)).map(|_| random.below(256) as u8).collect();
    let number = random.below(usize::MAX) as i64;
    let (table, record) = if random.one_in(2) {
        (Table::Triplets, Record::Triplet(TripletRecord { first: number, last: -number }))
    } else {
        (Table::Clients, Record::Client(ClientRecord { count: number as u64, last: number }))
    };
    (table, key, (!random.one_in(4)).then_some(record))
}

fn block_of(rows: &[OwnedRow]) -> Block {
    let mut block = Block::default();
    rows.iter().for_each(|(table, key, record)| block.push((*table, key, *record)));
    block
}

/// A half, the rows of its blocks, and where each block ends.
struct Written {
    bytes: Vec<u8>,
    blocks: Vec<Vec<OwnedRow>>,
    ends: Vec<usize>,
}

/// Writes blocks of a generation over what a half has.
fn write_over(random: &mut Random, mut bytes: Vec<u8>, generation: u64, blocks: u32) -> Written {
    let (mut rows_of, mut ends, mut end) = (Vec::new(), Vec::new(), 0);
    for sequence in 0..blocks {
        let rows: Vec<OwnedRow> = (0..1 + random.below(5)).map(|_| random_row(random)).collect();
        let mut block = block_of(&rows);
        let place = Place { generation, sequence, durable: sequence };
        let sealed = block.seal(IDENTITY, place);
        bytes[end..end + sealed.len()].copy_from_slice(sealed);
        end += sealed.len();
        rows_of.push(rows);
        ends.push(end);
    }
    Written { bytes, blocks: rows_of, ends }
}

/// A half that was used for generation 5, then for 7.
fn used_twice(random: &mut Random) -> Written {
    let stale = write_over(random, vec![0; 1 << 16], 5, 40);
    let blocks = 1 + random.below(20) as u32;
    write_over(random, stale.bytes, 7, blocks)
}

#[test]
fn a_half_reads_as_it_was_written_without_older_generations() {
    let mut random = Random::of(random::seed());
    for _ in 0..random::cases(50) {
        let written = used_twice(&mut random);
        let half = scan(&written.bytes, IDENTITY, 5).expect("a generation");
        assert_eq!(half.rows.clone(), written.blocks.concat());
        assert_eq!((half.generation, half.damage), (7, None));
        assert_eq!(half.blocks as usize, written.blocks.len());
        assert_eq!(Some(&half.end), written.ends.last());
        assert_eq!(scan(&written.bytes, IDENTITY, 7), None, "swept");
        assert_eq!(scan(&written.bytes, IDENTITY + 1, 5), None, "of another database");
    }
}

#[test]
fn a_half_that_is_cut_anywhere_keeps_the_blocks_before_the_cut() {
    let mut random = Random::of(random::seed());
    for _ in 0..random::cases(200) {
        let mut written = used_twice(&mut random);
        let last = *written.ends.last().expect("a block");
        let cut = random.below(last);
        let end = cut + 1 + random.below((1 << 16) - cut - 1);
        written.bytes[cut..end].iter_mut().for_each(|byte| *byte = !*byte);
        let whole = written.ends.iter().take_while(|end| **end <= cut).count();
        let expected: Vec<OwnedRow> = written.blocks[..whole].concat();
        // The cut is in the last block, or later ones are gone as well.
        if end >= last || whole + 1 == written.blocks.len() {
            let half = scan(&written.bytes, IDENTITY, 5);
            assert_eq!(half.as_ref().map(|half| half.rows.clone()).unwrap_or_default(), expected);
            assert_eq!(half.and_then(|half| half.damage), None);
        }
    }
}

#[test]
fn a_changed_bit_loses_one_block_and_is_noticed_unless_it_is_the_last() {
    let mut random = Random::of(random::seed());
    for _ in 0..random::cases(500) {
        let mut written = used_twice(&mut random);
        let at = random.below(*written.ends.last().expect("a block"));
        written.bytes[at] ^= 1 << random.below(8);
        let hit = written.ends.iter().take_while(|end| **end <= at).count();
        let start = hit.checked_sub(1).map_or(0, |before| written.ends[before]);
        let is_last = hit + 1 == written.blocks.len();
        written.blocks.remove(hit);
        let half = scan(&written.bytes, IDENTITY, 5);
        assert_eq!(
            half.as_ref().map(|half| half.rows.clone()).unwrap_or_default(),
            written.blocks.concat()
        );
        let damage = half.and_then(|half| half.damage);
        assert_eq!(damage, (!is_last).then_some(start), "byte {at}");
    }
}

#[test]
fn blocks_that_were_never_synced_may_be_missing() {
    let mut random = Random::of(random::seed());
    let mut bytes = vec![0; 1 << 16];
    let mut end = 0;
    let mut places = Vec::new();
    for (sequence, durable) in [(0, 0), (1, 1), (2, 1), (3, 1)] {
        let mut block = block_of(&[random_row(&mut random)]);
        let sealed = block.seal(IDENTITY, Place { generation: 1, sequence, durable });
        bytes[end..end + sealed.len()].copy_from_slice(sealed);
        places.push(end);
        end += sealed.len();
    }
    let lost = |block: usize| {
        let mut bytes = bytes.clone();
        bytes[places[block]] ^= 1;
        let half = scan(&bytes, IDENTITY, 0).expect("a generation");
        (half.rows.len(), half.blocks, half.damage)
    };
    assert_eq!(lost(2), (3, 4, None));
    assert_eq!(lost(0), (3, 4, Some(0)));
}

#[test]
fn a_key_that_looks_like_a_block_is_a_key() {
    let mut forged = block_of(&[(Table::Triplets, b"forged".to_vec(), None)]);
    // Its sender does not know the identity.
    let place = Place { generation: 1, sequence: 1, durable: 0 };
    let key = forged.seal(IDENTITY ^ 1, place).to_vec();
    let mut block = block_of(&[(Table::Triplets, key.clone(), None)]);
    let mut bytes = block.seal(IDENTITY, Place { sequence: 0, ..place }).to_vec();
    // Torn, so that what it contains is looked at.
    bytes.pop();
    assert_eq!(scan(&bytes, IDENTITY, 0), None);
}

#[test]
fn a_header_reads_as_it_was_written() {
    let header = Header { version: VERSION, half: 4096, identity: IDENTITY };
    let bytes = header.bytes();
    assert_eq!(Header::parse(&bytes), Some(header));
    for byte in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[byte] ^= 1;
        let parsed = Header::parse(&damaged);
        assert!(parsed.is_none_or(|parsed| parsed.version > VERSION), "{byte}");
        assert_eq!(Header::parse(&bytes[..byte]), None);
    }
    let newer = Header { version: VERSION + 1, ..header };
    assert_eq!(Header::parse(&newer.bytes()).map(|header| header.version), Some(VERSION + 1));
}
