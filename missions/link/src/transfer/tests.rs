//! Transfers over a lossy line, in virtual time, against receivers that behave as the two autopilots were captured to.

use super::*;
use crate::common::{
    MISSION_CLEAR_ALL_DATA, MISSION_REQUEST_DATA, MISSION_REQUEST_INT_DATA,
    MISSION_REQUEST_LIST_DATA,
};
use crate::frame::{Frame, Msg, Stamper};
use crate::items::{ListKind, WireItem};
use missions::time::{Mono, Now, Reading};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const STATION: (u8, u8) = (255, 190);
const VEHICLE: (u8, u8) = (1, 1);

fn at(us: u64) -> Now {
    Now {
        mono: Mono(us),
        utc: Reading::NotYet,
    }
}

fn items(n: usize, salt: i32) -> Vec<WireItem> {
    (0..n as i32)
        .map(|i| WireItem {
            frame: 3,
            command: 16,
            current: u8::from(i == 0),
            autocontinue: 1,
            p: [0.0, 0.0, 0.0, f32::NAN],
            x: 277_870_000 + i * 100 + salt,
            y: 1_200_910_000 - i * 50,
            z: 40.0,
        })
        .collect()
}

/// Equal bit for bit: NaN is not equal to itself.
fn same(a: &[WireItem], b: &[WireItem]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| {
            (a.x, a.y, a.command, a.frame, a.z.to_bits())
                == (b.x, b.y, b.command, b.frame, b.z.to_bits())
        })
}

/// One direction of a bad line: frames get lost, late, overtaken and doubled.
struct Line {
    rng: ChaCha8Rng,
    loss: f64,
    doubles: f64,
    air: Vec<(u64, Frame)>,
    from: Stamper,
}

impl Line {
    fn new(seed: u64, loss: f64, from: (u8, u8)) -> Self {
        Line {
            rng: ChaCha8Rng::seed_from_u64(seed),
            loss,
            doubles: 0.03,
            air: Vec::new(),
            from: Stamper::new(from.0, from.1),
        }
    }
    fn send(&mut self, now: u64, m: MavMessage) {
        let frame = self.from.frame(m);
        let copies = 1 + u32::from(self.rng.random::<f64>() < self.doubles);
        for _ in 0..copies {
            if self.rng.random::<f64>() >= self.loss {
                let late = self.rng.random_range(5_000..40_000);
                self.air.push((now + late, frame.clone()));
            }
        }
    }
    fn arrived(&mut self, now: u64) -> Vec<Frame> {
        let (due, later): (Vec<_>, Vec<_>) = self.air.drain(..).partition(|a| a.0 <= now);
        self.air = later;
        due.into_iter().map(|a| a.1).collect()
    }
}

/// A receiver with the manners of one autopilot.
struct Autopilot {
    ardupilot: bool,
    total: usize,
    got: Vec<WireItem>,
    receiving: bool,
    heard: u64,
    asked: u64,
    committed: Option<Vec<WireItem>>,
}

