//! Picks the program, runs it, prints its error once, chooses the exit code.

use postgrey::admin::{self, Error, Exit};
use postgrey::cli::{self, Invocation};
use postgrey::daemon::title;
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
            match report::run(&order, &mut BufWriter::new(std::io::stdout().lock())) {
                Ok(()) => ExitCode::SUCCESS,
                Err(failure) => fail(&failure.to_string(), failure.status()),
            }
        }
        Ok(Invocation::PolicyTest(order)) => {
            match policy_test::run(&order, &mut BufWriter::new(std::io::stdout().lock())) {
                Ok(()) => ExitCode::SUCCESS,
                Err(failure) => fail(&failure.to_string(), failure.status()),
            }
        }
        Ok(Invocation::OpensmtpdFilter(options)) => match opensmtpd::run(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => fail(&format!("postgrey: {failure}"), failure.status()),
        },
        Err(error) => fail(&error.message, error.status),
    }
}

fn fail(message: &str, status: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{message}");
    ExitCode::from(status)
}
