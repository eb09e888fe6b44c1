//! The airframe with its cascade, no autopilot: does it fly as a quadrotor of its class does?

use super::control::{Controller, Gains};
use super::guide::{Guide, Leg, Limits, Order, StopLaw, corner_speed};
use super::{AirframeSpec, Body};
use crate::world::wind::{Wind, WindSpec};
use nalgebra::Vector3;

const STEP_S: f64 = 0.01;
const LIMITS: Limits = Limits {
    speed_mps: 8.0,
    climb_mps: 2.5,
    descend_mps: 1.5,
    accel_mps2: 3.0,
    accel_vertical_mps2: 2.0,
    jerk_mps3: 4.0,
    stop: StopLaw::JerkLimited,
};

struct Rig {
    body: Body,
    guide: Guide,
    controller: Controller,
    wind: Wind,
}

impl Rig {
    /// In the air at 40 m, at rest, the controller settled, in a mean wind with gusts as the standard has them.
    fn in_the_air(wind_mps: f64) -> Self {
        let gains = Gains {
            position_p: 1.0,
            velocity_p: 2.0,
            velocity_i: 1.0,
        };
        let at = Vector3::new(0.0, 0.0, -40.0);
        let mut body = Body::new(AirframeSpec::default(), 0.0, 1.0);
        body.position_ned_m = at;
        body.on_ground = false;
        body.thrust_n = body.weight_n();
        let spec = WindSpec {
            mean_mps: (wind_mps, wind_mps),
            gusts: 1.0,
            from_deg: None,
        };
        let mut rig = Rig {
            body,
            guide: Guide::new(LIMITS, at, 0.0),
            controller: Controller::new(gains, gains),
            wind: Wind::new(spec, 4, 9),
        };
        rig.run(20.0, &Order::Brake);
        rig
    }

    fn step(&mut self, order: &Order) {
        self.guide.step(STEP_S, order);
        let v = self.body.velocity_ned_mps;
        let wind = self
            .wind
            .step(STEP_S, -self.body.position_ned_m.z, [v.x, v.y, v.z]);
        let spec = self.body.spec().clone();
        let demand = self.controller.step(
            STEP_S,
            &spec,
            self.guide.target(),
            self.body.position_ned_m,
            v,
            self.body.rpy_rad.z,
        );
        self.body.step(STEP_S, Some(&demand), Vector3::from(wind));
    }

    fn run(&mut self, seconds: f64, order: &Order) {
        for _ in 0..(seconds / STEP_S) as usize {
            self.step(order);
        }
    }
}

fn leg(north_m: f64) -> Order {
    Order::Fly(Leg {
        from: Vector3::new(0.0, 0.0, -40.0),
        to: Vector3::new(north_m, 0.0, -40.0),
        end_speed_mps: 0.0,
    })
}

#[test]
fn hovering_it_stands_still_in_a_fresh_breeze_leaning_into_it() {
    let mut rig = Rig::in_the_air(8.0);
    let (mut worst_m, mut worst_mps, mut tilt) = (0.0_f64, 0.0_f64, 0.0);
    for _ in 0..6_000 {
        rig.step(&Order::Brake);
        worst_m = worst_m.max((rig.body.position_ned_m - Vector3::new(0.0, 0.0, -40.0)).norm());
        worst_mps = worst_mps.max(rig.body.velocity_ned_mps.norm());
        tilt += rig.body.rpy_rad.xy().norm() / 6_000.0;
    }
    assert!(worst_m < 1.5, "{worst_m} m");
    assert!(worst_mps < 0.8, "{worst_mps} m/s");
    // Drag ½·ρ·A·v² = 1.6 N on 2 kg at 8 m/s is balanced by leaning 4.7°.
    assert!(
        (2.5..8.0).contains(&tilt.to_degrees()),
        "{}°",
        tilt.to_degrees()
    );
}

#[test]
fn it_reaches_its_cruise_speed_keeps_it_and_its_height() {
    let mut rig = Rig::in_the_air(0.0);
    rig.run(8.0, &leg(400.0));
    for _ in 0..1_000 {
        rig.step(&leg(400.0));
        let v = rig.body.velocity_ned_mps;
        assert!((v.x - 8.0).abs() < 0.4, "{v:?}");
        assert!((rig.body.position_ned_m.z + 40.0).abs() < 0.5);
        assert!(rig.body.position_ned_m.y.abs() < 0.3);
    }
}

#[test]
fn braking_takes_the_way_its_deceleration_gives_and_does_not_spring_back() {
    let mut rig = Rig::in_the_air(3.0);
    rig.run(12.0, &leg(400.0));
    let (from, v) = (rig.body.position_ned_m.x, rig.body.velocity_ned_mps.x);
    let (mut seconds, mut furthest) = (0.0, from);
    while rig.body.velocity_ned_mps.norm() > 0.3 {
        rig.step(&Order::Brake);
        seconds += STEP_S;
        furthest = furthest.max(rig.body.position_ned_m.x);
        assert!(seconds < 10.0);
    }
    let way_m = furthest - from;
    let shortest_m = v * v / (2.0 * LIMITS.accel_mps2);
    assert!(
        way_m > shortest_m && way_m < 2.2 * shortest_m,
        "{way_m} m from {v} m/s, at best {shortest_m} m"
    );
    rig.run(5.0, &Order::Brake);
    assert!(
        furthest - rig.body.position_ned_m.x < 1.5,
        "it came back by {} m",
        furthest - rig.body.position_ned_m.x
    );
}

