//! Where the aircraft was when a frame was taken.
//!
//! Poses arrive late and at their own rate; frames are stamped with the autopilot's clock. This buffer answers for one
//! instant of that clock. It never guesses across a gap and never trusts a pose that is not finite.

use super::schema::Pose;
use missions::time::Utc;
use std::collections::VecDeque;
use std::f64::consts::PI;

/// How much past is kept, µs.
const KEEP_US: u64 = 10_000_000;
/// Most poses kept: 10 s at 100 Hz.
const KEEP: usize = 1000;
/// Nothing is interpolated across a longer gap, µs.
const MAX_GAP_US: u64 = 1_000_000;
/// Nothing is extrapolated further ahead, µs.
const MAX_AHEAD_US: u64 = 500_000;
/// A clock that jumps back further than this was restarted, µs.
const RESTART_US: u64 = 2_000_000;

/// Answer for one instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum At {
    /// Between two poses.
    Known(Pose),
    /// Ahead of the newest pose, carried on at its velocity (attitude held).
    Ahead(Pose),
    /// Too far ahead: the pose may still come.
    NotYet,
    /// Older than the buffer, or inside a gap: it will never come.
    Never,
}

/// The last ten seconds of poses.
#[derive(Clone, Debug, Default)]
pub struct PoseBuffer {
    poses: VecDeque<Pose>,
    refused: u64,
}

fn sane(p: &Pose) -> bool {
    let finite = [
        p.lat_deg,
        p.lon_deg,
        p.alt_amsl_m,
        p.roll,
        p.pitch,
        p.yaw,
        p.pos_error_m,
        p.vel_ned[0],
        p.vel_ned[1],
        p.vel_ned[2],
    ]
    .iter()
    .all(|v| v.is_finite());
    finite
        && p.lat_deg.abs() < 89.0
        && p.lon_deg.abs() <= 180.0
        && p.alt_amsl_m.abs() < 20_000.0
        && p.pos_error_m >= 0.0
        && p.vel_ned.iter().all(|v| v.abs() < 500.0)
        && [p.roll, p.pitch, p.yaw].iter().all(|a| a.abs() < 4.0 * PI)
}

/// From `a` towards `b` by `t`, the short way round.
fn turn(a: f64, b: f64, t: f64) -> f64 {
    a + t * ((b - a + PI).rem_euclid(2.0 * PI) - PI)
}

impl PoseBuffer {
    /// Poses that were not believed.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// The newest pose.
    #[must_use]
    pub fn newest(&self) -> Option<&Pose> {
        self.poses.back()
    }

    /// Takes a pose; false when it was not believed (not finite, or out of order).
    pub fn push(&mut self, pose: Pose) -> bool {
        let newest = self.newest().map_or(0, |p| p.boot_us);
        if newest.saturating_sub(pose.boot_us) > RESTART_US && sane(&pose) {
            // The autopilot restarted: its clock began anew, and the old poses can match no coming frame.
            self.poses.clear();
        } else if !sane(&pose) || (!self.poses.is_empty() && pose.boot_us <= newest) {
            self.refused = self.refused.saturating_add(1);
            return false;
        }
        self.poses.push_back(pose);
        while self.poses.len() > KEEP
            || self
                .poses
                .front()
                .is_some_and(|p| pose.boot_us - p.boot_us.min(pose.boot_us) > KEEP_US)
        {
            self.poses.pop_front();
        }
        true
    }

    /// The pose at `boot_us`.
    #[must_use]
    pub fn at(&self, boot_us: u64) -> At {
        let Some(newest) = self.newest() else {
            return At::NotYet;
        };
        if boot_us > newest.boot_us {
            let ahead_us = boot_us - newest.boot_us;
            return if ahead_us <= MAX_AHEAD_US {
                At::Ahead(carry_on(newest, ahead_us))
            } else {
                At::NotYet
            };
        }
        let after = self.poses.partition_point(|p| p.boot_us < boot_us);
        let Some(b) = self.poses.get(after) else {
            return At::Never;
        };
        if b.boot_us == boot_us {
            return At::Known(*b);
        }
        match after.checked_sub(1).and_then(|i| self.poses.get(i)) {
            Some(a) if b.boot_us - a.boot_us <= MAX_GAP_US => At::Known(between(a, b, boot_us)),
            _ => At::Never,
        }
    }
}

fn shifted(utc: Option<Utc>, us: u64) -> Option<Utc> {
    utc.map(|u| Utc(u.0.saturating_add(i64::try_from(us).unwrap_or(i64::MAX))))
}

