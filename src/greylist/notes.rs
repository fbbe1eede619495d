//! What the database notes of the policy, as text: reports and tools find the
//! daemon's keys by it, and tell what becomes of an entry.

use super::{Lookup, Policy};
use crate::store::Notes;

/// The notes of a policy.
pub fn notes(policy: &Policy) -> Notes {
    let lookup = match policy.lookup {
        Lookup::Subnet { ipv4, ipv6 } => format!("subnet,{ipv4},{ipv6}"),
        Lookup::Host => "host".to_string(),
    };
    let keys = if policy.privacy { lookup + ",privacy" } else { lookup };
    let Policy { delay, retry_window, max_age, .. } = policy;
    let enough = policy.auto_whitelist.unwrap_or(0);
    let rules = format!("{delay},{retry_window},{max_age},{enough}");
    Notes { keys, rules }
}

/// The policy behind notes. What they do not say is as by default.
pub fn policy(notes: &Notes) -> Policy {
    let mut policy = Policy::default();
    let words: Vec<&str> = notes.keys.split(',').collect();
    match words.as_slice() {
        ["host", ..] => policy.lookup = Lookup::Host,
        ["subnet", ipv4, ipv6, ..] => {
            if let (Ok(ipv4), Ok(ipv6)) = (ipv4.parse(), ipv6.parse()) {
                policy.lookup = Lookup::Subnet { ipv4, ipv6 };
            }
        }
        _ => {}
    }
    policy.privacy = words.last() == Some(&"privacy");
    let numbers: Vec<i64> = notes.rules.split(',').filter_map(|word| word.parse().ok()).collect();
    if let [delay, retry_window, max_age, enough, ..] = numbers[..] {
        policy.auto_whitelist = u64::try_from(enough).ok().filter(|enough| *enough > 0);
        policy = Policy { delay, retry_window, max_age, ..policy };
    }
    policy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_comes_back_from_its_notes() {
        let other = Policy {
            delay: -60,
            retry_window: 7200,
            max_age: 86_400,
            lookup: Lookup::Host,
            auto_whitelist: None,
            privacy: true,
            ..Policy::default()
        };
        let ipv6 = Policy { lookup: Lookup::Subnet { ipv4: 32, ipv6: 0 }, ..Policy::default() };
        for original in [Policy::default(), other, ipv6] {
            assert_eq!(policy(&notes(&original)), original);
        }
    }

    #[test]
    fn notes_are_short_and_readable() {
        let Notes { keys, rules } = notes(&Policy::default());
        assert_eq!((keys.as_str(), rules.as_str()), ("subnet,24,64", "300,172800,3024000,5"));
        let hidden = Policy { lookup: Lookup::Host, privacy: true, ..Policy::default() };
        assert_eq!(notes(&hidden).keys, "host,privacy");
    }

    #[test]
    fn what_is_not_noted_is_as_by_default() {
        assert_eq!(policy(&Notes::default()), Policy::default());
        let keys = "subnet,24,64".to_string();
        assert_eq!(policy(&Notes { keys, rules: "5,x".into() }), Policy::default());
    }
}
