//! The source of a page, `man/*.in`: prose in a small part of roff, and marks
//! for what the tables of options generate.
//!
//! Understood are `.TH`, `.SH`, `.SS`, `.PP`, `.TP` with its heading in the next
//! line, `.EX` and `.EE`, and comments. Lines of prose hold no markup: options
//! are set in bold later. A line `@MARK@` stands for generated blocks; each `.TP` right
//! after it has the text of an option among these.

use super::options::Texts;
use crate::cli::man::{Block, Page};

/// Reads the source of a page; `marks` generates the blocks of a mark.
///
/// # Panics
/// When the source is malformed. It is compiled in, and a test reads all pages.
pub(super) fn page(source: &str, marks: impl Fn(&str, &mut Texts) -> Vec<Block>) -> Page {
    let mut blocks = Vec::new();
    let mut title = None;
    let mut lines = source.lines().peekable();
    while let Some(line) = lines.next() {
        let (request, argument) = line.split_once(' ').unwrap_or((line, ""));
        match request {
            ".\\\"" | ".PP" => {}
            ".TH" => title = Some(argument),
            ".SH" => blocks.push(Block::Section(argument.to_owned())),
            ".SS" => blocks.push(Block::Subsection(argument.to_owned())),
            ".TP" => {
                let heading = lines.next().expect("a heading after .TP").to_owned();
                blocks.push(Block::Item(heading, paragraph(&mut lines)));
            }
            ".EX" => {
                let example: Vec<_> = lines.by_ref().take_while(|line| *line != ".EE").collect();
                blocks.push(Block::Example(example.join("\n") + "\n"));
            }
            _ if is_mark(line) => {
                let mut texts = Texts::new();
                while lines.next_if_eq(&".TP").is_some() {
                    let name = lines.next().expect("an option after .TP").to_owned();
                    texts.insert(name, paragraph(&mut lines));
                }
                blocks.extend(marks(line.trim_matches('@'), &mut texts));
                assert!(texts.is_empty(), "texts of no option: {texts:?}");
            }
            _ => {
                let rest = paragraph(&mut lines);
                let all = if rest.is_empty() { line.to_owned() } else { format!("{line} {rest}") };
                blocks.push(Block::Text(all));
            }
        }
    }
    let title: Vec<_> = title.expect("a title").split(' ').collect();
    let [name, section, _] = title[..] else { panic!("a title of three words: {title:?}") };
    let section = section.parse().expect("the number of a section");
    Page { name: name.to_lowercase(), section, blocks }
}

/// The lines of prose up to the next request or mark, as one.
fn paragraph<'s>(lines: &mut std::iter::Peekable<impl Iterator<Item = &'s str>>) -> String {
    let mut text = Vec::new();
    while let Some(line) = lines.next_if(|line| !is_request(line) && !is_mark(line)) {
        text.push(line);
    }
    text.join(" ")
}

/// A request has a letter or a comment after its dot, unlike `.local`.
fn is_request(line: &str) -> bool {
    let name = line.split(' ').next().unwrap_or_default();
    matches!(name, ".\\\"" | ".PP" | ".TH" | ".SH" | ".SS" | ".TP" | ".EX" | ".EE")
}

fn is_mark(line: &str) -> bool {
    line.len() > 2 && line.starts_with('@') && line.ends_with('@')
}
