//! Orders that work against the guard: past it, straight to the autopilot, as somebody hostile would give them.

use link::common::{self, MavCmd, MavFrame, MavMessage, MavParamType};
use sim::autopilot::{AircraftTruth, AutopilotKind};

/// Fence off, this speed, metres a second, and a place 900 m away on this heading,
/// radians clockwise from north.
pub fn run_out(
    kind: AutopilotKind,
    a: &AircraftTruth,
    heading_rad: f64,
    speed_mps: f32,
) -> Vec<MavMessage> {
    let lat = a.lat_deg + 900.0 * heading_rad.cos() / 111_000.0;
    let lon = a.lon_deg + 900.0 * heading_rad.sin() / (111_320.0 * a.lat_deg.to_radians().cos());
    let (name, ty) = match kind {
        AutopilotKind::Px4 => ("GF_ACTION", MavParamType::MAV_PARAM_TYPE_INT32),
        AutopilotKind::ArduPilot => ("FENCE_ENABLE", MavParamType::MAV_PARAM_TYPE_INT8),
    };
    let mut id = [0u8; 16];
    for (to, from) in id.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    vec![
        // Zero is the same in both spellings of an integer.
        MavMessage::PARAM_SET(common::PARAM_SET_DATA {
            param_value: 0.0,
            target_system: 1,
            target_component: 1,
            param_id: id.into(),
            param_type: ty,
        }),
        MavMessage::COMMAND_LONG(common::COMMAND_LONG_DATA {
            param1: 1.0,
            param2: speed_mps,
            param3: -1.0,
            command: MavCmd::MAV_CMD_DO_CHANGE_SPEED,
            target_system: 1,
            target_component: 1,
            ..Default::default()
        }),
        MavMessage::COMMAND_INT(common::COMMAND_INT_DATA {
            param1: -1.0,
            param2: 1.0,
            param4: f32::NAN,
            x: (lat * 1e7) as i32,
            y: (lon * 1e7) as i32,
            z: a.alt_amsl_m as f32,
            command: MavCmd::MAV_CMD_DO_REPOSITION,
            target_system: 1,
            target_component: 1,
            frame: MavFrame::MAV_FRAME_GLOBAL,
            ..Default::default()
        }),
    ]
}
