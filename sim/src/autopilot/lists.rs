//! Mission, fence and rally storage, and the mission protocol as each autopilot was captured to speak it, quirks
//! included.

use super::AutopilotKind;
use link::common::{
    MISSION_COUNT_DATA, MISSION_REQUEST_DATA, MISSION_REQUEST_INT_DATA, MavMessage,
    MavMissionResult as R,
};
use link::frame::Frame;
use link::items::{ListKind, WireItem, cmd};
use missions::time::Mono;
use std::time::Duration;

/// Where an autopilot's storage ends.
const COPTER_CAPACITY: [usize; 3] = [650, 70, 46];
const PX4_CAPACITY: [usize; 3] = [2_000, 64, 32];
/// `mission_type` for all lists.
const TYPE_ALL: u8 = 255;

/// Something to send.
#[derive(Clone, Debug)]
pub enum Out {
    /// A message.
    Message(Box<MavMessage>),
    /// MISSION_ACK as bytes: it echoes list numbers nobody knows.
    Ack([u8; 8]),
}

/// An upload under way.
#[derive(Clone, Debug)]
struct Session {
    kind: ListKind,
    from: (u8, u8),
    /// Sequence number of the first item; above 0 when only a part is written.
    first: usize,
    /// One past the last.
    end: usize,
    partial: bool,
    items: Vec<WireItem>,
    last_item: Mono,
    next_request: Mono,
}

/// The three lists and the upload under way.
#[derive(Clone, Debug)]
pub struct Lists {
    kind: AutopilotKind,
    lists: [Vec<WireItem>; 3],
    ids: [u32; 3],
    session: Option<Session>,
    /// PX4 asks as it was last spoken to: by the INT messages or by the old ones.
    int_mode: bool,
    /// PX4 marks this item as the current one in whatever list it is asked for.
    pub current: usize,
    out: Vec<Out>,
    changed: Vec<ListKind>,
    /// Texts to say.
    pub texts: Vec<String>,
}

fn slot(kind: ListKind) -> usize {
    match kind {
        ListKind::Mission => 0,
        ListKind::Fence => 1,
        ListKind::Rally => 2,
    }
}

fn list_of(mission_type: u8) -> Option<ListKind> {
    match mission_type {
        0 => Some(ListKind::Mission),
        1 => Some(ListKind::Fence),
        2 => Some(ListKind::Rally),
        _ => None,
    }
}

impl Lists {
    /// Empty lists.
    #[must_use]
    pub fn new(kind: AutopilotKind) -> Self {
        Lists {
            kind,
            lists: [Vec::new(), Vec::new(), Vec::new()],
            ids: [0; 3],
            session: None,
            int_mode: false,
            current: 0,
            out: Vec::new(),
            changed: Vec::new(),
            texts: Vec::new(),
        }
    }
    /// A list.
    #[must_use]
    pub fn get(&self, kind: ListKind) -> &[WireItem] {
        &self.lists[slot(kind)]
    }
    /// Opaque id of a list (PX4; 0 on ArduPilot).
    #[must_use]
    pub fn id(&self, kind: ListKind) -> u32 {
        self.ids[slot(kind)]
    }
    /// What is to be sent.
    pub fn take_out(&mut self) -> Vec<Out> {
        std::mem::take(&mut self.out)
    }
    /// Lists that changed since the last call.
    pub fn take_changed(&mut self) -> Vec<ListKind> {
        std::mem::take(&mut self.changed)
    }

    fn ardupilot(&self) -> bool {
        self.kind == AutopilotKind::ArduPilot
    }

    fn every(&self) -> Duration {
        Duration::from_millis(if self.ardupilot() { 1_000 } else { 260 })
    }

    fn send(&mut self, m: MavMessage) {
        self.out.push(Out::Message(Box::new(m)));
    }

    fn ack(&mut self, to: (u8, u8), mission_type: u8, result: R, opaque_id: u32) {
        let [a, b, c, d] = opaque_id.to_le_bytes();
        self.out.push(Out::Ack([
            to.0,
            to.1,
            result as u8,
            mission_type,
            a,
            b,
            c,
            d,
        ]));
    }

