//! What a simulation is made of: read from TOML; the shipped ones are embedded in the binary.
//!
//! Sections: `name`, `start_utc`; `[wind]` ([`WindSpec`]: a mean and Dryden gusts); `[radio]` ([`RadioSpec`]: loss, bursts
//! after Gilbert-Elliott, delay, jitter, reordering, duplicates, corruption, serialisation); `[staging]`; `[camera]`; and
//! any number of `[[fault]]` ([`crate::fault`]: what fails, and when). An unknown word anywhere is refused.

use crate::{
    fault::Planned,
    radio::RadioSpec,
    site::{SiteError, utc_us_from_rfc3339},
    vehicle::AirframeSpec,
    world::wind::WindSpec,
};
use missions::time::Utc;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a scenario cannot be run.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// Not the TOML that is asked for.
    #[error("scenario: {0}")]
    NotReadable(#[from] toml::de::Error),
    /// Numbers that make no world.
    #[error("scenario: {0}")]
    Senseless(&'static str),
    /// Numbers that make no radio.
    #[error("scenario: {0}")]
    Radio(String),
    /// More faults than a scenario may have.
    #[error("scenario: {0} faults, {MAX_FAULTS} at most")]
    TooManyFaults(usize),
    /// A bad start time.
    #[error("scenario: {0}")]
    BadTime(#[from] SiteError),
}

/// How much the director stages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Staging {
    /// Anomalies a flight, at least and at most.
    pub anomalies: (u32, u32),
    /// Warm bonnets a flight, at least and at most.
    pub bonnets: (u32, u32),
    /// People in every crowd area.
    pub spectators: u32,
    /// Serial number our own aircraft broadcasts; `None`: it does not.
    pub own_remote_id: Option<String>,
    /// Serial number of a drone of the show that is on the roster; `None`: there is none.
    pub roster_drone: Option<String>,
    /// Spectators who break through the barrier together, from a crowd area into a watch zone; 0: none do.
    #[serde(default)]
    pub surge: u32,
}

/// The thermal camera.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CameraSpec {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Focal length, pixels.
    pub focal_px: f64,
    /// Frames a second.
    pub rate_hz: f64,
    /// Noise-equivalent temperature difference, kelvin (one sigma).
    pub noise_k: f64,
}

impl CameraSpec {
    /// Half the picture's narrower side as a share of the height it is taken from.
    #[must_use]
    pub fn half_view(&self) -> f64 {
        f64::from(self.width.min(self.height)) / 2.0 / self.focal_px
    }
}

/// A scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Name.
    pub name: String,
    /// When it begins, RFC 3339.
    pub start_utc: String,
    /// Wind.
    pub wind: WindSpec,
    /// Radio, each way.
    pub radio: RadioSpec,
    /// What is staged.
    pub staging: Staging,
    /// The camera.
    pub camera: CameraSpec,
    /// The airframe; absent: the quadrotor of the 2 kg class.
    #[serde(default)]
    pub airframe: Option<AirframeSpec>,
    /// What fails.
    #[serde(default, rename = "fault")]
    pub faults: Vec<Planned>,
}

/// Faults a scenario may have.
const MAX_FAULTS: usize = 10_000;

impl Scenario {
    /// The shipped evening over the Sixi River.
    ///
    /// # Errors
    /// Never in a tested build: the embedded file is read by a test.
    pub fn sixi() -> Result<Scenario, ScenarioError> {
        Scenario::from_toml(include_str!("../scenarios/sixi.toml"))
    }

    /// Reads and checks a scenario.
    ///
    /// # Errors
    /// [`ScenarioError`].
    pub fn from_toml(text: &str) -> Result<Scenario, ScenarioError> {
        let s: Scenario = toml::from_str(text)?;
        s.start()?;
        s.radio.check().map_err(ScenarioError::Radio)?;
        if s.faults.len() > MAX_FAULTS {
            return Err(ScenarioError::TooManyFaults(s.faults.len()));
        }
        if s.camera.width < 16
            || s.camera.height < 16
            || s.camera.width > 2048
            || s.camera.height > 2048
            || s.camera.focal_px.is_nan()
            || s.camera.focal_px <= 1.0
            || !(s.camera.rate_hz > 0.0 && s.camera.rate_hz <= 30.0)
            || s.camera.noise_k.is_nan()
            || s.camera.noise_k < 0.0
        {
            return Err(ScenarioError::Senseless(
                "camera: 16..2048 pixels, focal_px > 1, rate_hz 0..30, noise_k >= 0",
            ));
        }
        let (lo, hi) = s.wind.mean_mps;
        let from_deg = s.wind.from_deg.unwrap_or(0.0);
        let sane = lo >= 0.0 && hi >= lo && hi <= 40.0 && s.wind.gusts >= 0.0;
        if !sane || !from_deg.is_finite() {
            return Err(ScenarioError::Senseless(
                "wind: mean_mps = [least, most] between 0 and 40, gusts >= 0, from_deg a direction",
            ));
        }
        Ok(s)
    }

    /// When it begins.
    ///
    /// # Errors
    /// [`ScenarioError::BadTime`].
    pub fn start(&self) -> Result<Utc, ScenarioError> {
        Ok(Utc(utc_us_from_rfc3339(&self.start_utc)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_scenario_is_read_and_begins_during_the_show() {
        let s = Scenario::sixi().unwrap();
        assert_eq!(s.start().unwrap(), Utc(1_790_856_120_000_000));
        assert!(s.staging.anomalies.0 >= 2 && s.staging.bonnets.0 >= 1);
    }

    #[test]
    fn the_shipped_example_of_faults_is_read() {
        let s = Scenario::from_toml(include_str!("../scenarios/rough.toml")).unwrap();
        assert!(s.faults.len() >= 7 && s.radio.burst.is_some());
        assert!(s.faults.iter().any(|f| f.fault.is_of_the_world()));
    }

    #[test]
    fn nonsense_is_refused() {
        let good = include_str!("../scenarios/sixi.toml");
        for (from, to) in [
            ("loss = 0.01", "loss = 1.5"),
            ("width = 320", "width = 3"),
            ("focal_px = 343.0", "focal_px = nan"),
            ("2026-10-01T12:02:00Z", "tomorrow"),
            ("gusts = 1.0", "gust = 1.0"),
            ("jitter_ms = 20.0", "jitter_ms = -1.0"),
            ("[camera]", "[[fault]]\nwhat = 'cut'\n[camera]"),
        ] {
            assert!(good.contains(from));
            assert!(
                Scenario::from_toml(&good.replace(from, to)).is_err(),
                "{to}"
            );
        }
    }
}
