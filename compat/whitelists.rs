//! Which clients and recipients a list names (BEHAVIOUR F2 to F5).
//!
//! All rules of a table stand in one list; each has names or networks of its
//! own, so that no other rule can match what is asked for it.

use crate::case::{Run, case};
use crate::mail::{GREYLISTED, MAIL, mail, pass};
use crate::server::Server;

/// A rule, what it covers, and what it does not.
type Rule<'a> = (&'a str, &'a [&'a str], &'a [&'a str]);

fn list(rules: &[Rule]) -> String {
    rules.iter().map(|(rule, ..)| format!("{rule}\n")).collect()
}

fn expect_covered(run: &Run, server: &mut Server, name: &str, rules: &[Rule]) {
    for (_, covered, others) in rules {
        for value in *covered {
            server.ask(&mail().with(name, value).at(0), "DUNNO");
        }
        for value in *others {
            // Each is new, whatever was asked before.
            let attempt = mail().with("sender", "").with(name, value);
            let reply = server.reply_to(&attempt.at(0));
            let is_greylisted = reply.starts_with("DEFER_IF_PERMIT ");
            run.expect(format!("{value} is greylisted"), is_greylisted.to_string(), "true");
        }
    }
}

fn clients(run: &Run, name: &str, rules: &[Rule]) {
    let mut server =
        run.start_with(|builder| builder.whitelist_clients(list(rules)).arg("--delay=300"));
    expect_covered(run, &mut server, name, rules);
}

#[test]
fn a_name_covers_the_host_and_all_below_it() {
    let rules: &[Rule] = &[
        (
            "one.example",
            &["one.example", "mx.one.example", "a.b.one.example", "ONE.Example", ".one.example"],
            &["notone.example", "one.example.", "one.example.net", "one", "one.exampl"],
        ),
        ("TWO.Example", &["two.example", "mx.Two.example"], &["mxtwo.example"]),
        (
            ".three.example",
            &[".three.example", "x..three.example"],
            &["mx.three.example", "three.example"],
        ),
        ("four.example.", &["four.example."], &["four.example", "mx.four.example"]),
        ("*.five.example", &["*.five.example"], &["mx.five.example"]),
        ("topmost", &["topmost", "x.topmost"], &["topmost.x"]),
        ("si+x.ex.mple", &["si+x.ex.mple", "a.si+x.ex.mple"], &["siix.ex.mple", "si+x.example"]),
        ("a/b.seven", &["a/b.seven"], &["a.seven"]),
        ("!eight.example", &["!eight.example"], &["eight.example"]),
        ("x@nine.example", &["x@nine.example"], &["nine.example"]),
        ("/ten.example", &["/ten.example"], &["ten.example"]),
        ("  eleven.example\t", &["eleven.example"], &[]),
        ("twelve.example#comment", &["twelve.example"], &["twelve.example#comment"]),
        ("thirteen.example # comment", &["thirteen.example"], &[]),
        ("fourteen.example\r", &["fourteen.example"], &[]),
        ("#fifteen.example", &[], &["fifteen.example", "#fifteen.example"]),
        ("10", &["10", "x.10"], &["100"]),
        ("10/8", &["10/8"], &[]),
        ("1.2.3.*", &["1.2.3.*"], &["1.2.3.4"]),
    ];
    case(|run| clients(run, "client_name", rules));
}

#[test]
fn numbers_cover_addresses_and_networks() {
    let rules: &[Rule] = &[
        ("10.1.1.1", &["10.1.1.1", "::10.1.1.1"], &["10.1.1.2", "10.1.1.11", "::ffff:10.1.1.1"]),
        ("10.2.2.9/24", &["10.2.2.0", "10.2.2.255"], &["10.2.1.255", "10.2.3.0"]),
        ("10.27.0.0/13", &["10.27.0.0", "10.24.0.1", "10.31.255.255"], &["10.32.0.0"]),
        ("10.9.128.0/17", &["10.9.128.0", "10.9.255.255"], &["10.9.127.255"]),
        ("10.10.4", &["10.10.4.0", "10.10.4.255"], &["10.10.5.0"]),
        ("10.11", &["10.11.0.0", "10.11.0.255"], &["10.11.1.0", "10.11.255.1"]),
        ("10.12.0.1/32", &["10.12.0.1"], &["10.12.0.0"]),
        ("2001:db8:1::7", &["2001:db8:1::7", "2001:DB8:1:0::0007"], &["2001:db8:1::8"]),
        ("2001:db8:2::1/48", &["2001:db8:2::", "2001:db8:2:ffff::1"], &["2001:db8:3::"]),
        ("[2001:db8:4::1]", &["2001:db8:4::1"], &["2001:db8:4::2"]),
        ("2001:db9::/033", &["2001:db9:5::1"], &["2001:db9:8000::"]),
        ("::ffff:10.13.0.1", &["::ffff:10.13.0.1"], &["10.13.0.1"]),
        ("::10.14.0.0/112", &["10.14.3.4"], &["10.15.0.0"]),
        ("10.16.0.0-10.16.0.255", &[], &["10.16.0.1"]),
        ("10.17.0.0/255.255.0.0", &[], &["10.17.0.0"]),
        ("10.18.0.1,10.18.0.2", &[], &["10.18.0.1"]),
        ("10.19.0.", &[], &["10.19.0.1"]),
        ("10.20/16", &[], &["10.20.0.1"]),
    ];
    case(|run| clients(run, "client_address", rules));
}

