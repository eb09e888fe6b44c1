//! From lists or a bundle to a plan that was proven leg by leg, with the lists the autopilot shall hold.
//!
//! A station's lists take the same way as our own bundle: they become a [`PlanFile`], and [`PatrolPlan::check`] mints
//! every leg, also between two inside waypoints, and every return.

use link::codes::Refusal;
use link::common::MavMissionResult;
use link::items::{Dialect, ListKind, WireItem, fence_items, plan_items_with_source, rally_items};
use link::meaning::{ItemRefusal, survives};
use link::reading::{Route, fence_from_items, rally_from_items, route};
use missions::flight::OnLinkLoss;
use missions::place::{AboveHome, Alt, Datum, Home, LatLon};
use missions::plan::{
    Estimate, FORMAT, PatrolPlan, PlanFault, PlanFile, PlanItem, build_fence, hex,
};
use missions::plane::{EastNorth, LocalPlane};
use missions::time::{Utc, Window};
use missions::vehicle::VehicleSpec;
use missions::venue::{Ground, Limit, Role, Shape, Venue, Zone};

/// Fewest metres a foreign mission's return climbs to.
const LEAST_RETURN_M: f64 = 10.0;

/// A plan that passed, with everything needed to write it and to serve it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The plan.
    pub plan: PatrolPlan,
    /// Id as PATROL_STATE carries it; 0 for a plan uploaded by the standard protocol.
    pub id: u64,
    /// Mission, fence, rally, as written.
    pub lists: [Vec<WireItem>; 3],
    /// Ceiling for the autopilot's fence, metres above home.
    pub ceiling_above_home_m: f64,
    item_of_seq: Vec<u16>,
}

/// Why not.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Reason.
    pub refusal: Refusal,
    /// Item at fault, as the station counts.
    pub item: Option<usize>,
    /// Place of the fault.
    pub at: Option<LatLon>,
    /// Figure, where there is one.
    pub value: Option<f64>,
    /// In English.
    pub words: String,
    /// What MISSION_ACK says.
    pub nack: MavMissionResult,
}

impl Fault {
    /// A fault without a place.
    #[must_use]
    pub fn new(refusal: Refusal, nack: MavMissionResult, words: impl Into<String>) -> Self {
        Fault {
            refusal,
            item: None,
            at: None,
            value: None,
            words: words.into(),
            nack,
        }
    }
    fn of_item(kind: ListKind, r: &ItemRefusal, items: &[WireItem]) -> Self {
        use MavMissionResult as R;
        let nack = match (r.refusal, r.param) {
            (_, 1) => R::MAV_MISSION_INVALID_PARAM1,
            (_, 2) => R::MAV_MISSION_INVALID_PARAM2,
            (_, 3) => R::MAV_MISSION_INVALID_PARAM3,
            (_, 4) => R::MAV_MISSION_INVALID_PARAM4,
            (_, 5) => R::MAV_MISSION_INVALID_PARAM5_X,
            (_, 6) => R::MAV_MISSION_INVALID_PARAM6_Y,
            (_, 7) => R::MAV_MISSION_INVALID_PARAM7,
            (Refusal::UnsupportedItem, _) => R::MAV_MISSION_UNSUPPORTED,
            (Refusal::UnsupportedFrame, _) => R::MAV_MISSION_UNSUPPORTED_FRAME,
            (Refusal::TooMany, _) => R::MAV_MISSION_NO_SPACE,
            _ => R::MAV_MISSION_INVALID,
        };
        Fault {
            refusal: r.refusal,
            item: Some(r.seq),
            at: items.get(r.seq).and_then(WireItem::at),
            value: r.value.is_finite().then_some(r.value),
            words: format!("{kind:?} item {}: {}", r.seq, r.refusal.key()),
            nack,
        }
    }
    fn of_plan(f: &PlanFault) -> Self {
        use MavMissionResult as R;
        let (refusal, nack) = match f.code {
            "plan.leg_leaves" | "plan.corner_leaves" => {
                (Refusal::LegLeaves, R::MAV_MISSION_INVALID_PARAM5_X)
            }
            "plan.return_leaves" => (Refusal::ReturnLeaves, R::MAV_MISSION_INVALID_PARAM5_X),
            "plan.landing_site" => (Refusal::LandingSite, R::MAV_MISSION_INVALID_PARAM5_X),
            "plan.energy" | "plan.no_way_back" | "plan.wind" => {
                (Refusal::Energy, R::MAV_MISSION_ERROR)
            }
            "plan.fence" | "plan.venue" => (Refusal::FenceInvalid, R::MAV_MISSION_INVALID),
            "plan.fence_differs" => (Refusal::FenceDiffers, R::MAV_MISSION_ERROR),
            "plan.too_long" => (Refusal::TooMany, R::MAV_MISSION_NO_SPACE),
            "plan.not_read" | "plan.format" | "plan.geometry_only" => {
                (Refusal::PlanNotRead, R::MAV_MISSION_ERROR)
            }
            _ => (Refusal::MissionShape, R::MAV_MISSION_INVALID),
        };
        Fault {
            refusal,
            item: f.item,
            at: f.at,
            value: f.value.is_finite().then_some(f.value),
            words: f.words.clone(),
            nack,
        }
    }
}

