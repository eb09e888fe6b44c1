//! The file of people on a disk: only its owner may read it, it is written whole or not at all, and two programs that
//! write at once wait for each other.

use super::store::People;
use crate::evidence::io::random;
use anyhow::{Context, bail};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Largest file that is read, bytes.
const MAX_FILE: u64 = 1 << 20;
/// Another program is waited for so long: it reads and writes one small file.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// The lock is looked at this often meanwhile.
const LOCK_LOOK: Duration = Duration::from_millis(5);

/// Where people are kept when nobody says: beside the station's key.
#[must_use]
pub fn default_path() -> PathBuf {
    crate::evidence::io::default_path().with_file_name("people.json")
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Options of a file that only its owner may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The file, and nobody else's while this lives.
#[derive(Debug)]
pub struct Held {
    path: PathBuf,
    _lock: File,
}

/// Reads the file; no file is nobody.
///
/// # Errors
/// When it cannot be read, is damaged, or others may read it.
pub fn read(path: &Path) -> anyhow::Result<People> {
    let meta = match fs::metadata(path) {
        Ok(m) => m,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(People::default()),
        Err(e) => return Err(e).with_context(|| format!("reading {}", path.display())),
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if meta.permissions().mode() & 0o077 != 0 {
            bail!(
                "{}: others may read or write it; give it to its owner alone (chmod 600)",
                path.display()
            );
        }
    }
    if meta.len() > MAX_FILE {
        bail!("{} is too large to be a list of people", path.display());
    }
    let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    People::from_json(&bytes)
        .map_err(|e| anyhow::anyhow!("{} is no list of people: {e}", path.display()))
}

/// Takes the file for one reading and writing; waits while another program has it, but not longer than [`LOCK_WAIT`].
///
/// # Errors
/// When its folder or its lock cannot be made, or another program does not let go of it.
#[expect(
    clippy::disallowed_methods,
    reason = "a shell: a lock is waited for by the real clock"
)]
pub fn hold(path: &Path) -> anyhow::Result<Held> {
    if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
    }
    let lock = private()
        .create(true)
        .truncate(false)
        .open(beside(path, ".lock"))
        .with_context(|| format!("the lock of {}", path.display()))?;
    let mut waited = Duration::ZERO;
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if waited < LOCK_WAIT => {
                std::thread::sleep(LOCK_LOOK);
                waited += LOCK_LOOK;
            }
            Err(TryLockError::WouldBlock) => bail!(
                "{}: another program has held it for {} s; end it (the lock is {})",
                path.display(),
                LOCK_WAIT.as_secs(),
                beside(path, ".lock").display()
            ),
            Err(TryLockError::Error(e)) => {
                return Err(e).with_context(|| format!("the lock of {}", path.display()));
            }
        }
    }
    Ok(Held {
        path: path.to_owned(),
        _lock: lock,
    })
}

impl Held {
    /// Reads it.
    ///
    /// # Errors
    /// As [`read`].
    pub fn read(&self) -> anyhow::Result<People> {
        read(&self.path)
    }

    /// Writes it: aside, synced, renamed, the folder synced.
    ///
    /// # Errors
    /// When it is not on the disk; what was there before still is.
    pub fn write(&self, people: &People) -> anyhow::Result<()> {
        let path = &self.path;
        let aside = beside(path, &format!(".{}", missions::plan::hex(&random::<8>()?)));
        let written = private().create_new(true).open(&aside).and_then(|mut f| {
            f.write_all(&people.to_json())?;
            f.sync_all()?;
            fs::rename(&aside, path)?;
            match path.parent().filter(|p| !p.as_os_str().is_empty()) {
                Some(folder) => File::open(folder)?.sync_all(),
                None => File::open(".")?.sync_all(),
            }
        });
        if written.is_err() {
            let _ = fs::remove_file(&aside);
        }
        written.with_context(|| format!("writing {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::Role;
    use missions::time::Utc;

    #[test]
    fn it_is_written_whole_for_its_owner_alone_and_two_writers_lose_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state/people.json");
        assert_eq!(read(&path).unwrap(), People::default());
        let add = |name: &str| {
            let held = hold(&path).unwrap();
            let mut people = held.read().unwrap();
            people
                .add(name, [Role::Viewer].into(), "c", Utc(1))
                .unwrap();
            held.write(&people).unwrap();
        };
        std::thread::scope(|s| {
            for t in 0..4 {
                s.spawn(move || (0..5).for_each(|n| add(&format!("p{t}-{n}"))));
            }
        });
        assert_eq!(read(&path).unwrap().list().len(), 20);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |m| std::fs::set_permissions(&path, PermissionsExt::from_mode(m)).unwrap();
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
            mode(0o640);
            assert!(read(&path).unwrap_err().to_string().contains("chmod 600"));
            mode(0o600);
        }
        fs::write(&path, "{").unwrap();
        assert!(read(&path).is_err(), "damaged");
        // Nothing was left aside.
        let names = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(names, 2, "the file and its lock");
    }
}
