//! The syslog facilities that `--syslog-facility` names.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility(u8);

/// Names in lower case without `LOG_`, and numbers, as the original on Linux
/// accepts them. `kern` is reserved for the kernel: the C library logs such
/// messages as `user`. The last lines are names of other systems, with the
/// facility that the original uses for them.
const NAMES: &[(&str, u8)] = &[
    ("kern", 1),
    ("user", 1),
    ("mail", 2),
    ("daemon", 3),
    ("auth", 4),
    ("syslog", 5),
    ("lpr", 6),
    ("news", 7),
    ("uucp", 8),
    ("cron", 9),
    ("authpriv", 10),
    ("ftp", 11),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
    ("security", 4),
    ("audit", 4),
    ("ras", 4),
    ("remoteauth", 4),
    ("console", 1),
    ("install", 1),
    ("lfmt", 1),
    ("launchd", 3),
    ("netinfo", 3),
    ("ntp", 3),
];

impl Facility {
    /// Looks a name up: case does not matter, and `LOG_` may precede it
    /// (BEHAVIOUR C4).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Facility> {
        let name = name.to_ascii_lowercase();
        let name = name.strip_prefix("log_").unwrap_or(&name);
        let (_, number) = NAMES.iter().find(|(known, _)| *known == name)?;
        Some(Facility(*number))
    }

    /// The number in a syslog priority, which is this times 8 plus the severity.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_with_the_prefix_of_the_c_header() {
        for (name, priority_of_a_notice) in [
            ("mail", 21),
            ("local0", 133),
            ("LOCAL3", 157),
            ("LOG_LOCAL4", 165),
            ("daemon", 29),
            ("user", 13),
            ("log_Mail", 21),
            ("security", 37),
        ] {
            let facility = Facility::from_name(name).map(|facility| facility.number() * 8 + 5);
            assert_eq!(facility, Some(priority_of_a_notice), "{name}");
        }
    }

    #[test]
    fn other_names_are_not_facilities() {
        for name in ["", "bogus", "LOG_", "LOG_LOG_MAIL", "local8", "info", "16", " mail"] {
            assert_eq!(Facility::from_name(name), None, "{name}");
        }
    }
}