#[test]
fn it_stops_at_the_end_of_a_leg_without_passing_it() {
    for stop in [StopLaw::JerkLimited, StopLaw::SquareRoot] {
        for jerk_mps3 in [1.0, 4.0] {
            let mut rig = Rig::in_the_air(0.0);
            rig.guide.set_limits(Limits {
                stop,
                jerk_mps3,
                ..LIMITS
            });
            let mut furthest_m = 0.0_f64;
            for _ in 0..4_000 {
                rig.step(&leg(60.0));
                furthest_m = furthest_m.max(rig.body.position_ned_m.x);
            }
            assert!(furthest_m < 62.0, "{stop:?} {jerk_mps3}: {furthest_m} m");
            assert!(
                (rig.body.position_ned_m.x - 60.0).abs() < 0.5,
                "{stop:?} {jerk_mps3}"
            );
        }
    }
}

#[test]
fn the_target_keeps_its_limits() {
    let mut guide = Guide::new(LIMITS, Vector3::zeros(), 0.0);
    let order = Order::Fly(Leg {
        from: Vector3::zeros(),
        to: Vector3::new(90.0, -70.0, -60.0),
        end_speed_mps: 0.0,
    });
    for _ in 0..6_000 {
        guide.step(STEP_S, &order);
        let t = guide.target();
        assert!(t.velocity_ned_mps.xy().norm() < LIMITS.speed_mps + 0.3);
        assert!(t.acceleration_ned_mps2.xy().norm() < LIMITS.accel_mps2 + 0.1);
        assert!(
            -t.velocity_ned_mps.z < LIMITS.climb_mps + 0.3
                && t.velocity_ned_mps.z < LIMITS.descend_mps + 0.3
        );
    }
    assert!((guide.target().position_ned_m - Vector3::new(90.0, -70.0, -60.0)).norm() < 0.5);
}

#[test]
fn sharp_corners_are_slow_and_straight_ones_are_not() {
    assert_eq!(corner_speed(0.0, 2.0, 3.0, 8.0), 8.0);
    let right_angle = corner_speed(std::f64::consts::FRAC_PI_2, 2.0, 3.0, 8.0);
    // √(a·r·tan 45°)
    assert!((right_angle - 6f64.sqrt()).abs() < 1e-9);
    assert!(corner_speed(3.1, 2.0, 3.0, 8.0) < 0.5);
}

#[test]
fn the_battery_sags_under_load_drains_faster_when_climbing_and_weakens_the_motors() {
    let mut rig = Rig::in_the_air(0.0);
    let rest_v = super::battery::Battery::new(rig.body.spec(), 1.0).voltage_v();
    let hover_v = rig.body.battery.voltage_v();
    assert!(
        (0.2..1.5).contains(&(rest_v - hover_v)),
        "{rest_v} V at rest, {hover_v} V in hover"
    );
    let drain = |rig: &mut Rig, order: &Order| {
        let before = rig.body.battery.used_mah();
        rig.run(10.0, order);
        rig.body.battery.used_mah() - before
    };
    let hovering = drain(&mut rig, &Order::Brake);
    let climbing = drain(&mut rig, &Order::Velocity(Vector3::new(0.0, 0.0, -2.5)));
    assert!(climbing > 1.02 * hovering, "{hovering} mAh, {climbing} mAh");
    let empty = super::battery::Battery::new(rig.body.spec(), 0.05);
    assert!(empty.thrust_share() < 0.9 * rig.body.battery.thrust_share());
}

#[test]
fn on_the_ground_it_neither_slides_nor_lifts_until_thrust_exceeds_weight() {
    let mut body = Body::new(AirframeSpec::default(), 1.0, 1.0);
    for _ in 0..1_000 {
        body.step(STEP_S, None, Vector3::new(12.0, 3.0, 0.0));
    }
    assert_eq!(body.position_ned_m, Vector3::zeros());
    let just_less = super::control::Demand {
        thrust_mps2: 9.7,
        ..Default::default()
    };
    for _ in 0..500 {
        body.step(STEP_S, Some(&just_less), Vector3::zeros());
    }
    assert!(body.on_ground);
    let more = super::control::Demand {
        thrust_mps2: 11.0,
        ..Default::default()
    };
    for _ in 0..200 {
        body.step(STEP_S, Some(&more), Vector3::zeros());
    }
    assert!(!body.on_ground && body.position_ned_m.z < -0.3);
    // Motors stopped aloft: a multicopter falls.
    for _ in 0..500 {
        body.step(STEP_S, None, Vector3::zeros());
    }
    assert!(body.on_ground);
}
