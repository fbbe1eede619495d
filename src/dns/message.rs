//! DNS messages (RFC 1035 section 4): questions and replies.

use simple_dns::rdata::{A, AAAA, CNAME, MX, PTR, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, RCODE, ResourceRecord, TYPE};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// Aliases followed from the name in the question.
const MAX_ALIASES: usize = 16;

/// The time for which an answer without records holds. RFC 2308 takes it from the
/// SOA record, which few clients of greylisting need.
const NEGATIVE_TTL: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    A,
    Aaaa,
    Mx,
    Ptr,
}

impl Kind {
    /// The kind of record that holds addresses of this family.
    pub fn of_family(address: IpAddr) -> Kind {
        if address.is_ipv4() { Kind::A } else { Kind::Aaaa }
    }

    fn code(self) -> TYPE {
        match self {
            Kind::A => TYPE::A,
            Kind::Aaaa => TYPE::AAAA,
            Kind::Mx => TYPE::MX,
            Kind::Ptr => TYPE::PTR,
        }
    }
}

/// A question for the records of one kind at a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// An absolute name, with or without the final dot.
    pub name: String,
    pub kind: Kind,
}

impl Question {
    /// The question for the names of an address (RFC 1035 section 3.5,
    /// RFC 3596 section 2.5).
    pub fn reverse(address: IpAddr) -> Question {
        let name = match address {
            IpAddr::V4(_) => format!("{}.in-addr.arpa", reversed(address)),
            IpAddr::V6(_) => format!("{}.ip6.arpa", reversed(address)),
        };
        Question { name, kind: Kind::Ptr }
    }
}

/// The parts of an address from the last to the first, as names in the DNS have
/// them.
pub fn reversed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [first, second, third, fourth] = address.octets();
            format!("{fourth}.{third}.{second}.{first}")
        }
        IpAddr::V6(address) => {
            let digits = format!("{:032x}", address.to_bits());
            let digits: Vec<String> = digits.chars().rev().map(String::from).collect();
            digits.join(".")
        }
    }
}

/// The records of an answer; empty if the name has none of the kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub addresses: Vec<IpAddr>,
    /// Names of mail servers, of MX records.
    pub exchanges: Vec<String>,
    /// Names of an address, of PTR records.
    pub names: Vec<String>,
    pub ttl: Duration,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Reply {
    Answered(Answer),
    /// The answer is too long for a datagram.
    Truncated,
    /// The server cannot or will not answer; another one may.
    Refused,
}

/// Builds the message for a question; `None` if its name is not valid.
pub fn ask(question: &Question, id: u16) -> Option<Vec<u8>> {
    // Name::new skips empty labels.
    let name = Name::new(&question.name).ok().filter(|name| is_same(name, &question.name))?;
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let kind = question.kind.code().into();
    packet.questions.push(simple_dns::Question::new(name, kind, CLASS::IN.into(), false));
    packet.build_bytes_vec().ok()
}

/// Parses the reply to a question that was sent with this id; `None` if the
/// message is anything else, which an attacker may have sent.
pub fn reply(question: &Question, id: u16, message: &[u8]) -> Option<Reply> {
    let packet = Packet::parse(message).ok()?;
    let asked = packet.questions.first()?;
    let is_reply = packet.id() == id
        && packet.has_flags(PacketFlag::RESPONSE)
        && packet.questions.len() == 1
        && is_same(&asked.qname, &question.name)
        && asked.qtype == question.kind.code().into()
        && asked.qclass == CLASS::IN.into();
    if !is_reply {
        return None;
    }
    if packet.has_flags(PacketFlag::TRUNCATION) {
        return Some(Reply::Truncated);
    }
    Some(match packet.rcode() {
        RCODE::NoError | RCODE::NameError => Reply::Answered(answer(question, &packet)),
        _ => Reply::Refused,
    })
}

fn is_same(name: &Name<'_>, text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    name.to_string().eq_ignore_ascii_case(text)
}

fn answer(question: &Question, packet: &Packet<'_>) -> Answer {
    let records: Vec<&ResourceRecord<'_>> =
        packet.answers.iter().filter(|record| record.class == CLASS::IN).collect();
    let owner = canonical_name(&question.name, &records);
    let mut answer = Answer::default();
    for record in records.iter().filter(|record| is_same(&record.name, &owner)) {
        match &record.rdata {
            RData::A(A { address }) => answer.addresses.push(Ipv4Addr::from_bits(*address).into()),
            RData::AAAA(AAAA { address }) => {
                answer.addresses.push(Ipv6Addr::from_bits(*address).into());
            }
            RData::MX(MX { exchange, .. }) => answer.exchanges.push(exchange.to_string()),
            RData::PTR(PTR(name)) => answer.names.push(name.to_string()),
            _ => {}
        }
    }
    let ttl = records.iter().map(|record| Duration::from_secs(record.ttl.into())).min();
    answer.ttl = ttl.unwrap_or(NEGATIVE_TTL);
    answer
}

