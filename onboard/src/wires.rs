//! Everything the cores want sent, in one bounded queue. Never drops a frame of the autopilot's while the shell drains it.

use crate::eyes::schema::Down;
use crate::record::{Tap, What};
use crate::shaper::{Lane, Shaper, lane_of};
use crate::{LogLevel, Output, Port};
use link::common::{self, MavMessage as Common};
use link::control::{LineReport, MAX_LINES};
use link::frame::{Frame, Outgoing, Stamper};
use link::journal::Disk;
use link::lines::Lines;
use link::patrol::MavMessage as Patrol;
use link::signing::{Refusals, Seal, Trust};
use missions::time::{Mono, Now};
use std::collections::VecDeque;
use std::time::Duration;

/// Our component id: MAV_COMP_ID_ONBOARD_COMPUTER.
pub const COMPANION: u8 = 191;
/// Identity under which the companion stands as ground station towards the autopilot (see [`Wires::station_heartbeat`]).
const STATION: (u8, u8) = (255, 190);
/// More than this many waiting outputs means that nobody drains us: the oldest are dropped and counted.
const MAX_QUEUED: usize = 8192;
/// Words that nobody acknowledges are said so often on a radio, so far apart: of a hundred frames it may lose half.
const SAID: u8 = 3;
const SAID_APART: Duration = Duration::from_millis(200);
/// Most that wait to be said again; beyond it the oldest are not.
const MAX_AGAIN: usize = 48;

/// Something to be said again, when, and how often still.
#[derive(Clone, Debug)]
struct Again {
    msg: Words,
    due: Mono,
    left: u8,
}
/// What is said and never acknowledged: alarms and refusals.
#[derive(Clone, Debug)]
enum Words {
    Common(Box<Common>),
    Patrol(Box<Patrol>),
}
impl From<Words> for Outgoing {
    fn from(w: Words) -> Outgoing {
        match w {
            Words::Common(m) => (*m).into(),
            Words::Patrol(m) => (*m).into(),
        }
    }
}

/// Outgoing queue.
#[derive(Clone, Debug)]
pub struct Wires {
    out: VecDeque<Output>,
    grounds: Vec<Shaper>,
    /// What was heard on each.
    lines: Lines,
    /// Per line, of the lines to its station the one that carries what is big; as chosen last.
    carrier: Vec<u8>,
    /// Lines that were up when last looked at.
    was_up: Vec<bool>,
    /// What signs and checks on each ground line; `None`: a laboratory's cable.
    seals: Vec<Option<Seal>>,
    refusals: Vec<Refusals>,
    own: Stamper,
    station: Stamper,
    /// Answers to what was addressed to the autopilot: they must come from its component, or stations ignore them.
    as_autopilot: Stamper,
    /// Number of the autopilot's last frame: ours in its name repeat it, and count as nobody's loss.
    autopilot_seq: u8,
    dropped: u64,
    /// For the companion's own log.
    pub tap: Tap,
    now: Mono,
    again: VecDeque<Again>,
    /// Alarms about frames that were not believed, so far.
    alarms: u32,
}

