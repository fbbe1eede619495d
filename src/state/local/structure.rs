//! The pages of the file, held against each other: LMDB trusts them, and would crash,
//! abort or loop on damaged ones. Here nothing is trusted. All that LMDB asserts of the
//! trees of pages is checked, in the order of keys; records are not looked at.

use super::free_pages::free_list;
use super::pages::{
    DEEPEST, FREE_TABLE, HEADER, IS_BRANCH, IS_ELSEWHERE, IS_LEAF, IS_OVERFLOW, IS_TABLE,
    LAST_PAGE, NODE_HEADER, PageReader, TABLE, TRANSACTION, WORD, bytes, short, word,
};
use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::time::Instant;

/// Tries while a daemon changes the pages.
const TRIES: usize = 5;

/// The longest key of LMDB.
const MAX_KEY: usize = 511;

/// The flags of a table whose keys are integers: that of the free pages.
const INTEGER_KEYS: u16 = 0x08;

/// True if all pages could be looked at in one state of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// All are sound.
    AtAll,
    /// A daemon changed them all the time, or the deadline has passed.
    InVain,
}

/// Checks every page: each belongs to one table or to the list of free pages, or begins
/// the file, and is well-formed. Gives up at the deadline.
///
/// # Errors
/// When a page is damaged or cannot be read; the text names it.
pub fn look(file: &File, page_size: usize, deadline: Option<Instant>) -> io::Result<Looked> {
    for _ in 0..TRIES {
        let state = State::read(file, page_size)?;
        let result = look_once(file, page_size, &state, deadline);
        if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::TimedOut) {
            return Ok(Looked::InVain);
        }
        if State::read(file, page_size)?.transaction == state.transaction {
            return result.map(|()| Looked::AtAll);
        }
    }
    Ok(Looked::InVain)
}

/// The content of the newer of the first two pages.
struct State {
    transaction: usize,
    meta: Vec<u8>,
    last: usize,
}

impl State {
    fn read(file: &File, page_size: usize) -> io::Result<State> {
        let meta = PageReader::new(file, page_size)?.newest_meta()?;
        let (transaction, last) = (word(&meta, TRANSACTION)?, word(&meta, LAST_PAGE)?);
        Ok(State { transaction, last, meta })
    }

    /// The descriptions of the table of free pages and of that of all others.
    fn tables(&self) -> io::Result<[Tree; 2]> {
        let tree = |kind, index: usize| {
            Tree::read(kind, self.meta.get(FREE_TABLE + index * TABLE..).unwrap_or_default())
        };
        Ok([tree(Kind::Free, 0)?, tree(Kind::Tables, 1)?])
    }
}

fn look_once(
    file: &File,
    page_size: usize,
    state: &State,
    deadline: Option<Instant>,
) -> io::Result<()> {
    let reader = PageReader::new(file, page_size)?;
    // A sound file may end before its last page, but not by much.
    if state.last / 4 > reader.pages() + 1024 {
        return Err(damage(0, "promises more pages than there can be"));
    }
    let mut walk = Walk { reader, page_size, uses: vec![false; state.last + 1], deadline };
    walk.note(0)?;
    walk.note(1)?;
    for tree in state.tables()? {
        walk.table(tree)?;
    }
    for page in free_list(file, page_size)? {
        walk.note(page)?;
    }
    match walk.uses.iter().position(|is_used| !is_used) {
        None => Ok(()),
        Some(page) => Err(damage(page, "is in no table and not free")),
    }
}

/// The kind of the records of a table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Lists of free pages, by transaction.
    Free,
    /// Descriptions of the other tables.
    Tables,
    Records,
}

/// The description of a table, and what was found of it so far.
struct Tree {
    kind: Kind,
    levels: usize,
    root: usize,
    /// Branch pages, leaf pages, overflow pages and entries.
    promised: [usize; 4],
    found: [usize; 4],
    /// The last key, and whether the next one may be equal.
    last: Option<(Vec<u8>, bool)>,
}

/// Places in these counts.
const BRANCHES: usize = 0;
const LEAVES: usize = 1;
const OVERFLOWS: usize = 2;
const ENTRIES: usize = 3;

impl Tree {
    fn read(kind: Kind, description: &[u8]) -> io::Result<Tree> {
        let levels = usize::from(short(description, 6)?);
        let mut promised = [0; 4];
        for (index, count) in promised.iter_mut().enumerate() {
            *count = word(description, 8 + index * WORD)?;
        }
        let root = word(description, TABLE - WORD)?;
        let expected = if kind == Kind::Free { INTEGER_KEYS } else { 0 };
        // The upper byte of the first table's has flags of the environment.
        let flags = short(description, 4)? & 0xff;
        if flags != expected || levels > DEEPEST {
            return Err(damage(root, "begins a table whose description is damaged"));
        }
        Ok(Tree { kind, levels, root, promised, found: [0; 4], last: None })
    }

    /// Takes the next key, in order; that of a branch may come again.
    fn take_key(&mut self, key: &[u8], is_leaf: bool) -> bool {
        let is_proper = match self.kind {
            Kind::Free => key.len() == WORD,
            Kind::Tables | Kind::Records => (1..=MAX_KEY).contains(&key.len()),
        };
        let order = self.last.as_ref().map(|(last, may_be_equal)| {
            let order = match self.kind {
                Kind::Free => word(last, 0).ok().cmp(&word(key, 0).ok()),
                Kind::Tables | Kind::Records => last.as_slice().cmp(key),
            };
            order == Ordering::Less || *may_be_equal && order == Ordering::Equal
        });
        self.last = Some((key.to_vec(), !is_leaf));
        is_proper && order.unwrap_or(true)
    }
}

