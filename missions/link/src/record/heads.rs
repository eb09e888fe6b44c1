//! The exchange of chain heads: each side tells the other how far its record goes, and keeps what it was told. Whoever
//! later cuts the end off one record is betrayed by the other side's.
//!
//! A head travels as PATROL_HEAD, 66 bytes, every four seconds each way: some forty bytes a second with its receipt and
//! signature. What authenticates it is the link's own signature. A receipt is given only when the head is durable in the
//! record of the side that gives it. A core.

use super::chain::{Head, Receipted};
use super::key::from_hex;
use crate::patrol::PATROL_HEAD_DATA;
use missions::plan::hex;
use missions::time::Mono;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// A head is offered this often.
pub const EVERY: Duration = Duration::from_secs(4);
/// An offer without a receipt is repeated after this: 10 s of silence are the most that is promised.
pub const AGAIN: Duration = Duration::from_secs(1);
/// Peers that are remembered.
const MAX_PEERS: usize = 256;
/// A peer's heads are taken into the record at most this often: a flood must not fill it.
const TAKEN_EVERY: Duration = Duration::from_millis(500);
/// PATROL_HEAD.state.
const OFFERED: u8 = 1;
const KEPT: u8 = 2;

/// A head on its way, and as a record keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Identity of the record, hex.
    pub flight: String,
    /// Entry.
    pub n: u64,
    /// Its hash, hex.
    pub head: String,
}

impl Offer {
    /// The message: an offer, or the receipt of one.
    #[must_use]
    pub fn to_data(&self, receipt: bool, target_system: u8) -> Option<PATROL_HEAD_DATA> {
        Some(PATROL_HEAD_DATA {
            flight: from_hex(&self.flight)?.try_into().ok()?,
            head: from_hex(&self.head)?.try_into().ok()?,
            entry: u32::try_from(self.n).ok()?,
            target_system,
            state: if receipt { KEPT } else { OFFERED },
        })
    }
    /// Of the message; whether it is a receipt. `None`: of a kind that is not known.
    #[must_use]
    pub fn of(d: &PATROL_HEAD_DATA) -> Option<(Offer, bool)> {
        let receipt = match d.state {
            OFFERED => false,
            KEPT => true,
            _ => return None,
        };
        let offer = Offer {
            flight: hex(&d.flight),
            n: u64::from(d.entry),
            head: hex(&d.head),
        };
        Some((offer, receipt))
    }
}

/// What to do with a peer's offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// News: make it durable in the own record, then say [`Heads::kept`].
    Keep,
    /// It is durable already: receipt it again.
    Receipt,
    /// Neither: it is on its way to the disk, or older than what is kept, or comes too fast.
    Nothing,
}

#[derive(Clone, Debug, Default)]
struct Peer {
    /// The highest entry that it has receipted.
    has: Option<u64>,
    /// What it was offered last, and when.
    offered: Option<(u64, Mono)>,
    /// The newest head of its own record, when it was taken, and whether it is durable here.
    theirs: Option<(Offer, Mono, bool)>,
}

/// One side of the exchange.
#[derive(Clone, Debug, Default)]
pub struct Heads {
    peers: BTreeMap<u8, Peer>,
    /// Heads offered and not receipted yet.
    waiting: BTreeMap<u64, String>,
    flight: String,
}

impl Heads {
    /// For this record.
    #[must_use]
    pub fn new(flight: &str) -> Heads {
        Heads {
            flight: flight.into(),
            ..Heads::default()
        }
    }

    /// Identity of the record, hex.
    #[must_use]
    pub fn flight(&self) -> &str {
        &self.flight
    }

    fn peer(&mut self, id: u8) -> Option<&mut Peer> {
        if !self.peers.contains_key(&id) && self.peers.len() >= MAX_PEERS {
            return None;
        }
        Some(self.peers.entry(id).or_default())
    }

    /// The head to offer to this peer now, if it is time: the newest that is durable.
    pub fn offer(&mut self, now: Mono, head: Head, peer: u8) -> Option<Offer> {
        let p = self.peer(peer)?;
        let wait = match p.offered {
            Some((n, _)) if p.has.is_none_or(|h| h < n) => AGAIN,
            _ => EVERY,
        };
        let due = p.offered.is_none_or(|(_, at)| now.since(at) >= wait);
        if !due || p.has.is_some_and(|h| h >= head.n) {
            return None;
        }
        p.offered = Some((head.n, now));
        let text = hex(&head.hash);
        self.waiting.insert(head.n, text.clone());
        while self.waiting.len() > MAX_PEERS {
            self.waiting.pop_first();
        }
        Some(Offer {
            flight: self.flight.clone(),
            n: head.n,
            head: text,
        })
    }

    /// A peer, named `by`, says that it has a head of ours. What to write into the chain; nothing when it was known, or is
    /// not ours.
    pub fn receipted(&mut self, peer: u8, by: &str, offer: &Offer) -> Option<Receipted> {
        if offer.flight != self.flight || self.waiting.get(&offer.n) != Some(&offer.head) {
            return None;
        }
        let p = self.peers.get_mut(&peer)?;
        if p.has.is_some_and(|h| h >= offer.n) {
            return None;
        }
        p.has = Some(offer.n);
        Some(Receipted {
            by: by.to_owned(),
            n: offer.n,
            head: offer.head.clone(),
        })
    }

