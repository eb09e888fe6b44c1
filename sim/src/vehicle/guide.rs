//! The outer loop: a moving target that goes along legs with limited speed, acceleration and jerk.
//!
//! Works in the *estimated* frame. Corners are rounded as the real autopilots do: within the acceptance radius of a
//! corner the leg is switched, at a speed for which the turn fits (PX4: `computeMaxSpeedInWaypoint`).

use super::control::Target;
use nalgebra::{Vector2, Vector3};

/// Limits of the motion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Ground speed, m/s.
    pub speed_mps: f64,
    /// Climb, m/s.
    pub climb_mps: f64,
    /// Descent, m/s.
    pub descend_mps: f64,
    /// Horizontal acceleration, m/s².
    pub accel_mps2: f64,
    /// Vertical acceleration, m/s².
    pub accel_vertical_mps2: f64,
    /// Jerk while it gets faster, m/s³.
    pub jerk_mps3: f64,
    /// How fast it may still be before a point.
    pub stop: StopLaw,
}

/// Speed that is still allowed at some distance before a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StopLaw {
    /// Constant deceleration, linear near the end (ArduPilot's square-root controller).
    SquareRoot,
    /// With time left to build the deceleration up (PX4's `computeMaxSpeedFromDistance`).
    JerkLimited,
}

/// Jerk while it gets slower or turns, m/s³: an airframe tilts back faster than a planner lets it speed up.
const JERK_BRAKING_MPS3: f64 = 8.0;

impl StopLaw {
    /// Speed from which `end_mps` is reached within `distance_m`, m/s.
    #[must_use]
    pub fn speed(self, distance_m: f64, end_mps: f64, accel_mps2: f64, jerk_mps3: f64) -> f64 {
        let d = distance_m.max(0.0);
        match self {
            StopLaw::SquareRoot if end_mps > 0.1 => {
                (end_mps * end_mps + 2.0 * 0.85 * accel_mps2 * d).sqrt()
            }
            StopLaw::SquareRoot => approach_speed(d, 0.85 * accel_mps2, 0.9),
            StopLaw::JerkLimited => {
                let b = 4.0 * accel_mps2 * accel_mps2 / jerk_mps3;
                let c = 2.0 * accel_mps2 * d + end_mps * end_mps;
                0.5 * ((b * b + 4.0 * c).sqrt() - b)
            }
        }
    }
}

/// A straight leg.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leg {
    /// Where it begins, m north, east, down.
    pub from: Vector3<f64>,
    /// Where it ends.
    pub to: Vector3<f64>,
    /// Speed with which its end may be passed, m/s (0: stop there).
    pub end_speed_mps: f64,
}

/// What the target is to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Order {
    /// Follow a leg, then stay at its end.
    Fly(Leg),
    /// Stop as fast as the limits allow and stay there.
    Brake,
    /// Move with this velocity, m/s (take-off, landing: vertical part only follows it).
    Velocity(Vector3<f64>),
}

/// The moving target.
#[derive(Clone, Debug)]
pub struct Guide {
    limits: Limits,
    target: Target,
}

/// Speed from which one can still stop in `distance_m` (square-root controller: linear near the end).
fn approach_speed(distance_m: f64, accel_mps2: f64, p: f64) -> f64 {
    let linear = accel_mps2 / (p * p);
    if distance_m > linear {
        (2.0 * accel_mps2 * (distance_m - linear / 2.0)).sqrt()
    } else {
        distance_m * p
    }
}

fn limited(v: Vector2<f64>, most: f64) -> Vector2<f64> {
    let n = v.norm();
    if n > most { v * (most / n) } else { v }
}

/// Speed for a corner of `turn_rad` (0: straight on) rounded within `radius_m`.
#[must_use]
pub fn corner_speed(turn_rad: f64, radius_m: f64, accel_mps2: f64, cruise_mps: f64) -> f64 {
    let inner = std::f64::consts::PI - turn_rad.abs();
    let t = (inner / 2.0).tan();
    if t > 1e6 {
        return cruise_mps;
    }
    (accel_mps2 * radius_m * t.max(0.0)).sqrt().min(cruise_mps)
}

impl Guide {
    /// A target at rest.
    #[must_use]
    pub fn new(limits: Limits, at: Vector3<f64>, yaw_rad: f64) -> Self {
        Guide {
            limits,
            target: Target {
                position_ned_m: at,
                yaw_rad,
                ..Target::default()
            },
        }
    }

