//! The pages of the manual as a reader meets them: man(1) shows them without a
//! warning, the programs print the same, and their examples do what they say.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::tool::{self, postgrey};
use testkit::{Program, Scratch, program_for, skip};

const PAGES: [&str; 9] = [
    "postgrey.8",
    "policy-test.8",
    "postgreyreport.1",
    "postgrey-whitelist.5",
    "postgrey-mail-servers.7",
    "postgrey-migration.7",
    "postgrey-monitoring.7",
    "postgrey-pools.7",
    "postgrey-shared-state.7",
];

fn path(page: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("man").join(page)
}

/// Returns true if man(1) is installed.
fn has_man() -> bool {
    program_for("the pages in man(1)", "/usr/bin/man", "man-db")
}

/// The output of man(1) for a page on a terminal of 80 columns, and its warnings.
fn shown(page: &Path) -> (String, String) {
    let mut man = Command::new("/usr/bin/man");
    man.args(["--warnings=w", "-E", "ascii", "-l"]).arg(page);
    man.env("MANWIDTH", "80").env("LC_ALL", "C.UTF-8").env_remove("MANROFFOPT");
    let finished = tool::run(&mut man);
    (finished.out, finished.err)
}

#[test]
fn man_shows_every_page_without_a_warning_in_80_columns() {
    testkit::needs!(has_man());
    for page in PAGES {
        let (text, complaints) = shown(&path(page));
        assert_eq!(complaints, "", "{page}");
        assert!(text.lines().count() > 50, "{page}: {text}");
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{page}: {line}");
        }
    }
    let broken = Scratch::new();
    let broken = broken.file("broken.1", ".TH BROKEN 1\n.SH NAME\n.nonsense\n");
    assert!(shown(&broken).1.contains("nonsense"), "man complains of what is wrong");
}

#[test]
fn the_programs_print_the_pages_that_man_shows() {
    testkit::needs!(has_man());
    for (page, line) in [
        ("postgrey.8", "--man"),
        ("postgreyreport.1", "report --man"),
        ("policy-test.8", "policy-test --man"),
    ] {
        let printed = tool::run(&mut postgrey(line)).success();
        let printed: Vec<&str> = printed.lines().skip(1).flat_map(str::split_whitespace).collect();
        // Man's first and last line have the names of page and program.
        let (shown, _) = shown(&path(page));
        let lines: Vec<&str> = shown.trim().lines().collect();
        let lines = &lines[1..lines.len() - 1];
        let shown: Vec<&str> = lines.iter().flat_map(|line| line.split_whitespace()).collect();
        assert_eq!(printed, shown, "{page}");
    }
}

/// The lines that a page sets apart, each block as one text.
fn examples(page: &str) -> Vec<String> {
    let roff = fs::read_to_string(path(page)).expect("a page");
    let blocks = roff.split("\n.nf\n").skip(1);
    let blocks = blocks.map(|block| block.split(".fi\n").next().unwrap_or_default());
    blocks.map(plain).collect()
}

fn plain(roff: &str) -> String {
    let marks = [
        ("\\fB", ""),
        ("\\fR", ""),
        ("\\&", ""),
        ("\\-", "-"),
        ("\\(aq", "'"),
        ("\\(ga", "`"),
        ("\\(ha", "^"),
        ("\\(ti", "~"),
        ("\\e", "\\"),
    ];
    marks.into_iter().fold(roff.to_owned(), |text, (mark, means)| text.replace(mark, means))
}

fn is_typed(example: &str) -> bool {
    let first = example.split_whitespace().next().unwrap_or_default();
    ["postgrey", "postgreyreport", "policy-test", "runuser", "cd", "curl", "install"]
        .contains(&first)
}

#[test]
fn every_example_is_tested() {
    for page in PAGES {
        let examples = examples(page);
        assert!(!examples.is_empty(), "{page}");
        for example in examples.iter().filter(|example| !is_typed(example)) {
            match example.split([' ', '(']).next() {
                Some("smtpd_recipient_restrictions") => assert_postfix_takes(example),
                Some("INPUT_MAIL_FILTER") => assert_in_recipe(example, SENDMAIL),
                Some("smtpd_milters") => assert_in_recipe(example, SENDMAIL),
                // Settings and replies of the real servers in tests/mta.
                Some("filter" | "listen" | "127.0.0.1:2525" | "warn\n")
                    if page == "postgrey-mail-servers.7" => {}
                Some("daemon_smtp_ports" | "220" | "relayed:")
                    if page == "postgrey-mail-servers.7" => {}
                // The lists of postgrey-whitelist(5), which the parsers' tests read.
                Some("#") if page == "postgrey-whitelist.5" => {}
                Some("codes@example.org") if page == "postgrey-whitelist.5" => {}
                Some("#") if page == "postgrey.8" => assert_the_daemon_takes(example),
                // The tests of imports run these on each kind of database.
                Some("sqlite3" | "mysql" | "psql" | "awk") => {}
                // Log lines, which compat/ compares with the original's.
                Some("action=greylist,") => {}
                // Figures that man/pools prints.
                Some("triplets") if page == "postgrey-pools.7" => {}
                // tests/shared/manual does what this page says on a real Redis.
                Some(_) if page == "postgrey-shared-state.7" => {}
                Some("scrape_configs:\n") => assert_in_recipe(example, &uncommented(ALERTS)),
                _ => panic!("{page}: nobody tries\n{example}"),
            }
        }
    }
}

