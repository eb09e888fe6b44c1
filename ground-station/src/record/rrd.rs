//! The flight as Rerun sees it: venue, path, attitude, thermal pictures and anomalies on one time line.
//!
//! For the analyst; the officer's replay is the console. Everything lies in east-north-up metres about the venue's
//! origin, because Rerun's map view wants tiles from the Internet. Labels are codes in English: its built-in font has
//! no Chinese. Never needed by flight: an error here is reported once and the flight goes on.

use anyhow::Context;
use missions::anomaly::{Anomaly, Priority};
use missions::place::LatLon;
use missions::plane::{EastNorth, LocalPlane};
use missions::time::Utc;
use rerun::log::ChunkBatcherConfig;
use rerun::sink::{FileSink, FileSinkOptions};
use rerun::{RecordingStream, RecordingStreamBuilder};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// The time line everything is logged on: the aircraft's UTC.
const TIMELINE: &str = "utc";
const CIRCLE_STEPS: u32 = 48;
/// What is drawn is put together for so long: each piece costs as much again as what is in it.
const CHUNK_EVERY: Duration = Duration::from_secs(2);

/// Where and how the aircraft was, as its telemetry says.
#[derive(Clone, Copy, Debug)]
pub struct Pose {
    /// Position.
    pub at: LatLon,
    /// Height above home, metres.
    pub above_home_m: f64,
    /// Roll, pitch, yaw (from true north, clockwise), radians, MAVLink's body frame (forward-right-down).
    pub roll_pitch_yaw_rad: [f64; 3],
}

/// A thing with an outline on the ground.
#[derive(Clone, Debug)]
pub enum Outline {
    /// Closed rings, not repeated at the end.
    Rings(Vec<Vec<LatLon>>),
    /// A circle.
    Circle {
        /// Centre.
        centre: LatLon,
        /// Metres.
        radius_m: f64,
    },
}

/// One Rerun recording, to a file or to a running viewer.
pub struct RrdSink {
    stream: RecordingStream,
    plane: LocalPlane,
    /// Where each aircraft was last, for its trail.
    last: BTreeMap<String, [f32; 3]>,
}

