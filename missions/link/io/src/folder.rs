//! A flight's folder as a [`Disk`] to write, and to be listed and read in parts. Names hold `/`; nothing leaves the folder.

use link::journal::{Disk, DiskError};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Component, Path, PathBuf};

/// Depth of folders that is looked into.
const MAX_DEPTH: usize = 8;
/// Written aside under this ending, then renamed.
const ASIDE: &str = "part";

/// When bytes are made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syncing {
    /// Whenever the recorder says so.
    Always,
    /// When the folder is closed: in virtual time, where a second takes a millisecond and nothing is acknowledged.
    AtEnd,
}

/// A name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// With `/` between folders.
    pub name: String,
    /// Bytes.
    pub len: u64,
    /// A file. Links and devices are none: what they hold can change without the folder.
    pub plain: bool,
}

/// A folder.
#[derive(Debug)]
pub struct Folder {
    dir: PathBuf,
    syncing: Syncing,
    open: BTreeMap<String, File>,
}

fn error(doing: &'static str, file: &str, e: &io::Error) -> DiskError {
    let file = file.to_owned();
    if e.kind() == io::ErrorKind::StorageFull {
        DiskError::Full { doing, file }
    } else {
        DiskError::Io {
            doing,
            file,
            detail: e.to_string(),
        }
    }
}

