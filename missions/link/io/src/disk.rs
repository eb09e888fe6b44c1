//! Files in one directory as a [`Disk`]. Appended bytes are durable after `sync`, replaced files after `replace`. A file
//! whose name ends in `.key` is made for its owner alone.

use link::journal::{Disk, DiskError};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A directory.
#[derive(Debug)]
pub struct DirDisk {
    dir: PathBuf,
    open: BTreeMap<String, File>,
    _lock: File,
}

fn error(doing: &'static str, file: &str, e: &io::Error) -> DiskError {
    if e.kind() == io::ErrorKind::StorageFull {
        DiskError::Full {
            doing,
            file: file.to_owned(),
        }
    } else {
        DiskError::Io {
            doing,
            file: file.to_owned(),
            detail: e.to_string(),
        }
    }
}

const LOCK: &str = "lock";

impl DirDisk {
    /// Opens (and makes) the directory; at most one process may hold it.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn open(dir: &Path) -> Result<Self, DiskError> {
        let name = dir.display().to_string();
        fs::create_dir_all(dir).map_err(|e| error("making", &name, &e))?;
        let lock = File::create(dir.join(LOCK)).map_err(|e| error("opening", LOCK, &e))?;
        lock.try_lock().map_err(|e| DiskError::Io {
            doing: "locking (is another companion using it?)",
            file: name,
            detail: e.to_string(),
        })?;
        Ok(DirDisk {
            dir: dir.to_owned(),
            open: BTreeMap::new(),
            _lock: lock,
        })
    }
    fn file(&mut self, name: &str) -> Result<&mut File, DiskError> {
        if !self.open.contains_key(name) {
            let f = OpenOptions::new()
                .append(true)
                .create(true)
                .open(self.dir.join(name))
                .map_err(|e| error("opening", name, &e))?;
            self.sync_dir(name)?;
            self.open.insert(name.to_owned(), f);
        }
        self.open.get_mut(name).ok_or_else(|| DiskError::Io {
            doing: "opening",
            file: name.to_owned(),
            detail: "no handle".into(),
        })
    }
    fn sync_dir(&self, name: &str) -> Result<(), DiskError> {
        File::open(&self.dir)
            .and_then(|d| d.sync_all())
            .map_err(|e| error("syncing the directory of", name, &e))
    }
}

impl Disk for DirDisk {
    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.file(name)?
            .write_all(bytes)
            .map_err(|e| error("writing", name, &e))
    }
    fn sync(&mut self, name: &str) -> Result<(), DiskError> {
        self.file(name)?
            .sync_data()
            .map_err(|e| error("syncing", name, &e))
    }
    fn read(&self, name: &str) -> Result<Vec<u8>, DiskError> {
        match fs::read(self.dir.join(name)) {
            Ok(b) => Ok(b),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(e) => Err(error("reading", name, &e)),
        }
    }
    fn replace(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.open.remove(name);
        let aside = self.dir.join(format!("{name}.new"));
        // One that was left half written keeps the rights it was made with.
        let _ = fs::remove_file(&aside);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if name.ends_with(".key") {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        options
            .open(&aside)
            .and_then(|mut f| {
                f.write_all(bytes)?;
                f.sync_all()
            })
            .and_then(|()| fs::rename(&aside, self.dir.join(name)))
            .map_err(|e| error("replacing", name, &e))?;
        self.sync_dir(name)
    }
    fn truncate(&mut self, name: &str, len: u64) -> Result<(), DiskError> {
        self.open.remove(name);
        OpenOptions::new()
            .write(true)
            .open(self.dir.join(name))
            .and_then(|f| {
                f.set_len(len)?;
                f.sync_all()
            })
            .map_err(|e| error("cutting", name, &e))
    }
    fn list(&self) -> Result<Vec<String>, DiskError> {
        let read = fs::read_dir(&self.dir).map_err(|e| error("listing", ".", &e))?;
        let mut names: Vec<String> = read
            .filter_map(Result::ok)
            .filter(|e| e.path().is_file())
            .filter_map(|e| e.file_name().into_string().ok())
            .filter(|n| n != LOCK && !n.ends_with(".new"))
            .collect();
        names.sort();
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_there_after_a_restart_and_only_one_may_write() {
        let dir = tempfile::tempdir().unwrap();
        {
            let mut d = DirDisk::open(dir.path()).unwrap();
            assert!(DirDisk::open(dir.path()).is_err());
            d.append("a", b"one").unwrap();
            d.append("a", b"two").unwrap();
            d.sync("a").unwrap();
            d.replace("b", b"old").unwrap();
            d.replace("b", b"new").unwrap();
        }
        let mut d = DirDisk::open(dir.path()).unwrap();
        assert_eq!(d.read("a").unwrap(), b"onetwo");
        assert_eq!(d.read("b").unwrap(), b"new");
        assert_eq!(d.read("none").unwrap(), b"");
        d.truncate("a", 3).unwrap();
        d.append("a", b"!").unwrap();
        assert_eq!(d.read("a").unwrap(), b"one!");
        assert_eq!(d.list().unwrap(), ["a", "b"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_key_is_its_owners_alone_also_when_it_replaces_one_that_others_could_read() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("link.key");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        let mut d = DirDisk::open(dir.path()).unwrap();
        d.replace("link.key", b"new").unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(d.read("link.key").unwrap(), b"new");
    }
}
