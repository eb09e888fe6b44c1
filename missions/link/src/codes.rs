//! Why something was refused: stable numbers on the wire, stable keys for the console's dictionaries.
//!
//! Never a sentence: sentences live in the console, in Chinese and English.

use serde::{Deserialize, Serialize};

macro_rules! refusals {
    ($( $(#[doc = $doc:expr])+ $name:ident = $number:literal, $key:literal; )+) => {
        /// A reason for refusing. Numbers never change their meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[repr(u8)]
        #[serde(rename_all = "snake_case")]
        pub enum Refusal { $( $(#[doc = $doc])+ $name = $number, )+ }

        impl Refusal {
            /// Every reason.
            pub const ALL: &'static [Refusal] = &[$(Refusal::$name),+];
            /// Key in the console's dictionaries.
            #[must_use]
            pub fn key(self) -> &'static str {
                match self { $(Refusal::$name => $key,)+ }
            }
            /// From the wire. `None` for 0 (no refusal) and for numbers of a newer program.
            #[must_use]
            pub fn from_number(n: u8) -> Option<Refusal> {
                match n { $($number => Some(Refusal::$name),)+ _ => None }
            }
        }
    };
}

refusals! {
    /// No fence is in force.
    NoFence = 1, "refusal.no_fence";
    /// A leg leaves the fence or comes too near.
    LegLeaves = 2, "refusal.leg_leaves";
    /// The autopilot's own return from some point would leave the fence.
    ReturnLeaves = 3, "refusal.return_leaves";
    /// A landing site is outside, in a keep-out or in a crowd.
    LandingSite = 4, "refusal.landing_site";
    /// The battery does not suffice.
    Energy = 5, "refusal.energy";
    /// The plan file cannot be read.
    PlanNotRead = 6, "refusal.plan_not_read";
    /// The fence is not valid.
    FenceInvalid = 7, "refusal.fence_invalid";
    /// The fence in the plan is not the one it was planned in.
    FenceDiffers = 8, "refusal.fence_differs";
    /// A mission command that the gate cannot judge.
    UnsupportedItem = 9, "refusal.unsupported_item";
    /// A coordinate frame that the gate cannot judge.
    UnsupportedFrame = 10, "refusal.unsupported_frame";
    /// A number that is none, or a place off the globe.
    BadNumber = 11, "refusal.bad_number";
    /// More items than the aircraft takes.
    TooMany = 12, "refusal.too_many";
    /// The autopilot would silently change it.
    WouldChange = 13, "refusal.would_change";
    /// The plan is not on the aircraft, read back equal.
    NotOnAircraft = 14, "refusal.not_on_aircraft";
    /// Not while airborne.
    Airborne = 15, "refusal.airborne";
    /// A fence that changes in flight may only narrow.
    NotNarrower = 16, "refusal.not_narrower";
    /// A preflight check fails.
    Preflight = 17, "refusal.preflight";
    /// The launch token is wrong or over.
    Token = 18, "refusal.token";
    /// The order came too late.
    Expired = 19, "refusal.expired";
    /// Not in this flight state.
    WrongState = 20, "refusal.wrong_state";
    /// Not on the list of what may pass to the autopilot.
    NotAllowed = 21, "refusal.not_allowed";
    /// The place asked for is outside the fence.
    TargetOutside = 22, "refusal.target_outside";
    /// There is no way there inside the fence.
    NoWay = 23, "refusal.no_way";
    /// Something else is under way.
    Busy = 24, "refusal.busy";
    /// The autopilot refused.
    AutopilotRefused = 25, "refusal.autopilot_refused";
    /// The autopilot does not answer.
    AutopilotSilent = 26, "refusal.autopilot_silent";
    /// What was read back is not what was written.
    ReadBackDiffers = 27, "refusal.read_back_differs";
    /// The disk failed.
    Storage = 28, "refusal.storage";
    /// The order is about another plan than the one aboard.
    PlanDiffers = 29, "refusal.plan_differs";
    /// The mission starts without a take-off, or ends nowhere.
    MissionShape = 30, "refusal.mission_shape";
    /// The autopilot is not our simulator and nobody confirmed a real aircraft.
    RealAircraft = 31, "refusal.real_aircraft";
    /// A jump that never ends, or too long.
    JumpLoop = 32, "refusal.jump_loop";
    /// The safety pilot flies.
    SafetyPilot = 33, "refusal.safety_pilot";
    /// The position is not known.
    NoPosition = 34, "refusal.no_position";
    /// The bytes do not have the announced hash.
    HashDiffers = 35, "refusal.hash_differs";
    /// Another station is uploading.
    OtherStation = 36, "refusal.other_station";
    /// The launch window is over or not begun.
    LaunchWindow = 37, "refusal.launch_window";
    /// The desk has no link to the aircraft.
    NoLink = 38, "refusal.no_link";
    /// Nothing answered in time.
    Timeout = 39, "refusal.timeout";
    /// The officer's entry is missing something.
    Incomplete = 40, "refusal.incomplete";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_keys_are_unique_and_go_back() {
        let mut keys: Vec<&str> = Refusal::ALL.iter().map(|r| r.key()).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), Refusal::ALL.len());
        for r in Refusal::ALL {
            assert_eq!(Refusal::from_number(*r as u8), Some(*r));
        }
        assert_eq!(Refusal::from_number(0), None);
    }
}
