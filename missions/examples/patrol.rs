//! Plans that fly over a venue file or the shipped venue, at several efforts, with their figures: `cargo run --release -p
//! missions --example patrol -- [VENUE.geojson] [SWATH] [HEIGHT]`. Times are the caller's to take.

use missions::flight::OnLinkLoss;
use missions::place::Alt;
use missions::planner::{PatrolRequest, Pattern, PlanEffort, plan_patrol_within};
use missions::time::{Utc, Window};
use missions::vehicle::VehicleSpec;
use missions::venue::Venue;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let venue = match args.first() {
        Some(path) => Venue::from_geojson(&std::fs::read_to_string(path)?)?,
        None => Venue::sixi_river(),
    };
    let number = |i: usize, or: f64| args.get(i).map_or(Ok(or), |a| a.parse());
    let (swath_m, alt_m) = (number(1, 54.0)?, number(2, 60.0)?);
    let request = PatrolRequest {
        name: "example".into(),
        pattern: Pattern::Sweep {
            swath_m,
            angle_deg: None,
        },
        alt: Alt::from_metres(alt_m)?,
        speed_mps: None,
        margin_m: 5.0,
        launch_window: Window {
            from: Utc::from_rfc3339("2026-10-01T12:00:00Z").ok_or("no time")?,
            until: Utc::from_rfc3339("2026-10-01T12:10:00Z").ok_or("no time")?,
        },
        area: None,
        on_link_loss: OnLinkLoss::HoldThenReturn { wait_s: 10.0 },
        over_crowds: false,
        wind: missions::energy::Wind::default(),
    };
    for moves in [Some(0), Some(5_000), None, Some(400_000)] {
        let effort = PlanEffort {
            moves,
            ..PlanEffort::default()
        };
        let vehicle = VehicleSpec::default_quad();
        match plan_patrol_within(&venue, &vehicle, &request, &effort, || false) {
            Ok(p) => {
                let e = p.plan.file().estimate;
                println!(
                    "moves {moves:?}: {} items, {:.0} m ({:.0} m of pattern), {:.0} s, {:.0} Wh, {:.0} m left out, return at {:.0} m",
                    p.plan.items().len(),
                    e.distance_m,
                    p.pattern_m,
                    e.time_s,
                    e.energy_wh,
                    e.left_out_m,
                    p.plan.file().return_alt.metres()
                );
                for l in p.left_out.iter().take(5) {
                    println!("  {l}");
                }
            }
            Err(e) => println!("moves {moves:?}: {e}"),
        }
    }
    Ok(())
}
