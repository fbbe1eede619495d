//! Reading files again that have changed meanwhile.

use super::*;
use std::fs;
use std::path::{Path, PathBuf};

fn reader(name: &str) -> (PathBuf, ListReader) {
    let name = format!("postgrey-lists-{}-{name}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    fs::create_dir_all(&directory).unwrap();
    let files = Files::new(|kind| match kind {
        ListKind::WhitelistClients => {
            vec![directory.join("clients"), directory.join("clients.local")]
        }
        ListKind::WhitelistRecipients => vec![directory.join("recipients")],
        _ => Vec::new(),
    });
    fs::write(directory.join("clients"), "a.example").unwrap();
    fs::write(directory.join("clients.local"), "b.example").unwrap();
    fs::write(directory.join("recipients"), "postmaster@").unwrap();
    (directory, ListReader::new(files))
}

fn read(reader: &mut ListReader, directory: &Path) -> (String, Vec<String>) {
    let (lists, warnings) = reader.read();
    let names = ["a.example", "b.example", "c.example"];
    let passes =
        |name: &&str| lists.clients.by_name(name.as_bytes(), &mut Budget::default()).is_some();
    let passing: Vec<&str> = names.into_iter().filter(passes).collect();
    let place = format!("{}/", directory.display());
    let diagnostics = warnings.iter().map(|warning| warning.to_string().replace(&place, ""));
    (passing.join(" "), diagnostics.collect())
}

#[test]
fn a_changed_file_has_its_new_content() {
    let (directory, mut reader) = reader("changed");
    assert_eq!(read(&mut reader, &directory), ("a.example b.example".to_string(), vec![]));
    fs::write(directory.join("clients"), "c.example").unwrap();
    assert_eq!(read(&mut reader, &directory), ("b.example c.example".to_string(), vec![]));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_file_that_cannot_be_read_any_more_keeps_its_rules() {
    let (directory, mut reader) = reader("unreadable");
    read(&mut reader, &directory);
    fs::remove_file(directory.join("clients")).unwrap();
    fs::write(directory.join("clients.local"), "c.example").unwrap();
    let complaint = "can't open clients: No such file or directory; its rules stay as they were";
    let expected = ("a.example c.example".to_string(), vec![complaint.to_string()]);
    assert_eq!(read(&mut reader, &directory), expected);
    fs::create_dir(directory.join("clients")).unwrap();
    let complaint = "can't open clients: Is a directory; its rules stay as they were";
    let expected = ("a.example c.example".to_string(), vec![complaint.to_string()]);
    assert_eq!(read(&mut reader, &directory), expected);
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_local_file_may_come_and_go() {
    let (directory, mut reader) = reader("local");
    read(&mut reader, &directory);
    fs::remove_file(directory.join("clients.local")).unwrap();
    assert_eq!(read(&mut reader, &directory), ("a.example".to_string(), vec![]));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn the_shipped_lists_are_read_without_a_complaint() {
    let shipped = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("debian").join(name);
    let files = Files::new(|kind| {
        let default = kind.default_files().first();
        let name = default.map(|file| file.replace("/etc/postgrey/", "postgrey_"));
        name.iter().map(|name| shipped(name)).collect()
    });
    let (lists, warnings) = ListReader::new(files).read();
    assert_eq!(warnings, []);
    let mut budget = Budget::default();
    assert!(lists.clients.by_name(b"vger.kernel.org", &mut budget).is_some());
    let large = lists.clients.by_name(b"smtp7.orange.fr", &mut budget);
    let large = large.map(|location| location.file().to_owned());
    assert_eq!(large, Some(shipped("postgrey_whitelist_clients.d/large-providers.conf")));
    assert!(lists.clients.by_address("195.235.39.7".parse().unwrap()).is_some());
    assert!(lists.clients.by_name(b"mail.example.org", &mut budget).is_none());
    assert!(lists.recipients.find(b"postmaster@example.org", &mut budget).is_some());
    assert!(lists.recipients.find(b"user@example.org", &mut budget).is_none());
}

/// Virtualmin takes only such lines for rules.
#[test]
fn no_comment_follows_a_rule_of_the_shipped_lists() {
    for list in ["clients", "clients.d/large-providers.conf", "recipients"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"));
        let path = path.join(format!("debian/postgrey_whitelist_{list}"));
        let text = std::fs::read_to_string(path).unwrap();
        let rules = text.lines().filter(|line| !line.starts_with('#'));
        let commented: Vec<&str> = rules.filter(|rule| rule.contains('#')).collect();
        assert!(commented.is_empty(), "{list}: {commented:?}");
    }
}
