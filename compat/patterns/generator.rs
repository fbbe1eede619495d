//! Patterns by chance: mostly well-formed, of all that Perl knows and a list's
//! line can hold (no blanks, no `#`), and names that have a chance to match.

use testkit::random::Random;

/// Longest pattern in bytes: nested groups could grow without end.
const LONGEST: usize = 120;

/// A pattern.
pub fn pattern(random: &mut Random) -> Vec<u8> {
    let mut pattern = Vec::new();
    branches(random, &mut pattern, 3);
    if random.one_in(6) {
        damage(random, &mut pattern);
    }
    pattern.truncate(LONGEST);
    if pattern.is_empty() { b".".to_vec() } else { pattern }
}

/// Names for a pattern, of a few characters each.
pub fn names(random: &mut Random, pattern: &[u8]) -> Vec<Vec<u8>> {
    let plain: Vec<u8> = pattern.iter().copied().filter(|byte| is_plain(*byte)).collect();
    let mut names: Vec<Vec<u8>> = (0..10).map(|_| name(random)).collect();
    names.push(Vec::new());
    names.push(plain.to_ascii_uppercase());
    names.push(plain);
    names
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-_[:".contains(&byte) || !byte.is_ascii()
}

fn name(random: &mut Random) -> Vec<u8> {
    let mut name = Vec::new();
    for _ in 0..random.below(9) {
        name.extend_from_slice(random.pick::<[u8]>(NAME_PARTS));
    }
    if random.one_in(12) {
        name.push(b'\n');
    }
    name
}

const NAME_PARTS: &[&[u8]] = &[
    b"a", b"a", b"a", b"b", b"b", b"c", b"A", b"B", b"s", b"S", b"ss", b"k", b"1", b"2", b"0",
    b"12", b".", b".", b"-", b"_", b"/", b"[", b"]", b"{", b"}", b":", b"=", b"&", b"~", b"^",
    b"\\", b"\xdf", b"\xe9", b"\xc9", b"\xff", b"\x85", b"\xa0", b"\xb5", b" ", b"\t", b"\x0b",
    b"\r", b"\r\n", b"\n", b"\0", b"Q", b"E", b"{2}", b"{,2}", b"aa", b"ab", b"mx", b"\xaa",
];

fn branches(random: &mut Random, pattern: &mut Vec<u8>, depth: usize) {
    pieces(random, pattern, depth);
    while random.one_in(5) {
        pattern.push(b'|');
        pieces(random, pattern, depth);
    }
}

fn pieces(random: &mut Random, pattern: &mut Vec<u8>, depth: usize) {
    for _ in 0..random.below(5) {
        match random.below(14) {
            0..=5 => pattern.extend_from_slice(random.pick::<[u8]>(LITERALS)),
            6 | 7 => pattern.extend_from_slice(random.pick::<[u8]>(ESCAPES)),
            8 | 9 => class(random, pattern),
            10 => pattern.extend_from_slice(random.pick::<[u8]>(ODD)),
            _ if depth > 0 => group(random, pattern, depth - 1),
            _ => pattern.push(b'a'),
        }
        while random.one_in(4) {
            pattern.extend_from_slice(random.pick::<[u8]>(QUANTIFIERS));
        }
    }
}

const LITERALS: &[&[u8]] = &[
    b"a", b"a", b"a", b"b", b"b", b"c", b"s", b"A", b"B", b"k", b"1", b"2", b".", b".", b"^", b"$",
    b"^", b"$", b"-", b"_", b"/", b",", b":", b"&", b"~", b"\xdf", b"\xe9", b"\xc9", b"\xb5",
];

const ESCAPES: &[&[u8]] = &[
    b"\\d",
    b"\\w",
    b"\\s",
    b"\\h",
    b"\\v",
    b"\\D",
    b"\\W",
    b"\\S",
    b"\\H",
    b"\\V",
    b"\\R",
    b"\\X",
    b"\\N",
    b"\\b",
    b"\\B",
    b"\\A",
    b"\\z",
    b"\\Z",
    b"\\G",
    b"\\K",
    b"\\.",
    b"\\-",
    b"\\/",
    b"\\[",
    b"\\]",
    b"\\{",
    b"\\}",
    b"\\\\",
    b"\\^",
    b"\\$",
    b"\\1",
    b"\\2",
    b"\\g1",
    b"\\g{1}",
    b"\\g{-1}",
    b"\\g-1",
    b"\\k<n>",
    b"\\k'n'",
    b"\\k{n}",
    b"\\x61",
    b"\\x{61}",
    b"\\xe9",
    b"\\x{df}",
    b"\\141",
    b"\\o{141}",
    b"\\012",
    b"\\n",
    b"\\t",
    b"\\cA",
    b"\\cj",
    b"\\0",
    b"\\N{U+61}",
    b"\\p{L}",
    b"\\pL",
    b"\\p{Lu}",
    b"\\P{Ll}",
    b"\\p{^L}",
    b"\\pN",
];

const ODD: &[&[u8]] = &[
    b"\\Q",
    b"\\E",
    b"\\<",
    b"\\>",
    b"\\y",
    b"\\_",
    b"\\e",
    b"\\a",
    b"\\f",
    b"\\r",
    b"\\10",
    b"\\8",
    b"\\l",
    b"\\U",
    b"\\C",
    b"\\b{wb}",
    b"\\B{gcb}",
    b"\\N{foo}",
    b"\\N{2}",
    b"\\p{IsAlpha}",
    b"\\p{Latin}",
    b"\\p{Any}",
    b"\\x",
    b"\\x{}",
    b"\\x{100}",
    b"\\xg",
    b"\\c",
    b"\\c[",
    b"\\g",
    b"\\g{n}",
    b"\\k",
    b"\\p",
    b"\\18",
    b"\\08",
    b"\\377",
    b"\\400",
    b"\\o{8}",
    b"{",
    b"}",
    b"]",
    b"{2}",
    b"{,2}",
    b"{a}",
    b"{1,",
    b"{1,2,3}",
    b"{,}",
    b"{}",
    b"\\d{",
    b"\\d{a",
    b"a{",
    b"(?i)",
    b"(?-i)",
    b"(?s)",
    b"(?m)",
    b"(?x)",
    b"(?n)",
    b"(?a)",
    b"(?aa)",
    b"(?u)",
    b"(?l)",
    b"(?d)",
    b"(?p)",
    b"(?^)",
    b"(?^i)",
    b"(?i-s)",
    b"(?xx)",
    b"(?z)",
    b"(?)",
    b"(?-)",
    b"(?-a)",
    b"(?R)",
    b"(?0)",
    b"(?1)",
    b"(?+1)",
    b"(?-1)",
    b"(?&n)",
    b"(?P>n)",
    b"(?P=n)",
    b"(*FAIL)",
    b"(*F)",
    b"(*ACCEPT)",
    b"(*COMMIT)",
    b"(*PRUNE)",
    b"(*SKIP)",
    b"(*THEN)",
    b"(*FOO)",
    b"(?{1})",
    b"(??{1})",
    b"()",
    b"(",
    b")",
    b"[",
    b"\\",
    b"*",
    b"+",
    b"?",
    b"(?",
    b"(?<n",
    b"(?(1)a|b)",
    b"(?(<n>)a)",
    b"(?(R)a|b)",
    b"(?(DEFINE)a)",
    b"(?(1)a|b|c)",
    b"(?(2)a)",
    b"(?(?=a)a|b)",
    b"(?(?!a)b)",
    b"\\u",
    b"\\L",
    b"\\i",
    b"\\'",
    b"\\`",
    b"\\%",
    b"\\\"",
    b"@a",
    b"$a",
    b"%a",
];

const QUANTIFIERS: &[&[u8]] = &[
    b"*", b"+", b"?", b"*", b"+", b"?", b"*?", b"+?", b"??", b"*+", b"++", b"?+", b"{2}", b"{0,1}",
    b"{1,}", b"{,2}", b"{2,1}", b"{0}", b"{1,2}?", b"{1,2}+", b"{01}", b"{3,3}", b"{2,1}+",
    b"{0}+", b"{2,1}?",
];

fn group(random: &mut Random, pattern: &mut Vec<u8>, depth: usize) {
    pattern.extend_from_slice(random.pick::<[u8]>(&[
        b"(",
        b"(",
        b"(",
        b"(?:",
        b"(?:",
        b"(?>",
        b"(?=",
        b"(?!",
        b"(?<=",
        b"(?<!",
        b"(?i:",
        b"(?-i:",
        b"(?s:",
        b"(?m-i:",
        b"(?x:",
        b"(?^:",
        b"(?|",
        b"(?<n>",
        b"(?'n'",
        b"(?P<n>",
        b"(?(1)",
        b"(?(<n>)",
        b"(?(?=a)",
        b"(?a:",
        b"(?u:",
        b"(*pla:",
        b"(*nlb:",
        b"(*atomic:",
        b"(?n:",
        b"(?<m>",
    ]));
    branches(random, pattern, depth);
    pattern.push(b')');
}

fn class(random: &mut Random, pattern: &mut Vec<u8>) {
    pattern.push(b'[');
    if random.one_in(3) {
        pattern.push(b'^');
    }
    for _ in 0..=random.below(4) {
        pattern.extend_from_slice(random.pick::<[u8]>(&[
            b"a",
            b"b",
            b"c",
            b"s",
            b"a-c",
            b"b-",
            b"-a",
            b"0-9",
            b"A-F",
            b".",
            b"_",
            b"-",
            b"]",
            b"[",
            b"^",
            b"\\w",
            b"\\d",
            b"\\s",
            b"\\W",
            b"\\D",
            b"\\h",
            b"\\v",
            b"\\H",
            b"\\b",
            b"\\-",
            b"\\]",
            b"\\[",
            b"\\^",
            b"\\\\",
            b"\\n",
            b"\\x61",
            b"\\x{e9}",
            b"\\12",
            b"\\8",
            b"\\1",
            b"\\Q",
            b"\\N",
            b"\\R",
            b"\\p{L}",
            b"\\p{Lu}",
            b"\\N{U+62}",
            b"\\xe0-\\xff",
            b"[:alpha:]",
            b"[:^digit:]",
            b"[:upper:]",
            b"[:^lower:]",
            b"[:foo:]",
            b"[=a=]",
            b"[.a.]",
            b"[:word:]",
            b"[:punct:]",
            b":alpha:",
            b"[:a",
            b"[:space:]-",
            b"&&",
            b"--",
            b"~~",
            b"||",
            b"\xdf",
            b"\xe9",
            b"z-a",
            b"\\d-z",
            b"a-\\w",
            b"+--",
            b",-.",
            b"$",
            b"@",
            b"[:blank:]",
            b"[:cntrl:]",
            b"[:xdigit:]",
            b"[:ascii:]",
            b"[:graph:]",
            b"[:print:]",
        ]));
    }
    pattern.push(b']');
}

/// Takes a byte out, puts one in, or repeats a part.
fn damage(random: &mut Random, pattern: &mut Vec<u8>) {
    if pattern.is_empty() {
        return;
    }
    let at = random.below(pattern.len());
    match random.below(3) {
        0 => {
            pattern.remove(at);
        }
        1 => {
            let sign = random.pick::<[u8]>(&[
                b"(", b")", b"[", b"]", b"{", b"}", b"*", b"+", b"?", b"\\", b"|", b"^", b"-",
                b"$", b":", b"\xdf", b",", b"2",
            ]);
            pattern.insert(at, sign[0]);
        }
        _ => {
            let end = (at + 1 + random.below(5)).min(pattern.len());
            let part = pattern[at..end].to_vec();
            let to = random.below(pattern.len());
            pattern.splice(to..to, part);
        }
    }
}
