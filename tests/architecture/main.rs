//! Dependencies between the modules of the crate point one way, and what the
//! documentation states about the source is true.

mod licences;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms, and what each may use.
const ARROWS: &[(&str, &str)] = &[
    ("main", "admin cli daemon database opensmtpd policy_test report server"),
    ("admin", "cli daemon database greylist json maillog printable session request state lists"),
    ("report", "cli daemon database dns greylist maillog printable state lists"),
    ("database", "daemon greylist session state"),
    ("cli", "daemon database greylist lists state"),
    ("server", "cli daemon database dns greylist histogram session request state lists"),
    ("session", "greylist request"),
    ("greylist", "json lists request"),
    ("opensmtpd", "cli daemon session"),
    ("policy_test", "cli daemon maillog"),
    ("maillog", ""),
    ("lists", ""),
    ("state", "greylist histogram"),
    ("daemon", "json printable"),
    ("dns", "daemon"),
    ("histogram", ""),
    ("json", "printable"),
    ("printable", ""),
    ("request", ""),
];

/// In which files a crate that should be easy to exchange may be imported.
const OWNERS: &[(&str, &[&str])] = &[
    ("lmdb", &["state/local/"]),
    ("psl", &["greylist/client_domain.rs"]),
    ("resolv_conf", &["dns/servers.rs"]),
    ("simple_dns", &["dns/message.rs", "dns/test_server.rs", "dns/tests.rs"]),
    ("sd_notify", &["daemon/systemd.rs"]),
    ("caps", &["daemon/privileges.rs"]),
    ("signal_hook", &["daemon/signals.rs"]),
    ("httparse", &["server/metrics/http.rs"]),
    ("rustls", &["server/relay/", "state/shared/"]),
    ("rustls_native_certs", &["state/shared/tls.rs"]),
];

const UNSAFE: &[&str] = &["daemon/detach.rs", "daemon/systemd.rs"];

fn sources() -> Vec<(String, String)> {
    files_below("src")
}

/// The names and texts of source files.
fn files_below(directory: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let mut directories = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("a source directory") {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).expect("below src").display().to_string();
                sources.push((name, fs::read_to_string(&path).expect("UTF-8")));
            }
        }
    }
    assert!(sources.len() > 20, "the sources were not found");
    sources
}

fn room(file: &str) -> &str {
    file.split('/').next().expect("a name").trim_end_matches(".rs")
}

/// Unit tests in a file of their own may use what is above them.
fn is_test(file: &str) -> bool {
    file.ends_with("tests.rs") || file.contains("/tests/")
}

