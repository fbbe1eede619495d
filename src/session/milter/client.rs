//! The client's address and name in the form of the policy protocol.

use std::net::IpAddr;

/// Returns the client's address in plain form: IPv6 may have a prefix `IPv6:`,
/// and an IPv4 address may be mapped into IPv6. Other text is returned unchanged.
pub(super) fn client_address(text: &[u8]) -> Vec<u8> {
    let bare = match text.get(..5) {
        Some(tag) if tag.eq_ignore_ascii_case(b"ipv6:") => &text[5..],
        _ => text,
    };
    let address: Option<IpAddr> = std::str::from_utf8(bare).ok().and_then(|it| it.parse().ok());
    address.map_or_else(|| text.to_vec(), |address| address.to_canonical().to_string().into())
}

/// The client's verified name. Without one, mail servers put its address into
/// square brackets, which the policy protocol calls `unknown`.
pub(super) fn client_name(text: &[u8]) -> &[u8] {
    if text.is_empty() || text.starts_with(b"[") { b"unknown" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_address_is_in_plain_form() {
        let table = [
            ("192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("IPv6:2001:0DB8:0::1", "2001:db8::1"),
            ("IPv6:::ffff:192.0.2.1", "192.0.2.1"),
            ("unknown", "unknown"),
            ("IPv6:", "IPv6:"),
            ("", ""),
        ];
        for (text, plain) in table {
            assert_eq!(client_address(text.as_bytes()), plain.as_bytes(), "{text}");
        }
    }

    #[test]
    fn an_address_in_brackets_is_not_a_name() {
        let table = [
            ("mx.a.test", "mx.a.test"),
            ("[192.0.2.1]", "unknown"),
            ("[IPv6:2001:db8::1]", "unknown"),
            ("", "unknown"),
            ("unknown", "unknown"),
        ];
        for (text, name) in table {
            assert_eq!(client_name(text.as_bytes()), name.as_bytes(), "{text}");
        }
    }
}