impl Folder {
    /// Opens it; makes it when absent.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(dir: &Path, syncing: Syncing) -> Result<Folder, DiskError> {
        fs::create_dir_all(dir)
            .map_err(|e| error("making the folder", &dir.display().to_string(), &e))?;
        Ok(Folder {
            dir: dir.to_owned(),
            syncing,
            open: BTreeMap::new(),
        })
    }

    /// The same folder, to be read while this one writes.
    #[must_use]
    pub fn read_only(&self) -> Folder {
        Folder {
            dir: self.dir.clone(),
            syncing: self.syncing,
            open: BTreeMap::new(),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Everything in it and below, sorted by name.
    ///
    /// # Errors
    /// The system's.
    pub fn files(&self) -> io::Result<Vec<Listed>> {
        let mut out = Vec::new();
        list_into(&self.dir, "", 0, &mut out)?;
        out.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(out)
    }

    /// Bytes of a file; fewer where it ends.
    ///
    /// # Errors
    /// The system's, and when the name leaves the folder.
    pub fn read_at(&self, file: &str, from: u64, len: u64) -> io::Result<Vec<u8>> {
        let mut f = File::open(self.path(file)?)?;
        f.seek(io::SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        f.take(len).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn path(&self, name: &str) -> io::Result<PathBuf> {
        let path = Path::new(name);
        let plain = path.components().all(|c| matches!(c, Component::Normal(_)));
        if name.is_empty() || !plain {
            return Err(io::Error::other("a name that leaves the folder"));
        }
        Ok(self.dir.join(path))
    }

    fn file(&mut self, name: &str) -> io::Result<&mut File> {
        if !self.open.contains_key(name) {
            let path = self.path(name)?;
            let new = !path.exists();
            let f = OpenOptions::new().append(true).create(true).open(&path)?;
            if new {
                self.sync_folder(&path)?;
            }
            self.open.insert(name.to_owned(), f);
        }
        self.open
            .get_mut(name)
            .ok_or_else(|| io::Error::other("no handle"))
    }

    /// The names themselves must survive a power cut too. Where a folder cannot be opened, the system sees to it.
    fn sync_folder(&self, of: &Path) -> io::Result<()> {
        if self.syncing == Syncing::AtEnd {
            return Ok(());
        }
        match of.parent().map(File::open) {
            Some(Ok(d)) => d.sync_all(),
            _ => Ok(()),
        }
    }

    fn write_whole(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.open.remove(name);
        let path = self.path(name)?;
        if let Some(parent) = path.parent()
            && !parent.exists()
        {
            fs::create_dir_all(parent)?;
            self.sync_folder(parent)?;
        }
        let mut aside = path.clone().into_os_string();
        aside.push(".");
        aside.push(ASIDE);
        let aside = PathBuf::from(aside);
        let written = File::create(&aside).and_then(|mut f| {
            f.write_all(bytes)?;
            if self.syncing == Syncing::Always {
                f.sync_all()?;
            }
            fs::rename(&aside, &path)
        });
        if written.is_err() {
            // Half a file must not stay beside the evidence.
            let _ = fs::remove_file(&aside);
        }
        written?;
        self.sync_folder(&path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.syncing == Syncing::AtEnd {
            for f in self.open.values() {
                let _ = f.sync_all();
            }
        }
    }
}

impl Disk for Folder {
    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.file(name)
            .and_then(|f| f.write_all(bytes))
            .map_err(|e| error("writing", name, &e))
    }
    fn sync(&mut self, name: &str) -> Result<(), DiskError> {
        if self.syncing == Syncing::AtEnd {
            return Ok(());
        }
        self.file(name)
            .and_then(|f| f.sync_data())
            .map_err(|e| error("syncing", name, &e))
    }
    fn read(&self, name: &str) -> Result<Vec<u8>, DiskError> {
        match self.path(name).and_then(fs::read) {
            Ok(b) => Ok(b),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(e) => Err(error("reading", name, &e)),
        }
    }
    fn replace(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.write_whole(name, bytes)
            .map_err(|e| error("replacing", name, &e))
    }
    fn truncate(&mut self, name: &str, len: u64) -> Result<(), DiskError> {
        self.open.remove(name);
        self.path(name)
            .and_then(|p| OpenOptions::new().write(true).open(p))
            .and_then(|f| {
                f.set_len(len)?;
                f.sync_all()
            })
            .map_err(|e| error("cutting", name, &e))
    }
    fn list(&self) -> Result<Vec<String>, DiskError> {
        let found = self.files().map_err(|e| error("listing", ".", &e))?;
        Ok(found.into_iter().map(|f| f.name).collect())
    }
}

/// Everything below a folder. Links are named and not followed.
fn list_into(dir: &Path, before: &str, depth: usize, out: &mut Vec<Listed>) -> io::Result<()> {
    if depth > MAX_DEPTH {
        return Err(io::Error::other("the folders are nested too deeply"));
    }
    for e in fs::read_dir(dir)? {
        let e = e?;
        // A name that is no text cannot be ours; it is shown as well as it can be.
        let name = format!("{before}{}", e.file_name().to_string_lossy());
        let meta = fs::symlink_metadata(e.path())?;
        if meta.is_dir() {
            list_into(&e.path(), &format!("{name}/"), depth + 1, out)?;
        } else {
            out.push(Listed {
                name,
                len: meta.len(),
                plain: meta.is_file(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_it_wrote_and_nothing_leaves_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut f = Folder::open(dir.path(), Syncing::Always).unwrap();
        f.append("a", b"one").unwrap();
        f.append("a", b"two").unwrap();
        f.sync("a").unwrap();
        f.replace("pictures/x.jpg", b"jpeg").unwrap();
        f.truncate("a", 4).unwrap();
        f.append("a", b"!").unwrap();
        assert_eq!(f.read_at("a", 1, 3).unwrap(), b"net");
        assert_eq!(f.read_at("a", 4, 30).unwrap(), b"!");
        let names: Vec<String> = f.files().unwrap().into_iter().map(|f| f.name).collect();
        assert_eq!(names, ["a", "pictures/x.jpg"]);
        for bad in ["../x", "/x", "", "a/../../x"] {
            assert!(f.replace(bad, b"").is_err(), "{bad}");
            assert!(f.append(bad, b"").is_err(), "{bad}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_no_plain_file() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/hostname", dir.path().join("l")).unwrap();
        let f = Folder::open(dir.path(), Syncing::Always).unwrap();
        assert!(!f.files().unwrap()[0].plain);
    }
}
