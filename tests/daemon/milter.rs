//! The milter listener of a real daemon.

mod actions;
mod listeners;
mod rules;
mod trouble;

use std::path::PathBuf;
use std::time::Duration;
use testkit::milter::MailServer;
use testkit::{Builder, Clock, Daemon, Program};

/// The default reply to a deferred client, for recipients at example.org.
const DEFERRED: &str =
    "451 4.7.1 Greylisted, see http://postgrey.schweikert.ch/help/example.org.html";

struct Site {
    daemon: Daemon,
    clock: Clock,
    socket: PathBuf,
}

impl Site {
    fn start(options: &[&str]) -> Site {
        Site::of(Daemon::builder(Program::Ours).arg("--hostname=mx.test.example"), options)
    }

    fn of(builder: Builder, options: &[&str]) -> Site {
        let socket = builder.scratch().path().join("milter");
        let (builder, clock) = Clock::of(builder);
        let builder = builder.arg(format!("--milter={}", socket.display()));
        let builder = builder.args(options);
        Site { daemon: builder.start(), clock, socket }
    }

    fn connect(&self) -> MailServer {
        MailServer::connect(&self.socket)
    }

    fn connect_about(&self, name: &str, address: &str) -> MailServer {
        let mut server = self.connect();
        server.client(name, address);
        server
    }

    fn let_pass(&mut self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}
