//! Unescaped dots in patterns of host names.

use super::super::finding::Fix;
use super::Mistake;
use crate::lists::pattern_of;

/// `/^mta[12].example.net$/`: a dot of a domain that is not escaped matches any
/// character, so that other names match as well.
pub(super) fn check(rule: &str) -> Option<Mistake> {
    let pattern = std::str::from_utf8(pattern_of(rule.as_bytes())?).ok()?;
    let body = pattern.strip_suffix('$').unwrap_or(pattern);
    let (before, tail) = body.split_at(start_of_name(body));
    let plain = tail.replace("\\.", ".").replace("\\-", "-");
    let labels: Vec<&str> = plain.trim_start_matches('.').split('.').collect();
    let is_domain = labels.len() >= 2
        && labels.iter().all(|label| !label.is_empty() && !label.contains('\\'))
        && labels.last()?.len() >= 2
        && labels.last()?.bytes().all(|byte| byte.is_ascii_alphabetic());
    // A dot at the start or after an opened group may stand for any character.
    let is_first = before.is_empty() || before.ends_with(['^', '(', '|']);
    let kept = usize::from(is_first && tail.starts_with('.'));
    let escaped = tail[kept..].replace("\\.", ".").replace('.', "\\.");
    let better = format!("{before}{}{escaped}", &tail[..kept]);
    let end = &pattern[body.len()..];
    (is_domain && better != body).then(|| {
        let problem = "has a . for a dot of a name, which matches any character";
        Mistake::warning(problem, Fix::write(format!("/{better}{end}/")))
    })
}

/// Returns where the plain name starts that a pattern ends with.
fn start_of_name(body: &str) -> usize {
    let (mut start, mut is_escaped) = (0, false);
    for (at, letter) in body.char_indices() {
        let is_dot = matches!(letter, '.' | '-');
        let is_of_name = is_dot || !is_escaped && letter.is_ascii_alphanumeric();
        is_escaped = !is_escaped && letter == '\\';
        if !is_of_name && !is_escaped {
            start = at + letter.len_utf8();
        }
    }
    start
}
