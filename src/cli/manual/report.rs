//! postgreyreport(1).

use clap::Command;

use super::{example, head, item, options, text};
use crate::cli::man::{Block, Page};

/// The day of the last change to what the page says.
const DATE: &str = "2026-11-25";

/// The page, with the options of `command`.
pub(in crate::cli) fn page(command: &Command) -> Page {
    let mut blocks = head(command, &["postgreyreport [OPTIONS] [FILE...]"]);
    blocks.extend(description());
    blocks.extend([
        Block::Section("OPTIONS"),
        text(
            "Names begin with one dash or two, have underscores and cannot be abbreviated. An \
             option without a default does nothing unless it is given.",
        ),
    ]);
    blocks.extend(options::of(command));
    blocks.extend(lists());
    blocks.extend(examples());
    blocks.extend(rest());
    Page { name: "postgreyreport", section: 1, date: DATE, blocks }
}

fn description() -> [Block; 4] {
    [
        Block::Section("DESCRIPTION"),
        text(
            "postgreyreport reads logs of Postfix and tells which mail postgrey(8) deferred that \
             never came back: software that sends spam as a rule, but sometimes a mail server \
             that should be on a whitelist. Without FILE, or with - in its place, the log is read \
             from standard input, also as journalctl -o short-iso or -o json prints it. The \
             database is read beside the daemon, which need not run.",
        ),
        text(
            "A triplet of client, sender and recipient is lost when the log has it deferred, the \
             database has no attempt after the delay, the client is not automatically \
             whitelisted, and the log does not let such mail pass further down. Who retries does \
             so after some minutes or hours: a log that ends now shows much mail as lost that \
             will still come, and yesterday's log tells more.",
        ),
        text(
            "For each triplet there is a line with the client's address and name, the sender, \
             which is <> for bounces, and the recipient, in the order of the addresses. Before \
             these stand, if they are asked for, the time of the last attempt, the number of \
             attempts and the result of --check_sender. With --nosingle_line, a line with name \
             and address of the client comes first, and below it one for each sender and \
             recipient.",
        ),
    ]
}

fn lists() -> Vec<Block> {
    vec![
        Block::Section("LISTS OF CLIENTS"),
        text(
            "The files of --skip_clients and --match_clients have one client a line. Empty lines \
             and those that begin with a # are skipped.",
        ),
        item("example.com", "Clients whose name ends in this."),
        item("192.0.2", "Clients whose address begins with this."),
        item("192.0.2.0/24, 2001:db8::/32", "Clients of this network."),
        item("/REGEX/", "Clients whose name matches this Perl regular expression, in any case."),
    ]
}

fn examples() -> Vec<Block> {
    vec![
        Block::Section("EXAMPLES"),
        text("What was lost yesterday and the day before, and how often it was tried:"),
        example("postgreyreport --show_tries \\\n    /var/log/mail.log.1 /var/log/mail.log.2.gz"),
        text("The same by client, with a line between networks:"),
        example(
            "postgreyreport --nosingle_line --separate_by_subnet='----\\n' \\\n    /var/log/mail.log.1",
        ),
        text("How much each client lost that does not look like one of a provider's customers:"),
        example(
            "postgreyreport --skip_pool --tab /var/log/mail.log.1 |\n    \
             cut -f 2 | sort | uniq -c | sort -rn",
        ),
    ]
}

fn rest() -> Vec<Block> {
    vec![
        Block::Section("EXIT STATUS"),
        item("0", "The report was printed, be it empty, or the information."),
        item("1", "An option is unknown or lacks its value."),
        item("2 or more", "The database could not be read, or an option makes no sense."),
        Block::Section("SEE ALSO"),
        text("postgrey(8), postgrey-whitelist(5), policy-test(8)"),
    ]
}