impl Autopilot {
    fn new(ardupilot: bool) -> Self {
        Autopilot {
            ardupilot,
            total: 0,
            got: Vec::new(),
            receiving: false,
            heard: 0,
            asked: 0,
            committed: None,
        }
    }
    fn ask(&mut self, now: u64) -> MavMessage {
        self.asked = now;
        let (seq, mission_type) = (self.got.len() as u16, ListKind::Mission.to_wire());
        let (target_system, target_component) = STATION;
        if self.ardupilot {
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
        }
    }
    fn say(result: MavMissionResult) -> MavMessage {
        ack(STATION, ListKind::Mission.to_wire(), result)
    }
    fn handle(&mut self, now: u64, frame: &Frame) -> Option<MavMessage> {
        use MavMissionResult as R;
        if let Some((seq, _, item)) = WireItem::from_frame(frame) {
            let seq = usize::from(seq);
            if !self.receiving {
                // PX4 knows a repeated last item; ArduPilot has forgotten.
                let repeated = self.committed.as_ref().is_some_and(|c| seq + 1 == c.len());
                return Some(Self::say(if repeated && !self.ardupilot {
                    R::MAV_MISSION_ACCEPTED
                } else {
                    R::MAV_MISSION_ERROR
                }));
            }
            if seq != self.got.len() {
                if self.ardupilot {
                    self.receiving = false;
                    return Some(Self::say(R::MAV_MISSION_INVALID_SEQUENCE));
                }
                return None;
            }
            self.heard = now;
            self.got.push(item);
            if self.got.len() == self.total {
                self.receiving = false;
                self.committed = Some(std::mem::take(&mut self.got));
                return Some(Self::say(R::MAV_MISSION_ACCEPTED));
            }
            return Some(self.ask(now));
        }
        match frame.decode() {
            Msg::Common(m) => match *m {
                MavMessage::MISSION_COUNT(c) => {
                    self.total = usize::from(c.count);
                    self.got.clear();
                    self.receiving = true;
                    self.heard = now;
                    Some(self.ask(now))
                }
                _ => None,
            },
            _ => None,
        }
    }
    fn tick(&mut self, now: u64) -> Option<MavMessage> {
        if !self.receiving {
            return None;
        }
        let (again, over) = if self.ardupilot {
            (1_000_000, 8_000_000)
        } else {
            (260_000, 5_000_000)
        };
        if now - self.heard > over {
            self.receiving = false;
            return self
                .ardupilot
                .then(|| Self::say(MavMissionResult::MAV_MISSION_OPERATION_CANCELLED));
        }
        (now - self.asked > again).then(|| self.ask(now))
    }
}

/// Uploads over a line; returns how it ended, what the autopilot committed, and how long it took in seconds.
fn upload(ardupilot: bool, loss: f64, n: usize, seed: u64) -> (Progress, bool, f64) {
    let list = items(n, 0);
    let mut vehicle = Autopilot::new(ardupilot);
    let mut up = Line::new(seed, loss, STATION);
    let mut down = Line::new(seed ^ 0xA5A5, loss, VEHICLE);
    if ardupilot {
        // It aborts at any item it did not ask for, so over a line that doubles frames nobody can upload to it. The
        // companion's serial line loses frames and never doubles them.
        up.doubles = 0.0;
    }
    let mut tx = Uploader::new(ListKind::Mission, list.clone(), VEHICLE);
    for now in (0..600_000_000u64).step_by(5_000) {
        for f in down.arrived(now) {
            tx.handle(at(now), &f.decode());
        }
        tx.tick(at(now));
        while let Some(m) = tx.poll() {
            up.send(now, m);
        }
        for f in up.arrived(now) {
            if let Some(m) = vehicle.handle(now, &f) {
                down.send(now, m);
            }
        }
        if let Some(m) = vehicle.tick(now) {
            down.send(now, m);
        }
        if tx.progress().is_over() {
            let committed = vehicle.committed.is_some_and(|c| same(&c, &list));
            return (tx.progress().clone(), committed, now as f64 * 1e-6);
        }
    }
    panic!("an upload that never ends");
}

#[test]
fn uploads_to_either_autopilot_survive_a_bad_line_and_never_claim_what_is_not_so() {
    for ardupilot in [false, true] {
        // At half of all frames lost, ArduPilot's own eight seconds are over too often.
        let half = if ardupilot { 5 } else { 36 };
        for (loss, least_good) in [(0.0, 40), (0.2, 38), (0.3, 34), (0.5, half)] {
            let (mut good, mut unsure, mut slowest) = (0, 0, 0.0f64);
            for seed in 0..40 {
                let (progress, committed, s) = upload(ardupilot, loss, 25, seed);
                match progress {
                    Progress::Done => {
                        assert!(committed, "a false success, seed {seed}");
                        good += 1;
                        slowest = slowest.max(s);
                    }
                    Progress::Unsure => unsure += 1,
                    _ => {}
                }
            }
            println!(
                "upload of 25 items, {}, loss {loss} both ways: {good} done, {unsure} unsure of 40; slowest {slowest:.1} s",
                if ardupilot { "ArduPilot" } else { "PX4" },
            );
            // Unsure is as good as done: the caller reads back.
            assert!(good + unsure >= least_good, "{good} + {unsure}");
        }
    }
}

