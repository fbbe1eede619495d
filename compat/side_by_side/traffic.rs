//! Requests of mail servers, of four kinds, and the right answer.
//!
//! The database is filled to match (see `prefill.rs`): triplets below
//! `Population::known` passed long ago, those after them were first seen a
//! moment ago, and all further ones are new.

use std::io::Write as _;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    Dunno,
    Deferred,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// The original's, which are ours.
    Postgrey,
    Sqlgrey,
}

impl Words {
    pub fn say(self, expected: Expected, reply: &[u8]) -> bool {
        match (self, expected) {
            (Words::Postgrey, Expected::Dunno) => reply == b"action=DUNNO\n\n",
            (Words::Postgrey, Expected::Deferred) => {
                reply.starts_with(b"action=DEFER_IF_PERMIT 4.2.0 Greylisted, see http")
                    && reply.ends_with(b".html\n\n")
            }
            (Words::Sqlgrey, Expected::Dunno) => reply == b"action=dunno\n\n",
            (Words::Sqlgrey, Expected::Deferred) => {
                reply.starts_with(b"action=defer_if_permit Greylisted for ")
            }
        }
    }
}

/// The number of triplets of each kind in the database, and their length.
#[derive(Clone, Copy, Debug)]
pub struct Population {
    pub known: usize,
    /// Triplets that wait since a moment ago, which stand behind them.
    pub early: usize,
    pub lines: usize,
    /// Bytes that each triplet is longer than it need be.
    pub padding: usize,
    pub days: usize,
}

/// The parts that requests of a stream are of, in percent; the rest is new.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    pub name: &'static str,
    known: u64,
    whitelisted: u64,
    early: u64,
}

pub const REAL_LIFE: Mix = Mix { name: "real life", known: 70, whitelisted: 15, early: 5 };
pub const NEW: Mix = Mix { name: "new only", known: 0, whitelisted: 0, early: 0 };
pub const KNOWN: Mix = Mix { name: "known only", known: 100, whitelisted: 0, early: 0 };
pub const WHITELISTED: Mix = Mix { name: "whitelisted only", known: 0, whitelisted: 100, early: 0 };

pub struct Traffic {
    mix: Mix,
    population: Population,
    next_new: usize,
    random: u64,
    request: Vec<u8>,
}

impl Traffic {
    /// The stream for a database of that population. No two streams with other
    /// values of `series` have a new triplet in common.
    pub fn new(mix: Mix, population: Population, series: usize) -> Traffic {
        let next_new = 1_000_000_000 + series * 100_000_000;
        Traffic { mix, population, next_new, random: 88_172_645_463_325_252, request: Vec::new() }
    }

    pub fn next(&mut self) -> (&[u8], Expected) {
        let Population { known, early, lines, .. } = self.population;
        let chance = self.below(100);
        let Mix { known: k, whitelisted: w, early: e, .. } = self.mix;
        if chance < k && known > 0 {
            let number = self.below(known as u64);
            self.triplet(number, Expected::Dunno)
        } else if (k..k + w).contains(&chance) {
            let number = self.below(lines.max(1) as u64);
            let name = if lines == 0 { listed(0) } else { listed(number) };
            write_request(&mut self.request, number, &format!("mx3.{name}"), 0);
            (&self.request, Expected::Dunno)
        } else if (k + w..k + w + e).contains(&chance) && early > 0 {
            let number = known as u64 + self.below(early as u64);
            self.triplet(number, Expected::Deferred)
        } else {
            self.next_new += 1;
            self.triplet(self.next_new as u64, Expected::Deferred)
        }
    }

    fn triplet(&mut self, number: u64, expected: Expected) -> (&[u8], Expected) {
        let name = format!("mail{}.sender{number}.example", number % 7);
        write_request(&mut self.request, number, &name, self.population.padding);
        (&self.request, expected)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % limit
    }
}

pub fn listed(number: u64) -> String {
    format!("listed{number}.example.net")
}

pub fn key(number: u64, padding: usize) -> String {
    let [a, b] = network(number);
    let (sender, recipient) = (sender(number, padding), recipient(number, padding));
    format!("100.{a}.{b}.0/{sender}/{recipient}")
}

/// The third of a network that changes: numbers are spread over all of them,
/// so that neighbours in the database have nothing to do with each other.
pub fn network(number: u64) -> [u8; 2] {
    (number.wrapping_mul(40_503) as u16).to_be_bytes()
}

fn sender(number: u64, padding: usize) -> String {
    format!("bounce{}-news.s{number}@{}", "n".repeat(padding / 2), sender_domain(number))
}

pub fn sender_domain(number: u64) -> String {
    format!("lists.domain{}.example", number % 9973)
}

fn recipient(number: u64, padding: usize) -> String {
    let padding = "r".repeat(padding - padding / 2);
    format!("firstname.lastname{}{padding}@example.org", number % 997)
}

/// A request as Postfix 3.7 sends it after RCPT TO.
fn write_request(request: &mut Vec<u8>, number: u64, client_name: &str, padding: usize) {
    let [a, b] = network(number);
    let (sender, recipient) = (sender(number, padding), recipient(number, padding));
    request.clear();
    write!(
        request,
        "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n\
         client_address=100.{a}.{b}.25\nclient_name={client_name}\nclient_port=41514\n\
         reverse_client_name={client_name}\nserver_address=192.0.2.1\nserver_port=25\n\
         helo_name={client_name}\nsender={sender}\nrecipient={recipient}\nrecipient_count=0\n\
         queue_id=\ninstance=1a2b.66f3a2b1.{number}.0\nsize=12345\netrn_domain=\nstress=\n\
         sasl_method=\nsasl_username=\nsasl_sender=\nccert_subject=\nccert_issuer=\n\
         ccert_fingerprint=\nccert_pubkey_fingerprint=\nencryption_protocol=TLSv1.3\n\
         encryption_cipher=TLS_AES_256_GCM_SHA384\nencryption_keysize=256\npolicy_context=\n\n"
    )
    .expect("memory takes all writes");
}
