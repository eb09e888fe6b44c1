//! Flags that say what the ground is: elevation tiles for a venue whose ground is not flat.

use anyhow::{Context, bail};
use missions::terrain::{VerticalDatum, read_tile};
use missions::venue::Venue;
use std::path::{Path, PathBuf};

/// Elevation tiles.
#[derive(Debug, Default, clap::Args)]
pub struct GroundFlags {
    /// Elevation tile over the venue: SRTM .hgt (named after its corner, N43E007.hgt) or GeoTIFF in WGS-84 degrees. Give it
    /// once a tile, or a folder of tiles. Takes the place of flat ground
    #[arg(long, value_name = "FILE|DIR")]
    terrain: Vec<PathBuf>,
    /// What the heights of a GeoTIFF are above where it does not say: EGM96 or EGM2008
    #[arg(long, value_name = "GEOID", value_parser = geoid)]
    terrain_datum: Option<VerticalDatum>,
}

fn geoid(s: &str) -> Result<VerticalDatum, String> {
    match s.to_ascii_uppercase().as_str() {
        "EGM96" => Ok(VerticalDatum::Egm96),
        "EGM2008" => Ok(VerticalDatum::Egm2008),
        _ => Err("EGM96 or EGM2008".into()),
    }
}

/// Most tiles taken from one folder: a venue lies in a few.
const MOST_TILES: usize = 64;

/// The tiles of a folder, by name.
fn tiles_in(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let path = entry?.path();
        let ending = path
            .extension()
            .and_then(|e| e.to_str())
            .map(str::to_lowercase);
        if matches!(ending.as_deref(), Some("hgt" | "tif" | "tiff")) {
            out.push(path);
        }
    }
    out.sort();
    match out.len() {
        0 => bail!("--terrain {}: no *.hgt and no *.tif in it", dir.display()),
        n if n > MOST_TILES => bail!(
            "--terrain {}: {n} tiles, at most {MOST_TILES} are read: name those around the venue",
            dir.display()
        ),
        _ => Ok(out),
    }
}

impl GroundFlags {
    /// Cuts the heights around a venue out of the tiles named, if any.
    ///
    /// # Errors
    /// A tile that cannot be read, or that does not cover the venue.
    pub fn give(&self, venue: &mut Venue) -> anyhow::Result<()> {
        if self.terrain.is_empty() {
            return Ok(());
        }
        let mut paths = Vec::new();
        for path in &self.terrain {
            if path.is_dir() {
                paths.extend(tiles_in(path)?);
            } else {
                paths.push(path.clone());
            }
        }
        let mut files = Vec::with_capacity(paths.len());
        for path in &paths {
            let bytes =
                std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            // Its own name only: a plan must not tell where somebody keeps files.
            let name = path
                .file_name()
                .map(|n| n.to_string_lossy().into_owned())
                .unwrap_or_default();
            files.push((name, bytes));
        }
        let tiles = files
            .iter()
            .map(|(name, bytes)| read_tile(name, bytes, self.terrain_datum))
            .collect::<Result<Vec<_>, _>>()?;
        venue.set_terrain(&tiles)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_of_a_tile_go_with_the_venue_and_a_missing_tile_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("N27E120.hgt");
        let tile: Vec<u8> = (0..1201 * 1201).flat_map(|_| 75i16.to_be_bytes()).collect();
        std::fs::write(&path, tile).unwrap();
        let mut venue = Venue::sixi_river();
        let flags = |path: PathBuf| GroundFlags {
            terrain: vec![path],
            terrain_datum: None,
        };
        flags(path).give(&mut venue).unwrap();
        // The folder it lies in does as well, one without tiles does not.
        let mut other = Venue::sixi_river();
        flags(folder.path().to_owned()).give(&mut other).unwrap();
        assert_eq!(venue.ground, other.ground);
        let empty = tempfile::tempdir().unwrap();
        assert!(flags(empty.path().to_owned()).give(&mut other).is_err());
        let home = venue.launch_site().unwrap();
        assert_eq!(venue.ground.height_at(home).unwrap().metres(), 75.0);
        assert!(
            !venue
                .to_geojson()
                .contains(&*folder.path().to_string_lossy())
        );
        let e = flags(folder.path().join("none.hgt"))
            .give(&mut venue)
            .unwrap_err();
        assert!(e.to_string().contains("none.hgt"), "{e}");
    }
}
