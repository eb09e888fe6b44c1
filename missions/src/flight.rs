//! What a flight is doing, who flies it, and what answers a danger.

use crate::place::LatLon;
use crate::time::Mono;
use serde::{Deserialize, Serialize};

/// Who moves the aircraft right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InCharge {
    /// Not known yet.
    Unknown,
    /// Our companion, on the officer's plan or order.
    Companion,
    /// The safety pilot's RC.
    SafetyPilot,
    /// The autopilot's own failsafe.
    AutopilotFailsafe,
    /// Another ground station's guided commands, through the gate.
    OtherStation,
}

/// Why the aircraft holds or goes home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The officer pressed it.
    Officer,
    /// The guard predicted a breach of the fence.
    Fence,
    /// The ground link went silent.
    LinkLoss,
    /// Energy left is what the way home needs.
    Battery,
    /// The estimate of position cannot be trusted.
    Position,
    /// The autopilot did it by itself.
    Autopilot,
    /// The plan is done.
    PlanComplete,
    /// No officer took control in time.
    NoOfficer,
}

/// ```text
/// Boot ─► Grounded ─► Ready ─► TakingOff ─► Patrolling ◄─► Investigating
///   │         ▲                                 │  ▲             │
///   ▼         │                                 ▼  │             ▼
/// Recovering  └──── Landing ◄── Returning ◄── Holding ◄──────────┘        Manual: RC has it, from anywhere aloft
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum FlightState {
    /// No autopilot heard yet.
    Boot,
    /// The companion restarted aloft and does not know the truth yet.
    Recovering {
        /// When it restarted.
        since: Mono,
    },
    /// On the ground, no plan that may fly.
    Grounded,
    /// On the ground with a plan that was read back equal.
    Ready,
    /// Armed and climbing.
    TakingOff,
    /// Flying the plan.
    Patrolling {
        /// Mission item flown to.
        item: u16,
    },
    /// Looking at a place an officer asked for.
    Investigating {
        /// Order number.
        order: u32,
        /// Where.
        at: LatLon,
        /// Mission item to go on with.
        resume_item: u16,
    },
    /// Hovering.
    Holding {
        /// Why.
        why: Cause,
        /// Mission item to go on with.
        resume_item: u16,
    },
    /// Going home.
    Returning {
        /// Why.
        why: Cause,
    },
    /// Coming down.
    Landing {
        /// Why.
        why: Cause,
    },
    /// The safety pilot flies; the guard only warns.
    Manual {
        /// Since when.
        since: Mono,
    },
}

/// A manoeuvre chosen for a cause, gravest last.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// Nothing to do.
    Continue,
    /// Tell the officer.
    Warn,
    /// Stop and hover.
    Hold,
    /// Go home inside the fence.
    Return,
    /// Come down here.
    LandHere,
}

/// What a plan says to do when the ground link is lost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnLinkLoss {
    /// Hover `wait_s`, then return.
    HoldThenReturn {
        /// Seconds of hover.
        wait_s: f64,
    },
    /// Return at once.
    Return,
    /// Go on with the plan (only where the plan's authority allows it).
    Continue,
}
