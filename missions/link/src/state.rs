//! The patrol dialect's messages as domain values, and back.
//!
//! Numbers a newer program sends are kept as `Unknown`, never guessed.

use crate::codes::Refusal;
use crate::patrol::{
    MavMessage, PATROL_ANOMALY_DATA, PATROL_ORDER_ACK_DATA, PATROL_ORDER_DATA,
    PATROL_PREFLIGHT_DATA, PATROL_REFUSAL_DATA, PATROL_STATE_DATA,
};
use missions::anomaly::{Anomaly, AnomalyKind, Ellipse, Priority};
use missions::flight::InCharge;
use missions::place::LatLon;
use missions::time::Utc;
use serde::{Deserialize, Serialize};

macro_rules! wire_enum {
    ($(#[doc = $doc:expr])+ $name:ident { $( $(#[doc = $vdoc:expr])+ $variant:ident = $number:literal ),+ $(,)? }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $( $(#[doc = $vdoc])+ $variant, )+
            /// A number of a newer program.
            Unknown(u8),
        }
        impl $name {
            /// From the wire.
            #[must_use]
            pub fn from_number(n: u8) -> Self {
                match n { $($number => $name::$variant,)+ n => $name::Unknown(n) }
            }
            /// To the wire.
            #[must_use]
            pub fn number(self) -> u8 {
                match self { $($name::$variant => $number,)+ $name::Unknown(n) => n }
            }
        }
    };
}

wire_enum! {
    /// Flight state as PATROL_STATE has it.
    FlightPhase {
        /// No autopilot heard.
        Boot = 0,
        /// Companion restarted aloft.
        Recovering = 1,
        /// On the ground, nothing to fly.
        Grounded = 2,
        /// On the ground with a plan read back equal.
        Ready = 3,
        /// Armed and climbing.
        TakingOff = 4,
        /// Flying the plan.
        Patrolling = 5,
        /// Looking at a place.
        Investigating = 6,
        /// Hovering.
        Holding = 7,
        /// Going home.
        Returning = 8,
        /// Coming down.
        Landing = 9,
        /// The safety pilot flies.
        Manual = 10,
    }
}
wire_enum! {
    /// Where the plan is.
    PlanState {
        /// None.
        None = 0,
        /// Received and checked, not yet written.
        Staged = 1,
        /// Being written to the autopilot.
        Writing = 2,
        /// Being read back.
        ReadingBack = 3,
        /// On the aircraft, read back equal.
        OnAircraft = 4,
        /// Half written: cannot fly.
        Dirty = 5,
        /// Refused.
        Refused = 6,
    }
}
wire_enum! {
    /// The guard's verdict.
    VerdictWord {
        /// Not known, so not inside.
        NotKnown = 0,
        /// Inside.
        Inside = 1,
        /// Inside, near the edge.
        Near = 2,
        /// Outside.
        Outside = 3,
    }
}
wire_enum! {
    /// The guard's response.
    ResponseWord {
        /// Nothing.
        Continue = 0,
        /// Warn.
        Warn = 1,
        /// Hold.
        Hold = 2,
        /// Return.
        Return = 3,
        /// Land here.
        LandHere = 4,
    }
}
wire_enum! {
    /// Why it holds, returns or lands.
    CauseWord {
        /// No cause.
        None = 0,
        /// The officer.
        Officer = 1,
        /// The fence.
        Fence = 2,
        /// Link loss.
        LinkLoss = 3,
        /// Battery.
        Battery = 4,
        /// Position not to be trusted.
        Position = 5,
        /// The autopilot by itself.
        Autopilot = 6,
        /// Plan done.
        PlanComplete = 7,
        /// No officer took control in time.
        NoOfficer = 8,
    }
}
wire_enum! {
    /// Which autopilot.
    AutopilotWord {
        /// None heard.
        None = 0,
        /// PX4.
        Px4 = 1,
        /// ArduPilot.
        ArduPilot = 2,
        /// Another.
        Other = 3,
    }
}
wire_enum! {
    /// The eyes.
    EyesWord {
        /// Off.
        Off = 0,
        /// Running.
        Running = 1,
        /// Being started again.
        Restarting = 2,
        /// Given up.
        Failed = 3,
    }
}

