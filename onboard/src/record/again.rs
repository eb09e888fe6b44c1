//! A companion's log fed to new cores: the same inputs and rules give the same anomalies, by number, time and place; another
//! rules file gives others. A core.

use super::aboard::{BadLog, Kind, Reader, Record, Start};
use crate::eyes::diary::{self, Took};
use crate::eyes::schema::{Down, Up};
use crate::eyes::{Eyes, EyesIn};
use crate::{EyesProcess, Input, Onboard, Output, Port};
use link::frame::{Framer, Msg};
use link::journal::MemDisk;
use link::patrol::MavMessage as Patrol;
use link::signing::Trust;
use link::state::anomaly_from_data;
use missions::anomaly::Anomaly;
use missions::time::{Mono, Now, Reading};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// What a log says, and what its inputs come to.
#[derive(Clone, Debug, PartialEq)]
pub struct FedAgain {
    /// Identity of the store.
    pub store_id: u64,
    /// What the eyes had flagged in flight, fed to the pilot half again.
    pub recorded: Vec<Anomaly>,
    /// What new eyes flag of the same inputs.
    pub again: Vec<Anomaly>,
    /// Entries of the eyes' diary.
    pub eyes_inputs: u64,
    /// The log breaks off within a record, as after a power cut.
    pub torn: bool,
}

/// A word of the eyes is on the pipe to the pilot half no longer than this.
const ON_THE_WAY: Duration = Duration::from_millis(500);

struct Companion {
    onboard: Onboard,
    framer: Framer,
    found: BTreeMap<u32, Anomaly>,
    /// Numbers given before this log began.
    before: u32,
}

impl Companion {
    fn new(start: &Start) -> Result<Self, BadLog> {
        let mut config = start.config.clone();
        config.new_store_id = start.store_id;
        // The log holds what was believed, and no key.
        config.ground_trust = vec![Trust::WiredLab; usize::from(config.ground_ports)];
        let onboard = Onboard::new(config, Box::new(MemDisk::default()))
            .map_err(|e| BadLog::Start(e.to_string()))?;
        Ok(Companion {
            onboard,
            framer: Framer::new(),
            found: BTreeMap::new(),
            before: start.last_anomaly,
        })
    }

    fn take(&mut self, now: Now, input: Input<'_>) {
        self.onboard.handle(now, input);
        while let Some(out) = self.onboard.poll() {
            let Output::Bytes {
                port: Port::Ground(_),
                bytes,
            } = out
            else {
                continue;
            };
            self.framer.push(now.mono, &bytes);
            while let Some(f) = self.framer.next_frame() {
                if let Msg::Patrol(m) = f.decode()
                    && let Patrol::PATROL_ANOMALY(d) = *m
                    && let Some((_, mut a)) = anomaly_from_data(&d)
                {
                    a.number = a.number.saturating_add(self.before);
                    self.found.entry(a.number).or_insert(a);
                }
            }
        }
    }

    /// Once more time passes, so that what was flagged last is told too.
    fn finish(mut self, last: Mono, utc: Reading<missions::time::Utc>) -> Vec<Anomaly> {
        for n in 1..=100u64 {
            let now = Now {
                mono: Mono(last.0.saturating_add(n * 50_000)),
                utc,
            };
            self.take(now, Input::Tick);
        }
        self.found.into_values().collect()
    }
}

