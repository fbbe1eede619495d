//! What would have spared a mail the wait.

use super::mail::Mail;

/// A sentence for a mail that was deferred longer than greylisting needs; none
/// where there is nothing to do.
pub fn advice(mail: &Mail, delay: i64) -> Option<String> {
    if mail.networks.len() > 1 {
        let networks = mail.networks.len();
        let line = match common_domain(mail) {
            Some(domain) => {
                format!("exempt its servers by a line in whitelist_clients.local: {domain}")
            }
            None => format!(
                "exempt them by lines in whitelist_clients.local: {}",
                mail.networks.join(", ")
            ),
        };
        return Some(format!(
            "It came from {networks} networks, and each of them had to wait on its own: {line}"
        ));
    }
    let waited = i64::try_from(mail.delay()?).ok()?;
    let attempts = mail.attempts.len();
    (waited > 4 * delay.max(1) && attempts == 2).then(|| {
        "Its server was slow to come back: a shorter --delay would not have helped; exempt it in \
         whitelist_clients.local if its mail is urgent"
            .to_owned()
    })
}

/// The domain that all of a mail's clients are in, of two labels at least.
fn common_domain(mail: &Mail) -> Option<String> {
    let names =
        mail.attempts.iter().map(|attempt| String::from_utf8_lossy(&attempt.name).to_lowercase());
    let mut common: Option<Vec<String>> = None;
    for name in names {
        let labels: Vec<String> = name.rsplit('.').map(str::to_owned).collect();
        common = Some(match common {
            None => labels,
            Some(known) => known
                .into_iter()
                .zip(labels)
                .take_while(|(one, other)| one == other)
                .map(|(label, _)| label)
                .collect(),
        });
    }
    let labels = common.filter(|labels| labels.len() >= 2 && labels[0] != "unknown")?;
    // Of co.uk and the like one more label is needed.
    let is_short = labels.len() == 2 && labels[0].len() == 2 && labels[1].len() <= 3;
    let mut labels = labels;
    labels.reverse();
    (!is_short).then(|| labels.join("."))
}
