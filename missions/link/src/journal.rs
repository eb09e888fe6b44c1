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

/// Longest record, bytes.
pub const MAX_RECORD: usize = 1 << 20;
const MAGIC: [u8; 4] = *b"PJ01";
const HEAD: usize = 4 + 4 + 32;

/// What recovery found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Whole records, in order.
    pub records: Vec<Vec<u8>>,
    /// Bytes of a torn or damaged tail that were cut off.
    pub torn_bytes: usize,
    /// Bytes that once may have been whole records and no longer are, in the middle or at the end: not what a write that
    /// was cut short leaves.
    pub damaged_bytes: usize,
}

/// An append-only log in one file. A record is `PJ01`, length (u32 LE), SHA-256 over (hash before, bytes), bytes: a
/// record that is not whole, or does not continue the chain, ends the log.
#[derive(Clone, Debug)]
pub struct Journal {
    file: String,
    chain: [u8; 32],
    len: u64,
}

impl Journal {
    /// Opens a log, reads what is whole, and cuts what is torn.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn open(disk: &mut dyn Disk, file: &str) -> Result<(Journal, Recovered), DiskError> {
        let bytes = disk.read(file)?;
        let mut chain = [0u8; 32];
        let mut records = Vec::new();
        let mut at = 0usize;
        while let Some((record, hash, next)) = next_record(&bytes, at, &chain) {
            records.push(record);
            chain = hash;
            at = next;
        }
        let torn_bytes = bytes.len() - at;
        if torn_bytes > 0 {
            disk.truncate(file, at as u64)?;
        }
        Ok((
            Journal {
                file: file.to_owned(),
                chain,
                len: at as u64,
            },
            Recovered {
                records,
                torn_bytes,
                damaged_bytes: 0,
            },
        ))
    }

    /// As [`Journal::open`], and what stands behind a damaged place is kept too: a bad sector must not take the records
    /// after it along. A record behind the damage counts as whole when it continues the hash that the one before it
    /// *says* it has. The log is then written anew from the whole records, and the damaged file is kept aside as
    /// `FILE.damaged`.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn salvage(disk: &mut dyn Disk, file: &str) -> Result<(Journal, Recovered), DiskError> {
        let bytes = disk.read(file)?;
        let (records, head, behind) = whole_records(&bytes);
        if behind.is_empty() {
            let (journal, mut found) = Journal::open(disk, file)?;
            let tail = bytes.get(head..).unwrap_or(&[]);
            if tail.len() >= HEAD {
                found.damaged_bytes = tail.len();
            }
            return Ok((journal, found));
        }
        let mut journal = Journal {
            file: file.to_owned(),
            chain: [0; 32],
            len: 0,
        };
        let mut records = records;
        let kept: usize = records.iter().chain(&behind).map(|r| HEAD + r.len()).sum();
        records.extend(behind);
        let mut anew = Vec::with_capacity(kept);
        for r in &records {
            journal.chain = link_hash(&journal.chain, r);
            put_record(&mut anew, r, &journal.chain);
        }
        journal.len = anew.len() as u64;
        disk.replace(&format!("{file}.damaged"), &bytes)?;
        disk.replace(file, &anew)?;
        Ok((
            journal,
            Recovered {
                records,
                torn_bytes: 0,
                damaged_bytes: bytes.len().saturating_sub(kept),
            },
        ))
    }

    /// Appends a record. Not durable until [`Journal::sync`].
    ///
    /// # Errors
    /// [`DiskError`]; the record is then not in the log (a torn write is cut off).
    pub fn append(&mut self, disk: &mut dyn Disk, record: &[u8]) -> Result<(), DiskError> {
        if record.len() > MAX_RECORD {
            return Err(DiskError::Io {
                doing: "appending to",
                file: self.file.clone(),
                detail: format!("record of {} bytes", record.len()),
            });
        }
        let hash = link_hash(&self.chain, record);
        let mut out = Vec::with_capacity(HEAD + record.len());
        put_record(&mut out, record, &hash);
        if let Err(e) = disk.append(&self.file, &out) {
            // Part of it may be there: cut it, or every later record would be unreadable. If that fails too, the next
            // open cuts it.
            let _ = disk.truncate(&self.file, self.len);
            return Err(e);
        }
        self.chain = hash;
        self.len += out.len() as u64;
        Ok(())
    }

    /// Appends a record and makes it durable. What cannot be made durable is taken out again, as far as the disk lets:
    /// a record of which nobody knows whether it is there must not come back after a restart.
    ///
    /// # Errors
    /// [`DiskError`]; the record is then not in the log.
    pub fn append_durable(&mut self, disk: &mut dyn Disk, record: &[u8]) -> Result<(), DiskError> {
        let before = self.clone();
        self.append(disk, record)?;
        if let Err(e) = disk.sync(&self.file) {
            self.back_to(disk, before);
            return Err(e);
        }
        Ok(())
    }

    /// Takes out again what was appended since `before`, as far as the disk lets.
    pub fn back_to(&mut self, disk: &mut dyn Disk, before: Journal) {
        let _ = disk.truncate(&before.file, before.len);
        *self = before;
    }

    /// Makes everything appended durable.
    ///
    /// # Errors
    /// [`DiskError`].
    pub fn sync(&self, disk: &mut dyn Disk) -> Result<(), DiskError> {
        disk.sync(&self.file)
    }

    /// Hash of the last record over all before it.
    #[must_use]
    pub fn head(&self) -> [u8; 32] {
        self.chain
    }
}