fn code(source: &str) -> impl Iterator<Item = &str> {
    source.lines().filter(|line| !line.trim_start().starts_with("//"))
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The words that follow a path's beginning, such as `crate::`.
fn followers<'s>(line: &'s str, beginning: &'s str) -> impl Iterator<Item = &'s str> {
    line.match_indices(beginning).map(move |(at, _)| {
        let rest = &line[at + beginning.len()..];
        let end = rest.find(|c: char| !is_of_word(c)).unwrap_or(rest.len());
        &rest[..end]
    })
}

#[test]
fn modules_use_only_their_dependencies() {
    let mut wrong = BTreeSet::new();
    for (file, source) in sources() {
        let from = room(&file);
        if from == "lib" {
            continue;
        }
        if is_test(&file) {
            continue;
        }
        let (_, allowed) = ARROWS
            .iter()
            .find(|(room, _)| *room == from)
            .unwrap_or_else(|| panic!("{file} is in no room of the table"));
        let beginning = if from == "main" { "postgrey::" } else { "crate::" };
        for line in code(&source) {
            for to in followers(line, beginning) {
                let is_room = ARROWS.iter().any(|(room, _)| *room == to);
                if is_room && to != from && allowed.split(' ').all(|room| room != to) {
                    wrong.insert(format!("{file} uses {to}: {line}"));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{wrong:#?}\nARROWS, at the top of this file, does not allow this (ARCHITECTURE.md, \
         The rooms). Move the item to a room that both may use rather than add an arrow."
    );
}

#[test]
fn every_dependency_of_the_table_is_used() {
    let sources = sources();
    for (from, allowed) in ARROWS {
        let beginning = if *from == "main" { "postgrey::" } else { "crate::" };
        for to in allowed.split(' ').filter(|room| !room.is_empty()) {
            let is_used =
                sources.iter().filter(|(file, _)| room(file) == *from).any(|(_, text)| {
                    code(text).any(|line| {
                        followers(line, beginning).any(|word| word == to)
                            || line.contains(&format!("{beginning}{{")) && line.contains(to)
                    })
                });
            assert!(is_used, "nothing in {from} uses {to}: remove it from the table");
        }
    }
}

#[test]
fn exchangeable_crates_have_one_owner() {
    let sources = sources();
    for (name, owners) in OWNERS {
        let path = format!("{name}::");
        let names_it = |line: &str| {
            let is_start = |before: &str| !before.ends_with(|c: char| is_of_word(c) || c == ':');
            line.match_indices(&path).any(|(at, _)| is_start(&line[..at]))
        };
        let users =
            sources.iter().filter(|(file, source)| !is_test(file) && code(source).any(names_it));
        let users: Vec<&String> = users.map(|(file, _)| file).collect();
        assert!(!users.is_empty(), "no file uses the crate {name}: remove it from the table");
        for file in users {
            let is_owner = owners.iter().any(|owner| file.starts_with(owner));
            assert!(
                is_owner,
                "{file} uses the crate {name}, which only {owners:?} may: see OWNERS"
            );
        }
    }
}

#[test]
fn unsafe_code_is_in_two_files() {
    for (file, source) in sources() {
        let is_unsafe = code(&source).any(|line| line.contains("unsafe"));
        assert_eq!(is_unsafe, UNSAFE.contains(&file.as_str()), "{file}: see UNSAFE");
    }
}

/// The uses of other modules in a file's code, as paths from `src/`: `use`
/// declarations with their braces expanded, and paths within expressions.
fn uses(file: &str, source: &str) -> Vec<Vec<String>> {
    let code: String = code(source).map(|line| format!("{line}\n")).collect();
    // A unit test within the file may use what is above it.
    let code = code.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let mut found = Vec::new();
    for beginning in ["super::", "crate::"] {
        for (at, _) in code.match_indices(beginning) {
            let is_start = !code[..at].ends_with(|c: char| c.is_alphanumeric() || ":_".contains(c));
            let end = code[at..].find(';').map_or(code.len(), |end| at + end);
            if is_start {
                found.extend(expand(&code[at..end]));
            }
        }
    }
    let own = module(file);
    found.into_iter().map(|path| absolute(&own, &path)).collect()
}

/// The paths of a `use` declaration, or the path at the start of an expression.
fn expand(text: &str) -> Vec<String> {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let length = text.find(|c| !is_path(c)).unwrap_or(text.len());
    let (prefix, rest) = text.split_at(length);
    let Some(rest) = rest.strip_prefix('{').filter(|_| prefix.ends_with("::")) else {
        return vec![prefix.to_owned()];
    };
    let mut depth = 0;
    let mut parts = vec![String::new()];
    for c in rest.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().expect("one at least").push(c);
    }
    let parts = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty());
    parts.flat_map(expand).map(|part| format!("{prefix}{part}")).collect()
}

/// The module of a file, as a path from `src/`.
fn module(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').map(str::to_owned).collect()
}

fn absolute(own: &[String], path: &str) -> Vec<String> {
    let mut absolute = own.to_vec();
    for name in path.split("::") {
        match name {
            "crate" => absolute.clear(),
            "super" => drop(absolute.pop()),
            "self" | "" => {}
            name => absolute.push(name.to_owned()),
        }
    }
    absolute
}

#[test]
fn files_of_a_directory_do_not_use_each_other_in_a_circle() {
    let sources: Vec<_> = sources().into_iter().filter(|(file, _)| !is_test(file)).collect();
    let modules: BTreeSet<_> = sources.iter().map(|(file, _)| module(file)).collect();
    // For each directory: which of its modules uses which other one.
    let mut arrows: BTreeMap<Vec<String>, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for (file, source) in &sources {
        let own = module(file);
        for mut used in uses(file, source) {
            while !used.is_empty() && !modules.contains(&used) {
                used.pop();
            }
            let shared = own.iter().zip(&used).take_while(|(left, right)| left == right).count();
            if let (Some(from), Some(to)) = (own.get(shared), used.get(shared)) {
                let directory = arrows.entry(own[..shared].to_vec()).or_default();
                directory.entry(from.clone()).or_default().insert(to.clone());
            }
        }
    }
    assert!(arrows.len() > 10, "the uses were not found");
    let mut circles = Vec::new();
    for (directory, arrows) in arrows.iter().filter(|(directory, _)| !directory.is_empty()) {
        for from in arrows.keys() {
            let mut reached = BTreeSet::new();
            let mut next = vec![from];
            while let Some(module) = next.pop() {
                for to in arrows.get(module).into_iter().flatten() {
                    if reached.insert(to) {
                        next.push(to);
                    }
                }
            }
            if reached.contains(from) {
                circles.push(format!("{}/{from}", directory.join("/")));
            }
        }
    }
    assert!(circles.is_empty(), "files in a circle: {circles:#?}");
}

/// `.cargo/config.toml` sets them for a build outside of a package.
#[test]
fn c_code_is_built_with_stack_protector() {
    let flags = option_env!("CFLAGS").unwrap_or_default();
    assert!(flags.contains("-fstack-protector-strong"), "CFLAGS is {flags:?}");
}

#[test]
fn tests_that_the_page_of_trust_names_exist() {
    let page = fs::read_to_string("ARCHITECTURE.md").expect("the page");
    let section = page.split("\n## ").find(|section| section.starts_with("Trust\n"));
    let attempts = section.and_then(|it| it.split("| attempt | test |").nth(1)).expect("a table");
    let names: Vec<&str> = attempts.split('`').skip(1).step_by(2).collect();
    // Tests stand at the left margin or in a module of their file.
    let files = ["src", "tests", "compat"].into_iter().flat_map(files_below);
    let texts = files.map(|(_, text)| text).collect::<String>().replace("\n    ", "\n");
    let is_missing = |name: &&&str| !texts.contains(&format!("#[test]\nfn {name}()"));
    let missing: Vec<_> = names.iter().filter(is_missing).collect();
    assert!(names.len() > 20 && missing.is_empty(), "{missing:?}");
}
