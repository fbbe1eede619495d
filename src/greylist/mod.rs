//! The decision and nothing else: no clock, no socket, no file, no log.

mod answer;
mod attempts;
mod auto_whitelist;
mod decide;
pub mod edit;
mod fate;
mod foreign;
pub mod key;
mod line;
mod notes;
mod policy;
mod pool;
mod texts;
pub mod triplet;
mod verdict;

pub use answer::{Answer, HeaderMemory, answer};
pub use attempts::Attempts;
pub use auto_whitelist::Counted;
pub use decide::{decide, delay, rule};
pub use fate::{ClientFate, Fate, State, client_fate, fate};
pub use line::{is_true, log_line, log_object};
pub use notes::{notes, policy};
pub use policy::{ByDomain, Lookup, Policy, SECONDS_PER_DAY, Trust};
pub use pool::{Client, registered_domain, sender_domain};
pub use verdict::{Blacklist, Decision, Exemption, Note, Verdict, Wait};
