//! Lists that nobody has looked through for long: servers move, and what was an
//! exception once becomes a hole.

use super::super::file::{self, Known};
use super::super::{Files, Text};
use super::{Finding, Severity};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use std::path::Path;
use std::time::SystemTime;

/// What stands before the date in a comment of a list, like
/// `# Last looked through: 2026-11-25`.
const MARK: &str = "Last looked through:";

/// Those lists of clients that have been left alone for more than a year: any
/// list with a date ([`MARK`]), and the one that comes with the package by the
/// time of its last change if it has none.
#[must_use]
pub fn neglected(files: &Files, now: SystemTime) -> Vec<Finding> {
    let Some(today) = day(now) else { return Vec::new() };
    // What cannot be read is told elsewhere.
    let texts = file::read(&files.clients, &mut Known::new(), &mut Vec::new());
    let shipped = Files::default().clients;
    let shipped = shipped.first();
    let look = |text: &Text| match dated(text) {
        Some((line, date)) => finding(&text.file, Some(line), date, today),
        None if Some(&text.file) == shipped => {
            finding(&text.file, None, day(text.file.metadata().ok()?.modified().ok()?)?, today)
        }
        None => None,
    };
    texts.iter().filter_map(look).collect()
}

fn day(time: SystemTime) -> Option<Date> {
    Some(Timestamp::try_from(time).ok()?.to_zoned_datetime(TimeZone::UTC).date())
}

/// The line with the date of a list, and the date.
fn dated(text: &Text) -> Option<(u32, Date)> {
    text.lines().find_map(|(origin, line)| {
        let comment = std::str::from_utf8(line).ok()?.strip_prefix('#')?;
        let date = comment.trim().strip_prefix(MARK)?.trim();
        Some((origin.line(), date.parse().ok()?))
    })
}

fn finding(file: &Path, line: Option<u32>, date: Date, today: Date) -> Option<Finding> {
    if date.checked_add(1.year()).ok()? >= today {
        return None;
    }
    let (what, write) = match line {
        Some(_) => ("looked through", "write the day into this line"),
        None => ("changed", "note the day in it"),
    };
    let note = if line.is_some() { String::new() } else { format!(": # {MARK} {today}") };
    let problem = format!(
        "the list was last {what} on {date}, more than a year ago: servers move, and spam comes \
         from where they were"
    );
    let remedy =
        format!("upgrade the package for a newer one, or look through it and {write}{note}");
    Some(Finding::of_file(file, line, Severity::Warning, "old-list", problem, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;
    use std::time::{Duration, UNIX_EPOCH};

    fn found(name: &str, list: &str, today: &str) -> Vec<(Option<u32>, String)> {
        let name = format!("postgrey-age-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, list).unwrap();
        let files = Files { clients: vec![path.clone()], ..Files::default() };
        let today: Date = today.parse().unwrap();
        let seconds = today.to_zoned_datetime(TimeZone::UTC).unwrap().timestamp().as_second();
        let now = UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs() + 3600);
        let findings = neglected(&files, now);
        std::fs::remove_file(path).unwrap();
        findings.into_iter().map(|finding| (finding.line, finding.problem)).collect()
    }

    #[test]
    fn a_list_with_a_date_may_be_a_year_old() {
        let list = "# A list.\n#  Last looked through: 2025-03-01 \nexample.com\n";
        assert_eq!(found("year", list, "2026-03-01"), []);
        assert_eq!(found("year", list, "2024-01-01"), [], "the future");
        let [(line, problem)] = &found("year", list, "2026-03-02")[..] else { panic!("one") };
        assert_eq!(*line, Some(2));
        assert!(problem.contains("was last looked through on 2025-03-01"), "{problem}");
    }

    #[test]
    fn a_list_of_ones_own_has_no_age_unless_it_says_so() {
        for list in ["", "example.com\n", "# Last looked through: soon\n", "# 2001-01-01\n"] {
            assert_eq!(found("own", list, "2999-01-01"), [], "{list}");
        }
    }

    #[test]
    fn the_shipped_lists_say_when_they_were_looked_through() {
        for name in
            ["postgrey_whitelist_clients", "postgrey_whitelist_clients.d/large-providers.conf"]
        {
            let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("debian").join(name);
            let bytes = std::fs::read(&file).unwrap();
            assert!(dated(&Text { file, bytes }).is_some(), "{name}");
        }
    }
}
