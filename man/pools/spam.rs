//! Spam: much is tried once, some a few times.
//!
//! Assumed: machines that were broken into, on lines of 40 providers, of which
//! three in four name a line by its address and one in four does not; who tries
//! again does so three times within an hour, with the same sender and recipient,
//! from the same address or, where that changes, from another one of the
//! provider; customers of the pools' owners whose machines are named like the
//! pools' own; and accounts with the pools' owners that were broken into or are
//! thrown away, whose mail the pools try as they try any other. One in four
//! senders is forged at one of the domains that everybody knows, the four pools'
//! own and one more, the others at one of a thousand that nobody knows.

use super::Mail;
use super::senders;
use testkit::random::Random;

pub const ONCE: &str = "spam tried once";
pub const SAME_ADDRESS: &str = "spam tried 4 times, same address";
pub const ADDRESS_IN_NAME: &str = "spam tried 4 times, addresses in names";
pub const PLAIN_NAME: &str = "spam tried 4 times, other names of a provider";
/// Tried once, by a machine named like those of a pool.
pub const IN_A_POOL: &str = "spam tried once, names of a pool's domain";
/// The same, and forged at the domain of most of the pool's mail.
pub const FORGED_IN_A_POOL: &str = "spam tried once, a pool's names and senders";
/// Sent through a pool, with senders at domains that nobody knows.
pub const THROUGH_A_POOL: &str = "spam through a pool, throw-away domains";
/// Sent through a pool, with senders at the provider's own domain.
pub const ACCOUNT_OF_A_POOL: &str = "spam through a pool, provider's own domain";

/// A second of the month.
pub fn moment(random: &mut Random) -> i64 {
    up_to(random, 30 * 86_400)
}

/// A number of seconds below a limit.
pub fn up_to(random: &mut Random, limit: i64) -> i64 {
    let limit = usize::try_from(limit).expect("no negative limit");
    i64::try_from(random.below(limit)).expect("a small number")
}

pub fn mails(random: &mut Random, size: usize) -> Vec<Mail> {
    let kinds = [
        (ONCE, 600),
        (SAME_ADDRESS, 60),
        (ADDRESS_IN_NAME, 60),
        (PLAIN_NAME, 60),
        (IN_A_POOL, 60),
        (FORGED_IN_A_POOL, 60),
    ];
    let mut mails = Vec::new();
    for (kind, number) in kinds {
        for _ in 0..number * size {
            mails.push(spam(random, kind));
        }
    }
    for _ in 0..60 * size {
        let pool = random.below(4);
        let thrown_away = format!("x{}@{}", random.below(1_000_000), unknown(random));
        mails.push(senders::through(random, THROUGH_A_POOL, pool, thrown_away));
        let pool = random.below(4);
        let account = format!("x{}@{}", random.below(1_000_000), senders::own_domain(pool));
        mails.push(senders::through(random, ACCOUNT_OF_A_POOL, pool, account));
    }
    mails
}

fn unknown(random: &mut Random) -> String {
    format!("forged{}.net", random.below(1000))
}

fn spam(random: &mut Random, kind: &'static str) -> Mail {
    let provider = random.below(40);
    let is_named_by_address = match kind {
        ADDRESS_IN_NAME => true,
        PLAIN_NAME => false,
        _ => provider % 4 != 0,
    };
    let mut time = moment(random);
    let pool = random.below(4);
    let domain = match kind {
        FORGED_IN_A_POOL => senders::own_domain(pool),
        _ if random.one_in(4) => senders::own_domain(random.below(5)),
        _ => unknown(random),
    };
    let sender = format!("x{}@{domain}", random.below(1_000_000));
    let recipient = format!("reader{}@example.org", random.below(300));
    let is_in_a_pool = matches!(kind, IN_A_POOL | FORGED_IN_A_POOL);
    let tries = if kind == ONCE || is_in_a_pool { 1 } else { 4 };
    let mut client = line(random, provider, is_named_by_address);
    if is_in_a_pool {
        client.0 = format!("vm{}.customers.provider{pool}.com", random.below(1000));
    }
    let mut attempts = Vec::new();
    for _ in 0..tries {
        attempts.push((time, client.0.clone(), client.1.clone()));
        time += 60 + up_to(random, 1200);
        if kind != SAME_ADDRESS {
            client = line(random, provider, is_named_by_address);
        }
    }
    Mail { kind, sender, recipient, attempts }
}

/// Name and address of a line of a provider, which has a /16.
fn line(random: &mut Random, provider: usize, is_named_by_address: bool) -> (String, String) {
    let (third, fourth) = (random.below(256), 1 + random.below(254));
    let second = 100 + provider;
    let name = if is_named_by_address {
        format!("100-{second}-{third}-{fourth}.dyn.isp{provider}.net")
    } else {
        format!("line{:x}.dyn.isp{provider}.net", third * 4096 + fourth * 3)
    };
    (name, format!("100.{second}.{third}.{fourth}"))
}
