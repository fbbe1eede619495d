//! Changes to inputs that are known to mean something.

use crate::random::Random;

/// Bytes at which parsers take turns.
const SPECIAL: &[u8] = b"\n\r\t\x0b \0=@.+#/\\[](){}|?*^$-:,<>&P019azAZ\x7f\x80\xdf\xe9\xff";

pub fn mutate(corpus: &[Vec<u8>], words: &[&[u8]], random: &mut Random) -> Vec<u8> {
    let mut input = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(8) {
        change(&mut input, corpus, words, random);
    }
    input
}

fn change(input: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&[u8]], random: &mut Random) {
    let at = random.below(input.len() + 1);
    let length = random.below((input.len() - at).min(40) + 1);
    let piece = input[at..at + length].to_vec();
    match random.below(8) {
        0 if at < input.len() => input[at] ^= 1 << random.below(8),
        1 if at < input.len() => input[at] = any_byte(random),
        2 => input.insert(at, any_byte(random)),
        3 => drop(input.drain(at..at + length)),
        4 => {
            let times = if random.one_in(50) { random.below(3000) } else { random.below(4) };
            insert(input, at, &piece.repeat(times));
        }
        5 => {
            let other = &corpus[random.below(corpus.len())];
            let from = random.below(other.len() + 1);
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        _ => insert(input, at, random.pick(words)),
    }
}

fn any_byte(random: &mut Random) -> u8 {
    if random.one_in(4) {
        u8::try_from(random.below(256)).expect("a byte")
    } else {
        SPECIAL[random.below(SPECIAL.len())]
    }
}

fn insert(input: &mut Vec<u8>, at: usize, piece: &[u8]) {
    input.splice(at..at, piece.iter().copied());
}
