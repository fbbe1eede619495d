//! The recipe of `debian/README.exim`, word for word, on a real Exim, which
//! plays the clients itself (`exim4 -bh`).
//!
//! `compat/exim` unpacks Exim and runs this; without it the test is skipped.

#![allow(clippy::print_stderr, reason = "what is skipped is said")]

mod harness;

use harness::{Clock, Daemon, Door, Program, Scratch};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Names the directory into which Exim's packages were unpacked.
const EXIM: &str = "POSTGREY_EXIM";

/// What stands around the recipe: mail for one domain, nothing is delivered.
const BEFORE: &str = "\
primary_hostname = mx.example.org
domainlist local = example.org
acl_smtp_rcpt = acl_rcpt
log_file_path = HOME/%slog
spool_directory = HOME/spool
host_lookup =

begin acl

acl_rcpt:
  deny
    ! domains = +local
";

/// Exim knows its user by name, which only its installed package makes.
const AS_INSTALLED: &str = r#"
set -eu
for file in passwd group; do
  cp /etc/$file "$1/$file"
done
grep -q ^Debian-exim: "$1/passwd" || {
  echo "Debian-exim:x:64999:64999::/nonexistent:/usr/sbin/nologin" >> "$1/passwd"
  echo "Debian-exim:x:64999:" >> "$1/group"
}
for file in passwd group; do
  mount --bind "$1/$file" /etc/$file
done
export LD_LIBRARY_PATH=$(echo "$2"/usr/lib/*-linux-gnu)
exec "$2/usr/sbin/exim4" -C "$1/exim.conf" -bh 198.51.100.7
"#;

/// The lines of the recipe, with the place where the daemon listens.
fn recipe(door: &Door) -> String {
    let text = include_str!("../debian/README.exim");
    let lines = text.lines().skip_while(|line| *line != "  warn");
    let lines = lines.take_while(|line| line.is_empty() || line.starts_with(' '));
    let place = match door {
        Door::Unix(path) => path.display().to_string(),
        Door::Tcp(address) => format!("inet:{address}"),
    };
    let recipe = lines.collect::<Vec<_>>().join("\n");
    assert!(recipe.contains("{inet:127.0.0.1:10023}"), "{recipe}");
    recipe.replace("inet:127.0.0.1:10023", &place)
}

/// Exim with the recipe.
struct Exim {
    program: PathBuf,
    home: Scratch,
}

impl Exim {
    fn new(program: &Path, door: &Door) -> Exim {
        let home = Scratch::new();
        let before = BEFORE.replace("HOME", &home.path().display().to_string());
        home.file("exim.conf", format!("{before}{}\n  accept\n", recipe(door)));
        Exim { program: program.to_path_buf(), home }
    }

    /// What it says to a client that names a recipient, line by line, and what
    /// header it would add.
    fn offer(&self) -> (Vec<String>, Option<String>) {
        let dialogue = "EHLO mail.sender.test\r\nMAIL FROM:<alice@sender.test>\r\n\
                        RCPT TO:<bob@example.org>\r\nQUIT\r\n";
        let dialogue = fs::File::open(self.home.file("dialogue", dialogue)).expect("a file");
        let output = Command::new("/usr/bin/unshare")
            .args(["--mount", "sh", "-c", AS_INSTALLED, "exim"])
            .args([self.home.path(), &self.program])
            .stdin(dialogue)
            .output()
            .expect("unshare");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        let lines = said.lines().map(|line| line.trim_end().to_owned());
        let after_sender = lines.skip_while(|line| line != "250 OK").skip(1);
        let replies: Vec<String> =
            after_sender.take_while(|line| !line.starts_with("221")).collect();
        assert!(!replies.is_empty(), "{said}{why}");
        let header = why.split(">>> check add_header").nth(1).and_then(|rest| {
            let value = rest.lines().find_map(|line| line.strip_prefix(">>>"))?;
            Some(value.trim_start_matches([' ', '=']).trim_end().to_owned())
        });
        (replies, header)
    }
}

#[test]
fn the_recipe_defers_a_stranger_in_one_line_and_lets_the_retry_pass_with_a_header() {
    let Some(program) = std::env::var_os(EXIM).map(PathBuf::from) else {
        eprintln!("SKIPPED: no Exim is asked, since {EXIM} is not set; run compat/exim");
        return;
    };
    let deferred = "451 Greylisted, see http://postgrey.schweikert.ch/help/example.org.html";
    for is_tcp in [false, true] {
        let builder = Daemon::builder(Program::Ours);
        let builder = if is_tcp { builder.tcp() } else { builder };
        let (builder, mut clock) = Clock::of(builder);
        let daemon = builder.start();
        let exim = Exim::new(&program, daemon.door());
        assert_eq!(exim.offer(), (vec![deferred.to_owned()], None));
        clock.advance(Duration::from_secs(300));
        let (replies, header) = exim.offer();
        assert_eq!(replies, ["250 Accepted"]);
        let header = header.expect("a header");
        assert!(header.starts_with("X-Greylist: delayed 300 seconds by postgrey-"), "{header}");
        assert_eq!(exim.offer(), (vec!["250 Accepted".to_owned()], None));
        daemon.stop();
        // Nobody is there to ask, and mail flows.
        assert_eq!(exim.offer().0, ["250 Accepted"]);
    }
}
