//! Values by table and key, in the order of the file.

use crate::state::Table;
use std::collections::BTreeMap;

/// A map for each of the two tables.
#[derive(Clone, Debug)]
pub struct TableMap<T>([BTreeMap<Box<[u8]>, T>; 2]);

impl<T> Default for TableMap<T> {
    fn default() -> Self {
        TableMap(Default::default())
    }
}

impl<T> TableMap<T> {
    /// The value of a key.
    pub fn get(&self, table: Table, key: &[u8]) -> Option<&T> {
        self.0[table as usize].get(key)
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, table: Table, key: &[u8]) -> Option<&mut T> {
        self.0[table as usize].get_mut(key)
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, table: Table, key: &[u8], value: T) {
        match self.get_mut(table, key) {
            Some(old) => *old = value,
            None => drop(self.0[table as usize].insert(key.into(), value)),
        }
    }

    /// Removes a key; returns its value.
    pub fn remove(&mut self, table: Table, key: &[u8]) -> Option<T> {
        self.0[table as usize].remove(key)
    }

    /// The map of one table.
    pub fn table(&self, table: Table) -> &BTreeMap<Box<[u8]>, T> {
        &self.0[table as usize]
    }

    /// All keys with their values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Table, &[u8], &T)> {
        Table::ALL.into_iter().flat_map(|table| {
            self.table(table).iter().map(move |(key, value)| (table, &**key, value))
        })
    }

    /// Takes all keys with their values, in order.
    pub fn into_rows(self) -> impl Iterator<Item = (Table, Box<[u8]>, T)> {
        Table::ALL
            .into_iter()
            .zip(self.0)
            .flat_map(|(table, rows)| rows.into_iter().map(move |(key, value)| (table, key, value)))
    }

    /// Sets the value of a key.
    pub fn insert_owned(&mut self, table: Table, key: Box<[u8]>, value: T) {
        self.0[table as usize].insert(key, value);
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.0.iter().map(BTreeMap::len).sum()
    }

    /// Returns true without keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
