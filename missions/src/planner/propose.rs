//! A pattern over the proven fence: laid, cut, joined, and written down as items.

use super::explain::Blame;
use super::ground::{MANY_EDGES, Proven, outlines, polygon};
use super::patterns::draw::settle;
use super::patterns::join::{Ground as _, tidy};
use super::patterns::lay::{Scene, Stroke, lay};
use super::patterns::rings::shrink;
use super::patterns::{DrawRefusal, LeftOut, Pace, Stop, Why};
use super::returnable::{Heights, returnable};
use super::{
    LeftPiece, Obstruction, PatrolRequest, Pattern, PlanEffort, PlanRefusal, ROOM_M, Round,
};
use crate::fence::contain::Rules;
use crate::fence::flat::Area;
use crate::fence::route::Router;
use crate::fence::{ContainedLeg, Fence, Leg};
use crate::place::{AboveHome, Alt, LatLon};
use crate::plan::{PatrolPlan, PlanFile, PlanItem, Returns, margin_m};
use crate::plane::{EastNorth, LocalPlane};
use crate::planner::cover;
use crate::planner::cover::space::Space;
use crate::venue::{Shape, Venue};
use geo::{Area as _, BooleanOps, MultiPolygon};

/// Keep-outs with a clock count for this long after the launch window, seconds: forty minutes cover a battery.
pub(super) const LONGEST_S: f64 = 2_400.0;
/// Geometry keeps this much more than proofs ask, metres: rounding to the wire grid moves places by 8 mm, and proven cuts
/// keep 6 cm.
const GRID_ROOM_M: f64 = 0.08;
/// A place of a way between pieces this near to the straight way past it is left out, metres.
const STRAIGHT_M: f64 = 0.3;
/// Most moves of a sweep's optimiser where none are asked for: some tenths of a second.
const MOST_MOVES: u64 = 60_000;

/// A way as items.
pub(super) struct Proposal {
    pub items: Vec<PlanItem>,
    pub left_out: Vec<LeftPiece>,
    pub pattern_m: f64,
    /// Places hovered over.
    pub spots: usize,
}

/// Proposes for one request at one return height after another.
pub(super) struct Proposer<'a> {
    fence: &'a Fence,
    venue: &'a Venue,
    request: &'a PatrolRequest,
    rules: Rules,
    effort: PlanEffort,
    /// The sweep that was laid last, and over what: other returns may leave the same area.
    sweep: Option<(MultiPolygon<f64>, Vec<Stroke>)>,
    /// The pattern, where a fleet laid it already.
    laid: Option<Vec<Stroke>>,
    /// Whether legs must have a legal return.
    returns: bool,
    /// Whether returns took something from the pattern, at any height tried.
    pub returns_cut: bool,
    /// Whether a refusal for energy names plans that would pass.
    pub advises: bool,
}

/// Less than this part of the free places may be returned from: worth a landing site.
const CUT: f64 = 0.95;

impl<'a> Proposer<'a> {
    pub fn new(
        fence: &'a Fence,
        venue: &'a Venue,
        request: &'a PatrolRequest,
        rules: Rules,
        effort: PlanEffort,
        laid: Option<Vec<Stroke>>,
    ) -> Self {
        Proposer {
            fence,
            venue,
            request,
            rules,
            effort,
            sweep: None,
            laid,
            returns: true,
            returns_cut: false,
            advises: true,
        }
    }

    /// From now on legs need, or need not, have a legal return. What is proposed without is no plan yet.
    pub fn judge_returns(&mut self, returns: bool) {
        self.returns = returns;
    }

    /// What is asked for as far as it may be flown and returned from, and the margin a way keeps from its outline.
    pub fn target(&self, file: &PlanFile) -> Result<(MultiPolygon<f64>, f64), PlanRefusal> {
        let area = match &self.request.area {
            Some(id) => Some(zone_area(self.fence.plane(), self.venue, id)?),
            None => None,
        };
        let site = self.site(file);
        site.with_ground(None, |_, outlines, margin_m| {
            let free = shrink(outlines, margin_m);
            let returning = site.returnable(&free, margin_m);
            Ok(aimed(outlines, margin_m, free, returning, area.as_ref()))
        })
    }

