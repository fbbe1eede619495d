//! The message that most cases are about.

use testkit::Attempt;

pub const GREYLISTED: &str =
    "DEFER_IF_PERMIT Greylisted, see http://postgrey.schweikert.ch/help/example.org.html";

pub const MAIL: &str = "client_name=mx.example.com, client_address=192.0.2.7, \
     sender=alice@example.com, recipient=bob@example.org";

pub const KEY: &str = "192.0.2.0/alice@example.com/bob@example.org";

pub fn mail() -> Attempt {
    Attempt::new("192.0.2.7", "mx.example.com", "alice@example.com", "bob@example.org")
}

/// The reply to an attempt that passes after `seconds`.
pub fn passed(seconds: i64) -> String {
    format!("PREPEND X-Greylist: delayed {seconds} seconds by postgrey-VERSION at HOST; DATE")
}

/// The log line of an attempt that has to wait.
pub fn greylist(reason: &str, what: &str) -> String {
    format!("action=greylist, reason={reason}, {what}")
}

pub fn pass(reason: &str, what: &str) -> String {
    format!("action=pass, reason={reason}, {what}")
}
