//! The pilot half: all cores of the companion, wired together.

use crate::config::Config;
use crate::wires::Wires;
use crate::{Input, Output, Port};
use link::frame::Framer;
use link::journal::{Disk, DiskError};
use missions::time::{Mono, Now};
use std::time::Duration;
use thiserror::Error;

/// How often the control loop runs at the least.
pub const LOOP: Duration = Duration::from_millis(50);

/// Why the companion cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The store on disk.
    #[error("the store cannot be opened: {0}")]
    Store(#[from] DiskError),
}

/// The companion.
pub struct Onboard {
    #[allow(dead_code)]
    config: Config,
    #[allow(dead_code)]
    disk: Box<dyn Disk>,
    now: Now,
    wires: Wires,
    autopilot: Framer,
    grounds: Vec<Framer>,
}

impl Onboard {
    /// A companion that has heard nobody.
    ///
    /// # Errors
    /// [`StartError`] when the store on `disk` cannot be read.
    pub fn new(config: Config, disk: Box<dyn Disk>) -> Result<Self, StartError> {
        Ok(Onboard {
            wires: Wires::new(config.ground_ports),
            grounds: (0..config.ground_ports).map(|_| Framer::new()).collect(),
            autopilot: Framer::new(),
            now: Now {
                mono: Mono::ZERO,
                utc: missions::time::Reading::NotYet,
            },
            disk,
            config,
        })
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Now, input: Input<'_>) {
        self.now = now;
        match input {
            Input::Bytes {
                port: Port::Autopilot,
                bytes,
            } => {
                self.autopilot.push(now.mono, bytes);
                while let Some(frame) = self.autopilot.next_frame() {
                    self.wires
                        .learn(frame.header().system, frame.header().component);
                    self.wires.grounds_bytes(&frame);
                }
            }
            Input::Bytes {
                port: Port::Ground(n),
                bytes,
            } => {
                if let Some(framer) = self.grounds.get_mut(usize::from(n)) {
                    framer.push(now.mono, bytes);
                    while let Some(_frame) = framer.next_frame() {}
                }
            }
            Input::Eyes(_) | Input::EyesProcess(_) | Input::Tick => {}
        }
    }
    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.wires.pop()
    }
    /// When an [`Input::Tick`] is wanted at the latest.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Mono> {
        Some(self.now.mono.after(LOOP))
    }
}
