//! Rows 16 to 20 and 28: the aircraft, its position, its battery, its autopilot.

use super::world::{Outcome, Stage, World, speed_mps};
use super::{Line, Run, line};
use crate::attack::run_out;
use ground_station::desk::Intent;
use link::common::MavMessage;
use link::frame::{Frame, Framer, Msg, Stamper};
use link::state::{PlanState, VerdictWord};
use rand::RngExt;
use sim::autopilot::{Mode, Trouble};
use sim::fault::{Fault, Gust, House};

pub const LINES: [Line; 16] = [
    line(
        16,
        "16-run-at-the-fence",
        "full speed at the edge with a gust, the autopilot's fence off; from the position said to the order out, and stopped within (figure: least m to the edge, negated)",
        run_at_the_fence,
    ),
    line(
        17,
        "17-gnss-lost",
        "satellites lost; the alarm on the ground, the autopilot comes down",
        gnss_lost,
    ),
    line(
        17,
        "17-gnss-jump",
        "position leaps 5 to 40 m; the guard holds",
        gnss_jump,
    ),
    line(
        17,
        "17-gnss-frozen",
        "position frozen; the guard holds",
        gnss_frozen,
    ),
    line(
        17,
        "17-spoof-fast",
        "pulled at 2 to 6 m/s; METRES of pull until it is found",
        spoof_fast,
    ),
    line(
        17,
        "17-spoof-slow",
        "pulled at 0.5 to 2 m/s; METRES of pull until it is found",
        spoof_slow,
    ),
    Line {
        number: 17,
        name: "17-spoof-down",
        asks: "pulled at 2 to 6 m/s until it is down; METRES over ground from where it was found to the touch-down, the pull not followed (figure: s from found to motors off)",
        apart: true,
        run: Run::World(spoof_down),
    },
    Line {
        number: 17,
        name: "17-drift",
        asks: "satellites lost; the drift area told, and the touch-down within it (figure: m from its edge, negative within; a plan states no ground-risk buffer to hold it against)",
        apart: true,
        run: Run::World(drift),
    },
    line(
        18,
        "18-battery-sags",
        "charge falls below the need; it goes home",
        battery_sags,
    ),
    line(
        18,
        "18-false-full",
        "the gauge sticks at 100 % while the charge falls below the need; it goes home",
        false_full,
    ),
    line(
        19,
        "19-reboot-aloft",
        "autopilot reboots aloft; top alarm on the ground",
        reboot_aloft,
    ),
    line(
        19,
        "19-impact-area",
        "the last place and the predicted impact area told; the truth within it (figure: m from its edge, negative within)",
        impact_area,
    ),
    Line {
        number: 19,
        name: "19-reboot-ground",
        asks: "autopilot reboots on the ground; everything verified anew, after it is ready",
        apart: true,
        run: Run::World(reboot_ground),
    },
    line(
        19,
        "19-unplugged",
        "serial line unplugged aloft; the alarm on the ground (figure: s from the plug to verified, 5 at most)",
        unplugged,
    ),
    line(
        20,
        "20-ignores",
        "autopilot ignores a hold; told again, then a return is ordered",
        ignores,
    ),
    line(
        28,
        "28-hold-and-sticks",
        "hold with a throttle stick at the bottom, or no transmitter; height kept, below 0.5 m/s",
        hold_and_sticks,
    ),
];

fn aircraft(w: &mut World, t: Trouble) {
    w.rig.fault(Fault::Aircraft(t));
}
fn stands(w: &World) -> bool {
    matches!(w.mode(), Mode::Hold | Mode::Brake)
}
fn goes_home(w: &World) -> bool {
    matches!(w.mode(), Mode::Return | Mode::Land)
}

