//! The pages against the tables that they are made of.

mod roff;
mod whitelist;

use super::*;
use crate::cli::{admin, help};
use crate::cli::{flags, policy_test as tester, report as reporter};
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
            let paragraph = paragraph(&made.page, arg);
            assert!(paragraph.contains(". ") || paragraph.ends_with('.'), "{names}");
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

/// The text about an option on a page.
fn paragraph<'p>(page: &'p Page, arg: &Arg) -> &'p str {
    let names = help::names(arg);
    let mut texts = page.blocks.iter().filter_map(|block| match block {
        Block::Item(name, text) if *name == names => Some(text.as_str()),
        _ => None,
    });
    texts.next().unwrap_or_else(|| panic!("no {names} in {}", page.name))
}

#[test]
fn every_command_is_explained_with_all_its_words() {
    let text = words(&daemon(&flags::command()));
    for command in admin::commands() {
        let name = command.get_name();
        assert!(text.contains(&format!(" postgrey {name} ")), "{name}");
        for arg in command.get_arguments() {
            let Block::Item(names, paragraph) = options::one(arg, &mut options::Texts::new())
            else {
                panic!("{arg} is not an item")
            };
            let explained = format!(" {names} {paragraph}");
            assert!(text.contains(&explained), "postgrey {name}: {explained}");
        }
    }
}

#[test]
fn number_has_unit_and_default() {
    let units = ["seconds", "days", "prefix", "clients", "connections", "requests", "triplets"];
    for (command, page) in [
        (flags::command(), daemon as fn(&Command) -> Page),
        (tester::command(), policy_test),
        (reporter::command(), report),
    ] {
        let page = page(&command);
        for arg in command.get_arguments() {
            if arg.get_value_names().and_then(<[_]>::first).is_none_or(|name| name != "N") {
                continue;
            }
            let paragraph = paragraph(&page, arg);
            let lower = paragraph.to_lowercase();
            assert!(units.iter().any(|unit| lower.contains(unit)), "{arg}: {paragraph}");
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
