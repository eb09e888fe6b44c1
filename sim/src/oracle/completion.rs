//! Was the whole plan flown? Judged by where the aircraft truly was.

use crate::site::{Flat, Spot};

/// A place the plan goes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// Latitude, degrees.
    pub lat_deg: f64,
    /// Longitude, degrees.
    pub lon_deg: f64,
    /// Height above mean sea level, metres.
    pub alt_amsl_m: f64,
}

/// Ticks goals off in order.
#[derive(Debug)]
pub struct Completion {
    flat: Flat,
    goals: Vec<(Spot, f64)>,
    next: usize,
    home: Spot,
    came_home: bool,
}

impl Completion {
    /// Goals in order; a goal is met within `REACH_M` level and `REACH_UP_M` in height.
    #[must_use]
    pub fn new(goals: &[Goal], home_lat_deg: f64, home_lon_deg: f64) -> Self {
        let flat = Flat::about(home_lat_deg, home_lon_deg);
        Completion {
            flat,
            goals: goals
                .iter()
                .map(|g| (flat.spot(g.lat_deg, g.lon_deg), g.alt_amsl_m))
                .collect(),
            next: 0,
            home: Spot::new(0.0, 0.0),
            came_home: false,
        }
    }

    /// Level distance at which a goal counts as met, metres (autopilots cut corners: PX4 turns 2..10 m early).
    pub const REACH_M: f64 = 12.0;
    /// Height difference at which a goal counts as met, metres.
    pub const REACH_UP_M: f64 = 5.0;
    /// How near to home it must come to rest, metres.
    pub const HOME_M: f64 = 5.0;

    /// The world moved.
    pub fn observe(
        &mut self,
        airborne: bool,
        armed: bool,
        lat_deg: f64,
        lon_deg: f64,
        alt_amsl_m: f64,
    ) {
        let here = self.flat.spot(lat_deg, lon_deg);
        if airborne {
            self.came_home = false;
            while let Some((goal, alt_m)) = self.goals.get(self.next) {
                if here.distance_m(*goal) > Self::REACH_M
                    || (alt_amsl_m - alt_m).abs() > Self::REACH_UP_M
                {
                    break;
                }
                self.next += 1;
            }
        } else if !armed && self.next > 0 {
            self.came_home = here.distance_m(self.home) <= Self::HOME_M;
        }
    }

    /// Goals met so far.
    #[must_use]
    pub fn met(&self) -> usize {
        self.next
    }
    /// All goals.
    #[must_use]
    pub fn goals(&self) -> usize {
        self.goals.len()
    }
    /// Every goal met in order, and at rest at home with the motors off.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.next == self.goals.len() && self.came_home
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_count_in_order_and_only_when_flown_and_home_again() {
        let flat = Flat::about(27.787, 120.091);
        let goal = |x: f64, y: f64| {
            let (lat_deg, lon_deg) = flat.degrees(Spot::new(x, y));
            Goal {
                lat_deg,
                lon_deg,
                alt_amsl_m: 110.0,
            }
        };
        let goals = [goal(0.0, 0.0), goal(100.0, 0.0), goal(100.0, 50.0)];
        let mut c = Completion::new(&goals, 27.787, 120.091);
        let at = |c: &mut Completion, x: f64, y: f64, alt: f64, flying: bool| {
            let (lat, lon) = flat.degrees(Spot::new(x, y));
            c.observe(flying, flying, lat, lon, alt);
        };
        at(&mut c, 0.0, 0.0, 50.0, false);
        assert!(!c.is_complete(), "never left");
        at(&mut c, 0.0, 0.0, 108.0, true);
        at(&mut c, 100.0, 50.0, 110.0, true);
        assert_eq!(c.met(), 1, "the third does not count before the second");
        at(&mut c, 95.0, 3.0, 110.0, true);
        at(&mut c, 100.0, 45.0, 110.0, true);
        assert_eq!(c.met(), 3);
        at(&mut c, 40.0, 0.0, 50.0, false);
        assert!(!c.is_complete(), "landed elsewhere");
        at(&mut c, 1.0, 1.0, 50.0, false);
        assert!(c.is_complete());
    }
}