    /// Metres between any two of these places by proven ways, infinite where none leads; row by row. Each is first moved
    /// to the nearest place that may be flown over.
    pub fn ways_m(&self, file: &PlanFile, places: &[LatLon]) -> Result<Vec<f64>, PlanRefusal> {
        let plane = *self.fence.plane();
        self.site(file).with_ground(None, |ground, _, _| {
            let at: Vec<Option<EastNorth>> = places
                .iter()
                .map(|p| {
                    let p = ground.on_grid(plane.to_local(*p));
                    if ground.sees(p, p) {
                        Some(p)
                    } else {
                        ground.nearest(p)
                    }
                })
                .collect();
            let mut out = vec![f64::INFINITY; at.len() * at.len()];
            for (i, a) in at.iter().enumerate() {
                for (j, b) in at.iter().enumerate().take(i + 1) {
                    let way = match (a, b) {
                        (Some(a), Some(b)) if a == b => Some(vec![*a]),
                        (Some(a), Some(b)) => ground.route(*a, *b),
                        _ => None,
                    };
                    let m = way.map_or(f64::INFINITY, |w| {
                        w.iter()
                            .zip(w.iter().skip(1))
                            .map(|(p, q)| p.distance_m(*q))
                            .sum()
                    });
                    for x in [i * at.len() + j, j * at.len() + i] {
                        if let Some(o) = out.get_mut(x) {
                            *o = m;
                        }
                    }
                }
            }
            Ok(out)
        })
    }

    fn site<'s>(&'s self, file: &'s PlanFile) -> Site<'s> {
        Site {
            fence: self.fence,
            venue: self.venue,
            file,
            rules: self.rules,
            alt: self.request.alt,
            returns: self.returns,
        }
    }

    /// Items for the returns of `file`.
    pub fn propose(
        &mut self,
        file: &PlanFile,
        stop: &mut dyn FnMut() -> bool,
    ) -> Result<Proposal, PlanRefusal> {
        let (request, fence) = (self.request, self.fence);
        let plane = *fence.plane();
        let pattern = request.pattern.map(|p| plane.to_local(*p));
        let area = match &request.area {
            Some(id) => Some(zone_area(&plane, self.venue, id)?),
            None => None,
        };
        let fills = matches!(
            pattern,
            Pattern::Sweep { .. } | Pattern::Perimeter { .. } | Pattern::CreepingLine { .. }
        );
        let pace = Pace {
            speed_mps: file.speed_mps,
            brake_mps2: file.vehicle.brake_mps2,
            start_s: request.alt.metres() / file.vehicle.climb_mps,
        };
        // Patterns that fill an area fill the zone's part of what may be flown; the others are cut at its outline.
        let (filled, cut_at) = if fills { (area, None) } else { (None, area) };
        let site = Site {
            fence,
            venue: self.venue,
            file,
            rules: self.rules,
            alt: request.alt,
            returns: self.returns,
        };
        let (effort, sweep, laid) = (self.effort, &mut self.sweep, self.laid.as_ref());
        let returns_cut = &mut self.returns_cut;
        site.with_ground(cut_at, |ground, outlines, margin_m| {
            let is_sweep = matches!(pattern, Pattern::Sweep { .. });
            let free = shrink(outlines, margin_m);
            // Sweeps are laid where they can be returned from: cutting them afterwards leaves crumbs.
            let judged = is_sweep && laid.is_none() && site.returns;
            let returning = judged.then(|| site.returnable(&free, margin_m)).flatten();
            if let Some(r) = &returning {
                *returns_cut |= r.unsigned_area() < CUT * free.unsigned_area();
            }
            let made;
            let (target, margin_m) = if is_sweep || filled.is_some() {
                made = aimed(outlines, margin_m, free, returning, filled.as_ref());
                (&made.0, made.1)
            } else {
                (outlines, margin_m)
            };
            let home = ground.on_grid(plane.to_local(file.home.at));
            if !ground.sees(home, home) || target.unsigned_area() <= 0.0 {
                return Err(site.nothing_left(ground.because(home, home)));
            }
            let moves = match (&pattern, effort.moves) {
                (Pattern::Sweep { .. }, Some(moves)) => moves,
                (Pattern::Sweep { swath_m, .. }, None) => {
                    cover::thorough(target.unsigned_area(), *swath_m).min(MOST_MOVES)
                }
                _ => 0,
            };
            let scene = Scene {
                ground,
                target,
                margin_m,
                from: Some(home),
                back: true,
                pace,
                times_s: None,
                effort: moves,
                seed: effort.seed,
            };
            let known = sweep.as_ref().is_some_and(|(over, _)| over == target);
            if is_sweep && !known && laid.is_none() {
                let laid = lay(&pattern, &scene, stop).map_err(|e| site.refusal(e, ground))?;
                *sweep = Some((target.clone(), laid));
            }
            let ready = laid
                .cloned()
                .or_else(|| sweep.as_ref().map(|s| s.1.clone()));
            let (joined, left_out) =
                settle(&pattern, scene, ready, stop).map_err(|e| site.refusal(e, ground))?;
            let way = joined.ways.into_iter().next().unwrap_or_default();
            let way = tidy(ground, &way, STRAIGHT_M);
            let legs = || way.iter().zip(way.iter().skip(1));
            let pattern_m = legs()
                .filter(|(_, b)| b.pattern)
                .map(|(a, b)| a.at.distance_m(b.at))
                .sum();
            let left_out = told(ground, &left_out);
            *returns_cut |= site.returns
                && left_out.iter().any(|l| {
                    l.why == Why::NoWay || l.because.as_ref().is_some_and(|o| o.is_return)
                });
            Ok(Proposal {
                items: items(&way, &plane, request.alt, file.home.at),
                left_out,
                pattern_m,
                spots: way.iter().filter(|s| s.hold_s > 0.0).count(),
            })
        })
    }
}