fn in_charge_number(w: InCharge) -> u8 {
    match w {
        InCharge::Unknown => 0,
        InCharge::Companion => 1,
        InCharge::SafetyPilot => 2,
        InCharge::AutopilotFailsafe => 3,
        InCharge::OtherStation => 4,
    }
}

fn in_charge_from(n: u8) -> InCharge {
    match n {
        1 => InCharge::Companion,
        2 => InCharge::SafetyPilot,
        3 => InCharge::AutopilotFailsafe,
        4 => InCharge::OtherStation,
        _ => InCharge::Unknown,
    }
}

/// PATROL_STATE.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StateReport {
    /// First eight bytes of the plan's hash; `None`: none, or uploaded by the standard protocol.
    pub plan_id: Option<u64>,
    /// Identity of the anomaly store.
    pub store_id: u64,
    /// Companion's monotonic time, ms.
    pub time_boot_ms: u32,
    /// Distance to the nearest fence element, metres.
    pub margin_m: Option<f64>,
    /// Highest anomaly number stored.
    pub last_anomaly: u32,
    /// Order under way.
    pub order_id: Option<u32>,
    /// Frames the gate refused since start.
    pub refused_frames: u32,
    /// Anomalies not receipted.
    pub pending: u16,
    /// Seconds until the return must begin.
    pub endurance_s: Option<u16>,
    /// Mission item flown to.
    pub item: Option<u16>,
    /// Flight state.
    pub phase: FlightPhase,
    /// Who flies.
    pub in_charge: InCharge,
    /// Where the plan is.
    pub plan_state: PlanState,
    /// Verdict.
    pub verdict: VerdictWord,
    /// Response.
    pub response: ResponseWord,
    /// Cause.
    pub cause: CauseWord,
    /// Autopilot.
    pub autopilot: AutopilotWord,
    /// Eyes.
    pub eyes: EyesWord,
    /// Whether the store works.
    pub storage_ok: bool,
    /// Whether the autopilot says that it is our simulator.
    pub simulated: bool,
}

impl StateReport {
    /// To the wire.
    #[must_use]
    pub fn to_message(&self) -> MavMessage {
        MavMessage::PATROL_STATE(PATROL_STATE_DATA {
            plan_id: self.plan_id.unwrap_or(0),
            store_id: self.store_id,
            time_boot_ms: self.time_boot_ms,
            margin_m: self.margin_m.map_or(f32::NAN, |m| m as f32),
            last_anomaly: self.last_anomaly,
            order_id: self.order_id.unwrap_or(0),
            refused_frames: self.refused_frames,
            pending: self.pending,
            endurance_s: self.endurance_s.unwrap_or(u16::MAX),
            item: self.item.unwrap_or(u16::MAX),
            flight_state: self.phase.number(),
            in_charge: in_charge_number(self.in_charge),
            plan_state: self.plan_state.number(),
            verdict: self.verdict.number(),
            response: self.response.number(),
            cause: self.cause.number(),
            autopilot: self.autopilot.number(),
            eyes: self.eyes.number(),
            storage: u8::from(self.storage_ok),
            simulated: u8::from(self.simulated),
        })
    }
    /// From the wire.
    #[must_use]
    pub fn from_data(d: &PATROL_STATE_DATA) -> Self {
        StateReport {
            plan_id: (d.plan_id != 0).then_some(d.plan_id),
            store_id: d.store_id,
            time_boot_ms: d.time_boot_ms,
            margin_m: d.margin_m.is_finite().then_some(f64::from(d.margin_m)),
            last_anomaly: d.last_anomaly,
            order_id: (d.order_id != 0).then_some(d.order_id),
            refused_frames: d.refused_frames,
            pending: d.pending,
            endurance_s: (d.endurance_s != u16::MAX).then_some(d.endurance_s),
            item: (d.item != u16::MAX).then_some(d.item),
            phase: FlightPhase::from_number(d.flight_state),
            in_charge: in_charge_from(d.in_charge),
            plan_state: PlanState::from_number(d.plan_state),
            verdict: VerdictWord::from_number(d.verdict),
            response: ResponseWord::from_number(d.response),
            cause: CauseWord::from_number(d.cause),
            autopilot: AutopilotWord::from_number(d.autopilot),
            eyes: EyesWord::from_number(d.eyes),
            storage_ok: d.storage == 1,
            simulated: d.simulated == 1,
        }
    }
}

