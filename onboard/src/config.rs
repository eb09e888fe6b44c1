//! What a person may set about the companion, already resolved. Parsing files, environment and flags is the shell's.

use link::signing::Trust;
use serde::{Deserialize, Serialize};

/// Whether the guard may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardSwitch {
    /// Watches and acts.
    On,
    /// Watches only. Refused unless the autopilot says that it is our simulator: this is the control run which shows that
    /// the oracle would see an escape.
    Off,
}

/// Settings of the core.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many ground ports there are.
    pub ground_ports: u8,
    /// What each ground line carries, bytes a second, in the order of the lines; 0 or absent: no limit. A serial line
    /// has the rate of its baud unless this says otherwise.
    pub ground_bytes_per_s: Vec<u32>,
    /// Which station each ground line leads to, in the order of the lines: lines of the same number are several ways to one
    /// station, which is heard once over all of them and has big things sent over the best. Absent: each line its own.
    pub ground_station: Vec<u8>,
    /// How far each ground line is trusted, in the order of the lines; absent: a laboratory's cable. The program says it
    /// of every line.
    pub ground_trust: Vec<Trust>,
    /// Guard.
    pub guard: GuardSwitch,
    /// Identity a *new* anomaly store gets; an existing store keeps its own. The shell draws it, a test fixes it.
    pub new_store_id: u64,
    /// Rules file for the eyes (TOML); empty: the rules built in.
    pub eyes_rules: String,
    /// Remote ID serial number that our own aircraft broadcasts, where the autopilot does not tell it; empty: none.
    pub own_remote_id: String,
    /// Ground silent for longer than this is link loss, seconds. The plan's action must have begun 3 s after the link
    /// broke, the last frame's time in the air and the command's way to the autopilot included; 22 keep-alives in a row
    /// must still be lost for a false alarm.
    pub link_loss_s: f64,
    /// Ceiling above home of a fence that came without one (QGroundControl's polygons carry no height), metres.
    pub ceiling_above_home_m: f64,
    /// Most horizontal position error (one sigma) to start with, metres.
    pub max_position_error_m: f64,
    /// Fewest satellites to start with.
    pub min_satellites: u8,
    /// Strongest wind to start in, m/s.
    pub max_wind_mps: f64,
    /// Home as the autopilot has it may lie this far from the plan's, metres.
    pub max_home_offset_m: f64,
    /// Whether a launch needs our own Remote ID to have been heard.
    pub require_own_remote_id: bool,
    /// Bytes a second that pictures and previews may take on each ground port.
    pub bulk_bytes_per_s: u32,
    /// Whether previews of the camera are sent to the ground.
    pub previews: bool,
    /// Most that the companion's own logs may take of the store's disk, all together, MB; 0: no log is kept. Beyond it
    /// nothing more is logged, and the ground is told: logs never take the room of anomalies, and are never deleted here.
    pub log_most_mb: u32,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            ground_ports: 1,
            ground_bytes_per_s: Vec::new(),
            ground_station: Vec::new(),
            ground_trust: Vec::new(),
            guard: GuardSwitch::On,
            new_store_id: 1,
            eyes_rules: String::new(),
            own_remote_id: String::new(),
            link_loss_s: 2.85,
            ceiling_above_home_m: 120.0,
            max_position_error_m: 3.0,
            min_satellites: 6,
            max_wind_mps: 10.0,
            max_home_offset_m: 15.0,
            require_own_remote_id: false,
            bulk_bytes_per_s: 24_000,
            previews: true,
            log_most_mb: 4_096,
        }
    }
}
