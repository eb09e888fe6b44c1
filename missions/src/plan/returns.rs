//! The way home as the autopilot alone flies it, when nobody else can say anything any more.

use super::{NEAREST_DOUBT_M, PlanFile, RETURN_PIECE_M};
use crate::fence::contain::{LegFault, Rules};
use crate::fence::{Fence, Leg};
use crate::place::{Alt, LatLon};
use crate::plane::EastNorth;

/// The autopilot's own return: climb on the spot to the return height, straight to the nearest of home and rally
/// points, down there. What it flies when nobody else can say anything any more.
pub(crate) struct Returns<'f> {
    fence: &'f Fence,
    sites: Vec<(EastNorth, LatLon)>,
    level: Alt<crate::place::Amsl>,
    cruise: Rules,
    /// From rest to full speed, metres.
    speeding_m: f64,
}

impl<'f> Returns<'f> {
    pub(crate) fn new(file: &PlanFile, fence: &'f Fence, cruise: Rules) -> Self {
        let plane = fence.plane();
        let sites = std::iter::once(file.home.at)
            .chain(file.rally.iter().copied())
            .map(|p| (plane.to_local(p), p))
            .collect();
        Returns {
            fence,
            sites,
            level: file.home.to_amsl(file.return_alt),
            speeding_m: file.speed_mps.powi(2) / (2.0 * file.vehicle.brake_mps2),
            cruise: Rules {
                over_crowds: false,
                ..cruise
            },
        }
    }

    /// For questions about which site is nearest, without proofs.
    pub(crate) fn sites_only(file: &PlanFile, fence: &'f Fence) -> Self {
        let rules = Rules {
            margin_m: 0.0,
            height_error_m: 0.0,
            when: file.launch_window,
            over_crowds: false,
        };
        Returns::new(file, fence, rules)
    }

    /// Proves the return from every point of a leg: climb on the spot, then straight to whichever site the autopilot
    /// may find nearest. Exact along the leg: for each site, the part of the leg from where it may be nearest makes a
    /// triangle with it, and the triangle is proven.
    pub(crate) fn check_along(&self, leg: &Leg) -> Result<(), (LatLon, LatLon, LegFault)> {
        self.check_from(leg, &self.cruise)
    }

    /// As [`Returns::check_along`] for a leg that was itself proven under `own`: a return begins at rest, so near its
    /// beginning the margin of the leg's own speed is enough; from where the aircraft may be at full speed again, the
    /// margin of that speed counts. `own` also says when the return may be flown.
    pub(crate) fn check_from(
        &self,
        leg: &Leg,
        own: &Rules,
    ) -> Result<(), (LatLon, LatLon, LegFault)> {
        let own = Rules {
            margin_m: own.margin_m.min(self.cruise.margin_m),
            over_crowds: false,
            ..*own
        };
        let cruise = Rules {
            margin_m: self.cruise.margin_m,
            ..own
        };
        let (low, high) = if leg.from_alt.metres() < leg.to_alt.metres() {
            (leg.from_alt, leg.to_alt)
        } else {
            (leg.to_alt, leg.from_alt)
        };
        // Both autopilots stay as high as they are where that is above the return height.
        let top = if high.metres() > self.level.metres() {
            high
        } else {
            self.level
        };
        let bottom = if low.metres() > self.level.metres() {
            low
        } else {
            self.level
        };
        let climb = Leg {
            from_alt: low,
            to_alt: top,
            ..*leg
        };
        self.fence
            .contain_with(&climb, &own)
            .map_err(|f| (leg.from, leg.from, f))?;
        for (from, to, site) in self.ways(leg) {
            let base = Leg {
                from,
                from_alt: bottom,
                to,
                to_alt: top,
            };
            self.fence
                .contain_fan(&base, site, &own)
                .map_err(|f| (from, site, f))?;
            if cruise.margin_m > own.margin_m
                && let Some(base) = self.further(&base, site)
            {
                self.fence
                    .contain_fan(&base, site, &cruise)
                    .map_err(|f| (from, site, f))?;
            }
        }
        Ok(())
    }

