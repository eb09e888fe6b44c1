//! A folder as a verifier and a manifest see it: names, lengths, bytes. Read only.

use link::journal::Disk;
use sha2::{Digest, Sha256};
use sm3::Sm3;

/// Bytes read at a time.
const CHUNK: u64 = 1 << 20;

/// A name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// With `/` between folders.
    pub name: String,
    /// Bytes.
    pub len: u64,
    /// A file. Links and devices are none: what they hold can change without the folder.
    pub plain: bool,
}

/// A folder, read only.
pub trait Files {
    /// All names in it and below, sorted.
    ///
    /// # Errors
    /// In plain words.
    fn list(&self) -> Result<Vec<Found>, String>;
    /// Bytes of a file; fewer where it ends.
    ///
    /// # Errors
    /// In plain words.
    fn read_at(&self, file: &str, from: u64, len: u64) -> Result<Vec<u8>, String>;
}

/// SHA-256 of a stretch of a file; `None` when the file is shorter.
///
/// # Errors
/// As [`Files::read_at`].
pub fn hash(
    files: &dyn Files,
    file: &str,
    from: u64,
    len: u64,
) -> Result<Option<[u8; 32]>, String> {
    hash_by::<Sha256>(files, file, from, len)
}

/// SM3 of a stretch of a file; `None` when the file is shorter.
///
/// # Errors
/// As [`Files::read_at`].
pub fn hash_sm3(
    files: &dyn Files,
    file: &str,
    from: u64,
    len: u64,
) -> Result<Option<[u8; 32]>, String> {
    hash_by::<Sm3>(files, file, from, len)
}

fn hash_by<D: Digest>(
    files: &dyn Files,
    file: &str,
    from: u64,
    len: u64,
) -> Result<Option<[u8; 32]>, String> {
    let mut hash = D::new();
    let mut at = from;
    let end = from.saturating_add(len);
    while at < end {
        let bytes = files.read_at(file, at, CHUNK.min(end - at))?;
        if bytes.is_empty() {
            return Ok(None);
        }
        hash.update(&bytes);
        at += bytes.len() as u64;
    }
    Ok(<[u8; 32]>::try_from(hash.finalize().as_slice()).ok())
}

/// A [`Disk`]'s files.
pub struct OfDisk<'a>(pub &'a dyn Disk);

impl Files for OfDisk<'_> {
    fn list(&self) -> Result<Vec<Found>, String> {
        let names = self.0.list().map_err(|e| e.to_string())?;
        names
            .into_iter()
            .map(|name| {
                let len = self.0.read(&name).map_err(|e| e.to_string())?.len() as u64;
                Ok(Found {
                    name,
                    len,
                    plain: true,
                })
            })
            .collect()
    }
    fn read_at(&self, file: &str, from: u64, len: u64) -> Result<Vec<u8>, String> {
        let bytes = self.0.read(file).map_err(|e| e.to_string())?;
        let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(bytes.len());
        Ok(bytes
            .get(at(from)..at(from.saturating_add(len)))
            .unwrap_or(&[])
            .to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GB/T 32905-2016, appendix A.
    #[test]
    fn the_second_digest_is_that_of_the_standard() {
        let mut disk = link::journal::MemDisk::default();
        disk.append("a", b"abc").unwrap();
        let hash = hash_sm3(&OfDisk(&disk), "a", 0, 3).unwrap().unwrap();
        assert_eq!(
            missions::plan::hex(&hash),
            "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
        );
    }
}
