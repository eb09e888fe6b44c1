//! The eyes: thermal frames and Remote ID in, judged anomalies out.
//!
//! ```text
//! Camera ─► wait for the pose at the shutter ─► thermal ─► ground ─► tracks ─► people ─┐
//! Sensor ─► remote_id ─► drones ───────────────────────────────────────────────────────┴─► Up::Flagged
//! ```
//!
//! The pilot half never waits for them, allocates with them or trusts them. In real time they run in a child process
//! ([`child`], [`schema`] is the pipe); in virtual time they are stepped in process. They never see the simulator's
//! truth, never command anything, never open a socket or a file and never read a clock.

pub mod child;
pub mod diary;
pub mod drones;
pub mod ground;
pub mod people;
pub mod picture;
pub mod pose;
pub mod remote_id;
pub mod rules;
pub mod schema;
pub mod thermal;
pub mod tracks;
pub mod zones;

use diary::{Seen, Took};
use drones::{Door, DroneFlag, Drones, Ourselves};
use link::camera::CameraFrame;
use link::frame::{Frame, Framer};
use missions::anomaly::AnomalyKind;
use missions::place::LatLon;
use missions::plane::LocalPlane;
use missions::time::{Mono, Now, Utc};
use people::People;
use pose::{At, PoseBuffer};
use rules::Rules;
use schema::{Down, Health, NewAnomaly, Pose, Up, ZoneForEyes};
use std::collections::VecDeque;
use std::time::Duration;
use thermal::Thermal;
use tracks::{Sighting, Tracks, classify};
use zones::LocalZone;

/// Frames that may wait for their pose.
const MAX_WAITING: usize = 3;
/// A frame waits this long for the pose after it; then the newest pose is carried on.
const CARRY_ON_AFTER: Duration = Duration::from_millis(300);
/// A frame whose pose does not come at all is given up.
const GIVE_UP_AFTER: Duration = Duration::from_secs(1);
const PREVIEW_EVERY: Duration = Duration::from_secs(2);
const HEALTH_EVERY: Duration = Duration::from_secs(1);
/// Messages to the pilot half that may wait. Previews and health give way to anomalies.
const MAX_OUT: usize = 256;
/// Our own place is too old to measure others by.
const POSE_STALE: Duration = Duration::from_secs(30);
/// The local plane is laid anew this far from its origin.
const PLANE_REACH_M: f64 = 10_000.0;
/// A camera clock that jumps back further than this was restarted, µs.
const RESTART_US: u64 = 2_000_000;
/// Bytes taken from the receiver at a time.
const SENSOR_CHUNK: usize = 4096;

/// What the eyes take in.
#[derive(Clone, Debug, PartialEq)]
pub enum EyesIn {
    /// From the pilot half.
    Down(Down),
    /// One camera frame.
    Camera(CameraFrame),
    /// Bytes of MAVLink from the Remote ID receiver.
    Sensor(Vec<u8>),
    /// What was found in a camera frame, from a diary.
    Seen(Seen),
    /// Time passes.
    Tick,
}

/// What to judge by.
#[derive(Clone, Debug)]
struct Settings {
    rules: Rules,
    zones: Vec<ZoneForEyes>,
    ground_amsl_m: Option<f64>,
    own_system: Option<u8>,
}

/// The core. Drain [`Eyes::poll`] after every [`Eyes::handle`].
#[derive(Clone, Debug, Default)]
pub struct Eyes {
    settings: Option<Settings>,
    plane: Option<LocalPlane>,
    zones: Vec<LocalZone>,
    poses: PoseBuffer,
    pose_at: Mono,
    framer: Framer,
    waiting: VecDeque<(CameraFrame, Mono)>,
    last_shutter_us: Option<u64>,
    tracks: Tracks,
    people: People,
    drones: Drones,
    preview_due: Mono,
    health_due: Mono,
    frames_at_last_health: u64,
    health: Health,
    out: VecDeque<Up>,
    /// What is taken in is told too.
    diary: bool,
    /// Whether something of this turn was told.
    told: bool,
}

impl Eyes {
    /// Eyes that have seen nothing and judge nothing until configured.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From here on everything taken in goes up as well, for the companion's log.
    pub fn keep_diary(&mut self) {
        self.diary = true;
    }

