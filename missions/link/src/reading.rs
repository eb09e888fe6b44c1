//! What lists make an aircraft do: mission lists as legs, fence lists as shapes, rally lists as places.
//!
//! For the gate. Whatever cannot be judged is refused with its item; nothing is guessed.

use crate::codes::Refusal;
use crate::items::{Dialect, ListKind, WireItem, cmd};
use crate::meaning::{ItemRefusal, frame_class, has_place};
use missions::place::{Home, LatLon};
use missions::venue::Shape;

/// A fence list read back into shapes: the one inclusion ring, and what to keep out of.
///
/// # Errors
/// [`ItemRefusal`] with the item: vertex counts that do not add up, several inclusions, inclusion circles, radii that
/// are none, places off the globe.
pub fn fence_from_items(items: &[WireItem]) -> Result<(Vec<LatLon>, Vec<Shape>), ItemRefusal> {
    let mut inclusion: Option<Vec<LatLon>> = None;
    let mut exclusions = Vec::new();
    let mut seq = 0;
    while let Some(it) = items.get(seq) {
        let no = |refusal, value: f64, param| {
            Err(ItemRefusal {
                seq,
                refusal,
                value,
                param,
            })
        };
        match it.command {
            cmd::FENCE_POLYGON_INCLUSION | cmd::FENCE_POLYGON_EXCLUSION => {
                let count = it.p[0];
                if !(count.is_finite() && count.fract() == 0.0 && (3.0..=10_000.0).contains(&count))
                {
                    return no(Refusal::FenceInvalid, f64::from(count), 1);
                }
                let n = count as usize;
                let Some(run) = items.get(seq..seq + n) else {
                    return no(Refusal::FenceInvalid, f64::from(count), 1);
                };
                let mut ring = Vec::with_capacity(n);
                for (k, v) in run.iter().enumerate() {
                    let here = |refusal, value, param| ItemRefusal {
                        seq: seq + k,
                        refusal,
                        value,
                        param,
                    };
                    if v.command != it.command || v.p[0] != count {
                        return Err(here(Refusal::FenceInvalid, f64::from(v.p[0]), 1));
                    }
                    ring.push(
                        v.at()
                            .ok_or_else(|| here(Refusal::BadNumber, f64::from(v.x) * 1e-7, 5))?,
                    );
                }
                if it.command == cmd::FENCE_POLYGON_EXCLUSION {
                    exclusions.push(Shape::Polygon {
                        outer: ring,
                        holes: Vec::new(),
                    });
                } else if inclusion.is_none() {
                    inclusion = Some(ring);
                } else {
                    // Union on one autopilot, intersection on the other: not to be flown on.
                    return no(Refusal::FenceInvalid, 2.0, 0);
                }
                seq += n;
            }
            cmd::FENCE_CIRCLE_EXCLUSION => {
                let radius_m = f64::from(it.p[0]);
                if !(radius_m.is_finite() && radius_m > 0.0) {
                    return no(Refusal::FenceInvalid, radius_m, 1);
                }
                let Some(centre) = it.at() else {
                    return no(Refusal::BadNumber, f64::from(it.x) * 1e-7, 5);
                };
                exclusions.push(Shape::Circle { centre, radius_m });
                seq += 1;
            }
            cmd::FENCE_CIRCLE_INCLUSION => {
                let radius_m = f64::from(it.p[0]);
                let Some(centre) = it.at() else {
                    return no(Refusal::BadNumber, f64::from(it.x) * 1e-7, 5);
                };
                if !(radius_m.is_finite() && radius_m > 0.0) || inclusion.is_some() {
                    return no(Refusal::FenceInvalid, radius_m, 1);
                }
                inclusion = Some(circle_ring(centre, radius_m));
                seq += 1;
            }
            cmd::FENCE_RETURN_POINT => seq += 1,
            _ => return no(Refusal::UnsupportedItem, f64::from(it.command), 0),
        }
    }
    match inclusion {
        Some(ring) => Ok((ring, exclusions)),
        None => Err(ItemRefusal {
            seq: 0,
            refusal: Refusal::NoFence,
            value: f64::NAN,
            param: 0,
        }),
    }
}

