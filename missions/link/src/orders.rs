//! Officers' orders: resent until answered, carried out at most once, never revived after they expired.

use crate::codes::Refusal;
use crate::patrol::MavMessage;
use crate::state::{Order, OrderFate, OrderKind};
use missions::time::{Mono, Now};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Time between sendings of an order that was not answered.
pub const RESEND: Duration = Duration::from_millis(250);
/// Most orders under way at once.
pub const MAX_PENDING: usize = 32;
/// Answers remembered by the receiver, so that a repeated order is answered and not repeated.
const MAX_REMEMBERED: usize = 256;
/// Senders whose newest order is remembered.
const MAX_SENDERS: usize = 32;

#[derive(Clone, Debug)]
struct Pending {
    order: Order,
    first: Mono,
    next: Mono,
    accepted: bool,
}

/// The desk's side.
#[derive(Clone, Debug, Default)]
pub struct OrderSender {
    last_id: u32,
    pending: BTreeMap<u32, Pending>,
    out: VecDeque<Order>,
}

impl OrderSender {
    /// Orders are numbered from `after + 1`: start from the clock, so that a restarted desk never reuses a number.
    #[must_use]
    pub fn new(after: u32) -> Self {
        OrderSender {
            last_id: after,
            ..Self::default()
        }
    }

    /// Sends an order. `None` when too many are under way.
    pub fn send(&mut self, now: Now, kind: OrderKind, valid: Duration) -> Option<u32> {
        if self.pending.len() >= MAX_PENDING {
            return None;
        }
        self.last_id = self.last_id.wrapping_add(1).max(1);
        let id = self.last_id;
        let order = Order {
            id,
            kind,
            valid_ms: u16::try_from(valid.as_millis()).unwrap_or(u16::MAX),
            age_ms: 0,
        };
        self.out.push_back(order);
        self.pending.insert(
            id,
            Pending {
                order,
                first: now.mono,
                next: now.mono.after(RESEND),
                accepted: false,
            },
        );
        Some(id)
    }

    /// Time passes: resends, and returns the orders nobody answered while they lived.
    pub fn tick(&mut self, now: Now) -> Vec<u32> {
        let mut silent = Vec::new();
        for (id, p) in &mut self.pending {
            let age_ms = now.mono.since(p.first).as_millis();
            if age_ms > u128::from(p.order.valid_ms) && !p.accepted {
                silent.push(*id);
            } else if !p.accepted && now.mono >= p.next {
                p.next = now.mono.after(RESEND);
                self.out.push_back(Order {
                    age_ms: u16::try_from(age_ms).unwrap_or(u16::MAX),
                    ..p.order
                });
            }
        }
        for id in &silent {
            self.pending.remove(id);
        }
        silent
    }

    /// Takes an answer. Returns whether it is about an order of ours.
    pub fn answered(&mut self, id: u32, fate: OrderFate) -> bool {
        if fate.is_final() {
            self.pending.remove(&id).is_some()
        } else if let Some(p) = self.pending.get_mut(&id) {
            p.accepted = true;
            true
        } else {
            false
        }
    }

    /// The next order to put on the wire.
    pub fn poll(&mut self) -> Option<Order> {
        self.out.pop_front()
    }
    /// When to call [`OrderSender::tick`] next.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Mono> {
        self.pending
            .values()
            .filter(|p| !p.accepted)
            .map(|p| p.next)
            .min()
    }
}

/// What the receiver does with an order that arrived.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrived {
    /// New and alive: carry it out, then say what became of it with [`OrderReceiver::set_fate`].
    New(Order),
    /// Seen before: repeat the answer.
    Again(OrderFate, Option<f64>),
    /// Too old: answer Expired.
    Expired,
    /// A newer one of the same sender's came before it: answer that it came too late.
    Overtaken,
}

/// Answer so far, its figure, and when it was last changed (counting changes).
type Answered = (OrderFate, Option<f64>, u64);

/// The companion's side.
#[derive(Clone, Debug, Default)]
pub struct OrderReceiver {
    /// By (source system, source component, order).
    seen: BTreeMap<(u8, u8, u32), Answered>,
    /// Newest order of each sender that moves the aircraft, and when it came.
    newest: BTreeMap<(u8, u8), (u32, Mono)>,
    counter: u64,
}

impl OrderReceiver {
    /// Nothing seen.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an order from `source` (system, component).
    ///
    /// Radios let frames overtake each other: the order given last wins, whichever arrives last. A sender that begins
    /// to count lower (its clock stepped) is believed once an order as old as that could not be alive any more.
    pub fn arrived(&mut self, now: Mono, source: (u8, u8), order: Order) -> Arrived {
        let key = (source.0, source.1, order.id);
        if let Some((fate, value, _)) = self.seen.get(&key) {
            return Arrived::Again(*fate, *value);
        }
        if order.age_ms > order.valid_ms {
            self.remember(key, OrderFate::Expired, None);
            return Arrived::Expired;
        }
        if order.kind != OrderKind::Preflight {
            let life = Duration::from_millis(order.valid_ms.into());
            let (newest, at) = *self.newest.get(&source).unwrap_or(&(0, now));
            // Numbers wrap.
            let behind = newest.wrapping_sub(order.id);
            if newest != 0 && behind > 0 && behind < 1 << 31 && now.since(at) <= life {
                let fate = OrderFate::Refused {
                    why: Some(Refusal::Expired),
                };
                self.remember(key, fate, None);
                return Arrived::Overtaken;
            }
            self.newest.insert(source, (order.id, now));
            if self.newest.len() > MAX_SENDERS
                && let Some(oldest) = self.newest.iter().min_by_key(|(_, v)| v.1).map(|(k, _)| *k)
            {
                self.newest.remove(&oldest);
            }
        }
        self.remember(key, OrderFate::Accepted, None);
        Arrived::New(order)
    }

