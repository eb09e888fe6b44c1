//! Frames and facts drawn into Rerun: one scene for the `.rrd` file, one for a running viewer.
//!
//! A viewer that is slow or not there loses pictures and delays nobody: its scene lives on a thread of its own behind a
//! bounded queue.

use super::rrd::{Outline, Pose, RrdSink};
use anyhow::Context;
use link::frame::{Frame, Msg};
use link::patrol::MavMessage as Patrol;
use link::state::StateReport;
use link::telemetry::Telemetry;
use missions::anomaly::Anomaly;
use missions::place::LatLon;
use missions::plan::PatrolPlan;
use missions::time::{Mono, Utc};
use missions::venue::{Ground, Shape, Venue};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// Time between two poses or figures of one aircraft, µs.
const POSE_EVERY_US: i64 = 100_000;
const FIGURES_EVERY_US: i64 = 1_000_000;
/// Things that may wait for a viewer.
const QUEUE: usize = 4_096;
/// A sink gets this long to finish.
const FINISH: Duration = Duration::from_secs(10);
/// A viewer gets this long; it is not evidence.
const VIEWER_FINISH: Duration = Duration::from_secs(3);
/// MAVLink systems drawn at most.
const MAX_SYSTEMS: usize = 32;

/// The middle of everything drawn in a venue: where the scene's metres are counted from.
pub(super) fn origin_of(venue: &Venue) -> Option<LatLon> {
    let places = venue.zones.iter().flat_map(|z| match &z.shape {
        Shape::Polygon { outer, .. } => outer.clone(),
        Shape::Circle { centre, .. } => vec![*centre],
        Shape::Point(at) => vec![*at],
    });
    let around = places.fold(None, |around: Option<[i64; 4]>, p| {
        let (lat, lon) = (i64::from(p.lat_e7()), i64::from(p.lon_e7()));
        let [s, n, w, e] = around.unwrap_or([lat, lat, lon, lon]);
        Some([s.min(lat), n.max(lat), w.min(lon), e.max(lon)])
    });
    let [s, n, w, e] = around?;
    let half = |a: i64, b: i64| i32::try_from((a + b) / 2).ok();
    LatLon::from_e7(half(s, n)?, half(w, e)?).ok()
}

/// Something to draw.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// The venue.
    Venue(Box<Venue>),
    /// The plan's path and home's height above mean sea level, metres.
    Plan(Vec<(LatLon, f64)>, f64),
    /// A frame from either side.
    Frame(Utc, Frame),
    /// An anomaly.
    Anomaly(Box<Anomaly>),
    /// An image as it came, and what it is of.
    Image(Utc, String, Vec<u8>),
    /// A code for the log and Rerun's level.
    Event(Utc, &'static str, String),
}

impl Item {
    /// What of a plan is drawn.
    pub fn of_plan(plan: &PatrolPlan) -> Item {
        Item::Plan(plan.path(), plan.file().home.alt.metres())
    }
}

#[derive(Default)]
struct Watched {
    telemetry: Telemetry,
    posed: Option<Utc>,
    figured: Option<Utc>,
    margined: Option<Utc>,
}

/// What is drawn into one sink.
pub(super) struct Scene {
    sink: RrdSink,
    home_amsl_m: f64,
    systems: BTreeMap<u8, Watched>,
}

