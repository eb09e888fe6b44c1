//! The gate: what may pass from the ground to the autopilot.
//!
//! Uploads of any station end here. They are judged leg by leg, written over the local line, read back and compared;
//! only then do they count. Commands pass by an allow-list. Everything else is refused, counted and said.

pub mod command;
pub mod holder;
pub mod judged;
mod memory;
pub mod officers;
mod staged;
mod traffic;
mod writer;

pub use judged::{Fault, Judged};

use crate::config::Config;
use crate::facts::{Facts, Kind, Mode};
use crate::wires::{COMPANION, Wires};
use crate::{LogLevel, failsafe};
use holder::{Claim, Holder, Station};
use link::codes::Refusal;
use link::common::{MavMissionResult, MavSeverity};
use link::control::{OfficerReport, Seat};
use link::frame::{Frame, Msg};
use link::items::{Dialect, ListKind};
use link::journal::Disk;
use link::state::{PlanState, RefusalReport, RefusedThing};
use link::transfer::{Server, ServerOut};
use missions::place::{Alt, Home};
use missions::time::{Mono, Now};
use missions::vehicle::VehicleSpec;
use officers::{Officers, Word};
use staged::Staged;
use std::collections::BTreeMap;
use std::time::Duration;
use writer::{Writer, Writing};

/// Stations remembered for answers.
const MAX_STATIONS: usize = 32;
/// Refusals of commands are said at most this often.
const SAY_EVERY: Duration = Duration::from_millis(800);

/// What the gate works with.
pub struct Cx<'a> {
    /// Time, UTC from the aircraft.
    pub now: Now,
    /// Vehicle.
    pub facts: &'a Facts,
    /// Settings.
    pub config: &'a Config,
    /// Disk.
    pub disk: &'a mut dyn Disk,
    /// Out.
    pub wires: &'a mut Wires,
    /// First preflight check that blocks, if one does.
    pub blocked_by: Option<&'static str>,
}

impl Cx<'_> {
    fn dialect(&self) -> Option<Dialect> {
        match self.facts.kind? {
            Kind::Px4 => Some(Dialect::Px4),
            Kind::ArduPilot => Some(Dialect::ArduPilot),
            Kind::Other => None,
        }
    }
    fn home(&self) -> Option<Home> {
        let (at, alt_m) = self.facts.home?.value;
        Some(Home {
            at,
            alt: Alt::from_metres(alt_m).ok()?,
        })
    }
}

/// The gate.
#[derive(Clone, Debug)]
pub struct Gate {
    server: Server,
    holder: Holder,
    officers: Officers,
    stations: BTreeMap<(u8, u8), (u8, u8)>,
    in_force: Option<Judged>,
    candidate: Option<Judged>,
    /// A set that passed while another was being written: its turn comes when that is over.
    next: Option<Judged>,
    writer: Option<Writer>,
    staged: Staged,
    state: PlanState,
    dirty: bool,
    recalled: bool,
    storage_ok: bool,
    refused_frames: u32,
    said: Option<Mono>,
    spec: VehicleSpec,
}

impl Default for Gate {
    fn default() -> Self {
        Gate {
            server: Server::new(),
            holder: Holder::default(),
            officers: Officers::default(),
            stations: BTreeMap::new(),
            in_force: None,
            candidate: None,
            next: None,
            writer: None,
            staged: Staged::default(),
            state: PlanState::None,
            dirty: false,
            recalled: false,
            storage_ok: true,
            refused_frames: 0,
            said: None,
            spec: VehicleSpec::default_quad(),
        }
    }
}

