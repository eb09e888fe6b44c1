//! The two files of a recording on one time line, with places to start from so that a seek is short.

use crate::desk::Aircraft;
use crate::record::line::{self, Fact, Line};
use link::common::{MavAutopilot, MavMessage as Common};
use link::frame::{Frame, Msg};
use link::patrol::MavMessage as Patrol;
use link::state::StateReport;
use link::telemetry::Telemetry;
use link::tlog::Reader;
use missions::time::{Mono, Now, Utc};
use serde_json::Value;
use std::collections::BTreeMap;
use thiserror::Error;

/// Time between two places to start from, µs.
const KEY_EVERY_US: i64 = 10_000_000;
/// A step back longer than this is a clock that was set, µs. Shorter ones are jitter.
const STEP_BACK_US: i64 = 1_000_000;
/// A step forward longer than this is a clock that was set (keep-alives are recorded, so silence is not so long), µs.
const STEP_ON_US: i64 = 120_000_000;
/// Aircraft shown at most.
const MAX_AIRCRAFT: usize = 64;

/// Why it is no recording.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadRecording {
    /// Neither frames nor events.
    #[error("the recording is empty: no frame in flight.tlog and no line in events.jsonl")]
    Empty,
}

/// Where a frame lies.
#[derive(Clone, Copy, Debug)]
struct At {
    /// On the recording's time line, µs since 1970.
    t_us: i64,
    /// First byte of the frame.
    offset: usize,
    len: usize,
}

/// What was known of one aircraft at a moment.
#[derive(Clone, Debug, Default)]
struct Known {
    telemetry: Telemetry,
    state: Option<(StateReport, Mono)>,
    heard: Option<Mono>,
}

#[derive(Clone, Debug)]
struct Key {
    t_us: i64,
    /// Frames taken before it.
    frame: usize,
    known: BTreeMap<u8, Known>,
}

/// A recording.
#[derive(Clone, Debug)]
pub struct Recording {
    tlog: Vec<u8>,
    frames: Vec<At>,
    lines: Vec<(i64, Line)>,
    keys: Vec<Key>,
    /// MAVLink system → aircraft id.
    ids: BTreeMap<u8, u8>,
    start_us: i64,
    end_us: i64,
    /// Lines that could not be read, and bytes of the `.tlog` that were no frames.
    damaged: (usize, usize),
}

impl Recording {
    /// Reads the files' contents.
    ///
    /// # Errors
    /// [`BadRecording`].
    pub fn new(tlog: Vec<u8>, events: &str) -> Result<Recording, BadRecording> {
        let (lines, bad_lines) = line::read(events);
        let mut ids = ids_of_lines(&lines);
        let by_lines = !ids.is_empty();
        let mut reader = Reader::new(&tlog);
        let mut stamps = Vec::new();
        let mut frames = Vec::new();
        let mut read = 0usize;
        while let Some((utc, frame)) = reader.next() {
            let len = frame.bytes().len();
            frames.push(At {
                t_us: 0,
                offset: read + reader.skipped + 8,
                len,
            });
            read += 8 + len;
            stamps.push(utc.0);
            if !by_lines && ids.len() < MAX_AIRCRAFT {
                note_autopilot(&mut ids, &frame);
            }
        }
        let damaged = (bad_lines, reader.skipped);
        for (at, t) in frames.iter_mut().zip(straighten(&stamps)) {
            at.t_us = t;
        }
        let lines = place_lines(lines, &frames, &stamps);
        let first = frames.first().map(|f| f.t_us);
        let start_us = first
            .or(lines.first().map(|l| l.0))
            .ok_or(BadRecording::Empty)?;
        let end_us = frames
            .last()
            .map_or(start_us, |f| f.t_us)
            .max(lines.last().map_or(start_us, |l| l.0));
        let mut r = Recording {
            tlog,
            frames,
            lines,
            keys: Vec::new(),
            ids,
            start_us,
            end_us,
            damaged,
        };
        r.make_keys();
        Ok(r)
    }

