//! One client of the proxy, from its name to its last byte.

use super::backend::BackendConnection;
use super::copy::Relayed;
use super::shared::{Activity, ClientQuestion, ProbeState, Shared};
use super::stream::{ClientSide, Side as _};
use crate::daemon::Severity;
use crate::daemon::nonblocking::{unless_blocked, write_out};
use crate::daemon::stream::Stream;
use crate::session::smtp::{Dialogue, DialogueStep, Event, Session, Step};
use std::io::{self, Read as _, Write as _};
use std::mem;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// The time limit of a command (RFC 5321 section 4.5.3.2.7).
const COMMAND_TIMEOUT: Duration = Duration::from_secs(5 * 60);

const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Commands and reads of one client before the others have their turn.
const MAX_STEPS: usize = 64;

/// The reply while the mail server is unavailable.
const AWAY: &[u8] = b"451 4.3.2 Error: mail server not available\r\n";
const AWAY_AT_ONCE: &[u8] = b"421 4.3.2 Error: mail server not available\r\n";

pub struct Client {
    side: ClientSide,
    pub peer: SocketAddr,
    local: SocketAddr,
    name: Option<String>,
    stage: Stage,
    session: Session,
    replies: Vec<u8>,
    started: Instant,
    deadline: Instant,
}

enum Stage {
    Naming,
    /// Waits for the decision on the client's exemption.
    Judging,
    /// The extensions of the mail server, which are not known yet.
    Probing,
    Talking,
    /// Room for the reply after which TLS begins.
    StartingTls,
    Deciding,
    /// The mail server's connection, for an exempt client.
    Opening(BackendConnection),
    /// The mail server's replies to the client's commands.
    Repeating(BackendConnection, Dialogue),
    Copying(Relayed),
    /// Room for the last reply, then the client's end.
    Closing {
        is_closed: bool,
    },
}

impl Client {
    pub fn new(socket: Stream, peer: SocketAddr, local: SocketAddr, shared: &Shared) -> Client {
        let now = Instant::now();
        Client {
            side: ClientSide::new(socket),
            peer,
            local,
            name: None,
            stage: Stage::Naming,
            session: Session::new(Rc::clone(&shared.offer)),
            replies: Vec::new(),
            started: now,
            deadline: now + COMMAND_TIMEOUT,
        }
    }

    /// Continues when the name of the client is known, or that it has none.
    pub fn named(&mut self, key: usize, name: Option<String>, shared: &mut Shared) {
        if !matches!(self.stage, Stage::Naming) {
            return;
        }
        self.name = name;
        self.stage = Stage::Judging;
        shared.questions.push(ClientQuestion::new(key, self.peer.ip(), self.name.as_deref(), None));
    }

    /// Continues with the decision on the client's exemption.
    pub fn judged(&mut self, key: usize, is_exempt: bool, shared: &mut Shared) {
        if !matches!(self.stage, Stage::Judging) {
            return;
        }
        if is_exempt {
            shared.stats.direct += 1;
            self.connect(key, None, shared);
        } else {
            self.stage = Stage::Probing;
        }
    }

    /// Greets the client, or turns it away. Returns false if the mail server's
    /// extensions are not known yet.
    fn greet(&mut self, shared: &Shared) -> bool {
        match shared.probe_state {
            ProbeState::Pending => return false,
            ProbeState::Failed => self.turn_away(),
            ProbeState::Done => {
                self.session = Session::new(Rc::clone(&shared.offer));
                self.replies = self.session.greeting();
                self.await_command();
            }
        }
        true
    }

    /// Continues when the recipient's decision is known: refused with a line, or
    /// passed.
    pub fn answered(&mut self, key: usize, refusal: Option<Vec<u8>>, shared: &mut Shared) {
        if !matches!(self.stage, Stage::Deciding) {
            return;
        }
        match self.session.answer(refusal) {
            Step::Reply(reply) => {
                self.replies.extend(reply);
                self.await_command();
            }
            Step::HandOver(commands) => {
                self.connect(key, Some(Dialogue::new(commands)), shared);
            }
        }
    }

