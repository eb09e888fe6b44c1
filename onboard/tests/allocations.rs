//! The guard allocates nothing, whatever it sees. Counted by an allocator, in a process of its own.

use missions::fence::Fence;
use missions::flight::{OnLinkLoss, Response};
use missions::place::{Alt, LatLon};
use missions::plane::EastNorth;
use missions::planner::{PatrolRequest, Pattern, plan_patrol};
use missions::time::{Mono, Now, Reading, Utc, Window};
use missions::vehicle::VehicleSpec;
use missions::venue::Venue;
use onboard::facts::{Heard, Mode, Position};
use onboard::guard::{Guard, GuardIn};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const START: Utc = Utc(1_790_856_120_000_000);

fn plan() -> missions::plan::PatrolPlan {
    plan_patrol(
        &Venue::sixi_river(),
        &VehicleSpec::default_quad(),
        &PatrolRequest {
            name: "round".into(),
            pattern: Pattern::Perimeter { offset_m: 25.0 },
            alt: Alt::from_metres(60.0).unwrap(),
            speed_mps: None,
            margin_m: 0.0,
            launch_window: Window {
                from: START,
                until: Utc(START.0 + 480_000_000),
            },
            area: None,
            on_link_loss: OnLinkLoss::Return,
            over_crowds: false,
            wind: missions::energy::Wind::default(),
        },
    )
    .unwrap()
}

/// Flights that wander, leap, freeze, run out and come back, with and without clocks: every answer of the guard.
fn looks(fence: &Fence, spec: &VehicleSpec, n: u64) -> [u64; 5] {
    let mut seen = [0u64; 5];
    let mut guard = Guard::default();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let (mut e, mut north) = (0.0f64, 0.0f64);
    let mut vel = [0.0f64; 3];
    for k in 0..n {
        let mono = Mono(k * 100_000);
        if k % 50 == 0 {
            vel = [
                rng.random_range(-12.0..12.0),
                rng.random_range(-12.0..12.0),
                rng.random_range(-3.0..3.0),
            ];
        }
        if k % 400 == 0 {
            (e, north) = (
                rng.random_range(-200.0..200.0),
                rng.random_range(-200.0..200.0),
            );
        }
        let [vn, ve, _] = vel;
        e += ve * 0.1;
        north += vn * 0.1;
        let weird = rng.random_range(0..40u32);
        let at = fence
            .plane()
            .to_latlon(EastNorth::new(e, north))
            .unwrap_or(LatLon::from_degrees(0.0, 0.0).unwrap());
        let position = Position {
            at,
            alt_amsl_m: match weird {
                0 => f64::NAN,
                1 => f64::INFINITY,
                _ => 90.0 + 60.0 * (k as f64 * 0.01).sin(),
            },
            above_home_m: 40.0,
            vel_ned: if weird == 2 { [f64::NAN; 3] } else { vel },
            boot_ms: (k * 100) as u32,
            heard: mono,
        };
        let found = guard.look(&GuardIn {
            now: Now {
                mono,
                utc: match weird {
                    3 => Reading::Missing,
                    4 => Reading::Valid(Utc(i64::MAX)),
                    _ => Reading::Valid(Utc(START.0 + (k * 100_000) as i64)),
                },
            },
            fence,
            spec,
            position: (weird != 5).then_some(position),
            position_error_m: (weird != 6).then_some(0.9),
            mode: Some(Heard {
                value: if k % 90 < 45 {
                    Mode::Hold
                } else {
                    Mode::Mission
                },
                at: mono,
            }),
            airborne: k % 3_000 > 5,
            landing: weird == 7,
            safety_pilot: k % 1_000 > 960,
        });
        let i = match found.response {
            Response::Continue => 0,
            Response::Warn => 1,
            Response::Hold => 2,
            Response::Return => 3,
            Response::LandHere => 4,
        };
        seen[i] += 1;
    }
    seen
}

#[test]
fn the_guard_allocates_nothing_whatever_it_sees() {
    let p = plan();
    let spec = p.file().vehicle.clone();
    // Once before, so that nothing lazy of the platform is counted.
    looks(p.fence(), &spec, 10);
    let region = Region::new(ALLOCATOR);
    let seen = looks(p.fence(), &spec, 60_000);
    let change = region.change();
    assert_eq!(
        (change.allocations, change.reallocations),
        (0, 0),
        "{change:?}"
    );
    assert!(
        seen.iter().all(|n| *n > 0),
        "every answer was given: {seen:?}"
    );
    // And the count would have seen one.
    let region = Region::new(ALLOCATOR);
    std::hint::black_box(vec![1u8]);
    assert_eq!(region.change().allocations, 1);
}
