//! Uploads of foreign stations by the standard protocol, and their commands.

use super::*;
use link::common::MavMissionResult as R;
use link::items::{ListKind, WireItem, cmd};
use link::transfer::{Downloader, Progress, Uploader};
use missions::plane::{EastNorth, LocalPlane};

fn item(command: u16, frame: u8, p: [f32; 4], at: missions::place::LatLon, z: f32) -> WireItem {
    WireItem {
        frame,
        command,
        current: 0,
        autocontinue: 1,
        p,
        x: at.lat_e7(),
        y: at.lon_e7(),
        z,
    }
}

struct Lists {
    mission: Vec<WireItem>,
    escaping: Vec<WireItem>,
    fence: Vec<WireItem>,
    rally: Vec<WireItem>,
}

/// A fence like a U: two legs of it are inside, the straight line between their tips is not.
fn lists(s: &Stage) -> Lists {
    let plane = LocalPlane::new(s.fake.home.at);
    let ll = |e: f64, n: f64| plane.to_latlon(EastNorth::new(e, n)).unwrap();
    let ring = [
        (-300.0, -100.0),
        (300.0, -100.0),
        (300.0, 250.0),
        (150.0, 250.0),
        (150.0, 60.0),
        (-150.0, 60.0),
        (-150.0, 250.0),
        (-300.0, 250.0),
    ];
    let fence: Vec<_> = ring
        .iter()
        .map(|(e, n)| {
            item(
                cmd::FENCE_POLYGON_INCLUSION,
                0,
                [8.0, 0.0, 0.0, 0.0],
                ll(*e, *n),
                0.0,
            )
        })
        .collect();
    let head = || {
        let mut v = Vec::new();
        if s.fake.kind == Kind::ArduPilot {
            v.push(item(
                16,
                0,
                [0.0; 4],
                s.fake.home.at,
                s.fake.home.alt.metres() as f32,
            ));
        }
        v.push(item(cmd::TAKEOFF, 3, [0.0; 4], s.fake.home.at, 30.0));
        v
    };
    let wp = |e, n| item(cmd::WAYPOINT, 3, [0.0; 4], ll(e, n), 30.0);
    let mut mission = head();
    mission.extend([
        wp(250.0, 0.0),
        wp(270.0, 70.0),
        wp(250.0, 0.0),
        wp(-250.0, 0.0),
    ]);
    mission.push(WireItem {
        frame: 2,
        command: cmd::RETURN_TO_LAUNCH,
        autocontinue: 1,
        ..WireItem::default()
    });
    // Both ends are deep inside; the way between them is not.
    let mut escaping = head();
    escaping.extend([
        wp(250.0, 0.0),
        wp(270.0, 70.0),
        wp(-270.0, 70.0),
        wp(-250.0, 0.0),
    ]);
    escaping.push(WireItem {
        frame: 2,
        command: cmd::RETURN_TO_LAUNCH,
        autocontinue: 1,
        ..WireItem::default()
    });
    Lists {
        mission,
        escaping,
        fence,
        rally: vec![item(cmd::RALLY_POINT, 3, [0.0; 4], ll(30.0, 0.0), 30.0)],
    }
}

fn upload(s: &mut Stage, kind: ListKind, items: &[WireItem]) -> Progress {
    let mut u = Uploader::new(kind, items.to_vec(), (1, 1));
    s.heard.clear();
    for _ in 0..1000 {
        u.tick(s.now());
        while let Some(m) = u.poll() {
            s.to_companion(m);
        }
        for f in std::mem::take(&mut s.heard) {
            let h = f.header();
            assert!(
                h.msg_id != 47 || (h.system, h.component) == (1, 1),
                "answers come from the autopilot's component"
            );
            u.handle(s.now(), &f.decode());
        }
        if u.progress().is_over() {
            break;
        }
        s.step();
    }
    u.progress().clone()
}

fn download(s: &mut Stage, kind: ListKind) -> Vec<WireItem> {
    let mut d = Downloader::new(kind, (1, 1));
    s.heard.clear();
    for _ in 0..1000 {
        d.tick(s.now());
        while let Some(m) = d.poll() {
            s.to_companion(m);
        }
        for f in std::mem::take(&mut s.heard) {
            d.handle(s.now(), &f);
        }
        if d.progress().is_over() {
            break;
        }
        s.step();
    }
    assert_eq!(*d.progress(), Progress::Done);
    d.items().to_vec()
}

