//! Sessions: who is logged in at which browser.
//!
//! ```text
//!              log in                10 min without a hand, or by hand
//!   (nobody) ─────────▶ open ───────────────────────────────────────────▶ locked
//!      ▲                 ▲ ╰───────────── password or code ──────────────────╯ │
//!      │                 ╰── log in again (new id) ── over ◀── 12 h, or 4 h without a hand
//!      ╰── log out, shut out, or over and no page open for 2 min
//! ```
//!
//! Time alone never closes a page that is open: it locks, alarms go on, and the aircraft keep their officer. Only a hash
//! of the id is kept.

use core::net::IpAddr;
use missions::time::Mono;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::time::Duration;

/// Without a hand on it for this long, a screen locks.
pub const LOCKS_AFTER: Duration = Duration::from_secs(10 * 60);
/// Without a hand on it for this long, password and code are asked anew.
pub const IDLE: Duration = Duration::from_secs(4 * 3600);
/// After this long, a shift, password and code are asked anew, whatever was done.
pub const ABSOLUTE: Duration = Duration::from_secs(12 * 3600);
/// A session that is over, or whose page is gone, is forgotten after this.
pub const GONE: Duration = Duration::from_secs(2 * 60);
/// Sessions at a time, of all and of one person.
pub const MAX_SESSIONS: usize = 128;
/// Of one person.
pub const MAX_OF_ONE: usize = 4;

/// What a session is kept under: the SHA-256 of its id.
pub type Key = [u8; 32];

/// The key of an id as a cookie brings it.
#[must_use]
pub fn key(id: &str) -> Key {
    Sha256::digest(id.as_bytes()).into()
}

/// How a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// All that the roles allow.
    Open,
    /// Password or code open it.
    Locked,
    /// Only a login opens it.
    Over,
}

/// One session.
#[derive(Clone, Debug)]
pub struct Session {
    /// Whose.
    pub name: String,
    /// The token that its changes carry.
    pub csrf: String,
    /// Where it was opened from.
    pub from: IpAddr,
    /// When it was opened.
    pub opened: Mono,
    /// A hand was on it.
    acted: Mono,
    /// A page was there.
    pub seen: Mono,
    locked: bool,
}

impl Session {
    /// How it stands.
    #[must_use]
    pub fn standing(&self, now: Mono) -> Standing {
        let idle = now.since(self.acted);
        if now.since(self.opened) >= ABSOLUTE || idle >= IDLE {
            Standing::Over
        } else if self.locked || idle >= LOCKS_AFTER {
            Standing::Locked
        } else {
            Standing::Open
        }
    }
}

/// All sessions.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    all: BTreeMap<Key, Session>,
}

impl Sessions {
    /// A new session. `id` and `csrf` are fresh random text. The oldest of a person, or the one unseen longest, makes room.
    pub fn open(&mut self, now: Mono, name: &str, from: IpAddr, id: &str, csrf: &str) {
        self.tidy(now);
        while self.of(name) >= MAX_OF_ONE {
            let oldest = self.all.iter().filter(|(_, s)| s.name == name);
            self.drop_first(oldest.min_by_key(|(_, s)| s.seen).map(|(k, _)| *k));
        }
        while self.all.len() >= MAX_SESSIONS {
            self.drop_first(self.all.iter().min_by_key(|(_, s)| s.seen).map(|(k, _)| *k));
        }
        let session = Session {
            name: name.to_owned(),
            csrf: csrf.to_owned(),
            from,
            opened: now,
            acted: now,
            seen: now,
            locked: false,
        };
        self.all.insert(key(id), session);
    }

    fn drop_first(&mut self, key: Option<Key>) {
        if let Some(k) = key {
            self.all.remove(&k);
        }
    }

    fn of(&self, name: &str) -> usize {
        self.all.values().filter(|s| s.name == name).count()
    }

