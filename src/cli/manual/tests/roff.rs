//! Pages in roff with the man macros, as they are kept in `man/`. Options are set
//! in bold.

use crate::cli::man::{Block, EXAMPLE, Page};

/// Returns a page in roff; `source` has the arguments of its `.TH`.
pub fn page(source: &str, page: &Page) -> String {
    let title = source.lines().find_map(|line| line.strip_prefix(".TH ")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let head = format!(
        ".\\\" Generated from the program's tables; do not edit.\n\
         .TH {title} \"postgrey {version}\"\n\
         .nh\n.ad l\n"
    );
    page.blocks.iter().fold(head, |page, block| page + &roff(block))
}

fn roff(block: &Block) -> String {
    match block {
        Block::Section(title) => format!(".SH {title}\n"),
        Block::Subsection(title) => format!(".SS {}\n", escape(title)),
        Block::Text(text) => format!(".PP\n{}", sentences(text)),
        Block::Item(name, text) => {
            format!(".TP\n{}\n{}", heading(name), sentences(text))
        }
        Block::Example(lines) => {
            format!(".PP\n.RS {EXAMPLE}\n.nf\n{}.fi\n.RE\n", roff_lines(lines))
        }
    }
}

/// A paragraph, one sentence a line: roff sees by that where sentences end.
fn sentences(text: &str) -> String {
    roff_lines(&text.replace(". ", ".\n"))
}

fn roff_lines(text: &str) -> String {
    text.lines().map(|line| roff_line(line) + "\n").collect()
}

fn roff_line(line: &str) -> String {
    let line = line.split(' ').map(roff_word).collect::<Vec<_>>().join(" ");
    // A dot at the start would make the line a request.
    if line.starts_with('.') { format!("\\&{line}") } else { line }
}

/// Sets a word in bold that is an option, without what stands around it.
fn roff_word(word: &str) -> String {
    let (before, option) = word.split_at(if word.starts_with('(') { 1 } else { 0 });
    if !option.starts_with("--") {
        return escape(word);
    }
    let is_name = |letter: char| matches!(letter, '-' | '_') || letter.is_ascii_alphanumeric();
    let (name, after) = option.split_at(option.find(|c| !is_name(c)).unwrap_or(option.len()));
    format!("{before}\\fB{}\\fR{}", escape(name), escape(after))
}

/// The heading of an item: bold, with the value of an option in italics.
fn heading(name: &str) -> String {
    let value = name.find(['=', '[']).filter(|_| name.starts_with('-'));
    let (name, value) = name.split_at(value.unwrap_or(name.len()));
    if value.is_empty() {
        format!("\\fB{}\\fR", escape(name))
    } else {
        format!("\\fB{}\\fI{}\\fR", escape(name), escape(value))
    }
}

/// Keeps characters that roff would take for something else.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => escaped.push_str("\\e"),
            '-' => escaped.push_str("\\-"),
            '\'' => escaped.push_str("\\(aq"),
            '`' => escaped.push_str("\\(ga"),
            '^' => escaped.push_str("\\(ha"),
            '~' => escaped.push_str("\\(ti"),
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[test]
fn options_are_bold_and_what_roff_would_interpret_is_escaped() {
    for (line, roff) in [
        ("plain words", "plain words"),
        ("use --delay=5, not -x", "use \\fB\\-\\-delay\\fR=5, not \\-x"),
        (".local is a suffix", "\\&.local is a suffix"),
        ("--show_tries counts", "\\fB\\-\\-show_tries\\fR counts"),
        ("it's a\\b", "it\\(aqs a\\eb"),
        ("/^mx/", "/\\(hamx/"),
    ] {
        assert_eq!(roff_line(line), roff);
    }
}

#[test]
fn a_value_is_in_italics() {
    assert_eq!(heading("-u, --unix=PATH"), "\\fB\\-u, \\-\\-unix\\fI=PATH\\fR");
    assert_eq!(heading("--man"), "\\fB\\-\\-man\\fR");
    assert_eq!(heading("/mx[0-9]/"), "\\fB/mx[0\\-9]/\\fR");
}
