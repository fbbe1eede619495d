//! postgrey(8), the daemon's page of the manual: the options come from the
//! table, the rest is written here.

use clap::{Arg, Command};

use super::man::{Block, Page};
use super::{admin, help};

/// The day of the last change to what the page says.
const DATE: &str = "2026-11-24";

/// The page, with the options of `command`.
pub(super) fn page(command: &Command) -> Page {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut blocks = vec![
        Block::Section("NAME"),
        text(&format!("postgrey - {about}")),
        Block::Section("SYNOPSIS"),
        text("postgrey --inet=[HOST:]PORT | --unix=PATH | --milter=PATH|[HOST:]PORT [OPTIONS]"),
        text("postgrey COMMAND [OPTIONS]"),
    ];
    blocks.extend(description());
    blocks.extend(options(command));
    blocks.extend(commands());
    blocks.extend(whitelists());
    blocks.extend(example());
    blocks.extend(sendmail());
    blocks.extend(process());
    blocks.extend(references());
    Page { name: "postgrey", section: 8, date: DATE, version: env!("CARGO_PKG_VERSION"), blocks }
}

fn text(text: &str) -> Block {
    Block::Text(text.to_owned())
}

fn item(name: &str, text: &str) -> Block {
    Block::Item(name.to_owned(), text.to_owned())
}