    /// Does what can be done without waiting.
    pub fn advance(&mut self, key: usize, shared: &mut Shared) -> Activity {
        match self.try_advance(key, shared) {
            Ok(state) => state,
            Err(_) => self.end(shared),
        }
    }

    /// Deals with a deadline that has passed.
    pub fn expire(&mut self, key: usize, now: Instant, shared: &mut Shared) -> Activity {
        // Names and decisions have limits of their own.
        let deadline = match &self.stage {
            Stage::Copying(relayed) => relayed.deadline,
            _ => self.deadline,
        };
        if now < deadline || self.is_awaiting() {
            return Activity::Waiting;
        }
        match &self.stage {
            stage @ (Stage::Opening(_) | Stage::Repeating(..)) => {
                let is_exempt = matches!(stage, Stage::Opening(_));
                self.backend_is_away(is_exempt, "timeout", shared);
                self.advance(key, shared)
            }
            Stage::Talking => {
                self.replies.extend_from_slice(b"421 4.4.2 Error: timeout exceeded\r\n");
                self.close();
                self.advance(key, shared)
            }
            _ => self.end(shared),
        }
    }

    /// Returns true if a name, a decision or the probe is awaited, each of which
    /// has an end.
    pub fn is_awaiting(&self) -> bool {
        matches!(self.stage, Stage::Naming | Stage::Judging | Stage::Probing | Stage::Deciding)
    }

    fn try_advance(&mut self, key: usize, shared: &mut Shared) -> io::Result<Activity> {
        for _ in 0..MAX_STEPS {
            match &mut self.stage {
                Stage::Naming | Stage::Judging | Stage::Deciding => return Ok(Activity::Waiting),
                Stage::Probing => {
                    if !self.greet(shared) {
                        return Ok(Activity::Waiting);
                    }
                }
                Stage::StartingTls => {
                    if !self.send()? {
                        return Ok(Activity::Waiting);
                    }
                    let config = shared.tls.clone().ok_or(io::ErrorKind::Unsupported)?;
                    self.side.start_tls(config).map_err(io::Error::other)?;
                    shared.stats.tls += 1;
                    self.await_command();
                }
                Stage::Talking => {
                    if !self.send()? || !self.talk(key, shared)? {
                        return Ok(Activity::Waiting);
                    }
                }
                Stage::Opening(backend) => match backend.is_open() {
                    Ok(true) => self.hand_over(Vec::new(), shared),
                    Ok(false) => return Ok(Activity::Waiting),
                    Err(error) => self.backend_is_away(true, &error.to_string(), shared),
                },
                Stage::Repeating(backend, dialogue) => {
                    match backend.talk(dialogue, &mut shared.buffer) {
                        Ok(DialogueStep::Accepted { reply, rest }) => {
                            shared.stats.handed_over += 1;
                            self.hand_over([reply, rest].concat(), shared);
                        }
                        Ok(DialogueStep::Refused(reply)) => self.backend_refused(reply, shared),
                        Ok(DialogueStep::Failed(why)) => self.backend_is_away(false, why, shared),
                        Ok(_) => return Ok(Activity::Waiting),
                        Err(error) => self.backend_is_away(false, &error.to_string(), shared),
                    }
                }
                Stage::Copying(relayed) => {
                    let state = relayed.copy(&mut self.side, &mut shared.buffer)?;
                    return Ok(if state == Activity::Over { self.end(shared) } else { state });
                }
                Stage::Closing { .. } => return self.linger(shared),
            }
        }
        Ok(Activity::Ready)
    }

    /// Sends replies. Returns true once everything is sent.
    fn send(&mut self) -> io::Result<bool> {
        if !write_out(&mut self.replies, |bytes| self.side.write(bytes))? {
            return Ok(false);
        }
        self.replies = Vec::new();
        Ok(unless_blocked(|| self.side.flush())?.is_some())
    }

