//! PACKAGING.md, the page for packagers of other distributions.

use crate::package::built;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use testkit::{Scratch, program_for, tool};

/// The commands of a section.
fn commands(title: &str) -> String {
    let page = include_str!("../../PACKAGING.md");
    let section = page.split("\n## ").find(|section| section.starts_with(title));
    let lines = section.expect("the section").lines();
    lines.filter_map(|line| line.strip_prefix("    ")).map(|line| format!("{line}\n")).collect()
}

/// Installs what this test run has built into `root`.
fn install(root: &Path) {
    let script = commands("Install\n")
        .replace("target/release", &built().display().to_string())
        .replace("--locked", "--locked --offline");
    let mut shell = Command::new("sh");
    shell.args(["-euc", &script]).env("DESTDIR", root);
    let finished = tool::run(shell.current_dir(env!("CARGO_MANIFEST_DIR")));
    assert_eq!(finished.status, Some(0), "{}", finished.err);
}

#[test]
fn commands_for_packagers_install_what_the_debian_package_has() {
    let scratch = Scratch::new();
    let root = scratch.path();
    install(root);
    let read = |path: &str| fs::read(root.join(path)).unwrap_or_default();
    for link in
        ["usr/bin/postgreyreport", "usr/sbin/policy-test", "usr/libexec/opensmtpd/filter-postgrey"]
    {
        let target = fs::read_link(root.join(link)).expect("a link");
        assert_eq!(target, Path::new("/usr/sbin/postgrey"), "{link}");
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    let same = |file: &str, installed: String| {
        let file = fs::read(source.join(file)).expect(file);
        assert!(!file.is_empty() && file == read(&installed), "{installed}");
    };
    for file in include_str!("../../debian/postgrey.docs").lines() {
        same(file, format!("usr/share/doc/postgrey/{}", name(file)));
    }
    for file in include_str!("../../debian/postgrey.examples").lines() {
        same(file, format!("usr/share/doc/postgrey/examples/{}", name(file)));
    }
    let pages = fs::read_dir(source.join("man")).expect("the manual");
    let file_name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let pages = pages.map(|entry| file_name(entry.expect("an entry")));
    let pages: Vec<_> = pages.filter(|page| page.ends_with(|c: char| c.is_ascii_digit())).collect();
    assert!(pages.len() > 8, "{pages:?}");
    for page in pages {
        let section = page.rsplit('.').next().unwrap_or_default();
        same(&format!("man/{page}"), format!("usr/share/man/man{section}/{page}"));
    }
    same("debian/postgrey-default", "etc/default/postgrey".to_owned());
    same("debian/postgrey.service", "usr/lib/systemd/system/postgrey.service".to_owned());
    for list in ["clients", "recipients"] {
        same(
            &format!("debian/postgrey_whitelist_{list}"),
            format!("etc/postgrey/whitelist_{list}"),
        );
    }
    let providers = "whitelist_clients.d/large-providers.conf";
    same(&format!("debian/postgrey_{providers}"), format!("etc/postgrey/{providers}"));
    same("LICENSE", "usr/share/doc/postgrey/LICENSE".to_owned());
    let licences = String::from_utf8(read("usr/share/doc/postgrey/licences.txt"));
    assert!(licences.expect("UTF-8").contains("Mozilla Public License"), "licences.txt");
    for program in ["postgrey", "postgreyreport", "policy-test"] {
        for path in [
            format!("bash-completion/completions/{program}"),
            format!("zsh/site-functions/_{program}"),
            format!("fish/vendor_completions.d/{program}.fish"),
        ] {
            let completions = String::from_utf8(read(&format!("usr/share/{path}"))).expect("UTF-8");
            assert!(completions.contains("version") && completions.contains(program), "{path}");
        }
    }
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

#[test]
fn sysusers_and_tmpfiles_make_the_user_and_the_directory_of_the_database() {
    testkit::needs!(program_for("the user of a package", "/usr/bin/systemd-sysusers", "systemd"));
    testkit::needs!(testkit::root_for("the directory of a package"));
    let scratch = Scratch::new();
    // systemd-tmpfiles refuses a root directory that another user owns.
    let root = scratch.path().join("root");
    install(&root);
    let option = format!("--root={}", root.display());
    for (program, action) in [("systemd-sysusers", None), ("systemd-tmpfiles", Some("--create"))] {
        let mut command = Command::new(program);
        let finished = tool::run(command.arg(&option).args(action).arg("postgrey.conf"));
        assert_eq!(finished.status, Some(0), "{program}: {}", finished.err);
    }
    let users = fs::read_to_string(root.join("etc/passwd")).expect("the users");
    let user: Vec<&str> = users.trim_end().split(':').collect();
    assert_eq!(
        (user[0], &user[5..]),
        ("postgrey", &["/var/lib/postgrey", "/usr/sbin/nologin"][..])
    );
    let directory = fs::metadata(root.join("var/lib/postgrey")).expect("the directory");
    let owner = directory.uid().to_string();
    assert_eq!((owner.as_str(), directory.permissions().mode() & 0o7777), (user[2], 0o755));
}