#[test]
fn a_lost_last_acknowledgement_is_told_as_unsure_or_made_good_never_as_failure() {
    for ardupilot in [false, true] {
        let list = items(3, 0);
        let mut vehicle = Autopilot::new(ardupilot);
        let mut to = Stamper::new(STATION.0, STATION.1);
        let mut back = Stamper::new(VEHICLE.0, VEHICLE.1);
        let mut tx = Uploader::new(ListKind::Mission, list.clone(), VEHICLE);
        let mut lost = 0;
        for now in (0..60_000_000u64).step_by(10_000) {
            tx.tick(at(now));
            while let Some(m) = tx.poll() {
                let Some(answer) = vehicle.handle(now, &to.frame(m)) else {
                    continue;
                };
                if matches!(answer, MavMessage::MISSION_ACK(_)) && lost == 0 {
                    lost += 1;
                    continue;
                }
                tx.handle(at(now), &back.frame(answer).decode());
            }
            if tx.progress().is_over() {
                break;
            }
        }
        assert!(same(vehicle.committed.as_deref().unwrap(), &list));
        let told = tx.progress().clone();
        assert_eq!(
            told,
            if ardupilot {
                Progress::Unsure
            } else {
                Progress::Done
            }
        );
    }
}

#[test]
fn nobody_there_and_a_plain_refusal_are_told_apart() {
    let mut tx = Uploader::new(ListKind::Fence, items(3, 0), VEHICLE);
    let mut sent = 0;
    for now in (0..20_000_000u64).step_by(10_000) {
        tx.tick(at(now));
        while tx.poll().is_some() {
            sent += 1;
        }
    }
    assert_eq!((tx.progress(), sent), (&Progress::Silent, 10));

    let mut tx = Uploader::new(ListKind::Fence, items(3, 0), VEHICLE);
    tx.tick(at(0));
    let no = MavMissionResult::MAV_MISSION_NO_SPACE;
    tx.handle(at(1), &ack(STATION, ListKind::Rally.to_wire(), no).into());
    assert!(!tx.progress().is_over(), "that was about another list");
    tx.handle(at(1), &ack(STATION, ListKind::Fence.to_wire(), no).into());
    assert_eq!(tx.progress(), &Progress::Refused(no));
}

#[test]
fn an_acceptance_that_belongs_to_an_earlier_upload_is_not_taken_for_ours() {
    let mut tx = Uploader::new(ListKind::Mission, items(3, 0), VEHICLE);
    tx.tick(at(0));
    let yes = MavMissionResult::MAV_MISSION_ACCEPTED;
    tx.handle(
        at(1),
        &ack(STATION, ListKind::Mission.to_wire(), yes).into(),
    );
    assert!(!tx.progress().is_over());
}

/// A whole station against a [`Server`], both over the same bad line: (uploaded, what the server was asked to take).
fn to_server(loss: f64, n: usize, seed: u64) -> (Progress, Vec<Vec<WireItem>>) {
    let list = items(n, 0);
    let mut server = Server::new();
    let mut up = Line::new(seed, loss, STATION);
    let mut down = Line::new(!seed, loss, VEHICLE);
    let mut tx = Uploader::new(ListKind::Mission, list, VEHICLE);
    let mut received = Vec::new();
    for now in (0..600_000_000u64).step_by(5_000) {
        for f in down.arrived(now) {
            tx.handle(at(now), &f.decode());
        }
        tx.tick(at(now));
        while let Some(m) = tx.poll() {
            up.send(now, m);
        }
        for f in up.arrived(now) {
            assert!(server.handle(at(now), &f));
        }
        server.tick(at(now));
        while let Some(out) = server.poll() {
            match out {
                ServerOut::Send { to, message } => {
                    assert_eq!(to, STATION);
                    down.send(now, message);
                }
                ServerOut::Received { kind, items, .. } => {
                    received.push(items);
                    server.answer(kind, MavMissionResult::MAV_MISSION_ACCEPTED);
                }
                ServerOut::Clear { .. } => unreachable!(),
            }
        }
        if tx.progress().is_over() {
            return (tx.progress().clone(), received);
        }
    }
    panic!("an upload that never ends");
}

