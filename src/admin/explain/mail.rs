//! Attempts that belong together: those of one sender to one recipient, from
//! the first that was deferred to the one that passed.

use super::attempt::{Attempt, LoggedBy};
use crate::greylist::Policy;
use std::collections::HashMap;

#[derive(Clone, Debug)]
pub struct Mail {
    pub attempts: Vec<Attempt>,
    pub networks: Vec<String>,
    /// The seconds since one of its networks had first tried to send it, if that
    /// was longer ago than the retry window.
    pub too_late: Option<u64>,
}

impl Mail {
    pub fn first(&self) -> &Attempt {
        &self.attempts[0]
    }

    pub fn last(&self) -> &Attempt {
        &self.attempts[self.attempts.len() - 1]
    }

    /// Returns its delay in seconds, if it passed.
    pub fn delay(&self) -> Option<u64> {
        let last = self.last();
        let delay = last.time.saturating_sub(self.first().time).max(0);
        (!last.is_deferred).then_some(delay.unsigned_abs())
    }
}

pub struct Mails {
    policy: Policy,
    open: HashMap<(Vec<u8>, Vec<u8>), Mail>,
    /// Mails that passed in the end, or came back too late.
    pub ended: Vec<Mail>,
    /// The time of the log's last line, in seconds since the epoch.
    end: i64,
}

impl Mails {
    pub fn new(policy: &Policy) -> Mails {
        Mails { policy: policy.clone(), open: HashMap::new(), ended: Vec::new(), end: 0 }
    }

    /// Notes that the log continues until `time`.
    pub fn reach(&mut self, time: i64) {
        self.end = self.end.max(time);
    }

    /// Adds the next attempt of the log. An accepted mail that only Postfix
    /// logged counts only if it was deferred before.
    pub fn take(&mut self, attempt: Attempt) {
        let network = attempt.network(&self.policy);
        let key = attempt.mail();
        let mut open = self.open.remove(&key);
        if attempt.source == LoggedBy::Postfix && !attempt.is_deferred {
            let Some(mut mail) = open.take_if(|mail| mail.last().time <= attempt.time) else {
                self.open.extend(open.map(|mail| (key, mail)));
                return;
            };
            add(&mut mail, attempt, network);
            self.ended.push(mail);
            return;
        }
        let window = self.policy.retry_window;
        let is_late = |mail: &mut Mail| attempt.time - mail.last().time > window;
        let mut too_late = None;
        if let Some(old) = open.take_if(is_late) {
            let since = attempt.time.abs_diff(old.first().time);
            too_late = old.networks.contains(&network).then_some(since);
            self.ended.push(old);
        }
        let is_deferred = attempt.is_deferred;
        let mut mail =
            open.unwrap_or(Mail { attempts: Vec::new(), networks: Vec::new(), too_late });
        add(&mut mail, attempt, network);
        if is_deferred {
            self.open.insert(key, mail);
        } else {
            self.ended.push(mail);
        }
    }

    /// Mails that did not pass, in the order of their first attempt.
    pub fn waiting(&self) -> Vec<&Mail> {
        let mut waiting: Vec<&Mail> = self.open.values().collect();
        waiting.sort_by(|one, other| {
            (one.first().time, one.first().mail()).cmp(&(other.first().time, other.first().mail()))
        });
        waiting
    }

    /// Returns true if a mail that did not pass may still do so.
    pub fn may_return(&self, mail: &Mail) -> bool {
        self.end - mail.first().time <= self.policy.retry_window
    }

    /// The rules of the daemon whose log it is.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}

fn add(mail: &mut Mail, attempt: Attempt, network: String) {
    if !mail.networks.contains(&network) {
        mail.networks.push(network);
    }
    mail.attempts.push(attempt);
}
