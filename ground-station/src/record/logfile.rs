//! An append-only file that survives a full disk: what could not be written is kept (bounded) and tried again, and a
//! half-written piece never stays in the file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Bytes collected before they are written.
const CHUNK: usize = 64 * 1024;
/// Bytes kept while the disk refuses; what comes after is lost and counted.
const MOST: usize = 8 << 20;

/// The file.
#[derive(Debug)]
pub(super) struct LogFile {
    file: File,
    /// Bytes safely in the file.
    len: u64,
    waiting: Vec<u8>,
    next_try: usize,
    /// Pieces that found no room.
    pub lost: u64,
}

impl LogFile {
    /// An empty file; what was there before is gone.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(path: &Path) -> io::Result<Self> {
        // Not `append`: after a torn write the file is cut and must go on from the cut.
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        Ok(LogFile {
            file,
            len: 0,
            waiting: Vec::new(),
            next_try: CHUNK,
            lost: 0,
        })
    }

    /// Takes one piece, whole or not at all: whether there was room for it, and what the disk said if it was asked.
    pub fn push(&mut self, piece: &[u8]) -> (bool, io::Result<()>) {
        if self.waiting.len() + piece.len() > MOST {
            self.lost += 1;
            return (false, self.flush());
        }
        self.waiting.extend_from_slice(piece);
        let said = if self.waiting.len() >= self.next_try {
            self.flush()
        } else {
            Ok(())
        };
        (true, said)
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// When the disk refuses; it is kept and tried again later.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        match self.file.write_all(&self.waiting) {
            Ok(()) => {
                self.len += self.waiting.len() as u64;
                self.waiting.clear();
                self.next_try = CHUNK;
                Ok(())
            }
            Err(e) => {
                // Part of it may be there: back to what is known to be whole. If that fails too, readers skip the tear.
                let _ = self.file.set_len(self.len);
                let _ = io::Seek::seek(&mut self.file, io::SeekFrom::Start(self.len));
                self.next_try = self.waiting.len() + CHUNK;
                Err(e)
            }
        }
    }

    /// Writes what waits and makes it durable.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&mut self) -> io::Result<()> {
        self.flush()?;
        self.file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_and_what_has_no_room_is_counted() {
        let mut f = LogFile::create(Path::new("/dev/full")).unwrap();
        assert!(f.push(&[1; 100]).0);
        assert!(f.flush().is_err());
        let piece = vec![2; CHUNK];
        let kept = (0..1_000).filter(|_| f.push(&piece).0).count() as u64;
        assert!(kept > 10);
        assert!(f.waiting.len() <= MOST);
        assert_eq!(f.lost, 1_000 - kept);
    }

    #[test]
    fn pieces_stand_in_the_file_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        let mut f = LogFile::create(&path).unwrap();
        assert!(f.push(b"ab").0);
        assert!(f.push(b"cd").0);
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        f.sync().unwrap();
        assert!(f.push(b"ef").0);
        f.sync().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"abcdef");
    }
}
