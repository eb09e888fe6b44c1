//! Recordings fed to the very cores that flew them: the same alarms must come out, by id, time and place, and others when one
//! rule is changed. Of one folder, and of flights made for the purpose.

use super::headless::{HeadlessOptions, rig_for, rules_with_roster};
use super::officer::{Deed, LOOK, Officer, Words};
use crate::evidence::campaign::{Folder, SharedDisk};
use crate::evidence::verify::{Asked, verify};
use crate::replay::again::{Alarm, of_desk, of_frames};
use anyhow::{Context, ensure};
use missions::anomaly::Anomaly;
use missions::time::Mono;
use onboard::record::again::feed_again;
use onboard::record::{INPUTS, TLOG};
use serde::Serialize;

/// A companion's log fed again.
#[derive(Clone, Debug, Serialize)]
pub struct AboardAgain {
    /// What the companion flagged in flight.
    pub recorded: Vec<Alarm>,
    /// What its cores flag of the same inputs.
    pub again: Vec<Alarm>,
    /// Settings, poses, Remote ID messages and camera frames that the eyes took in.
    pub eyes_inputs: u64,
    /// The log breaks off within a record, as after a power cut.
    pub torn: bool,
}

impl AboardAgain {
    /// Whether they are the same.
    #[must_use]
    pub fn same(&self) -> bool {
        self.recorded == self.again
    }
}

fn alarms(store: u64, found: &[Anomaly]) -> Vec<Alarm> {
    let mut out: Vec<Alarm> = found.iter().map(|a| Alarm::of(store, a)).collect();
    out.sort();
    out
}

/// Feeds `aboard.log`. `rules`: a rules file instead of the one that was in force.
///
/// # Errors
/// When it is no companion's log, or is damaged before its end.
pub fn feed_aboard(log: &[u8], rules: Option<&str>) -> anyhow::Result<AboardAgain> {
    let fed = feed_again(log, rules)?;
    Ok(AboardAgain {
        recorded: alarms(fed.store_id, &fed.recorded),
        again: alarms(fed.store_id, &fed.again),
        eyes_inputs: fed.eyes_inputs,
        torn: fed.torn,
    })
}

/// A flight in virtual time, with everything to feed it again.
pub struct Flown {
    /// The companion's own log.
    pub aboard: Folder,
    /// Of what the ground heard and said.
    pub tlog: Vec<u8>,
    /// What the desk had at the end.
    pub alarms: Vec<Alarm>,
    /// Remote ID serial number of the intruder, where it was flagged.
    pub intruder: Option<String>,
}

/// Flies until so many anomalies are on the ground, or so many seconds have passed.
///
/// # Errors
/// When the flight cannot be set up or logged.
pub fn fly_logged(
    options: &HeadlessOptions,
    anomalies: usize,
    most_s: f64,
) -> anyhow::Result<Flown> {
    let (mut rig, plan) = rig_for(options)?;
    let disk = SharedDisk::default();
    rig.log_aboard(Box::new(disk.clone()), [1; 16])?;
    let words = Words {
        purpose: "replay".into(),
        incident: "replay".into(),
        pilot: "scripted officer".into(),
    };
    let mut officer = Officer::new(words, true);
    let bytes = plan.to_json();
    let (mut next, mut tlog) = (Mono::ZERO, Vec::new());
    while rig.now().mono.as_secs_f64() < most_s && rig.desk().anomalies().count() < anomalies {
        rig.advance();
        for (utc, datagram) in rig.take_heard() {
            for frame in link::tlog::frames_of_stream(&datagram) {
                tlog.extend(link::tlog::record(utc, frame.bytes()));
            }
        }
        let now = rig.now().mono;
        if now < next {
            continue;
        }
        next = now.after(LOOK);
        if let Some(deed) = officer.look(now, rig.desk()) {
            let answer = match &deed {
                Deed::LoadPlan => rig.load_plan(&bytes),
                Deed::Intent(i) => rig.command(i),
            };
            officer.answered(now, &deed, &answer);
        }
        rig.take_events();
        rig.take_logs();
    }
    rig.finish_aboard()?;
    let intruder = rig
        .desk()
        .anomalies()
        .find(|(_, a)| a.rule == "unknown-drone")
        .map(|(_, a)| a.subject.clone());
    Ok(Flown {
        aboard: disk.folder(),
        tlog,
        alarms: of_desk(rig.desk()),
        intruder,
    })
}

/// What one flight came to.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// Alarms in flight.
    pub flown: Vec<Alarm>,
    /// The desk's recording fed to a new desk.
    pub desk: Vec<Alarm>,
    /// The companion's log fed to a new pilot half and new eyes.
    pub companion: Vec<Alarm>,
    /// The same with one rule changed: the intruder is on the roster, the show's own drone is not.
    pub other_rule: Vec<Alarm>,
    /// The companion's log verifies as complete.
    pub verified: bool,
}

impl Compared {
    /// Whether all three agree.
    #[must_use]
    pub fn same(&self) -> bool {
        self.desk == self.flown && self.companion == self.flown && self.verified
    }
    /// Whether the changed rule made a difference.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.other_rule != self.flown
    }
}

impl Flown {
    /// Feeds both recordings again.
    ///
    /// # Errors
    /// When one of them cannot be fed.
    pub fn compare(&self) -> anyhow::Result<Compared> {
        let log = self.aboard.0.get(INPUTS).context("nothing was logged")?;
        let report = verify(&self.aboard, &Asked::default())
            .map_err(|e| anyhow::anyhow!("the companion's log: {e}"))?;
        let same = feed_aboard(log, None)?;
        ensure!(
            same.recorded == self.alarms,
            "the pilot half alone gives other alarms"
        );
        let down = self.aboard.0.get(TLOG).context("no frames were logged")?;
        ensure!(
            of_frames(down)? == self.alarms,
            "what the companion sent down gives a desk other alarms"
        );
        let rules = rules_with_roster(self.intruder.as_deref());
        Ok(Compared {
            flown: self.alarms.clone(),
            desk: of_frames(&self.tlog)?,
            companion: same.again,
            other_rule: feed_aboard(log, Some(&rules))?.again,
            verified: report.is_complete(),
        })
    }
}
