//! The pages of the file, held against each other: LMDB trusts them, and would
//! crash or go round in circles on damaged ones. Here nothing is trusted, and
//! nothing is said of the rows.

use super::free_pages::free_list;
use super::pages::{
    DEEPEST, FREE_TABLE, HEADER, IS_BRANCH, IS_ELSEWHERE, IS_LEAF, IS_TABLE, LAST_PAGE,
    NODE_HEADER, PageReader, TABLE, TRANSACTION, WORD, bytes, short, word,
};
use std::fs::File;
use std::io;

/// How often it is tried while a daemon changes the pages.
const TRIES: usize = 5;

/// True if all pages could be looked at in one state of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// They are as they should be.
    AtAll,
    /// A daemon changed them all the time.
    InVain,
}

/// Looks at every page: each belongs to one table, or to the list of free pages,
/// or begins the file, and what it says of itself makes sense.
///
/// # Errors
/// When a page is damaged or cannot be read; the text names it.
pub fn look(file: &File, page_size: usize) -> io::Result<Looked> {
    for _ in 0..TRIES {
        let state = State::read(file, page_size)?;
        let result = look_once(file, page_size, &state);
        if State::read(file, page_size)?.transaction == state.transaction {
            return result.map(|()| Looked::AtAll);
        }
    }
    Ok(Looked::InVain)
}

/// What the newer of the first two pages says.
struct State {
    transaction: usize,
    roots: [usize; 2],
    last: usize,
}

impl State {
    fn read(file: &File, page_size: usize) -> io::Result<State> {
        let meta = PageReader::new(file, page_size)?.newest_meta()?;
        let root = |table: usize| word(&meta, FREE_TABLE + table * TABLE - WORD);
        Ok(State {
            transaction: word(&meta, TRANSACTION)?,
            roots: [root(1)?, root(2)?],
            last: word(&meta, LAST_PAGE)?,
        })
    }
}

fn look_once(file: &File, page_size: usize, state: &State) -> io::Result<()> {
    let reader = PageReader::new(file, page_size)?;
    // A sound file may end before its last page, but not by much.
    if state.last / 4 > reader.pages() + 1024 {
        return Err(damage(0, "promises more pages than there can be"));
    }
    let mut walk = Walk { reader, page_size, uses: vec![false; state.last + 1] };
    walk.note(0)?;
    walk.note(1)?;
    for root in state.roots {
        walk.table(root)?;
    }
    for page in free_list(file, page_size)? {
        walk.note(page)?;
    }
    match walk.uses.iter().position(|is_used| !is_used) {
        None => Ok(()),
        Some(page) => Err(damage(page, "is in no table and not free")),
    }
}

struct Walk<'f> {
    reader: PageReader<'f>,
    page_size: usize,
    uses: Vec<bool>,
}

impl Walk<'_> {
    /// Notes the use of a page.
    fn note(&mut self, number: usize) -> io::Result<()> {
        match self.uses.get_mut(number) {
            None => Err(damage(number, "is used and behind the last page")),
            Some(is_used) if *is_used => Err(damage(number, "is used twice")),
            Some(is_used) => {
                *is_used = true;
                Ok(())
            }
        }
    }

    /// Looks at the pages of a table, which has none if it is empty.
    fn table(&mut self, root: usize) -> io::Result<()> {
        if root == usize::MAX { Ok(()) } else { self.page(root, DEEPEST) }
    }

    fn page(&mut self, number: usize, levels: usize) -> io::Result<()> {
        self.note(number)?;
        let page = self.reader.page(number)?;
        let flags = short(&page, WORD + 2)?;
        let (lower, upper) = (short(&page, WORD + 4)?, short(&page, WORD + 6)?);
        let (lower, upper) = (usize::from(lower), usize::from(upper));
        let is_proper = word(&page, 0)? == number
            && matches!(flags, IS_BRANCH | IS_LEAF)
            && HEADER <= lower
            && lower <= upper
            && upper <= self.page_size
            && levels > 0;
        if !is_proper {
            return Err(damage(number, "is not what its table needs"));
        }
        for pointer in (HEADER..lower).step_by(2) {
            let node = usize::from(short(&page, pointer)?);
            let is_inside = node >= upper && self.node(&page, node, flags, levels)?;
            if !is_inside {
                return Err(damage(number, "has a row that is not inside it"));
            }
        }
        Ok(())
    }

    /// Looks at what a node leads to; gives whether the node ends in its page.
    fn node(
        &mut self,
        page: &[u8],
        node: usize,
        page_flags: u16,
        levels: usize,
    ) -> io::Result<bool> {
        let Some(header) = page.get(node..node + NODE_HEADER) else {
            return Ok(false);
        };
        let size = u32::from_ne_bytes(bytes(header, 0)?) as usize;
        let flags = short(header, 4)?;
        let value = node + NODE_HEADER + usize::from(short(header, 6)?);
        if page_flags == IS_BRANCH {
            // On machines of 64 bits the flags are the top of the page's number.
            let top = usize::from(flags).checked_shl(32).unwrap_or(0);
            self.page(size | top, levels - 1)?;
            return Ok(value <= page.len());
        }
        if flags & IS_ELSEWHERE != 0 {
            let Some(first) = page.get(value..value + WORD) else {
                return Ok(false);
            };
            let first = word(first, 0)?;
            for page in 0..(HEADER + size).div_ceil(self.page_size) {
                self.note(first.saturating_add(page))?;
            }
            return Ok(true);
        }
        if flags & IS_TABLE != 0 && size == TABLE && value + TABLE <= page.len() {
            self.table(word(page, value + TABLE - WORD)?)?;
        }
        Ok(value + size <= page.len())
    }
}

fn damage(page: usize, what: &str) -> io::Error {
    io::Error::other(format!("page {page} {what}"))
}
