//! Lints for lists: rules that do not match what their author intended, and their
//! fixes.
//!
//! The daemon accepts most lines silently because it cannot know the intention:
//! `.example.com` is a name like any other, and matches no client. Each lint is a
//! small function that recognises one mistake seen in published lists, questions
//! and guides; tables hold them in order. The daemon's own warnings and
//! superfluous rules complete the findings.

mod addresses;
mod covered;
mod hosts;
mod line;
mod mailboxes;
mod patterns;

use super::finding::{Finding, Fix, Level};
use crate::cli::FilePlace;
use crate::lists::{Addresses, Clients, Delays, Files, Location, Syntax, Text, Warning};
use crate::lists::{read_files, rule_of, trim};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Recognises one mistake in a rule.
type Lint = fn(&str) -> Option<Finding>;

/// Applies the lints to the rules of one list.
#[derive(Clone, Copy)]
struct ListLinter<'o> {
    /// The option that names it, without dashes.
    option: &'o str,
    syntax: Syntax,
}

impl ListLinter<'_> {
    fn lints(self) -> impl Iterator<Item = &'static Lint> {
        let own = match self.syntax {
            Syntax::Clients => [patterns::OF_CLIENTS, addresses::LINTS, hosts::LINTS],
            Syntax::Addresses | Syntax::Delays => [patterns::OF_ADDRESSES, mailboxes::LINTS, &[]],
        };
        line::LINTS.iter().chain(own.into_iter().flatten())
    }

    /// Returns the first mistake that a rule shows.
    fn first(self, rule: &str) -> Option<Finding> {
        self.misplaced(rule).or_else(|| self.lints().find_map(|lint| lint(rule)))
    }

    /// The same with a fix that is free of mistakes itself: `*.example.com.`
    /// first loses the asterisk, then the dot.
    fn lint(self, rule: &str) -> Option<Finding> {
        let mut finding = self.first(rule)?;
        if let Fix::Write(lines) = finding.fix {
            finding.fix = self.fixed(lines);
        }
        Some(finding)
    }

    fn fixed(self, mut lines: Vec<String>) -> Fix {
        const MAX_STEPS: usize = 4;
        for _ in 0..MAX_STEPS {
            let mut better = Vec::new();
            for line in &lines {
                match self.first(line) {
                    Some(Finding { fix: Fix::Write(fixed), .. }) => better.extend(fixed),
                    Some(Finding { level: Level::Error, fix, .. }) => return fix,
                    _ => better.push(line.clone()),
                }
            }
            if better == lines {
                break;
            }
            lines = better;
        }
        Fix::Write(lines)
    }

    /// Recognises a mail address in a list of clients, and the reverse.
    fn misplaced(self, rule: &str) -> Option<Finding> {
        let (family, _) = self.option.split_once('-')?;
        if self.syntax != Syntax::Clients {
            addresses::of_host(rule)?;
            let problem = "is the address of a host, and this is a list of mail addresses";
            let fix = match family {
                "whitelist" | "blacklist" => format!("move it to a list of --{family}-clients"),
                _ => "delete it".to_owned(),
            };
            return Some(Finding::error("client-address", problem, fix));
        }
        if !rule.contains('@') || rule.starts_with('/') || rule.contains(char::is_whitespace) {
            return None;
        }
        let linter = ListLinter { option: self.option, syntax: Syntax::Addresses };
        let written = match linter.fixed(vec![rule.to_owned()]) {
            Fix::Write(lines) if lines != [rule] => format!(", written as {}", lines.join(" ")),
            _ => String::new(),
        };
        let problem = "is a mail address, and clients are hosts: none has this name";
        let fix =
            format!("move it to a list of --{family}-senders or --{family}-recipients{written}");
        Some(Finding::error("mail-address", problem, fix))
    }

    /// Returns the daemon's first warning about a rule.
    fn warning(self, rule: &[u8]) -> Option<Finding> {
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_@".contains(byte);
        if rule.len() < 256 && rule.iter().all(is_name) && !rule[0].is_ascii_digit() {
            return None;
        }
        let text = Text { file: PathBuf::new(), bytes: rule.to_vec() };
        let mut warnings = Vec::new();
        let is_accepted = match self.syntax {
            Syntax::Clients => !Clients::parse([text], &mut warnings).is_empty(),
            _ => !Addresses::parse([text], &mut warnings).is_empty(),
        };
        let problem = warnings.first()?.text();
        Some(if is_accepted {
            let fix = "write it in a way that all programs read alike";
            Finding::warning("odd-pattern", problem, fix)
        } else {
            let fix = "fix the line or delete it: the daemon skips it";
            Finding::error("refused", problem, fix)
        })
    }

    fn lint_line(self, location: &Location, line: &[u8]) -> Vec<Finding> {
        let rule = rule_of(line);
        if rule.is_empty() {
            return Vec::new();
        }
        let mistake = patterns::cut_by_comment(&String::from_utf8_lossy(trim(line)))
            .or_else(|| self.lint(&String::from_utf8_lossy(rule)));
        let is_error = mistake.as_ref().is_some_and(|it| it.level == Level::Error);
        let warning = if is_error { None } else { self.warning(rule) };
        let found = warning.into_iter().chain(mistake);
        found.map(|finding| finding.of_rule(location, rule)).collect()
    }

    fn lint_texts(self, texts: &[Text]) -> Vec<Finding> {
        let mut findings = byte_order_marks(texts);
        let mut working = Vec::new();
        for text in texts {
            for (location, line) in text.lines() {
                let found = self.lint_line(&location, line);
                let works = found.iter().all(|finding| finding.level == Level::Warning);
                if works && !rule_of(line).is_empty() {
                    working.push((location, rule_of(line)));
                }
                findings.extend(found);
            }
        }
        findings.extend(covered::find(self.syntax, &working));
        let number = |place: &FilePlace| texts.iter().position(|text| text.file == place.file);
        findings.sort_by_key(|finding| (number(&finding.place), finding.place.line));
        findings
    }
}