/// PATROL_ANOMALY of a store.
#[must_use]
pub fn anomaly_to_message(store_id: u64, a: &Anomaly) -> MavMessage {
    MavMessage::PATROL_ANOMALY(PATROL_ANOMALY_DATA {
        store_id,
        first_seen_us: u64::try_from(a.first_seen.0).unwrap_or(0),
        flagged_us: u64::try_from(a.flagged.0).unwrap_or(0),
        number: a.number,
        lat: a.at.lat_e7(),
        lon: a.at.lon_e7(),
        alt_amsl_m: a.alt_amsl_m.map_or(f32::NAN, |m| m as f32),
        error_major_m: a.error.major_m as f32,
        error_minor_m: a.error.minor_m as f32,
        error_bearing_deg: a.error.bearing_deg as f32,
        picture_len: a.picture_len,
        kind: match a.kind {
            AnomalyKind::UnknownDrone => 1,
            AnomalyKind::PersonInZone => 2,
        },
        priority: match a.priority {
            Priority::Urgent => 1,
            Priority::High => 2,
            Priority::Notice => 3,
        },
        confidence_pct: (a.confidence.clamp(0.0, 1.0) * 100.0).round() as u8,
        picture_sha256: a.picture_sha256.unwrap_or([0; 32]),
        rule: chars(&a.rule).into(),
        subject: chars(&a.subject).into(),
    })
}

/// PATROL_ANOMALY back: (store, anomaly). `None` when a number in it is of a newer program or it is no place.
#[must_use]
pub fn anomaly_from_data(d: &PATROL_ANOMALY_DATA) -> Option<(u64, Anomaly)> {
    let kind = match d.kind {
        1 => AnomalyKind::UnknownDrone,
        2 => AnomalyKind::PersonInZone,
        _ => return None,
    };
    let priority = match d.priority {
        1 => Priority::Urgent,
        2 => Priority::High,
        3 => Priority::Notice,
        _ => return None,
    };
    let a = Anomaly {
        number: d.number,
        kind,
        priority,
        rule: d.rule.to_str().unwrap_or("").to_owned(),
        subject: d.subject.to_str().unwrap_or("").to_owned(),
        first_seen: Utc(i64::try_from(d.first_seen_us).ok()?),
        flagged: Utc(i64::try_from(d.flagged_us).ok()?),
        at: LatLon::from_e7(d.lat, d.lon).ok()?,
        alt_amsl_m: d.alt_amsl_m.is_finite().then_some(f64::from(d.alt_amsl_m)),
        error: Ellipse {
            major_m: f64::from(d.error_major_m),
            minor_m: f64::from(d.error_minor_m),
            bearing_deg: f64::from(d.error_bearing_deg),
        },
        confidence: f64::from(d.confidence_pct) / 100.0,
        picture_sha256: (d.picture_len > 0).then_some(d.picture_sha256),
        picture_len: d.picture_len,
    };
    Some((d.store_id, a))
}

/// Text cut at a character, NUL padded.
pub(crate) fn chars<const N: usize>(text: &str) -> [u8; N] {
    let mut out = [0u8; N];
    let mut at = 0;
    for c in text.chars() {
        let mut b = [0u8; 4];
        let s = c.encode_utf8(&mut b).as_bytes();
        let Some(to) = out.get_mut(at..at + s.len()) else {
            break;
        };
        to.copy_from_slice(s);
        at += s.len();
    }
    out
}

/// What an officer asks of an aircraft.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OrderKind {
    /// Fly the plan.
    Launch {
        /// The plan meant.
        plan_id: u64,
        /// Preflight token.
        token: u32,
    },
    /// Stop and hover.
    Hold,
    /// Go on with the plan.
    Resume,
    /// Go home.
    Return,
    /// Land at a site.
    LandAt {
        /// Site.
        at: LatLon,
    },
    /// Look at a place.
    Look {
        /// Place.
        at: LatLon,
        /// Height above home, metres; `None` keeps the present one.
        above_home_m: Option<f64>,
    },
    /// Send the preflight list.
    Preflight,
}

/// PATROL_ORDER.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Sender's number, never 0.
    pub id: u32,
    /// What.
    pub kind: OrderKind,
    /// Time to live from when it was first sent, ms.
    pub valid_ms: u16,
    /// How old it is now, ms.
    pub age_ms: u16,
}

