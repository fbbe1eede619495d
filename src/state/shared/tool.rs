//! The shared state as a tool uses it that runs without a daemon.

use super::address::Address;
use super::client::StateClient;
use crate::greylist::edit::Edit;
use crate::state::{Error, Found, Inspect, Metadata, Query};
use std::path::Path;
use std::time::{Duration, Instant};

/// The time limit of a step. No mail waits for a tool.
const TIMEOUT: Duration = Duration::from_secs(5);

pub struct Tool {
    client: StateClient,
}

impl Tool {
    /// Connects. Servers without metadata are taken to have this.
    pub fn open(
        address: &Address,
        authorities: Option<&Path>,
        metadata: &Metadata,
    ) -> Result<Tool, Error> {
        let policy = metadata.policy();
        let mut client = StateClient::new(address, authorities, policy)?;
        client.adopt_metadata(deadline())?;
        Ok(Tool { client })
    }
}

fn deadline() -> Instant {
    Instant::now() + TIMEOUT
}

impl Inspect for Tool {
    fn metadata(&mut self) -> Result<Metadata, Error> {
        Ok(self.client.metadata().clone())
    }

    fn read(&mut self, query: &Query) -> Result<Found, Error> {
        self.client.query(query, deadline())
    }

    fn edit_records(&mut self, edits: Vec<Edit>, now: i64) -> Result<usize, Error> {
        // Records without metadata could not be found by their names.
        self.client.check(deadline())?;
        self.client.edit(edits, now, deadline())
    }
}
