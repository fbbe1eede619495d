//! Lines as people wrote them, the mistake in each, and its fix.

use super::*;

/// A line of a list, the kind of its mistake, and what to write instead or a part
/// of the advice.
type Case = (&'static str, &'static str, &'static str);

const CLIENTS: &[Case] = &[
    // Asked, and proposed, in threads of schweikert/postgrey (issues 38, 45, 67, 91)
    // and of docker-mailserver.
    ("kao@foobar.com", "mail-address", "--whitelist-senders"),
    (
        "/^*.outbound.protection.outlook.com$/",
        "pattern-for-domain",
        "outbound.protection.outlook.com",
    ),
    (
        r"^*\.outbound\.protection\.outlook\.com$",
        "pattern-without-slashes",
        "outbound.protection.outlook.com",
    ),
    ("*.outbound.protection.outlook.com", "wildcard", "outbound.protection.outlook.com"),
    (r"/^.*\.amazonses\.com/", "pattern-for-domain", "amazonses.com"),
    (
        r"/\.outbound\.protection\.outlook\.com$/",
        "pattern-for-domain",
        "outbound.protection.outlook.com",
    ),
    (r"/\.hotmail\.com$/", "pattern-for-domain", "hotmail.com"),
    // From postgrey lists that people publish, and guides to them.
    (r"/.*\.websitewelcome\.com$/", "pattern-for-domain", "websitewelcome.com"),
    (r"/^.*\.kundenserver\.de$/", "pattern-for-domain", "kundenserver.de"),
    (r"/^.*\.serverdomain\.org$/", "pattern-for-domain", "serverdomain.org"),
    (
        r"/^mail-*\.outbound\.protection\.outlook\.com$/",
        "star-for-anything",
        r"/^mail-.*\.outbound\.protection\.outlook\.com$/",
    ),
    (r"/^gmx\..*$/", "open-end", "end it with the whole domain"),
    (r"/^.*\.gmx\..*$/", "open-end", "the whole domain"),
    (r"/^amazon\..*$/", "open-end", "the whole domain"),
    (r"/^posteo\..*$/", "open-end", "the whole domain"),
    ("nasa", "top-level-domain", "write the whole name"),
    ("84.200.211.0/24 CIDR", "blank", "84.200.211.0/24"),
    // From lists of other greylisting programs, copied into postgrey's: SQLgrey,
    // policyd, smf-grey, milter-greylist, greylistd, qmail's, Exim's.
    ("*.southwest.com", "wildcard", "southwest.com"),
    ("*.scd.yahoo.com", "wildcard", "scd.yahoo.com"),
    ("*.debian.org", "wildcard", "debian.org"),
    ("*.mail.ru", "wildcard", "mail.ru"),
    ("%.mweb.co.za", "wildcard", "mweb.co.za"),
    ("%.mail.mud.yahoo.com", "wildcard", "mail.mud.yahoo.com"),
    ("127.%.%.%", "wildcard", "127.0.0.0/8"),
    (".google.com", "leading-dot", "google.com"),
    (".mx.aol.com", "leading-dot", "mx.aol.com"),
    (".hotmail.com", "leading-dot", "hotmail.com"),
    ("127.0.0.1 : *.google.com : *.yahoo.com", "blank", "127.0.0.1\ngoogle.com\nyahoo.com"),
    (r"^..crm[hx]c..\.comcast\.net", "pattern-without-slashes", r"/^..crm[hx]c..\.comcast\.net$/"),
    ("^(relay|mail|mx|smtp)", "pattern-without-slashes", "/^(relay|mail|mx|smtp)/"),
    (r".*generaldynamics\.com$", "pattern-without-slashes", "generaldynamics.com"),
    (".*dynamic.*", "pattern-without-slashes", "/.*dynamic.*/"),
    ("38.107.108.120/29 63.211.90.152/29", "blank", "38.107.108.120/29\n63.211.90.152/29"),
    (
        "64.74.98.0/24 70.42.142.0/24 208.111.169.0/24 208.111.172.0/24",
        "blank",
        "64.74.98.0/24\n70.42.142.0/24\n208.111.169.0/24\n208.111.172.0/24",
    ),
    ("10.0.0 //I like this network", "blank", "10.0.0 # I like this network"),
    ("// IPv4 loopback range", "foreign-comment", "# IPv4 loopback range"),
    ("-- always retry.", "foreign-comment", "# always retry."),
    ("\"192.0.2.128\",", "separator", "192.0.2.128"),
    ("\"192.0.2.0/28\"", "quoted", "192.0.2.0/28"),
    ("WhitelistPTR .google.com", "blank", "google.com"),
    (
        "127.0.0.1,192.168.0.0/18,143.107.44.0/23",
        "separator",
        "127.0.0.1\n192.168.0.0/18\n143.107.44.0/23",
    ),
    // From tables of Postfix and of SpamAssassin, and the guides to them.
    ("example2.tld OK", "blank", "example2.tld"),
    ("example.tld 554 Spam not tolerated here", "blank", "example.tld"),
    ("168.100.189.8 permit", "blank", "168.100.189.8"),
    ("10", "cut-address", "10.0.0.0/8"),
    ("172.16", "two-numbers", "172.16.0.0/16"),
    ("10.1", "two-numbers", "10.1.0.0/16"),
    ("192.168.4/24", "short-network", "192.168.4.0/24"),
    ("10.0.0/24", "short-network", "10.0.0.0/24"),
    ("172.16/16", "short-network", "172.16.0.0/16"),
    ("127/8", "short-network", "127.0.0.0/8"),
    ("192.168.", "cut-address", "192.168.0.0/16"),
    ("10.0.0.0/255.0.0.0", "netmask", "10.0.0.0/8"),
    ("127.0.0.1-127.255.255.255", "range", "one a line"),
    ("[::ffff:127.0.0.0]/104", "brackets", "127.0.0.0/8"),
    ("[::1]/128", "brackets", "::1/128"),
    ("[2001:12d0:8068::]/48", "brackets", "2001:12d0:8068::/48"),
    ("Connect:example.com", "prefixed", "example.com"),
    ("ip4:35.190.247.0/24", "prefixed", "35.190.247.0/24"),
    ("include:_spf.google.com", "prefixed", "networks in that SPF record"),
    ("@friendlydomain.tld", "mail-address", "friendlydomain.tld"),
    ("*@domain.com", "mail-address", "domain.com"),
    // Fixes that led to the next mistake.
    ("192.0.2.0 255.255.255.0", "blank", "192.0.2.0/24"),
    ("192.0.2.0\t255.255.255.128 OK", "blank", "192.0.2.0/25"),
    ("10.0.0.0/0.255.255.255", "netmask", "10.0.0.0/8"),
    ("alice@example.com OK", "blank", "--whitelist-senders or --whitelist-recipients"),
    ("alice@", "mail-address", "--whitelist-senders or --whitelist-recipients"),
    ("@example.com", "mail-address", "--whitelist-recipients, written as example.com"),
    ("2001:db8", "cut-ipv6", "2001:db8::/32"),
    ("2001:db8:", "cut-ipv6", "2001:db8::/32"),
    ("2001:db8:1/48", "cut-ipv6", "2001:db8:1::/48"),
    ("~example.com", "prefixed", "example.com"),
    ("~ ^mail\\.example\\.com$", "blank", "/^mail\\.example\\.com$/"),
    ("spf:example.com", "prefixed", "networks in that SPF record"),
    ("~all", "prefixed", "delete it"),
    // Each kind that the manual of postgrey 1 leaves to be found out.
    ("1.2.3.4/33", "refused", "fix the line"),
    ("10/8", "short-network", "10.0.0.0/8"),
    ("1.2/16", "short-network", "1.2.0.0/16"),
    ("example.com.", "trailing-dot", "example.com"),
    ("[2001:db8::]/32", "brackets", "2001:db8::/32"),
    ("010.001.1.1", "refused", "fix the line"),
    ("1.2.3.256", "refused", "fix the line"),
    (r"/^a#b\.test$/", "comment-in-pattern", r"/^a\x23b\.test$/"),
    (r"/^mail\.example\.com$", "unclosed-pattern", r"/^mail\.example\.com$/"),
    (r"/^(mail\.example\.com$/", "refused", "fix the line"),
    ("/.*/", "everybody", "write what is meant"),
    ("/foo|bar|/", "everybody", "write what is meant"),
    ("0.0.0.0/0", "everybody", "delete it"),
    ("::/0", "everybody", "delete it"),
    (r"/^\Qa.b\E\.test$/", "refused", "fix the line"),
    (r"/^mx\d\.example\.com$/i", "pattern-flags", r"/^mx\d\.example\.com$/"),
    ("/^mx 1\\.example\\.com$/", "blank", "/^mx\\s1\\.example\\.com$/"),
    ("!mail.example.com", "negation", "delete it"),
    ("192.0.2.1:25", "port", "192.0.2.1"),
    ("192.0.2.8-15", "range", "one a line"),
    ("192.0.2.*", "wildcard", "192.0.2.0/24"),
    ("mail*.example.com", "wildcard", r"/^mail.*\.example\.com$/"),
    ("::ffff:192.0.2.1", "mapped-address", "192.0.2.1"),
    ("192.0.2.77/24", "host-bits", "192.0.2.0/24 or 192.0.2.77"),
    ("unknown", "nameless-clients", "write the addresses"),
    ("ex\u{e4}mple.com", "not-ascii", "xn--"),
    ("all", "placeholder", "delete it"),
    ("1:2:3:4:5:6:7:8:9", "refused", "fix the line"),
];

const ADDRESSES: &[Case] = &[
    // From the questions of E-F-A, MailWatch, MailGuardian, OpenAS and of mail in a
    // box, and from tables of Postfix and others.
    ("@domain.com", "at-domain", "domain.com"),
    ("*@domain.tld", "wildcard", "domain.tld"),
    ("*@*.domainname.extention", "wildcard", "domainname.extention"),
    ("%@example.com", "wildcard", "example.com"),
    (
        "*@example.org mail._domainkey.example.org",
        "blank",
        "example.org\nmail._domainkey.example.org",
    ),
    ("/^postmaster@/i", "pattern-flags", "/^postmaster@/"),
    ("/^notifications?@/i", "pattern-flags", "/^notifications?@/"),
    (
        r"/^postmaster@tadalist\.com$/ postmaster@37signals.com",
        "blank",
        "/^postmaster@tadalist\\.com$/\npostmaster@37signals.com",
    ),
    (
        "%@example.com,exactemail@example.com.au",
        "separator",
        "example.com\nexactemail@example.com.au",
    ),
    ("212.227.17.20", "client-address", "--whitelist-clients"),
    // Each kind that the manual of postgrey 1 leaves to be found out.
    ("user@*", "wildcard", "user@"),
    ("postmaster", "bare-user", "postmaster@"),
    ("/.*/", "everybody", "write what is meant"),
    (".example.com", "leading-dot", "example.com"),
    ("user@example.com.", "trailing-dot", "user@example.com"),
    ("<>", "bounces", "/^$/"),
    ("\"\"", "bounces", "/^$/"),
    ("<user@example.com>", "quoted", "user@example.com"),
    ("mailto:user@example.com", "prefixed", "user@example.com"),
    ("user+@example.com", "extension", "user@example.com"),
    ("news*@example.com", "wildcard", r"/^news.*@example\.com$/"),
    (r"^.*@example\.com$", "pattern-without-slashes", r"/^.*@example\.com$/"),
    (r"/@example\.com$", "unclosed-pattern", r"/@example\.com$/"),
];

/// Lines in the list of an option.
const OPTIONS: &[(&str, Case)] = &[
    ("whitelist-senders", ("*@example.com", "wildcard", "example.com")),
    ("whitelist-senders", ("/@/", "everybody", "write what is meant")),
    ("blacklist-clients", (".example.com", "leading-dot", "example.com")),
    ("blacklist-clients", ("/./", "everybody", "write what is meant")),
    ("blacklist-clients", ("a@spam.test", "mail-address", "--blacklist-senders or --blacklist-")),
    ("blacklist-senders", ("@example.com", "at-domain", "example.com")),
    ("blacklist-senders", ("192.0.2.1", "client-address", "a list of --blacklist-clients")),
    ("blacklist-recipients", ("two words", "blank", "put a # before it")),
    ("blacklist-recipients", ("*@*", "wildcard", "delete it")),
    ("greylist-recipients", ("user@*", "wildcard", "user@")),
    ("greylist-recipients", ("192.0.2.1", "client-address", "delete it")),
    ("recipient-delays", ("example.com", "delay", "fix the line")),
    ("recipient-delays", ("@example.com delay=60", "at-domain", "example.com delay=60")),
    (
        "recipient-delays",
        ("a@b.test,c@b.test delay=7", "separator", "a@b.test delay=7\nc@b.test delay=7"),
    ),
];

/// Returns the findings in a list of an option.
fn found(option: &str, content: &str) -> Vec<Finding> {
    let files = Files::default();
    let lists = files.by_option();
    let (option, syntax, _) = lists.into_iter().find(|(other, ..)| *other == option).unwrap();
    let text = Text { file: "list".into(), bytes: content.into() };
    let linter = ListLinter { option, syntax };
    match syntax {
        Syntax::Delays => lint_delays(linter, &[text]),
        _ => linter.lint_texts(&[text]),
    }
}

/// Returns what is wrong with the findings in a line: its kind, its place, or a
/// fix that is not the expected one or has a mistake itself.
fn fault(option: &str, (line, kind, expected): Case) -> Option<String> {
    let findings = found(option, &format!("# A list.\n{line}\n"));
    let mut of_kind = findings.iter().filter(|finding| finding.kind == kind);
    let Some(Finding { place: FilePlace { line: Some(2), .. }, fix, .. }) = of_kind.next() else {
        return Some(format!("{line} is no {kind}: {findings:?}"));
    };
    let is_expected = match fix {
        Fix::Do(sentence) => sentence.contains(expected),
        Fix::Write(lines) => lines.join("\n") == expected,
    };
    let Fix::Write(lines) = fix else {
        return (!is_expected).then(|| format!("{line}: {fix:?}"));
    };
    let after = found(option, &lines.join("\n"));
    let is_wrong = after.iter().any(|finding| finding.level == Level::Error);
    (!is_expected || is_wrong).then(|| format!("{line}: {fix:?}, then {after:?}"))
}

#[test]
fn mistakes_are_found_with_fixes_that_are_free_of_mistakes() {
    let clients = CLIENTS.iter().map(|case| ("whitelist-clients", *case));
    let addresses = ADDRESSES.iter().map(|case| ("whitelist-recipients", *case));
    let cases = clients.chain(addresses).chain(OPTIONS.iter().copied());
    let faults: Vec<String> = cases.filter_map(|(option, case)| fault(option, case)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn superfluous_rules_are_found() {
    for (option, content, kind) in [
        ("whitelist-clients", "example.com\nExample.COM\n", "duplicate"),
        ("whitelist-clients", "mx.example.com\nexample.com\n", "covered"),
        ("whitelist-clients", "192.0.2.0/24\n192.0.2.7\n", "covered"),
        ("whitelist-clients", "2001:db8::/32\n2001:db8:1::/48\n", "covered"),
        ("whitelist-clients", "192.0.2\n192.0.2.0/24\n", "duplicate"),
        ("whitelist-clients", "/^mx\\d\\.a\\.test$/\n/^mx\\d\\.a\\.test$/\n", "duplicate"),
        ("whitelist-recipients", "postmaster@\npostmaster@example.com\n", "covered"),
        ("whitelist-recipients", "example.com\nuser@example.com\n", "covered"),
        ("whitelist-recipients", "example.com\nuser@mail.example.com\n", "covered"),
        ("whitelist-recipients", "user@example.com\nUSER@example.com\n", "duplicate"),
        ("recipient-delays", "example.com delay=60\nexample.com delay=90\n", "duplicate"),
    ] {
        let findings = found(option, content);
        assert_eq!(findings.len(), 1, "{content}: {findings:?}");
        assert_eq!(findings[0].kind, kind, "{content}");
        assert!(findings[0].problem.contains(" in list:"), "{}", findings[0].problem);
    }
}

#[test]
fn rules_that_work_are_clean() {
    for (option, content) in [
        (
            "whitelist-clients",
            "example.com\nnotexample.com\n192.0.2.0/25\n192.0.2.128/25\n\
             /^mx\\d+\\.example\\.net$/\nlocalhost\n2001:db8::1\nmail-1.example.test\n[2001:db8::2]\n\
             /^10.0.0.1$/\n/^mx[.]a[.]test$/\n/^mta[12]\\.siol\\.net$/\n",
        ),
        (
            "whitelist-recipients",
            "user@\nuser2@example.com\nexample.org\nabuse@example.net\n/^$/\n",
        ),
        (
            "recipient-delays",
            "example.com delay=60\ncodes@example.com delay=5\nslow.example.com delay=900\n",
        ),
    ] {
        assert_eq!(found(option, content), [], "{content}");
    }
}

#[test]
fn a_long_list_is_checked_in_linear_time() {
    let lines: String = (0..20_000).map(|n| format!("host{n}.example{}.test\n", n % 977)).collect();
    assert_eq!(found("whitelist-clients", &lines), []);
}
