//! Where the station's key lies: one file that only its owner may read.

use crate::evidence::key::{Signer, from_hex};
use anyhow::{Context, bail};
use rand::TryRng;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// First line of the file.
const FORMAT: &str = "patrol-station-key/1";

/// The operating system's randomness.
///
/// # Errors
/// When it has none.
pub fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::rngs::SysRng
        .try_fill_bytes(&mut bytes)
        .context("the system gives no random bytes")?;
    Ok(bytes)
}

/// Where the key is kept when nobody says: with the user's other state, not with the flights.
#[must_use]
pub fn default_path() -> PathBuf {
    let state = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".local/state")))
        .filter(|p| p.is_absolute());
    state
        .unwrap_or_else(|| PathBuf::from("patrol-ground"))
        .join("patrol")
        .join("station.key")
}

/// Reads the key; makes it on the first run. Whether it is new is told, so that its fingerprint can be written down.
///
/// # Errors
/// When it cannot be read or made, is damaged, or may be read by others.
pub fn load_or_make(path: &Path) -> anyhow::Result<(Signer, bool)> {
    match fs::read_to_string(path) {
        Ok(text) => {
            private(path)?;
            let seed = text
                .strip_prefix(FORMAT)
                .and_then(|rest| from_hex(rest.trim()))
                .and_then(|b| <[u8; 32]>::try_from(b).ok())
                .with_context(|| {
                    format!(
                        "{} is no station key: it is damaged, or another file",
                        path.display()
                    )
                })?;
            Ok((Signer::from_seed(&seed), false))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let signer = Signer::from_seed(&random()?);
            let made = make(path, &signer)
                .with_context(|| format!("making the key {}", path.display()))?;
            if made {
                Ok((signer, true))
            } else {
                // Another process was faster: its key is the station's.
                load_or_make(path)
            }
        }
        Err(e) => Err(e).with_context(|| format!("reading the key {}", path.display())),
    }
}

/// Makes the file, whole or not at all; `false` when there is one already.
fn make(path: &Path, signer: &Signer) -> anyhow::Result<bool> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{}", missions::plan::hex(&random::<8>()?)));
    let aside = PathBuf::from(aside);
    let mut f = options.open(&aside)?;
    let written = writeln!(f, "{FORMAT} {}", missions::plan::hex(&signer.seed()))
        .and_then(|()| f.sync_all())
        // Unlike a rename, a link never goes over a key that another process made meanwhile.
        .and_then(|()| fs::hard_link(&aside, path));
    let _ = fs::remove_file(&aside);
    match written {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// A key that others may read signs nothing.
fn private(path: &Path) -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path)?.permissions().mode();
        if mode & 0o077 != 0 {
            bail!(
                "{} may be read by others (mode {:o}): make it yours alone (chmod 600), and ask who had it",
                path.display(),
                mode & 0o777
            );
        }
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_first_run_makes_a_key_that_only_its_owner_reads() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state/station.key");
        let (first, new) = load_or_make(&path).unwrap();
        assert!(new);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let (again, new) = load_or_make(&path).unwrap();
        assert!(!new);
        assert_eq!(first.public(), again.public());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(load_or_make(&path).is_err(), "others may read it");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "patrol-station-key/1 12\n").unwrap();
        assert!(load_or_make(&path).is_err(), "damaged: never replaced");
        let other = dir.path().join("b.key");
        assert!(
            !make(&path, &first).unwrap(),
            "never over one that is there"
        );
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "patrol-station-key/1 12\n"
        );
        assert_ne!(load_or_make(&other).unwrap().0.public(), first.public());
    }
}
