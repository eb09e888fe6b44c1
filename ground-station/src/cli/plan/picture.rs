//! `--draw`: the picture file, by its ending.

use crate::draw::Picture;
use anyhow::{Context, anyhow, bail};
use std::path::Path;

/// What a picture is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Kind {
    Svg,
    Png,
}

/// By the file's ending; asked before the planning, so that a slip costs nothing.
pub(in crate::cli) fn kind(path: &Path) -> anyhow::Result<Kind> {
    match path.extension().and_then(|e| e.to_str()) {
        Some("svg") => Ok(Kind::Svg),
        Some("png") => Ok(Kind::Png),
        _ => bail!("--draw {}: name the file *.svg or *.png", path.display()),
    }
}

/// Draws and writes.
pub(in crate::cli) fn write(p: &Picture, path: &Path) -> anyhow::Result<()> {
    let bytes = match kind(path)? {
        Kind::Svg => p.svg().into_bytes(),
        Kind::Png => p
            .png()
            .map_err(|e| anyhow!("--draw {}: {e}", path.display()))?,
    };
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