    /// Frames.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.frames.len()
    }
    /// First and last moment.
    #[must_use]
    pub fn span(&self) -> (Utc, Utc) {
        (Utc(self.start_us), Utc(self.end_us))
    }
    /// Lines of `events.jsonl` that could not be read, and bytes of `flight.tlog` that were no frames.
    #[must_use]
    pub fn damaged(&self) -> (usize, usize) {
        self.damaged
    }

    /// Time since the recording's start.
    pub(super) fn mono(&self, t_us: i64) -> Mono {
        Mono(u64::try_from(t_us.saturating_sub(self.start_us)).unwrap_or(0))
    }
    pub(super) fn lines(&self) -> &[(i64, Line)] {
        &self.lines
    }
    pub(super) fn time_of_frame(&self, i: usize) -> Option<i64> {
        self.frames.get(i).map(|f| f.t_us)
    }

    /// A frame, and the aircraft it is from; `None` when it is the ground's own or damaged.
    pub(super) fn frame(&self, i: usize) -> Option<(u8, Frame)> {
        let at = self.frames.get(i)?;
        let bytes = self.tlog.get(at.offset..at.offset + at.len)?;
        // The sender's system id, without decoding what is not an aircraft's.
        let system = *match bytes.first()? {
            0xFD => bytes.get(5)?,
            _ => bytes.get(3)?,
        };
        let id = *self.ids.get(&system)?;
        Some((id, Frame::from_bytes(bytes)?))
    }

    fn make_keys(&mut self) {
        let mut known: BTreeMap<u8, Known> = BTreeMap::new();
        let mut keys = Vec::new();
        let mut next_us = self.start_us;
        for i in 0..self.frames.len() {
            let Some(t_us) = self.time_of_frame(i) else {
                break;
            };
            if t_us >= next_us {
                keys.push(Key {
                    t_us,
                    frame: i,
                    known: known.clone(),
                });
                // A damaged stamp may be the end of time.
                next_us = t_us.saturating_add(KEY_EVERY_US);
            }
            if let Some((id, frame)) = self.frame(i) {
                let k = known.entry(id).or_default();
                let mono = self.mono(t_us);
                k.heard = Some(mono);
                k.telemetry.take(mono, &frame);
                if let Some(s) = state_of(&frame) {
                    k.state = Some((s, mono));
                }
            }
        }
        self.keys = keys;
    }

    /// The aircraft as they were shortly before `t_us`, and the first frame they have not taken yet.
    pub(super) fn before(&self, t_us: i64) -> (Vec<Aircraft>, usize) {
        let i = self.keys.partition_point(|k| k.t_us <= t_us);
        let key = i.checked_sub(1).and_then(|i| self.keys.get(i));
        let mut aircraft: Vec<Aircraft> = self
            .ids
            .values()
            .map(|id| Aircraft::new(*id, 255, 190, 0))
            .collect();
        aircraft.sort_by_key(|a| a.id);
        let Some(key) = key else {
            return (aircraft, 0);
        };
        for a in &mut aircraft {
            if let Some(k) = key.known.get(&a.id) {
                a.telemetry = k.telemetry.clone();
                a.state = k.state;
                a.heard = k.heard;
            }
        }
        (aircraft, key.frame)
    }
}

/// What a frame tells the page about its aircraft.
pub(super) fn watch(a: &mut Aircraft, now: Now, utc: Utc, frame: &Frame) -> bool {
    a.heard = Some(now.mono);
    a.telemetry.take(now.mono, frame);
    let Msg::Patrol(m) = frame.decode() else {
        return false;
    };
    match *m {
        Patrol::PATROL_STATE(d) => a.state = Some((StateReport::from_data(&d), now.mono)),
        Patrol::PATROL_BLOB_OFFER(d) => a.previews.offer(now, &d, false),
        Patrol::PATROL_BLOB_CHUNK(d) => {
            if let Some(blob) = a.previews.chunk(now, &d) {
                a.previews.accept();
                a.preview = Some((blob.bytes, utc));
                while a.previews.poll().is_some() {}
                return true;
            }
        }
        _ => {}
    }
    // Answers that the receiver would give: there is nobody to hear them.
    while a.previews.poll().is_some() {}
    false
}

fn state_of(frame: &Frame) -> Option<StateReport> {
    match frame.decode() {
        Msg::Patrol(m) => match *m {
            Patrol::PATROL_STATE(d) => Some(StateReport::from_data(&d)),
            _ => None,
        },
        _ => None,
    }
}

/// Which system is which aircraft, as the page called them.
fn ids_of_lines(lines: &[Line]) -> BTreeMap<u8, u8> {
    let mut ids = BTreeMap::new();
    for l in lines {
        if let Fact::Aircraft { aircraft } = &l.fact
            && ids.len() < MAX_AIRCRAFT
        {
            let number = |name: &str| {
                aircraft
                    .get(name)
                    .and_then(Value::as_u64)
                    .and_then(|n| u8::try_from(n).ok())
            };
            if let (Some(id), Some(system)) = (number("id"), number("system_id")) {
                ids.entry(system).or_insert(id);
            }
        }
    }
    ids
}

