//! The offered extensions: those of the mail server that the session supports.

/// Extensions that need nothing from this session, since they concern messages
/// only, or replies.
const KNOWN: [&str; 8] = [
    "SIZE",
    "8BITMIME",
    "SMTPUTF8",
    "DSN",
    "CHUNKING",
    "BINARYMIME",
    "PIPELINING",
    "ENHANCEDSTATUSCODES",
];

/// Parameters of MAIL and RCPT, and the extension that each belongs to.
pub const MAIL_PARAMETERS: [(&str, &str); 5] = [
    ("SIZE", "SIZE"),
    ("BODY", "8BITMIME"),
    ("SMTPUTF8", "SMTPUTF8"),
    ("RET", "DSN"),
    ("ENVID", "DSN"),
];
pub const RCPT_PARAMETERS: [(&str, &str); 2] = [("NOTIFY", "DSN"), ("ORCPT", "DSN")];

/// Bytes of the longest line that is offered.
const MAX_LENGTH: usize = 100;

/// The lines of a reply to EHLO, without codes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions(Vec<String>);

impl Extensions {
    /// The extensions in a mail server's reply to EHLO that may be offered in
    /// its place.
    pub fn of_reply(reply: &[u8]) -> Extensions {
        let lines = reply.split(|byte| *byte == b'\n').skip(1);
        let offers = lines.filter_map(|line| {
            let line = std::str::from_utf8(line.get(4..)?).ok()?.trim_ascii();
            let keyword = line.split(' ').next()?;
            let is_known = KNOWN.iter().any(|known| keyword.eq_ignore_ascii_case(known));
            let is_plain = line.len() <= MAX_LENGTH
                && line.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
            (is_known && is_plain).then(|| line.to_owned())
        });
        Extensions(offers.take(KNOWN.len()).collect())
    }

    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub fn has(&self, keyword: &str) -> bool {
        let keywords = self.0.iter().filter_map(|line| line.split(' ').next());
        keywords.into_iter().any(|offered| offered.eq_ignore_ascii_case(keyword))
    }

    /// Returns true if a parameter is one of `known` ([`MAIL_PARAMETERS`] or
    /// [`RCPT_PARAMETERS`]) and belongs to an offered extension.
    pub fn allow(&self, parameter: &str, known: &[(&str, &str)]) -> bool {
        known
            .iter()
            .any(|(name, keyword)| parameter.eq_ignore_ascii_case(name) && self.has(keyword))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_extensions_are_offered() {
        let reply = b"250-mx.test\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250-AUTH PLAIN\r\n\
            250-XCLIENT NAME ADDR\r\n250-8bitmime\r\n250-DSN \xff\r\n250 CHUNKING\r\n";
        let extensions = Extensions::of_reply(reply);
        assert_eq!(extensions.lines().collect::<Vec<_>>(), ["SIZE 1000", "8bitmime", "CHUNKING"]);
        assert!(extensions.has("8BITMIME") && extensions.has("SIZE"));
        assert!(!extensions.has("DSN") && !extensions.has("AUTH"));
    }

    #[test]
    fn name_of_the_server_is_not_an_extension() {
        for reply in ["250 SIZE", "250-DSN\r\n250 mx", "", "2", "250"] {
            assert_eq!(Extensions::of_reply(reply.as_bytes()), Extensions::default(), "{reply}");
        }
    }

    #[test]
    fn parameters_belong_to_extensions() {
        let extensions = Extensions::of_reply(b"250-mx\r\n250-SIZE\r\n250 DSN\r\n");
        for parameter in ["size", "RET", "ENVID"] {
            assert!(extensions.allow(parameter, &MAIL_PARAMETERS), "{parameter}");
        }
        for parameter in ["BODY", "AUTH", "NOTIFY", ""] {
            assert!(!extensions.allow(parameter, &MAIL_PARAMETERS), "{parameter}");
        }
        assert!(
            extensions.allow("NOTIFY", &RCPT_PARAMETERS)
                && !extensions.allow("SIZE", &RCPT_PARAMETERS)
        );
    }
}
