//! The greylisting rules, without I/O: no clock, socket, file or log.
//!
//! A decision has two stages. [`plan`] applies options and lists, and otherwise
//! names the records that decide the request; [`judge`] applies the greylisting
//! rules to them and returns a verdict and the changes.

mod auto_whitelist;
mod client_domain;
pub mod edit;
pub(crate) mod filter;
mod judge;
pub(crate) mod key;
mod log_line;
mod lookup;
mod metadata;
mod plan;
mod policy;
mod record;
mod reply;
mod templates;
pub mod triplet;
mod triplet_state;
mod verdict;

pub use client_domain::{Client, registered_domain, sender_domain};
pub use filter::Selection;
pub use judge::judge;
pub use log_line::{is_true, log_line, log_object};
pub use lookup::{AwlKey, Decision, Lookup, Records, Slot, Urgency, Write, awl_keys};
pub use metadata::Metadata;
pub use plan::{Plan, exempts_client, plan, rule};
pub use policy::{ByDomain, LookupBy, Policy, SECONDS_PER_DAY, Trust};
pub use record::{ClientRecord, FileSize, Record, Slice, Table, Totals, TripletRecord, numbers};
pub use reply::{HeaderMemory, Reply, reply};
pub use triplet_state::{ClientState, State, TripletState, client_state, triplet_state};
pub use verdict::{Action, AwlSubject, Notice, Reason, Verdict};
