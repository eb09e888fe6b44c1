//! The only log format, over a [`Disk`] that shells and fault shims implement.

use thiserror::Error;

/// What a disk says when it fails.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DiskError {
    /// No space left.
    #[error("disk full while {doing} {file}")]
    Full {
        /// What was being done.
        doing: &'static str,
        /// Which file.
        file: String,
    },
    /// Anything else the operating system reports.
    #[error("disk error while {doing} {file}: {detail}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Which file.
        file: String,
        /// The system's words.
        detail: String,
    },
}

/// Named append-only files. Implemented by each program's `io/disk.rs`, by [`MemDisk`], and by fault shims.
pub trait Disk: Send {
    /// Append bytes at the end; the file is created when absent. Not durable until [`Disk::sync`].
    ///
    /// # Errors
    /// [`DiskError`].
    fn append(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskError>;
    /// Make everything appended to `file` durable.
    ///
    /// # Errors
    /// [`DiskError`].
    fn sync(&mut self, file: &str) -> Result<(), DiskError>;
    /// The whole file; empty when absent.
    ///
    /// # Errors
    /// [`DiskError`].
    fn read(&self, file: &str) -> Result<Vec<u8>, DiskError>;
    /// Replace the whole file durably and atomically (write aside, sync, rename).
    ///
    /// # Errors
    /// [`DiskError`].
    fn replace(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskError>;
    /// Cut the file to `len` bytes (a torn tail after recovery).
    ///
    /// # Errors
    /// [`DiskError`].
    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskError>;
    /// Names of all files, sorted.
    ///
    /// # Errors
    /// [`DiskError`].
    fn list(&self) -> Result<Vec<String>, DiskError>;
}

/// A disk in memory, for virtual time.
#[derive(Clone, Debug, Default)]
pub struct MemDisk {
    files: std::collections::BTreeMap<String, Vec<u8>>,
}

impl Disk for MemDisk {
    fn append(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.files
            .entry(file.to_owned())
            .or_default()
            .extend_from_slice(bytes);
        Ok(())
    }
    fn sync(&mut self, _file: &str) -> Result<(), DiskError> {
        Ok(())
    }
    fn read(&self, file: &str) -> Result<Vec<u8>, DiskError> {
        Ok(self.files.get(file).cloned().unwrap_or_default())
    }
    fn replace(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.files.insert(file.to_owned(), bytes.to_vec());
        Ok(())
    }
    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskError> {
        if let Some(f) = self.files.get_mut(file) {
            f.truncate(usize::try_from(len).unwrap_or(usize::MAX));
        }
        Ok(())
    }
    fn list(&self) -> Result<Vec<String>, DiskError> {
        Ok(self.files.keys().cloned().collect())
    }
}
