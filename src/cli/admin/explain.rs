//! The arguments of `postgrey explain`.

use super::AddressFilter;
use super::args;
use clap::ArgMatches;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainOptions {
    /// The logs in their order; `-` is standard input. If empty, syslog's.
    pub files: Vec<PathBuf>,
    pub filter: AttemptFilter,
    pub id: Option<Vec<u8>>,
    /// The only day to look at, `2026-11-25`.
    pub day: Option<String>,
    pub summary: bool,
}

/// The conditions that selected attempts meet; without any, all are selected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttemptFilter {
    pub sender: Option<AddressFilter>,
    pub recipient: Option<AddressFilter>,
    /// The client's address, its name, or a domain that this is in.
    pub client: Option<String>,
}

pub(super) fn explain(matches: &ArgMatches) -> Result<ExplainOptions, String> {
    let addresses = |id| args::given(matches, id).map(|text| AddressFilter::parse(text.as_bytes()));
    let text = |id| args::given(matches, id).map(|text| text.to_string_lossy().into_owned());
    let words = matches.get_many::<OsString>("FILE").into_iter().flatten();
    let (senders, files): (Vec<&OsString>, Vec<&OsString>) =
        words.partition(|word| is_sender(word));
    let files: Vec<PathBuf> = files.into_iter().map(PathBuf::from).collect();
    let sender = match (senders.as_slice(), addresses("sender")) {
        ([], sender) => sender,
        ([sender], None) => Some(AddressFilter::parse(sender.as_bytes())),
        _ => return Err("give one sender".to_owned()),
    };
    let day = text("day");
    if let Some(day) = day.as_ref().filter(|day| !is_day(day)) {
        return Err(format!("--day must be a day like 2026-11-25, not \"{day}\""));
    }
    Ok(ExplainOptions {
        files,
        filter: AttemptFilter { sender, recipient: addresses("recipient"), client: text("client") },
        id: args::given(matches, "id").map(|id| id.as_bytes().to_vec()),
        day,
        summary: matches.get_flag("summary"),
    })
}

/// Returns true if an argument is an address and not a path. A file with such a
/// name can be given as `./NAME`.
fn is_sender(word: &OsStr) -> bool {
    let word = word.as_bytes();
    word.contains(&b'@') && !word.contains(&b'/')
}

fn is_day(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}
