//! People, sessions, back-off and who did what, together. What takes tens of milliseconds (Argon2id) is left to the caller
//! between two calls, so that nobody waits for somebody else's password.

use super::audit::Journal;
use super::session::{self, Key, Sessions, Standing};
use super::store::{CODE_LIFE, People, name as checked_name};
use super::throttle::Throttle;
use super::{Denied, Role, access, secret};
use core::net::IpAddr;
use missions::time::{Mono, Now, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A first login that was begun must be finished within this.
const PENDING: Duration = Duration::from_secs(15 * 60);
/// First logins at a time.
const MAX_PENDING: usize = 32;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The session.
    pub key: Key,
    /// Name.
    pub name: String,
    /// Roles at this moment.
    pub roles: BTreeSet<Role>,
    /// How the session stands.
    pub standing: Standing,
    /// The token that changes must carry.
    pub csrf: String,
}

/// One of one's own sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    /// Whether it is the one that asks.
    pub here: bool,
    /// Where it was opened from.
    pub from: IpAddr,
    /// How long ago it was opened.
    pub opened: Duration,
    /// How long ago a page of it was there.
    pub seen: Duration,
    /// How it stands.
    pub standing: Standing,
}

/// Two fresh random numbers in hex: a session's id and its token.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// The cookie's value.
    pub id: String,
    /// The token.
    pub csrf: String,
}

/// A password that is to be tried against a hash, outside.
#[derive(Clone, Debug)]
pub struct Trial {
    name: String,
    known: bool,
    /// What the password must fit.
    pub phc: String,
}

/// A first login that may go on.
#[derive(Clone, Debug)]
pub struct Opening {
    name: String,
    first: bool,
    digest: String,
}

#[derive(Clone, Debug)]
struct Pending {
    opening: Opening,
    phc: String,
    secret: Vec<u8>,
    since: Mono,
}

/// Everything about people.
#[derive(Debug, Default)]
pub struct House {
    people: People,
    sessions: Sessions,
    throttle: Throttle,
    /// Tries of those who have a session: strangers who guess a name cannot keep its owner from unlocking.
    inside: Throttle,
    /// Who did what.
    pub journal: Journal,
    /// The digest of the code that makes the first admin.
    first: Option<String>,
    pending: BTreeMap<String, Pending>,
}

/// Nothing, or how long to wait: whole seconds, rounded up, so that whoever waits them is let in.
fn waited(wait: Duration) -> Result<(), Denied> {
    if wait.is_zero() {
        return Ok(());
    }
    let s = wait.as_millis().div_ceil(1000);
    Err(Denied::Wait(s.try_into().unwrap_or(u64::MAX)))
}

/// Seconds since 1970, or none when the clock does not know.
fn unix_s(now: Now) -> Option<u64> {
    u64::try_from(now.utc.valid()?.0.div_euclid(1_000_000)).ok()
}

impl House {
    /// With these people.
    #[must_use]
    pub fn new(people: People) -> House {
        House {
            people,
            ..House::default()
        }
    }

    /// Everybody.
    #[must_use]
    pub fn people(&self) -> &People {
        &self.people
    }

    /// The first admin may be made with this code, in this run only.
    pub fn let_first_in(&mut self, code: &str) {
        self.first = Some(secret::digest_code(code));
    }

    /// Whether the first admin is still to be made.
    #[must_use]
    pub fn is_first_run(&self) -> bool {
        self.first.is_some() && self.people.is_first_run()
    }

    /// The file as somebody else wrote it. Whoever is shut out or was reset in it loses every session.
    pub fn reload(&mut self, people: People) {
        let before = std::mem::replace(&mut self.people, people);
        let (people, before) = (&self.people, &before);
        self.sessions.retain(|name| {
            let (old, new) = (before.get(name), people.get(name));
            new.is_some_and(|n| {
                !n.disabled
                    && n.enrolled()
                    && old.is_some_and(|o| o.password == n.password && o.totp == n.totp)
            })
        });
    }

    /// Who stands behind a cookie. A person who was shut out is nobody.
    #[must_use]
    pub fn caller(&self, now: Mono, id: &str) -> Option<Caller> {
        self.caller_by(now, &session::key(id))
    }

