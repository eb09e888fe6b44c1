//! What stands in the way, in figures: which leg, which zone, by how much, when. The words come from `Display`.

use super::patterns::Why;
use crate::fence::contain::Rules;
use crate::fence::{Fence, Leg, LegFault, Obstacle};
use crate::place::LatLon;
use crate::plan::{PlanFault, PlanFile, Returns, StepKind, margin_m, steps};
use crate::time::Window;
use crate::venue::Venue;
use serde::Serialize;
use std::fmt;

/// What stands in the way of a leg, or of the autopilot's own return from it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Obstruction {
    /// Start of the leg.
    pub from: LatLon,
    /// End of the leg.
    pub to: LatLon,
    /// Whether the leg is the autopilot's own return, straight to a landing site.
    pub is_return: bool,
    /// Where it comes too near.
    pub at: LatLon,
    /// What it comes too near to.
    pub what: Obstacle,
    /// The keep-out's or crowd's name for people; `what` has its id.
    pub zone_name: Option<String>,
    /// Metres missing to the margin; vertical for floor and ceiling.
    pub by_m: f64,
    /// When the leg may be flown.
    pub when: Window,
    /// The hours of the keep-out, where it has some.
    pub zone_hours: Option<Window>,
}

impl fmt::Display for Obstruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_return {
            "the autopilot's own return"
        } else {
            "the leg"
        };
        let named = |kind: &str, id: &str| match &self.zone_name {
            Some(name) if name != id => format!("{kind} `{id}` ({name})"),
            _ => format!("{kind} `{id}`"),
        };
        let zone = match &self.what {
            Obstacle::Boundary => "the boundary".into(),
            Obstacle::KeepOut(id) => named("keep-out", id),
            Obstacle::Crowd(id) => named("crowd", id),
            Obstacle::Floor => "the floor".into(),
            Obstacle::Ceiling => "the ceiling".into(),
            Obstacle::Ground => "the ground".into(),
            Obstacle::GroundUnknown => {
                return write!(
                    f,
                    "{what} from {} to {} passes over ground of unknown height at {}",
                    self.from, self.to, self.at
                );
            }
            Obstacle::Hours => {
                return write!(
                    f,
                    "{what} from {} to {} may be flown until {}, outside the boundary's own hours",
                    self.from,
                    self.to,
                    self.when.until.to_rfc3339()
                );
            }
            Obstacle::NotANumber => {
                return write!(
                    f,
                    "{what} from {} has a figure that is no number",
                    self.from
                );
            }
        };
        write!(f, "{what} from {} to {}", self.from, self.to)?;
        write!(
            f,
            " comes {:.1} m too near to {zone} at {}",
            self.by_m, self.at
        )?;
        if let Some(h) = self.zone_hours {
            write!(
                f,
                ", in force from {} to {}",
                h.from.to_rfc3339(),
                h.until.to_rfc3339()
            )?;
        }
        Ok(())
    }
}

/// A piece of the pattern that a plan leaves out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LeftPiece {
    /// From.
    pub from: LatLon,
    /// To; the same place for a watch point.
    pub to: LatLon,
    /// Metres of pattern.
    pub metres: f64,
    /// Why.
    pub why: Why,
    /// What stands in its way, where something does.
    pub because: Option<Obstruction>,
}

impl fmt::Display for LeftPiece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.to {
            write!(f, "the place {}", self.from)?;
        } else {
            write!(f, "{:.0} m from {} to {}", self.metres, self.from, self.to)?;
        }
        match (&self.because, self.why) {
            (Some(o), _) => write!(f, ": {o}"),
            (None, Why::TooNear) => write!(f, ": outside the area asked for"),
            (None, Why::TooShort) => write!(f, ": too short to fly to"),
            (None, Why::NoWay) => write!(f, ": no way inside the fence leads there"),
        }
    }
}

/// Whom to ask what stands in the way.
pub(super) struct Blame<'a> {
    pub fence: &'a Fence,
    pub venue: &'a Venue,
    pub returns: &'a Returns<'a>,
    pub rules: Rules,
}

impl Blame<'_> {
    /// What stands in the way of a leg or of a return from it.
    pub fn of(&self, leg: &Leg) -> Option<Obstruction> {
        if let Err(fault) = self.fence.contain_with(leg, &self.rules) {
            return Some(self.told(leg.from, leg.to, false, &fault));
        }
        let (from, site, fault) = self.returns.check_along(leg).err()?;
        Some(self.told(from, site, true, &fault))
    }

    fn told(&self, from: LatLon, to: LatLon, is_return: bool, fault: &LegFault) -> Obstruction {
        let id = match &fault.what {
            Obstacle::KeepOut(id) | Obstacle::Crowd(id) => Some(id),
            _ => None,
        };
        let zone = id.and_then(|id| self.venue.zones.iter().find(|z| z.id == *id));
        let keepout = id.and_then(|id| self.fence.keepouts().iter().find(|k| k.id == *id));
        Obstruction {
            from,
            to,
            is_return,
            at: fault.at,
            what: fault.what.clone(),
            zone_name: zone.map(|z| z.name.clone()),
            by_m: fault.by_m,
            when: self.rules.when,
            zone_hours: keepout.and_then(|k| k.window),
        }
    }
}

/// The leg behind a plan's fault, judged once more for what stands in its way.
pub(super) fn of_fault(
    fault: &PlanFault,
    file: &PlanFile,
    fence: &Fence,
    venue: &Venue,
    rules: Rules,
) -> Option<Obstruction> {
    let rules = Rules {
        margin_m: margin_m(file),
        ..rules
    };
    let returns = Returns::new(file, fence, rules);
    let blame = Blame {
        fence,
        venue,
        returns: &returns,
        rules,
    };
    let level = |s: &crate::plan::Step| Leg {
        from: s.from,
        from_alt: file.home.to_amsl(s.from_alt),
        to: s.to,
        to_alt: file.home.to_amsl(s.to_alt),
    };
    steps(file)
        .iter()
        .filter(|s| Some(s.item) == fault.item && s.kind == StepKind::Fly)
        .find_map(|s| blame.of(&level(s)))
}
