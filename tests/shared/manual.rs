//! The steps of postgrey-shared-state(7), done as they stand there.

use std::process::Command;
use testkit::redis::{Engine, Server, host};
use testkit::{Attempt, Daemon, Program, Scratch};

const PAGE: &str = include_str!("../../man/postgrey-shared-state.7.in");

/// The example that starts with a word, without its marks.
fn example(start: &str) -> String {
    let mut examples = PAGE.split(".EX\n").skip(1).filter_map(|rest| rest.split(".EE").next());
    let found = examples.find(|example| example.starts_with(start));
    found.unwrap_or_else(|| panic!("no example starts with {start}")).to_owned()
}

/// Runs an example with other names for what exists on this machine once.
fn run(example: &str, server: &Server, scratch: &Scratch) {
    let script = example
        .replace("redis-cli ", &format!("redis-cli -p {} ", server.port))
        .replace("systemctl ", "true systemctl ")
        .replace("PASSWORD@192.0.2.1", &format!("PASSWORD@127.0.0.1:{}", server.port));
    bash(&script, scratch);
}

/// Writes the paths of the page as paths below a directory for the test.
fn here(example: &str, scratch: &Scratch) -> String {
    example.replace("/etc/", &format!("{}/", scratch.path().display()))
}

fn bash(example: &str, scratch: &Scratch) {
    let script = here(example, scratch);
    let output = Command::new("bash").args(["-euc", &script]).output().expect("bash");
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    assert!(output.status.success() && !printed.contains("ERR"), "{script}\n{printed}");
}

#[test]
fn two_hosts_step_by_step() {
    let scratch = Scratch::new();
    scratch.subdirectory("redis");
    scratch.subdirectory("postgrey");
    for users in ["install -m 640", "cat >> /etc/redis/users.acl"] {
        bash(&example(users).replace(" -g redis", ""), &scratch);
    }
    let settings = example("bind ") + &example("masteruser");
    let settings = here(&settings, &scratch).replace("192.0.2.1", "127.0.0.2");
    let file = scratch.file("redis/redis.conf", settings);
    let dir = scratch.path().display().to_string();
    let file = file.display().to_string();
    // Redis reads its file first.
    let Some(server) = Server::start_with_file(&file, Engine::Redis, &["--dir", &dir]) else {
        return;
    };
    run(&example("install -m 600"), &server, &scratch);

    let url = scratch.path().join("postgrey/shared-state").display().to_string();
    assert!(example("POSTGREY_OPTS").contains("--shared-state-file="));
    let hosts = [(), ()]
        .map(|()| Daemon::builder(Program::Ours).arg(format!("--shared-state-file={url}")).start());
    let attempt =
        Attempt::new("198.51.100.7", "mail.example.net", "a@example.net", "b@example.com");
    hosts[0].client().assert_deferred(&attempt.clone().at(1000));
    assert!(hosts[1].client().ask(&attempt.at(1312)).starts_with("PREPEND"));
    let [one, other] = hosts.map(|host| host.stop().log.join("\n"));
    for (log, line) in [(one, "mx1: "), (other, "mx2: ")] {
        let line = example("mx1: ").lines().find_map(|it| it.strip_prefix(line).map(str::to_owned));
        let line = line.expect("a line of the log");
        assert!(log.contains(line.trim_end_matches("...")), "{log}");
        assert!(!log.contains("PASSWORD") && !log.contains("mail is accepted"), "{log}");
        let shown = format!("shared state: redis://127.0.0.1:{}/0", server.port);
        assert!(log.contains(&shown), "{log}");
        assert!(is_ignored(&shown), "{shown}");
    }
}

/// Returns true if logcheck does not mail a line.
fn is_ignored(line: &str) -> bool {
    let patterns = concat!(env!("CARGO_MANIFEST_DIR"), "/debian/postgrey.logcheck.ignore.server");
    let script = format!("echo 'Nov  5 12:00:00 mx postgrey[812]: {line}' | grep -Eqf {patterns}");
    Command::new("bash").args(["-c", &script]).status().expect("bash").success()
}

#[test]
fn urls_of_the_page_are_valid() {
    let Some(server) = Server::start(Engine::Redis, &[]) else { return };
    drop(server);
    let url = example("redis-sentinel://");
    // Sentinels that are not there are no error at the start.
    let url = url.trim_end().replace("192.0.2.", "127.0.0.");
    let log = host(&url).start().stop().log.join("\n");
    assert!(log.contains("redis-sentinel://127.0.0.1:26379,"), "{log}");
}