/// Returns the findings in all lists, in the order of options, files and lines.
pub fn lint(files: &Files) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (option, syntax, paths) in files.by_option() {
        let (texts, unreadable) = read_files(paths);
        findings.extend(unreadable.iter().map(|warning| about_file(option, paths, warning)));
        let linter = ListLinter { option, syntax };
        match syntax {
            Syntax::Delays => findings.extend(lint_delays(linter, &texts)),
            _ => findings.extend(linter.lint_texts(&texts)),
        }
    }
    findings
}

/// Checks rules with delays like those of other lists, and keeps the delay in
/// the lines to be written.
fn lint_delays(linter: ListLinter, texts: &[Text]) -> Vec<Finding> {
    let (rules, delays, warnings) = Delays::split(texts);
    let mut findings = byte_order_marks(texts);
    for warning in &warnings {
        if let Some(location) = warning.location() {
            let finding = Finding::error("delay", warning.text(), "fix the line or delete it");
            findings.push(finding.of_rule(location, b""));
        }
    }
    let delays: HashMap<(&Path, u32), i64> =
        delays.iter().map(|(line, delay)| ((line.file(), line.line()), *delay)).collect();
    for mut finding in linter.lint_texts(&rules) {
        let FilePlace { file, line } = &finding.place;
        let delay = line.and_then(|line| delays.get(&(file.as_path(), line)));
        if let (Fix::Write(lines), Some(delay)) = (&mut finding.fix, delay) {
            lines.iter_mut().for_each(|line| *line += &format!(" delay={delay}"));
        }
        findings.push(finding);
    }
    findings
}

fn about_file(option: &str, paths: &[PathBuf], warning: &Warning) -> Finding {
    let file = warning.unread().unwrap_or(Path::new(""));
    let is_named = paths.iter().any(|path| path == file);
    let or = if is_named { format!("remove it from --{option}") } else { "delete it".to_owned() };
    let fix = format!("make it readable for the daemon's user, or {or}");
    Finding::error("unreadable", warning.text(), fix).at(FilePlace::new(file, None))
}

/// `.example.com` in a list of any kind.
fn leading_dot(rule: &str) -> Option<Finding> {
    let name = rule.trim_start_matches('.');
    (name.len() < rule.len() && !name.is_empty() && !rule.contains('@')).then(|| {
        let problem = "matches nothing: a domain without a dot covers subdomains";
        Finding::error("leading-dot", problem, Fix::write(name))
    })
}

/// `example.com.` in a list of any kind.
fn trailing_dot(rule: &str) -> Option<Finding> {
    let name = rule.trim_end_matches('.');
    let problem = "matches nothing: names have no final dot";
    (name.len() < rule.len() && !name.is_empty())
        .then(|| Finding::error("trailing-dot", problem, Fix::write(name)))
}

fn byte_order_marks(texts: &[Text]) -> Vec<Finding> {
    let problem = "the file starts with a byte order mark, which postgrey 1 reads as part of the \
                   first rule";
    let fix = "save the file as plain UTF-8 without one";
    let marked = texts.iter().filter(|text| text.has_byte_order_mark());
    let finding = |text: &Text| {
        Finding::warning("byte-order-mark", problem, fix).at(FilePlace::new(&text.file, Some(1)))
    };
    marked.map(finding).collect()
}

#[cfg(test)]
mod tests;
