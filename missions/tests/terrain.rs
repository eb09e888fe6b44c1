//! Heights of the ground: read from real tiles, cut out, carried in a plan, and judged along legs.
#![allow(clippy::unwrap_used)]

mod common;

use common::{data, place, plan, refresh, refused_fence, square, takeoff, to, venue, zone};
use missions::place::{Alt, LatLon};
use missions::plan::{PatrolPlan, PlanFile, PlanItem};
use missions::terrain::{
    Bounds, MAX_POSTS, Terrain, TerrainError, VerticalDatum, read_geotiff, read_hgt,
};
use missions::venue::{Ground, Limit, Role, Venue};
use proptest::prelude::*;

const SIDE: usize = 1201;

/// A 3″ tile around the test venues, from a height in metres by latitude and longitude; `None` is a void.
fn tile(height: impl Fn(f64, f64) -> Option<f64>) -> Vec<u8> {
    let mut out = Vec::with_capacity(2 * SIDE * SIDE);
    for r in 0..SIDE {
        for c in 0..SIDE {
            let (lat, lon) = (28.0 - r as f64 / 1200.0, 120.0 + c as f64 / 1200.0);
            let m = height(lat, lon).map_or(i16::MIN, |m| m.round() as i16);
            out.extend(m.to_be_bytes());
        }
    }
    out
}

fn with_ground(zones: Vec<missions::venue::Zone>, bytes: &[u8]) -> Venue {
    let mut v = venue(zones);
    let t = read_hgt("N27E120.hgt", bytes).unwrap();
    v.set_terrain(&[t]).unwrap();
    v
}

fn at(lat: f64, lon: f64) -> LatLon {
    LatLon::from_degrees(lat, lon).unwrap()
}

#[test]
fn a_real_srtm_tile_gives_the_heights_another_program_reads_from_it() {
    let Some(bytes) = data("elevation/N43E007.hgt") else {
        return;
    };
    let cut_at = |lat: f64, lon: f64| {
        let t = read_hgt("some/where/N43E007.hgt", &bytes).unwrap();
        let area = Bounds {
            south_deg: lat - 0.02,
            west_deg: lon - 0.02,
            north_deg: lat + 0.02,
            east_deg: lon + 0.02,
        };
        Terrain::cut_out(&[t], area).unwrap()
    };
    // Worked out in Python from the same bytes.
    for (lat, lon, m) in [
        (43.7384, 7.4246, 61.11),
        (43.75, 7.40, 608.0),
        (43.8, 7.3, 485.0),
    ] {
        let here = cut_at(lat, lon).height_m(at(lat, lon)).unwrap();
        assert!((here - m).abs() < 0.02, "{lat} {lon}: {here} {m}");
    }
    let cut = cut_at(43.75, 7.40);
    assert_eq!(cut.datum(), VerticalDatum::Egm96);
    assert_eq!(cut.height_m(at(43.9, 7.3)), None, "outside the cut-out");
    // The tile's voids are unknown, and so is all beside them.
    let t = read_hgt("N43E007.hgt", &bytes).unwrap();
    let (lat, lon) = (44.0 - 405.0 / 1200.0, 7.0 + 252.0 / 1200.0);
    let around = Bounds {
        south_deg: lat - 0.01,
        west_deg: lon - 0.01,
        north_deg: lat + 0.01,
        east_deg: lon + 0.01,
    };
    let cut = Terrain::cut_out(&[t], around).unwrap();
    assert_eq!(cut.height_m(at(lat, lon)), None);
    assert_eq!(cut.height_m(at(lat + 0.0007, lon)), None);
    assert!(cut.height_m(at(lat + 0.002, lon)).is_some());
    assert_eq!(
        cut.span_m(at(lat - 0.005, lon), at(lat + 0.005, lon), 10.0),
        None
    );
    assert!(
        cut.span_m(
            at(lat - 0.005, lon + 0.004),
            at(lat + 0.005, lon + 0.004),
            10.0
        )
        .is_some()
    );
}

