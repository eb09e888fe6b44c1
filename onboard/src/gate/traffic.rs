//! Sorts what comes from the ground by message.

// Stations still speak superseded messages: they must be judged, not lost.
#![allow(deprecated)]

use super::command::Command;
use crate::facts::Kind;
use crate::flight::drive::long;
use link::common::{self, MavCmd, MavMessage as Common};
use link::frame::{Frame, Msg};

/// MAV_RESULT_ACCEPTED.
pub const ACCEPTED: u8 = 0;
/// MAV_RESULT_TEMPORARILY_REJECTED.
pub const REJECTED: u8 = 1;
/// MAV_RESULT_DENIED.
pub const DENIED: u8 = 2;

/// What to do with a frame.
#[expect(clippy::large_enum_variant, reason = "one at a time, gone at once")]
#[derive(Clone, Debug, PartialEq)]
pub enum Sort {
    /// Mission protocol: ours.
    Mission,
    /// COMMAND_LONG, COMMAND_INT.
    Command,
    /// SET_MODE.
    SetMode {
        /// As in the message.
        custom_mode: u32,
    },
    /// MISSION_SET_CURRENT.
    Jump {
        /// Sequence number.
        item: u16,
    },
    /// CHANGE_OPERATOR_CONTROL.
    Control {
        /// Lets go; else asks for it.
        release: bool,
    },
    /// Harmless: to the autopilot as it is.
    Pass,
    /// Ends here without harm (heartbeats, patrol messages, acknowledgements).
    Ignore,
    /// PARAM_SET: refused, answered with the value that stays.
    ReadInstead(Common),
    /// Refused and counted.
    Refuse,
}

/// Addressed system and component; `None`: not addressed.
#[must_use]
pub fn target(frame: &Frame) -> (Option<u8>, Option<u8>) {
    match Command::read(frame) {
        // Read from the bytes: a command the dialect does not know has an address too.
        Some(c) => (Some(c.system), Some(c.component)),
        None => frame.target(),
    }
}

/// FTP opcodes that only read: terminate, reset, list, open for reading, read, checksum, burst read.
const FTP_READS: [u8; 8] = [0, 1, 2, 3, 4, 5, 14, 15];

/// Sorts one frame.
#[must_use]
pub fn sort(frame: &Frame) -> Sort {
    let msg = frame.decode();
    match frame.header().msg_id {
        75 | 76 => return Sort::Command,
        // MISSION_ITEM, _REQUEST, _REQUEST_LIST, _COUNT, _CLEAR_ALL, _ACK, _REQUEST_INT, _ITEM_INT.
        39 | 40 | 43 | 44 | 45 | 47 | 51 | 73 => return Sort::Mission,
        54_100..=54_119 => return Sort::Ignore,
        _ => {}
    }
    let Msg::Common(m) = msg else {
        return Sort::Refuse;
    };
    match *m {
        Common::HEARTBEAT(_) | Common::COMMAND_ACK(_) | Common::STATUSTEXT(_) => Sort::Ignore,
        Common::PARAM_REQUEST_READ(_)
        | Common::PARAM_REQUEST_LIST(_)
        | Common::TIMESYNC(_)
        | Common::PING(_)
        | Common::LOG_REQUEST_LIST(_)
        | Common::LOG_REQUEST_DATA(_)
        | Common::LOG_REQUEST_END(_) => Sort::Pass,
        // Slower streams would blind the guard; a station asks with SET_MESSAGE_INTERVAL, which is looked at.
        Common::REQUEST_DATA_STREAM(_) => Sort::Ignore,
        Common::FILE_TRANSFER_PROTOCOL(d) => match d.payload.get(3) {
            Some(op) if FTP_READS.contains(op) => Sort::Pass,
            _ => Sort::Refuse,
        },
        Common::SET_MODE(d) => Sort::SetMode {
            custom_mode: d.custom_mode,
        },
        Common::CHANGE_OPERATOR_CONTROL(d) => Sort::Control {
            release: d.control_request != 0,
        },
        Common::MISSION_SET_CURRENT(d) => Sort::Jump { item: d.seq },
        Common::PARAM_SET(d) => Sort::ReadInstead(Common::PARAM_REQUEST_READ(
            common::PARAM_REQUEST_READ_DATA {
                param_index: -1,
                target_system: d.target_system,
                target_component: d.target_component,
                param_id: d.param_id,
            },
        )),
        _ => Sort::Refuse,
    }
}

fn command(command: u16, p: [f64; 7]) -> Command {
    Command {
        command,
        p,
        frame: None,
        system: 0,
        component: 0,
    }
}

/// SET_MODE as the command it is judged as.
#[must_use]
pub fn mode_command(kind: Kind, custom_mode: u32) -> Command {
    let [_, _, main, sub] = custom_mode.to_le_bytes();
    let (p2, p3) = match kind {
        Kind::Px4 => (f64::from(main), f64::from(sub)),
        Kind::ArduPilot | Kind::Other => (f64::from(custom_mode), 0.0),
    };
    command(176, [1.0, p2, p3, 0.0, 0.0, 0.0, 0.0])
}

/// MISSION_SET_CURRENT as the command it is judged as.
#[must_use]
pub fn jump_command(item: u16) -> Command {
    command(224, [f64::from(item), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
}

/// ArduCopter's BRAKE.
#[must_use]
pub fn brake(target: (u8, u8)) -> Common {
    long(
        MavCmd::MAV_CMD_DO_SET_MODE,
        [1.0, 17.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        target,
        0,
    )
}

/// The answer to an upload of a station that does not hold control.
#[must_use]
pub fn denied(to: (u8, u8), frame: &Frame) -> Common {
    // The list's number is the last byte of each of these messages but MISSION_ACK; zero (mission) is cut off.
    let list = match frame.header().msg_id {
        44 => frame.payload().get(4),
        45 => frame.payload().get(2),
        39 | 73 => frame.payload().get(37),
        _ => None,
    };
    let mission_type = match list {
        Some(1) => common::MavMissionType::MAV_MISSION_TYPE_FENCE,
        Some(2) => common::MavMissionType::MAV_MISSION_TYPE_RALLY,
        Some(255) => common::MavMissionType::MAV_MISSION_TYPE_ALL,
        _ => common::MavMissionType::MAV_MISSION_TYPE_MISSION,
    };
    Common::MISSION_ACK(common::MISSION_ACK_DATA {
        target_system: to.0,
        target_component: to.1,
        mavtype: common::MavMissionResult::MAV_MISSION_DENIED,
        mission_type,
        opaque_id: 0,
    })
}

/// CHANGE_OPERATOR_CONTROL_ACK: 0 granted, 3 another station has it.
#[must_use]
pub fn control_answer(system: u8, release: bool, granted: bool) -> Common {
    Common::CHANGE_OPERATOR_CONTROL_ACK(common::CHANGE_OPERATOR_CONTROL_ACK_DATA {
        gcs_system_id: system,
        control_request: u8::from(release),
        ack: if granted { 0 } else { 3 },
    })
}