#[test]
fn the_whole_of_ipv6_holds_all_of_ipv4() {
    for rule in ["0.0.0.0/0", "::/0", "::/96", "2001:db8::/0"] {
        let rules: &[Rule] = &[(rule, &["192.0.2.7", "::1"], &[])];
        case(|run| clients(run, "client_address", rules));
    }
}

#[test]
fn patterns_match_anywhere_in_a_client_s_name_and_in_any_case() {
    let rules: &[Rule] = &[
        (r"/^mx[0-9]+\.one\./", &["mx12.one.example", "MX1.One.x"], &["a.mx1.one.x", "mx.one.x"]),
        ("/two/", &["two", "x.TWO.x"], &["tow"]),
        (r"/three$/", &["x.three"], &["three.x"]),
        (r"/(?<!not)four/", &["x.four"], &["notfour"]),
        (r"/(fi)ve\1/", &["fivefi"], &["fivefo"]),
        (r"/si{2}x/", &["siix"], &["six"]),
        (r"/se(?-i)VEN/", &["SEVEN", "seVEN"], &["seven"]),
        ("/a/eight/", &["xa/eightx"], &["eight"]),
        (r"/ni\x6ee/", &["nine"], &[]),
        (r"/[[:digit:]]ten/", &["1ten"], &["ten"]),
        ("/eleven/i", &["/eleven/i"], &["eleven"]),
        (r"/^twelve(?=\.)/", &["twelve.x"], &["twelve"]),
    ];
    case(|run| clients(run, "client_name", rules));
}

#[test]
fn patterns_do_not_look_at_addresses() {
    let rules: &[Rule] = &[(r"/^192\.0\.2\.7$/", &[], &["192.0.2.7"])];
    case(|run| clients(run, "client_address", rules));
}

#[test]
fn recipients_are_addresses_users_domains_and_patterns() {
    let rules: &[Rule] = &[
        (
            "user@one.example",
            &[
                "user@one.example",
                "USER@One.Example",
                "user+ext@one.example",
                "user+a+b@one.example",
            ],
            &[
                "user+@one.example",
                "user@sub.one.example",
                "user-ext@one.example",
                "other@one.example",
            ],
        ),
        (
            "two@",
            &["two@example.org", "two+ext@any.example", "TWO@x", "two@x@evil"],
            &["two", "xtwo@x"],
        ),
        (
            "three.example",
            &["a@three.example", "b@sub.three.example"],
            &["a@notthree.example", "three.example", "a@three.example.net"],
        ),
        (".four.example", &["a@x..four.example"], &["a@four.example", "a@x.four.example"]),
        ("@five.example", &["@five.example"], &["a@five.example"]),
        ("six+ext@x", &["six+ext@x", "six+ext+more@x"], &["six@x"]),
        ("se.ven@x", &["se.ven@x"], &["sexven@x"]),
        (r"/^eight-[0-9]+@/", &["eight-12@x", "EIGHT-1@x"], &["eight-@x", "xeight-1@x"]),
        ("/nine/i", &[], &["nine@x"]),
        ("ten", &["a@ten", "x.ten"], &["ten", "ten@x"]),
        ("\"eleven\"@x", &["\"eleven\"@x"], &["eleven@x"]),
        ("twelve@*", &["twelve@*"], &["twelve@x"]),
    ];
    case(|run| {
        let mut server = run.start_with(|builder| builder.whitelist_recipients(list(rules)));
        expect_covered(run, &mut server, "recipient", rules);
    });
}

#[test]
fn invalid_lines_are_reported_and_skipped() {
    let clients = "one.example\nfoo bar\n\n  # comment\n/a b/\ntwo.example OK\n";
    let recipients = "a b@example.org\nuser@ example.org\npostmaster@\n";
    case(|run| {
        let mut server = run.start_with(|builder| {
            builder.whitelist_clients(clients).whitelist_recipients(recipients)
        });
        server.ask(&mail().with("client_name", "one.example").at(0), "DUNNO");
        server.ask(&mail().with("client_name", "two.example").at(0), GREYLISTED);
        server.ask(&mail().with("recipient", "postmaster@example.org").at(0), "DUNNO");
    });
}

#[test]
fn lines_end_as_they_like() {
    case(|run| {
        let mut server = run.start_with(|builder| {
            builder.whitelist_clients("first.example\n\nsecond.example\r\nlast.example")
        });
        for name in ["first.example", "second.example", "last.example"] {
            server.ask(&mail().with("client_name", name).at(0), "DUNNO");
        }
        let line = |name: &str| pass("client whitelist", &MAIL.replace("mx.example.com", name));
        let lines = ["first.example", "second.example", "last.example"].map(line);
        let _ = server.stop().log(lines).triplets("");
    });
}
