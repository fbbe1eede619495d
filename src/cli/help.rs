//! `--help`, from a command's table of options.

use clap::{Arg, Command};

use super::getopt::Takes;
use super::layout;

/// The columns of the names and of their texts.
const NAMES: usize = 2;
const SENTENCES: usize = 28;

/// The column of the descriptions of commands.
const DESCRIPTIONS: usize = 16;

/// The usage line, what the program is, and each option under its heading.
pub(super) fn help(command: &mut Command) -> String {
    let usage = command.render_usage();
    format!("{usage}\n\n{}{}", about(command), options(command))
}

/// The help of a program with commands: they come before its own options.
pub(super) fn with_commands(program: &mut Command, commands: &[Command]) -> String {
    let usage = program.render_usage();
    let name = program.get_name();
    let mut help = format!("{usage}\n       {name} COMMAND [OPTIONS]\n\n{}", about(program));
    help += &format!("\nCommands (\"{name} help COMMAND\" describes one):\n");
    for command in commands {
        help += &layout::item(command.get_name(), &summary(command), NAMES, DESCRIPTIONS);
    }
    help + &options(program)
}

fn about(command: &Command) -> String {
    let about = command.get_long_about().or(command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    layout::fill(&format!("{}: {about}", command.get_name()), 0)
}

fn summary(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

fn options(command: &Command) -> String {
    let mut options = String::new();
    let mut heading = None;
    if command.get_arguments().all(|arg| arg.get_help_heading().is_none()) {
        options.push('\n');
    }
    for arg in command.get_arguments() {
        if arg.get_help_heading() != heading {
            heading = arg.get_help_heading();
            options += &format!("\n{}:\n", heading.unwrap_or_default());
        }
        options += &option(arg);
    }
    options
}

/// An option's names and sentence. For an option with default files, Virtualmin
/// matches `--whitelist-clients=.*default:\s+(\S+)`: name and first file stand
/// in one line as in the original's help.
fn option(arg: &Arg) -> String {
    let names = names(arg);
    match arg.get_default_values() {
        [file, others @ ..] if !others.is_empty() => {
            let line = format!("{:NAMES$}{names}  default: {}\n", "", file.to_string_lossy());
            let others: Vec<_> = others.iter().map(|file| file.to_string_lossy()).collect();
            let text = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let text = format!("{text} (also read by default: {})", others.join(", "));
            line + &layout::fill(&text, SENTENCES)
        }
        _ => layout::item(&names, &sentence(arg), NAMES, SENTENCES),
    }
}

/// The option as it is typed, without aliases: `-u, --unix=PATH`.
pub(super) fn names(arg: &Arg) -> String {
    if arg.is_positional() {
        return arg.get_id().to_string();
    }
    let short = arg.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
    let long = arg.get_long().unwrap_or_default();
    let value = arg.get_value_names().and_then(<[_]>::first).map(|name| name.as_str());
    match (Takes::of(arg), value) {
        (Takes::Value { .. }, Some(value)) => format!("{short}--{long}={value}"),
        (Takes::PerhapsValue, Some(value)) => format!("{short}--{long}[={value}]"),
        _ => format!("{short}--{long}"),
    }
}

pub(super) fn aliases(arg: &Arg) -> Vec<String> {
    let aliases = arg.get_visible_aliases().unwrap_or_default();
    aliases.iter().map(|alias| format!("--{alias}")).collect()
}

/// The default of an option with a value, unless it is hidden.
pub(super) fn default(arg: &Arg) -> Option<String> {
    if !arg.get_action().takes_values() || arg.is_hide_default_value_set() {
        return None;
    }
    let defaults: Vec<_> =
        arg.get_default_values().iter().map(|default| default.to_string_lossy()).collect();
    Some(defaults.join(" and ")).filter(|default| !default.is_empty())
}

fn sentence(arg: &Arg) -> String {
    let mut sentence = arg.get_help().map(ToString::to_string).unwrap_or_default();
    if let Some(default) = default(arg) {
        sentence += &format!(" (default: {default})");
    }
    if let aliases @ [_, ..] = aliases(arg).as_slice() {
        sentence += &format!(" (also {})", aliases.join(", "));
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::super::flags;
    use super::*;

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        for line in help(&mut flags::command()).lines() {
            assert!(line.len() <= 80, "{line}");
        }
    }

    #[test]
    fn every_option_is_shown_with_all_its_names_and_its_default() {
        let mut command = flags::command();
        let help = help(&mut command);
        // Line breaks may fall into a default of several words.
        let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for arg in command.get_arguments() {
            assert!(arg.get_help().is_some(), "{arg}");
            assert!(help.contains(&format!("  {}", names(arg))), "{arg}");
            let is_shown = arg.get_action().takes_values() && !arg.is_hide_default_value_set();
            for default in arg.get_default_values().iter().filter(|_| is_shown) {
                assert!(words.contains(&*default.to_string_lossy()), "{arg}");
            }
            for alias in aliases(arg) {
                assert!(words.contains(&alias), "{arg}: {alias}");
            }
        }
    }

    /// The pattern of Virtualmin, which looks for the files that it shall edit.
    #[test]
    fn default_lists_are_found_by_other_programs() {
        let help = help(&mut flags::command());
        for list in ["clients", "recipients"] {
            let pattern = format!(r"--whitelist-{list}=.*default:\s+(\S+)");
            let found = regex::Regex::new(&pattern).unwrap().captures(&help).unwrap();
            assert_eq!(&found[1], format!("/etc/postgrey/whitelist_{list}"));
        }
    }

    #[test]
    fn commands_come_before_the_options() {
        let commands = [Command::new("list").about("print entries").long_about("print more")];
        let help = with_commands(&mut flags::command(), &commands);
        let (list, inet) = (help.find("\n  list "), help.find("--inet"));
        assert!(list.is_some() && list < inet, "{help}");
        assert!(help.contains("  list          print entries\n"), "{help}");
    }

    #[test]
    fn no_option_is_shown_that_does_not_exist() {
        let mut command = flags::command();
        let help = help(&mut command);
        for word in help.split([' ', '\n', ',', '(', ')', '[', '=']) {
            let Some(name) = word.strip_prefix("--") else {
                continue;
            };
            let known = command.get_arguments().any(|arg| {
                arg.get_long_and_visible_aliases().is_some_and(|names| names.contains(&name))
            });
            assert!(known, "{word}");
        }
    }
}