impl Scene {
    /// A scene in a file.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn to_file(file: &Path, origin: LatLon) -> anyhow::Result<Self> {
        Ok(Self::over(RrdSink::to_file(file, origin)?))
    }
    fn over(sink: RrdSink) -> Self {
        Scene {
            sink,
            home_amsl_m: 0.0,
            systems: BTreeMap::new(),
        }
    }

    /// Draws one thing.
    ///
    /// # Errors
    /// When the SDK refuses it.
    pub fn take(&mut self, item: &Item) -> anyhow::Result<()> {
        match item {
            Item::Venue(v) => self.venue(v),
            Item::Plan(path, home_amsl_m) => {
                self.home_amsl_m = *home_amsl_m;
                self.sink.plan(path)
            }
            Item::Frame(utc, frame) => self.frame(*utc, frame),
            Item::Anomaly(a) => {
                let up_m = a.alt_amsl_m.map_or(0.0, |m| m - self.home_amsl_m);
                self.sink.anomaly(a, up_m)
            }
            Item::Image(utc, of, bytes) => self.sink.picture(*utc, of, bytes),
            Item::Event(utc, level, code) => self.sink.event(*utc, level, code),
        }
    }

    fn venue(&mut self, v: &Venue) -> anyhow::Result<()> {
        if let Ground::Flat(alt) = &v.ground {
            self.home_amsl_m = alt.metres();
        }
        for z in &v.zones {
            let outline = match &z.shape {
                Shape::Polygon { outer, holes } => {
                    Outline::Rings(std::iter::once(outer).chain(holes).cloned().collect())
                }
                Shape::Circle { centre, radius_m } => Outline::Circle {
                    centre: *centre,
                    radius_m: *radius_m,
                },
                Shape::Point(at) => Outline::Circle {
                    centre: *at,
                    radius_m: 2.0,
                },
            };
            self.sink.zone(&z.id, z.role.text(), &outline, 0.0)?;
        }
        Ok(())
    }

    fn frame(&mut self, utc: Utc, frame: &Frame) -> anyhow::Result<()> {
        let system = frame.header().system;
        if !self.systems.contains_key(&system) && self.systems.len() >= MAX_SYSTEMS {
            return Ok(());
        }
        let w = self.systems.entry(system).or_default();
        let name = format!("P{system}");
        if let Msg::Patrol(m) = frame.decode() {
            if let Patrol::PATROL_STATE(d) = *m
                && let Some(margin_m) = StateReport::from_data(&d).margin_m
                && w.margined
                    .is_none_or(|l| utc.0 - l.0 >= FIGURES_EVERY_US || utc.0 < l.0)
            {
                w.margined = Some(utc);
                self.sink
                    .scalar(utc, &format!("{name}/margin_m"), margin_m)?;
            }
            return Ok(());
        }
        let mono = Mono(u64::try_from(utc.0).unwrap_or(0));
        if !w.telemetry.take(mono, frame) {
            return Ok(());
        }
        let due = |last: Option<Utc>, every: i64| {
            // A clock that was set back must not silence the picture.
            last.is_none_or(|l| utc.0 - l.0 >= every || utc.0 < l.0)
        };
        let t = &w.telemetry;
        if let (Some((p, at)), Some((rpy, _))) = (t.position, t.attitude_rad)
            && at == mono
            && due(w.posed, POSE_EVERY_US)
        {
            w.posed = Some(utc);
            let pose = Pose {
                at: p.at,
                above_home_m: p.above_home_m,
                roll_pitch_yaw_rad: rpy,
            };
            self.sink.pose(utc, &name, &pose)?;
        }
        if due(w.figured, FIGURES_EVERY_US) {
            w.figured = Some(utc);
            if let Some((pct, _)) = t.battery_pct {
                self.sink.scalar(utc, &format!("{name}/battery_pct"), pct)?;
            }
            if let Some((p, _)) = t.position {
                self.sink
                    .scalar(utc, &format!("{name}/above_home_m"), p.above_home_m)?;
            }
        }
        Ok(())
    }

    /// Waits until everything is in the file.
    ///
    /// # Errors
    /// When the sink failed.
    pub fn finish(self) -> anyhow::Result<()> {
        self.sink.finish(FINISH)
    }
}

/// A running viewer behind a queue.
pub(super) struct Viewer {
    queue: SyncSender<Item>,
    done: Receiver<Option<String>>,
    /// Things dropped because the viewer was slow.
    pub lost: u64,
}

impl Viewer {
    /// Streams to `url`.
    ///
    /// # Errors
    /// When the address is none, or no thread can be started.
    pub fn start(url: &str, origin: LatLon) -> anyhow::Result<Self> {
        let mut scene = Scene::over(RrdSink::to_viewer(url, origin)?);
        let (queue, items) = sync_channel::<Item>(QUEUE);
        let (tell, done) = sync_channel(1);
        std::thread::Builder::new()
            .name("rerun-viewer".into())
            .spawn(move || {
                let mut first = None;
                for item in items {
                    if let Err(e) = scene.take(&item) {
                        first.get_or_insert(format!("{e:#}"));
                    }
                }
                if let Err(e) = scene.finish() {
                    first.get_or_insert(format!("{e:#}"));
                }
                let _ = tell.send(first);
            })
            .context("starting the viewer's thread")?;
        Ok(Viewer {
            queue,
            done,
            lost: 0,
        })
    }

    /// Queues one thing; drops it when the viewer is behind.
    pub fn take(&mut self, item: Item) {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            self.queue.try_send(item)
        {
            self.lost += 1;
        }
    }

    /// Queues one thing and waits for room: for a recording that is sent whole.
    ///
    /// # Errors
    /// When the viewer's thread is gone.
    pub fn wait(&self, item: Item) -> anyhow::Result<()> {
        self.queue.send(item).context("the viewer's thread is gone")
    }

    /// Lets it finish, but waits for no viewer that hangs. What went wrong, in plain words.
    pub fn finish(self) -> Option<String> {
        let Viewer { queue, done, lost } = self;
        drop(queue);
        let slow = (lost > 0).then(|| format!("the Rerun viewer was too slow for {lost} things"));
        match done.recv_timeout(VIEWER_FINISH) {
            Ok(first) => first.or(slow),
            Err(_) => Some("the Rerun viewer did not take everything in time".into()),
        }
    }
}
