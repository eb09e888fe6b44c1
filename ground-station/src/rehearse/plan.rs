//! The demonstration's plan: a sweep of the shipped venue, varied a little by the seed.
//!
//! Planned by `missions::planner` like any other; never looks at what the simulator stages.

use anyhow::Context;
use missions::{
    flight::OnLinkLoss,
    place::Alt,
    plan::PatrolPlan,
    planner::{PatrolRequest, Pattern, plan_patrol},
    time::{Utc, Window},
    vehicle::VehicleSpec,
    venue::Venue,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::time::Duration;

/// The shipped venue's file, as the world and the oracle read it: by a reader of their own.
pub const SIXI_GEOJSON: &str = include_str!("../../../missions/venues/sixi-river.geojson");
/// How long after its start the demonstration may be launched.
const LAUNCH_WITHIN: Duration = Duration::from_secs(8 * 60);
/// Swath as a share of the height: a camera 50 degrees across sees 0.93 of it.
const SWATH_SHARE: f64 = 0.9;
/// Stream of the generator, apart from every stream of the world.
const STREAM: u64 = 0x91A7;

/// The wish behind the demonstration's plan. `start`: world UTC when the demonstration begins.
///
/// # Errors
/// Never in a tested build: the heights drawn are numbers.
pub fn demo_request(seed: u64, start: Utc) -> anyhow::Result<PatrolRequest> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(STREAM);
    // Whole metres and halves of m/s: what a person would type. Outside of these heights the show box or the
    // camera's sight of a person leaves nothing worth flying.
    let alt_m = f64::from(rng.random_range(55u32..=62));
    let speed_mps = f64::from(rng.random_range(14u32..=16)) / 2.0;
    Ok(PatrolRequest {
        name: format!("Sixi evening {seed}"),
        pattern: Pattern::Sweep {
            swath_m: (alt_m * SWATH_SHARE).round(),
            angle_deg: None,
        },
        alt: Alt::from_metres(alt_m)?,
        speed_mps: Some(speed_mps),
        margin_m: 5.0,
        launch_window: Window {
            from: Utc(start.0 - 60_000_000),
            until: start.after(LAUNCH_WITHIN),
        },
        area: None,
        on_link_loss: OnLinkLoss::HoldThenReturn { wait_s: 10.0 },
        over_crowds: false,
        wind: missions::energy::Wind::default(),
    })
}

/// The plan of the demonstration over `venue`.
///
/// # Errors
/// When the planner refuses: its reason says why.
pub fn demo_plan(venue: &Venue, seed: u64, start: Utc) -> anyhow::Result<PatrolPlan> {
    let request = demo_request(seed, start)?;
    plan_patrol(venue, &VehicleSpec::default_quad(), &request).with_context(|| {
        format!(
            "planning the demonstration over {} at seed {seed}",
            venue.name
        )
    })
}
