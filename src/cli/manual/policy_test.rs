//! policy-test(8).

use clap::Command;

use super::{example, head, item, options, text};
use crate::cli::man::{Block, Page};

/// The day of the last change to what the page says.
const DATE: &str = "2026-11-25";

/// The page, with the options of `command`.
pub(in crate::cli) fn page(command: &Command) -> Page {
    let mut blocks = head(command, &["policy-test [OPTIONS] unix:PATH|inet:HOST:PORT < LOG"]);
    blocks.extend(description());
    blocks.push(Block::Section("OPTIONS"));
    blocks.extend(options::of(command));
    blocks.extend(rest());
    Page { name: "policy-test", section: 8, date: DATE, blocks }
}

fn description() -> [Block; 5] {
    [
        Block::Section("DESCRIPTION"),
        text(
            "policy-test reads a log of Postfix on standard input and asks a policy server, such \
             as postgrey(8), about each mail in it that was refused or accepted, one after the \
             other and at the times of the log. At the end it tells how many requests were \
             answered in how many seconds. Lines of syslog are read in both forms of time, and \
             what journalctl prints with -o short-iso or -o json.",
        ),
        text(
            "The server listens on the Unix socket PATH, or on PORT of HOST, which is a name, an \
             IPv4 address or an IPv6 address in brackets.",
        ),
        text(
            "With --count or --concurrency the server is loaded: requests follow each other as \
             fast as they are answered, and a second line tells within which time half of the \
             replies came, 90, 99 and 99.9 percent of them, and the last one.",
        ),
        text(
            "The server learns what it is asked about. Ask one with a database of its own, and \
             not the one that your mail server asks.",
        ),
    ]
}

fn rest() -> Vec<Block> {
    vec![
        Block::Section("EXAMPLES"),
        text("Ask about the mail of a day:"),
        example("policy-test inet:127.0.0.1:10023 < /var/log/mail.log"),
        text("See how fast made-up new mail is answered on twenty connections:"),
        example(
            "policy-test --count=1000 --concurrency=20 \\\n    inet:127.0.0.1:10023 < /dev/null",
        ),
        Block::Section("EXIT STATUS"),
        item("0", "All requests were answered, or the information was printed."),
        item("1", "The words make no sense."),
        item(
            "2 or more",
            "The server could not be reached or did not answer. If connecting failed, it is the \
             system's number of the error.",
        ),
        Block::Section("SEE ALSO"),
        text("postgrey(8), postgreyreport(1)"),
    ]
}
