//! The standard mission protocol, both ways, for mission, fence and rally.
//!
//! [`Uploader`] and [`Downloader`] speak to an autopilot; [`Server`] is what stations speak to. All retry, all are
//! bounded, none reports success that was not said by the other side. Source: mavlink.io/en/services/mission.html;
//! times as both autopilots were captured to use them.

mod download;
mod server;
#[cfg(test)]
mod tests;
mod upload;

pub use download::Downloader;
pub use server::{Server, ServerOut};
pub use upload::Uploader;

use crate::common::{MISSION_ACK_DATA, MavMessage, MavMissionResult, MavMissionType};

/// Most items of one list.
pub const MAX_ITEMS: usize = 5_000;

/// Where a transfer stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// Under way.
    Running {
        /// Items the other side has asked for, or sent.
        done: usize,
        /// Items in all; 0 not known yet.
        total: usize,
    },
    /// Finished and acknowledged.
    Done,
    /// All items were taken, the last acknowledgement never came: only a read-back can tell.
    Unsure,
    /// The other side refused.
    Refused(MavMissionResult),
    /// Nobody answered.
    Silent,
}

impl Progress {
    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !matches!(self, Progress::Running { .. })
    }
}

fn ack(target: (u8, u8), mission_type: MavMissionType, result: MavMissionResult) -> MavMessage {
    MavMessage::MISSION_ACK(MISSION_ACK_DATA {
        target_system: target.0,
        target_component: target.1,
        mavtype: result,
        mission_type,
        opaque_id: 0,
    })
}
