//! The rest of a pattern that is being read.

/// A position in a pattern.
#[derive(Clone, Debug)]
pub(super) struct Reader<'p> {
    pattern: &'p [u8],
    at: usize,
}

impl<'p> Reader<'p> {
    pub(super) fn new(pattern: &'p [u8]) -> Reader<'p> {
        Reader { pattern, at: 0 }
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn back_to(&mut self, position: usize) {
        self.at = position;
    }

    /// What has been read since a position.
    pub(super) fn since(&self, position: usize) -> &'p [u8] {
        &self.pattern[position..self.at]
    }

    pub(super) fn rest(&self) -> &'p [u8] {
        &self.pattern[self.at..]
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    pub(super) fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Goes over `expected`, if it comes next.
    pub(super) fn eat(&mut self, expected: &[u8]) -> bool {
        let is_next = self.rest().starts_with(expected);
        if is_next {
            self.at += expected.len();
        }
        is_next
    }

    pub(super) fn skip(&mut self, length: usize) {
        self.at += length.min(self.rest().len());
    }

    /// Up to `length` bytes.
    pub(super) fn take(&mut self, length: usize) -> &'p [u8] {
        let start = self.at;
        self.skip(length);
        self.since(start)
    }

    /// As many bytes as fit the condition.
    pub(super) fn take_while(&mut self, fits: impl Fn(u8) -> bool) -> &'p [u8] {
        let length = self.rest().iter().take_while(|&&byte| fits(byte)).count();
        self.take(length)
    }

    /// What stands before the next `end`, which is skipped too.
    pub(super) fn take_until(&mut self, end: u8) -> Option<&'p [u8]> {
        let length = self.rest().iter().position(|&byte| byte == end)?;
        let taken = self.take(length);
        self.skip(1);
        Some(taken)
    }

    /// What stands in the braces that come next.
    pub(super) fn braced(&mut self) -> Option<&'p [u8]> {
        let start = self.at;
        if self.eat(b"{") {
            if let Some(inner) = self.take_until(b'}') {
                return Some(inner);
            }
        }
        self.back_to(start);
        None
    }
}
