//! The settings of greylisting: times, keys and texts.

use crate::lists::Trusted;
use std::net::IpAddr;

/// Seconds in a day, for options that count days.
pub const SECONDS_PER_DAY: i64 = 86_400;

/// The options that [`plan`](super::plan), [`judge`](super::judge) and the reply
/// texts depend on. Times are in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The time after its first attempt for which a triplet is deferred (`--delay`,
    /// 300). A recipient may have another
    /// ([`recipient_delay`](super::Lookup::recipient_delay)), which is not kept with the
    /// state: the administration tools use this one for all triplets. If it is negative,
    /// the first attempt passes, as with the original (BEHAVIOUR A3).
    pub delay: i64,
    /// The time after its first attempt within which a triplet may pass for the
    /// first time (`--retry-window`, two days).
    pub retry_window: i64,
    /// Age at which an entry that was not seen again is forgotten
    /// (`--max-age`, 35 days).
    pub max_age: i64,
    /// The part of a client's address that is in a triplet's key.
    pub lookup_by: LookupBy,
    /// The keys in which the domain of a client's name replaces its address.
    pub by_domain: ByDomain,
    /// The number of first passes after which a client is exempt
    /// (`--auto-whitelist-clients`, 5); `None` disables the auto-whitelist
    /// (`=0`).
    pub auto_whitelist: Option<u64>,
    /// Keys are SHA-1 sums of themselves (`--privacy`).
    pub privacy: bool,
    /// The clients whose mail passes without an entry.
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
    /// True if a delayed mail gets that header; without
    /// (`--no-x-greylist-header`), it passes as it came.
    pub adds_header: bool,
    /// True if everything is decided and nothing done (`--noaction`): the answer
    /// to every mail is that it may pass.
    pub is_dry_run: bool,
    /// The name that stands for `%h` (`--hostname`, or the machine's).
    pub hostname: Vec<u8>,
}

/// Clients that are exempt from greylisting regardless of the lists. None by
/// default, because Postfix applies its own restrictions first; without these
/// ([`covers_own_users`](crate::request::Request::covers_own_users)), clients
/// that have logged in and the machine itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Own networks (`--trusted-networks`). With any, the machine's own
    /// addresses are trusted as well.
    pub networks: Trusted,
    /// Clients that have logged in (`--trust-authenticated`).
    pub authenticated: bool,
}

/// The clients that share a triplet.
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
    /// Returns the length of the prefix that clients share: at most 32 for IPv4,
    /// 128 for IPv6.
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

/// The keys in which a pool of servers is identified by the registered domain of
/// its verified names. Clients without such a name are identified by address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByDomain {
    /// In triplets (`--lookup-by-domain`).
    pub triplets: bool,
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
            lookup_by: LookupBy::Subnet { ipv4: 24, ipv6: 64 },
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
