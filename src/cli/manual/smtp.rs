//! The section of postgrey(8) on the SMTP proxy.

use super::{example, text};
use crate::cli::man::Block;

/// What the proxy does, and how a mail server behind it is set up.
pub fn section() -> Vec<Block> {
    vec![
        Block::Section("SMTP PROXY"),
        text(
            "A mail server that can ask neither way stands behind the daemon, which listens on \
             port 25 in its place: run the daemon with --smtp=*:25 --smtp-backend=2525.",
        ),
        text(
            "A client that --whitelist-clients or --trusted-networks exempts, or that is on this \
             machine, is connected to the mail server from the first byte. Any other client is \
             greeted by the daemon, which defers its recipients until one passes. Then the daemon \
             repeats the client's EHLO, MAIL and that RCPT to the mail server, and copies bytes \
             both ways from there on. It never accepts a message, so that it cannot lose or \
             change one. Without the mail server, recipients are deferred with 451 4.3.2.",
        ),
        text(
            "The mail server has to expect the PROXY protocol, which tells it the client's \
             address. Postfix, in master.cf:",
        ),
        example(
            "127.0.0.1:2525 inet n - y - - smtpd\n    -o smtpd_upstream_proxy_protocol=haproxy",
        ),
        text("Exim (exim4-daemon-heavy), with daemon_smtp_ports = 2525:"),
        example("hosts_proxy = 127.0.0.1"),
        text("OpenSMTPD, in smtpd.conf:"),
        example("listen on lo port 2525 proxy-v2"),
        text(
            "Any other, with --smtp-proxy-protocol=off: it sees all clients at the address of \
             this machine, and must not relay mail for that address.",
        ),
        text(
            "Where the mail server can ask, let it ask. With the proxy, delayed mail gets no \
             X-Greylist header, the recipients after the first that passes are not greylisted, \
             clients on the auto-whitelist are greeted by the daemon as well, and TLS that a \
             client starts before a recipient passed ends at the daemon.",
        ),
    ]
}
