//! The filter for OpenSMTPD in postgrey(8).

use super::{example, item, options, text};
use crate::cli::man::Block;
use crate::cli::opensmtpd_filter;

/// The section on the filter.
pub(super) fn section() -> Vec<Block> {
    let mut blocks = vec![
        Block::Section("OPENSMTPD"),
        text(
            "OpenSMTPD 6.6 and later asks through a filter: smtpd starts postgrey \
             opensmtpd-filter, and this asks the running daemon about each recipient. In \
             smtpd.conf, of OpenSMTPD 6 and 7 alike:",
        ),
        example(
            "filter \"greylist\" proc-exec \\\n    \
             \"/usr/sbin/postgrey opensmtpd-filter --inet=10023\"\n\
             listen on eth0 filter \"greylist\"",
        ),
        text(
            "The package has a link to the same program where smtpd looks for filters; then \
             \"filter-postgrey --inet=10023\" is enough. Name the filter only where mail arrives \
             from outside. smtpd does not ask a filter whether a recipient exists: triplets of \
             unknown users are stored as well. Several filters form a chain, in which this one \
             should be the last:",
        ),
        example(
            "filter \"all\" chain { \"rspamd\", \"greylist\" }\n\
             listen on eth0 filter \"all\"",
        ),
        text(
            "Mail from this machine and from authenticated clients passes without asking. A \
             deferred recipient gets 451 4.7.1 and the text of --greylist-text, one of a \
             blacklist 550 5.7.1. With --greylist-action and --blacklist-action, codes from 400 \
             to 599, DEFER, REJECT, WARN and DUNNO work; other actions defer. While the daemon \
             does not answer, mail passes: at once if it cannot be reached, after five seconds \
             if it hangs. smtpd logs one line when it stops answering and one when it answers \
             again.",
        ),
    ];
    blocks.extend(opensmtpd_filter::command().get_arguments().map(options::one));
    blocks.push(item("/usr/libexec/opensmtpd/filter-postgrey", "The link for smtpd, in Debian."));
    blocks
}