    fn text(&mut self, t: &str) {
        self.texts.push(t.to_owned());
    }

    fn request(&mut self) {
        let ardupilot = self.ardupilot();
        let Some(s) = &self.session else { return };
        let seq = u16::try_from(s.first + s.items.len()).unwrap_or(u16::MAX);
        let (target_system, target_component) = s.from;
        let mission_type = s.kind.to_wire();
        // ArduPilot asks by MISSION_REQUEST throughout, and wants MISSION_ITEM_INT.
        self.send(if ardupilot || !self.int_mode {
            MavMessage::MISSION_REQUEST(MISSION_REQUEST_DATA {
                seq,
                target_system,
                target_component,
                mission_type,
            })
        } else {
            MavMessage::MISSION_REQUEST_INT(MISSION_REQUEST_INT_DATA {
                seq,
                target_system,
                target_component,
                mission_type,
            })
        });
    }

    /// Time passes.
    pub fn tick(&mut self, now: Mono) {
        let ardupilot = self.ardupilot();
        let every = self.every();
        let limit = Duration::from_secs(if ardupilot { 8 } else { 5 });
        let Some(s) = self.session.as_mut() else {
            return;
        };
        if now.since(s.last_item) >= limit {
            let (from, kind) = (s.from, s.kind);
            self.session = None;
            // PX4 falls silent; ArduPilot says that it gave up.
            if ardupilot {
                self.ack(
                    from,
                    slot(kind) as u8,
                    R::MAV_MISSION_OPERATION_CANCELLED,
                    0,
                );
                self.text("Mission upload timeout");
            } else {
                self.text("Operation timeout");
            }
        } else if now >= s.next_request {
            s.next_request = now.after(every);
            self.request();
        }
    }

    /// Takes a frame addressed to us. Returns whether it was of this protocol.
    ///
    /// Read from the bytes: an unknown list number must get its answer.
    pub fn handle(&mut self, now: Mono, frame: &Frame) -> bool {
        let h = frame.header();
        let from = (h.system, h.component);
        let mut b = [0u8; 9];
        for (to, x) in b.iter_mut().zip(frame.payload()) {
            *to = *x;
        }
        let half = |i: usize| u16::from_le_bytes([b[i], b[i + 1]]);
        match h.msg_id {
            39 | 73 => {
                self.int_mode = h.msg_id == 73;
                if let Some((seq, kind, item)) = WireItem::from_frame(frame) {
                    self.item(now, from, usize::from(seq), kind, item);
                }
            }
            44 => self.begin(now, from, usize::from(half(0)), b[4]),
            43 => self.count(from, b[2]),
            51 => {
                self.int_mode = true;
                self.serve(from, b[4], half(0), true);
            }
            40 => {
                self.int_mode = false;
                self.serve(from, b[4], half(0), false);
            }
            45 => self.clear(from, b[2]),
            38 => self.begin_part(now, from, usize::from(half(0)), usize::from(half(2)), b[6]),
            47 => self.partner_says(now, from, b[2]),
            _ => return false,
        }
        true
    }

    /// MISSION_ACK of the one who uploads. PX4 asked in a way its partner does not speak: it asks in the other way
    /// (MAVSDK relies on that). ArduPilot does not hear it.
    fn partner_says(&mut self, now: Mono, from: (u8, u8), result: u8) {
        let every = self.every();
        let Some(s) = self.session.as_mut().filter(|s| s.from == from) else {
            return;
        };
        if self.kind == AutopilotKind::Px4 && result == R::MAV_MISSION_UNSUPPORTED as u8 {
            s.next_request = now.after(every);
            self.int_mode = !self.int_mode;
            self.request();
        }
    }