/// The way to the edge in this heading by the oracle, metres; up to 400.
fn edge_m(w: &World, heading_rad: f64) -> f64 {
    let truth = w.rig.truth();
    let a = truth.aircraft;
    let mut m = 0.0;
    while m < 400.0 {
        let lat = a.lat_deg + m * heading_rad.cos() / 111_000.0;
        let lon = a.lon_deg + m * heading_rad.sin() / (111_320.0 * a.lat_deg.to_radians().cos());
        let inside = w
            .rig
            .containment()
            .clearance_m(truth.utc.0, lat, lon, a.alt_amsl_m)
            .0
            > 0.0;
        if !inside {
            break;
        }
        m += 5.0;
    }
    m
}

fn run_at_the_fence(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    w.run_between(0.2, 3.0);
    let mut best = (f64::INFINITY, 0.0);
    for _ in 0..16 {
        let heading = w.rng.random::<f64>() * std::f64::consts::TAU;
        let m = edge_m(&w, heading);
        // Far enough to gather speed.
        if m >= 40.0 && m < best.0 {
            best = (m, heading);
        }
    }
    let (_, heading) = best;
    w.rig.take_commands();
    w.rig.tap();
    w.mark();
    let mut foe = Stamper::new(252, 190);
    for m in run_out(w.kind, &w.rig.truth().aircraft, heading, 12.0) {
        let f = foe.frame(m);
        w.rig.past_the_companion(f.bytes());
    }
    let gust = Gust {
        mps: 5.0 + 3.0 * w.rng.random::<f64>(),
        towards_deg: heading.to_degrees(),
        lasts_s: 8.0,
    };
    let gust_s = 1.0 + 8.0 * w.rng.random::<f64>();
    let mut blown = false;
    let mut framer = Framer::new();
    let mut position = None;
    let mut decided_s = None;
    let mut least_m = f64::INFINITY;
    w.until(22.0, |w| {
        let said = w.rig.tap();
        framer.push(w.now(), &said);
        while let Some(f) = framer.next_frame() {
            // GLOBAL_POSITION_INT
            if f.header().msg_id == 33 && decided_s.is_none() {
                position = Some(w.now());
            }
        }
        for (at, bytes) in w.rig.take_commands() {
            if is_mode(&bytes) && decided_s.is_none() {
                decided_s = position.map(|p| at.since(p).as_secs_f64());
            }
        }
        if !blown && w.since() >= gust_s {
            blown = true;
            w.rig.fault(Fault::House(House::Gust(gust)));
        }
        let truth = w.rig.truth();
        let a = truth.aircraft;
        let (m, _) =
            w.rig
                .containment()
                .clearance_m(truth.utc.0, a.lat_deg, a.lon_deg, a.alt_amsl_m);
        least_m = least_m.min(m);
        decided_s.is_some() && speed_mps(&w.rig) < 1.0 && w.since() > gust_s + 4.0
    });
    let mut o = w.end(decided_s, 0.1, 4.0, true);
    o.figure = Some(-least_m);
    Ok(o)
}

/// A command of the companion's to the autopilot: its number, param2, param3.
fn command(bytes: &[u8]) -> Option<(u32, f32, f32)> {
    let Msg::Common(m) = Frame::from_bytes(bytes)?.decode() else {
        return None;
    };
    match *m {
        MavMessage::COMMAND_LONG(c) => Some((c.command as u32, c.param2, c.param3)),
        MavMessage::COMMAND_INT(c) => Some((c.command as u32, c.param2, c.param3)),
        _ => None,
    }
}
fn is_mode(bytes: &[u8]) -> bool {
    // DO_SET_MODE, return, land, pause, reposition.
    command(bytes).is_some_and(|(c, ..)| matches!(c, 176 | 20 | 21 | 193 | 192))
}
fn is_return(bytes: &[u8]) -> bool {
    command(bytes)
        .is_some_and(|(c, p2, p3)| c == 20 || c == 176 && (p2 == 6.0 || p2 == 4.0 && p3 == 5.0))
}
fn is_hold(bytes: &[u8]) -> bool {
    command(bytes).is_some_and(|(c, p2, p3)| {
        matches!(c, 192 | 193) || c == 176 && (p2 == 17.0 || p2 == 5.0 || p2 == 4.0 && p3 == 3.0)
    })
}

