//! Questions and answers of the DNS, as messages (RFC 1035, 4).

use simple_dns::rdata::{A, AAAA, MX, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, RCODE, TYPE};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What to ask of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Its IPv4 addresses.
    A,
    /// Its IPv6 addresses.
    Aaaa,
    /// Its mail servers.
    Mx,
}

impl Kind {
    fn code(self) -> TYPE {
        match self {
            Kind::A => TYPE::A,
            Kind::Aaaa => TYPE::AAAA,
            Kind::Mx => TYPE::MX,
        }
    }
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// A name from the root on, with or without the last dot.
    pub name: String,
    /// What to ask of it.
    pub kind: Kind,
}

/// What a server says; nothing where it knows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Addresses, also those behind aliases.
    pub addresses: Vec<IpAddr>,
    /// Names of mail servers.
    pub exchanges: Vec<String>,
}

/// How a server took a question.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply {
    /// It answered.
    Answered(Answer),
    /// The answer is too long for a datagram.
    CutOff,
    /// It cannot or will not answer; another may.
    Refused,
}

/// The message that asks, with a number that the reply has to have; `None` if
/// the name is none.
pub fn ask(question: &Question, id: u16) -> Option<Vec<u8>> {
    // The crate passes over empty labels.
    let name = Name::new(&question.name).ok().filter(|name| is_called(name, question))?;
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let kind = question.kind.code().into();
    packet.questions.push(simple_dns::Question::new(name, kind, CLASS::IN.into(), false));
    packet.build_bytes_vec().ok()
}

/// The number of a message.
pub fn id(message: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes([*message.first()?, *message.get(1)?]))
}

/// What a message replies to a question; `None` if it does not reply to it.
pub fn reply(question: &Question, message: &[u8]) -> Option<Reply> {
    let packet = Packet::parse(message).ok()?;
    let asked = packet.questions.first()?;
    let is_reply = packet.has_flags(PacketFlag::RESPONSE)
        && is_called(&asked.qname, question)
        && asked.qtype == question.kind.code().into();
    if !is_reply {
        return None;
    }
    if packet.has_flags(PacketFlag::TRUNCATION) {
        return Some(Reply::CutOff);
    }
    Some(match packet.rcode() {
        RCODE::NoError | RCODE::NameError => Reply::Answered(answer(&packet)),
        _ => Reply::Refused,
    })
}

fn is_called(name: &Name<'_>, question: &Question) -> bool {
    let asked = question.name.strip_suffix('.').unwrap_or(&question.name);
    name.to_string().eq_ignore_ascii_case(asked)
}

fn answer(packet: &Packet<'_>) -> Answer {
    let mut answer = Answer::default();
    for record in &packet.answers {
        match &record.rdata {
            RData::A(A { address }) => {
                answer.addresses.push(Ipv4Addr::from_bits(*address).into());
            }
            RData::AAAA(AAAA { address }) => {
                answer.addresses.push(Ipv6Addr::from_bits(*address).into());
            }
            RData::MX(MX { exchange, .. }) => answer.exchanges.push(exchange.to_string()),
            _ => {}
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use simple_dns::ResourceRecord;

    fn question() -> Question {
        Question { name: "b.test".to_owned(), kind: Kind::A }
    }

    /// A reply to the question that is changed a little.
    fn message(change: impl FnOnce(&mut Packet<'_>)) -> Vec<u8> {
        let asked = ask(&question(), 7).unwrap();
        let mut packet = Packet::parse(&asked).unwrap().into_reply();
        let data = RData::A(A { address: Ipv4Addr::new(192, 0, 2, 1).to_bits() });
        let name = Name::new_unchecked("alias.test");
        packet.answers.push(ResourceRecord::new(name, CLASS::IN, 60, data));
        change(&mut packet);
        packet.build_bytes_vec().unwrap()
    }

    #[test]
    fn an_answer_has_the_addresses_behind_aliases() {
        let message = message(|_| ());
        let answer = Answer { addresses: vec!["192.0.2.1".parse().unwrap()], ..Answer::default() };
        assert_eq!(id(&message), Some(7));
        assert_eq!(reply(&question(), &message), Some(Reply::Answered(answer)));
    }

    #[test]
    fn what_is_no_answer_is_told_apart() {
        let refused = message(|packet| *packet.rcode_mut() = RCODE::ServerFailure);
        assert_eq!(reply(&question(), &refused), Some(Reply::Refused));
        let cut_off = message(|packet| packet.set_flags(PacketFlag::TRUNCATION));
        assert_eq!(reply(&question(), &cut_off), Some(Reply::CutOff));
        let other = Question { name: "c.test".to_owned(), kind: Kind::A };
        assert_eq!(reply(&other, &message(|_| ())), None);
        let other = Question { kind: Kind::Mx, ..question() };
        assert_eq!(reply(&other, &message(|_| ())), None);
        let asked = ask(&question(), 7).unwrap();
        assert_eq!(reply(&question(), &asked), None);
        assert_eq!(reply(&question(), b"\0\x07nonsense"), None);
    }

    #[test]
    fn what_is_no_name_is_not_asked() {
        for name in ["a..b", &"x".repeat(64), &"abcdefgh.".repeat(40)] {
            assert_eq!(ask(&Question { name: name.to_owned(), kind: Kind::A }, 1), None, "{name}");
        }
    }
}
