//! What is wrong or useless in the lists, and what to write instead.
//!
//! The daemon takes most lines without a word, for it cannot know what was
//! meant: `.example.com` is a name like any other, and matches nobody. Here
//! each kind of mistake has a small function that knows it by its looks, and
//! tables put them in order ([`Look`]). What remains is what the lists' own
//! parser complains of, and what other lines make superfluous.

mod addresses;
mod age;
mod covered;
mod dots;
mod finding;
mod names;
mod patterns;
mod purpose;
mod recipients;
mod words;

pub use age::neglected;
pub use finding::{Finding, Remedy, Severity};

use super::delays;
use super::diagnostics::Diagnostics;
use super::file::{self, Location, Text, rule_of, trim};
use super::{Addresses, Clients, Files, Form, Warning};
use finding::{Advice, doubtful, finding, instead, useless, write};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A kind of mistake, and how to know it.
type Look = (&'static str, fn(&str) -> Option<Advice>);

/// One of the forms of lists; senders are written like recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    Clients,
    Recipients,
    /// Likewise, before their delays.
    Delays,
}

impl List {
    /// The kinds of mistakes in the order in which they are looked for.
    fn looks(self) -> impl Iterator<Item = &'static Look> {
        let (first, second): (&[Look], &[Look]) = match self {
            List::Clients => (addresses::LOOKS, names::LOOKS),
            List::Recipients | List::Delays => (recipients::LOOKS, &[]),
        };
        words::LOOKS.iter().chain(patterns::looks(self)).chain(first).chain(second)
    }

    /// The first mistake that a rule shows.
    fn look(self, rule: &str) -> Option<(&'static str, Advice)> {
        let (kind, mut advice) = self.first_look(rule)?;
        if let Remedy::Write(lines) = &mut advice.remedy {
            let better = lines.iter().flat_map(|line| self.mended(line)).collect();
            *lines = better;
        }
        Some((kind, advice))
    }

    fn first_look(self, rule: &str) -> Option<(&'static str, Advice)> {
        self.looks().find_map(|(kind, look)| look(rule).map(|advice| (*kind, advice)))
    }

    /// A proposal, mended where it still shows a mistake: of `*.example.com.`
    /// first the asterisk goes, then the dot.
    fn mended(self, line: &str) -> Vec<String> {
        const MOST_STEPS: usize = 4;
        let mut lines = vec![line.to_owned()];
        for _ in 0..MOST_STEPS {
            let Some((_, Advice { remedy: Remedy::Write(better), .. })) =
                lines.first().filter(|_| lines.len() == 1).and_then(|line| self.first_look(line))
            else {
                break;
            };
            lines = better;
        }
        lines
    }

    /// What the daemon complains of when it reads a rule.
    fn parse(self, rule: &[u8]) -> Vec<Warning> {
        let text = Text { file: PathBuf::new(), bytes: rule.to_vec() };
        let mut warnings = Vec::new();
        match self {
            List::Clients => drop(Clients::parse([text], &mut warnings)),
            List::Recipients | List::Delays => drop(Addresses::parse([text], &mut warnings)),
        }
        warnings
    }
}

/// Looks at all lists: their files in order, their lines in order.
#[must_use]
pub fn advise(files: &Files) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (option, form, paths) in files.by_option() {
        let list = match form {
            Form::Clients => List::Clients,
            Form::Addresses => List::Recipients,
            Form::Delays => List::Delays,
        };
        let (mut unreadable, mut seconds) = (Vec::new(), HashMap::new());
        let mut texts = file::read(paths, &mut HashMap::new(), &mut unreadable);
        findings.extend(unreadable.iter().map(|warning| about_file(option, paths, warning)));
        if form == Form::Delays {
            texts = rules_with_delays(&texts, &mut seconds, &mut findings);
        }
        let delays = seconds.iter().map(|(line, delay)| ((line.file(), line.line()), *delay));
        let delays = delays.collect();
        let first = findings.len();
        advise_list(list, &texts, &mut findings);
        for finding in &mut findings[first..] {
            purpose::suit(option, finding);
            keep_delay(&delays, finding);
        }
    }
    findings
}