fn on_aircraft(s: &mut Stage) {
    s.until("on aircraft", 30.0, |s| {
        s.state
            .is_some_and(|r| r.plan_state == PlanState::OnAircraft)
    });
}

fn stage(kind: Kind) -> (Stage, Lists) {
    let mut s = Stage::new(kind);
    s.run(4.0);
    let l = lists(&s);
    (s, l)
}

#[test]
fn lists_pass_in_any_order_and_come_back_as_sent() {
    for kind in [Kind::Px4, Kind::ArduPilot] {
        for order in [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ] {
            let (mut s, l) = stage(kind);
            let all = [
                (ListKind::Mission, &l.mission),
                (ListKind::Fence, &l.fence),
                (ListKind::Rally, &l.rally),
            ];
            for n in order {
                let (k, items) = all[n];
                // At once, as stations do, also while the set so far is being written.
                assert_eq!(
                    upload(&mut s, k, items),
                    Progress::Done,
                    "{kind:?} {order:?} {k:?} {:?}",
                    s.said
                );
            }
            s.run(6.0);
            on_aircraft(&mut s);
            for (k, items) in all {
                assert_eq!(&download(&mut s, k), items, "{k:?}");
                assert_eq!(s.fake.server.list(k).len(), items.len(), "{k:?} aboard");
            }
        }
    }
}

#[test]
fn a_way_that_leaves_between_two_inside_places_is_refused_and_the_old_plan_is_intact() {
    for kind in [Kind::Px4, Kind::ArduPilot] {
        let (mut s, l) = stage(kind);
        upload(&mut s, ListKind::Fence, &l.fence);
        upload(&mut s, ListKind::Mission, &l.mission);
        s.run(3.0);
        on_aircraft(&mut s);
        let aboard = s.fake.server.list(ListKind::Mission).to_vec();
        assert_eq!(
            upload(&mut s, ListKind::Mission, &l.escaping),
            Progress::Refused(R::MAV_MISSION_INVALID_PARAM5_X)
        );
        let r = s.refusals.last().unwrap();
        assert_eq!(r.reason, link::codes::Refusal::LegLeaves as u8);
        assert_eq!(usize::from(r.item), if kind == Kind::Px4 { 3 } else { 4 });
        let words = format!("Refused: item {}: its leg leaves the fence by", r.item);
        assert!(s.said.iter().any(|t| t.starts_with(&words)), "{:?}", s.said);
        s.run(3.0);
        assert_eq!(download(&mut s, ListKind::Mission), l.mission);
        assert_eq!(
            format!("{:?}", s.fake.server.list(ListKind::Mission)),
            format!("{aboard:?}")
        );
        assert_eq!(s.state.unwrap().plan_state, PlanState::OnAircraft);
    }
}

#[test]
fn a_new_set_is_staged_until_whole_and_blocks_arming_meanwhile() {
    let (mut s, l) = stage(Kind::Px4);
    upload(&mut s, ListKind::Fence, &l.fence);
    assert!(s.said.iter().any(|t| t.contains("staged")));
    upload(&mut s, ListKind::Mission, &l.mission);
    s.run(3.0);
    on_aircraft(&mut s);
    upload(&mut s, ListKind::Fence, &l.fence);
    s.run(1.0);
    assert_eq!(s.state.unwrap().plan_state, PlanState::Staged);
    arm(&mut s, 0.0);
    s.run(1.0);
    assert!(!s.fake.armed);
    // An escaping mission that would complete the set is refused; the set stays open.
    assert_eq!(
        upload(&mut s, ListKind::Mission, &l.escaping),
        Progress::Refused(R::MAV_MISSION_INVALID_PARAM5_X)
    );
    upload(&mut s, ListKind::Mission, &l.mission);
    s.run(3.0);
    on_aircraft(&mut s);
}

fn arm(s: &mut Stage, force: f32) {
    s.to_companion(crate::flight::drive::long(
        c::MavCmd::MAV_CMD_COMPONENT_ARM_DISARM,
        [1.0, force, 0.0, 0.0, 0.0, 0.0, 0.0],
        (1, 1),
        0,
    ));
}

