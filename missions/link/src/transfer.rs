//! The standard mission protocol, both ways, for mission, fence and rally.
//!
//! [`Uploader`] and [`Downloader`] speak to an autopilot; [`Server`] is what stations speak to. All retry, all are
//! bounded, none reports success that was not said by the other side. Source: mavlink.io/en/services/mission.html;
//! times as both autopilots were captured to use them.

use crate::common::{
    MISSION_ACK_DATA, MISSION_COUNT_DATA, MISSION_REQUEST_INT_DATA, MISSION_REQUEST_LIST_DATA,
    MavMessage, MavMissionResult, MavMissionType,
};
use crate::frame::{Frame, Msg};
use crate::items::{ListKind, WireItem};
use missions::time::{Mono, Now};
use std::collections::VecDeque;
use std::time::Duration;

/// Silence after which something is sent again.
pub const RETRY: Duration = Duration::from_millis(500);
/// Times the same thing is sent before giving up.
pub const MAX_TRIES: u32 = 12;
/// Most items of one list.
pub const MAX_ITEMS: usize = 5_000;

/// Where a transfer stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// Under way.
    Running {
        /// Items the other side has asked for, or sent.
        done: usize,
        /// Items in all; 0 not known yet.
        total: usize,
    },
    /// Finished and acknowledged.
    Done,
    /// All items were taken, the last acknowledgement never came: only a read-back can tell.
    Unsure,
    /// The other side refused.
    Refused(MavMissionResult),
    /// Nobody answered.
    Silent,
}

impl Progress {
    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !matches!(self, Progress::Running { .. })
    }
}

/// Sends a list.
#[derive(Debug)]
pub struct Uploader {
    kind: ListKind,
    items: Vec<WireItem>,
    target: (u8, u8),
    progress: Progress,
    /// Item last sent, for resending; `None` while the count is not answered.
    last: Option<usize>,
    all_sent: bool,
    tries: u32,
    next: Option<Mono>,
    out: VecDeque<MavMessage>,
}

impl Uploader {
    /// Starts to send `items` to `target` (system, component).
    #[must_use]
    pub fn new(kind: ListKind, items: Vec<WireItem>, target: (u8, u8)) -> Self {
        let total = items.len();
        let progress = if total > MAX_ITEMS {
            Progress::Refused(MavMissionResult::MAV_MISSION_NO_SPACE)
        } else {
            Progress::Running { done: 0, total }
        };
        Uploader {
            kind,
            items,
            target,
            progress,
            last: None,
            all_sent: total == 0,
            tries: 0,
            next: Some(Mono::ZERO),
            out: VecDeque::new(),
        }
    }
    /// Which list.
    #[must_use]
    pub fn kind(&self) -> ListKind {
        self.kind
    }
    /// What is sent.
    #[must_use]
    pub fn items(&self) -> &[WireItem] {
        &self.items
    }
    /// Where it stands.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }
    /// When to call [`Uploader::tick`] next.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Mono> {
        if self.progress.is_over() {
            None
        } else {
            self.next
        }
    }
    /// The next message to send.
    pub fn poll(&mut self) -> Option<MavMessage> {
        self.out.pop_front()
    }

    /// Time passes.
    pub fn tick(&mut self, now: Now) {
        if self.progress.is_over() || self.next.is_none_or(|t| now.mono < t) {
            return;
        }
        if self.tries >= MAX_TRIES {
            self.progress = if self.all_sent {
                Progress::Unsure
            } else {
                Progress::Silent
            };
            return;
        }
        self.tries += 1;
        self.next = Some(now.mono.after(RETRY));
        match self.last {
            // The receiver asks for what it misses; what was sent last may be what was lost.
            Some(seq) => self.send(seq),
            None => self
                .out
                .push_back(MavMessage::MISSION_COUNT(MISSION_COUNT_DATA {
                    count: u16::try_from(self.items.len()).unwrap_or(u16::MAX),
                    target_system: self.target.0,
                    target_component: self.target.1,
                    mission_type: self.kind.to_wire(),
                    opaque_id: 0,
                })),
        }
    }

    fn send(&mut self, seq: usize) {
        let n = u16::try_from(seq).unwrap_or(u16::MAX);
        match self
            .items
            .get(seq)
            .and_then(|i| i.to_message(n, self.kind, self.target))
        {
            Some(m) => self.out.push_back(m),
            None => self.progress = Progress::Refused(MavMissionResult::MAV_MISSION_UNSUPPORTED),
        }
    }

    /// Takes a message of the other side; others are ignored.
    pub fn handle(&mut self, now: Now, msg: &Msg) {
        if self.progress.is_over() {
            return;
        }
        let Msg::Common(m) = msg else { return };
        let (seq, kind) = match m.as_ref() {
            MavMessage::MISSION_REQUEST_INT(r) => (r.seq, r.mission_type),
            #[allow(deprecated)]
            MavMessage::MISSION_REQUEST(r) => (r.seq, r.mission_type),
            MavMessage::MISSION_ACK(a)
                if ListKind::from_wire(a.mission_type) == Some(self.kind) =>
            {
                match a.mavtype {
                    MavMissionResult::MAV_MISSION_ACCEPTED if self.all_sent => {
                        self.progress = Progress::Done
                    }
                    // An acceptance before all was asked for is of an earlier upload.
                    MavMissionResult::MAV_MISSION_ACCEPTED => {}
                    // Wrong-sequence complaints come from our own resending: the receiver asks again.
                    MavMissionResult::MAV_MISSION_INVALID_SEQUENCE if self.tries > 1 => {}
                    refused => self.progress = Progress::Refused(refused),
                }
                return;
            }
            _ => return,
        };
        if ListKind::from_wire(kind) != Some(self.kind) {
            return;
        }
        let seq = usize::from(seq);
        if seq >= self.items.len() {
            return;
        }
        if self.last != Some(seq) {
            self.tries = 0;
        }
        self.last = Some(seq);
        if seq + 1 == self.items.len() {
            self.all_sent = true;
        }
        self.progress = Progress::Running {
            done: seq + 1,
            total: self.items.len(),
        };
        self.next = Some(now.mono.after(RETRY));
        self.send(seq);
    }
}