/// Postfix takes the lines for one setting, and has nothing to say of them.
fn assert_postfix_takes(example: &str) {
    testkit::needs!(program_for(
        "the settings of Postfix in the manual",
        "/usr/sbin/postconf",
        "postfix"
    ));
    let scratch = Scratch::new();
    scratch.file("master.cf", "");
    scratch.file("main.cf", format!("compatibility_level = 3.6\n{example}"));
    let mut postconf = Command::new("/usr/sbin/postconf");
    postconf.arg("-c").arg(scratch.path()).args(["-n", "smtpd_recipient_restrictions"]);
    let text = tool::run(&mut postconf).success();
    assert!(text.split_whitespace().eq(example.split_whitespace()), "{text}");
}

/// A configuration file with these lines has nothing wrong in it.
fn assert_the_daemon_takes(example: &str) {
    let scratch = Scratch::new();
    let check = |text: &str| {
        let file = scratch.file("postgrey.conf", text).display().to_string();
        let finished = tool::run(&mut postgrey(&format!("check --config={file}")));
        finished.out.contains(&format!("{file}:"))
    };
    assert!(!check(example), "{example}");
    assert!(check(&format!("{example}\nnonsense\n")), "it takes anything");
}

/// Recipes that `tests/mta` tries on real mail servers.
const SENDMAIL: &str = include_str!("../../debian/README.sendmail");
const ALERTS: &str = include_str!("../../debian/monitoring/prometheus-alerts.yml");

fn uncommented(text: &str) -> String {
    text.lines().map(|line| line.trim_start_matches('#').to_owned() + "\n").collect()
}

