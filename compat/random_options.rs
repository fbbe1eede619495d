//! Random command lines on both programs (BEHAVIOUR A1). Each ends in an error
//! or prints the version, so that no server starts.

use crate::case::case;
use crate::options::{NUMBERS, SWITCHES, TEXTS};
use testkit::random::{Random, cases, seed};

/// All but those that print a text of the program's own, the optional count, of
/// which ours refuses more (X44), and the text of which ours takes an empty one
/// (X40).
fn names() -> Vec<&'static str> {
    let mut names = [&SWITCHES[..], &TEXTS, &NUMBERS, &["version"]].concat();
    names.retain(|name| *name != "greylist-text");
    names
}

const VALUES: [&str; 20] = [
    "", "0", "1", "-1", "+1", "1_0", "_", "007", "x", "1x", "=", "a=b", "-", "--", "-x", "--delay",
    "\u{e9}", "a b", "5\n", "%s",
];

fn name(random: &mut Random) -> String {
    let name = random.pick(&names()).to_string();
    match random.below(24) {
        0 => name[..name.len() - 1].to_string(),
        1 => name.to_uppercase(),
        2 => name.replace('-', "_"),
        3 => format!("no{name}"),
        4 => format!("{name}{}", random.pick(&["x", "-", " ", "\u{e9}", "\n", "1"])),
        _ => name,
    }
}

fn word(random: &mut Random) -> String {
    match random.below(12) {
        0 => random.pick(&VALUES).to_string(),
        1 => format!("-{}", name(random)),
        2 => format!("-{}={}", name(random), random.pick(&VALUES)),
        3 => format!("---{}", name(random)),
        4..8 => format!("--{}={}", name(random), random.pick(&VALUES)),
        _ => format!("--{}", name(random)),
    }
}

/// A line: what comes first keeps it from starting a server, whatever follows.
fn line(random: &mut Random) -> Vec<String> {
    let mut words = vec!["--version".to_string()];
    for _ in 0..random.below(7) {
        words.push(word(random));
        if random.one_in(3) {
            words.push(random.pick(&VALUES).to_string());
        }
    }
    words
}

#[test]
fn random_command_lines_are_understood_alike() {
    let seed = seed();
    let count = cases(40);
    case(|run| {
        let mut random = Random::of(seed);
        for number in 0..count {
            let words = line(&mut random);
            let what = format!("POSTGREY_SEED={seed}, line {number}, {words:?}");
            run.note(what, run.outcome(&words).shown());
        }
    });
}
