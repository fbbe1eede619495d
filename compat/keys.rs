//! Clients, senders and recipients that count as the same (BEHAVIOUR E5).

use crate::case::{Run, case};
use crate::mail::{GREYLISTED, KEY, mail, passed};

/// Values of an attribute, and what stands for them in the key.
type Table<'a> = &'a [(&'a str, &'a str)];

/// Asks once for each value of an attribute, each time for another recipient,
/// and expects these values to stand in the keys, at this place between slashes.
fn expect_in_keys(run: &Run, options: &[&str], name: &str, table: Table) {
    let mut server = run.start(options);
    let recipient = |n: usize| format!("{n:03}@example.org");
    for (n, (value, _)) in table.iter().enumerate() {
        let attempt = mail().with(name, value).with("recipient", recipient(n));
        server.ask(&attempt.at(0), GREYLISTED);
    }
    let usual = ["192.0.2.0", "alice@example.com"];
    let mut rows: Vec<_> = table
        .iter()
        .enumerate()
        .map(|(n, (_, part))| match name {
            "client_address" => format!("{part}/{}/{} +0,+0", usual[1], recipient(n)),
            _ => format!("{}/{part}/{} +0,+0", usual[0], recipient(n)),
        })
        .collect();
    rows.sort();
    let _ = server.stop().triplets(rows);
}

#[test]
fn senders_lose_their_extensions_and_numbers() {
    let table = [
        ("", ""),
        ("A@B.Example", "a@b.example"),
        ("nodomain", "nodomain"),
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
        ("\"a@b\"@c", "\"a@b\"@c"),
        ("\"quoted 12 user\"@x", "\"quoted # user\"@x"),
        ("\u{e9}12@x", "\\c3\\a9#@x"),
        ("12\u{e9}@x", "#\\c3\\a9@x"),
        ("\u{c9}@x", "\\c3\\89@x"),
        ("\u{661}\u{662}@x", "\\d9\\a1\\d9\\a2@x"),
        ("a/b@c", "a/b@c"),
        ("a b@c", "a b@c"),
        ("a%40b@x", "a%40b@x"),
        ("1.2.3@x", "#.#.#@x"),
        ("foo-1+2@x", "foo-#@x"),
        ("o'12'x@x", "o'#'x@x"),
        ("a\\12@x", "a\\\\#@x"),
    ];
    case(|run| expect_in_keys(run, &[], "sender", &table));
}

#[test]
fn senders_of_mailing_lists_and_forwarders_are_recognised() {
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
        ("bounces+1234567-abcd-user=dom.com@sg.net", "bounces@sg.net"),
        ("owner-list-1234-user=dom.com@lists", "owner-list-#-user=dom.com@lists"),
        (
            "0100018abcdef-1234-5678-9abc-def012345678-000000@amazonses.com",
            "0100018abcdef-#-#-9abc-def012345678-#@amazonses.com",
        ),
    ];
    case(|run| expect_in_keys(run, &[], "sender", &table));
}

#[test]
fn clients_are_networks() {
    let networks: &[(&[&str], Table)] = &[
        (
            &[],
            &[
                ("1.2.3.4", "1.2.3.0"),
                ("255.255.255.255", "255.255.255.0"),
                ("0.0.0.0", "0.0.0.0"),
                ("2001:db8::1", "2001:db8:0:0:0:0:0:0"),
                ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:0:0:0:0"),
                ("fe80::1", "fe80:0:0:0:0:0:0:0"),
                ("::1", "0:0:0:0:0:0:0:0"),
                ("::", "0:0:0:0:0:0:0:0"),
            ],
        ),
        (&["--lookup-by-subnet"], &[("1.2.3.4", "1.2.3.0")]),
        (
            &["--ipv4cidr=32", "--ipv6cidr=128"],
            &[("1.2.3.4", "1.2.3.4"), ("2001:db8::1", "2001:db8:0:0:0:0:0:1")],
        ),
        (
            &["--ipv4cidr=8", "--ipv6cidr=48"],
            &[("1.2.3.4", "1.0.0.0"), ("2001:db8:1:2::3", "2001:db8:1:0:0:0:0:0")],
        ),
        (
            &["--ipv4cidr=1", "--ipv6cidr=1"],
            &[("200.2.3.4", "128.0.0.0"), ("ffff::", "8000:0:0:0:0:0:0:0")],
        ),
        (
            &["--ipv4cidr=27", "--ipv6cidr=61"],
            &[("1.2.3.95", "1.2.3.64"), ("2001:db8:1:ffff::", "2001:db8:1:fff8:0:0:0:0")],
        ),
    ];
    case(|run| {
        for (options, table) in networks {
            expect_in_keys(run, options, "client_address", table);
        }
    });
}

#[test]
fn all_spellings_of_an_ipv6_address_are_one_client() {
    let spellings = [
        "2001:db8:0:0:1:0:0:1",
        "2001:0db8:0000:0000:0001:0000:0000:0001",
        "2001:DB8::1:0:0:1",
        "2001:db8:0:0:1::1",
        "2001:db8::1:0:0.0.0.1",
    ];
    let table = spellings.map(|spelling| (spelling, "2001:db8:0:0:1:0:0:1"));
    case(|run| expect_in_keys(run, &["--ipv6cidr=128"], "client_address", &table));
}

