//! Graph files: patrol graphs, the LineCoverage networks, and street networks out of OpenStreetMap.

use crate::cli::settings::read;
use anyhow::{Context, anyhow, bail};
use missions::place::LatLon;
use missions::plane::{EastNorth, LocalPlane};
use missions::planner::streets::read::line_coverage;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Most places and streets taken from one file.
const MOST: usize = 50_000;

/// A street network in metres.
pub(super) struct Streets {
    pub places: Vec<EastNorth>,
    pub streets: Vec<(usize, usize)>,
    /// Where the metres lie on the globe, where the file says.
    pub plane: Option<LocalPlane>,
}

/// A street network out of OpenStreetMap: `nodes_latlon` (id → latitude, longitude) and `edges` (id, id, kind of road).
#[derive(Deserialize)]
struct OsmStreets {
    nodes_latlon: BTreeMap<String, [f64; 2]>,
    edges: Vec<(u64, u64, serde_json::Value)>,
}

/// Reads a network: `NAME.node_data` with `NAME.req_edge_list` beside it, or JSON.
pub(super) fn streets(path: &Path) -> anyhow::Result<Streets> {
    let out = match path.extension().and_then(|e| e.to_str()) {
        Some("node_data") => {
            let nodes = read(path)?;
            let edges = read(&path.with_extension("req_edge_list"))?;
            let (places, streets) =
                line_coverage(&nodes, &edges).with_context(|| path.display().to_string())?;
            let plane = plane_of(&nodes, &places);
            let places = match &plane {
                // The file's metres are on a grid of their own; ours are on the plane that the map is drawn on.
                Some((_, p)) => p.clone(),
                None => places,
            };
            Streets {
                places,
                streets,
                plane: plane.map(|p| p.0),
            }
        }
        Some("json") => osm(&read(path)?).with_context(|| path.display().to_string())?,
        _ => bail!(
            "{}: a street network is *.node_data (with *.req_edge_list beside it) or *.json with nodes_latlon and edges",
            path.display()
        ),
    };
    if out.places.len() > MOST || out.streets.len() > MOST {
        bail!(
            "{}: {} places and {} streets; at most {MOST} are planned over: cut the network down",
            path.display(),
            out.places.len(),
            out.streets.len()
        );
    }
    Ok(out)
}

/// The plane of a node file whose lines carry latitude and longitude too, and all places on it. Only where every line
/// does and the distances agree with the file's own metres.
fn plane_of(nodes: &str, places: &[EastNorth]) -> Option<(LocalPlane, Vec<EastNorth>)> {
    let at: Option<Vec<LatLon>> = nodes
        .lines()
        .filter(|l| !l.trim().is_empty())
        .map(|l| {
            let mut w = l.split_whitespace().skip(3);
            let lat = w.next()?.parse().ok()?;
            let lon = w.next()?.parse().ok()?;
            LatLon::from_degrees(lat, lon).ok()
        })
        .collect();
    let at = at?;
    if at.len() != places.len() {
        return None;
    }
    let plane = LocalPlane::new(*at.get(at.len() / 2)?);
    let on: Vec<EastNorth> = at.iter().map(|p| plane.to_local(*p)).collect();
    let agree = on
        .windows(2)
        .zip(places.windows(2))
        .all(|(a, b)| match (a, b) {
            ([p, q], [r, s]) => {
                (p.distance_m(*q) - r.distance_m(*s)).abs() < 1.0 + 0.01 * r.distance_m(*s)
            }
            _ => true,
        });
    agree.then_some((plane, on))
}

fn osm(text: &str) -> anyhow::Result<Streets> {
    let file: OsmStreets = serde_json::from_str(text)?;
    let mut number: BTreeMap<&str, usize> = BTreeMap::new();
    let mut at = Vec::new();
    for (id, [lat, lon]) in &file.nodes_latlon {
        let p = LatLon::from_degrees(*lat, *lon).map_err(|e| anyhow!("node {id}: {e}"))?;
        number.insert(id.as_str(), at.len());
        at.push(p);
    }
    let middle = *at.get(at.len() / 2).context("the network has no node")?;
    let plane = LocalPlane::new(middle);
    let mut streets = Vec::new();
    for (i, (a, b, _)) in file.edges.iter().enumerate() {
        let end = |id: &u64| {
            number
                .get(id.to_string().as_str())
                .copied()
                .with_context(|| format!("edges[{i}]: there is no node {id}"))
        };
        streets.push((end(a)?, end(b)?));
    }
    Ok(Streets {
        places: at.iter().map(|p| plane.to_local(*p)).collect(),
        streets,
        plane: Some(plane),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_out_of_openstreetmap_is_read_and_a_loose_end_is_named() {
        let good = r#"{"nodes_latlon": {"1": [60.1, 24.9], "2": [60.101, 24.9]}, "edges": [[1, 2, "path"]]}"#;
        let s = osm(good).unwrap();
        assert_eq!(s.streets, [(0, 1)]);
        let [a, b] = s.places.as_slice() else {
            panic!("two places")
        };
        assert!((a.distance_m(*b) - 111.4).abs() < 0.5);
        let loose = good.replace("[1, 2,", "[1, 3,");
        let e = osm(&loose).err().unwrap().to_string();
        assert!(e.contains("edges[0]") && e.contains("3"), "{e}");
    }

    #[test]
    fn degrees_are_used_only_where_they_agree_with_the_metres() {
        let text = "a 0 0 60.0 24.0 5\nb 0 111.4 60.001 24.0 5\n";
        let (places, _) = line_coverage(text, "a b\n").unwrap();
        assert!(plane_of(text, &places).is_some());
        let moved = text.replace("60.001", "60.01");
        assert!(plane_of(&moved, &places).is_none());
        assert!(plane_of("a 0 0\nb 0 111.4\n", &places).is_none());
    }
}
