//! The cost of the SMTP proxy: messages of Postfix's smtp-source, each on a
//! connection of its own, to smtp-sink directly and through the proxy.

use crate::page::Page;
use crate::process::{cpu_time, own_memory};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use testkit::namespace::{OWN_ADDRESS, in_own_network};
use testkit::{Daemon, Program, wait_for};

/// Connections at once; a network may have 50 at the proxy.
const AT_ONCE: &str = "20";

const MESSAGES: u32 = 3000;

/// Timed rounds, of which the one in the middle counts.
const ROUNDS: usize = 3;

const SERVER: &str = "127.0.0.1:2525";

const PROXY_PORT: u16 = 25;

/// A server that accepts everything, until it is dropped.
struct Sink(Child);

impl Sink {
    fn start() -> Sink {
        let sink = Command::new("/usr/sbin/smtp-sink")
            .args(["-u", "nobody", SERVER, "200"])
            .spawn()
            .expect("smtp-sink of the package postfix");
        wait_for("smtp-sink", || TcpStream::connect(SERVER).ok());
        Sink(sink)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends messages, and returns how many a second were accepted.
fn rate(address: &str) -> f64 {
    let start = Instant::now();
    let status = Command::new("/usr/sbin/smtp-source")
        .args(["-s", AT_ONCE, "-m", &MESSAGES.to_string(), "-l", "2000", "-M", "client.test"])
        .args(["-f", "alice@sender.test", "-t", "bob@example.org", address])
        .stderr(Stdio::null())
        .status();
    assert!(status.expect("smtp-source of the package postfix").success(), "{address}");
    f64::from(MESSAGES) / start.elapsed().as_secs_f64()
}

fn start(options: &[&str]) -> Daemon {
    let builder = Daemon::builder(Program::Ours)
        .arg(format!("--smtp={OWN_ADDRESS}:{PROXY_PORT}"))
        .arg(format!("--smtp-backend={SERVER}"))
        .arg("--smtp-proxy-protocol=off");
    options.iter().fold(builder, |builder, option| builder.arg(*option)).start()
}

/// Has the first message deferred, and waits until its delay is over.
fn pass_the_delay() {
    let offer = || {
        let mut source = Command::new("/usr/sbin/smtp-source");
        source.args(["-f", "alice@sender.test", "-t", "bob@example.org"]);
        source.arg(format!("{OWN_ADDRESS}:{PROXY_PORT}")).stderr(Stdio::null());
        source.status().expect("smtp-source").success().then_some(())
    };
    wait_for("a message that passes", offer);
}

/// Returns the rows of the table.
fn measure() -> Vec<String> {
    let _sink = Sink::start();
    let proxy = format!("{OWN_ADDRESS}:{PROXY_PORT}");
    let trusted = format!("--trusted-networks={OWN_ADDRESS}");
    let mut rows = Vec::new();
    for (what, option) in [("by a recipient", "--delay=1"), ("from the first byte", &trusted)] {
        let daemon = start(&[option]);
        pass_the_delay();
        let pid = daemon.pid().as_raw();
        let before = cpu_time(pid);
        let mut rounds: Vec<[f64; 2]> = (0..ROUNDS).map(|_| [rate(SERVER), rate(&proxy)]).collect();
        let used = cpu_time(pid) - before;
        rounds.sort_by(|one, other| (one[1] / one[0]).total_cmp(&(other[1] / other[0])));
        let [direct, through] = rounds[ROUNDS / 2];
        let each = used / (ROUNDS as u32 * MESSAGES);
        rows.push(format!(
            "| {what} | {direct:.0} | {through:.0} | {:.2} | {} | {} |",
            through / direct,
            each.as_micros(),
            own_memory(pid)
        ));
    }
    rows
}

pub fn run(page: &mut Page) {
    page.heading("The SMTP proxy and the same server directly");
    page.line(&format!(
        "{MESSAGES} messages of 2,000 bytes by smtp-source, {AT_ONCE} at once, each on a \
         connection of its own, to smtp-sink, which does nothing with them.\n"
    ));
    page.line("| handed over | directly, sessions/s | through | ratio | CPU µs | memory KiB |");
    page.line("|---|--:|--:|--:|--:|--:|");
    in_own_network(measure).unwrap_or_default().iter().for_each(|row| page.line(row));
}
