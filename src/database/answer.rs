//! Requests about records, and the replies to them.

use crate::greylist::{Policy, Selection};
use crate::session::control::{
    Scan, ToolReply, ToolRequest, metadata_lines, record_lines, slice_lines, totals_lines,
};
use crate::state::{Found, Query};

/// Returns the query that answers a request; `None` if the request is not about
/// records. The policy is that of the records' metadata.
pub fn query(request: &ToolRequest, policy: &Policy) -> Option<Result<Query, String>> {
    Some(match request {
        ToolRequest::Metadata => Ok(Query::Metadata),
        ToolRequest::Totals => Ok(Query::Totals),
        ToolRequest::Record(table, key) => Ok(Query::Record(*table, key.clone())),
        ToolRequest::Scan(Scan { table, filter, position }) => {
            Selection::new(policy, *table, filter).map(|selection| Query::Slice {
                table: *table,
                prefix: selection.prefix().to_vec(),
                position: position.clone(),
            })
        }
        _ => return None,
    })
}

/// The reply to a request whose query found this. Records are filtered at `now`,
/// in seconds since the epoch.
pub fn reply(request: &ToolRequest, policy: &Policy, found: Found, now: i64) -> ToolReply {
    Ok(match (found, request) {
        (Found::Metadata(metadata), _) => metadata_lines(&metadata),
        (Found::Totals(totals), _) => totals_lines(totals),
        (Found::Record(record), _) => record_lines(record.as_deref()),
        (Found::Slice(slice), ToolRequest::Scan(scan)) => {
            let selection = Selection::new(policy, scan.table, &scan.filter)?;
            slice_lines(&slice, |key, text| selection.lets_through(key, text, now))
        }
        (Found::Slice(_), _) => return Err("a slice that was not asked for".to_owned()),
    })
}
