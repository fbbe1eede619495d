//! The greylisting rules: a function of one attempt and the records found for it
//! (BEHAVIOUR E1, E3).

use super::Policy;
use super::auto_whitelist;
use super::lookup::{Decision, Lookup, Records, Slot, Urgency, Write};
use super::record::{Record, TripletRecord};
use super::verdict::{Notice, Reason, Verdict};

/// Decides an attempt: the auto-whitelist, then the triplet.
pub fn judge(policy: &Policy, lookup: &Lookup, records: &Records) -> Decision {
    auto_whitelist::exempt(policy, lookup, records)
        .unwrap_or_else(|| Triplet { policy, lookup }.judge(records))
}

/// An attempt that only its triplet decides.
struct Triplet<'a> {
    policy: &'a Policy,
    lookup: &'a Lookup,
}

impl Triplet<'_> {
    fn judge(&self, records: &Records) -> Decision {
        let known = records.triplet;
        let now = self.lookup.now;
        let has_passed = known.is_some_and(|record| self.has_passed(record));
        let first = known.filter(|record| self.still_counts(*record)).map_or(now, |it| it.first);
        let is_in_future = first > now;
        let first = first.min(now);
        // Only new mail waits for the recipient's own time.
        let passed_before = has_passed && known.is_some_and(|record| record.first == first);
        let delay = if passed_before { self.policy.delay } else { self.lookup.recipient_delay };
        let waited = now.saturating_sub(first);
        let is_over = waited >= delay;
        let reason = match (is_over, has_passed) {
            (true, true) => Reason::TripletFound,
            (true, false) => Reason::FirstPass,
            (false, _) if first == now => Reason::New,
            (false, _) => Reason::EarlyRetry,
        };
        let seconds = if is_over { waited } else { delay.saturating_sub(waited) };
        let mut decision = Decision::new(Verdict { reason, seconds });
        if is_in_future {
            decision.notices.push(Notice::FirstSeenInFuture);
        }
        decision.writes.extend(self.write(known, self.record(first, has_passed, is_over)));
        if is_over && !has_passed {
            auto_whitelist::count_first_pass(self.policy, self.lookup, records, &mut decision);
        }
        decision
    }

    /// Returns true if the delay counts from the record's first attempt. A triplet
    /// that did not come back within the retry window starts again, and so does
    /// one whose first attempt is in the future (BEHAVIOUR E3).
    fn still_counts(&self, record: TripletRecord) -> bool {
        let age = self.lookup.now.saturating_sub(record.first);
        self.has_passed(record) || age <= self.policy.retry_window
    }

    /// Returns the record after the attempt. Expiry, tools, the original and the
    /// next attempt compare it with `--delay` to see whether the triplet has
    /// passed. If the recipient has another delay, mail that passes sooner is
    /// recorded as if it had waited for `--delay`, and mail that waits longer as
    /// if it was last seen before `--delay` was over.
    fn record(&self, first: i64, has_passed: bool, is_over: bool) -> TripletRecord {
        let (now, delay) = (self.lookup.now, self.policy.delay);
        if !is_over {
            let last_waiting = first.saturating_add(delay).saturating_sub(1);
            return TripletRecord { first, last: now.min(last_waiting) };
        }
        let passing_first = now.saturating_sub(delay);
        let first = if has_passed { first } else { first.min(passing_first) };
        TripletRecord { first, last: now }
    }

    fn write(&self, before: Option<TripletRecord>, after: TripletRecord) -> Option<Write> {
        (before != Some(after)).then(|| Write {
            slot: Slot::Triplet,
            before: before.map(Record::Triplet),
            after: Record::Triplet(after),
            urgency: self.urgency(before, after),
        })
    }

    /// A record may wait for the disk if no later decision can depend on it: same
    /// first attempt, and last seen on the same side of the delay as before.
    fn urgency(&self, before: Option<TripletRecord>, after: TripletRecord) -> Urgency {
        let is_same = |before: TripletRecord| {
            before.first == after.first && self.has_passed(before) == self.has_passed(after)
        };
        if before.is_some_and(is_same) { Urgency::Soon } else { Urgency::BeforeReply }
    }

    fn has_passed(&self, TripletRecord { first, last }: TripletRecord) -> bool {
        last.saturating_sub(first) >= self.policy.delay
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