    /// Who stands behind a session.
    #[must_use]
    pub fn caller_by(&self, now: Mono, key: &Key) -> Option<Caller> {
        let s = self.sessions.get(key)?;
        let p = self
            .people
            .get(&s.name)
            .filter(|p| !p.disabled && p.enrolled())?;
        Some(Caller {
            key: *key,
            name: p.name.clone(),
            roles: p.roles.clone(),
            standing: s.standing(now),
            csrf: s.csrf.clone(),
        })
    }

    /// A page of this session is there; what is over and unseen is forgotten.
    pub fn seen(&mut self, now: Mono, key: &Key) {
        self.sessions.seen(now, key);
        self.sessions.tidy(now);
    }

    /// A hand is on this screen.
    pub fn acted(&mut self, now: Mono, key: &Key) {
        self.sessions.acted(now, key);
    }

    fn may_try(&self, now: Mono, name: &str, known: bool, ip: IpAddr) -> Result<(), Denied> {
        waited(self.throttle.wait(now, name, known, ip))
    }

    /// Whoever has a session tries the own password or code.
    fn may_try_inside(&self, now: Mono, caller: &Caller, ip: IpAddr) -> Result<(), Denied> {
        waited(self.inside.wait(now, &caller.name, true, ip))
    }

    /// Whoever has a session wants to prove it: what the password must fit.
    ///
    /// # Errors
    /// [`Denied::Wait`].
    pub fn try_own(&self, now: Mono, caller: &Caller, ip: IpAddr) -> Result<String, Denied> {
        self.may_try_inside(now, caller, ip)?;
        let person = self.people.get(&caller.name).filter(|p| !p.disabled);
        let phc = person.and_then(|p| p.password.clone());
        Ok(phc.unwrap_or_else(|| secret::NOBODY.to_owned()))
    }

    /// How the try went.
    fn proved(
        &mut self,
        now: Mono,
        caller: &Caller,
        ip: IpAddr,
        right: bool,
    ) -> Result<(), Denied> {
        if right {
            self.inside.right(&caller.name);
            return Ok(());
        }
        self.inside.wrong(now, &caller.name, true, ip);
        Err(Denied::Wrong)
    }

    /// Somebody wants in: what the password must fit.
    ///
    /// # Errors
    /// [`Denied::Wait`].
    pub fn try_login(&self, now: Mono, name: &str, ip: IpAddr) -> Result<Trial, Denied> {
        let person = self.people.get(name);
        self.may_try(now, name, person.is_some(), ip)?;
        let phc = person
            .filter(|p| !p.disabled && p.enrolled())
            .and_then(|p| p.password.clone());
        Ok(Trial {
            name: person.map_or_else(|| name.to_owned(), |p| p.name.clone()),
            known: person.is_some(),
            phc: phc.unwrap_or_else(|| secret::NOBODY.to_owned()),
        })
    }

    /// The code of this telephone, taken once.
    fn take_totp(&mut self, name: &str, code: &str, now: Now) -> bool {
        let Some(unix_s) = unix_s(now) else {
            return false;
        };
        let Some(p) = self.people.get_mut(name) else {
            return false;
        };
        let step = p
            .totp_secret()
            .and_then(|s| secret::step_of(&s, code, unix_s, p.totp_step));
        match step {
            Some(step) => {
                p.totp_step = Some(step);
                true
            }
            None => false,
        }
    }

    /// The end of a login: a new session under a new id; the one that the browser had before ends.
    ///
    /// # Errors
    /// [`Denied::Wrong`] or [`Denied::Wait`].
    #[expect(clippy::too_many_arguments, reason = "all that a login is made of")]
    pub fn login(
        &mut self,
        now: Now,
        trial: &Trial,
        fits: bool,
        code: &str,
        ip: IpAddr,
        had: Option<Key>,
        fresh: &Fresh,
    ) -> Result<String, Denied> {
        // Others may have tried meanwhile.
        self.may_try(now.mono, &trial.name, trial.known, ip)?;
        // Read anew: somebody may have been shut out while the password was being tried.
        let lives = self.people.get(&trial.name).is_some_and(|p| {
            !p.disabled && p.enrolled() && p.password.as_ref() == Some(&trial.phc)
        });
        // A code is used up by a right password only, or anybody could use up an officer's codes.
        if !(fits && lives && self.take_totp(&trial.name, code, now)) {
            self.throttle.wrong(now.mono, &trial.name, trial.known, ip);
            return Err(Denied::Wrong);
        }
        self.throttle.right(&trial.name);
        self.enter(now.mono, &trial.name, ip, had, fresh);
        Ok(trial.name.clone())
    }

