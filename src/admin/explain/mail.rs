//! Attempts that belong together: those of one sender to one recipient, from
//! the first that was deferred to the one that passed.

use super::attempt::Attempt;
use crate::greylist::{Client, Lookup, Policy, triplet};
use std::collections::HashMap;

/// One mail, as far as its envelope tells.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Its attempts in the order of the log; of a summary, the first and last.
    pub attempts: Vec<Attempt>,
    /// The networks that they came from.
    pub networks: Vec<String>,
}

impl Mail {
    /// The first attempt.
    pub fn first(&self) -> &Attempt {
        &self.attempts[0]
    }

    /// The last attempt.
    pub fn last(&self) -> &Attempt {
        &self.attempts[self.attempts.len() - 1]
    }

    /// How long it was held up, in seconds, if it passed.
    pub fn delay(&self) -> Option<u64> {
        let last = self.last();
        let delay = last.time.saturating_sub(self.first().time).max(0);
        (!last.is_deferred).then_some(delay.unsigned_abs())
    }
}

/// All mails of a log.
pub struct Mails {
    policy: Policy,
    keeps_all: bool,
    open: HashMap<(Vec<u8>, Vec<u8>), Mail>,
    /// Those that passed in the end.
    pub passed: Vec<Mail>,
    /// The time of the log's last line, in seconds since the epoch.
    end: i64,
}

impl Mails {
    /// No mail yet. With `keeps_all` every attempt is kept and mail that passed
    /// at once, too.
    pub fn new(policy: &Policy, keeps_all: bool) -> Mails {
        let (open, passed) = (HashMap::new(), Vec::new());
        Mails { policy: policy.clone(), keeps_all, open, passed, end: 0 }
    }

    /// Knows that the log goes on at least until `time`.
    pub fn reach(&mut self, time: i64) {
        self.end = self.end.max(time);
    }

    /// Adds the next attempt of the log.
    pub fn take(&mut self, attempt: Attempt) {
        let network = self.network(attempt.as_client());
        let key = attempt.mail();
        if let Some(mail) = self.open.get_mut(&key) {
            if !self.keeps_all {
                mail.attempts.truncate(1);
            }
            if !mail.networks.contains(&network) {
                mail.networks.push(network);
            }
            let is_passed = !attempt.is_deferred;
            mail.attempts.push(attempt);
            if is_passed {
                self.passed.extend(self.open.remove(&key));
            }
            return;
        }
        let is_deferred = attempt.is_deferred;
        let mail = Mail { attempts: vec![attempt], networks: vec![network] };
        if is_deferred {
            self.open.insert(key, mail);
        } else if self.keeps_all {
            self.passed.push(mail);
        }
    }

    /// Those that did not pass, in the order of their first attempt.
    pub fn waiting(&self) -> Vec<&Mail> {
        let mut waiting: Vec<&Mail> = self.open.values().collect();
        waiting.sort_by(|one, other| {
            (one.first().time, one.first().mail()).cmp(&(other.first().time, other.first().mail()))
        });
        waiting
    }

    /// Whether a mail that did not pass may still do so.
    pub fn may_return(&self, mail: &Mail) -> bool {
        self.end - mail.first().time <= self.policy.retry_window
    }

    /// The rules of the daemon whose log it is.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The network of a client, as the daemon takes it.
    fn network(&self, client: Client<'_>) -> String {
        if let Some(domain) = client.domain_in_triplets(&self.policy) {
            return String::from_utf8_lossy(&domain).into_owned();
        }
        let client = client.address;
        let Lookup::Subnet { ipv4, ipv6 } = self.policy.lookup else {
            return client.to_string();
        };
        let bits = if client.is_ipv4() { ipv4 } else { ipv6 };
        format!("{}/{bits}", triplet::network(client, bits))
    }
}
