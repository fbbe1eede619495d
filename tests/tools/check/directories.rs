//! Directories beside lists, whose files are looked at like the lists.

use super::{Directory, check, list, only};
use std::fs;
use std::path::Path;

#[test]
fn files_beside_a_list_are_looked_at_like_it() {
    let directory = Directory::new();
    let path = directory.file("list", "example.com\n");
    fs::create_dir(directory.0.join("list.d")).expect("a directory");
    directory.file("list.d/a.conf", "# A.\n.example.org\nmx.example.com\n");
    directory.file("list.d/a.conf.bak", "*.example.org\n");
    let (status, text) = check(&only("clients", &path));
    let place = format!("{}/", directory.0.display());
    let text = text.replace("\n    ", " ").replace(&place, "").replace('\n', " ");
    assert_eq!(status, 2, "{text}");
    assert!(text.contains("list.d/a.conf:2: error"), "{text}");
    assert!(text.contains("list.d/a.conf:3: warning"), "{text}");
    assert!(text.contains("covered by example.com in list:1"), "{text}");
    assert!(text.contains("1 error, 1 warning; list, list.d/a.conf and /dev/null were"), "{text}");
}

#[test]
fn what_cannot_be_read_beside_a_list_is_told_by_its_own_name() {
    let directory = Directory::new();
    let path = directory.file("list", "example.com\n");
    fs::create_dir_all(directory.0.join("list.d/a.conf")).expect("a directory");
    let (status, text) = check(&only("clients", &path));
    assert_eq!(status, 2, "{text}");
    assert!(text.contains("/list.d/a.conf: error"), "{text}");
    assert!(text.replace("\n    ", " ").contains("make it readable, or delete it"), "{text}");
    fs::remove_dir_all(directory.0.join("list.d")).expect("the directory");
    directory.file("list.d", "example.org\n");
    let (status, text) = check(&only("clients", &path));
    assert_eq!(status, 2, "{text}");
    assert!(text.contains("/list.d: error"), "{text}");
}

#[test]
fn an_answer_names_the_file_beside_the_list_in_which_its_rule_stands() {
    let directory = Directory::new();
    let path = directory.file("list", "example.com\n");
    fs::create_dir(directory.0.join("list.d")).expect("a directory");
    let beside = directory.file("list.d/a.conf", "\nexample.org\n");
    let dbdir = format!("--dbdir={}", directory.0.display());
    let words = ["--client=mx.example.org", "--address=192.0.2.1", "--sender=a@b.test"];
    let words = words.map(str::to_owned).into_iter().chain([dbdir, "--recipient=c@d.test".into()]);
    let lists = [list("clients", &path), list("recipients", Path::new("/dev/null"))];
    let (status, text) = check(&words.chain(lists).collect::<Vec<_>>());
    assert_eq!(status, 0, "{text}");
    assert!(text.contains(&format!("example.org, in {}:2\n", beside.display())), "{text}");
}