#[test]
fn what_the_server_hands_over_is_whole_and_what_a_station_is_told_is_true() {
    for loss in [0.0, 0.2, 0.3, 0.5] {
        let mut done = 0;
        for seed in 0..40 {
            let (progress, received) = to_server(loss, 25, seed);
            for r in &received {
                assert!(same(r, &items(25, 0)), "seed {seed}");
            }
            if progress == Progress::Done {
                assert!(!received.is_empty());
                done += 1;
            }
        }
        println!("25 items to the server, loss {loss} both ways: {done} of 40 done");
        assert!(done >= if loss < 0.4 { 36 } else { 15 }, "{done}");
    }
}

#[test]
fn downloads_survive_a_bad_line() {
    for loss in [0.0, 0.2, 0.5] {
        let mut done = 0;
        for seed in 0..40u64 {
            let list = items(25, 0);
            let mut server = Server::new();
            server.set_list(ListKind::Fence, list.clone());
            let mut up = Line::new(seed, loss, STATION);
            let mut down = Line::new(!seed, loss, VEHICLE);
            let mut rx = Downloader::new(ListKind::Fence, VEHICLE);
            for now in (0..400_000_000u64).step_by(5_000) {
                for f in down.arrived(now) {
                    rx.handle(at(now), &f);
                }
                rx.tick(at(now));
                while let Some(m) = rx.poll() {
                    up.send(now, m);
                }
                for f in up.arrived(now) {
                    server.handle(at(now), &f);
                }
                while let Some(out) = server.poll() {
                    if let ServerOut::Send { message, .. } = out {
                        down.send(now, message);
                    }
                }
                if rx.progress().is_over() {
                    break;
                }
            }
            match rx.progress() {
                Progress::Done => {
                    assert!(same(rx.items(), &list));
                    done += 1;
                }
                other => assert_eq!(other, &Progress::Silent),
            }
        }
        println!("25 items down, loss {loss} both ways: {done} of 40 done");
        assert!(done >= if loss < 0.4 { 40 } else { 28 }, "{done}");
    }
}

struct Story {
    server: Server,
    now: u64,
}

impl Story {
    fn new() -> Self {
        Story {
            server: Server::new(),
            now: 0,
        }
    }
    fn says(&mut self, who: (u8, u8), m: MavMessage) -> Vec<ServerOut> {
        self.now += 10_000;
        let frame = Stamper::new(who.0, who.1).frame(m);
        assert!(self.server.handle(at(self.now), &frame));
        self.drain()
    }
    fn waits(&mut self, ms: u64) -> Vec<ServerOut> {
        self.now += ms * 1_000;
        self.server.tick(at(self.now));
        self.drain()
    }
    fn drain(&mut self) -> Vec<ServerOut> {
        std::iter::from_fn(|| self.server.poll()).collect()
    }
}

fn count(n: u16, kind: ListKind) -> MavMessage {
    MavMessage::MISSION_COUNT(crate::common::MISSION_COUNT_DATA {
        count: n,
        target_system: 1,
        target_component: 1,
        mission_type: kind.to_wire(),
        opaque_id: 7,
    })
}

fn asked(out: &[ServerOut]) -> Vec<u16> {
    out.iter()
        .filter_map(|o| match o {
            ServerOut::Send {
                message: MavMessage::MISSION_REQUEST_INT(r),
                ..
            } => Some(r.seq),
            _ => None,
        })
        .collect()
}

fn acked(out: &[ServerOut]) -> Vec<(u8, MavMissionResult)> {
    out.iter()
        .filter_map(|o| match o {
            ServerOut::Send {
                to,
                message: MavMessage::MISSION_ACK(a),
            } => Some((to.0, a.mavtype)),
            _ => None,
        })
        .collect()
}

