//! What the administrator decided: the numbers and texts of the greylist.

use crate::lists::Trusted;
use std::net::IpAddr;

/// Seconds in a day, for options that count days.
pub const SECONDS_PER_DAY: i64 = 86_400;

/// What [`plan`](super::plan), [`judge`](super::judge) and the reply texts need of the
/// command line. Times are in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How long a new triplet has to wait (`--delay`, 300). Negative values let
    /// the first attempt pass, as the original does (BEHAVIOUR A3).
    pub delay: i64,
    /// How long after its first attempt a triplet may still pass for the first
    /// time (`--retry-window`, two days).
    pub retry_window: i64,
    /// Age at which an entry that was not seen again is forgotten
    /// (`--max-age`, 35 days).
    pub max_age: i64,
    /// How a client's address becomes part of the triplet's key.
    pub lookup: LookupBy,
    /// Where the domain of a client's name takes the place of its address.
    pub by_domain: ByDomain,
    /// First passes after which a client is no longer greylisted
    /// (`--auto-whitelist-clients`, 5); `None` switches this off (`=0`).
    pub auto_whitelist: Option<u64>,
    /// Keys are SHA-1 sums of themselves (`--privacy`).
    pub privacy: bool,
    /// Whose mail passes without an entry.
    pub trust: Trust,
    /// First word of a deferring reply (`--greylist-action`, `DEFER_IF_PERMIT`).
    pub greylist_action: Vec<u8>,
    /// Template of the text after it (`--greylist-text`), with `%s` and `%r`.
    pub greylist_text: Vec<u8>,
    /// First word of the reply to those on a blacklist (`--blacklist-action`,
    /// `REJECT`).
    pub blacklist_action: Vec<u8>,
    /// The text after it (`--blacklist-text`).
    pub blacklist_text: Vec<u8>,
    /// Template of the header that a delayed mail gets (`--x-greylist-header`),
    /// with `%t`, `%v`, `%d` and `%h`.
    pub header: Vec<u8>,
    /// Whether a delayed mail gets that header; without
    /// (`--no-x-greylist-header`), it passes as it came.
    pub adds_header: bool,
    /// Whether everything is decided and nothing done (`--noaction`): the answer
    /// to every mail is that it may pass.
    pub is_dry_run: bool,
    /// The name that stands for `%h` (`--hostname`, or the machine's).
    pub hostname: Vec<u8>,
}

/// Who needs no greylisting, whatever the lists say. By default nobody, since
/// Postfix asks its own restrictions first; where no restriction was asked
/// ([`covers_own_users`](crate::request::Request::covers_own_users)), who has logged in
/// and the machine itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Own networks (`--trusted-networks`). With any, the machine's own
    /// addresses are trusted as well.
    pub networks: Trusted,
    /// Clients that have logged in (`--trust-authenticated`).
    pub authenticated: bool,
}

/// Which clients count as the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupBy {
    /// All of a network are one client (`--lookup-by-subnet`), with the network's
    /// prefix lengths in bits (`--ipv4cidr`, 24; `--ipv6cidr`, 64).
    Subnet {
        /// 0 to 32.
        ipv4: u8,
        /// 0 to 128.
        ipv6: u8,
    },
    /// Each address is its own client (`--lookup-by-host`).
    Host,
}

impl LookupBy {
    /// How many leading bits of an address tell its client from others: at most
    /// 32 of IPv4, 128 of IPv6.
    #[must_use]
    pub fn bits(self, address: IpAddr) -> u8 {
        match (self, address) {
            (LookupBy::Subnet { ipv4, .. }, IpAddr::V4(_)) => ipv4,
            (LookupBy::Subnet { ipv6, .. }, IpAddr::V6(_)) => ipv6,
            (LookupBy::Host, IpAddr::V4(_)) => 32,
            (LookupBy::Host, IpAddr::V6(_)) => 128,
        }
    }
}

/// Where a pool of senders is told by the registered domain of its clients'
/// verified names. Clients without one are told by their addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByDomain {
    /// In triplets (`--lookup-by-domain`).
    pub lookup: bool,
    /// In the auto-whitelist as well, for each domain of senders by itself
    /// (`--auto-whitelist-by=domain`).
    pub auto_whitelist: bool,
}

impl Default for Policy {
    /// The original's defaults, with an empty host name.
    fn default() -> Self {
        Policy {
            delay: 300,
            retry_window: 2 * SECONDS_PER_DAY,
            max_age: 35 * SECONDS_PER_DAY,
            lookup: LookupBy::Subnet { ipv4: 24, ipv6: 64 },
            by_domain: ByDomain::default(),
            auto_whitelist: Some(5),
            privacy: false,
            trust: Trust::default(),
            greylist_action: b"DEFER_IF_PERMIT".to_vec(),
            greylist_text: b"Greylisted, see http://postgrey.schweikert.ch/help/%r.html".to_vec(),
            blacklist_action: b"REJECT".to_vec(),
            blacklist_text: b"Access denied".to_vec(),
            header: b"X-Greylist: delayed %t seconds by postgrey-%v at %h; %d".to_vec(),
            adds_header: true,
            is_dry_run: false,
            hostname: Vec::new(),
        }
    }
}
