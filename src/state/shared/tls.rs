//! TLS to the servers.

use crate::state::Error;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;

/// The configuration of connections whose certificate an authority of a file
/// (`--shared-state-ca`), or else of the system, must have signed.
pub fn config(authorities: Option<&Path>) -> Result<Arc<ClientConfig>, Error> {
    let mut roots = RootCertStore::empty();
    let (added, place) = match authorities {
        Some(file) => {
            let place = format!("--shared-state-ca={}", file.display());
            let certificates: Vec<_> = CertificateDer::pem_file_iter(file)
                .and_then(Iterator::collect)
                .map_err(|error| Error::new(format!("{place}: {error}")))?;
            (roots.add_parsable_certificates(certificates).0, place)
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            let place = "the system's certificate authorities".to_owned();
            (roots.add_parsable_certificates(found.certs).0, place)
        }
    };
    if added == 0 {
        return Err(Error::new(format!("{place}: there is no certificate of an authority")));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
