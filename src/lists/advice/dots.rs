//! Dots in patterns that were meant as dots.

use super::super::file::{Location, rule_of};
use super::super::pattern;
use super::{Finding, doubtful, finding, instead, write};

/// Debian's own list, which has a few of them. Told of these, nobody would know
/// what to do about a list that comes with the package.
const SHIPPED: &str = include_str!("../../../debian/postgrey_whitelist_clients");

/// The patterns of a file that have such dots, with what to write.
#[derive(Default)]
pub(super) struct Dots<'t>(Vec<(Location, &'t [u8], String)>);

impl<'t> Dots<'t> {
    /// Looks at a rule.
    pub(super) fn look(&mut self, origin: &Location, rule: &'t [u8]) {
        let better = std::str::from_utf8(rule).ok().and_then(mended);
        self.0.extend(better.map(|better| (origin.clone(), rule, better)));
    }

    /// One finding for all of them, as of each alone not much can come. Those
    /// of Debian's list are none, if the file has them all.
    pub(super) fn finding(self) -> Option<Finding> {
        let shipped = || SHIPPED.lines().map(|line| rule_of(line.as_bytes()));
        let is_mended = |rule: &&[u8]| std::str::from_utf8(rule).ok().and_then(mended).is_some();
        let has = |rule: &[u8]| self.0.iter().any(|(_, other, _)| *other == rule);
        let is_debians = self.0.len() > 1 && shipped().filter(is_mended).all(has);
        let is_own = |rule: &[u8]| !is_debians || shipped().all(|other| other != rule);
        let mut own = self.0.iter().filter(|(_, rule, _)| is_own(rule));
        let (origin, rule, better) = own.next()?;
        let problem = "has a . for a dot of a name, which stands for any character";
        let advice = match own.count() {
            0 => doubtful(problem, write(better.clone())),
            others => doubtful(
                format!("{problem}; {others} more of this file's patterns have such"),
                instead(format!("write \\. in all of them, like {better}")),
            ),
        };
        Some(finding(origin, rule, "open-dots", advice))
    }
}

/// A pattern with its dots escaped, where it ends in what can only be meant as
/// a domain: `/^mta[12].example.net$/`.
fn mended(rule: &str) -> Option<String> {
    let pattern = std::str::from_utf8(pattern::of_rule(rule.as_bytes())?).ok()?;
    let body = pattern.strip_suffix('$').unwrap_or(pattern);
    let (before, tail) = body.split_at(begin_of_name(body));
    let plain = tail.replace("\\.", ".").replace("\\-", "-");
    let labels: Vec<&str> = plain.trim_start_matches('.').split('.').collect();
    let top = labels.last()?;
    let is_domain = labels.len() >= 2
        && labels.iter().all(|label| !label.is_empty() && !label.contains('\\'))
        && top.len() >= 2
        && top.bytes().all(|byte| byte.is_ascii_alphabetic());
    // At the beginning, or behind what opens a group, it may stand for anything.
    let is_first = before.is_empty() || before.ends_with(['^', '(', '|']);
    let kept = usize::from(is_first && tail.starts_with('.'));
    let escaped = tail[kept..].replace("\\.", ".").replace('.', "\\.");
    let better = format!("{before}{}{escaped}", &tail[..kept]);
    let end = &pattern[body.len()..];
    (is_domain && better != body && !before.contains('#')).then(|| format!("/{better}{end}/"))
}

/// Where what can be read as a name begins, up to the end.
fn begin_of_name(body: &str) -> usize {
    let mut begin = 0;
    let mut is_escaped = false;
    for (at, letter) in body.char_indices() {
        let is_dot = matches!(letter, '.' | '-');
        let is_of_name = if is_escaped { is_dot } else { is_dot || letter.is_ascii_alphanumeric() };
        is_escaped = !is_escaped && letter == '\\';
        if !is_of_name && !is_escaped {
            begin = at + letter.len_utf8();
        }
    }
    begin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_of_domains_are_told_from_others() {
        for (rule, better) in [
            ("/^mta[12].siol.net$/", Some("/^mta[12]\\.siol\\.net$/")),
            ("/^mx\\d+.example.co.uk$/", Some("/^mx\\d+\\.example\\.co\\.uk$/")),
            ("/^x\\d.c.test$/", Some("/^x\\d\\.c\\.test$/")),
            ("/^mx.*\\.a-b.test$/", Some("/^mx.*\\.a-b\\.test$/")),
            ("/^(a|b).c.test/", Some("/^(a|b)\\.c\\.test/")),
            ("/^.mx.c.test$/", Some("/^.mx\\.c\\.test$/")),
            ("/^mta[12]\\.siol\\.net$/", None),
            ("/^mx.$/", None),
            ("/^mx.+$/", None),
            ("/mx[.]a[.]test$/", None),
            ("/^10.0.0.1$/", None),
            ("a.test", None),
        ] {
            assert_eq!(mended(rule).as_deref(), better, "{rule}");
        }
    }
}
