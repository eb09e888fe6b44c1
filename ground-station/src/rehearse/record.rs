//! A headless flight's files: what the recorder writes, and the summary beside it.

use super::{officer::Deed, rig::Rig, summary::Summary};
use crate::{
    desk::Answer,
    record::{Recorder, RecorderSetup},
};
use anyhow::Context;
use missions::{plan::PatrolPlan, time::Utc, venue::Venue};
use std::path::{Path, PathBuf};

/// The files of one flight in virtual time.
pub struct Recording {
    dir: PathBuf,
    recorder: Recorder,
}

impl Recording {
    /// Creates the folder and begins.
    ///
    /// # Errors
    /// When the files cannot be made.
    pub fn begin(dir: &Path, venue: &Venue, plan: &PatrolPlan) -> anyhow::Result<Self> {
        std::fs::create_dir_all(dir)
            .with_context(|| format!("creating the folder {}", dir.display()))?;
        let mut recorder = Recorder::create(RecorderSetup {
            dir: dir.to_owned(),
            venue: venue.clone(),
            rerun: None,
            rrd: true,
        })?;
        recorder.plan(plan);
        Ok(Recording {
            dir: dir.to_owned(),
            recorder,
        })
    }

    /// Fetches what the ground heard and what the desk told.
    pub fn take(&mut self, rig: &mut Rig) {
        for (utc, bytes) in rig.take_heard() {
            self.recorder.frame(utc, &bytes);
        }
        for event in rig.take_events() {
            self.recorder.event(&event, rig.desk());
        }
    }

    /// What the officer did.
    pub fn deed(&mut self, utc: Utc, deed: &Deed, answer: &Answer) {
        if let Deed::Intent(intent) = deed {
            self.recorder.intent(utc, intent, answer);
        }
    }

    /// Writes the summary and closes everything; returns what went wrong on the way.
    ///
    /// # Errors
    /// When a file cannot be finished.
    pub fn finish(self, summary: &Summary) -> anyhow::Result<Vec<String>> {
        let faults = self.recorder.finish()?;
        let file = self.dir.join("summary.json");
        std::fs::write(&file, serde_json::to_vec_pretty(summary)?)
            .with_context(|| format!("writing {}", file.display()))?;
        Ok(faults)
    }
}