/// The area a sweep is laid over, and the margin that geometry keeps from its outline. `free`: what keeps the margin from
/// `outlines`; `returning`: what of it may be returned from, where that is not all.
fn aimed(
    outlines: &MultiPolygon<f64>,
    margin_m: f64,
    free: MultiPolygon<f64>,
    returning: Option<MultiPolygon<f64>>,
    zone: Option<&Area>,
) -> (MultiPolygon<f64>, f64) {
    match (zone, returning) {
        (Some(zone), returning) => {
            let free = returning.unwrap_or(free);
            (MultiPolygon(vec![polygon(zone)]).intersection(&free), 0.0)
        }
        // What can be seen from there: the way keeps the margin from the outline of this again.
        (None, Some(returning)) => (
            shrink(&returning, -margin_m).intersection(outlines),
            margin_m,
        ),
        (None, None) => (outlines.clone(), margin_m),
    }
}

/// Pieces with what stands in their way; neighbours with the same reason are one.
fn told(ground: &Proven<'_>, left_out: &[LeftOut]) -> Vec<LeftPiece> {
    let mut out: Vec<LeftPiece> = Vec::new();
    for piece in left_out.iter().filter_map(|l| ground.left(l)) {
        let zone = |l: &LeftPiece| l.because.as_ref().map(|o| (o.what.clone(), o.is_return));
        match out.last_mut() {
            Some(last)
                if last.to == piece.from
                    && last.why == piece.why
                    && piece.from != piece.to
                    && zone(last) == zone(&piece) =>
            {
                last.to = piece.to;
                last.metres += piece.metres;
            }
            _ => out.push(piece),
        }
    }
    out
}

/// The way as a plan's items: it begins and ends over home.
fn items(way: &[Stop], plane: &LocalPlane, alt: Alt<AboveHome>, home: LatLon) -> Vec<PlanItem> {
    let mut items = vec![PlanItem::Takeoff { alt }];
    items.extend(way.iter().skip(1).filter_map(|s| {
        Some(PlanItem::Waypoint {
            at: plane.to_latlon(s.at)?,
            alt,
            hold_s: s.hold_s,
        })
    }));
    // The way ends over home: the last waypoint becomes the landing.
    if matches!(items.last(), Some(PlanItem::Waypoint { at, hold_s, .. }) if *at == home && *hold_s <= 0.0)
    {
        items.pop();
    }
    items.push(PlanItem::Land { at: home });
    items
}

/// A place, a height and a plan's returns: what is needed to prove legs.
struct Site<'a> {
    fence: &'a Fence,
    venue: &'a Venue,
    file: &'a PlanFile,
    rules: Rules,
    alt: Alt<AboveHome>,
    /// Whether legs must have a legal return.
    returns: bool,
}

