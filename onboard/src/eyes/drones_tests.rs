//! Stories of drones heard, ours, known and strange.

use super::*;
use missions::plane::EastNorth;

struct Story {
    drones: Drones,
    rules: Rules,
    plane: LocalPlane,
    t_us: u64,
}

fn mac(n: u8) -> Option<[u8; 20]> {
    let mut m = [0; 20];
    m[0] = 2;
    m[5] = n;
    Some(m)
}
fn id(text: &str) -> Said {
    Said::Id {
        uas_id: text.into(),
        serial: true,
    }
}

impl Story {
    fn new() -> Story {
        Story {
            drones: Drones::default(),
            rules: Rules::parse(&format!(
                "{}\n[[roster]]\nuas_id = \"POLICE\"\nname = \"P\"\n",
                crate::eyes::rules::DEFAULT_RULES
            ))
            .unwrap(),
            plane: LocalPlane::new(LatLon::from_degrees(27.787, 120.091).unwrap()),
            t_us: 0,
        }
    }
    fn at(&self, east_m: f64) -> Said {
        Said::Location(Location {
            at: self.plane.to_latlon(EastNorth::new(east_m, 0.0)),
            accuracy95_m: Some(10.0),
            height_m: Some(50.0),
            speed_mps: Some(0.0),
        })
    }
    fn nowhere() -> Said {
        Said::Location(Location {
            at: None,
            accuracy95_m: None,
            height_m: None,
            speed_mps: None,
        })
    }
    /// `n` seconds of these, each once a second; what was flagged.
    fn hear(
        &mut self,
        n: u64,
        door: Door,
        system: u8,
        component: u8,
        mac: Option<[u8; 20]>,
        said: &[Said],
    ) -> Vec<DroneFlag> {
        let mut flags = Vec::new();
        for _ in 0..n {
            self.t_us += 1_000_000;
            let now = Mono(self.t_us);
            let we = Some(Ourselves {
                at: self.plane.origin(),
                error_m: 1.0,
            });
            for s in said {
                let source = Source {
                    system,
                    component,
                    mac,
                };
                self.drones.hear(
                    now,
                    Some(Utc(self.t_us as i64)),
                    door,
                    Some(7),
                    (source, vec![s.clone()]),
                    we,
                    &self.rules,
                );
                flags.extend(self.drones.judge(now, we, &self.rules));
            }
            flags.extend(self.drones.judge(now, we, &self.rules));
        }
        flags
    }
    fn receiver(&mut self, n: u64, m: u8, said: &[Said]) -> Vec<DroneFlag> {
        self.hear(n, Door::Receiver, 7, 236, mac(m), said)
    }
}

#[test]
fn a_stranger_is_told_once_with_its_own_place_and_error() {
    let mut s = Story::new();
    let said = [id("STRANGER"), s.at(400.0)];
    let flags = s.receiver(300, 1, &said);
    assert_eq!(flags.len(), 1);
    let f = &flags[0];
    assert_eq!(
        (f.subject.as_str(), f.placed, f.height_m),
        ("STRANGER", true, Some(50.0))
    );
    assert!((f.error.major_m - 10.0 / SIGMAS_AT_95).abs() < 0.1);
    assert!((s.plane.to_local(f.at).east_m - 400.0).abs() < 0.1);
    assert_eq!(f.first_utc, Some(Utc(1_000_000)));
    // The same one under another address is the same one.
    assert!(s.receiver(60, 2, &said).is_empty());
    // A quarter of an hour of silence, and it is news again.
    s.t_us += 900_000_000;
    assert_eq!(s.receiver(10, 1, &said).len(), 1);
}

#[test]
fn we_are_not_a_stranger_by_any_door() {
    let mut s = Story::new();
    let said = [id("OURS"), s.at(5.0)];
    assert!(s.hear(30, Door::Autopilot, 7, 1, None, &said).is_empty());
    assert!(s.receiver(30, 1, &said).is_empty()); // learnt from our own autopilot
    let mut s = Story::new();
    s.drones.own(" OURS ");
    assert!(
        s.receiver(30, 1, &[id("OURS"), Story::nowhere()])
            .is_empty()
    );
    // Nameless, yet always where we are.
    let mut s = Story::new();
    let here = [s.at(20.0)];
    assert!(s.receiver(60, 1, &here).is_empty());
}

#[test]
fn the_roster_is_known_and_anothers_system_one_is_not_us() {
    let mut s = Story::new();
    let said = [id("POLICE"), s.at(300.0)];
    assert!(s.receiver(30, 1, &said).is_empty());
    let said = [id("X"), s.at(300.0)];
    assert_eq!(s.hear(30, Door::Receiver, 9, 1, None, &said).len(), 1);
    let said = [id("Y"), s.at(300.0)];
    assert_eq!(s.hear(30, Door::Autopilot, 7, 1, mac(9), &said).len(), 1);
}

#[test]
fn a_drone_that_hides_its_place_is_told_with_the_receivers_range() {
    let mut s = Story::new();
    let flags = s.receiver(60, 1, &[id("SHY"), Story::nowhere()]);
    assert_eq!(flags.len(), 1);
    assert!(!flags[0].placed && flags[0].error.major_m > 500.0);
    assert_eq!(flags[0].at, s.plane.origin());
    assert!(flags[0].confidence < 0.7);
    // One that claims to be on another continent likewise.
    let far = [id("LIAR"), s.at(9_000.0)];
    let flags = s.receiver(60, 2, &far);
    assert_eq!((flags.len(), flags[0].placed), (1, false));
}

#[test]
fn a_drone_that_hides_its_name_is_told_after_a_while() {
    let mut s = Story::new();
    let said = [s.at(500.0)];
    let flags = s.receiver(60, 0xab, &said);
    assert_eq!(flags.len(), 1);
    assert_eq!(flags[0].subject, "unnamed 0200000000ab0000");
    assert!(flags[0].placed);
}

#[test]
fn a_receiver_without_addresses_still_tells_two_drones_apart() {
    let mut s = Story::new();
    let said = [id("A"), s.at(300.0), id("B"), s.at(-700.0)];
    let flags = s.hear(30, Door::Receiver, 7, 236, None, &said);
    assert_eq!(flags.len(), 2);
    for f in &flags {
        let east = s.plane.to_local(f.at).east_m;
        assert!((east - if f.subject == "A" { 300.0 } else { -700.0 }).abs() < 1.0);
    }
}

#[test]
fn a_flood_of_addresses_is_bounded_in_memory_and_in_reports() {
    let mut s = Story::new();
    let mut told = 0;
    for i in 0..3000u32 {
        s.t_us += 1_000;
        let mut m = [0u8; 20];
        m[..4].copy_from_slice(&(i + 1).to_le_bytes());
        for _ in 0..3 {
            let source = Source {
                system: 7,
                component: 236,
                mac: Some(m),
            };
            let said = vec![id(&format!("ID{i}")), s.at(300.0)];
            s.drones.hear(
                Mono(s.t_us),
                None,
                Door::Receiver,
                Some(7),
                (source, said),
                None,
                &s.rules,
            );
        }
        told += s.drones.judge(Mono(s.t_us), None, &s.rules).len();
        assert!(s.drones.len() <= MAX_TRANSMITTERS && s.drones.told.len() <= MAX_TOLD);
    }
    assert_eq!(told, 12);
}
