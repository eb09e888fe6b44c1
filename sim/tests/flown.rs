//! The missions the real autopilots were recorded to fly, flown again: about as fast, the same way.
//!
//! The stations' part of the captures is said again at its recorded times. The recordings' clocks ran at 0.98–0.99 of
//! real time. Data: `PATROL_DATA`.

mod recording;

use link::common::MavMessage;
use link::frame::{Frame, Msg};
use missions::place::LatLon;
use missions::plane::{EastNorth, LocalPlane};
use recording::{capture, read};
use sim::autopilot::AutopilotKind;
use sim::vehicle::AirframeSpec;

/// Main mode in bits 16–23, sub mode above.
const PX4_MISSION: u32 = 4 << 16 | 4 << 24;
const PX4_HOLD: u32 = 4 << 16 | 3 << 24;
/// ArduCopter's RTL.
const COPTER_RETURN: u32 = 6;

#[derive(Debug, Default)]
struct Flown {
    /// Item, seconds.
    reached: Vec<(u16, f64)>,
    /// Mode, seconds when first said.
    modes: Vec<(u32, f64)>,
    disarmed_s: Option<f64>,
    armed: bool,
    top_speed_mps: f64,
    /// Last place, degrees × 1e7.
    last: (i32, i32),
}

impl Flown {
    fn take(&mut self, t: u64, f: &Frame) {
        let at_s = t as f64 * 1e-6;
        let Msg::Common(m) = f.decode() else { return };
        match *m {
            MavMessage::MISSION_ITEM_REACHED(d)
                if self.reached.last().map(|r| r.0) != Some(d.seq) =>
            {
                self.reached.push((d.seq, at_s))
            }
            MavMessage::HEARTBEAT(d) => {
                if self.modes.last().map(|m| m.0) != Some(d.custom_mode) {
                    self.modes.push((d.custom_mode, at_s));
                }
                let armed = d.base_mode.bits() & 128 != 0;
                if self.armed && !armed {
                    self.disarmed_s = Some(at_s);
                }
                self.armed = armed;
            }
            MavMessage::GLOBAL_POSITION_INT(d) => {
                self.last = (d.lat, d.lon);
                self.top_speed_mps = self
                    .top_speed_mps
                    .max(f64::from(d.vx).hypot(f64::from(d.vy)) / 100.0);
            }
            _ => {}
        }
    }
    fn at(&self, seq: u16) -> Option<f64> {
        self.reached.iter().find(|r| r.0 == seq).map(|r| r.1)
    }
    fn mode_at(&self, mode: u32) -> Option<f64> {
        self.modes.iter().find(|m| m.0 == mode).map(|m| m.1)
    }
}

fn both(kind: AutopilotKind, airframe: AirframeSpec, name: &str) -> Option<(Flown, Flown)> {
    let bytes = capture(name)?;
    let r = read(&bytes);
    let mut theirs = Flown::default();
    for (t, f) in r
        .frames
        .iter()
        .filter(|(_, f)| f.header().system == r.vehicle && f.header().component == 1)
    {
        theirs.take(*t, f);
    }
    let mut ours = Flown::default();
    r.replay(kind, airframe, |_, _| {}, |t, f| ours.take(t, f));
    println!("{kind:?}\n  real: {theirs:?}\n  ours: {ours:?}");
    Some((theirs, ours))
}

fn within(what: &str, theirs_s: f64, ours_s: f64) {
    let ratio = ours_s / theirs_s;
    println!(
        "{what}: real {theirs_s:.1} s, ours {ours_s:.1} s: {:+.1} %",
        (ratio - 1.0) * 100.0
    );
    assert!(
        (0.9..=1.1).contains(&ratio),
        "{what}: real {theirs_s:.1} s, ours {ours_s:.1} s"
    );
}

#[test]
fn arducopters_patrol_takes_as_long_and_its_breach_ends_at_the_rally_point() {
    let Some((theirs, ours)) = both(
        AutopilotKind::ArduPilot,
        AirframeSpec::default(),
        "ap_copter_flight_50wp_fence_breach.tlog",
    ) else {
        return;
    };
    let leg = |f: &Flown, a, b| f.at(b).unwrap() - f.at(a).unwrap();
    within(
        "take-off to waypoint 13",
        leg(&theirs, 1, 13),
        leg(&ours, 1, 13),
    );
    within("waypoints 2 to 13", leg(&theirs, 2, 13), leg(&ours, 2, 13));
    let breach = |f: &Flown| f.mode_at(COPTER_RETURN).unwrap();
    within(
        "waypoint 13 to the breach",
        breach(&theirs) - theirs.at(13).unwrap(),
        breach(&ours) - ours.at(13).unwrap(),
    );
    within(
        "breach to disarmed",
        theirs.disarmed_s.unwrap() - breach(&theirs),
        ours.disarmed_s.unwrap() - breach(&ours),
    );
    let place = |f: &Flown| LatLon::from_e7(f.last.0, f.last.1).unwrap();
    let apart_m = LocalPlane::new(place(&theirs))
        .to_local(place(&ours))
        .distance_m(EastNorth::new(0.0, 0.0));
    assert!(
        apart_m < 4.0,
        "landed {apart_m} m apart: the rally point, not home"
    );
}

#[test]
fn px4s_patrol_takes_as_long() {
    // PX4's SIH airframe: 1 kg with 1 N of drag for each m/s. Ours has quadratic drag: equal at its cruise speed.
    let draggy = AirframeSpec {
        mass_kg: 1.0,
        drag_area_m2: 4.5 / (0.5 * 1.2 * 4.5 * 4.5),
        ..AirframeSpec::default()
    };
    let Some((theirs, ours)) = both(
        AutopilotKind::Px4,
        draggy,
        "px4_flight_50wp_fence_breach.tlog",
    ) else {
        return;
    };
    let start = |f: &Flown| f.mode_at(PX4_MISSION).unwrap();
    within(
        "take-off",
        theirs.at(0).unwrap() - start(&theirs),
        ours.at(0).unwrap() - start(&ours),
    );
    within(
        "waypoints 0 to 3",
        theirs.at(3).unwrap() - theirs.at(0).unwrap(),
        ours.at(3).unwrap() - ours.at(0).unwrap(),
    );
    // The fence was changed in flight: both drop the mission and hold.
    let dropped = |f: &Flown| {
        f.modes
            .iter()
            .find(|(mode, at_s)| *mode == PX4_HOLD && *at_s > start(f))
            .unwrap()
            .1
    };
    within(
        "until the mission is dropped",
        dropped(&theirs),
        dropped(&ours),
    );
}
