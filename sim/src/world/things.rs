//! Things in the world: where each one is at every moment.

use crate::site::Spot;
use missions::time::Mono;

/// What a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ThingKind {
    /// A person where nobody may be: must be flagged.
    Person,
    /// A drone nobody knows, broadcasting Remote ID: must be flagged.
    UnknownDrone,
    /// Decoy: a car's warm bonnet inside a watch zone.
    WarmBonnet,
    /// Decoy: our own Remote ID, heard by our own receiver.
    OwnRemoteId,
    /// Decoy: a drone of the show, on the roster.
    RosterDrone,
    /// A spectator in a crowd area, where people may be. Scenery, and an alarm about one is false.
    Bystander,
    /// One of many who break through the barrier into a watch zone: an alarm about any of them is right, one is enough.
    Surge,
}

impl ThingKind {
    /// Whether the patrol must report it, once.
    #[must_use]
    pub fn must_be_flagged(self) -> bool {
        matches!(self, ThingKind::Person | ThingKind::UnknownDrone)
    }
    /// Whether it was put there to be mistaken for something.
    #[must_use]
    pub fn is_decoy(self) -> bool {
        matches!(
            self,
            ThingKind::WarmBonnet | ThingKind::OwnRemoteId | ThingKind::RosterDrone
        )
    }
    /// Whether a thermal camera sees it on the ground.
    #[must_use]
    pub fn is_warm(self) -> bool {
        matches!(
            self,
            ThingKind::Person | ThingKind::WarmBonnet | ThingKind::Bystander | ThingKind::Surge
        )
    }
    /// Whether it broadcasts Remote ID.
    #[must_use]
    pub fn broadcasts(self) -> bool {
        matches!(self, ThingKind::UnknownDrone | ThingKind::RosterDrone)
    }
}

/// A corner of a thing's path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Knot {
    /// When it is there.
    pub at: Mono,
    /// Where.
    pub spot: Spot,
    /// Height above the ground, metres.
    pub above_ground_m: f64,
}

/// One thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Thing {
    /// Counts from 1 in one simulation.
    pub id: u32,
    /// What.
    pub kind: ThingKind,
    /// Zone id for what stands in a zone, Remote ID serial for what broadcasts.
    pub subject: String,
    /// When it appears.
    pub from: Mono,
    /// When it is gone.
    pub until: Mono,
    /// Corners in order of time, at least one; it stands at the first before and at the last after.
    pub path: Vec<Knot>,
    /// Size on the ground, metres: along its heading, across it.
    pub size_m: (f64, f64),
    /// Heading of its long side, radians clockwise from north.
    pub heading_rad: f64,
    /// Surface temperature, kelvin.
    pub kelvin: f64,
}

impl Thing {
    /// Whether it is in the world at `now`.
    #[must_use]
    pub fn is_present(&self, now: Mono) -> bool {
        self.from <= now && now < self.until
    }

    /// Where its path puts it at `now`: spot and height above the ground in metres.
    #[must_use]
    pub fn place(&self, now: Mono) -> (Spot, f64) {
        let after = self.path.iter().position(|k| k.at > now);
        match (after, self.path.last()) {
            (_, None) => (Spot::new(0.0, 0.0), 0.0),
            (None, Some(last)) => (last.spot, last.above_ground_m),
            (Some(0), Some(_)) => (self.path[0].spot, self.path[0].above_ground_m),
            (Some(i), Some(_)) => {
                let (a, b) = (self.path[i - 1], self.path[i]);
                let t = now.since(a.at).as_secs_f64() / b.at.since(a.at).as_secs_f64();
                let mix = |x: f64, y: f64| x + (y - x) * t;
                (
                    Spot::new(mix(a.spot.x_m, b.spot.x_m), mix(a.spot.y_m, b.spot.y_m)),
                    mix(a.above_ground_m, b.above_ground_m),
                )
            }
        }
    }

    /// Velocity at `now`: east, north, up, metres a second.
    #[must_use]
    pub fn velocity_mps(&self, now: Mono) -> (f64, f64, f64) {
        let step_s = 0.1;
        let later = Mono(now.0.saturating_add(100_000));
        let ((a, ha), (b, hb)) = (self.place(now), self.place(later));
        (
            (b.x_m - a.x_m) / step_s,
            (b.y_m - a.y_m) / step_s,
            (hb - ha) / step_s,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_walks_from_knot_to_knot_and_waits_at_the_ends() {
        let knot = |s: u64, x: f64| Knot {
            at: Mono::from_millis(s * 1000),
            spot: Spot::new(x, 0.0),
            above_ground_m: x,
        };
        let thing = Thing {
            id: 1,
            kind: ThingKind::UnknownDrone,
            subject: "X".into(),
            from: Mono::from_millis(10_000),
            until: Mono::from_millis(30_000),
            path: vec![knot(10, 0.0), knot(20, 50.0)],
            size_m: (0.3, 0.3),
            heading_rad: 0.0,
            kelvin: 300.0,
        };
        assert!(!thing.is_present(Mono::from_millis(9_999)));
        assert!(!thing.is_present(Mono::from_millis(30_000)));
        assert_eq!(thing.place(Mono::ZERO).0.x_m, 0.0);
        assert_eq!(
            thing.place(Mono::from_millis(15_000)),
            (Spot::new(25.0, 0.0), 25.0)
        );
        assert_eq!(thing.place(Mono::from_millis(29_000)).0.x_m, 50.0);
        assert!((thing.velocity_mps(Mono::from_millis(12_000)).0 - 5.0).abs() < 1e-9);
    }
}