/// Fetches a list.
#[derive(Debug)]
pub struct Downloader {
    kind: ListKind,
    target: (u8, u8),
    total: Option<usize>,
    items: Vec<WireItem>,
    progress: Progress,
    tries: u32,
    next: Option<Mono>,
    out: VecDeque<MavMessage>,
}

impl Downloader {
    /// Starts to fetch from `target`.
    #[must_use]
    pub fn new(kind: ListKind, target: (u8, u8)) -> Self {
        Downloader {
            kind,
            target,
            total: None,
            items: Vec::new(),
            progress: Progress::Running { done: 0, total: 0 },
            tries: 0,
            next: Some(Mono::ZERO),
            out: VecDeque::new(),
        }
    }
    /// Which list.
    #[must_use]
    pub fn kind(&self) -> ListKind {
        self.kind
    }
    /// Where it stands.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }
    /// What was fetched, whole only when done.
    #[must_use]
    pub fn items(&self) -> &[WireItem] {
        &self.items
    }
    /// When to call [`Downloader::tick`] next.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Mono> {
        if self.progress.is_over() {
            None
        } else {
            self.next
        }
    }
    /// The next message to send.
    pub fn poll(&mut self) -> Option<MavMessage> {
        self.out.pop_front()
    }

    /// Time passes.
    pub fn tick(&mut self, now: Now) {
        if self.progress.is_over() || self.next.is_none_or(|t| now.mono < t) {
            return;
        }
        if self.tries >= MAX_TRIES {
            self.progress = Progress::Silent;
            return;
        }
        self.ask(now);
    }

    fn ask(&mut self, now: Now) {
        self.tries += 1;
        self.next = Some(now.mono.after(RETRY));
        let (target_system, target_component) = self.target;
        let mission_type = self.kind.to_wire();
        self.out.push_back(match self.total {
            None => MavMessage::MISSION_REQUEST_LIST(MISSION_REQUEST_LIST_DATA {
                target_system,
                target_component,
                mission_type,
            }),
            Some(_) => MavMessage::MISSION_REQUEST_INT(MISSION_REQUEST_INT_DATA {
                seq: u16::try_from(self.items.len()).unwrap_or(u16::MAX),
                target_system,
                target_component,
                mission_type,
            }),
        });
    }

    fn finish(&mut self) {
        self.progress = Progress::Done;
        self.out.push_back(ack(
            self.target,
            self.kind.to_wire(),
            MavMissionResult::MAV_MISSION_ACCEPTED,
        ));
    }

    /// Takes a frame of the other side; others are ignored.
    pub fn handle(&mut self, now: Now, frame: &Frame) {
        if self.progress.is_over() {
            return;
        }
        if let Some((seq, kind, item)) = WireItem::from_frame(frame) {
            let Some(total) = self.total else { return };
            if kind == self.kind && usize::from(seq) == self.items.len() && self.items.len() < total
            {
                self.items.push(item);
                self.tries = 0;
                self.progress = Progress::Running {
                    done: self.items.len(),
                    total,
                };
                if self.items.len() == total {
                    self.finish()
                } else {
                    self.ask(now)
                }
            }
            return;
        }
        let Msg::Common(m) = frame.decode() else {
            return;
        };
        match *m {
            MavMessage::MISSION_COUNT(c)
                if ListKind::from_wire(c.mission_type) == Some(self.kind)
                    && self.total.is_none() =>
            {
                let total = usize::from(c.count);
                if total > MAX_ITEMS {
                    self.progress = Progress::Refused(MavMissionResult::MAV_MISSION_NO_SPACE);
                    return;
                }
                self.total = Some(total);
                self.tries = 0;
                self.progress = Progress::Running { done: 0, total };
                if total == 0 {
                    self.finish()
                } else {
                    self.ask(now)
                }
            }
            MavMessage::MISSION_ACK(a)
                if ListKind::from_wire(a.mission_type) == Some(self.kind)
                    && a.mavtype != MavMissionResult::MAV_MISSION_ACCEPTED =>
            {
                self.progress = Progress::Refused(a.mavtype);
            }
            _ => {}
        }
    }
}

