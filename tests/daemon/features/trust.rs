//! `--trusted-networks` and `--trust-authenticated`.

use crate::features::{count, defers, ours, stranger};

#[test]
fn mail_of_trusted_networks_is_not_recorded() {
    let lists =
        ["--trusted-networks=192.0.2.0/24, 2001:db8::/32", "--trusted-networks=203.0.113.7"];
    let daemon = ours(&lists).arg("--verbose").start();
    let mut client = daemon.client();
    for address in ["192.0.2.1", "2001:db8::7", "203.0.113.7", "127.0.0.1", "::1"] {
        let attempt = stranger().with("client_address", address);
        assert_eq!(client.ask(&attempt.clone().at(0)), "DUNNO", "{address}");
        // With an entry, this would be a first pass with a header.
        assert_eq!(client.ask(&attempt.at(300)), "DUNNO", "{address}");
    }
    assert!(defers(&client.ask(&stranger().with("client_address", "203.0.113.8"))));
    let log = daemon.stop().log;
    assert_eq!(count(&log, "action=pass, reason=trusted network, client_name=mx.a.test"), 10);
}

#[test]
fn authenticated_mail_passes_without_an_entry() {
    let daemon = ours(&["--trust-authenticated", "--verbose"]).start();
    let mut client = daemon.client();
    let user = stranger().with("sasl_method", "PLAIN").with("sasl_username", "joe");
    assert_eq!(client.ask(&user.clone().at(0)), "DUNNO");
    assert_eq!(client.ask(&user.at(300)), "DUNNO");
    // The login counts for this one request, and Postfix sends an empty name
    // of those who have none.
    assert!(defers(&client.ask(&stranger().at(300))));
    assert!(defers(&client.ask(&stranger().with("sasl_username", "").at(300))));
    let log = daemon.stop().log;
    assert_eq!(count(&log, "action=pass, reason=authenticated client, client_name=mx.a.test"), 2);
}
