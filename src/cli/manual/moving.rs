//! How this program differs from the original, and how to come from it and go
//! back, in postgrey(8).

use super::{example, item, text};
use crate::cli::man::Block;

/// The most important differences; the marks are those of compat/DIFFERENCES.md.
pub(super) fn differences() -> Vec<Block> {
    vec![
        Block::Section("DIFFERENCES FROM POSTGREY 1.37"),
        text(
            "The options of 1.37 mean what they meant, and replies and log lines are the same to \
             the byte, with these exceptions. Their marks are those of \
             DIFFERENCES.md (in /usr/share/doc/postgrey on Debian), which lists all.",
        ),
        item(
            "Requests",
            "A client address that is none lets the mail pass and no longer ends the daemon \
             (X1). Requests that are sent at once are answered one by one (X4), and one that \
             grows past 64 KiB is cut off (X5).",
        ),
        item(
            "Options",
            "Values that make no sense are refused at the start (X44), an empty text means the \
             usual one (X40), and words after the options change nothing (X46).",
        ),
        item(
            "Starting",
            "With --daemonize, the command returns when the daemon serves, or with the reason \
             why it does not (X48). An address that the machine lacks does not keep the others \
             from working (X49), and a socket on which somebody listens is left alone (X51).",
        ),
        item(
            "Whitelists",
            "A line that cannot be understood is skipped, and told with its file and number \
             (X34, X36); it neither ends the daemon nor goes unnoticed. Numbers with leading \
             zeros (X35) and patterns that PCRE2 reads differently (X37) are such lines.",
        ),
        item(
            "Database",
            "It is one LMDB file (X55) without logs that grow (X60). Entries that are too old go \
             a few at a time, and nobody waits for it (X61).",
        ),
        item(
            "Log and signals",
            "No client can forge a line of the log (X62). SIGUSR1 logs figures (X59), and the \
             file of --pidfile stays root's, so that init scripts trust it (X58).",
        ),
        item(
            "postgreyreport",
            "Mail that arrived is not called lost (X63, X64), the delay is the daemon's own \
             (X65), clients with IPv6 addresses and bounces are reported as well (X66), and \
             packed logs are read (X73).",
        ),
    ]
}

/// The way here, and the way back.
pub(super) fn from_the_original() -> Vec<Block> {
    vec![
        Block::Section("MOVING FROM POSTGREY 1.X"),
        text(
            "Stop the original and start this program with the same options; Debian's package \
             does both. Whitelists are read as they are. If there is no postgrey.mdb yet in \
             --dbdir, the entries of postgrey.db and postgrey_clients.db are taken over first, \
             so that no mail waits a second time, and the log says how many there were. These \
             files are never changed, and Berkeley DB is not needed. Only when the original was \
             killed are its last entries in its log.* files alone: they are recovered in a copy \
             by db5.3_recover or by Perl's BerkeleyDB, and without either the log says what to do.",
        ),
        text("See what the original passed over in silence in options and lists:"),
        example("postgrey check"),
        text(
            "Merge the database of another machine, or an older copy, also while the daemon runs; \
             the later time and the larger count win, and twice is the same as once:",
        ),
        example("postgrey import --from=/var/backups/postgrey"),
        text(
            "To go back, write what was learned for the original, which Berkeley DB's db5.3_load \
             makes a database of, and start that again:",
        ),
        example(
            "runuser -u postgrey -- sh -ec '\n    \
             umask 077\n    \
             cd /var/lib/postgrey\n    \
             rm -f postgrey.db postgrey_clients.db __db.* log.*\n    \
             postgrey export --triplets | db5.3_load postgrey.db\n    \
             postgrey export --clients | db5.3_load postgrey_clients.db'",
        ),
    ]
}
