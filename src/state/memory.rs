//! A backend in memory, which writes everything at once and loses nothing: the
//! reference that tests compare the others with.

use super::backend::{Backend, Completed, StateSize, Task, Ticket};
use super::import::{Destination, ImportEntry, Problem};
use super::{Error, Inspect, Metadata, Slice, Table, Totals};
use crate::greylist::edit::{Edit, Effect};
use crate::greylist::{Decision, Lookup, Policy, Record, Records, judge};
use std::collections::BTreeMap;
use std::ops::Bound;

const SLICE_SIZE: usize = 500;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    pub records: BTreeMap<(Table, Vec<u8>), Record>,
    queue: Vec<(Ticket, Task)>,
}

impl Memory {
    /// Decides an attempt and writes what the decision changes.
    pub fn decide_now(&mut self, policy: &Policy, lookup: &Lookup) -> Decision {
        let mut records = Records::default();
        for slot in lookup.slots() {
            let (table, key) = lookup.key(slot);
            records.set(slot, self.records.get(&(table, key.to_vec())).copied());
        }
        let decision = judge(policy, lookup, &records);
        for write in &decision.writes {
            let (table, key) = lookup.key(write.slot);
            self.records.insert((table, key.to_vec()), write.after);
        }
        decision
    }

    fn edit(&mut self, policy: &Policy, edit: &Edit, now: i64) -> bool {
        let place = (edit.table, edit.key.clone());
        match edit.effect(policy, self.records.get(&place).copied(), now) {
            Effect::Nothing => return false,
            Effect::Put(record) => drop(self.records.insert(place, record)),
            Effect::Delete => drop(self.records.remove(&place)),
        }
        true
    }
}

impl Inspect for Memory {
    fn metadata(&mut self) -> Result<Metadata, Error> {
        Ok(Metadata::default())
    }

    fn totals(&mut self) -> Result<Totals, Error> {
        let count = |table| self.records.keys().filter(|(other, _)| *other == table).count() as u64;
        Ok(Totals { records: Table::ALL.map(count), ..Totals::default() })
    }

    fn record(&mut self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let record = self.records.get(&(table, key.to_vec()));
        Ok(record.map(|record| record.text().into_bytes()))
    }

    fn slice(
        &mut self,
        table: Table,
        prefix: &[u8],
        position: Option<&[u8]>,
    ) -> Result<Slice, Error> {
        let from = match position {
            Some(position) => Bound::Excluded((table, position.to_vec())),
            None => Bound::Included((table, prefix.to_vec())),
        };
        let rows = self.records.range((from, Bound::Unbounded));
        let rows = rows.take_while(|((of, key), _)| *of == table && key.starts_with(prefix));
        let rows = rows.map(|((_, key), record)| (key.clone(), record.text().into_bytes()));
        let rows: Vec<_> = rows.take(SLICE_SIZE).collect();
        let is_full = rows.len() == SLICE_SIZE;
        let next = rows.last().filter(|_| is_full).map(|(key, _)| key.clone());
        Ok(Slice { rows, next })
    }
}

impl Destination for Memory {
    fn merge(&mut self, entries: &[ImportEntry]) -> Result<usize, Problem> {
        let merge = |entry: &&ImportEntry| self.edit(&Policy::default(), &entry.edit(), 0);
        Ok(entries.iter().filter(merge).count())
    }
}

impl Backend for Memory {
    fn submit(&mut self, ticket: Ticket, task: Task) {
        self.queue.push((ticket, task));
    }

    fn decide(&mut self, policy: &Policy, completed: &mut Vec<Completed>) {
        for (ticket, task) in std::mem::take(&mut self.queue) {
            completed.push(match task {
                Task::Decide(lookup) => {
                    Completed::Decided(ticket, Ok(self.decide_now(policy, &lookup)))
                }
                Task::Edit(edits, now) => {
                    let changed = edits.iter().filter(|edit| self.edit(policy, edit, now)).count();
                    Completed::Edited(ticket, Ok(changed))
                }
                Task::Read(query) => Completed::Read(ticket, self.read(&query)),
            });
        }
    }

    fn size(&self) -> StateSize {
        let count = |table| self.records.keys().filter(|(other, _)| *other == table).count();
        StateSize { records: Some(Table::ALL.map(count)), ..StateSize::default() }
    }
}