fn place_in_list(kind: ListKind) -> usize {
    match kind {
        ListKind::Mission => 0,
        ListKind::Fence => 1,
        ListKind::Rally => 2,
    }
}

/// Corners an autopilot's fence may have (both take 64 and more; AUTOPILOTS.md, "capacity").
const MAX_VERTICES: usize = 60;

impl Judged {
    /// One of the lists.
    #[must_use]
    pub fn list(&self, kind: ListKind) -> &[WireItem] {
        self.lists
            .get(place_in_list(kind))
            .map_or(&[], Vec::as_slice)
    }
    /// Plan item of a sequence number of the autopilot's.
    #[must_use]
    pub fn item_of_seq(&self, seq: u16) -> Option<u16> {
        self.item_of_seq.get(usize::from(seq)).copied()
    }
    /// Place of a mission item, as the autopilot counts.
    #[must_use]
    pub fn place_of_seq(&self, seq: u16) -> Option<LatLon> {
        self.list(ListKind::Mission)
            .get(usize::from(seq))
            .and_then(WireItem::at)
    }

    /// Our own bundle.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn of_bundle(bytes: &[u8], dialect: Dialect) -> Result<Judged, Fault> {
        let plan = PatrolPlan::from_json(bytes).map_err(|f| Fault::of_plan(&f))?;
        Self::of_plan(plan, dialect)
    }

    fn of_plan(plan: PatrolPlan, dialect: Dialect) -> Result<Judged, Fault> {
        let fence = autopilot_fence(&plan)?;
        let file = plan.file();
        let mission = plan_items_with_source(&plan, dialect);
        let lists = [
            mission.iter().map(|m| m.0).collect(),
            fence_items(&fence, dialect),
            rally_items(&file.rally, file.return_alt.metres(), dialect),
        ];
        for (kind, items) in ListKind::ALL.iter().zip(&lists) {
            survives(dialect, *kind, items).map_err(|r| Fault::of_item(*kind, &r, items))?;
        }
        let item_of_seq = mission.into_iter().map(|m| m.1).collect();
        Ok(Judged {
            id: plan.id(),
            ceiling_above_home_m: fence.ceiling_above_home_m,
            plan,
            lists,
            item_of_seq,
        })
    }

    /// A station's three lists together.
    ///
    /// # Errors
    /// [`Fault`] with the list at fault.
    pub fn of_lists(
        lists: [Vec<WireItem>; 3],
        dialect: Dialect,
        home: Home,
        spec: &VehicleSpec,
        ceiling: Alt<AboveHome>,
    ) -> Result<Judged, (ListKind, Fault)> {
        let [mission, fence, rally] = &lists;
        let zones = fence_zones(fence, dialect, ceiling).map_err(|f| (ListKind::Fence, f))?;
        let rally_places = rally_zones(rally, dialect).map_err(|f| (ListKind::Rally, f))?;
        let of_mission = |f| (ListKind::Mission, f);
        survives(dialect, ListKind::Mission, mission)
            .map_err(|r| of_mission(Fault::of_item(ListKind::Mission, &r, mission)))?;
        let way = route(mission, dialect, home)
            .map_err(|r| of_mission(Fault::of_item(ListKind::Mission, &r, mission)))?;
        let (items, seqs) = items_of(&way, home).map_err(of_mission)?;
        let venue = Venue {
            name: "uploaded".into(),
            datum: Datum::Wgs84,
            ground: Ground::Unknown,
            zones,
            notes: String::new(),
        };
        let return_m = match items.first() {
            Some(PlanItem::Takeoff { alt }) => alt.metres().max(LEAST_RETURN_M),
            _ => LEAST_RETURN_M,
        };
        let no_number = || {
            of_mission(Fault::new(
                Refusal::BadNumber,
                MavMissionResult::MAV_MISSION_INVALID_PARAM7,
                "a height is no number",
            ))
        };
        let venue_json = serde_json::from_str(&venue.to_geojson()).map_err(|_| no_number())?;
        let mut file = PlanFile {
            format: FORMAT.into(),
            name: "uploaded".into(),
            venue: venue_json,
            vehicle: spec.clone(),
            home,
            items,
            rally: rally_places,
            speed_mps: way.speed_mps.unwrap_or(spec.cruise_mps),
            margin_m: 0.0,
            // Nothing on the wire has a clock.
            launch_window: Window {
                from: Utc(0),
                until: Utc(i64::MAX / 4),
            },
            on_link_loss: OnLinkLoss::Return,
            on_no_officer: None,
            return_alt: Alt::from_metres(return_m).map_err(|_| no_number())?,
            over_crowds: false,
            gained: Vec::new(),
            fence_digest: String::new(),
            estimate: Estimate::default(),
            flyable: true,
            wind: missions::energy::Wind::default(),
        };
        let built = build_fence(&file).map_err(|f| (ListKind::Fence, Fault::of_plan(&f)))?;
        file.fence_digest = hex(&built.digest());
        file.estimate = missions::planner::estimate(&file);
        let plan = PatrolPlan::check(file).map_err(|f| {
            let mut fault = Fault::of_plan(&f);
            fault.item = f.item.and_then(|i| seqs.get(i).copied());
            // As the station counts, and short: a STATUSTEXT has 50 bytes.
            if let Some(seq) = fault.item {
                let by_m = f.value.ceil();
                match fault.refusal {
                    Refusal::LegLeaves => {
                        fault.words = format!("item {seq}: its leg leaves the fence by {by_m} m");
                    }
                    Refusal::ReturnLeaves => {
                        fault.words = format!("item {seq}: return leaves the fence by {by_m} m");
                    }
                    _ => {}
                }
            }
            let kind = if fault.refusal == Refusal::FenceInvalid {
                ListKind::Fence
            } else {
                ListKind::Mission
            };
            (kind, fault)
        })?;
        let item_of_seq = (0..mission.len())
            .map(|seq| {
                let n = seqs.iter().rposition(|s| *s <= seq).unwrap_or(0);
                u16::try_from(n).unwrap_or(u16::MAX)
            })
            .collect();
        Ok(Judged {
            plan,
            id: 0,
            lists,
            ceiling_above_home_m: ceiling.metres(),
            item_of_seq,
        })
    }
}

