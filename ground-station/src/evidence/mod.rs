//! A flight's record as evidence: the chain beside its files, the station's key, the closing manifest, the verifier, the
//! exports. `docs/record.md` is the format and the reason for it.
//!
//! Cores, but for `io`. There is no call that deletes.

pub mod campaign;
pub mod crash;
pub mod export;
pub mod files;
pub mod io;
pub mod manifest;
pub mod verify;

pub use link::record::{chain, heads, key};

use chain::CHAIN;
use files::Files;
use key::Signer;
use link::journal::{Disk, DiskError};
use std::collections::BTreeSet;

/// A closing manifest that is not written yet.
#[derive(Clone, Debug)]
pub struct Sealed {
    manifest: Vec<u8>,
    signature: Vec<u8>,
}

impl Sealed {
    /// Writes manifest and signature.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn write(&self, disk: &mut dyn Disk) -> Result<(), DiskError> {
        // The signature first: an accident in between leaves a record that is not sealed, and never a manifest that looks
        // as if somebody had taken its signature away.
        disk.replace(manifest::SIGNATURE_FILE, &self.signature)?;
        disk.replace(manifest::MANIFEST, &self.manifest)
    }
}

/// Makes the closing manifest of a folder whose chain is closed. Every file is read.
///
/// # Errors
/// In plain words: the chain is not closed, or is not this station's, or a file cannot be read.
pub fn seal(files: &dyn Files, signer: &Signer) -> Result<Sealed, String> {
    let len = files
        .list()?
        .iter()
        .find(|f| f.name == CHAIN)
        .map(|f| f.len)
        .ok_or("there is no chain")?;
    let told = verify::closing(&files.read_at(CHAIN, 0, len)?, signer)?;
    let about = manifest::About {
        format: manifest::FORMAT.into(),
        flight: told.flight,
        key: signer.public().hex(),
        closed_us: told.t_us,
        entries: told.entries,
        head: told.head,
        digests: manifest::digests(),
    };
    let grown: BTreeSet<String> = told.grown;
    let manifest = manifest::bytes(&about, files, &|f| !grown.contains(f))?;
    Ok(Sealed {
        signature: manifest::sign(signer, &manifest),
        manifest,
    })
}