impl Order {
    /// To the wire.
    #[must_use]
    pub fn to_message(&self, target_system: u8) -> MavMessage {
        let mut d = PATROL_ORDER_DATA {
            order_id: self.id,
            valid_ms: self.valid_ms,
            age_ms: self.age_ms,
            target_system,
            alt_above_home_m: f32::NAN,
            ..PATROL_ORDER_DATA::default()
        };
        d.kind = match self.kind {
            OrderKind::Launch { plan_id, token } => {
                d.plan_id = plan_id;
                d.token = token;
                1
            }
            OrderKind::Hold => 2,
            OrderKind::Resume => 3,
            OrderKind::Return => 4,
            OrderKind::LandAt { at } => {
                (d.lat, d.lon) = (at.lat_e7(), at.lon_e7());
                5
            }
            OrderKind::Look { at, above_home_m } => {
                (d.lat, d.lon) = (at.lat_e7(), at.lon_e7());
                d.alt_above_home_m = above_home_m.map_or(f32::NAN, |m| m as f32);
                6
            }
            OrderKind::Preflight => 7,
        };
        MavMessage::PATROL_ORDER(d)
    }
    /// From the wire. `None` for kinds of a newer program, places off the globe, and number 0.
    #[must_use]
    pub fn from_data(d: &PATROL_ORDER_DATA) -> Option<Self> {
        let at = || LatLon::from_e7(d.lat, d.lon).ok();
        let kind = match d.kind {
            1 => OrderKind::Launch {
                plan_id: d.plan_id,
                token: d.token,
            },
            2 => OrderKind::Hold,
            3 => OrderKind::Resume,
            4 => OrderKind::Return,
            5 => OrderKind::LandAt { at: at()? },
            6 => OrderKind::Look {
                at: at()?,
                above_home_m: d
                    .alt_above_home_m
                    .is_finite()
                    .then_some(f64::from(d.alt_above_home_m)),
            },
            7 => OrderKind::Preflight,
            _ => return None,
        };
        (d.order_id != 0).then_some(Order {
            id: d.order_id,
            kind,
            valid_ms: d.valid_ms,
            age_ms: d.age_ms,
        })
    }
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum OrderFate {
    /// Taken, under way.
    Accepted,
    /// Not taken.
    Refused {
        /// Why; `None` for a number of a newer program.
        why: Option<Refusal>,
    },
    /// The vehicle shows it.
    Done,
    /// Taken, and did not come about.
    Failed {
        /// Why.
        why: Option<Refusal>,
    },
    /// Came too late.
    Expired,
}

impl OrderFate {
    /// To the wire.
    #[must_use]
    pub fn to_message(self, order_id: u32, value: Option<f64>) -> MavMessage {
        let (state, why) = match self {
            OrderFate::Accepted => (1, None),
            OrderFate::Refused { why } => (2, why),
            OrderFate::Done => (3, None),
            OrderFate::Failed { why } => (4, why),
            OrderFate::Expired => (5, Some(Refusal::Expired)),
        };
        MavMessage::PATROL_ORDER_ACK(PATROL_ORDER_ACK_DATA {
            order_id,
            value: value.map_or(f32::NAN, |v| v as f32),
            state,
            reason: why.map_or(0, |w| w as u8),
        })
    }
    /// From the wire: (order, fate, figure).
    #[must_use]
    pub fn from_data(d: &PATROL_ORDER_ACK_DATA) -> Option<(u32, OrderFate, Option<f64>)> {
        let why = Refusal::from_number(d.reason);
        let fate = match d.state {
            1 => OrderFate::Accepted,
            2 => OrderFate::Refused { why },
            3 => OrderFate::Done,
            4 => OrderFate::Failed { why },
            5 => OrderFate::Expired,
            _ => return None,
        };
        Some((
            d.order_id,
            fate,
            d.value.is_finite().then_some(f64::from(d.value)),
        ))
    }
    /// Whether nothing more will come of it.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, OrderFate::Accepted)
    }
}

/// The checks of PATROL_PREFLIGHT, in order, as keys of the console's dictionaries.
pub const PREFLIGHT_KEYS: [&str; 12] = [
    "plan_read_back",
    "fence_armed",
    "failsafe_parameters",
    "position_quality",
    "battery_for_plan",
    "home_inside",
    "ground_link",
    "storage",
    "clock",
    "own_remote_id",
    "wind",
    "autopilot_ready",
];

