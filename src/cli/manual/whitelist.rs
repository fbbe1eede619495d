//! postgrey-whitelist(5): the forms of lines, each with what it matches and
//! what it does not. `tests` tries all of them on the parser.

use super::{example, item, text};
use crate::cli::man::{Block, Page};

/// The day of the last change to what the page says.
const DATE: &str = "2026-11-25";

/// A form of line.
pub(super) struct Form {
    /// The line, as it may stand in a list.
    pub(super) line: &'static str,
    /// What it means.
    means: &'static str,
    /// A name or an address that it matches.
    pub(super) matches: &'static [&'static str],
    /// One that it does not match.
    pub(super) spares: &'static [&'static str],
}

/// Lines of a list of clients.
pub(super) const CLIENTS: &[Form] = &[
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

/// Lines of a list of recipients.
pub(super) const RECIPIENTS: &[Form] = &[
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

/// A kind of list.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Clients,
    Recipients,
}

/// A line that is skipped, and a part of what the log says of it.
pub(super) struct Wrong {
    /// The line.
    pub(super) line: &'static str,
    /// In which kinds of list it is wrong.
    pub(super) kinds: &'static [Kind],
    /// Words of the complaint.
    pub(super) complaint: &'static str,
}

/// Lines that are skipped.
pub(super) const WRONG: &[Wrong] = &[
    Wrong {
        line: "mail server.example",
        kinds: &[Kind::Clients],
        complaint: "doesn't look like a hostname",
    },
    Wrong {
        line: "alice bob@example.org",
        kinds: &[Kind::Recipients],
        complaint: "doesn't look like an address",
    },
    Wrong {
        line: "192.0.2.256",
        kinds: &[Kind::Clients],
        complaint: "is no IPv4 address, its numbers end at 255",
    },
    Wrong {
        line: "192.0.2.0/33",
        kinds: &[Kind::Clients],
        complaint: "is no IPv4 network, its length ends at 32",
    },
    Wrong {
        line: "192.0.2.010",
        kinds: &[Kind::Clients],
        complaint: "has leading zeros, which some programs take for octal",
    },
    Wrong {
        line: "2001:db8::/129",
        kinds: &[Kind::Clients],
        complaint: "is no IPv6 network, its length ends at 128",
    },
    Wrong { line: "2001:db8::g", kinds: &[Kind::Clients], complaint: "is no IPv6 address" },
    Wrong {
        line: "/mx(1|2/",
        kinds: &[Kind::Clients, Kind::Recipients],
        complaint: "pattern ignored, a ( lacks its )",
    },
    Wrong {
        line: "/\\p{Han}/",
        kinds: &[Kind::Clients, Kind::Recipients],
        complaint: "pattern ignored, \\p{Han} is not supported",
    },
];

/// A list of clients as it may stand in a file.
pub(super) const EXAMPLE: &str = "\
# Sites that retry from another network each time
example.com             # and all hosts below it
/^out[0-9]+\\.example\\.net$/
192.0.2.0/24
2001:db8:1::/48";

/// The page.
pub(in crate::cli) fn page() -> Page {
    let mut blocks = description();
    blocks.push(Block::Section("LINES OF CLIENTS"));
    blocks.push(text(
        "Names are compared with the name that the mail server found for the client's address, \
         which is \"unknown\" where there is none, in upper or lower case; addresses and \
         networks with its address.",
    ));
    blocks.extend(CLIENTS.iter().map(form));
    blocks.push(Block::Section("LINES OF RECIPIENTS"));
    blocks.push(text("Upper and lower case are the same throughout, also before the @."));
    blocks.extend(RECIPIENTS.iter().map(form));
    blocks.extend(patterns());
    blocks.extend(reported());
    blocks.extend(rest());
    Page { name: "postgrey-whitelist", section: 5, date: DATE, blocks }
}

fn form(form: &Form) -> Block {
    let Form { line, means, matches, spares } = form;
    let (matches, spares) = (matches.join(" and "), spares.join(" or "));
    item(line, &format!("{means} It matches {matches}, but not {spares}."))
}

fn description() -> Vec<Block> {
    vec![
        Block::Section("NAME"),
        text("postgrey-whitelist - lists of clients and recipients that are not greylisted"),
        Block::Section("SYNOPSIS"),
        text("/etc/postgrey/whitelist_clients, /etc/postgrey/whitelist_clients.local"),
        text("/etc/postgrey/whitelist_recipients, /etc/postgrey/whitelist_recipients.local"),
        Block::Section("DESCRIPTION"),
        text(
            "postgrey(8) defers no mail that comes from a client in its list of clients or goes \
             to a recipient in its list of recipients, and keeps no entry of it. The first file \
             of each kind comes with the program; what a site adds goes best into that with \
             .local, which no upgrade touches and which need not exist. --whitelist-clients and \
             --whitelist-recipients name other files in place of these. All files of a kind \
             make one list, and the order of lines does not matter.",
        ),
        text(
            "Each line has one entry. A # and what follows it is a comment, also behind or inside \
             an entry. Blanks around an entry and empty lines are skipped. Lines end with a \
             newline, perhaps with a carriage return before it.",
        ),
        text(
            "SIGHUP makes the daemon read all files again. One that cannot be read any more keeps \
             the entries that it had, with a warning.",
        ),
    ]
}

fn patterns() -> [Block; 4] {
    [
        Block::Section("PATTERNS"),
        text(
            "What stands between a slash at the beginning and one at the end of a line is a Perl \
             regular expression, as in perlre(1), and is matched anywhere and in upper or lower \
             case; ^ and $ tie it to the beginning and the end. A slash inside needs no \
             backslash. A pattern of clients sees the client's name and never its address, one \
             of recipients the whole address as it was sent.",
        ),
        text(
            "A pattern can hold neither blanks nor a #, which are \\s and \\x23 there. Names and \
             addresses are bytes: a character beyond ASCII matches as the bytes of its UTF-8. A \
             few constructs that only Perl itself understands are refused.",
        ),
        text(
            "Many patterns cost no more than one unless they look around or refer back, or the \
             like; of those a list can have 500. A pattern that takes too many steps for a name \
             gives up, does not match it, and is told in the log. A name, a domain or a network \
             costs less than a pattern in any case.",
        ),
    ]
}

fn reported() -> Vec<Block> {
    let mut blocks = vec![
        Block::Section("WHAT IS REPORTED AND SKIPPED"),
        text(
            "A line that cannot be understood is skipped, and the log names its file and number \
             when the lists are read. All other lines count. Such lines are, with what is said of \
             them:",
        ),
    ];
    blocks.extend(WRONG.iter().map(|Wrong { line, kinds, complaint }| {
        let place = match kinds {
            [Kind::Clients] => "Of clients",
            [Kind::Recipients] => "Of recipients",
            _ => "Of both",
        };
        item(line, &format!("{place}: \"{complaint}\""))
    }));
    blocks.push(text(
        "Skipped are also names of more than 512 bytes, patterns of more than 32 KiB, and those \
         of a list whose patterns are too large together. Of more than a hundred complaints \
         about one kind of list, the first hundred are told and the others counted. A file is \
         not read if it has more than 32 MiB or NUL bytes, or is neither a file nor a character \
         device; a missing one is told unless its name ends in .local.",
    ));
    blocks.push(text(
        "Some lines can be understood and are yet not what was meant, such as *.example.com or a \
         host that a domain in the list covers. \"postgrey check\" tells of them, with file and \
         line and what to write instead.",
    ));
    blocks
}

fn rest() -> Vec<Block> {
    vec![
        Block::Section("EXAMPLES"),
        text("A list of clients:"),
        example(EXAMPLE),
        text("Check all lists before the daemon reads them again:"),
        example("postgrey check"),
        Block::Section("SEE ALSO"),
        text("postgrey(8), perlre(1), access(5)"),
    ]
}
