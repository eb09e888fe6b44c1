//! The world in real time: one task steps it, a task a line carries bytes.

use super::camera;
use super::pace::Pace;
use crate::fault::Planned;
use crate::radio::Radio;
use crate::simulation::{STEP_US, Sim, SimConfig, is_due};
use anyhow::Context;
use link::frame::Framer;
use link_io::{Clock, Endpoint, LineEvent};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

/// Most bytes of whole frames in one datagram: below every usual MTU, as PX4 packs them.
const DATAGRAM: usize = 1200;
/// Line events that may wait.
const INBOX: usize = 4096;

/// Everything resolved.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The world.
    pub world: SimConfig,
    /// The lines of every aircraft, in their order.
    pub fleet: Vec<Lines>,
    /// Pace, times real time.
    pub speed: f64,
    /// Whether the scenario's radio lies between the autopilots and their lines.
    pub radio: bool,
}

/// The lines of one aircraft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    /// Lines of the autopilot: bytes go out on all, and come in from all.
    pub autopilot: Vec<Endpoint>,
    /// Where camera frames are served (`host:port`), if anywhere.
    pub camera: Option<String>,
    /// Where the Remote ID receiver sends, if anywhere.
    pub sensor: Option<Endpoint>,
}

/// The scenario's radio on the autopilot's lines, in the world's time, with the faults that are the radio's.
struct Air {
    radio: Radio,
    faults: Vec<Planned>,
}

impl Air {
    fn play(&mut self, sim: &Sim) {
        let (now, took_off) = (sim.now(), sim.took_off());
        for p in self.faults.extract_if(.., |p| is_due(p, now, took_off)) {
            self.radio.fault(&p.fault);
        }
    }
    /// What the autopilot said, as it arrives on the lines.
    fn down(&mut self, sim: &Sim, mut said: &[u8]) -> Vec<u8> {
        while !said.is_empty() {
            let (datagram, later) = said.split_at(whole_frames(said));
            self.radio.down.send(sim.now(), datagram);
            said = later;
        }
        std::iter::from_fn(|| self.radio.down.receive(sim.now()))
            .flatten()
            .collect()
    }
}

/// A radio for each aircraft, if they are asked for; the scenario's faults befall them all. A fault that nobody here plays
/// is told, never passed over in silence.
fn airs(setup: &Setup) -> Vec<Air> {
    let scenario = &setup.world.scenario;
    let (mut radio, mut faults) = (
        Radio::new(scenario.radio, setup.world.seed),
        scenario.faults.clone(),
    );
    faults.retain(|p| !p.fault.is_of_the_world());
    let all = faults.len();
    // Whether it is the radio's is asked of a radio that nobody uses.
    faults.retain(|p| setup.radio && radio.fault(&p.fault));
    if faults.len() < all {
        tracing::warn!(
            "{} faults of the scenario are not played here: {}",
            all - faults.len(),
            "those of the radio need --radio; those of programs, disks and clocks a rehearsal of the whole house"
        );
    }
    let radios = if setup.radio { setup.fleet.len() } else { 0 };
    (0u64..)
        .take(radios)
        .map(|n| Air {
            radio: Radio::new(scenario.radio, setup.world.seed.wrapping_add(n)),
            faults: faults.clone(),
        })
        .collect()
}

/// Which line of which aircraft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Autopilot(usize, usize),
    Sensor(usize),
}

/// Runs until interrupted.
///
/// # Errors
/// The world cannot be made.
pub fn run(setup: Setup) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(main_loop(setup))
}

/// A line with what it needs to take frames apart: frames of different lines must not mix.
struct Wire {
    out: mpsc::Sender<Vec<u8>>,
    framer: Framer,
}

/// This program's ends of one aircraft's lines.
struct Ends {
    wires: Vec<Wire>,
    sensor: Option<mpsc::Sender<Vec<u8>>>,
    frames: watch::Sender<camera::Latest>,
}

