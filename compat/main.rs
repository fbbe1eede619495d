//! Proof of compatibility: one body of cases, two programs.
//!
//! Each case runs on Debian's `postgrey` 1.37 and on ours, through the same
//! client, in temporary directories. Both are held to the case's expectation and
//! compared in everything that an administrator, a script or Postfix can see.
//! With `POSTGREY_UNDER_TEST=theirs` or `=ours` only one of them runs.
//!
//! `BEHAVIOUR.md` lists the facts and names the cases that prove them.
//! `compat/check` runs everything; root is needed, because the original changes
//! to another user.

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
