//! `--help`, from a command's table of options.

use clap::{Arg, Command};

use super::getopt::Takes;
use super::layout;

/// Where the names and the sentences begin, in columns.
const NAMES: usize = 2;
const SENTENCES: usize = 28;

/// The usage line, what the program is, and each option under its heading.
pub(super) fn help(command: &mut Command) -> String {
    let usage = command.render_usage();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let about = layout::fill(&format!("{}: {about}", command.get_name()), 0);
    let mut help = format!("{usage}\n\n{about}");
    let mut heading = None;
    if command.get_arguments().all(|arg| arg.get_help_heading().is_none()) {
        help.push('\n');
    }
    for arg in command.get_arguments() {
        if arg.get_help_heading() != heading {
            heading = arg.get_help_heading();
            help += &format!("\n{}:\n", heading.unwrap_or_default());
        }
        help += &layout::item(&names(arg), &sentence(arg), NAMES, SENTENCES);
    }
    help
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

/// The other long names of an option.
pub(super) fn aliases(arg: &Arg) -> Vec<String> {
    let aliases = arg.get_visible_aliases().unwrap_or_default();
    aliases.iter().map(|alias| format!("--{alias}")).collect()
}

/// The default, when the option takes a value and has one worth showing.
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
            let default = default(arg).unwrap_or_default();
            assert!(words.contains(&default), "{arg}: {default}");
            for alias in aliases(arg) {
                assert!(words.contains(&alias), "{arg}: {alias}");
            }
        }
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
