//! The whitelists' patterns compared with Perl itself.
//!
//! A random pattern matches the names that it matches for Perl, or ours refuses
//! it for one of the reasons listed here; some constructs are always refused. A
//! table of patterns has Perl's answers, and Perl is asked whether it still gives
//! them.

mod engines;
mod generator;
mod table;

use crate::stories::{Part, for_each_seed, shortest};
use engines::{Answer, Perl, ours};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Mutex;
use testkit::random::Random;

const USUAL: usize = 20_000;

const WORKERS: usize = 2;

/// Phrases of the warnings about patterns that Perl accepts and ours refuses. Ours
/// accepts every other pattern that Perl does.
const REFUSALS: &[&str] = &[
    "is not supported",
    "\\x lacks its two hexadecimal digits",
    // PCRE2's compiler: two groups of one name, ranges like [\d-z], …
    "two named subpatterns have the same name",
    "length of lookbehind assertion is not limited",
    "lookbehind assertion is too long",
    "invalid range in character class",
    "POSIX named classes are supported only within a class",
    "POSIX collating elements are not supported",
];

enum Outcome {
    Alike,
    Refusal(&'static str),
    /// Perl or ours stops at a limit, which both may.
    Surrender,
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
        // Perl 5.36 takes ß for two letters in `[ß-ßa]`.
        (Answer::Refused(why), _)
            if why.contains("Invalid [] range") && pattern.contains(&0xdf) =>
        {
            Outcome::Mistake
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

fn compare_refused(pattern: &[u8], construct: &str) -> Outcome {
    match ours(pattern, &[]) {
        Answer::Refused(_) => Outcome::Refusal("a construct that is always refused"),
        _ => Outcome::Difference(format!("/{}/ has {construct}", pattern.escape_ascii())),
    }
}

/// Returns true if Perl 5.36 errs where a match may start: by its short cuts `(?=c?)a`
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
    if has_empty_class(pattern) {
        return true;
    }
    let mut differing = names.iter().zip(theirs.iter().zip(ours)).filter(|(_, (t, o))| t != o);
    pattern.contains(&b'|')
        && pattern.to_ascii_lowercase().contains(&b's')
        && differing.all(|(name, (theirs, _))| *theirs && name.contains(&0xdf))
}

/// Returns true if a class matches no byte. Perl 5.36 errs where it is repeated:
/// `[^\s\S]{2}-` matches `-`, `[^\D[:^lower:]]{1,2}-` is a panic.
fn has_empty_class(pattern: &[u8]) -> bool {
    let class = regex::bytes::Regex::new(r"(?-u)\[\^(?:\[:\^?[a-z]+:\]|\\.|[^\]\\])*\]");
    let classes: Vec<&[u8]> =
        class.expect("a pattern").find_iter(pattern).map(|class| class.as_bytes()).collect();
    let bytes: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
    classes.iter().any(|class| ours(class, &bytes) == Answer::Matches(vec![false; 256]))
}

#[derive(Clone)]
struct Question {
    pattern: Vec<u8>,
    names: Vec<Vec<u8>>,
}

/// Takes away from a question what is not needed for a difference, and tells the rest.
fn shrunken(perl: &mut Perl, question: &Question) -> Option<String> {
    let perl = RefCell::new(perl);
    let difference = |question: &Question| {
        let Question { pattern, names } = question;
        match compare(&mut perl.borrow_mut(), pattern, names) {
            Outcome::Difference(what) if !pattern.is_empty() => Some(what),
            _ => None,
        }
    };
    let names: Part<Question, _> = |question| &mut question.names;
    let bytes: Part<Question, _> = |question| &mut question.pattern;
    let (question, _) = shortest(question, &[names], difference)?;
    let (Question { pattern, .. }, difference) = shortest(&question, &[bytes], difference)?;
    Some(format!("/{}/ {difference}", pattern.escape_ascii()))
}

#[test]
#[expect(clippy::print_stdout, reason = "the counts belong to the result")]
fn random_patterns_mean_what_they_mean_to_perl() {
    let differences = Mutex::new(Vec::new());
    let counts = Mutex::new(BTreeMap::<&str, usize>::new());
    for_each_seed(USUAL, WORKERS, || {
        let mut perl = Perl::start();
        let (differences, counts) = (&differences, &counts);
        move |seed| {
            if differences.lock().expect("a list").len() >= 20 {
                return;
            }
            let random = &mut Random::of(seed);
            let (pattern, refused) = generator::pattern(random);
            let names = generator::names(random, &pattern);
            let outcome = match refused {
                Some(construct) => compare_refused(&pattern, construct),
                None => compare(&mut perl, &pattern, &names),
            };
            let kind = match outcome {
                Outcome::Alike => "alike",
                Outcome::Refusal(reason) => reason,
                Outcome::Mistake => "Perl errs",
                Outcome::Surrender => "given up",
                Outcome::Difference(what) => {
                    let shorter = match refused {
                        Some(_) => None,
                        None => shrunken(&mut perl, &Question { pattern, names }),
                    };
                    let line = format!("seed {seed}: {}", shorter.unwrap_or(what));
                    differences.lock().expect("a list").push(line);
                    "different"
                }
            };
            *counts.lock().expect("counts").entry(kind).or_default() += 1;
        }
    });
    println!("{:#?}", counts.into_inner().expect("counts"));
    let differences = differences.into_inner().expect("a list");
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

#[test]
fn perl_still_gives_the_answers_of_the_table() {
    let mut perl = Perl::start();
    let is_5_36 = engines::version_of_perl().starts_with("v5.36.");
    let wrong: Vec<&str> = table::lines()
        .filter(|line| is_5_36 || !line.is_only_of_perl_5_36)
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
