//! Mail servers that try again: when they do, and from which machines.
//!
//! Assumed: who has waited comes back from a machine of the pool that chance
//! picks, whatever the mail (as observed of outlook.com, six hosts for a mail of
//! more than 24 hours: schweikert/postgrey issue 49; SendGrid: the same issue;
//! a mail of hotmail.com delayed by 90370 s: issue 50). Each attempt comes up to
//! a minute later than planned. Providers are not on the whitelist. Half
//! of a pool's mail has senders at the provider's own domain, half at those of
//! its customers, of whom a few send much: number `n` of 100 as often as `1/n`.

use super::Mail;
use testkit::random::Random;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A server of one address for the domains of many customers.
pub const HOSTER: &str = "mail of a host of 50 domains, one address";

pub const SINGLE: &str = "mail of servers with one address";

pub const POOLS: [&str; 4] = [
    "mail of a pool of 50 in 4 /24, Postfix",
    "mail of a pool of 150 in 10 /24, Exim",
    "mail of a pool of 250 in 15 /24, doubling",
    "mail of a pool of 500 in 30 /24, one day",
];

/// The seconds after the first attempt at which a mail is tried again.
type Schedule = fn() -> Vec<i64>;

/// From gap to gap, until a mail is given up.
fn repeated(mut gap: impl FnMut(i64) -> i64, limit: i64) -> Vec<i64> {
    let mut times = vec![0];
    let mut now = 0;
    loop {
        now += gap(now);
        if now > limit {
            return times;
        }
        times.push(now);
    }
}

/// postconf(5): minimal_backoff_time 300 s, maximal_backoff_time 4000 s,
/// maximal_queue_lifetime 5 d. The wait is the age of the mail, within these.
fn postfix() -> Vec<i64> {
    repeated(|age| age.clamp(300, 4000), 5 * DAY)
}

/// Exim's default rule `F,2h,15m; G,16h,1h,1.5; F,4d,6h` (specification,
/// chapter 32).
fn exim() -> Vec<i64> {
    let mut growing = HOUR * 2 / 3;
    let gap = move |age| {
        if age < 2 * HOUR {
            15 * MINUTE
        } else if age < 16 * HOUR {
            growing = growing * 3 / 2;
            growing
        } else {
            6 * HOUR
        }
    };
    repeated(gap, 4 * DAY)
}

/// Sendmail with a queue run each half hour (`-q30m`) and Timeout.queuereturn
/// of 5 d, its default.
fn sendmail() -> Vec<i64> {
    repeated(|_| 30 * MINUTE, 5 * DAY)
}

/// Exchange: OutboundConnectionFailureRetryInterval 10 min, expiry after 2 d
/// (technet.microsoft.com aa998043).
fn exchange() -> Vec<i64> {
    repeated(|_| 10 * MINUTE, 2 * DAY)
}

/// A provider that comes back after 7 minutes, as observed of Gmail
/// (tradebooster.com, 2008: 07:06:34 and 07:13:22), then, as assumed, each time
/// after double the time, 4 h at most, for 3 d.
fn doubling() -> Vec<i64> {
    repeated(|age| age.clamp(7 * MINUTE, 4 * HOUR), 3 * DAY)
}

/// A provider that, as assumed, comes back after 5, 10, 20, 40 minutes, then
/// once in two hours, and gives up after a day.
fn one_day() -> Vec<i64> {
    let gap = |age: i64| if age < 70 * MINUTE { age + 5 * MINUTE } else { 2 * HOUR };
    repeated(gap, DAY)
}

/// Of each pool its name, its times, its machines and its networks.
fn pools() -> [(&'static str, Schedule, usize, usize); 4] {
    [
        (POOLS[0], postfix, 50, 4),
        (POOLS[1], exim, 150, 10),
        (POOLS[2], doubling, 250, 15),
        (POOLS[3], one_day, 500, 30),
    ]
}

pub fn mails(random: &mut Random, size: usize) -> Vec<Mail> {
    let mut mails = Vec::new();
    for (number, kind) in POOLS.into_iter().enumerate() {
        for _ in 0..150 * size {
            let domain = sender_domain(random, number);
            // Most write to somebody for the first time.
            let sender = format!("user{}@{domain}", random.below(100 * size));
            mails.push(through(random, kind, number, sender));
        }
    }
    for number in 0..100 * size {
        let machine = |_: &mut Random| ("mail.hoster.com".to_owned(), "203.0.113.25".to_owned());
        let sender = format!("user{number}@customer{}.com", random.below(50));
        mails.push(mail(random, HOSTER, sender, postfix, machine));
    }
    for server in 0..20 * size {
        let schedules: [Schedule; 4] = [postfix, exim, sendmail, exchange];
        let schedule = schedules[server % schedules.len()];
        let machine = |_: &mut Random| {
            let address = format!("203.{}.{}.25", server / 256, server % 256);
            (format!("mail.company{server}.org"), address)
        };
        for _ in 0..10 {
            let sender = format!("user{}@company{server}.org", random.below(5));
            mails.push(mail(random, SINGLE, sender, schedule, machine));
        }
    }
    mails
}

pub fn own_domain(provider: usize) -> String {
    format!("mailbox{provider}.com")
}

fn sender_domain(random: &mut Random, provider: usize) -> String {
    if random.one_in(2) {
        return own_domain(provider);
    }
    // In hundredths; the sum of 1/n up to 100 is 5.19.
    let mut place = random.below(519);
    let mut customer = 1;
    while customer < 100 && place >= 100 / customer {
        place -= 100 / customer;
        customer += 1;
    }
    format!("customer{customer}-{provider}.com")
}

/// A mail that a pool sends for whoever has an account there; it is one of four.
pub fn through(random: &mut Random, kind: &'static str, pool: usize, sender: String) -> Mail {
    let (_, schedule, machines, networks) = pools()[pool];
    let machine = |random: &mut Random| {
        let machine = random.below(machines);
        let name = format!("mail-{machine:x}.outbound.provider{pool}.com");
        let host = 1 + machine / networks;
        (name, format!("198.{}.{}.{host}", 18 + pool, machine % networks))
    };
    mail(random, kind, sender, schedule, machine)
}

fn mail(
    random: &mut Random,
    kind: &'static str,
    sender: String,
    schedule: Schedule,
    machine: impl Fn(&mut Random) -> (String, String),
) -> Mail {
    let start = super::spam::moment(random);
    let recipient = format!("reader{}@example.org", random.below(3));
    let mut attempts = Vec::new();
    for time in schedule() {
        let (name, address) = machine(random);
        attempts.push((start + time + super::spam::up_to(random, MINUTE), name, address));
    }
    Mail { kind, sender, recipient, attempts }
}