impl Site<'_> {
    /// Calls with the proven ground, the outlines that count, and the margin that geometry keeps from them.
    fn with_ground<T>(
        &self,
        zone: Option<Area>,
        then: impl FnOnce(&Proven<'_>, &MultiPolygon<f64>, f64) -> Result<T, PlanRefusal>,
    ) -> Result<T, PlanRefusal> {
        let alt = self.file.home.to_amsl(self.alt);
        let returns = Returns::new(
            self.file,
            self.fence,
            Rules {
                margin_m: margin_m(self.file),
                ..self.rules
            },
        );
        let also = Box::new(|leg: &Leg| !self.returns || returns.check_along(leg).is_ok());
        let router = Router::requiring(self.fence, alt, self.rules, Some(also));
        let outlines = outlines(self.fence, alt.metres(), &self.rules);
        let margin_m = self.rules.margin_m + GRID_ROOM_M;
        let space = Space::new(&outlines, margin_m);
        let ways = space.ways();
        let ground = Proven {
            fence: self.fence,
            router: &router,
            ways: &ways,
            blame: Blame {
                fence: self.fence,
                venue: self.venue,
                returns: &returns,
                rules: self.rules,
            },
            rules: self.rules,
            alt,
            zone,
            walks: space.edges().count() > MANY_EDGES,
        };
        if space.parts().next().is_none() {
            let home = self.fence.plane().to_local(self.file.home.at);
            return Err(self.nothing_left(ground.because(home, home)));
        }
        then(&ground, &outlines, margin_m)
    }

    /// What of the free places may be returned from, where that is not all of them.
    fn returnable(&self, free: &MultiPolygon<f64>, margin_m: f64) -> Option<MultiPolygon<f64>> {
        let plane = self.fence.plane();
        let file = self.file;
        let sites: Vec<EastNorth> = std::iter::once(&file.home.at)
            .chain(&file.rally)
            .map(|p| plane.to_local(*p))
            .collect();
        let rules = Rules {
            margin_m,
            over_crowds: false,
            ..self.rules
        };
        let heights = Heights {
            patrol_m: file.home.to_amsl(self.alt).metres(),
            return_m: file.home.to_amsl(file.return_alt).metres(),
        };
        returnable(free, self.fence, &rules, &heights, &sites)
    }

    fn nothing_left(&self, because: Option<Obstruction>) -> PlanRefusal {
        PlanRefusal::NothingLeft {
            margin_m: self.rules.margin_m - ROOM_M,
            alt_m: self.alt.metres(),
            because: because.map(Box::new),
        }
    }

    fn refusal(&self, e: DrawRefusal, ground: &Proven<'_>) -> PlanRefusal {
        let place = |p: EastNorth| self.fence.plane().to_latlon(p);
        let because = |a, b| ground.because(a, b).map(Box::new);
        let home = self.file.home.at;
        match e {
            DrawRefusal::BadFigure { .. } => PlanRefusal::BadRequest(e.to_string()),
            DrawRefusal::Cover(cover::CoverRefusal::MarginLeavesNothing { .. })
            | DrawRefusal::Cover(cover::CoverRefusal::NoTarget)
            | DrawRefusal::NoTarget
            | DrawRefusal::MarginLeavesNothing { .. } => self.nothing_left(None),
            DrawRefusal::Cover(e) => PlanRefusal::BadRequest(e.to_string()),
            DrawRefusal::StartOutside { from, nearest } => PlanRefusal::DatumOutside {
                datum: place(from).unwrap_or(home),
                nearest: nearest.and_then(place),
                because: because(from, from),
            },
            DrawRefusal::DatumOutside { datum, nearest } => PlanRefusal::DatumOutside {
                datum: place(datum).unwrap_or(home),
                nearest: nearest.and_then(place),
                because: because(datum, datum),
            },
            DrawRefusal::NothingToFly { left_out } => PlanRefusal::NothingToFly {
                left_out: told(ground, &left_out),
            },
            DrawRefusal::NoWay { from, to } => PlanRefusal::NoWay {
                from: place(from).unwrap_or(home),
                to: place(to).unwrap_or(home),
                because: because(from, to),
            },
        }
    }
}

fn zone_area(plane: &LocalPlane, venue: &Venue, id: &str) -> Result<Area, PlanRefusal> {
    let zone = venue
        .zones
        .iter()
        .find(|z| z.id == id)
        .ok_or_else(|| PlanRefusal::BadRequest(format!("the venue has no zone `{id}`")))?;
    let ring =
        |r: &Vec<LatLon>| -> Vec<EastNorth> { r.iter().map(|p| plane.to_local(*p)).collect() };
    match &zone.shape {
        Shape::Polygon { outer, holes } => Ok(Area::Rings(
            std::iter::once(outer).chain(holes).map(ring).collect(),
        )),
        Shape::Circle { centre, radius_m } => Ok(Area::Disc {
            centre: plane.to_local(*centre),
            radius_m: *radius_m,
        }),
        Shape::Point(_) => Err(PlanRefusal::BadRequest(format!(
            "zone `{id}` is a point, not an area"
        ))),
    }
}

