//! Lists of patterns: what they find, what they cost.

use super::super::file::Text;
use super::*;

/// The number of equal patterns that a list refuses.
fn refused(pattern: &str, times: usize) -> usize {
    times - patterns(format!("/{pattern}/\n").repeat(times).as_bytes()).len()
}

#[test]
fn the_patterns_of_a_list_have_a_largest_size() {
    assert_eq!(refused(r"^mx\d+\.example$", 10_000), 0);
    assert_eq!(refused("((a{50}){50}){20}", 30), 10);
    assert_eq!(refused("(?=x)a", 510), 10);
}

pub(super) fn patterns(list: &[u8]) -> Patterns {
    let text = Text { file: "list".into(), bytes: list.to_vec() };
    let mut builder = Builder::default();
    let mut diagnostics = Diagnostics::default();
    for (location, rule) in text.rules(&mut Diagnostics::default()) {
        if let Some(pattern) = of_rule(rule) {
            builder.add(pattern, location, &mut diagnostics);
        }
    }
    builder.build(&mut diagnostics)
}

#[test]
fn no_pattern_of_the_shipped_list_needs_pcre2() {
    let needed = include_str!("../../debian/postgrey_whitelist_clients");
    let large = include_str!("../../debian/postgrey_whitelist_clients.d/large-providers.conf");
    let patterns = patterns([needed, large].concat().as_bytes());
    assert_eq!((patterns.len(), patterns.backtracking.len()), (34, 0));
}

/// Patterns of published lists: forums, configuration repositories, mailing
/// lists of Postfix and postgrey.
const PUBLISHED: &[&str] = &[
    r"^*.outbound.protection.outlook.com$",
    r"^.*\.amazonses\.com",
    r"\.outbound\.protection\.outlook\.com$",
    r"^.*?.server.arvato-systems.de$",
    r"^mail-*\.outbound\.protection\.outlook\.com$",
    r"^gmx\..*$",
    r"^..crm[hx]c..\.comcast\.net$",
    r"^(relay|mail|mx|smtp)",
    r".*dynamic.*",
    r"^a\x23b\.test$",
    r"foo|bar|",
    r"^mx\s1\.example\.com$",
    r"^postmaster@tadalist\.com$",
    r"^notifications?@",
    r"^(?!unknown$)",
    r"(^|\.)example\.com$",
    r"^smtp[0-9]{1,3}-[a-z]+\.",
    r"^[\w-.]+\.example\.com$",
    r"(?i)^m(?:x|ail)(?:\d{1,2}|-out)\.",
    r"(?^i:^mx\.example)",
    r"(?-xism:^mx\.example)",
    r"(\d{1,3})[.-]\1[.-]",
];

#[test]
fn no_published_pattern_is_refused() {
    for pattern in PUBLISHED {
        assert_eq!(dialect::for_pcre2(pattern.as_bytes()).err(), None, "{pattern}");
        let letters = Letters::SameInBothCases;
        assert!(Pattern::new(pattern.as_bytes(), letters).is_ok(), "{pattern}");
    }
    let needed = include_str!("../../debian/postgrey_whitelist_clients");
    let large = include_str!("../../debian/postgrey_whitelist_clients.d/large-providers.conf");
    let recipients = include_str!("../../debian/postgrey_whitelist_recipients");
    for line in [needed, large, recipients].concat().lines() {
        if let Some(pattern) = of_rule(super::super::file::rule_of(line.as_bytes())) {
            assert_eq!(dialect::for_pcre2(pattern).err(), None, "{line}");
        }
    }
}

/// Shapes of patterns that lists have many of: a pattern for each number, and a
/// name that it matches.
const SHAPES: &[(&str, &str)] = &[
    (r"\.domN\.com$", "mx.domN.com"),
    ("spamN-sender", "a-spamN-sender.example"),
    (r"^dslN-\d+\.", "dslN-17.pool.example"),
    (r"^(?:mail|smtp)[.-](?:outN|relayN)\.(?:com|net)$", "smtp.relayN.net"),
    (r"^mx\d+\.hostN\.provider\.example$", "mx3.hostN.provider.example"),
    (r"^[a-z]+\d*-N\.(?:dyn|pool)\.provider\.example$", "a1-N.dyn.provider.example"),
];

fn list(shape: &str, count: usize) -> Vec<u8> {
    let lines =
        (1..=count).map(|number| format!("/{}/\n", shape.replace('N', &number.to_string())));
    lines.collect::<String>().into_bytes()
}

