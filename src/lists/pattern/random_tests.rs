//! Random lists: a lookup finds the line that each pattern tried alone would find.

use super::tests::patterns;
use super::*;
use testkit::random::{self, Random};

/// Classes and dots, and bytes that they match.
const CLASSES: &[(&str, &[u8])] = &[
    (".", b"a7.\xff\xc3"),
    (r"\d", b"07"),
    (r"\W", b".-\xff\xa9"),
    ("[.-]", b".-"),
    ("[aB]", b"aAbB"),
    ("[7]", b"7"),
    ("[a-e]", b"aBe"),
    ("[^a]", b"b7\xff"),
    ("[[:upper:]7]", b"ab7"),
    (r"[^\W_a-yA-Y0-9]", b""),
    (r"[^\d\D]", b""),
];

const QUANTIFIERS: &[(&str, usize, usize)] = &[
    ("*", 0, 3),
    ("+", 1, 3),
    ("?", 0, 1),
    ("+?", 1, 3),
    ("{0}", 0, 0),
    ("{2}", 2, 2),
    ("{0,}", 0, 3),
    ("{1,2}", 1, 2),
];

fn one_of<'t, T>(random: &mut Random, table: &'t [T]) -> &'t T {
    &table[random.below(table.len())]
}

/// Appends branches to a pattern, and to a name what one of them matches.
fn branches(random: &mut Random, depth: usize, pattern: &mut String, name: &mut Vec<u8>) {
    let count = 1 + random.below(3) / 2 + random.below(4) / 3;
    let taken = random.below(count);
    for branch in 0..count {
        pattern.push_str(if branch == 0 { "" } else { "|" });
        let mut text = Vec::new();
        for _ in 0..random.below(5) {
            piece(random, depth, pattern, &mut text);
        }
        if branch == taken {
            name.append(&mut text);
        }
    }
}

fn piece(random: &mut Random, depth: usize, pattern: &mut String, name: &mut Vec<u8>) {
    let start = pattern.len();
    let mut text = Vec::new();
    match random.below(12) {
        0 => return pattern.push_str(random.pick(&["^", "$", r"\b", r"\B"])),
        1..=4 => {
            for _ in 0..=random.below(3) {
                let literal = random.pick(&["a", "B", "7", "mx", "-", r"\."]);
                pattern.push_str(literal);
                text.extend_from_slice(literal.trim_start_matches('\\').as_bytes());
            }
        }
        5..=8 => {
            let (class, bytes) = one_of(random, CLASSES);
            pattern.push_str(class);
            text.extend(bytes.get(random.below(bytes.len().max(1))));
        }
        _ if depth == 0 => pattern.push_str("()"),
        _ => {
            pattern.push_str(random.pick(&["(", "(?:"]));
            branches(random, depth - 1, pattern, &mut text);
            pattern.push(')');
        }
    }
    if random.one_in(3) {
        let (quantifier, least, most) = *one_of(random, QUANTIFIERS);
        if !pattern[start..].starts_with('(') {
            let atom = pattern.split_off(start);
            pattern.push_str(&format!("(?:{atom})"));
        }
        pattern.push_str(quantifier);
        text = text.repeat(least + random.below(most - least + 1));
    }
    name.append(&mut text);
}

/// Changes letter cases, and sometimes a byte, and puts others around it.
fn disguise(random: &mut Random, name: &mut Vec<u8>) {
    for byte in name.iter_mut() {
        if random.one_in(3) && byte.is_ascii_alphabetic() {
            *byte ^= 0x20;
        }
    }
    if random.one_in(3) && !name.is_empty() {
        let at = random.below(name.len());
        name[at] = *one_of(random, b"aB7.-\xff\xc3");
    }
    for _ in 0..random.below(3) {
        name.insert(0, *one_of(random, b"aB7.-\xa9\xff"));
        name.push(*one_of(random, b"aB7.-\xa9\xff\n"));
    }
}

/// A pattern that needs more than an empty name, itself compiled, and a name that
/// it may match.
fn pattern(random: &mut Random) -> (String, Pattern, Vec<u8>) {
    loop {
        let (mut text, mut name) = (String::new(), Vec::new());
        branches(random, 2, &mut text, &mut name);
        let alone = Pattern::new(text.as_bytes(), Letters::SameInBothCases).unwrap();
        if !alone.is_match(b"") {
            disguise(random, &mut name);
            return (text, alone, name);
        }
    }
}

#[test]
fn a_lookup_finds_what_each_pattern_tried_alone_finds() {
    let seed = random::seed();
    let mut random = Random::of(seed);
    for _ in 0..random::cases(100) {
        let list: Vec<_> = (0..3).map(|_| pattern(&mut random)).collect();
        let rules: String = list.iter().map(|(text, ..)| format!("/{text}/\n")).collect();
        let patterns = patterns(rules.as_bytes());
        for (_, _, name) in &list {
            let line = (1..).zip(&list).find(|(_, (_, alone, _))| alone.is_match(name));
            let found = patterns.find(name, &mut Budget::default()).map(Location::line);
            let shown = name.escape_ascii();
            assert_eq!(found, line.map(|(line, _)| line), "seed {seed}: {shown} in {rules}");
        }
    }
}