async fn main_loop(setup: Setup) -> anyhow::Result<()> {
    let kind = setup.world.kind;
    let mut airs = airs(&setup);
    let aircraft = u8::try_from(setup.fleet.len()).context("more aircraft than system ids")?;
    let mut sim = Sim::fleet(setup.world, aircraft)?;
    let (events, mut inbox) = mpsc::channel::<LineEvent<Line>>(INBOX);
    let open = |line: Line, endpoint: Endpoint| {
        tracing::info!("{line:?} on {endpoint}");
        let (out, from_world) = mpsc::channel(link_io::QUEUE);
        tokio::spawn(link_io::serve(line, endpoint, events.clone(), from_world));
        out
    };
    let mut fleet: Vec<Ends> = Vec::with_capacity(setup.fleet.len());
    for (n, lines) in setup.fleet.into_iter().enumerate() {
        let wires = lines
            .autopilot
            .into_iter()
            .enumerate()
            .map(|(i, endpoint)| Wire {
                out: open(Line::Autopilot(n, i), endpoint),
                framer: Framer::new(),
            })
            .collect();
        let (frames, latest) = watch::channel::<camera::Latest>(None);
        if let Some(address) = lines.camera {
            tracing::info!("Camera({n}) on tcp-listen:{address}");
            tokio::spawn(camera::serve(address, latest));
        }
        fleet.push(Ends {
            wires,
            sensor: lines.sensor.map(|e| open(Line::Sensor(n), e)),
            frames,
        });
    }
    let clock = Clock::start();
    let mut pace = Pace::new(setup.speed, clock.now().mono);
    let mut ticker = tokio::time::interval(Duration::from_micros(STEP_US));
    ticker.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut stop = std::pin::pin!(link_io::stopped());
    tracing::info!(
        "ready: {aircraft} {kind:?} at {}x, world time {}",
        setup.speed,
        sim.utc().to_rfc3339()
    );
    loop {
        tokio::select! {
            () = &mut stop => break,
            _ = ticker.tick() => {
                let (until, lost) = pace.target(clock.now().mono, sim.now());
                if !lost.is_zero() {
                    tracing::warn!("this machine is too slow: the world stood still for {} ms", lost.as_millis());
                }
                sim.step_until(until);
            }
            Some(event) = inbox.recv() => match event {
                LineEvent::Bytes(Line::Autopilot(n, i), bytes) => {
                    if let Some(wire) = fleet.get_mut(n).and_then(|e| e.wires.get_mut(i)) {
                        wire.framer.push(clock.now().mono, &bytes);
                        while let Some(frame) = wire.framer.next_frame() {
                            match airs.get_mut(n) {
                                Some(a) => a.radio.up.send(sim.now(), frame.bytes()),
                                None => sim.autopilot_in_of(n, sim.now(), frame.bytes()),
                            }
                        }
                    }
                }
                LineEvent::Bytes(Line::Sensor(_), _) => {}
                LineEvent::Trouble(line, text) => tracing::warn!("{line:?}: {text}"),
            }
        }
        for (n, ends) in fleet.iter().enumerate() {
            let mut bytes = sim.autopilot_out_of(n);
            if let Some(a) = airs.get_mut(n) {
                a.play(&sim);
                while let Some(frame) = a.radio.up.receive(sim.now()) {
                    sim.autopilot_in_of(n, sim.now(), &frame);
                }
                bytes = a.down(&sim, &bytes);
            }
            for wire in &ends.wires {
                send(&wire.out, &bytes);
            }
            let heard = sim.sensor_out_of(n);
            if let Some(out) = &ends.sensor {
                send(out, &heard);
            }
            while let Some(frame) = sim.camera_out_of(n) {
                if ends.frames.receiver_count() > 0 {
                    ends.frames.send_replace(Some(frame.encode().into()));
                }
            }
        }
    }
    tracing::info!("stopped");
    Ok(())
}