impl RrdSink {
    /// Writes `file`. `origin` is the middle of the picture.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn to_file(file: &Path, origin: LatLon) -> anyhow::Result<Self> {
        let creating = || format!("creating the Rerun recording {}", file.display());
        let stream = RecordingStreamBuilder::new("patrol")
            .batcher_config(ChunkBatcherConfig {
                flush_tick: CHUNK_EVERY,
                ..ChunkBatcherConfig::DEFAULT
            })
            .buffered()
            .with_context(creating)?;
        // A footer lists every chunk, and all of that list is kept in memory until the end.
        let options = FileSinkOptions {
            write_footer: false,
        };
        let sink = FileSink::with_options(file, options).with_context(creating)?;
        stream.set_sink(Box::new(sink));
        Ok(Self::over(stream, origin))
    }

    /// Streams to a viewer, e.g. `rerun+http://127.0.0.1:9876/proxy`.
    ///
    /// # Errors
    /// When the address is not a Rerun address. A viewer that is not there is retried by the SDK.
    pub fn to_viewer(url: &str, origin: LatLon) -> anyhow::Result<Self> {
        let stream = RecordingStreamBuilder::new("patrol")
            .connect_grpc_opts(url)
            .with_context(|| format!("connecting to the Rerun viewer at {url}"))?;
        Ok(Self::over(stream, origin))
    }

    fn over(stream: RecordingStream, origin: LatLon) -> Self {
        RrdSink {
            stream,
            plane: LocalPlane::new(origin),
            last: BTreeMap::new(),
        }
    }

    fn point(&self, at: LatLon, up_m: f64) -> [f32; 3] {
        let EastNorth { east_m, north_m } = self.plane.to_local(at);
        [east_m as f32, north_m as f32, up_m as f32]
    }

    fn at(&self, utc: Utc) {
        self.stream
            .set_timestamp_nanos_since_epoch(TIMELINE, utc.0.saturating_mul(1_000));
    }

    /// A zone of the venue, drawn at `up_m` above home. `role` names it and chooses its colour.
    ///
    /// # Errors
    /// When the SDK refuses it.
    pub fn zone(&self, id: &str, role: &str, outline: &Outline, up_m: f64) -> anyhow::Result<()> {
        let strips: Vec<Vec<[f32; 3]>> = match outline {
            Outline::Rings(rings) => rings
                .iter()
                .map(|r| {
                    r.iter()
                        .chain(r.first())
                        .map(|p| self.point(*p, up_m))
                        .collect()
                })
                .collect(),
            Outline::Circle { centre, radius_m } => {
                let c = self.plane.to_local(*centre);
                let strip = (0..=CIRCLE_STEPS).map(|i| {
                    let a = std::f64::consts::TAU * f64::from(i) / f64::from(CIRCLE_STEPS);
                    [
                        (c.east_m + radius_m * a.cos()) as f32,
                        (c.north_m + radius_m * a.sin()) as f32,
                        up_m as f32,
                    ]
                });
                vec![strip.collect()]
            }
        };
        let colour = match role {
            "inclusion" => 0x2E_7D_32_FF,
            "exclusion" => 0xC6_28_28_FF,
            "show" => 0x6A_1B_9A_FF,
            "watch_zone" => 0xEF_6C_00_FF,
            _ => 0x90_A4_AE_FFu32,
        };
        self.stream.log_static(
            format!("venue/{role}/{id}"),
            &rerun::LineStrips3D::new(strips).with_colors([rerun::Color::from_u32(colour)]),
        )?;
        Ok(())
    }

    /// The plan's path: places and heights above home, in order.
    ///
    /// # Errors
    /// When the SDK refuses it.
    pub fn plan(&self, path: &[(LatLon, f64)]) -> anyhow::Result<()> {
        let strip: Vec<[f32; 3]> = path.iter().map(|(p, up)| self.point(*p, *up)).collect();
        self.stream.log_static(
            "plan",
            &rerun::LineStrips3D::new([strip]).with_colors([rerun::Color::from_u32(0x15_65_C0_FF)]),
        )?;
        Ok(())
    }

    /// One pose of the aircraft called `name`; draws its trail too.
    ///
    /// # Errors
    /// When the SDK refuses it.
    pub fn pose(&mut self, utc: Utc, name: &str, pose: &Pose) -> anyhow::Result<()> {
        self.at(utc);
        let here = self.point(pose.at, pose.above_home_m);
        let [x, y, z, w] = enu_from_body(pose.roll_pitch_yaw_rad);
        self.stream.log(
            format!("aircraft/{name}"),
            &rerun::Transform3D::from_translation_rotation(
                here,
                rerun::Quaternion::from_xyzw([x, y, z, w]),
            ),
        )?;
        self.stream.log(
            format!("aircraft/{name}/body"),
            &rerun::Arrows3D::from_vectors([[6.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 3.0]]),
        )?;
        if let Some(last) = self.last.insert(name.to_owned(), here) {
            self.stream.log(
                format!("trail/{name}"),
                &rerun::LineStrips3D::new([vec![last, here]]),
            )?;
        }
        Ok(())
    }

    /// A figure over time, e.g. `battery_pct`.
    ///
    /// # Errors
    /// When the SDK refuses it.
    pub fn scalar(&self, utc: Utc, name: &str, value: f64) -> anyhow::Result<()> {
        self.at(utc);
        self.stream
            .log(format!("figures/{name}"), &rerun::Scalars::single(value))?;
        Ok(())
    }

    /// A picture from the aircraft's camera, as it came (JPEG or PNG).
    ///
    /// # Errors
    /// When the SDK refuses it.
    pub fn picture(&self, utc: Utc, camera: &str, encoded: &[u8]) -> anyhow::Result<()> {
        self.at(utc);
        self.stream.log(
            format!("camera/{camera}"),
            &rerun::EncodedImage::from_file_contents(encoded.to_vec()),
        )?;
        Ok(())
    }

    /// An anomaly: a point in the scene and a line in the log. `up_m` above home.
    ///
    /// # Errors
    /// When the SDK refuses it.
    pub fn anomaly(&self, anomaly: &Anomaly, up_m: f64) -> anyhow::Result<()> {
        self.at(anomaly.flagged);
        let (level, colour) = match anomaly.priority {
            Priority::Urgent => ("ERROR", 0xD5_00_00_FF),
            Priority::High => ("WARN", 0xFF_6D_00_FF),
            Priority::Notice => ("INFO", 0x29_62_FF_FFu32),
        };
        let label = format!("#{} {:?} {}", anomaly.number, anomaly.kind, anomaly.subject);
        self.stream.log(
            format!("anomalies/{}", anomaly.number),
            &rerun::Points3D::new([self.point(anomaly.at, up_m)])
                .with_radii([(anomaly.error.major_m as f32).clamp(1.0, 50.0)])
                .with_colors([rerun::Color::from_u32(colour)])
                .with_labels([label.as_str()]),
        )?;
        self.event(anomaly.flagged, level, &label)
    }

    /// A line in the log: `level` is one of Rerun's (`INFO`, `WARN`, `ERROR`), `code` an event code.
    ///
    /// # Errors
    /// When the SDK refuses it.
    pub fn event(&self, utc: Utc, level: &str, code: &str) -> anyhow::Result<()> {
        self.at(utc);
        self.stream
            .log("events", &rerun::TextLog::new(code).with_level(level))?;
        Ok(())
    }

    /// Waits until everything is in the file or sent, at most `limit`.
    ///
    /// # Errors
    /// When the sink failed or was too slow.
    pub fn finish(self, limit: Duration) -> anyhow::Result<()> {
        self.stream
            .flush_with_timeout(limit)
            .context("finishing the Rerun recording")
    }
}

