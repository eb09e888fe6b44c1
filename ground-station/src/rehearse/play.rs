//! What fails in the whole house beyond the world's own: programs, disks, clocks, the radio.
//!
//! A program that is killed leaves its disk as [`sim::disk`] says, hears nothing, and is started again on what is there.
//! One that hangs hears everything late.

use super::rig::Rig;
use crate::desk::Desk;
use missions::time::{Mono, Now, Reading, Utc};
use onboard::Onboard;
use sim::disk::FaultDisk;
use sim::fault::{Fault, House, Side, end_of};
use sim::simulation::is_due;
use std::time::Duration;

/// A program's wall clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clock {
    /// It has none.
    Missing,
    /// So many seconds ahead of the true time.
    OffBy(f64),
}

impl Clock {
    /// What it reads at a true moment.
    #[must_use]
    pub fn reads(self, now: Now) -> Now {
        let utc = match (self, now.utc.valid()) {
            (Clock::OffBy(0.0), _) => now.utc,
            (Clock::OffBy(s), Some(utc)) => Reading::Valid(Utc(utc.0 + (s * 1e6) as i64)),
            _ => Reading::Missing,
        };
        Now {
            mono: now.mono,
            utc,
        }
    }
}

/// One program's state as its machine has it.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its disk.
    pub disk: FaultDisk,
    /// Its wall clock.
    pub clock: Clock,
    /// It is not running.
    pub dead: bool,
    /// It stands still until then.
    pub hung_until: Mono,
    /// It is started then.
    pub restart_at: Option<Mono>,
    /// How often it was started.
    pub starts: u32,
    /// Why it did not start.
    pub failed: Option<String>,
}

impl Program {
    /// One that runs.
    #[must_use]
    pub fn new(disk: FaultDisk, clock: Clock) -> Program {
        Program {
            disk,
            clock,
            dead: false,
            hung_until: Mono::ZERO,
            restart_at: None,
            starts: 1,
            failed: None,
        }
    }
    /// The same on a disk of its own.
    #[must_use]
    pub fn fork(&self, seed: u64) -> Program {
        Program {
            disk: self.disk.fork(seed),
            ..self.clone()
        }
    }
    /// Its loop stands still.
    #[must_use]
    pub fn hangs(&self, now: Mono) -> bool {
        !self.dead && now < self.hung_until
    }
    /// It takes nothing in.
    #[must_use]
    pub fn is_deaf(&self, now: Mono) -> bool {
        self.dead || now < self.hung_until
    }
}

impl Rig {
    fn program(&mut self, side: Side) -> &mut Program {
        match side {
            Side::Onboard => &mut self.air,
            Side::Ground => &mut self.ground,
        }
    }

    /// Whether anything may have to be played.
    pub(super) fn plays(&self) -> bool {
        !self.faults.is_empty()
            || [&self.air, &self.ground]
                .iter()
                .any(|p| p.restart_at.is_some() || !p.dead && p.disk.stopped())
    }

    /// Faults that are due happen; programs that are due start.
    pub(super) fn play(&mut self) {
        let (now, took_off) = (self.mono(), self.took_off());
        let due: Vec<Fault> = self
            .faults
            .extract_if(.., |p| is_due(p, now, took_off))
            .map(|p| p.fault)
            .collect();
        for f in due {
            self.fault(f);
        }
        for side in [Side::Onboard, Side::Ground] {
            let p = self.program(side);
            // A disk that was told to stop takes its program with it.
            p.dead |= p.disk.stopped();
            if p.restart_at.is_some_and(|t| now >= t) {
                p.restart_at = None;
                self.start_again(side);
            }
        }
    }

    /// Something fails now.
    pub fn fault(&mut self, fault: Fault) {
        let now = self.mono();
        match fault {
            Fault::Aircraft(t) => self.world_mut().trouble(t),
            Fault::House(House::Gust(g)) => self.world_mut().gust(g),
            Fault::House(House::Radio { .. } | House::Cut { .. } | House::Mend { .. }) => {
                self.radio().fault(&fault);
            }
            Fault::House(House::Kill { side, power, off_s }) => {
                let p = self.program(side);
                p.disk.end_now(end_of(power));
                p.dead = true;
                p.restart_at = off_s.map(|s| now.after(Duration::from_secs_f64(s.clamp(0.0, 1e6))));
            }
            Fault::House(House::Hang { side, lasts_s }) => {
                self.program(side).hung_until =
                    now.after(Duration::from_secs_f64(lasts_s.clamp(0.0, 1e6)));
            }
            Fault::House(House::Disk { side, trouble }) => {
                self.program(side).disk.set_trouble(trouble);
            }
            Fault::House(House::Clock { side, off_by_s }) => {
                self.program(side).clock = off_by_s.map_or(Clock::Missing, Clock::OffBy);
            }
        }
    }

    /// A killed program starts on what its disk holds.
    fn start_again(&mut self, side: Side) {
        let p = self.program(side);
        p.disk.restart();
        p.starts += 1;
        p.hung_until = Mono::ZERO;
        let (disk, starts) = (p.disk.clone(), p.starts);
        let failed = match side {
            Side::Onboard => {
                let mut config = self.onboard_config.clone();
                config.new_store_id = config.new_store_id.wrapping_add(u64::from(starts) << 32);
                match Onboard::new(config, Box::new(disk)) {
                    Ok(o) => {
                        self.set_onboard(o);
                        None
                    }
                    Err(e) => Some(e.to_string()),
                }
            }
            Side::Ground => {
                let mut config = self.desk_config.clone();
                config.first_order = config.first_order.wrapping_add(starts * 1_000_000);
                match Desk::new(config, Box::new(disk)) {
                    Ok(d) => {
                        self.set_desk(d);
                        None
                    }
                    Err(e) => Some(e.to_string()),
                }
            }
        };
        let p = self.program(side);
        p.dead = failed.is_some();
        p.failed = failed;
    }

    /// Why a program did not start again; it did when `None`.
    #[must_use]
    pub fn did_not_start(&self) -> Option<&str> {
        [&self.air, &self.ground]
            .into_iter()
            .find_map(|p| p.failed.as_deref())
    }
}
