//! The administrator's templates, filled in (BEHAVIOUR E4).
//!
//! Each mark is filled in once, where it first stands; nothing else in a
//! template has a meaning, not even `%%`.

use super::Policy;
use crate::request::Request;
use std::borrow::Cow;

/// The text of a deferral, after the action word: `%s` becomes the seconds
/// that are `missing`, `%r` the recipient's domain.
///
/// A request from Postfix that has `etrn_domain` gets an enhanced status code,
/// unless the template contains one.
pub fn deferral(policy: &Policy, request: &Request<'_>, missing: i64) -> Vec<u8> {
    let template = policy.greylist_text.as_slice();
    let seconds = missing.to_string();
    let text = fill(template, b"%s", seconds.as_bytes());
    let text = fill(&text, b"%r", domain(request.recipient));
    if request.has_etrn_domain && !template.first().is_some_and(u8::is_ascii_digit) {
        [b"4.2.0 ".as_slice(), text.as_ref()].concat()
    } else {
        text.into_owned()
    }
}

/// The header of a mail that was delayed: `%t` becomes the seconds it
/// `waited`, `%v` this program's version, `%d` the date, `%h` the host name.
pub fn header(policy: &Policy, waited: i64, date: &str) -> Vec<u8> {
    let waited = waited.to_string();
    let header = fill(&policy.header, b"%t", waited.as_bytes());
    let header = fill(&header, b"%v", env!("CARGO_PKG_VERSION").as_bytes());
    let header = fill(&header, b"%d", date.as_bytes());
    fill(&header, b"%h", &policy.hostname).into_owned()
}

/// Returns the part after the last `@`, or the whole text.
fn domain(recipient: &[u8]) -> &[u8] {
    match memchr::memrchr(b'@', recipient) {
        Some(at) => &recipient[at + 1..],
        None => recipient,
    }
}

fn fill<'t>(template: &'t [u8], mark: &[u8; 2], value: &[u8]) -> Cow<'t, [u8]> {
    match template.windows(2).position(|window| window == mark) {
        Some(at) => Cow::Owned([&template[..at], value, &template[at + 2..]].concat()),
        None => Cow::Borrowed(template),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deferral_of(template: &str, recipient: &str) -> String {
        let policy = Policy { greylist_text: template.into(), ..Policy::default() };
        let request = Request { recipient: recipient.as_bytes(), ..Request::default() };
        String::from_utf8(deferral(&policy, &request, 300)).unwrap()
    }

    #[test]
    fn the_deferral_names_seconds_and_domain_once() {
        let table = [
            ("help/%r.html", "a@b.example", "help/b.example.html"),
            ("help/%r.html", "a@B.Example", "help/B.Example.html"),
            ("help/%r.html", "a@b@c.example", "help/c.example.html"),
            ("help/%r.html", "postmaster", "help/postmaster.html"),
            ("help/%r.html", "", "help/.html"),
            ("wait %s", "a@b", "wait 300"),
            ("%s %s %r %r", "a@b", "300 %s b %r"),
            ("%%s", "a@b", "%300"),
            ("%S %d %t", "a@b", "%S %d %t"),
            ("%r", "a@%s.example", "%s.example"),
        ];
        for (template, recipient, text) in table {
            assert_eq!(deferral_of(template, recipient), text, "{template} {recipient}");
        }
    }

    #[test]
    fn postfix_gets_an_enhanced_status_code() {
        let request = Request { has_etrn_domain: true, ..Request::default() };
        let with = |template: &str| {
            let policy = Policy { greylist_text: template.into(), ..Policy::default() };
            String::from_utf8(deferral(&policy, &request, 300)).unwrap()
        };
        assert_eq!(with("wait"), "4.2.0 wait");
        assert_eq!(with("4.7.1 wait"), "4.7.1 wait");
        assert_eq!(with("%s wait"), "4.2.0 300 wait");
    }

    #[test]
    fn the_header_is_filled_in_order() {
        let policy = Policy {
            header: b"X-G: %t %v %d %h %t".to_vec(),
            hostname: b"mx%t.example".to_vec(),
            ..Policy::default()
        };
        let header = String::from_utf8(header(&policy, 7, "DATE")).unwrap();
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(header, format!("X-G: 7 {version} DATE mx%t.example %t"));
    }
}
