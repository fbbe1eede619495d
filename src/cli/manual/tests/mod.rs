//! The pages against the tables that they are made of, and the lines of
//! whitelists against the parser.

mod forms;
mod roff;
mod whitelist;

use self::forms::{
    ADDRESSES, CLIENTS, CLIENTS_EXAMPLE, DELAYS, DELAYS_EXAMPLE, Form, Kind, SENDERS_EXAMPLE,
    WRONG, Wrong,
};
use super::*;
use crate::cli::{admin, help};
use crate::cli::{flags, policy_test as tester, report as reporter};
use crate::lists::{Addresses, Budget, Clients, Delays, Text, Warning};
use clap::Arg;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Each page's plain text, a paragraph in one line.
fn words(page: &Page) -> String {
    page.text().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A page of `man/` as it is made from its source.
struct Made {
    /// The name of its file, such as `postgrey.8`.
    name: String,
    source: String,
    page: Page,
}

impl Made {
    fn roff(&self) -> String {
        roff::page(&self.source, &self.page)
    }
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("man")
}

/// Makes the page of each file `man/*.in`.
fn pages() -> Vec<Made> {
    let files = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    let sources = files.filter(|file| file.extension().is_some_and(|it| it == "in"));
    let made = sources.map(|file| {
        let source = fs::read_to_string(&file).unwrap();
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let page = match name.as_str() {
            "postgrey.8" => daemon(&flags::command()),
            "policy-test.8" => policy_test(&tester::command()),
            "postgreyreport.1" => report(&reporter::command()),
            "postgrey-whitelist.5" => whitelist::page(&source),
            _ => template::page(&source, unknown),
        };
        Made { name, source, page }
    });
    made.collect()
}

#[test]
fn the_committed_pages_are_the_generated_ones() {
    let files = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().file_name());
    let committed = files.filter(|name| name.to_str().unwrap().ends_with(char::is_numeric));
    assert_eq!(committed.count(), pages().len(), "each page has a source");
    for made in pages() {
        let Made { name, page: Page { section, .. }, .. } = &made;
        assert_eq!(*name, format!("{}.{section}", made.page.name));
        let (path, generated) = (directory().join(name), made.roff());
        if env::var_os("POSTGREY_WRITE_MAN").is_some() {
            fs::write(&path, &generated).unwrap();
        }
        assert!(
            fs::read_to_string(&path).unwrap_or_default() == generated,
            "man/{name} is out of date; write it with\n\n    \
             POSTGREY_WRITE_MAN=1 cargo test --lib manual\n"
        );
    }
}

#[test]
fn every_option_has_a_paragraph_in_both_formats() {
    let pages = pages();
    for (command, name) in [
        (flags::command(), "postgrey.8"),
        (tester::command(), "policy-test.8"),
        (reporter::command(), "postgreyreport.1"),
    ] {
        let made = pages.iter().find(|made| made.name == name).unwrap();
        let (roff, text) = (made.roff(), made.page.text());
        for arg in command.get_arguments() {
            let names = help::names(arg);
            assert!(options::paragraph(arg).contains(". ") || ends_well(arg), "{names}");
            assert!(text.contains(&format!("\n       {names}")), "{names}");
            let escaped = arg.get_long().unwrap().replace('-', "\\-");
            assert!(
                roff.contains(&format!(".TP\n\\fB\\-\\-{escaped}\\f"))
                    || roff.contains(&format!(", \\-\\-{escaped}\\f")),
                "{names}"
            );
        }
    }
}

fn ends_well(arg: &Arg) -> bool {
    options::paragraph(arg).ends_with('.')
}

#[test]
fn every_command_is_explained_with_all_its_words() {
    let text = words(&daemon(&flags::command()));
    for command in admin::commands() {
        let name = command.get_name();
        assert!(text.contains(&format!(" postgrey {name} ")), "{name}");
        for arg in command.get_arguments() {
            let explained = format!(" {} {}", help::names(arg), options::paragraph(arg));
            assert!(text.contains(&explained), "postgrey {name}: {explained}");
        }
    }
}

#[test]
fn number_has_unit_and_default() {
    let units = ["seconds", "days", "prefix", "clients", "connections", "requests", "triplets"];
    for command in [flags::command(), tester::command(), reporter::command()] {
        for arg in command.get_arguments() {
            if arg.get_value_names().and_then(<[_]>::first).is_none_or(|name| name != "N") {
                continue;
            }
            let paragraph = options::paragraph(arg);
            assert!(units.iter().any(|unit| paragraph.contains(unit)), "{arg}: {paragraph}");
            let defaults = ["Default: ", "Without this option", "The default is"];
            assert!(defaults.iter().any(|words| paragraph.contains(words)), "{arg}: {paragraph}");
        }
    }
}

