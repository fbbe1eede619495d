//! The link to a cluster: commands go to the server that has their slot, and follow
//! slots that move.

use super::address::StateServer;
use super::connection::{Access, Connection, refusal, unexpected};
use super::link::{Command, Link};
use super::names::SLOTS;
use super::resp::{self, Value};
use super::slots::{Redirect, redirect, slot_ranges};
use crate::state::Error;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::thread;
use std::time::{Duration, Instant};

/// The pause before a command is sent again whose keys are just being moved.
const MOVE_PAUSE: Duration = Duration::from_millis(5);

/// The number of times a command is sent again before it fails.
const MAX_REDIRECTS: usize = 8;

pub struct Cluster {
    seeds: Vec<StateServer>,
    access: Access,
    /// The primaries. Their order stays while they are connected.
    nodes: Vec<StateServer>,
    connections: HashMap<StateServer, Connection>,
    /// The node of each slot; empty before the cluster was asked.
    slots: Vec<Option<usize>>,
}

impl Cluster {
    pub fn new(seeds: Vec<StateServer>, access: Access) -> Cluster {
        let (nodes, connections, slots) = (Vec::new(), HashMap::new(), Vec::new());
        Cluster { seeds, access, nodes, connections, slots }
    }

    /// Asks one server after the other where the slots are.
    fn find_slots(&mut self, deadline: Instant) -> Result<(), Error> {
        let mut failure = Error::new("shared state: no server of the cluster is named");
        let hosts = self.nodes.iter().chain(&self.seeds).cloned().collect::<Vec<_>>();
        let share = deadline.saturating_duration_since(Instant::now()) / 2;
        for host in hosts {
            // One that is stopped must leave time for the others.
            let limit = deadline.min(Instant::now() + share);
            let reply = self
                .connection(&host, limit)
                .and_then(|connection| connection.ask(&[b"CLUSTER", b"SLOTS"], limit));
            match reply {
                Ok(reply) => match slot_ranges(&reply, &host) {
                    Some(ranges) => return self.set_slots(ranges, &host),
                    None => failure = unexpected(&host),
                },
                Err(error) => {
                    self.connections.remove(&host);
                    failure = error;
                }
            }
        }
        Err(failure)
    }

    fn set_slots(
        &mut self,
        ranges: Vec<(u16, u16, StateServer)>,
        source: &StateServer,
    ) -> Result<(), Error> {
        self.nodes.clear();
        self.slots = vec![None; usize::from(SLOTS)];
        for (first, last, endpoint) in ranges {
            let node = self.node(endpoint);
            self.slots[usize::from(first)..=usize::from(last)].fill(Some(node));
        }
        if self.slots.contains(&None) {
            return Err(refusal(source, "some slots of the cluster have no server"));
        }
        Ok(())
    }

    /// The number of a node, which may be a new one.
    fn node(&mut self, endpoint: StateServer) -> usize {
        self.nodes.iter().position(|node| *node == endpoint).unwrap_or_else(|| {
            self.nodes.push(endpoint);
            self.nodes.len() - 1
        })
    }