/// Feeds a log. `rules`: instead of those that were in force.
///
/// # Errors
/// [`BadLog`]; a log that only breaks off is none.
pub fn feed_again(log: &[u8], rules: Option<&str>) -> Result<FedAgain, BadLog> {
    let mut reader = Reader::new(log).peekable();
    let start: Start = match reader.next() {
        Some(Ok(r)) if r.kind == Kind::Start => {
            serde_json::from_slice(r.bytes).map_err(|_| BadLog::NoStart)?
        }
        _ => return Err(BadLog::NoStart),
    };
    let (mut then, mut now) = (Companion::new(&start)?, Companion::new(&start)?);
    let mut eyes = Eyes::new();
    // What new eyes flagged waits for the moment at which the old ones' word arrived.
    let mut flagged: VecDeque<(Mono, Up)> = VecDeque::new();
    let (mut eyes_inputs, mut torn) = (0, false);
    let mut last = (Mono::ZERO, Reading::Missing);
    for r in reader {
        let r = match r {
            Ok(r) => r,
            Err(BadLog::Torn(_)) => {
                torn = true;
                break;
            }
            Err(e) => return Err(e),
        };
        let at = Now {
            mono: r.mono,
            utc: r.machine.map_or(Reading::Missing, Reading::Valid),
        };
        last = (at.mono, at.utc);
        match r.kind {
            Kind::Eyes => {
                let (when, took) = diary::decode(r.bytes).ok_or(BadLog::Unknown(usize::MAX))?;
                eyes_inputs += 1;
                eyes.handle(when, eyes_in(took, rules));
                while let Some(up) = eyes.poll() {
                    if matches!(up, Up::Flagged(_)) {
                        flagged.push_back((at.mono, up));
                    }
                }
            }
            Kind::Up => {
                let Ok(up) = serde_json::from_slice::<Up>(r.bytes) else {
                    continue;
                };
                then.take(at, Input::Eyes(&up));
                if matches!(up, Up::Flagged(_)) {
                    let same = flagged.iter().position(|(_, f)| is_same(f, &up));
                    if let Some((_, up)) = same.and_then(|n| flagged.remove(n)) {
                        now.take(at, Input::Eyes(&up));
                    }
                } else {
                    now.take(at, Input::Eyes(&up));
                }
            }
            _ => {
                // What nobody flagged then is flagged now.
                while flagged
                    .front()
                    .is_some_and(|(since, _)| at.mono.since(*since) > ON_THE_WAY)
                    && let Some((_, up)) = flagged.pop_front()
                {
                    now.take(at, Input::Eyes(&up));
                }
                both(&mut then, &mut now, at, &r);
            }
        }
    }
    while let Some((_, up)) = flagged.pop_front() {
        let at = Now {
            mono: last.0,
            utc: last.1,
        };
        now.take(at, Input::Eyes(&up));
    }
    Ok(FedAgain {
        store_id: start.store_id,
        recorded: then.finish(last.0, last.1),
        again: now.finish(last.0, last.1),
        eyes_inputs,
        torn,
    })
}

/// Whether both flag the same thing by the same rule in the same place.
fn is_same(a: &Up, b: &Up) -> bool {
    let (Up::Flagged(a), Up::Flagged(b)) = (a, b) else {
        return false;
    };
    (a.kind, &a.rule, &a.subject, a.at, a.first_seen)
        == (b.kind, &b.rule, &b.subject, b.at, b.first_seen)
}

fn both(then: &mut Companion, now: &mut Companion, at: Now, r: &Record<'_>) {
    let input = match r.kind {
        Kind::Autopilot => Input::Bytes {
            port: Port::Autopilot,
            bytes: r.bytes,
        },
        Kind::Ground => {
            let Some((line, bytes)) = r.bytes.split_first() else {
                return;
            };
            Input::Bytes {
                port: Port::Ground(*line),
                bytes,
            }
        }
        Kind::Tick => Input::Tick,
        Kind::EyesProcess => Input::EyesProcess(match r.bytes.first() {
            Some(0) => EyesProcess::Off,
            Some(1) => EyesProcess::Running,
            Some(2) => EyesProcess::Restarting,
            _ => EyesProcess::Failed,
        }),
        // A companion starts once.
        Kind::Start | Kind::Up | Kind::Eyes => return,
    };
    then.take(at, input);
    now.take(at, input);
}

fn eyes_in(took: Took, other_rules: Option<&str>) -> EyesIn {
    match took {
        Took::Down(Down::Configure {
            rules,
            zones,
            ground_amsl_m,
            own_system,
        }) => EyesIn::Down(Down::Configure {
            rules: other_rules.map_or(rules, str::to_owned),
            zones,
            ground_amsl_m,
            own_system,
        }),
        Took::Down(down) => EyesIn::Down(down),
        Took::Sensor(bytes) => EyesIn::Sensor(bytes),
        Took::Seen(seen) => EyesIn::Seen(seen),
        Took::Tick => EyesIn::Tick,
    }
}