/// 64 corners on the circle: the polygon lies inside it.
fn circle_ring(centre: LatLon, radius_m: f64) -> Vec<LatLon> {
    let plane = missions::plane::LocalPlane::new(centre);
    (0..64)
        .filter_map(|i| {
            let a = std::f64::consts::TAU * f64::from(i) / 64.0;
            plane.to_latlon(missions::plane::EastNorth::new(
                radius_m * a.cos(),
                radius_m * a.sin(),
            ))
        })
        .collect()
}

/// Rally points read back into places.
///
/// # Errors
/// [`ItemRefusal`] with the item.
pub fn rally_from_items(items: &[WireItem]) -> Result<Vec<LatLon>, ItemRefusal> {
    items
        .iter()
        .enumerate()
        .map(|(seq, it)| {
            if it.command != cmd::RALLY_POINT {
                return Err(ItemRefusal {
                    seq,
                    refusal: Refusal::UnsupportedItem,
                    value: f64::from(it.command),
                    param: 0,
                });
            }
            it.at().ok_or(ItemRefusal {
                seq,
                refusal: Refusal::BadNumber,
                value: f64::from(it.x) * 1e-7,
                param: 5,
            })
        })
        .collect()
}

/// One straight piece of what a mission list makes an aircraft fly. Heights in metres above home.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RouteLeg {
    /// Item flown to.
    pub seq: usize,
    /// Start.
    pub from: LatLon,
    /// Height at the start.
    pub from_alt_m: f64,
    /// End.
    pub to: LatLon,
    /// Height at the end.
    pub to_alt_m: f64,
    /// Circle flown around the end, metres; 0 none.
    pub radius_m: f64,
}

/// What a mission list makes an aircraft fly.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Route {
    /// Legs from home on, those of jumps included.
    pub legs: Vec<RouteLeg>,
    /// Highest speed it asks for, m/s, if it asks.
    pub speed_mps: Option<f64>,
    /// Whether it ends with a return to launch.
    pub returns: bool,
    /// Where it lands by itself.
    pub lands_at: Option<LatLon>,
}

/// Commands that move nothing but a camera, a yaw or a region of interest.
fn is_harmless(command: u16) -> bool {
    matches!(
        command,
        112 | 113
            | 114
            | 115
            | 195
            | 197
            | 201
            | 203
            | 204
            | 205
            | 206
            | 530
            | 531
            | 532
            | 1000
            | 2000
            | 2001
            | 2500
            | 2501
    )
}

