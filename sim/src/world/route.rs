//! Where a mission will take the aircraft and roughly when: for the director, who places things where the flight can
//! see them. Read off the autopilot's own link, as the mission is uploaded. Detectors never get this.

use crate::site::{Flat, Spot};
use link::{
    common::{MavCmd, MavMessage, MavMissionType},
    frame::{Framer, Msg},
};
use missions::time::Mono;
use std::collections::BTreeMap;

/// One item of an uploaded mission, as far as the route needs it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Climb {
        above_home_m: f64,
    },
    To {
        lat_deg: f64,
        lon_deg: f64,
        above_home_m: f64,
    },
    Speed {
        mps: f64,
    },
    End,
    Other,
}

/// Listens to mission uploads.
#[derive(Clone, Debug, Default)]
pub struct MissionEar {
    framer: Framer,
    expected: usize,
    heard: BTreeMap<u16, Step>,
    whole: Vec<Step>,
}

impl MissionEar {
    /// Listens to bytes that go to the autopilot.
    pub fn hear(&mut self, now: Mono, bytes: &[u8]) {
        self.framer.push(now, bytes);
        while let Some(frame) = self.framer.next_frame() {
            if let Msg::Common(m) = frame.decode() {
                self.message(&m);
            }
        }
    }

    fn message(&mut self, m: &MavMessage) {
        match m {
            MavMessage::MISSION_COUNT(c)
                if c.mission_type == MavMissionType::MAV_MISSION_TYPE_MISSION =>
            {
                self.expected = usize::from(c.count);
                self.heard.clear();
            }
            MavMessage::MISSION_ITEM_INT(i)
                if i.mission_type == MavMissionType::MAV_MISSION_TYPE_MISSION =>
            {
                let (lat, lon) = (f64::from(i.x) * 1e-7, f64::from(i.y) * 1e-7);
                self.item(i.seq, step(i.command, i.param2, lat, lon, i.z));
            }
            _ => {}
        }
    }

    fn item(&mut self, seq: u16, step: Step) {
        if usize::from(seq) < self.expected {
            self.heard.insert(seq, step);
        }
        if self.expected > 0 && self.heard.len() == self.expected {
            self.whole = self.heard.values().copied().collect();
        }
    }

    /// The route of the last whole mission: from `home`, at `cruise_mps` unless the mission changes it.
    /// `item_0_is_home`: ArduPilot's lists begin with the home position.
    #[must_use]
    pub fn route(
        &self,
        flat: &Flat,
        home: Spot,
        item_0_is_home: bool,
        cruise_mps: f64,
        climb_mps: f64,
    ) -> Route {
        let mut route = Route::default();
        let (mut t_s, mut here, mut height_m, mut mps) = (0.0, home, 0.0, cruise_mps);
        for step in self.whole.iter().skip(usize::from(item_0_is_home)) {
            match *step {
                Step::Climb { above_home_m } => {
                    t_s += (above_home_m - height_m).abs() / climb_mps;
                    height_m = above_home_m;
                }
                Step::To {
                    lat_deg,
                    lon_deg,
                    above_home_m,
                } => {
                    let there = flat.spot(lat_deg, lon_deg);
                    let length_m = here.distance_m(there);
                    let leg_s = (length_m / mps).max((above_home_m - height_m).abs() / climb_mps);
                    if leg_s > 0.0 && length_m > 0.1 {
                        route.legs.push(Leg {
                            start_s: t_s,
                            end_s: t_s + leg_s,
                            from: here,
                            to: there,
                            above_home_m: (height_m, above_home_m),
                        });
                    }
                    // Stopping, turning and starting again at a corner.
                    t_s += leg_s + mps * 0.7;
                    (here, height_m) = (there, above_home_m);
                }
                Step::Speed { mps: v } if v > 0.1 => mps = v,
                Step::End => break,
                Step::Speed { .. } | Step::Other => {}
            }
        }
        route.end_s = t_s;
        route
    }
}

fn step(command: MavCmd, param2: f32, lat_deg: f64, lon_deg: f64, z: f32) -> Step {
    let above_home_m = f64::from(z);
    match command {
        MavCmd::MAV_CMD_NAV_TAKEOFF => Step::Climb { above_home_m },
        MavCmd::MAV_CMD_NAV_WAYPOINT
        | MavCmd::MAV_CMD_NAV_SPLINE_WAYPOINT
        | MavCmd::MAV_CMD_NAV_LOITER_TIME
        | MavCmd::MAV_CMD_NAV_LOITER_UNLIM => Step::To {
            lat_deg,
            lon_deg,
            above_home_m,
        },
        MavCmd::MAV_CMD_DO_CHANGE_SPEED => Step::Speed {
            mps: f64::from(param2),
        },
        MavCmd::MAV_CMD_NAV_RETURN_TO_LAUNCH | MavCmd::MAV_CMD_NAV_LAND => Step::End,
        _ => Step::Other,
    }
}

