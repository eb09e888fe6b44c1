//! Flags that say what the ground is: elevation tiles for a venue whose ground is not flat.

use anyhow::Context;
use missions::terrain::{VerticalDatum, read_tile};
use missions::venue::Venue;
use std::path::PathBuf;

/// Elevation tiles.
#[derive(Debug, Default, clap::Args)]
pub struct GroundFlags {
    /// Elevation tile over the venue: SRTM .hgt (named after its corner, N43E007.hgt) or GeoTIFF in WGS-84 degrees. Give it
    /// once a tile. Takes the place of flat ground
    #[arg(long, value_name = "FILE")]
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

impl GroundFlags {
    /// Cuts the heights around a venue out of the tiles named, if any.
    ///
    /// # Errors
    /// A tile that cannot be read, or that does not cover the venue.
    pub fn give(&self, venue: &mut Venue) -> anyhow::Result<()> {
        if self.terrain.is_empty() {
            return Ok(());
        }
        let mut files = Vec::with_capacity(self.terrain.len());
        for path in &self.terrain {
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
