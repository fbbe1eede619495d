//! Prints the table of postgrey-pools(7): what looking up by domain costs mail and
//! spam in a simulated month, under the original's rules and ours.
//!
//! `cargo run --release --example pools 10` is for a month ten times as large.
//! `senders.rs` and `spam.rs` say what is assumed.

mod senders;
mod spam;

use postgrey::greylist::{Action, ByDomain, LookupBy, Plan, Policy, plan};
use postgrey::lists::{Budget, Lists};
use postgrey::request::Request;
use postgrey::state::memory::Memory;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use testkit::random::Random;

/// When the month begins, in seconds since the epoch.
const START: i64 = 1_800_000_000;

/// A mail, and all the attempts that are made unless one passes before.
pub struct Mail {
    pub kind: &'static str,
    pub sender: String,
    pub recipient: String,
    /// Seconds since the month began, the client's name and its address.
    pub attempts: Vec<(i64, String, String)>,
}

#[derive(Default)]
struct Sum {
    delays: Vec<i64>,
    stopped: usize,
}

impl Sum {
    fn passed(&self) -> f64 {
        percent(self.delays.len(), self.delays.len() + self.stopped)
    }

    fn mean(&self) -> f64 {
        self.delays.iter().sum::<i64>() as f64 / self.delays.len().max(1) as f64
    }

    /// The delay that 95 of 100 mails do not exceed.
    fn longest_of_95(&self) -> i64 {
        let mut delays = self.delays.clone();
        delays.sort_unstable();
        delays.get(delays.len() * 95 / 100).copied().unwrap_or(0)
    }
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

type Sums = BTreeMap<&'static str, Sum>;

/// The rules that are compared; the second is the original's own.
/// `--auto-whitelist-clients=5` holds in all.
fn rules() -> [(&'static str, Policy); 5] {
    let of = |lookup, auto_whitelist| Policy {
        by_domain: ByDomain { triplets: lookup, auto_whitelist },
        ..Policy::default()
    };
    [
        ("host", Policy { lookup_by: LookupBy::Host, ..Policy::default() }),
        ("subnet /24 (default)", of(false, false)),
        ("domain", of(true, false)),
        ("subnet /24, auto-whitelist by domain", of(false, true)),
        ("domain, auto-whitelist by domain", of(true, true)),
    ]
}

fn month(size: usize) -> Vec<Mail> {
    let mut random = Random::of(49);
    let mut mails = senders::mails(&mut random, size);
    mails.extend(spam::mails(&mut random, size));
    mails
}

/// Makes all attempts in the order of time, each unless its mail has passed.
fn outcome(policy: &Policy, mails: &[Mail]) -> Sums {
    let mut order: Vec<(i64, usize, usize)> = Vec::new();
    for (number, mail) in mails.iter().enumerate() {
        order.extend(mail.attempts.iter().enumerate().map(|(try_, it)| (it.0, number, try_)));
    }
    order.sort_unstable();
    let (lists, mut store) = (Lists::default(), Memory::default());
    let mut passed: Vec<Option<i64>> = vec![None; mails.len()];
    for (time, number, try_) in order {
        if passed[number].is_some() {
            continue;
        }
        let mail = &mails[number];
        let (_, name, address) = &mail.attempts[try_];
        let request = Request {
            client_address: address.as_bytes(),
            client_name: name.as_bytes(),
            sender: mail.sender.as_bytes(),
            recipient: mail.recipient.as_bytes(),
            ..Request::default()
        };
        let Plan::Lookup(lookup) =
            plan(policy, &lists, &request, START + time, &mut Budget::default())
        else {
            panic!("a list decided");
        };
        let verdict = store.decide_now(policy, &lookup).verdict;
        if verdict.reason.action() != Action::Greylist {
            passed[number] = Some(time - mail.attempts[0].0);
        }
    }
    let mut sums = Sums::new();
    for (mail, delay) in mails.iter().zip(passed) {
        let sum = sums.entry(mail.kind).or_default();
        match delay {
            Some(delay) => sum.delays.push(delay),
            None => sum.stopped += 1,
        }
    }
    sums
}

fn table(mails: &[Mail]) -> String {
    let mut text = String::new();
    for (rule, policy) in rules() {
        let _ = writeln!(text, "{rule}");
        for (kind, sum) in outcome(&policy, mails) {
            let all = sum.delays.len() + sum.stopped;
            let _ = write!(text, "  {kind:<44} {all:>6} mails, ");
            let (mean, longest) = (sum.mean() / 60.0, sum.longest_of_95() as f64 / 60.0);
            let _ = write!(text, "mean {mean:>6.1} min, 95 % {longest:>7.1} min, ");
            let _ = if kind.starts_with("spam") {
                writeln!(text, "let through {:>5.1} %", sum.passed())
            } else {
                writeln!(text, "lost {:>5.2} %", 100.0 - sum.passed())
            };
        }
    }
    text
}

#[expect(clippy::print_stdout, reason = "the table")]
fn main() {
    let size = std::env::args().nth(1).map_or(1, |size| size.parse().expect("a number"));
    println!("{}", table(&month(size)));
}