impl Wires {
    /// For `grounds` ground ports, each with its rate in bytes a second (0 or none: no limit) and the number of the
    /// station it leads to (none: one of its own); the system id is learnt from the autopilot.
    #[must_use]
    pub fn new(grounds: u8, rates: &[u32], stations: &[u8]) -> Self {
        let alone = |n: u8| u8::MAX - n;
        let groups: Vec<u8> = (0..grounds)
            .map(|n| stations.get(usize::from(n)).copied().unwrap_or(alone(n)))
            .collect();
        let lines = Lines::new(&groups);
        let rate = |n: u8| rates.get(usize::from(n)).copied().filter(|r| *r > 0);
        Wires {
            out: VecDeque::new(),
            grounds: (0..grounds)
                .map(|n| Shaper::new(rate(n).map(f64::from)))
                .collect(),
            carrier: (0..grounds).map(|n| lines.head(n)).collect(),
            was_up: vec![false; usize::from(grounds)],
            lines,
            seals: (0..grounds).map(|_| None).collect(),
            refusals: vec![Refusals::default(); usize::from(grounds)],
            own: Stamper::new(0, COMPANION),
            station: Stamper::new(STATION.0, STATION.1),
            as_autopilot: Stamper::new(0, 1),
            autopilot_seq: 0,
            dropped: 0,
            tap: Tap::default(),
            now: Mono::ZERO,
            again: VecDeque::new(),
            alarms: 0,
        }
    }
    /// The autopilot's identity, once heard.
    pub fn learn(&mut self, system: u8, component: u8) {
        self.own.system = system;
        self.as_autopilot.system = system;
        self.as_autopilot.component = component;
    }
    /// Outputs dropped because nobody drained them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
    fn push(&mut self, o: Output) {
        if self.out.len() >= MAX_QUEUED {
            self.out.pop_front();
            self.dropped += 1;
        }
        self.out.push_back(o);
    }
    /// The next output.
    pub fn pop(&mut self) -> Option<Output> {
        self.out.pop_front()
    }
    /// A message of our own to the autopilot.
    pub fn autopilot(&mut self, msg: Common) {
        let frame = self.own.frame(msg);
        self.autopilot_bytes(&frame);
    }
    /// A frame to the autopilot, untouched.
    pub fn autopilot_bytes(&mut self, frame: &Frame) {
        self.tap.note(|| What::ToAutopilot(frame.bytes().to_vec()));
        self.push(Output::Bytes {
            port: Port::Autopilot,
            bytes: frame.bytes().to_vec(),
        });
    }
    /// To the autopilot the companion stands for the ground station: its heartbeat stops with the control loop, and then
    /// the autopilot's own link-loss action follows. Stations' heartbeats end at the companion, which carries out the
    /// plan's link-loss action itself while it lives.
    pub fn station_heartbeat(&mut self) {
        let frame = self
            .station
            .frame(Common::HEARTBEAT(common::HEARTBEAT_DATA {
                custom_mode: 0,
                mavtype: common::MavType::MAV_TYPE_GCS,
                autopilot: common::MavAutopilot::MAV_AUTOPILOT_INVALID,
                base_mode: common::MavModeFlag::empty(),
                system_status: common::MavState::MAV_STATE_ACTIVE,
                mavlink_version: 3,
            }));
        self.autopilot_bytes(&frame);
    }
    /// A frame of the autopilot's to every ground port, untouched.
    pub fn forward(&mut self, frame: &Frame) {
        self.autopilot_seq = frame.header().seq;
        self.grounds_bytes(frame);
    }
    /// A frame to one ground port: now, or when its line has room.
    fn ground_bytes(&mut self, n: u8, frame: &Frame) {
        let now = self
            .grounds
            .get_mut(usize::from(n))
            .and_then(|line| line.put(frame));
        if let Some(bytes) = now {
            self.leave(n, bytes);
        }
    }
    /// The last step: signed as late as this, so that what leaves first is older than what leaves next.
    fn leave(&mut self, n: u8, bytes: Vec<u8>) {
        let bytes = match self.seals.get_mut(usize::from(n)) {
            Some(Some(seal)) => {
                match Frame::from_bytes(&bytes).and_then(|f| seal.sign(&f)) {
                    Some(signed) => signed.bytes().to_vec(),
                    // MAVLink 1 carries no signature: it ends here.
                    None => return,
                }
            }
            _ => bytes,
        };
        self.push(Output::Bytes {
            port: Port::Ground(n),
            bytes,
        });
    }
    /// From now on this ground line is signed.
    pub fn seal(&mut self, n: u8, seal: Seal) {
        if let Some(slot) = self.seals.get_mut(usize::from(n)) {
            *slot = Some(seal);
        }
        if let Some(line) = self.grounds.get_mut(usize::from(n)) {
            line.signs(link::signing::BLOCK);
        }
    }
    /// Whether this ground line is signed.
    #[must_use]
    pub fn is_signed(&self, n: u8) -> bool {
        matches!(self.seals.get(usize::from(n)), Some(Some(_)))
    }
    /// Keeps the signatures' times ahead on disk, and says again what a radio may have lost.
    pub fn tend(&mut self, now: Now, disk: &mut dyn Disk) {
        self.now = now.mono;
        self.say_again();
        for seal in self.seals.iter_mut().flatten() {
            seal.tend(now, disk);
        }
    }
    /// Whether a frame on a ground line is to be believed. What is not is counted and alarmed.
    pub fn admit(&mut self, now: Now, disk: &mut dyn Disk, n: u8, frame: &Frame) -> bool {
        let Some(Some(seal)) = self.seals.get_mut(usize::from(n)) else {
            return true;
        };
        let Err(why) = seal.check(disk, frame) else {
            return true;
        };
        let words = self
            .refusals
            .get_mut(usize::from(n))
            .and_then(|r| r.add(now.mono, why));
        if let Some(words) = words {
            self.alarms = self.alarms.wrapping_add(1);
            self.status(
                common::MavSeverity::MAV_SEVERITY_ALERT,
                &format!("Patrol: line {n}: {words}"),
            );
        }
        false
    }
    /// Alarms about them so far: one more is news.
    #[must_use]
    pub fn alarms(&self) -> u32 {
        self.alarms
    }
    /// Frames that were not believed, on all lines.
    #[must_use]
    pub fn not_believed(&self) -> u32 {
        self.refusals
            .iter()
            .fold(0, |a, r| a.saturating_add(r.total()))
    }
    /// A frame on a ground line that is to be believed. Whether no copy of it came over another line to that station.
    pub fn heard(&mut self, now: Mono, n: u8, frame: &Frame) -> bool {
        self.lines.heard(now, n, frame)
    }
    /// The line under which a station is known that speaks on this one.
    #[must_use]
    pub fn head(&self, n: u8) -> u8 {
        self.lines.head(n)
    }
    /// Chooses the lines that carry what is big, and says when one of several fell silent or came back.
    pub fn choose(&mut self, now: Mono) {
        for n in (0u8..).take(self.grounds.len()) {
            if !self.lines.has_others(n) {
                continue;
            }
            let at = usize::from(n);
            let last = self.carrier.get(at).copied();
            let rate = |l: u8| self.grounds.get(usize::from(l)).and_then(Shaper::rate);
            if let Some(best) = self.lines.best(now, n, last, rate)
                && let Some(c) = self.carrier.get_mut(at)
            {
                *c = best;
            }
            let up = self.lines.is_up(now, n);
            let was = self
                .was_up
                .get_mut(at)
                .map_or(up, |w| std::mem::replace(w, up));
            if was != up {
                let (severity, words) = if up {
                    (common::MavSeverity::MAV_SEVERITY_NOTICE, "is up")
                } else {
                    (common::MavSeverity::MAV_SEVERITY_WARNING, "fell silent")
                };
                self.status(severity, &format!("Patrol: ground line {n} {words}"));
            }
        }
    }
    fn carries_bulk(&self, n: u8) -> bool {
        self.carrier.get(usize::from(n)).is_none_or(|c| *c == n)
    }
    /// The line that carries what is big to the first station of which one is up.
    #[must_use]
    pub fn best_line(&self, now: Mono) -> Option<u8> {
        (0u8..)
            .take(self.grounds.len())
            .find(|n| self.carries_bulk(*n) && self.lines.is_up(now, *n))
    }
    /// The ground lines as PATROL_CONTROL tells them.
    #[must_use]
    pub fn line_reports(&self, now: Mono) -> Vec<LineReport> {
        (0u8..)
            .take(self.grounds.len().min(MAX_LINES))
            .map(|n| LineReport {
                trust: Some(if self.is_signed(n) {
                    Trust::Signed
                } else {
                    Trust::WiredLab
                }),
                up: self.lines.is_up(now, n),
                loss_pct: self.lines.loss(n).map(|l| (l * 100.0).round() as u8),
            })
            .collect()
    }
    /// Lets go what the ground lines have room for.
    pub fn release(&mut self, now: Mono) {
        for n in (0u8..).take(self.grounds.len()) {
            while let Some(bytes) = self
                .grounds
                .get_mut(usize::from(n))
                .and_then(|line| line.next(now))
            {
                self.leave(n, bytes);
            }
        }
    }
    /// When a ground line has room for what waits.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Mono> {
        self.grounds.iter().filter_map(Shaper::next_wakeup).min()
    }
    /// Anomalies that may be sent now: as many as the line with most room takes.
    #[must_use]
    pub fn record_room(&self) -> usize {
        self.grounds
            .iter()
            .map(Shaper::record_room)
            .max()
            .unwrap_or(0)
    }
    /// Bytes of pictures that may be sent now.
    #[must_use]
    pub fn bulk_room(&self) -> usize {
        (0u8..)
            .zip(&self.grounds)
            .filter(|(n, _)| self.carries_bulk(*n))
            .map(|(_, line)| line.bulk_room())
            .max()
            .unwrap_or(0)
    }
    /// A radio on a ground port said how full its buffer is, percent free.
    pub fn radio_buffer(&mut self, now: Mono, port: u8, free_pct: u8) {
        if let Some(line) = self.grounds.get_mut(usize::from(port)) {
            line.radio_buffer(now, free_pct);
        }
    }
    /// The ground said what it hears of us on this line.
    pub fn ground_hears(&mut self, line: u8, heard: link::pace::Heard) {
        if let Some(l) = self.grounds.get_mut(usize::from(line)) {
            l.ground_hears(heard);
        }
    }
    /// A frame to every ground port, untouched; what is big to every station once.
    pub fn grounds_bytes(&mut self, frame: &Frame) {
        let big = lane_of(frame.header().msg_id) == Lane::Bulk;
        for n in (0u8..).take(self.grounds.len()) {
            if big && !self.carries_bulk(n) {
                continue;
            }
            self.ground_bytes(n, frame);
        }
    }
    /// A frame to one station, over all its lines.
    fn station_bytes(&mut self, port: u8, frame: &Frame) {
        self.tap.note(|| What::ToGround(frame.bytes().to_vec()));
        if !self.lines.has_others(port) {
            return self.ground_bytes(port, frame);
        }
        let lines: Vec<u8> = self.lines.beside(port).collect();
        for n in lines {
            self.ground_bytes(n, frame);
        }
    }
    fn to_grounds(&mut self, msg: impl Into<Outgoing>) {
        if self.own.system == 0 {
            return;
        }
        let frame = self.own.frame(msg);
        self.tap.note(|| What::ToGround(frame.bytes().to_vec()));
        self.grounds_bytes(&frame);
    }
    /// A common message of our own to every ground port.
    pub fn grounds(&mut self, msg: Common) {
        self.to_grounds(msg);
    }
    /// A patrol message to every ground port.
    pub fn patrol(&mut self, msg: Patrol) {
        self.to_grounds(msg);
    }
    /// An answer to one ground port, as the component that was addressed (`1` or [`COMPANION`]).
    pub fn reply(&mut self, port: u8, component: u8, msg: Common) {
        let frame = if component == COMPANION {
            self.own.frame(msg)
        } else {
            self.as_autopilot.follow(self.autopilot_seq);
            self.as_autopilot.frame(msg)
        };
        self.station_bytes(port, &frame);
    }
    /// COMMAND_ACK to one ground port, from bytes: the command may be one the dialect has no name for.
    pub fn command_ack(&mut self, port: u8, component: u8, to: (u8, u8), command: u16, result: u8) {
        let [lo, hi] = command.to_le_bytes();
        // command, result, progress, result_param2, target_system, target_component
        let payload = [lo, hi, result, 0, 0, 0, 0, 0, to.0, to.1];
        let stamper = if component == COMPANION {
            &mut self.own
        } else {
            self.as_autopilot.follow(self.autopilot_seq);
            &mut self.as_autopilot
        };
        if let Some(frame) = stamper.raw(77, &payload) {
            self.station_bytes(port, &frame);
        }
    }
    /// A message to the autopilot in a station's name, so that the answer goes to that station.
    pub fn autopilot_as(&mut self, station: (u8, u8), msg: Common) {
        let frame = Stamper::new(station.0, station.1).frame(msg);
        self.autopilot_bytes(&frame);
    }
    /// A refusal for every station: nobody acknowledges it, so a radio hears it more than once.
    pub fn refusal(&mut self, msg: Patrol) {
        self.remember(Words::Patrol(Box::new(msg.clone())));
        self.to_grounds(msg);
    }
    /// Said again on the radios (the signed lines). A cable loses nothing, and a station that is not ours would show it
    /// as often as it comes; ours shows it once.
    fn remember(&mut self, msg: Words) {
        if !self.seals.iter().any(Option::is_some) {
            return;
        }
        if self.again.len() >= MAX_AGAIN {
            self.again.pop_front();
        }
        self.again.push_back(Again {
            msg,
            due: self.now.after(SAID_APART),
            left: SAID - 1,
        });
    }
    fn say_again(&mut self) {
        let now = self.now;
        let mut due = Vec::new();
        for a in self.again.iter_mut().filter(|a| now >= a.due) {
            a.due = now.after(SAID_APART);
            a.left = a.left.saturating_sub(1);
            due.push(a.msg.clone());
        }
        self.again.retain(|a| a.left > 0);
        if self.own.system == 0 {
            return;
        }
        for msg in due {
            let frame = self.own.frame(msg);
            for n in (0u8..).take(self.grounds.len()) {
                if self.is_signed(n) {
                    self.ground_bytes(n, &frame);
                }
            }
        }
    }
    /// A line for every station's message list, and for our log. Longer than 50 bytes is cut on the wire. Warnings and
    /// what is graver are said more than once on a radio.
    pub fn status(&mut self, severity: common::MavSeverity, text: &str) {
        let msg = Common::STATUSTEXT(common::STATUSTEXT_DATA {
            severity,
            text: text.into(),
            id: 0,
            chunk_seq: 0,
        });
        if severity as u8 <= common::MavSeverity::MAV_SEVERITY_WARNING as u8 {
            self.remember(Words::Common(Box::new(msg.clone())));
        }
        self.to_grounds(msg);
        let level = match severity {
            common::MavSeverity::MAV_SEVERITY_EMERGENCY
            | common::MavSeverity::MAV_SEVERITY_ALERT
            | common::MavSeverity::MAV_SEVERITY_CRITICAL
            | common::MavSeverity::MAV_SEVERITY_ERROR => LogLevel::Error,
            common::MavSeverity::MAV_SEVERITY_WARNING => LogLevel::Warn,
            common::MavSeverity::MAV_SEVERITY_NOTICE
            | common::MavSeverity::MAV_SEVERITY_INFO
            | common::MavSeverity::MAV_SEVERITY_DEBUG => LogLevel::Info,
        };
        self.log(level, text.to_owned());
    }
    /// A line for our log only.
    pub fn log(&mut self, level: LogLevel, text: String) {
        self.tap.note(|| What::Words(level, text.clone()));
        self.push(Output::Log(level, text));
    }
    /// To the eyes.
    pub fn eyes(&mut self, down: Down) {
        self.push(Output::ToEyes(down));
    }
}