    fn count(&mut self, from: (u8, u8), mission_type: u8) {
        let Some(kind) = list_of(mission_type) else {
            self.ack(from, mission_type, R::MAV_MISSION_UNSUPPORTED, 0);
            return;
        };
        let count = u16::try_from(self.get(kind).len()).unwrap_or(u16::MAX);
        let opaque_id = self.id(kind);
        self.send(MavMessage::MISSION_COUNT(MISSION_COUNT_DATA {
            count,
            target_system: from.0,
            target_component: from.1,
            mission_type: kind.to_wire(),
            opaque_id,
        }));
    }

    fn clear(&mut self, from: (u8, u8), mission_type: u8) {
        let result = match (list_of(mission_type), mission_type) {
            (Some(kind), _) => {
                self.store(kind, Vec::new());
                R::MAV_MISSION_ACCEPTED
            }
            // ArduPilot has no "all"; PX4 clears the three.
            (None, TYPE_ALL) if !self.ardupilot() => {
                for kind in ListKind::ALL {
                    self.store(kind, Vec::new());
                }
                R::MAV_MISSION_ACCEPTED
            }
            _ => R::MAV_MISSION_UNSUPPORTED,
        };
        if result == R::MAV_MISSION_ACCEPTED {
            self.session = None;
        }
        self.ack(from, mission_type, result, 0);
    }

    /// Puts a list there whole, as an upload would have left it.
    ///
    /// # Errors
    /// The first item that would have been refused.
    pub fn load(&mut self, kind: ListKind, items: &[WireItem]) -> Result<(), String> {
        let ardupilot = self.ardupilot();
        for (seq, item) in items.iter().enumerate() {
            if ardupilot {
                copter_accepts(kind, seq, item)
            } else {
                px4_accepts(kind, item)
            }
            .map_err(|r| format!("{kind:?} item {seq}: {r:?}"))?;
        }
        let kept: Vec<WireItem> = items
            .iter()
            .map(|i| {
                if ardupilot {
                    copter_keeps(kind, *i)
                } else {
                    px4_keeps(kind, *i)
                }
            })
            .collect();
        if ardupilot && kind == ListKind::Fence {
            copter_fence_makes_sense(&kept)?;
        }
        self.store(kind, kept);
        Ok(())
    }
    /// An upload under way is forgotten (the autopilot started anew).
    pub fn forget_session(&mut self) {
        self.session = None;
        self.out.clear();
    }

    fn store(&mut self, kind: ListKind, items: Vec<WireItem>) {
        let i = slot(kind);
        if self.ardupilot() {
            match kind {
                ListKind::Mission if !items.is_empty() => self.text("Flight plan received"),
                ListKind::Fence => self.text("Fence Indexed OK"),
                _ => {}
            }
        } else {
            // PX4's id is a checksum over the list; it only matters that it changes with it.
            let mut h = 0x811c_9dc5_u32;
            for it in &items {
                for b in
                    it.x.to_le_bytes()
                        .into_iter()
                        .chain(it.y.to_le_bytes())
                        .chain(it.z.to_le_bytes())
                        .chain(it.command.to_le_bytes())
                {
                    h = (h ^ u32::from(b)).wrapping_mul(0x0100_0193);
                }
            }
            self.ids[i] = if items.is_empty() { 0 } else { h.max(1) };
        }
        self.lists[i] = items;
        self.changed.push(kind);
    }

