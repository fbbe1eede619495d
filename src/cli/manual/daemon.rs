//! postgrey(8), the daemon's page.

use clap::Command;

use super::{commands, config, example, head, item, moving, opensmtpd, options, smtp, text};
use crate::cli::man::{Block, Page};

/// The day of the last change to what the page says.
const DATE: &str = "2026-11-25";

/// The page, with the options of `command`.
pub(in crate::cli) fn page(command: &Command) -> Page {
    let daemon = "postgrey --inet=[HOST:]PORT | --unix=PATH | --milter=PATH|[HOST:]PORT | \
                  --smtp=[HOST:]PORT [OPTIONS]";
    let mut blocks = head(command, &[daemon, "postgrey COMMAND [OPTIONS]"]);
    blocks.extend(description());
    blocks.extend(about_options());
    blocks.extend(options::of(command));
    blocks.extend(config::section());
    blocks.extend(commands::section());
    blocks.extend(lists());
    blocks.extend(examples());
    blocks.extend(commands::examples());
    blocks.extend(sendmail());
    blocks.extend(opensmtpd::section());
    blocks.extend(smtp::section());
    blocks.extend(moving::differences());
    blocks.extend(moving::from_the_original());
    blocks.extend(process());
    blocks.extend(references());
    Page { name: "postgrey", section: 8, date: DATE, blocks }
}

fn description() -> [Block; 3] {
    [
        Block::Section("DESCRIPTION"),
        text(
            "Mail servers ask postgrey whether to accept a mail: Postfix with its policy \
             delegation protocol, Exim with the same over a socket, Sendmail with the milter \
             protocol (--milter), OpenSMTPD with a filter. The answer depends \
             on the triplet of the client's network, the sender and the recipient. If this \
             triplet is new, the mail is deferred with a temporary error. A proper mail server \
             tries again, and after --delay seconds its mail passes; much of the software that \
             sends spam does not return.",
        ),
        text(
            "A triplet that passed once is not delayed any more, and neither is a client that \
             proved itself several times (--auto-whitelist-clients).",
        ),
    ]
}

fn about_options() -> [Block; 2] {
    [
        Block::Section("OPTIONS"),
        text(
            "Names begin with one dash or two and cannot be abbreviated. A value is the next \
             word, even if that begins with a dash, or follows after two dashes, the name and =. \
             If an option is repeated, the last one counts. Where a default is shown, an empty \
             value and 0 mean the default unless the text says otherwise; an option without one \
             does nothing unless it is given. The first word that is \
             no option ends the options; it is ignored, as is everything after it, unless it is a \
             command and the first word of all.",
        ),
    ]
}

fn lists() -> [Block; 4] {
    [
        Block::Section("LISTS"),
        text(
            "The first that applies to a mail decides: trust (--trusted-networks, \
             --trust-authenticated); the whitelists of clients, of recipients and of senders; the \
             blacklists of clients, of senders and of recipients; --greylist-recipients, for \
             those who are not in it; then the automatic whitelist, and the triplet. Mail on \
             which trust or a list decides leaves no entry, and does not count for the automatic \
             whitelist.",
        ),
        text(
            "postgrey-whitelist(5) tells what the lines of the lists of clients and recipients \
             look like. Names with the hosts below them, addresses, networks, users and Perl \
             patterns can stand there. A line that cannot be understood is skipped, with a \
             warning that names the file and the line. Senders are written like recipients.",
        ),
        text(
            "A line of --recipient-delays is such an entry for recipients and a delay in seconds, \
             from 1 to 86400, as in \"example.com delay=60\". An address counts before a user or a \
             domain, a narrower domain before a wider one, and patterns last.",
        ),
    ]
}

fn examples() -> [Block; 5] {
    [
        Block::Section("EXAMPLES"),
        text("Run the daemon on a port of this machine:"),
        example("postgrey --inet=10023 --daemonize"),
        text(
            "Let Postfix ask it in main.cf, last of all, so that it is asked only about mail \
             that would be accepted otherwise. Mail flows while nobody answers:",
        ),
        example(
            "smtpd_recipient_restrictions =\n  permit_mynetworks,\n  \
             reject_unauth_destination,\n  \
             check_policy_service { inet:127.0.0.1:10023, default_action=DUNNO }",
        ),
    ]
}

fn sendmail() -> Vec<Block> {
    vec![
        Block::Section("SENDMAIL"),
        text(
            "Run the daemon with --milter=/run/postgrey/milter, and let Sendmail ask it, in \
             sendmail.mc:",
        ),
        example(
            "INPUT_MAIL_FILTER(`postgrey',\n    \
             `S=local:/run/postgrey/milter, T=C:10s;S:5s;R:10s;E:1m')dnl",
        ),
        text(
            "Without F= in it, mail flows while the daemon is away. Postfix can ask the same way, \
             with --milter=10022 here, and smtpd_milters = inet:127.0.0.1:10022 and \
             milter_default_action = accept in main.cf. The SMTP server of Debian's Postfix runs \
             in a chroot, where it does not find the Unix socket.",
        ),
    ]
}

fn process() -> Vec<Block> {
    vec![
        Block::Section("SIGNALS"),
        item(
            "SIGHUP",
            "Read the whitelists again. The old ones answer until that is done, and those that \
             cannot be read stay as they were.",
        ),
        item(
            "SIGTERM, SIGINT, SIGQUIT",
            "Stop: answer what was asked, close the database and exit.",
        ),
        item("SIGUSR1", "Log statistics."),
        Block::Section("EXIT STATUS"),
        item("0", "The daemon was stopped by a signal, or the information was printed."),
        item("1", "An option is unknown, lacks its value or has one that is no number."),
        item("2 or more", "Something else kept the daemon from running; the message says what."),
        Block::Section("FILES"),
        item("/etc/postgrey/postgrey.conf", "The usual place of a file for --config."),
        item("/etc/postgrey/whitelist_clients", "Clients that come with the program."),
        item("/etc/postgrey/whitelist_clients.local", "Clients of the administrator's choice."),
        item(
            "/etc/postgrey/whitelist_clients.d/*.conf",
            "More of them; the files of a directory like this are read behind any list.",
        ),
        item("/etc/postgrey/whitelist_recipients", "Recipients that come with the program."),
        item(
            "/etc/postgrey/whitelist_recipients.local",
            "Recipients of the administrator's choice.",
        ),
        item("/var/lib/postgrey/postgrey.mdb", "The database."),
        item(
            "/var/lib/postgrey/postgrey.control",
            "The socket on which a running daemon takes the changes of commands.",
        ),
        item("/var/lib/postgrey/postgrey.lock", "Locked while a daemon uses the directory."),
        item(
            "/var/lib/postgrey/postgrey.db, /var/lib/postgrey/postgrey_clients.db",
            "The database of postgrey 1. It is read when there is no postgrey.mdb yet, or by \
             \"postgrey import\", and never changed.",
        ),
    ]
}

fn references() -> [Block; 4] {
    [
        Block::Section("SEE ALSO"),
        text(
            "postgrey-whitelist(5), postgreyreport(1), policy-test(8), postconf(5), access(5), \
             http://www.postfix.org/SMTPD_POLICY_README.html",
        ),
        Block::Section("HISTORY"),
        text(
            "The first postgrey was written in Perl by David Schweikert. This one is a new \
             program that takes its place: it understands the options, whitelists and database \
             of postgrey 1.37.",
        ),
    ]
}