    /// The session under this key.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Session> {
        self.all.get(key)
    }

    /// Those of a person, the newest first.
    #[must_use]
    pub fn of_person(&self, name: &str) -> Vec<(&Key, &Session)> {
        let mut all: Vec<_> = self.all.iter().filter(|(_, s)| s.name == name).collect();
        all.sort_by_key(|(_, s)| core::cmp::Reverse(s.opened));
        all
    }

    /// A page of it is there.
    pub fn seen(&mut self, now: Mono, key: &Key) {
        if let Some(s) = self.all.get_mut(key) {
            s.seen = now;
        }
    }

    /// A hand is on it. Does not unlock.
    pub fn acted(&mut self, now: Mono, key: &Key) {
        if let Some(s) = self.all.get_mut(key)
            && s.standing(now) == Standing::Open
        {
            s.acted = now;
            s.seen = now;
        }
    }

    /// Locks the screen.
    pub fn lock(&mut self, key: &Key) {
        if let Some(s) = self.all.get_mut(key) {
            s.locked = true;
        }
    }

    /// Unlocks the screen; one that is over stays so.
    pub fn unlock(&mut self, now: Mono, key: &Key) {
        if let Some(s) = self.all.get_mut(key)
            && s.standing(now) != Standing::Over
        {
            s.locked = false;
            s.acted = now;
            s.seen = now;
        }
    }

    /// Ends one.
    pub fn close(&mut self, key: &Key) -> Option<Session> {
        self.all.remove(key)
    }

    /// Ends all of a person, but `keep`.
    pub fn close_all(&mut self, name: &str, keep: Option<&Key>) {
        self.all.retain(|k, s| s.name != name || Some(k) == keep);
    }

    /// Ends those that `stays` refuses.
    pub fn retain(&mut self, mut stays: impl FnMut(&str) -> bool) {
        self.all.retain(|_, s| stays(&s.name));
    }

    /// Forgets those that are over and that no page shows.
    pub fn tidy(&mut self, now: Mono) {
        self.all
            .retain(|_, s| s.standing(now) != Standing::Over || now.since(s.seen) < GONE);
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(core::net::Ipv4Addr::LOCALHOST);

    fn at(min: u64) -> Mono {
        Mono::ZERO.after(Duration::from_secs(60 * min))
    }

    #[test]
    fn a_screen_locks_by_itself_and_a_shift_ends_it_but_never_an_open_page() {
        let mut all = Sessions::default();
        all.open(at(0), "Li", HERE, "id", "csrf");
        let k = key("id");
        let stands = |all: &Sessions, min| all.get(&k).map(|s| s.standing(at(min)));
        assert_eq!(stands(&all, 9), Some(Standing::Open));
        all.acted(at(9), &k);
        assert_eq!(stands(&all, 18), Some(Standing::Open));
        assert_eq!(stands(&all, 19), Some(Standing::Locked));
        // A hand on a locked screen does not unlock it; password or code do.
        all.acted(at(20), &k);
        assert_eq!(stands(&all, 20), Some(Standing::Locked));
        all.unlock(at(20), &k);
        assert_eq!(stands(&all, 29), Some(Standing::Open));
        assert_eq!(
            stands(&all, 20 + 4 * 60),
            Some(Standing::Over),
            "four hours idle"
        );
        // A whole shift of hands, then it is over, and nothing but a login helps.
        for min in (20..12 * 60).step_by(5) {
            all.unlock(at(min), &k);
        }
        assert_eq!(stands(&all, 12 * 60), Some(Standing::Over));
        all.unlock(at(12 * 60), &k);
        assert_eq!(stands(&all, 12 * 60), Some(Standing::Over));
        // While its page is open it stays, for the alarms; then it goes.
        for min in 12 * 60..14 * 60 {
            all.seen(at(min), &k);
            all.tidy(at(min));
            assert_eq!(stands(&all, min), Some(Standing::Over));
        }
        all.tidy(at(14 * 60 + 2));
        assert!(all.is_empty());
    }

    #[test]
    fn a_locked_screen_stays_locked_until_it_is_unlocked() {
        let mut all = Sessions::default();
        all.open(at(0), "Li", HERE, "id", "csrf");
        all.lock(&key("id"));
        all.acted(at(1), &key("id"));
        assert_eq!(
            all.get(&key("id")).map(|s| s.standing(at(1))),
            Some(Standing::Locked)
        );
    }

    #[test]
    fn sessions_are_bounded_for_one_and_for_all_and_kept_by_hash() {
        let mut all = Sessions::default();
        for n in 0..10 {
            all.open(at(n), "Li", HERE, &format!("id{n}"), "c");
        }
        assert_eq!(all.len(), MAX_OF_ONE);
        assert!(all.get(&key("id9")).is_some() && all.get(&key("id5")).is_none());
        for n in 0..300 {
            all.open(at(20), &format!("p{n}"), HERE, &format!("x{n}"), "c");
        }
        assert_eq!(all.len(), MAX_SESSIONS);
        let kept = format!("{all:?}");
        assert!(!kept.contains("x299"), "an id is kept in the clear");
        all.close_all("p299", None);
        assert!(all.get(&key("x299")).is_none());
    }
}
