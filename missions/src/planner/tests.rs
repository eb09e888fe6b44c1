use super::*;
use crate::time::Utc;

pub(crate) fn request() -> PatrolRequest {
    let from = Utc::from_rfc3339("2026-10-01T12:00:00Z").unwrap();
    let until = Utc::from_rfc3339("2026-10-01T12:10:00Z").unwrap();
    PatrolRequest {
        name: "evening".into(),
        pattern: Pattern::Sweep {
            swath_m: 45.0,
            angle_deg: None,
        },
        alt: Alt::from_metres(60.0).unwrap(),
        speed_mps: None,
        margin_m: 5.0,
        launch_window: Window { from, until },
        area: None,
        on_link_loss: OnLinkLoss::HoldThenReturn { wait_s: 10.0 },
        over_crowds: false,
    }
}

/// The demonstration patrol, for other tests.
pub(crate) fn sixi() -> PatrolPlan {
    plan_patrol(
        &Venue::sixi_river(),
        &VehicleSpec::default_quad(),
        &request(),
    )
    .unwrap()
}

#[test]
fn the_evening_sweep_over_the_sixi_is_legal_and_fits_one_battery() {
    let plan = plan_patrol(
        &Venue::sixi_river(),
        &VehicleSpec::default_quad(),
        &request(),
    )
    .unwrap();
    let e = plan.file().estimate;
    println!(
        "sweep: {} items, {:.0} m, {:.0} s, {:.0} Wh, reserve {:.0} %, clearance {:.1} m, return at {:.0} m",
        plan.items().len(),
        e.distance_m,
        e.time_s,
        e.energy_wh,
        e.reserve_pct,
        plan.min_clearance_m(),
        plan.file().return_alt.metres()
    );
    assert!(plan.min_clearance_m() >= plan.margin_m());
    let again = PatrolPlan::from_json(&plan.to_json()).unwrap();
    assert_eq!(again.hash(), plan.hash());
}

#[test]
fn the_perimeter_of_the_sixi_is_legal() {
    let r = PatrolRequest {
        pattern: Pattern::Perimeter { offset_m: 20.0 },
        ..request()
    };
    let plan = plan_patrol(&Venue::sixi_river(), &VehicleSpec::default_quad(), &r).unwrap();
    println!(
        "perimeter: {} items, {:.0} m, {:.0} s",
        plan.items().len(),
        plan.file().estimate.distance_m,
        plan.file().estimate.time_s
    );
}