#[test]
fn a_real_geotiff_is_read_once_somebody_says_what_its_heights_are_above() {
    let Some(bytes) = data("elevation/osmnx_elevation1.tif") else {
        return;
    };
    assert!(matches!(
        read_geotiff("e.tif", &bytes, None, 9.0),
        Err(TerrainError::DatumUnknown(_))
    ));
    let t = read_geotiff("e.tif", &bytes, Some(VerticalDatum::Egm96), 9.0).unwrap();
    // 24 × 37 pixels of 1″ from 122.409306° W, 37.800417° N; a pixel is an area, its height stands in its middle.
    let area = Bounds {
        south_deg: 37.7940,
        west_deg: -122.4080,
        north_deg: 37.7960,
        east_deg: -122.4050,
    };
    let cut = Terrain::cut_out(&[t], area).unwrap();
    let s = 1.0 / 3600.0;
    // Row 18, column 9, straight from the file: strip at byte 385, 24 a row, two bytes each, little-endian.
    let i = 385 + 2 * (18 * 24 + 9);
    let want = f64::from(i16::from_le_bytes([bytes[i], bytes[i + 1]]));
    let post = at(37.800_416_67 - 18.5 * s, -122.409_305_56 + 9.5 * s);
    let here = cut.height_m(post).unwrap();
    assert!((here - want).abs() < 0.1, "{here} {want}");
    // Every shorter file is refused, never a panic.
    for n in [0, 7, 8, 100, 384, 400, bytes.len() - 1] {
        let _ = read_geotiff("e.tif", &bytes[..n], Some(VerticalDatum::Egm96), 9.0);
    }
    assert!(read_geotiff("e.tif", &bytes[..400], Some(VerticalDatum::Egm96), 9.0).is_err());
}

#[test]
fn tiles_of_wrong_size_or_name_and_areas_that_no_tile_covers_are_refused() {
    let flat = tile(|_, _| Some(10.0));
    assert!(matches!(
        read_hgt("N27E120.hgt", &flat[..100]),
        Err(TerrainError::NotHgt { .. })
    ));
    for name in ["tile.hgt", "N95E120.hgt", "N27E1x0.hgt", "", "Ｎ27E120.hgt"] {
        assert!(
            matches!(read_hgt(name, &flat), Err(TerrainError::NoCorner(_))),
            "{name}"
        );
    }
    let area = |south_deg, west_deg, size| Bounds {
        south_deg,
        west_deg,
        north_deg: south_deg + size,
        east_deg: west_deg + size,
    };
    let t = || read_hgt("N27E120.hgt", &flat).unwrap();
    assert!(matches!(
        Terrain::cut_out(&[t()], area(40.0, 10.0, 0.01)),
        Err(TerrainError::NotCovered(_))
    ));
    assert!(matches!(
        Terrain::cut_out(&[t()], area(27.2, 120.2, 0.5)),
        Err(TerrainError::TooLarge(n)) if n > MAX_POSTS
    ));
    // Half of it covered: the rest is unknown, not flat.
    let cut = Terrain::cut_out(&[t()], area(27.99, 120.5, 0.02)).unwrap();
    assert!(cut.height_m(at(27.995, 120.51)).is_some());
    assert_eq!(cut.height_m(at(28.005, 120.51)), None);
    // Its northern neighbour fills it.
    let north = read_hgt("N28E120.hgt", &flat).unwrap();
    let cut = Terrain::cut_out(&[t(), north], area(27.99, 120.5, 0.02)).unwrap();
    assert_eq!(cut.height_m(at(28.005, 120.51)), Some(10.0));
    assert_eq!(cut.origins().len(), 2);
}

/// A ridge of 80 m that runs north and south 150 m east of home; elsewhere 75 m, up to 1 m rough.
fn ridge(_: f64, lon: f64) -> Option<f64> {
    let x = (lon - common::LON0) * 98_554.6;
    Some(75.0 + 80.0 * (-((x - 300.0) / 90.0).powi(2)).exp())
}

/// Over the ridge and home again, at one height above home.
fn over_the_ridge(v: &Venue, alt_m: f64) -> PlanFile {
    let mut file = plan(
        v,
        vec![
            takeoff(alt_m),
            to(500.0, 0.0, alt_m),
            PlanItem::Land {
                at: place(0.0, 0.0),
            },
        ],
    );
    file.return_alt = Alt::from_metres(alt_m).unwrap();
    refresh(&mut file);
    file
}