    /// The base of a fan moved towards its site by half of what the aircraft needs to reach full speed; the other half
    /// covers that the true line of equal distance is curved. `None`: full speed is never reached.
    fn further(&self, base: &Leg, site: LatLon) -> Option<Leg> {
        let plane = self.fence.plane();
        let goal = plane.to_local(site);
        let shift = |p: LatLon| {
            let p = plane.to_local(p);
            let left_m = p.distance_m(goal);
            if left_m <= self.speeding_m {
                return None;
            }
            let u = 0.5 * self.speeding_m / left_m;
            plane.to_latlon(EastNorth::new(
                p.east_m + u * (goal.east_m - p.east_m),
                p.north_m + u * (goal.north_m - p.north_m),
            ))
        };
        match (shift(base.from), shift(base.to)) {
            (None, None) => None,
            // An end too near to move stays: stricter than need be, never less.
            (a, b) => Some(Leg {
                from: a.unwrap_or(base.from),
                to: b.unwrap_or(base.to),
                ..*base
            }),
        }
    }

    /// The parts of a leg and the site each may return to.
    pub(crate) fn ways(&self, leg: &Leg) -> Vec<(LatLon, LatLon, LatLon)> {
        let plane = self.fence.plane();
        let (a, b) = (plane.to_local(leg.from), plane.to_local(leg.to));
        let n = (a.distance_m(b) / RETURN_PIECE_M).ceil().max(1.0);
        let at = |t: f64| {
            EastNorth::new(
                a.east_m + t * (b.east_m - a.east_m),
                a.north_m + t * (b.north_m - a.north_m),
            )
        };
        let place = |t: f64| match t {
            _ if t <= 0.0 => leg.from,
            _ if t >= 1.0 => leg.to,
            _ => plane.to_latlon(at(t)).unwrap_or(leg.from),
        };
        let mut out = Vec::new();
        for (i, (s, site)) in self.sites.iter().enumerate() {
            // Neighbouring pieces to one site become one part again.
            let mut open: Option<(f64, f64)> = None;
            for k in 0..n as u32 {
                let (t0, t1) = (f64::from(k) / n, f64::from(k + 1) / n);
                match self.may_be_nearest(i, *s, at(t0), at(t1)) {
                    Some((u0, u1)) => {
                        let (f, t) = (t0 + u0 * (t1 - t0), t0 + u1 * (t1 - t0));
                        match open.as_mut() {
                            Some(o) if f - o.1 < 1e-9 => o.1 = t,
                            _ => {
                                out.extend(open.map(|(f, t)| (place(f), place(t), *site)));
                                open = Some((f, t));
                            }
                        }
                    }
                    None => out.extend(open.take().map(|(f, t)| (place(f), place(t), *site))),
                }
            }
            out.extend(open.map(|(f, t)| (place(f), place(t), *site)));
        }
        out
    }

    /// The part of the piece `p0..p1` from where site `i` may be taken for the nearest, as parts of its length.
    ///
    /// `|p-s| <= |p-o| + doubt` follows from `|p-s|² - |p-o|² <= doubt · (|p-s| + |p-o|)`; the left side is linear along
    /// the piece, and the sum on the right is largest at an end: solving with that takes in a little more, never less.
    fn may_be_nearest(
        &self,
        i: usize,
        s: EastNorth,
        p0: EastNorth,
        p1: EastNorth,
    ) -> Option<(f64, f64)> {
        let (mut from, mut to) = (0.0, 1.0);
        for (j, (o, _)) in self.sites.iter().enumerate() {
            if j == i {
                continue;
            }
            let ahead = |p: EastNorth| p.distance_m(s).powi(2) - p.distance_m(*o).powi(2);
            let sum = |p: EastNorth| p.distance_m(s) + p.distance_m(*o);
            let most = NEAREST_DOUBT_M * sum(p0).max(sum(p1));
            let (f0, f1) = (ahead(p0) - most, ahead(p1) - most);
            match (f0 <= 0.0, f1 <= 0.0) {
                (true, true) => {}
                (false, false) => return None,
                (true, false) => to = f64::min(to, f0 / (f0 - f1)),
                (false, true) => from = f64::max(from, f0 / (f0 - f1)),
            }
        }
        (from <= to).then_some((from, to))
    }
}
