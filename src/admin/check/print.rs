//! Findings as text, at most 80 columns wide, and as JSON.

use super::super::text::{counted, foreign, place, with_place};
use super::super::{Error, Output};
use super::finding::{Finding, Fix, Level};
use crate::cli::admin::OutputFormat;
use crate::cli::layout::wrap;
use crate::json::Object;
use std::io::Write;
use std::path::PathBuf;

/// Prints all findings; `files` are the lists that were read.
pub fn all(findings: &[Finding], files: &[PathBuf], out: &mut Output) -> Result<(), Error> {
    for finding in findings {
        match out.format {
            OutputFormat::Text => out.write_all(text(finding).as_bytes())?,
            OutputFormat::Json => json(finding).write(out)?,
        }
    }
    if out.format == OutputFormat::Text {
        out.write_all(summary(findings, files).as_bytes())?;
    }
    Ok(())
}

fn text(finding: &Finding) -> String {
    let Finding { rule, problem, fix, .. } = finding;
    let rule = foreign(rule.as_bytes());
    let begin = if rule.is_empty() { String::new() } else { format!("{rule} ") };
    let mut text = format!("{}: {}\n", place(&finding.place), word(finding.level));
    text += &indented(&format!("{begin}{}", foreign(problem.as_bytes())));
    match fix {
        Fix::Do(sentence) => text += &indented(&format!("-> {sentence}")),
        Fix::Write(lines) => {
            for line in lines {
                text += &format!("    write: {}\n", foreign(line.as_bytes()));
            }
        }
    }
    text
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

fn indented(text: &str) -> String {
    wrap(text, "    ", "    ")
}

fn summary(findings: &[Finding], files: &[PathBuf]) -> String {
    let of = |level| findings.iter().filter(|finding| finding.level == level).count() as u64;
    let (errors, warnings) = (of(Level::Error), of(Level::Warning));
    let files: Vec<String> =
        files.iter().filter(|file| file.exists()).map(|file| file.display().to_string()).collect();
    let lists = match files.as_slice() {
        [] => "no list was read".to_owned(),
        [one] => format!("{one} was read"),
        [others @ .., last] => format!("{} and {last} were read", others.join(", ")),
    };
    let counts = match (errors, warnings) {
        (0, 0) => "Nothing is wrong".to_owned(),
        _ => [counted(errors, "error", "errors"), counted(warnings, "warning", "warnings")]
            .join(", "),
    };
    let mut lines = String::new();
    for line in indented(&format!("{counts}; {lists}")).lines() {
        lines += line.trim_start();
        lines.push('\n');
    }
    lines
}

fn json(finding: &Finding) -> Object {
    let Finding { place, level, kind, rule, problem, fix } = finding;
    let object = with_place(Object::new(), place)
        .text("severity", word(*level))
        .text("kind", kind)
        .text("rule", rule)
        .text("problem", problem);
    match fix {
        Fix::Write(lines) => object.text("write", lines.join("\n")),
        Fix::Do(sentence) => object.text("fix", sentence),
    }
}