fn gnss_lost(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    w.run_between(0.3, 3.0);
    w.mark();
    aircraft(&mut w, Trouble::GnssLost);
    let took = w.until(5.0, |w| {
        w.new_state()
            .is_some_and(|r| r.verdict == VerdictWord::NotKnown)
            || w.text("osition")
            || w.text("atellites")
            || w.text("EKF")
    });
    if w.until(5.0, |w| goes_home(w)).is_none() {
        w.wrong("it does not come down");
    }
    Ok(w.end(took, 1.0, 6.0, true))
}

fn gnss_jump(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    w.run_between(0.3, 3.0);
    w.mark();
    let a = w.rng.random::<f64>() * std::f64::consts::TAU;
    let m = 5.0 + 35.0 * w.rng.random::<f64>();
    aircraft(
        &mut w,
        Trouble::GnssJump {
            north_m: m * a.cos(),
            east_m: m * a.sin(),
        },
    );
    let took = w.until(5.0, |w| stands(w) || goes_home(w));
    w.run(1.0);
    Ok(w.end(took, 1.0, 6.0, true))
}

fn gnss_frozen(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    w.run_between(0.3, 3.0);
    // One that stands still cannot be told from one that is frozen.
    w.until(20.0, |w| {
        speed_mps(&w.rig) > 3.0 && w.mode() == Mode::Mission
    });
    w.mark();
    aircraft(&mut w, Trouble::GnssFrozen);
    let took = w.until(5.0, |w| stands(w) || goes_home(w));
    aircraft(&mut w, Trouble::GnssWell);
    Ok(w.end(took, 1.0, 6.0, true))
}

/// On patrol, and its position begins to be pulled away at this speed, m/s.
fn pulled(s: &Stage, seed: u64, least_mps: f64, most_mps: f64) -> (World, f64) {
    let mut w = s.aloft(seed);
    w.run_between(0.3, 2.0);
    w.mark();
    let a = w.rng.random::<f64>() * std::f64::consts::TAU;
    let mps = least_mps + (most_mps - least_mps) * w.rng.random::<f64>();
    aircraft(
        &mut w,
        Trouble::GnssDrag {
            north_mps: mps * a.cos(),
            east_mps: mps * a.sin(),
        },
    );
    (w, mps)
}

fn spoof(s: &Stage, seed: u64, least_mps: f64, most_mps: f64) -> anyhow::Result<Outcome> {
    let (mut w, mps) = pulled(s, seed, least_mps, most_mps);
    // Found is: it stands, goes home or comes down though nobody ordered it.
    let found = w.until(20.0, |w| w.mode() != Mode::Mission);
    Ok(w.end(found.map(|t| t * mps), 10.0, 6.0, true))
}
fn spoof_fast(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    spoof(s, seed, 2.0, 6.0)
}
fn spoof_slow(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    spoof(s, seed, 0.5, 2.0)
}

/// Stopping from full speed and a hold of a second that still follows the pull take their way; the descent itself must not.
/// 25 m is the buffer beyond a fence that is allowed at 10 m/s.
const SPOOFED_DOWN_M: f64 = 25.0;

fn spoof_down(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let (mut w, _) = pulled(s, seed, 2.0, 6.0);
    if w.until(20.0, |w| w.mode() != Mode::Mission).is_none() {
        w.wrong("the pull was not found");
    }
    let from = w.rig.truth().aircraft;
    w.mark();
    let down = w.until(120.0, |w| !w.rig.truth().aircraft.armed);
    let a = w.rig.truth().aircraft;
    let north_m = (a.lat_deg - from.lat_deg) * 111_000.0;
    let east_m = (a.lon_deg - from.lon_deg) * 111_320.0 * from.lat_deg.to_radians().cos();
    let moved_m = down.map(|_| north_m.hypot(east_m));
    let mut o = w.end(moved_m, SPOOFED_DOWN_M, 2.0, true);
    o.figure = down;
    Ok(o)
}

fn battery_sags(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    w.run_between(0.3, 3.0);
    w.mark();
    let left = 0.08 + 0.10 * w.rng.random::<f64>();
    aircraft(&mut w, Trouble::BatterySag { left });
    let took = w.until(6.0, |w| goes_home(w));
    Ok(w.end(took, 2.0, 6.0, true))
}

