//! Prints the licences of the program as it is built: an SPDX expression, the
//! crates that are linked in with their licences, and all texts. Reads the output of
//! `cargo metadata` for the target, so that no crate is missing:
//!
//!     cargo metadata --format-version 1 --locked --filter-platform TARGET | licences

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

const OWN: &str = "GPL-2.0-or-later";

/// Works inside crates whose manifests do not name their licences.
const INSIDE: &[(&str, &str)] = &[
    ("lmdb-rkv-sys", "OLDAP-2.8"),        // LMDB
    ("pcre2-sys", "BSD-3-Clause"),        // PCRE2
    ("pcre2-sys", "BSD-2-Clause"),        // sljit
    ("psl", "MPL-2.0"),                   // the Public Suffix List
    ("regex-syntax", "Unicode-DFS-2016"), // tables of Unicode
];

/// Texts that are missing where they belong: in this tree, lmdb-rkv-sys, psl and
/// pcre2-sys.
const TEXTS: &[(&str, &str)] = &[
    ("GPL-3.0", include_str!("licences/GPL-3.0.txt")),
    ("Apache-2.0", include_str!("licences/Apache-2.0.txt")),
    ("MPL-2.0", include_str!("licences/MPL-2.0.txt")),
    ("PCRE2", include_str!("licences/PCRE2.txt")),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut metadata = String::new();
    io::stdin().read_to_string(&mut metadata)?;
    let metadata = serde_json::from_str(&metadata)
        .map_err(|error| format!("standard input is not the output of cargo metadata: {error}"))?;
    let page = page(&linked(&metadata)?)?;
    Ok(io::stdout().write_all(page.as_bytes())?)
}

/// A crate that is linked into the program.
pub struct Crate {
    name: String,
    version: String,
    /// SPDX expressions that all apply.
    licences: BTreeSet<String>,
    directory: PathBuf,
}

/// The third-party crates that the program consists of. Crates for builds and tests
/// are not part of it, and neither are procedural macros.
pub fn linked(metadata: &Value) -> Result<Vec<Crate>, Box<dyn Error>> {
    let by_id = |list: &Value| -> BTreeMap<String, Value> {
        let list = list.as_array().into_iter().flatten();
        list.map(|item| (text(&item["id"]), item.clone())).collect()
    };
    let packages = by_id(&metadata["packages"]);
    let nodes = by_id(&metadata["resolve"]["nodes"]);
    let root = text(&metadata["resolve"]["root"]);
    let mut reached = BTreeSet::new();
    let mut next = vec![root.clone()];
    while let Some(id) = next.pop() {
        let package = packages.get(&id).ok_or("this is not the output of cargo metadata")?;
        let is_macro = package["targets"][0]["kind"][0] == "proc-macro";
        if is_macro || !reached.insert(id.clone()) {
            continue;
        }
        let dependencies = nodes[&id]["deps"].as_array().into_iter().flatten();
        let is_normal = |dependency: &&Value| {
            let mut kinds = dependency["dep_kinds"].as_array().into_iter().flatten();
            kinds.any(|kind| kind["kind"].is_null())
        };
        next.extend(dependencies.filter(is_normal).map(|dependency| text(&dependency["pkg"])));
    }
    reached.remove(&root);
    let mut crates: Vec<_> = reached.iter().map(|id| Crate::new(&packages[id])).collect();
    crates.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(crates)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl Crate {
    fn new(package: &Value) -> Crate {
        let name = text(&package["name"]);
        let declared = text(&package["license"]).replace('/', " OR ");
        let inside = INSIDE.iter().filter(|inside| inside.0 == name).map(|inside| inside.1);
        let licences = declared.split(" AND ").chain(inside).map(term).collect();
        let manifest = PathBuf::from(text(&package["manifest_path"]));
        let directory = manifest.parent().map(Path::to_path_buf).unwrap_or_default();
        Crate { name, version: text(&package["version"]), licences, directory }
    }

    /// All files with a licence or a copyright notice, also of works inside.
    fn texts(&self) -> io::Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        let mut directories = vec![self.directory.clone()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory)? {
                let path = entry?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
                let is_text = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"]
                    .iter()
                    .any(|start| name.starts_with(start));
                if path.is_dir() {
                    directories.push(path);
                } else if is_text && !name.ends_with(".RS") {
                    let within = path.strip_prefix(&self.directory).unwrap_or(&path);
                    let place = format!("{} {}: {}", self.name, self.version, within.display());
                    found.push((place, fs::read_to_string(&path)?));
                }
            }
        }
        found.sort();
        Ok(found)
    }
}

/// One licence, or a choice of several in alphabetical order.
fn term(text: &str) -> String {
    let choices: BTreeSet<&str> = text.trim_matches(['(', ')']).split(" OR ").collect();
    let choices: Vec<&str> = choices.into_iter().collect();
    if choices.len() == 1 { choices.concat() } else { format!("({})", choices.join(" OR ")) }
}

/// The licences of all parts of the program, as an SPDX expression.
pub fn expression(crates: &[Crate]) -> String {
    let licences: BTreeSet<&String> = crates.iter().flat_map(|linked| &linked.licences).collect();
    licences.iter().fold(OWN.to_owned(), |all, licence| format!("{all} AND {licence}"))
}

/// The page that is installed with the program.
pub fn page(crates: &[Crate]) -> Result<String, Box<dyn Error>> {
    let mut page = format!(
        "Licences of the program postgrey\n\nIts own source is under {OWN}. With everything that \
         is linked in:\n\n{}\n\nApache-2.0 is compatible with version 3 of the GPL only, so the \
         program as a whole is distributed under GPL-3.0-or-later.\n\nThe standard library \
         of Rust (Apache-2.0 OR MIT) is linked in, too; its notices come with the compiler.\n\n\
         Crates:\n\n",
        expression(crates)
    );
    let mut texts: BTreeMap<String, (Vec<String>, String)> = BTreeMap::new();
    for linked in crates {
        let licences: Vec<&str> = linked.licences.iter().map(String::as_str).collect();
        writeln!(page, "{} {}: {}", linked.name, linked.version, licences.join(" AND "))?;
        let own = linked.texts()?;
        if own.is_empty() {
            return Err(format!("{} {} has no licence text", linked.name, linked.version).into());
        }
        for (place, text) in own {
            let words: Vec<&str> = text.split_whitespace().collect();
            texts.entry(words.join(" ")).or_insert((Vec::new(), text)).0.push(place);
        }
    }
    for (name, text) in TEXTS {
        write!(page, "\n{}\n{name}\n\n{}\n", "=".repeat(78), text.trim_end())?;
    }
    let mut texts: Vec<_> = texts.into_values().collect();
    texts.sort();
    for (places, text) in texts {
        write!(page, "\n{}\n{}\n\n{}\n", "=".repeat(78), places.join("\n"), text.trim_end())?;
    }
    Ok(page)
}
