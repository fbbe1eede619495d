//! Which names stand for a pool.

use super::*;

fn domain_of(name: &str, address: &str) -> Option<String> {
    let client = Client { address: address.parse().unwrap(), name: name.as_bytes() };
    client.domain().map(|domain| String::from_utf8(domain).unwrap())
}

#[test]
fn machines_of_a_pool_have_one_domain() {
    for (name, domain) in [
        ("mail-ab1.outbound.example.com", "example.com"),
        ("mail-cd2.outbound.example.com", "example.com"),
        ("MAIL.Example.COM", "example.com"),
        ("example.com", "example.com"),
        ("mx.example.com.", "example.com"),
        ("mx.example.co.uk", "example.co.uk"),
        ("a_b.example.org", "example.org"),
        ("mail.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"),
        ("mail-eopbgr70045.outbound.protection.outlook.com", "outlook.com"),
        ("mail.customer.github.io", "customer.github.io"),
        ("mx.new-domain.unlisted", "new-domain.unlisted"),
    ] {
        assert_eq!(domain_of(name, "192.0.2.1").as_deref(), Some(domain), "{name}");
    }
}

#[test]
fn a_pool_may_number_its_machines_by_two_octets() {
    let (name, address) = ("a8-37.smtp-out.amazonses.com", "54.240.8.37");
    assert_eq!(domain_of(name, address).as_deref(), Some("amazonses.com"));
    let (name, address) = ("mail177-12.suw61.mandrillapp.com", "198.2.177.12");
    assert_eq!(domain_of(name, address).as_deref(), Some("mandrillapp.com"));
}

#[test]
fn clients_without_a_registered_domain_are_keyed_by_address() {
    for name in [
        "",
        "unknown",
        "localhost",
        "com",
        "co.uk",
        "github.io",
        ".",
        "..",
        ".example.com",
        "a..example.com",
        "example.com..",
        "a/b.example.com",
        "a b.example.com",
        "a@b.example.com",
        "b\u{fc}ro.example.com",
        "192.0.2.9",
        "[192.0.2.9]",
        "mx.example.123",
    ] {
        assert_eq!(domain_of(name, "192.0.2.1"), None, "{name}");
    }
    let long = "a.".repeat(124) + "example.com";
    assert_eq!(domain_of(&long, "192.0.2.1"), None);
}

#[test]
fn names_with_their_ipv4_address_are_not_a_pool() {
    for name in [
        "203-0-113-77.dsl.example.net",
        "host-203.0.113.77.example.net",
        "77.113.0.203.dynamic.example.net",
        "ip203_0_113_77.example.net",
        "203.0.113-77.example.net",
        "113-77.0-203.example.net",
        "static.77.113.0.203.clients.example.net",
        "c-203-000-113-077.example.net",
        "203000113077.example.net",
        "pcb00714d.dip0.example.net",
        "4d7100cb.example.net",
        "cb-00-71-4d.example.net",
        "PCB00714D.Example.Net",
        "dsl-0-113-77.example.net",
        "77-113-0.pool.example.net",
    ] {
        assert_eq!(domain_of(name, "203.0.113.77"), None, "{name}");
        assert_eq!(domain_of(name, "::ffff:203.0.113.77"), None, "{name}");
        let other = domain_of(name, "198.51.100.1");
        assert_eq!(other.as_deref(), Some("example.net"), "{name}");
    }
}

#[test]
fn names_with_their_ipv6_address_are_not_a_pool() {
    for name in [
        "2001-db8-1-2-3-4-5-6.example.net",
        "2001-0db8-0001-0002-0003-0004-0005-0006.example.net",
        "20010db8000100020003000400050006.example.net",
        "dyn-3-4-5-6.example.net",
        "6.0.0.0.5.0.0.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.example.net",
    ] {
        assert_eq!(domain_of(name, "2001:db8:1:2:3:4:5:6"), None, "{name}");
        let other = domain_of(name, "2001:db8:a::b");
        assert_eq!(other.as_deref(), Some("example.net"), "{name}");
    }
    assert_eq!(domain_of("2001-db8-1--9.example.net", "2001:db8:1::9"), None);
    let plain = domain_of("mx1.example.net", "2001:db8::1");
    assert_eq!(plain.as_deref(), Some("example.net"));
}