/// Reads a mission list as legs to be judged. Jumps are followed once each way, so that every leg they make is judged.
///
/// # Errors
/// [`ItemRefusal`] for whatever cannot be judged: it will not be flown.
pub fn route(items: &[WireItem], dialect: Dialect, home: Home) -> Result<Route, ItemRefusal> {
    let mut out = Route::default();
    let (mut at, mut alt_m) = (home.at, 0.0);
    let first = usize::from(dialect == Dialect::ArduPilot);
    let mut seq = first;
    let mut jumped: std::collections::BTreeSet<usize> = std::collections::BTreeSet::new();
    let mut steps = 0usize;
    while let Some(it) = items.get(seq) {
        steps += 1;
        let no = |refusal, value: f64, param| {
            Err(ItemRefusal {
                seq,
                refusal,
                value,
                param,
            })
        };
        // Each jump is taken once and then passed: more steps than that is a loop.
        if steps > items.len().saturating_mul(jumped.len() + 2) + 2 {
            return no(Refusal::JumpLoop, steps as f64, 0);
        }
        if it.z.is_nan() && has_place(it.command) {
            return no(Refusal::BadNumber, f64::NAN, 7);
        }
        let level_m = alt_m;
        let mut fly = |radius_m: f64, alt_of: Option<f64>| -> Result<(), ItemRefusal> {
            let no = |refusal, value: f64, param| {
                Err(ItemRefusal {
                    seq,
                    refusal,
                    value,
                    param,
                })
            };
            let z = f64::from(it.z);
            let to_alt_m = match (alt_of, frame_class(ListKind::Mission, it.frame)) {
                (Some(a), _) => a,
                (None, 3) => z,
                (None, 0) => z - home.alt.metres(),
                (None, f) => return no(Refusal::UnsupportedFrame, f64::from(f), 0),
            };
            // 0, 0 means "where you are" for these commands on both autopilots.
            let to = if it.x == 0 && it.y == 0 {
                at
            } else {
                match it.at() {
                    Some(p) => p,
                    None => return no(Refusal::BadNumber, f64::from(it.x) * 1e-7, 5),
                }
            };
            out.legs.push(RouteLeg {
                seq,
                from: at,
                from_alt_m: alt_m,
                to,
                to_alt_m,
                radius_m,
            });
            (at, alt_m) = (to, to_alt_m);
            Ok(())
        };
        match it.command {
            cmd::WAYPOINT | cmd::LOITER_TIME | cmd::LOITER_UNLIM => fly(0.0, None)?,
            cmd::LOITER_TURNS => {
                let radius_m = f64::from(it.p[2]).abs();
                fly(if radius_m.is_finite() { radius_m } else { 0.0 }, None)?;
            }
            cmd::TAKEOFF => {
                // A multicopter climbs where it stands, whatever place the item names.
                let z = f64::from(it.z);
                let to_alt_m = match frame_class(ListKind::Mission, it.frame) {
                    3 => z,
                    0 => z - home.alt.metres(),
                    f => return no(Refusal::UnsupportedFrame, f64::from(f), 0),
                };
                out.legs.push(RouteLeg {
                    seq,
                    from: at,
                    from_alt_m: alt_m,
                    to: at,
                    to_alt_m,
                    radius_m: 0.0,
                });
                alt_m = to_alt_m;
                // PX4 then flies to the item's place.
                if dialect == Dialect::Px4
                    && let Some(p) = it.at().filter(|_| it.x != 0 || it.y != 0)
                    && p != at
                {
                    out.legs.push(RouteLeg {
                        seq,
                        from: at,
                        from_alt_m: alt_m,
                        to: p,
                        to_alt_m,
                        radius_m: 0.0,
                    });
                    at = p;
                }
            }
            cmd::LAND => {
                fly(0.0, Some(level_m))?;
                out.legs.push(RouteLeg {
                    seq,
                    from: at,
                    from_alt_m: alt_m,
                    to: at,
                    to_alt_m: 0.0,
                    radius_m: 0.0,
                });
                out.lands_at = Some(at);
                alt_m = 0.0;
            }
            cmd::RETURN_TO_LAUNCH => {
                out.returns = true;
                // Nothing after it is flown.
                return Ok(out);
            }
            cmd::DO_CHANGE_SPEED => {
                let v = f64::from(it.p[1]);
                if v.is_nan() || v > 100.0 {
                    return no(Refusal::BadNumber, v, 2);
                }
                if v > 0.0 {
                    out.speed_mps = Some(out.speed_mps.map_or(v, |s: f64| s.max(v)));
                }
            }
            cmd::DO_JUMP => {
                let target = it.p[0];
                if !(target.is_finite()
                    && target.fract() == 0.0
                    && target >= 0.0
                    && (target as usize) < items.len())
                {
                    return no(Refusal::JumpLoop, f64::from(target), 1);
                }
                if it.p[1] != 0.0 && jumped.insert(seq) {
                    seq = (target as usize).max(first);
                    continue;
                }
            }
            cmd::DELAY => {}
            c if is_harmless(c) => {}
            c => return no(Refusal::UnsupportedItem, f64::from(c), 0),
        }
        seq += 1;
    }
    Ok(out)
}
