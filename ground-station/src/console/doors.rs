//! The shell around [`House`]: its clock, its randomness, its file, and one password at a time on a thread of its own.

use crate::evidence::io::random;
use crate::people::audit::Access;
use crate::people::house::{Caller, Fresh, House};
use crate::people::session::{Key, Standing};
use crate::people::{Denied, Role, io, secret};
use anyhow::Context;
use link_io::Clock;
use missions::plan::hex;
use missions::time::Now;
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Semaphore;

/// The file is looked at this often: another program may have changed it.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Passwords that are tried at a time; each takes 19 MiB.
const TRIALS: usize = 2;
/// Those that may wait for it.
const MAX_WAITING: usize = 32;
/// And how long.
const TRIAL_WAIT: Duration = Duration::from_secs(10);

/// Who is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entrance {
    /// Whoever opens the page, under this name, with all rights but that of making people: a demonstration or a replay,
    /// on this machine only.
    Open {
        /// As it stands on the page and in the record.
        officer: String,
    },
    /// People who log in; they are kept in this file.
    People {
        /// People and their roles.
        file: PathBuf,
    },
}

/// The doors of one console.
pub(super) struct Doors {
    house: Mutex<House>,
    entrance: Entrance,
    clock: Clock,
    trials: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// Hex of so many fresh random bytes.
fn random_hex<const N: usize>() -> Result<String, Denied> {
    let bytes: [u8; N] = random().map_err(|_| Denied::StoreFailed)?;
    Ok(hex(&bytes))
}

/// A session's id and token: 256 bits each.
pub(super) fn fresh() -> Result<Fresh, Denied> {
    Ok(Fresh {
        id: random_hex::<32>()?,
        csrf: random_hex::<32>()?,
    })
}

/// A code for a first login.
pub(super) fn one_time_code() -> Result<String, Denied> {
    let bytes = random().map_err(|_| Denied::StoreFailed)?;
    Ok(secret::one_time(&bytes))
}

impl Doors {
    /// Opens them; the code for the first admin, when there is none yet.
    pub fn open(entrance: Entrance) -> anyhow::Result<(Doors, Option<String>)> {
        let mut first = None;
        let house = match &entrance {
            Entrance::Open { .. } => House::default(),
            Entrance::People { file } => {
                let mut house = House::new(io::hold(file)?.read()?);
                if house.people().is_first_run() {
                    let code = secret::one_time(&random()?);
                    house.let_first_in(&code);
                    first = Some(code);
                }
                house
            }
        };
        let doors = Doors {
            house: Mutex::new(house),
            entrance,
            clock: Clock::start(),
            trials: Arc::new(Semaphore::new(TRIALS)),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
        };
        Ok((doors, first))
    }

    /// Whether whoever opens the page is let in.
    pub fn is_open(&self) -> bool {
        matches!(self.entrance, Entrance::Open { .. })
    }

    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// The house, for a moment. A thread that broke off while it had it changed nothing by halves that matters more than
    /// that the alarms go on.
    pub fn house(&self) -> MutexGuard<'_, House> {
        self.house
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Who stands behind this cookie.
    pub fn caller(&self, id: Option<&str>) -> Option<Caller> {
        if let Entrance::Open { officer } = &self.entrance {
            return Some(Caller {
                key: [0; 32],
                name: officer.clone(),
                roles: Role::ALL
                    .into_iter()
                    .filter(|r| *r != Role::Admin)
                    .collect(),
                standing: Standing::Open,
                csrf: String::new(),
            });
        }
        self.house().caller(self.now().mono, id?)
    }

    /// Whether a message of this kind may go to this session's page now. `None`: the page must close.
    pub fn hears(&self, caller: &Caller, kind: &str) -> Option<bool> {
        if self.is_open() {
            return Some(crate::people::access::hears(kind, &caller.roles));
        }
        let house = self.house();
        let now = self.now().mono;
        // Other roles: the page comes back with them.
        let same = house
            .caller_by(now, &caller.key)
            .is_some_and(|c| c.roles == caller.roles);
        same.then(|| house.hears(now, &caller.key, kind)).flatten()
    }