    fn enter(&mut self, now: Mono, name: &str, ip: IpAddr, had: Option<Key>, fresh: &Fresh) {
        if let Some(had) = had {
            self.sessions.close(&had);
        }
        self.sessions.open(now, name, ip, &fresh.id, &fresh.csrf);
    }

    /// A first login begins: the code is right and the password may be chosen.
    ///
    /// # Errors
    /// Why not.
    pub fn open_enrolment(
        &mut self,
        now: Now,
        name: &str,
        code: &str,
        password: &str,
        ip: IpAddr,
    ) -> Result<Opening, Denied> {
        let known = self.people.get(name).is_some();
        self.may_try(now.mono, name, known, ip)?;
        let digest = secret::digest_code(code);
        let Some(first) = self.code_fits(name, &digest, now) else {
            self.throttle.wrong(now.mono, name, known, ip);
            return Err(Denied::CodeWrong);
        };
        let name = checked_name(name)?;
        secret::judge(password, &name)?;
        Ok(Opening {
            name,
            first,
            digest,
        })
    }

    /// Whether this code lets this name in: `Some(true)` as the first admin.
    fn code_fits(&self, name: &str, digest: &str, now: Now) -> Option<bool> {
        if let Some(p) = self.people.get(name) {
            let code = p.code.as_ref().filter(|_| !p.disabled)?;
            // Without a clock no code is young enough.
            let utc = now.utc.valid()?;
            let young = utc.0 < code.until_us
                && code.until_us - utc.0 <= CODE_LIFE.as_micros().try_into().unwrap_or(i64::MAX);
            return (young && secret::same(&code.digest, digest)).then_some(false);
        }
        let first = self.first.as_ref().filter(|_| self.is_first_run())?;
        secret::same(first, digest).then_some(true)
    }

    /// The password is hashed and a secret drawn: they wait for the telephone's first code.
    ///
    /// # Errors
    /// [`Denied::TooMany`] first logins at a time.
    pub fn hold_enrolment(
        &mut self,
        now: Mono,
        opening: Opening,
        phc: String,
        totp: [u8; secret::TOTP_BYTES],
    ) -> Result<(), Denied> {
        self.pending.retain(|_, p| now.since(p.since) < PENDING);
        let place = opening.name.to_lowercase();
        if self.pending.len() >= MAX_PENDING && !self.pending.contains_key(&place) {
            return Err(Denied::TooMany);
        }
        let pending = Pending {
            opening,
            phc,
            secret: totp.to_vec(),
            since: now,
        };
        self.pending.insert(place, pending);
        Ok(())
    }

