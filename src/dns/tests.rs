//! The resolver and the lookup of names, with servers of the test's own.

use super::test_server::{Server, Stage, Via, answer, bare};
use super::{Answer, ClientNames, Kind, Question, Resolver};
use simple_dns::{Packet, PacketFlag, RCODE};
use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(10);
/// The time that passes while a server is silent ([`Stage`]).
const SECOND: Duration = Duration::from_secs(1);

fn question(name: &str) -> Question {
    Question { name: name.to_owned(), kind: Kind::A }
}

/// Asks all names, and returns their addresses in the same order; `None` where
/// no server answered.
fn ask(stage: &mut Stage, resolver: &mut Resolver, names: &[&str]) -> Vec<Option<Vec<IpAddr>>> {
    let now = stage.now;
    let ids: Vec<_> = names.iter().map(|name| resolver.ask(question(name), now)).collect();
    let mut answers: BTreeMap<_, Option<Answer>> = BTreeMap::new();
    stage.run(|events, now| {
        events.iter().for_each(|event| resolver.handle(event.token(), now));
        resolver.tick(now);
        answers.extend(resolver.completed());
        (answers.len() == ids.len()).then_some(())
    });
    assert_eq!(resolver.deadline(), None);
    ids.iter().map(|it| answers.remove(it).unwrap().map(|answer| answer.addresses)).collect()
}

fn addresses(text: &str) -> Option<Vec<IpAddr>> {
    Some(text.split_whitespace().map(|it| it.parse().unwrap()).collect())
}

/// Asks one name of servers with these scripts.
fn ask_one(servers: Vec<Server>, timeout: Duration) -> (Stage, Option<Vec<IpAddr>>) {
    let mut stage = Stage::new(servers);
    let mut resolver = stage.resolver(timeout);
    let answer = ask(&mut stage, &mut resolver, &["a.test"]).remove(0);
    (stage, answer)
}

fn honest() -> Server {
    Server::new(|asked, _| vec![answer(asked, &["192.0.2.1"])])
}

fn silent() -> Server {
    Server::new(|_, _| Vec::new())
}

#[test]
fn forged_replies_are_ignored() {
    let server = Server::new(|asked, _| {
        let mut wrong_id = answer(asked, &["192.0.2.66"]);
        wrong_id[1] ^= 1;
        let mut other_name = asked.clone();
        other_name.questions[0].qname = simple_dns::Name::new_unchecked("b.test");
        let mut other_kind = asked.clone();
        other_kind.questions[0].qtype = simple_dns::TYPE::AAAA.into();
        vec![
            wrong_id,
            answer(&other_name, &["192.0.2.66"]),
            answer(&other_kind, &["192.0.2.66"]),
            asked.build_bytes_vec().unwrap(),
            b"\0\x07nonsense".to_vec(),
            Vec::new(),
            answer(asked, &["192.0.2.1"]),
        ]
    });
    assert_eq!(ask_one(vec![server], LONG).1, addresses("192.0.2.1"));
}

#[test]
fn flood_of_forged_replies_ends_the_question() {
    let server = Server::new(|asked, _| {
        let mut forged = answer(asked, &["192.0.2.66"]);
        forged[1] ^= 1;
        [vec![forged; 60], vec![answer(asked, &["192.0.2.66"])]].concat()
    });
    let (stage, answer) = ask_one(vec![server, honest()], LONG);
    assert_eq!(answer, addresses("192.0.2.1"));
    assert_eq!(stage.servers[0].asked.len(), 1);
}

