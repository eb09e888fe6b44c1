//! From a venue and a wish to a plan: patterns, ways around, time and energy.
//!
//! A pattern is laid as pure geometry ([`patterns`], [`cover`]), cut to what is proven leg by leg with every return, and
//! joined by proven ways. Whatever comes out is proven once more by [`crate::plan::PatrolPlan::check`]; what cannot be
//! flown is left out and said, and where nothing is left the plan is refused with the reason.

pub mod cover;
mod explain;
pub mod fleet;
mod gain;
mod ground;
pub mod patterns;
mod propose;
mod returnable;
pub mod rounds;
pub mod streets;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod tests_gain;

pub use explain::{LeftPiece, Obstruction};
pub use patterns::{Drift, Flow, Hand, Pattern, Round, WatchPoint};
pub use propose::{ProvenWay, revisit};

use crate::energy::{Advice, Wind, advise};
use crate::fence::contain::Rules;
use crate::fence::{Fence, FenceDraft, FenceFault};
use crate::flight::OnLinkLoss;
use crate::place::{AboveHome, Alt, Home, LatLon};
use crate::plan::{
    Estimate, FORMAT, HEIGHT_ERROR_M, PatrolPlan, PlanFault, PlanFile, Slowed, aloft_window, hex,
    margin_m, slow_where_near,
};
use crate::time::Window;
use crate::vehicle::VehicleSpec;
use crate::venue::Venue;
use patterns::lay::Stroke;
use propose::{LONGEST_S, Proposal, Proposer};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A wish.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatrolRequest {
    /// Name of the plan.
    pub name: String,
    /// What to fly.
    pub pattern: Pattern,
    /// How high.
    pub alt: Alt<AboveHome>,
    /// How fast, m/s; the vehicle's cruise speed when absent.
    pub speed_mps: Option<f64>,
    /// Least margin a person asks for, metres.
    pub margin_m: f64,
    /// When it may be launched.
    pub launch_window: Window,
    /// Only inside this zone of the venue, by id.
    pub area: Option<String>,
    /// What to do when the ground link is lost.
    pub on_link_loss: OnLinkLoss,
    /// Whether there is a permit to fly over assembled crowds.
    pub over_crowds: bool,
    /// The wind to reckon with; still air when absent.
    #[serde(default)]
    pub wind: Wind,
}

/// How hard a plan is polished. The same effort and seed give the same plan, as long as nothing stops it early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanEffort {
    /// Moves of the sweep's optimiser; by the size of the area, within a bound, when absent.
    pub moves: Option<u64>,
    /// Of the dice.
    pub seed: u64,
}

impl Default for PlanEffort {
    fn default() -> Self {
        PlanEffort {
            moves: None,
            seed: 1,
        }
    }
}

