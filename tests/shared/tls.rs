//! TLS to the server, with an authority of one's own.

use std::path::Path;
use std::process::Command;
use testkit::redis::{Engine, Server, host};
use testkit::{Attempt, Scratch, program_for};

/// Makes an authority and a certificate of this machine's address.
fn certificates(directory: &Path) {
    let script = "
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority \
            -keyout ca.key -out ca.pem
        openssl req -newkey rsa:2048 -nodes -subj /CN=redis -keyout key.pem -out request.pem
        echo subjectAltName=IP:127.0.0.1 > names
        openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
            -extfile names -out certificate.pem";
    let output = Command::new("bash").args(["-ec", script]).current_dir(directory).output();
    let output = output.expect("bash");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn servers_need_a_certificate_of_a_trusted_authority() {
    testkit::needs!(program_for("TLS to Redis", "/usr/bin/openssl", "openssl"));
    let scratch = Scratch::new();
    certificates(scratch.path());
    let file = |name: &str| scratch.path().join(name).display().to_string();
    let (certificate, key, ca) = (file("certificate.pem"), file("key.pem"), file("ca.pem"));
    let port = testkit::free_port();
    let number = port.to_string();
    let options = [
        ["--tls-port", &number],
        ["--tls-cert-file", &certificate],
        ["--tls-key-file", &key],
        ["--tls-ca-cert-file", &ca],
        ["--tls-auth-clients", "no"],
    ];
    let Some(server) = Server::start(Engine::Redis, options.as_flattened()) else { return };
    let url = format!("rediss://127.0.0.1:{port}");
    let attempt = |number: usize| {
        let recipient = format!("r{number}@example.com");
        Attempt::new("192.0.2.7", "mail.example.net", "alice@example.net", &recipient).at(1000)
    };
    let trusting = host(&url).arg(format!("--shared-state-ca={ca}")).start();
    trusting.client().assert_deferred(&attempt(0));
    assert_eq!(server.records("*:t:*").len(), 1);

    // Neither the system's authorities nor another name will do.
    let of_system = host(&url).start();
    assert_eq!(of_system.client().ask(&attempt(1)), "DUNNO");
    let log = of_system.log().join("\n");
    assert!(log.contains("invalid peer certificate: UnknownIssuer"), "{log}");
    let url = format!("rediss://localhost:{port}");
    let other_name = host(&url).arg(format!("--shared-state-ca={ca}")).start();
    assert_eq!(other_name.client().ask(&attempt(2)), "DUNNO");
    let log = other_name.log().join("\n");
    assert!(log.contains("certificate not valid for name \"localhost\""), "{log}");

    let in_clear = host(&server.url().replace("redis:", "rediss:")).start();
    assert_eq!(in_clear.client().ask(&attempt(3)), "DUNNO");
    let missing = host(&url).arg("--shared-state-ca=/nonexistent").fail_to_start();
    let log = missing.log.join("\n");
    assert!(log.contains("--shared-state-ca=/nonexistent: "), "{log}");
}
