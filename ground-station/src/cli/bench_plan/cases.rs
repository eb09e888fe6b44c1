//! What a folder holds that can be planned over.

use anyhow::{Context, bail};
use std::path::{Path, PathBuf};

/// A folder, listed.
pub(super) struct Folder {
    pub venues: Vec<PathBuf>,
    pub graphs: Vec<PathBuf>,
    pub streets: Vec<PathBuf>,
}

fn listed(dir: &Path, sub: &str, endings: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
    let mut out = Vec::new();
    for d in [dir.to_owned(), dir.join(sub)] {
        if !d.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(&d).with_context(|| d.display().to_string())? {
            let path = entry?.path();
            if path
                .extension()
                .and_then(|e| e.to_str())
                .is_some_and(|e| endings.contains(&e))
            {
                out.push(path);
            }
        }
    }
    out.sort();
    Ok(out)
}

impl Folder {
    pub(super) fn read(dir: &Path) -> anyhow::Result<Folder> {
        if !dir.is_dir() {
            bail!("{} is no folder", dir.display());
        }
        Ok(Folder {
            venues: listed(dir, "venues", &["geojson", "kml", "kmz"])?,
            graphs: listed(dir, "patrol_graphs", &["graph"])?,
            streets: listed(dir, "street_graphs", &["node_data"])?,
        })
    }
}

/// File name without folder and ending.
pub(super) fn stem(path: &Path) -> String {
    path.file_stem()
        .map_or_else(String::new, |s| s.to_string_lossy().into_owned())
}

/// `properties.swath_m` of a venue file; where it does not say, a swath that makes some forty passes.
pub(super) fn swath_m(path: &Path, area_m2: f64) -> f64 {
    let stated = std::fs::read_to_string(path)
        .ok()
        .and_then(|t| serde_json::from_str::<serde_json::Value>(&t).ok())
        .and_then(|v| {
            v.pointer("/properties/swath_m")
                .and_then(serde_json::Value::as_f64)
        })
        .filter(|s| s.is_finite() && *s > 0.0);
    stated.unwrap_or_else(|| (area_m2.max(1.0).sqrt() / 40.0).max(1.0))
}