/// Room a plan's path keeps from the autopilot's own fence, so that wind and corners never set it off, metres.
const TRACKING_M: f64 = 8.0;
/// Less than this of it is left where corners had to be saved or cut: drawn in less far, the fence may leave more.
const TRACKING_LEAST_M: f64 = 6.0;

/// The autopilot's fence: drawn in as far as the plan leaves room, because an autopilot that returns at the line
/// overshoots it. Of those that can be made, the first that leaves the path its room, else the one that leaves most.
fn autopilot_fence(plan: &PatrolPlan) -> Result<missions::fence::AutopilotFence, Fault> {
    let room_m = (plan.min_clearance_m() - TRACKING_M).max(0.0);
    let mut why = String::new();
    let mut widest: Option<(f64, missions::fence::AutopilotFence)> = None;
    for share in [1.0, 0.75, 0.5, 0.25, 0.0] {
        match plan.autopilot_fence(room_m * share, MAX_VERTICES) {
            Ok(fence) => {
                let left_m = room_left_m(plan, &fence);
                if left_m >= TRACKING_LEAST_M {
                    return Ok(fence);
                }
                if widest.as_ref().is_none_or(|(m, _)| left_m > *m) {
                    widest = Some((left_m, fence));
                }
            }
            Err(f) => why = f.to_string(),
        }
    }
    if let Some((_, fence)) = widest {
        return Ok(fence);
    }
    Err(Fault::new(
        Refusal::FenceInvalid,
        MavMissionResult::MAV_MISSION_INVALID,
        format!("the autopilot's fence cannot be made: {why}"),
    ))
}

/// Least distance between the plan's path and the autopilot's fence, which it is proven not to cross, metres.
fn room_left_m(plan: &PatrolPlan, fence: &missions::fence::AutopilotFence) -> f64 {
    let plane = plan.fence().plane();
    let path: Vec<EastNorth> = plan.path().iter().map(|p| plane.to_local(p.0)).collect();
    let mut least = f64::INFINITY;
    let rings = std::iter::once(&fence.inclusion).chain(&fence.exclusions);
    for ring in rings {
        let corners: Vec<EastNorth> = ring.iter().map(|p| plane.to_local(*p)).collect();
        let closed = corners.iter().zip(corners.iter().cycle().skip(1));
        for (a, b) in closed {
            for leg in path.windows(2) {
                let [c, d] = leg else { continue };
                // Lines that do not cross are nearest at an end of one of them.
                least = least
                    .min(to_line_m(*a, *c, *d))
                    .min(to_line_m(*b, *c, *d))
                    .min(to_line_m(*c, *a, *b))
                    .min(to_line_m(*d, *a, *b));
            }
        }
    }
    for (centre, radius_m) in &fence.circles {
        let centre = plane.to_local(*centre);
        for leg in path.windows(2) {
            let [c, d] = leg else { continue };
            least = least.min(to_line_m(centre, *c, *d) - radius_m);
        }
    }
    least
}