    fn begin(&mut self, now: Mono, from: (u8, u8), total: usize, mission_type: u8) {
        let ardupilot = self.ardupilot();
        if let Some(s) = self.session.as_mut() {
            if ardupilot && s.from != from {
                self.ack(from, mission_type, R::MAV_MISSION_DENIED, 0);
                return;
            }
            if !ardupilot {
                // PX4 takes any count for a repeated one of its partner: it asks the partner again, or is busy.
                s.last_item = now;
                if s.items.is_empty() {
                    self.request();
                } else {
                    self.text("WPM: REJ. CMD: Busy");
                }
                return;
            }
        }
        let Some(kind) = list_of(mission_type) else {
            // A list PX4 does not know holds nothing, so anything is too much.
            let result = if ardupilot {
                R::MAV_MISSION_UNSUPPORTED
            } else {
                R::MAV_MISSION_NO_SPACE
            };
            self.ack(from, mission_type, result, 0);
            return;
        };
        let capacity = if ardupilot {
            COPTER_CAPACITY
        } else {
            PX4_CAPACITY
        }[slot(kind)];
        if total > capacity {
            self.ack(from, mission_type, R::MAV_MISSION_NO_SPACE, 0);
            let t = if ardupilot {
                format!("Only {capacity} items are supported")
            } else {
                "Mission: too many items".to_owned()
            };
            self.texts.push(t);
            return;
        }
        if total == 0 {
            self.session = None;
            self.store(kind, Vec::new());
            let id = self.id(kind);
            self.ack(from, mission_type, R::MAV_MISSION_ACCEPTED, id);
            return;
        }
        self.open(now, from, kind, 0..total, false);
    }

    /// MISSION_WRITE_PARTIAL_LIST: ArduPilot takes it, PX4 does not hear it.
    fn begin_part(
        &mut self,
        now: Mono,
        from: (u8, u8),
        first: usize,
        last: usize,
        mission_type: u8,
    ) {
        if !self.ardupilot() {
            return;
        }
        let Some(kind) = list_of(mission_type) else {
            self.ack(from, mission_type, R::MAV_MISSION_UNSUPPORTED, 0);
            return;
        };
        if self.session.as_ref().is_some_and(|s| s.from != from) {
            self.ack(from, mission_type, R::MAV_MISSION_DENIED, 0);
            return;
        }
        if last < first || last >= self.get(kind).len() {
            self.ack(from, mission_type, R::MAV_MISSION_ERROR, 0);
            return;
        }
        self.open(now, from, kind, first..last + 1, true);
    }

    fn open(
        &mut self,
        now: Mono,
        from: (u8, u8),
        kind: ListKind,
        seqs: std::ops::Range<usize>,
        partial: bool,
    ) {
        self.session = Some(Session {
            kind,
            from,
            first: seqs.start,
            end: seqs.end,
            partial,
            items: Vec::with_capacity(seqs.len()),
            last_item: now,
            next_request: now.after(self.every()),
        });
        self.request();
    }

    fn item(&mut self, now: Mono, from: (u8, u8), seq: usize, kind: ListKind, item: WireItem) {
        let ardupilot = self.ardupilot();
        let every = self.every();
        let mission_type = slot(kind) as u8;
        let Some(s) = self.session.as_mut() else {
            // Nobody asked: both complain.
            self.ack(from, mission_type, R::MAV_MISSION_ERROR, 0);
            return;
        };
        if s.from != from || s.kind != kind {
            self.ack(from, mission_type, R::MAV_MISSION_DENIED, 0);
            return;
        }
        if seq != s.first + s.items.len() {
            // ArduPilot aborts on a wrong sequence number; PX4 ignores it and asks again in its own time.
            if ardupilot {
                self.session = None;
                self.ack(from, mission_type, R::MAV_MISSION_INVALID_SEQUENCE, 0);
            }
            return;
        }
        if let Err(result) = if ardupilot {
            copter_accepts(kind, seq, &item)
        } else {
            px4_accepts(kind, &item)
        } {
            self.session = None;
            self.ack(from, mission_type, result, 0);
            if !ardupilot {
                self.text("IGN MISSION_ITEM: Invalid item");
            }
            return;
        }
        s.items.push(if ardupilot {
            copter_keeps(kind, item)
        } else {
            px4_keeps(kind, item)
        });
        s.last_item = now;
        s.next_request = now.after(every);
        if s.first + s.items.len() < s.end {
            self.request();
            return;
        }
        let Some(s) = self.session.take() else { return };
        let items = if s.partial {
            let mut all = self.get(kind).to_vec();
            for (to, it) in all.iter_mut().skip(s.first).zip(s.items) {
                *to = it;
            }
            all
        } else {
            s.items
        };
        if ardupilot
            && kind == ListKind::Fence
            && let Err(t) = copter_fence_makes_sense(&items)
        {
            self.ack(from, mission_type, R::MAV_MISSION_ERROR, 0);
            self.texts.push(t);
            self.text("Fence validation failed");
            return;
        }
        self.store(kind, items);
        let id = self.id(kind);
        self.ack(from, mission_type, R::MAV_MISSION_ACCEPTED, id);
    }

