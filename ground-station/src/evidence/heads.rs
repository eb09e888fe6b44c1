//! The exchange of chain heads: each side tells the other how far its record goes, and keeps what it was told. Whoever
//! later cuts the end off one record is betrayed by the other side's.
//!
//! A core. What carries a head over the link is [`HeadLink`]'s matter: the dialect has no message for it yet.

use super::chain::{Head, Receipted};
use missions::time::Mono;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// A head is offered this often.
pub const EVERY: Duration = Duration::from_secs(4);
/// An offer without a receipt is repeated after this: 10 s of silence are the most that is promised.
pub const AGAIN: Duration = Duration::from_secs(1);
/// Other records whose heads are kept.
const MAX_OTHERS: usize = 64;
/// Peers that are remembered.
const MAX_PEERS: usize = 256;

/// A head on its way: 16 + 8 + 32 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Identity of the record, hex.
    pub flight: String,
    /// Entry.
    pub n: u64,
    /// Its hash, hex.
    pub head: String,
}

/// What carries heads to a peer. The link implements it.
pub trait HeadLink {
    /// Sends an offer. Datagrams get lost: it is repeated until it is receipted.
    fn offer(&mut self, peer: u8, offer: &Offer);
    /// Tells a peer that its head is on durable storage here.
    fn receipt(&mut self, peer: u8, offer: &Offer);
}

#[derive(Clone, Debug, Default)]
struct Peer {
    /// The highest entry that it has receipted.
    has: Option<u64>,
    /// What it was offered last, and when.
    offered: Option<(u64, Mono)>,
}

/// One side of the exchange.
#[derive(Clone, Debug, Default)]
pub struct Heads {
    peers: BTreeMap<u8, Peer>,
    /// Heads offered and not receipted yet, the newest of each number.
    waiting: BTreeMap<u64, String>,
    flight: String,
    /// The newest head of each other record.
    others: BTreeMap<(u8, String), Offer>,
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

    /// Time passes: offers to each peer the newest head that is durable, when it is time. Peers are those that were
    /// heard lately.
    pub fn tick(&mut self, now: Mono, head: Head, peers: &[u8], link: &mut dyn HeadLink) {
        for id in peers {
            if !self.peers.contains_key(id) && self.peers.len() >= MAX_PEERS {
                continue;
            }
            let p = self.peers.entry(*id).or_default();
            let wait = match p.offered {
                Some((n, _)) if p.has.is_none_or(|h| h < n) => AGAIN,
                _ => EVERY,
            };
            let due = p.offered.is_none_or(|(_, at)| now.since(at) >= wait);
            if !due || p.has.is_some_and(|h| h >= head.n) {
                continue;
            }
            p.offered = Some((head.n, now));
            let text = missions::plan::hex(&head.hash);
            self.waiting.insert(head.n, text.clone());
            link.offer(
                *id,
                &Offer {
                    flight: self.flight.clone(),
                    n: head.n,
                    head: text,
                },
            );
        }
        while self.waiting.len() > MAX_PEERS {
            self.waiting.pop_first();
        }
    }

    /// A peer says that it has a head of ours. What to write into the chain; nothing when it was known, or is not ours.
    pub fn receipted(&mut self, peer: u8, offer: &Offer) -> Option<Receipted> {
        if offer.flight != self.flight || self.waiting.get(&offer.n) != Some(&offer.head) {
            return None;
        }
        let p = self.peers.get_mut(&peer)?;
        if p.has.is_some_and(|h| h >= offer.n) {
            return None;
        }
        p.has = Some(offer.n);
        Some(Receipted {
            by: format!("aircraft {peer}"),
            n: offer.n,
            head: offer.head.clone(),
        })
    }

    /// A peer offers a head of its own record. What to make durable before [`HeadLink::receipt`]; nothing when it is no
    /// news: then it is receipted at once.
    pub fn offered(&mut self, peer: u8, offer: &Offer) -> Option<Offer> {
        let key = (peer, offer.flight.clone());
        if !self.others.contains_key(&key) && self.others.len() >= MAX_OTHERS {
            return None;
        }
        let known = self.others.get(&key);
        if known.is_some_and(|k| k.n >= offer.n) {
            return None;
        }
        self.others.insert(key, offer.clone());
        Some(offer.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    #[derive(Default)]
    struct Wire(Vec<(u8, Offer)>);
    impl HeadLink for Wire {
        fn offer(&mut self, peer: u8, offer: &Offer) {
            self.0.push((peer, offer.clone()));
        }
        fn receipt(&mut self, _: u8, _: &Offer) {}
    }

    /// Half of everything is lost each way; the other side is rarely more than ten seconds behind, and always catches up.
    #[test]
    fn over_a_bad_link_the_other_side_keeps_a_recent_head() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let (mut h, mut wire) = (Heads::new("f"), Wire::default());
        let mut late = 0;
        let mut has: Option<u64> = None;
        for second in 0..600u64 {
            let head = Head {
                n: second,
                hash: [u8::try_from(second % 251).unwrap(); 32],
            };
            h.tick(Mono::from_millis(second * 1_000), head, &[1], &mut wire);
            for (peer, o) in std::mem::take(&mut wire.0) {
                if rng.random::<f64>() < 0.25
                    && let Some(r) = h.receipted(peer, &o)
                {
                    assert_eq!(r.n, o.n);
                    has = Some(r.n);
                }
            }
            late += u64::from(has.is_none_or(|n| second - n > 10) && second > 10);
        }
        assert!(late < 120, "{late} of 600 s without a recent head");
        assert!(has.unwrap() > 550);
    }

    #[test]
    fn on_a_good_link_never_more_than_ten_seconds_and_a_forged_receipt_counts_for_nothing() {
        let (mut h, mut wire) = (Heads::new("f"), Wire::default());
        let mut has = 0;
        for ms in (0..120_000u64).step_by(100) {
            let head = Head {
                n: ms / 1_000,
                hash: [9; 32],
            };
            h.tick(Mono::from_millis(ms), head, &[1, 2], &mut wire);
            for (peer, o) in std::mem::take(&mut wire.0) {
                let forged = Offer {
                    head: "00".repeat(32),
                    ..o.clone()
                };
                assert_eq!(h.receipted(peer, &forged), None);
                let r = h.receipted(peer, &o).unwrap();
                assert_eq!(h.receipted(peer, &o), None, "once");
                has = r.n;
            }
            assert!(ms / 1_000 - has <= 10, "at {ms} ms");
        }
    }

    #[test]
    fn of_the_other_side_the_newest_is_kept_and_never_an_older_one() {
        let mut h = Heads::new("f");
        let o = |n: u64| Offer {
            flight: "g".into(),
            n,
            head: "aa".into(),
        };
        assert_eq!(h.offered(1, &o(3)), Some(o(3)));
        assert_eq!(h.offered(1, &o(3)), None);
        assert_eq!(h.offered(1, &o(2)), None);
        assert_eq!(h.offered(1, &o(4)), Some(o(4)));
    }
}