    /// A first login ends: the telephone shows the right code. The person is made or completed, and is logged in.
    ///
    /// # Errors
    /// Why not.
    #[expect(
        clippy::too_many_arguments,
        reason = "all that a first login is made of"
    )]
    pub fn enrol(
        &mut self,
        now: Now,
        name: &str,
        code: &str,
        totp: &str,
        ip: IpAddr,
        had: Option<Key>,
        fresh: &Fresh,
    ) -> Result<String, Denied> {
        let known = self.people.get(name).is_some();
        self.may_try(now.mono, name, known, ip)?;
        let digest = secret::digest_code(code);
        let place = name.trim().to_lowercase();
        let pending = self
            .pending
            .get(&place)
            .filter(|p| {
                now.mono.since(p.since) < PENDING && secret::same(&p.opening.digest, &digest)
            })
            .cloned();
        let (Some(pending), Some(_)) = (pending, self.code_fits(name, &digest, now)) else {
            self.throttle.wrong(now.mono, name, known, ip);
            return Err(Denied::CodeWrong);
        };
        let step = unix_s(now).and_then(|t| secret::step_of(&pending.secret, totp, t, None));
        let Some(step) = step else {
            self.throttle.wrong(now.mono, name, known, ip);
            return Err(Denied::TotpWrong);
        };
        let name = pending.opening.name;
        if pending.opening.first {
            let utc = now.utc.valid().unwrap_or(Utc(0));
            self.people.add(&name, [Role::Admin].into(), code, utc)?;
            self.first = None;
        }
        let p = self.people.get_mut(&name).ok_or(Denied::Unknown)?;
        p.password = Some(pending.phc);
        p.totp = Some(secret::base32(&pending.secret));
        p.totp_step = Some(step);
        p.code = None;
        let name = p.name.clone();
        self.pending.remove(&place);
        self.sessions.close_all(&name, None);
        self.throttle.right(&name);
        self.enter(now.mono, &name, ip, had, fresh);
        Ok(name)
    }

    /// Ends a session.
    pub fn logout(&mut self, key: &Key) {
        self.sessions.close(key);
    }

    /// Locks a screen.
    pub fn lock(&mut self, key: &Key) {
        self.sessions.lock(key);
    }

    /// The end of unlocking: the password fitted, or the telephone's code does.
    ///
    /// # Errors
    /// [`Denied::LogInAgain`] when the session is over, [`Denied::Wrong`], [`Denied::Wait`].
    pub fn unlock(
        &mut self,
        now: Now,
        caller: &Caller,
        fits: bool,
        code: &str,
        ip: IpAddr,
    ) -> Result<(), Denied> {
        if caller.standing == Standing::Over {
            return Err(Denied::LogInAgain);
        }
        self.may_try_inside(now.mono, caller, ip)?;
        let right = fits || self.take_totp(&caller.name, code, now);
        self.proved(now.mono, caller, ip, right)?;
        self.sessions.unlock(now.mono, &caller.key);
        Ok(())
    }

    /// The end of changing one's own password: the old one fitted. All other sessions of this person end.
    ///
    /// # Errors
    /// [`Denied::Wrong`], [`Denied::Wait`], or what is wrong with the new one.
    pub fn change_password(
        &mut self,
        now: Now,
        caller: &Caller,
        fits: bool,
        new: Result<String, Denied>,
        ip: IpAddr,
    ) -> Result<(), Denied> {
        self.may_try_inside(now.mono, caller, ip)?;
        self.proved(now.mono, caller, ip, fits)?;
        let new = new?;
        let p = self.people.get_mut(&caller.name).ok_or(Denied::Unknown)?;
        p.password = Some(new);
        self.sessions.close_all(&caller.name, Some(&caller.key));
        Ok(())
    }

    /// The sessions of whoever asks, the newest first.
    #[must_use]
    pub fn own_sessions(&self, now: Mono, caller: &Caller) -> Vec<Own> {
        let all = self.sessions.of_person(&caller.name).into_iter();
        all.map(|(key, s)| Own {
            here: *key == caller.key,
            from: s.from,
            opened: now.since(s.opened),
            seen: now.since(s.seen),
            standing: s.standing(now),
        })
        .collect()
    }

    /// The end of ending one's other sessions: the password fitted. How many ended.
    ///
    /// # Errors
    /// [`Denied::Wrong`], [`Denied::Wait`].
    pub fn end_others(
        &mut self,
        now: Now,
        caller: &Caller,
        fits: bool,
        ip: IpAddr,
    ) -> Result<usize, Denied> {
        self.may_try_inside(now.mono, caller, ip)?;
        self.proved(now.mono, caller, ip, fits)?;
        let before = self.sessions.len();
        self.sessions.close_all(&caller.name, Some(&caller.key));
        Ok(before.saturating_sub(self.sessions.len()))
    }

    /// A new person with a code for the first login.
    ///
    /// # Errors
    /// As [`People::add`].
    pub fn add(
        &mut self,
        now: Now,
        name: &str,
        roles: BTreeSet<Role>,
        code: &str,
    ) -> Result<(), Denied> {
        let utc = now.utc.valid().unwrap_or(Utc(0));
        self.people.add(name, roles, code, utc).map(|_| ())
    }

    /// Other roles, from the next request on.
    ///
    /// # Errors
    /// As [`People::set_roles`].
    pub fn set_roles(&mut self, name: &str, roles: BTreeSet<Role>) -> Result<(), Denied> {
        self.people.set_roles(name, roles)
    }

    /// Password and telephone are forgotten; all sessions end.
    ///
    /// # Errors
    /// As [`People::reset`]; the last admin is not reset from the console, where nobody could let him in again.
    pub fn reset(&mut self, now: Now, name: &str, code: &str) -> Result<(), Denied> {
        let utc = now.utc.valid().unwrap_or(Utc(0));
        let mut after = self.people.clone();
        // Whoever may not be shut out may not be reset either.
        let admin = after
            .get(name)
            .is_some_and(|p| p.roles.contains(&Role::Admin) && !p.disabled);
        if admin {
            after.clone().set_disabled(name, true)?;
        }
        after.reset(name, code, utc)?;
        self.people = after;
        self.end_all(name);
        Ok(())
    }

    /// Shuts somebody out, and ends all sessions; or lets them in again.
    ///
    /// # Errors
    /// As [`People::set_disabled`].
    pub fn set_disabled(&mut self, name: &str, disabled: bool) -> Result<(), Denied> {
        self.people.set_disabled(name, disabled)?;
        if disabled {
            self.end_all(name);
        }
        Ok(())
    }

    fn end_all(&mut self, name: &str) {
        if let Some(p) = self.people.get(name) {
            let name = p.name.clone();
            self.sessions.close_all(&name, None);
        }
    }

    /// Puts people back as they were: the file could not be written. The session that was opened for it ends.
    pub fn undo(&mut self, before: People, opened: Option<&Fresh>) {
        self.people = before;
        if let Some(f) = opened {
            self.sessions.close(&session::key(&f.id));
        }
    }

    /// Whether a message may go to the page of this session at this moment. No session: nothing.
    #[must_use]
    pub fn hears(&self, now: Mono, key: &Key, kind: &str) -> Option<bool> {
        let c = self.caller_by(now, key)?;
        Some(access::hears(kind, &c.roles))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const IP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));
    const SECRET: [u8; secret::TOTP_BYTES] = [5; secret::TOTP_BYTES];
    /// Stands for a hash: nothing here hashes.
    const PHC: &str = "$argon2id$stands-for-a-hash";

    fn now(s: u64) -> Now {
        let utc = Utc(1_790_856_000_000_000).after(Duration::from_secs(s));
        Now::new(Mono::ZERO.after(Duration::from_secs(s)), utc)
    }

    fn fresh(id: &str) -> Fresh {
        Fresh {
            id: id.into(),
            csrf: format!("csrf of {id}"),
        }
    }

    fn totp(s: u64) -> String {
        secret::code_at(&SECRET, 1_790_856_000 + s).unwrap()
    }

    fn enrol(h: &mut House, s: u64, name: &str, code: &str, id: &str) -> Result<String, Denied> {
        let opening = h.open_enrolment(now(s), name, code, "correct horse battery", IP)?;
        h.hold_enrolment(now(s).mono, opening, PHC.into(), SECRET)?;
        h.enrol(now(s), name, code, &totp(s), IP, None, &fresh(id))
    }

    fn login(
        h: &mut House,
        s: u64,
        name: &str,
        fits: bool,
        code: &str,
        id: &str,
    ) -> Result<String, Denied> {
        let trial = h.try_login(now(s).mono, name, IP)?;
        h.login(now(s), &trial, fits, code, IP, None, &fresh(id))
    }

    fn station() -> House {
        let mut h = House::new(People::default());
        h.let_first_in("FIRST");
        enrol(&mut h, 0, "Zhou", "first", "z").unwrap();
        h
    }

    #[test]
    fn the_first_admin_is_made_once_with_the_terminals_code() {
        let mut h = House::new(People::default());
        assert!(!h.is_first_run(), "no code was shown");
        h.let_first_in("FIRST");
        assert_eq!(
            enrol(&mut h, 0, "Zhou", "guess", "a"),
            Err(Denied::CodeWrong)
        );
        assert_eq!(enrol(&mut h, 0, "Zhou", "FIRST", "a"), Ok("Zhou".into()));
        let c = h.caller(now(1).mono, "a").unwrap();
        assert_eq!((c.name.as_str(), c.standing), ("Zhou", Standing::Open));
        assert_eq!(c.roles, [Role::Admin].into());
        // The code is used up.
        assert!(!h.is_first_run());
        assert_eq!(
            enrol(&mut h, 0, "Mallory", "FIRST", "b"),
            Err(Denied::CodeWrong)
        );
    }

    #[test]
    fn a_made_person_logs_in_first_with_the_code_and_then_with_password_and_telephone() {
        let mut h = station();
        h.add(now(0), "Li", [Role::Pilot].into(), "ABCDE-FGHJK")
            .unwrap();
        assert_eq!(
            login(&mut h, 1, "Li", true, "000000", "x"),
            Err(Denied::Wrong),
            "no password yet"
        );
        let weak = h.open_enrolment(now(1), "Li", "abcde fghjk", "short", IP);
        assert_eq!(weak.err(), Some(Denied::PasswordShort));
        enrol(&mut h, 60, "li", "abcde fghjk", "first").unwrap();
        // The code that proved the telephone is used up, and so is the one of the first login.
        assert_eq!(
            login(&mut h, 61, "Li", true, &totp(61), "y"),
            Err(Denied::Wrong)
        );
        assert_eq!(
            enrol(&mut h, 61, "Li", "ABCDE-FGHJK", "z"),
            Err(Denied::CodeWrong)
        );
        assert_eq!(
            login(&mut h, 95, "Li", false, &totp(95), "y"),
            Err(Denied::Wrong),
            "wrong password"
        );
        assert_eq!(
            login(&mut h, 95, "Li", true, "123456", "y"),
            Err(Denied::Wrong),
            "wrong code"
        );
        assert_eq!(
            login(&mut h, 95, "Li", true, &totp(95), "y"),
            Ok("Li".into())
        );
        assert_eq!(h.caller(now(96).mono, "y").unwrap().csrf, "csrf of y");
    }

    #[test]
    fn a_code_of_last_month_lets_nobody_in() {
        let mut h = station();
        h.add(now(0), "Li", [Role::Pilot].into(), "CODE").unwrap();
        let late = CODE_LIFE.as_secs();
        assert_eq!(
            enrol(&mut h, late, "Li", "CODE", "x"),
            Err(Denied::CodeWrong)
        );
        assert_eq!(enrol(&mut h, late - 1, "Li", "CODE", "x"), Ok("Li".into()));
    }

    #[test]
    fn guessing_waits_and_a_right_password_meanwhile_too() {
        let mut h = station();
        for _ in 0..6 {
            assert_eq!(
                login(&mut h, 100, "Zhou", false, "000000", "x"),
                Err(Denied::Wrong)
            );
        }
        assert_eq!(
            login(&mut h, 100, "Zhou", true, &totp(100), "x"),
            Err(Denied::Wait(1))
        );
        assert_eq!(
            login(&mut h, 101, "Zhou", true, &totp(101), "x"),
            Ok("Zhou".into())
        );
    }

    #[test]
    fn a_login_rotates_the_id_and_a_reset_ends_every_session() {
        let mut h = station();
        h.add(now(0), "Li", [Role::Pilot].into(), "CODE").unwrap();
        enrol(&mut h, 0, "Li", "CODE", "old").unwrap();
        let trial = h.try_login(now(60).mono, "Li", IP).unwrap();
        let had = Some(session::key("old"));
        h.login(now(60), &trial, true, &totp(60), IP, had, &fresh("new"))
            .unwrap();
        assert!(h.caller(now(60).mono, "old").is_none());
        assert!(h.caller(now(60).mono, "new").is_some());
        h.reset(now(61), "li", "AGAIN").unwrap();
        assert!(h.caller(now(61).mono, "new").is_none());
        assert_eq!(h.reset(now(61), "Zhou", "AGAIN"), Err(Denied::LastAdmin));
    }

    #[test]
    fn who_is_shut_out_is_nobody_at_once_also_by_another_hand_on_the_file() {
        let mut h = station();
        h.add(now(0), "Li", [Role::Pilot].into(), "CODE").unwrap();
        enrol(&mut h, 0, "Li", "CODE", "li").unwrap();
        let mut file = h.people().clone();
        file.set_roles("Li", [Role::Viewer].into()).unwrap();
        h.reload(file.clone());
        assert_eq!(
            h.caller(now(1).mono, "li").unwrap().roles,
            [Role::Viewer].into()
        );
        assert_eq!(
            h.hears(now(1).mono, &session::key("li"), "event"),
            Some(true)
        );
        file.set_disabled("Li", true).unwrap();
        h.reload(file);
        assert_eq!(h.hears(now(1).mono, &session::key("li"), "event"), None);
        assert!(h.caller(now(1).mono, "z").is_some(), "others stay");
        // A right password of somebody who was shut out while it was tried.
        assert_eq!(
            login(&mut h, 60, "Li", true, &totp(60), "x"),
            Err(Denied::Wrong)
        );
    }

    #[test]
    fn a_locked_screen_opens_with_password_or_code_and_an_over_one_with_neither() {
        let mut h = station();
        let c = |h: &House, s| h.caller(now(s).mono, "z").unwrap();
        h.lock(&session::key("z"));
        assert_eq!(c(&h, 60).standing, Standing::Locked);
        let caller = c(&h, 60);
        assert_eq!(
            h.unlock(now(60), &caller, false, "000000", IP),
            Err(Denied::Wrong)
        );
        assert_eq!(h.unlock(now(60), &caller, false, &totp(60), IP), Ok(()));
        assert_eq!(c(&h, 60).standing, Standing::Open);
        h.lock(&session::key("z"));
        let caller = c(&h, 61);
        assert_eq!(
            h.unlock(now(61), &caller, false, &totp(61), IP),
            Err(Denied::Wrong),
            "a code twice"
        );
        assert_eq!(h.unlock(now(61), &caller, true, "", IP), Ok(()));
        let shift = session::ABSOLUTE.as_secs();
        h.seen(now(shift - 1).mono, &session::key("z"));
        let caller = c(&h, shift);
        assert_eq!(
            h.unlock(now(shift), &caller, true, "", IP),
            Err(Denied::LogInAgain)
        );
    }

    #[test]
    fn strangers_who_guess_a_name_do_not_keep_its_owner_from_unlocking() {
        let mut h = station();
        h.lock(&session::key("z"));
        for n in 0..40u8 {
            let from = IpAddr::V4(Ipv4Addr::new(10, 9, 0, n));
            let Ok(trial) = h.try_login(now(60).mono, "Zhou", from) else {
                continue;
            };
            let _ = h.login(now(60), &trial, false, "000000", from, None, &fresh("x"));
        }
        assert!(matches!(
            h.try_login(now(60).mono, "Zhou", IP),
            Err(Denied::Wait(_))
        ));
        let caller = h.caller(now(60).mono, "z").unwrap();
        assert!(h.try_own(now(60).mono, &caller, IP).is_ok());
        assert_eq!(h.unlock(now(60), &caller, true, "", IP), Ok(()));
        // Whoever guesses at the locked screen itself is slowed down all the same.
        h.lock(&session::key("z"));
        let guesses = (0..8).map(|_| h.unlock(now(61), &caller, false, "", IP));
        let last = guesses.last().unwrap();
        assert!(matches!(last, Err(Denied::Wait(_))), "{last:?}");
    }

    #[test]
    fn one_sees_ones_own_sessions_and_ends_the_others_with_ones_password() {
        let mut h = station();
        login(&mut h, 60, "Zhou", true, &totp(60), "two").unwrap();
        h.add(now(61), "Li", [Role::Pilot].into(), "CODE").unwrap();
        enrol(&mut h, 61, "Li", "CODE", "li").unwrap();
        let caller = h.caller(now(90).mono, "two").unwrap();
        let all = h.own_sessions(now(90).mono, &caller);
        let told: Vec<_> = all.iter().map(|s| (s.here, s.opened.as_secs())).collect();
        assert_eq!(told, [(true, 30), (false, 90)], "nobody else's");
        let wrong = h.end_others(now(90), &caller, false, IP);
        assert_eq!(
            (wrong, h.own_sessions(now(90).mono, &caller).len()),
            (Err(Denied::Wrong), 2)
        );
        assert_eq!(h.end_others(now(90), &caller, true, IP), Ok(1));
        assert!(h.caller(now(91).mono, "z").is_none());
        assert!(h.caller(now(91).mono, "two").is_some() && h.caller(now(91).mono, "li").is_some());
    }

    #[test]
    fn ones_own_password_ends_ones_other_sessions() {
        let mut h = station();
        login(&mut h, 60, "Zhou", true, &totp(60), "two").unwrap();
        let caller = h.caller(now(61).mono, "two").unwrap();
        let new = || Ok("$argon2id$new".to_owned());
        assert_eq!(
            h.change_password(now(61), &caller, false, new(), IP),
            Err(Denied::Wrong)
        );
        let weak = Err(Denied::PasswordShort);
        assert_eq!(
            h.change_password(now(61), &caller, true, weak, IP),
            Err(Denied::PasswordShort)
        );
        assert_eq!(h.change_password(now(61), &caller, true, new(), IP), Ok(()));
        assert!(h.caller(now(61).mono, "z").is_none());
        assert!(h.caller(now(61).mono, "two").is_some());
    }
}