    /// Processes the session's next event, or reads. Returns false if there is
    /// nothing to read.
    fn talk(&mut self, key: usize, shared: &mut Shared) -> io::Result<bool> {
        match self.session.next_event() {
            Some(Event::Reply(reply)) => {
                self.replies = reply;
                self.await_command();
            }
            Some(Event::StartTls(reply)) => {
                self.replies = reply;
                self.stage = Stage::StartingTls;
            }
            Some(Event::Close(reply)) => {
                self.replies = reply;
                self.close();
            }
            Some(Event::Recipient(recipient)) => {
                self.stage = Stage::Deciding;
                let (client, name) = (self.peer.ip(), self.name.as_deref());
                shared.questions.push(ClientQuestion::new(key, client, name, Some(recipient)));
            }
            None => match unless_blocked(|| self.side.read(&mut shared.buffer))? {
                Some(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(count) => self.session.feed(&shared.buffer[..count]),
                None => {
                    self.session.shrink();
                    return Ok(false);
                }
            },
        }
        Ok(true)
    }

    fn await_command(&mut self) {
        self.stage = Stage::Talking;
        self.deadline = Instant::now() + COMMAND_TIMEOUT;
    }

    /// Closes a connection before its first command.
    fn turn_away(&mut self) {
        self.replies = AWAY_AT_ONCE.to_vec();
        self.close();
    }

    fn refuse(&mut self, reply: Vec<u8>) {
        self.replies = self.session.refuse(reply);
        self.await_command();
    }

    fn close(&mut self) {
        self.stage = Stage::Closing { is_closed: false };
        self.deadline = Instant::now() + CLOSE_TIMEOUT;
    }

    /// Connects to the mail server, to repeat the client's commands or, for an
    /// exempt client, without a dialogue.
    fn connect(&mut self, key: usize, dialogue: Option<Dialogue>, shared: &mut Shared) {
        self.deadline = Instant::now() + shared.options.backend_timeout;
        match (shared.connect(shared.tokens(key).1, self.peer, self.local), dialogue) {
            (Ok(backend), None) => self.stage = Stage::Opening(backend),
            (Ok(backend), Some(dialogue)) => self.stage = Stage::Repeating(backend, dialogue),
            (Err(error), dialogue) => {
                self.backend_is_away(dialogue.is_none(), &error.to_string(), shared);
            }
        }
    }

    fn hand_over(&mut self, for_client: Vec<u8>, shared: &mut Shared) {
        let for_server = self.session.rest().to_vec();
        let stage = mem::replace(&mut self.stage, Stage::Talking);
        if let Stage::Opening(backend) | Stage::Repeating(backend, _) = stage {
            self.stage = Stage::Copying(Relayed::new(backend, for_server, for_client));
        }
        self.session = Session::new(Rc::clone(&shared.offer));
        shared.backend_answered();
    }

    fn backend_refused(&mut self, reply: Vec<u8>, shared: &mut Shared) {
        let stage = mem::replace(&mut self.stage, Stage::Talking);
        if let Stage::Repeating(backend, _) = stage {
            backend.quit();
        }
        self.refuse(reply);
        shared.backend_answered();
    }

    fn backend_is_away(&mut self, is_exempt: bool, why: &str, shared: &mut Shared) {
        shared.backend_failed(why);
        if is_exempt {
            self.turn_away();
        } else {
            self.refuse(AWAY.to_vec());
        }
    }

    /// Sends what is left, then waits for the client's end: a socket that is
    /// closed while bytes come in may lose the last reply.
    fn linger(&mut self, shared: &mut Shared) -> io::Result<Activity> {
        if !self.send()? {
            return Ok(Activity::Waiting);
        }
        if let Stage::Closing { is_closed: is_closed @ false } = &mut self.stage {
            *is_closed = true;
            self.side.close_write();
        }
        match unless_blocked(|| self.side.read(&mut shared.buffer))? {
            None => Ok(Activity::Waiting),
            Some(0) => Ok(Activity::Over),
            Some(_) => Ok(Activity::Ready),
        }
    }

    /// Logs the end of a relayed connection.
    fn end(&mut self, shared: &mut Shared) -> Activity {
        if let Stage::Copying(relayed) = &self.stage {
            let (received, sent) = relayed.counts();
            let name = self.name.as_deref().unwrap_or("unknown");
            let line = format!(
                "relayed: client_name={name}, client_address={}, received={received}, sent={sent}, \
                 seconds={}",
                self.peer.ip().to_canonical(),
                self.started.elapsed().as_secs()
            );
            shared.lines.push((Severity::Notice, line));
        }
        Activity::Over
    }
}
