//! The blocking client of the shared state, for the daemon's worker and for tools.

use super::address::{Address, SharedState, Topology};
use super::batch::{self, Progress};
use super::changes::{Item, Values};
use super::cluster::Cluster;
use super::connection::Access;
use super::link::{self, Command, Link, unexpected};
use super::names::{META, PROBE, name, share_a_tag};
use super::primary::Primary;
use super::resp::Value;
use super::scan;
use super::script::{Call, Change};
use super::tls;
use crate::greylist::edit::Edit;
use crate::greylist::{Metadata, Policy};
use crate::state::{Done, Error, Found, Query, Totals};
use std::path::Path;
use std::time::Instant;

pub struct StateClient {
    link: Box<dyn Link>,
    policy: Policy,
    metadata: Metadata,
    /// True if the records on the servers were made in another way.
    pub has_other_keys: bool,
}

impl StateClient {
    /// Creates a client that is not connected. The policy determines the keys.
    pub fn new(
        address: &Address,
        authorities: Option<&Path>,
        policy: Policy,
    ) -> Result<StateClient, Error> {
        let is_cluster = matches!(address.servers, Topology::Cluster(_));
        if is_cluster && !share_a_tag(&policy) {
            return Err(Error::new(
                "a Redis cluster cannot be used with --privacy, --lookup-by-domain or \
                 --auto-whitelist-by=domain: the records of one mail would be on different \
                 servers; use Sentinel instead",
            ));
        }
        let metadata = Metadata::of(&policy);
        Ok(StateClient {
            link: link(address, authorities)?,
            policy,
            metadata,
            has_other_keys: false,
        })
    }

    /// Connects if necessary, and checks that the records are made in the same way.
    pub fn connect(&mut self, deadline: Instant) -> Result<(), Error> {
        match self.link.connect(deadline)? {
            false => Ok(()),
            true => self.check(deadline).inspect_err(|_| self.link.disconnect()),
        }
    }

    /// Connects again, reads and writes as decisions do.
    pub fn probe(&mut self, deadline: Instant) -> Result<(), Error> {
        self.link.disconnect();
        self.connect(deadline)?;
        let call = Call::new(&[&PROBE.to_vec()], &[b""], &[Change::Set(b"1".to_vec(), 1)]);
        let replies = self.link.run(&[Command::get(PROBE), call.with_script()], deadline)?;
        refuse_errors(&replies)
    }

    /// Compares the metadata with what another host has written, or writes it.
    pub fn check(&mut self, deadline: Instant) -> Result<(), Error> {
        let Metadata { keys, rules } = &self.metadata;
        let set = |verb: &[u8], field: &[u8], value: &str| {
            Command::new(META, &[verb, META, field, value.as_bytes()])
        };
        let get = Command::new(META, &[b"HGET", META, b"keys"]);
        let replies = self.link.run(&[set(b"HSETNX", b"keys", keys), get], deadline)?;
        refuse_errors(&replies)?;
        let found = replies.last().and_then(Value::text).unwrap_or_default();
        self.has_other_keys = found != keys.as_bytes();
        if self.has_other_keys {
            let found = found.escape_ascii();
            return Err(Error::new(format!(
                "the shared state has keys of other options: \"{found}\", not \"{keys}\" as on this \
                 host; give all hosts the same --lookup-by-*, --ipv4cidr, --ipv6cidr, \
                 --auto-whitelist-by and --privacy, or delete postgrey:meta to start again"
            )));
        }
        self.link.run(&[set(b"HSET", b"rules", rules)], deadline)?;
        Ok(())
    }

    /// Connects, reads the metadata of the servers, and uses it from now on. Without
    /// any, that of this client stays.
    pub fn adopt_metadata(&mut self, deadline: Instant) -> Result<(), Error> {
        let get = Command::new(META, &[b"HMGET", META, b"keys", b"rules"]);
        let replies = self.link.run(&[get], deadline)?;
        refuse_errors(&replies)?;
        let values = replies.first().and_then(Value::elements).unwrap_or_default();
        if let [Some(keys), rules] = values.iter().map(Value::text).collect::<Vec<_>>()[..] {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let rules = rules.map(text).unwrap_or_default();
            self.metadata = Metadata { keys: text(keys), rules };
            self.policy = self.metadata.policy();
        }
        Ok(())
    }

    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Runs a batch of decisions and edits. Returns the number of conflicts.
    pub fn run(
        &mut self,
        items: &[Item],
        deadline: Instant,
        report: &mut dyn FnMut(Progress),
    ) -> Result<u64, Error> {
        let values = self.read(items, deadline)?;
        batch::run(&mut *self.link, &self.policy, items, values, deadline, report)
            .inspect_err(|_| self.link.disconnect())
    }

    /// Reads the records of a batch. Once more, if that fails: a server that closed an
    /// idle connection is seen now.
    fn read(&mut self, items: &[Item], deadline: Instant) -> Result<Values, Error> {
        self.connect(deadline)?;
        batch::read(&mut *self.link, items, deadline).or_else(|_| {
            self.link.disconnect();
            self.connect(deadline)?;
            batch::read(&mut *self.link, items, deadline).inspect_err(|_| self.link.disconnect())
        })
    }

    /// Makes an administrator's changes at `now`. Returns the number of those that
    /// changed a record.
    pub fn edit(&mut self, edits: Vec<Edit>, now: i64, deadline: Instant) -> Result<usize, Error> {
        let items = edits.into_iter().map(|edit| Item::edit(&self.policy, edit, now));
        let items: Vec<Item> = items.collect();
        let (mut changed, mut failure) = (0, None);
        self.run(&items, deadline, &mut |progress| match progress {
            Progress::Done(_, Ok(Done::Edited(number))) => changed += number,
            Progress::Done(_, Err(error)) => failure = Some(error),
            Progress::Done(_, Ok(_)) | Progress::Pause => {}
        })?;
        failure.map_or(Ok(changed), Err)
    }

    /// Runs a query of a tool.
    pub fn query(&mut self, query: &Query, deadline: Instant) -> Result<Found, Error> {
        self.connect(deadline)?;
        match query {
            Query::Metadata => Ok(Found::Metadata(self.metadata.clone())),
            // Counting means to look at every record.
            Query::Totals => Ok(Found::Totals(Totals::default())),
            Query::Record(table, key) => {
                let name = name(&self.policy, *table, key);
                let values = link::read(&mut *self.link, &[name], deadline)?;
                Ok(Found::Record(values.into_iter().next().flatten()))
            }
            Query::Slice { table, prefix, position } => {
                let position = position.as_deref();
                scan::slice(&mut *self.link, *table, prefix, position, deadline).map(Found::Slice)
            }
        }
    }
}

fn refuse_errors(replies: &[Value]) -> Result<(), Error> {
    replies.iter().find(|reply| reply.error().is_some()).map_or(Ok(()), |it| Err(unexpected(it)))
}

/// Checks that the certificates of authorities, if they are needed, can be used.
pub fn check_authorities(settings: &SharedState) -> Result<(), Error> {
    let SharedState { address, authorities, .. } = settings;
    if address.is_tls { tls::config(authorities.as_deref()).map(drop) } else { Ok(()) }
}

fn link(address: &Address, authorities: Option<&Path>) -> Result<Box<dyn Link>, Error> {
    let tls = address.is_tls.then(|| tls::config(authorities)).transpose()?;
    let access = Access { tls, login: address.login.clone(), database: address.database };
    Ok(match &address.servers {
        Topology::Cluster(seeds) => Box::new(Cluster::new(seeds.clone(), access)),
        servers => Box::new(Primary::new(servers.clone(), access)),
    })
}
