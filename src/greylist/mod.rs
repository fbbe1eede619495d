//! The decision and nothing else: no clock, no socket, no file, no log.

mod answer;
mod attempts;
mod auto_whitelist;
mod client_domain;
mod decide;
pub mod edit;
mod import_keys;
pub mod key;
mod log_line;
mod metadata;
mod policy;
mod templates;
pub mod triplet;
mod triplet_state;
mod verdict;

pub use answer::{Answer, HeaderMemory, answer};
pub use attempts::Attempts;
pub use auto_whitelist::AwlKey;
pub use client_domain::{Client, registered_domain, sender_domain};
pub use decide::{decide, delay, rule};
pub use log_line::{is_true, log_line, log_object};
pub use metadata::{notes, policy};
pub use policy::{ByDomain, Lookup, Policy, SECONDS_PER_DAY, Trust};
pub use triplet_state::{ClientState, State, TripletState, client_fate, fate};
pub use verdict::{Blacklist, Decision, Exemption, Note, Verdict, Wait};
