//! The syslog facilities that `--syslog-facility` names.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility(u8);

impl Facility {
    /// Looks a name up: case does not matter, and `LOG_` may precede it (BEHAVIOUR C4).
    ///
    /// Accepted are those that the original on Linux accepts. `kern` is reserved for the
    /// kernel: the C library logs such messages as `user`. After the first of a line are
    /// names of other systems, with the facility that the original uses for them.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Facility> {
        let name = name.to_ascii_lowercase();
        Some(Facility(match name.strip_prefix("log_").unwrap_or(&name).as_bytes() {
            b"user" | b"kern" | b"console" | b"install" | b"lfmt" => 1,
            b"mail" => 2,
            b"daemon" | b"launchd" | b"netinfo" | b"ntp" => 3,
            b"auth" | b"security" | b"audit" | b"ras" | b"remoteauth" => 4,
            b"syslog" => 5,
            b"lpr" => 6,
            b"news" => 7,
            b"uucp" => 8,
            b"cron" => 9,
            b"authpriv" => 10,
            b"ftp" => 11,
            [b'l', b'o', b'c', b'a', b'l', digit @ b'0'..=b'7'] => 16 + digit - b'0',
            _ => return None,
        }))
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
