//! KMZ: a zip archive whose root holds one `.kml` (OGC KML 2.2, annex C; `doc.kml` by custom).
//!
//! Only that entry is unpacked, to at most [`MAX_BYTES`], with its checksum; pictures and models beside it are never
//! looked at.

use super::{Fault, ImportError, MAX_BYTES};
use rawzip::{CompressionMethod, ZipArchive, ZipArchiveEntryWayfinder};
use std::io::Read;

/// Most entries of an archive that are listed.
const MAX_ENTRIES: usize = 10_000;

/// The bytes of the archive's KML.
pub(super) fn unpack(bytes: &[u8]) -> Result<Vec<u8>, ImportError> {
    let damaged = |what: String| {
        ImportError::file(
            Fault::Malformed,
            format!("not a whole zip archive ({what}): export the KMZ again"),
        )
    };
    let archive = ZipArchive::from_slice(bytes).map_err(|e| damaged(e.to_string()))?;
    let mut entries = archive.entries();
    // `doc.kml` first, else the first `.kml` nearest to the root.
    type Candidate = (
        (bool, usize),
        String,
        ZipArchiveEntryWayfinder,
        CompressionMethod,
    );
    let mut best: Option<Candidate> = None;
    let mut listed = 0;
    while let Some(entry) = entries.next_entry().map_err(|e| damaged(e.to_string()))? {
        listed += 1;
        if listed > MAX_ENTRIES {
            return Err(ImportError::file(
                Fault::TooLarge,
                format!("more than {MAX_ENTRIES} entries in the archive"),
            ));
        }
        let path = String::from_utf8_lossy(entry.file_path().as_ref()).to_lowercase();
        if entry.is_dir() || !path.ends_with(".kml") {
            continue;
        }
        let rank = (path != "doc.kml", path.matches('/').count());
        if best.as_ref().is_none_or(|(r, ..)| rank < *r) {
            best = Some((rank, path, entry.wayfinder(), entry.compression_method()));
        }
    }
    let Some((_, path, wayfinder, method)) = best else {
        return Err(ImportError::file(
            Fault::UnknownKind,
            "a zip archive without a .kml in it; a KMZ has one",
        ));
    };
    let entry = archive
        .get_entry(wayfinder)
        .map_err(|e| damaged(e.to_string()))?;
    let mut out = Vec::new();
    // One byte more than allowed tells "just fits" from "too much"; what the archive claims of sizes is not believed.
    let limit = MAX_BYTES as u64 + 1;
    let unpacked = if method == CompressionMethod::DEFLATE {
        let inflate = flate2::bufread::DeflateDecoder::new(entry.data());
        entry
            .verifying_reader(inflate)
            .take(limit)
            .read_to_end(&mut out)
    } else if method == CompressionMethod::STORE {
        entry
            .verifying_reader(entry.data())
            .take(limit)
            .read_to_end(&mut out)
    } else {
        return Err(ImportError::new(
            Fault::Malformed,
            path,
            "packed by a method other than deflate; pack it again with an ordinary zip",
        ));
    };
    unpacked.map_err(|e| {
        ImportError::new(
            Fault::Malformed,
            path.as_str(),
            format!("cannot be unpacked ({e}): export the KMZ again"),
        )
    })?;
    if out.len() > MAX_BYTES {
        return Err(ImportError::new(
            Fault::TooLarge,
            path,
            format!("unpacks to more than {MAX_BYTES} bytes"),
        ));
    }
    Ok(out)
}