#[test]
fn ids_and_ports_differ_from_question_to_question() {
    let mut stage = Stage::new(vec![honest()]);
    let mut resolver = stage.resolver(LONG);
    let names: Vec<String> = (0..60).map(|number| format!("{number}.test")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    ask(&mut stage, &mut resolver, &names);
    let asked = &stage.servers[0].asked;
    let ports: HashSet<u16> = asked.iter().map(|(_, _, _, client)| client.port()).collect();
    let ids: HashSet<u16> = asked.iter().map(|(_, _, id, _)| *id).collect();
    assert_eq!(ports.len(), 60);
    assert!(ids.len() > 50, "{} different ids of 60", ids.len());
}

#[test]
fn truncated_answer_is_asked_for_over_tcp() {
    let server = Server::new(|asked, via| match via {
        Via::Udp => vec![bare(asked, Some(PacketFlag::TRUNCATION), RCODE::NoError)],
        Via::Tcp => vec![answer(asked, &["192.0.2.1", "192.0.2.2"])],
    });
    let (stage, answer) = ask_one(vec![server], LONG);
    assert_eq!(answer, addresses("192.0.2.1 192.0.2.2"));
    let via: Vec<Via> = stage.servers[0].asked.iter().map(|(_, via, _, _)| *via).collect();
    assert_eq!(via, [Via::Udp, Via::Tcp]);
}

#[test]
fn another_server_is_asked_where_tcp_gives_no_answer() {
    type Reply = fn(&Packet<'_>) -> Vec<Vec<u8>>;
    let scripts: [Reply; 4] = [
        |asked| vec![bare(asked, Some(PacketFlag::TRUNCATION), RCODE::NoError)],
        |_| vec![b"nonsense".to_vec()],
        |_| vec![Vec::new()],
        |_| Vec::new(),
    ];
    for over_tcp in scripts {
        let server = Server::new(move |asked, via| match via {
            Via::Udp => vec![bare(asked, Some(PacketFlag::TRUNCATION), RCODE::NoError)],
            Via::Tcp => over_tcp(asked),
        });
        assert_eq!(ask_one(vec![server, honest()], SECOND).1, addresses("192.0.2.1"));
    }
}

#[test]
fn silent_server_gives_way_to_the_next() {
    let (stage, answer) = ask_one(vec![silent(), honest()], SECOND);
    assert_eq!(answer, addresses("192.0.2.1"));
    assert_eq!(stage.servers[0].asked.len(), 1);
}

#[test]
fn each_silent_server_is_asked_twice() {
    let (stage, answer) = ask_one(vec![silent(), silent()], SECOND);
    assert_eq!(answer, None);
    assert_eq!(stage.servers.iter().map(|server| server.asked.len()).collect::<Vec<_>>(), [2, 2]);
}

#[test]
fn refusing_server_gives_way_to_the_next() {
    for code in [RCODE::ServerFailure, RCODE::Refused, RCODE::FormatError] {
        let refusing = Server::new(move |asked, _| vec![bare(asked, None, code)]);
        assert_eq!(ask_one(vec![refusing, honest()], LONG).1, addresses("192.0.2.1"));
    }
}

#[test]
fn unknown_name_has_no_records() {
    let server = Server::new(|asked, _| vec![bare(asked, None, RCODE::NameError)]);
    let (stage, answer) = ask_one(vec![server, honest()], LONG);
    assert_eq!(answer, Some(Vec::new()));
    assert_eq!(stage.servers[1].asked.len(), 0);
}

#[test]
fn many_names_are_asked_in_turns() {
    let mut stage = Stage::new(vec![honest()]);
    let mut resolver = stage.resolver(LONG);
    let names: Vec<String> = (0..500).map(|number| format!("{number}.test")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let answers = ask(&mut stage, &mut resolver, &names);
    assert!(answers.iter().all(|answer| *answer == addresses("192.0.2.1")));
}

#[test]
fn answers_are_asked_once_while_they_hold() {
    let mut stage = Stage::new(vec![honest()]);
    let mut resolver = stage.resolver(LONG);
    for _ in 0..3 {
        assert_eq!(ask(&mut stage, &mut resolver, &["a.test"]), [addresses("192.0.2.1")]);
    }
    assert_eq!(stage.servers[0].asked.len(), 1);
}

/// Names and the records that a server has of each.
type Zone = &'static [(&'static str, &'static [&'static str])];

/// Looks up the name of a client with a server that knows these records.
fn name_of(client: &str, zone: Zone) -> Option<String> {
    let server = Server::new(move |asked, _| {
        let name = asked.questions[0].qname.to_string();
        match zone.iter().find(|(known, _)| *known == name) {
            Some((_, records)) => vec![answer(asked, records)],
            None => vec![bare(asked, None, RCODE::NameError)],
        }
    });
    look_up(vec![server], client, LONG)
}

fn look_up(servers: Vec<Server>, client: &str, limit: Duration) -> Option<String> {
    let mut stage = Stage::new(servers);
    let resolver = stage.resolver(LONG);
    run_lookup(&mut stage, resolver, client, limit)
}