impl Gate {
    /// The plan that was read back equal and may fly: no set is open, nothing is in doubt.
    #[must_use]
    pub fn ready(&self) -> Option<&Judged> {
        self.in_force
            .as_ref()
            .filter(|_| !self.dirty && self.writer.is_none())
    }
    /// The plan whose fence the guard keeps: the one in force, or the one a restart found.
    #[must_use]
    pub fn guarded(&self) -> Option<&Judged> {
        self.in_force.as_ref().or(self.candidate.as_ref())
    }
    /// The plan a flight is flown by: on the ground only one that may fly, aloft the one it took off with.
    #[must_use]
    pub fn flown(&self, armed: bool) -> Option<&Judged> {
        if armed {
            self.guarded()
        } else {
            self.ready().filter(|_| !self.staged.is_open())
        }
    }
    /// As PATROL_STATE says.
    #[must_use]
    pub fn plan_state(&self) -> PlanState {
        if self.dirty && self.writer.is_none() {
            PlanState::Dirty
        } else {
            self.state
        }
    }
    /// Frames refused since start.
    #[must_use]
    pub fn refused_frames(&self) -> u32 {
        self.refused_frames
    }
    /// The disk took what it was given.
    #[must_use]
    pub fn storage_ok(&self) -> bool {
        self.storage_ok
    }
    /// Whether a station has an unfinished set open.
    #[must_use]
    pub fn set_open(&self) -> bool {
        self.staged.is_open()
    }
    /// The autopilot rebooted: what is aboard must be read again.
    pub fn autopilot_rebooted(&mut self, cx: &Cx<'_>) {
        if let (Some(plan), Some(dialect), Some(id)) = (
            self.in_force.take().or(self.candidate.take()),
            cx.dialect(),
            cx.facts.id,
        ) {
            self.candidate = Some(plan);
            self.writer = Some(Writer::new(dialect, id, true, writer::ALL));
            self.state = PlanState::ReadingBack;
        }
    }
    /// What the autopilot must be set to for the plan that is aboard or on its way.
    #[must_use]
    pub fn requirements(&self, kind: Kind) -> Vec<failsafe::Requirement> {
        let Some(j) = self.candidate.as_ref().or(self.in_force.as_ref()) else {
            return Vec::new();
        };
        let file = j.plan.file();
        failsafe::requirements(
            kind,
            &failsafe::PlanFigures {
                return_above_home_m: file.return_alt.metres(),
                ceiling_above_home_m: j.ceiling_above_home_m,
                rally: !file.rally.is_empty(),
                speed_mps: file.speed_mps,
            },
        )
    }

    /// A frame of a ground station's. Returns the mode a forwarded command will show as.
    pub fn ground_frame(&mut self, cx: &mut Cx<'_>, port: u8, frame: &Frame) -> Option<Mode> {
        let (own_system, _) = cx.facts.id?;
        let (system, component) = traffic::target(frame);
        if system.is_some_and(|s| s != own_system && s != 0) {
            // Somebody else's.
            return None;
        }
        let h = frame.header();
        let answer_as = if component == Some(COMPANION) {
            COMPANION
        } else {
            1
        };
        let from = (h.system, h.component);
        if self.stations.len() >= MAX_STATIONS && !self.stations.contains_key(&from) {
            self.stations.pop_first();
        }
        self.stations.insert(from, (port, answer_as));
        let station = (port, h.system, h.component);
        match traffic::sort(frame) {
            traffic::Sort::Mission => {
                // MISSION_COUNT, _CLEAR_ALL and items begin or go on with an upload; the rest only reads.
                if matches!(h.msg_id, 38 | 39 | 44 | 45 | 73) && !self.may_act(cx, station) {
                    cx.wires
                        .reply(port, answer_as, traffic::denied(from, frame));
                    return None;
                }
                self.server.handle(cx.now, frame);
                self.serve(cx);
                None
            }
            traffic::Sort::Command => self.command(cx, port, answer_as, frame),
            traffic::Sort::SetMode { custom_mode } => {
                let asked = traffic::mode_command(cx.facts.kind?, custom_mode);
                if holder::needs_token(&asked, cx.facts.kind) && !self.may_act(cx, station) {
                    return None;
                }
                match self.rule(cx, &traffic::mode_command(cx.facts.kind?, custom_mode)) {
                    command::Ruling::Forward => cx.wires.autopilot_bytes(frame),
                    command::Ruling::ForwardMode(m) => {
                        cx.wires.autopilot_bytes(frame);
                        return Some(m);
                    }
                    other => self.refuse_command(cx, None, &other),
                }
                None
            }
            traffic::Sort::Jump { item } => {
                if !self.may_act(cx, station) {
                    return None;
                }
                match self.rule(cx, &traffic::jump_command(item)) {
                    command::Ruling::Forward => cx.wires.autopilot_bytes(frame),
                    other => self.refuse_command(cx, None, &other),
                }
                None
            }
            traffic::Sort::Pass => {
                cx.wires.autopilot_bytes(frame);
                None
            }
            traffic::Sort::Ignore => None,
            traffic::Sort::Control { release } => {
                self.control_asked(cx, station, answer_as, release);
                None
            }
            traffic::Sort::ReadInstead(ask) => {
                // A station that sets a parameter is answered with the value that stays.
                self.refused_frames = self.refused_frames.saturating_add(1);
                self.say_refused(
                    cx,
                    Refusal::NotAllowed,
                    "parameters are not set over the ground link",
                );
                cx.wires.autopilot_as(from, ask);
                None
            }
            traffic::Sort::Refuse => {
                self.refused_frames = self.refused_frames.saturating_add(1);
                self.say_refused(
                    cx,
                    Refusal::NotAllowed,
                    &format!("message {} is not allowed from the ground", h.msg_id),
                );
                None
            }
        }
    }

