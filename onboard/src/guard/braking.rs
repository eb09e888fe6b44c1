//! How well this autopilot with this airframe stops: believed with caution, then measured at every hold.
//!
//! Never believes more than the vehicle file says. Allocates nothing.

use crate::facts::Position;
use missions::plane::{EastNorth, LocalPlane};
use missions::vehicle::VehicleSpec;

/// Share of the file's braking that is believed before a hold was seen, on the plan's own legs.
const UNPROVEN: f64 = 0.7;
/// And off them, where nobody has proven where the aircraft slows.
const OFF_PLAN: f64 = 0.8;
/// Share of what was measured that is believed: the next wind may push.
const MEASURED: f64 = 0.85;
/// Reaction is taken to be this much longer than the file says.
const REACT: f64 = 1.3;
/// Slower holds tell nothing, m/s.
const LEAST_MPS: f64 = 4.0;
/// Standing, m/s.
const STANDS_MPS: f64 = 1.0;
/// Stops remembered; the worst of them counts.
const REMEMBERED: usize = 4;

#[derive(Clone, Copy, Debug)]
struct Stop {
    from_mps: f64,
    way_m: f64,
    last: EastNorth,
}

/// What was learnt.
#[derive(Clone, Copy, Debug, Default)]
pub struct Braking {
    stop: Option<Stop>,
    seen_mps2: [Option<f64>; REMEMBERED],
    next: usize,
}

impl Braking {
    /// Braking to reckon with, m/s².
    #[must_use]
    pub fn believed_mps2(&self, spec: &VehicleSpec, on_plan: bool) -> f64 {
        let worst = self
            .seen_mps2
            .iter()
            .flatten()
            .copied()
            .fold(f64::INFINITY, f64::min);
        let a = if worst.is_finite() {
            (MEASURED * worst).min(spec.brake_mps2)
        } else {
            UNPROVEN * spec.brake_mps2
        };
        (if on_plan { a } else { OFF_PLAN * a }).max(0.2)
    }
    /// Reaction to reckon with, seconds.
    #[must_use]
    pub fn react_s(spec: &VehicleSpec) -> f64 {
        REACT * spec.react_s
    }
    /// A hold was asked for at this position.
    pub fn begin(&mut self, plane: &LocalPlane, p: &Position) {
        let v = p.ground_speed_mps();
        self.stop = (v >= LEAST_MPS).then(|| Stop {
            from_mps: v,
            way_m: 0.0,
            last: plane.to_local(p.at),
        });
    }
    /// The hold ended otherwise.
    pub fn forget(&mut self) {
        self.stop = None;
    }
    /// A new position while it holds.
    pub fn follow(&mut self, spec: &VehicleSpec, plane: &LocalPlane, p: &Position) {
        let Some(s) = &mut self.stop else { return };
        let here = plane.to_local(p.at);
        s.way_m += here.distance_m(s.last);
        s.last = here;
        if p.ground_speed_mps() > STANDS_MPS {
            return;
        }
        let braked_m = s.way_m - s.from_mps * spec.react_s;
        let a = if braked_m > 0.1 {
            s.from_mps * s.from_mps / (2.0 * braked_m)
        } else {
            spec.brake_mps2
        };
        self.stop = None;
        if a.is_finite() {
            if let Some(slot) = self.seen_mps2.get_mut(self.next % REMEMBERED) {
                *slot = Some(a.clamp(0.2, 20.0));
            }
            self.next = (self.next + 1) % REMEMBERED;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use missions::place::LatLon;
    use missions::time::Mono;

    fn at(north_m: f64, speed_mps: f64, plane: &LocalPlane) -> Position {
        Position {
            at: plane.to_latlon(EastNorth::new(0.0, north_m)).unwrap(),
            alt_amsl_m: 100.0,
            above_home_m: 50.0,
            vel_ned: [speed_mps, 0.0, 0.0],
            boot_ms: 0,
            heard: Mono::ZERO,
        }
    }

    /// Stops from `v` with `a` after `react_s`, looked at ten times a second.
    fn stop(b: &mut Braking, v: f64, a: f64, react_s: f64) {
        let spec = VehicleSpec::default_quad();
        let plane = LocalPlane::new(LatLon::from_degrees(27.0, 120.0).unwrap());
        b.begin(&plane, &at(0.0, v, &plane));
        let (mut x, mut s) = (0.0, v);
        for tick in 0..400 {
            if f64::from(tick) * 0.1 >= react_s {
                s = f64::max(s - a * 0.1, 0.0);
            }
            x += s * 0.1;
            b.follow(&spec, &plane, &at(x, s, &plane));
        }
    }

    #[test]
    fn a_good_brake_earns_trust_and_a_bad_one_loses_it() {
        let spec = VehicleSpec::default_quad();
        let mut b = Braking::default();
        let unproven = b.believed_mps2(&spec, true);
        assert!((unproven - UNPROVEN * spec.brake_mps2).abs() < 1e-9);
        stop(&mut b, 10.0, 3.0, 0.5);
        let good = b.believed_mps2(&spec, true);
        assert!(good > unproven && good <= spec.brake_mps2, "{good}");
        stop(&mut b, 10.0, 1.5, 0.5);
        let bad = b.believed_mps2(&spec, true);
        assert!((1.0..1.5).contains(&bad), "{bad}");
        assert!(b.believed_mps2(&spec, false) < bad);
        // Never more than the file says, however well it stopped; the worst of four counts until they are gone.
        for _ in 0..4 {
            stop(&mut b, 10.0, 9.0, 0.1);
        }
        assert!((b.believed_mps2(&spec, true) - spec.brake_mps2).abs() < 1e-9);
    }

    #[test]
    fn a_slow_hold_teaches_nothing() {
        let spec = VehicleSpec::default_quad();
        let mut b = Braking::default();
        stop(&mut b, 2.0, 0.3, 0.5);
        assert!((b.believed_mps2(&spec, true) - UNPROVEN * spec.brake_mps2).abs() < 1e-9);
    }
}
