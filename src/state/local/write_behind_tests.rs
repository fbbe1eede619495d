use super::*;
use crate::state::TripletRecord;

/// A moment at which the rows that wait since `begin` are due.
fn when_due(begin: Instant) -> Instant {
    begin + REFRESH_DELAY
}

fn record(first: i64, last: i64) -> Record {
    Record::Triplet(TripletRecord { first, last })
}

fn key(row: usize) -> Vec<u8> {
    format!("a/b/{row:05}").into_bytes()
}

fn with_rows(rows: impl IntoIterator<Item = usize>) -> WriteBehind {
    let mut waiting = WriteBehind::default();
    for row in rows {
        waiting.put(Table::Triplets, &key(row), record(1, 2));
    }
    waiting
}

/// Takes a share and has it written.
fn write(waiting: &mut WriteBehind, now: Instant) -> Vec<Place> {
    let share = waiting.next_batch(now);
    waiting.written(share.clone(), now);
    share
}

#[test]
fn a_row_waits_for_others_before_a_commit_takes_it_along() {
    let begin = Instant::now();
    let mut waiting = with_rows([1]);
    let due = waiting.due();
    assert_eq!(write(&mut waiting, begin), []);
    assert_eq!(waiting.due(), due, "a commit without it does not put it off");
    let half = begin + REFRESH_DELAY / 2 + Duration::from_millis(100);
    assert_eq!(write(&mut waiting, half), [(Table::Triplets, key(1))]);
    assert!(waiting.is_empty());
    assert_eq!(waiting.due(), None);
}

#[test]
fn a_sweep_writes_shares_of_neighbours_until_all_are_written() {
    let mut waiting = with_rows((0..2 * MIN_BATCH + 1).rev());
    let now = when_due(Instant::now());
    for share in 0..3 {
        let rows = (share * MIN_BATCH..2 * MIN_BATCH + 1).take(MIN_BATCH);
        let expected: Vec<Place> = rows.map(|row| (Table::Triplets, key(row))).collect();
        assert_eq!(write(&mut waiting, now), expected);
        assert_eq!(waiting.due(), (share < 2).then_some(now));
    }
    assert!(waiting.is_empty());
}

#[test]
fn many_rows_are_written_in_larger_shares() {
    let mut waiting = with_rows(0..MAX_RECORDS);
    let now = Instant::now();
    for _ in 0..MAX_BATCHES {
        assert_eq!(write(&mut waiting, now).len(), MAX_RECORDS / MAX_BATCHES);
    }
    assert!(waiting.is_empty());
}

#[test]
fn rows_after_the_sweep_wait_for_the_next_one() {
    let mut waiting = with_rows(MIN_BATCH..3 * MIN_BATCH);
    let now = when_due(Instant::now());
    write(&mut waiting, now);
    waiting.put(Table::Triplets, &key(0), record(1, 3));
    assert_eq!(write(&mut waiting, now).first(), Some(&(Table::Triplets, key(2 * MIN_BATCH))));
    assert_eq!(write(&mut waiting, now), [], "the end of the sweep");
    assert_eq!(waiting.due(), Some(now + REFRESH_DELAY));
    assert_eq!(write(&mut waiting, now), []);
    assert_eq!(write(&mut waiting, now + REFRESH_DELAY), [(Table::Triplets, key(0))]);
}

#[test]
fn a_sweep_goes_through_both_tables() {
    let mut waiting = with_rows(0..MIN_BATCH);
    waiting.put(Table::Clients, b"1.2.3.4", record(1, 2));
    let now = when_due(Instant::now());
    assert_eq!(write(&mut waiting, now).len(), MIN_BATCH);
    assert_eq!(write(&mut waiting, now), [(Table::Clients, b"1.2.3.4".to_vec())]);
    assert!(waiting.is_empty());
}

#[test]
fn many_rows_begin_a_sweep_early() {
    let waiting = with_rows(0..MAX_DEFERRED - 1);
    let in_time = Instant::now() + REFRESH_DELAY / 2;
    assert!(waiting.due().is_some_and(|due| due > in_time));
    let waiting = with_rows(0..MAX_DEFERRED);
    assert!(waiting.due().is_some_and(|due| due < in_time));
}

#[test]
fn in_a_hurry_one_commit_takes_all() {
    let mut waiting = with_rows(0..3 * MIN_BATCH);
    waiting.flush_all();
    assert_eq!(write(&mut waiting, Instant::now()).len(), 3 * MIN_BATCH);
    assert!(waiting.is_empty());
    assert_eq!(waiting.due(), None);
}

#[test]
fn a_flush_waits_for_a_complete_sweep() {
    let mut waiting = with_rows(MIN_BATCH..3 * MIN_BATCH);
    let now = when_due(Instant::now());
    write(&mut waiting, now);
    waiting.put(Table::Triplets, &key(0), record(1, 3));
    let sweep = waiting.settle(now);
    write(&mut waiting, now);
    assert!(!waiting.has_ended(sweep));
    assert_eq!(write(&mut waiting, now), [], "the end of the sweep under way");
    assert!(!waiting.has_ended(sweep));
    assert_eq!(waiting.due(), Some(now), "the next one follows at once");
    assert_eq!(write(&mut waiting, now), [(Table::Triplets, key(0))]);
    assert!(waiting.has_ended(sweep));
    let nothing = waiting.settle(now);
    assert!(waiting.has_ended(nothing));
}

#[test]
fn a_disk_that_refused_all_is_not_asked_to_take_all_again() {
    let mut waiting = with_rows(0..3 * MIN_BATCH);
    waiting.flush_all();
    assert_eq!(waiting.next_batch(Instant::now()).len(), 3 * MIN_BATCH);
    waiting.postpone();
    assert_eq!(waiting.next_batch(when_due(Instant::now())).len(), MIN_BATCH);
}

#[test]
fn writes_delayed_by_a_full_disk_are_written_in_batches() {
    let mut waiting = WriteBehind::default();
    waiting.set_delay(Duration::from_secs(60));
    for row in 0..MAX_RECORDS {
        waiting.put(Table::Triplets, &key(row), record(1, 2));
    }
    waiting.postpone();
    assert_eq!(waiting.next_batch(Instant::now()).len(), MAX_RECORDS / MAX_BATCHES);
}

#[test]
fn a_share_that_the_disk_refused_is_taken_again() {
    let mut waiting = with_rows(0..2 * MIN_BATCH);
    let now = when_due(Instant::now());
    let refused = waiting.next_batch(now);
    waiting.postpone();
    assert!(waiting.is_refused());
    assert_eq!(write(&mut waiting, now), refused);
    assert!(!waiting.is_refused());
    assert_eq!(waiting.due(), Some(now));
}

#[test]
fn when_the_waiting_rows_are_overtaken_nothing_is_due() {
    let mut waiting = with_rows([1]);
    waiting.remove(Table::Triplets, &key(1));
    assert_eq!(write(&mut waiting, Instant::now()), []);
    assert_eq!(waiting.due(), None);
}
