//! Stories in virtual time: the companion between a fake autopilot and a fake ground station.

mod failsafes;
mod fake;
mod flights;
mod lines;
mod officers;
mod refused;
mod trust;
mod uploads;

use crate::facts::Kind;
use crate::{Config, Input, Onboard, Output, Port};
use fake::Fake;
use link::blob::{BlobKind, Sender, Sending};
use link::common::{self as c, MavMessage as Common};
use link::frame::{Frame, Framer, Msg, Stamper};
use link::journal::MemDisk;
use link::patrol::MavMessage as Patrol;
use link::state::{
    FlightPhase, Order, OrderFate, OrderKind, PlanState, PreflightReport, StateReport,
};
use missions::flight::OnLinkLoss;
use missions::place::{Alt, Home};
use missions::plan::PatrolPlan;
use missions::planner::{PatrolRequest, Pattern, plan_patrol};
use missions::time::{Mono, Now, Utc, Window};
use missions::vehicle::VehicleSpec;
use missions::venue::Venue;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// 2026-11-24 20:00 Beijing: after the show's window or before, as the venue file says.
pub const START: Utc = Utc(1_795_521_600_000_000);

/// A disk that outlives the companion.
#[derive(Clone, Default)]
pub struct SharedDisk(pub Arc<Mutex<MemDisk>>, pub Arc<AtomicBool>);
impl SharedDisk {
    /// As a full disk answers.
    fn full(&self) -> Result<(), link::journal::DiskError> {
        if self.1.load(Ordering::Relaxed) {
            return Err(link::journal::DiskError::Full {
                doing: "writing",
                file: "any".into(),
            });
        }
        Ok(())
    }
}
impl link::journal::Disk for SharedDisk {
    fn append(&mut self, f: &str, b: &[u8]) -> Result<(), link::journal::DiskError> {
        self.full()?;
        self.0.lock().unwrap().append(f, b)
    }
    fn sync(&mut self, f: &str) -> Result<(), link::journal::DiskError> {
        self.full()?;
        self.0.lock().unwrap().sync(f)
    }
    fn read(&self, f: &str) -> Result<Vec<u8>, link::journal::DiskError> {
        self.0.lock().unwrap().read(f)
    }
    fn replace(&mut self, f: &str, b: &[u8]) -> Result<(), link::journal::DiskError> {
        self.full()?;
        self.0.lock().unwrap().replace(f, b)
    }
    fn truncate(&mut self, f: &str, n: u64) -> Result<(), link::journal::DiskError> {
        self.full()?;
        self.0.lock().unwrap().truncate(f, n)
    }
    fn list(&self) -> Result<Vec<String>, link::journal::DiskError> {
        self.0.lock().unwrap().list()
    }
}

pub struct Stage {
    pub fake: Fake,
    pub onboard: Onboard,
    pub disk: SharedDisk,
    pub now: Mono,
    ground: Stamper,
    /// One for each ground line; all lead to the stage's own station.
    framers: Vec<Framer>,
    copies: link::lines::Lines,
    /// Whether each ground line carries anything.
    pub line_lives: Vec<bool>,
    /// Frames that came over each line, copies too.
    pub came: Vec<Vec<u32>>,
    pub control: Option<link::control::ControlReport>,
    pub ground_silent: bool,
    pub autopilot_silent: bool,
    pub heard: Vec<Frame>,
    /// What reached the autopilot.
    pub passed: Vec<Frame>,
    pub state: Option<StateReport>,
    pub preflight: Option<PreflightReport>,
    pub fates: Vec<(u32, OrderFate)>,
    pub said: Vec<String>,
    pub refusals: Vec<link::patrol::PATROL_REFUSAL_DATA>,
    pub anomalies: Vec<u32>,
    pub to_eyes: Vec<crate::eyes::schema::Down>,
    blob: Option<Sender>,
    next_order: u32,
    pub closest_m: f64,
    pub fence: Option<missions::fence::Fence>,
}

pub fn plan(speed: Option<f64>) -> PatrolPlan {
    plan_with(speed, OnLinkLoss::HoldThenReturn { wait_s: 10.0 })
}

pub fn plan_with(speed: Option<f64>, on_link_loss: OnLinkLoss) -> PatrolPlan {
    plan_patrol(
        &Venue::sixi_river(),
        &VehicleSpec::default_quad(),
        &PatrolRequest {
            name: "round".into(),
            pattern: Pattern::Perimeter { offset_m: 25.0 },
            alt: Alt::from_metres(60.0).unwrap(),
            speed_mps: speed,
            margin_m: 0.0,
            launch_window: Window {
                from: Utc(START.0 - 3_600_000_000),
                until: Utc(START.0 + 3_600_000_000),
            },
            area: None,
            on_link_loss,
            over_crowds: false,
            wind: missions::energy::Wind::default(),
        },
    )
    .unwrap()
}