    /// A frame of a station's, whatever it says: while it speaks it keeps what it holds.
    pub fn heard(&mut self, now: Mono, from: Station) {
        self.holder.heard(now, from);
    }
    /// Who holds control.
    #[must_use]
    pub fn holder(&self, cx: &Cx<'_>) -> Option<Station> {
        self.holder.who(cx.now.mono, silence(cx))
    }
    /// Whether a station may do what acts. If another one holds control both are told.
    pub fn may_act(&mut self, cx: &mut Cx<'_>, from: Station) -> bool {
        let (line, system, component) = from;
        match self.holder.claim(cx.now.mono, from, silence(cx)) {
            Claim::Holds => true,
            Claim::Takes => {
                cx.wires.log(
                    LogLevel::Info,
                    format!("station {system}/{component} on line {line} holds control"),
                );
                true
            }
            Claim::HeldBy((held_line, held, _)) => {
                self.refused_frames = self.refused_frames.saturating_add(1);
                if self.holder.tells(cx.now.mono) {
                    cx.wires.status(
                        MavSeverity::MAV_SEVERITY_WARNING,
                        &format!("Control: {held} on line {held_line} has it, {system} refused"),
                    );
                }
                false
            }
        }
    }

    /// A station says who sits at it.
    pub fn officer(&mut self, cx: &mut Cx<'_>, from: Station, report: OfficerReport) {
        let takes = report.seat == Seat::Takes;
        if self.officers.says(from, report) {
            self.holder.release(from);
        }
        if takes {
            self.may_act(cx, from);
        }
    }
    /// The officers.
    #[must_use]
    pub fn officers(&self) -> &Officers {
        &self.officers
    }
    /// Looks whether somebody has the aircraft, and tells every station when that changes. `ground_lost`: nobody is heard
    /// at all. Whether the plan's no-officer action is to begin now.
    pub fn watch_officers(&mut self, cx: &mut Cx<'_>, ground_lost: bool) -> bool {
        let now = cx.now.mono;
        let mut holder = self.holder(cx);
        if holder.is_none()
            && let Some(back) = self.officers.comes_back()
        {
            self.holder.claim(now, back, silence(cx));
            holder = Some(back);
        }
        let named = |n: &str| {
            if n.is_empty() {
                "another station".to_owned()
            } else {
                n.to_owned()
            }
        };
        match self.officers.look(now, holder, cx.facts.armed, ground_lost) {
            None => {}
            Some(Word::Nobody { officer, left }) => cx.wires.status(
                MavSeverity::MAV_SEVERITY_ALERT,
                &format!(
                    "Control: NO OFFICER, {} s ({} left)",
                    left.as_secs_f64().ceil(),
                    named(&officer)
                ),
            ),
            Some(Word::Has { officer, before }) => cx.wires.status(
                MavSeverity::MAV_SEVERITY_NOTICE,
                &match before {
                    Some(b) => format!("Control: {} -> {}", named(&b), named(&officer)),
                    None => format!("Control: {} has it", named(&officer)),
                },
            ),
            Some(Word::Acts) => cx.wires.status(
                MavSeverity::MAV_SEVERITY_ALERT,
                "Control: nobody took it, plan's action begins",
            ),
        }
        self.officers.take_due()
    }

    /// CHANGE_OPERATOR_CONTROL: taken or let go in so many words.
    fn control_asked(&mut self, cx: &mut Cx<'_>, from: Station, answer_as: u8, release: bool) {
        let (port, ..) = from;
        let granted = if release {
            self.holder.release(from)
        } else {
            self.may_act(cx, from)
        };
        cx.wires.reply(
            port,
            answer_as,
            traffic::control_answer(from.1, release, granted),
        );
    }