/// The rules before the delays, to be looked at like those of other lists.
fn rules_with_delays(
    texts: &[Text],
    seconds: &mut HashMap<Location, i64>,
    findings: &mut Vec<Finding>,
) -> Vec<Text> {
    let mut complaints = Diagnostics::default();
    let rules = texts.iter().map(|text| {
        if text.has_byte_order_mark() {
            findings.push(byte_order_mark(&text.file));
        }
        let text = text.without_byte_order_mark();
        delays::without_delays(&text, seconds, &mut complaints)
    });
    let rules = rules.collect();
    let mut warnings = Vec::new();
    complaints.tell(&mut warnings);
    for warning in &warnings {
        let Some(origin) = warning.origin() else { continue };
        let rule = origin.read_line().unwrap_or_default();
        let remedy = instead("mend the line or delete it");
        let advice = useless(warning.text(), remedy);
        findings.push(finding(origin, rule.as_bytes(), "delay", advice));
    }
    rules
}

/// Puts the delay behind what is to be written in place of its line. `delays`
/// has them by file and line.
fn keep_delay(delays: &HashMap<(&Path, u32), i64>, finding: &mut Finding) {
    let Finding { file, line, remedy, .. } = finding;
    let delay = line.and_then(|line| delays.get(&(file.as_path(), line)));
    if let (Remedy::Write(lines), Some(delay)) = (remedy, delay) {
        lines.iter_mut().for_each(|line| *line += &format!(" delay={delay}"));
    }
}

fn advise_list(list: List, texts: &[Text], findings: &mut Vec<Finding>) {
    let first = findings.len();
    let mut good = Vec::new();
    for text in texts {
        if text.has_byte_order_mark() {
            findings.push(byte_order_mark(&text.file));
        }
        let mut dots = dots::Dots::default();
        for (origin, line) in text.lines() {
            let found = advise_line(list, &origin, line);
            if found.is_empty() {
                dots.look(&origin, rule_of(line));
            }
            let is_good = found.iter().all(|finding| finding.severity == Severity::Warning);
            if is_good && !rule_of(line).is_empty() {
                good.push((origin, rule_of(line)));
            }
            findings.extend(found);
        }
        findings.extend(dots.finding());
    }
    match list {
        List::Clients => covered::clients(&good, findings),
        List::Recipients => covered::recipients(&good, findings),
        List::Delays => covered::delays(&good, findings),
    }
    let place = |finding: &Finding| texts.iter().position(|text| text.file == finding.file);
    findings[first..].sort_by_key(|finding| (place(finding), finding.line));
}

/// What is wrong with a line by its looks, and what the daemon says of it
/// unless that is the same.
fn advise_line(list: List, origin: &Location, line: &[u8]) -> Vec<Finding> {
    let rule = rule_of(line);
    if rule.is_empty() {
        return Vec::new();
    }
    let whole = String::from_utf8_lossy(trim(line));
    let shown = String::from_utf8_lossy(rule);
    let look = patterns::cut_by_comment(&whole)
        .map(|advice| ("comment-in-pattern", advice))
        .or_else(|| list.look(&shown));
    let is_useless = |(_, advice): &(_, Advice)| advice.severity == Severity::Error;
    let complaint =
        if look.as_ref().is_some_and(is_useless) { None } else { complaint(list, rule) };
    let found = complaint.into_iter().chain(look);
    found.map(|(kind, advice)| finding(origin, rule, kind, advice)).collect()
}

/// What the daemon itself reports of a line, which it then skips.
fn complaint(list: List, rule: &[u8]) -> Option<(&'static str, Advice)> {
    let text = list.parse(rule).first()?.text().to_owned();
    Some(("refused", useless(text, instead("mend the line or delete it: the daemon skips it"))))
}

fn about_file(option: &str, paths: &[PathBuf], warning: &Warning) -> Finding {
    let file = warning.unread().unwrap_or(Path::new(""));
    let is_named = paths.iter().any(|path| path == file);
    let other =
        if is_named { format!("take it out of --{option}") } else { "delete it".to_owned() };
    let remedy = format!("the daemon goes on without its rules: make it readable, or {other}");
    Finding::of_file(file, None, Severity::Error, "unreadable", warning.text(), remedy)
}

fn byte_order_mark(file: &Path) -> Finding {
    let problem = "the file starts with a byte order mark, which postgrey 1 takes for a part of \
                   the first rule";
    let remedy = "save the file as plain UTF-8 without one";
    Finding::of_file(file, Some(1), Severity::Warning, "byte-order-mark", problem, remedy)
}
