//! The verified names of clients: an address has a name if the name has the
//! address, too.

use super::message::{Answer, Kind, Question};
use super::resolver::{QuestionId, Resolver};
use super::servers::Servers;
use mio::Token;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};
use std::vec;

/// Names of one address that are tried.
const MAX_NAMES: usize = 4;

/// Looks names up, each within a time limit.
pub struct ClientNames {
    resolver: Resolver,
    limit: Duration,
    lookups: HashMap<QuestionId, NameLookup>,
    completed: Vec<(u64, Option<String>)>,
}

struct NameLookup {
    owner: u64,
    address: IpAddr,
    deadline: Instant,
    stage: LookupStage,
}

enum LookupStage {
    /// Waits for the names of the address.
    Reverse,
    /// Waits for the addresses of a name; others may follow.
    Forward(String, vec::IntoIter<String>),
}

impl ClientNames {
    /// Looks names up with a resolver, each in `limit`.
    pub fn new(resolver: Resolver, limit: Duration) -> ClientNames {
        ClientNames { resolver, limit, lookups: HashMap::new(), completed: Vec::new() }
    }

    pub fn set_servers(&mut self, servers: Servers, now: Instant) {
        self.resolver.set_servers(servers.within(self.limit), now);
        self.advance(now);
    }

    /// Starts to look up the name of an address, for an owner that the caller
    /// identifies by a number.
    pub fn look_up(&mut self, owner: u64, address: IpAddr, now: Instant) {
        let lookup =
            NameLookup { owner, address, deadline: now + self.limit, stage: LookupStage::Reverse };
        self.ask(Question::reverse(address), lookup, now);
        self.advance(now);
    }

    /// Passes on an event of one of the resolver's tokens.
    pub fn handle(&mut self, token: Token, now: Instant) {
        self.resolver.handle(token, now);
        self.advance(now);
    }

    /// Ends the lookups whose time is over.
    pub fn tick(&mut self, now: Instant) {
        self.resolver.tick(now);
        self.advance(now);
        let late = self.lookups.iter().filter(|(_, lookup)| lookup.deadline <= now);
        let late: Vec<QuestionId> = late.map(|(question_id, _)| *question_id).collect();
        for question_id in late {
            self.resolver.cancel(question_id);
            let owner = self.lookups.remove(&question_id).map(|lookup| lookup.owner);
            self.completed.extend(owner.map(|owner| (owner, None)));
        }
    }

    /// Returns when to call [`ClientNames::tick`] if no event comes first.
    pub fn deadline(&self) -> Option<Instant> {
        let lookups = self.lookups.values().map(|lookup| lookup.deadline).min();
        [lookups, self.resolver.deadline()].into_iter().flatten().min()
    }

    /// Returns the owners and names since the last call; `None` where an
    /// address has no verified name.
    pub fn completed(&mut self) -> Vec<(u64, Option<String>)> {
        std::mem::take(&mut self.completed)
    }

    fn ask(&mut self, question: Question, lookup: NameLookup, now: Instant) {
        let question_id = self.resolver.ask(question, now);
        self.lookups.insert(question_id, lookup);
    }

    /// Continues the lookups that wait for the resolver's answers.
    fn advance(&mut self, now: Instant) {
        loop {
            let answers = self.resolver.completed();
            if answers.is_empty() {
                return;
            }
            for (question_id, answer) in answers {
                if let Some(lookup) = self.lookups.remove(&question_id) {
                    self.take(lookup, answer, now);
                }
            }
        }
    }

    fn take(&mut self, lookup: NameLookup, answer: Option<Answer>, now: Instant) {
        let NameLookup { owner, address, deadline, stage } = lookup;
        let mut names = match stage {
            LookupStage::Reverse => {
                let mut names = answer.unwrap_or_default().names;
                names.retain(|name| is_host_name(name));
                names.truncate(MAX_NAMES);
                names.into_iter()
            }
            LookupStage::Forward(name, names) => {
                if answer.is_some_and(|answer| answer.addresses.contains(&address)) {
                    return self.completed.push((owner, Some(name)));
                }
                names
            }
        };
        let Some(name) = names.next() else {
            return self.completed.push((owner, None));
        };
        let question = Question { name: name.clone(), kind: Kind::of_family(address) };
        let stage = LookupStage::Forward(name, names);
        self.ask(question, NameLookup { owner, address, deadline, stage }, now);
    }
}

/// Returns true if a text may be the name of a host: it comes from a foreign server
/// and goes to logs and lists. An address is not a name.
pub fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 253
        && name.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}
