//! A manual page as a value, and its plain text for `--man`. The tests make the
//! roff of `man/` from the same value.
//!
//! Texts hold no markup: options are recognized by their dashes.

use super::layout;

/// The column in which text starts, as with man(1).
const MARGIN: usize = 7;
/// The further indent of an item's text.
const STEP: usize = 7;
pub(super) const EXAMPLE: usize = 4;

pub(super) struct Page {
    pub(super) name: String,
    pub(super) section: u8,
    pub(super) blocks: Vec<Block>,
}

/// A piece of a page; texts are broken into lines where needed.
pub(super) enum Block {
    Section(String),
    Subsection(String),
    Text(String),
    Item(String, String),
    Example(String),
}

impl Page {
    /// The page in plain text of 80 columns.
    pub(super) fn text(&self) -> String {
        let head = format!("{}({})\n\n", self.name.to_uppercase(), self.section);
        let blocks = self.blocks.iter();
        let page = blocks.fold(head, |page, block| page + &block.text());
        page.trim_end().to_owned() + "\n"
    }
}

impl Block {
    fn text(&self) -> String {
        match self {
            Block::Section(title) => layout::fill(title, 0),
            Block::Subsection(title) => layout::fill(title, MARGIN / 2),
            Block::Text(text) => layout::fill(text, MARGIN) + "\n",
            Block::Item(name, text) => layout::item(name, text, MARGIN, MARGIN + STEP) + "\n",
            Block::Example(lines) => {
                let indented = |line| format!("{:1$}{line}\n", "", MARGIN + EXAMPLE);
                lines.lines().map(indented).collect::<String>() + "\n"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_title_and_its_blocks_in_order() {
        let page = Page {
            name: "greet".to_owned(),
            section: 1,
            blocks: vec![
                Block::Section("NAME".to_owned()),
                Block::Text("greet - say hello".to_owned()),
                Block::Item("SIGHUP".to_owned(), "Say it. Again.".to_owned()),
                Block::Example("greet you\n  twice\n".to_owned()),
            ],
        };
        assert_eq!(
            page.text(),
            "GREET(1)\n\nNAME\n       greet - say hello\n\n       SIGHUP Say it. Again.\n\n           greet you\n             twice\n"
        );
    }
}