    /// Other limits from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }
    /// The limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
    /// Puts the target at rest where the aircraft is.
    pub fn reset(&mut self, at: Vector3<f64>, velocity: Vector3<f64>, yaw_rad: f64) {
        self.target = Target {
            position_ned_m: at,
            velocity_ned_mps: velocity,
            acceleration_ned_mps2: Vector3::zeros(),
            yaw_rad,
        };
    }
    /// Puts the target over a place, m north and east, without touching how it moves: a velocity is flown, no place is held.
    pub fn stand_over(&mut self, at: Vector2<f64>) {
        self.target.position_ned_m.x = at.x;
        self.target.position_ned_m.y = at.y;
    }
    /// Turns the nose.
    pub fn face(&mut self, yaw_rad: f64) {
        self.target.yaw_rad = yaw_rad;
    }
    /// The target now.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    fn wanted_velocity(&self, order: &Order) -> Vector3<f64> {
        let p = self.target.position_ned_m;
        let l = &self.limits;
        match order {
            Order::Brake => Vector3::zeros(),
            Order::Velocity(v) => *v,
            Order::Fly(leg) => {
                let along = (leg.to - leg.from).xy();
                let length = along.norm();
                let to_end = (leg.to - p).xy();
                let brake = l.accel_mps2 * 0.7;
                let flat = if length > 0.5 {
                    let u = along / length;
                    let left = to_end.dot(&u);
                    let aside = to_end - u * left;
                    // Past the end it comes back to it.
                    let end = if left > 0.0 {
                        leg.end_speed_mps.min(l.speed_mps)
                    } else {
                        0.0
                    };
                    let speed = l.stop.speed(left.abs(), end, l.accel_mps2, l.jerk_mps3);
                    let forward = u * (speed.min(l.speed_mps) * left.signum());
                    let back = approach_speed(aside.norm(), brake, 1.0).min(l.speed_mps);
                    let back = if aside.norm() > 1e-9 {
                        aside.normalize() * back
                    } else {
                        aside
                    };
                    limited(forward + back, l.speed_mps)
                } else if to_end.norm() > 1e-9 {
                    let speed = l.stop.speed(to_end.norm(), 0.0, l.accel_mps2, l.jerk_mps3);
                    to_end.normalize() * speed.min(l.speed_mps)
                } else {
                    to_end
                };
                // Height goes along the leg; on a leg without length straight to the end.
                let share = if length > 2.0 {
                    (1.0 - to_end.norm() / length).clamp(0.0, 1.0)
                } else {
                    1.0
                };
                let height_at = |s: f64| leg.from.z + (leg.to.z - leg.from.z) * s;
                let slope = if length > 2.0 {
                    (leg.to.z - leg.from.z) / length * flat.norm()
                } else {
                    0.0
                };
                let dz = height_at(share) - p.z;
                let v = slope
                    + dz.signum()
                        * l.stop
                            .speed(dz.abs(), 0.0, l.accel_vertical_mps2, l.jerk_mps3.max(4.0));
                Vector3::new(flat.x, flat.y, v.clamp(-l.climb_mps, l.descend_mps))
            }
        }
    }

    /// Moves the target on.
    pub fn step(&mut self, dt_s: f64, order: &Order) {
        let wanted = self.wanted_velocity(order);
        let l = self.limits;
        let t = &mut self.target;
        let flat = limited((wanted - t.velocity_ned_mps).xy() * 2.2, l.accel_mps2);
        let vertical = ((wanted.z - t.velocity_ned_mps.z) * 3.0)
            .clamp(-l.accel_vertical_mps2, l.accel_vertical_mps2);
        let faster = flat.dot(&t.velocity_ned_mps.xy()) >= 0.0
            && wanted.xy().norm() > t.velocity_ned_mps.xy().norm();
        // Speeding up ends as gently as it begins.
        let flat = if faster {
            let short = (wanted.xy() - t.velocity_ned_mps.xy()).norm();
            limited(flat, (2.0 * l.jerk_mps3 * short).sqrt())
        } else {
            flat
        };
        let wish = flat - t.acceleration_ned_mps2.xy();
        let step = if faster && wish.dot(&flat) > 0.0 {
            l.jerk_mps3
        } else {
            JERK_BRAKING_MPS3
        } * dt_s;
        let change = limited(wish, step);
        t.acceleration_ned_mps2.x += change.x;
        t.acceleration_ned_mps2.y += change.y;
        t.acceleration_ned_mps2.z += (vertical - t.acceleration_ned_mps2.z).clamp(
            -2.0 * JERK_BRAKING_MPS3 * dt_s,
            2.0 * JERK_BRAKING_MPS3 * dt_s,
        );
        t.velocity_ned_mps += t.acceleration_ned_mps2 * dt_s;
        t.position_ned_m += t.velocity_ned_mps * dt_s;
    }
}
