//! What never reaches the autopilot, on the ground and in the air, from whoever holds control; and who holds it.

// Messages that newer ones replaced: an autopilot may still obey them.
#![allow(deprecated)]

use super::{Stage, plan};
use crate::facts::Kind;
use link::common::{self as c, MavCmd, MavMessage as Common};
use link::frame::{Frame, Stamper};
use link::state::{FlightPhase, OrderFate, OrderKind};

const STATION: u8 = 252;

fn command(command: MavCmd, p: [f32; 7]) -> Common {
    let [param1, param2, param3, param4, param5, param6, param7] = p;
    Common::COMMAND_LONG(c::COMMAND_LONG_DATA {
        param1,
        param2,
        param3,
        param4,
        param5,
        param6,
        param7,
        command,
        target_system: 1,
        target_component: 1,
        confirmation: 0,
    })
}

/// What the issue names, and some that it does not.
fn forbidden() -> Vec<(&'static str, Common)> {
    let z = [0.0; 7];
    let one = |i: usize, v: f32| {
        let mut p = z;
        p[i] = v;
        p
    };
    let force = |arm: f32| [arm, 21_196.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    vec![
        (
            "forced disarming",
            command(MavCmd::MAV_CMD_COMPONENT_ARM_DISARM, force(0.0)),
        ),
        (
            "forced arming",
            command(MavCmd::MAV_CMD_COMPONENT_ARM_DISARM, force(1.0)),
        ),
        (
            "flight termination",
            command(MavCmd::MAV_CMD_DO_FLIGHTTERMINATION, one(0, 1.0)),
        ),
        (
            "motor test",
            command(MavCmd::MAV_CMD_DO_MOTOR_TEST, one(0, 1.0)),
        ),
        ("fence off", command(MavCmd::MAV_CMD_DO_FENCE_ENABLE, z)),
        (
            "fence off for a while",
            command(MavCmd::MAV_CMD_DO_FENCE_ENABLE, one(0, 2.0)),
        ),
        (
            "home set",
            command(MavCmd::MAV_CMD_DO_SET_HOME, one(0, 1.0)),
        ),
        (
            "reboot",
            command(MavCmd::MAV_CMD_PREFLIGHT_REBOOT_SHUTDOWN, one(0, 1.0)),
        ),
        (
            "storage",
            command(MavCmd::MAV_CMD_PREFLIGHT_STORAGE, one(0, 2.0)),
        ),
        (
            "calibration",
            command(MavCmd::MAV_CMD_PREFLIGHT_CALIBRATION, one(0, 1.0)),
        ),
        ("servo", command(MavCmd::MAV_CMD_DO_SET_SERVO, one(0, 1.0))),
        (
            "release",
            command(MavCmd::MAV_CMD_DO_SET_RELAY, one(0, 1.0)),
        ),
        (
            "roi with a jump",
            command(MavCmd::MAV_CMD_DO_JUMP, one(0, 3.0)),
        ),
        (
            "home by its own message",
            Common::SET_HOME_POSITION(c::SET_HOME_POSITION_DATA {
                target_system: 1,
                latitude: 277_000_000,
                ..c::SET_HOME_POSITION_DATA::default()
            }),
        ),
        (
            "origin",
            Common::SET_GPS_GLOBAL_ORIGIN(c::SET_GPS_GLOBAL_ORIGIN_DATA {
                target_system: 1,
                ..c::SET_GPS_GLOBAL_ORIGIN_DATA::default()
            }),
        ),
        (
            "sticks",
            Common::RC_CHANNELS_OVERRIDE(c::RC_CHANNELS_OVERRIDE_DATA {
                target_system: 1,
                target_component: 1,
                chan3_raw: 1_000,
                ..c::RC_CHANNELS_OVERRIDE_DATA::default()
            }),
        ),
        (
            "joystick",
            Common::MANUAL_CONTROL(c::MANUAL_CONTROL_DATA {
                target: 1,
                z: 0,
                ..c::MANUAL_CONTROL_DATA::default()
            }),
        ),
        (
            "invented GNSS",
            Common::GPS_INPUT(c::GPS_INPUT_DATA::default()),
        ),
        (
            "corrections",
            Common::GPS_RTCM_DATA(c::GPS_RTCM_DATA_DATA::default()),
        ),
        (
            "invented position",
            Common::VISION_POSITION_ESTIMATE(c::VISION_POSITION_ESTIMATE_DATA::default()),
        ),
        (
            "shell",
            Common::SERIAL_CONTROL(c::SERIAL_CONTROL_DATA {
                target_system: 1,
                target_component: 1,
                ..c::SERIAL_CONTROL_DATA::default()
            }),
        ),
        (
            "signing key",
            Common::SETUP_SIGNING(c::SETUP_SIGNING_DATA {
                target_system: 1,
                target_component: 1,
                ..c::SETUP_SIGNING_DATA::default()
            }),
        ),
        (
            "parameter",
            Common::PARAM_SET(c::PARAM_SET_DATA {
                param_value: 0.0,
                target_system: 1,
                target_component: 1,
                param_id: "GF_ACTION".into(),
                param_type: c::MavParamType::MAV_PARAM_TYPE_INT32,
            }),
        ),
        (
            "file written",
            Common::FILE_TRANSFER_PROTOCOL(c::FILE_TRANSFER_PROTOCOL_DATA {
                target_network: 0,
                target_system: 1,
                target_component: 1,
                payload: {
                    let mut p = [0u8; 251];
                    p[3] = 7;
                    p
                },
            }),
        ),
        (
            "setpoint",
            Common::SET_POSITION_TARGET_LOCAL_NED(c::SET_POSITION_TARGET_LOCAL_NED_DATA {
                target_system: 1,
                target_component: 1,
                ..c::SET_POSITION_TARGET_LOCAL_NED_DATA::default()
            }),
        ),
        (
            "attitude",
            Common::SET_ATTITUDE_TARGET(c::SET_ATTITUDE_TARGET_DATA {
                target_system: 1,
                target_component: 1,
                ..c::SET_ATTITUDE_TARGET_DATA::default()
            }),
        ),
    ]
}

/// Sends each from a station of its own, addressed to several components, and looks at what got through.
fn nothing_passes(s: &mut Stage) {
    let mut client = Stamper::new(STATION, 190);
    for (name, m) in forbidden() {
        let before = s.state.unwrap().refused_frames;
        s.passed.clear();
        let f = client.frame(m);
        s.bytes_to_companion(f.bytes());
        s.run(0.7);
        let passed: Vec<&Frame> = s
            .passed
            .iter()
            .filter(|f| f.header().system == STATION)
            // The answer to PARAM_SET is asked for in the station's name: a question.
            .filter(|f| f.header().msg_id != 20)
            .collect();
        assert!(
            passed.is_empty(),
            "{name} reached the autopilot: {passed:?}"
        );
        assert!(
            s.state.unwrap().refused_frames > before,
            "{name} was not counted"
        );
    }
    // Unknown to the dialect: refused by being unlisted. And for components that ArduPilot would obey all the same.
    for component in [0, 1, 25, 99, 191] {
        let mut p = [0u8; 33];
        p[28..30].copy_from_slice(&42_428u16.to_le_bytes());
        (p[30], p[31]) = (1, component);
        for id in [75, 76] {
            s.passed.clear();
            let f = client.raw(id, &p).unwrap();
            s.bytes_to_companion(f.bytes());
            s.run(0.1);
            assert!(!s.passed.iter().any(|f| f.header().system == STATION));
        }
    }
}

#[test]
fn on_the_ground_nothing_forbidden_passes() {
    for kind in [Kind::Px4, Kind::ArduPilot] {
        let mut s = Stage::new(kind);
        s.run(3.0);
        s.upload(&plan(None));
        // The stage's own station held control; it falls silent, so that the list is judged and not the holder.
        s.ground_silent = true;
        s.run(4.0);
        nothing_passes(&mut s);
    }
}

#[test]
fn in_the_air_nothing_forbidden_passes_and_the_patrol_goes_on() {
    let mut s = Stage::new(Kind::Px4);
    s.run(3.0);
    let p = plan(None);
    s.fly_to_patrol(&p);
    nothing_passes(&mut s);
    assert_eq!(s.phase(), Some(FlightPhase::Patrolling));
    assert!(s.fake.armed);
}

#[test]
fn a_second_station_is_told_who_holds_control_and_may_still_stop_the_aircraft() {
    let mut s = Stage::new(Kind::Px4);
    s.run(3.0);
    let p = plan(None);
    s.fly_to_patrol(&p);
    let mut other = Stamper::new(STATION, 190);
    let mut say = |s: &mut Stage, m: Common| {
        let f = other.frame(m);
        s.bytes_to_companion(f.bytes());
        s.run(0.3);
    };
    // An upload and a change of speed: refused, and both are told within the second.
    s.heard.clear();
    say(
        &mut s,
        Common::MISSION_COUNT(c::MISSION_COUNT_DATA {
            count: 2,
            target_system: 1,
            target_component: 1,
            mission_type: c::MavMissionType::MAV_MISSION_TYPE_MISSION,
            opaque_id: 0,
        }),
    );
    let denied = s.heard.iter().any(|f| f.header().msg_id == 47);
    assert!(denied, "the loser hears MISSION_ACK");
    say(
        &mut s,
        command(
            MavCmd::MAV_CMD_DO_CHANGE_SPEED,
            [1.0, 3.0, -1.0, 0.0, 0.0, 0.0, 0.0],
        ),
    );
    assert!(
        s.said
            .iter()
            .any(|t| t.starts_with("Control: 255 on line 0 has it, 252")),
        "{:?}",
        s.said
    );
    assert!(!s.fake.commands.iter().any(|c| c.0 == 178 && c.1[1] == 3.0));
    // It may hold it.
    say(
        &mut s,
        command(
            MavCmd::MAV_CMD_DO_SET_MODE,
            [1.0, 4.0, 3.0, 0.0, 0.0, 0.0, 0.0],
        ),
    );
    s.until("holding", 5.0, |s| s.phase() == Some(FlightPhase::Holding));
    // The holder still orders.
    let id = s.order(OrderKind::Return);
    s.until("done or accepted", 10.0, |s| {
        matches!(s.fate(id), Some(OrderFate::Accepted | OrderFate::Done))
    });
}