/// A plan, and what it leaves out.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The plan.
    pub plan: PatrolPlan,
    /// Pieces of the pattern that are not flown, and what stands in their way.
    pub left_out: Vec<LeftPiece>,
    /// Metres of the way that are pattern, not ways between its pieces.
    pub pattern_m: f64,
    /// Legs that are flown slower than asked for, because the fence is near.
    pub slowed: Vec<Slowed>,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum PlanRefusal {
    /// The venue has no launch site.
    #[error("the venue has no launch site: draw one with role `launch`")]
    NoLaunchSite,
    /// The ground's height is not known.
    #[error(
        "the ground's height is not stated, so heights above home mean nothing: state `flat_ground` and `ground_amsl_m`"
    )]
    NoGround,
    /// A figure of the request.
    #[error("{0}")]
    BadRequest(String),
    /// The fence.
    #[error("the fence: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Fence(Vec<FenceFault>),
    /// The margin leaves nothing to fly in.
    #[error("at a margin of {margin_m:.1} m and {alt_m:.0} m above home nothing is left to fly in{}", because_in_words(because.as_deref()))]
    NothingLeft {
        /// Metres.
        margin_m: f64,
        /// Metres above home.
        alt_m: f64,
        /// What stands in the way at home.
        because: Option<Box<Obstruction>>,
    },
    /// Part of the area cannot be reached.
    #[error("there is no way inside the fence from {from} to {to}{}", because_in_words(because.as_deref()))]
    NoWay {
        /// From.
        from: LatLon,
        /// To.
        to: LatLon,
        /// What stands in the straight way.
        because: Option<Box<Obstruction>>,
    },
    /// The datum of a search is where nothing may fly.
    #[error("the datum {datum} is where nothing may fly{}{}", nearest_in_words(nearest.as_ref()), because_in_words(because.as_deref()))]
    DatumOutside {
        /// The datum when the aircraft is there: moved by its drift.
        datum: LatLon,
        /// Nearest place that may be flown over.
        nearest: Option<LatLon>,
        /// What stands in the way.
        because: Option<Box<Obstruction>>,
    },
    /// The whole pattern is left out.
    #[error("nothing of the pattern can be flown{}", first_in_words(left_out))]
    NothingToFly {
        /// Piece by piece.
        left_out: Vec<LeftPiece>,
    },
    /// The plan was made and did not pass.
    #[error("{fault}{}", instead_words(.instead))]
    NotLegal {
        /// What [`PatrolPlan::check`] says.
        fault: PlanFault,
        /// What stands in the way, where a leg is at fault.
        because: Option<Box<Obstruction>>,
        /// The nearest plans that would pass, where energy or wind is at fault; each was checked whole.
        instead: Vec<Advice>,
    },
}

/// `; would pass: … ; or …`, or nothing.
fn instead_words(instead: &[Advice]) -> String {
    let words: Vec<String> = instead.iter().map(ToString::to_string).collect();
    if words.is_empty() {
        return String::new();
    }
    format!("; would pass: {}", words.join("; or "))
}

impl PlanRefusal {
    /// Whether the autopilot's own return may be what stands in the way: ways are only taken where it is legal.
    fn is_for_a_return(&self) -> bool {
        match self {
            PlanRefusal::NotLegal { fault, .. } => fault.code == "plan.return_leaves",
            PlanRefusal::NoWay { .. } | PlanRefusal::NothingToFly { .. } => true,
            _ => self.obstructions().iter().any(|o| o.is_return),
        }
    }

    /// Everything that stands in the way, leg by leg, for those who ask to have it explained.
    #[must_use]
    pub fn obstructions(&self) -> Vec<&Obstruction> {
        match self {
            PlanRefusal::NothingLeft { because, .. }
            | PlanRefusal::NoWay { because, .. }
            | PlanRefusal::DatumOutside { because, .. }
            | PlanRefusal::NotLegal { because, .. } => because.iter().map(AsRef::as_ref).collect(),
            PlanRefusal::NothingToFly { left_out } => {
                left_out.iter().filter_map(|l| l.because.as_ref()).collect()
            }
            PlanRefusal::NoLaunchSite
            | PlanRefusal::NoGround
            | PlanRefusal::BadRequest(_)
            | PlanRefusal::Fence(_) => Vec::new(),
        }
    }
}

fn because_in_words(o: Option<&Obstruction>) -> String {
    o.map_or(String::new(), |o| format!(": {o}"))
}

fn nearest_in_words(nearest: Option<&LatLon>) -> String {
    nearest.map_or(String::new(), |n| {
        format!(", the nearest place inside is {n}")
    })
}

fn first_in_words(left_out: &[LeftPiece]) -> String {
    left_out.first().map_or(String::new(), |l| format!(": {l}"))
}

/// Patterns are laid this much further from things than the plan is checked with, metres.
const ROOM_M: f64 = 0.5;
/// Moves for a sweep that is a little too long for the battery: some seconds.
const HARDER_MOVES: u64 = 150_000;
/// What more polish may take off, as a part of the battery.
const POLISHED_OFF: f64 = 0.1;
/// What costs an officer something (a return over things, a landing site to look at) must be worth so many times more.
const GAIN: f64 = 1.1;
/// A spot that is hovered over counts as much as so many metres of pattern.
const SPOT_M: f64 = 100.0;