/// Quaternion (x, y, z, w) that turns forward-right-down body axes into east-north-up.
fn enu_from_body([roll, pitch, yaw]: [f64; 3]) -> [f32; 4] {
    let ned_from_body = nalgebra::UnitQuaternion::from_euler_angles(roll, pitch, yaw);
    // East is NED's y, north its x, up minus its z.
    let enu_from_ned = nalgebra::Rotation3::from_matrix_unchecked(nalgebra::Matrix3::new(
        0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, -1.0,
    ));
    let q = nalgebra::UnitQuaternion::from_rotation_matrix(&enu_from_ned) * ned_from_body;
    [q.i as f32, q.j as f32, q.k as f32, q.w as f32]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_aircraft_heading_east_points_east_and_its_belly_down() {
        let [x, y, z, w] = enu_from_body([0.0, 0.0, std::f64::consts::FRAC_PI_2]).map(f64::from);
        let q = nalgebra::UnitQuaternion::from_quaternion(nalgebra::Quaternion::new(w, x, y, z));
        let forward = q * nalgebra::Vector3::new(1.0, 0.0, 0.0);
        let down = q * nalgebra::Vector3::new(0.0, 0.0, 1.0);
        assert!(
            (forward - nalgebra::Vector3::new(1.0, 0.0, 0.0)).norm() < 1e-6,
            "{forward}"
        );
        assert!(
            (down - nalgebra::Vector3::new(0.0, 0.0, -1.0)).norm() < 1e-6,
            "{down}"
        );
    }

    #[test]
    fn a_recording_is_written_and_starts_with_rerun_s_magic() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("flight.rrd");
        let origin = LatLon::from_degrees(27.787, 120.091).unwrap();
        let mut sink = RrdSink::to_file(&file, origin).unwrap();
        sink.zone(
            "b",
            "inclusion",
            &Outline::Circle {
                centre: origin,
                radius_m: 100.0,
            },
            0.0,
        )
        .unwrap();
        sink.plan(&[(origin, 10.0), (origin, 60.0)]).unwrap();
        for i in 0..10 {
            let pose = Pose {
                at: origin,
                above_home_m: f64::from(i),
                roll_pitch_yaw_rad: [0.0, 0.1, 0.2],
            };
            sink.pose(
                Utc(1_790_000_000_000_000 + i64::from(i) * 100_000),
                "P1",
                &pose,
            )
            .unwrap();
        }
        sink.event(Utc(1_790_000_000_000_000), "INFO", "launch.accepted")
            .unwrap();
        sink.finish(Duration::from_secs(10)).unwrap();
        let bytes = std::fs::read(&file).unwrap();
        assert_eq!(&bytes[..3], b"RRF", "not an .rrd file");
        assert!(bytes.len() > 2_000, "only {} bytes", bytes.len());
    }
}
