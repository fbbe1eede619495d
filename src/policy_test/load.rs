//! Many requests over many connections.

use super::connection::Connection;
use super::for_each_request;
use super::speed::Speed;
use crate::cli::PolicyTest;
use crate::daemon::Failure;
use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Sends the requests. The whole log is read into memory first.
pub fn run(order: &PolicyTest) -> Result<Speed, Failure> {
    let mut requests = Vec::new();
    if order.count.is_none() || !io::stdin().is_terminal() {
        for_each_request(|request| {
            requests.push(request.to_vec());
            Ok(())
        })?;
    }
    let count = order.count.unwrap_or(requests.len());
    let next = AtomicUsize::new(0);
    let connections = order.concurrency.unwrap_or(1).min(count);
    let mut speed = Speed::begin();
    let results: Vec<_> = thread::scope(|scope| {
        let one = || send(Connection::new(&order.target), &requests, &next, count);
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    for result in results {
        let times = result.map_err(|_| Failure::new("a connection's thread ended early"))??;
        speed.count_all(times);
    }
    Ok(speed.end())
}

/// Sends the requests that no other connection has sent, until none is left.
fn send(
    mut connection: Connection<'_>,
    requests: &[Vec<u8>],
    next: &AtomicUsize,
    count: usize,
) -> Result<Vec<Duration>, Failure> {
    let mut times = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return Ok(times);
        }
        let made_up;
        let request = match requests.get(number % requests.len().max(1)) {
            Some(request) => request,
            None => {
                made_up = make_up(number);
                &made_up
            }
        };
        let begin = Instant::now();
        connection.ask(request)?;
        times.push(begin.elapsed());
    }
}

/// A new triplet for each number and process, from the networks of
/// documentation.
fn make_up(number: usize) -> Vec<u8> {
    let process = std::process::id();
    format!(
        "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=SMTP\n\
         client_name=mx.example.net\nclient_address=198.51.100.{}\n\
         sender=p{process}x{number}@example.net\nrecipient=user@example.com\n\n",
        number % 254 + 1
    )
    .into_bytes()
}