/// Makes a plan, at the usual effort. Takes up to some seconds on a large venue.
///
/// # Errors
/// [`PlanRefusal`] says why not and what would help.
pub fn plan_patrol(
    venue: &Venue,
    vehicle: &VehicleSpec,
    request: &PatrolRequest,
) -> Result<PatrolPlan, PlanRefusal> {
    plan_patrol_within(venue, vehicle, request, &PlanEffort::default(), || false).map(|p| p.plan)
}

/// Makes a plan at a stated effort. `stop` is asked often and ends the polishing early; what stands by then is proven as
/// any other.
///
/// # Errors
/// [`PlanRefusal`] says why not and what would help.
pub fn plan_patrol_within(
    venue: &Venue,
    vehicle: &VehicleSpec,
    request: &PatrolRequest,
    effort: &PlanEffort,
    mut stop: impl FnMut() -> bool,
) -> Result<Planned, PlanRefusal> {
    let made = plan_once(venue, vehicle, request, effort, &mut stop);
    match &made {
        Err(PlanRefusal::NotLegal { fault, .. })
            if fault.code == "plan.energy"
                && effort.moves.is_none()
                && matches!(request.pattern, Pattern::Sweep { .. })
                && fault.value < POLISHED_OFF * vehicle.battery_wh =>
        {
            // A little too long for the battery: more polish takes some ten percent off a sweep.
            let harder = PlanEffort {
                moves: Some(HARDER_MOVES),
                ..*effort
            };
            plan_once(venue, vehicle, request, &harder, &mut stop)
        }
        _ => made,
    }
}

/// One wish for one aircraft, with what a fleet says of it.
struct Wanted<'a> {
    venue: &'a Venue,
    vehicle: &'a VehicleSpec,
    request: &'a PatrolRequest,
    effort: PlanEffort,
    /// Where it starts; the venue's first launch site when absent.
    home: Option<LatLon>,
    /// Landing sites besides the venue's.
    sites: &'a [LatLon],
    /// The pattern laid already: a share of it.
    laid: Option<Vec<Vec<LatLon>>>,
    /// Whether a refusal for energy is to name plans that would pass: that takes a while.
    advises: bool,
}

fn plan_once(
    venue: &Venue,
    vehicle: &VehicleSpec,
    request: &PatrolRequest,
    effort: &PlanEffort,
    stop: &mut dyn FnMut() -> bool,
) -> Result<Planned, PlanRefusal> {
    plan_wanted(
        Wanted {
            venue,
            vehicle,
            request,
            effort: *effort,
            home: None,
            sites: &[],
            laid: None,
            advises: true,
        },
        stop,
    )
}

/// A plan without items, its fence, and the rules that ways are laid by.
fn bare(w: &Wanted<'_>) -> Result<(PlanFile, Fence, Rules), PlanRefusal> {
    let (venue, request) = (w.venue, w.request);
    let start = w
        .home
        .or_else(|| venue.launch_site())
        .ok_or(PlanRefusal::NoLaunchSite)?;
    let ground = venue.ground.height_at(start).ok_or(PlanRefusal::NoGround)?;
    let home = Home {
        at: start,
        alt: ground,
    };
    check_request(request)?;
    let fence = FenceDraft::from_venue(venue, home)
        .check()
        .map_err(PlanRefusal::Fence)?;
    let mut rally: Vec<LatLon> = Vec::new();
    let named = venue.landing_sites().into_iter().map(|s| s.1);
    for site in named.chain(w.sites.iter().copied()) {
        if site != start && !rally.contains(&site) {
            rally.push(site);
        }
    }
    let file = PlanFile {
        format: FORMAT.into(),
        name: request.name.clone(),
        venue: venue.to_value(),
        vehicle: w.vehicle.clone(),
        home,
        items: Vec::new(),
        rally,
        speed_mps: request.speed_mps.unwrap_or(w.vehicle.cruise_mps),
        margin_m: request.margin_m,
        launch_window: request.launch_window,
        on_link_loss: request.on_link_loss,
        on_no_officer: None,
        return_alt: request.alt,
        over_crowds: request.over_crowds,
        gained: Vec::new(),
        fence_digest: hex(&fence.digest()),
        estimate: Estimate::default(),
        flyable: true,
        wind: request.wind,
    };
    let rules = Rules {
        margin_m: margin_m(&file) + ROOM_M,
        height_error_m: HEIGHT_ERROR_M,
        // The flight's length is not known yet.
        when: aloft_window(file.launch_window, LONGEST_S),
        over_crowds: request.over_crowds,
    };
    Ok((file, fence, rules))
}

