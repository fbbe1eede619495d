//! The whitelists' patterns beside Perl itself.
//!
//! Random patterns and names: what Perl makes of them, ours must make of them
//! too, or refuse the pattern with one of the reasons listed here. A list of
//! patterns held by hand has Perl's answers, and Perl is asked whether it still
//! gives them.
mod engines;
mod generator;
mod table;

use engines::{Answer, Perl, ours};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::random::{Random, cases, seed};

/// Patterns in the usual run.
const USUAL: usize = 4000;

/// Patterns that are compared at the same time.
const WORKERS: usize = 2;

/// What ours refuses, with a warning, though Perl takes it: a word of the
/// warning. All else that Perl takes, ours must take too.
const REFUSALS: &[&str] = &[
    // Control of the way back: (*ACCEPT), (*COMMIT), …
    "(*",
    // Scripts and long names of properties, names of characters, (?l), (?^l).
    "\\p{",
    "\\N{…} is not supported",
    "(?l",
    "(?^l",
    // Sums of classes: (?[ [a-z] - [x] ]).
    "(?[",
    "\\b{…} is not supported",
    // Names are bytes.
    "a character above 255 is in no name",
    // Hardly meant: \x without digits, \c with a sign.
    "is no number of base",
    "\\c needs a letter",
    // No byte-wise engine can follow.
    "by Unicode's rules",
    "Perl is not clear about what that holds",
    "a condition that looks around is not supported",
    // `(?<=()*)`: any number of nothing.
    "length of lookbehind assertion is not limited",
    "\\K is not repeated",
    "a + behind a repeated place",
    // [[:d:]] is no class for Perl, as there is none of this name, but `d]` and the like.
    "there is no class [",
    // \\g{1x}
    "is no number of a group",
    // Conditions on groups that are not there.
    "in a look-behind is not supported",
    "reference to non-existent subpattern",
];