fn false_full(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    w.run_between(0.3, 1.0);
    aircraft(&mut w, Trouble::BatteryShows { shown: 1.0 });
    w.run_between(1.0, 2.0);
    w.mark();
    let left = 0.08 + 0.10 * w.rng.random::<f64>();
    aircraft(&mut w, Trouble::BatterySag { left });
    let took = w.until(6.0, |w| goes_home(w));
    Ok(w.end(took, 2.0, 6.0, true))
}

fn reboot_aloft(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    w.run_between(0.3, 3.0);
    w.mark();
    aircraft(&mut w, Trouble::Reboot);
    let took = w.until(5.0, |w| w.text("MOTORS OFF") || w.text("rebooted"));
    if w.until(6.0, |w| w.text("rebooted")).is_none() {
        w.wrong("that it was a reboot was never told");
    }
    Ok(w.end(took, 1.0, 6.0, true))
}

/// "Patrol: impact LAT,LON +-M m", or another word before the place.
fn told_area(w: &World, before: &str) -> Option<(f64, f64, f64)> {
    w.told.iter().rev().find_map(|(_, e)| {
        let text = e.params.get("text")?.as_str()?;
        let rest = text.strip_prefix(before)?;
        let (at, m) = rest.split_once(" +-")?;
        let (lat, lon) = at.split_once(',')?;
        let m = m.strip_suffix(" m")?;
        Some((lat.parse().ok()?, lon.parse().ok()?, m.parse().ok()?))
    })
}

const IMPACT: &str = "Patrol: impact ";
const DRIFT: &str = "Patrol: drift ";

/// How far the aircraft is beyond the area told, metres; negative: within.
fn beyond_m(w: &World, before: &str) -> Option<f64> {
    let a = w.rig.truth().aircraft;
    told_area(w, before).map(|(lat, lon, m)| {
        let north = (a.lat_deg - lat) * 111_000.0;
        let east = (a.lon_deg - lon) * 111_320.0 * lat.to_radians().cos();
        north.hypot(east) - m
    })
}

/// No guard holds an aircraft without a position: what counts is that the ground was told where it comes down.
fn drift(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    // A world's own weather is drawn where it begins, and the air turns to it within seconds: a wind that turns with the very
    // loss is another fault.
    w.run_between(12.0, 20.0);
    w.mark();
    aircraft(&mut w, Trouble::GnssLost);
    let took = w.until(5.0, |w| told_area(w, DRIFT).is_some());
    if w.until(150.0, |w| !w.rig.truth().aircraft.armed).is_none() {
        w.wrong("it never came down");
    }
    let off_m = beyond_m(&w, DRIFT);
    if off_m.is_none_or(|m| m > 0.0) {
        w.wrong(&format!("it came down outside the area told: {off_m:?} m"));
    }
    let mut o = w.end(took, 1.0, 2.0, true);
    // Over the fence is where the wind may take it: told, not bounded.
    if off_m.is_some_and(|m| m <= 0.0) {
        o.wrong
            .retain(|w| !w.starts_with("got out: ") && !w.starts_with("modes "));
    }
    o.figure = off_m;
    Ok(o)
}

fn impact_area(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    w.run_between(0.3, 8.0);
    w.mark();
    aircraft(&mut w, Trouble::Reboot);
    let took = w.until(3.0, |w| told_area(w, IMPACT).is_some());
    w.until(20.0, |w| !w.rig.truth().airborne);
    let off_m = beyond_m(&w, IMPACT);
    if off_m.is_some_and(|m| m > 0.0) {
        w.wrong(&format!("it came down outside the area told: {off_m:?} m"));
    }
    let mut o = w.end(took, 1.0, 6.0, true);
    o.figure = off_m;
    Ok(o)
}

