//! Trusted networks of the command line, whose mail is exempt.

use super::networks::Network;
use std::net::IpAddr;

/// A list of networks, to which the machine itself always belongs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trusted(Vec<Network>);

impl Trusted {
    /// Parses addresses and networks, separated by commas or blanks, as in lists
    /// of clients (BEHAVIOUR F2). The list may be empty.
    ///
    /// # Errors
    /// The first invalid word, and what to write.
    pub fn parse(list: &[u8]) -> Result<Trusted, String> {
        let is_separator = |byte: &u8| *byte == b',' || byte.is_ascii_whitespace();
        let mut networks = Vec::new();
        for word in list.split(is_separator).filter(|word| !word.is_empty()) {
            let network = Network::parse(word).unwrap_or_else(|| {
                let word = word.escape_ascii();
                Err(format!("{word} is not a network; write it like 192.0.2.0/24 or 2001:db8::/32"))
            })?;
            networks.push(network);
        }
        Ok(Trusted(networks))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns true if an address is the machine's own or in one of the networks.
    pub fn holds(&self, address: IpAddr) -> bool {
        address.to_canonical().is_loopback() || self.0.iter().any(|network| network.holds(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(list: &str, address: &str) -> bool {
        Trusted::parse(list.as_bytes()).unwrap().holds(address.parse().unwrap())
    }

    #[test]
    fn networks_and_addresses_are_trusted_and_their_neighbours_are_not() {
        const LIST: &str = "192.0.2.0/24, 2001:db8::/32 198.51.100.7,";
        let table = [
            ("192.0.2.255", true),
            ("192.0.3.0", false),
            ("198.51.100.7", true),
            ("198.51.100.8", false),
            ("2001:db8:1::1", true),
            ("2001:db9::1", false),
        ];
        for (address, is_trusted) in table {
            assert_eq!(holds(LIST, address), is_trusted, "{address}");
        }
    }

    #[test]
    fn the_machine_itself_is_always_trusted() {
        for address in ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"] {
            assert!(holds("", address), "{address}");
        }
        assert!(!holds("", "192.0.2.1"));
    }

    #[test]
    fn invalid_networks_are_errors() {
        let error = |list: &str| Trusted::parse(list.as_bytes()).unwrap_err();
        assert_eq!(
            error("192.0.2.0/24,lan.test"),
            "lan.test is not a network; write it like 192.0.2.0/24 or 2001:db8::/32"
        );
        assert_eq!(
            error("192.0.2.0/33"),
            "192.0.2.0/33 is not an IPv4 network: its length is 0 to 32"
        );
    }
}
