//! A client of smtpd, from the arguments of `link-connect`.

use std::net::IpAddr;

/// The end of a connection to smtpd.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Client {
    pub(super) address: Vec<u8>,
    /// Its name if that resolves to its address, else `unknown`.
    pub(super) name: Vec<u8>,
    /// True for programs on this machine. No list of own networks is applied
    /// before a filter, so that their mail would be deferred.
    pub(super) is_local: bool,
}

impl Client {
    /// Parses `RDNS|FCRDNS|SOURCE|DESTINATION`. The name comes from the DNS and
    /// could contain anything, hence the fields are counted from the end.
    pub(super) fn parse(arguments: &[u8]) -> Option<Client> {
        let mut fields = arguments.rsplitn(4, |byte| *byte == b'|');
        let _destination = fields.next()?;
        let (source, fcrdns, rdns) = (fields.next()?, fields.next()?, fields.next()?);
        let host = host(source);
        let address: Option<IpAddr> = std::str::from_utf8(host).ok().and_then(|it| it.parse().ok());
        let address = address.map(|address| address.to_canonical());
        let is_loopback = address.is_some_and(|address| address.is_loopback());
        let name = if fcrdns == b"pass" { rdns } else { b"unknown" };
        Some(Client {
            address: address.map_or_else(|| host.to_vec(), |address| address.to_string().into()),
            name: name.to_vec(),
            is_local: is_loopback || source.starts_with(b"unix:") || source == b"local",
        })
    }
}

/// Returns the host in `HOST:PORT`, without brackets, prefix and zone.
fn host(source: &[u8]) -> &[u8] {
    let end = memchr::memrchr(b':', source).unwrap_or(source.len());
    let host = &source[..end];
    let host = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host);
    let host = host.strip_prefix(b"IPv6:").unwrap_or(host);
    &host[..memchr::memchr(b'%', host).unwrap_or(host.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_confirmed_names_are_as_in_the_policy_protocol() {
        for (arguments, address, name, is_local) in [
            ("mx.a.test|pass|192.0.2.1:4321|192.0.2.9:25", "192.0.2.1", "mx.a.test", false),
            ("mx.a.test|fail|192.0.2.1:4321|192.0.2.9:25", "192.0.2.1", "unknown", false),
            ("mx.a.test|error|192.0.2.1:4321|192.0.2.9:25", "192.0.2.1", "unknown", false),
            ("<unknown>|fail|192.0.2.1:4321|192.0.2.9:25", "192.0.2.1", "unknown", false),
            ("m|x.a.test|pass|192.0.2.1:4321|192.0.2.9:25", "192.0.2.1", "m|x.a.test", false),
            ("mx.a.test|pass|[2001:DB8::1]:4321|[::]:25", "2001:db8::1", "mx.a.test", false),
            ("x|fail|[IPv6:2001:db8::1]:4321|[::]:25", "2001:db8::1", "unknown", false),
            ("x|fail|[::ffff:192.0.2.1]:4321|[::]:25", "192.0.2.1", "unknown", false),
            ("x|fail|[fe80::1%eth0]:4321|[fe80::2]:25", "fe80::1", "unknown", false),
            ("localhost|pass|127.0.0.1:4321|127.0.0.1:25", "127.0.0.1", "localhost", true),
            ("localhost|pass|[::1]:4321|[::1]:25", "::1", "localhost", true),
            ("localhost|pass|unix:/run/smtpd.sock|unix:/run/smtpd.sock", "unix", "localhost", true),
            ("x|fail|nonsense|", "nonsense", "unknown", false),
        ] {
            let client = Client::parse(arguments.as_bytes());
            let (address, name) = (address.into(), name.into());
            assert_eq!(client, Some(Client { address, name, is_local }), "{arguments}");
        }
        assert_eq!(Client::parse(b"mx.a.test|pass|192.0.2.1:4321"), None);
    }
}
