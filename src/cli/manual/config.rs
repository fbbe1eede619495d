//! The configuration file, as postgrey(8) tells of it.

use super::{example, text};
use crate::cli::man::Block;

/// What a line may hold, and what wins.
pub(super) fn section() -> [Block; 6] {
    [
        Block::Section("CONFIGURATION FILE"),
        text(
            "The file of --config has one option a line: its long name without dashes, and, if \
             it takes a value, = and the value. Blanks around both do not matter. A # at the \
             beginning of a line or after a blank begins a comment. A value within double \
             quotes is taken as it is, and may hold blanks at its ends and #.",
        ),
        example(
            "# Where Postfix asks\ninet = 127.0.0.1:10023\ndelay = 60\nprivacy\n\
             greylist-text = \"Please try again in %s seconds\"\n\
             whitelist-clients = /etc/postgrey/whitelist_clients\n\
             whitelist-clients = /etc/postgrey/our_clients",
        ),
        text(
            "A line that the daemon would not take on its command line keeps it from starting; \
             the message names file and line, and \"postgrey check --config=FILE\" tells the \
             same without a start.",
        ),
        text(
            "What is typed wins: over the same option in the file, and of --inet and --unix, \
             --lookup-by-host and --lookup-by-subnet, --quiet and --verbose, --x-greylist-header \
             and --no-x-greylist-header also over the other. An option that may be repeated adds \
             to those of the file. A switch in the file cannot be taken back, and an empty \
             --greylist-text= leaves the text of the file.",
        ),
        text("The file is read once, at the start, with the rights of who starts the daemon."),
    ]
}
