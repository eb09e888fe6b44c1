//! Rows 12 to 15, 24 and 26: forged frames, other stations, bad fences and plans, floods.

use super::world::{Outcome, Stage, World, key};
use super::{Line, line, thread_cpu_s};
use ground_station::desk::{DeskConfig, DeskEvent, Intent, Upload};
use ground_station::rehearse::plan::SIXI_GEOJSON;
use link::common::{self, MavFrame, MavMessage, MavMissionResult, MavMissionType};
use link::frame::{Frame, Framer, Msg, Outgoing, Stamper};
use link::items::ListKind;
use link::journal::MemDisk;
use link::signing::{Key, Seal};
use link::state::{Order, OrderFate, OrderKind};
use missions::place::LatLon;
use missions::plan::PlanItem;
use missions::time::{Mono, Now};
use missions::venue::Venue;
use rand::RngExt;
use sim::autopilot::Mode;
use sim::site::Site;

pub const LINES: [Line; 8] = [
    line(
        12,
        "12-forged",
        "forged, replayed and unsigned orders; dropped, counted, alarmed",
        forged,
    ),
    line(
        13,
        "13-second-upload",
        "a second station uploads; refused, both told",
        second_upload,
    ),
    line(
        14,
        "14-bad-fence",
        "a fence partial or invalid; refused, the old one stays, no arming",
        bad_fence,
    ),
    line(
        15,
        "15-plan-crosses",
        "a plan across a zone; refused before upload, with the place",
        plan_crosses,
    ),
    line(
        15,
        "15-diversion-crosses",
        "a place to look at within a zone; refused, told",
        diversion_crosses,
    ),
    line(
        24,
        "24-garbage",
        "50,000 frames of garbage a second; slowest turn of the companion, CPU s, p99",
        garbage,
    ),
    line(
        24,
        "24-obeys-in-the-flood",
        "the same; an order in the midst of it is carried out",
        obeys_in_the_flood,
    ),
    line(
        26,
        "26-two-claim",
        "two stations order; one token, the loser told",
        two_claim,
    ),
];

/// Somebody with a radio and perhaps a key.
struct Station {
    stamper: Stamper,
    seal: Option<Seal>,
    framer: Framer,
}

impl Station {
    fn new(w: &World, system: u8, key: Option<Key>) -> Station {
        let mut disk = MemDisk::default();
        let mut seal = key.and_then(|k| Seal::open(&mut disk, "x", k, 9).ok());
        let now = Now::new(w.now(), w.rig.start().after(w.now().since(Mono::ZERO)));
        if let Some(s) = &mut seal {
            s.tend(now, &mut disk);
        }
        Station {
            stamper: Stamper::new(system, 190),
            seal,
            framer: Framer::new(),
        }
    }
    fn bytes(&mut self, m: impl Into<Outgoing>) -> Vec<u8> {
        let f = self.stamper.frame(m);
        match &mut self.seal {
            Some(s) => s.sign(&f).unwrap_or(f).bytes().to_vec(),
            None => f.bytes().to_vec(),
        }
    }
    fn says(&mut self, w: &mut World, m: impl Into<Outgoing>) {
        let b = self.bytes(m);
        w.rig.past_the_radio(&b);
    }
    fn hears(&mut self, w: &World) -> Vec<Msg> {
        let mut out = Vec::new();
        for b in &w.heard {
            self.framer.push(w.now(), b);
            while let Some(f) = self.framer.next_frame() {
                out.push(f.decode());
            }
        }
        out
    }
}

fn order(id: u32, kind: OrderKind) -> Outgoing {
    Order {
        id,
        kind,
        valid_ms: 3_000,
        age_ms: 0,
    }
    .to_message(1)
    .into()
}

