//! The shell: reads a record's folder, hashes its files, verifies it.

use super::{Figures, FileLine, How, Source, gather, page};
use crate::evidence::export::Facts;
use crate::evidence::files::{Files, hash};
use crate::evidence::io::{Folder, Syncing};
use crate::evidence::verify::{Asked, Kind, verify};
use crate::record::{PICTURES, is_sha256, read_folder};
use anyhow::Context;
use missions::plan::hex;
use std::path::Path;

/// Files listed at most.
const MAX_FILES: usize = 5_000;
/// Longest picture that is shown, bytes.
const MAX_PICTURE: u64 = 8 << 20;

/// Everything that the report says of the record in a folder.
///
/// # Errors
/// When there is no record in it, or it cannot be read; damage is no error, it is told.
pub fn read(dir: &Path) -> anyhow::Result<(Figures, Facts, Option<Vec<u8>>)> {
    let folder = Folder::open(dir, Syncing::Always)?;
    let verification = verify(&folder, &Asked::default())
        .map_err(|e| anyhow::anyhow!("{}: {e}", dir.display()))?;
    let mut files = Vec::new();
    let found = folder
        .list()
        .map_err(|e| anyhow::anyhow!("{}: {e}", dir.display()))?;
    for f in found.into_iter().filter(|f| f.plain).take(MAX_FILES) {
        // Pictures for the analyst are drawn from the record; they are large and no evidence.
        let sha256 = if f.name.ends_with(".rrd") {
            None
        } else {
            let digest =
                hash(&folder, &f.name, 0, f.len).map_err(|e| anyhow::anyhow!("{}: {e}", f.name))?;
            digest.map(|d| hex(&d))
        };
        let wrong =
            |w: &crate::evidence::verify::Finding| w.file == f.name && w.kind != Kind::OtherKey;
        let state = if verification.findings.iter().any(wrong) {
            "changed"
        } else if verification.not_covered.contains(&f.name) {
            "not_covered"
        } else {
            "as_recorded"
        };
        files.push(FileLine {
            name: f.name,
            bytes: f.len,
            sha256,
            state,
        });
    }
    let read = read_folder(dir)?;
    let facts = Facts::read(&read.tlog, &read.events, &|sha| {
        let file = dir.join(PICTURES).join(format!("{sha}.jpg"));
        let small = std::fs::metadata(&file).is_ok_and(|m| m.len() <= MAX_PICTURE);
        (is_sha256(sha) && small)
            .then(|| std::fs::read(file).ok())
            .flatten()
    });
    let plan = read.plan.clone();
    let (figures, facts) = gather(Source {
        facts,
        plan: read.plan,
        files,
        verification,
    });
    Ok((figures, facts, plan))
}

/// The page.
///
/// # Errors
/// As [`read`].
pub fn html(dir: &Path, how: How) -> anyhow::Result<String> {
    let (figures, facts, plan) = read(dir).context("reading the record")?;
    Ok(page(&figures, &facts, plan.as_deref(), how))
}
