//! Mail of a few people who meet repeatedly, at times around the limits of the
//! rules.

use postgrey::request::Request;
use testkit::random::Random;

const CLIENTS: [&str; 3] = ["192.0.2.1", "192.0.2.2", "2001:db8::1"];
const SENDERS: [&str; 2] = ["alice@sender.test", ""];
const RECIPIENTS: [&str; 2] = ["bob@example.org", "carol@example.org"];

/// Seconds to the next mail: around the delay, the auto-whitelist's hour, the
/// retry window. The clock may go back a little.
const STEPS: [i64; 16] =
    [0, 0, 0, 1, 1, 10, -1, 60, 299, 300, 301, 3599, 3601, 172_500, 172_800, 864_000];

#[derive(Clone, Debug)]
pub struct Mail {
    client: &'static str,
    sender: &'static str,
    recipient: &'static str,
    /// Seconds since the epoch.
    pub time: i64,
}

impl Mail {
    pub fn request(&self) -> Request<'_> {
        Request {
            client_address: self.client.as_bytes(),
            client_name: b"a.test",
            sender: self.sender.as_bytes(),
            recipient: self.recipient.as_bytes(),
            ..Request::default()
        }
    }
}

/// Mail without end.
pub struct Stream {
    time: i64,
}

impl Stream {
    pub fn new(time: i64) -> Stream {
        Stream { time }
    }

    pub fn next(&mut self, random: &mut Random) -> Mail {
        self.time += STEPS[random.below(STEPS.len())];
        Mail {
            client: CLIENTS[random.below(CLIENTS.len())],
            sender: SENDERS[random.below(SENDERS.len())],
            recipient: RECIPIENTS[random.below(RECIPIENTS.len())],
            time: self.time,
        }
    }
}
