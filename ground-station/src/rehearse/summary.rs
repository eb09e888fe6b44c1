//! What a headless flight came to, and which bounds it kept.

use serde::{Deserialize, Serialize};

/// An anomaly's place may be off by this much, metres.
pub const LOCATION_BOUND_M: f64 = 15.0;
/// Decoys a flight must meet.
pub const LEAST_DECOYS: u32 = 2;
/// Anomalies a flight must meet, at least and at most.
pub const STAGED: (u32, u32) = (2, 4);

/// `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Seed.
    #[serde(default)]
    pub seed: u64,
    /// `px4` or `ardupilot`.
    #[serde(rename = "as")]
    pub autopilot: String,
    /// Loss of the radio, each way.
    pub loss: f64,
    /// Whether every place of the plan was flown in order and the aircraft came to rest at home (by the oracle).
    pub complete: bool,
    /// Places of the plan flown, and all of them.
    pub places: (u32, u32),
    /// Least true distance to a fence element while in the air, metres (by the oracle); `None` = never flew.
    pub min_clearance_m: Option<f64>,
    /// Zone that distance is to.
    pub min_clearance_zone: String,
    /// Things staged that had to be reported.
    pub staged: u32,
    /// Of those, reported to the officer.
    pub delivered: u32,
    /// Of those, reported more than once.
    pub doubled: u32,
    /// Anomalies the aircraft stored.
    pub stored: u32,
    /// Of those, receipted by the ground and known so aboard.
    pub receipted: u32,
    /// Reports about decoys, spectators or nothing.
    pub false_alarms: u32,
    /// Decoys staged.
    pub decoys: u32,
    /// Anomalies on the ground with their whole picture, hash equal.
    pub pictures: u32,
    /// Worst distance between a report and the truth, metres.
    pub location_error_m: f64,
    /// Flight time by the world's clock, seconds.
    pub flight_s: f64,
    /// Simulated seconds, from the start to the end of the run.
    pub simulated_s: f64,
    /// Simulated seconds a real second.
    pub real_time_factor: f64,
    /// SHA-256 over all frames on all links with their times.
    pub trace_hash: String,
    /// Pieces hashed.
    pub trace_pieces: u64,
    /// Faults in plain words; empty when all is well.
    pub faults: Vec<String>,
}

impl Summary {
    /// Which bounds this flight missed, in plain words.
    #[must_use]
    pub fn missed(&self) -> Vec<String> {
        let mut out = Vec::new();
        let mut bound = |kept: bool, words: String| {
            if !kept {
                out.push(words);
            }
        };
        bound(
            self.complete,
            format!(
                "the plan was not flown: {} of {} places, then at rest at home",
                self.places.0, self.places.1
            ),
        );
        match self.min_clearance_m {
            Some(m) => bound(
                m > 0.0,
                format!(
                    "the aircraft left the fence at `{}` by {:.1} m",
                    self.min_clearance_zone, -m
                ),
            ),
            None => bound(false, "the aircraft never flew".into()),
        }
        bound(
            (STAGED.0..=STAGED.1).contains(&self.staged),
            format!("{} anomalies were staged, 2..4 wanted", self.staged),
        );
        bound(
            self.delivered == self.staged,
            format!("{} of {} anomalies arrived", self.delivered, self.staged),
        );
        bound(
            self.doubled == 0,
            format!("{} anomalies arrived more than once", self.doubled),
        );
        bound(
            self.receipted == self.stored,
            format!(
                "{} of {} stored anomalies were receipted",
                self.receipted, self.stored
            ),
        );
        bound(
            self.false_alarms == 0,
            format!("{} false alarms", self.false_alarms),
        );
        bound(
            self.decoys >= LEAST_DECOYS,
            format!("{} decoys were staged, 2 wanted", self.decoys),
        );
        bound(
            self.location_error_m <= LOCATION_BOUND_M,
            format!("an anomaly was placed {:.1} m off", self.location_error_m),
        );
        out
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn good() -> Summary {
        Summary {
            seed: 7,
            autopilot: "px4".into(),
            loss: 0.01,
            complete: true,
            places: (20, 20),
            min_clearance_m: Some(11.0),
            min_clearance_zone: "boundary".into(),
            staged: 3,
            delivered: 3,
            doubled: 0,
            stored: 3,
            receipted: 3,
            false_alarms: 0,
            decoys: 3,
            pictures: 3,
            location_error_m: 4.0,
            flight_s: 600.0,
            simulated_s: 640.0,
            real_time_factor: 120.0,
            trace_hash: "00".into(),
            trace_pieces: 1,
            faults: vec![],
        }
    }

    #[test]
    fn a_good_flight_misses_nothing_and_each_fault_is_named() {
        assert_eq!(good().missed(), Vec::<String>::new());
        let faults: [fn(&mut Summary); 10] = [
            |s| s.complete = false,
            |s| s.min_clearance_m = Some(-0.1),
            |s| s.min_clearance_m = None,
            |s| s.staged = 1,
            |s| s.delivered = 2,
            |s| s.doubled = 1,
            |s| s.receipted = 2,
            |s| s.false_alarms = 1,
            |s| s.decoys = 1,
            |s| s.location_error_m = 15.1,
        ];
        for (i, spoil) in faults.into_iter().enumerate() {
            let mut s = good();
            spoil(&mut s);
            assert!(!s.missed().is_empty(), "fault {i}");
        }
    }
}
