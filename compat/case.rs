//! Runs the body of a case on one program or on both and holds what was seen
//! against what was expected.
//!
//! Each observation becomes an entry in the program's record. An entry with an
//! expectation is compared with it: one for both programs, or two that are marked with
//! [`differs`] and must differ. When both programs ran, entries without an
//! expectation must be equal, and the programs must have gone the same way.

use crate::catalogue;
use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;
use testkit::{Program, program_for, root_for};

#[derive(Clone, Debug)]
pub enum Expected {
    Same(String),
    Differs {
        /// The difference's id in `BEHAVIOUR.md`.
        id: &'static str,
        /// The output of the original.
        theirs: String,
        ours: String,
    },
}

impl Expected {
    pub fn may_differ(&self) -> bool {
        matches!(self, Expected::Differs { .. })
    }
}

pub fn differs(id: &'static str, theirs: impl Text, ours: impl Text) -> Expected {
    let (theirs, ours) = (theirs.text(), ours.text());
    assert!(
        catalogue::differences().iter().any(|known| known.id == id),
        "{id} is not in the list of differences in BEHAVIOUR.md"
    );
    assert_ne!(theirs, ours, "{id} is marked as a difference and is none");
    Expected::Differs { id, theirs, ours }
}

pub trait Text {
    fn text(self) -> String;
}

impl Text for &str {
    fn text(self) -> String {
        self.to_string()
    }
}

impl Text for String {
    fn text(self) -> String {
        self
    }
}

impl Text for &String {
    fn text(self) -> String {
        self.clone()
    }
}

impl<T: Text, const N: usize> Text for [T; N] {
    fn text(self) -> String {
        self.map(Text::text).join("\n")
    }
}

impl Text for Vec<String> {
    fn text(self) -> String {
        self.join("\n")
    }
}

impl<T: Text> From<T> for Expected {
    fn from(text: T) -> Expected {
        Expected::Same(text.text())
    }
}

#[derive(Clone)]
pub struct Run {
    program: Program,
    record: Rc<RefCell<Record>>,
}

#[derive(Default)]
struct Record {
    entries: Vec<Entry>,
    complaints: Vec<String>,
}

struct Entry {
    what: String,
    /// The observation, unless it was already compared with an expectation.
    unexpected: Option<String>,
}

impl Run {
    fn of(program: Program, body: &impl Fn(&Run)) -> Record {
        let run = Run { program, record: Rc::default() };
        body(&run);
        run.record.take()
    }

    pub fn program(&self) -> Program {
        self.program
    }

    /// Records what was seen. When both programs run, it must be the same.
    pub fn note(&self, what: impl Display, seen: impl Text) {
        self.enter(what, Some(seen.text()));
    }

    /// Records what was seen and holds it to what was expected.
    pub fn expect(&self, what: impl Display, seen: impl Text, expected: impl Into<Expected>) {
        let (what, seen) = (what.to_string(), seen.text());
        let expected = expected.into();
        let wanted = match (&expected, self.program) {
            (Expected::Same(text), _) => text,
            (Expected::Differs { theirs, .. }, Program::Theirs) => theirs,
            (Expected::Differs { ours, .. }, Program::Ours) => ours,
        };
        if *wanted != seen {
            let remark = match &expected {
                Expected::Differs { id, theirs, .. } if *theirs == seen => {
                    format!("\n  {id} is no difference here any more: take the mark away")
                }
                _ => String::new(),
            };
            self.record.borrow_mut().complaints.push(format!(
                "{:?}, {what}:{remark}\n  expected: {}\n  seen:     {}",
                self.program,
                indented(wanted),
                indented(&seen)
            ));
        }
        self.enter(what, None);
    }

    fn enter(&self, what: impl Display, unexpected: Option<String>) {
        self.record.borrow_mut().entries.push(Entry { what: what.to_string(), unexpected });
    }
}

/// Which programs run: both, unless `POSTGREY_UNDER_TEST` names one.
pub fn sides() -> &'static [Program] {
    match std::env::var("POSTGREY_UNDER_TEST").as_deref() {
        Err(_) => &[Program::Theirs, Program::Ours],
        Ok("theirs") => &[Program::Theirs],
        Ok("ours") => &[Program::Ours],
        Ok(other) => panic!("POSTGREY_UNDER_TEST is {other:?}: give \"ours\" or \"theirs\""),
    }
}

/// A case that needs root, since the original has to become its own user.
const COMPARISON: &str = "the comparison with the original";

/// Returns true if the original can be run here. Otherwise reports what is skipped.
pub fn can_compare() -> bool {
    root_for(COMPARISON) && program_for(COMPARISON, "/usr/sbin/postgrey", "postgrey")
}

#[track_caller]
pub fn case(body: impl Fn(&Run)) {
    if !can_compare() {
        return;
    }
    let mut records: Vec<Record> = sides().iter().map(|program| Run::of(*program, &body)).collect();
    let mut complaints: Vec<String> =
        records.iter_mut().flat_map(|record| record.complaints.drain(..)).collect();
    if let [theirs, ours] = &records[..] {
        complaints.extend(compare(theirs, ours));
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

fn compare(theirs: &Record, ours: &Record) -> Vec<String> {
    let whats = |record: &Record| -> Vec<String> {
        let entries = record.entries.iter();
        entries.map(|entry| entry.what.clone()).collect()
    };
    if whats(theirs) != whats(ours) {
        return vec![format!(
            "the two programs went different ways:\n  theirs: {:?}\n  ours:   {:?}",
            whats(theirs),
            whats(ours)
        )];
    }
    let pairs = theirs.entries.iter().zip(&ours.entries);
    pairs
        .filter_map(|(theirs, ours)| {
            let (what, theirs) = (&theirs.what, theirs.unexpected.as_ref()?);
            let ours = ours.unexpected.as_ref()?;
            (theirs != ours).then(|| format!("{what} differs:\n{}", difference(theirs, ours)))
        })
        .collect()
}

/// The two texts without their common first and last lines.
fn difference(theirs: &str, ours: &str) -> String {
    let [theirs, ours] = [theirs, ours].map(|text| text.lines().collect::<Vec<_>>());
    let alike = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| {
        pairs.take_while(|(theirs, ours)| theirs == ours).count()
    };
    let start = alike(&mut theirs.iter().zip(&ours));
    let ends = theirs[start..].iter().rev().zip(ours[start..].iter().rev());
    let end = alike(&mut { ends });
    let shown = |name: &str, lines: &[&str]| {
        let lines = &lines[start..lines.len() - end];
        format!("  {name} {}", indented(&lines.join("\n")))
    };
    [shown("theirs:", &theirs), shown("ours:  ", &ours)].join("\n")
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n            ")
}
