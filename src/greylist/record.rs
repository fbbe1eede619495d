//! The records: two numbers, as text with a comma between them (BEHAVIOUR E3,
//! E6).
//!
//! Text is parsed by Perl's idea of a number, because records of the original,
//! and manually edited ones, must mean the same here: leading digits count,
//! anything else is zero, and fields after the second are ignored.

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// Triplets, with the times of their attempts.
    Triplets,
    /// The auto-whitelist: clients, with the number of their passes.
    Clients,
}

impl Table {
    pub const ALL: [Table; 2] = [Table::Triplets, Table::Clients];

    /// The table's name in the database file.
    pub fn name(self) -> &'static str {
        match self {
            Table::Triplets => "triplets",
            Table::Clients => "clients",
        }
    }
}

/// Some records of a table, in their texts: tools print them as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    pub rows: Vec<(Vec<u8>, Vec<u8>)>,
    /// The start of the next slice; `None` after the last one.
    pub next: Option<Vec<u8>>,
}

/// The size of the state, for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Records of the triplets and of the clients.
    pub records: [u64; 2],
    /// The size of the file; none of a state without one.
    pub file: Option<FileSize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileSize {
    pub bytes: u64,
    /// Bytes among these that will be used again.
    pub free: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// A record of [`Table::Triplets`].
    Triplet(TripletRecord),
    /// A record of [`Table::Clients`].
    Client(ClientRecord),
}

impl Record {
    /// Parses the text of a record; `None` where the first number is missing.
    pub fn parse(table: Table, text: &[u8]) -> Option<Record> {
        match table {
            Table::Triplets => TripletRecord::parse(text).map(Record::Triplet),
            Table::Clients => ClientRecord::parse(text).map(Record::Client),
        }
    }

    pub fn text(self) -> String {
        match self {
            Record::Triplet(record) => record.text(),
            Record::Client(record) => record.text(),
        }
    }

    pub fn table(self) -> Table {
        match self {
            Record::Triplet(_) => Table::Triplets,
            Record::Client(_) => Table::Clients,
        }
    }

    /// The triplet record, if it is one.
    pub fn triplet(self) -> Option<TripletRecord> {
        match self {
            Record::Triplet(record) => Some(record),
            Record::Client(_) => None,
        }
    }

    /// The client record, if it is one.
    pub fn client(self) -> Option<ClientRecord> {
        match self {
            Record::Client(record) => Some(record),
            Record::Triplet(_) => None,
        }
    }

    /// Merges two records of one table; `self` stands where they are of two.
    #[must_use]
    pub fn merged(self, other: Record) -> Record {
        match (self, other) {
            (Record::Triplet(one), Record::Triplet(other)) => Record::Triplet(one.merged(other)),
            (Record::Client(one), Record::Client(other)) => Record::Client(one.merged(other)),
            _ => self,
        }
    }
}

/// The times at which a triplet was seen, in seconds since the epoch. As text
/// `first,last`. The default is the epoch, as expiry reads a record without
/// numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TripletRecord {
    /// The attempt from which the delay counts.
    pub first: i64,
    pub last: i64,
}

/// The number of first passes of a client's mail; `count,last` as text. The
/// default is zero, at the epoch, as for a record without numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientRecord {
    /// First passes, at most one an hour.
    pub count: u64,
    /// The time when it was last counted, in seconds since the epoch.
    pub last: i64,
}

impl TripletRecord {
    /// Parses a record; `None` without a first time.
    pub fn parse(row: &[u8]) -> Option<TripletRecord> {
        let (first, last) = split(row);
        Some(TripletRecord {
            first: leading_number(first)?,
            last: leading_number(last).unwrap_or(0),
        })
    }

    pub fn text(self) -> String {
        format!("{},{}", self.first, self.last)
    }

    /// Merges two records of one triplet: the later last time, and a first time
    /// that is as far before it as the longer of the two waits. The result has
    /// passed if one of the records has, for any delay.
    #[must_use]
    pub fn merged(self, other: TripletRecord) -> TripletRecord {
        let wait = |seen: TripletRecord| seen.last.saturating_sub(seen.first);
        let last = self.last.max(other.last);
        TripletRecord { first: last.saturating_sub(wait(self).max(wait(other))), last }
    }
}

impl ClientRecord {
    /// Merges two records of one client: the larger count, the later time.
    #[must_use]
    pub fn merged(self, other: ClientRecord) -> ClientRecord {
        ClientRecord { count: self.count.max(other.count), last: self.last.max(other.last) }
    }

