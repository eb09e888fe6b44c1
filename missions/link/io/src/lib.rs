//! What the shells of all three programs need of the outside world: lines (UDP, TCP, serial), a directory as a
//! [`link::journal::Disk`], the real clock, the log.
//!
//! Moves bytes and does nothing clever: it never looks into a frame. No core may depend on it.

pub mod clock;
pub mod disk;
pub mod endpoint;
pub mod folder;
pub mod log;
pub mod ports;
mod stop;

pub use clock::Clock;
pub use disk::DirDisk;
pub use endpoint::{BadEndpoint, Endpoint};
pub use folder::{Folder, Syncing};
pub use ports::{LineEvent, QUEUE, serve};
pub use stop::stopped;