/// A way to an anomaly, leg by leg proven in a plan's fence.
#[derive(Clone, Debug)]
pub struct ProvenWay {
    /// Legs, in order.
    pub legs: Vec<ContainedLeg>,
    /// Seconds to hover at the end.
    pub hold_s: f64,
    /// Where to look from there: the anomaly.
    pub look_at: LatLon,
    /// The circle, or what of it, that is left out.
    pub left_out: Vec<LeftPiece>,
}

/// The way from wherever the aircraft is to an anomaly, inside the fence of the plan it flies and with that plan's
/// returns: to hover there (or at the nearest place from where it can be looked at), or around it. Level, at `alt`. An
/// aircraft nearer to the fence than the margin first goes inside by the shortest way.
///
/// # Errors
/// [`PlanRefusal`] says what stands in the way.
pub fn revisit(
    plan: &PatrolPlan,
    from: LatLon,
    alt: Alt<AboveHome>,
    place: LatLon,
    hold_s: f64,
    round: Option<Round>,
) -> Result<ProvenWay, PlanRefusal> {
    let file = plan.file();
    let fence = plan.fence();
    let plane = *fence.plane();
    let venue =
        Venue::from_value(&file.venue).map_err(|e| PlanRefusal::BadRequest(e.to_string()))?;
    let rules = Rules {
        margin_m: margin_m(file) + ROOM_M,
        height_error_m: crate::plan::HEIGHT_ERROR_M,
        when: crate::plan::aloft_window(file.launch_window, LONGEST_S),
        over_crowds: file.over_crowds,
    };
    let site = Site {
        fence,
        venue: &venue,
        file,
        rules,
        alt,
        returns: true,
    };
    let pattern = Pattern::Revisit {
        place: plane.to_local(place),
        hold_s,
        round,
    };
    site.with_ground(None, |ground, outlines, margin_m| {
        let start = ground.on_grid(plane.to_local(from));
        let inside = if ground.sees(start, start) {
            start
        } else {
            ground
                .nearest(start)
                .ok_or_else(|| site.nothing_left(ground.because(start, start)))?
        };
        let scene = Scene {
            ground,
            target: outlines,
            margin_m,
            from: Some(inside),
            back: false,
            pace: Pace {
                speed_mps: file.speed_mps,
                brake_mps2: file.vehicle.brake_mps2,
                start_s: 0.0,
            },
            times_s: None,
            effort: 0,
            seed: 1,
        };
        let (joined, left_out) =
            settle(&pattern, scene, None, &mut || false).map_err(|e| site.refusal(e, ground))?;
        let way = joined.ways.into_iter().next().unwrap_or_default();
        let way = tidy(ground, &way, STRAIGHT_M);
        let mut legs = Vec::new();
        let level = file.home.to_amsl(alt);
        let mut mint = |a: EastNorth, b: EastNorth, rules: &Rules| {
            let (Some(p), Some(q)) = (plane.to_latlon(a), plane.to_latlon(b)) else {
                return Err(site.nothing_left(None));
            };
            let leg = Leg {
                from: p,
                from_alt: level,
                to: q,
                to_alt: level,
            };
            legs.push(
                fence
                    .contain_with(&leg, rules)
                    .map_err(|_| PlanRefusal::NoWay {
                        from: p,
                        to: q,
                        because: ground.because(a, b).map(Box::new),
                    })?,
            );
            Ok(())
        };
        if inside != start {
            // Already too near: only not to cross anything can be asked of the way in.
            mint(
                start,
                inside,
                &Rules {
                    margin_m: 0.0,
                    ..rules
                },
            )?;
        }
        for (a, b) in way.iter().zip(way.iter().skip(1)) {
            mint(a.at, b.at, &rules)?;
        }
        Ok(ProvenWay {
            legs,
            hold_s: way.last().map_or(0.0, |s| s.hold_s),
            look_at: place,
            left_out: told(ground, &left_out),
        })
    })
}