    /// Records what became of an order, for repeats.
    pub fn set_fate(&mut self, source: (u8, u8), id: u32, fate: OrderFate, value: Option<f64>) {
        self.remember((source.0, source.1, id), fate, value);
    }

    fn remember(&mut self, key: (u8, u8, u32), fate: OrderFate, value: Option<f64>) {
        self.counter += 1;
        self.seen.insert(key, (fate, value, self.counter));
        if self.seen.len() > MAX_REMEMBERED
            && let Some(oldest) = self.seen.iter().min_by_key(|(_, v)| v.2).map(|(k, _)| *k)
        {
            self.seen.remove(&oldest);
        }
    }
}

/// The message that answers an order.
#[must_use]
pub fn answer(id: u32, fate: OrderFate, value: Option<f64>) -> MavMessage {
    fate.to_message(id, value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use missions::time::Reading;

    fn at(ms: u64) -> Now {
        Now {
            mono: Mono::from_millis(ms),
            utc: Reading::NotYet,
        }
    }

    #[test]
    fn an_order_whose_answer_was_lost_is_repeated_and_carried_out_once() {
        let (mut desk, mut companion) = (OrderSender::new(0), OrderReceiver::new());
        let id = desk
            .send(at(0), OrderKind::Hold, Duration::from_secs(5))
            .unwrap();
        let first = desk.poll().unwrap();
        assert_eq!(
            companion.arrived(Mono::ZERO, (255, 190), first),
            Arrived::New(first)
        );
        companion.set_fate((255, 190), id, OrderFate::Done, None);
        assert!(desk.tick(at(300)).is_empty());
        let again = desk.poll().unwrap();
        assert_eq!(again.age_ms, 300);
        assert_eq!(
            companion.arrived(Mono::ZERO, (255, 190), again),
            Arrived::Again(OrderFate::Done, None)
        );
        assert!(desk.answered(id, OrderFate::Done));
        assert!(desk.tick(at(600)).is_empty());
        assert_eq!(desk.poll(), None);
    }

    #[test]
    fn the_order_given_last_wins_whichever_arrives_last() {
        let desk = (255, 190);
        let ms = Mono::from_millis;
        let order = |id, kind, age_ms| Order {
            id,
            kind,
            valid_ms: 3_000,
            age_ms,
        };
        let mut companion = OrderReceiver::new();
        let back = order(8, OrderKind::Return, 0);
        assert_eq!(companion.arrived(ms(0), desk, back), Arrived::New(back));
        // The hold given before it was late on the radio: refused, and told so again when it is repeated.
        let hold = order(7, OrderKind::Hold, 400);
        assert_eq!(companion.arrived(ms(300), desk, hold), Arrived::Overtaken);
        let refused = OrderFate::Refused {
            why: Some(Refusal::Expired),
        };
        assert_eq!(
            companion.arrived(ms(600), desk, hold),
            Arrived::Again(refused, None)
        );
        // A question overtakes nothing and is overtaken by nothing; another station counts by itself.
        let ask = order(6, OrderKind::Preflight, 0);
        assert_eq!(companion.arrived(ms(700), desk, ask), Arrived::New(ask));
        let other = order(3, OrderKind::Hold, 0);
        assert_eq!(
            companion.arrived(ms(800), (252, 190), other),
            Arrived::New(other)
        );
        // A desk that counts anew is obeyed once no order so old could be alive.
        let anew = order(2, OrderKind::Hold, 0);
        assert_eq!(companion.arrived(ms(3_001), desk, anew), Arrived::New(anew));
        let next = order(3, OrderKind::Return, 0);
        assert_eq!(companion.arrived(ms(3_100), desk, next), Arrived::New(next));
    }

    #[test]
    fn an_order_that_waited_out_a_link_loss_is_not_revived() {
        let (mut desk, mut companion) = (OrderSender::new(7), OrderReceiver::new());
        desk.send(at(0), OrderKind::Resume, Duration::from_secs(2))
            .unwrap();
        let mut late = desk.poll().unwrap();
        late.age_ms = 2_001;
        assert_eq!(
            companion.arrived(Mono::ZERO, (255, 190), late),
            Arrived::Expired
        );
        assert_eq!(
            desk.tick(at(2_100)),
            vec![8],
            "the desk learns that nobody answered"
        );
    }
}
