//! The part of the policy that is kept with the state, as text: reports and tools
//! need it to find the daemon's keys and the state of an entry.

use super::{ByDomain, LookupBy, Policy};

/// The settings by which keys are made, entries pass and entries expire; kept
/// with the state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    pub keys: String,
    /// The delay, the retry window, the max age and the auto-whitelist's count.
    /// Empty in the file of a daemon that did not write it.
    pub rules: String,
}

impl Metadata {
    /// The values with their names in the state.
    pub fn named(&self) -> [(&'static str, &str); 2] {
        [("keys", &self.keys), ("rules", &self.rules)]
    }
}

/// Triplets have a domain in place of a client where it has one.
const DOMAINS: &str = "domain";

/// The auto-whitelist likewise.
const CLIENT_DOMAINS: &str = "auto-whitelist-domain";

const HASHES: &str = "privacy";

pub fn notes(policy: &Policy) -> Metadata {
    let lookup = match policy.lookup {
        LookupBy::Subnet { ipv4, ipv6 } => format!("subnet,{ipv4},{ipv6}"),
        LookupBy::Host => "host".to_string(),
    };
    let ByDomain { lookup: in_triplets, auto_whitelist } = policy.by_domain;
    let words =
        [(in_triplets, DOMAINS), (auto_whitelist, CLIENT_DOMAINS), (policy.privacy, HASHES)];
    let words = words.into_iter().filter(|(is_so, _)| *is_so);
    let keys = words.fold(lookup, |keys, (_, word)| keys + "," + word);
    let Policy { delay, retry_window, max_age, .. } = policy;
    let enough = policy.auto_whitelist.unwrap_or(0);
    let rules = format!("{delay},{retry_window},{max_age},{enough}");
    Metadata { keys, rules }
}

/// Returns the policy that metadata describe, with the defaults for missing
/// values.
pub fn policy(notes: &Metadata) -> Policy {
    let mut policy = Policy::default();
    let words: Vec<&str> = notes.keys.split(',').collect();
    match words.as_slice() {
        ["host", ..] => policy.lookup = LookupBy::Host,
        ["subnet", ipv4, ipv6, ..] => {
            if let (Ok(ipv4), Ok(ipv6)) = (ipv4.parse(), ipv6.parse()) {
                policy.lookup = LookupBy::Subnet { ipv4, ipv6 };
            }
        }
        _ => {}
    }
    policy.privacy = words.contains(&HASHES);
    policy.by_domain = ByDomain {
        lookup: words.contains(&DOMAINS),
        auto_whitelist: words.contains(&CLIENT_DOMAINS),
    };
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
            lookup: LookupBy::Host,
            auto_whitelist: None,
            privacy: true,
            ..Policy::default()
        };
        let ipv6 = Policy { lookup: LookupBy::Subnet { ipv4: 32, ipv6: 0 }, ..Policy::default() };
        let in_triplets = ByDomain { lookup: true, auto_whitelist: false };
        let pools = Policy { by_domain: in_triplets, ..Policy::default() };
        let by_domain = ByDomain { lookup: false, auto_whitelist: true };
        let counted = Policy { by_domain, ..other.clone() };
        for original in [Policy::default(), other, ipv6, pools, counted] {
            assert_eq!(policy(&notes(&original)), original);
        }
    }

    #[test]
    fn notes_are_short_and_readable() {
        let Metadata { keys, rules } = notes(&Policy::default());
        assert_eq!((keys.as_str(), rules.as_str()), ("subnet,24,64", "300,172800,3024000,5"));
        let hidden = Policy { lookup: LookupBy::Host, privacy: true, ..Policy::default() };
        assert_eq!(notes(&hidden).keys, "host,privacy");
        let by_domain = ByDomain { lookup: true, auto_whitelist: true };
        let pools = Policy { by_domain, ..Policy::default() };
        assert_eq!(notes(&pools).keys, "subnet,24,64,domain,auto-whitelist-domain");
    }

    #[test]
    fn missing_metadata_means_the_default() {
        assert_eq!(policy(&Metadata::default()), Policy::default());
        let keys = "subnet,24,64".to_string();
        assert_eq!(policy(&Metadata { keys, rules: "5,x".into() }), Policy::default());
    }
}
