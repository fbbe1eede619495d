//! Progress of a long import or export is shown on a terminal only.

use crate::import::exported;
use std::fmt::Write as _;
use std::process::Command;
use testkit::tool::run;
use testkit::{Program, Scratch, program_for};

/// More than a pipe holds.
const ROWS: usize = 8_000;

/// Runs a line of shell, on a terminal that script(1) makes or without one. The
/// output of a terminal is in `out`, with its errors.
fn shell(line: &str, has_terminal: bool) -> String {
    match has_terminal {
        true => run(Command::new("script").args(["-qec", line, "/dev/null"])).success(),
        false => run(Command::new("sh").args(["-c", line])).success(),
    }
}

#[test]
fn progress_is_shown_on_a_terminal_only() {
    testkit::needs!(program_for("progress on a terminal", "/usr/bin/script", "bsdutils"));
    let scratch = Scratch::new();
    scratch.subdirectory("db");
    let mut dump = String::from("VERSION=3\nformat=print\nHEADER=END\n");
    for row in 0..ROWS {
        let key = format!("10.0.0.0/user{row:05}@sender.example/bob@example.org");
        writeln!(dump, " {key}\n 5,900").expect("strings can grow");
    }
    let file = scratch.file("dump", dump + "DATA=END\n");
    let (ours, dbdir) = (Program::Ours.path(), scratch.dbdir_option());
    let (ours, file) = (ours.display(), file.display());
    // Progress is shown after a while: in the middle of the file, or of the output.
    let import = format!(
        "(head -c 100000 {file}; sleep 0.4; tail -c +100001 {file}) | \
         {ours} import --from=- {dbdir}"
    );
    let copy = scratch.path().join("copy");
    let export = format!("{ours} export {dbdir} | (sleep 0.4; cat >{})", copy.display());

    // The size of a pipe is not known: the bytes are counted.
    let shown = shell(&import, true);
    let line = format!("imported {ROWS} triplets and 0 clients from standard input\r\n");
    assert!(shown.starts_with('\r') && shown.ends_with(&line), "{shown:?}");
    assert!(!shown.contains('%'), "{shown:?}");
    assert!(shell(&import, false).starts_with("imported 0 triplets and 0 clients"));

    let shown = shell(&export, true);
    assert!(shown.contains("\r[#") && shown.contains(" %  "), "{shown:?}");
    let (_, end) = shown.rsplit_once(" %  ").expect("a bar");
    assert_eq!(end.split('\r').nth(1).map(str::trim), Some(""), "the bar is removed: {shown:?}");
    assert_eq!(shell(&export, false), "");
    let copy = std::fs::read_to_string(copy).expect("a copy");
    assert_eq!(copy.matches("/user").count(), ROWS);
    assert_eq!(exported(&scratch, "--triplets").lines().count(), 2 * ROWS);
}
