//! What the control loop tells the companion's own log, and the exchange of heads with the ground's record. See
//! [`crate::record`].

use crate::core::Onboard;
use crate::eyes::schema::Up;
use crate::record::aboard::{Kind, Start};
use crate::record::{Note, What};
use crate::{EyesProcess, Input, Logged, Port};
use link::common::MavSeverity;
use link::patrol::{MavMessage as Patrol, PATROL_HEAD_DATA};
use link::record::chain::ClockSource;
use link::record::heads::{Heads, Heard, Offer};
use missions::time::Now;
use std::time::Duration;

/// Clocks are noted this often.
const CLOCK_EVERY: Duration = Duration::from_millis(500);
/// The companion's offers go to whoever hears them: one peer.
const ANY: u8 = 0;

impl Onboard {
    /// From here on there is a log of this identity (hex): notes are made, and its head is told to the ground.
    pub fn keep_log(&mut self, flight: &str) {
        self.wires.tap.open();
        self.heads = Some((Heads::new(flight), None));
        let start = Start {
            config: self.config.clone(),
            store_id: self.outbox.store_id(),
            last_anomaly: self.outbox.last_number(),
        };
        self.wires.tap.note(|| What::In {
            kind: Kind::Start,
            machine: None,
            bytes: serde_json::to_vec(&start).unwrap_or_default(),
        });
    }

    /// The next note for the log.
    pub fn poll_note(&mut self) -> Option<Note> {
        self.wires.tap.pop()
    }

    /// What the eyes took in: for the log alone.
    pub fn note_eyes(&mut self, entry: &[u8]) {
        self.wires.tap.note(|| What::Eyes(entry.to_vec()));
    }

    pub(crate) fn note_input(&mut self, as_given: Now, input: &Input<'_>) {
        self.wires.tap.at(self.now);
        if !self.wires.tap.is_open() {
            return;
        }
        let (kind, bytes) = match input {
            Input::Bytes {
                port: Port::Autopilot,
                bytes,
            } => (Kind::Autopilot, bytes.to_vec()),
            Input::Bytes {
                port: Port::Ground(n),
                bytes,
            } => {
                let mut all = Vec::with_capacity(1 + bytes.len());
                all.push(*n);
                all.extend_from_slice(bytes);
                (Kind::Ground, all)
            }
            // A preview is for the officer's eyes only, and changes nothing here.
            Input::Eyes(Up::Preview { .. } | Up::Took { .. }) | Input::Logged(_) => return,
            Input::Eyes(up) => (Kind::Up, serde_json::to_vec(up).unwrap_or_default()),
            Input::EyesProcess(p) => (
                Kind::EyesProcess,
                vec![match p {
                    EyesProcess::Off => 0,
                    EyesProcess::Running => 1,
                    EyesProcess::Restarting => 2,
                    EyesProcess::Failed => 3,
                }],
            ),
            Input::Tick => (Kind::Tick, Vec::new()),
        };
        let machine = as_given.utc.valid();
        self.wires.tap.note(|| What::In {
            kind,
            machine,
            bytes,
        });
    }

    pub(crate) fn tell_log(&mut self) {
        if !self.wires.tap.is_open() {
            return;
        }
        let now = self.now;
        // Before it is known there is nothing to tell of the clock.
        if now.utc.valid().is_some()
            && self
                .clock_logged
                .is_none_or(|t| now.mono.since(t) >= CLOCK_EVERY)
        {
            self.clock_logged = Some(now.mono);
            let source = if self.pilot.facts.has_utc(now.mono) {
                ClockSource::Aircraft
            } else {
                ClockSource::Machine
            };
            self.wires.tap.note(|| What::Clock(source, None));
        }
        if let Some(plan) = self.gate.guarded().map(|j| &j.plan)
            && self.plan_logged != Some(plan.id())
        {
            let id = plan.id();
            self.plan_logged = Some(id);
            self.wires.tap.note(|| What::Plan {
                id,
                bytes: plan.to_json(),
            });
        }
        let heard = self.ground_is_heard() && self.pilot.facts.id.is_some();
        if heard
            && let Some((heads, Some(head))) = &mut self.heads
            && let Some(d) = heads
                .offer(now.mono, *head, ANY)
                .and_then(|o| o.to_data(false, 0))
        {
            self.wires.patrol(Patrol::PATROL_HEAD(d));
        }
    }

    /// A station tells how far its record goes, or that it has our head.
    pub(crate) fn head(&mut self, station: u8, d: &PATROL_HEAD_DATA) {
        let now = self.now.mono;
        // Without a log nothing can be kept, and nothing is said to be.
        let (Some((heads, _)), Some((offer, receipt))) = (&mut self.heads, Offer::of(d)) else {
            return;
        };
        if receipt {
            if let Some(r) = heads.receipted(ANY, &format!("station {station}"), &offer) {
                self.wires.tap.note(|| What::Receipted(r));
            }
            return;
        }
        match heads.offered(now, station, &offer) {
            Heard::Keep => self.wires.tap.note(|| What::Head { station, offer }),
            Heard::Receipt => self.receipt_head(station, &offer),
            Heard::Nothing => {}
        }
    }

    fn receipt_head(&mut self, station: u8, offer: &Offer) {
        if let Some(d) = offer.to_data(true, station) {
            self.wires.patrol(Patrol::PATROL_HEAD(d));
        }
    }

    pub(crate) fn logged(&mut self, l: &Logged) {
        if let Some(words) = &l.trouble {
            self.wires.status(
                MavSeverity::MAV_SEVERITY_WARNING,
                &format!("Patrol: flight log: {words}"),
            );
        }
        let Some((heads, head)) = &mut self.heads else {
            return;
        };
        if l.head.is_some() {
            *head = l.head;
        }
        let mut receipts = Vec::new();
        for (station, offer, durable) in &l.kept {
            if *durable {
                heads.kept(*station, offer);
                receipts.push((*station, offer.clone()));
            } else {
                heads.not_kept(*station, offer);
            }
        }
        for (station, offer) in receipts {
            self.receipt_head(station, &offer);
        }
    }
}
