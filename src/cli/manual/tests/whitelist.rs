//! postgrey-whitelist(5): its lines and lists against the parsers.

use super::super::{template, unknown};
use crate::cli::man::Block;
use crate::lists::{Addresses, Budget, Clients, Delays, Text, Warning};

/// The blocks of a section of the page.
fn section(title: &str) -> Vec<Block> {
    let page = template::page(include_str!("../../../../man/postgrey-whitelist.5.in"), unknown);
    let blocks = page.blocks.into_iter();
    let mut blocks =
        blocks.skip_while(|block| !matches!(block, Block::Section(it) if it == title)).skip(1);
    let section = blocks.by_ref().take_while(|block| !matches!(block, Block::Section(_)));
    section.collect()
}

/// The lines that a section explains, each with its text.
fn lines(title: &str) -> Vec<(String, String)> {
    let items = section(title).into_iter().filter_map(|block| match block {
        Block::Item(line, text) => Some((line, text)),
        _ => None,
    });
    let items: Vec<_> = items.collect();
    assert!(!items.is_empty(), "{title}");
    items
}

fn list(lines: &str) -> [Text; 1] {
    [Text { file: "list".into(), bytes: lines.as_bytes().to_vec() }]
}

/// Parses the lines of a list; returns a function that is true for a client or a
/// recipient in it.
type Parser = fn(&str, &mut Vec<Warning>) -> Box<dyn Fn(&str) -> bool>;

fn clients(lines: &str, warnings: &mut Vec<Warning>) -> Box<dyn Fn(&str) -> bool> {
    let clients = Clients::parse(list(lines), warnings);
    Box::new(move |client| match client.parse() {
        Ok(address) => clients.by_address(address).is_some(),
        Err(_) => clients.by_name(client.as_bytes(), &mut Budget::default()).is_some(),
    })
}

fn recipients(lines: &str, warnings: &mut Vec<Warning>) -> Box<dyn Fn(&str) -> bool> {
    let recipients = Addresses::parse(list(lines), warnings);
    Box::new(move |recipient| {
        recipients.find(recipient.as_bytes(), &mut Budget::default()).is_some()
    })
}

fn delay_of(lines: &str, warnings: &mut Vec<Warning>) -> impl Fn(&str) -> Option<i64> + use<> {
    let delays = Delays::parse(list(lines), warnings);
    move |recipient| delays.find(recipient.as_bytes(), &mut Budget::default())
}

fn delays(lines: &str, warnings: &mut Vec<Warning>) -> Box<dyn Fn(&str) -> bool> {
    let delay = delay_of(lines, warnings);
    Box::new(move |recipient| delay(recipient).is_some())
}

#[test]
fn each_line_of_the_page_matches_what_the_page_says() {
    for (title, parser) in [
        ("LINES OF CLIENTS", clients as Parser),
        ("LINES OF RECIPIENTS AND SENDERS", recipients),
        ("LINES OF DELAYS", delays),
    ] {
        for (line, text) in lines(title) {
            let (_, examples) = text.split_once(" It matches ").expect(&text);
            let (matches, spares) = examples.split_once(", but not ").expect(&text);
            for written in [line.clone(), format!("  {line}\t# why\r\n\n# {line}")] {
                let mut warnings = Vec::new();
                let is_in_list = parser(&written, &mut warnings);
                assert_eq!(warnings, [], "{line}");
                assert!(matches.split(" and ").all(&is_in_list), "{line}: {matches}");
                let mut spares = spares.trim_end_matches('.').split(" or ");
                assert!(!spares.any(is_in_list), "{line}: {text}");
            }
        }
    }
}

#[test]
fn lines_that_the_page_calls_invalid_are_skipped_with_its_messages() {
    let of_clients = (clients as Parser, "", ["example.com", "example.net"]);
    let of_recipients = (recipients as Parser, "", ["a@example.com", "a@example.net"]);
    let of_delays = (delays as Parser, " delay=60", ["a@example.com", "a@example.net"]);
    for (line, text) in lines("WHAT IS REPORTED AND SKIPPED") {
        let (place, message) = text.split_once(": ").expect(&text);
        let lists = match place {
            "Of clients" => vec![of_clients],
            "Of recipients and senders" => vec![of_recipients],
            "Of delays" => vec![of_delays],
            "Of all" => vec![of_clients, of_recipients],
            _ => panic!("{text}"),
        };
        for (parser, delay, others) in lists {
            let mut warnings = Vec::new();
            let lines = format!("example.com{delay}\n{line}\nexample.net{delay}");
            let is_in_list = parser(&lines, &mut warnings);
            let [warning] = warnings.as_slice() else { panic!("{line}: {warnings:?}") };
            let warning = warning.to_string();
            assert!(warning.starts_with("list line 2"), "{line}: {warning}");
            assert!(warning.contains(message.trim_matches('"')), "{line}: {warning}");
            assert!(others.into_iter().all(is_in_list), "{line}");
        }
    }
}

#[test]
fn the_lists_of_the_page_are_read_without_a_warning() {
    let examples = section("EXAMPLES").into_iter().filter_map(|block| match block {
        Block::Example(lines) => Some(lines),
        _ => None,
    });
    let examples: Vec<String> = examples.collect();
    let [of_clients, of_senders, of_delays, _] = examples.as_slice() else { panic!("examples") };
    let mut warnings = Vec::new();
    let is_in_list = clients(of_clients, &mut warnings);
    for client in ["mx.example.com", "out7.example.net", "192.0.2.9", "2001:db8:1::9"] {
        assert!(is_in_list(client), "{client}");
    }
    assert!(!is_in_list("out.example.net"));
    let is_in_list = recipients(of_senders, &mut warnings);
    for sender in ["a@news.example.com", "offers@example.net", "bounce-12@mailer.example.org"] {
        assert!(is_in_list(sender), "{sender}");
    }
    assert!(!is_in_list("a@example.com") && !is_in_list("bounce-1@mailer-example.org"));
    let delay = delay_of(of_delays, &mut warnings);
    let delays = ["codes@example.org", "bob@lists.example.com", "bob@example.org"].map(delay);
    assert_eq!((delays, warnings), ([Some(20), Some(60), None], vec![]));
}

#[test]
fn the_most_specific_of_several_delays_decides() {
    let lines = "/^codes@/ delay=1\nexample.org delay=2\nlists.example.org delay=3\n\
                 codes@ delay=4\ncodes@mx.example.org delay=5\nexample.org delay=6\n";
    let delay = delay_of(lines, &mut Vec::new());
    for (recipient, seconds) in [
        ("codes@mx.example.org", 5),
        ("codes@lists.example.org", 4),
        ("bob@lists.example.org", 3),
        ("bob@example.org", 2),
    ] {
        assert_eq!(delay(recipient), Some(seconds), "{recipient}");
    }
}