#[test]
fn a_foreign_station_arms_only_with_a_plan_and_never_by_force() {
    let (mut s, l) = stage(Kind::Px4);
    arm(&mut s, 0.0);
    s.run(1.0);
    assert!(!s.fake.armed);
    upload(&mut s, ListKind::Fence, &l.fence);
    upload(&mut s, ListKind::Mission, &l.mission);
    s.run(3.0);
    on_aircraft(&mut s);
    s.until("ready", 60.0, |s| {
        s.preflight.is_some_and(|p| p.token.is_some())
    });
    arm(&mut s, 21196.0);
    s.run(1.0);
    assert!(!s.fake.armed);
    let denied = |s: &Stage| {
        s.heard.iter().any(|f| {
            f.header().component == 1 && matches!(f.decode(), Msg::Common(m) if matches!(m.as_ref(), Common::COMMAND_ACK(a) if a.result == c::MavResult::MAV_RESULT_DENIED))
        })
    };
    assert!(denied(&s));
    // NaN is "not used": MAVSDK arms so.
    arm(&mut s, f32::NAN);
    s.run(1.0);
    assert!(s.fake.armed);
}

#[test]
fn what_could_hurt_never_reaches_the_autopilot() {
    let (mut s, _) = stage(Kind::ArduPilot);
    s.fake.commands.clear();
    use c::MavCmd as C;
    for (cmd, p) in [
        (C::MAV_CMD_DO_FLIGHTTERMINATION, [1.0, 0.0]),
        (C::MAV_CMD_DO_MOTOR_TEST, [1.0, 0.0]),
        (C::MAV_CMD_DO_FENCE_ENABLE, [0.0, 0.0]),
        (C::MAV_CMD_PREFLIGHT_REBOOT_SHUTDOWN, [1.0, 0.0]),
        (C::MAV_CMD_DO_SET_HOME, [1.0, 0.0]),
        (C::MAV_CMD_DO_SET_MODE, [1.0, 3.0]),
        (C::MAV_CMD_MISSION_START, [0.0, 0.0]),
        (C::MAV_CMD_SET_MESSAGE_INTERVAL, [33.0, -1.0]),
    ] {
        s.to_companion(crate::flight::drive::long(
            cmd,
            [p[0], p[1], 0.0, 0.0, 0.0, 0.0, 0.0],
            (1, 1),
            0,
        ));
        // Broadcast and other components are no way round.
        s.to_companion(crate::flight::drive::long(
            cmd,
            [p[0], p[1], 0.0, 0.0, 0.0, 0.0, 0.0],
            (0, 0),
            0,
        ));
        s.to_companion(crate::flight::drive::long(
            cmd,
            [p[0], p[1], 0.0, 0.0, 0.0, 0.0, 0.0],
            (1, 99),
            0,
        ));
    }
    s.to_companion(Common::PARAM_SET(c::PARAM_SET_DATA {
        param_value: 0.0,
        target_system: 1,
        target_component: 1,
        param_id: "FENCE_ENABLE".into(),
        param_type: c::MavParamType::MAV_PARAM_TYPE_INT8,
    }));
    s.to_companion(Common::MANUAL_CONTROL(c::MANUAL_CONTROL_DATA {
        target: 1,
        z: 1000,
        ..Default::default()
    }));
    s.to_companion(Common::RC_CHANNELS_OVERRIDE(c::RC_CHANNELS_OVERRIDE_DATA {
        target_system: 1,
        target_component: 1,
        ..Default::default()
    }));
    s.run(1.0);
    assert!(
        s.fake.commands.iter().all(|k| k.0 == 511 || k.0 == 512),
        "{:?}",
        s.fake.commands
    );
    assert!(s.state.unwrap().refused_frames >= 24);
}

