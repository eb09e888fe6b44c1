//! Parameters: the ones ground stations and companions ask for, with the real autopilots' names, types and defaults.
//!
//! Facts from full lists read off ArduCopter 4.7 and PX4 1.15. PX4 sends an INT32's bits in the float field,
//! ArduPilot casts (mavlink.io, parameter protocol, "encoding").

use super::AutopilotKind;
use link::common::MavParamType;
use std::collections::BTreeMap;

/// A value with its type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Param {
    /// Value.
    pub value: f64,
    /// MAV_PARAM_TYPE.
    pub kind: MavParamType,
}

use MavParamType::{
    MAV_PARAM_TYPE_INT8 as I8, MAV_PARAM_TYPE_INT16 as I16, MAV_PARAM_TYPE_INT32 as I32,
    MAV_PARAM_TYPE_REAL32 as F32,
};

const COPTER: &[(&str, f64, MavParamType)] = &[
    ("ARMING_CHECK", 1.0, I32),
    ("BATT_CAPACITY", 10_000.0, I32),
    ("BATT_CRT_MAH", 0.0, F32),
    ("BATT_CRT_VOLT", 0.0, F32),
    ("BATT_FS_CRT_ACT", 0.0, I8),
    ("BATT_FS_LOW_ACT", 0.0, I8),
    ("BATT_LOW_MAH", 0.0, F32),
    ("BATT_LOW_VOLT", 10.5, F32),
    ("BATT_MONITOR", 4.0, I8),
    ("FENCE_ACTION", 1.0, I8),
    ("FENCE_ALT_MAX", 100.0, F32),
    ("FENCE_ALT_MIN", -10.0, F32),
    ("FENCE_AUTOENABLE", 0.0, I8),
    ("FENCE_ENABLE", 0.0, I8),
    ("FENCE_MARGIN", 2.0, F32),
    ("FENCE_OPTIONS", 0.0, I16),
    ("FENCE_RADIUS", 150.0, F32),
    ("FENCE_TOTAL", 0.0, I8),
    ("FENCE_TYPE", 7.0, I8),
    ("FORMAT_VERSION", 120.0, I16),
    ("FS_CRASH_CHECK", 1.0, I8),
    ("FS_EKF_ACTION", 1.0, I8),
    ("FS_GCS_ENABLE", 0.0, I8),
    ("FS_GCS_TIMEOUT", 5.0, F32),
    ("FS_OPTIONS", 16.0, I32),
    ("FS_THR_ENABLE", 1.0, I8),
    ("GUID_OPTIONS", 0.0, I32),
    ("GUID_TIMEOUT", 3.0, F32),
    ("LAND_SPEED", 50.0, I16),
    ("LAND_SPEED_HIGH", 0.0, I16),
    ("MAV_GCS_SYSID", 255.0, I16),
    ("MAV_SYSID", 1.0, I16),
    ("MIS_OPTIONS", 0.0, I16),
    ("MIS_RESTART", 0.0, I8),
    ("MIS_TOTAL", 1.0, I16),
    ("RALLY_INCL_HOME", 1.0, I8),
    ("RALLY_LIMIT_KM", 0.3, F32),
    ("RALLY_TOTAL", 0.0, I8),
    ("RTL_ALT", 1500.0, I32),
    ("RTL_ALT_FINAL", 0.0, I16),
    ("RTL_ALT_TYPE", 0.0, I8),
    ("RTL_CLIMB_MIN", 0.0, I16),
    ("RTL_CONE_SLOPE", 3.0, F32),
    ("RTL_LOIT_TIME", 5000.0, I32),
    ("RTL_OPTIONS", 0.0, I32),
    ("RTL_SPEED", 0.0, I16),
    ("WPNAV_ACCEL", 250.0, F32),
    ("WPNAV_ACCEL_Z", 100.0, F32),
    ("WPNAV_JERK", 1.0, F32),
    ("WPNAV_RADIUS", 200.0, F32),
    ("WPNAV_SPEED", 1000.0, F32),
    ("WPNAV_SPEED_DN", 150.0, F32),
    ("WPNAV_SPEED_UP", 250.0, F32),
    ("WP_YAW_BEHAVIOR", 2.0, I8),
];

