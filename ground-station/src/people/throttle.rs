//! Back-off after wrong passwords and codes, per account and per address. Memory is bounded: made-up names share a few
//! places, and of too many addresses those that were quiet longest are forgotten.

use core::net::IpAddr;
use missions::time::Mono;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::time::Duration;

/// Wrong tries that cost no wait: an officer mistypes.
const FREE_ACCOUNT: u32 = 5;
/// The same for an address, behind which several may sit.
const FREE_ADDRESS: u32 = 20;
/// An account waits at most this long: whoever guesses must not lock an officer out of a flight.
const MAX_ACCOUNT: Duration = Duration::from_secs(60);
/// An address waits at most this long.
const MAX_ADDRESS: Duration = Duration::from_secs(15 * 60);
/// A quiet time after which all is forgotten.
const FORGET: Duration = Duration::from_secs(60 * 60);
/// Addresses that are remembered.
pub const MAX_ADDRESSES: usize = 1024;
/// Places that names which nobody has share.
const MADE_UP: u8 = 64;

#[derive(Clone, Copy, Debug)]
struct Tries {
    wrong: u32,
    last: Mono,
}

impl Tries {
    /// How long from now until the next try is taken; 1, 2, 4 … seconds from the last.
    fn wait(&self, now: Mono, free: u32, most: Duration) -> Duration {
        let over = self.wrong.saturating_sub(free);
        if over == 0 {
            return Duration::ZERO;
        }
        let pause = Duration::from_secs(1u64 << over.saturating_sub(1).min(20)).min(most);
        pause.saturating_sub(now.since(self.last))
    }
}

/// Wrong tries of late.
#[derive(Clone, Debug, Default)]
pub struct Throttle {
    accounts: BTreeMap<String, Tries>,
    addresses: BTreeMap<IpAddr, Tries>,
}

/// One house of IPv6 is one address: its first 64 bits.
fn house(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => {
                let mut octets = v6.octets();
                if let Some(tail) = octets.get_mut(8..) {
                    tail.fill(0);
                }
                IpAddr::V6(octets.into())
            }
        },
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Where an account's tries are counted. `known`: somebody has this name.
fn place(name: &str, known: bool) -> String {
    let name = name.trim().to_lowercase();
    if known {
        return format!("={name}");
    }
    let first = Sha256::digest(name.as_bytes())
        .first()
        .copied()
        .unwrap_or(0);
    format!("?{}", first % MADE_UP)
}

impl Throttle {
    /// How long this account or this address must wait; zero: it may try.
    #[must_use]
    pub fn wait(&self, now: Mono, name: &str, known: bool, ip: IpAddr) -> Duration {
        let account = self.accounts.get(&place(name, known));
        let address = self.addresses.get(&house(ip));
        let of =
            |t: Option<&Tries>, free, most| t.map_or(Duration::ZERO, |t| t.wait(now, free, most));
        of(account, FREE_ACCOUNT, MAX_ACCOUNT).max(of(address, FREE_ADDRESS, MAX_ADDRESS))
    }

    /// A wrong try.
    pub fn wrong(&mut self, now: Mono, name: &str, known: bool, ip: IpAddr) {
        let fresh = |t: &mut Tries| now.since(t.last) < FORGET;
        self.accounts.retain(|_, t| fresh(t));
        self.addresses.retain(|_, t| fresh(t));
        let ip = house(ip);
        if self.addresses.len() >= MAX_ADDRESSES && !self.addresses.contains_key(&ip) {
            let quiet = self.addresses.iter().min_by_key(|(_, t)| t.last);
            if let Some(quiet) = quiet.map(|(ip, _)| *ip) {
                self.addresses.remove(&quiet);
            }
        }
        let one = Tries {
            wrong: 0,
            last: now,
        };
        for t in [
            self.accounts.entry(place(name, known)).or_insert(one),
            self.addresses.entry(ip).or_insert(one),
        ] {
            t.wrong = t.wrong.saturating_add(1);
            t.last = now;
        }
    }

    /// A right one: the account begins anew. The address does not: one right password must not buy more guesses.
    pub fn right(&mut self, name: &str) {
        self.accounts.remove(&place(name, true));
    }

    /// Accounts and addresses that are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.accounts.len() + self.addresses.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));

    fn at(s: u64) -> Mono {
        Mono::ZERO.after(Duration::from_secs(s))
    }

    #[test]
    fn an_account_waits_longer_and_longer_but_never_longer_than_a_minute() {
        let mut t = Throttle::default();
        let mut waits = Vec::new();
        let mut now = at(0);
        for n in 0..16u8 {
            // Another address each time: the account alone is meant.
            let ip = IpAddr::V4(Ipv4Addr::new(10, 0, 1, n));
            assert!(t.wait(now, "Li", true, ip).is_zero());
            t.wrong(now, "li ", true, ip);
            let wait = t.wait(now, "Li", true, ip);
            waits.push(wait.as_secs());
            now = now.after(wait);
        }
        assert_eq!(
            waits,
            [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60]
        );
        assert!(
            t.wait(now, "Chen", true, HERE).is_zero(),
            "others are not touched"
        );
        t.right("Li");
        assert!(t.wait(now, "Li", true, HERE).is_zero());
    }

    #[test]
    fn an_address_that_guesses_many_names_waits_and_a_right_one_does_not_free_it() {
        let mut t = Throttle::default();
        for n in 0..40 {
            t.wrong(at(1), &format!("name{n}"), true, HERE);
        }
        assert_eq!(t.wait(at(1), "Li", true, HERE), MAX_ADDRESS);
        t.right("Li");
        assert_eq!(t.wait(at(1), "Li", true, HERE), MAX_ADDRESS);
        assert!(
            t.wait(at(1), "Li", true, Ipv4Addr::LOCALHOST.into())
                .is_zero()
        );
        assert!(t.wait(at(1 + 900), "Li", true, HERE).is_zero());
        // The same house, and the same address in IPv6's clothes.
        let mapped: IpAddr = "::ffff:10.0.0.7".parse().unwrap();
        assert_eq!(t.wait(at(1), "Li", true, mapped), MAX_ADDRESS);
    }

    #[test]
    fn a_flood_of_names_and_addresses_takes_no_more_memory() {
        let mut t = Throttle::default();
        for n in 0..20_000u32 {
            let ip = IpAddr::V6((u128::from(n) << 64).into());
            t.wrong(at(u64::from(n) / 100), &format!("made up {n}"), false, ip);
        }
        assert!(
            t.remembered() <= MAX_ADDRESSES + usize::from(MADE_UP),
            "{}",
            t.remembered()
        );
        // A made-up name waits like a real one: who is known cannot be told.
        assert!(!t.wait(at(200), "made up 7", false, HERE).is_zero());
    }
}
