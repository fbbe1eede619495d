//! The request that every session makes of a mail server's question.

use std::net::IpAddr;

/// One delivery attempt: may this client send mail from this sender to this
/// recipient?
///
/// All texts are the bytes that the mail server sent (BEHAVIOUR D2): not
/// trimmed, not decoded, at most 512 bytes each, case as received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request<'a> {
    /// Address of the client as received; [`Request::address`] reads it.
    pub client_address: &'a [u8],
    /// Verified name of the client, `unknown` (or empty, from Exim) without one.
    pub client_name: &'a [u8],
    /// Envelope sender, empty for bounces.
    pub sender: &'a [u8],
    pub recipient: &'a [u8],
    /// Identifies one message of the mail server; the `X-Greylist` header is
    /// given once for each (BEHAVIOUR D5). None from sessions that follow
    /// messages themselves and set `has_header`.
    pub instance: Option<&'a [u8]>,
    /// True if the message has its header already, according to the session.
    pub has_header: bool,
    /// The mail server's queue id, empty when it has none yet.
    pub queue_id: &'a [u8],
    /// True if the mail server sent `etrn_domain`, even if empty: a Postfix that
    /// supports enhanced status codes (BEHAVIOUR D5).
    pub has_etrn_domain: bool,
    /// True if the client has logged in: `sasl_username` is not empty
    /// (SMTPD_POLICY_README), or the milter's `{auth_authen}`.
    pub is_authenticated: bool,
    /// True if the client connected through a local socket, which the milter
    /// protocol reports.
    pub is_local: bool,
    /// True if requests are made for the mail server's own users as well, because
    /// it applies no restriction first: over the milter protocol and by SMTP.
    pub covers_own_users: bool,
    /// Seconds since the epoch that replace the clock for this request, the
    /// original's own hook for tests (BEHAVIOUR D5).
    pub test_time: Option<i64>,
}

impl Request<'_> {
    /// The client's address, if it is a literal IPv4 or IPv6 address.
    ///
    /// Anything else (`unknown`, `1.2.3.4:25`, a zone suffix, octal numbers)
    /// is `None`: the original dies of some and resolves others by DNS
    /// (BEHAVIOUR D4).
    pub fn address(&self) -> Option<IpAddr> {
        std::str::from_utf8(self.client_address).ok()?.parse().ok()
    }
}
