//! The state that all connections of the proxy share.

use super::backend::BackendConnection;
use super::tls::TlsFiles;
use crate::daemon::Severity;
use crate::daemon::stream::shown;
use crate::request::Request;
use crate::session::smtp::{Extensions, Offer, ProxyVersion, Recipient, proxy_header};
use mio::{Registry, Token};
use rustls::ServerConfig;
use socket2::SockAddr;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const READ_SIZE: usize = 16 * 1024;

#[derive(Clone, Debug)]
pub struct RelayOptions {
    /// The mail server (`--smtp-backend`).
    pub backend: SockAddr,
    /// The version of the header with the client's address
    /// (`--smtp-proxy-protocol`).
    pub proxy_protocol: Option<ProxyVersion>,
    pub host: String,
    /// The certificate, if TLS is offered.
    pub tls: Option<TlsFiles>,
    /// The time limit for the name of a client (`--smtp-dns-timeout`).
    pub dns_timeout: Duration,
    /// Clients at a time (`--smtp-max-clients`).
    pub max_clients: usize,
    /// The time limit of a dialogue with the mail server.
    pub backend_timeout: Duration,
}

/// The usual [`RelayOptions::backend_timeout`]. A client waits for five minutes
/// (RFC 5321 section 4.5.3.2.3).
pub const BACKEND_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayStats {
    pub connections: u64,
    pub turned_away: u64,
    /// Clients connected to the mail server from the first byte.
    pub direct: u64,
    /// Clients handed over after a recipient passed.
    pub handed_over: u64,
    pub backend_failures: u64,
    pub tls: u64,
}

/// A question to the engine about the client of a ticket.
#[derive(Debug, PartialEq, Eq)]
pub struct ClientQuestion {
    /// To be given back with the decision.
    pub ticket: usize,
    client_address: String,
    client_name: String,
    /// The recipient; `None` to ask if the client is exempt.
    pub recipient: Option<Recipient>,
}

impl ClientQuestion {
    pub(super) fn new(
        ticket: usize,
        client: IpAddr,
        name: Option<&str>,
        recipient: Option<Recipient>,
    ) -> ClientQuestion {
        ClientQuestion {
            ticket,
            client_address: client.to_canonical().to_string(),
            client_name: name.unwrap_or("unknown").to_owned(),
            recipient,
        }
    }

    /// The request for the engine. Clients may be the mail server's own users.
    pub fn request(&self) -> Request<'_> {
        let (sender, recipient) = match &self.recipient {
            Some(Recipient { sender, recipient }) => (sender.as_slice(), recipient.as_slice()),
            None => (&b""[..], &b""[..]),
        };
        Request {
            client_address: self.client_address.as_bytes(),
            client_name: self.client_name.as_bytes(),
            sender,
            recipient,
            covers_own_users: true,
            ..Request::default()
        }
    }
}

/// The state of a connection for the event loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// It waits for an event or a decision.
    Waiting,
    /// It has more to do, after the others had their turn.
    Ready,
    Over,
}

/// The state of the probe for the extensions. A client that misses one in the
/// reply to EHLO may return its message (RFC 6531 section 3.2), so that no client
/// is greeted before they are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeState {
    /// The mail server is being asked for the first time.
    Pending,
    /// It has not answered since the start.
    Failed,
    Done,
}

pub struct Shared {
    pub options: RelayOptions,
    pub offer: Rc<Offer>,
    pub probe_state: ProbeState,
    pub tls: Option<Arc<ServerConfig>>,
    pub registry: Registry,
    /// The token of the first client; see [`Shared::tokens`].
    pub first_token: usize,
    pub stats: RelayStats,
    pub questions: Vec<ClientQuestion>,
    pub lines: Vec<(Severity, String)>,
    pub buffer: Vec<u8>,
    is_away: bool,
}

impl Shared {
    pub fn new(
        options: RelayOptions,
        registry: Registry,
        first_token: usize,
    ) -> Result<Shared, String> {
        let tls = options.tls.as_ref().map(TlsFiles::read).transpose()?;
        Ok(Shared {
            options,
            offer: Rc::default(),
            probe_state: ProbeState::Pending,
            tls,
            registry,
            first_token,
            stats: RelayStats::default(),
            questions: Vec::new(),
            lines: Vec::new(),
            buffer: vec![0; READ_SIZE],
            is_away: false,
        })
    }

    pub fn set_extensions(&mut self, extensions: Extensions) {
        let host = self.options.host.clone();
        self.offer = Rc::new(Offer { host, extensions, offers_tls: self.tls.is_some() });
        self.probe_state = ProbeState::Done;
    }

    /// The tokens of a client and of its connection to the mail server.
    pub fn tokens(&self, key: usize) -> (Token, Token) {
        (Token(self.first_token + 2 * key), Token(self.first_token + 2 * key + 1))
    }

    /// Begins to connect to the mail server. With the PROXY protocol it is told the ends
    /// of the client's connection.
    pub fn connect(
        &self,
        token: Token,
        client: SocketAddr,
        server: SocketAddr,
    ) -> io::Result<BackendConnection> {
        let version = self.options.proxy_protocol;
        let head = version.map(|version| proxy_header(version, client, server));
        let backend = &self.options.backend;
        BackendConnection::connect(backend, head.unwrap_or_default(), &self.registry, token)
    }

    /// Notes that the mail server does not answer; the log has it once.
    pub fn backend_failed(&mut self, why: &str) {
        self.stats.backend_failures += 1;
        if !std::mem::replace(&mut self.is_away, true) {
            let backend = shown(&self.options.backend);
            let line = format!("mail server {backend} not available: {why}; mail is deferred");
            self.lines.push((Severity::Error, line));
        }
    }

    /// Notes that the mail server answers; the log has it if it was away.
    pub fn backend_answered(&mut self) {
        if std::mem::take(&mut self.is_away) {
            let line = format!("mail server {} available again", shown(&self.options.backend));
            self.lines.push((Severity::Warning, line));
        }
    }
}