fn description() -> [Block; 3] {
    [
        Block::Section("DESCRIPTION"),
        text(
            "Mail servers ask postgrey whether to accept a mail: Postfix with its policy \
             delegation protocol, Exim with the same over a socket, Sendmail with the milter \
             protocol (--milter). The answer depends \
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

fn options(command: &Command) -> Vec<Block> {
    let mut blocks = vec![
        Block::Section("OPTIONS"),
        text(
            "Names begin with one dash or two and cannot be abbreviated. A value is the next \
             word, even if that begins with a dash, or follows after two dashes, the name and =. \
             If an option is repeated, the last one counts. Where a default is shown, an empty \
             value and 0 mean the default unless the text says otherwise. The first word that is \
             no option ends the options; it is ignored, as is everything after it, unless it is a \
             command and the first word of all.",
        ),
    ];
    let mut heading = None;
    for arg in command.get_arguments() {
        if arg.get_help_heading() != heading {
            heading = arg.get_help_heading();
            blocks.push(Block::Subsection(heading.unwrap_or_default().to_owned()));
        }
        blocks.push(Block::Item(help::names(arg), paragraph(arg)));
    }
    blocks
}

fn commands() -> Vec<Block> {
    let mut blocks = vec![
        Block::Section("COMMANDS"),
        text(
            "With a command as its first word, postgrey looks into the database of a daemon, \
             whether that runs or not. Changes are made by the daemon if it runs. Root becomes \
             --user before anything is opened. Times are those of the local zone; in JSON they \
             are in seconds since 1970. Entries are waiting while they are deferred until the \
             delay is over, passed when mail goes through, and expired when they count no more \
             and the next clean-up deletes them.",
        ),
        text(
            "Every command takes these options: --dbdir=PATH is the directory of the database \
             (default: /var/lib/postgrey); --user=NAME and --group=NAME are whom root becomes \
             (default: postgrey). The exit status is 0 when it is done, 1 when no entry matched, \
             2 when the words make no sense, and 3 when the database or the daemon could not be \
             used.",
        ),
    ];
    for command in admin::commands() {
        let usage = command.clone().render_usage().to_string();
        let title = usage.strip_prefix("Usage: ").unwrap_or(&usage).to_owned();
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        blocks.push(Block::Subsection(title));
        blocks.push(text(&sentence(&about)));
        let own = command.get_arguments().filter(|arg| !COMMON.contains(&arg.get_id().as_str()));
        for arg in own {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            blocks.push(Block::Item(help::names(arg), sentence(&help)));
        }
    }
    blocks
}

/// Options that all commands have.
const COMMON: [&str; 4] = ["dbdir", "user", "group", "help"];

/// A help text as a sentence.
fn sentence(help: &str) -> String {
    let mut letters = help.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

fn paragraph(arg: &Arg) -> String {
    let mut paragraph = arg.get_long_help().map(ToString::to_string).unwrap_or_default();
    if let Some(default) = help::default(arg) {
        paragraph += &format!(" Default: {default}");
    }
    if let aliases @ [_, ..] = help::aliases(arg).as_slice() {
        paragraph += &format!(" (Other names: {}.)", aliases.join(", "));
    }
    paragraph
}

fn whitelists() -> Vec<Block> {
    vec![
        Block::Section("WHITELISTS"),
        text(
            "Each line of a whitelist is one entry. A # and what follows it is a comment, also \
             inside an entry; empty lines are skipped. A line that cannot be understood is \
             skipped, too, with a warning that names the file and the line.",
        ),
        Block::Subsection("Entries for clients".to_owned()),
        item("example.com", "The host with this name, and every host whose name ends in it."),
        item("192.0.2.1, 2001:db8::1", "The client with this address."),
        item("192.0.2.0/24, 2001:db8::/32", "All clients of this network."),
        item("192.0.2", "The same as 192.0.2.0/24."),
        item(
            "/REGEX/",
            "All clients whose name matches the Perl regular expression REGEX, anywhere and in \
             upper or lower case.",
        ),
        Block::Subsection("Entries for recipients".to_owned()),
        item(
            "user@example.com",
            "This address, and those with an extension, such as user+lists@example.com.",
        ),
        item("user@", "This user at any domain, with or without an extension."),
        item("example.com", "All addresses at this domain and the domains below it."),
        item("/REGEX/", "All addresses that match REGEX, anywhere and in upper or lower case."),
    ]
}

fn example() -> Vec<Block> {
    vec![
        Block::Section("EXAMPLE"),
        text("Run the daemon on a port of this machine:"),
        Block::Example("postgrey --inet=10023 --daemonize\n"),
        text(
            "Let Postfix ask it in main.cf, last of all, so that it is asked only about mail \
             that would be accepted otherwise:",
        ),
        Block::Example(
            "smtpd_recipient_restrictions =\n    permit_mynetworks,\n    \
             reject_unauth_destination,\n    check_policy_service inet:127.0.0.1:10023\n",
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
        Block::Example(
            "INPUT_MAIL_FILTER(`postgrey',\n    \
             `S=local:/run/postgrey/milter, T=C:10s;S:5s;R:10s;E:1m')dnl\n",
        ),
        text(
            "Without F= in it, mail flows while the daemon is away. Postfix can ask the same way, \
             with smtpd_milters = unix:/run/postgrey/milter and milter_default_action = accept in \
             main.cf.",
        ),
    ]
}

fn process() -> Vec<Block> {
    vec![
        Block::Section("SIGNALS"),
        item("SIGHUP", "Read the whitelists again. Those that cannot be read stay as they were."),
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
        item("/etc/postgrey/whitelist_clients", "Clients that come with the program."),
        item("/etc/postgrey/whitelist_clients.local", "Clients of the administrator's choice."),
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
            "postgreyreport(1), policy-test(8), postconf(5), access(5), \
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

#[cfg(test)]
mod tests {
    use std::{env, fs};

    use super::super::flags;
    use super::*;

    #[test]
    fn the_committed_page_is_the_generated_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/man/postgrey.8");
        let generated = super::super::man_page();
        if env::var_os("POSTGREY_WRITE_MAN").is_some() {
            fs::write(path, &generated).unwrap();
        }
        let committed = fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == generated,
            "man/postgrey.8 is out of date; write it with POSTGREY_WRITE_MAN=1 cargo test"
        );
    }

    #[test]
    fn every_option_has_a_paragraph_of_its_own_in_both_forms() {
        let command = flags::command();
        let page = page(&command);
        let (roff, text) = (page.roff(), page.text());
        for arg in command.get_arguments() {
            let names = help::names(arg);
            let explained = arg.get_long_help().is_some_and(|long| long.to_string().ends_with('.'));
            assert!(explained, "{names}");
            assert!(text.contains(&format!("\n       {names}")), "{names}");
            let escaped = arg.get_long().unwrap().replace('-', "\\-");
            assert!(
                roff.contains(&format!(".TP\n\\fB\\-\\-{escaped}\\f"))
                    || roff.contains(&format!(", \\-\\-{escaped}\\f")),
                "{names}"
            );
        }
    }

    #[test]
    fn the_plain_text_fits_a_terminal() {
        for line in page(&flags::command()).text().lines() {
            assert!(line.len() <= 80 && line.is_ascii(), "{line}");
        }
    }
}
