//! The metrics of a real daemon: they count what happens, and their clients
//! cannot delay mail.

mod prometheus;

use nix::sys::signal::Signal;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};
use testkit::http::exchange;
use testkit::{Attempt, Builder, Daemon, Program, wait_until};

struct Site {
    daemon: Daemon,
    socket: PathBuf,
}

impl Site {
    fn start(options: &[&str]) -> Site {
        let builder = Daemon::builder(Program::Ours);
        Site::of(builder.args(options))
    }

    fn of(builder: Builder) -> Site {
        let socket = builder.scratch().path().join("metrics");
        let daemon = builder.arg(format!("--metrics=unix:{}", socket.display())).start();
        Site { daemon, socket }
    }

    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.socket).expect("the socket of --metrics");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        stream
    }

    fn fetch(&self, request: &str) -> String {
        exchange(self.connect(), request)
    }

    fn page(&self) -> String {
        let response = self.fetch("GET /metrics HTTP/1.1\r\nHost: mx\r\n\r\n");
        let (head, body) = response.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("\r\nContent-Type: text/plain; version=0.0.4"), "{head}");
        assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())), "{head}");
        body.to_owned()
    }

    /// The value of a series, as it is written on the page.
    fn value(&self, series: &str) -> String {
        let page = self.page();
        let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {series} in\n{page}")).to_owned()
    }
}

fn mail(number: u32) -> Attempt {
    Attempt::new("192.0.2.7", "mx.client.example", &format!("a{number}@client.example"), "b@x.org")
}

#[test]
fn metrics_count_decisions() {
    let site = Site::start(&["--delay=300"]);
    let mut client = site.daemon.client();
    for (number, seconds) in [(1, 0), (1, 10), (2, 10), (1, 400), (1, 401)] {
        client.ask(&mail(number).at(seconds));
    }
    for (series, value) in [
        ("postgrey_requests_total{action=\"greylist\",reason=\"new\"}", "2"),
        ("postgrey_requests_total{action=\"greylist\",reason=\"early-retry\"}", "1"),
        ("postgrey_requests_total{action=\"pass\",reason=\"first-pass\"}", "1"),
        ("postgrey_requests_total{action=\"pass\",reason=\"triplet-found\"}", "1"),
        ("postgrey_requests_total{action=\"pass\",reason=\"client-whitelist\"}", "0"),
        ("postgrey_delay_seconds_bucket{le=\"300\"}", "0"),
        ("postgrey_delay_seconds_bucket{le=\"600\"}", "1"),
        ("postgrey_delay_seconds_sum", "400"),
        ("postgrey_commit_replies_bucket{le=\"1\"}", "3"),
        ("postgrey_commit_replies_sum", "3"),
        ("postgrey_connections_open", "1"),
        ("postgrey_rows{table=\"triplets\"}", "2"),
        ("postgrey_rows{table=\"clients\"}", "1"),
        ("postgrey_database_up", "1"),
        ("postgrey_log_lines_lost_total", "0"),
        ("postgrey_list_rules{list=\"whitelist-clients\"}", "0"),
    ] {
        assert_eq!(site.value(series), value, "{series}");
    }
    let number = |series| site.value(series).parse::<f64>().expect("a number");
    assert!(number("postgrey_commit_seconds_count") >= 3.0);
    assert!(number("postgrey_commit_seconds_sum") > 0.0);
    let length = site.daemon.scratch().path().join("db/postgrey.mdb").metadata().unwrap().len();
    assert_eq!(number("postgrey_database_bytes") as u64, length);
    assert!(number("postgrey_disk_free_bytes") > 0.0);
    assert!(site.daemon.stop().status.success());
    assert!(!site.socket.exists(), "the socket is left");
}

#[test]
fn the_time_series_do_not_depend_on_traffic() {
    let site = Site::start(&[]);
    let series = |page: String| -> Vec<String> {
        let lines = page.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| line.rsplit_once(' ').expect("a value").0.to_owned()).collect()
    };
    let before = series(site.page());
    let mut client = site.daemon.client();
    for number in 0..50 {
        client.ask(&mail(number).at(0));
    }
    assert_eq!(series(site.page()), before);
    assert!(before.len() < 100, "{}", before.len());
}

#[test]
fn manual_describes_every_metric() {
    let manual = include_str!("../../man/postgrey-monitoring.7.in");
    let smtp = ["--smtp=127.0.0.1:0", "--smtp-backend=127.0.0.1:9"];
    let shared = Site::start(&["--shared-state=redis://127.0.0.1:1"]).page();
    let page = Site::start(&smtp).page() + &shared;
    let described = page.lines().filter_map(|line| line.strip_prefix("# HELP ")).inspect(|line| {
        let item = format!(".TP\n{}\n", line.replacen(' ', "\n", 1));
        assert!(manual.contains(&item), "{line}");
    });
    assert!(described.count() > 20, "{page}");
}

