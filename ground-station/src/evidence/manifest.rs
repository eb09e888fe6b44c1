//! The closing manifest: every file of a closed flight with its hash, signed. Written once, when nothing more comes.
//!
//! `manifest.json` has one file a line, so that damage to it can be placed; `manifest.sig` is the bare Ed25519 signature
//! over its bytes: `openssl pkeyutl -verify -rawin` checks it without this program.

use super::chain::{Whole, piece_of, tag};
use super::files::{Files, Found};
use super::key::Signer;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use missions::plan::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sm3::Sm3;

/// The manifest.
pub const MANIFEST: &str = "manifest.json";
/// Its signature, 64 bytes.
pub const SIGNATURE_FILE: &str = "manifest.sig";
/// Named in it.
pub const FORMAT: &str = "patrol-manifest/1";

/// What a manifest says before its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// [`FORMAT`].
    pub format: String,
    /// Identity of the flight, hex.
    pub flight: String,
    /// The station's public key, hex.
    pub key: String,
    /// When it was closed, µs since 1970.
    pub closed_us: i64,
    /// Entries of the chain.
    pub entries: u64,
    /// Hash of the chain's last record, hex.
    pub head: String,
    /// Digests that each file is listed with; older manifests, which do not say it, have the first alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub digests: Vec<String>,
}

/// The digests of a manifest that is made today: that of the chain, and that of the national standard GB/T 32905.
#[must_use]
pub fn digests() -> Vec<String> {
    vec!["sha256".into(), SM3.into()]
}

/// Name of the second digest.
pub const SM3: &str = "sm3";

/// A manifest as it is read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Manifest {
    /// What it says first.
    #[serde(flatten)]
    pub about: About,
    /// Every file but itself, its signature and `*.rrd`.
    pub files: Vec<Whole>,
}

/// Whether a manifest lists a file of this name.
#[must_use]
pub fn is_listed(name: &str) -> bool {
    name != MANIFEST && name != SIGNATURE_FILE && !is_rerun(name)
}

/// The analyst's picture, drawn from the other files: no evidence, and not signed.
#[must_use]
pub fn is_rerun(name: &str) -> bool {
    name.rsplit('.').next() == Some("rrd")
}

/// The manifest's bytes: `about` on the first line, then one file a line. Always the same for the same folder.
///
/// # Errors
/// In plain words.
pub fn bytes(
    about: &About,
    files: &dyn Files,
    pieces: &dyn Fn(&str) -> bool,
) -> Result<Vec<u8>, String> {
    let mut out = serde_json::to_string(about).map_err(|e| e.to_string())?;
    out.pop();
    out.push_str(",\"files\":[\n");
    let mut first = true;
    for f in files.list()? {
        if !is_listed(&f.name) {
            continue;
        }
        if !f.plain {
            return Err(format!("{} is no plain file: it cannot be signed", f.name));
        }
        if !first {
            out.push_str(",\n");
        }
        first = false;
        let with_sm3 = about.digests.iter().any(|d| d == SM3);
        let line = of_file(files, &f, pieces(&f.name), with_sm3)?;
        out.push_str(&serde_json::to_string(&line).map_err(|e| e.to_string())?);
    }
    out.push_str("\n]}\n");
    Ok(out.into_bytes())
}

/// A file's line. Without pieces where the chain places damage better.
///
/// # Errors
/// In plain words, also when the file is changed meanwhile.
pub fn of_file(
    files: &dyn Files,
    f: &Found,
    with_pieces: bool,
    with_sm3: bool,
) -> Result<Whole, String> {
    let piece = piece_of(f.len);
    let (mut hash, mut pieces) = (Sha256::new(), Vec::new());
    let mut second = with_sm3.then(Sm3::new);
    let mut at = 0;
    while at < f.len {
        let bytes = files.read_at(&f.name, at, piece.min(f.len - at))?;
        if bytes.is_empty() {
            return Err(format!("{} became shorter while it was read", f.name));
        }
        hash.update(&bytes);
        if let Some(h) = &mut second {
            h.update(&bytes);
        }
        if with_pieces {
            pieces.extend_from_slice(&tag(&bytes));
        }
        at += bytes.len() as u64;
    }
    Ok(Whole {
        file: f.name.clone(),
        len: f.len,
        sha256: hex(&hash.finalize()),
        piece: if with_pieces { piece } else { 0 },
        pieces: BASE64.encode(pieces),
        sm3: second.map(|h| hex(&h.finalize())),
    })
}

/// The signature's bytes.
#[must_use]
pub fn sign(signer: &Signer, manifest: &[u8]) -> Vec<u8> {
    signer.sign(manifest).to_vec()
}