fn plan_wanted(w: Wanted<'_>, stop: &mut dyn FnMut() -> bool) -> Result<Planned, PlanRefusal> {
    let (file, fence, rules) = bare(&w)?;
    let plane = fence.plane();
    let laid = w.laid.map(|ways| {
        ways.iter()
            .map(|way| Stroke::along(way.iter().map(|p| plane.to_local(*p)).collect()))
            .collect()
    });
    let mut proposer = Proposer::new(&fence, w.venue, w.request, rules, w.effort, laid);
    proposer.advises = w.advises;
    let made = at_best_return(&mut proposer, &file, &fence, w.venue, rules, stop);
    if !(proposer.returns_cut || made.as_ref().is_err_and(PlanRefusal::is_for_a_return)) {
        return made.map(|m| m.1);
    }
    let enough_m = made.as_ref().map_or(0.0, |m| m.0 * GAIN);
    match gain::gained(&mut proposer, &file, &fence, w.venue, rules, stop) {
        Some((worth_m, planned)) if worth_m > enough_m => Ok(planned),
        _ => made.map(|m| m.1),
    }
}

/// The plan that is worth most over the return heights, and its worth.
fn at_best_return(
    proposer: &mut Proposer<'_>,
    file: &PlanFile,
    fence: &Fence,
    venue: &Venue,
    rules: Rules,
    stop: &mut dyn FnMut() -> bool,
) -> Result<(f64, Planned), PlanRefusal> {
    let mut file = file.clone();
    let mut first: Option<PlanRefusal> = None;
    let mut best: Option<(f64, Planned)> = None;
    let alt = file.return_alt;
    let mut cut = false;
    for return_alt in return_heights(fence, alt) {
        file.return_alt = return_alt;
        proposer.returns_cut = false;
        let made = proposer
            .propose(&file, stop)
            .and_then(|p| prove(p, &file, fence, venue, rules, proposer.advises));
        match made {
            Ok((worth_m, planned)) => {
                let complete = !planned
                    .left_out
                    .iter()
                    .any(|l| l.because.as_ref().is_some_and(|o| o.is_return));
                // A higher return passes over things that the patrol goes around: it must buy a tenth more ground seen.
                if best.as_ref().is_none_or(|(b, _)| worth_m > b * GAIN) {
                    best = Some((worth_m, planned));
                }
                if complete {
                    // What lower returns cut is of no matter then.
                    cut = false;
                    break;
                }
            }
            // Another return height gives no energy.
            Err(
                e @ PlanRefusal::NotLegal {
                    fault:
                        PlanFault {
                            code: "plan.energy",
                            ..
                        },
                    ..
                },
            ) if best.is_none() => {
                return Err(e);
            }
            // A figure is no better at another height.
            Err(e @ PlanRefusal::BadRequest(_)) => return Err(e),
            // The first reason, at the lowest return, is the one an officer can understand.
            Err(e) => first = first.or(Some(e)),
        }
        cut |= proposer.returns_cut;
    }
    proposer.returns_cut |= cut;
    match best {
        Some(b) => Ok(b),
        None => Err(first.unwrap_or(PlanRefusal::NothingLeft {
            margin_m: margin_m(&file),
            alt_m: alt.metres(),
            because: None,
        })),
    }
}

