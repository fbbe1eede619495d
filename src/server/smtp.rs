//! From the options of the SMTP proxy to its sockets and addresses.

use super::listen::Opener;
use super::relay::{BACKEND_TIMEOUT, RelayOptions, TlsFiles};
use super::socket::ListeningSocket;
use crate::cli::Smtp;
use crate::daemon::Failure;
use crate::daemon::endpoint::Place;
use crate::greylist::Policy;
use crate::session::smtp::ProxyVersion;
use mio::net::TcpListener;
use socket2::SockAddr;
use std::os::fd::OwnedFd;

/// The name of a socket of systemd for SMTP clients (`FileDescriptorName=`).
const SMTP: &str = "smtp";

/// Divides the sockets of systemd into those for SMTP clients and the others.
pub fn divide(sockets: Vec<(OwnedFd, String)>) -> (Vec<OwnedFd>, Vec<(OwnedFd, String)>) {
    let (smtp, others): (Vec<_>, Vec<_>) = sockets.into_iter().partition(|(_, name)| name == SMTP);
    (smtp.into_iter().map(|(socket, _)| socket).collect(), others)
}

/// Opens the sockets for SMTP clients. Those of systemd replace `--smtp`.
pub fn listeners(
    smtp: &Smtp,
    handed_over: Vec<OwnedFd>,
    opener: &mut Opener<'_>,
) -> Result<Vec<TcpListener>, Failure> {
    let mut sockets = Vec::new();
    if handed_over.is_empty() {
        for place in &smtp.listen {
            sockets.extend(opener.open_inet(place)?);
        }
    } else {
        sockets = opener.adopt(handed_over)?;
    }
    let tcp = |socket| match socket {
        ListeningSocket::Tcp(listener) => Ok(listener),
        ListeningSocket::Unix { .. } => {
            Err(Failure::new("the socket of systemd named smtp is not a TCP socket"))
        }
    };
    sockets.into_iter().map(tcp).collect()
}

/// The options of the proxy, with the address of the mail server.
pub fn options(smtp: &Smtp, policy: &Policy) -> Result<RelayOptions, Failure> {
    let tls = smtp.tls.clone();
    Ok(RelayOptions {
        backend: backend(&smtp.backend)?,
        proxy_protocol: smtp.proxy_protocol.map(|version| match version {
            1 => ProxyVersion::One,
            _ => ProxyVersion::Two,
        }),
        host: host(&policy.hostname),
        tls: tls.map(|(certificate, key)| TlsFiles { certificate, key }),
        dns_timeout: smtp.dns_timeout,
        max_clients: smtp.max_clients,
        backend_timeout: BACKEND_TIMEOUT,
    })
}

/// The address of the mail server: of several, an IPv4 one, because more
/// servers listen there.
fn backend(place: &Place) -> Result<SockAddr, Failure> {
    let failure =
        |why: &str| Failure::new(format!("--smtp-backend={place}: cannot find the address: {why}"));
    let addresses = place.addresses().map_err(|error| failure(&error.to_string()))?;
    let address = addresses.into_iter().min_by_key(SockAddr::is_ipv6);
    let is_any =
        |address: &SockAddr| address.as_socket().is_some_and(|it| it.ip().is_unspecified());
    address.filter(|address| !is_any(address)).ok_or_else(|| failure("name the host"))
}

/// The name in the greeting: `--hostname` if it is one ASCII word.
fn host(hostname: &[u8]) -> String {
    let is_word = !hostname.is_empty() && hostname.iter().all(u8::is_ascii_graphic);
    let host = if is_word { hostname } else { b"localhost" };
    String::from_utf8_lossy(host).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::endpoint::Endpoint;
    use crate::daemon::stream::shown;

    fn found(place: &str) -> Result<String, String> {
        let place = Place::Inet(Endpoint::parse(place).unwrap());
        backend(&place).map(|address| shown(&address)).map_err(|error| error.to_string())
    }

    #[test]
    fn mail_server_has_one_address() {
        let address = |text: &str| Ok(text.to_owned());
        assert_eq!(found("127.0.0.1:25"), address("127.0.0.1:25"));
        assert_eq!(found("[::1]:25"), address("[::1]:25"));
        assert_eq!(found("localhost:2525"), address("127.0.0.1:2525"));
        assert_eq!(found("2525"), address("127.0.0.1:2525"));
        for place in ["*:25", "0.0.0.0:25"] {
            let error = found(place).unwrap_err();
            assert!(error.starts_with(&format!("--smtp-backend={place}: ")), "{error}");
        }
    }

    #[test]
    fn greeting_has_one_word() {
        for (hostname, name) in [
            ("mx.test", "mx.test"),
            ("", "localhost"),
            ("a b", "localhost"),
            ("a\r\nb", "localhost"),
        ] {
            assert_eq!(host(hostname.as_bytes()), name);
        }
    }
}
