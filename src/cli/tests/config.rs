use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::greylist::LookupBy;

/// A file of options for one test, which goes away with it.
struct Written(PathBuf);

impl Written {
    fn new(text: &str) -> Written {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("postgrey-config-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, text).unwrap();
        Written(path)
    }

    fn name(&self) -> String {
        self.0.display().to_string()
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The options of a file and a command line.
fn parsed(text: &str, line: &str) -> Result<Options, String> {
    let file = Written::new(text);
    let line = if line.is_empty() { String::new() } else { format!("|{line}") };
    match parse_line(&format!("--config={}{line}", file.name())) {
        Ok(Invocation::Serve(options)) => Ok(*options),
        Ok(other) => panic!("{text}: {other:?}"),
        Err(UsageError { message, status }) => {
            assert_eq!(status, 2, "{message}");
            Err(message.replace(&file.name(), "FILE"))
        }
    }
}

fn assert_same(text: &str, line: &str) {
    let typed = match parse_line(line) {
        Ok(Invocation::Serve(options)) => *options,
        other => panic!("{line}: {other:?}"),
    };
    assert_eq!(parsed(text, ""), Ok(typed), "{text}");
}

#[test]
fn a_line_says_what_the_option_of_its_name_says() {
    for (text, line) in [
        ("inet=10023", "--inet=10023"),
        ("inet = 10023\r\n  delay\t=\t60  \r\nprivacy\r\n", "--inet=10023|--delay=60|--privacy"),
        ("\u{feff}# inet=1\n\n#x\nunix=/s # here\nverbose # no", "--unix=/s|--verbose"),
        ("inet=1\ngreylist-text=see http://x/#%s", "--inet=1|--greylist-text=see http://x/#%s"),
        ("inet=1\ngreylist-text=\" # a \" # b", "--inet=1|--greylist-text= # a "),
        ("inet=1\ngreylist-text=", "--inet=1"),
        ("inet=1\nauto-whitelist-clients\nsyslogfacility=user", "--inet=1|--facility=user"),
        ("inet=1\nx-greylist-header=X: a=b", "--inet=1|--x-greylist-header=X: a=b"),
        (
            "inet=1\nwhitelist-clients=/a\nwhitelist-clients=/b",
            "--inet=1|--whitelist-clients=/a|--whitelist-clients=/b",
        ),
    ] {
        assert_same(text, line);
    }
}

#[test]
fn the_command_line_overrides_the_file_and_repeatable_options_add() {
    let text = "inet=1\ndelay=60\nquiet\nlookup-by-host\nwhitelist-clients=/a\ngreylist-text=No";
    let options = |line| parsed(text, line).unwrap();
    let file = options("");
    assert_eq!(options("--delay=5").policy.delay, 5);
    assert_eq!(options("--delay=0").policy.delay, 300);
    let socket = Listen::Unix { path: "/s".into(), mode: 0o666 };
    assert_eq!(options("--unix=/s").listen, Some(socket));
    assert_eq!(options("-v").verbosity, Verbosity::Verbose);
    assert_eq!(options("--lookup-by-subnet").policy.lookup_by, Policy::default().lookup_by);
    let both = options("--lookup-by-domain").policy;
    assert_eq!((both.by_domain.triplets, both.lookup_by), (true, LookupBy::Host), "no rivals");
    let lists: Vec<PathBuf> = vec!["/a".into(), "/b".into()];
    assert_eq!(options("--whitelist-clients=/b").lists[ListKind::WhitelistClients], lists);
    // Debian's service passes an empty text when its administrator has none.
    assert_eq!(options("--greylist-text="), file);
    assert_eq!(options("--greylist-text=Yes").policy.greylist_text, b"Yes");
}

#[test]
fn every_line_that_cannot_be_obeyed_is_named() {
    for (text, message) in [
        ("dely=60", "1: Unknown option: dely; did you mean delay?"),
        ("\n--delay=60", "2: --delay: write the name without the dashes"),
        ("delay 60", "1: \"delay 60\" is not an option: write NAME=VALUE, or NAME for a switch"),
        ("v", "1: \"v\" is not an option: write NAME=VALUE, or NAME for a switch"),
        ("=60", "1: \"\" is not an option: write NAME=VALUE, or NAME for a switch"),
        ("delay=soon", "1: Value \"soon\" invalid for option delay (number expected)"),
        ("delay", "1: Option delay requires an argument"),
        ("unix=", "1: Option unix requires an argument"),
        ("privacy=yes", "1: Option privacy does not take an argument"),
        ("help", "1: help has its place on the command line only"),
        ("config=/x", "1: config has its place on the command line only"),
        ("user=\"x", "1: a quote is opened and not closed"),
        ("user=\"x\" y", "1: something follows after the closing quote"),
        ("dbdir=/a\0b", "1: holds a NUL byte: write it again"),
        ("ipv4cidr=33", "1: --ipv4cidr must be a number of bits from 1 to 32, not 33"),
    ] {
        assert_eq!(parsed(text, ""), Err(format!("ERROR: FILE:{message}")), "{text}");
    }
    let both = "ERROR: FILE:1: Unknown option: a1\nERROR: FILE:3: Unknown option: a2";
    assert_eq!(parsed("a1=1\ndelay=1\na2", "--inet=1").unwrap_err(), both);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    for (path, why) in [
        ("/nonexistent", "can't be read: No such file or directory"),
        ("/tmp", "can't be read: Is a directory"),
        ("/dev/zero", "is larger than 1 MiB: are these options?"),
    ] {
        let message = format!("ERROR: --config={path}: {why}");
        assert_eq!(
            parse_line(&format!("--inet=1|--config={path}")),
            Err(UsageError { message, status: 2 })
        );
    }
}

#[test]
fn a_file_without_a_listener_is_like_no_file() {
    let error = parsed("delay=60", "").unwrap_err();
    assert!(error.starts_with("ERROR: --unix or --inet must be specified; "), "{error}");
}

#[test]
fn help_needs_no_file() {
    assert!(matches!(parse_line("--config=/nonexistent|--version"), Ok(Invocation::Print(_))));
}
