//! Captures of the real autopilots: found, read, and their stations' part said again to a simulated one.

use link::common::MavMessage;
use link::frame::{Frame, Framer, Msg, Stamper};
use missions::place::{Alt, Home, LatLon};
use missions::time::{Mono, Utc};
use sim::autopilot::{Aircraft, AircraftConfig, AutopilotKind, Environment};
use sim::vehicle::AirframeSpec;
use std::path::PathBuf;

const STEP_US: u64 = 10_000;

/// A capture's bytes; `None` where the data are absent, which CI does not forgive.
pub fn capture(name: &str) -> Option<Vec<u8>> {
    let dir = std::env::var_os("PATROL_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")),
        PathBuf::from,
    );
    let path = dir.join("captures").join(name);
    match std::fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(e) => {
            println!("skipped: {}: {e}", path.display());
            assert_ne!(
                std::env::var("CI").as_deref(),
                Ok("true"),
                "on CI the captures must be there"
            );
            None
        }
    }
}

/// A recording with what must be known of the time before it.
pub struct Recording {
    /// µs since its start, and the frame.
    pub frames: Vec<(u64, Frame)>,
    /// The autopilot's system id.
    pub vehicle: u8,
    /// Its home.
    pub home: Home,
    /// When the autopilot was switched on, on the recording's clock; before its start for one that ran already.
    pub boot_us: i64,
    /// Whether an earlier station had spoken the INT messages to it.
    pub int_spoken: bool,
}

/// Reads it.
pub fn read(bytes: &[u8]) -> Recording {
    let all: Vec<(Utc, Frame)> = link::tlog::Reader::new(bytes).collect();
    let start = all.first().map_or(0, |(t, _)| t.0);
    let frames: Vec<(u64, Frame)> = all
        .into_iter()
        .map(|(t, f)| ((t.0 - start) as u64, f))
        .collect();
    let mut vehicle = None;
    let mut home = None;
    let mut boot_us = None;
    let mut int_spoken = None;
    for (t, f) in &frames {
        if matches!(f.header().msg_id, 51 | 73 | 39 | 40) && int_spoken.is_none() {
            int_spoken = Some(f.header().msg_id == 51 && Some(f.header().system) == vehicle);
        }
        let Msg::Common(m) = f.decode() else { continue };
        match *m {
            MavMessage::HEARTBEAT(d)
                if d.autopilot != link::common::MavAutopilot::MAV_AUTOPILOT_INVALID =>
            {
                vehicle = Some(f.header().system)
            }
            MavMessage::HOME_POSITION(d) => {
                home = home.or(Some(Home {
                    at: LatLon::from_e7(d.latitude, d.longitude).unwrap(),
                    alt: Alt::from_metres(f64::from(d.altitude) / 1e3).unwrap(),
                }));
            }
            MavMessage::GLOBAL_POSITION_INT(d) => {
                boot_us = boot_us.or(Some(*t as i64 - i64::from(d.time_boot_ms) * 1000))
            }
            _ => {}
        }
    }
    Recording {
        frames,
        vehicle: vehicle.unwrap(),
        home: home.unwrap(),
        boot_us: boot_us.unwrap(),
        int_spoken: int_spoken.unwrap(),
    }
}

impl Recording {
    /// Says the stations' part to a simulated autopilot at the recorded times. `said` sees what is said, `heard` what
    /// is answered; times in µs on the recording's clock.
    pub fn replay(
        &self,
        kind: AutopilotKind,
        airframe: AirframeSpec,
        mut said: impl FnMut(u64, &Frame),
        mut heard: impl FnMut(u64, &Frame),
    ) {
        let mut aircraft = Aircraft::new(AircraftConfig {
            airframe,
            ..AircraftConfig::new(kind, self.home, self.vehicle)
        });
        let environment = Environment {
            wind_ned_mps: [0.0; 3],
            utc: Utc(1_790_856_120_000_000),
        };
        let mut framer = Framer::new();
        // The simulated clock begins with switching on.
        let local = |t: u64| u64::try_from(t as i64 - self.boot_us).unwrap_or(0);
        let mut listen = |aircraft: &mut Aircraft, now: u64| {
            framer.push(Mono(now), &aircraft.mavlink_out());
            let t = u64::try_from(now as i64 + self.boot_us).unwrap_or(0);
            while let Some(f) = framer.next_frame() {
                heard(t, &f);
            }
        };
        if self.int_spoken {
            let ask = link::common::MISSION_REQUEST_INT_DATA {
                target_system: self.vehicle,
                target_component: 1,
                ..Default::default()
            };
            let f = Stamper::new(255, 190).frame(MavMessage::MISSION_REQUEST_INT(ask));
            aircraft.mavlink_in(Mono(0), f.bytes());
        }
        let mut now = 0u64;
        let end = self.frames.last().map_or(0, |(t, _)| *t);
        let stations = self
            .frames
            .iter()
            .filter(|(_, f)| f.header().system != self.vehicle);
        for (t, f) in stations.map(|(t, f)| (*t, Some(f))).chain([(end, None)]) {
            while now + STEP_US <= local(t) {
                aircraft.step(STEP_US as f64 * 1e-6, &environment);
                now += STEP_US;
                listen(&mut aircraft, now);
            }
            if let Some(f) = f {
                said(t, f);
                aircraft.mavlink_in(Mono(now), f.bytes());
                listen(&mut aircraft, now);
            }
        }
    }
}