fn ack(target: (u8, u8), mission_type: MavMissionType, result: MavMissionResult) -> MavMessage {
    MavMessage::MISSION_ACK(MISSION_ACK_DATA {
        target_system: target.0,
        target_component: target.1,
        mavtype: result,
        mission_type,
        opaque_id: 0,
    })
}

/// What a [`Server`] asks of its owner.
#[derive(Clone, Debug, PartialEq)]
pub enum ServerOut {
    /// Send this to the station.
    Send {
        /// Station (system, component).
        to: (u8, u8),
        /// Message.
        message: MavMessage,
    },
    /// A whole list arrived and waits for [`Server::answer`].
    Received {
        /// Which list.
        kind: ListKind,
        /// Its items; empty for a count of 0.
        items: Vec<WireItem>,
        /// From whom.
        from: (u8, u8),
    },
    /// A station asks to clear a list (`None`: all three), and waits for [`Server::answer_clear`].
    Clear {
        /// Which list.
        kind: Option<ListKind>,
        /// From whom.
        from: (u8, u8),
    },
}

#[derive(Debug)]
struct Upload {
    kind: ListKind,
    from: (u8, u8),
    total: usize,
    items: Vec<WireItem>,
    tries: u32,
    next: Mono,
    waits_for_answer: bool,
}

/// Silence in an upload after which an item is asked for again, and how often.
const SERVER_RETRY: Duration = Duration::from_millis(1_000);
const SERVER_TRIES: u32 = 8;
/// An answered upload's acknowledgement is repeated to a station that resends its last item.
#[derive(Debug, Clone, Copy)]
struct Answered {
    kind: ListKind,
    from: (u8, u8),
    last_seq: usize,
    result: MavMissionResult,
}

/// The other side of the protocol: what stations upload to and download from. One upload at a time.
#[derive(Debug, Default)]
pub struct Server {
    lists: [Vec<WireItem>; 3],
    upload: Option<Upload>,
    answered: Option<Answered>,
    out: VecDeque<ServerOut>,
}

fn index(kind: ListKind) -> usize {
    match kind {
        ListKind::Mission => 0,
        ListKind::Fence => 1,
        ListKind::Rally => 2,
    }
}

