//! A progress line on the terminal.

use super::Error;
use super::text::grouped;
use crate::database::Database;
use crate::greylist::filter::Filter;
use crate::state::Table;
use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Nothing is shown of work that is done sooner, and a new line no sooner.
const PAUSE: Duration = Duration::from_millis(250);

/// The number of steps between two readings of the clock.
const STRIDE: usize = 1024;

/// Columns of the bar.
const BAR_WIDTH: usize = 40;

/// The progress of long work. The line is removed with the value.
#[derive(Debug)]
pub struct Progress {
    done: usize,
    of: usize,
    looked: usize,
    /// The time of the next update; `None` without a terminal.
    next: Option<Instant>,
    is_shown: bool,
}

impl Progress {
    /// Work of `of` steps; 0 if their number is unknown.
    pub fn new(of: usize) -> Progress {
        let next = io::stderr().is_terminal().then(|| Instant::now() + PAUSE);
        Progress { done: 0, of, looked: 0, next, is_shown: false }
    }

    /// So far, and of so much: for work of which that is found out on the way.
    pub fn reach(&mut self, done: usize, of: usize) {
        if done < self.done {
            // The next of several parts.
            (self.done, self.looked) = (0, 0);
        }
        self.of = of;
        self.advance(done - self.done);
    }

    pub fn advance(&mut self, steps: usize) {
        self.done += steps;
        if self.done - self.looked < STRIDE {
            return;
        }
        self.looked = self.done;
        let now = Instant::now();
        if self.next.is_some_and(|next| now >= next) {
            self.next = Some(now + PAUSE);
            self.is_shown = true;
            let _ = write!(io::stderr(), "\r{}", line(self.done, self.of));
        }
    }
}

/// Calls `row` with each record of some tables, and shows the progress.
pub fn for_each_record(
    database: &Database,
    tables: &[Table],
    mut row: impl FnMut(Table, &[u8], &[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let records = database.totals()?.records;
    let all: u64 = tables.iter().map(|table| records[*table as usize]).sum();
    let mut progress = Progress::new(all as usize);
    for table in tables {
        database.scan(*table, &Filter::default(), |key, text| -> Result<_, Error> {
            row(*table, key, text)?;
            progress.advance(1);
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(())
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown {
            let width = line(self.done, self.of).len();
            let _ = write!(io::stderr(), "\r{:width$}\r", "");
        }
    }
}

fn line(done: usize, of: usize) -> String {
    if of == 0 {
        return grouped(done as u64);
    }
    // While it is read, a database may grow.
    let of = of.max(done);
    let full = BAR_WIDTH * done / of;
    let bar = "#".repeat(full) + &".".repeat(BAR_WIDTH - full);
    let percent = 100 * done / of;
    format!(
        "[{bar}] {percent:>3} %  {:>width$}",
        grouped(done as u64),
        width = grouped(of as u64).len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_keeps_its_width() {
        assert_eq!(line(0, 2000), format!("[{}]   0 %      0", ".".repeat(40)));
        assert_eq!(
            line(1000, 2000),
            format!("[{}{}]  50 %  1,000", "#".repeat(20), ".".repeat(20))
        );
        assert_eq!(line(3000, 0), "3,000");
        assert_eq!(line(3000, 2000), format!("[{}] 100 %  3,000", "#".repeat(40)));
    }
}