struct Walk<'f> {
    reader: PageReader<'f>,
    page_size: usize,
    uses: Vec<bool>,
    deadline: Option<Instant>,
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
    fn table(&mut self, mut tree: Tree) -> io::Result<()> {
        if tree.root != usize::MAX {
            self.page(tree.root, 1, &mut tree)?;
        } else if tree.levels > 0 {
            return Err(damage(tree.root, "begins a table that should be empty"));
        }
        if tree.found != tree.promised {
            return Err(damage(tree.root, "begins a table of another size than promised"));
        }
        Ok(())
    }

    fn page(&mut self, number: usize, level: usize, tree: &mut Tree) -> io::Result<()> {
        if self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(ErrorKind::TimedOut.into());
        }
        self.note(number)?;
        let page = self.reader.page(number)?;
        let flags = short(&page, WORD + 2)?;
        let (lower, upper) = (short(&page, WORD + 4)?, short(&page, WORD + 6)?);
        let (lower, upper) = (usize::from(lower), usize::from(upper));
        let is_leaf = level == tree.levels;
        // LMDB has a lone node in a branch only while it shortens the list of free pages.
        let fewest = if is_leaf || tree.kind == Kind::Free { 1 } else { 2 };
        let is_proper = word(&page, 0)? == number
            && level <= tree.levels
            && flags == if is_leaf { IS_LEAF } else { IS_BRANCH }
            && HEADER + 2 * fewest <= lower
            && lower % 2 == 0
            && lower <= upper
            && upper <= self.page_size;
        if !is_proper {
            return Err(damage(number, "is not what its table needs"));
        }
        tree.found[if is_leaf { LEAVES } else { BRANCHES }] += 1;
        let mut spans = Vec::with_capacity((lower - HEADER) / 2);
        for (index, pointer) in (HEADER..lower).step_by(2).enumerate() {
            let start = usize::from(short(&page, pointer)?);
            let node = Node::read(&page, start, is_leaf).filter(|_| start % 2 == 0);
            let node = node.ok_or_else(|| damage(number, "has a row that is not inside it"))?;
            // The first key of a branch has no meaning.
            if (is_leaf || index > 0) && !tree.take_key(node.key, is_leaf) {
                return Err(damage(number, "has a key that is not in its place"));
            }
            spans.push((start, node.end.next_multiple_of(2)));
            if is_leaf {
                tree.found[ENTRIES] += 1;
                self.value(number, &node, tree)?;
            } else {
                self.page(node.child(), level + 1, tree)?;
            }
        }
        spans.sort_unstable();
        let end = spans.iter().try_fold(upper, |end, span| (span.0 == end).then_some(span.1));
        if end != Some(self.page_size) {
            return Err(damage(number, "has rows that overlap or gaps between them"));
        }
        Ok(())
    }

    /// Looks at the value of a row, which may be on pages of its own, or a table.
    fn value(&mut self, number: usize, node: &Node<'_>, tree: &mut Tree) -> io::Result<()> {
        match (tree.kind, node.flags) {
            (Kind::Tables, IS_TABLE) if node.size == TABLE => {
                self.table(Tree::read(Kind::Records, node.value)?)
            }
            (Kind::Free | Kind::Records, 0) => Ok(()),
            (Kind::Free | Kind::Records, IS_ELSEWHERE) => {
                let first = word(node.value, 0)?;
                let header = self.reader.read(first, HEADER)?;
                // LMDB keeps the pages of a longer value that was there before.
                let pages = u32::from_ne_bytes(bytes(&header, WORD + 4)?) as usize;
                let is_proper = word(&header, 0)? == first
                    && short(&header, WORD + 2)? == IS_OVERFLOW
                    && pages >= (HEADER + node.size).div_ceil(self.page_size);
                if !is_proper {
                    return Err(damage(first, "is not the value of a row"));
                }
                tree.found[OVERFLOWS] += pages;
                (0..pages).try_for_each(|page| self.note(first.saturating_add(page)))
            }
            _ => Err(damage(number, "has a row of an unknown kind")),
        }
    }
}

/// A key with its value, or with the number of a page further down.
struct Node<'p> {
    flags: u16,
    size: usize,
    key: &'p [u8],
    /// The part of the value in this page.
    value: &'p [u8],
    end: usize,
}

impl<'p> Node<'p> {
    fn read(page: &'p [u8], start: usize, is_leaf: bool) -> Option<Node<'p>> {
        let header = page.get(start..start + NODE_HEADER)?;
        let size = u32::from_ne_bytes(bytes(header, 0).ok()?) as usize;
        let flags = short(header, 4).ok()?;
        let middle = start + NODE_HEADER + usize::from(short(header, 6).ok()?);
        let end = match (is_leaf, flags & IS_ELSEWHERE != 0) {
            (false, _) => middle,
            (true, true) => middle + WORD,
            (true, false) => middle.checked_add(size)?,
        };
        let key = page.get(start + NODE_HEADER..middle)?;
        Some(Node { flags, size, key, value: page.get(middle..end)?, end })
    }

    /// The page that a node of a branch names.
    fn child(&self) -> usize {
        // On machines of 64 bits the flags are the top of the page's number.
        self.size | usize::from(self.flags).checked_shl(32).unwrap_or(0)
    }
}

fn damage(page: usize, what: &str) -> io::Error {
    io::Error::other(format!("page {page} {what}"))
}
