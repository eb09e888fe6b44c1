//! What only the companion heard and saw: every input of its two halves, in order, so that a flight can be fed to the
//! very same cores again. Same inputs and same rules: the same anomalies, by number, time and place.
//!
//! A log is a sequence of records: time since start (µs, u64 LE), kind (u8), length (u32 LE), bytes.

use anyhow::Context;
use link::camera::{CameraDecoder, CameraFrame};
use link::frame::{Framer, Msg};
use link::journal::MemDisk;
use link::patrol::MavMessage as Patrol;
use link::state::anomaly_from_data;
use missions::anomaly::Anomaly;
use missions::time::{Mono, Now, Reading};
use onboard::{
    Config, Input, Onboard, Output, Port,
    eyes::{Eyes, EyesIn},
};
use std::collections::BTreeMap;

/// First bytes of a log.
const MAGIC: &[u8] = b"patrol-aboard/1\n";
const HEAD: usize = 8 + 1 + 4;

/// An input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Bytes from the autopilot.
    Autopilot,
    /// Bytes from the ground.
    Ground,
    /// Time passed for the pilot half.
    Tick,
    /// A camera frame for the eyes.
    Camera,
    /// Bytes of the Remote ID receiver for the eyes.
    Sensor,
    /// Time passed for the eyes.
    EyesTick,
    /// What the pilot half had to say was fetched.
    Fetch,
}

const KINDS: [Kind; 7] = [
    Kind::Autopilot,
    Kind::Ground,
    Kind::Tick,
    Kind::Camera,
    Kind::Sensor,
    Kind::EyesTick,
    Kind::Fetch,
];

/// A log being written.
#[derive(Clone, Debug, Default)]
pub struct AboardLog {
    bytes: Vec<u8>,
    fetched: bool,
}

impl AboardLog {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        AboardLog {
            bytes: MAGIC.to_vec(),
            fetched: true,
        }
    }
    pub(super) fn note(&mut self, now: Mono, kind: Kind, bytes: &[u8]) {
        // Fetching again what was fetched changes nothing.
        if kind == Kind::Fetch && self.fetched {
            return;
        }
        self.fetched = kind == Kind::Fetch;
        let code = KINDS.iter().position(|k| *k == kind).unwrap_or(0);
        self.bytes.extend_from_slice(&now.0.to_le_bytes());
        self.bytes.push(u8::try_from(code).unwrap_or(0));
        self.bytes
            .extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(0).to_le_bytes());
        self.bytes.extend_from_slice(bytes);
    }
    pub(super) fn camera(&mut self, now: Mono, frame: &CameraFrame) {
        self.note(now, Kind::Camera, &frame.encode());
    }
    /// The log.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn records(log: &[u8]) -> anyhow::Result<Vec<(Mono, Kind, &[u8])>> {
    let mut rest = log
        .strip_prefix(MAGIC)
        .context("this is no log of a companion")?;
    let mut out = Vec::new();
    while !rest.is_empty() {
        let (head, after) = rest.split_at_checked(HEAD).context("the log is torn")?;
        let (t, more) = head.split_first_chunk::<8>().context("the log is torn")?;
        let (code, len) = more.split_first().context("the log is torn")?;
        let len = u32::from_le_bytes(len.try_into()?) as usize;
        let kind = *KINDS
            .get(usize::from(*code))
            .context("the log is of a later kind")?;
        let (bytes, after) = after.split_at_checked(len).context("the log is torn")?;
        out.push((Mono(u64::from_le_bytes(*t)), kind, bytes));
        rest = after;
    }
    Ok(out)
}

/// The companion, fed again.
struct Again {
    onboard: Onboard,
    eyes: Eyes,
    framer: Framer,
    found: BTreeMap<u32, Anomaly>,
}

impl Again {
    fn pilot(&mut self, now: Now, input: Input<'_>) {
        self.onboard.handle(now, input);
        self.fetch(now);
    }
    fn fetch(&mut self, now: Now) {
        while let Some(out) = self.onboard.poll() {
            match out {
                Output::Bytes {
                    port: Port::Ground(_),
                    bytes,
                } => {
                    self.framer.push(now.mono, &bytes);
                    while let Some(f) = self.framer.next_frame() {
                        if let Msg::Patrol(m) = f.decode()
                            && let Patrol::PATROL_ANOMALY(d) = *m
                            && let Some((_, a)) = anomaly_from_data(&d)
                        {
                            self.found.entry(a.number).or_insert(a);
                        }
                    }
                }
                Output::ToEyes(down) => {
                    self.eyes.handle(now, EyesIn::Down(down));
                    self.up(now);
                }
                Output::Bytes { .. } | Output::Log(..) => {}
            }
        }
    }
    fn up(&mut self, now: Now) {
        while let Some(up) = self.eyes.poll() {
            self.onboard.handle(now, Input::Eyes(&up));
        }
    }
}

/// Feeds a log to new cores with this configuration: the anomalies they tell the ground, by number.
///
/// # Errors
/// When the log is torn, or the configuration is refused.
pub fn feed_again(log: &[u8], config: Config) -> anyhow::Result<Vec<Anomaly>> {
    let mut a = Again {
        onboard: Onboard::new(config, Box::new(MemDisk::default()))
            .context("starting the companion")?,
        eyes: Eyes::new(),
        framer: Framer::new(),
        found: BTreeMap::new(),
    };
    for (mono, kind, bytes) in records(log)? {
        let now = Now {
            mono,
            utc: Reading::Missing,
        };
        let port = |port| Input::Bytes { port, bytes };
        match kind {
            Kind::Autopilot => a.pilot(now, port(Port::Autopilot)),
            Kind::Ground => a.pilot(now, port(Port::Ground(0))),
            Kind::Tick => a.pilot(now, Input::Tick),
            Kind::Fetch => a.fetch(now),
            Kind::Camera => {
                let mut decoder = CameraDecoder::default();
                decoder.push(bytes);
                let frame = decoder
                    .next_frame()
                    .context("a camera frame of the log is damaged")?;
                a.eyes.handle(now, EyesIn::Camera(frame));
                a.up(now);
            }
            Kind::Sensor => {
                a.eyes.handle(now, EyesIn::Sensor(bytes.to_vec()));
                a.up(now);
            }
            Kind::EyesTick => {
                a.eyes.handle(now, EyesIn::Tick);
                a.up(now);
            }
        }
    }
    Ok(a.found.into_values().collect())
}
