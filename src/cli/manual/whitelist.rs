//! postgrey-whitelist(5): what lists there are, and how their lines are written.

pub(super) mod forms;

use super::{example, item, text};
use crate::cli::man::{Block, Page};
use forms::{
    ADDRESSES, CLIENTS, CLIENTS_EXAMPLE, DELAYS, DELAYS_EXAMPLE, Form, Kind, SENDERS_EXAMPLE,
    WRONG, Wrong,
};

/// The day of the last change to what the page says.
const DATE: &str = "2026-11-25";

/// The page.
pub(in crate::cli) fn page() -> Page {
    let mut blocks = description();
    blocks.extend(lists());
    blocks.extend(directories());
    blocks.push(Block::Section("LINES OF CLIENTS"));
    blocks.push(text(
        "Names are compared with the name that the mail server found for the client's address, \
         which is \"unknown\" where there is none, in upper or lower case; addresses and \
         networks with its address.",
    ));
    blocks.extend(CLIENTS.iter().map(form));
    blocks.push(Block::Section("LINES OF RECIPIENTS AND SENDERS"));
    blocks.push(text(
        "Recipients and senders are written alike, and compared as the mail server was told them. \
         Upper and lower case are the same throughout, also before the @. The sender of a bounce \
         is empty, and /^$/ stands for it.",
    ));
    blocks.extend(ADDRESSES.iter().map(form));
    blocks.push(Block::Section("LINES OF DELAYS"));
    blocks.push(text(
        "In a list of --recipient-delays, delay= and a number of seconds from 1 to 86400 stand \
         behind the recipient. An address counts more than a user, a user more than a domain, a \
         domain more than those above it, and all of these more than a pattern; of two equal \
         lines the first counts.",
    ));
    blocks.extend(DELAYS.iter().map(form));
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
        text(
            "postgrey-whitelist - lists of clients, recipients and senders who are not \
             greylisted, are refused, or wait for another time",
        ),
        Block::Section("SYNOPSIS"),
        text("/etc/postgrey/whitelist_clients, /etc/postgrey/whitelist_clients.local"),
        text("/etc/postgrey/whitelist_recipients, /etc/postgrey/whitelist_recipients.local"),
        text("and, behind each of these and of other lists, LIST.d/*.conf"),
        Block::Section("DESCRIPTION"),
        text(
            "postgrey(8) defers no mail that comes from a client in its list of clients or goes \
             to a recipient in its list of recipients, and keeps no entry of it. The first file \
             of each kind comes with the program; what a site adds goes best into that with \
             .local, which no upgrade touches and which need not exist. --whitelist-clients and \
             --whitelist-recipients name other files in place of these. There are other lists \
             when options name their files. All files of a kind make one list, and the order of \
             lines does not matter.",
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

fn lists() -> Vec<Block> {
    vec![
        Block::Section("LISTS"),
        text(
            "The first that applies decides, in this order, except that the last of these only \
             sets how long mail waits:",
        ),
        item("--whitelist-clients", "Clients whose mail passes."),
        item("--whitelist-recipients", "Recipients whose mail passes."),
        item(
            "--whitelist-senders",
            "Senders whose mail passes. Anybody can write any sender: this lets in whoever knows \
             of it, also from a machine that sends spam.",
        ),
        item(
            "--blacklist-clients, --blacklist-senders, --blacklist-recipients",
            "Those whose mail is refused, with --blacklist-action and --blacklist-text.",
        ),
        item(
            "--greylist-recipients",
            "The only recipients whose mail is greylisted; that of all others passes. If none of \
             its lines can be read, all mail passes.",
        ),
        item(
            "--recipient-delays",
            "Recipients whose mail waits for another time than --delay, see LINES OF DELAYS.",
        ),
    ]
}

fn directories() -> Vec<Block> {
    vec![
        Block::Section("DIRECTORIES"),
        text(
            "Behind each list FILE, whatever its kind, the files FILE.d/*.conf are read, in the \
             order of their names' bytes; other names and those that begin with a dot are passed \
             over. So a package or a machine adds rules to a list, or takes them away, as a file. \
             SIGHUP sees what has come and gone. There need not be such a directory; if there is \
             one that cannot be read, the log says so, and its rules stay as they were.",
        ),
        text(
            "The list of clients that comes with the program is in two parts. \
             /etc/postgrey/whitelist_clients has the servers that greylisting would harm, and \
             /etc/postgrey/whitelist_clients.d/large-providers.conf the large providers, which \
             try again, but from another address each time. Who wants these greylisted deletes \
             that file, which no upgrade brings back unasked.",
        ),
        text("Add a file of rules, and look at all lists before the daemon does:"),
        example(
            "cd /etc/postgrey\n\
             install -d whitelist_clients.d\n\
             echo partner.example >whitelist_clients.d/partners.conf\n\
             postgrey check",
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
             of recipients or senders the whole address as it was sent.",
        ),
        text(
            "A pattern can hold neither blanks nor a #, which are \\s and \\x23 there. Names and \
             addresses are bytes: a character beyond ASCII matches as the bytes of its UTF-8. \
             Rare constructs that PCRE2 reads differently from Perl, such as \\Q, \\p{L} or \
             (?x), are refused.",
        ),
        text(
            "Many patterns cost no more than one, except those that look around or refer back, \
             or the like: of these a list can have 500. A pattern that takes too many steps for \
             a name does not match it, nor do the 500 if they take more than 10 milliseconds; the \
             log names the pattern. A name, a domain or a network costs less than a pattern.",
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
            [Kind::Addresses] => "Of recipients and senders",
            [Kind::Delays] => "Of delays",
            _ => "Of all",
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
        example(CLIENTS_EXAMPLE),
        text("A list of senders to refuse:"),
        example(SENDERS_EXAMPLE),
        text("A list of recipients with delays:"),
        example(DELAYS_EXAMPLE),
        text("Check all lists before the daemon reads them again:"),
        example("postgrey check"),
        Block::Section("SEE ALSO"),
        text("postgrey(8), perlre(1), access(5)"),
    ]
}
