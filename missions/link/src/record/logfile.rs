//! An append-only file that survives a full disk: what could not be written is kept (bounded) and tried again, and a
//! half-written piece never stays in the file. What stands in it is told to the chain, piece by piece.

use super::chain::ChainWriter;
use crate::journal::{Disk, DiskError};

/// Bytes collected before they are written.
const CHUNK: usize = 64 * 1024;
/// Bytes kept while the disk refuses; what comes after is lost and counted.
const MOST: usize = 8 << 20;

/// The file.
#[derive(Debug)]
pub struct LogFile {
    name: &'static str,
    /// Bytes safely in the file.
    len: u64,
    /// Bytes of a torn write may stand behind them.
    torn: bool,
    waiting: Vec<u8>,
    /// Lengths of the pieces in it.
    pieces: Vec<usize>,
    next_try: usize,
    /// Written since the last sync.
    unsynced: bool,
    /// Pieces that found no room.
    pub lost: u64,
}

impl LogFile {
    /// An empty file.
    ///
    /// # Errors
    /// When it cannot be made, or holds something: nothing recorded is ever replaced.
    pub fn create(disk: &mut dyn Disk, name: &'static str) -> Result<Self, DiskError> {
        if !disk.read(name)?.is_empty() {
            return Err(DiskError::Io {
                doing: "beginning",
                file: name.into(),
                detail: "there is a recording already, and nothing recorded is replaced".into(),
            });
        }
        disk.append(name, &[])?;
        Ok(LogFile {
            name,
            len: 0,
            torn: false,
            waiting: Vec::new(),
            pieces: Vec::new(),
            next_try: CHUNK,
            unsynced: false,
            lost: 0,
        })
    }

    /// Takes one piece, whole or not at all: whether there was room for it, and what the disk said if it was asked.
    pub fn push(
        &mut self,
        disk: &mut dyn Disk,
        chain: &mut ChainWriter,
        piece: &[u8],
    ) -> (bool, Result<(), DiskError>) {
        if self.waiting.len() + piece.len() > MOST {
            self.lost += 1;
            chain.lost();
            return (false, self.flush(disk, chain));
        }
        self.waiting.extend_from_slice(piece);
        self.pieces.push(piece.len());
        let said = if self.waiting.len() >= self.next_try {
            self.flush(disk, chain)
        } else {
            Ok(())
        };
        (true, said)
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// When the disk refuses; it is kept and tried again later.
    pub fn flush(&mut self, disk: &mut dyn Disk, chain: &mut ChainWriter) -> Result<(), DiskError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        if let Err(e) = self.write(disk) {
            self.next_try = self.waiting.len() + CHUNK;
            return Err(e);
        }
        self.len += self.waiting.len() as u64;
        self.unsynced = true;
        self.next_try = CHUNK;
        let mut rest = self.waiting.as_slice();
        for n in self.pieces.drain(..) {
            let (piece, after) = rest.split_at_checked(n).unwrap_or((rest, &[]));
            chain.appended(self.name, piece);
            rest = after;
        }
        self.waiting.clear();
        Ok(())
    }

    fn write(&mut self, disk: &mut dyn Disk) -> Result<(), DiskError> {
        if self.torn {
            disk.truncate(self.name, self.len)?;
            self.torn = false;
        }
        disk.append(self.name, &self.waiting).inspect_err(|_| {
            // Part of it may be there: back to what is known to be whole, now or before the next write.
            self.torn = disk.truncate(self.name, self.len).is_err();
        })
    }

    /// Writes what waits and makes it durable.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&mut self, disk: &mut dyn Disk, chain: &mut ChainWriter) -> Result<(), DiskError> {
        self.flush(disk, chain)?;
        if self.unsynced {
            disk.sync(self.name)?;
            self.unsynced = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::MemDisk;
    use crate::record::chain::About;
    use crate::record::key::Signer;
    use missions::time::Utc;

    fn chain(disk: &mut dyn Disk) -> ChainWriter {
        ChainWriter::begin(
            disk,
            Signer::from_seed(&[1; 32]),
            &[1; 16],
            &About {
                software: "t",
                retention: "routine",
                bare: false,
            },
            Utc(0),
        )
        .unwrap()
    }

    /// Refuses everything, or takes half and then refuses, also to cut.
    struct Bad(MemDisk, bool);
    impl Disk for Bad {
        fn append(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskError> {
            if self.1 && !bytes.is_empty() {
                self.0.append(file, &bytes[..bytes.len() / 2])?;
                return Err(DiskError::Full {
                    doing: "writing",
                    file: file.into(),
                });
            }
            self.0.append(file, bytes)
        }
        fn sync(&mut self, file: &str) -> Result<(), DiskError> {
            self.0.sync(file)
        }
        fn read(&self, file: &str) -> Result<Vec<u8>, DiskError> {
            self.0.read(file)
        }
        fn replace(&mut self, file: &str, bytes: &[u8]) -> Result<(), DiskError> {
            self.0.replace(file, bytes)
        }
        fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskError> {
            if self.1 {
                return Err(DiskError::Full {
                    doing: "cutting",
                    file: file.into(),
                });
            }
            self.0.truncate(file, len)
        }
        fn list(&self) -> Result<Vec<String>, DiskError> {
            self.0.list()
        }
    }

    #[test]
    fn a_full_disk_is_an_error_and_what_has_no_room_is_counted() {
        let mut disk = Bad(MemDisk::default(), false);
        let mut chain = chain(&mut disk);
        let mut f = LogFile::create(&mut disk, "x").unwrap();
        disk.1 = true;
        assert!(f.push(&mut disk, &mut chain, &[1; 100]).0);
        assert!(f.flush(&mut disk, &mut chain).is_err());
        let piece = vec![2; CHUNK];
        let kept = (0..1_000)
            .filter(|_| f.push(&mut disk, &mut chain, &piece).0)
            .count() as u64;
        assert!(kept > 10);
        assert!(f.waiting.len() <= MOST);
        assert_eq!(f.lost, 1_000 - kept);
        // There is room again: what was kept is written once and whole, and nothing torn stays before it.
        disk.1 = false;
        f.sync(&mut disk, &mut chain).unwrap();
        let bytes = disk.read("x").unwrap();
        assert_eq!(bytes.len() as u64, 100 + kept * CHUNK as u64);
        assert!(bytes[..100].iter().all(|b| *b == 1));
        assert!(bytes[100..].iter().all(|b| *b == 2));
    }

    #[test]
    fn pieces_stand_in_the_file_in_order_and_nothing_is_written_over() {
        let mut disk = MemDisk::default();
        let mut chain = chain(&mut disk);
        let mut f = LogFile::create(&mut disk, "x").unwrap();
        assert!(f.push(&mut disk, &mut chain, b"ab").0);
        assert!(f.push(&mut disk, &mut chain, b"cd").0);
        assert_eq!(disk.read("x").unwrap(), b"");
        f.sync(&mut disk, &mut chain).unwrap();
        assert!(f.push(&mut disk, &mut chain, b"ef").0);
        f.sync(&mut disk, &mut chain).unwrap();
        assert_eq!(disk.read("x").unwrap(), b"abcdef");
        assert!(LogFile::create(&mut disk, "x").is_err());
    }
}
