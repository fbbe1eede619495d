//! A store that remembers everything at once and loses nothing.

use postgrey::state::{ClientRecord, Error, Table, Transaction, TripletRecord, Urgency};
use std::collections::HashMap;

#[derive(Default)]
pub struct Memory {
    triplets: HashMap<Vec<u8>, TripletRecord>,
    clients: HashMap<Vec<u8>, ClientRecord>,
}

impl Transaction for Memory {
    fn triplet(&mut self, key: &[u8]) -> Result<Option<TripletRecord>, Error> {
        Ok(self.triplets.get(key).copied())
    }

    fn put_triplet(&mut self, key: &[u8], seen: TripletRecord, _: Urgency) -> Result<(), Error> {
        self.triplets.insert(key.to_vec(), seen);
        Ok(())
    }

    fn client(&mut self, key: &[u8]) -> Result<Option<ClientRecord>, Error> {
        Ok(self.clients.get(key).copied())
    }

    fn put_client(&mut self, key: &[u8], passes: ClientRecord) -> Result<(), Error> {
        self.clients.insert(key.to_vec(), passes);
        Ok(())
    }

    fn remove(&mut self, table: Table, key: &[u8]) -> Result<bool, Error> {
        Ok(match table {
            Table::Triplets => self.triplets.remove(key).is_some(),
            Table::Clients => self.clients.remove(key).is_some(),
        })
    }
}