#[test]
fn a_lookup_tries_few_patterns_however_many_there_are() {
    const COUNT: usize = 2000;
    for (shape, name) in SHAPES {
        let patterns = patterns(&list(shape, COUNT));
        assert_eq!(patterns.keyed.len(), COUNT, "{shape}");
        for number in [1, 77, 1999, 2000] {
            let name = name.replace('N', &number.to_string());
            let found = patterns.find(name.as_bytes(), &mut Budget::default());
            assert_eq!(found.map(Location::line), Some(number), "{shape} {name}");
            let tried = patterns.keyed.candidates(name.as_bytes()).len();
            assert!(tried <= 8, "{shape} {name} tries {tried}");
        }
        let found = patterns.find(b"mail.example.org", &mut Budget::default());
        assert_eq!(found, None, "{shape}");
    }
}

/// Each of the names holds many of the numbers.
#[test]
fn a_lookup_tries_few_patterns_whose_literals_are_numbers() {
    let patterns = patterns(&list(r"^\d{1,3}[.-]N[.-]\d", 2000));
    assert_eq!(patterns.keyed.len(), 2000);
    for (name, line) in [
        ("81.123.117.200", Some(123)),
        ("81-123-117-200.pool.example.net", Some(123)),
        ("host-192-168-17-5.dsl.example.net", None),
        ("host192168017005.dsl.example.net", None),
    ] {
        let found = patterns.find(name.as_bytes(), &mut Budget::default());
        assert_eq!(found.map(Location::line), line, "{name}");
        let tried = patterns.keyed.candidates(name.as_bytes()).len();
        assert!(tried <= 4, "{name} tries {tried}");
    }
}

#[test]
fn a_pattern_without_a_rare_literal_shares_an_automaton() {
    let rules = (1..=250).map(|number| format!("/^mx\\d{{{number}}}\\.example$/\n"));
    let patterns = patterns(rules.collect::<String>().as_bytes());
    assert_eq!((patterns.keyed.len(), patterns.sets.len()), (0, 3));
    for number in [1, 17, 250] {
        let name = format!("MX{}.example", "7".repeat(number));
        let found = patterns.find(name.as_bytes(), &mut Budget::default()).map(Location::line);
        assert_eq!(found, Some(u32::try_from(number).unwrap()));
    }
}

#[test]
fn the_first_pattern_that_matches_is_found_whichever_engine_has_it() {
    for (list, line) in [
        ("/(?=a)ab/\n/ab/\n/[ab]/\n", 1),
        ("/ab/\n/(?=a)ab/\n/[ab]/\n", 1),
        ("/[ab]/\n/ab/\n/(?=a)ab/\n", 1),
        ("/x/\n/(?=x)/\n/[ab]/\n/ab/\n", 3),
        ("/[x]/\n/(?=x)/\n/(?=b)/\n/a/\n", 3),
    ] {
        let patterns = patterns(list.as_bytes());
        let found = patterns.find(b"ab", &mut Budget::default()).map(Location::line);
        assert_eq!(found, Some(line), "{list}");
    }
}

#[test]
fn patterns_that_give_up_share_the_time_of_a_request() {
    let lists = [(); 8].map(|()| patterns(&b"/^(?=a)((a+)+)+$/\n".repeat(MAX_BACKTRACKING)));
    assert_eq!(lists[0].backtracking.len(), MAX_BACKTRACKING);
    let name = [b"a".repeat(60), b"!".to_vec()].concat();
    let look_up = |lists: &[Patterns]| {
        let mut budget = Budget::default();
        let mut found = lists.iter().filter_map(|list| list.find(&name, &mut budget).cloned());
        assert_eq!(found.next(), None);
        drop(found);
        budget.into_warnings()
    };
    let start = std::time::Instant::now();
    let warnings = look_up(&lists);
    let time = start.elapsed();
    assert!(time < std::time::Duration::from_secs(1), "{time:?}");
    assert!((1..MAX_BACKTRACKING).contains(&warnings.len()), "{}", warnings.len());
    assert!(warnings[0].to_string().starts_with("list line 1: pattern gave up on aaa"));
    assert!(look_up(&lists).len() < MAX_BACKTRACKING / 10, "the slowest are known");
}

#[test]
fn a_pattern_with_a_large_optional_part_is_found_by_its_literal_or_by_pcre2() {
    for repetition in ["{0,}", "*", "?", "{0,1}", "{0}"] {
        let patterns = patterns(format!("/((a{{5000}}){{500}}){repetition}x1234/\n").as_bytes());
        let found = patterns.find(b"x1234", &mut Budget::default()).map(Location::line);
        assert_eq!(found, Some(1), "{repetition}");
    }
}