    /// A peer offers a head of its own record.
    pub fn offered(&mut self, now: Mono, peer: u8, offer: &Offer) -> Heard {
        let Some(p) = self.peer(peer) else {
            return Heard::Nothing;
        };
        if let Some((known, at, durable)) = &p.theirs {
            if known == offer {
                return if *durable {
                    Heard::Receipt
                } else {
                    Heard::Nothing
                };
            }
            let older = known.flight == offer.flight && known.n >= offer.n;
            if older || now.since(*at) < TAKEN_EVERY {
                return Heard::Nothing;
            }
        }
        p.theirs = Some((offer.clone(), now, false));
        Heard::Keep
    }

    /// A peer's head is durable here: now it may be receipted.
    pub fn kept(&mut self, peer: u8, offer: &Offer) {
        if let Some(p) = self.peers.get_mut(&peer)
            && let Some((known, _, durable)) = &mut p.theirs
            && known == offer
        {
            *durable = true;
        }
    }
    /// A peer's head found no room in the own record: it is news when it is offered again.
    pub fn not_kept(&mut self, peer: u8, offer: &Offer) {
        if let Some(p) = self.peers.get_mut(&peer)
            && p.theirs.as_ref().is_some_and(|(o, _, _)| o == offer)
        {
            p.theirs = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    fn head(n: u64) -> Head {
        Head {
            n,
            hash: [u8::try_from(n % 251).unwrap(); 32],
        }
    }
    const FLIGHT: &str = "0102030405060708090a0b0c0d0e0f10";

    /// Half of everything is lost each way; the other side is rarely more than ten seconds behind, and always catches up.
    #[test]
    fn over_a_bad_link_the_other_side_keeps_a_recent_head() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let mut h = Heads::new(FLIGHT);
        let mut late = 0;
        let mut has: Option<u64> = None;
        for second in 0..600u64 {
            let o = h.offer(Mono::from_millis(second * 1_000), head(second), 1);
            if let Some(o) = o
                && rng.random::<f64>() < 0.25
                && let Some(r) = h.receipted(1, "aircraft 1", &o)
            {
                assert_eq!(r.n, o.n);
                has = Some(r.n);
            }
            late += u64::from(has.is_none_or(|n| second - n > 10) && second > 10);
        }
        assert!(late < 120, "{late} of 600 s without a recent head");
        assert!(has.unwrap() > 550);
    }

    #[test]
    fn on_a_good_link_never_more_than_ten_seconds_and_a_forged_receipt_counts_for_nothing() {
        let mut h = Heads::new(FLIGHT);
        let mut has = [0, 0];
        for ms in (0..120_000u64).step_by(100) {
            for peer in [1u8, 2] {
                let Some(o) = h.offer(Mono::from_millis(ms), head(ms / 1_000), peer) else {
                    continue;
                };
                let forged = Offer {
                    head: "ff".repeat(32),
                    ..o.clone()
                };
                assert_eq!(h.receipted(peer, "x", &forged), None);
                assert_eq!(h.receipted(9, "x", &o), None, "nobody offered it to 9");
                let r = h.receipted(peer, "x", &o).unwrap();
                assert_eq!(h.receipted(peer, "x", &o), None, "once");
                has[usize::from(peer) - 1] = r.n;
            }
            assert!(ms / 1_000 - has[0].min(has[1]) <= 10, "at {ms} ms");
        }
    }

    #[test]
    fn a_head_is_receipted_when_it_is_durable_and_never_an_older_one() {
        let mut h = Heads::new(FLIGHT);
        let at = Mono::from_millis;
        let o = |n: u64| Offer {
            flight: "g".into(),
            n,
            head: "aa".into(),
        };
        assert_eq!(h.offered(at(0), 1, &o(3)), Heard::Keep);
        assert_eq!(
            h.offered(at(9_000), 1, &o(3)),
            Heard::Nothing,
            "not durable yet"
        );
        h.kept(1, &o(3));
        assert_eq!(
            h.offered(at(9_000), 1, &o(3)),
            Heard::Receipt,
            "its receipt was lost"
        );
        assert_eq!(h.offered(at(9_000), 1, &o(2)), Heard::Nothing);
        assert_eq!(h.offered(at(9_000), 1, &o(4)), Heard::Keep);
        assert_eq!(h.offered(at(9_100), 1, &o(5)), Heard::Nothing, "a flood");
        h.not_kept(1, &o(4));
        assert_eq!(
            h.offered(at(9_200), 1, &o(5)),
            Heard::Keep,
            "the disk was full"
        );
        // Another record of the same peer: it was started again.
        let other = Offer {
            flight: "h".into(),
            n: 0,
            head: "bb".into(),
        };
        assert_eq!(h.offered(at(20_000), 1, &other), Heard::Keep);
    }

    #[test]
    fn it_travels_as_it_is() {
        let o = Offer {
            flight: FLIGHT.into(),
            n: 70_000,
            head: "ab".repeat(32),
        };
        for receipt in [false, true] {
            // A head that ends in zeros is as long on the wire as any other.
            let zeros = Offer {
                head: "00".repeat(32),
                ..o.clone()
            };
            let len = |o: &Offer| {
                let d = o.to_data(receipt, 7).unwrap();
                let m = crate::patrol::MavMessage::PATROL_HEAD(d);
                crate::frame::Stamper::new(1, 191).frame(m).bytes().len()
            };
            assert_eq!((len(&zeros), len(&o)), (12 + 54, 12 + 54));
            let d = o.to_data(receipt, 7).unwrap();
            assert_eq!(
                (d.target_system, Offer::of(&d)),
                (7, Some((o.clone(), receipt)))
            );
        }
        let unknown = PATROL_HEAD_DATA {
            state: 9,
            ..o.to_data(false, 0).unwrap()
        };
        assert_eq!(Offer::of(&unknown), None);
        let short = Offer {
            flight: "01".into(),
            ..o
        };
        assert_eq!(short.to_data(false, 0), None);
    }
}