/// Without lines, every system whose autopilot speaks is an aircraft.
fn note_autopilot(ids: &mut BTreeMap<u8, u8>, frame: &Frame) {
    let h = frame.header();
    if h.component != 1 || h.msg_id != 0 || ids.contains_key(&h.system) {
        return;
    }
    if let Msg::Common(m) = frame.decode()
        && let Common::HEARTBEAT(d) = *m
        && d.autopilot != MavAutopilot::MAV_AUTOPILOT_INVALID
    {
        let id = u8::try_from(ids.len() + 1).unwrap_or(u8::MAX);
        ids.insert(h.system, id);
    }
}

/// One time line out of stamps whose clock may have been set: never backwards, no leap, and right at the end, where the
/// aircraft's GNSS has long been heard.
fn straighten(stamps: &[i64]) -> Vec<i64> {
    let mut out = Vec::with_capacity(stamps.len());
    let mut shift = 0i64;
    let mut last: Option<(i64, i64)> = None;
    let is_step = |step: i64| !(-STEP_BACK_US..=STEP_ON_US).contains(&step);
    for (raw, n) in stamps.iter().zip(1usize..) {
        // One stamp that the next does not go along with is damage, not a clock: it passes without taking time along.
        if let (Some((raw_before, t_before)), Some(next)) = (last, stamps.get(n))
            && is_step(raw.saturating_sub(raw_before))
            && !is_step(next.saturating_sub(raw_before))
        {
            out.push(t_before);
            continue;
        }
        let t = match last {
            None => *raw,
            Some((raw_before, t_before)) => {
                let step = raw.saturating_sub(raw_before);
                if is_step(step) {
                    shift = t_before.saturating_sub(*raw);
                }
                raw.saturating_add(shift).max(t_before)
            }
        };
        last = Some((*raw, t));
        out.push(t);
    }
    for t in &mut out {
        *t = t.saturating_sub(shift);
    }
    out
}

/// Puts each line between the frames it was written between.
fn place_lines(lines: Vec<Line>, frames: &[At], stamps: &[i64]) -> Vec<(i64, Line)> {
    let mut out = Vec::with_capacity(lines.len());
    let first_stamp = lines
        .iter()
        .map(|l| l.t_ms.saturating_mul(1_000))
        .find(|t| *t > 0)
        .unwrap_or(0);
    let mut last: Option<i64> = None;
    for l in lines {
        let raw = l.t_ms.saturating_mul(1_000);
        let n = usize::try_from(l.frame)
            .unwrap_or(usize::MAX)
            .min(frames.len());
        let before = n.checked_sub(1);
        let t = match before.and_then(|i| Some((frames.get(i)?.t_us, *stamps.get(i)?))) {
            Some((base, stamp)) => {
                let latest = frames.get(n).map_or(i64::MAX, |f| f.t_us);
                let step = raw.saturating_sub(stamp);
                // A little before its frame: whoever recorded took frames first and events after them.
                let step = if (-STEP_BACK_US..=STEP_ON_US).contains(&step) {
                    step
                } else {
                    0
                };
                base.saturating_add(step).min(latest)
            }
            None => match frames.first() {
                Some(f) => f.t_us,
                // No frames at all: the lines' own stamps.
                None if raw > 0 => raw,
                None => first_stamp,
            },
        };
        let t = last.map_or(t, |l| t.max(l));
        last = Some(t);
        out.push((t, l));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_leaves_no_leap_and_the_end_is_right() {
        let s = 1_000_000;
        // No clock, then the machine's, then the aircraft's (earlier), with jitter.
        let raw = [
            0,
            0,
            500 * s,
            501 * s,
            300 * s,
            301 * s,
            301 * s - 10,
            302 * s,
        ];
        let t = straighten(&raw);
        assert_eq!(
            t,
            [
                299 * s,
                299 * s,
                299 * s,
                300 * s,
                300 * s,
                301 * s,
                301 * s,
                302 * s
            ]
        );
        assert_eq!(straighten(&[]), Vec::<i64>::new());
        // A stamp that was damaged takes no time away.
        let hurt = [300 * s, 301 * s, i64::MAX / 2, 304 * s, 5, 305 * s];
        let mended = [300 * s, 301 * s, 301 * s, 304 * s, 304 * s, 305 * s];
        assert_eq!(straighten(&hurt), mended);
    }
}
