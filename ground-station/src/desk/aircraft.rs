//! One aircraft as the desk knows it: what was heard last, what was asked, what is being sent.

use super::intent::Reason;
use link::blob::{BlobKind, Receiver, Sender};
use link::control::ControlReport;
use link::frame::Stamper;
use link::orders::OrderSender;
use link::signing::{Refusals, Seal};
use link::state::{OrderFate, PreflightReport, StateReport};
use link::telemetry::Telemetry;
use missions::place::LatLon;
use missions::plan::PatrolPlan;
use missions::time::{Mono, Utc};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Silence after which the link counts as lost.
pub const LINK_LOST: Duration = Duration::from_secs(3);
/// The companion says its alarms more than once over a radio: the same words within this time are the same alarm.
const SAME_WORDS: Duration = Duration::from_millis(1_200);
/// Words remembered for that.
const WORDS: usize = 32;

/// Where the sending of a plan stands.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Upload {
    /// Nothing was sent.
    #[default]
    Idle,
    /// Chunks on their way.
    Sending {
        /// Chunks the companion has.
        sent: usize,
        /// Chunks in all.
        total: usize,
    },
    /// The companion has it whole and checks, writes, reads back.
    Checking {
        /// Since when.
        since: Mono,
    },
    /// On the aircraft, read back equal.
    OnAircraft,
    /// It came to nothing.
    Failed(Reason),
}

/// The last order.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderView {
    /// Number.
    pub id: u32,
    /// Word of the console's dictionary.
    pub kind: &'static str,
    /// Place asked for.
    pub at: Option<LatLon>,
    /// What became of it; `None`: sent.
    pub fate: Option<OrderFate>,
    /// Why not.
    pub reason: Option<Reason>,
}

/// One aircraft.
#[derive(Clone)]
pub struct Aircraft {
    /// Id on the console.
    pub id: u8,
    pub(super) stamper: Stamper,
    /// What signs and checks; `None`: a laboratory's cable.
    pub(super) seal: Option<Seal>,
    pub(super) refusals: Refusals,
    /// Autopilot's values.
    pub telemetry: Telemetry,
    /// Companion's state.
    pub state: Option<(StateReport, Mono)>,
    /// Preflight list.
    pub preflight: Option<(PreflightReport, Mono)>,
    /// Who has it, and over which lines.
    pub control: Option<(ControlReport, Mono)>,
    /// Last frame of any kind.
    pub heard: Option<Mono>,
    pub(super) link_was_up: bool,
    /// What it is to fly.
    pub(super) plan: Option<Arc<PatrolPlan>>,
    /// Plan upload.
    pub upload: Upload,
    pub(super) sender: Option<Sender>,
    pub(super) pictures: Receiver,
    pub(crate) previews: Receiver,
    /// Newest camera preview and when it came.
    pub preview: Option<(Vec<u8>, Utc)>,
    pub(super) orders: OrderSender,
    /// Last order.
    pub order: Option<OrderView>,
    pub(super) room_bytes: f64,
    pub(super) view_dirty: bool,
    pub(super) view_said: Mono,
    pub(super) launched: bool,
    /// What the companion said last, and when it was first heard.
    words: VecDeque<(String, Mono)>,
}

impl Aircraft {
    /// One that was never heard. `system` and `component` are the ground's own, orders are numbered after `first_order`.
    #[must_use]
    pub fn new(id: u8, system: u8, component: u8, first_order: u32) -> Self {
        Aircraft {
            id,
            stamper: Stamper::new(system, component),
            seal: None,
            refusals: Refusals::default(),
            telemetry: Telemetry::default(),
            state: None,
            preflight: None,
            control: None,
            heard: None,
            link_was_up: false,
            plan: None,
            upload: Upload::Idle,
            sender: None,
            pictures: Receiver::new(BlobKind::Picture),
            previews: Receiver::new(BlobKind::Preview),
            preview: None,
            orders: OrderSender::new(first_order),
            order: None,
            room_bytes: 0.0,
            view_dirty: true,
            view_said: Mono::ZERO,
            launched: false,
            words: VecDeque::new(),
        }
    }

    /// Whether these words of the companion's are not the echo of an alarm that was heard already.
    pub(super) fn is_news(&mut self, now: Mono, words: &str) -> bool {
        self.words.retain(|(_, at)| now.since(*at) < SAME_WORDS);
        if self.words.iter().any(|(w, _)| w == words) {
            return false;
        }
        if self.words.len() >= WORDS {
            self.words.pop_front();
        }
        self.words.push_back((words.to_owned(), now));
        true
    }

    /// The plan it is to fly.
    #[must_use]
    pub fn plan(&self) -> Option<&PatrolPlan> {
        self.plan.as_deref()
    }
    /// Silence, seconds; `None` when nothing was ever heard.
    #[must_use]
    pub fn link_age(&self, now: Mono) -> Option<Duration> {
        self.heard.map(|h| now.since(h))
    }
    /// Whether the link is up.
    #[must_use]
    pub fn link_up(&self, now: Mono) -> bool {
        self.link_age(now).is_some_and(|a| a < LINK_LOST)
    }
    /// The companion's state, while it is not older than a lost link: what an aircraft says without its companion must
    /// never be read as the companion's word.
    #[must_use]
    pub fn fresh_state(&self, now: Mono) -> Option<StateReport> {
        self.state
            .filter(|(_, t)| now.since(*t) < LINK_LOST)
            .map(|(s, _)| s)
    }
    /// Whether the companion holds this plan on the aircraft, read back equal.
    #[must_use]
    pub fn has_plan(&self, plan_id: u64) -> bool {
        self.state.is_some_and(|(s, _)| {
            s.plan_state == link::state::PlanState::OnAircraft && s.plan_id == Some(plan_id)
        })
    }
    /// The newest launch token, while fresh.
    #[must_use]
    pub fn token(&self, now: Mono) -> Option<u32> {
        self.preflight
            .filter(|(_, t)| now.since(*t) < Duration::from_secs(5))
            .and_then(|(p, _)| p.token)
    }
}
