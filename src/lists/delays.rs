//! Recipients with their own delay in place of `--delay`: lines like `example.com
//! delay=60`, a rule on addresses before the delay.

use super::addresses::Addresses;
use super::diagnostics::{Diagnostics, Warning};
use super::file::{Text, is_blank};
use super::location::Location;
use super::pattern::Budget;
use std::collections::HashMap;

/// The longest delay in seconds: mail servers give up after a few days.
const MAX_DELAY: i64 = 86_400;

const NO_DELAY: &str = "has no delay; write it like example.com delay=60";
const NO_NUMBER: &str = "has no number of seconds from 1 to 86400 after delay=; recipients who \
                         want no delay at all belong in --whitelist-recipients";

#[derive(Debug, Default)]
pub struct Delays {
    recipients: Addresses,
    /// The delay of each line, in seconds.
    seconds: HashMap<Location, i64>,
}

impl Delays {
    /// Parses lists in their order; what is wrong with a line becomes a warning
    /// and the line is skipped.
    pub fn parse(texts: impl IntoIterator<Item = Text>, warnings: &mut Vec<Warning>) -> Delays {
        let texts: Vec<Text> = texts.into_iter().collect();
        let (rules, seconds, invalid) = Delays::split(&texts);
        warnings.extend(invalid);
        Delays { recipients: Addresses::parse(rules, warnings), seconds }
    }

    /// Splits lists into their rules on recipients, each on its line, the delays
    /// of these lines in seconds, and warnings about lines without a valid delay.
    pub fn split(texts: &[Text]) -> (Vec<Text>, HashMap<Location, i64>, Vec<Warning>) {
        let (mut seconds, mut warnings) = (HashMap::new(), Vec::new());
        let mut invalid = Diagnostics::default();
        let rules = texts.iter().map(|text| without_delays(text, &mut seconds, &mut invalid));
        let rules = rules.collect();
        invalid.append_to(&mut warnings);
        (rules, seconds, warnings)
    }

    pub(crate) fn len(&self) -> usize {
        self.recipients.len()
    }

    /// The longest delay in seconds, if there is any.
    pub fn longest(&self) -> Option<i64> {
        self.seconds.values().copied().max()
    }

    /// Returns a recipient's own delay in seconds. Patterns that take too long are
    /// reported in `budget`.
    pub fn find<'l>(&'l self, recipient: &[u8], budget: &mut Budget<'l>) -> Option<i64> {
        let location = self.recipients.find(recipient, budget)?;
        self.seconds.get(location).copied()
    }
}

/// Returns the list without the delays, each rule on its line; puts the delays
/// into `seconds`, and warnings about lines without a valid one into
/// `diagnostics`.
fn without_delays(
    text: &Text,
    seconds: &mut HashMap<Location, i64>,
    diagnostics: &mut Diagnostics,
) -> Text {
    let mut bytes = Vec::with_capacity(text.bytes.len());
    let mut line = 1;
    for (location, rule) in text.rules(diagnostics) {
        match split(rule) {
            Ok((rule, delay)) => {
                bytes.extend((line..location.line()).map(|_| b'\n'));
                bytes.extend_from_slice(rule);
                line = location.line();
                seconds.insert(location, delay);
            }
            Err(why) => diagnostics.about(&location, why),
        }
    }
    Text { file: text.file.clone(), bytes }
}

fn split(line: &[u8]) -> Result<(&[u8], i64), &'static str> {
    let blank = line.iter().rposition(is_blank).ok_or(NO_DELAY)?;
    let digits = line[blank + 1..].strip_prefix(b"delay=").ok_or(NO_DELAY)?;
    let number = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'));
    let delay = number.and_then(|digits| digits.parse().ok());
    let delay = delay.filter(|delay| (1..=MAX_DELAY).contains(delay)).ok_or(NO_NUMBER)?;
    Ok((line[..blank].trim_ascii_end(), delay))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(list: &str) -> (Delays, Vec<String>) {
        let mut warnings = Vec::new();
        let text = Text { file: "list".into(), bytes: list.into() };
        let delays = Delays::parse([text], &mut warnings);
        (delays, warnings.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_first_rule_that_matches_gives_the_delay() {
        let list = "# Those who wait for codes.\n\nexample.com delay=60 # a minute\n\
                    a@example.com\tdelay=5\nslow.example.com delay=86400\n/^b/ delay=7\n\
                    example.com delay=9\n";
        let (delays, warnings) = parse(list);
        assert!(warnings.is_empty(), "{warnings:?}");
        for (recipient, delay) in [
            ("x@example.com", Some(60)),
            ("X@mail.EXAMPLE.com", Some(60)),
            ("a+b@example.com", Some(5)),
            ("x@slow.example.com", Some(86_400)),
            ("b@other.test", Some(7)),
            ("b@example.com", Some(60)),
            ("x@other.test", None),
        ] {
            assert_eq!(
                delays.find(recipient.as_bytes(), &mut Budget::default()),
                delay,
                "{recipient}"
            );
        }
    }

    #[test]
    fn a_line_without_a_valid_delay_is_reported_and_skipped() {
        for (line, complaint) in [
            ("a@b.test", NO_DELAY),
            ("a@b.test 60", NO_DELAY),
            ("delay=60", NO_DELAY),
            ("a@b.test delay=60 or so", NO_DELAY),
            ("a@b.test delay=0", NO_NUMBER),
            ("a@b.test delay=-1", NO_NUMBER),
            ("a@b.test delay=+1", NO_NUMBER),
            ("a@b.test delay=", NO_NUMBER),
            ("a@b.test delay=86401", NO_NUMBER),
            ("a@b.test delay=1m", NO_NUMBER),
            ("a b.test delay=60", "doesn't look like an address"),
        ] {
            let (delays, warnings) = parse(&format!("\n{line}\n"));
            assert_eq!(warnings, [format!("list line 2: {complaint}")], "{line}");
            assert_eq!(delays.find(b"a@b.test", &mut Budget::default()), None, "{line}");
        }
    }
}
