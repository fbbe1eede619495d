//! `postgrey check` on the real binary: what is wrong with lists and options is
//! told by file and line, with what to write instead.
mod clients;
mod directories;
mod lists;
mod options;
mod places;
mod purposes;
mod recipients;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory of its own for one test, which goes away with it.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Directory {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("postgrey-check-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a directory");
        Directory(path)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).expect("a file");
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs `postgrey check`; gives its exit status and its output.
fn check(words: &[String]) -> (i32, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_postgrey"))
        .arg("check")
        .args(words)
        .output()
        .expect("our binary");
    let text = String::from_utf8(stdout).expect("UTF-8");
    (status.code().expect("no signal"), text + &String::from_utf8_lossy(&stderr))
}

fn list(kind: &str, path: &Path) -> String {
    format!("--whitelist-{kind}={}", path.display())
}

/// The words for one list of a kind and none of the other.
fn only(kind: &str, path: &Path) -> Vec<String> {
    let other = if kind == "clients" { "recipients" } else { "clients" };
    vec![list(kind, path), list(other, Path::new("/dev/null"))]
}

/// The text of a field of a JSON line, as it is written there.
fn field<'j>(line: &'j str, name: &str) -> &'j str {
    let begin = format!("\"{name}\":\"");
    let Some(at) = line.find(&begin) else { return "" };
    let rest = &line[at + begin.len()..];
    let mut escaped = false;
    let end = rest.find(|character| {
        let is_end = character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        is_end
    });
    &rest[..end.expect("an end")]
}

/// Checks that a line, alone in a list, is recognised as `kind`, and that the
/// lines to write instead are `remedy`, or the sentence with what to do holds it.
/// What is to be written has to be free of errors itself.
fn assert_recognised(list: &str, line: &str, kind: &str, remedy: &str) {
    let directory = Directory::new();
    let path = directory.file("list", format!("# A list.\n{line}\n"));
    let (status, text) = check(&[only(list, &path), vec!["--json".to_owned()]].concat());
    let found = text.lines().find(|found| field(found, "kind") == kind);
    let found = found.unwrap_or_else(|| panic!("{line} is no {kind}: {text}"));
    assert!(found.contains("\"line\":2,"), "{found}");
    let expected = if found.contains("\"severity\":\"error\"") { 2 } else { 1 };
    assert_eq!(status, expected, "{line}: {text}");
    let unescape = |text: &str| text.replace("\\u000a", "\n").replace("\\\\", "\\");
    let better = unescape(field(found, "write"));
    if better.is_empty() {
        let sentence = field(found, "remedy");
        assert!(sentence.contains(remedy), "{line}: {sentence}");
        return;
    }
    assert_eq!(better, remedy, "{line}");
    let path = directory.file("better", &better);
    let (status, text) = check(&only(list, &path));
    assert!(status < 2, "{better} is wrong as well: {text}");
}
