//! What the autopilot does by itself when something is wrong: fence, station, battery; and disarming for idleness.

use super::modes::Mode;
use super::{Aircraft, AutopilotKind};
use crate::vehicle::guide::Order;
use link::common::MavSeverity as S;
use missions::plane::EastNorth;
use std::time::Duration;

/// As the autopilot judges its battery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum BatteryLevel {
    Fine,
    Low,
    Critical,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BatteryAct {
    Warn,
    Return,
    Land,
}

impl Aircraft {
    /// Failsafes, 20 Hz.
    pub(crate) fn watch(&mut self) {
        if !self.flight.armed || self.body.on_ground {
            self.idle_disarm();
            return;
        }
        self.watch_fence();
        self.watch_station();
        self.watch_battery();
        if let Some(t) = self.flight.hold_then_return
            && self.now >= t
        {
            self.flight.hold_then_return = None;
            self.set_mode(Mode::Return);
        }
    }

    /// Armed on the ground and nothing happens: motors off again after ten seconds.
    fn idle_disarm(&mut self) {
        if self.flight.armed
            && self.body.on_ground
            && matches!(self.flight.order, Order::Brake)
            && !matches!(self.flight.mode, Mode::Land | Mode::Return)
        {
            let since = *self.flight.landed_since.get_or_insert(self.now);
            if self.now.since(since) >= Duration::from_secs(10) {
                self.disarm();
                self.say(S::MAV_SEVERITY_INFO, "Disarmed by auto preflight disarming");
            }
        } else if self.flight.armed && !self.body.on_ground {
            self.flight.landed_since = None;
        }
    }

    fn watch_fence(&mut self) {
        if !self.fence_on() {
            self.flight.breached = false;
            return;
        }
        let e = self.estimate();
        let p = EastNorth::new(e.position.y, e.position.x);
        let above_m = -e.position.z;
        let ceiling = match self.kind {
            AutopilotKind::ArduPilot => (self.params.get("FENCE_TYPE") as u32 & 1 != 0)
                .then(|| self.params.get("FENCE_ALT_MAX")),
            AutopilotKind::Px4 => Some(self.params.get("GF_MAX_VER_DIST")).filter(|v| *v > 0.0),
        };
        let circle = match self.kind {
            AutopilotKind::ArduPilot => (self.params.get("FENCE_TYPE") as u32 & 2 != 0)
                .then(|| self.params.get("FENCE_RADIUS")),
            AutopilotKind::Px4 => Some(self.params.get("GF_MAX_HOR_DIST")).filter(|v| *v > 0.0),
        };
        let polygons =
            self.kind == AutopilotKind::Px4 || self.params.get("FENCE_TYPE") as u32 & 4 != 0;
        let out = (polygons && !self.fence.allows(p))
            || ceiling.is_some_and(|c| above_m > c)
            || circle.is_some_and(|r| p.east_m.hypot(p.north_m) > r);
        if !out {
            if self.flight.breached && self.kind == AutopilotKind::ArduPilot {
                self.say(S::MAV_SEVERITY_INFO, "Fence breach cleared");
            }
            self.flight.breached = false;
            return;
        }
        if self.flight.breached {
            return;
        }
        self.flight.breached = true;
        self.flight.breached_ceiling = ceiling.is_some_and(|c| above_m > c);
        self.flight.breach_count = self.flight.breach_count.saturating_add(1);
        self.flight.breach_ms = (self.now.0 / 1000) as u32;
        match self.kind {
            AutopilotKind::ArduPilot => {
                self.stream_fence_status();
                let what = if self.flight.breached_ceiling {
                    "Max Alt fence breached"
                } else {
                    "Polygon fence breached"
                };
                self.say(S::MAV_SEVERITY_WARNING, what);
                // No failsafe in its heartbeat, as captured: only the mode tells.
                if self.params.get("FENCE_ACTION") != 0.0
                    && !matches!(self.flight.mode, Mode::Return | Mode::Land)
                {
                    self.set_mode(Mode::Return);
                }
            }
            AutopilotKind::Px4 => {
                self.say(
                    S::MAV_SEVERITY_CRITICAL,
                    "Geofence violation: approaching or outside",
                );
                match self.params.get("GF_ACTION") as i32 {
                    2 if !matches!(self.flight.mode, Mode::Return | Mode::Land) => {
                        self.flight.failsafe = true;
                        self.set_mode(Mode::Hold);
                    }
                    3 if !matches!(self.flight.mode, Mode::Return | Mode::Land) => {
                        // Hold for COM_FAIL_ACT_T, then return.
                        self.flight.failsafe = true;
                        let wait = self.params.get("COM_FAIL_ACT_T").clamp(0.0, 25.0);
                        self.set_mode(Mode::Hold);
                        self.flight.hold_then_return =
                            Some(self.now.after(Duration::from_secs_f64(wait)));
                    }
                    _ => {}
                }
            }
        }
    }