    fn serve(&mut self, from: (u8, u8), mission_type: u8, seq: u16, int: bool) {
        // Neither says a word about a list it does not know, nor PX4 about an item it does not have.
        let Some(kind) = list_of(mission_type) else {
            return;
        };
        let Some(item) = self.get(kind).get(usize::from(seq)).copied() else {
            if self.ardupilot() {
                // It first tells the station how many there are.
                self.count(from, mission_type);
                self.ack(from, mission_type, R::MAV_MISSION_INVALID_SEQUENCE, 0);
            }
            return;
        };
        let item = if self.ardupilot() {
            item
        } else {
            px4_tells(item, usize::from(seq) == self.current, int)
        };
        let m = if int {
            item.to_message(seq, kind, from)
        } else {
            item.to_float_message(seq, kind, from)
        };
        if let Some(m) = m {
            self.send(m);
        }
    }

    /// ArduPilot's item 0 is home, whatever was sent; zeros while home is not known.
    pub fn set_home_item(&mut self, lat_e7: i32, lon_e7: i32, alt_amsl_m: f64) {
        if let Some(first) = self.lists[0].first_mut() {
            *first = WireItem {
                frame: 0,
                command: cmd::WAYPOINT,
                current: 0,
                autocontinue: 1,
                p: [0.0; 4],
                x: lat_e7,
                y: lon_e7,
                z: alt_amsl_m as f32,
            };
        }
    }
}

/// ArduPilot looks at a fence only when it is whole: each polygon has the corners it says, three at least.
fn copter_fence_makes_sense(items: &[WireItem]) -> Result<(), String> {
    let mut k = 0;
    while let Some(it) = items.get(k) {
        if !matches!(
            it.command,
            cmd::FENCE_POLYGON_INCLUSION | cmd::FENCE_POLYGON_EXCLUSION
        ) {
            k += 1;
            continue;
        }
        let n = it.p[0] as usize;
        if n < 3 {
            return Err(format!("Invalid vertex count ({n})"));
        }
        let corners = items
            .iter()
            .skip(k)
            .take(n)
            .filter(|c| c.command == it.command && c.p[0] == it.p[0])
            .count();
        if corners < n {
            return Err("Incorrect item count".to_owned());
        }
        k += n;
    }
    Ok(())
}

fn known_command(kind: ListKind, c: u16) -> bool {
    match kind {
        ListKind::Mission => {
            matches!(c, 16..=22 | 31 | 82 | 92..=95 | 112..=115 | 177 | 178 | 179 | 181..=184 | 189 | 194..=195 | 197 | 201 | 203..=208 | 211 | 212 | 220 | 222 | 530..=532 | 1000 | 1001 | 2000 | 2001 | 2500 | 2501)
        }
        ListKind::Fence => (5000..=5004).contains(&c),
        ListKind::Rally => c == cmd::RALLY_POINT,
    }
}

fn has_place(c: u16) -> bool {
    matches!(c, 16..=19 | 21 | 22 | 31 | 82 | 5000..=5004 | 5100)
}

