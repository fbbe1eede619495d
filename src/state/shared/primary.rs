//! The link to one server: always the same one, or the one that sentinels name.

use super::address::{StateServer, Topology};
use super::connection::{Access, Connection, unexpected};
use super::link::{Command, Link};
use super::resp::Value;
use crate::state::Error;
use std::time::{Duration, Instant};

/// The share of the time to connect that one sentinel may take. A stopped one is
/// connected to and never answers.
const SENTINEL_LIMIT: Duration = Duration::from_millis(300);

pub struct Primary {
    servers: Topology,
    access: Access,
    connection: Option<Connection>,
    /// The sentinel that is asked first: the last one that answered.
    first_sentinel: usize,
}

impl Primary {
    pub fn new(servers: Topology, access: Access) -> Primary {
        Primary { servers, access, connection: None, first_sentinel: 0 }
    }

    fn open(&mut self, deadline: Instant) -> Result<Connection, Error> {
        match &self.servers {
            Topology::One(endpoint) => Connection::open(endpoint, &self.access, deadline),
            Topology::Sentinels { hosts, name } => {
                let (number, endpoint) = self.find_primary(hosts, name, deadline)?;
                let mut connection = Connection::open(&endpoint, &self.access, deadline)?;
                // Sentinels name an old primary until they agree that it is down, and
                // one that comes back does not know yet that it is a replica.
                let role = connection.ask(&[b"ROLE"], deadline)?;
                let role = role.elements().and_then(|role| role.first()?.text());
                if role != Some(b"master") {
                    let text = format!("shared state: {endpoint}: it is not the primary any more");
                    return Err(Error::new(text));
                }
                self.first_sentinel = number;
                Ok(connection)
            }
            Topology::Cluster(_) => Err(Error::new("shared state: a cluster has many primaries")),
        }
    }

    /// Asks one sentinel after the other for the primary.
    fn find_primary(
        &self,
        hosts: &[StateServer],
        name: &str,
        deadline: Instant,
    ) -> Result<(usize, StateServer), Error> {
        let mut failure = Error::new("shared state: no sentinel is named");
        for step in 0..hosts.len() {
            let number = (self.first_sentinel + step) % hosts.len();
            let limit = deadline.min(Instant::now() + SENTINEL_LIMIT);
            match self.ask_sentinel(&hosts[number], name, limit) {
                Ok(endpoint) => return Ok((number, endpoint)),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn ask_sentinel(
        &self,
        sentinel: &StateServer,
        name: &str,
        deadline: Instant,
    ) -> Result<StateServer, Error> {
        let question: [&[u8]; 3] = [b"SENTINEL", b"get-master-addr-by-name", name.as_bytes()];
        let mut connection = Connection::open_without_login(sentinel, &self.access, deadline)?;
        let reply = match (connection.ask(&question, deadline), &self.access.login) {
            // Sentinels may have a password of their own; without one they refuse any.
            (Err(error), Some(login)) if error.to_string().contains("NOAUTH") => {
                connection.log_in(login, deadline)?;
                connection.ask(&question, deadline)?
            }
            (reply, _) => reply?,
        };
        let text = |value: &Value| {
            value.text().and_then(|text| std::str::from_utf8(text).ok().map(str::to_owned))
        };
        let endpoint = |values: &[Value]| {
            let [host, port] = values else {
                return None;
            };
            Some(StateServer::Tcp(text(host)?, text(port)?.parse().ok()?))
        };
        match &reply {
            Value::Nil => {
                let why = format!("shared state: {sentinel}: unknown primary \"{name}\"");
                Err(Error::new(why))
            }
            reply => reply.elements().and_then(endpoint).ok_or_else(|| unexpected(sentinel)),
        }
    }
}

impl Link for Primary {
    fn connect(&mut self, deadline: Instant) -> Result<bool, Error> {
        if self.connection.is_some() {
            return Ok(false);
        }
        self.connection = Some(self.open(deadline)?);
        Ok(true)
    }

    fn disconnect(&mut self) {
        self.connection = None;
    }

    fn send(&mut self, commands: &[Command], deadline: Instant) -> Result<Vec<Value>, Error> {
        let Some(connection) = &mut self.connection else {
            return Ok(Vec::new());
        };
        let bytes: Vec<u8> = commands.iter().flat_map(|command| &command.bytes).copied().collect();
        connection.send(&bytes, deadline)?;
        commands.iter().map(|_| connection.receive(deadline)).collect()
    }

    fn ask(
        &mut self,
        server: usize,
        command: &[&[u8]],
        deadline: Instant,
    ) -> Result<Option<Value>, Error> {
        if server > 0 {
            return Ok(None);
        }
        let bytes = super::resp::encode(command.iter().copied());
        let reply = self.run(&[Command { slot: 0, bytes }], deadline)?;
        Ok(reply.into_iter().next())
    }
}
