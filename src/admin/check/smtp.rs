//! Errors in the options of the SMTP proxy.

use super::finding::Finding;
use crate::cli::Smtp;
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

/// Returns the findings about the proxy, as the daemon's user sees it.
pub fn lint(smtp: &Smtp) -> Vec<Finding> {
    let files = smtp
        .tls
        .iter()
        .flat_map(|(certificate, key)| [("--smtp-tls-cert", certificate), ("--smtp-tls-key", key)]);
    let mut findings: Vec<Finding> =
        files.filter_map(|(option, file)| unreadable(option, file)).collect();
    if smtp.proxy_protocol.is_none() {
        let problem = "--smtp-proxy-protocol=off: the mail server sees all clients at the address \
                       of the proxy";
        let fix = "let the mail server not relay for that address, as Postfix does for mynetworks";
        findings.push(Finding::warning("no-client-address", problem, fix));
    }
    findings
}

fn unreadable(option: &str, file: &Path) -> Option<Finding> {
    let error = File::open(file).err()?;
    let file = file.display();
    Some(match error.kind() {
        ErrorKind::PermissionDenied => {
            let problem = format!("{option}={file} cannot be read by the daemon's user");
            let fix = "let --user read it; SIGHUP does not renew the certificate otherwise";
            Finding::warning("no-renewal", problem, fix)
        }
        _ => {
            let problem = format!("{option}={file} cannot be read: {error}");
            Finding::error("refused", problem, "name a PEM file")
        }
    })
}