    fn connection(
        &mut self,
        endpoint: &StateServer,
        deadline: Instant,
    ) -> Result<&mut Connection, Error> {
        match self.connections.entry(endpoint.clone()) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                Ok(entry.insert(Connection::open(endpoint, &self.access, deadline)?))
            }
        }
    }

    fn node_of(&self, command: &Command) -> usize {
        self.slots.get(usize::from(command.slot)).copied().flatten().unwrap_or(0)
    }

    /// Sends commands to their nodes, and receives the replies of all.
    fn exchange(
        &mut self,
        commands: &[Command],
        waiting: &[Sent],
        deadline: Instant,
    ) -> Result<Vec<(Sent, Value)>, Error> {
        let nodes = self.nodes.clone();
        let of = |node| waiting.iter().filter(move |sent| sent.node == node);
        for (node, endpoint) in nodes.iter().enumerate() {
            let mut bytes = Vec::new();
            for sent in of(node) {
                if sent.asks {
                    bytes.extend(resp::encode([b"ASKING".as_slice()]));
                }
                bytes.extend_from_slice(&commands[sent.number].bytes);
            }
            if !bytes.is_empty() {
                self.connection(endpoint, deadline)?.send(&bytes, deadline)?;
            }
        }
        let mut replies = Vec::with_capacity(waiting.len());
        for (node, endpoint) in nodes.iter().enumerate() {
            for sent in of(node) {
                let connection = self.connection(endpoint, deadline)?;
                if sent.asks {
                    connection.receive(deadline)?;
                }
                replies.push((*sent, connection.receive(deadline)?));
            }
        }
        Ok(replies)
    }

    /// The commands that have to be sent again, and where to.
    fn redirected(
        &mut self,
        waiting: &[Sent],
        commands: &[Command],
        replies: &[Value],
    ) -> Vec<Sent> {
        let (mut again, mut is_moving) = (Vec::new(), false);
        for sent in waiting {
            let asked = self.nodes[sent.node].clone();
            match redirect(&replies[sent.number], &asked) {
                Redirect::None => {}
                Redirect::Moved(endpoint) => {
                    let node = self.node(endpoint);
                    self.slots[usize::from(commands[sent.number].slot)] = Some(node);
                    again.push(Sent { node, asks: false, ..*sent });
                }
                Redirect::Ask(endpoint) => {
                    again.push(Sent { node: self.node(endpoint), asks: true, ..*sent });
                }
                Redirect::TryAgain => {
                    is_moving = true;
                    again.push(*sent);
                }
            }
        }
        if is_moving {
            thread::sleep(MOVE_PAUSE);
        }
        again
    }
}

/// A command that was sent to a node.
#[derive(Clone, Copy)]
struct Sent {
    number: usize,
    node: usize,
    /// True if `ASKING` comes before it.
    asks: bool,
}

impl Link for Cluster {
    fn connect(&mut self, deadline: Instant) -> Result<bool, Error> {
        if !self.slots.is_empty() {
            return Ok(false);
        }
        self.find_slots(deadline)
            .and_then(|()| {
                // All have to answer: which records are where is chance.
                for endpoint in self.nodes.clone() {
                    self.connection(&endpoint, deadline)?.ask(&[b"PING"], deadline)?;
                }
                Ok(())
            })
            .inspect_err(|_| self.disconnect())?;
        Ok(true)
    }

    fn disconnect(&mut self) {
        // The nodes stay: a failover may have left none of the seeds.
        self.connections.clear();
        self.slots.clear();
    }

    fn send(&mut self, commands: &[Command], deadline: Instant) -> Result<Vec<Value>, Error> {
        let mut replies: Vec<Value> = vec![Value::Nil; commands.len()];
        let mut waiting: Vec<Sent> = commands
            .iter()
            .enumerate()
            .map(|(number, command)| Sent { number, node: self.node_of(command), asks: false })
            .collect();
        for _ in 0..MAX_REDIRECTS {
            for (sent, reply) in self.exchange(commands, &waiting, deadline)? {
                replies[sent.number] = reply;
            }
            let redirected = self.redirected(&waiting, commands, &replies);
            if redirected.is_empty() {
                break;
            }
            waiting = redirected;
        }
        Ok(replies)
    }

    fn ask(
        &mut self,
        server: usize,
        command: &[&[u8]],
        deadline: Instant,
    ) -> Result<Option<Value>, Error> {
        self.connect(deadline)?;
        let Some(endpoint) = self.nodes.get(server).cloned() else {
            return Ok(None);
        };
        let reply = self.connection(&endpoint, deadline)?.exchange(command, deadline);
        reply.map(Some).inspect_err(|_| self.disconnect())
    }
}
