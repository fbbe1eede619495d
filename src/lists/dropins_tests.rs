//! Directories beside lists, through the reader of all lists.

use super::{Budget, Files, ListKind, ListReader};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// A list of clients with a directory beside it, in a place of their own.
struct Site {
    place: PathBuf,
    reader: ListReader,
}

/// These lists of clients and no other.
fn files(clients: &[PathBuf]) -> Files {
    let none: &[PathBuf] = &[];
    Files::new(|kind| if kind == ListKind::WhitelistClients { clients } else { none }.to_vec())
}

impl Site {
    fn new(name: &str, beside: &[(&str, &str)]) -> Site {
        let name = format!("postgrey-beside-{}-{name}", std::process::id());
        let place = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&place);
        fs::create_dir_all(place.join("clients.d")).unwrap();
        fs::write(place.join("clients"), "list.example\n").unwrap();
        let clients = vec![place.join("clients"), place.join("clients.local")];
        let reader = ListReader::new(files(&clients));
        let lists = Site { place, reader };
        for (name, line) in beside {
            lists.write(name, line);
        }
        lists
    }

    fn write(&self, name: &str, lines: &str) {
        let path = self.place.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, lines).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.place.join(name)).unwrap();
    }

    /// The place of the rule for a client, if there is one.
    fn places(&mut self, clients: &[&str]) -> (Vec<String>, Vec<String>) {
        let Site { place, reader } = self;
        let (lists, warnings) = reader.read();
        let short = |text: String| text.replace(&format!("{}/", place.display()), "");
        let rule = |client: &&str| {
            let location = lists.clients.by_name(client.as_bytes(), &mut Budget::default());
            location.map_or("none".to_owned(), |location| short(location.to_string()))
        };
        let warnings = warnings.iter().map(|warning| short(warning.to_string()));
        (clients.iter().map(rule).collect(), warnings.collect())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.place);
    }
}

#[test]
fn drop_ins_follow_their_list_in_byte_order_of_names() {
    let mut lists = Site::new(
        "order",
        &[
            ("clients.d/b.conf", "all.example\nb.example\n"),
            ("clients.d/B.conf", "# none\nall.example\n"),
            ("clients.d/10.conf", "\n\nten.example\n"),
            ("clients.local", "all.example\nlocal.example\nten.example\n"),
            ("clients.local.d/x.conf", "x.example\n"),
        ],
    );
    let clients = ["list", "all", "b", "ten", "local", "x"].map(|name| format!("{name}.example"));
    let (places, warnings) = lists.places(&clients.each_ref().map(String::as_str));
    let expected = [
        "clients line 1",
        "clients.d/B.conf line 2",
        "clients.d/b.conf line 2",
        "clients.d/10.conf line 3",
        "clients.local line 2",
        "clients.local.d/x.conf line 1",
    ];
    assert_eq!((places, warnings), (expected.map(str::to_owned).to_vec(), vec![]));
}

#[test]
fn other_names_and_hidden_files_are_not_lists() {
    let names = ["a", "a.conf~", "a.conf.dpkg-dist", ".a.conf", ".conf", "a.CONF", "conf"];
    let beside = names.map(|name| format!("clients.d/{name}"));
    let beside = beside.each_ref().map(|name| (name.as_str(), "a.example\n"));
    let mut lists = Site::new("names", &beside);
    assert_eq!(lists.places(&["a.example"]), (vec!["none".to_owned()], vec![]));
}

#[test]
fn files_and_the_directory_itself_may_come_and_go() {
    let mut lists = Site::new("change", &[("clients.d/a.conf", "a.example\n")]);
    let known = |lists: &mut Site| {
        let (places, warnings) = lists.places(&["list.example", "a.example", "b.example"]);
        assert_eq!(warnings, Vec::<String>::new());
        places.iter().map(|place| if place == "none" { '-' } else { '+' }).collect::<String>()
    };
    assert_eq!(known(&mut lists), "++-");
    lists.write("clients.d/b.conf", "b.example\n");
    assert_eq!(known(&mut lists), "+++");
    lists.remove("clients.d/a.conf");
    assert_eq!(known(&mut lists), "+-+");
    fs::remove_dir_all(lists.place.join("clients.d")).unwrap();
    assert_eq!(known(&mut lists), "+--");
}

#[test]
fn errors_in_drop_ins_are_reported_like_those_of_the_list() {
    let mut lists = Site::new("broken", &[("clients.d/b.conf", "\nno name\nb.example\n")]);
    fs::create_dir(lists.place.join("clients.d/a.conf")).unwrap();
    symlink("nowhere", lists.place.join("clients.d/c.conf")).unwrap();
    let (places, warnings) = lists.places(&["b.example"]);
    assert_eq!(places, ["clients.d/b.conf line 3"]);
    let expected = [
        "can't open clients.d/a.conf: Is a directory",
        "can't open clients.d/c.conf: No such file or directory",
        "clients.d/b.conf line 2: doesn't look like a hostname",
    ];
    assert_eq!(warnings, expected);
    // A list that was read once keeps its rules.
    lists.remove("clients.d/b.conf");
    symlink("nowhere", lists.place.join("clients.d/b.conf")).unwrap();
    let (places, warnings) = lists.places(&["b.example"]);
    assert_eq!(places, ["clients.d/b.conf line 3"]);
    let kept = "can't open clients.d/b.conf: No such file or directory; \
                its rules stay as they were";
    assert!(warnings.iter().any(|warning| warning == kept), "{warnings:?}");
}

#[test]
fn an_invalid_drop_in_directory_is_reported_and_keeps_its_rules() {
    let told = "can't open clients.d: Not a directory".to_owned();
    let in_the_way = |place: &Path| {
        let _ = fs::remove_dir_all(place.join("clients.d"));
        fs::write(place.join("clients.d"), "a.example\n").unwrap();
    };
    let mut lists = Site::new("way", &[]);
    in_the_way(&lists.place);
    assert_eq!(lists.places(&["a.example"]), (vec!["none".to_owned()], vec![told.clone()]));
    drop(lists);
    let mut lists = Site::new("way", &[("clients.d/a.conf", "a.example\n")]);
    lists.places(&[]);
    in_the_way(&lists.place);
    let kept = format!("{told}; its rules stay as they were");
    let expected = (vec!["clients.d/a.conf line 1".to_owned()], vec![kept]);
    assert_eq!(lists.places(&["a.example"]), expected);
}

#[test]
fn a_file_that_is_named_as_well_keeps_its_rules_when_it_is_lost() {
    let mut lists = Site::new("twice", &[("clients.d/a.conf", "a.example\n")]);
    let clients = vec![lists.place.join("clients"), lists.place.join("clients.d/a.conf")];
    lists.reader = ListReader::new(files(&clients));
    lists.places(&[]);
    lists.remove("clients.d/a.conf");
    let (places, warnings) = lists.places(&["a.example"]);
    assert_eq!(places, ["clients.d/a.conf line 1"]);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
}