const PX4: &[(&str, f64, MavParamType)] = &[
    ("BAT_CRIT_THR", 0.07, F32),
    ("BAT_EMERGEN_THR", 0.05, F32),
    ("BAT_LOW_THR", 0.15, F32),
    ("COM_ARM_WO_GPS", 1.0, I32),
    ("COM_DISARM_LAND", 2.0, F32),
    ("COM_DL_LOSS_T", 10.0, I32),
    ("COM_FAIL_ACT_T", 5.0, F32),
    ("COM_LOW_BAT_ACT", 2.0, I32),
    ("COM_OBC_LOSS_T", 5.0, F32),
    ("COM_OBL_RC_ACT", 0.0, I32),
    ("COM_OF_LOSS_T", 0.5, F32),
    ("COM_RCL_EXCEPT", 0.0, I32),
    ("COM_RC_IN_MODE", 1.0, I32),
    ("COM_RC_LOSS_T", 0.5, F32),
    ("GF_ACTION", 2.0, I32),
    ("GF_MAX_HOR_DIST", 0.0, F32),
    ("GF_MAX_VER_DIST", 0.0, F32),
    ("GF_PREDICT", 0.0, I32),
    ("GF_SOURCE", 0.0, I32),
    ("MAV_SYS_ID", 1.0, I32),
    ("MAV_TYPE", 2.0, I32),
    ("MIS_DIST_1WP", 900.0, F32),
    ("MIS_TAKEOFF_ALT", 2.5, F32),
    ("MPC_ACC_HOR", 3.0, F32),
    ("MPC_ACC_UP_MAX", 4.0, F32),
    ("MPC_JERK_AUTO", 4.0, F32),
    ("MPC_LAND_SPEED", 0.7, F32),
    ("MPC_TKO_SPEED", 1.5, F32),
    ("MPC_XY_CRUISE", 5.0, F32),
    ("MPC_XY_ERR_MAX", 2.0, F32),
    ("MPC_XY_VEL_MAX", 12.0, F32),
    ("MPC_Z_V_AUTO_DN", 1.5, F32),
    ("MPC_Z_V_AUTO_UP", 3.0, F32),
    ("NAV_ACC_RAD", 2.0, F32),
    ("NAV_DLL_ACT", 0.0, I32),
    ("NAV_RCL_ACT", 2.0, I32),
    ("RTL_CONE_ANG", 45.0, I32),
    ("RTL_DESCEND_ALT", 10.0, F32),
    ("RTL_LAND_DELAY", 0.0, F32),
    ("RTL_MIN_DIST", 10.0, F32),
    ("RTL_RETURN_ALT", 30.0, F32),
    ("RTL_TYPE", 0.0, I32),
    ("SYS_AUTOSTART", 10_040.0, I32),
];

/// All parameters of one autopilot, in the order of their indices (by name).
#[derive(Clone, Debug)]
pub struct Params {
    kind: AutopilotKind,
    all: BTreeMap<&'static str, Param>,
    /// Goes up with every change.
    version: u64,
}

impl Params {
    /// Defaults.
    #[must_use]
    pub fn new(kind: AutopilotKind, system_id: u8) -> Self {
        let table = match kind {
            AutopilotKind::Px4 => PX4,
            AutopilotKind::ArduPilot => COPTER,
        };
        let mut all: BTreeMap<&'static str, Param> = table
            .iter()
            .map(|(n, v, k)| {
                (
                    *n,
                    Param {
                        value: *v,
                        kind: *k,
                    },
                )
            })
            .collect();
        for id in ["MAV_SYSID", "MAV_SYS_ID"] {
            if let Some(p) = all.get_mut(id) {
                p.value = f64::from(system_id);
            }
        }
        Params {
            kind,
            all,
            version: 1,
        }
    }
    /// A value; 0 where the dialect has no such parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> f64 {
        self.all.get(name).map_or(0.0, |p| p.value)
    }
    /// A number that changes with every change: what is read at every step may be kept until then.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }
    /// Number of parameters.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }
    /// By name: index, name, value on the wire, type.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<(usize, &'static str, f32, MavParamType)> {
        let i = self.all.keys().position(|k| *k == name)?;
        self.by_index(i)
    }
    /// By index.
    #[must_use]
    pub fn by_index(&self, index: usize) -> Option<(usize, &'static str, f32, MavParamType)> {
        let (name, p) = self.all.iter().nth(index)?;
        Some((index, name, self.to_wire(*p), p.kind))
    }
    fn to_wire(&self, p: Param) -> f32 {
        if self.kind == AutopilotKind::Px4 && p.kind == I32 {
            f32::from_bits((p.value as i32).cast_unsigned())
        } else {
            p.value as f32
        }
    }
    /// Sets from the wire; `false` for unknown names and values that are none.
    pub fn set_from_wire(&mut self, name: &str, value: f32) -> bool {
        let px4 = self.kind == AutopilotKind::Px4;
        let Some(p) = self.all.get_mut(name) else {
            return false;
        };
        let v = if px4 && p.kind == I32 {
            f64::from(value.to_bits().cast_signed())
        } else if p.kind == F32 {
            f64::from(value)
        } else {
            f64::from(value.round())
        };
        if !v.is_finite() {
            return false;
        }
        p.value = v;
        self.version += 1;
        true
    }
    /// Sets from inside (totals).
    pub fn set(&mut self, name: &str, value: f64) {
        if let Some(p) = self.all.get_mut(name) {
            p.value = value;
            self.version += 1;
        }
    }
}
