//! The shell around the evidence: a folder on a real disk, the station's key file, sealing.

mod folder;
mod keyfile;

pub use folder::{Folder, Syncing};
pub use keyfile::{default_path, load_or_make, random};

use super::chain::CHAIN;
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
