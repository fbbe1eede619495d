//! A cluster of three servers.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use testkit::redis::{Engine, Server, has_redis, host};
use testkit::{Attempt, Daemon, Scratch, free_port, wait_until};

/// A cluster.
struct Cluster {
    servers: Vec<Server>,
    _scratch: Scratch,
}

impl Cluster {
    fn start() -> Option<Cluster> {
        if !has_redis() {
            return None;
        }
        let scratch = Scratch::new();
        let servers: Vec<Server> = (0..3)
            .map(|number| {
                let directory = scratch.subdirectory(&number.to_string()).display().to_string();
                // By default it is 10,000 above the other, where connections begin.
                let bus = free_port().to_string();
                let options =
                    ["--cluster-enabled", "yes", "--cluster-port", &bus, "--dir", &directory];
                Server::start(Engine::Redis, &options).expect("Redis")
            })
            .collect();
        let hosts = servers.iter().map(|server| format!("127.0.0.1:{}", server.port));
        let output = Command::new("redis-cli")
            .args(["--cluster", "create"])
            .args(hosts)
            .args(["--cluster-yes", "--cluster-replicas", "0"])
            .output()
            .expect("redis-cli");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        let cluster = Cluster { servers, _scratch: scratch };
        for server in &cluster.servers {
            wait_until("the cluster is ready", || {
                server.ask(&["cluster", "info"]).contains("cluster_state:ok")
            });
        }
        Some(cluster)
    }

    fn url(&self) -> String {
        format!("redis-cluster://127.0.0.1:{}", self.servers[0].port)
    }

    fn id(&self, server: usize) -> String {
        self.servers[server].ask(&["cluster", "myid"])
    }

    /// The server that has a slot.
    fn owner(&self, slot: &str) -> usize {
        let slot: u16 = slot.parse().expect("a slot");
        let has = |server: usize| {
            let nodes = self.servers[server].ask(&["cluster", "nodes"]);
            let own = nodes.lines().find(|line| line.contains("myself")).expect("a node");
            own.split(' ').skip(8).any(|range| {
                let mut ends = range.split('-').filter_map(|end| end.parse::<u16>().ok());
                let first = ends.next();
                let last = ends.next().or(first);
                first.is_some_and(|first| first <= slot) && last.is_some_and(|last| slot <= last)
            })
        };
        (0..self.servers.len()).find(|server| has(*server)).expect("an owner")
    }

    /// Moves a slot, some of its keys at a time.
    fn move_slot(&self, slot: &str, to: usize) {
        let from = self.owner(slot);
        let (source, target) = (&self.servers[from], &self.servers[to]);
        let setslot = |server: &Server, state: &str, id: &str| {
            assert_eq!(server.ask(&["cluster", "setslot", slot, state, id]), "OK");
        };
        setslot(target, "importing", &self.id(from));
        setslot(source, "migrating", &self.id(to));
        let port = target.port.to_string();
        wait_until("an empty slot", || {
            let names = source.ask(&["cluster", "getkeysinslot", slot, "1000"]);
            let migrate = ["migrate", "127.0.0.1", &port, "", "0", "5000", "keys"];
            let migrate: Vec<&str> = migrate.into_iter().chain(names.lines()).collect();
            names.is_empty() || {
                assert_eq!(source.ask(&migrate), "OK");
                false
            }
        });
        let id = self.id(to);
        setslot(target, "node", &id);
        setslot(source, "node", &id);
    }
}

fn attempt(client: usize, recipient: usize) -> Attempt {
    Attempt::new(
        &format!("192.0.{client}.7"),
        "mail.example.net",
        "alice@example.net",
        &format!("r{recipient}@example.com"),
    )
}

fn failures(host: &Daemon) -> Vec<String> {
    host.log()
        .into_iter()
        .filter(|line| line.contains("shared state: ") && line.contains("mail is"))
        .collect()
}

#[test]
fn records_of_all_clients_are_found_on_both_hosts() {
    let Some(cluster) = Cluster::start() else { return };
    let hosts = [(), ()].map(|()| host(&cluster.url()).start());
    let mut clients = hosts.each_ref().map(Daemon::client);
    for client in 0..60 {
        let attempt = attempt(client, 0);
        clients[0].assert_deferred(&attempt.clone().at(1000));
        assert!(clients[1].ask(&attempt.at(1301)).starts_with("PREPEND"));
    }
    let numbers = cluster.servers.iter().map(|server| server.records("*:t:*").len());
    let numbers: Vec<usize> = numbers.collect();
    assert_eq!(numbers.iter().sum::<usize>(), 60, "{numbers:?}");
    assert!(numbers.iter().all(|number| *number > 0), "{numbers:?}");
    assert!(
        hosts.iter().all(|host| failures(host).is_empty()),
        "{:?}",
        hosts.each_ref().map(failures)
    );
}

/// The most records that the load makes: fewer than can be moved in the time.
const MAX_RECORDS: usize = 5000;

#[test]
fn a_slot_moves_under_load() {
    let Some(cluster) = Cluster::start() else { return };
    let daemon = host(&cluster.url()).start();
    let slot = cluster.servers[0].ask(&["cluster", "keyslot", "postgrey:{192.0.1.0}:t:x"]);
    let is_over = AtomicBool::new(false);
    let asked = thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut client = daemon.client();
            let mut asked = 0;
            while asked < MAX_RECORDS && !is_over.load(Ordering::SeqCst) {
                let reply = client.ask(&attempt(1, asked).at(1000));
                assert!(reply.starts_with("DEFER_IF_PERMIT"), "{reply}\n{:#?}", daemon.log());
                asked += 1;
            }
            asked
        });
        for _ in 0..2 {
            let owner = cluster.owner(&slot);
            cluster.move_slot(&slot, (owner + 1) % 3);
        }
        is_over.store(true, Ordering::SeqCst);
        load.join().expect("the load")
    });
    assert!(asked > 0);
    assert_eq!(failures(&daemon), [""; 0]);
    let mut client = daemon.client();
    for number in 0..asked.min(4) {
        assert!(client.ask(&attempt(1, number).at(1301)).starts_with("PREPEND"), "{number}");
    }
}

#[test]
fn options_that_spread_the_records_of_a_mail_are_refused() {
    for option in ["--privacy", "--lookup-by-domain", "--auto-whitelist-by=domain"] {
        let stopped = host("redis-cluster://127.0.0.1:1").arg(option).fail_to_start();
        let log = stopped.log.join("\n");
        assert!(log.contains("cannot be used with --privacy"), "{option}: {log}");
    }
}

#[test]
fn a_cluster_without_a_server_lets_mail_pass() {
    let Some(mut cluster) = Cluster::start() else { return };
    let daemon = host(&cluster.url()).start();
    let mut client = daemon.client();
    client.assert_deferred(&attempt(0, 0).at(1000));
    cluster.servers[2].end();
    // Mail whose records are on the others may still be deferred, until one is asked for
    // that is not there.
    let mut replies = (0..100).map(|number| client.ask(&attempt(number, 1).at(1000)));
    assert!(replies.any(|reply| reply == "DUNNO"));
    assert_eq!(client.ask(&attempt(0, 2).at(1000)), "DUNNO");
    assert_eq!(failures(&daemon).len(), 1, "{:#?}", daemon.log());
}
