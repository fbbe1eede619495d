//! A backend in memory, which writes everything at once and loses nothing: the
//! reference that tests compare the others with.

use super::backend::{Backend, Completed, Done, StateSize, Task, Ticket};
use super::import::Destination;
use super::{Error, Found, Inspect, Metadata, Query, Slice, Table, Totals};
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

    fn counts(&self) -> [usize; 2] {
        Table::ALL.map(|table| self.records.keys().filter(|(other, _)| *other == table).count())
    }

    fn slice(&self, table: Table, prefix: &[u8], position: Option<&[u8]>) -> Slice {
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
        Slice { rows, next }
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

    fn read(&mut self, query: &Query) -> Result<Found, Error> {
        Ok(match query {
            Query::Metadata => Found::Metadata(Metadata::default()),
            Query::Totals => {
                let records = self.counts().map(|count| count as u64);
                Found::Totals(Totals { records, file: None })
            }
            Query::Record(table, key) => {
                let record = self.records.get(&(*table, key.clone()));
                Found::Record(record.map(|record| record.text().into_bytes()))
            }
            Query::Slice { table, prefix, position } => {
                Found::Slice(self.slice(*table, prefix, position.as_deref()))
            }
        })
    }
}

impl Destination for Memory {
    fn merge(&mut self, edits: Vec<Edit>) -> Result<usize, Error> {
        Ok(edits.iter().filter(|edit| self.edit(&Policy::default(), edit, 0)).count())
    }
}

impl Backend for Memory {
    fn submit(&mut self, ticket: Ticket, task: Task) {
        self.queue.push((ticket, task));
    }

    fn decide(&mut self, policy: &Policy, completed: &mut Vec<Completed>) {
        for (ticket, task) in std::mem::take(&mut self.queue) {
            let result = match task {
                Task::Decide(lookup) => Ok(Done::Decided(self.decide_now(policy, &lookup))),
                Task::Edit(edits, now) => {
                    let changed = edits.iter().filter(|edit| self.edit(policy, edit, now)).count();
                    Ok(Done::Edited(changed))
                }
                Task::Read(query) => self.read(&query).map(Done::Found),
            };
            completed.push(Completed { ticket, result });
        }
    }

    fn size(&self) -> StateSize {
        StateSize { records: Some(self.counts()), ..StateSize::default() }
    }
}