#[test]
fn a_leg_is_judged_above_the_ground_below_it() {
    let bytes = tile(ridge);
    let high = |above_m: f64| {
        let mut edge = square(700.0);
        edge.ceiling = Some(Limit::AboveGround(Alt::from_metres(above_m).unwrap()));
        with_ground(vec![edge], &bytes)
    };
    // 60 m above home, the ridge is 80: into the hill.
    let why = PatrolPlan::check(over_the_ridge(&high(120.0), 60.0)).unwrap_err();
    assert_eq!(why.code, "plan.leg_leaves");
    assert!(why.words.contains("Ground"), "{why}");
    let (x, _) = common::metres(why.at.unwrap());
    assert!(
        (150.0..400.0).contains(&x),
        "the place is at the ridge: {x}"
    );
    // 107 m: over the ridge with room (9 m of tile error, 3 of ours, 5 for trees), but above the valley's 120 m less the same.
    let legal = PatrolPlan::check(over_the_ridge(&high(120.0), 107.0)).unwrap();
    assert!(legal.fence().terrain().is_some());
    let why = PatrolPlan::check(over_the_ridge(&high(120.0), 112.0)).unwrap_err();
    assert!(why.words.contains("Ceiling"), "{why}");
    // What the companion reads from the bytes is the same fence, with its heights.
    let again = PatrolPlan::from_json(&legal.to_json()).unwrap();
    assert_eq!(again.fence().digest(), legal.fence().digest());
    assert!(legal.to_json().len() < 120_000, "{}", legal.to_json().len());
    // One height changed on the way is another fence.
    let text = String::from_utf8(legal.to_json()).unwrap();
    let i = text.find("heights_dm\":[").unwrap() + 13;
    let end = i + text[i..].find(',').unwrap();
    let forged = format!("{}1234{}", &text[..i], &text[end..]);
    assert_eq!(
        PatrolPlan::from_json(forged.as_bytes()).unwrap_err().code,
        "plan.fence_differs"
    );
}

#[test]
fn unknown_ground_is_not_flown_over_and_not_taken_for_flat() {
    let zones = || vec![square(700.0)];
    // A void beside the leg, within the margin.
    let holed = tile(|lat, lon| {
        let (x, y) = (
            (lon - common::LON0) * 98_554.6,
            (lat - common::LAT0) * 110_816.0,
        );
        ((x - 250.0).hypot(y) > 60.0).then_some(75.0)
    });
    let v = with_ground(zones(), &holed);
    // The ceiling's own bounds cannot be had over the whole boundary: refused as a fence.
    assert!(
        refused_fence(&v).contains("elevation tiles"),
        "{}",
        refused_fence(&v)
    );
    // With limits above the sea the fence stands, and the leg over the void is refused.
    let mut edge = square(700.0);
    edge.ceiling = Some(Limit::Amsl(Alt::from_metres(200.0).unwrap()));
    let v = with_ground(vec![edge], &holed);
    let why = PatrolPlan::check(over_the_ridge(&v, 60.0)).unwrap_err();
    assert!(why.words.contains("GroundUnknown"), "{why}");
    // No terrain and no flat ground: refused.
    let mut v = venue(zones());
    v.ground = Ground::Unknown;
    assert!(refused_fence(&v).contains("needs the ground"));
}

