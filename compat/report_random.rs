//! Random logs and random options of the report, on databases that both
//! daemons made of the same attempts.
//!
//! Left out is what the list of differences names: no daemon has heard of the
//! clients without a name, or with one that holds their address; the
//! auto-whitelist is off; senders are plain.

use crate::report::{Site, TIME, line};
use crate::stories;
use std::net::IpAddr;
use testkit::random::Random;
use testkit::{Attempt, Program};

const USUAL: usize = 6;

const MAILS: usize = 60;

const OPTIONS: usize = 8;

const MARKS: [&str; 2] = ["==net==", "==ip=="];

#[test]
fn random_logs_are_reported_alike() {
    stories::compare_all(USUAL, compare);
}

fn compare(seed: u64) {
    let mut random = Random::of(seed);
    let (attempts, log) = story(&mut random);
    let [theirs, ours] = [Program::Theirs, Program::Ours].map(|program| {
        let site = Site::new(program, &["--auto-whitelist-clients=0"], &attempts);
        site.scratch().file("skip", "om\n/^m.*[0-3]\\.b/\n10.1\n");
        site.scratch().file("match", "# some\nunknown\n/\\d/\n10.2.\n/x(?!y)/\n");
        site
    });
    for _ in 0..OPTIONS {
        let words = options(&mut random);
        let [theirs, ours] =
            [&theirs, &ours].map(|site| settled(&site.report(&words, &log).shown()));
        assert_eq!(ours, theirs, "seed {seed}, {words}");
    }
}

/// Attempts, and what Postfix logs of those that were deferred.
fn story(random: &mut Random) -> (Vec<Attempt>, String) {
    let (mut attempts, mut log) = (Vec::new(), Vec::new());
    for _ in 0..MAILS {
        let third = random.below(4);
        let fourth = random.below(3) + 20;
        let (name, address) = match random.below(6) {
            0 => ("unknown".to_owned(), format!("10.9.{third}.{fourth}")),
            1 => (format!("dsl-{third}-{fourth}.p.test"), format!("10.8.{third}.{fourth}")),
            _ => (format!("mx{third}.b.com"), format!("10.{}.{third}.{fourth}", random.below(3))),
        };
        let is_known = name.starts_with("mx");
        let sender =
            random.pick(&["a@b.com", "B-12-x@c.com", "a+ext@b.com", "list-7@l.com", "root"]);
        let recipient = random.pick(&["r@d.com", "S@D.com", "postmaster"]);
        let first = random.below(5000) as i64;
        let retries = random.below(4);
        let wait = random.pick(&["10", "299", "300", "600"]).parse::<i64>().expect("a number");
        for retry in 0..=retries as i64 {
            let moment = first + retry * wait;
            let attempt = Attempt::new(&address, &name, sender, recipient).at(moment);
            attempts.extend(is_known.then_some(attempt));
            let line = line(&format!("{name}[{address}]"), sender, recipient);
            let time = format!("Jun 2{retry} 1{}:00:00", random.below(10));
            log.push(line.replace(TIME, &time));
        }
        log.push(noise(random));
    }
    (attempts, log.concat())
}

fn noise(random: &mut Random) -> String {
    let good = line("mx.b.com[10.0.0.1]", "a@b.com", "r@d.com");
    match random.below(5) {
        0 => good.replace("reject:", "reject_warning:"),
        1 => good.replace(": 450", ": 554"),
        2 => good.replace("Greylisted", "Blocked"),
        3 => "\n".to_owned(),
        _ => format!(
            "{TIME} mx postfix/qmgr[9]: 4A: from=<a@b.com>, size=1, nrcpt=1 (queue active)\n"
        ),
    }
}

fn options(random: &mut Random) -> String {
    let net = format!(r"--separate_by_subnet={}\n", MARKS[0]);
    let ip = format!(r"--separate_by_ip={}\n", MARKS[1]);
    let all = [
        "--show_tries",
        "--show_time",
        "--tab",
        "--nosingle_line",
        net.as_str(),
        ip.as_str(),
        "--skip_pool",
        "--skip_clients=skip",
        "--match_clients=match",
        "--greylist-text=Greylisted,.see",
        "--greylist-text=Bl?",
        "--delay=299",
        "--delay=301",
        "--delay=x",
    ];
    let chosen = all.into_iter().filter(|_| random.one_in(4));
    chosen.collect::<Vec<_>>().join(" ")
}

/// A report whose triplets stand in order below each client: the original's
/// order there is by chance. A client begins at a mark, at its own line in
/// groups, or where a line has another address than the one before.
fn settled(report: &str) -> Vec<String> {
    let mut settled = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    let mut last = None;
    for line in report.lines() {
        let mut words = line.split_ascii_whitespace();
        let address = words.find_map(|word| word.parse::<IpAddr>().ok());
        let is_heading = MARKS.contains(&line) || address.is_some() && words.next().is_none();
        if is_heading || address.is_some() && address != last {
            lines.sort();
            settled.append(&mut lines);
        }
        last = address.or(last);
        if is_heading { settled.push(line.to_owned()) } else { lines.push(line.to_owned()) }
    }
    lines.sort();
    settled.append(&mut lines);
    settled
}
