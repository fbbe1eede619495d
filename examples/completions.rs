//! Prints the completions of a program for a shell, from the tables of options
//! that the program itself parses by: `completions bash postgrey`. The package
//! is built with what this prints, so that no option can be missing.

use clap_complete::Shell;
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [shell, program] = words.as_slice() else {
        return fail("usage: completions bash|zsh|fish PROGRAM");
    };
    let Ok(shell) = shell.parse::<Shell>() else {
        return fail(&format!("completions: there is no shell {shell}"));
    };
    let commands = postgrey::cli::commands();
    let Some(mut command) = commands.into_iter().find(|known| known.get_name() == program) else {
        return fail(&format!("completions: there is no program {program}"));
    };
    clap_complete::generate(shell, &mut command, program, &mut io::stdout());
    ExitCode::SUCCESS
}

fn fail(sentence: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "{sentence}");
    ExitCode::from(2)
}
