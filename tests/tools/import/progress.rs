//! A bar on a terminal tells how far an import or an export is; nothing of it
//! comes into a pipe.

use crate::import::exported;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;
use testkit::{Program, Scratch, program_for};

const ROWS: usize = 8_000;

const LONG: Duration = Duration::from_millis(400);

fn dump() -> String {
    let mut text = String::from("VERSION=3\nformat=print\nHEADER=END\n");
    for row in 0..ROWS {
        writeln!(text, " 10.0.0.0/user{row:05}@sender.example/bob@example.org\n 5,900")
            .expect("strings can grow");
    }
    text + "DATA=END\n"
}

fn pipe(scratch: &Scratch, name: &str) -> PathBuf {
    let path = scratch.path().join(name);
    let mode = nix::sys::stat::Mode::from_bits_truncate(0o666);
    nix::unistd::mkfifo(&path, mode).expect("a pipe");
    path
}

/// Runs a line of shell with a terminal of its own or without any. The terminal
/// is what `script` makes.
fn run(line: &str, has_terminal: bool, meanwhile: impl FnOnce() + Send) -> Output {
    let mut command = Command::new(if has_terminal { "script" } else { "sh" });
    match has_terminal {
        true => command.args(["-qec", line, "/dev/null"]),
        false => command.args(["-c", line]),
    };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("a child");
    thread::scope(|scope| {
        scope.spawn(meanwhile);
        child.wait_with_output().expect("its end")
    })
}

/// A line with a bar, which goes away in the end.
fn assert_shows_a_bar(output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("\r[#") && text.contains(" %  "), "{text:?}");
    let (_, last) = text.rsplit_once(" %  ").expect("a bar");
    let last: Vec<&str> = last.split('\r').collect();
    assert_eq!(last[1].trim(), "", "the line is wiped: {text:?}");
}

/// Gives the text in two parts with a pause between.
fn feed(pipe: &Path, text: &str) {
    let mut pipe = File::create(pipe).expect("a pipe");
    let (one, two) = text.as_bytes().split_at(text.len() / 2);
    pipe.write_all(one).expect("a reader");
    thread::sleep(LONG);
    pipe.write_all(two).expect("a reader");
}

/// Reads all, after a pause in which the pipe is full.
fn drain(pipe: &Path) -> String {
    let mut pipe = File::open(pipe).expect("a pipe");
    thread::sleep(LONG);
    let mut text = String::new();
    pipe.read_to_string(&mut text).expect("ASCII");
    text
}

#[test]
fn progress_is_shown_on_a_terminal_only() {
    testkit::needs!(program_for("progress on a terminal", "/usr/bin/script", "bsdutils"));
    let (scratch, text) = (Scratch::new(), dump());
    let dbdir = scratch.subdirectory("db");
    let (ours, dbdir) = (Program::Ours.path(), dbdir.display().to_string());
    let ours = ours.display();
    let (into, out_of) = (pipe(&scratch, "into"), pipe(&scratch, "out-of"));
    let import = format!("cat {} | {ours} import --from=- --dbdir={dbdir}", into.display());
    let export = format!("{ours} export --triplets --dbdir={dbdir} >{}", out_of.display());

    // Of a pipe nobody knows the end: the bytes are counted.
    let output = run(&import, true, || feed(&into, &text));
    let shown = String::from_utf8_lossy(&output.stdout);
    let line = format!("imported {ROWS} triplets and 0 clients from standard input\r\n");
    assert!(shown.starts_with('\r') && shown.ends_with(&line), "{shown:?}");
    assert!(!shown.contains('%'), "{shown:?}");
    let quiet = run(&import, false, || feed(&into, &text));
    assert_eq!(String::from_utf8_lossy(&quiet.stderr), "");
    assert!(quiet.stdout.starts_with(b"imported 0 triplets and 0 clients"), "{quiet:?}");

    for has_terminal in [true, false] {
        let mut exported = String::new();
        let output = run(&export, has_terminal, || exported = drain(&out_of));
        assert_eq!(exported.matches("/user").count(), ROWS, "{output:?}");
        match has_terminal {
            true => assert_shows_a_bar(&output),
            false => assert_eq!((output.stdout, output.stderr), (Vec::new(), Vec::new())),
        }
    }
    assert_eq!(exported(&scratch, "--triplets").lines().count(), 2 * ROWS);
}
