use super::*;
use crate::cli::settings::ToolOptions;
use std::fs;
use std::path::PathBuf;

/// A file that is removed with the value.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, text: &str) -> Temporary {
        let path = std::env::temp_dir().join(format!("postgrey-{name}-{}", std::process::id()));
        fs::write(&path, text).unwrap();
        Temporary(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn state(line: &str) -> (String, u128) {
    let state = options(line).shared_state.expect("a shared state");
    (state.address.to_string(), state.timeout.as_millis())
}

#[test]
fn a_shared_state_is_named_by_an_option_or_a_file() {
    assert_eq!(options("--delay=1").shared_state, None);
    let (shown, milliseconds) = state("--shared-state=valkey://u:secret@h/1");
    assert_eq!((shown.as_str(), milliseconds), ("redis://h:6379/1", 200));
    let file = Temporary::new("url", "redis://:secret@of-file \nmore\n");
    let of_file = format!("--shared-state-file={}|--shared-state-timeout=50", file.0.display());
    assert_eq!(state(&of_file), ("redis://of-file:6379/0".to_owned(), 50));
    let both = format!("{of_file}|--shared-state=redis://typed");
    assert_eq!(state(&both).0, "redis://typed:6379/0");
    let ca = options("--shared-state=rediss://h|--shared-state-ca=/x").shared_state.unwrap();
    assert_eq!(ca.authorities, Some("/x".into()));
}

#[test]
fn unusable_shared_states_are_refused_by_name_without_a_password() {
    check_refused(
        2,
        &[
            (
                "--inet=1|--shared-state=redis://:secret@h:x",
                "ERROR: --shared-state: the port of host \"h\" is not a number of 1 to 65535",
            ),
            (
                "--inet=1|--shared-state-file=/nonexistent",
                "ERROR: --shared-state-file=/nonexistent: No such file or directory",
            ),
            (
                "--inet=1|--shared-state-timeout=9",
                "ERROR: --shared-state-timeout must be a number of milliseconds from 10 to 10000, not 9",
            ),
        ],
    );
}

#[test]
fn the_url_leaves_the_command_line() {
    let words = |line: &str| line.split('|').map(OsString::from).collect::<Vec<_>>();
    assert_eq!(hidden(words("--inet=1|--delay=5")), None);
    for line in [
        "--inet=1|--shared-state=redis://:secret@h|--delay=5",
        "--inet=1|--shared-state|redis://:secret@h|--delay=5",
        "--inet=1|--shared-state=redis://other|--delay=5|--shared-state=redis://:secret@h",
    ] {
        let hidden = hidden(words(line)).unwrap();
        assert_eq!(hidden.words, ["--inet=1", "--delay=5"], "{line}");
        assert_eq!(hidden.secret, "redis://:secret@h", "{line}");
        assert_eq!(hidden.variable, "POSTGREY_SHARED_STATE");
    }
}

#[test]
fn settings_are_shown_without_a_password() {
    let text = "POSTGREY_OPTS=\"--inet=1 --shared-state=redis://:secret@h\"\n";
    let file = Temporary::new("options", text);
    let place = ToolOptions { defaults: file.0.clone(), ..ToolOptions::default() };
    let settings = settings_in_effect(&place, false).unwrap();
    let shown = settings.iter().find(|setting| setting.name == "shared-state").unwrap();
    assert_eq!(shown.value, Some("redis://h:6379/0".into()));
}

#[test]
fn tools_use_the_daemon_s_shared_state_unless_they_name_a_directory() {
    let text = "POSTGREY_OPTS=\"--inet=1 --shared-state=redis://h --lookup-by-host\"\n";
    let file = Temporary::new("place", text);
    let place = ToolOptions { defaults: file.0.clone(), ..ToolOptions::default() };
    let shared = place.settings().unwrap().shared.unwrap();
    assert_eq!(shared.settings.address.to_string(), "redis://h:6379/0");
    assert_eq!((shared.metadata.keys.as_str(), shared.is_typed), ("host", false));
    let elsewhere = ToolOptions { dbdir: Some("/x".into()), ..place.clone() };
    assert_eq!(elsewhere.settings().unwrap().shared, None);
    let typed = vec!["--shared-state=redis://other".into()];
    let shared = ToolOptions { shared: typed, ..elsewhere }.settings().unwrap().shared.unwrap();
    assert_eq!(shared.settings.address.to_string(), "redis://other:6379/0");
    assert!(shared.is_typed);
}