/// The name at the end of the aliases that begin with `name`.
fn canonical_name(name: &str, records: &[&ResourceRecord<'_>]) -> String {
    let mut owner = name.to_owned();
    for _ in 0..MAX_ALIASES {
        let target = records.iter().find_map(|record| match &record.rdata {
            RData::CNAME(CNAME(target)) if is_same(&record.name, &owner) => Some(target),
            _ => None,
        });
        match target {
            Some(target) => owner = target.to_string(),
            None => break,
        }
    }
    owner
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        Question { name: "b.test".to_owned(), kind: Kind::A }
    }

    fn record(owner: &'static str, ttl: u32, data: RData<'static>) -> ResourceRecord<'static> {
        ResourceRecord::new(Name::new_unchecked(owner), CLASS::IN, ttl, data)
    }

    fn address(last: u8) -> RData<'static> {
        RData::A(A { address: Ipv4Addr::new(192, 0, 2, last).to_bits() })
    }

    fn alias(target: &'static str) -> RData<'static> {
        RData::CNAME(CNAME(Name::new_unchecked(target)))
    }

    /// The reply to [`question`] with id 7, after a change.
    fn message(change: impl FnOnce(&mut Packet<'_>)) -> Vec<u8> {
        let asked = ask(&question(), 7).unwrap();
        let mut packet = Packet::parse(&asked).unwrap().into_reply();
        packet.answers.push(record("B.test", 60, address(1)));
        change(&mut packet);
        packet.build_bytes_vec().unwrap()
    }

    fn addresses(message: &[u8]) -> Vec<String> {
        match reply(&question(), 7, message) {
            Some(Reply::Answered(answer)) => {
                answer.addresses.iter().map(ToString::to_string).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn answer_has_the_records_of_the_name() {
        assert_eq!(addresses(&message(|_| ())), ["192.0.2.1"]);
        let foreign = message(|packet| packet.answers.push(record("c.test", 60, address(2))));
        assert_eq!(addresses(&foreign), ["192.0.2.1"]);
    }

    #[test]
    fn aliases_are_followed_in_any_order() {
        let chain = message(|packet| {
            packet.answers = vec![
                record("d.test", 60, address(4)),
                record("c.test", 60, alias("d.test")),
                record("b.test", 60, alias("c.test")),
            ];
        });
        assert_eq!(addresses(&chain), ["192.0.2.4"]);
        let circle = message(|packet| {
            packet.answers =
                vec![record("b.test", 60, alias("c.test")), record("c.test", 60, alias("b.test"))];
        });
        assert_eq!(addresses(&circle), [""; 0]);
    }

    #[test]
    fn ttl_is_the_shortest_of_the_records() {
        let ttl = |message: &[u8]| match reply(&question(), 7, message) {
            Some(Reply::Answered(answer)) => answer.ttl,
            other => panic!("{other:?}"),
        };
        let two = message(|packet| packet.answers.push(record("b.test", 5, address(2))));
        assert_eq!(ttl(&two), Duration::from_secs(5));
        assert_eq!(ttl(&message(|packet| packet.answers.clear())), NEGATIVE_TTL);
    }

    #[test]
    fn failures_are_distinguished_from_answers() {
        let refused = message(|packet| *packet.rcode_mut() = RCODE::ServerFailure);
        assert_eq!(reply(&question(), 7, &refused), Some(Reply::Refused));
        let truncated = message(|packet| packet.set_flags(PacketFlag::TRUNCATION));
        assert_eq!(reply(&question(), 7, &truncated), Some(Reply::Truncated));
    }

    #[test]
    fn other_messages_are_not_replies() {
        let right = message(|_| ());
        assert!(reply(&question(), 7, &right).is_some());
        assert_eq!(reply(&question(), 8, &right), None);
        let other_name = Question { name: "c.test".to_owned(), kind: Kind::A };
        assert_eq!(reply(&other_name, 7, &right), None);
        let other_kind = Question { kind: Kind::Mx, ..question() };
        assert_eq!(reply(&other_kind, 7, &right), None);
        let question_itself = ask(&question(), 7).unwrap();
        assert_eq!(reply(&question(), 7, &question_itself), None);
        assert_eq!(reply(&question(), 7, b"\0\x07nonsense"), None);
        assert_eq!(reply(&question(), 7, b""), None);
        let without_question = message(|packet| packet.questions.clear());
        assert_eq!(reply(&question(), 7, &without_question), None);
    }

    #[test]
    fn invalid_names_are_not_asked() {
        for name in ["a..b", &"x".repeat(64), &"abcdefgh.".repeat(40)] {
            assert_eq!(ask(&Question { name: name.to_owned(), kind: Kind::A }, 1), None, "{name}");
        }
    }

    #[test]
    fn reverse_names_are_those_of_the_standards() {
        for (address, name) in [
            ("192.0.2.99", "99.2.0.192.in-addr.arpa"),
            (
                "2001:db8:1:2:3:4:567:89ab",
                "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
            ),
        ] {
            assert_eq!(Question::reverse(address.parse().unwrap()).name, name);
        }
    }
}
