//! The actions of apt to install the package on a machine with each mail server.
//! apt simulates them on the test's package list, without a network.

use std::fs;
use std::path::Path;
use std::process::Command;
use testkit::{Scratch, program_for};

/// Mail servers of Debian, which all conflict with each other.
const MAIL_SERVERS: [&str; 5] =
    ["sendmail-bin", "exim4-daemon-light", "opensmtpd", "nullmailer", "postfix"];

/// The lines of a package's entry, with a last newline.
fn stanza(name: &str, relations: &str) -> String {
    format!(
        "Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: a <a@example.org>\n\
         Filename: ./{name}.deb\nSize: 1\n{relations}"
    )
}

/// The relations of the package to others, without debhelper's variables.
fn relations() -> String {
    let control = Path::new(env!("CARGO_MANIFEST_DIR")).join("debian/control");
    let control = fs::read_to_string(control).expect("debian/control");
    let (_, package) = control.split_once("\nPackage: postgrey\n").expect("the binary package");
    let is_relation =
        |line: &&str| line.starts_with("Recommends: ") || line.starts_with("Conflicts: ");
    package.lines().filter(is_relation).map(|line| format!("{line}\n")).collect()
}

/// Returns apt's actions, such as `Inst postfix`, for an installation next to
/// these packages.
fn simulate(installed: &[&str]) -> Vec<String> {
    let agent = "Provides: mail-transport-agent\nConflicts: mail-transport-agent\n";
    let agents = MAIL_SERVERS.map(|name| stanza(name, agent)).join("\n");
    let postgrey = stanza("postgrey", &relations());
    let status: Vec<String> = installed
        .iter()
        .map(|name| stanza(name, agent) + "Status: install ok installed\n")
        .collect();
    let scratch = Scratch::new();
    let place = scratch.path().display();
    for directory in ["lists/partial", "cache/archives/partial", "etc"] {
        fs::create_dir_all(scratch.path().join(directory)).expect("a directory");
    }
    scratch.file("Packages", format!("{agents}\n{postgrey}"));
    scratch.file("status", status.join("\n"));
    scratch.file("sources.list", format!("deb [trusted=yes] file:{place} ./\n"));
    let configuration = format!(
        "Dir::State::status \"{place}/status\";\nDir::State::lists \"{place}/lists\";\n\
         Dir::Cache \"{place}/cache\";\nDir::Etc \"{place}/etc\";\n\
         Dir::Etc::sourcelist \"{place}/sources.list\";\nAPT::Sandbox::User \"root\";\n\
         APT::Install-Recommends \"true\";\n#clear APT::Update::Post-Invoke-Success;\n\
         #clear APT::Update::Post-Invoke;\n"
    );
    let configuration = scratch.file("apt.conf", configuration);
    let apt = |arguments: &[&str]| {
        let mut apt = Command::new("/usr/bin/apt-get");
        apt.env("APT_CONFIG", &configuration).env("LC_ALL", "C.UTF-8").args(arguments);
        let output = apt.output().expect("apt-get");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    apt(&["update"]);
    let said = apt(&["--simulate", "install", "postgrey"]);
    let actions =
        said.lines().filter(|line| line.starts_with("Inst ") || line.starts_with("Remv "));
    actions.map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn the_package_neither_adds_nor_removes_mail_servers() {
    testkit::needs!(program_for("the relations of the package", "/usr/bin/apt-get", "apt"));
    for server in MAIL_SERVERS {
        assert_eq!(simulate(&[server]), ["Inst postgrey"], "{server}");
    }
}

#[test]
fn a_machine_without_a_mail_server_gets_postfix() {
    testkit::needs!(program_for("the relations of the package", "/usr/bin/apt-get", "apt"));
    assert_eq!(simulate(&[]), ["Inst postfix", "Inst postgrey"]);
}