fn forged(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    // What the ground said is recorded, a true order among it that has been undone since.
    let mut recorded: Vec<Vec<u8>> = Vec::new();
    w.rig.command(&Intent::Hold { aircraft: Some(1) });
    let mut resumed = false;
    w.mark();
    w.until(14.0, |w| {
        recorded.extend(
            w.heard
                .iter()
                .filter(|b| Frame::from_bytes(b).is_some_and(|f| f.header().system == 255))
                .cloned(),
        );
        if !resumed && w.since() > 3.0 {
            resumed = true;
            w.rig.command(&Intent::Resume { aircraft: 1 });
        }
        resumed && w.mode() == Mode::Mission
    });
    w.run(0.5);
    if w.mode() != Mode::Mission {
        w.wrong("not on patrol before the attack");
    }
    let before = w.state().map_or(0, |r| r.refused_frames);
    let orders = w.modes.len();
    w.mark();
    let bad = Key::new([0x11; 32]);
    let mut foes = [
        Station::new(&w, 255, None),
        Station::new(&w, 255, Some(bad)),
    ];
    let id = 900_000 + (seed as u32 % 1_000);
    match seed / 2 % 3 {
        0 => {
            for b in &recorded {
                w.rig.past_the_radio(b);
            }
        }
        n => {
            let foe = &mut foes[n as usize - 1];
            for kind in [OrderKind::Return, OrderKind::Hold] {
                foe.says(&mut w, order(id, kind));
            }
        }
    }
    let took = w.until(4.0, |w| {
        let counted = w.state().is_some_and(|r| r.refused_frames > before);
        counted && w.text("frames dropped")
    });
    w.run(2.0);
    if w.modes.len() != orders {
        w.wrong("something that nobody of ours ordered was done");
    }
    Ok(w.end(took, 1.0, 8.0, true))
}

pub(super) fn other() -> DeskConfig {
    DeskConfig {
        system: 252,
        venue: Venue::sixi_river(),
        first_order: 50_000_000,
        ..DeskConfig::default()
    }
}

/// Whether the second station's officer was told that another one has the control.
fn second_told(w: &mut World) -> bool {
    w.rig.take_second_events().iter().any(|e| {
        matches!(e, DeskEvent::Log(l) if l.params.get("text").and_then(|t| t.as_str()).is_some_and(|t| t.contains("252 refused")))
    })
}

fn second_upload(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.grounded(seed);
    w.rig.add_station(other(), Some(&key()))?;
    w.run_between(1.0, 2.0);
    w.mark();
    w.rig.second_load_plan(&s.new.to_json());
    let mut told = false;
    let took = w.until(6.0, |w| {
        told |= second_told(w);
        let sent = w
            .rig
            .second()
            .and_then(|d| d.aircraft(1))
            .is_some_and(|a| matches!(a.upload, Upload::Failed(_)));
        (told || sent) && w.text("252 refused")
    });
    w.run(2.0);
    if !w.holds(&s.old) || !w.rig.plan_ready() {
        w.wrong("the plan aboard was touched");
    }
    Ok(w.end(took, 1.0, 8.0, true))
}

fn two_claim(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    w.rig.add_station(other(), Some(&key()))?;
    // Both have heard it, and the first one flies it.
    w.rig.command(&Intent::Hold { aircraft: Some(1) });
    w.run_between(3.5, 4.5);
    let modes = w.modes.len();
    w.mark();
    let claimed = w.rig.second_command(&Intent::Resume { aircraft: 1 });
    if !claimed.is_some_and(|a| a.accepted) {
        w.wrong("the second desk did not even send it");
    }
    let took = w.until(4.0, |w| {
        let refused = w
            .rig
            .second()
            .and_then(|d| d.aircraft(1))
            .and_then(|a| a.order.as_ref())
            .is_some_and(|o| matches!(o.fate, Some(OrderFate::Refused { .. })));
        refused && w.text("252 refused")
    });
    w.run(1.0);
    if w.modes.len() != modes {
        w.wrong("the second station's order was carried out");
    }
    // The first one's is, once.
    w.rig.command(&Intent::Resume { aircraft: 1 });
    let limit_s = w.since() + 12.0;
    w.until(limit_s, |w| w.mode() == Mode::Mission);
    w.run(1.0);
    let resumed = |(_, m): &&(Mono, Mode)| *m == Mode::Mission;
    if w.mode() != Mode::Mission || w.modes.iter().skip(modes).filter(resumed).count() != 1 {
        w.wrong("the holder's order was not carried out once");
    }
    Ok(w.end(took, 1.0, 8.0, true))
}

