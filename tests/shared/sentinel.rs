//! A failover by Sentinel.

use nix::sys::signal::Signal;
use std::time::{Duration, Instant};
use testkit::redis::{Engine, Server, has_redis, host_that_waits};
use testkit::{Attempt, Scratch, free_port, wait_until};

/// Starts a sentinel that watches a primary.
fn sentinel(primary: u16, scratch: &Scratch) -> Server {
    let port = free_port();
    let text = format!(
        "port {port}\nsentinel monitor mx 127.0.0.1 {primary} 2\n\
         sentinel down-after-milliseconds mx 500\nsentinel failover-timeout mx 3000\n"
    );
    // It writes what it finds out to its file.
    let directory = scratch.subdirectory(&port.to_string());
    let file = directory.join("sentinel.conf");
    std::fs::write(&file, text).expect("a file");
    let file = file.display().to_string();
    Server::of(vec!["redis-server".to_owned()], &[&file, "--sentinel"], port)
}

#[test]
#[expect(clippy::print_stdout, reason = "the numbers of the manual")]
fn mail_is_greylisted_on_after_a_failover() {
    testkit::needs!(has_redis());
    let start = |options: &[&str]| Server::start(Engine::Redis, options).expect("Redis");
    let primary = start(&[]);
    let replica = start(&["--replicaof", &format!("127.0.0.1 {}", primary.port)]);
    let scratch = Scratch::new();
    let sentinels = [(), (), ()].map(|()| sentinel(primary.port, &scratch));
    for sentinel in &sentinels {
        wait_until("sentinels know each other and the replica", || {
            let master = sentinel.ask(&["sentinel", "master", "mx"]);
            let value = |name: &str| master.lines().skip_while(|line| *line != name).nth(1);
            value("num-other-sentinels") == Some("2") && value("num-slaves") == Some("1")
        });
    }
    let hosts: Vec<String> =
        sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port)).collect();
    // One of the sentinels hangs.
    sentinels[0].signal(Signal::SIGSTOP);
    let sentinel_url = format!("redis-sentinel://{}/mx", hosts.join(","));
    let daemon = host_that_waits(&sentinel_url, 500).start();
    sentinels[0].signal(Signal::SIGCONT);
    let mut client = daemon.client();
    let attempt =
        Attempt::new("192.0.2.7", "mail.example.net", "alice@example.net", "bob@example.com");
    client.assert_deferred(&attempt.clone().at(1000));
    wait_until("the replica has the record", || !replica.records("*:t:*").is_empty());

    primary.signal(Signal::SIGSTOP);
    let start = Instant::now();
    let (mut longest, mut accepted) = (Duration::ZERO, 0);
    wait_until("greylisting resumes on the replica", || {
        let asked = Instant::now();
        let reply = client.ask(&attempt.clone().at(1100));
        longest = longest.max(asked.elapsed());
        accepted += usize::from(reply == "DUNNO");
        reply != "DUNNO"
    });
    println!("failover: {:?}, longest reply {longest:?}, accepted {accepted}", start.elapsed());
    assert!(longest < Duration::from_millis(2000), "{longest:?}");
    assert!(accepted > 0);
    // The record was made before the failover.
    let passed = client.ask(&attempt.at(1301));
    assert!(passed.starts_with("PREPEND X-Greylist: delayed 301 seconds"), "{passed}");
    primary.signal(Signal::SIGCONT);
    let log = daemon.log();
    let lines = |part: &str| log.iter().filter(|line| line.contains(part)).count();
    assert_eq!(lines("mail is accepted without greylisting"), 1, "{log:#?}");
    assert_eq!(lines("the shared state works again"), 1, "{log:#?}");
}