fn reboot_ground(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.grounded(seed);
    w.run_between(0.3, 3.0);
    aircraft(&mut w, Trouble::Reboot);
    w.mark();
    let mut lost = false;
    let ready = w.until(120.0, |w| {
        lost |= w
            .desk()
            .aircraft(1)
            .is_some_and(|a| a.token(w.now()).is_none());
        w.rig.world_mut().autopilot_is_ready()
    });
    if ready.is_none() {
        w.wrong("the autopilot never was ready");
    }
    if !lost {
        w.wrong("the launch token outlived the reboot");
    }
    w.mark();
    let took = w.until(40.0, |w| {
        w.new_state()
            .is_some_and(|r| r.plan_state == PlanState::OnAircraft)
            && w.desk()
                .aircraft(1)
                .is_some_and(|a| a.token(w.now()).is_some())
            && w.rig.plan_ready()
    });
    Ok(w.end(took, 10.0, 6.0, true))
}

fn unplugged(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    w.run_between(0.3, 3.0);
    w.mark();
    aircraft(&mut w, Trouble::Unplugged);
    let took = w.until(5.0, |w| {
        w.new_state()
            .is_some_and(|r| r.verdict == VerdictWord::NotKnown)
            || w.text("osition")
            || w.text("utopilot")
    });
    let off_s = 3.0 + w.rng.random::<f64>();
    w.until(off_s, |_| false);
    w.mark();
    aircraft(&mut w, Trouble::Plugged);
    let again = w.until(10.0, |w| {
        w.new_state()
            .is_some_and(|r| r.margin_m.is_some() && r.plan_state == PlanState::OnAircraft)
            && w.rig.plan_ready()
    });
    if !again.is_some_and(|t| t <= 5.0) {
        w.wrong(&format!("verified after the plug: {again:?} s"));
    }
    let mut o = w.end(took, 1.0, 6.0, true);
    o.figure = again;
    Ok(o)
}

fn ignores(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    w.run_between(0.3, 3.0);
    aircraft(&mut w, Trouble::Ignores);
    w.rig.take_commands();
    w.rig.command(&Intent::Hold { aircraft: Some(1) });
    w.mark();
    let (mut holds, mut first, mut returned) = (0u32, None, None);
    w.until(9.0, |w| {
        for (at, bytes) in w.rig.take_commands() {
            if is_hold(&bytes) {
                holds += 1;
                first.get_or_insert(at);
            }
            if is_return(&bytes) && first.is_some() {
                returned.get_or_insert(at);
            }
        }
        returned.is_some()
    });
    if holds < 2 {
        w.wrong(&format!("told {holds} times to hold before it escalated"));
    }
    aircraft(&mut w, Trouble::Obeys);
    if w.until(12.0, |w| goes_home(w) || stands(w)).is_none() {
        w.wrong("it obeys again and is told nothing");
    }
    let took = returned.zip(first).map(|(r, f)| r.since(f).as_secs_f64());
    Ok(w.end(took, 3.0, 6.0, true))
}

fn hold_and_sticks(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = s.aloft(seed);
    w.run_between(0.3, 3.0);
    if (seed / 2).is_multiple_of(2) {
        aircraft(&mut w, Trouble::ThrottleLow);
    }
    w.mark();
    w.rig.command(&Intent::Hold { aircraft: Some(1) });
    let took = w.until(9.0, |w| stands(w) && speed_mps(&w.rig) < 0.5);
    let height_m = w.rig.truth().aircraft.alt_amsl_m;
    let mut worst = (0.0f64, 0.0f64);
    let end = w.since() + 5.0;
    w.until(end, |w| {
        let a = w.rig.truth().aircraft;
        worst.0 = worst.0.max((a.alt_amsl_m - height_m).abs());
        worst.1 = worst.1.max(speed_mps(&w.rig));
        false
    });
    if worst.0 > 2.0 {
        w.wrong(&format!("height not kept: {:.1} m off", worst.0));
    }
    // A gust may push it for a moment.
    if worst.1 > 1.5 {
        w.wrong(&format!("moved at {:.1} m/s while it held", worst.1));
    }
    Ok(w.end(took, 5.0, 6.0, true))
}
