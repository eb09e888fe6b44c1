//! The eyes: thermal frames and Remote ID in, judged anomalies out.
//!
//! The pilot half never waits for them, allocates with them or trusts them. In real time they run in a child process
//! (see [`schema`] for the pipe); in virtual time they are stepped in process. They never see the simulator's truth,
//! never command anything, never open a socket or a file and never read a clock.

pub mod schema;

use link::camera::CameraFrame;
use missions::time::{Mono, Now};
use schema::{Down, Up};
use std::collections::VecDeque;

/// What the eyes take in.
#[derive(Clone, Debug, PartialEq)]
pub enum EyesIn {
    /// From the pilot half.
    Down(Down),
    /// One camera frame.
    Camera(CameraFrame),
    /// Bytes of MAVLink from the Remote ID receiver.
    Sensor(Vec<u8>),
    /// Time passes.
    Tick,
}

/// The core. Drain [`Eyes::poll`] after every [`Eyes::handle`].
#[derive(Debug, Default)]
pub struct Eyes {
    out: VecDeque<Up>,
}

impl Eyes {
    /// Eyes that have seen nothing and judge by nothing until configured.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    /// Takes one input.
    pub fn handle(&mut self, _now: Now, _input: EyesIn) {}
    /// The next thing to send up.
    pub fn poll(&mut self) -> Option<Up> {
        self.out.pop_front()
    }
    /// When a [`EyesIn::Tick`] is wanted at the latest.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Mono> {
        None
    }
}