    fn rule(&self, cx: &Cx<'_>, c: &command::Command) -> command::Ruling {
        // Half a list is no list: nothing starts until it is whole or dropped.
        let half = self.staged.is_open() || self.server.is_receiving();
        let plan = self.ready().filter(|_| !half);
        let when = match cx.now.utc.valid() {
            Some(t) => missions::time::Window {
                from: t,
                until: t.after(Duration::from_secs(180)),
            },
            // Without a clock every keep-out counts.
            None => missions::time::Window {
                from: missions::time::Utc(0),
                until: missions::time::Utc(i64::MAX),
            },
        };
        let item_place = |seq| plan.and_then(|j| j.place_of_seq(seq));
        command::judge(
            c,
            &command::Situation {
                now: cx.now.mono,
                facts: cx.facts,
                plan_ready: plan.is_some(),
                not_ready: cx.blocked_by,
                fence: plan.map(|j| j.plan.fence()),
                spec: plan.map_or(&self.spec, |j| &j.plan.file().vehicle),
                margin_m: plan.map_or(0.0, |j| j.plan.margin_m()),
                when,
                item_place: &item_place,
            },
        )
    }

    fn command(&mut self, cx: &mut Cx<'_>, port: u8, answer_as: u8, frame: &Frame) -> Option<Mode> {
        let c = command::Command::read(frame)?;
        let h = frame.header();
        let from = (h.system, h.component);
        if holder::needs_token(&c, cx.facts.kind)
            && !self.may_act(cx, (port, h.system, h.component))
        {
            cx.wires
                .command_ack(port, answer_as, from, c.command, traffic::REJECTED);
            return None;
        }
        let ruling = self.rule(cx, &c);
        match ruling {
            command::Ruling::Forward => {
                cx.wires.autopilot_bytes(frame);
                None
            }
            command::Ruling::ForwardMode(m) => {
                cx.wires
                    .log(LogLevel::Info, format!("station {from:?} commands {m:?}"));
                cx.wires.autopilot_bytes(frame);
                Some(m)
            }
            command::Ruling::Brake => {
                cx.wires.autopilot_as(from, traffic::brake(cx.facts.id?));
                Some(Mode::Hold)
            }
            command::Ruling::Accepted => {
                cx.wires
                    .command_ack(port, answer_as, from, c.command, traffic::ACCEPTED);
                None
            }
            refused => {
                cx.wires
                    .command_ack(port, answer_as, from, c.command, traffic::DENIED);
                self.refuse_command(cx, Some(c.command), &refused);
                None
            }
        }
    }

    fn refuse_command(&mut self, cx: &mut Cx<'_>, command: Option<u16>, ruling: &command::Ruling) {
        self.refused_frames = self.refused_frames.saturating_add(1);
        let (refusal, at, words) = match ruling {
            command::Ruling::Refuse(why, words) => (
                match why {
                    command::Why::NotAllowed => Refusal::NotAllowed,
                    command::Why::NoPlan => Refusal::NotOnAircraft,
                    command::Why::Preflight => Refusal::Preflight,
                    command::Why::Airborne => Refusal::Airborne,
                    command::Why::NotAirborne => Refusal::WrongState,
                    command::Why::NoFence => Refusal::NoFence,
                    command::Why::BadNumber => Refusal::BadNumber,
                },
                None,
                words.as_str(),
            ),
            command::Ruling::RefuseAt(at, words) => {
                (Refusal::TargetOutside, Some(*at), words.as_str())
            }
            _ => (Refusal::NotAllowed, None, "not allowed here"),
        };
        self.refuse(
            cx,
            RefusalReport {
                at,
                value: command.map(f64::from),
                item: None,
                why: Some(refusal),
                what: Some(RefusedThing::Command),
                text: words.to_owned(),
            },
        );
    }

    fn say_refused(&mut self, cx: &mut Cx<'_>, refusal: Refusal, words: &str) {
        self.refuse(
            cx,
            RefusalReport {
                at: None,
                value: None,
                item: None,
                why: Some(refusal),
                what: Some(RefusedThing::Command),
                text: words.to_owned(),
            },
        );
    }

    /// Says a refusal; those of commands not more often than a person reads.
    fn refuse(&mut self, cx: &mut Cx<'_>, r: RefusalReport) {
        let command = r.what == Some(RefusedThing::Command);
        if command && self.said.is_some_and(|t| cx.now.mono.since(t) < SAY_EVERY) {
            return;
        }
        if command {
            self.said = Some(cx.now.mono);
        }
        cx.wires.status(
            MavSeverity::MAV_SEVERITY_WARNING,
            &format!("Refused: {}", r.text),
        );
        cx.wires.refusal(r.to_message());
    }