#[test]
fn ipv4_addresses_within_ipv6_are_ipv6_addresses() {
    let table = [
        ("::ffff:1.2.3.4", "0:0:0:0:0:ffff:102:304"),
        ("::ffff:102:304", "0:0:0:0:0:ffff:102:304"),
        ("::1.2.3.4", "0:0:0:0:0:0:102:304"),
        ("64:ff9b::1.2.3.4", "64:ff9b:0:0:0:0:102:304"),
    ];
    case(|run| expect_in_keys(run, &["--ipv6cidr=128"], "client_address", &table));
}

#[test]
fn lookup_by_host_keeps_the_prefix_length() {
    let table = [("1.2.3.4", "1.2.3.4/32"), ("2001:db8::1", "2001:db8:0:0:0:0:0:1/128")];
    case(|run| {
        for options in [
            &["--lookup-by-host"] as &[&str],
            &["--lookup-by-host", "--lookup-by-subnet"],
            &["--lookup-by-subnet", "--lookup-by-host", "--ipv4cidr=8"],
        ] {
            expect_in_keys(run, options, "client_address", &table);
        }
    });
}

#[test]
fn recipients_stay_as_they_are_but_for_case() {
    let recipients = [
        "Bob+Ext@Example.Org",
        "bob-12@example.org",
        "a/b c@d",
        "\"q\"@d",
        "nodomain",
        "prvs=1234567890=bob@d",
        "\u{c9}@d",
    ];
    let mut rows = recipients.map(|recipient| {
        let lower = recipient.to_ascii_lowercase().replace('\u{c9}', "\\c3\\89");
        format!("192.0.2.0/alice@example.com/{lower} +0,+0")
    });
    rows.sort();
    case(|run| {
        let mut server = run.start(&["--greylist-text=later"]);
        for recipient in recipients {
            let attempt = mail().with("recipient", recipient);
            server.ask(&attempt.at(0), "DEFER_IF_PERMIT later");
        }
        let _ = server.stop().triplets(rows.clone());
    });
}

#[test]
fn case_does_not_make_another_triplet() {
    case(|run| {
        let mut server = run.start(&["--greylist-text=%s"]);
        server.ask(&mail().at(0), "DEFER_IF_PERMIT 300");
        let shouting =
            mail().with("sender", "ALICE@EXAMPLE.COM").with("recipient", "Bob@Example.ORG");
        server.ask(&shouting.at(1), "DEFER_IF_PERMIT 299");
        let _ = server.stop().triplets(format!("{KEY} +0,+1"));
    });
}

#[test]
fn long_keys_are_kept_whole() {
    let long = format!("{}@example.org", "r".repeat(490));
    let longer = format!("{}@example.org", "r".repeat(491));
    case(|run| {
        let mut server = run.start(&["--greylist-text=%s"]);
        let sender = format!("{}@example.com", "s".repeat(400));
        for recipient in [&long, &longer] {
            let attempt = mail().with("sender", &sender).with("recipient", recipient);
            server.ask(&attempt.clone().at(0), "DEFER_IF_PERMIT 300");
            server.ask(&attempt.at(1), "DEFER_IF_PERMIT 299");
        }
        let key = |recipient| format!("192.0.2.0/{sender}/{recipient} +0,+1");
        let _ = server.stop().triplets([key(&long), key(&longer)]);
    });
}

#[test]
fn privacy_hashes_the_keys_and_not_the_log() {
    case(|run| {
        let mut server = run.start(&["--privacy", "--delay=-1", "--greylist-text=later"]);
        let attempt = |address: &str| {
            let attempt = mail().with("client_address", address);
            let attempt = attempt.with("sender", "A@B.Example");
            attempt.with("recipient", "C@D.Example").at(0)
        };
        server.ask(&attempt("1.2.3.4"), passed(0));
        server.ask(&attempt("2001:db8::ab"), passed(0));
        let line = |address| {
            format!(
                "action=pass, reason=triplet found, delay=0, client_name=mx.example.com, \
                 client_address={address}, sender=A@B.Example, recipient=C@D.Example"
            )
        };
        let left = server.stop().log([line("1.2.3.4"), line("2001:db8::ab")]);
        let left = left.triplets([
            // 1.2.3.0/a@b.example/c@d.example
            "c974186930c76e3582e8b1141afe9bcdbba37856 +0,+0",
            // 2001:db8:0:0:0:0:0:0/a@b.example/c@d.example
            "f7ab79ca3b8c5a75ae8dbcf55ee2fdfd0e667a11 +0,+0",
        ]);
        let _ = left.clients([
            // 1.2.3.4
            "09c35807ba47a82592ef88e5d6304ea699b8cbe2 1,+0",
            // 2001:DB8:0:0:0:0:0:AB, in upper case
            "9c7f0024b7dd36a58eb7c2203ba6fecf8f5703c2 1,+0",
        ]);
    });
}
