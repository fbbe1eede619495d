//! Answers to what tools ask about records.

use crate::greylist::{self, Selection};
use crate::session::control::{
    Reply, Request, Scan, metadata_lines, record_lines, slice_lines, totals_lines,
};
use crate::state::{Error, Inspect};

/// Answers a request about records at `now`, in seconds since the epoch; `None`
/// if it is about something else.
pub fn answer(request: &Request, state: &mut (impl Inspect + ?Sized), now: i64) -> Option<Reply> {
    let lines = match request {
        Request::Metadata => state.metadata().map(|metadata| metadata_lines(&metadata)),
        Request::Totals => state.totals().map(totals_lines),
        Request::Record(table, key) => {
            state.record(*table, key).map(|record| record_lines(record.as_deref()))
        }
        Request::Scan(scan) => return Some(slice(scan, state, now)),
        _ => return None,
    };
    Some(lines.map_err(|error| error.to_string()))
}

fn slice(scan: &Scan, state: &mut (impl Inspect + ?Sized), now: i64) -> Reply {
    let explain = |error: Error| error.to_string();
    let policy = greylist::policy(&state.metadata().map_err(explain)?);
    let selection = Selection::new(&policy, scan.table, &scan.filter)?;
    let position = scan.position.as_deref();
    let slice = state.slice(scan.table, selection.prefix(), position).map_err(explain)?;
    Ok(slice_lines(&slice, |key, text| selection.lets_through(key, text, now)))
}
