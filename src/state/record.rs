//! The rows: two numbers as text with a comma between (BEHAVIOUR E3, E6).
//!
//! Reading follows Perl's idea of a number, because rows of the original, and
//! rows that somebody mended by hand, must mean the same here: leading digits
//! count, anything else is zero, and fields after the second are ignored.

/// When a triplet was seen, in seconds since the epoch. As text `first,last`.
/// By default at the epoch, as clean-up takes a row without numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TripletRecord {
    /// The attempt from which the delay counts.
    pub first: i64,
    /// The latest attempt.
    pub last: i64,
}

/// How often mail of a client passed for the first time. As text `count,last`.
/// By default never, and that at the epoch, as for a row without numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientRecord {
    /// First passes, at most one an hour.
    pub count: u64,
    /// When it was last counted, in seconds since the epoch.
    pub last: i64,
}

impl TripletRecord {
    /// Reads a row; `None` where there is no first time to count from.
    pub fn parse(row: &[u8]) -> Option<TripletRecord> {
        let (first, last) = split(row);
        Some(TripletRecord {
            first: leading_number(first)?,
            last: leading_number(last).unwrap_or(0),
        })
    }

    /// The row's text.
    pub fn text(self) -> String {
        format!("{},{}", self.first, self.last)
    }

    /// What two rows of one triplet say together: the later time it was last
    /// seen, and a first time that lies as long before it as the longer of the
    /// two waits. Whoever has passed by one of the rows has passed, and nobody
    /// else, whatever the delay.
    #[must_use]
    pub fn merged(self, other: TripletRecord) -> TripletRecord {
        let wait = |seen: TripletRecord| seen.last.saturating_sub(seen.first);
        let last = self.last.max(other.last);
        TripletRecord { first: last.saturating_sub(wait(self).max(wait(other))), last }
    }
}

impl ClientRecord {
    /// What two rows of one client say together: the larger count, the later
    /// time.
    #[must_use]
    pub fn merged(self, other: ClientRecord) -> ClientRecord {
        ClientRecord { count: self.count.max(other.count), last: self.last.max(other.last) }
    }

    /// Reads a row; `None` where there is no count.
    pub fn parse(row: &[u8]) -> Option<ClientRecord> {
        let (count, last) = split(row);
        let count = u64::try_from(leading_number(count)?).unwrap_or(0);
        Some(ClientRecord { count, last: leading_number(last).unwrap_or(0) })
    }

    /// The row's text.
    pub fn text(self) -> String {
        format!("{},{}", self.count, self.last)
    }
}

/// A row's two numbers as a calculation in Perl sees them: the second is `None`
/// where there is no second field, and what is no number is zero.
pub(super) fn numbers(row: &[u8]) -> (i64, Option<i64>) {
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
}
