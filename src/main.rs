//! Picks the program, runs it, prints its error once, chooses the exit code.

use postgrey::admin::{self, Error, Exit};
use postgrey::cli::{self, Invocation};
use postgrey::daemon::{Failure, title};
use postgrey::database;
use postgrey::opensmtpd;
use postgrey::policy_test;
use postgrey::report;
use postgrey::server;
use std::io::{BufWriter, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::parse_program(std::env::args_os()) {
        Ok(Invocation::Print(text)) => {
            // If the reader has gone, there is nobody to report to.
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Ok(Invocation::Serve(options)) => {
            title::shorten(cli::hidden(std::env::args_os().skip(1).collect()));
            match server::run(*options) {
                Ok(status) => ExitCode::from(status),
                Err(failure) => fail(&format!("ERROR: {failure}"), failure.status()),
            }
        }
        Ok(Invocation::Administer(invocation)) => {
            match admin::run(&invocation, &mut BufWriter::new(std::io::stdout().lock())) {
                Ok(Exit::NothingMatched) => {
                    fail("postgrey: nothing matched", Exit::NothingMatched.status())
                }
                Ok(outcome) => ExitCode::from(outcome.status()),
                Err(silent @ (Error::Reported | Error::BrokenPipe)) => {
                    ExitCode::from(silent.status())
                }
                Err(trouble) => fail(&format!("postgrey: {trouble}"), trouble.status()),
            }
        }
        Ok(Invocation::ServeDatabase(source)) => match database::serve(&source) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Ok(Invocation::Report(order)) => {
            end("", report::run(&order, &mut BufWriter::new(std::io::stdout().lock())))
        }
        Ok(Invocation::PolicyTest(order)) => {
            end("", policy_test::run(&order, &mut BufWriter::new(std::io::stdout().lock())))
        }
        Ok(Invocation::OpensmtpdFilter(options)) => end("postgrey: ", opensmtpd::run(&options)),
        Err(error) => fail(&error.message, error.status),
    }
}

/// The exit code of a program; its error is printed after a prefix.
fn end(prefix: &str, result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(&format!("{prefix}{failure}"), failure.status()),
    }
}

fn fail(message: &str, status: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{message}");
    ExitCode::from(status)
}
