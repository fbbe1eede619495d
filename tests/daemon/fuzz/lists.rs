//! Lists of clients and recipients, with patterns above all.

use crate::fuzz::Target;
use postgrey::lists::{Addresses, Budget, Clients, Text, Warning};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use testkit::random::Random;

pub const TARGET: Target =
    Target { name: "lists", corpus: CORPUS, words: || words(WORDS).collect(), generate, check };

/// The words of a text, which blanks separate.
fn words(text: &'static str) -> impl Iterator<Item = &'static [u8]> {
    text.split(' ').map(str::as_bytes)
}

fn pick(text: &'static str, random: &mut Random) -> &'static [u8] {
    words(text).nth(random.below(words(text).count())).expect("a word")
}

const CORPUS: &[&[u8]] = &[
    b"# comment\nexample.com   # why\n  mail.example.org\n/^mx\\d+\\.example\\.net$/\n",
    b"192.0.2.1\n192.0.2\n192.0.2.0/24\n10\n2001:db8::/32\n[2001:db8::1]\n256.1.1.1/33\n::/129\n",
    b"postmaster@\nabuse@example.com\nexample.org\nuser+ext@example.com\n/^admin.*@/\n",
    b"\xef\xbb\xbfexample.com\r\nexample.org\r\n",
    b"/(?=a)(?!b)(?<=c)(?<!d)(?>e)(?:f)(?|g|h)(?<n>i)\\k<n>(?(1)j|k)(?(DEFINE)l)/\n",
    b"/[[:alpha:]\\w-.]\\Q.\\E\\N{U+41}\\p{Lu}\\x{41}\\cA\\012\\h\\R\\X\\K\\b\\B\\A\\z\\Z/\n",
    b"/^(a+)+$/\n/(a|b|ab)*c{2,3}?d{,4}+e{5,}(?i-s:f)(?^x:g)/\n/a{2,1}/\n/a**/\n/(/\n/[/\n",
    b"/\\w{1000}/\n/((a{100}){100}){100}/\n/(?R)/\n/(?1)(b)/\n/(?{ die })/\n",
    b"",
];

const WORDS: &str = "\
    \n/ /\n \n # @ /24 :: (? (?: (?= (?! (?<= (?<! (?> (?| (?<n> (?P<n> (?P=n) (?&n) (?1) \
    (?-1) (?R) (?(1) (?(<n>) (?(DEFINE) (?i) (?^aau-i: (?x) (*FAIL) (*pla: (*COMMIT) \\1 \
    \\g{-1} \\k<n> \\K \\N{U+e9} \\p{L} \\P{^Lu} \\x{ \\o{101} \\Q \\E [[:alpha:]] \
    [^[:^lower:]-a] []a] [a- {65534} {65535} {2,1} {,3} *+ +? ?? \\w{500} (a+)+$ \
    (((((((((( )))))))))) ss";

fn generate(random: &mut Random) -> Vec<u8> {
    let mut input = Vec::new();
    for _ in 0..=random.below(6) {
        match random.below(8) {
            0 => input.extend_from_slice(random.pick(NAMES)),
            1 => input.extend_from_slice(random.pick(ADDRESSES).as_bytes()),
            2 => input.extend_from_slice(random.pick(RECIPIENTS)),
            _ => {
                input.push(b'/');
                branches(&mut input, 3, random);
                input.push(b'/');
            }
        }
        input.extend_from_slice(random.pick(&[b"\n".as_slice(), b"\r\n", b" # x\n"]));
    }
    input
}

const ATOMS: &str = "\
    a b s S \\. . \\d \\W \\s \\b ^ $ [ab] [^a-c] \\xe9 \\1 \\2 \\k<n> mx example \\- - \
    \\h \\R (?i) (?-i) (?s) (?1) \\K \\G \\z \\p{Ll} \\N{U+df} _";

const GROUPS: &str = "\
    ( ( (?: (?: (?= (?! (?<= (?<! (?> (?| (?<n> (?i: (?-i: (?^: (?(1) (?(?=a) (?n: (?m: \
    (?x: (?u: (?a: (*atomic:";

const QUANTIFIERS: &str = "\
    * + ? *? +? ?? *+ ++ ?+ {2} {0} {1,3} {2,}? {,2} {3,1} {30} {200}+";

fn branches(input: &mut Vec<u8>, depth: usize, random: &mut Random) {
    for branch in 0..=random.below(2) {
        if branch > 0 {
            input.push(b'|');
        }
        for _ in 0..=random.below(4) {
            if depth > 0 && random.one_in(3) {
                input.extend_from_slice(pick(GROUPS, random));
                branches(input, depth - 1, random);
                input.push(b')');
            } else {
                input.extend_from_slice(pick(ATOMS, random));
            }
            if random.one_in(3) {
                input.extend_from_slice(pick(QUANTIFIERS, random));
            }
        }
    }
}

const NAMES: &[&[u8]] = &[
    b"unknown",
    b"",
    b"example.com",
    b"MX1.example.net",
    b"a.mail.example.org",
    b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
    b"ab.abab.bbbb.c--d_e",
    b"ss.strasse.\xdf\xe9\xff",
    b"\n",
    b"a\r\nb\0c\n",
];

const ADDRESSES: &[&str] = &["192.0.2.1", "10.1.2.3", "::1", "2001:db8::1", "::ffff:192.0.2.1"];

const RECIPIENTS: &[&[u8]] = &[
    b"postmaster@example.com",
    b"user+ext+ension@example.com",
    b"+@",
    b"@",
    b"a@b@example.org",
    b"++++++++++++++++@x",
];

const MOST_COMPLAINTS: usize = 6;

fn check(input: &[u8], random: &mut Random) -> String {
    let mut warnings = Vec::new();
    let mut lines: Vec<&[u8]> = input.split_inclusive(|byte| *byte == b'\n').collect();
    let whole = Lists::parse(input, &mut warnings);
    let complaints = warnings.len();
    // Each line is read twice, as a client's and as a recipient's.
    assert!(complaints <= 2 * MOST_COMPLAINTS * lines.len(), "{complaints} complaints");
    let longest = warnings.iter().map(|warning| warning.to_string().len()).max();
    assert!(longest <= Some(1024), "a complaint of {longest:?} bytes");

    // The mark of a file's first line is none elsewhere; long lists take long.
    lines.truncate(40);
    lines.retain(|line| !line.starts_with(b"\xef\xbb\xbf"));
    let some = lines.concat();
    let whole_again = (some != input).then(|| Lists::parse(&some, &mut Vec::new()));
    let together = whole_again.as_ref().unwrap_or(&whole);
    let alone: Vec<Lists> = lines.iter().map(|line| Lists::parse(line, &mut Vec::new())).collect();
    for (name, recipient) in questions(input, random) {
        let _ = (whole.client(&name), whole.recipient(&recipient));
        let by_one: Option<Vec<bool>> = alone.iter().map(|list| list.client(&name)).collect();
        if let (Some(found), Some(by_one)) = (together.client(&name), by_one) {
            assert_eq!(found, by_one.contains(&true), "client \"{}\"", name.escape_ascii());
        }
        let by_one: Option<Vec<bool>> =
            alone.iter().map(|list| list.recipient(&recipient)).collect();
        if let (Some(found), Some(by_one)) = (together.recipient(&recipient), by_one) {
            let shown = recipient.escape_ascii();
            assert_eq!(found, by_one.contains(&true), "recipient \"{shown}\"");
        }
    }
    for address in ADDRESSES.iter().map(|address| address.parse().expect("an address")) {
        let by_one = alone.iter().any(|list| list.clients.by_address(address).is_some());
        assert_eq!(together.clients.by_address(address).is_some(), by_one, "{address}");
    }
    outcome(&warnings)
}

/// Time that the patterns of a list share in a lookup.
const LOOKUP_TIME: Duration = Duration::from_millis(10);

struct Lists {
    clients: Clients,
    recipients: Addresses,
}

impl Lists {
    fn parse(bytes: &[u8], warnings: &mut Vec<Warning>) -> Lists {
        let text = || Text { file: PathBuf::from("list"), bytes: bytes.to_vec() };
        Lists {
            clients: Clients::parse([text()], warnings),
            recipients: Addresses::parse([text()], warnings),
        }
    }

    /// Returns true if a name matches; `None` if that may have taken all the time of a
    /// lookup, so that some patterns were not tried.
    fn client(&self, name: &[u8]) -> Option<bool> {
        let start = Instant::now();
        let is_found = self.clients.by_name(name, &mut Budget::default()).is_some();
        (start.elapsed() < LOOKUP_TIME).then_some(is_found)
    }

    fn recipient(&self, recipient: &[u8]) -> Option<bool> {
        let start = Instant::now();
        let is_found = self.recipients.find(recipient, &mut Budget::default()).is_some();
        (start.elapsed() < LOOKUP_TIME).then_some(is_found)
    }
}

/// Names and recipients to look up: known ones, and pieces of the list.
fn questions(input: &[u8], random: &mut Random) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut questions = Vec::new();
    for _ in 0..4 {
        let mut pick = |table: &[&[u8]]| {
            if random.one_in(2) || input.is_empty() {
                return random.pick(table).to_vec();
            }
            let from = random.below(input.len());
            let length = random.below((input.len() - from).min(512) + 1);
            input[from..from + length].to_vec()
        };
        questions.push((pick(NAMES), pick(RECIPIENTS)));
    }
    questions
}

/// The complaint, without places.
fn outcome(warnings: &[Warning]) -> String {
    let words = |warning: &Warning| {
        let text = warning.to_string();
        text.chars().filter(|letter| letter.is_ascii_lowercase() || *letter == ' ').collect()
    };
    let mut kinds: Vec<String> = warnings.iter().map(words).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.truncate(3);
    kinds.join("; ")
}