/// How a check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// Cannot be computed: not passed.
    Unknown,
    /// Fine.
    Pass,
    /// Not fine.
    Fail,
}

/// PATROL_PREFLIGHT.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PreflightReport {
    /// Launch token; `None` while any check does not pass.
    pub token: Option<u32>,
    /// Checks in the order of [`PREFLIGHT_KEYS`], each with its figure.
    pub checks: [(CheckStatus, Option<f64>); 12],
}

impl PreflightReport {
    /// To the wire.
    #[must_use]
    pub fn to_message(&self) -> MavMessage {
        let mut d = PATROL_PREFLIGHT_DATA {
            token: self.token.unwrap_or(0),
            ..PATROL_PREFLIGHT_DATA::default()
        };
        for ((check, status), value) in self.checks.iter().zip(&mut d.status).zip(&mut d.value) {
            *status = match check.0 {
                CheckStatus::Unknown => 0,
                CheckStatus::Pass => 1,
                CheckStatus::Fail => 2,
            };
            *value = check.1.map_or(f32::NAN, |v| v as f32);
        }
        MavMessage::PATROL_PREFLIGHT(d)
    }
    /// From the wire.
    #[must_use]
    pub fn from_data(d: &PATROL_PREFLIGHT_DATA) -> Self {
        let mut checks = [(CheckStatus::Unknown, None); 12];
        for ((check, status), value) in checks.iter_mut().zip(&d.status).zip(&d.value) {
            check.0 = match status {
                1 => CheckStatus::Pass,
                2 => CheckStatus::Fail,
                _ => CheckStatus::Unknown,
            };
            check.1 = value.is_finite().then_some(f64::from(*value));
        }
        PreflightReport {
            token: (d.token != 0).then_some(d.token),
            checks,
        }
    }
}

/// What a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedThing {
    /// A plan bundle.
    Bundle,
    /// A mission.
    Mission,
    /// A fence.
    Fence,
    /// Rally points.
    Rally,
    /// A command.
    Command,
}

/// PATROL_REFUSAL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefusalReport {
    /// What was refused.
    pub what: Option<RefusedThing>,
    /// Why.
    pub why: Option<Refusal>,
    /// Item at fault.
    pub item: Option<u16>,
    /// Place of the fault.
    pub at: Option<LatLon>,
    /// Figure that belongs to it.
    pub value: Option<f64>,
    /// Short English, for logs.
    pub text: String,
}

impl RefusalReport {
    /// To the wire.
    #[must_use]
    pub fn to_message(&self) -> MavMessage {
        let what = match self.what {
            None => 0,
            Some(RefusedThing::Bundle) => 1,
            Some(RefusedThing::Mission) => 2,
            Some(RefusedThing::Fence) => 3,
            Some(RefusedThing::Rally) => 4,
            Some(RefusedThing::Command) => 5,
        };
        MavMessage::PATROL_REFUSAL(PATROL_REFUSAL_DATA {
            lat: self.at.map_or(0, LatLon::lat_e7),
            lon: self.at.map_or(0, LatLon::lon_e7),
            value: self.value.map_or(f32::NAN, |v| v as f32),
            item: self.item.unwrap_or(u16::MAX),
            reason: self.why.map_or(0, |w| w as u8),
            what,
            text: chars(&self.text).into(),
        })
    }
    /// From the wire.
    #[must_use]
    pub fn from_data(d: &PATROL_REFUSAL_DATA) -> Self {
        RefusalReport {
            what: match d.what {
                1 => Some(RefusedThing::Bundle),
                2 => Some(RefusedThing::Mission),
                3 => Some(RefusedThing::Fence),
                4 => Some(RefusedThing::Rally),
                5 => Some(RefusedThing::Command),
                _ => None,
            },
            why: Refusal::from_number(d.reason),
            item: (d.item != u16::MAX).then_some(d.item),
            at: if d.lat == 0 && d.lon == 0 {
                None
            } else {
                LatLon::from_e7(d.lat, d.lon).ok()
            },
            value: d.value.is_finite().then_some(f64::from(d.value)),
            text: d.text.to_str().unwrap_or("").to_owned(),
        }
    }
}
