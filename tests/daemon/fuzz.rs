//! Random bytes for the parsers of foreign input: requests and packets of mail
//! servers, SMTP, DNS messages, and lists.
//!
//! A run begins with a small corpus, changes what it has at random or writes
//! something new by the grammar, and keeps inputs that led to an outcome not
//! seen before. `POSTGREY_FUZZ_SECONDS` says how long (2 seconds without),
//! `POSTGREY_SEED` repeats a run. A failure prints the shortest input that it
//! could find, ready to be pasted into a test.

#![allow(clippy::print_stderr, reason = "seeds and findings are for the reader")]
mod dns;
mod lists;
mod milter;
mod opensmtpd;
mod requests;
mod smtp;

use std::collections::HashSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};
use testkit::mutation::mutate;
use testkit::process::peak_memory;
use testkit::random::{self, Random};

/// One kind of input and the rule that holds for it.
struct Target {
    name: &'static str,
    corpus: &'static [&'static [u8]],
    words: fn() -> Vec<&'static [u8]>,
    generate: fn(&mut Random) -> Vec<u8>,
    /// Fails if the parser is wrong; otherwise returns the outcome in short.
    check: fn(&[u8], &mut Random) -> String,
}

/// Longest input, in bytes: more than the longest request.
const LONGEST: usize = 100_000;

/// Processor time that one input may take. They take milliseconds; patterns as
/// large as a list may hold, read five times over, take half of this.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Memory in KiB that this process may come to need: four of the largest lists
/// at once.
const MOST_MEMORY: usize = 1024 * 1024;

/// Inputs kept for their outcome, and their longest in bytes: long ones would
/// crowd out the many short ones that a run has time for.
const MOST_KEPT: usize = 2_000;
const LONGEST_KEPT: usize = 2_000;

/// The input in pieces of random lengths, as a socket might give it.
fn in_pieces<'i>(input: &'i [u8], random: &mut Random) -> Vec<&'i [u8]> {
    let mut pieces = Vec::new();
    let mut rest = input;
    let longest = [2, 20, 5000][random.below(3)];
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(random.below(rest.len().min(longest)) + 1);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// Up to 20 words.
fn some_of(words: &[&[u8]], random: &mut Random) -> Vec<u8> {
    (0..=random.below(20)).flat_map(|_| random.pick(words).to_vec()).collect()
}

fn run(target: &Target) {
    let seconds = std::env::var("POSTGREY_FUZZ_SECONDS").ok();
    let seconds = seconds.map_or(2, |seconds| seconds.parse().expect("a number of seconds"));
    let seed = random::seed();
    eprintln!("{}: POSTGREY_SEED={seed} for {seconds} seconds", target.name);
    let mut random = Random::of(seed);
    let mut corpus: Vec<Vec<u8>> = target.corpus.iter().map(|input| input.to_vec()).collect();
    let words = (target.words)();
    let mut outcomes = HashSet::new();
    let mut slowest = Duration::ZERO;
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut inputs = 0_u64;
    while Instant::now() < end || inputs < 100 {
        let input = match usize::try_from(inputs).ok().and_then(|first| target.corpus.get(first)) {
            Some(first) => first.to_vec(),
            None if random.one_in(3) => (target.generate)(&mut random),
            None => mutate(&corpus, &words, &mut random),
        };
        let input = &input[..input.len().min(LONGEST)];
        inputs += 1;
        leave_behind(target, input);
        let begin = processor_time();
        let dice = random.clone();
        // The check rolls a copy, and can so be repeated; the run rolls on.
        random.below(2);
        match attempt(target, input, &dice) {
            Ok(outcome) => {
                let is_worth_it = outcomes.len() < MOST_KEPT && input.len() <= LONGEST_KEPT;
                if is_worth_it && outcomes.insert(outcome) {
                    corpus.push(input.to_vec());
                }
            }
            Err(why) => report(target, input, &dice, seed, &why),
        }
        let took = processor_time().saturating_sub(begin);
        slowest = slowest.max(took);
        if took > TIMEOUT {
            report(target, input, &dice, seed, &format!("it took {took:?}"));
        }
        if peak_memory() > MOST_MEMORY {
            report(target, input, &dice, seed, &format!("{} KiB were taken", peak_memory()));
        }
    }
    eprintln!(
        "{}: {inputs} inputs, {} outcomes, the slowest took {slowest:?}, peak memory {} KiB",
        target.name,
        outcomes.len(),
        peak_memory()
    );
}

/// A crash of the whole process leaves its input in this file.
fn leave_behind(target: &Target, input: &[u8]) {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{}", target.name));
    fs::write(file, input).expect("a file below target/");
}

fn attempt(target: &Target, input: &[u8], dice: &Random) -> Result<String, String> {
    let check = || (target.check)(input, &mut dice.clone());
    catch_unwind(AssertUnwindSafe(check)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_string()))
            .unwrap_or_default()
    })
}

/// Cuts pieces out of the input for as long as it fails, and fails with the rest.
fn report(target: &Target, input: &[u8], dice: &Random, seed: u64, why: &str) -> ! {
    let mut input = input.to_vec();
    let end = Instant::now() + Duration::from_secs(20);
    let mut size = input.len();
    while size > 0 && Instant::now() < end {
        let mut at = 0;
        while at < input.len() && Instant::now() < end {
            let mut shorter = input.clone();
            shorter.drain(at..(at + size).min(input.len()));
            if attempt(target, &shorter, dice).is_err() {
                input = shorter;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    panic!("{}, POSTGREY_SEED={seed}: {why}\nb\"{}\"", target.name, input.escape_ascii());
}

/// The processor time of this thread, which other programs do not lengthen.
fn processor_time() -> Duration {
    let times = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = times.split(' ').next().and_then(|time| time.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

#[test]
fn no_request_harms_the_session_that_reads_it() {
    run(&requests::TARGET);
}

#[test]
fn no_list_harms_the_reader_of_lists() {
    run(&lists::TARGET);
}

#[test]
fn no_packet_harms_the_session_that_reads_it() {
    run(&milter::TARGET);
}

#[test]
fn no_command_harms_the_smtp_session() {
    run(&smtp::CLIENT);
}

#[test]
fn no_reply_harms_the_dialogue_with_the_mail_server() {
    run(&smtp::SERVER);
}

#[test]
fn no_line_harms_the_opensmtpd_filter() {
    run(&opensmtpd::TARGET);
}

#[test]
fn no_reply_harms_the_client_of_the_policy_protocol() {
    run(&opensmtpd::REPLIES);
}

#[test]
fn no_message_harms_the_resolver() {
    run(&dns::TARGET);
}
