//! The engine: plans requests, and applies finished decisions (reply, log line,
//! header memory, statistics), once each.

use super::line_limit::LineLimit;
use super::stats::Stats;
use crate::daemon::rate_limited::RateLimitedError;
use crate::daemon::{Entry, Format, Log, Severity, clock};
use crate::greylist::{
    self, AwlSubject, HeaderMemory, Notice, Plan, Policy, Reason, Reply, Verdict, triplet,
};
use crate::lists::{Budget, Lists};
use crate::request::Request;
use crate::state::{Done, Error, TaskResult};
use std::time::Instant;

/// The options, the lists, and what is remembered from request to request.
pub struct Engine {
    pub policy: Policy,
    lists: Lists,
    headers: HeaderMemory,
    pub stats: Stats,
    format: Format,
    state_error: RateLimitedError,
    has_reported_hold: bool,
    line_limit: LineLimit,
    /// Lines about malformed input that were not written.
    dropped_lines: u64,
    dropping: RateLimitedError,
}

impl Engine {
    pub fn new(policy: Policy, lists: Lists, format: Format) -> Engine {
        Engine {
            policy,
            lists,
            headers: HeaderMemory::default(),
            stats: Stats::default(),
            format,
            state_error: RateLimitedError::default(),
            has_reported_hold: false,
            line_limit: LineLimit::of_all_connections(),
            dropped_lines: 0,
            dropping: RateLimitedError::default(),
        }
    }

    pub fn exchange(&mut self, lists: Lists) -> Lists {
        std::mem::replace(&mut self.lists, lists)
    }

    pub fn lists(&self) -> &Lists {
        &self.lists
    }

    pub fn statistics(&self) -> String {
        let dry_run = if self.policy.is_dry_run { "dry-run, " } else { "" };
        format!("statistics: {dry_run}{}", self.stats.counters)
    }

    /// Applies options and lists to a request at `now`, in seconds since the
    /// epoch.
    pub fn plan(&self, request: &Request<'_>, now: i64, log: &mut Log) -> Plan {
        let mut budget = Budget::default();
        let now = request.test_time.unwrap_or(now);
        let plan = greylist::plan(&self.policy, &self.lists, request, now, &mut budget);
        for warning in budget.into_warnings() {
            log.line(Severity::Warning, warning.to_string());
        }
        plan
    }

    /// Returns true if a client is exempt for all senders and recipients. Always
    /// true in a dry run, which refuses nothing.
    pub fn exempts_client(&self, request: &Request<'_>, log: &mut Log) -> bool {
        let mut budget = Budget::default();
        let Engine { policy, lists, .. } = self;
        let is_exempt = greylist::exempts_client(policy, lists, request, &mut budget);
        for warning in budget.into_warnings() {
            log.line(Severity::Warning, warning.to_string());
        }
        is_exempt
    }

    /// Logs a complaint about a connection's malformed input, unless that
    /// connection or all of them together caused too many lines.
    pub fn complain(
        &mut self,
        of_connection: &mut LineLimit,
        severity: Severity,
        line: impl AsRef<[u8]>,
        log: &mut Log,
    ) {
        let now = Instant::now();
        if of_connection.allows(now) && self.line_limit.allows(now) {
            log.line(severity, line);
            return;
        }
        self.dropped_lines += 1;
        let line = || {
            let dropped = self.dropped_lines;
            format!(
                "too much malformed input: log lines about it dropped since the start: {dropped}"
            )
        };
        self.dropping.report(line, log);
    }

    /// The effects of a lookup's result, and the reply. Without a decision mail is
    /// accepted.
    pub fn complete(&mut self, request: &Request<'_>, result: &TaskResult, log: &mut Log) -> Reply {
        match result {
            Ok(Done::Decided(decision)) => {
                for notice in &decision.notices {
                    log.line(Severity::Warning, notice_line(notice, request));
                }
                self.conclude(request, decision.verdict, log)
            }
            // Results of tools.
            Ok(Done::Edited(_) | Done::Found(_)) => Reply::Dunno,
            Err(error) => {
                self.stats.counters.failures += 1;
                self.report_failure(error, log);
                Reply::Dunno
            }
        }
    }

    /// The effects of a verdict, and the reply.
    pub fn conclude(&mut self, request: &Request<'_>, verdict: Verdict, log: &mut Log) -> Reply {
        self.stats.decided(verdict);
        let Engine { policy, headers, .. } = self;
        let reply = greylist::reply(policy, headers, request, verdict, clock::header_date);
        let (severity, entry) = self.log_entry(request, verdict, &reply);
        log.entry(severity, entry);
        reply.in_effect(&self.policy)
    }

    fn log_entry(
        &self,
        request: &Request<'_>,
        verdict: Verdict,
        reply: &Reply,
    ) -> (Severity, Entry) {
        let severity = match verdict.reason {
            Reason::NoAddress => {
                let text = b"client_address is not an IP address: ".as_slice();
                let line = [text, request.client_address].concat();
                return (Severity::Complaint, Entry::Text(line));
            }
            reason if reason.is_own() => Severity::Info,
            _ => Severity::Notice,
        };
        let entry = match self.format {
            Format::Json => Entry::Fields(greylist::log_object(&self.policy, request, verdict)),
            _ => Entry::Text(greylist::log_line(&self.policy, request, verdict, reply)),
        };
        (severity, entry)
    }

    /// Logs a failure of the state, at most once a minute.
    pub fn report_failure(&mut self, error: &Error, log: &mut Log) {
        let line = || format!("{error}; mail is accepted without greylisting until this is fixed");
        self.state_error.report(line, log);
    }

    /// Logs that the state works again, if its failure was logged.
    pub fn report_recovery(&mut self, state: &str, log: &mut Log) {
        self.state_error.end(&format!("{state} works again; greylisting resumed"), log);
    }

    /// Logs, once, that a mail server does not let mail be held.
    pub fn report_hold(&mut self, log: &mut Log) {
        if !std::mem::replace(&mut self.has_reported_hold, true) {
            let line = "the mail server does not let milters hold mail; HOLD defers it (451)";
            log.line(Severity::Warning, line);
        }
    }
}

/// The original's lines (BEHAVIOUR E3, E6).
fn notice_line(notice: &Notice, request: &Request<'_>) -> Vec<u8> {
    match notice {
        Notice::FirstSeenInFuture => b"correcting date for first seen in the future!".to_vec(),
        Notice::AutoWhitelisted(AwlSubject::Client(client)) => {
            let address = triplet::client_text(*client);
            if greylist::is_true(request.client_name) {
                let name = request.client_name;
                [b"whitelisted: ".as_slice(), name, b"[", address.as_bytes(), b"]"].concat()
            } else {
                format!("whitelisted: {address}").into_bytes()
            }
        }
        Notice::AutoWhitelisted(AwlSubject::Domains { client, sender }) => {
            let senders = if sender.is_empty() { b"bounces" } else { sender.as_slice() };
            [b"whitelisted: ".as_slice(), client, b" for ", senders].concat()
        }
    }
}