#[test]
fn a_second_uploader_is_refused_and_the_first_goes_on() {
    let list = items(2, 0);
    let kind = ListKind::Mission;
    let mut s = Story::new();
    assert_eq!(asked(&s.says(STATION, count(2, kind))), [0]);
    let other = s.says((254, 190), count(9, ListKind::Rally));
    assert_eq!(acked(&other), [(254, MavMissionResult::MAV_MISSION_DENIED)]);
    let item = |n: usize| list[n].to_message(n as u16, kind, VEHICLE).unwrap();
    assert_eq!(asked(&s.says(STATION, item(0))), [1]);
    let out = s.says(STATION, item(1));
    assert!(
        matches!(&out[..], [ServerOut::Received { items, from, .. }] if items.len() == 2 && *from == STATION)
    );
    // While the gate judges, a repeated item or count changes nothing.
    assert!(s.says(STATION, item(1)).is_empty());
    assert!(s.says(STATION, count(2, kind)).is_empty());
    s.server.answer(kind, MavMissionResult::MAV_MISSION_INVALID);
    let verdict = (255, MavMissionResult::MAV_MISSION_INVALID);
    assert_eq!(acked(&s.drain()), [verdict]);
    // The acknowledgement was lost: the station repeats its last item and hears the same verdict.
    assert_eq!(acked(&s.says(STATION, item(1))), [verdict]);
    assert!(
        s.server.list(kind).is_empty(),
        "the owner stores, not the server"
    );
}

#[test]
fn a_station_that_falls_silent_is_asked_again_and_then_told_it_is_over() {
    let mut s = Story::new();
    s.says(STATION, count(3, ListKind::Fence));
    let mut again = 0;
    let mut over = Vec::new();
    for _ in 0..40 {
        let out = s.waits(500);
        again += asked(&out).len();
        over.extend(acked(&out));
    }
    assert_eq!(again, 16, "eight seconds");
    assert_eq!(
        over,
        [(255, MavMissionResult::MAV_MISSION_OPERATION_CANCELLED)]
    );
    assert!(!s.server.is_receiving());
}

#[test]
fn a_new_list_of_the_same_length_is_never_mixed_with_the_old_one() {
    let kind = ListKind::Mission;
    let (old, new) = (items(3, 0), items(3, 777));
    let mut s = Story::new();
    s.says(STATION, count(3, kind));
    s.says(STATION, old[0].to_message(0, kind, VEHICLE).unwrap());
    // The station starts over with another plan.
    assert_eq!(asked(&s.says(STATION, count(3, kind))), [0]);
    let mut out = Vec::new();
    for (n, i) in new.iter().enumerate() {
        out = s.says(STATION, i.to_message(n as u16, kind, VEHICLE).unwrap());
    }
    assert!(matches!(&out[..], [ServerOut::Received { items, .. }] if same(items, &new)));
}

#[test]
fn doubled_and_early_items_do_not_breed_more_of_themselves() {
    let kind = ListKind::Mission;
    let list = items(9, 0);
    let mut s = Story::new();
    s.says(STATION, count(9, kind));
    assert_eq!(
        asked(&s.says(STATION, list[0].to_message(0, kind, VEHICLE).unwrap())),
        [1]
    );
    let mut again = 0;
    for _ in 0..20 {
        again += asked(&s.says(STATION, list[0].to_message(0, kind, VEHICLE).unwrap())).len();
        again += asked(&s.says(STATION, list[5].to_message(5, kind, VEHICLE).unwrap())).len();
    }
    assert!(again <= 2, "{again} requests for 40 useless items");
}

#[test]
fn clearing_by_count_zero_by_clear_all_and_reading_an_empty_list() {
    let mut s = Story::new();
    let out = s.says(STATION, count(0, ListKind::Rally));
    assert!(matches!(&out[..], [ServerOut::Received { items, .. }] if items.is_empty()));
    s.server
        .answer(ListKind::Rally, MavMissionResult::MAV_MISSION_ACCEPTED);
    assert_eq!(acked(&s.drain()).len(), 1);
    let clear = |mission_type| {
        MavMessage::MISSION_CLEAR_ALL(MISSION_CLEAR_ALL_DATA {
            target_system: 1,
            target_component: 1,
            mission_type,
        })
    };
    let out = s.says(STATION, clear(MavMissionType::MAV_MISSION_TYPE_ALL));
    assert!(matches!(&out[..], [ServerOut::Clear { kind: None, .. }]));
    let out = s.says(
        STATION,
        MavMessage::MISSION_REQUEST_LIST(MISSION_REQUEST_LIST_DATA {
            target_system: 1,
            target_component: 1,
            mission_type: MavMissionType::MAV_MISSION_TYPE_FENCE,
        }),
    );
    assert!(matches!(
        &out[..],
        [ServerOut::Send { message: MavMessage::MISSION_COUNT(c), .. }] if c.count == 0
    ));
}

