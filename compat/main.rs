//! Proof that nobody will notice: one body of cases, two programs.
//!
//! Each case runs on Debian's `postgrey` 1.37 and on ours, through the same
//! client, in temporary directories. Both are held to what the case expects and
//! compared in all that an administrator, a script or Postfix can see. With
//! `POSTGREY_UNDER_TEST=theirs` or `=ours` one of them runs alone.
//!
//! `BEHAVIOUR.md` beside this file lists the facts and names the cases that
//! prove them. Run `compat/check` for all of it; root is needed, because the
//! original changes to a user of its own.

mod attributes;
mod auto_whitelist;
mod background;
mod background_starts;
mod berkeley;
mod case;
mod catalogue;
mod database;
mod mail;
mod normalise;
mod patterns;
mod process;
mod server;
mod sockets;
mod stories;

mod broken_lists;
mod decisions;
mod import;
mod keys;
mod list_directories;
mod list_files;
mod listening;
mod listening_places;
mod listening_unix;
mod maintenance;
mod options;
mod original_tests;
mod policy_test;
mod protocol;
mod random_options;
mod random_requests;
mod random_whitelists;
mod report;
mod report_day;
mod report_differences;
mod report_dns;
mod report_formats;
mod report_random;
mod shipped_lists;
mod syslog;
mod texts;
mod values;
mod whitelists;