/// Hands bytes to a line in datagrams of whole frames. A line that is full loses them, as a UART would.
fn send(out: &mpsc::Sender<Vec<u8>>, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let (now, later) = bytes.split_at(whole_frames(bytes));
        if out.try_send(now.to_vec()).is_err() {
            return;
        }
        bytes = later;
    }
}

/// Length of the longest run of whole frames that fits a datagram; at least one frame.
fn whole_frames(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(len) = frame_len(bytes.get(at..).unwrap_or(&[])) {
        if at > 0 && at + len > DATAGRAM {
            break;
        }
        at += len;
    }
    // What is no frame goes as it is.
    if at == 0 { bytes.len() } else { at }
}

fn frame_len(bytes: &[u8]) -> Option<usize> {
    let len = match bytes {
        [0xFD, n, flags, ..] => 12 + usize::from(*n) + if flags & 1 == 1 { 13 } else { 0 },
        [0xFE, n, ..] => 8 + usize::from(*n),
        _ => return None,
    };
    (len <= bytes.len()).then_some(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use link::common::{HEARTBEAT_DATA, MavMessage};
    use link::frame::Stamper;

    #[test]
    fn the_radio_between_autopilot_and_lines_is_cut_and_mended_as_planned() {
        use crate::scenario::Scenario;
        use crate::simulation::SimConfig;
        let mut scenario = Scenario::sixi().unwrap();
        scenario.radio = crate::radio::RadioSpec::default();
        let planned = |t: &str| toml::from_str::<Planned>(t).unwrap();
        scenario.faults = vec![
            planned("at_s = 3.0\nwhat = 'cut'\nway = 'down'"),
            planned("at_s = 6.05\nwhat = 'mend'"),
            planned("at_s = 6.0\nwhat = 'hang'\nside = 'ground'\nlasts_s = 1.0"),
        ];
        let world = SimConfig {
            seed: 1,
            kind: crate::autopilot::AutopilotKind::Px4,
            start: scenario.start().unwrap(),
            scenario,
            venue_geojson: include_str!("../../../missions/venues/sixi-river.geojson").to_owned(),
            system_id: 1,
            real_pace: true,
        };
        let setup = Setup {
            world,
            fleet: vec![Lines {
                autopilot: Vec::new(),
                camera: None,
                sensor: None,
            }],
            speed: 1.0,
            radio: true,
        };
        let mut air = airs(&setup).remove(0);
        assert_eq!(
            air.faults.len(),
            2,
            "a program that hangs is not the radio's"
        );
        let mut sim = Sim::new(setup.world).unwrap();
        let mut heard = [0usize; 3];
        for tenth in 1..=90u64 {
            sim.step_until(missions::time::Mono(tenth * 100_000));
            air.play(&sim);
            let said = sim.autopilot_out();
            heard[(tenth as usize - 1) / 30] += air.down(&sim, &said).len();
        }
        assert!(
            heard[0] > 500 && heard[1] < 200 && heard[2] > 500,
            "{heard:?}"
        );
    }

    #[test]
    fn datagrams_hold_whole_frames_and_lose_nothing() {
        let mut stamper = Stamper::new(1, 1);
        let bytes: Vec<u8> = (0..200)
            .flat_map(|_| {
                stamper
                    .frame(MavMessage::HEARTBEAT(HEARTBEAT_DATA::default()))
                    .bytes()
                    .to_vec()
            })
            .collect();
        let (out, mut sent) = mpsc::channel(64);
        send(&out, &bytes);
        let mut all = Vec::new();
        while let Ok(datagram) = sent.try_recv() {
            assert!(datagram.len() <= DATAGRAM);
            assert_eq!(whole_frames(&datagram), datagram.len());
            all.extend(datagram);
        }
        assert_eq!(all, bytes);
        send(&out, b"no frame");
        assert_eq!(sent.try_recv().unwrap(), b"no frame");
    }
}
