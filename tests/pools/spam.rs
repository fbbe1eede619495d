//! Spam: much is tried once, some a few times.
//!
//! Assumed: machines that were broken into, on lines of 40 providers, of which
//! three in four name a line by its address and one in four does not; who tries
//! again does so three times within an hour, with the same sender and recipient,
//! from the same address or, where that changes, from another one of the
//! provider; and customers of the pools' owners whose machines are named like
//! the pools' own.

use super::super::Mail;
use super::super::random::Random;

/// Tried once.
pub const ONCE: &str = "spam tried once";
/// Tried again from the same address.
pub const SAME_ADDRESS: &str = "spam tried 4 times, same address";
/// Tried again from addresses that names tell.
pub const ADDRESS_IN_NAME: &str = "spam tried 4 times, addresses in names";
/// Tried again from addresses that names do not tell.
pub const PLAIN_NAME: &str = "spam tried 4 times, other names of a provider";
/// Tried once, by a machine named like those of a pool.
pub const IN_A_POOL: &str = "spam tried once, names of a pool's domain";

/// A second of the month.
pub fn moment(random: &mut Random) -> i64 {
    up_to(random, 30 * 86_400)
}

/// A number of seconds below a limit.
pub fn up_to(random: &mut Random, limit: i64) -> i64 {
    let limit = usize::try_from(limit).expect("no negative limit");
    i64::try_from(random.below(limit)).expect("a small number")
}

/// All spam of a month.
pub fn mails(random: &mut Random, size: usize) -> Vec<Mail> {
    let kinds =
        [(ONCE, 600), (SAME_ADDRESS, 60), (ADDRESS_IN_NAME, 60), (PLAIN_NAME, 60), (IN_A_POOL, 60)];
    let mut mails = Vec::new();
    for (kind, number) in kinds {
        for _ in 0..number * size {
            mails.push(spam(random, kind));
        }
    }
    mails
}

fn spam(random: &mut Random, kind: &'static str) -> Mail {
    let provider = random.below(40);
    let is_named_by_address = match kind {
        ADDRESS_IN_NAME => true,
        PLAIN_NAME => false,
        _ => provider % 4 != 0,
    };
    let mut time = moment(random);
    let sender = format!("x{}@forged{}.net", random.below(1_000_000), random.below(1000));
    let recipient = format!("reader{}@example.org", random.below(300));
    let tries = if kind == ONCE || kind == IN_A_POOL { 1 } else { 4 };
    let mut client = line(random, provider, is_named_by_address);
    if kind == IN_A_POOL {
        client.0 = format!("vm{}.customers.provider{}.com", random.below(1000), random.below(4));
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
