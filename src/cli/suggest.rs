//! Suggestions for misspelled options and commands.

/// The least similarity (Jaro-Winkler, 0 to 1) of a name that is worth a
/// suggestion. Abbreviations have more, unrelated names less.
const SIMILAR: f64 = 0.85;

const MIN_LENGTH: usize = 3;

/// Returns the name that resembles `typed` most, if one does.
pub(super) fn closest<'a>(
    typed: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let typed = typed.to_lowercase().replace('_', "-");
    if typed.chars().count() < MIN_LENGTH || typed.contains(char::is_control) {
        return None;
    }
    let similarity = |name: &str| strsim::jaro_winkler(&typed, &name.replace('_', "-"));
    let rated = names.into_iter().map(|name| (similarity(name), name));
    let similar = rated.filter(|(similarity, _)| *similarity >= SIMILAR);
    similar.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelled_and_abbreviated_names_are_recognized() {
        let names = ["delay", "max-age", "whitelist-clients", "daemonize", "show_tries", "user"];
        for (typed, expected) in [
            ("dely", Some("delay")),
            ("Delay", Some("delay")),
            ("max_age", Some("max-age")),
            ("show-tries", Some("show_tries")),
            ("whitelist-client", Some("whitelist-clients")),
            ("daemon", Some("daemonize")),
            ("de", None),
            ("unknown", None),
            ("foo", None),
            ("delay\n", None),
            ("", None),
        ] {
            assert_eq!(closest(typed, names), expected, "{typed}");
        }
    }
}