    /// A page of this session is there.
    pub fn seen(&self, key: &Key) {
        let now = self.now().mono;
        self.house().seen(now, key);
    }

    /// What of this is to be written into the record now.
    pub fn note(&self, access: Access, repeats: bool) -> Vec<Access> {
        let now = self.now();
        let utc_ms = now.utc.valid().map_or(0, |u| u.0 / 1_000);
        self.house().journal.take(now.mono, utc_ms, access, repeats)
    }

    /// Tries a password against a hash, or makes one: on another thread, a bounded number at a time.
    pub async fn slowly<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Denied> {
        let busy = Denied::Wait(TRIAL_WAIT.as_secs());
        let _waits = self.waiting.try_acquire().map_err(|_| busy)?;
        let turn = Arc::clone(&self.trials).acquire_owned();
        let Ok(Ok(turn)) = tokio::time::timeout(TRIAL_WAIT, turn).await else {
            return Err(busy);
        };
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|_| Denied::StoreFailed)
    }

    /// Does something to the house and writes the file, if it changed, before this returns. What could not be written
    /// was not done.
    pub async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        opened: Option<Fresh>,
        act: impl FnOnce(&mut House) -> Result<T, Denied> + Send + 'static,
    ) -> Result<T, Denied> {
        let Entrance::People { file } = &self.entrance else {
            return Err(Denied::NotAllowed);
        };
        let (doors, file) = (Arc::clone(self), file.clone());
        let done = tokio::task::spawn_blocking(move || {
            let failed = |e: anyhow::Error| {
                tracing::error!("people: {e:#}");
                Denied::StoreFailed
            };
            let held = io::hold(&file).map_err(failed)?;
            let on_disk = held.read().map_err(failed)?;
            let (result, before, after) = {
                let mut house = doors.house();
                if on_disk != *house.people() {
                    house.reload(on_disk);
                }
                let before = house.people().clone();
                let result = act(&mut house);
                (result, before, house.people().clone())
            };
            // The house is free meanwhile: alarms never wait for this disk.
            if before != after
                && let Err(e) = held.write(&after)
            {
                doors.house().undo(before, opened.as_ref());
                return Err(failed(e));
            }
            result
        });
        done.await.map_err(|_| Denied::StoreFailed)?
    }

    /// Reads the file again if another program wrote it; tells so.
    pub fn look(&self) -> Option<Access> {
        let Entrance::People { file } = &self.entrance else {
            return None;
        };
        let read = io::hold(file).and_then(|held| {
            let people = held.read()?;
            let mut house = self.house();
            let changed = people != *house.people();
            if changed {
                house.reload(people);
            }
            Ok(changed)
        });
        match read {
            Ok(true) => self.state("people changed by another program"),
            Ok(false) => None,
            Err(e) => {
                tracing::warn!("people: {e:#}");
                None
            }
        }
    }

    /// Which people there are, by the digest of their file: for the record.
    pub fn state(&self, what: &str) -> Option<Access> {
        self.is_people().then(|| {
            let house = self.house();
            let digest = Sha256::digest(house.people().to_json());
            Access {
                who: None,
                from: String::new(),
                what: what.to_owned(),
                about: format!(
                    "{} people, sha256 {}",
                    house.people().list().len(),
                    hex(&digest)
                ),
                denied: None,
                again: 0,
            }
        })
    }

    fn is_people(&self) -> bool {
        matches!(self.entrance, Entrance::People { .. })
    }
}

/// Refuses what would let others in without a password or without TLS.
pub(super) fn fit(at: std::net::SocketAddr, entrance: &Entrance, tls: bool) -> anyhow::Result<()> {
    if at.ip().is_loopback() {
        return Ok(());
    }
    let open = matches!(entrance, Entrance::Open { .. });
    let why = if open {
        "the page has no passwords"
    } else {
        "the page would have no TLS"
    };
    (!open && tls).then_some(()).with_context(|| {
        format!(
            "{at} can be reached from other machines, and {why}. Use 127.0.0.1:{}",
            at.port()
        )
    })
}
