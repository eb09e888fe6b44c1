//! The shell around the evidence: a folder on a real disk, the station's key file, sealing.

mod keyfile;

pub use keyfile::{default_path, load_or_make, random};
pub use link_io::{Folder, Syncing};

use super::chain::CHAIN;
use super::files::{Files, Found};
use super::key::Signer;
use super::seal;
use anyhow::Context;
use std::path::Path;

/// Writes the closing manifest of a flight's folder: for a caller whose last files come after the recorder's.
///
/// # Errors
/// When the folder holds no closed record, or cannot be read or written.
pub fn seal_folder(dir: &Path, signer: &Signer) -> anyhow::Result<()> {
    let mut folder = Folder::open(dir, Syncing::Always)?;
    let read_only = folder.read_only();
    let sealed = seal(&read_only, signer)
        .map_err(|e| anyhow::anyhow!("{}: {e}", dir.join(CHAIN).display()))?;
    sealed
        .write(&mut folder)
        .with_context(|| format!("writing the closing manifest in {}", dir.display()))
}

impl Files for Folder {
    fn list(&self) -> Result<Vec<Found>, String> {
        let found = self
            .files()
            .map_err(|e| format!("{}: {e}", self.dir().display()))?;
        Ok(found
            .into_iter()
            .map(|f| Found {
                name: f.name,
                len: f.len,
                plain: f.plain,
            })
            .collect())
    }
    fn read_at(&self, file: &str, from: u64, len: u64) -> Result<Vec<u8>, String> {
        Folder::read_at(self, file, from, len).map_err(|e| format!("reading {file}: {e}"))
    }
}