#[test]
fn a_keep_out_above_ground_on_a_slope_grows_to_the_safe_side() {
    // 1 in 10 up to the east.
    let slope = tile(|_, lon| Some(75.0 + (lon - common::LON0) * 98_554.6 / 10.0));
    let mut mast = zone(
        "mast",
        Role::Exclusion,
        common::rectangle((100.0, 300.0), (-50.0, 50.0)),
    );
    mast.floor = Some(Limit::AboveGround(Alt::from_metres(0.0).unwrap()));
    mast.ceiling = Some(Limit::AboveGround(Alt::from_metres(30.0).unwrap()));
    let mut edge = square(700.0);
    edge.ceiling = Some(Limit::Amsl(Alt::from_metres(400.0).unwrap()));
    let v = with_ground(vec![edge, mast], &slope);
    let file = over_the_ridge(&v, 130.0);
    let fence = missions::plan::build_fence(&file).unwrap();
    let k = &fence.keepouts()[0];
    // Ground 85 to 105 m under it (and a post around), 9 m of error.
    assert!(k.floor_amsl_m.unwrap() <= 85.0 - 9.0);
    assert!((144.0..165.0).contains(&k.ceiling_amsl_m.unwrap()), "{k:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The strip's lowest and highest against thousands of looks at the same ground by arithmetic of its own.
    #[test]
    fn no_point_of_a_strip_is_lower_or_higher_than_its_span(
        seed in any::<u32>(),
        a in (-600.0..600.0f64, -600.0..600.0f64),
        b in (-600.0..600.0f64, -600.0..600.0f64),
        aside_m in 0.0..60.0f64,
    ) {
        let (rows, cols, step) = (30usize, 30usize, 1.0 / 1200.0);
        let (north, west) = (common::LAT0 + 15.0 * step, common::LON0 - 15.0 * step);
        let mut x = seed | 1;
        let heights: Vec<i32> = (0..rows * cols).map(|_| {
            x ^= x << 13; x ^= x >> 17; x ^= x << 5;
            (x % 4000) as i32
        }).collect();
        let written = serde_json::json!({
            "north_deg": north, "west_deg": west, "lat_step_deg": step, "lon_step_deg": step, "rows": rows, "cols": cols,
            "datum": "EGM96", "error_m": 9.0, "heights_dm": heights, "origins": [],
        });
        let t: Terrain = serde_json::from_value(written).unwrap();
        let ground = |x: f64, y: f64| -> f64 {
            let (lat, lon) = (common::LAT0 + y / 110_816.025, common::LON0 + x / 98_554.6);
            let (r, c) = ((north - lat) / step, (lon - west) / step);
            let (i, j) = (r as usize, c as usize);
            let (v, u) = (r - i as f64, c - j as f64);
            let h = |i: usize, j: usize| f64::from(heights[i * cols + j]) / 10.0;
            h(i, j) * (1.0 - u) * (1.0 - v) + h(i, j + 1) * u * (1.0 - v) + h(i + 1, j) * (1.0 - u) * v + h(i + 1, j + 1) * u * v
        };
        let (low, high) = t.span_m(place(a.0, a.1), place(b.0, b.1), aside_m).unwrap();
        let d = (b.0 - a.0, b.1 - a.1);
        let len = d.0.hypot(d.1).max(1e-9);
        for k in 0..=40 {
            for s in -4..=4 {
                let (u, w) = (f64::from(k) / 40.0, f64::from(s) / 4.0 * aside_m);
                let p = (a.0 + u * d.0 - w * d.1 / len, a.1 + u * d.1 + w * d.0 / len);
                let h = ground(p.0, p.1);
                prop_assert!(h >= low - 1e-6 && h <= high + 1e-6, "{h} not in {low}..{high}");
                let own = t.height_m(place(p.0, p.1)).unwrap();
                // Places are rounded to 11 mm; 400 m of height over 80 m is 5 m a metre.
                prop_assert!((own - h).abs() < 0.3, "{own} {h}");
            }
        }
        // Not wider than the posts there are.
        prop_assert!(low >= 0.0 && high < 400.0);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read_hgt("N27E120.hgt", &bytes);
        let _ = read_geotiff("x.tif", &bytes, Some(VerticalDatum::Egm96), 9.0);
        let mut tiff = b"II*\0\x08\0\0\0".to_vec();
        tiff.extend(&bytes);
        let _ = read_geotiff("x.tif", &tiff, Some(VerticalDatum::Egm96), 9.0);
    }
}

#[test]
fn a_home_whose_height_is_not_that_of_the_ground_is_refused() {
    let bytes = tile(|_, _| Some(75.0));
    let v = with_ground(vec![square(700.0)], &bytes);
    let at_height = |m: f64| {
        let mut f = over_the_ridge(&v, 60.0);
        f.home.alt = Alt::from_metres(m).unwrap();
        refresh(&mut f);
        PatrolPlan::check(f)
    };
    assert!(at_height(75.0).is_ok());
    assert!(at_height(80.0).is_ok());
    // Some 13 m of geoid undulation here would go unseen in the error of a tile; 30 m do not.
    assert_eq!(at_height(105.0).unwrap_err().code, "plan.home_height");
}
