//! The DNS queries of the report (BEHAVIOUR H4), with a server of the test's
//! own, named in a private `/etc/resolv.conf`.

use crate::case::{Run, can_compare, case, differs};
use crate::report::{Site, USUAL, line, usual};
use simple_dns::rdata::{A, AAAA, MX, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::Program;
use testkit::namespace::Namespace;

const ZONE: [(&str, &str); 14] = [
    ("b.com", "1.2.3.4"),
    ("b.com", "mx mail.b.com"),
    ("mail.b.com", "1.2.3.9"),
    ("same.com", "mx mail.same.com"),
    ("mail.same.com", "1.2.3.4"),
    ("near.com", "1.2.3.200"),
    ("near.com", "mx mail.near.com"),
    ("mail.near.com", "1.2.3.201"),
    ("far.com", "9.9.9.9"),
    ("six.com", "2001:db8::4"),
    ("4.3.2.1.bl.test", "127.0.0.2"),
    ("4.3.2.1.parked.test", "10.0.0.1"),
    ("long.com", "cut"),
    ("long.com", "1.2.3.4"),
];

/// A DNS server that knows [`ZONE`], and of names at `silent.com` says nothing.
struct Server {
    address: Ipv4Addr,
    asked: Arc<Mutex<Vec<String>>>,
    is_over: Arc<AtomicBool>,
}

impl Server {
    /// A server on an address of its own in the loopback network.
    fn start() -> Server {
        static COUNT: AtomicU8 = AtomicU8::new(1);
        let [high, low, ..] = std::process::id().to_le_bytes();
        let bind = |last| {
            let address = Ipv4Addr::new(127, high | 1, low, last);
            let udp = UdpSocket::bind((address, 53)).ok()?;
            Some((address, udp, TcpListener::bind((address, 53)).ok()?))
        };
        let (address, udp, tcp) = (0..100)
            .find_map(|_| bind(COUNT.fetch_add(1, Ordering::Relaxed)))
            .expect("port 53 of an address in the loopback network");
        let (asked, is_over) = (Arc::default(), Arc::default());
        let server = Server { address, asked, is_over };
        server.serve(udp, tcp);
        server
    }

    fn serve(&self, udp: UdpSocket, tcp: TcpListener) {
        udp.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
        tcp.set_nonblocking(true).expect("a listener");
        let (asked, is_over) = (Arc::clone(&self.asked), Arc::clone(&self.is_over));
        std::thread::spawn(move || {
            let mut datagram = [0; 4096];
            while !is_over.load(Ordering::Relaxed) {
                if let Ok((mut stream, _)) = tcp.accept() {
                    stream.set_nonblocking(false).expect("a stream");
                    let mut length = [0; 2];
                    stream.read_exact(&mut length).expect("a length");
                    let mut question = vec![0; u16::from_be_bytes(length).into()];
                    stream.read_exact(&mut question).expect("a question");
                    let reply = reply(&question, true, &asked).expect("a reply");
                    let length = u16::try_from(reply.len()).expect("a short reply").to_be_bytes();
                    stream.write_all(&[&length, &reply[..]].concat()).expect("a reader");
                }
                let Ok((length, from)) = udp.recv_from(&mut datagram) else { continue };
                if let Some(reply) = reply(&datagram[..length], false, &asked) {
                    udp.send_to(&reply, from).expect("a reader");
                }
            }
        });
    }

    /// The queries since the last call, in order.
    fn asked(&self) -> Vec<String> {
        let mut asked = std::mem::take(&mut *self.asked.lock().expect("the list"));
        asked.sort();
        asked
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

fn reply(question: &[u8], is_whole: bool, asked: &Mutex<Vec<String>>) -> Option<Vec<u8>> {
    let packet = Packet::parse(question).expect("a question");
    let name = packet.questions[0].qname.to_string();
    let kind = packet.questions[0].qtype;
    asked.lock().expect("the list").push(format!("{kind:?} {name}"));
    if name.ends_with("silent.com") {
        return None;
    }
    let mut reply = Packet::new_reply(packet.id());
    reply.questions.clone_from(&packet.questions);
    reply.set_flags(PacketFlag::RECURSION_AVAILABLE);
    let known: Vec<&str> =
        ZONE.iter().filter(|(known, _)| *known == name).map(|(_, data)| *data).collect();
    if known.is_empty() {
        *reply.rcode_mut() = RCODE::NameError;
    }
    if known.contains(&"cut") && !is_whole {
        reply.set_flags(PacketFlag::TRUNCATION);
        return reply.build_bytes_vec().ok();
    }
    for data in known {
        let record = match (data.parse(), data.strip_prefix("mx ")) {
            (Ok(IpAddr::V4(address)), _) => RData::A(A { address: address.to_bits() }),
            (Ok(IpAddr::V6(address)), _) => RData::AAAA(AAAA { address: address.to_bits() }),
            (_, Some(exchange)) => {
                RData::MX(MX { preference: 10, exchange: Name::new_unchecked(exchange) })
            }
            _ => continue,
        };
        if QTYPE::TYPE(record.type_code()) == kind {
            let name = Name::new_unchecked(&name).into_owned();
            reply.answers.push(ResourceRecord::new(name, CLASS::IN, 60, record));
        }
    }
    reply.build_bytes_vec().ok()
}

struct Asking {
    site: Site,
    namespace: Namespace,
}

impl Asking {
    fn new(run: &Run, configuration: &str) -> Option<Asking> {
        let site = run.site(&[], &[]);
        let file = site.scratch().file("resolv.conf", configuration);
        let script = "mount --make-rprivate /\nmount --bind \"$1\" /etc/resolv.conf";
        let namespace = Namespace::new(script, &[&file])?;
        Some(Asking { site, namespace })
    }

    fn report(&self, words: &str, log: &str) -> crate::process::Outcome {
        let command = self.site.command(words, log);
        let mut inside = Command::new(&self.namespace.words()[0]);
        inside
            .arg(&self.namespace.words()[1])
            .arg(command.get_program())
            .args(command.get_args())
            .current_dir(self.site.scratch().path())
            .stdin(std::fs::File::open(self.site.scratch().path().join("maillog")).expect("a log"));
        self.site.outcome(&inside.output().expect("the report"))
    }
}

fn configuration(server: &Server) -> String {
    format!("nameserver {}\noptions timeout:1 attempts:1\n", server.address)
}

#[test]
fn senders_are_compared_with_what_the_dns_knows_of_their_domain() {
    let from = |domain: &str| line("mx.b.com[1.2.3.4]", &format!("a@{domain}"), "r@d.com");
    case(|run| {
        let server = Server::start();
        let Some(site) = Asking::new(run, &configuration(&server)) else { return };
        let told = |label: &str, domain: &str| {
            format!("{label:>5}         1.2.3.4 mx.b.com a@{domain} r@d.com\n")
        };
        // The label of the original, which does not tell the address from the
        // network, and of ours.
        for (checks, domain, theirs, ours) in [
            ("mx", "same.com", "MX", "MX"),
            ("mx", "b.com", "MX", ""),
            ("mx/24", "b.com", "MX/24", "MX/24"),
            ("mx,mx/24", "b.com", "MX", "MX/24"),
            ("a", "b.com", "A", "A"),
            ("a/24", "b.com", "A/24", "A/24"),
            ("a", "near.com", "A", ""),
            ("a/24", "near.com", "A/24", "A/24"),
            ("a/24,a,MX", "near.com", "MX", "A/24"),
            ("a,mx", "far.com", "", ""),
            ("a,mx,a/24,mx/24", "none.com", "", ""),
            ("spf", "b.com", "", ""),
            ("a", "long.com", "A", "A"),
        ] {
            let what = format!("{checks} {domain}");
            let shown = site.report(&format!("--check_sender={checks}"), &from(domain)).shown();
            let [theirs, ours] = [theirs, ours].map(|label| told(label, domain) + "exit status: 0");
            if theirs == ours {
                run.expect(what, shown, ours);
            } else {
                run.expect(what, shown, differs("X74", theirs, ours));
            }
        }
        for words in [
            "--check_sender=mx --tab --show_tries",
            "--check_sender=mx --nosingle_line",
            "-v --check_sender=A,mx",
        ] {
            run.note(words, site.report(words, &from("same.com")).shown());
        }
        run.note("0", site.report("--check_sender=0", &from("same.com")).shown());
        let log = line("mx.b.com[1.2.3.4]", "root", "r@d.com");
        run.note("no domain", site.report("--check_sender=a", &log).shown());
    });
}

#[test]
fn ipv6_clients_are_compared_too() {
    case(|run| {
        let server = Server::start();
        let Some(site) = Asking::new(run, &configuration(&server)) else { return };
        for (address, label) in [("2001:db8::4", "A"), ("2001:db8::5", "A/24"), ("2001:db9::4", "")]
        {
            let log = line(&format!("mx.b.com[{address}]"), "a@six.com", "r@d.com");
            let ours = format!("{label:>5} {address:>15} mx.b.com a@six.com r@d.com\n");
            let shown = site.report("--check_sender=a,a/24", &log).stdout;
            run.expect(address, shown, differs("X66", "", ours));
        }
    });
}

#[test]
fn clients_on_a_blocklist_are_left_out_and_each_is_asked_for_once() {
    case(|run| {
        let server = Server::start();
        let Some(site) = Asking::new(run, &configuration(&server)) else { return };
        let other = line("mx.c.com[1.2.9.4]", "a@b.com", "r@d.com");
        let log = usual().repeat(3) + &other;
        let asked = |words: &str, expected: &str| {
            server.asked();
            run.expect(words, site.report(words, &log).stdout, expected);
            server.asked()
        };
        let other_told = "        1.2.9.4 mx.c.com a@b.com r@d.com\n";
        let questions = asked("--skip_dnsbl=bl.test", other_told);
        let clients = |questions: Vec<String>| {
            questions.iter().filter(|name| name.contains("4.3.2.1.bl.test")).count().to_string()
        };
        run.expect("questions", clients(questions), differs("X75", "3", "1"));
        asked("--skip_dnsbl=none.test --skip_dnsbl bl.test", other_told);
        asked("--skip_dnsbl=none.test", &format!("{USUAL}{other_told}"));
        let parked = site.report("--skip_dnsbl=parked.test", &usual()).stdout;
        run.expect("a list that is parked", parked, differs("X75", "", USUAL));
    });
}

#[test]
fn without_an_answer_the_report_comes_all_the_same() {
    case(|run| {
        // No server listens at this address.
        let configuration = "nameserver 127.0.0.77\noptions timeout:1 attempts:1\n";
        let Some(site) = Asking::new(run, configuration) else { return };
        let lines: String =
            (0..5).map(|n| line("mx.b.com[1.2.3.4]", &format!("a@b{n}.com"), "r@d.com")).collect();
        let outcome = site.report("--check_sender=mx", &lines);
        run.note(
            "labels",
            outcome.stdout.lines().filter(|line| line.starts_with("      ")).count().to_string(),
        );
        run.note("status", outcome.status);
        let complaints = outcome.stderr.lines().count().to_string();
        run.expect("complaints", complaints, differs("X76", "0", "1"));
    });
}

#[test]
fn a_silent_server_delays_no_other() {
    if !can_compare() {
        return;
    }
    let server = Server::start();
    case(|run| {
        if run.program() == Program::Theirs {
            return;
        }
        let Some(site) = Asking::new(run, &configuration(&server)) else { return };
        let names = (0..400).map(|n| format!("a@n{n}.silent.com"));
        let log: String = names.map(|it| line("mx.b.com[1.2.3.4]", &it, "r@d.com")).collect();
        let begin = std::time::Instant::now();
        let outcome = site.report("--check_sender=a", &log);
        assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
        assert_eq!(outcome.stdout.lines().count(), 400);
        assert!(
            outcome.stderr.starts_with("WARNING: no DNS server answered 400 questions"),
            "{outcome:?}"
        );
    });
}
