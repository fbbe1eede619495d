//! Which metrics there are.

use super::text::{Kind, Page};
use crate::daemon::Log;
use crate::lists::Files;
use crate::server::engine::Engine;
use crate::server::housekeeping::Housekeeping;
use crate::server::relay::{Relay, RelayStats};
use crate::server::stats::Stats;
use crate::state::{Backend, Table};
use std::time::UNIX_EPOCH;

/// What is to be seen of a daemon between two turns.
pub struct Snapshot<'d> {
    /// Decisions and measures.
    pub engine: &'d Engine,
    /// The state.
    pub backend: &'d dyn Backend,
    /// What the clean-up has seen.
    pub housekeeping: &'d Housekeeping,
    /// The log.
    pub log: &'d Log,
    /// Connections of mail servers that are open.
    pub open: usize,
    /// The SMTP proxy, if there is one.
    pub relay: Option<&'d Relay>,
}

/// The page. What it costs does not grow with entries, rules or clients.
pub fn page(sight: &Snapshot<'_>, files: &Files) -> String {
    let mut page = Page::default();
    process(&mut page, sight);
    decisions(&mut page, sight.engine);
    database(&mut page, sight);
    lists(&mut page, sight.engine, files);
    if let Some(relay) = sight.relay {
        smtp(&mut page, relay);
    }
    page.into_text()
}

fn process(page: &mut Page, sight: &Snapshot<'_>) {
    let Stats { started, .. } = sight.engine.stats;
    let counters = &sight.engine.stats.counters;
    page.family("postgrey_build_info", Kind::Gauge, "The version, as a label.")
        .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    let help = "When the daemon started, in seconds since 1970.";
    page.single("postgrey_start_time_seconds", Kind::Gauge, help, started);
    let help = "Connections of mail servers that were accepted.";
    page.single("postgrey_connections_total", Kind::Counter, help, counters.connections);
    let help = "Connections of mail servers that are open.";
    page.single("postgrey_connections_open", Kind::Gauge, help, sight.open);
    let help = "Log lines that nobody took in time.";
    page.single("postgrey_log_lines_lost_total", Kind::Counter, help, sight.log.lost_ever());
}

fn decisions(page: &mut Page, engine: &Engine) {
    let help = "Requests, by what became of them and why.";
    let family = page.family("postgrey_requests_total", Kind::Counter, help);
    for (action, reason, number) in engine.stats.counters.requests() {
        family.sample(&[("action", action), ("reason", reason)], number);
    }
    let help = "Time from the first attempt of a mail to its first pass.";
    page.histogram("postgrey_delay_seconds", help, &engine.stats.delays, 1);
}

fn database(page: &mut Page, sight: &Snapshot<'_>) {
    let Stats { commits, batches, failed_commits, .. } = &sight.engine.stats;
    let help = "Time that commits took, with the wait for the disk.";
    page.histogram("postgrey_commit_seconds", help, commits, 1_000_000);
    let help = "Replies that shared a commit.";
    page.histogram("postgrey_commit_replies", help, batches, 1);
    let help = "Commits that the disk did not take; mail passed instead.";
    page.single("postgrey_commit_failures_total", Kind::Counter, help, failed_commits);
    let help = "Whether the database takes writes.";
    let up = u8::from(sight.backend.failure().is_none());
    page.single("postgrey_database_up", Kind::Gauge, help, up);

    let size = sight.backend.size();
    if let Some([triplets, clients]) = size.records {
        page.family("postgrey_rows", Kind::Gauge, "Rows of the database, the too old included.")
            .sample(&[("table", Table::Triplets.name())], triplets)
            .sample(&[("table", Table::Clients.name())], clients);
    }
    if let Some(bytes) = size.bytes {
        let help = "Length of the database file.";
        page.single("postgrey_database_bytes", Kind::Gauge, help, bytes);
    }
    if let Some(bytes) = size.disk_free {
        let help = "Bytes that the daemon may still use on the database's disk.";
        page.single("postgrey_disk_free_bytes", Kind::Gauge, help, bytes);
    }
    if let Some(lap) = sight.housekeeping.last_lap() {
        let kept = lap.triplets.before.saturating_sub(lap.triplets.deleted);
        let help = "Triplets by state, as the last walk of the clean-up found them.";
        page.family("postgrey_triplets", Kind::Gauge, help)
            .sample(&[("state", "waiting")], lap.waiting)
            .sample(&[("state", "passed")], kept.saturating_sub(lap.waiting))
            .sample(&[("state", "expired")], lap.triplets.deleted);
    }
}

fn lists(page: &mut Page, engine: &Engine, files: &Files) {
    let names = files.by_option().map(|(list, _, _)| list);
    let family =
        page.family("postgrey_list_rules", Kind::Gauge, "Rules of the lists that are in use.");
    for (list, rules) in names.into_iter().zip(engine.lists().sizes()) {
        family.sample(&[("list", list)], rules);
    }
    let help = "When a list's newest file was changed that is in use, in seconds since 1970.";
    let family = page.family("postgrey_list_changed_timestamp_seconds", Kind::Gauge, help);
    for (list, changed) in names.into_iter().zip(engine.lists().changed) {
        let since = changed.and_then(|changed| changed.duration_since(UNIX_EPOCH).ok());
        if let Some(since) = since {
            family.sample(&[("list", list)], since.as_secs());
        }
    }
    let Stats { lists_read, .. } = engine.stats;
    let help = "When the lists were read, in seconds since 1970.";
    page.single("postgrey_lists_read_timestamp_seconds", Kind::Gauge, help, lists_read);
    let help = "How often the lists were to be read anew, by how it went.";
    let family = page.family("postgrey_reloads_total", Kind::Counter, help);
    for (result, number) in engine.stats.reloads() {
        family.sample(&[("result", result)], number);
    }
}

fn smtp(page: &mut Page, relay: &Relay) {
    let RelayStats { connections, turned_away, direct, handed_over, backend_failures, tls } =
        relay.stats();
    let help = "SMTP clients that were accepted.";
    page.single("postgrey_smtp_connections_total", Kind::Counter, help, connections);
    let help = "SMTP clients that are connected.";
    page.single("postgrey_smtp_connections_open", Kind::Gauge, help, relay.clients());
    let help = "SMTP clients refused by a limit on connections.";
    page.single("postgrey_smtp_refused_total", Kind::Counter, help, turned_away);
    let help = "SMTP clients connected to the mail server, from the first byte or after a pass.";
    page.family("postgrey_smtp_relayed_total", Kind::Counter, help)
        .sample(&[("start", "connection")], direct)
        .sample(&[("start", "recipient")], handed_over);
    let help = "Failures to reach the mail server behind the SMTP proxy.";
    page.single("postgrey_smtp_backend_failures_total", Kind::Counter, help, backend_failures);
    let help = "TLS sessions begun with SMTP clients.";
    page.single("postgrey_smtp_tls_total", Kind::Counter, help, tls);
}
