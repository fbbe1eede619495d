//! The rows of BEHAVIOUR E5.

use super::super::ByDomain;
use super::*;

fn sender_key(sender: &str) -> String {
    let client = IpAddr::from([192, 0, 2, 1]);
    let key = key(&Policy::default(), client, sender.as_bytes(), b"r@example.org");
    let text = String::from_utf8(key).unwrap();
    let part = text.strip_prefix("192.0.2.0/").unwrap().strip_suffix("/r@example.org").unwrap();
    part.to_string()
}

fn client_of(lookup_by: LookupBy, client: &str) -> String {
    let policy = Policy { lookup_by, ..Policy::default() };
    let key = key(&policy, client.parse::<IpAddr>().unwrap(), b"a@b", b"c@d");
    String::from_utf8(key).unwrap().strip_suffix("/a@b/c@d").unwrap().to_string()
}

#[test]
fn varying_parts_of_a_sender_are_removed() {
    let table = [
        ("", ""),
        ("A@B.Example", "a@b.example"),
        ("nodomain", "nodomain"),
        ("123", "123"),
        ("12-34", "12-34"),
        ("<>", "<>"),
        ("a+ext@b", "a@b"),
        ("a+b+c@b", "a@b"),
        ("a+@b", "a@b"),
        ("+ext@b", "@b"),
        ("list-123-456@v", "list-#-#@v"),
        ("list-123abc@v", "list-123abc@v"),
        ("1a2b@v", "1a2b@v"),
        ("12abc34@v", "12abc34@v"),
        ("a1-2b@v", "a1-2b@v"),
        ("123@x", "#@x"),
        ("9@9.com", "#@9.com"),
        ("b_12_34@x", "b_12_34@x"),
        ("prefix_123@x", "prefix_123@x"),
        ("b.12.34@x", "b.#.#@x"),
        ("b=12=34@x", "b=#=#@x"),
        ("1,2@x", "#,#@x"),
        ("u#12#@x", "u###@x"),
        ("x-0001-y@x", "x-#-y@x"),
        ("a@1.2.3.4", "a@1.2.3.4"),
        ("a@host-123.example", "a@host-123.example"),
        ("1@2@3", "#@2@3"),
        ("a+x@y@z", "a@y@z"),
        ("@dom", "@dom"),
        ("@", "@"),
        ("a@", "a@"),
        ("a@b+c.d", "a@b+c.d"),
        ("bounces+1234567-abcd-user=dom.com@sg.net", "bounces@sg.net"),
        ("owner-list-1234-user=dom.com@lists", "owner-list-#-user=dom.com@lists"),
        ("\"a@b\"@c", "\"a@b\"@c"),
        ("\"quoted 12 user\"@x", "\"quoted # user\"@x"),
        ("é12@x", "é#@x"),
        ("12é@x", "#é@x"),
        ("١٢٣@x", "١٢٣@x"),
        ("a/b@c", "a/b@c"),
        ("a b@c", "a b@c"),
        ("a%40b@x", "a%40b@x"),
        ("1.2.3@x", "#.#.#@x"),
        ("foo-1+2@x", "foo-#@x"),
        (
            "0100018abcdef-1234-5678-9abc-def012345678-000000@amazonses.com",
            "0100018abcdef-#-#-9abc-def012345678-#@amazonses.com",
        ),
        ("o'12'x@x", "o'#'x@x"),
        ("É@x", "É@x"),
    ];
    for (sender, part) in table {
        assert_eq!(sender_key(sender), part, "{sender}");
    }
}

#[test]
fn bounce_tags_are_seen_through() {
    let table = [
        ("prvs=1234567890=user@d", "user@d"),
        ("prvs=user=1234567890@d", "user@d"),
        ("prvs=0123456789=user+x@d", "user@d"),
        ("prvs=12345=user@d", "user@d"),
        ("prvs=1234567890=1234567890@d", "#@d"),
        ("prvs=abcdefghij=1234567890@d", "#@d"),
        ("prvs=0ABCDEF123=User@d", "user@d"),
        ("prvs=1234567890a=user@d", "user@d"),
        ("prvs==user@d", "user@d"),
        ("prvs=123=abc-12@d", "abc-#@d"),
        ("PRVS=1234567890=user@d", "prvs=#=user@d"),
        ("prvs=user@d", "prvs=user@d"),
        ("prvs=a=b=c@d", "prvs=a=b=c@d"),
        ("prvs=1234567890=@d", "prvs=#=@d"),
        ("prvs==@d", "prvs==@d"),
        ("prvs=1234567890=user=x@d", "prvs=#=user=x@d"),
        ("btv1==1234567890==user@d", "btv1==#==user@d"),
        ("msprvs1=19000abcXYZ=bounces-12345@bounces", "msprvs1=19000abcxyz=bounces-#@bounces"),
        ("SRS0=HHH=TT=domain.com=user@fwd", "srs0=hhh=tt=domain.com=user@fwd"),
        ("SRS0+abc=de=dom=user@x", "srs0@x"),
        ("SRS1=abc=xx==12=34=dom=u@x", "srs1=abc=xx==#=#=dom=u@x"),
    ];
    for (sender, part) in table {
        assert_eq!(sender_key(sender), part, "{sender}");
    }
}