#[test]
fn old_stations_that_ask_and_send_by_the_old_names_are_served() {
    let kind = ListKind::Mission;
    let list = items(2, 0);
    let mut s = Story::new();
    s.says(STATION, count(2, kind));
    let float = |n: usize| list[n].to_float_message(n as u16, kind, VEHICLE).unwrap();
    assert_eq!(asked(&s.says(STATION, float(0))), [1]);
    let out = s.says(STATION, float(1));
    let [ServerOut::Received { items, .. }] = &out[..] else {
        panic!("{out:?}")
    };
    // Float degrees are good to a metre or so at this longitude.
    assert!((items[1].y - list[1].y).abs() < 100 && (items[1].x - list[1].x).abs() < 30);
    s.server.set_list(kind, list);
    let out = s.says(
        STATION,
        MavMessage::MISSION_REQUEST(MISSION_REQUEST_DATA {
            seq: 1,
            target_system: 1,
            target_component: 1,
            mission_type: kind.to_wire(),
        }),
    );
    assert!(matches!(
        &out[..],
        [ServerOut::Send {
            message: MavMessage::MISSION_ITEM(_),
            ..
        }]
    ));
    let out = s.says(
        STATION,
        MavMessage::MISSION_REQUEST_INT(MISSION_REQUEST_INT_DATA {
            seq: 2,
            target_system: 1,
            target_component: 1,
            mission_type: kind.to_wire(),
        }),
    );
    assert_eq!(
        acked(&out),
        [(255, MavMissionResult::MAV_MISSION_INVALID_SEQUENCE)]
    );
}

#[test]
fn a_station_that_gives_up_frees_the_server_for_the_next() {
    let mut s = Story::new();
    s.says(STATION, count(5, ListKind::Mission));
    s.says(
        STATION,
        ack(
            VEHICLE,
            ListKind::Mission.to_wire(),
            MavMissionResult::MAV_MISSION_OPERATION_CANCELLED,
        ),
    );
    assert_eq!(asked(&s.says((254, 190), count(1, ListKind::Mission))), [0]);
}

#[test]
fn an_upload_that_a_dead_companion_left_open_is_waited_out() {
    // As PX4 1.15: whatever count comes while an upload is open is a word of its partner; it is forgotten 5 s after the
    // last word, and asks each 260 ms until then.
    let mut up = Uploader::new(ListKind::Mission, items(4, 0), VEHICLE);
    let (mut left_open, mut last_word, mut got) = (true, 0u64, 0usize);
    let request = |kind: ListKind, seq: u16| {
        Msg::from(MavMessage::MISSION_REQUEST_INT(
            crate::common::MISSION_REQUEST_INT_DATA {
                seq,
                target_system: 1,
                target_component: 191,
                mission_type: kind.to_wire(),
            },
        ))
    };
    for ms in 0..30_000u64 {
        let now = at(ms * 1_000);
        up.tick(now);
        left_open &= ms - last_word < 5_000;
        if left_open && ms % 260 == 0 {
            up.handle(now, &request(ListKind::Fence, 3));
        }
        while let Some(m) = up.poll() {
            match m {
                MavMessage::MISSION_COUNT(_) if left_open => last_word = ms,
                MavMessage::MISSION_COUNT(_) => up.handle(now, &request(ListKind::Mission, 0)),
                MavMessage::MISSION_ITEM_INT(i) => {
                    got = usize::from(i.seq) + 1;
                    if got < 4 {
                        up.handle(now, &request(ListKind::Mission, got as u16));
                    } else {
                        let done = super::ack(
                            (1, 191),
                            ListKind::Mission.to_wire(),
                            MavMissionResult::MAV_MISSION_ACCEPTED,
                        );
                        up.handle(now, &Msg::from(done));
                    }
                }
                _ => {}
            }
        }
        if up.progress().is_over() {
            break;
        }
    }
    assert_eq!((got, up.progress()), (4, &Progress::Done));
}
