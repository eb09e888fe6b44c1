//! A headless flight's files: what the recorder writes, and the summary beside it.

use super::{officer::Deed, rig::Rig, summary::Summary};
use crate::{
    desk::{Answer, DeskEvent, DeskIn},
    evidence::{
        chain::{ClockReading, ClockSource, Head},
        io::{Syncing, seal_folder},
        key::Signer,
    },
    record::{Recorder, RecorderSetup, fresh},
};
use anyhow::Context;
use missions::{
    plan::PatrolPlan,
    time::{Reading, Utc},
    venue::Venue,
};
use std::path::{Path, PathBuf};

/// Folder of the companion's own log, in the flight's.
const ABOARD: &str = "aboard";

/// The files of one flight in virtual time.
pub struct Recording {
    dir: PathBuf,
    signer: Signer,
    recorder: Recorder,
    /// The head that the desk was told last.
    told: Option<Head>,
}

impl Recording {
    /// Creates the folder and begins; beside it, when there is a recording in it.
    ///
    /// # Errors
    /// When the files cannot be made.
    pub fn begin(
        dir: &Path,
        venue: &Venue,
        plan: &PatrolPlan,
        signer: &Signer,
    ) -> anyhow::Result<Self> {
        let dir = fresh(dir)?;
        let mut recorder = Recorder::create(RecorderSetup {
            dir: dir.clone(),
            signer: signer.clone(),
            syncing: Syncing::AtEnd,
            seal: false,
            venue: venue.clone(),
            rerun: None,
            rrd: true,
        })?;
        recorder.plan(plan);
        Ok(Recording {
            dir,
            signer: signer.clone(),
            recorder,
            told: None,
        })
    }

    /// Fetches what the ground heard and what the desk told.
    pub fn take(&mut self, rig: &mut Rig) {
        let now = rig.now();
        if let Reading::Valid(utc) = now.utc {
            self.recorder.clock(ClockReading {
                mono: now.mono,
                utc,
                source: ClockSource::Simulated,
                machine: None,
            });
        }
        for (utc, bytes) in rig.take_heard() {
            self.recorder.frame(utc, &bytes);
        }
        let mut heads = Vec::new();
        for event in rig.take_events() {
            self.recorder.event(&event, rig.desk());
            if let DeskEvent::Head { aircraft, offer } = event {
                heads.push((aircraft, offer));
            }
        }
        if !heads.is_empty() {
            let durable = self.recorder.commit();
            for (aircraft, offer) in heads {
                rig.tell_desk(DeskIn::HeadKept {
                    aircraft,
                    offer: &offer,
                    durable,
                });
            }
        }
        if let Some(head) = self.recorder.head()
            && self.told != Some(head)
        {
            self.told = Some(head);
            rig.tell_desk(DeskIn::Recorded {
                flight: self.recorder.flight(),
                head,
            });
        }
    }

    /// The companion's own log: a folder in the flight's.
    #[must_use]
    pub fn aboard_dir(&self) -> PathBuf {
        self.dir.join(ABOARD)
    }

    /// What the officer did.
    pub fn deed(&mut self, utc: Utc, deed: &Deed, answer: &Answer) {
        if let Deed::Intent(intent) = deed {
            self.recorder.intent(utc, intent, answer);
        }
    }

    /// Closes the record, writes the summary and seals both; returns what went wrong on the way.
    ///
    /// # Errors
    /// When a file cannot be finished.
    pub fn finish(self, summary: &Summary) -> anyhow::Result<Vec<String>> {
        let faults = self.recorder.finish()?;
        let file = self.dir.join("summary.json");
        std::fs::write(&file, serde_json::to_vec_pretty(summary)?)
            .with_context(|| format!("writing {}", file.display()))?;
        seal_folder(&self.dir, &self.signer)?;
        Ok(faults)
    }
}