    fn watch_station(&mut self) {
        let Some(last) = self.last_gcs else { return };
        let (timeout, act) = match self.kind {
            AutopilotKind::ArduPilot => (
                self.params.get("FS_GCS_TIMEOUT"),
                self.params.get("FS_GCS_ENABLE") != 0.0,
            ),
            AutopilotKind::Px4 => (
                self.params.get("COM_DL_LOSS_T"),
                self.params.get("NAV_DLL_ACT") != 0.0,
            ),
        };
        if !act
            || !self.gcs_seen_armed
            || self.now.since(last) < Duration::from_secs_f64(timeout.clamp(1.0, 120.0))
        {
            return;
        }
        if self.flight.failsafe || matches!(self.flight.mode, Mode::Return | Mode::Land) {
            return;
        }
        self.flight.failsafe = true;
        match self.kind {
            AutopilotKind::ArduPilot => {
                self.say(S::MAV_SEVERITY_WARNING, "GCS Failsafe");
                self.set_mode(Mode::Return);
            }
            AutopilotKind::Px4 => {
                self.say(
                    S::MAV_SEVERITY_CRITICAL,
                    "Failsafe activated: GCS connection lost",
                );
                let wait = self.params.get("COM_FAIL_ACT_T").clamp(0.0, 25.0);
                self.set_mode(Mode::Hold);
                self.flight.hold_then_return = Some(self.now.after(Duration::from_secs_f64(wait)));
            }
        }
    }

    /// How low the battery is by the autopilot's own thresholds, and what it is set to do then.
    fn battery_level(&self) -> (BatteryLevel, BatteryAct) {
        let b = &self.body.battery;
        match self.kind {
            AutopilotKind::ArduPilot => {
                let left_mah = self.params.get("BATT_CAPACITY") - b.used_mah();
                let below = |volts: &str, mah: &str| {
                    let (volts, mah) = (self.params.get(volts), self.params.get(mah));
                    (volts > 0.0 && b.voltage_v() < volts) || (mah > 0.0 && left_mah < mah)
                };
                let act = |name: &str| match self.params.get(name) as i32 {
                    0 => BatteryAct::Warn,
                    2 | 3 => BatteryAct::Return,
                    _ => BatteryAct::Land,
                };
                if below("BATT_CRT_VOLT", "BATT_CRT_MAH") {
                    (BatteryLevel::Critical, act("BATT_FS_CRT_ACT"))
                } else if below("BATT_LOW_VOLT", "BATT_LOW_MAH") {
                    (BatteryLevel::Low, act("BATT_FS_LOW_ACT"))
                } else {
                    (BatteryLevel::Fine, BatteryAct::Warn)
                }
            }
            AutopilotKind::Px4 => {
                // COM_LOW_BAT_ACT: 0 warn, 2 land when critical, 3 return when critical and land in an emergency.
                let act = self.params.get("COM_LOW_BAT_ACT") as i32;
                let left = b.fraction();
                if left < self.params.get("BAT_EMERGEN_THR") {
                    (
                        BatteryLevel::Critical,
                        if act == 0 {
                            BatteryAct::Warn
                        } else {
                            BatteryAct::Land
                        },
                    )
                } else if left < self.params.get("BAT_CRIT_THR") {
                    let act = match act {
                        0 => BatteryAct::Warn,
                        3 => BatteryAct::Return,
                        _ => BatteryAct::Land,
                    };
                    (BatteryLevel::Low, act)
                } else {
                    (BatteryLevel::Fine, BatteryAct::Warn)
                }
            }
        }
    }

    fn watch_battery(&mut self) {
        let (level, act) = self.battery_level();
        // A level is answered once; a sagging voltage that recovers takes nothing back.
        if level <= self.flight.battery_answered {
            return;
        }
        self.flight.battery_answered = level;
        self.say(
            S::MAV_SEVERITY_CRITICAL,
            if level == BatteryLevel::Critical {
                "Battery critical"
            } else {
                "Battery low"
            },
        );
        match act {
            BatteryAct::Warn => {}
            BatteryAct::Return if self.flight.mode != Mode::Land => {
                self.flight.failsafe = true;
                self.set_mode(Mode::Return);
            }
            BatteryAct::Return => {}
            BatteryAct::Land => {
                self.flight.failsafe = true;
                self.set_mode(Mode::Land);
            }
        }
    }
}