fn between(a: &Pose, b: &Pose, boot_us: u64) -> Pose {
    let t = (boot_us - a.boot_us) as f64 / ((b.boot_us - a.boot_us) as f64).max(1.0);
    let mix = |x: f64, y: f64| x + t * (y - x);
    let [an, ae, ad] = a.vel_ned;
    let [bn, be, bd] = b.vel_ned;
    // Across the date line the straight mean of two longitudes is on the other side of the earth.
    let b_lon = a.lon_deg + (b.lon_deg - a.lon_deg + 180.0).rem_euclid(360.0) - 180.0;
    Pose {
        boot_us,
        lat_deg: mix(a.lat_deg, b.lat_deg),
        lon_deg: (mix(a.lon_deg, b_lon) + 180.0).rem_euclid(360.0) - 180.0,
        alt_amsl_m: mix(a.alt_amsl_m, b.alt_amsl_m),
        roll: turn(a.roll, b.roll, t),
        pitch: turn(a.pitch, b.pitch, t),
        yaw: turn(a.yaw, b.yaw, t),
        vel_ned: [mix(an, bn), mix(ae, be), mix(ad, bd)],
        pos_error_m: a.pos_error_m.max(b.pos_error_m),
        utc: shifted(a.utc, boot_us - a.boot_us),
    }
}

fn carry_on(p: &Pose, ahead_us: u64) -> Pose {
    let dt_s = ahead_us as f64 * 1e-6;
    let [n, e, d] = p.vel_ned;
    // Metres a degree on the mean sphere: over half a second the difference to the ellipsoid is millimetres.
    let m_per_deg = 111_195.0;
    Pose {
        boot_us: p.boot_us.saturating_add(ahead_us),
        lat_deg: p.lat_deg + n * dt_s / m_per_deg,
        lon_deg: p.lon_deg + e * dt_s / (m_per_deg * p.lat_deg.to_radians().cos().max(0.01)),
        alt_amsl_m: p.alt_amsl_m - d * dt_s,
        utc: shifted(p.utc, ahead_us),
        ..*p
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pose(boot_us: u64) -> Pose {
        Pose {
            boot_us,
            lat_deg: 27.0 + boot_us as f64 * 1e-12,
            lon_deg: 120.0,
            alt_amsl_m: 100.0,
            roll: 0.0,
            pitch: 0.0,
            yaw: 0.0,
            vel_ned: [1.0, 0.0, 0.0],
            pos_error_m: 1.0,
            utc: Some(Utc(1_000_000_000 + boot_us as i64)),
        }
    }

    #[test]
    fn a_frame_between_two_poses_gets_the_mean_and_yaw_turns_the_short_way() {
        let mut b = PoseBuffer::default();
        let mut p = pose(1_000_000);
        p.yaw = 3.1;
        b.push(p);
        let mut q = pose(1_200_000);
        q.yaw = -3.1;
        q.alt_amsl_m = 110.0;
        b.push(q);
        let At::Known(m) = b.at(1_100_000) else {
            panic!()
        };
        assert!((m.alt_amsl_m - 105.0).abs() < 1e-9);
        assert!((m.yaw.abs() - PI).abs() < 1e-9);
        assert_eq!(m.utc, Some(Utc(1_001_100_000)));
    }

    #[test]
    fn it_waits_for_the_future_and_gives_up_on_the_past() {
        let mut b = PoseBuffer::default();
        assert_eq!(b.at(5), At::NotYet);
        b.push(pose(10_000_000));
        b.push(pose(13_000_000));
        assert_eq!(b.at(9_000_000), At::Never);
        assert_eq!(b.at(11_000_000), At::Never); // a gap of three seconds
        assert!(matches!(b.at(13_400_000), At::Ahead(_)));
        assert_eq!(b.at(14_000_000), At::NotYet);
    }

    #[test]
    fn a_restarted_autopilot_begins_a_new_clock_and_a_late_pose_is_ignored() {
        let mut b = PoseBuffer::default();
        b.push(pose(60_000_000));
        assert!(!b.push(pose(59_900_000)));
        assert!(b.push(pose(1_000)));
        assert_eq!(b.newest().unwrap().boot_us, 1_000);
    }

    #[test]
    fn what_is_not_finite_is_not_believed() {
        let mut b = PoseBuffer::default();
        for bad in [f64::NAN, f64::INFINITY, 1e9] {
            let mut p = pose(1);
            p.lat_deg = bad;
            assert!(!b.push(p));
            let mut p = pose(1);
            p.roll = bad;
            assert!(!b.push(p));
        }
        assert_eq!(b.refused(), 6);
    }

    proptest! {
        #[test]
        fn any_order_of_times_is_survived_and_bounded(times in prop::collection::vec(any::<u64>(), 0..60), ask in any::<u64>()) {
            let mut b = PoseBuffer::default();
            for t in times {
                let mut p = pose(0);
                p.boot_us = t;
                p.utc = Some(Utc(i64::MAX));
                b.push(p);
                prop_assert!(b.poses.len() <= KEEP);
                let _ = b.at(ask);
            }
        }
    }
}