/// What becomes of a pattern and names.
enum Outcome {
    Alike,
    /// Ours refuses it for a listed reason.
    Refusal(&'static str),
    /// Perl or ours gives up on a name, which both may.
    Surrender,
    /// Perl itself errs.
    Mistake,
    Difference(String),
}

fn compare(perl: &mut Perl, pattern: &[u8], names: &[Vec<u8>]) -> Outcome {
    match (perl.ask(pattern, names), ours(pattern, names)) {
        (Answer::Refused(_), Answer::Refused(_)) => Outcome::Alike,
        (Answer::Matches(theirs), Answer::Matches(ours)) if theirs == ours => Outcome::Alike,
        (Answer::Matches(_) | Answer::GaveUp, Answer::Refused(why)) => {
            match REFUSALS.iter().find(|reason| why.contains(**reason)) {
                Some(reason) => Outcome::Refusal(reason),
                None => Outcome::Difference(format!("only ours refuses it: {why}")),
            }
        }
        (Answer::Refused(why), _) => Outcome::Difference(format!("only Perl refuses it: {why}")),
        (Answer::GaveUp, _) | (_, Answer::GaveUp) => Outcome::Surrender,
        (Answer::Matches(theirs), Answer::Matches(ours)) => {
            if is_mistake_of_perl(perl, pattern, names, &theirs, &ours) {
                return Outcome::Mistake;
            }
            let differs = names.iter().zip(theirs.iter().zip(&ours)).find(|(_, (t, o))| t != o);
            let (name, (theirs, ours)) = differs.expect("a name");
            let name = name.escape_ascii();
            Outcome::Difference(format!("on \"{name}\" Perl says {theirs}, ours {ours}"))
        }
    }
}

/// Whether Perl 5.36 errs where a match may start: by its short cuts `(?=c?)a`
/// does not match `a`, and `s|mx` matches the byte 0xdf, which no UTF-8 holds.
/// Made to try every place, Perl says what ours says.
fn is_mistake_of_perl(
    perl: &mut Perl,
    pattern: &[u8],
    names: &[Vec<u8>],
    theirs: &[bool],
    ours: &[bool],
) -> bool {
    let everywhere = [b"\\A(?s:.)*?(?:", pattern, b")"].concat();
    if let Answer::Matches(names) = perl.ask(&everywhere, names) {
        if names == ours {
            return true;
        }
    }
    let mut differing = names.iter().zip(theirs.iter().zip(ours)).filter(|(_, (t, o))| t != o);
    pattern.contains(&b'|')
        && pattern.to_ascii_lowercase().contains(&b's')
        && differing.all(|(name, (theirs, _))| *theirs && name.contains(&0xdf))
}

/// Takes away from the pattern and the names what is not needed for a
/// difference, and tells the rest.
fn shrunken(perl: &mut Perl, pattern: &[u8], names: &[Vec<u8>], difference: String) -> String {
    let (mut pattern, mut names, mut difference) = (pattern.to_vec(), names.to_vec(), difference);
    let mut retry =
        |pattern: &mut Vec<u8>, names: &mut Vec<Vec<u8>>, p: Vec<u8>, n: Vec<Vec<u8>>| {
            if p.is_empty() {
                return false;
            }
            let Outcome::Difference(smaller) = compare(perl, &p, &n) else {
                return false;
            };
            (*pattern, *names, difference) = (p, n, smaller);
            true
        };
    let mut index = 0;
    while index < names.len() && names.len() > 1 {
        let mut fewer = names.clone();
        fewer.remove(index);
        let same = pattern.clone();
        index += usize::from(!retry(&mut pattern, &mut names, same, fewer));
    }
    for length in (1..=12).rev() {
        let mut start = 0;
        while start + length <= pattern.len() {
            let shorter = [&pattern[..start], &pattern[start + length..]].concat();
            let same = names.clone();
            start += usize::from(!retry(&mut pattern, &mut names, shorter, same));
        }
    }
    for name in 0..names.len() {
        let mut at = 0;
        while at < names[name].len() {
            let mut shorter = names.clone();
            shorter[name].remove(at);
            let same = pattern.clone();
            at += usize::from(!retry(&mut pattern, &mut names, same, shorter));
        }
    }
    format!("/{}/ {difference}", pattern.escape_ascii())
}

#[test]
#[expect(clippy::print_stdout, reason = "the seed and the counts belong to the result")]
fn random_patterns_mean_what_they_mean_to_perl() {
    let (seed, cases) = (seed(), cases(USUAL));
    println!("seed {seed}, {cases} patterns");
    let next = AtomicUsize::new(0);
    let differences = Mutex::new(Vec::new());
    let counts = Mutex::new(BTreeMap::<&str, usize>::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let mut perl = Perl::start();
                loop {
                    let case = next.fetch_add(1, Ordering::Relaxed);
                    if case >= cases || differences.lock().expect("a list").len() >= 20 {
                        break;
                    }
                    let seed = seed.wrapping_add(case as u64);
                    let random = &mut Random::of(seed);
                    let pattern = generator::pattern(random);
                    let names = generator::names(random, &pattern);
                    let outcome = compare(&mut perl, &pattern, &names);
                    let kind = match outcome {
                        Outcome::Alike => "alike",
                        Outcome::Refusal(reason) => reason,
                        Outcome::Mistake => "Perl errs",
                        Outcome::Surrender => "given up",
                        Outcome::Difference(what) => {
                            let what = shrunken(&mut perl, &pattern, &names, what);
                            let line = format!("seed {seed}: {what}");
                            differences.lock().expect("a list").push(line);
                            "different"
                        }
                    };
                    *counts.lock().expect("counts").entry(kind).or_default() += 1;
                }
            });
        }
    });
    println!("{:#?}", counts.into_inner().expect("counts"));
    let differences = differences.into_inner().expect("a list");
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

#[test]
fn perl_still_gives_the_answers_of_the_table() {
    let mut perl = Perl::start();
    let wrong: Vec<&str> = table::lines()
        .filter(|line| {
            let answer = match perl.ask(line.pattern.as_bytes(), &line.names) {
                Answer::Refused(_) => Answer::Refused(String::new()),
                answer => answer,
            };
            answer != line.perl
        })
        .map(|line| line.pattern)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn patterns_mean_what_the_table_says_or_are_refused() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in table::lines() {
        let ours = ours(line.pattern.as_bytes(), &line.names);
        let is_right = match &ours {
            Answer::Refused(_) => line.is_refused_by_ours,
            ours => !line.is_refused_by_ours && *ours == line.perl,
        };
        if !is_right {
            wrong.push(format!("/{}/ {ours:?}", line.pattern));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count >= 400, "only {count} patterns were read");
}
