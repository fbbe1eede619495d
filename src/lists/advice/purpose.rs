//! What a mistake means in a list that is no whitelist. The looks speak of
//! whitelists, which most lists are; a line that lets all mail pass there
//! refuses all in a blacklist.

use super::{Finding, Remedy};

/// Puts a finding right for the list of an option, which is named without
/// dashes.
pub(super) fn suit(option: &str, finding: &mut Finding) {
    let is_of_nobody = finding.rule == "*" || finding.rule == "*@*";
    let is_pattern = finding.rule.starts_with('/');
    let kind = option.split_once('-').map_or(option, |(kind, _)| kind);
    let (problem, remedy) = match (kind, finding.kind) {
        ("blacklist", "everybody") if is_pattern => {
            (Some("matches everything: all mail is refused"), None)
        }
        ("blacklist", "client-address") => {
            (None, Some("move it to a list of --blacklist-clients, which are servers"))
        }
        ("blacklist", "mail-address") => {
            (None, Some("move it to a list of --blacklist-senders or --blacklist-recipients"))
        }
        ("blacklist", "wildcard") if is_of_nobody => (None, Some("delete it")),
        ("greylist", "everybody") => {
            (Some("matches everything: the mail of all is greylisted, as without the list"), None)
        }
        ("recipient", "everybody") => {
            (Some("matches everything, as --delay does"), Some("say what is meant, or use --delay"))
        }
        ("greylist" | "recipient", "client-address") => {
            (None, Some("delete it: this is a list of recipients"))
        }
        ("greylist", "wildcard") if is_of_nobody => {
            (None, Some("delete it; to greylist the mail of all, leave the option out"))
        }
        ("recipient", "wildcard") if is_of_nobody => {
            (None, Some("delete it; --delay is for the mail of all"))
        }
        _ => return,
    };
    if let Some(problem) = problem {
        finding.problem = problem.to_owned();
    }
    if let Some(remedy) = remedy {
        finding.remedy = Remedy::Do(remedy.to_owned());
    }
}
