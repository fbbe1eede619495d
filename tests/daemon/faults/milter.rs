//! The milter listener on a disk that fails.

use crate::faults::preload::Faults;
use nix::errno::Errno;
use std::collections::BTreeSet;
use testkit::milter::MailServer;
use testkit::{Daemon, Program};

/// Sends one message of an unknown client. Returns the command that answers its
/// recipient, and those that answer its end.
fn new_mail(server: &mut MailServer, number: u32) -> (char, BTreeSet<char>) {
    server.sender(&format!("alice{number}@a.test"));
    server.send(b'R', b"<bob@example.org>\0");
    let (answer, _) = server.receive().expect("an answer to the recipient");
    let mut at_the_end = BTreeSet::new();
    server.send(b'E', b"");
    loop {
        let (command, _) = server.receive().expect("an answer to the message");
        at_the_end.insert(char::from(command));
        if matches!(command, b'c' | b'd') {
            return (char::from(answer), at_the_end);
        }
    }
}

#[test]
fn mail_passes_on_write_errors_with_every_action() {
    for (action, recipient, end) in [
        ("DEFER", 'y', BTreeSet::from(['c'])),
        ("HOLD", 'c', BTreeSet::from(['q', 'c'])),
        ("DISCARD", 'c', BTreeSet::from(['d'])),
    ] {
        let builder = Daemon::builder(Program::Ours);
        let socket = builder.scratch().path().join("milter");
        let (builder, faults) = Faults::of(builder);
        let options =
            [format!("--milter={}", socket.display()), format!("--greylist-action={action}")];
        let daemon = builder.args(options).start();
        let mut server = MailServer::connect(&socket);
        server.client("mx.a.test", "192.0.2.1");
        assert_eq!(new_mail(&mut server, 1), (recipient, end), "{action}");
        faults.begin("write", Errno::EIO as i64);
        let passing = ('c', BTreeSet::from(['c']));
        assert_eq!(new_mail(&mut server, 2), passing, "{action} on a disk that fails");
        daemon.stop();
    }
}