/// A proposal as a plan that was checked, and how many metres of pattern it is worth.
fn prove(
    proposal: Proposal,
    file: &PlanFile,
    fence: &Fence,
    venue: &Venue,
    rules: Rules,
    advises: bool,
) -> Result<(f64, Planned), PlanRefusal> {
    let mut file = PlanFile {
        items: proposal.items,
        ..file.clone()
    };
    let left_out_m: f64 = proposal.left_out.iter().map(|l| l.metres).sum();
    file.estimate = Estimate {
        left_out_m: tidy_number(left_out_m.max(0.0)),
        ..estimate(&file)
    };
    let worth_m = proposal.pattern_m + SPOT_M * proposal.spots as f64;
    let (plan, slowed) = match PatrolPlan::check(file.clone()) {
        Ok(plan) => (plan, Vec::new()),
        Err(fault) => slower(&file, fence, &fault).ok_or_else(|| PlanRefusal::NotLegal {
            because: explain::of_fault(&fault, &file, fence, venue, rules).map(Box::new),
            instead: if advises && ADVISED.contains(&fault.code) {
                advise(&file)
            } else {
                Vec::new()
            },
            fault,
        })?,
    };
    let planned = Planned {
        plan,
        left_out: proposal.left_out,
        pattern_m: proposal.pattern_m,
        slowed,
    };
    Ok((worth_m, planned))
}

/// Faults that another speed, a shorter way or a second battery may mend.
const ADVISED: [&str; 3] = ["plan.energy", "plan.no_way_back", "plan.wind"];

/// The plan slowed down where the fence is too near for its speed, if that makes it legal.
fn slower(file: &PlanFile, fence: &Fence, fault: &PlanFault) -> Option<(PatrolPlan, Vec<Slowed>)> {
    if ADVISED.contains(&fault.code) {
        return None;
    }
    let (mut slow, slowed) = slow_where_near(file, fence);
    if slowed.is_empty() {
        return None;
    }
    slow.estimate = Estimate {
        left_out_m: file.estimate.left_out_m,
        ..estimate(&slow)
    };
    PatrolPlan::check(slow).ok().map(|plan| (plan, slowed))
}

fn check_request(r: &PatrolRequest) -> Result<(), PlanRefusal> {
    let bad = |w: String| Err(PlanRefusal::BadRequest(w));
    if !(r.margin_m.is_finite() && r.margin_m >= 0.0) {
        return bad(format!("margin {} m is no distance", r.margin_m));
    }
    if r.alt.metres() < 5.0 {
        return bad(format!(
            "{} m above home is too low to patrol at",
            r.alt.metres()
        ));
    }
    if !r.wind.is_sane() {
        return bad("the wind has figures that no wind has".into());
    }
    if r.launch_window.until <= r.launch_window.from {
        return bad("the launch window ends before it begins".into());
    }
    Ok(())
}

/// Patrol height first, then higher in steps up to the ceiling.
fn return_heights(fence: &Fence, alt: Alt<AboveHome>) -> Vec<Alt<AboveHome>> {
    let top_m = fence.ceiling_amsl_m().map_or(alt.metres(), |c| {
        c - fence.home().alt.metres() - HEIGHT_ERROR_M - 1.0
    });
    let mut out = vec![alt];
    for step_m in [20.0, 40.0] {
        if alt.metres() + step_m < top_m
            && let Ok(a) = Alt::from_metres(alt.metres() + step_m)
        {
            out.push(a);
        }
    }
    if top_m > alt.metres()
        && let Ok(a) = Alt::from_metres(top_m)
    {
        out.push(a);
    }
    out
}

/// Time, way and energy of a plan's steps: see [`crate::energy::estimate`].
#[must_use]
pub fn estimate(file: &PlanFile) -> Estimate {
    crate::energy::estimate(file)
}

/// To a thousandth: JSON numbers of few digits are the same number after every reading and writing.
fn tidy_number(x: f64) -> f64 {
    (x * 1000.0).round() / 1000.0
}
