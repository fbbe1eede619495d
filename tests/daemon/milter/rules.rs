//! Mail of the site's own over the milter protocol.

use crate::milter::{DEFERRED, Site};

#[test]
fn own_mail_passes_and_is_not_recorded() {
    let mut site = Site::start(&["--trusted-networks=198.51.100.0/24 2001:db8:5::/48", "-v"]);
    for address in ["127.0.0.1", "::1", "198.51.100.7", "2001:db8:5::7"] {
        let mut server = site.connect_about("host.own.test", address);
        assert_eq!(server.mail("alice@a.test", "bob@example.org"), (String::new(), vec![]));
    }
    let mut server = site.connect_about("mx.a.test", "192.0.2.1");
    server.macros(b'M', &["{auth_type}", "PLAIN", "{auth_authen}", "joe"]);
    assert_eq!(server.mail("alice@a.test", "bob@example.org"), (String::new(), vec![]));
    site.let_pass(300);
    // It left no entry, nor does the login count for the next message.
    assert_eq!(server.mail("alice@a.test", "bob@example.org").0, DEFERRED);
    let log = site.daemon.stop().log;
    let passed = |reason: &str| log.iter().filter(|line| line.contains(reason)).count();
    assert_eq!(passed("action=pass, reason=trusted network, client_name=host.own.test"), 4);
    assert_eq!(passed("action=pass, reason=authenticated client, client_name=mx.a.test"), 1);
}
