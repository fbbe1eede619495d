//! Log lines that wait for their reader, within bounds.

use std::collections::VecDeque;

pub const MAX_LINES: usize = 10_000;

/// Bytes that may wait; lines of the usual length come to half of this.
const MAX_BYTES: usize = 4 * 1024 * 1024;

#[derive(Debug, Default)]
pub struct Queue {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl Queue {
    pub fn is_full(&self) -> bool {
        self.lines.len() >= MAX_LINES || self.bytes >= MAX_BYTES
    }

    pub fn push(&mut self, line: Vec<u8>) {
        self.bytes += line.len();
        self.lines.push_back(line);
    }

    /// The line that has waited longest.
    pub fn first(&self) -> Option<&[u8]> {
        self.lines.front().map(Vec::as_slice)
    }

    pub fn pop(&mut self) -> Option<Vec<u8>> {
        let line = self.lines.pop_front()?;
        self.bytes -= line.len();
        Some(line)
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_lines_and_long_ones_fill_it() {
        let mut queue = Queue::default();
        for line in [vec![], vec![b'x'; MAX_BYTES / 8]] {
            let most = if line.is_empty() { MAX_LINES } else { 8 };
            for _ in 0..most {
                assert!(!queue.is_full());
                queue.push(line.clone());
            }
            assert!(queue.is_full());
            while queue.pop().is_some() {}
            assert!(queue.is_empty() && !queue.is_full());
        }
    }
}