impl Server {
    /// A server with empty lists.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    /// What stations download from now on.
    pub fn set_list(&mut self, kind: ListKind, items: Vec<WireItem>) {
        if let Some(l) = self.lists.get_mut(index(kind)) {
            *l = items;
        }
    }
    /// What stations download.
    #[must_use]
    pub fn list(&self, kind: ListKind) -> &[WireItem] {
        self.lists.get(index(kind)).map_or(&[], Vec::as_slice)
    }
    /// Whether an upload is under way.
    #[must_use]
    pub fn is_receiving(&self) -> bool {
        self.upload.is_some()
    }
    /// What to do next.
    pub fn poll(&mut self) -> Option<ServerOut> {
        self.out.pop_front()
    }
    /// When to call [`Server::tick`] next.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Mono> {
        self.upload
            .as_ref()
            .filter(|u| !u.waits_for_answer)
            .map(|u| u.next)
    }

    /// Time passes.
    pub fn tick(&mut self, now: Now) {
        let Some(u) = self.upload.as_mut() else {
            return;
        };
        if u.waits_for_answer || now.mono < u.next {
            return;
        }
        u.tries += 1;
        u.next = now.mono.after(SERVER_RETRY);
        if u.tries > SERVER_TRIES {
            let (from, kind) = (u.from, u.kind);
            self.upload = None;
            self.send(
                from,
                ack(
                    from,
                    kind.to_wire(),
                    MavMissionResult::MAV_MISSION_OPERATION_CANCELLED,
                ),
            );
        } else {
            self.request();
        }
    }

    fn send(&mut self, to: (u8, u8), message: MavMessage) {
        self.out.push_back(ServerOut::Send { to, message });
    }

    fn request(&mut self) {
        let Some(u) = &self.upload else { return };
        let (to, message) = (
            u.from,
            MavMessage::MISSION_REQUEST_INT(MISSION_REQUEST_INT_DATA {
                seq: u16::try_from(u.items.len()).unwrap_or(u16::MAX),
                target_system: u.from.0,
                target_component: u.from.1,
                mission_type: u.kind.to_wire(),
            }),
        );
        self.send(to, message);
    }

    /// Says what becomes of the list that was received. Does not store it: see [`Server::set_list`].
    pub fn answer(&mut self, kind: ListKind, result: MavMissionResult) {
        if self
            .upload
            .as_ref()
            .is_none_or(|u| u.kind != kind || !u.waits_for_answer)
        {
            return;
        }
        if let Some(u) = self.upload.take() {
            self.answered = Some(Answered {
                kind,
                from: u.from,
                last_seq: u.total.saturating_sub(1),
                result,
            });
            self.send(u.from, ack(u.from, kind.to_wire(), result));
        }
    }

    /// Answers a request to clear.
    pub fn answer_clear(&mut self, to: (u8, u8), kind: Option<ListKind>, result: MavMissionResult) {
        let t = kind.map_or(MavMissionType::MAV_MISSION_TYPE_ALL, ListKind::to_wire);
        self.send(to, ack(to, t, result));
    }

    /// Takes a frame from a station. Returns whether it was one of this protocol.
    pub fn handle(&mut self, now: Now, frame: &Frame) -> bool {
        let h = frame.header();
        let from = (h.system, h.component);
        if let Some((seq, kind, item)) = WireItem::from_frame(frame) {
            self.item(now, from, usize::from(seq), kind, item);
            return true;
        }
        let Msg::Common(m) = frame.decode() else {
            return false;
        };
        match *m {
            MavMessage::MISSION_COUNT(c) => {
                let count = usize::from(c.count);
                let Some(kind) = ListKind::from_wire(c.mission_type) else {
                    self.send(
                        from,
                        ack(
                            from,
                            c.mission_type,
                            MavMissionResult::MAV_MISSION_UNSUPPORTED,
                        ),
                    );
                    return true;
                };
                self.begin(now, from, kind, count);
            }
            MavMessage::MISSION_REQUEST_LIST(r) => {
                let Some(kind) = ListKind::from_wire(r.mission_type) else {
                    self.send(
                        from,
                        ack(
                            from,
                            r.mission_type,
                            MavMissionResult::MAV_MISSION_UNSUPPORTED,
                        ),
                    );
                    return true;
                };
                let count = u16::try_from(self.list(kind).len()).unwrap_or(u16::MAX);
                self.send(
                    from,
                    MavMessage::MISSION_COUNT(MISSION_COUNT_DATA {
                        count,
                        target_system: from.0,
                        target_component: from.1,
                        mission_type: kind.to_wire(),
                        opaque_id: 0,
                    }),
                );
            }
            MavMessage::MISSION_REQUEST_INT(r) => self.serve(from, r.mission_type, r.seq, true),
            #[allow(deprecated)]
            MavMessage::MISSION_REQUEST(r) => self.serve(from, r.mission_type, r.seq, false),
            MavMessage::MISSION_CLEAR_ALL(c) => {
                self.out.push_back(ServerOut::Clear {
                    kind: ListKind::from_wire(c.mission_type),
                    from,
                });
            }
            MavMessage::MISSION_ACK(a) => {
                // A station that gives up its upload says so; one that thanks for a download does too.
                let gives_up = a.mavtype != MavMissionResult::MAV_MISSION_ACCEPTED;
                if gives_up
                    && self
                        .upload
                        .as_ref()
                        .is_some_and(|u| u.from == from && !u.waits_for_answer)
                {
                    self.upload = None;
                }
            }
            _ => return false,
        }
        true
    }

    fn begin(&mut self, now: Now, from: (u8, u8), kind: ListKind, count: usize) {
        if let Some(u) = &self.upload
            && (u.from != from || u.waits_for_answer)
        {
            let again = u.from == from && u.kind == kind && u.total == count;
            if !again {
                self.send(
                    from,
                    ack(from, kind.to_wire(), MavMissionResult::MAV_MISSION_DENIED),
                );
            }
            return;
        }
        // A repeated count (the first request was lost) goes on where the upload stands.
        if let Some(u) = &self.upload
            && u.kind == kind
            && u.total == count
        {
            self.request();
            return;
        }
        if count > MAX_ITEMS {
            self.send(
                from,
                ack(from, kind.to_wire(), MavMissionResult::MAV_MISSION_NO_SPACE),
            );
            return;
        }
        self.answered = None;
        let waits_for_answer = count == 0;
        self.upload = Some(Upload {
            kind,
            from,
            total: count,
            items: Vec::new(),
            tries: 0,
            next: now.mono.after(SERVER_RETRY),
            waits_for_answer,
        });
        if waits_for_answer {
            self.out.push_back(ServerOut::Received {
                kind,
                items: Vec::new(),
                from,
            });
        } else {
            self.request();
        }
    }

    fn item(&mut self, now: Now, from: (u8, u8), seq: usize, kind: ListKind, item: WireItem) {
        match self.upload.as_mut() {
            Some(u) if u.from == from && u.kind == kind => {
                if u.waits_for_answer {
                    return;
                }
                if seq == u.items.len() {
                    u.items.push(item);
                    u.tries = 0;
                    u.next = now.mono.after(SERVER_RETRY);
                    if u.items.len() == u.total {
                        u.waits_for_answer = true;
                        let items = u.items.clone();
                        self.out
                            .push_back(ServerOut::Received { kind, items, from });
                    } else {
                        self.request();
                    }
                } else if seq > u.items.len() {
                    // A gap: ask for what is missing. An item already here is a duplicate.
                    self.request();
                }
            }
            Some(_) => self.send(
                from,
                ack(from, kind.to_wire(), MavMissionResult::MAV_MISSION_DENIED),
            ),
            None => {
                // The acknowledgement was lost and the station sends its last item again.
                if let Some(a) = self.answered
                    && a.from == from
                    && a.kind == kind
                    && a.last_seq == seq
                {
                    self.send(from, ack(from, kind.to_wire(), a.result));
                }
            }
        }
    }

    fn serve(&mut self, from: (u8, u8), mission_type: MavMissionType, seq: u16, int: bool) {
        let Some(kind) = ListKind::from_wire(mission_type) else {
            self.send(
                from,
                ack(
                    from,
                    mission_type,
                    MavMissionResult::MAV_MISSION_UNSUPPORTED,
                ),
            );
            return;
        };
        let message = self.list(kind).get(usize::from(seq)).and_then(|i| {
            if int {
                i.to_message(seq, kind, from)
            } else {
                i.to_float_message(seq, kind, from)
            }
        });
        match message {
            Some(m) => self.send(from, m),
            None => self.send(
                from,
                ack(
                    from,
                    mission_type,
                    MavMissionResult::MAV_MISSION_INVALID_SEQUENCE,
                ),
            ),
        }
    }
}
