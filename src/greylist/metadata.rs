//! The part of the policy that is kept with the state, as text: reports and tools
//! need it to find the daemon's keys and the state of an entry.

use super::{ByDomain, LookupBy, Policy};

/// The settings by which keys are made, entries pass and entries expire; kept
/// with the state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    pub keys: String,
    /// Four numbers with commas between them: the delay, the retry window and the
    /// max age in seconds, and the count of the auto-whitelist (0 if it is
    /// disabled). Empty in the file of a daemon that did not write it.
    pub rules: String,
}

impl Metadata {
    /// The metadata of a policy.
    pub fn of(policy: &Policy) -> Metadata {
        // All fields are named: each is either kept or of no use to a tool.
        let Policy {
            delay,
            retry_window,
            max_age,
            lookup_by,
            by_domain: ByDomain { triplets, auto_whitelist: by_domains },
            auto_whitelist,
            privacy,
            trust: _,
            greylist_action: _,
            greylist_text: _,
            blacklist_action: _,
            blacklist_text: _,
            header: _,
            adds_header: _,
            is_dry_run: _,
            hostname: _,
        } = policy;
        let first = match lookup_by {
            LookupBy::Subnet { ipv4, ipv6 } => format!("subnet,{ipv4},{ipv6}"),
            LookupBy::Host => "host".to_string(),
        };
        let words = [(triplets, DOMAINS), (by_domains, CLIENT_DOMAINS), (privacy, HASHES)];
        let words = words.into_iter().filter(|(is_so, _)| **is_so);
        let keys = words.fold(first, |keys, (_, word)| keys + "," + word);
        let enough = auto_whitelist.unwrap_or(0);
        let rules = format!("{delay},{retry_window},{max_age},{enough}");
        Metadata { keys, rules }
    }

    /// Returns the policy that the metadata describe; other settings, and missing and
    /// malformed values, are the defaults.
    pub fn policy(&self) -> Policy {
        self.applied_to(Policy::default())
    }

    /// Returns the policy with the settings that the metadata describe.
    pub fn applied_to(&self, mut policy: Policy) -> Policy {
        let words: Vec<&str> = self.keys.split(',').collect();
        match words.as_slice() {
            ["host", ..] => policy.lookup_by = LookupBy::Host,
            ["subnet", ipv4, ipv6, ..] => {
                if let (Ok(ipv4), Ok(ipv6)) = (ipv4.parse(), ipv6.parse()) {
                    policy.lookup_by = LookupBy::Subnet { ipv4, ipv6 };
                }
            }
            _ => {}
        }
        policy.privacy = words.contains(&HASHES);
        policy.by_domain = ByDomain {
            triplets: words.contains(&DOMAINS),
            auto_whitelist: words.contains(&CLIENT_DOMAINS),
        };
        let mut numbers = self.rules.split(',').map(|word| word.parse::<i64>().ok());
        for time in [&mut policy.delay, &mut policy.retry_window, &mut policy.max_age] {
            *time = numbers.next().flatten().unwrap_or(*time);
        }
        if let Some(enough) = numbers.next().flatten() {
            policy.auto_whitelist = u64::try_from(enough).ok().filter(|enough| *enough > 0);
        }
        policy
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_comes_back_from_its_metadata() {
        let other = Policy {
            delay: -60,
            retry_window: 7200,
            max_age: 86_400,
            lookup_by: LookupBy::Host,
            auto_whitelist: None,
            privacy: true,
            ..Policy::default()
        };
        let ipv6 =
            Policy { lookup_by: LookupBy::Subnet { ipv4: 32, ipv6: 0 }, ..Policy::default() };
        let in_triplets = ByDomain { triplets: true, auto_whitelist: false };
        let pools = Policy { by_domain: in_triplets, ..Policy::default() };
        let by_domain = ByDomain { triplets: false, auto_whitelist: true };
        let counted = Policy { by_domain, ..other.clone() };
        for original in [Policy::default(), other, ipv6, pools, counted] {
            assert_eq!(Metadata::of(&original).policy(), original);
        }
    }

    #[test]
    fn metadata_are_short_and_readable() {
        let Metadata { keys, rules } = Metadata::of(&Policy::default());
        assert_eq!((keys.as_str(), rules.as_str()), ("subnet,24,64", "300,172800,3024000,5"));
        let hidden = Policy { lookup_by: LookupBy::Host, privacy: true, ..Policy::default() };
        assert_eq!(Metadata::of(&hidden).keys, "host,privacy");
        let by_domain = ByDomain { triplets: true, auto_whitelist: true };
        let pools = Policy { by_domain, ..Policy::default() };
        assert_eq!(Metadata::of(&pools).keys, "subnet,24,64,domain,auto-whitelist-domain");
    }

    #[test]
    fn missing_metadata_means_the_default() {
        assert_eq!(Metadata::default().policy(), Policy::default());
    }

    #[test]
    fn malformed_number_in_metadata_moves_no_other_number() {
        let metadata = Metadata { keys: String::new(), rules: "60,x,86400,3".into() };
        let expected =
            Policy { delay: 60, max_age: 86_400, auto_whitelist: Some(3), ..Policy::default() };
        assert_eq!(metadata.policy(), expected);
    }
}