/// Distance from a point to the line between two others, metres.
fn to_line_m(p: EastNorth, a: EastNorth, b: EastNorth) -> f64 {
    let (e, n) = (b.east_m - a.east_m, b.north_m - a.north_m);
    let (pe, pn) = (p.east_m - a.east_m, p.north_m - a.north_m);
    let long2 = e * e + n * n;
    let t = if long2 > 0.0 {
        ((pe * e + pn * n) / long2).clamp(0.0, 1.0)
    } else {
        0.0
    };
    (pe - t * e).hypot(pn - t * n)
}

/// A fence list as zones.
///
/// # Errors
/// [`Fault`] of the fence list.
pub fn fence_zones(
    items: &[WireItem],
    dialect: Dialect,
    ceiling: Alt<AboveHome>,
) -> Result<Vec<Zone>, Fault> {
    survives(dialect, ListKind::Fence, items)
        .map_err(|r| Fault::of_item(ListKind::Fence, &r, items))?;
    let (ring, outs) =
        fence_from_items(items).map_err(|r| Fault::of_item(ListKind::Fence, &r, items))?;
    let zone = |id: String, role, shape, ceiling| Zone {
        name: id.clone(),
        id,
        role,
        shape,
        floor: None,
        ceiling,
        window: None,
    };
    let mut zones = vec![zone(
        "boundary".into(),
        Role::Inclusion,
        Shape::Polygon {
            outer: ring,
            holes: Vec::new(),
        },
        Some(Limit::AboveHome(ceiling)),
    )];
    for (n, shape) in outs.into_iter().enumerate() {
        zones.push(zone(format!("keepout-{n}"), Role::Exclusion, shape, None));
    }
    Ok(zones)
}

fn rally_zones(items: &[WireItem], dialect: Dialect) -> Result<Vec<LatLon>, Fault> {
    survives(dialect, ListKind::Rally, items)
        .map_err(|r| Fault::of_item(ListKind::Rally, &r, items))?;
    rally_from_items(items).map_err(|r| Fault::of_item(ListKind::Rally, &r, items))
}

/// Legs as plan items, with the station's item each belongs to. A mission without take-off or way down gets the ones the
/// companion flies: straight up to the first height, and a return at the end.
fn items_of(way: &Route, home: Home) -> Result<(Vec<PlanItem>, Vec<usize>), Fault> {
    let bad = |seq| Fault {
        item: Some(seq),
        ..Fault::new(
            Refusal::BadNumber,
            MavMissionResult::MAV_MISSION_INVALID_PARAM7,
            format!("Mission item {seq}: a height is no number"),
        )
    };
    let Some(first) = way.legs.first() else {
        return Err(Fault::new(
            Refusal::MissionShape,
            MavMissionResult::MAV_MISSION_INVALID,
            "the mission goes nowhere",
        ));
    };
    let alt = |m: f64, seq| Alt::from_metres(m).map_err(|_| bad(seq));
    let mut items = vec![PlanItem::Takeoff {
        alt: alt(first.to_alt_m, first.seq)?,
    }];
    let mut seqs = vec![first.seq];
    let climbs = first.from == first.to && first.from == home.at;
    // The last leg of a landing is the descent, which `Land` holds already.
    let end = if way.lands_at.is_some() {
        way.legs.len().saturating_sub(2)
    } else {
        way.legs.len()
    };
    for leg in way
        .legs
        .get(..end)
        .unwrap_or(&[])
        .iter()
        .skip(usize::from(climbs))
    {
        // A circle is proven by the octagon around it.
        let around = if leg.radius_m > 0.0 { 8 } else { 0 };
        let plane = LocalPlane::new(leg.to);
        let rim = (0..around).filter_map(|k| {
            let a = std::f64::consts::TAU * f64::from(k) / 8.0;
            let r = leg.radius_m / (std::f64::consts::PI / 8.0).cos();
            plane.to_latlon(EastNorth::new(r * a.sin(), r * a.cos()))
        });
        for at in std::iter::once(leg.to).chain(rim) {
            items.push(PlanItem::Waypoint {
                at,
                alt: alt(leg.to_alt_m, leg.seq)?,
                hold_s: 0.0,
            });
            seqs.push(leg.seq);
        }
    }
    let last = way.legs.last().map_or(0, |l| l.seq);
    items.push(match way.lands_at {
        Some(at) => PlanItem::Land { at },
        None => PlanItem::Return,
    });
    // The return is judged as of the item after the last place, if there is one.
    seqs.push(if way.lands_at.is_some() {
        last
    } else {
        last + 1
    });
    Ok((items, seqs))
}
