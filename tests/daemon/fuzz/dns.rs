//! Messages of DNS servers.

use super::Target;
use postgrey::dns::{Kind, Question, Reply, reply};
use testkit::random::Random;

pub const TARGET: Target =
    Target { name: "dns", corpus: CORPUS, words: || WORDS.to_vec(), generate, check };

const ID: u16 = 0x0107;

const CORPUS: &[&[u8]] = &[
    b"\x01\x07\x81\x80\0\x01\0\x01\0\0\0\0\x01a\x04test\0\0\x01\0\x01\
      \xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01",
    b"\x01\x07\x81\x80\0\x01\0\x02\0\0\0\0\x01a\x04test\0\0\x01\0\x01\
      \xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x04\x01b\xc0\x0e\
      \xc0\x24\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01",
    b"\x01\x07\x83\x80\0\x01\0\0\0\0\0\0\x01a\x04test\0\0\x01\0\x01",
    b"\x01\x07\x81\x83\0\x01\0\0\0\0\0\0\x01a\x04test\0\0\x01\0\x01",
    b"",
];

const WORDS: &[&[u8]] = &[
    b"\xc0\x0c",
    b"\xc0\0",
    b"\xff\xff",
    b"\0\x05\0\x01\0\0\0\x3c\0\x02\xc0\x0c",
    b"\0\x0c\0\x01\0\0\0\x3c\0\x02\xc0\x0c",
    b"\0\x0f\0\x01\0\0\0\x3c\0\x04\0\x01\xc0\x0c",
    b"\0\x1c\0\x01\0\0\0\x3c\0\x10",
    b"\x01\x07\x81\x80\0\x01\0\x01\0\0\0\0\x01a\x04test\0\0\x01\0\x01",
    b"\0\0\x29\x10\0\0\0\0\0\0\0",
];

/// A head and a question that belong together, and random records.
fn generate(random: &mut Random) -> Vec<u8> {
    let mut message = CORPUS[0][..24].to_vec();
    message[7] = u8::try_from(random.below(8)).expect("a byte");
    for _ in 0..random.below(8) {
        message.extend_from_slice(random.pick(WORDS));
    }
    message
}

fn check(input: &[u8], _: &mut Random) -> String {
    let question = Question { name: "a.test".to_owned(), kind: Kind::A };
    match reply(&question, ID, input) {
        None => "not a reply".to_owned(),
        Some(Reply::Truncated) => "truncated".to_owned(),
        Some(Reply::Refused) => "refused".to_owned(),
        Some(Reply::Answered(answer)) => {
            let (addresses, names) = (answer.addresses.len(), answer.names.len());
            // A record takes more than 10 bytes.
            assert!((addresses + names + answer.exchanges.len()) * 10 <= input.len());
            format!("{addresses} {names} {}", answer.exchanges.len())
        }
    }
}
