//! Pictures and previews: what may wait. Sent within a budget of bytes a second, pictures of anomalies first, of previews
//! only the newest.

use link::blob::{BlobKind, Sender, Sending};
use link::journal::Disk;
use link::patrol::{MavMessage as Patrol, PATROL_BLOB_STATUS_DATA};
use link::receipts::Outbox;
use missions::time::{Mono, Now};
use std::time::Duration;

/// A preview that takes longer than this makes room for a newer one.
const PREVIEW_LIFE: Duration = Duration::from_secs(3);

/// The bulk lane.
#[derive(Clone, Debug)]
pub struct Bulk {
    bytes_per_s: f64,
    budget: f64,
    at: Mono,
    next_transfer: u32,
    picture: Option<Sender>,
    preview: Option<(Sender, Mono)>,
    newest: Option<Vec<u8>>,
    previews: u32,
}

impl Bulk {
    /// An empty lane. `salt` keeps the numbers of transfers of two runs apart.
    #[must_use]
    pub fn new(bytes_per_s: u32, salt: u64) -> Self {
        Bulk {
            bytes_per_s: f64::from(bytes_per_s),
            budget: 0.0,
            at: Mono::ZERO,
            next_transfer: (salt ^ (salt >> 32)) as u32,
            picture: None,
            preview: None,
            newest: None,
            previews: 0,
        }
    }
    fn transfer(&mut self) -> u32 {
        self.next_transfer = self.next_transfer.wrapping_add(1).max(1);
        self.next_transfer
    }
    /// A newer preview.
    pub fn preview(&mut self, jpeg: Vec<u8>) {
        self.newest = Some(jpeg);
    }
    /// The ground said what it has.
    pub fn status(
        &mut self,
        now: Now,
        d: &PATROL_BLOB_STATUS_DATA,
        outbox: &mut Outbox,
        disk: &mut dyn Disk,
    ) {
        if let Some(p) = &mut self.picture
            && p.status(now, d)
            && p.state() == Sending::Done
        {
            outbox.picture_receipt(disk, p.subject());
            self.picture = None;
        }
        if let Some((p, _)) = &mut self.preview {
            p.status(now, d);
        }
    }
    /// What to send now, at most `room_bytes`. Nothing while nobody listens.
    pub fn send(
        &mut self,
        now: Now,
        outbox: &Outbox,
        ground_alive: bool,
        room_bytes: usize,
    ) -> Vec<Patrol> {
        let dt_s = now.mono.since(self.at).as_secs_f64();
        self.at = now.mono;
        self.budget = (self.budget + dt_s * self.bytes_per_s).min(self.bytes_per_s * 0.5);
        if !ground_alive {
            self.picture = None;
            self.preview = None;
            return Vec::new();
        }
        if self.picture.is_none()
            && let Some((number, bytes)) = outbox.next_picture()
        {
            let bytes = bytes.to_vec();
            self.picture = Sender::new(BlobKind::Picture, self.transfer(), number, bytes);
        }
        if self.preview.as_ref().is_none_or(|(s, since)| {
            !matches!(s.state(), Sending::Running { .. }) || now.mono.since(*since) > PREVIEW_LIFE
        }) && let Some(jpeg) = self.newest.take()
        {
            self.previews = self.previews.wrapping_add(1);
            self.preview = Sender::new(BlobKind::Preview, self.transfer(), self.previews, jpeg)
                .map(|s| (s, now.mono));
        }
        let mut out = Vec::new();
        if let Some(p) = &mut self.picture {
            out.extend(p.send(now, (self.budget.max(0.0) as usize).min(room_bytes)));
            self.budget -= out.len() as f64 * 230.0;
            if !matches!(p.state(), Sending::Running { .. }) {
                // Silent or refused: another transfer, later; the outbox still has it.
                self.picture = None;
            }
        }
        if let Some((p, _)) = &mut self.preview {
            let before = out.len();
            out.extend(p.send(now, (self.budget.max(0.0) as usize).min(room_bytes)));
            self.budget -= (out.len() - before) as f64 * 230.0;
        }
        out
    }
}
