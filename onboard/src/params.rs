//! Reads and sets parameters of the autopilot, and believes only what was read back.
//!
//! PX4 moves integers as bits in the float, ArduPilot casts them (AUTOPILOTS.md); the type comes from PARAM_VALUE.

use crate::facts::Kind;
use link::common::{self, MavMessage as Common, MavParamType as T};
use missions::time::Mono;
use std::collections::BTreeMap;
use std::time::Duration;

const RETRY: Duration = Duration::from_millis(500);
const TRIES: u8 = 6;
const AT_ONCE: usize = 6;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Job {
    Read,
    /// Read first, to learn the type, then set.
    Learn(f64),
    Set(f64),
}

#[derive(Clone, Debug)]
struct Pending {
    job: Job,
    sent: Option<Mono>,
    tries: u8,
}

/// The reader. Drain [`Params::poll`] after every [`Params::take`] and on every tick.
#[derive(Clone, Debug, Default)]
pub struct Params {
    known: BTreeMap<String, (f64, T)>,
    absent: BTreeMap<String, ()>,
    pending: BTreeMap<String, Pending>,
}

/// Value of a PARAM_VALUE as a number.
#[must_use]
pub fn decode(kind: Kind, value: f32, t: T) -> f64 {
    if kind == Kind::Px4 {
        let bits = value.to_bits();
        match t {
            T::MAV_PARAM_TYPE_UINT8 => f64::from(bits as u8),
            T::MAV_PARAM_TYPE_INT8 => f64::from(bits as u8 as i8),
            T::MAV_PARAM_TYPE_UINT16 => f64::from(bits as u16),
            T::MAV_PARAM_TYPE_INT16 => f64::from(bits as u16 as i16),
            T::MAV_PARAM_TYPE_UINT32 => f64::from(bits),
            T::MAV_PARAM_TYPE_INT32 => f64::from(bits as i32),
            _ => f64::from(value),
        }
    } else {
        f64::from(value)
    }
}

/// The other way.
#[must_use]
pub fn encode(kind: Kind, value: f64, t: T) -> f32 {
    if kind == Kind::Px4 {
        match t {
            T::MAV_PARAM_TYPE_UINT8
            | T::MAV_PARAM_TYPE_INT8
            | T::MAV_PARAM_TYPE_UINT16
            | T::MAV_PARAM_TYPE_INT16
            | T::MAV_PARAM_TYPE_UINT32
            | T::MAV_PARAM_TYPE_INT32 => f32::from_bits(value.round() as i64 as u32),
            _ => value as f32,
        }
    } else {
        value as f32
    }
}

impl Params {
    /// Forgets everything (the autopilot rebooted).
    pub fn clear(&mut self) {
        *self = Self::default();
    }
    /// Wants `name` read (again).
    pub fn read(&mut self, name: &str) {
        self.pending.entry(name.to_owned()).or_insert(Pending {
            job: Job::Read,
            sent: None,
            tries: 0,
        });
    }
    /// Wants `name` set, and read back. Reads it first where its type is not known.
    pub fn set(&mut self, name: &str, value: f64) {
        let job = if self.known.contains_key(name) {
            Job::Set(value)
        } else {
            Job::Learn(value)
        };
        self.pending.insert(
            name.to_owned(),
            Pending {
                job,
                sent: None,
                tries: 0,
            },
        );
    }
    /// The value last read.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        self.known.get(name).map(|(v, _)| *v)
    }
    /// Whether the autopilot did not answer for `name`.
    #[must_use]
    pub fn is_absent(&self, name: &str) -> bool {
        self.absent.contains_key(name)
    }
    /// Whether a write is on its way.
    #[must_use]
    pub fn is_set_pending(&self, name: &str) -> bool {
        self.pending
            .get(name)
            .is_some_and(|p| matches!(p.job, Job::Set(_) | Job::Learn(_)))
    }
    /// Nothing is on its way.
    #[must_use]
    pub fn idle(&self) -> bool {
        self.pending.is_empty()
    }
    /// Takes a PARAM_VALUE.
    pub fn take(&mut self, kind: Kind, m: &common::PARAM_VALUE_DATA) {
        let Ok(name) = m.param_id.to_str() else {
            return;
        };
        let value = decode(kind, m.param_value, m.param_type);
        self.known.insert(name.to_owned(), (value, m.param_type));
        self.absent.remove(name);
        let Some(p) = self.pending.get_mut(name) else {
            return;
        };
        let equal = |want: f64| (want - value).abs() <= 1e-4 * want.abs().max(1.0);
        match p.job {
            Job::Read => {
                self.pending.remove(name);
            }
            Job::Learn(want) | Job::Set(want) if equal(want) => {
                self.pending.remove(name);
            }
            Job::Learn(want) => {
                *p = Pending {
                    job: Job::Set(want),
                    sent: None,
                    tries: 0,
                };
            }
            Job::Set(_) => {}
        }
    }
    /// The next message to send.
    pub fn poll(&mut self, now: Mono, kind: Kind, target: (u8, u8)) -> Option<Common> {
        let mut gave_up = None;
        let mut out = None;
        for (name, p) in self.pending.iter_mut().take(AT_ONCE) {
            if p.sent.is_some_and(|s| now.since(s) < RETRY) {
                continue;
            }
            if p.tries >= TRIES {
                gave_up = Some(name.clone());
                break;
            }
            p.tries += 1;
            p.sent = Some(now);
            out = Some(match (p.job, self.known.get(name)) {
                (Job::Set(v), Some((_, t))) => Common::PARAM_SET(common::PARAM_SET_DATA {
                    param_value: encode(kind, v, *t),
                    target_system: target.0,
                    target_component: target.1,
                    param_id: name.as_str().into(),
                    param_type: *t,
                }),
                (Job::Set(_), None) | (Job::Read | Job::Learn(_), _) => {
                    Common::PARAM_REQUEST_READ(common::PARAM_REQUEST_READ_DATA {
                        param_index: -1,
                        target_system: target.0,
                        target_component: target.1,
                        param_id: name.as_str().into(),
                    })
                }
            });
            break;
        }
        if let Some(name) = gave_up {
            self.pending.remove(&name);
            self.absent.insert(name, ());
        }
        out
    }
}