#[test]
fn list_reloads_are_logged() {
    let builder = Daemon::builder(Program::Ours).whitelist_clients("a.example\n192.0.2.0/24\n");
    let list = builder.scratch().path().join("whitelist_clients");
    let site = Site::of(builder);
    assert_eq!(site.value("postgrey_list_rules{list=\"whitelist-clients\"}"), "2");
    fs::write(&list, "a.example\nb.example\n/^mx/\n/(/\n").expect("a list");
    site.daemon.signal(Signal::SIGHUP);
    wait_until("the complaint to be counted", || {
        site.value("postgrey_reloads_total{result=\"warned\"}") == "1"
    });
    assert_eq!(site.value("postgrey_list_rules{list=\"whitelist-clients\"}"), "3");
    assert_eq!(site.value("postgrey_reloads_total{result=\"clean\"}"), "0");
    let changed = list.metadata().and_then(|list| list.modified()).expect("a time");
    let seconds = changed.duration_since(UNIX_EPOCH).expect("a time since 1970").as_secs();
    let series = "postgrey_list_changed_timestamp_seconds{list=\"whitelist-clients\"}";
    assert_eq!(site.value(series), seconds.to_string());
}

#[test]
fn drop_ins_of_all_lists_are_counted_and_read_on_hup() {
    let options = "whitelist-clients whitelist-recipients whitelist-senders blacklist-clients \
                   blacklist-senders blacklist-recipients greylist-recipients recipient-delays";
    let mut builder = Daemon::builder(Program::Ours);
    let place = builder.scratch().path().to_owned();
    let line = |option: &str, rule: &str| match option {
        "recipient-delays" => format!("{rule} delay=60\n"),
        _ => format!("{rule}\n"),
    };
    for option in options.split_whitespace() {
        let list = builder.scratch().file(option, line(option, "a.example"));
        let beside = place.join(format!("{option}.d"));
        fs::create_dir(&beside).expect("a directory");
        fs::copy(&list, beside.join("b.conf")).expect("a file");
        builder = builder.arg(format!("--{option}={}", list.display()));
    }
    let site = Site::of(builder);
    let rules = |option: &str| site.value(&format!("postgrey_list_rules{{list=\"{option}\"}}"));
    let change_all = |times: &str, expected: &str, change: &dyn Fn(&str, PathBuf)| {
        for option in options.split_whitespace() {
            change(option, place.join(format!("{option}.d")));
        }
        site.daemon.signal(Signal::SIGHUP);
        let series = "postgrey_reloads_total{result=\"clean\"}";
        wait_until("the lists to be read", || site.value(series) == times);
        for option in options.split_whitespace() {
            assert_eq!(rules(option), expected, "{option} after {times} reloads");
        }
    };
    // The same rule twice is one.
    change_all("1", "1", &|_, _| ());
    change_all("2", "2", &|option, beside| {
        fs::write(beside.join("b.conf"), line(option, "b.example")).expect("a file");
    });
    change_all("3", "1", &|_, beside| fs::remove_dir_all(beside).expect("the directory"));
}

#[test]
fn slow_or_silent_clients_do_not_delay_others() {
    let site = Site::start(&[]);
    let mut slow = site.connect();
    slow.write_all(b"GET /metrics HTTP/1.1\r\n").expect("a daemon that reads");
    // More silent ones than are served at once: each new one takes an old one's place.
    let mut silent: Vec<_> = (0..40).map(|_| site.connect()).collect();
    assert_eq!(site.daemon.client().ask(&mail(1).at(0)).split(' ').next(), Some("DEFER_IF_PERMIT"));
    assert_eq!(site.value("postgrey_database_up"), "1");
    let end = slow.read(&mut [0; 10]);
    assert!(matches!(end, Ok(0) | Err(_)), "the oldest is still served: {end:?}");
    let last = silent.last_mut().expect("some");
    last.write_all(b"GET /health HTTP/1.1\r\n\r\n").expect("a daemon that reads");
    let mut response = String::new();
    last.read_to_string(&mut response).expect("a response");
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    // One that sends without an end is cut off.
    let mut flood = site.connect();
    while flood.write_all(&[b'a'; 4096]).is_ok() {}
    assert_eq!(site.daemon.client().ask(&mail(2).at(0)).split(' ').next(), Some("DEFER_IF_PERMIT"));
}