/// One straight leg, times in seconds from the launch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leg {
    /// Begins.
    pub start_s: f64,
    /// Ends.
    pub end_s: f64,
    /// From.
    pub from: Spot,
    /// To.
    pub to: Spot,
    /// Height above home at both ends, metres.
    pub above_home_m: (f64, f64),
}

/// Legs in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Route {
    /// Legs.
    pub legs: Vec<Leg>,
    /// Nominal end of the last leg, seconds from the launch.
    pub end_s: f64,
}

impl Route {
    /// The first pass of the camera over `spot`: seconds from the launch, and for how long it stays well inside the
    /// picture. `half_view` is half the narrower side of the picture as a share of the height, already cut to what a
    /// tilted aircraft still sees. Only passes of at least `least_s` count.
    #[must_use]
    pub fn first_look(&self, spot: Spot, half_view: f64, least_s: f64) -> Option<(f64, f64)> {
        self.legs.iter().find_map(|leg| {
            let (dx, dy) = (leg.to.x_m - leg.from.x_m, leg.to.y_m - leg.from.y_m);
            let length_m = dx.hypot(dy);
            let (rx, ry) = (spot.x_m - leg.from.x_m, spot.y_m - leg.from.y_m);
            let along_m = (rx * dx + ry * dy) / length_m;
            let across_m = (rx * dy - ry * dx) / length_m;
            let half_m = half_view * leg.above_home_m.0.min(leg.above_home_m.1);
            if across_m.abs() > half_m {
                return None;
            }
            // Near a corner the aircraft brakes, banks and turns: only the straight middle counts.
            let clear_m = 12.0_f64.min(length_m / 4.0);
            let enter_m = (along_m - half_m).max(clear_m);
            let leave_m = (along_m + half_m).min(length_m - clear_m);
            let mps = length_m / (leg.end_s - leg.start_s);
            let seen_s = (leave_m - enter_m) / mps;
            (seen_s >= least_s).then(|| (leg.start_s + enter_m / mps, seen_s))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use link::{
        common::{MISSION_COUNT_DATA, MISSION_ITEM_INT_DATA},
        frame::Stamper,
    };

    #[test]
    fn an_uploaded_mission_becomes_a_route_and_a_point_beside_it_is_seen() {
        let flat = Flat::about(27.787, 120.091);
        let mut stamper = Stamper::new(1, 191);
        let mut ear = MissionEar::default();
        let mut bytes = stamper
            .frame(MavMessage::MISSION_COUNT(MISSION_COUNT_DATA {
                count: 4,
                ..Default::default()
            }))
            .bytes()
            .to_vec();
        let spots = [(0.0, 0.0), (0.0, 0.0), (400.0, 0.0), (400.0, 200.0)];
        for (seq, (x, y)) in spots.into_iter().enumerate() {
            let (lat, lon) = flat.degrees(Spot::new(x, y));
            bytes.extend_from_slice(
                stamper
                    .frame(MavMessage::MISSION_ITEM_INT(MISSION_ITEM_INT_DATA {
                        seq: seq as u16,
                        command: if seq == 0 {
                            MavCmd::MAV_CMD_NAV_TAKEOFF
                        } else {
                            MavCmd::MAV_CMD_NAV_WAYPOINT
                        },
                        x: (lat * 1e7).round() as i32,
                        y: (lon * 1e7).round() as i32,
                        z: 60.0,
                        ..Default::default()
                    }))
                    .bytes(),
            );
        }
        ear.hear(Mono::ZERO, &bytes);
        let route = ear.route(&flat, Spot::new(0.0, 0.0), false, 8.0, 2.0);
        assert_eq!(route.legs.len(), 2);
        let (when_s, seen_s) = route
            .first_look(Spot::new(200.0, 8.0), 0.2, 2.0)
            .expect("eight metres beside the leg");
        assert!(
            (when_s - (30.0 + 5.6 + 188.0 / 8.0)).abs() < 1.0,
            "{when_s}"
        );
        assert!((seen_s - 3.0).abs() < 0.1);
        assert_eq!(route.first_look(Spot::new(200.0, 30.0), 0.2, 2.0), None);
    }
}