    fn refuse_list(&mut self, cx: &mut Cx<'_>, what: RefusedThing, f: &Fault) {
        self.refuse(
            cx,
            RefusalReport {
                at: f.at,
                value: f.value,
                item: f.item.and_then(|i| u16::try_from(i).ok()),
                why: Some(f.refusal),
                what: Some(what),
                text: f.words.clone(),
            },
        );
    }

    /// Sends what the server wants sent, and takes what it received.
    fn serve(&mut self, cx: &mut Cx<'_>) {
        while let Some(out) = self.server.poll() {
            match out {
                ServerOut::Send { to, message } => {
                    if let Some((port, as_component)) = self.stations.get(&to) {
                        cx.wires.reply(*port, *as_component, message);
                    }
                }
                ServerOut::Received { kind, items, from } => {
                    let result = self.received(cx, kind, items, from);
                    self.server.answer(kind, result);
                }
                ServerOut::Clear { kind, from } => {
                    let result = self.cleared(cx, kind, from);
                    self.server.answer_clear(from, kind, result);
                }
            }
        }
    }

    /// Our own bundle, whole and with its hash right. Whether it is taken.
    pub fn bundle(&mut self, cx: &mut Cx<'_>, bytes: &[u8]) -> bool {
        let no = |r, words: &str| Fault::new(r, MavMissionResult::MAV_MISSION_DENIED, words);
        let judged = match (cx.dialect(), cx.facts.armed, self.writer.is_some()) {
            (None, _, _) => Err(no(Refusal::AutopilotSilent, "no autopilot heard")),
            (_, true, _) => Err(no(Refusal::Airborne, "a plan is not changed while armed")),
            (_, _, true)
                if self
                    .next
                    .as_ref()
                    .or(self.candidate.as_ref())
                    .is_some_and(|c| c.plan.to_json() == bytes) =>
            {
                return true;
            }
            (_, _, true) => Err(no(Refusal::Busy, "another plan is being written")),
            (Some(d), false, false) => {
                if self.ready().is_some_and(|j| j.plan.to_json() == bytes) {
                    self.staged.close();
                    return true;
                }
                Judged::of_bundle(bytes, d)
            }
        };
        match judged {
            Ok(j) => {
                self.staged.close();
                self.commit(cx, j, writer::ALL);
                true
            }
            Err(f) => {
                if self.in_force.is_none() && self.writer.is_none() {
                    self.state = PlanState::Refused;
                }
                self.refuse_list(cx, RefusedThing::Bundle, &f);
                false
            }
        }
    }

    /// Begins to write, or queues what passed behind what is being written. From here on nothing may arm until it was
    /// read back equal.
    fn commit(&mut self, cx: &mut Cx<'_>, j: Judged, kinds: &'static [ListKind]) {
        let (Some(dialect), Some(id)) = (cx.dialect(), cx.facts.id) else {
            return;
        };
        if self.writer.is_some() {
            for kind in ListKind::ALL {
                self.server.set_list(kind, j.list(kind).to_vec());
            }
            self.next = Some(j);
            return;
        }
        if let Err(e) = memory::mark_dirty(cx.disk, &j) {
            // Without the mark a crash now would leave a mix nobody knows of.
            self.storage_ok = false;
            cx.wires.status(
                MavSeverity::MAV_SEVERITY_ERROR,
                &format!("Patrol: plan not written: {e}"),
            );
            return;
        }
        self.storage_ok = true;
        self.dirty = true;
        for kind in ListKind::ALL {
            self.server.set_list(kind, j.list(kind).to_vec());
        }
        if !cx.facts.armed {
            self.in_force = None;
        }
        self.candidate = Some(j);
        self.writer = Some(Writer::new(dialect, id, false, kinds));
        self.state = PlanState::Writing;
        cx.wires.status(
            MavSeverity::MAV_SEVERITY_INFO,
            "Patrol: plan passed, writing to autopilot",
        );
    }

    /// A frame of the autopilot's.
    pub fn autopilot_frame(&mut self, cx: &mut Cx<'_>, frame: &Frame, msg: &Msg) {
        if let Some(w) = &mut self.writer {
            w.handle(cx.now, frame, msg);
            self.drive_writer(cx);
        }
    }

