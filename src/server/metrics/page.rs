//! The metrics of a daemon.

use super::text::Page;
use crate::daemon::Log;
use crate::server::engine::Engine;
use crate::server::housekeeping::Housekeeping;
use crate::server::relay::{Relay, RelayStats};
use crate::server::stats::Stats;
use crate::state::{Backend, RemoteStats, Table};
use std::time::UNIX_EPOCH;

/// The parts of a daemon that metrics are read from, between two batches.
pub struct Snapshot<'d> {
    pub engine: &'d Engine,
    pub backend: &'d dyn Backend,
    pub housekeeping: &'d Housekeeping,
    pub log: &'d Log,
    /// The number of open connections of mail servers.
    pub open: usize,
    pub relay: Option<&'d Relay>,
}

/// Returns the page, at a cost that does not grow with records, rules or clients.
pub fn page(snapshot: &Snapshot<'_>) -> String {
    let mut page = Page::default();
    process(&mut page, snapshot);
    decisions(&mut page, snapshot.engine);
    database(&mut page, snapshot);
    if let Some(stats) = snapshot.backend.remote_stats() {
        shared_state(&mut page, stats);
    }
    lists(&mut page, snapshot.engine);
    if let Some(relay) = snapshot.relay {
        smtp(&mut page, relay);
    }
    page.into_text()
}

fn process(page: &mut Page, snapshot: &Snapshot<'_>) {
    let Stats { started, .. } = snapshot.engine.stats;
    let counters = &snapshot.engine.stats.counters;
    page.family("postgrey_build_info", "1, with the version as a label.")
        .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    let help = "Start of the daemon, in seconds since 1970.";
    page.single("postgrey_start_time_seconds", help, started);
    let help = "Connections accepted from mail servers.";
    page.single("postgrey_connections_total", help, counters.connections);
    let help = "Open connections of mail servers.";
    page.single("postgrey_connections_open", help, snapshot.open);
    let help = "Log lines lost because the logger did not read them in time.";
    page.single("postgrey_log_lines_lost_total", help, snapshot.log.lost_ever());
}

fn decisions(page: &mut Page, engine: &Engine) {
    let help = "Requests by action and reason.";
    let family = page.family("postgrey_requests_total", help);
    for (action, reason, number) in engine.stats.counters.requests() {
        family.sample(&[("action", action), ("reason", reason)], number);
    }
    let help = "Time from the first attempt of a mail to its acceptance.";
    page.histogram("postgrey_delay_seconds", help, &engine.stats.delays, 1);
}

fn database(page: &mut Page, snapshot: &Snapshot<'_>) {
    let Stats { commits, batches, failed_commits, .. } = &snapshot.engine.stats;
    let help = "Duration of commits, including the wait for the disk.";
    page.histogram("postgrey_commit_seconds", help, commits, 1_000_000);
    let help = "Replies per commit.";
    page.histogram("postgrey_commit_replies", help, batches, 1);
    let help = "Failed commits; the mail was accepted without greylisting.";
    page.single("postgrey_commit_failures_total", help, failed_commits);
    let help = "1 if the database can be written, otherwise 0.";
    let up = u8::from(snapshot.backend.failure().is_none());
    page.single("postgrey_database_up", help, up);

    let size = snapshot.backend.size();
    if let Some([triplets, clients]) = size.records {
        page.family("postgrey_rows", "Records in the database, including expired ones.")
            .sample(&[("table", Table::Triplets.name())], triplets)
            .sample(&[("table", Table::Clients.name())], clients);
    }
    if let Some(bytes) = size.bytes {
        let help = "Size of the database file.";
        page.single("postgrey_database_bytes", help, bytes);
    }
    if let Some(bytes) = size.disk_free {
        let help = "Bytes that the daemon can still write to the disk of the database.";
        page.single("postgrey_disk_free_bytes", help, bytes);
    }
    if let Some(pass) = snapshot.housekeeping.last_pass() {
        let kept = pass.triplets.kept();
        let help = "Triplets by state, counted by the last clean-up.";
        page.family("postgrey_triplets", help)
            .sample(&[("state", "waiting")], pass.waiting)
            .sample(&[("state", "passed")], kept.saturating_sub(pass.waiting))
            .sample(&[("state", "expired")], pass.triplets.deleted);
    }
}

fn shared_state(page: &mut Page, stats: &RemoteStats) {
    let RemoteStats { latency, conflicts, failures, is_failing } = stats;
    let help = "Time from a request to the answer of the shared state.";
    page.histogram("postgrey_shared_state_seconds", help, latency, 1_000_000);
    let help = "Decisions made again because another host changed the record.";
    page.single("postgrey_shared_state_conflicts_total", help, conflicts);
    let help = "Requests that the shared state did not answer; the mail was accepted.";
    page.single("postgrey_shared_state_failures_total", help, failures);
    let help = "1 while the shared state is not asked because it failed, otherwise 0.";
    let is_failing = u8::from(*is_failing);
    page.single("postgrey_shared_state_circuit_open", help, is_failing);
}

fn lists(page: &mut Page, engine: &Engine) {
    let lists = &engine.lists().summaries;
    let family = page.family("postgrey_list_rules", "Rules of each list in use.");
    for list in lists {
        family.sample(&[("list", list.kind.option())], list.rules);
    }
    let help = "Last change of the newest file of a list in use, in seconds since 1970.";
    let family = page.family("postgrey_list_changed_timestamp_seconds", help);
    for list in lists {
        let since = list.changed.and_then(|changed| changed.duration_since(UNIX_EPOCH).ok());
        if let Some(since) = since {
            family.sample(&[("list", list.kind.option())], since.as_secs());
        }
    }
    let Stats { lists_read, .. } = engine.stats;
    let help = "Last time the lists were read, in seconds since 1970.";
    page.single("postgrey_lists_read_timestamp_seconds", help, lists_read);
    let help = "Reloads of the lists by result.";
    let family = page.family("postgrey_reloads_total", help);
    for (result, number) in engine.stats.reloads() {
        family.sample(&[("result", result)], number);
    }
}

fn smtp(page: &mut Page, relay: &Relay) {
    let RelayStats { connections, turned_away, direct, handed_over, backend_failures, tls } =
        relay.stats();
    let help = "Connections accepted from SMTP clients.";
    page.single("postgrey_smtp_connections_total", help, connections);
    let help = "Open connections of SMTP clients.";
    page.single("postgrey_smtp_connections_open", help, relay.clients());
    let help = "SMTP clients refused by a limit on connections.";
    page.single("postgrey_smtp_refused_total", help, turned_away);
    let help = "SMTP clients connected to the mail server, from the first byte or after a pass.";
    page.family("postgrey_smtp_relayed_total", help)
        .sample(&[("start", "connection")], direct)
        .sample(&[("start", "recipient")], handed_over);
    let help = "Failures to reach the mail server behind the SMTP proxy.";
    page.single("postgrey_smtp_backend_failures_total", help, backend_failures);
    let help = "TLS sessions started with SMTP clients.";
    page.single("postgrey_smtp_tls_total", help, tls);
}
