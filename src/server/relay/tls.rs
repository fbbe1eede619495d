//! The certificate of the proxy.

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The files of `--smtp-tls-cert` and `--smtp-tls-key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by those of its issuers, as PEM.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl TlsFiles {
    /// Reads the files. TLS 1.2 and 1.3 are supported.
    pub fn read(&self) -> Result<Arc<ServerConfig>, String> {
        let of = |option: &str, file: &Path| {
            let place = format!("--{option}={}", file.display());
            move |error: &dyn std::fmt::Display| format!("{place}: {error}")
        };
        let of_certificate = of("smtp-tls-cert", &self.certificate);
        let certificates: Vec<_> = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect)
            .map_err(|error| of_certificate(&error))?;
        if certificates.is_empty() {
            return Err(of_certificate(&"there is no certificate in it"));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|error| of("smtp-tls-key", &self.key)(&error))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map(|builder| builder.with_no_client_auth())
            .and_then(|builder| builder.with_single_cert(certificates, key))
            .map_err(|error| of_certificate(&error))?;
        Ok(Arc::new(config))
    }
}