#[test]
fn the_plain_text_fits_a_terminal() {
    for Made { page, .. } in pages() {
        for line in page.text().lines() {
            assert!(line.len() <= 80 && line.is_ascii(), "{}: {line}", page.name);
        }
    }
}

#[test]
fn every_mark_is_a_difference() {
    let differences = include_str!("../../../../compat/DIFFERENCES.md");
    let text = words(&daemon(&flags::command()));
    let is_mark =
        |word: &&str| word.strip_prefix('X').is_some_and(|number| number.parse::<u32>().is_ok());
    let marks: Vec<&str> =
        text.split(|c: char| !c.is_ascii_alphanumeric()).filter(is_mark).collect();
    assert!(marks.len() > 10, "{marks:?}");
    for mark in marks {
        assert!(differences.contains(&format!("\n- {mark}. ")), "{mark}");
    }
}

fn list(lines: &str) -> [Text; 1] {
    [Text { file: "list".into(), bytes: lines.as_bytes().to_vec() }]
}

/// Returns true if a client or a recipient is in a list of some lines.
type Matcher = fn(&str, &mut Vec<Warning>) -> Box<dyn Fn(&str) -> bool>;

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

/// The recipient's own delay.
fn delay_of(lines: &str, warnings: &mut Vec<Warning>) -> impl Fn(&str) -> Option<i64> + use<> {
    let delays = Delays::parse(list(lines), warnings);
    move |recipient| delays.find(recipient.as_bytes(), &mut Budget::default())
}

fn delays(lines: &str, warnings: &mut Vec<Warning>) -> Box<dyn Fn(&str) -> bool> {
    let delay = delay_of(lines, warnings);
    Box::new(move |recipient| delay(recipient).is_some())
}

#[test]
fn every_line_of_the_page_on_whitelists_matches_what_it_says() {
    let forms = [(CLIENTS, clients as Matcher), (ADDRESSES, recipients), (DELAYS, delays)];
    for (forms, matcher) in forms {
        for Form { line, matches, spares, .. } in forms {
            assert!(!matches.is_empty() && !spares.is_empty(), "{line}");
            for written in [line.to_string(), format!("  {line}\t# why\r\n\n# {line}")] {
                let mut warnings = Vec::new();
                let is_in_list = matcher(&written, &mut warnings);
                assert_eq!(warnings, [], "{line}");
                assert!(matches.iter().all(|name| is_in_list(name)), "{line}: {matches:?}");
                assert!(!spares.iter().any(|name| is_in_list(name)), "{line}: {spares:?}");
            }
        }
    }
}

#[test]
fn lines_that_the_page_calls_wrong_are_skipped_and_reported() {
    for Wrong { line, kinds, complaint } in WRONG {
        for kind in *kinds {
            let delay = if matches!(kind, Kind::Delays) { " delay=60" } else { "" };
            let lines = format!("example.com{delay}\n{line}\nexample.net{delay}");
            let (matcher, others): (Matcher, _) = match kind {
                Kind::Clients => (clients, ["example.com", "example.net"]),
                Kind::Addresses => (recipients, ["a@example.com", "a@example.net"]),
                Kind::Delays => (delays, ["a@example.com", "a@example.net"]),
            };
            let mut warnings = Vec::new();
            let is_in_list = matcher(&lines, &mut warnings);
            let told: Vec<String> = warnings.iter().map(ToString::to_string).collect();
            assert_eq!(told.len(), 1, "{kind:?} {line}: {told:?}");
            assert!(told[0].starts_with("list line 2"), "{kind:?} {line}: {told:?}");
            assert!(told[0].contains(complaint), "{kind:?} {line}: {told:?}");
            assert!(others.iter().all(|name| is_in_list(name)), "{kind:?} {line}");
        }
    }
}

#[test]
fn the_lists_of_the_page_are_read_without_a_complaint() {
    let mut warnings = Vec::new();
    let is_in_list = clients(CLIENTS_EXAMPLE, &mut warnings);
    for client in ["mx.example.com", "out7.example.net", "192.0.2.9", "2001:db8:1::9"] {
        assert!(is_in_list(client), "{client}");
    }
    assert!(!is_in_list("out.example.net"));
    let is_in_list = recipients(SENDERS_EXAMPLE, &mut warnings);
    for sender in ["a@news.example.com", "offers@example.net", "bounce-12@mailer.example.org"] {
        assert!(is_in_list(sender), "{sender}");
    }
    assert!(!is_in_list("a@example.com") && !is_in_list("bounce-1@mailer-example.org"));
    let delay = delay_of(DELAYS_EXAMPLE, &mut warnings);
    let delays = ["codes@example.org", "bob@lists.example.com", "bob@example.org"].map(delay);
    assert_eq!((delays, warnings), ([Some(20), Some(60), None], vec![]));
}

#[test]
fn of_several_delays_the_page_says_which_counts() {
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
