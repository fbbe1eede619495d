//! The forms of lines with examples that match and that do not, and whole lists.
//! `tests` applies them to the parsers.

pub struct Form {
    pub line: &'static str,
    pub means: &'static str,
    pub matches: &'static [&'static str],
    pub spares: &'static [&'static str],
}

pub const CLIENTS: &[Form] = &[
    Form {
        line: "example.com",
        means: "The host of this name and all hosts below it.",
        matches: &["example.com", "mx1.Example.COM"],
        spares: &["badexample.com", "example.com.example.net"],
    },
    Form {
        line: "192.0.2.1",
        means: "The client with this IPv4 address.",
        matches: &["192.0.2.1"],
        spares: &["192.0.2.10"],
    },
    Form {
        line: "192.0.2",
        means: "The same as 192.0.2.0/24.",
        matches: &["192.0.2.77"],
        spares: &["192.0.3.1"],
    },
    Form {
        line: "192.0",
        means: "The same as 192.0.0.0/24, and no larger network.",
        matches: &["192.0.0.77"],
        spares: &["192.0.2.1"],
    },
    Form {
        line: "198.51.100.64/26",
        means: "All clients of this IPv4 network. The length is 0 to 32 bits.",
        matches: &["198.51.100.127"],
        spares: &["198.51.100.128"],
    },
    Form {
        line: "2001:db8::1",
        means: "The client with this IPv6 address, however it is written.",
        matches: &["2001:db8:0:0::1"],
        spares: &["2001:db8::2"],
    },
    Form {
        line: "2001:db8:1::/48",
        means: "All clients of this IPv6 network. The length is 0 to 128 bits.",
        matches: &["2001:db8:1:2::3"],
        spares: &["2001:db8:2::3"],
    },
    Form {
        line: "[2001:db8::3]",
        means: "The same with brackets around an address or a network.",
        matches: &["2001:db8::3"],
        spares: &["2001:db8::4"],
    },
    Form {
        line: "/^mx[0-9]+\\.example\\.net$/",
        means: "All clients whose name matches the pattern between the slashes.",
        matches: &["mx12.example.net", "MX1.EXAMPLE.NET"],
        spares: &["mx.example.net", "mx1.example.net.test"],
    },
    Form {
        line: "/static|mail/",
        means: "Likewise; a pattern matches anywhere in a name unless it says otherwise.",
        matches: &["webmail.example.org", "1.static.example"],
        spares: &["dialup.example.org"],
    },
];

/// Lines of a list of mail addresses, be it of recipients or of senders.
pub const ADDRESSES: &[Form] = &[
    Form {
        line: "alice@example.org",
        means: "This address, with and without an extension after a +.",
        matches: &["alice@example.org", "Alice+lists@example.org"],
        spares: &["alice@mx.example.org", "malice@example.org"],
    },
    Form {
        line: "postmaster@",
        means: "This user at any domain, with and without an extension.",
        matches: &["postmaster@example.com", "postmaster+x@example.net"],
        spares: &["postmaster.bob@example.com"],
    },
    Form {
        line: "example.net",
        means: "All addresses at this domain and the domains below it.",
        matches: &["bob@example.net", "bob@lists.example.net"],
        spares: &["bob@badexample.net", "example.net@example.com"],
    },
    Form {
        line: "/^(abuse|security)@/",
        means: "All addresses that match the pattern between the slashes.",
        matches: &["security@example.com", "ABUSE@example.com"],
        spares: &["noabuse@example.com"],
    },
];

/// Lines of a list of recipients with their delays.
pub const DELAYS: &[Form] = &[
    Form {
        line: "example.com delay=60",
        means: "Mail to addresses at this domain and below it waits for a minute.",
        matches: &["bob@example.com", "bob@lists.example.com"],
        spares: &["bob@example.org"],
    },
    Form {
        line: "codes@ delay=1",
        means: "Mail to this user at any domain passes when it is tried again.",
        matches: &["codes@example.org", "codes+bank@example.net"],
        spares: &["bob@example.org"],
    },
    Form {
        line: "/^(sales|support)@/ delay=86400",
        means: "Mail to these waits for a day, which is the longest.",
        matches: &["Sales@example.org", "support@example.net"],
        spares: &["presales@example.org"],
    },
];

#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Clients,
    Addresses,
    Delays,
}

/// A line that is skipped, and a part of the warning.
pub struct Wrong {
    pub line: &'static str,
    pub kinds: &'static [Kind],
    pub complaint: &'static str,
}

pub const WRONG: &[Wrong] = &[
    Wrong {
        line: "mail server.example",
        kinds: &[Kind::Clients],
        complaint: "doesn't look like a hostname",
    },
    Wrong {
        line: "alice bob@example.org",
        kinds: &[Kind::Addresses],
        complaint: "doesn't look like an address",
    },
    Wrong {
        line: "codes@example.org 60",
        kinds: &[Kind::Delays],
        complaint: "has no delay; write it like example.com delay=60",
    },
    Wrong {
        line: "codes@example.org delay=0",
        kinds: &[Kind::Delays],
        complaint: "has no number of seconds from 1 to 86400 after delay=",
    },
    Wrong {
        line: "192.0.2.256",
        kinds: &[Kind::Clients],
        complaint: "is not an IPv4 address: its numbers are 0 to 255",
    },
    Wrong {
        line: "192.0.2.0/33",
        kinds: &[Kind::Clients],
        complaint: "is not an IPv4 network: its length is 0 to 32",
    },
    Wrong {
        line: "192.0.2.010",
        kinds: &[Kind::Clients],
        complaint: "has leading zeros, which some programs take for octal",
    },
    Wrong {
        line: "2001:db8::/129",
        kinds: &[Kind::Clients],
        complaint: "is not an IPv6 network: its length is 0 to 128",
    },
    Wrong { line: "2001:db8::g", kinds: &[Kind::Clients], complaint: "is not an IPv6 address" },
    Wrong {
        line: "/mx(1|2/",
        kinds: &[Kind::Clients, Kind::Addresses],
        complaint: "pattern ignored, a ( lacks its )",
    },
    Wrong {
        line: "/\\p{Han}/",
        kinds: &[Kind::Clients, Kind::Addresses],
        complaint: "pattern ignored, \\p is not supported",
    },
];

pub const CLIENTS_EXAMPLE: &str = "\
# Sites that retry from another network each time
example.com             # and all hosts below it
/^out[0-9]+\\.example\\.net$/
192.0.2.0/24
2001:db8:1::/48";

pub const SENDERS_EXAMPLE: &str = "\
# Newsletters that go on after one unsubscribes
news.example.com
offers@example.net
/^bounce-[0-9]+@mailer\\.example\\.org$/";

pub const DELAYS_EXAMPLE: &str = "\
codes@example.org delay=20    # somebody waits for them
example.com delay=60";
