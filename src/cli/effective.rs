//! The daemon's settings in effect, with the place that each comes from.

use super::FilePlace;
use super::settings::ToolOptions;
use super::{config, defaults, flags, getopt, shared};
use crate::state::Address;
use clap::{Arg, ArgAction};
use std::ffi::OsString;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub name: String,
    /// Its value; none of a switch.
    pub value: Option<OsString>,
    /// The file and line that set it; none of a default.
    pub source: Option<FilePlace>,
}

/// Returns the settings that a daemon would start with, in the order of its help;
/// with `all` including the defaults.
pub fn settings_in_effect(tool: &ToolOptions, all: bool) -> Result<Vec<Setting>, String> {
    tool.settings()?;
    let command = flags::command();
    let words = tool.words()?;
    let line = defaults::read(tool.file()).ok().and_then(|defaults| defaults.line());
    let typed = getopt::rewrite(&command, words).map_err(|lines| lines.join("; "))?.options;
    let file = config::path(&typed).unwrap_or_default();
    let given = config::merge(&command, typed)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    let mut settings = Vec::new();
    for option in command.get_arguments().filter(|option| is_setting(option)) {
        let name = option.get_long().unwrap_or_default();
        let mut set: Vec<Setting> = given
            .iter()
            .filter(|given| given.name == name)
            .map(|given| Setting {
                name: name.to_owned(),
                value: takes_value(option)
                    .then(|| shown(name, given.value.clone().unwrap_or_default())),
                source: Some(match given.line {
                    Some(line) => FilePlace::new(&file, Some(line)),
                    None => FilePlace::new(tool.file(), line),
                }),
            })
            .collect();
        if !matches!(option.get_action(), ArgAction::Append) {
            set = set.pop().into_iter().collect();
        }
        if set.is_empty() && all {
            set = default_of(option);
        }
        settings.append(&mut set);
    }
    Ok(settings)
}

/// The value of an option without a password.
fn shown(name: &str, value: OsString) -> OsString {
    if name != shared::OPTION {
        return value;
    }
    let address = value.to_str().map(Address::parse);
    address.and_then(Result::ok).map_or("(invalid)".into(), |it| it.to_string().into())
}

/// Returns true if an option is more than a request for information.
fn is_setting(option: &Arg) -> bool {
    !["help", "man", "version", "config"].contains(&option.get_id().as_str())
}

fn takes_value(option: &Arg) -> bool {
    option.get_action().takes_values()
}

fn default_of(option: &Arg) -> Vec<Setting> {
    let name = option.get_long().unwrap_or_default();
    let values = option.get_default_values().iter().filter(|_| takes_value(option));
    values
        .map(|value| Setting { name: name.to_owned(), value: Some(value.into()), source: None })
        .collect()
}