fn link_hash(before: &[u8; 32], record: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    let mut h = sha2::Sha256::new();
    h.update(before);
    h.update(record);
    h.finalize().into()
}

fn put_record(out: &mut Vec<u8>, record: &[u8], hash: &[u8; 32]) {
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&u32::try_from(record.len()).unwrap_or(0).to_le_bytes());
    out.extend_from_slice(hash);
    out.extend_from_slice(record);
}

/// Records before the first damage, where that begins, and whole ones behind it.
fn whole_records(bytes: &[u8]) -> (Vec<Vec<u8>>, usize, Vec<Vec<u8>>) {
    let mut before = Vec::new();
    let (mut chain, mut at) = ([0u8; 32], 0usize);
    while let Some((record, hash, next)) = next_record(bytes, at, &chain) {
        before.push(record);
        (chain, at) = (hash, next);
    }
    let damage = at;
    let mut behind = Vec::new();
    while at < bytes.len() {
        if let Some((record, hash, next)) = next_record(bytes, at, &chain) {
            behind.push(record);
            (chain, at) = (hash, next);
            continue;
        }
        // What the damaged record says its hash is, the next one continues.
        if let Some(said) = bytes
            .get(at..)
            .filter(|b| b.starts_with(&MAGIC))
            .and_then(|b| b.get(8..HEAD))
            .and_then(|h| <[u8; 32]>::try_from(h).ok())
        {
            chain = said;
        }
        at = bytes
            .get(at + 1..)
            .and_then(|rest| rest.windows(MAGIC.len()).position(|w| w == MAGIC))
            .map_or(bytes.len(), |n| at + 1 + n);
    }
    (before, damage, behind)
}

fn next_record(bytes: &[u8], at: usize, chain: &[u8; 32]) -> Option<(Vec<u8>, [u8; 32], usize)> {
    let head = bytes.get(at..at + HEAD)?;
    if head.get(..4)? != MAGIC {
        return None;
    }
    let len: [u8; 4] = head.get(4..8)?.try_into().ok()?;
    let len = u32::from_le_bytes(len) as usize;
    if len > MAX_RECORD {
        return None;
    }
    let record = bytes.get(at + HEAD..at + HEAD + len)?;
    let hash = link_hash(chain, record);
    (head.get(8..HEAD)? == hash).then(|| (record.to_vec(), hash, at + HEAD + len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_byte_is_hit_what_was_before_it_survives(
            records in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..8),
            hit in any::<proptest::sample::Index>(),
            cut in any::<bool>(),
        ) {
            let mut disk = MemDisk::default();
            let (mut j, _) = Journal::open(&mut disk, "log").unwrap();
            let mut ends = vec![0usize];
            for r in &records {
                j.append(&mut disk, r).unwrap();
                ends.push(disk.read("log").unwrap().len());
            }
            let mut bytes = disk.read("log").unwrap();
            let at = hit.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= 0x40 }
            disk.replace("log", &bytes).unwrap();
            let (mut again, found) = Journal::open(&mut disk, "log").unwrap();
            let whole = ends.iter().filter(|e| **e <= at).count() - 1;
            prop_assert_eq!(&found.records[..], &records[..whole]);
            again.append(&mut disk, b"next").unwrap();
            let (_, after) = Journal::open(&mut disk, "log").unwrap();
            prop_assert_eq!(after.records.len(), whole + 1);
            prop_assert_eq!(after.torn_bytes, 0);
        }
    }

    proptest! {
        #[test]
        fn a_hit_takes_two_records_at_most_and_the_log_is_whole_afterwards(
            records in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 1..10),
            hit in any::<proptest::sample::Index>(),
            bit in 0..8u8,
        ) {
            let mut disk = MemDisk::default();
            let (mut j, _) = Journal::open(&mut disk, "log").unwrap();
            // Each says which one it is.
            let records: Vec<Vec<u8>> = records
                .into_iter()
                .enumerate()
                .map(|(n, mut r)| { r.insert(0, n as u8); r })
                .collect();
            for r in &records {
                j.append(&mut disk, r).unwrap();
            }
            let mut bytes = disk.read("log").unwrap();
            let at = hit.index(bytes.len());
            bytes[at] ^= 1 << bit;
            disk.replace("log", &bytes).unwrap();
            let (mut again, found) = Journal::salvage(&mut disk, "log").unwrap();
            prop_assert!(found.records.len() + 2 >= records.len(), "{} of {}", found.records.len(), records.len());
            prop_assert!(found.records.iter().all(|r| records.contains(r)));
            prop_assert!(found.damaged_bytes > 0);
            again.append(&mut disk, b"next").unwrap();
            let (_, after) = Journal::salvage(&mut disk, "log").unwrap();
            prop_assert_eq!(after.records.len(), found.records.len() + 1);
            prop_assert_eq!((after.damaged_bytes, after.torn_bytes), (0, 0));
        }

        #[test]
        fn a_write_cut_short_is_no_damage(len in 1..HEAD) {
            let mut disk = MemDisk::default();
            let (mut j, _) = Journal::open(&mut disk, "log").unwrap();
            j.append(&mut disk, b"one").unwrap();
            let whole = disk.read("log").unwrap().len();
            j.append(&mut disk, b"two").unwrap();
            disk.truncate("log", (whole + len) as u64).unwrap();
            let (_, found) = Journal::salvage(&mut disk, "log").unwrap();
            prop_assert_eq!(found.records.len(), 1);
            prop_assert_eq!((found.torn_bytes, found.damaged_bytes), (len, 0));
        }
    }
}
