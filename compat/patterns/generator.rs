//! Random patterns of the language that ours accepts, now and then with a
//! construct that it refuses, or damaged; and names that have a chance to match.

use testkit::random::Random;

/// Longest pattern in bytes: nested groups could grow without end.
const LONGEST: usize = 120;

/// A pattern, and the refused construct it was given, if any.
pub fn pattern(random: &mut Random) -> (Vec<u8>, Option<&'static str>) {
    let mut pattern = Vec::new();
    branches(random, &mut pattern, 3);
    pattern.truncate(LONGEST);
    let refused = random.one_in(8).then(|| one_of(random, REFUSED));
    match refused {
        Some(construct) => pattern = [construct.as_bytes(), b"|", &pattern].concat(),
        None if random.one_in(6) => damage(random, &mut pattern),
        None => {}
    }
    if pattern.is_empty() {
        pattern.push(b'.');
    }
    (pattern, refused)
}

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
        match random.below(5) {
            0 => name.push(byte_of(random, ODD_BYTES)),
            _ => name.extend_from_slice(one_of(random, NAME_PARTS).as_bytes()),
        }
    }
    if random.one_in(12) {
        name.push(b'\n');
    }
    name
}

fn byte_of(random: &mut Random, bytes: &[u8]) -> u8 {
    bytes[random.below(bytes.len())]
}

fn one_of(random: &mut Random, words: &'static str) -> &'static str {
    let words: Vec<&str> = words.split(' ').collect();
    random.pick(&words)
}

const NAME_PARTS: &str =
    r"a a a b b c A B s S ss k 1 2 0 12 . . - _ / [ ] { } : = & ~ ^ \ Q E {2} {,2} aa ab mx";

const ODD_BYTES: &[u8] = b"\xdf\xe9\xc9\xff\x85\xa0\xb5\xaa \t\x0b\r\n\0";

const LITERALS: &str = r"a a a b b c s A B k 1 2 . . ^ $ ^ $ - _ / , : & ~ @ % ] }";

const ESCAPES: &str = r"\d \w \s \h \v \D \W \S \H \V \b \B \A \z \Z \. \- \/ \[ \] \{ \} \\ \^ \$ \< \_ \' \1 \2 \x61 \x{61} \xe9 \x{df} \n \t \e \a \f \r";

const FLAGS: &str = "(?i) (?-i) (?s) (?m) (?i-s) (?im) (?^) (?^i) (?-xism)";

const QUANTIFIERS: &str =
    "* + ? * + ? *? +? ?? *+ ++ ?+ ++? ** {2} {0,1} {1,} {0} {1,2}? {1,2}+ {3,3} {0}+ {2,}+";

const GROUPS: &str = "( ( ( (?: (?: (?> (?= (?! (?<= (?<! (?i: (?-i: (?s: (?m-i: (?^: (?^i: (?-xism: (?<n> (?P<m> (?<o>";

const ITEMS: &str = r"a b c s a-c b- -a 0-9 A-F . _ - ^ $ @ [ \w \d \s \W \D \h \v \H \- \] \[ \^ \\ \n \x61 \x{e9} \xe0-\xff [:alpha:] [:^digit:] [:upper:] [:^lower:] [:word:] [:punct:] [:space:] [:blank:] [:cntrl:] [:xdigit:] [:ascii:] [:graph:] [:print:] :alpha: && -- ~~ || z-a \d-z \w-. \s- a-\w +-- ,-.";

pub const REFUSED: &str = r"\Q \E \y \i \l \u \L \U \C \G \K \R \X \N \N{2} \N{U+61} \N{foo} \pL \PL \p{Lu} \p{Han} \b{wb} \10 \18 \012 \0 \8 \o{141} \cA \x \x{} \x6 \x{100} \xg \g1 \g{-1} \k<n> {,2} a{,2} a{x} a{2,1} a{01} \d{a ^*? $++ \b+ (?=a)? (?^l) (?a) (?aa) (?u) (?l) (?d) (?p) (?n) (?x) (?|a) (?'n'a) (?P=n) (?R) (?1) (?&n) (?(1)a|b) (?(DEFINE)a) (?{1}) (??{1}) (*ACCEPT) (*pla:a) (?[[a]]) (?<=(?>a)) (?<=a*) (?<=a?+) (a)(?<=\1)";

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
            0..=4 => pattern.extend_from_slice(one_of(random, LITERALS).as_bytes()),
            5 => pattern.push(byte_of(random, b"\xdf\xe9\xc9\xb5")),
            6 | 7 => pattern.extend_from_slice(one_of(random, ESCAPES).as_bytes()),
            8 | 9 => class(random, pattern),
            10 => pattern.extend_from_slice(one_of(random, FLAGS).as_bytes()),
            _ if depth > 0 => group(random, pattern, depth - 1),
            _ => pattern.push(b'a'),
        }
        if random.one_in(4) {
            pattern.extend_from_slice(one_of(random, QUANTIFIERS).as_bytes());
        }
    }
}

fn group(random: &mut Random, pattern: &mut Vec<u8>, depth: usize) {
    pattern.extend_from_slice(one_of(random, GROUPS).as_bytes());
    branches(random, pattern, depth);
    pattern.push(b')');
}

fn class(random: &mut Random, pattern: &mut Vec<u8>) {
    pattern.push(b'[');
    if random.one_in(3) {
        pattern.push(b'^');
    }
    for _ in 0..=random.below(4) {
        match random.below(20) {
            0 => pattern.push(byte_of(random, b"\xdf\xe9")),
            _ => pattern.extend_from_slice(one_of(random, ITEMS).as_bytes()),
        }
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
        1 => pattern.insert(at, byte_of(random, b"()[]{}*+?\\|^-$:\xdf,2")),
        _ => {
            let end = (at + 1 + random.below(5)).min(pattern.len());
            let part = pattern[at..end].to_vec();
            let to = random.below(pattern.len());
            pattern.splice(to..to, part);
        }
    }
}
