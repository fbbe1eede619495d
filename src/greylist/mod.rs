//! The greylisting rules, without I/O: no clock, socket, file or log.
//!
//! A decision has two stages. [`plan`] applies options and lists, and otherwise
//! names the records that decide the request; [`judge`] applies the greylisting
//! rules to them and returns a verdict and the changes.

mod auto_whitelist;
mod awl_key;
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
mod reason;
mod record;
mod reply;
mod selection;
mod templates;
pub mod triplet;
mod triplet_state;
mod verdict;

pub use awl_key::{AwlKey, AwlSubject, awl_keys};
pub use client_domain::{Client, registered_domain, sender_domain};
pub use judge::judge;
pub use log_line::{is_true, log_line, log_object};
pub use lookup::{Decision, Lookup, Records, Slot, Urgency, Write};
pub use metadata::Metadata;
pub use plan::{Plan, exempts_client, plan, rule};
pub use policy::{ByDomain, LookupBy, Policy, SECONDS_PER_DAY, Trust};
pub use reason::Reason;
pub use record::{ClientRecord, Record, Slice, Table, Totals, TripletRecord, numbers};
pub use reply::{HeaderMemory, Reply, reply};
pub use selection::Selection;
pub use triplet_state::{ClientState, State, TripletState, client_state, triplet_state};
pub use verdict::{Blacklist, Exemption, Notice, Verdict, Wait};
