//! How far an aircraft drifts that has lost its position and comes down level: told to the ground at once, so that the people
//! under it are known. Commands nothing.

use missions::plane::EastNorth;

/// Way in which an airspeed falls to 1/e without thrust along it, metres: mass over half of air density times drag area, of a
/// quadrotor of the 2 kg class. Known to a half.
const BALLISTIC_M: f64 = 80.0;
/// What is not known of a wind that was told: a share of it (gusts, its change with height), and m/s that an estimate is off.
const WIND_UNSURE: f64 = 0.5;
const WIND_ERROR_MPS: f64 = 1.5;
/// Below this height above home both autopilots come down slowly, at this speed at the least (ArduCopter's LAND_SPEED).
const SLOW_BELOW_M: f64 = 10.0;
const SLOW_MPS: f64 = 0.5;
/// From the loss until it comes down, seconds: both give the position up after one or two.
const GIVEN_UP_S: f64 = 2.0;
/// Position error and the last gust, metres.
const ERROR_M: f64 = 10.0;

/// What is known when satellites are lost.
#[derive(Clone, Copy, Debug)]
pub struct Before {
    /// Height above home, metres. The ground is taken to be as high as home.
    pub above_home_m: f64,
    /// Velocity over ground, m/s north, east.
    pub velocity_mps: [f64; 2],
    /// Wind, m/s towards north, east; `None`: the autopilot does not tell it.
    pub wind_mps: Option<[f64; 2]>,
    /// Strongest wind to reckon with where none is told, m/s.
    pub most_wind_mps: f64,
    /// Descent above the last metres, m/s.
    pub descend_mps: f64,
}

/// Middle of the area from where it was, and its radius in metres.
#[must_use]
pub fn area(b: &Before) -> (EastNorth, f64) {
    let high_m = b.above_home_m.max(0.0);
    let down_s = GIVEN_UP_S
        + (high_m - SLOW_BELOW_M).max(0.0) / b.descend_mps.max(0.3)
        + high_m.min(SLOW_BELOW_M) / SLOW_MPS;
    let [north, east] = b.velocity_mps;
    let [wind_n, wind_e] = b.wind_mps.unwrap_or_default();
    // Through the air it coasts, ever slower; with the air it goes all the time.
    let (air_n, air_e) = (north - wind_n, east - wind_e);
    let air_mps = air_n.hypot(air_e);
    let coasts_m = BALLISTIC_M * (1.0 + air_mps * down_s / BALLISTIC_M).ln();
    let along = if air_mps > 0.1 {
        coasts_m / air_mps
    } else {
        0.0
    };
    let unsure_mps = match b.wind_mps {
        Some(_) => WIND_UNSURE * wind_n.hypot(wind_e) + WIND_ERROR_MPS,
        None => b.most_wind_mps.max(0.0),
    };
    (
        EastNorth::new(
            wind_e * down_s + air_e * along,
            wind_n * down_s + air_n * along,
        ),
        0.5 * coasts_m + unsure_mps * down_s + ERROR_M,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_told_wind_makes_the_area_smaller_and_moves_it_downwind() {
        let unknown = Before {
            above_home_m: 60.0,
            velocity_mps: [0.0, 0.0],
            wind_mps: None,
            most_wind_mps: 10.0,
            descend_mps: 1.5,
        };
        let (middle, radius_m) = area(&unknown);
        assert!(middle.east_m.abs() < 1e-9 && middle.north_m.abs() < 1e-9);
        // 55 s in a wind of 10 m/s.
        assert!((500.0..600.0).contains(&radius_m), "{radius_m}");
        let told = Before {
            wind_mps: Some([0.0, 4.0]),
            ..unknown
        };
        let (middle, told_m) = area(&told);
        assert!(
            told_m < 0.6 * radius_m && middle.east_m > 60.0,
            "{told_m} {middle:?}"
        );
        // Flying through calm air it coasts on, and no further than it would at its speed.
        let flying = Before {
            velocity_mps: [8.0, 0.0],
            wind_mps: Some([0.0, 0.0]),
            ..unknown
        };
        let (middle, _) = area(&flying);
        assert!((100.0..8.0 * 56.0).contains(&middle.north_m), "{middle:?}");
    }
}
