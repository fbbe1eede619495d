//! Log files, plain or compressed, and standard input, as lines.
//!
//! Compressed files are read through their programs, each in its own process, so
//! that nothing is unpacked to a disk or held in memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

/// Bytes that are read at once. No line of syslog comes near this length: of
/// one that does, only the beginning is looked at.
const BUFFER: usize = 256 * 1024;

/// The magic bytes of compressed files, and the program that reads each.
const PACKERS: [(&[u8], &str); 3] =
    [(b"\x1f\x8b", "gzip"), (b"\xfd7zXZ\0", "xz"), (b"\x28\xb5\x2f\xfd", "zstd")];

/// Longest of these beginnings.
const MAX_MAGIC_LENGTH: usize = 6;

/// Logs, in the order in which they are read.
pub struct Inputs(Vec<Input>);

struct Input {
    name: PathBuf,
    file: Option<io::Result<File>>,
}

impl Inputs {
    /// Opens all files with the rights of now; `-` is standard input, and no
    /// file at all is, too.
    pub fn open(files: &[PathBuf]) -> Inputs {
        let standard_input = [PathBuf::from("-")];
        let files = if files.is_empty() { &standard_input } else { files };
        let open = |name: &PathBuf| {
            let file = (name != Path::new("-")).then(|| File::open(name));
            Input { name: name.clone(), file }
        };
        Inputs(files.iter().map(open).collect())
    }

    /// Returns why no file can be read, if that is so.
    pub fn failure(&self) -> Option<String> {
        let failures = self.0.iter().map(|Input { name, file }| {
            let error = file.as_ref()?.as_ref().err()?;
            Some(format!("can't open {}: {}", name.display(), reason(error)))
        });
        failures.collect::<Option<Vec<_>>>().map(|failures| failures.join("\n"))
    }

    /// Calls `take` with each line, without its newline, until it breaks. Read
    /// errors are reported on stderr.
    pub fn for_each_line(self, mut take: impl FnMut(&[u8]) -> ControlFlow<()>) {
        for Input { name, file } in self.0 {
            let name = name.display();
            let flow = match file {
                None => unpacked_lines(io::stdin(), &mut take),
                Some(Ok(file)) => unpacked_lines(file, &mut take),
                Some(Err(error)) => {
                    complain(&format!("Can't open {name}: {}", reason(&error)));
                    continue;
                }
            };
            match flow {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => return,
                Err(error) => complain(&format!("Can't read {name}: {}", reason(&error))),
            }
        }
    }
}

/// Lines of a log, which may be compressed.
fn unpacked_lines(
    mut input: impl Read + Send + 'static,
    take: &mut impl FnMut(&[u8]) -> ControlFlow<()>,
) -> io::Result<ControlFlow<()>> {
    let mut magic = Vec::new();
    input.by_ref().take(MAX_MAGIC_LENGTH as u64).read_to_end(&mut magic)?;
    let Some(packer) = packer(&magic) else {
        return lines(Cursor::new(magic).chain(input), take);
    };
    let mut command = Command::new(packer);
    command.args(["-d", "-c"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| {
        io::Error::other(format!("can't run {packer}, which it needs: {}", reason(&error)))
    })?;
    let mut packed = child.stdin.take().expect("it was asked for");
    let unpacked = child.stdout.take().expect("it was asked for");
    let feeder = thread::spawn(move || {
        let copied = packed.write_all(&magic).and_then(|()| io::copy(&mut input, &mut packed));
        match copied {
            // The program reports itself why it stops reading.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    });
    let flow = lines(unpacked, take)?;
    let status = child.wait()?;
    if flow.is_continue() && !status.success() {
        // The program has reported why.
        return Err(io::Error::other(format!("{packer} failed, the rest of it is missing")));
    }
    // If `take` has broken off, the feeder may wait for more input forever.
    if flow.is_continue() && feeder.is_finished() {
        feeder.join().unwrap_or(Ok(()))?;
    }
    Ok(flow)
}

/// The program for a compressed file. The name is not used: some sites compress
/// in place.
fn packer(magic: &[u8]) -> Option<&'static str> {
    PACKERS.iter().find(|(beginning, _)| magic.starts_with(beginning)).map(|(_, packer)| *packer)
}

/// Calls `take` with each line, without its newline.
fn lines(
    input: impl Read,
    take: &mut impl FnMut(&[u8]) -> ControlFlow<()>,
) -> io::Result<ControlFlow<()>> {
    let mut input = BufReader::with_capacity(BUFFER, input);
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = input.by_ref().take(BUFFER as u64).read_until(b'\n', &mut line)?;
        if length == 0 {
            return Ok(ControlFlow::Continue(()));
        }
        if take(line.strip_suffix(b"\n").unwrap_or(&line)).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        if length == BUFFER && !line.ends_with(b"\n") {
            input.skip_until(b'\n')?;
        }
    }
}

/// Prints a line on stderr, which may be closed.
pub fn complain(sentence: &str) {
    let _ = writeln!(io::stderr(), "{sentence}");
}

/// Returns the system's message without the `(os error N)` that Rust adds.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(number) => text.replace(&format!(" (os error {number})"), ""),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a few bytes at a time.
    struct Dripping<'t>(&'t [u8], usize);

    impl Read for Dripping<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(buffer.len());
            self.0.read(&mut buffer[..length])
        }
    }

    fn all_lines(text: &[u8], step: usize) -> Vec<String> {
        let mut all = Vec::new();
        let flow = lines(Dripping(text, step), &mut |line| {
            all.push(String::from_utf8_lossy(line).into_owned());
            ControlFlow::Continue(())
        });
        assert!(flow.unwrap().is_continue());
        all
    }

    #[test]
    fn lines_are_the_same_however_they_arrive() {
        for step in [1, 2, 3, 7, 100] {
            assert_eq!(all_lines(b"one\ntwo\n\nthree", step), ["one", "two", "", "three"]);
            assert_eq!(all_lines(b"one\n", step), ["one"]);
            assert!(all_lines(b"", step).is_empty());
        }
    }

    #[test]
    fn of_a_line_without_end_the_beginning_is_looked_at() {
        let endless = [b"x".repeat(3 * BUFFER + 5), b"\nnext\n".to_vec()].concat();
        for step in [1000, BUFFER, 10 * BUFFER] {
            let lines = all_lines(&endless, step);
            assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [BUFFER, 4], "{step}");
        }
    }

    #[test]
    fn a_satisfied_reader_gets_no_more_lines() {
        let mut count = 0;
        let flow = lines(&b"one\ntwo\nthree\n"[..], &mut |_| {
            count += 1;
            if count == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(flow.unwrap().is_break());
        assert_eq!(count, 2);
    }
}