    /// Parses a record; `None` without a count.
    pub fn parse(row: &[u8]) -> Option<ClientRecord> {
        let (count, last) = split(row);
        let count = u64::try_from(leading_number(count)?).unwrap_or(0);
        Some(ClientRecord { count, last: leading_number(last).unwrap_or(0) })
    }

    pub fn text(self) -> String {
        format!("{},{}", self.count, self.last)
    }
}

/// Returns a record's two numbers as a calculation in Perl sees them: the second
/// is `None` where there is no second field, and anything else than a number is
/// zero.
pub fn numbers(row: &[u8]) -> (i64, Option<i64>) {
    let (first, last) = split(row);
    let number = |field| leading_number(field).unwrap_or(0);
    (number(first), (!last.is_empty()).then(|| number(last)))
}

/// The first two fields; a missing one is empty.
fn split(row: &[u8]) -> (&[u8], &[u8]) {
    let mut fields = row.split(|byte| *byte == b',');
    (fields.next().unwrap_or_default(), fields.next().unwrap_or_default())
}

/// The number at the start of a field, if there is one that fits.
fn leading_number(field: &[u8]) -> Option<i64> {
    let sign = usize::from(matches!(field.first(), Some(b'-' | b'+')));
    let digits = field[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&field[..sign + digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_original_s_text() {
        let seen = TripletRecord { first: 1_700_000_000, last: 1_700_000_300 };
        assert_eq!(seen.text(), "1700000000,1700000300");
        assert_eq!(TripletRecord::parse(seen.text().as_bytes()), Some(seen));
        let passes = ClientRecord { count: 3, last: 1_700_000_000 };
        assert_eq!(passes.text(), "3,1700000000");
        assert_eq!(ClientRecord::parse(passes.text().as_bytes()), Some(passes));
    }

    #[test]
    fn odd_rows_mean_what_perl_makes_of_them() {
        let table = [
            ("100,200,4", Some((100, 200))),
            ("100", Some((100, 0))),
            ("100,", Some((100, 0))),
            ("100x,200y", Some((100, 200))),
            ("-5,7", Some((-5, 7))),
            ("", None),
            (",", None),
            ("abc,abc", None),
            ("99999999999999999999,1", None),
        ];
        for (row, times) in table {
            let seen = times.map(|(first, last)| TripletRecord { first, last });
            assert_eq!(TripletRecord::parse(row.as_bytes()), seen, "{row}");
        }
    }

    #[test]
    fn a_client_row_without_a_time_counts_all_the_same() {
        assert_eq!(ClientRecord::parse(b"5"), Some(ClientRecord { count: 5, last: 0 }));
        assert_eq!(ClientRecord::parse(b"5,"), Some(ClientRecord { count: 5, last: 0 }));
        assert_eq!(ClientRecord::parse(b"x,y"), None);
        assert_eq!(ClientRecord::parse(b""), None);
    }

    fn seen(first: i64, last: i64) -> TripletRecord {
        TripletRecord { first, last }
    }

    #[test]
    fn merging_keeps_the_later_time_and_whether_it_passed() {
        let table = [
            // Known for long, and just met for the first time elsewhere.
            (seen(100, 10_000), seen(20_000, 20_000), seen(10_100, 20_000)),
            // An old wait that came to nothing does not let a new one pass.
            (seen(100, 110), seen(20_000, 20_000), seen(19_990, 20_000)),
            (seen(100, 500), seen(100, 700), seen(100, 700)),
            (seen(100, 500), seen(100, 500), seen(100, 500)),
            (seen(i64::MIN, i64::MAX), seen(0, 0), seen(0, i64::MAX)),
        ];
        for (one, other, merged) in table {
            assert_eq!(TripletRecord::merged(one, other), merged, "{one:?} {other:?}");
            assert_eq!(TripletRecord::merged(other, one), merged, "{other:?} {one:?}");
            assert_eq!(TripletRecord::merged(merged, one), merged, "{one:?} once more");
            assert_eq!(TripletRecord::merged(merged, other), merged, "{other:?} once more");
        }
    }

    #[test]
    fn the_larger_count_and_the_later_time_of_a_client_win() {
        let (one, other) =
            (ClientRecord { count: 3, last: 500 }, ClientRecord { count: 7, last: 100 });
        assert_eq!(ClientRecord::merged(one, other), ClientRecord { count: 7, last: 500 });
        assert_eq!(ClientRecord::merged(other, one), ClientRecord { count: 7, last: 500 });
    }
}
