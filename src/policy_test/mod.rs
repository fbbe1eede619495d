//! `policy-test`: asks a policy server about the mail of a log, and prints how
//! fast it answers (BEHAVIOUR H5).

mod connection;
mod load;
mod log;
mod speed;

use crate::cli::PolicyTest;
use crate::daemon::{Failure, clock};
use crate::maillog;
use connection::Connection;
use log::Converter;
use speed::Speed;
use std::io::{self, BufRead, Write};

/// Sends the requests and prints the result to `out`.
pub fn run(order: &PolicyTest, out: &mut impl Write) -> Result<(), Failure> {
    let speed = if order.count.is_some() || order.concurrency.is_some() {
        load::run(order)?
    } else {
        one_by_one(order, out)?
    };
    let written = out.write_all(speed.to_string().as_bytes()).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("can't write the output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Like the original: reads each line after the reply to the one before.
fn one_by_one(order: &PolicyTest, out: &mut impl Write) -> Result<Speed, Failure> {
    let mut speed = Speed::begin();
    let mut connection = Connection::new(&order.target);
    for_each_request(|request| {
        let reply = connection.ask(request)?;
        speed.count();
        if order.verbose {
            // If the output is closed, the server is still asked.
            let _ = out.write_all(request).and_then(|()| out.write_all(&reply));
        }
        Ok(())
    })?;
    Ok(speed.end())
}

/// Calls `take` with each request that the log on standard input makes.
fn for_each_request(mut take: impl FnMut(&[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut converter = Converter::default();
    let now = clock::now();
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    let mut last = Vec::new();
    loop {
        line.clear();
        let read = input.read_until(b'\n', &mut line);
        let length = read.map_err(|error| Failure::new(format!("can't read the log: {error}")))?;
        if length == 0 {
            return Ok(());
        }
        let bytes = line.trim_ascii_end();
        if let Some(times) = maillog::repetitions(bytes) {
            for _ in 0..times {
                if let Some(request) = converter.request(&last, now) {
                    take(&request)?;
                }
            }
            continue;
        }
        if let Some(request) = converter.request(bytes, now) {
            take(&request)?;
        }
        last.clear();
        last.extend_from_slice(bytes);
    }
}

fn complain(text: &[u8]) {
    let mut line = text.to_vec();
    line.push(b'\n');
    // A closed stderr cannot be reported.
    let _ = io::stderr().write_all(&line);
}