    fn tell(&mut self, now: Now, took: impl FnOnce() -> Took) {
        if self.diary {
            self.told = true;
            let entry = diary::encode(now, &took());
            self.send(Up::Took { entry });
        }
    }

    /// The next thing to send up.
    pub fn poll(&mut self) -> Option<Up> {
        self.out.pop_front()
    }

    /// When an [`EyesIn::Tick`] is wanted at the latest.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Mono> {
        let frame = self.waiting.front().map(|(frame, since)| {
            let patience = match self.poses.at(frame.header.captured_boot_us) {
                At::Ahead(_) | At::Known(_) => CARRY_ON_AFTER,
                At::NotYet | At::Never => GIVE_UP_AFTER,
            };
            since.after(patience)
        });
        Some(frame.map_or(self.health_due, |f| f.min(self.health_due)))
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Now, input: EyesIn) {
        self.told = false;
        match input {
            EyesIn::Down(down) => {
                self.tell(now, || Took::Down(down.clone()));
                self.down(now, down);
            }
            EyesIn::Camera(frame) => {
                if self.waiting.len() >= MAX_WAITING {
                    self.waiting.pop_front();
                    self.refuse_frame();
                }
                self.waiting.push_back((frame, now.mono));
            }
            EyesIn::Sensor(bytes) => {
                self.tell(now, || Took::Sensor(bytes.clone()));
                for chunk in bytes.chunks(SENSOR_CHUNK) {
                    self.framer.push(now.mono, chunk);
                    while let Some(frame) = self.framer.next_frame() {
                        self.remote_id(now, Door::Receiver, &frame);
                    }
                }
            }
            EyesIn::Seen(seen) => self.judge_seen(now, &seen, None),
            EyesIn::Tick => {}
        }
        self.look_at_waiting(now);
        if now.mono >= self.health_due {
            if !self.told {
                self.tell(now, || Took::Tick);
            }
            self.judge_drones(now);
            self.report_health(now.mono);
        }
    }

    fn down(&mut self, now: Now, down: Down) {
        match down {
            Down::Configure {
                rules,
                zones,
                ground_amsl_m,
                own_system,
            } => match Rules::parse(&rules) {
                Ok(rules) => {
                    self.settings = Some(Settings {
                        rules,
                        zones,
                        ground_amsl_m: ground_amsl_m.filter(|g| g.is_finite()),
                        own_system,
                    });
                    self.health.configured = true;
                    self.health.fault = None;
                    self.project_zones();
                }
                Err(e) => self.health.fault = Some(e.to_string()),
            },
            Down::Pose(pose) => {
                if self.poses.push(pose) {
                    self.pose_at = now.mono;
                    self.anchor(&pose);
                }
            }
            Down::OwnRemoteId { uas_id } => self.drones.own(&uas_id),
            Down::RemoteId { frame } => {
                if let Some(frame) = Frame::from_bytes(&frame) {
                    self.remote_id(now, Door::Autopilot, &frame);
                }
            }
        }
    }

    /// Lays the local plane at the first pose, and anew when the aircraft is far from it.
    fn anchor(&mut self, pose: &Pose) {
        let near = self.plane.is_some_and(|p| {
            let here = p.to_local_degrees(pose.lat_deg, pose.lon_deg);
            here.east_m.hypot(here.north_m) < PLANE_REACH_M
        });
        if near {
            return;
        }
        if let Ok(here) = LatLon::from_degrees(pose.lat_deg, pose.lon_deg) {
            self.plane = Some(LocalPlane::new(here));
            self.tracks.clear();
            self.project_zones();
        }
    }

    fn project_zones(&mut self) {
        let (Some(settings), Some(plane)) = (&self.settings, &self.plane) else {
            return;
        };
        let (zones, left_out) = zones::project(&settings.zones, plane);
        self.zones = zones;
        if left_out > 0 {
            self.health.fault = Some(format!("{left_out} zones have no area and are not watched"));
        }
    }

    /// Wall time: the shell's where it is trusted, else carried on from the newest pose.
    fn utc(&self, now: Now) -> Option<Utc> {
        now.utc.valid().or_else(|| {
            let pose = self.poses.newest()?;
            pose.utc.map(|u| u.after(now.mono.since(self.pose_at)))
        })
    }

    fn ourselves(&self, now: Mono) -> Option<Ourselves> {
        let pose = self.poses.newest()?;
        let age = now.since(self.pose_at);
        let [n, e, _] = pose.vel_ned;
        let at = LatLon::from_degrees(pose.lat_deg, pose.lon_deg).ok()?;
        (age <= POSE_STALE).then_some(Ourselves {
            at,
            error_m: pose.pos_error_m + n.hypot(e) * age.as_secs_f64(),
        })
    }

    fn remote_id(&mut self, now: Now, door: Door, frame: &Frame) {
        let Some(heard) = remote_id::read(frame) else {
            return;
        };
        let (utc, ourselves) = (self.utc(now), self.ourselves(now.mono));
        let Some(settings) = &self.settings else {
            return;
        };
        self.drones.hear(
            now.mono,
            utc,
            door,
            settings.own_system,
            heard,
            ourselves,
            &settings.rules,
        );
        self.judge_drones(now);
    }

    fn judge_drones(&mut self, now: Now) {
        let ourselves = self.ourselves(now.mono);
        let Some(settings) = &self.settings else {
            return;
        };
        let flags = self.drones.judge(now.mono, ourselves, &settings.rules);
        for flag in flags {
            let picture = self.drone_picture(&flag);
            let ground = self.settings.as_ref().and_then(|s| s.ground_amsl_m);
            self.send(Up::Flagged(NewAnomaly {
                kind: AnomalyKind::UnknownDrone,
                priority: flag.rule.priority,
                rule: flag.rule.id,
                subject: flag.subject,
                first_seen: flag.first_utc,
                at: flag.at,
                alt_amsl_m: flag.height_m.zip(ground).map(|(h, g)| h + g),
                error: flag.error,
                confidence: flag.confidence,
                picture,
            }));
        }
    }

    fn drone_picture(&self, flag: &DroneFlag) -> Option<Vec<u8>> {
        let (plane, pose) = (self.plane?, self.poses.newest()?);
        picture::sketch(&picture::Sketch {
            own: plane.to_local_degrees(pose.lat_deg, pose.lon_deg),
            yaw: pose.yaw,
            drone: flag.placed.then(|| plane.to_local(flag.at)),
            error_m: flag.error.major_m,
            operator: flag.operator.map(|o| plane.to_local(o)),
            zones: &self.zones,
        })
    }

    fn refuse_frame(&mut self) {
        self.health.frames_refused = self.health.frames_refused.saturating_add(1);
    }

    fn look_at_waiting(&mut self, now: Now) {
        while let Some((frame, since)) = self.waiting.front() {
            let waited = now.mono.since(*since);
            let pose = match self.poses.at(frame.header.captured_boot_us) {
                At::Known(pose) => Some(pose),
                At::Ahead(pose) if waited >= CARRY_ON_AFTER => Some(pose),
                At::NotYet if waited >= GIVE_UP_AFTER => None,
                At::Never => None,
                At::Ahead(_) | At::NotYet => return,
            };
            let Some((frame, _)) = self.waiting.pop_front() else {
                return;
            };
            self.look(now, &frame, pose.as_ref());
        }
    }

    /// Looks at one frame; without a pose it is only shown.
    fn look(&mut self, now: Now, frame: &CameraFrame, pose: Option<&Pose>) {
        let shutter_us = frame.header.captured_boot_us;
        match self.last_shutter_us {
            Some(last) if last.saturating_sub(shutter_us) > RESTART_US => self.tracks.clear(),
            Some(last) if shutter_us <= last => return self.refuse_frame(),
            Some(_) | None => {}
        }
        let Ok(image) = thermal::decode(frame) else {
            return self.refuse_frame();
        };
        self.last_shutter_us = Some(shutter_us);
        if now.mono >= self.preview_due {
            self.preview_due = now.mono.after(PREVIEW_EVERY);
            if let Some(jpeg) = picture::preview(&image) {
                self.send(Up::Preview {
                    captured_boot_us: shutter_us,
                    jpeg,
                });
            }
        }
        match pose {
            Some(pose) => self.judge_frame(now, frame, &image, pose),
            None => self.refuse_frame(),
        }
    }

    fn judge_frame(&mut self, now: Now, frame: &CameraFrame, image: &Thermal, pose: &Pose) {
        self.health.frames = self.health.frames.saturating_add(1);
        let (Some(settings), Some(plane)) = (&self.settings, &self.plane) else {
            return;
        };
        let Some(ground) = settings.ground_amsl_m else {
            return;
        };
        let rules = &settings.rules;
        let height_m = pose.alt_amsl_m - ground;
        let pixel_m = height_m / frame.header.focal_px;
        if height_m < rules.thermal.min_height_m.get() || pixel_m > rules.thermal.max_pixel_m.get()
        {
            return;
        }
        let found = thermal::find(image, &rules.thermal);
        if found.overwhelmed {
            self.health.frames_blind = self.health.frames_blind.saturating_add(1);
        }
        let sightings: Vec<Sighting> = found
            .blobs
            .iter()
            .filter(|b| !b.at_border)
            .filter_map(|b| {
                let fix = ground::place(
                    plane,
                    pose,
                    &frame.header,
                    (b.x, b.y),
                    ground,
                    &rules.placing,
                )?;
                Some(Sighting {
                    fix,
                    class: classify(b, fix.pixel_m, &rules.models),
                    bbox: b.bbox,
                })
            })
            .collect();
        let seen = Seen {
            shutter_us: frame.header.captured_boot_us,
            utc: pose.utc,
            sightings,
        };
        self.tell(now, || Took::Seen(seen.clone()));
        self.judge_seen(now, &seen, Some(image));
    }

    /// From what was found in a frame to anomalies; without the frame they have no picture.
    fn judge_seen(&mut self, now: Now, seen: &Seen, image: Option<&Thermal>) {
        if image.is_none() {
            // As `look` does before it comes here.
            if self
                .last_shutter_us
                .is_some_and(|last| last.saturating_sub(seen.shutter_us) > RESTART_US)
            {
                self.tracks.clear();
            }
            self.last_shutter_us = Some(seen.shutter_us);
        }
        let (Some(settings), Some(plane)) = (&self.settings, &self.plane) else {
            return;
        };
        let Some(ground) = settings.ground_amsl_m else {
            return;
        };
        let rules = &settings.rules;
        self.tracks
            .frame(seen.shutter_us, seen.utc, &seen.sightings, &rules.tracks);
        let flags = self.people.judge(
            now.mono,
            seen.shutter_us,
            seen.utc,
            &mut self.tracks,
            &self.zones,
            plane,
            rules,
        );
        let anomalies: Vec<Up> = flags
            .into_iter()
            .filter_map(|flag| {
                Some(Up::Flagged(NewAnomaly {
                    kind: AnomalyKind::PersonInZone,
                    priority: flag.rule.priority,
                    rule: flag.rule.id,
                    subject: flag.zone_id,
                    first_seen: flag.first_utc,
                    at: plane.to_latlon(flag.at)?,
                    alt_amsl_m: Some(ground),
                    error: flag.error,
                    confidence: flag.confidence,
                    picture: image.and_then(|i| picture::person(i, flag.bbox)),
                }))
            })
            .collect();
        for up in anomalies {
            self.send(up);
        }
    }

    fn report_health(&mut self, now: Mono) {
        let since = HEALTH_EVERY + now.since(self.health_due);
        let looked = self.health.frames - self.frames_at_last_health;
        self.health.frames_hz = looked as f64 / since.as_secs_f64();
        self.frames_at_last_health = self.health.frames;
        self.health_due = now.after(HEALTH_EVERY);
        self.health.remote_id = self.drones.messages();
        self.health.tracks = u32::try_from(self.tracks.len()).unwrap_or(u32::MAX);
        self.health.drones = u32::try_from(self.drones.len()).unwrap_or(u32::MAX);
        self.send(Up::Health(self.health.clone()));
    }

    fn send(&mut self, up: Up) {
        if self.out.len() >= MAX_OUT {
            let lesser = self.out.iter().position(|u| !matches!(u, Up::Flagged(_)));
            self.out.remove(lesser.unwrap_or(0));
        }
        self.out.push_back(up);
    }
}