fn bad_fence(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.grounded(seed);
    // The officer's own station, by the standard mission protocol: it holds the control.
    let mut foe = Station::new(&w, 255, Some(key()));
    let fence = |w: &World| format!("{:?}", w.rig.stored(ListKind::Fence));
    let before = fence(&w);
    w.run_between(0.3, 1.0);
    w.mark();
    let way = seed / 2 % 4;
    // Too few corners; a count that differs; a place that is none; some of it only.
    let corners: u16 = if way == 0 { 2 } else { 4 };
    let claims = if way == 1 { 9.0 } else { f32::from(corners) };
    let turn = w.rng.random::<f64>();
    let item = move |seq: u16| {
        let a = (f64::from(seq) / 4.0 + turn) * std::f64::consts::TAU;
        let lat = if way == 2 {
            95.0
        } else {
            27.787 + 0.003 * a.cos()
        };
        MavMessage::MISSION_ITEM_INT(common::MISSION_ITEM_INT_DATA {
            param1: claims,
            x: (lat * 1e7) as i32,
            y: ((120.091 + 0.003 * a.sin()) * 1e7) as i32,
            seq,
            command: common::MavCmd::MAV_CMD_NAV_FENCE_POLYGON_VERTEX_INCLUSION,
            target_system: 1,
            target_component: 1,
            frame: MavFrame::MAV_FRAME_GLOBAL,
            autocontinue: 1,
            mission_type: MavMissionType::MAV_MISSION_TYPE_FENCE,
            ..Default::default()
        })
    };
    foe.says(
        &mut w,
        MavMessage::MISSION_COUNT(common::MISSION_COUNT_DATA {
            count: corners,
            target_system: 1,
            target_component: 1,
            mission_type: MavMissionType::MAV_MISSION_TYPE_FENCE,
            opaque_id: 0,
        }),
    );
    let mut armed_try_s = 0.0;
    let mut told_s = None;
    // A station says its last word again when it hears nothing (mavlink.io/en/services/mission.html: 250 ms an item).
    let mut last = (0u16, w.now());
    let mut whole = false;
    w.until(7.0, |w| {
        let mut answers = Vec::new();
        if whole && w.now().since(last.1).as_secs_f64() >= 0.25 {
            answers.push(last.0);
        }
        for m in foe.hears(w) {
            let Msg::Common(m) = m else { continue };
            match *m {
                MavMessage::MISSION_REQUEST_INT(r)
                    if r.mission_type == MavMissionType::MAV_MISSION_TYPE_FENCE =>
                {
                    answers.push(r.seq);
                }
                MavMessage::MISSION_ACK(a)
                    if a.mission_type == MavMissionType::MAV_MISSION_TYPE_FENCE =>
                {
                    if a.mavtype == MavMissionResult::MAV_MISSION_ACCEPTED {
                        w.wrong("a fence that is none was accepted");
                    } else if told_s.is_none() {
                        told_s = Some(w.since());
                    }
                }
                _ => {}
            }
        }
        for seq in answers {
            // Some of it only: the last corner never comes.
            if way == 3 && seq + 1 == corners {
                continue;
            }
            foe.says(w, item(seq));
            last = (seq, w.now());
            if seq + 1 == corners && !whole {
                // What is wrong with it can be known now.
                whole = true;
                w.mark();
            }
        }
        if fence(w) != before {
            w.wrong("the autopilot's fence was touched");
        }
        if way == 3 && w.since() - armed_try_s > 0.5 {
            armed_try_s = w.since();
            foe.says(
                w,
                MavMessage::COMMAND_LONG(common::COMMAND_LONG_DATA {
                    param1: 1.0,
                    command: common::MavCmd::MAV_CMD_COMPONENT_ARM_DISARM,
                    target_system: 1,
                    target_component: 1,
                    ..Default::default()
                }),
            );
        }
        if w.rig.truth().aircraft.armed {
            w.wrong("armed while the fence was half there");
        }
        way != 3 && told_s.is_some()
    });
    // A set that never becomes whole is no set: nothing is to be told, nothing may have been touched.
    let took = if way == 3 { Some(0.0) } else { told_s };
    Ok(w.end(took, 1.0, 8.0, true))
}

/// A place in a zone that no aircraft may enter, or far outside: by the world's own reader of the venue.
fn forbidden(w: &mut World) -> anyhow::Result<LatLon> {
    let site = Site::from_geojson(SIXI_GEOJSON).map_err(|e| anyhow::anyhow!("{e}"))?;
    let zones: Vec<_> = site
        .of_role("exclusion")
        .chain(site.of_role("show"))
        .collect();
    let n = w.rng.random_range(0..=zones.len());
    let spot = match zones.get(n) {
        Some(z) => z.form.middle(),
        None => {
            let a = w.rng.random::<f64>() * std::f64::consts::TAU;
            let m = 4_000.0 + 4_000.0 * w.rng.random::<f64>();
            sim::site::Spot::new(m * a.sin(), m * a.cos())
        }
    };
    let (lat, lon) = site.flat.degrees(spot);
    Ok(LatLon::from_degrees(lat, lon)?)
}

