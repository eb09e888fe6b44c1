//! Keeps world time in pace with the real clock.

use missions::time::Mono;
use std::time::Duration;

/// The world may fall this far behind and catch up; further, and the time is lost instead of flown in a rush.
pub const MOST_BEHIND: Duration = Duration::from_millis(500);

/// The pace.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    speed: f64,
    real: Mono,
    world: Mono,
}

impl Pace {
    /// World time zero is real time `real`; `speed` times real time.
    #[must_use]
    pub fn new(speed: f64, real: Mono) -> Self {
        Pace {
            speed,
            real,
            world: Mono::ZERO,
        }
    }
    /// Where the world should be at real time `real`, and how much world time was given up because the machine was
    /// too slow.
    pub fn target(&mut self, real: Mono, world: Mono) -> (Mono, Duration) {
        let target = self.world.after(real.since(self.real).mul_f64(self.speed));
        let most = MOST_BEHIND.mul_f64(self.speed.max(1.0));
        let behind = target.since(world);
        if behind <= most {
            return (target, Duration::ZERO);
        }
        let lost = behind - most;
        self.real = real;
        self.world = world.after(most);
        (self.world, lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_follows_the_clock_and_a_stall_is_not_made_up_for() {
        let ms = |n: u64| Mono(n * 1000);
        let mut p = Pace::new(1.0, ms(100));
        assert_eq!(p.target(ms(110), ms(0)), (ms(10), Duration::ZERO));
        assert_eq!(p.target(ms(500), ms(10)), (ms(400), Duration::ZERO));
        // Ten seconds of nothing: half a second is flown, the rest is lost, and then it goes on as before.
        let (target, lost) = p.target(ms(10_500), ms(400));
        assert_eq!((target, lost), (ms(900), Duration::from_millis(9500)));
        assert_eq!(p.target(ms(10_600), ms(900)), (ms(1000), Duration::ZERO));
        assert_eq!(
            Pace::new(20.0, ms(0)).target(ms(10), ms(0)),
            (ms(200), Duration::ZERO)
        );
    }
}