    fn drive_writer(&mut self, cx: &mut Cx<'_>) {
        let (Some(w), Some(plan)) = (&mut self.writer, &self.candidate) else {
            return;
        };
        w.tick(cx.now, plan);
        while let Some(m) = w.poll() {
            cx.wires.autopilot(m);
        }
        let writing = w.state().clone();
        if !matches!(writing, Writing::Busy { .. })
            && let Some(next) = self.next.take()
        {
            // How the old one ended does not matter any more.
            self.writer = None;
            self.commit(cx, next, writer::ALL);
            return;
        }
        match writing {
            Writing::Busy { reading } => {
                self.state = if reading {
                    PlanState::ReadingBack
                } else {
                    PlanState::Writing
                };
            }
            Writing::Equal => {
                self.writer = None;
                if let Some(j) = self.candidate.take() {
                    if let Err(e) = memory::keep(cx.disk, &j) {
                        self.storage_ok = false;
                        cx.wires.status(
                            MavSeverity::MAV_SEVERITY_ERROR,
                            &format!("Patrol: plan not kept on disk: {e}"),
                        );
                    }
                    for kind in ListKind::ALL {
                        self.server.set_list(kind, j.list(kind).to_vec());
                    }
                    self.in_force = Some(j);
                }
                self.dirty = false;
                self.state = PlanState::OnAircraft;
                cx.wires.status(
                    MavSeverity::MAV_SEVERITY_INFO,
                    "Patrol: plan on aircraft, read back equal",
                );
            }
            Writing::Failed(why) => {
                self.writer = None;
                self.dirty = true;
                if !cx.facts.armed {
                    self.in_force = None;
                }
                cx.wires.status(
                    MavSeverity::MAV_SEVERITY_CRITICAL,
                    &format!("Patrol: plan NOT on aircraft: {why}"),
                );
                let f = Fault::new(
                    Refusal::ReadBackDiffers,
                    MavMissionResult::MAV_MISSION_ERROR,
                    why,
                );
                self.refuse_list(cx, RefusedThing::Bundle, &f);
            }
        }
    }

    /// Time passes; also what a restart left behind is looked at, once the autopilot is known.
    pub fn tick(&mut self, cx: &mut Cx<'_>) {
        self.recall(cx);
        self.server.tick(cx.now);
        self.serve(cx);
        self.drive_writer(cx);
        if self.staged.expired(cx.now.mono) {
            self.staged.close();
            cx.wires.status(
                MavSeverity::MAV_SEVERITY_WARNING,
                "Patrol: unfinished upload dropped",
            );
        }
        if self.staged.is_open() && self.writer.is_none() && !self.dirty {
            self.state = PlanState::Staged;
        } else if self.writer.is_none() && self.state == PlanState::Staged {
            self.state = if self.in_force.is_some() {
                PlanState::OnAircraft
            } else {
                PlanState::None
            };
        }
    }

    fn recall(&mut self, cx: &mut Cx<'_>) {
        let (Some(dialect), Some(id), false) = (cx.dialect(), cx.facts.id, self.recalled) else {
            return;
        };
        self.recalled = true;
        match memory::recall(cx.disk, dialect) {
            Ok(found) => {
                self.dirty = found.dirty;
                // Died while writing: on the ground it is written to the end. Aloft nobody touches what is flown.
                if let (Some(next), false) = (found.next, cx.facts.armed) {
                    cx.wires.status(
                        MavSeverity::MAV_SEVERITY_WARNING,
                        "Patrol: writing was cut off, begun again",
                    );
                    self.commit(cx, next, writer::ALL);
                    return;
                }
                if let Some(j) = found.plan {
                    for kind in ListKind::ALL {
                        self.server.set_list(kind, j.list(kind).to_vec());
                    }
                    self.candidate = Some(j);
                    if !found.dirty {
                        self.writer = Some(Writer::new(dialect, id, true, writer::ALL));
                        self.state = PlanState::ReadingBack;
                    }
                }
            }
            Err(e) => {
                self.storage_ok = false;
                cx.wires.status(
                    MavSeverity::MAV_SEVERITY_ERROR,
                    &format!("Patrol: store cannot be read: {e}"),
                );
            }
        }
    }
}

/// A holder silent for so long holds nothing any more.
fn silence(cx: &Cx<'_>) -> Duration {
    Duration::from_secs_f64(cx.config.link_loss_s.clamp(0.5, 600.0))
}
