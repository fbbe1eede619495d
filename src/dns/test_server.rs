//! A DNS server for tests, in the same thread and loop as the resolver.

use super::{Resolver, Servers};
use mio::{Events, Poll};
use simple_dns::rdata::{A, AAAA, CNAME, PTR, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, RCODE, ResourceRecord};
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    Udp,
    Tcp,
}

/// The messages that a server sends for a question.
pub type Script = Box<dyn Fn(&Packet<'_>, Via) -> Vec<Vec<u8>>>;

/// A server on a loopback port, and the questions that it got.
pub struct Server {
    udp: UdpSocket,
    tcp: TcpListener,
    streams: Vec<TcpStream>,
    script: Script,
    pub asked: Vec<(String, Via, u16, SocketAddr)>,
}

impl Server {
    pub fn new(script: impl Fn(&Packet<'_>, Via) -> Vec<Vec<u8>> + 'static) -> Server {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
                break (udp, tcp);
            }
        };
        udp.set_nonblocking(true).unwrap();
        tcp.set_nonblocking(true).unwrap();
        Server { udp, tcp, streams: Vec::new(), script: Box::new(script), asked: Vec::new() }
    }

    pub fn address(&self) -> SocketAddr {
        self.udp.local_addr().unwrap()
    }

    /// Replies to what has come. Returns true if a question got no reply.
    fn serve(&mut self) -> bool {
        let mut message = [0; 4096];
        let mut is_silent = false;
        while let Ok((length, client)) = self.udp.recv_from(&mut message) {
            let replies = self.replies(&message[..length], Via::Udp, client);
            is_silent |= replies.is_empty();
            for reply in replies {
                self.udp.send_to(&reply, client).unwrap();
            }
        }
        while let Ok((mut stream, client)) = self.tcp.accept() {
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            let mut message = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut message).unwrap();
            let replies = self.replies(&message, Via::Tcp, client);
            is_silent |= replies.is_empty();
            for reply in replies {
                let length = u16::try_from(reply.len()).unwrap().to_be_bytes();
                stream.write_all(&[&length, &reply[..]].concat()).unwrap();
            }
            self.streams.push(stream);
        }
        is_silent
    }

    fn replies(&mut self, message: &[u8], via: Via, client: SocketAddr) -> Vec<Vec<u8>> {
        let packet = Packet::parse(message).unwrap();
        let name = packet.questions[0].qname.to_string();
        self.asked.push((name, via, packet.id(), client));
        (self.script)(&packet, via)
    }
}

/// A reply with records: an address, `PTR name` or `owner CNAME target`.
pub fn answer(asked: &Packet<'_>, records: &[&str]) -> Vec<u8> {
    let mut packet = Packet::new_reply(asked.id());
    packet.questions.clone_from(&asked.questions);
    for record in records {
        let (owner, data) = match record.split(' ').collect::<Vec<_>>()[..] {
            ["PTR", name] => (None, RData::PTR(PTR(Name::new_unchecked(name)))),
            [owner, "CNAME", target] => {
                (Some(owner), RData::CNAME(CNAME(Name::new_unchecked(target))))
            }
            [owner, "PTR", name] => (Some(owner), RData::PTR(PTR(Name::new_unchecked(name)))),
            [owner, address] => (Some(owner), address_data(address)),
            [address] => (None, address_data(address)),
            _ => panic!("{record}"),
        };
        let asked = packet.questions[0].qname.to_string();
        let owner = Name::new(owner.unwrap_or(&asked)).unwrap().into_owned();
        packet.answers.push(ResourceRecord::new(owner, CLASS::IN, 60, data));
    }
    packet.build_bytes_vec().unwrap()
}

fn address_data(text: &str) -> RData<'static> {
    match text.parse().unwrap() {
        IpAddr::V4(address) => RData::A(A { address: address.to_bits() }),
        IpAddr::V6(address) => RData::AAAA(AAAA { address: address.to_bits() }),
    }
}

/// A reply without records, with a flag or a code.
pub fn bare(asked: &Packet<'_>, flag: Option<PacketFlag>, code: RCODE) -> Vec<u8> {
    let mut packet = Packet::new_reply(asked.id());
    packet.questions.clone_from(&asked.questions);
    packet.set_flags(flag.unwrap_or(PacketFlag::empty()));
    *packet.rcode_mut() = code;
    packet.build_bytes_vec().unwrap()
}

/// A loop around a resolver's user and some servers. Its clock is stopped,
/// except where a server does not reply to a question: then it moves on by
/// `silence`, so that no test depends on the speed of the machine.
pub struct Stage {
    poll: Poll,
    pub servers: Vec<Server>,
    pub now: Instant,
    pub silence: Duration,
}

impl Stage {
    /// A stage on which silence lasts for a second.
    pub fn new(servers: Vec<Server>) -> Stage {
        let (now, silence) = (Instant::now(), Duration::from_secs(1));
        Stage { poll: Poll::new().unwrap(), servers, now, silence }
    }

    /// A resolver that asks the servers of this stage.
    pub fn resolver(&self, timeout: Duration) -> Resolver {
        let addresses: Vec<SocketAddr> = self.servers.iter().map(Server::address).collect();
        self.asking(&addresses, timeout)
    }

    /// A resolver that asks the servers at these addresses.
    pub fn asking(&self, addresses: &[SocketAddr], timeout: Duration) -> Resolver {
        let registry = self.poll.registry().try_clone().unwrap();
        Resolver::new(Servers::new(addresses, timeout, 2), registry, 10)
    }

    /// Runs the loop until `step`, which gets the events and the time, returns
    /// something.
    pub fn run<T>(&mut self, mut step: impl FnMut(&Events, Instant) -> Option<T>) -> T {
        let end = Instant::now() + Duration::from_secs(60);
        let mut events = Events::with_capacity(200);
        loop {
            if let Some(value) = step(&events, self.now) {
                return value;
            }
            assert!(Instant::now() < end, "no end in 60 seconds");
            self.poll.poll(&mut events, Some(Duration::from_millis(2))).unwrap();
            let silent: Vec<bool> = self.servers.iter_mut().map(Server::serve).collect();
            if silent.contains(&true) {
                self.now += self.silence;
            }
        }
    }
}
