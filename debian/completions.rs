//! Prints the shell completions of a program: `completions bash postgrey`. They
//! come from the tables of options that the program itself parses with, and the
//! package is built with them, so that no option is missing.

use clap_complete::Shell;
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [shell, program] = arguments.as_slice() else {
        return fail("usage: completions bash|zsh|fish PROGRAM");
    };
    let Ok(shell) = shell.parse::<Shell>() else {
        return fail(&format!("completions: unknown shell {shell}"));
    };
    let commands = postgrey::cli::commands();
    let Some(mut command) = commands.into_iter().find(|known| known.get_name() == program) else {
        return fail(&format!("completions: unknown program {program}"));
    };
    clap_complete::generate(shell, &mut command, program, &mut io::stdout());
    ExitCode::SUCCESS
}

fn fail(message: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "{message}");
    ExitCode::from(2)
}
