//! `postgrey config`: the daemon's settings, as its files have them.

use super::text::{foreign, place, with_place};
use super::{Error, Exit, Output};
use crate::cli::admin::OutputFormat;
use crate::cli::settings::ToolOptions;
use crate::cli::{Setting, settings_in_effect};
use crate::json::Object;
use std::io::Write;

/// The column of the places.
const COLUMN: usize = 40;

pub fn run(tool: &ToolOptions, all: bool, out: &mut Output) -> Result<Exit, Error> {
    for setting in settings_in_effect(tool, all).map_err(Error::Usage)? {
        match out.format {
            OutputFormat::Text => writeln!(out, "{}", line(&setting))?,
            OutputFormat::Json => object(&setting).write(out)?,
        }
    }
    Ok(Exit::Done)
}

/// A line of a configuration file that has the same effect, with a comment.
fn line(Setting { name, value, source }: &Setting) -> String {
    let setting = match value {
        Some(value) => format!("{name} = {}", foreign(value.as_encoded_bytes())),
        None => name.clone(),
    };
    let place = source.as_ref().map_or_else(|| "default".to_owned(), place);
    format!("{setting:<COLUMN$}  # {place}")
}

fn object(Setting { name, value, source }: &Setting) -> Object {
    let mut object = Object::new().text("name", name);
    if let Some(value) = value {
        object = object.text("value", value.as_encoded_bytes());
    }
    match source {
        Some(place) => with_place(object, place),
        None => object,
    }
}
