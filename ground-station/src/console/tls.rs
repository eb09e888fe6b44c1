//! TLS for the page: a certificate of our own, made on the first run and kept, or one that was given. Its fingerprint is
//! what an officer compares with the browser's.

use anyhow::{Context, bail};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use sha2::{Digest, Sha256};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// Our own, in this file; made when absent, for these names and addresses beside this machine's loopback.
    Own {
        /// Certificate and key, PEM.
        file: PathBuf,
        /// Names and addresses.
        names: Vec<String>,
    },
    /// Somebody gave it.
    Given {
        /// Certificate and those that signed it, PEM.
        cert: PathBuf,
        /// Its key, PEM.
        key: PathBuf,
    },
}

/// A certificate that can serve.
#[derive(Clone)]
pub struct Identity {
    pub(super) config: Arc<ServerConfig>,
    /// SHA-256 of the certificate, as browsers show it.
    pub fingerprint: String,
    /// Made in this run.
    pub new: bool,
    /// Signed by others: browsers may be told to insist on TLS from now on.
    pub given: bool,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({})", self.fingerprint)
    }
}

/// Reads the certificate; makes our own on the first run.
///
/// # Errors
/// When it cannot be read or made, or key and certificate do not belong together.
pub fn identity(from: &Certificate) -> anyhow::Result<Identity> {
    let (cert, key, new, given) = match from {
        Certificate::Own { file, names } => {
            let new = !file.exists();
            if new {
                make(file, names)
                    .with_context(|| format!("making the certificate {}", file.display()))?;
            }
            (file, file, new, false)
        }
        Certificate::Given { cert, key } => (cert, key, false, true),
    };
    private(key)?;
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("{} is no certificate in PEM", cert.display()))?;
    let Some(first) = chain.first() else {
        bail!("{} holds no certificate", cert.display());
    };
    if let Certificate::Own { file, names } = from {
        covers(first, file, names)?;
    }
    let fingerprint = fingerprint(first);
    let key = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("{} is no private key in PEM", key.display()))?;
    // The provider is named here: nothing else in this process may choose it for us. TLS 1.2 and 1.3 only.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS")?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("certificate and key do not belong together")?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Identity {
        config: Arc::new(config),
        fingerprint,
        new,
        given,
    })
}

/// A name that was given later is not in a certificate that was made before it.
fn covers(cert: &CertificateDer<'_>, file: &Path, names: &[String]) -> anyhow::Result<()> {
    let parsed = rustls::server::ParsedCertificate::try_from(cert)
        .with_context(|| format!("{} is no certificate", file.display()))?;
    for name in names {
        let asked = ServerName::try_from(name.as_str())
            .with_context(|| format!("{name} is neither a name nor an address"))?;
        rustls::client::verify_server_name(&parsed, &asked).with_context(|| {
            format!(
                "the certificate {} was made before and is not for {name}: move it away, and one for all names is made; \
                 browsers will ask to trust its new fingerprint",
                file.display()
            )
        })?;
    }
    Ok(())
}

fn fingerprint(cert: &CertificateDer<'_>) -> String {
    let pairs: Vec<String> = Sha256::digest(cert.as_ref())
        .iter()
        .map(|b| format!("{b:02X}"))
        .collect();
    pairs.join(":")
}

/// A key that others may read protects nothing.
fn private(path: &Path) -> anyhow::Result<()> {
    let meta = fs::metadata(path).with_context(|| format!("reading {}", path.display()))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if meta.permissions().mode() & 0o077 != 0 {
            bail!(
                "{}: others may read this key; give it to its owner alone (chmod 600)",
                path.display()
            );
        }
    }
    let _ = meta;
    Ok(())
}

fn pem(what: &str, der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut out = format!("-----BEGIN {what}-----\n");
    for line in text.as_bytes().chunks(64) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out.push_str(&format!("-----END {what}-----\n"));
    out
}

fn make(file: &Path, names: &[String]) -> anyhow::Result<()> {
    use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
    let key = KeyPair::generate()?;
    let mut all: Vec<String> = ["localhost", "127.0.0.1", "::1"]
        .map(str::to_owned)
        .to_vec();
    all.extend(names.iter().cloned());
    let mut params = CertificateParams::new(all)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "patrol ground station");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // No clock is asked: a station whose clock is wrong must still be reachable. Who trusts it compares the fingerprint.
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2045, 1, 1);
    let cert = params.self_signed(&key)?;
    let text = pem("CERTIFICATE", cert.der()) + &pem("PRIVATE KEY", &key.serialize_der());
    if let Some(parent) = file.parent().filter(|p| !p.as_os_str().is_empty()) {
        fs::create_dir_all(parent)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut aside = file.as_os_str().to_owned();
    aside.push(".part");
    let aside = PathBuf::from(aside);
    let _ = fs::remove_file(&aside);
    let mut f = options.open(&aside)?;
    f.write_all(text.as_bytes())?;
    f.sync_all()?;
    fs::rename(&aside, file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_certificate_is_made_once_and_kept_and_a_wrong_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let own = |name: &str| Certificate::Own {
            file: dir.path().join(name),
            names: vec!["patrol.example".into(), "10.0.0.7".into()],
        };
        let first = identity(&own("a.pem")).unwrap();
        assert!(first.new);
        assert_eq!(first.fingerprint.len(), 32 * 3 - 1);
        let again = identity(&own("a.pem")).unwrap();
        assert_eq!(
            (again.new, again.fingerprint),
            (false, first.fingerprint.clone())
        );
        // A name that came later is not passed over.
        let more = Certificate::Own {
            file: dir.path().join("a.pem"),
            names: vec!["patrol.example".into(), "desk.example".into()],
        };
        let e = identity(&more).unwrap_err().to_string();
        assert!(e.contains("desk.example") && e.contains("a.pem"), "{e}");
        let other = identity(&own("b.pem")).unwrap();
        assert_ne!(other.fingerprint, first.fingerprint);
        let mixed = Certificate::Given {
            cert: dir.path().join("a.pem"),
            key: dir.path().join("b.pem"),
        };
        assert!(identity(&mixed).is_err());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(dir.path().join("a.pem"), PermissionsExt::from_mode(0o644))
                .unwrap();
            let e = identity(&own("a.pem")).unwrap_err().to_string();
            assert!(e.contains("chmod 600"), "{e}");
        }
    }
}