impl Stage {
    pub fn new(kind: Kind) -> Self {
        let p = plan(None);
        Self::with(
            kind,
            p.file().home,
            Config::default(),
            SharedDisk::default(),
        )
    }
    pub fn with(kind: Kind, home: Home, config: Config, disk: SharedDisk) -> Self {
        let lines = usize::from(config.ground_ports);
        Stage {
            framers: (0..lines).map(|_| Framer::new()).collect(),
            copies: link::lines::Lines::new(&vec![0; lines]),
            line_lives: vec![true; lines],
            came: vec![Vec::new(); lines],
            control: None,
            fake: Fake::new(kind, home),
            onboard: Onboard::new(config, Box::new(disk.clone())).unwrap(),
            disk,
            now: Mono::ZERO,
            ground: Stamper::new(255, 190),
            ground_silent: false,
            autopilot_silent: false,
            heard: Vec::new(),
            passed: Vec::new(),
            state: None,
            preflight: None,
            fates: Vec::new(),
            said: Vec::new(),
            refusals: Vec::new(),
            anomalies: Vec::new(),
            to_eyes: Vec::new(),
            blob: None,
            next_order: 0,
            closest_m: f64::INFINITY,
            fence: None,
        }
    }
    /// The companion dies and starts again.
    pub fn restart_companion(&mut self) {
        self.onboard = Onboard::new(Config::default(), Box::new(self.disk.clone())).unwrap();
    }
    pub fn now(&self) -> Now {
        Now::new(self.now, START.after(self.now.since(Mono::ZERO)))
    }
    pub fn to_companion(&mut self, m: impl Into<link::frame::Outgoing>) {
        let f = self.ground.frame(m);
        self.bytes_to_companion(f.bytes());
    }
    /// Over every line that lives.
    pub fn bytes_to_companion(&mut self, bytes: &[u8]) {
        for n in (0u8..).take(self.line_lives.len()) {
            self.bytes_over(n, bytes);
        }
    }
    pub fn bytes_over(&mut self, line: u8, bytes: &[u8]) {
        if !self.line_lives[usize::from(line)] {
            return;
        }
        let now = self.now();
        self.onboard.handle(
            now,
            Input::Bytes {
                port: Port::Ground(line),
                bytes,
            },
        );
        self.drain();
    }
    fn drain(&mut self) {
        while let Some(o) = self.onboard.poll() {
            match o {
                Output::Bytes {
                    port: Port::Autopilot,
                    bytes,
                } => {
                    let now = self.now();
                    if let Some(f) = Frame::from_bytes(&bytes)
                        && self.passed.len() < 20_000
                    {
                        self.passed.push(f);
                    }
                    self.fake.hear(now, &bytes);
                }
                Output::Bytes {
                    port: Port::Ground(n),
                    bytes,
                } => {
                    let at = usize::from(n);
                    if !self.line_lives[at] {
                        continue;
                    }
                    self.framers[at].push(self.now, &bytes);
                    while let Some(f) = self.framers[at].next_frame() {
                        self.came[at].push(f.header().msg_id);
                        if self.copies.heard(self.now, n, &f) {
                            self.ground_hears(f);
                        }
                    }
                }
                Output::ToEyes(d) => self.to_eyes.push(d),
                Output::Log(..) => {}
            }
        }
    }
    fn ground_hears(&mut self, f: Frame) {
        match f.decode() {
            Msg::Patrol(m) => match *m {
                Patrol::PATROL_STATE(d) => self.state = Some(StateReport::from_data(&d)),
                Patrol::PATROL_PREFLIGHT(d) => {
                    self.preflight = Some(PreflightReport::from_data(&d))
                }
                Patrol::PATROL_ORDER_ACK(d) => {
                    if let Some((id, fate, _)) = OrderFate::from_data(&d) {
                        self.fates.push((id, fate));
                    }
                }
                Patrol::PATROL_CONTROL(d) => {
                    self.control = Some(link::control::ControlReport::from_data(&d));
                }
                Patrol::PATROL_REFUSAL(d) => self.refusals.push(d),
                Patrol::PATROL_ANOMALY(d) => self.anomalies.push(d.number),
                Patrol::PATROL_BLOB_STATUS(d) => {
                    let now = self.now();
                    if let Some(b) = &mut self.blob {
                        b.status(now, &d);
                    }
                }
                _ => {}
            },
            Msg::Common(m) => {
                if let Common::STATUSTEXT(t) = m.as_ref() {
                    self.said.push(t.text.to_str().unwrap_or("").to_owned());
                }
            }
            Msg::Raw { .. } => {}
        }
        self.heard.push(f);
        if self.heard.len() > 20_000 {
            self.heard.clear();
        }
    }
    /// 20 ms of world.
    pub fn step(&mut self) {
        self.now = Mono(self.now.0 + 20_000);
        let now = self.now();
        self.fake.step(self.now, now.utc.valid().unwrap());
        let bytes = self.fake.drain();
        if !bytes.is_empty() && !self.autopilot_silent {
            self.onboard.handle(
                now,
                Input::Bytes {
                    port: Port::Autopilot,
                    bytes: &bytes,
                },
            );
            self.drain();
        }
        let later = self.fake.drain();
        if !later.is_empty() && !self.autopilot_silent {
            self.onboard.handle(
                now,
                Input::Bytes {
                    port: Port::Autopilot,
                    bytes: &later,
                },
            );
        }
        if self.onboard.next_wakeup().is_some_and(|t| t <= self.now) {
            self.onboard.handle(now, Input::Tick);
        }
        self.drain();
        if !self.ground_silent && self.now.0.is_multiple_of(120_000) {
            let beat = Common::HEARTBEAT(c::HEARTBEAT_DATA {
                custom_mode: 0,
                mavtype: c::MavType::MAV_TYPE_GCS,
                autopilot: c::MavAutopilot::MAV_AUTOPILOT_INVALID,
                base_mode: c::MavModeFlag::empty(),
                system_status: c::MavState::MAV_STATE_ACTIVE,
                mavlink_version: 3,
            });
            self.to_companion(beat);
            let out = match &mut self.blob {
                Some(b) => b.send(now, 20_000),
                None => Vec::new(),
            };
            for m in out {
                self.to_companion(m);
            }
        }
        if let Some(f) = &self.fence
            && self.fake.armed
        {
            let at = f.plane().to_local(self.fake.latlon());
            let m = f.clearance_m(at, self.fake.up_m + self.fake.home.alt.metres(), now.utc);
            self.closest_m = self.closest_m.min(m);
        }
    }
    pub fn run(&mut self, seconds: f64) {
        let until = self.now.after(Duration::from_secs_f64(seconds));
        while self.now < until {
            self.step();
        }
    }
    pub fn until(&mut self, what: &str, seconds: f64, done: impl Fn(&Stage) -> bool) {
        let until = self.now.after(Duration::from_secs_f64(seconds));
        while !done(self) {
            assert!(
                self.now < until,
                "not within {seconds} s: {what}; state {:?}\npreflight {:?}\nfates {:?}\nsaid {:#?}\nfake mode {:x} seq {} at {:?} up {:.1} commands {:?}",
                self.state,
                self.preflight,
                self.fates,
                self.said.iter().rev().take(30).rev().collect::<Vec<_>>(),
                self.fake.mode,
                self.fake.seq,
                self.fake.at,
                self.fake.up_m,
                self.fake
                    .commands
                    .iter()
                    .rev()
                    .filter(|c| c.0 != 511)
                    .take(8)
                    .collect::<Vec<_>>()
            );
            self.step();
        }
    }
    pub fn upload(&mut self, p: &PatrolPlan) {
        let packed = link::pack::pack(&p.to_json()).unwrap();
        self.blob = Sender::new(BlobKind::Bundle, 1, 0, packed);
        self.fence = Some(p.fence().clone());
        self.until("bundle sent", 30.0, |s| {
            s.blob.as_ref().is_some_and(|b| b.state() == Sending::Done)
        });
        self.until("plan on aircraft", 30.0, |s| {
            s.state
                .is_some_and(|r| r.plan_state == PlanState::OnAircraft)
        });
    }
    pub fn order(&mut self, kind: OrderKind) -> u32 {
        self.next_order += 1;
        let o = Order {
            id: self.next_order,
            kind,
            valid_ms: 3000,
            age_ms: 0,
        };
        self.to_companion(o.to_message(1));
        self.next_order
    }
    pub fn fate(&self, id: u32) -> Option<OrderFate> {
        self.fates
            .iter()
            .rev()
            .find(|(i, _)| *i == id)
            .map(|(_, f)| *f)
    }
    pub fn phase(&self) -> Option<FlightPhase> {
        self.state.map(|s| s.phase)
    }
    pub fn launch(&mut self, p: &PatrolPlan) -> u32 {
        self.upload(p);
        self.until("a token", 40.0, |s| {
            s.preflight.is_some_and(|p| p.token.is_some())
        });
        let token = self.preflight.and_then(|p| p.token).unwrap();
        self.order(OrderKind::Launch {
            plan_id: p.id(),
            token,
        })
    }
    pub fn fly_to_patrol(&mut self, p: &PatrolPlan) {
        let id = self.launch(p);
        self.until("patrolling", 90.0, |s| {
            s.phase() == Some(FlightPhase::Patrolling)
        });
        assert_eq!(self.fate(id), Some(OrderFate::Done));
    }
}