#[test]
fn a_companion_that_dies_while_it_writes_flies_nothing_until_it_has_written_to_the_end() {
    let (mut s, l) = stage(Kind::ArduPilot);
    upload(&mut s, ListKind::Fence, &l.fence);
    upload(&mut s, ListKind::Mission, &l.mission);
    // The companion dies while it writes.
    s.run(0.02);
    s.restart_companion();
    s.state = None;
    s.until("speaks", 5.0, |s| s.state.is_some());
    assert_eq!(s.state.unwrap().plan_state, PlanState::Writing);
    arm(&mut s, 0.0);
    s.run(0.1);
    assert!(!s.fake.armed);
    s.until("written to the end", 10.0, |s| {
        s.state
            .is_some_and(|r| r.plan_state == PlanState::OnAircraft)
    });
    on_aircraft(&mut s);
    // A mark without its plan: nothing can be written to the end, and nothing flies.
    use link::journal::Disk;
    s.disk.replace("plan.dirty", b"writing").unwrap();
    s.disk.replace("plan.next.lists", b"").unwrap();
    s.restart_companion();
    s.run(5.0);
    assert_eq!(s.state.unwrap().plan_state, PlanState::Dirty);
    arm(&mut s, 0.0);
    s.run(1.0);
    assert!(!s.fake.armed);
    upload(&mut s, ListKind::Fence, &l.fence);
    upload(&mut s, ListKind::Mission, &l.mission);
    s.run(5.0);
    on_aircraft(&mut s);
    // And once it is whole, a restart reads it back and believes it.
    s.restart_companion();
    s.state = None;
    s.run(6.0);
    assert_eq!(s.state.unwrap().plan_state, PlanState::OnAircraft);
}

#[test]
fn aloft_only_a_narrower_fence_is_taken() {
    let (mut s, l) = stage(Kind::Px4);
    upload(&mut s, ListKind::Fence, &l.fence);
    upload(&mut s, ListKind::Mission, &l.mission);
    s.run(3.0);
    on_aircraft(&mut s);
    s.until("ready", 60.0, |s| {
        s.preflight.is_some_and(|p| p.token.is_some())
    });
    arm(&mut s, 0.0);
    s.run(1.5);
    s.to_companion(crate::flight::drive::long(
        c::MavCmd::MAV_CMD_MISSION_START,
        [0.0; 7],
        (1, 1),
        0,
    ));
    s.until("aloft", 30.0, |s| s.fake.up_m > 25.0);
    let plane = LocalPlane::new(s.fake.home.at);
    let moved = |d: f64| -> Vec<WireItem> {
        l.fence
            .iter()
            .map(|i| {
                let p = plane.to_local(i.at().unwrap());
                let s = EastNorth::new(p.east_m, p.north_m + if p.north_m < 0.0 { d } else { 0.0 });
                let at = plane.to_latlon(s).unwrap();
                WireItem {
                    x: at.lat_e7(),
                    y: at.lon_e7(),
                    ..*i
                }
            })
            .collect()
    };
    assert_eq!(
        upload(&mut s, ListKind::Mission, &l.mission),
        Progress::Refused(R::MAV_MISSION_DENIED)
    );
    assert_eq!(
        upload(&mut s, ListKind::Fence, &moved(-20.0)),
        Progress::Refused(R::MAV_MISSION_DENIED)
    );
    assert_eq!(
        upload(&mut s, ListKind::Fence, &moved(10.0)),
        Progress::Done,
        "{:?}",
        s.said
    );
    s.run(3.0);
    on_aircraft(&mut s);
    assert_eq!(download(&mut s, ListKind::Fence), moved(10.0));
}

#[test]
fn a_plan_that_comes_before_the_autopilot_waits_for_it() {
    let p = plan(None);
    let packed = || link::pack::pack(&p.to_json()).unwrap();
    let sending = |s: &Stage| s.blob.as_ref().map(Sender::state);
    // Switched on late, and so late that the station has given up meanwhile and asks again.
    for late_s in [4.0, 40.0] {
        let mut s = Stage::new(Kind::Px4);
        s.autopilot_silent = true;
        s.blob = Sender::new(BlobKind::Bundle, 1, 0, packed());
        s.run(late_s);
        let silent = sending(&s) == Some(Sending::Silent);
        assert_eq!(silent, late_s > 30.0, "{:?}", sending(&s));
        if late_s > 30.0 {
            s.blob = Sender::new(BlobKind::Bundle, 2, 0, packed());
            s.run(2.0);
        }
        s.autopilot_silent = false;
        s.until("plan on aircraft", 15.0, |s| {
            s.state
                .is_some_and(|r| r.plan_state == PlanState::OnAircraft)
        });
        s.run(2.0);
        assert_eq!(sending(&s), Some(Sending::Done));
        assert!(s.refusals.is_empty(), "{:?}", s.refusals);
    }
}