/// Asserts that a recipe has these words, however its lines are broken.
fn assert_in_recipe(example: &str, recipe: &str) {
    let words =
        |text: &str| text.replace("\\\n", " ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(recipe).contains(&words(example)), "{example}");
}

/// Makes a machine of its own, on which one mail was deferred today, and the
/// original has left a database: $1 is the directory with the programs, $2 the
/// tree with the lists.
const MACHINE: &str = r#"
set -euo pipefail
mount --make-rprivate /
for directory in /etc/postgrey /etc/default /run /var/lib /var/log /var/backups; do
  mount -t tmpfs -o mode=755 none $directory
done
ip link set lo up
export PATH=$1:$PATH
install -d -o postgrey -g postgrey /var/lib/postgrey
for list in clients recipients; do
  cp "$2/debian/postgrey_whitelist_$list" /etc/postgrey/whitelist_$list
done
# A year from now they are old, and check says so.
sed -i "s/Last looked through: .*/Last looked through: $(date +%F)/" /etc/postgrey/whitelist_clients
cp "$2/debian/postgrey-default" /etc/default/postgrey
time=$(LC_ALL=C date '+%b %e %T')
{
  echo "$time mx postgrey[5]: action=greylist, reason=new, client_name=mx.example.com," \
    "client_address=192.0.2.7, sender=alice@example.com, recipient=bob@example.org"
  echo "$time mx postfix/smtpd[7]: NOQUEUE: reject: RCPT from mx.example.com[192.0.2.7]:" \
    "450 4.2.0 <bob@example.org>: Recipient address rejected: Greylisted, see there;" \
    "from=<alice@example.com> to=<bob@example.org> proto=ESMTP helo=<x>"
} |
  tee /var/log/mail.log /var/log/mail.log.1 | gzip > /var/log/mail.log.2.gz
mkdir /var/backups/postgrey
printf '%s\n' VERSION=3 format=print type=btree HEADER=END \
  ' 198.51.100.0/carol@example.net/bob@example.org' ' 1700000000,1700000400' DATA=END |
  db5.3_load /var/backups/postgrey/postgrey.db
printf '%s\n' VERSION=3 format=print type=btree HEADER=END \
  ' 198.51.100.7' ' 9,1700000400' DATA=END |
  db5.3_load /var/backups/postgrey/postgrey_clients.db
try() {
  bash -euo pipefail "$1" > "$1.out" 2> "$1.err" < /dev/null && echo 0 > "$1.status" ||
    echo $? > "$1.status"
}
"#;

/// Asks the daemon about the mail in the log, as a mail server did, and about other mail.
const ASK_ABOUT_MAIL: &str = "policy-test inet:127.0.0.1:10023 < /var/log/mail.log
policy-test --count=10 inet:127.0.0.1:10023 < /dev/null";

/// Starts the daemon again, to count by domain and serve metrics.
const OTHER_OPTIONS: &str = r#"kill $(cat /var/lib/postgrey/postgrey.lock)
while postgrey status; do sleep 0.1; done
options="--inet=10023 --auto-whitelist-by=domain --metrics=127.0.0.1:9154"
echo "POSTGREY_OPTS=\"$options\"" > /etc/default/postgrey
postgrey $options --daemonize"#;

/// Runs scripts one after the other on such a machine; returns what each printed, or
/// `None` where there can be no such machine.
fn run(texts: &[String]) -> Option<Vec<String>> {
    let words = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
    let can = Command::new("/usr/bin/unshare").args(words).arg("true").output();
    if !can.is_ok_and(|output| output.status.success()) {
        skip("the transcripts of the manual: no mount, network and process namespaces here");
        return None;
    }
    if !program_for("the transcripts of the manual", "/usr/bin/db5.3_load", "db5.3-util") {
        return None;
    }
    let scratch = Scratch::new();
    let programs = scratch.subdirectory("bin");
    for name in ["postgrey", "postgreyreport", "policy-test"] {
        symlink(Program::Ours.path(), programs.join(name)).expect("a link");
    }
    let mut script = MACHINE.to_owned();
    for (number, text) in texts.iter().enumerate() {
        let file = scratch.file(&number.to_string(), text);
        script += &format!("try {}\n", file.display());
    }
    let output = Command::new("/usr/bin/unshare")
        .args(words)
        .args(["bash", "-c", &script, "machine"])
        .args([&programs, Path::new(env!("CARGO_MANIFEST_DIR"))])
        .output()
        .expect("unshare");
    let made = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{made}");
    let read = |number: usize, kind: &str| {
        fs::read_to_string(scratch.path().join(format!("{number}.{kind}"))).expect("UTF-8")
    };
    let outcome = |(number, text): (usize, &String)| {
        let (status, out, err) = (read(number, "status"), read(number, "out"), read(number, "err"));
        assert_eq!((status.as_str(), err.as_str()), ("0\n", ""), "{text}{out}");
        out
    };
    Some(texts.iter().enumerate().map(outcome).collect())
}

#[test]
fn commands_of_the_pages_work() {
    let typed = |page: &str| examples(page).into_iter().filter(|example| is_typed(example));
    // The daemon is started first, then asked, and last of all left for the original.
    let daemon: Vec<String> = typed("postgrey.8").collect();
    let (start, others) = daemon.split_first().expect("an example");
    let mut texts = vec![start.clone(), ASK_ABOUT_MAIL.to_owned()];
    texts.extend(typed("policy-test.8").chain(typed("postgreyreport.1")));
    texts.extend(others.iter().cloned().chain(typed("postgrey-whitelist.5")));
    texts.extend(typed("postgrey-migration.7"));
    texts.push(OTHER_OPTIONS.to_owned());
    texts.extend(typed("postgrey-pools.7").chain(typed("postgrey-monitoring.7")));
    let traces = [
        "db5.3_dump -p /var/lib/postgrey/postgrey.db",
        "stat -c '%U %a' /var/lib/postgrey/postgrey.db /var/lib/postgrey/postgrey_clients.db",
        "ls /var/backups",
    ];
    texts.extend(traces.map(str::to_owned));
    let Some(outputs) = run(&texts) else { return };
    let all: BTreeMap<&str, &str> =
        texts.iter().map(String::as_str).zip(outputs.iter().map(String::as_str)).collect();
    for (words, result) in [
        ("install -d -o postgrey", "1 requests in "),
        ("policy-test --count", "replies took: half "),
        ("postgreyreport --show_tries", "2       192.0.2.7 mx.example.com alice@example.com"),
        ("postgreyreport --nosingle_line", "----\nmx.example.com "),
        ("postgreyreport --skip_pool", "1 mx.example.com\n"),
        ("postgrey list --state", "alice@example.com  bob@example.org\n"),
        ("postgrey list --state", "Triplets "),
        ("postgrey explain", "has not passed"),
        ("postgrey explain", "State       waiting"),
        ("postgrey explain", "Answer      action=DEFER_IF_PERMIT"),
        ("postgrey allow", "allowed 1 entry\n"),
        ("postgrey allow", "alice@example.com  bob@example.org\nforgot 1 entry\n"),
        ("postgrey check\npostgrey check --database", "Nothing is wrong"),
        ("postgrey check\npostgrey check --database", "is sound"),
        ("postgrey import", "imported 1 triplet and 1 client"),
        ("db5.3_dump", "/carol@example.net/bob@example.org"),
        ("stat", "postgrey 600\npostgrey 600\n"),
        ("postgrey list --clients --json", "198.51.100.7"),
        ("postgrey list --clients --sort=first", "198.51.100.7"),
        ("postgrey export --clients\npostgrey export --triplets", "/carol@example.net/"),
        ("postgrey allow example.com --sender-domain", "allowed 1 entry\nSTATE"),
        ("curl --silent --fail", "ok\n"),
        ("curl --silent http", "\npostgrey_database_up 1\n"),
        ("ls /var/backups", "postgrey.mdb"),
    ] {
        let (_, out) = all.iter().find(|(text, _)| text.starts_with(words)).expect(words);
        assert!(out.contains(result), "{words}: {out}");
    }
}