fn copter_accepts(kind: ListKind, seq: usize, it: &WireItem) -> Result<(), R> {
    if kind == ListKind::Mission && seq == 0 {
        return Ok(());
    }
    if !known_command(kind, it.command) {
        return Err(R::MAV_MISSION_UNSUPPORTED);
    }
    if has_place(it.command) && !matches!(it.frame, 0 | 3 | 5 | 6 | 10 | 11) {
        return Err(R::MAV_MISSION_UNSUPPORTED_FRAME);
    }
    for (p, result) in it.p.iter().zip([
        R::MAV_MISSION_INVALID_PARAM1,
        R::MAV_MISSION_INVALID_PARAM2,
        R::MAV_MISSION_INVALID_PARAM3,
    ]) {
        if !p.is_finite() {
            return Err(result);
        }
    }
    if has_place(it.command) {
        if it.x.unsigned_abs() > 900_000_000 {
            return Err(R::MAV_MISSION_INVALID_PARAM5_X);
        }
        if it.y.unsigned_abs() > 1_800_000_000 {
            return Err(R::MAV_MISSION_INVALID_PARAM6_Y);
        }
    }
    if !it.z.is_finite() {
        return Err(R::MAV_MISSION_INVALID_PARAM7);
    }
    Ok(())
}

/// Lossy storage: frames folded, times to whole seconds in 16 bits, radii and yaw of waypoints dropped, heights in cm.
fn copter_keeps(kind: ListKind, mut it: WireItem) -> WireItem {
    it.current = 0;
    it.autocontinue = u8::from(kind == ListKind::Mission);
    it.frame = match (kind, it.frame) {
        (ListKind::Fence, _) => 0,
        (_, 5) => 0,
        (_, 6) => 3,
        (_, 11) => 10,
        (_, f) if has_place(it.command) => f,
        _ => 0,
    };
    it.z = (f64::from(it.z) * 100.0).round() as f32 / 100.0;
    if kind == ListKind::Mission {
        let whole = |p: f32| f32::from((p.trunc() as i64 & 0xFFFF) as u16);
        match it.command {
            cmd::WAYPOINT => it.p = [whole(it.p[0]), it.p[1].trunc(), 0.0, 0.0],
            cmd::LOITER_TIME => it.p = [whole(it.p[0]), 0.0, it.p[2], 0.0],
            cmd::TAKEOFF | cmd::LAND | cmd::RETURN_TO_LAUNCH => it.p = [0.0; 4],
            _ => {}
        }
    }
    if kind != ListKind::Fence && !has_place(it.command) {
        (it.x, it.y) = (0, 0);
    }
    it
}

fn px4_accepts(kind: ListKind, it: &WireItem) -> Result<(), R> {
    // PX4 asks whether it knows the command, hardly whether it belongs to the list: waypoints in the fence and among
    // the rally points go through, as captured.
    if !ListKind::ALL.iter().any(|k| known_command(*k, it.command)) {
        return Err(R::MAV_MISSION_UNSUPPORTED);
    }
    let of_fence = known_command(ListKind::Fence, it.command);
    if kind == ListKind::Mission && of_fence {
        return Err(R::MAV_MISSION_ERROR);
    }
    if !matches!(it.frame, 0 | 2 | 3 | 5 | 6) {
        return Err(R::MAV_MISSION_UNSUPPORTED_FRAME);
    }
    let polygon = matches!(
        it.command,
        cmd::FENCE_POLYGON_INCLUSION | cmd::FENCE_POLYGON_EXCLUSION
    );
    if polygon && (it.p[0].is_nan() || it.p[0] < 3.0) {
        return Err(R::MAV_MISSION_ERROR);
    }
    Ok(())
}

/// PX4 keeps whether a height is above home or above the sea, and nothing of the frame of a fence.
fn px4_keeps(kind: ListKind, mut it: WireItem) -> WireItem {
    it.frame = match (kind, it.frame) {
        (ListKind::Fence, _) | (_, 0 | 5) => 5,
        (_, 3 | 6) => 6,
        (_, f) => f,
    };
    if kind == ListKind::Fence {
        it.autocontinue = 0;
    }
    it.current = 0;
    it
}

/// As PX4 reads an item out: the frame's INT spelling in the INT message, the old one in the old.
fn px4_tells(mut it: WireItem, current: bool, int: bool) -> WireItem {
    it.current = u8::from(current);
    if !int {
        it.frame = match it.frame {
            5 => 0,
            6 => 3,
            f => f,
        };
    }
    it
}