fn run_lookup(
    stage: &mut Stage,
    resolver: Resolver,
    client: &str,
    limit: Duration,
) -> Option<String> {
    let mut names = ClientNames::new(resolver, limit);
    names.look_up(7, client.parse().unwrap(), stage.now);
    let (owner, name) = stage.run(|events, now| {
        events.iter().for_each(|event| names.handle(event.token(), now));
        names.tick(now);
        names.completed().pop()
    });
    assert_eq!(owner, 7);
    assert_eq!(names.deadline(), None);
    name
}

#[test]
fn client_has_a_name_that_has_its_address() {
    let name = name_of(
        "192.0.2.9",
        &[
            ("9.2.0.192.in-addr.arpa", &["PTR Mx.a.test"]),
            ("Mx.a.test", &["192.0.2.8", "192.0.2.9"]),
        ],
    );
    assert_eq!(name.as_deref(), Some("Mx.a.test"));
}

#[test]
fn ipv6_client_has_a_name_too() {
    let name = name_of(
        "2001:db8::1",
        &[
            (
                "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
                &["PTR mx.a.test"],
            ),
            ("mx.a.test", &["2001:db8::1"]),
        ],
    );
    assert_eq!(name.as_deref(), Some("mx.a.test"));
}

#[test]
fn unverified_name_is_not_a_name() {
    const ZONES: [Zone; 6] = [
        &[],
        &[("9.2.0.192.in-addr.arpa", &[])],
        &[("9.2.0.192.in-addr.arpa", &["PTR mx.a.test"])],
        &[("9.2.0.192.in-addr.arpa", &["PTR mx.a.test"]), ("mx.a.test", &["192.0.2.8"])],
        &[("9.2.0.192.in-addr.arpa", &["PTR 192.0.2.9"]), ("192.0.2.9", &["192.0.2.9"])],
        &[("9.2.0.192.in-addr.arpa", &["PTR a!.test"]), ("a!.test", &["192.0.2.9"])],
    ];
    for zone in ZONES {
        assert_eq!(name_of("192.0.2.9", zone), None, "{zone:?}");
    }
}

#[test]
fn second_name_of_an_address_counts() {
    let name = name_of(
        "192.0.2.9",
        &[
            ("9.2.0.192.in-addr.arpa", &["PTR old.a.test", "PTR mx.a.test"]),
            ("mx.a.test", &["192.0.2.9"]),
        ],
    );
    assert_eq!(name.as_deref(), Some("mx.a.test"));
}

/// RFC 2317 section 4.
#[test]
fn alias_leads_to_the_name_in_a_delegated_network() {
    const REVERSE: &str = "9.2.0.192.in-addr.arpa";
    const RECORDS: &[&str] = &[
        "9.2.0.192.in-addr.arpa CNAME 9.0-15.2.0.192.in-addr.arpa",
        "9.0-15.2.0.192.in-addr.arpa PTR x.test",
        "other.in-addr.arpa PTR y.test",
    ];
    const ZONE: Zone =
        &[(REVERSE, RECORDS), ("x.test", &["x.test CNAME z.test", "z.test 192.0.2.9"])];
    assert_eq!(name_of("192.0.2.9", ZONE).as_deref(), Some("x.test"));
}

#[test]
fn lookup_ends_at_its_limit() {
    assert_eq!(look_up(vec![silent()], "192.0.2.9", SECOND), None);
}

#[test]
fn questions_in_flight_move_to_new_servers() {
    let mut stage = Stage::new(vec![silent(), honest()]);
    let servers = [0, 1].map(|index: usize| stage.servers[index].address());
    let mut resolver = stage.asking(&servers[..1], LONG);
    let id = resolver.ask(question("a.test"), stage.now);
    let others = super::Servers::new(&servers[1..], LONG, 1);
    resolver.set_servers(others, stage.now);
    let (answered, answer) = stage.run(|events, now| {
        events.iter().for_each(|event| resolver.handle(event.token(), now));
        resolver.completed().pop()
    });
    assert_eq!(answered, id);
    assert_eq!(Some(answer.unwrap().addresses), addresses("192.0.2.1"));
}

#[test]
fn server_that_does_not_listen_ends_the_lookup_at_once() {
    // Connected elsewhere: it keeps the port, and what others send to it is refused.
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect("127.0.0.1:9").unwrap();
    let address: SocketAddr = socket.local_addr().unwrap();
    let mut stage = Stage::new(Vec::new());
    let resolver = stage.asking(&[address], LONG);
    // The clock is stopped: no time limit ends it.
    assert_eq!(run_lookup(&mut stage, resolver, "192.0.2.9", LONG), None);
}
