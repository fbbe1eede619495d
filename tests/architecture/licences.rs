//! The licences of the program that PACKAGING.md and debian/copyright state are those
//! of the crates that are linked in.

#[allow(dead_code)] // its main function
#[path = "../../debian/licences.rs"]
mod printed;

use std::fs;
use std::process::Command;

/// The crates that are linked into the program on this machine.
fn linked() -> Vec<printed::Crate> {
    let platform = output(Command::new("rustc").args(["--print", "host-tuple"]));
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version=1", "--locked", "--offline", "--filter-platform"]);
    let metadata = output(cargo.arg(platform.trim()).current_dir(env!("CARGO_MANIFEST_DIR")));
    printed::linked(&serde_json::from_str(&metadata).expect("JSON")).expect("the crates")
}

fn output(command: &mut Command) -> String {
    let output = command.output().expect("a program of the toolchain");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The words of a text, whose lines may break anywhere.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn licence_expression_for_packagers_covers_every_linked_crate() {
    let expression = printed::expression(&linked());
    for path in ["PACKAGING.md", "debian/copyright"] {
        let page = words(&fs::read_to_string(path).expect(path));
        assert!(page.contains(&expression), "{path} has to state: {expression}");
    }
}

#[test]
fn every_linked_crate_has_a_licence_text() {
    let page = printed::page(&linked()).expect("a page");
    for licence in ["GNU GENERAL PUBLIC LICENSE Version 3", "Mozilla Public License Version 2.0"] {
        assert!(words(&page).contains(licence), "{licence}");
    }
}