fn plan_crosses(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.grounded(seed);
    w.run_between(0.1, 0.5);
    let to = forbidden(&mut w)?;
    let mut file = s.new.file().clone();
    let places: Vec<usize> = file
        .items
        .iter()
        .enumerate()
        .filter(|(_, i)| matches!(i, PlanItem::Waypoint { .. }))
        .map(|(n, _)| n)
        .collect();
    let n = places[w.rng.random_range(0..places.len())];
    if let Some(PlanItem::Waypoint { at, .. }) = file.items.get_mut(n) {
        *at = to;
    }
    // Its figures are those of its way: only the way is wrong.
    file.estimate = missions::planner::estimate(&file);
    w.mark();
    let answer = w.rig.load_plan(&serde_json::to_vec(&file)?);
    let placed = answer.reason.as_ref().is_some_and(|r| r.at.is_some());
    let took = (!answer.accepted && placed).then(|| w.since());
    w.run(2.0);
    if answer.accepted {
        w.wrong("a plan across a zone was taken");
    } else if !placed {
        w.wrong(&format!("refused without its place: {:?}", answer.reason));
    }
    if !w.holds(&s.old) || !w.rig.plan_ready() {
        w.wrong("the plan aboard was touched");
    }
    Ok(w.end(took, 1.0, 8.0, true))
}

fn diversion_crosses(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    w.run_between(0.3, 2.0);
    let to = forbidden(&mut w)?;
    w.mark();
    let modes = w.modes.len();
    w.rig.command(&Intent::Look {
        aircraft: 1,
        lat_deg: to.lat_deg(),
        lon_deg: to.lon_deg(),
    });
    let took = w.until(5.0, |w| {
        w.desk()
            .aircraft(1)
            .and_then(|a| a.order.as_ref())
            .is_some_and(|o| matches!(o.fate, Some(OrderFate::Refused { .. })))
    });
    w.run(1.5);
    if w.modes.len() != modes {
        w.wrong("it went off its way");
    }
    Ok(w.end(took, 1.0, 8.0, true))
}

/// 10 ms of a flood of 50,000 frames a second: noise, frames cut short, frames with a wrong checksum, unsigned ones.
fn flood(w: &mut World, foe: &mut Station) -> Vec<u8> {
    const FRAMES: usize = 500;
    let mut out = Vec::with_capacity(FRAMES * 40);
    for _ in 0..FRAMES {
        let mut f = foe.bytes(order(7, OrderKind::Return));
        match w.rng.random_range(0..4u8) {
            0 => {
                for b in &mut f {
                    *b = w.rng.random();
                }
            }
            1 => {
                let n = w.rng.random_range(0..f.len());
                f.truncate(n);
            }
            2 => {
                let n = w.rng.random_range(0..f.len());
                if let Some(b) = f.get_mut(n) {
                    *b ^= 1 << w.rng.random_range(0..8);
                }
            }
            _ => {}
        }
        out.extend_from_slice(&f);
    }
    out
}

/// What the companion's thread spends on ten milliseconds of flood, the turn of its control loop among it.
fn garbage(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    w.run_between(0.3, 1.0);
    let mut foe = Station::new(&w, 255, Some(Key::new([0x22; 32])));
    let mut took_s = Vec::new();
    w.mark();
    while w.since() < 1.5 {
        let bytes = flood(&mut w, &mut foe);
        let began = thread_cpu_s();
        w.rig.past_the_radio(&bytes);
        took_s.push(thread_cpu_s() - began);
        w.run(0.01);
    }
    if w.mode() != Mode::Mission {
        w.wrong("the flood changed the flight");
    }
    took_s.sort_by(f64::total_cmp);
    let p99 = took_s.iter().rev().nth(took_s.len() / 100).copied();
    Ok(w.end(p99, 0.020, 8.0, true))
}

fn obeys_in_the_flood(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    w.run_between(0.3, 1.0);
    let mut foe = Station::new(&w, 255, Some(Key::new([0x22; 32])));
    let mut next = w.now();
    w.mark();
    let mut ordered = None;
    let done = w.until(4.0, |w| {
        if w.now() >= next {
            next = Mono(w.now().0 + 10_000);
            let bytes = flood(w, &mut foe);
            w.rig.past_the_radio(&bytes);
        }
        if ordered.is_none() && w.since() > 0.5 {
            ordered = Some(w.since());
            w.rig.command(&Intent::Hold { aircraft: Some(1) });
        }
        ordered.is_some() && matches!(w.mode(), Mode::Hold | Mode::Brake)
    });
    let took = done.zip(ordered).map(|(d, o)| d - o);
    w.run(1.0);
    if w.modes.len() != 2 {
        w.wrong("more was done than was ordered");
    }
    Ok(w.end(took, 1.0, 8.0, true))
}