#[test]
fn neighbours_in_a_network_are_one_client() {
    let subnet = |ipv4, ipv6| LookupBy::Subnet { ipv4, ipv6 };
    let table = [
        (24, 64, "1.2.3.4", "1.2.3.0"),
        (32, 64, "1.2.3.4", "1.2.3.4"),
        (8, 64, "1.2.3.4", "1.0.0.0"),
        (1, 64, "200.2.3.4", "128.0.0.0"),
        (0, 64, "200.2.3.4", "0.0.0.0"),
        (24, 64, "2001:db8::1", "2001:db8:0:0:0:0:0:0"),
        (24, 48, "2001:db8:1:2::1", "2001:db8:1:0:0:0:0:0"),
        (24, 128, "2001:db8::ab", "2001:db8:0:0:0:0:0:ab"),
        (24, 0, "2001:db8::ab", "0:0:0:0:0:0:0:0"),
        (24, 64, "::ffff:1.2.3.4", "0:0:0:0:0:0:0:0"),
    ];
    for (ipv4, ipv6, client, part) in table {
        assert_eq!(client_of(subnet(ipv4, ipv6), client), part, "{client}");
    }
    assert_eq!(client_of(LookupBy::Host, "1.2.3.4"), "1.2.3.4/32");
    assert_eq!(client_of(LookupBy::Host, "2001:db8::1"), "2001:db8:0:0:0:0:0:1/128");
}

#[test]
fn recipients_are_lower_cased_and_no_more() {
    let client = IpAddr::from([192, 0, 2, 1]);
    let key = key(&Policy::default(), client, b"", b"\"A b\"+12/3@Example.ORG");
    assert_eq!(key, b"192.0.2.0//\"a b\"+12/3@example.org");
}

#[test]
fn privacy_hides_the_whole_key() {
    let policy = Policy { privacy: true, ..Policy::default() };
    let client = IpAddr::from([1, 2, 3, 4]);
    let key = key(&policy, client, b"a@b.example", b"c@d.example");
    assert_eq!(key, b"c974186930c76e3582e8b1141afe9bcdbba37856");
    assert_eq!(client_key(&policy, client), b"09c35807ba47a82592ef88e5d6304ea699b8cbe2");
}

#[test]
fn the_auto_whitelist_spells_ipv6_in_upper_case() {
    let client: IpAddr = "2001:db8::ab".parse().unwrap();
    assert_eq!(client_key(&Policy::default(), client), b"2001:DB8:0:0:0:0:0:AB");
    let mapped = "::ffff:1.2.3.4".parse().unwrap();
    assert_eq!(client_text(mapped), "0:0:0:0:0:FFFF:102:304");
}

#[test]
fn machines_of_a_pool_share_a_key_if_they_are_looked_up_by_domain() {
    let by_domain = ByDomain { triplets: true, auto_whitelist: false };
    let policy = Policy { by_domain, ..Policy::default() };
    let key_of = |address: &str, name: &str| {
        let client = Client { address: address.parse().unwrap(), name: name.as_bytes() };
        let key = key(&policy, client, b"A@b.example", b"c@d.example");
        assert!(key.starts_with(&beginning(&policy, client)));
        String::from_utf8(key).unwrap()
    };
    let pool = "example.com/a@b.example/c@d.example";
    assert_eq!(key_of("192.0.2.7", "mail-ab1.outbound.example.com"), pool);
    assert_eq!(key_of("198.51.100.7", "mail-cd2.outbound.Example.com"), pool);
    let alone = "192.0.2.0/a@b.example/c@d.example";
    assert_eq!(key_of("192.0.2.7", "unknown"), alone);
    assert_eq!(key_of("192.0.2.7", "192-0-2-7.dsl.example.com"), alone);
    let told = key_in_domain(&policy, b"example.com", b"A@b.example", b"c@d.example");
    assert_eq!(told, pool.as_bytes());
}
