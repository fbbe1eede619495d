//! Many clients of the SMTP proxy: at the same time, and one after another.

use super::connections::allow_many_connections;
use socket2::{Domain, Socket, Type};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;
use testkit::namespace::in_own_network;
use testkit::process::memory;
use testkit::{Daemon, Program};

const TIMEOUT: Duration = Duration::from_secs(60);

/// The address of the proxy. All addresses of 10.0.0.0/8 are this machine's.
const PROXY: &str = "10.0.0.1:25";

/// The clients of these networks are connected to the mail server at once.
const EXEMPT: &str = "10.200.0.0/16";

/// More than a client may cost, in KiB: buffers grow with input only.
const MAX_MEMORY: usize = 16;

/// A client of its own network: a network may have 50 connections.
fn address(network: u8, number: usize) -> Ipv4Addr {
    let [high, low] = u16::try_from(number).expect("a short number").to_be_bytes();
    Ipv4Addr::new(10, network, high, low)
}

fn connect(from: Ipv4Addr) -> BufReader<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_reuse_address(true).expect("an option");
    socket.bind(&SocketAddr::from((from, 0)).into()).expect("a local address");
    let proxy: SocketAddr = PROXY.parse().expect("an address");
    socket.connect_timeout(&proxy.into(), TIMEOUT).expect("the proxy");
    socket.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
    BufReader::new(socket.into())
}

fn line(client: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    client.read_line(&mut line).expect("a reply");
    line
}

/// A connection from its greeting to its end.
fn visit(from: Ipv4Addr, greeting: &str) {
    let mut client = connect(from);
    assert_eq!(line(&mut client), greeting);
    client.get_mut().write_all(b"QUIT\r\n").expect("the proxy");
    assert!(line(&mut client).starts_with("221 "));
    assert_eq!(line(&mut client), "");
}

/// A mail server that replies to each line, and its address.
fn mail_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(|| talk(stream.expect("a connection")));
        }
    });
    address
}

fn talk(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(b"220 backend\r\n")?;
    for line in BufReader::new(stream.try_clone()?).lines() {
        if line?.starts_with("QUIT") {
            return stream.write_all(b"221 bye\r\n");
        }
        stream.write_all(b"250 ok\r\n")?;
    }
    Ok(())
}

fn start() -> Daemon {
    let route = ["route", "add", "local", "10.0.0.0/8", "dev", "lo"];
    assert!(Command::new("/usr/sbin/ip").args(route).status().expect("ip").success());
    allow_many_connections(10_000);
    let options = [
        "--hostname=proxy.test",
        "--smtp-proxy-protocol=off",
        "--smtp-max-clients=3000",
        &format!("--smtp={PROXY}"),
        &format!("--trusted-networks={EXEMPT}"),
        &format!("--smtp-backend={}", mail_server()),
    ];
    Daemon::builder(Program::Ours).args(options).start()
}

const GREETING: &str = "220 proxy.test ESMTP\r\n";

#[test]
fn silent_clients_use_little_memory_and_delay_no_other() {
    in_own_network(|| {
        const CLIENTS: usize = 2000;
        let daemon = start();
        visit(address(0, 2), GREETING);
        let memory_before = memory(daemon.pid());
        let silent: Vec<_> = (0..CLIENTS)
            .map(|number| {
                // 40 clients in each network.
                let mut client = connect(address(1, number / 40 * 256 + number % 40));
                assert_eq!(line(&mut client), GREETING);
                client
            })
            .collect();
        let grown = memory(daemon.pid()).saturating_sub(memory_before);
        assert!(grown < CLIENTS * MAX_MEMORY, "{grown} KiB for {CLIENTS} clients");
        visit(address(0, 2), GREETING);
        drop(silent);
        daemon.stop();
    });
}

#[test]
fn successive_clients_leave_no_memory_allocated() {
    in_own_network(|| {
        const CLIENTS: usize = 50_000;
        let daemon = start();
        let visit_many = |count: usize| {
            for number in 0..count {
                match number % 10 {
                    0 => visit(address(200, number), "220 backend\r\n"),
                    _ => visit(address(1, number), GREETING),
                }
            }
        };
        visit_many(CLIENTS / 10);
        let memory_before = memory(daemon.pid());
        visit_many(CLIENTS);
        let grown = memory(daemon.pid()).saturating_sub(memory_before);
        assert!(grown < 2048, "{grown} KiB after {CLIENTS} clients");
        daemon.stop();
    });
}
