//! The receiving and serving side of the mission protocol: what stations upload to and download from.
//!
//! One upload at a time. Never stores what it received, and never accepts by itself: the owner answers.

use super::{MAX_ITEMS, ack};
use crate::common::{
    MISSION_COUNT_DATA, MISSION_REQUEST_INT_DATA, MavMessage, MavMissionResult, MavMissionType,
};
use crate::frame::{Frame, Msg};
use crate::items::{ListKind, WireItem};
use missions::time::{Mono, Now};
use std::collections::VecDeque;
use std::time::Duration;

/// What a [`Server`] asks of its owner.
#[expect(
    clippy::large_enum_variant,
    reason = "short-lived, a handful at a time; a box for every message would cost more"
)]
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

#[derive(Clone, Debug)]
struct Upload {
    kind: ListKind,
    from: (u8, u8),
    total: usize,
    items: Vec<WireItem>,
    tries: u32,
    next: Mono,
    /// When an item was last asked for.
    asked: Mono,
    waits_for_answer: bool,
}

/// Silence in an upload after which an item is asked for again, and how often.
const SERVER_RETRY: Duration = Duration::from_millis(500);
const SERVER_TRIES: u32 = 16;
/// An item that is already here, or comes too early, makes us ask again at most this often: otherwise every duplicate
/// would breed another.
const SERVER_HASTE: Duration = Duration::from_millis(300);
/// An answered upload's acknowledgement is repeated to a station that resends its last item.
#[derive(Debug, Clone, Copy)]
struct Answered {
    kind: ListKind,
    from: (u8, u8),
    last_seq: usize,
    result: MavMissionResult,
}

/// The other side of the protocol: what stations upload to and download from. One upload at a time.
#[derive(Clone, Debug, Default)]
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
            self.request(now);
        }
    }

    fn send(&mut self, to: (u8, u8), message: MavMessage) {
        self.out.push_back(ServerOut::Send { to, message });
    }

    fn request(&mut self, now: Now) {
        let Some(u) = &mut self.upload else { return };
        u.asked = now.mono;
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
        // A repeated count: our first request was lost. Once an item has come, a count means a new list, and what is
        // here of the old one must not be mixed into it.
        if let Some(u) = &self.upload
            && u.kind == kind
            && u.total == count
            && u.items.is_empty()
        {
            self.request(now);
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
            asked: now.mono,
            waits_for_answer,
        });
        if waits_for_answer {
            self.out.push_back(ServerOut::Received {
                kind,
                items: Vec::new(),
                from,
            });
        } else {
            self.request(now);
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
                        self.request(now);
                    }
                } else if now.mono.since(u.asked) >= SERVER_HASTE {
                    // A gap, or the station repeats itself because it did not hear us.
                    self.request(now);
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
