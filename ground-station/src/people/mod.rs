//! Who may do what at this station: people and their roles, passwords and one-time codes, sessions, back-off, and the one
//! table that every request is looked up in.
//!
//! A core but for `io/`: time and randomness are arguments, and nothing here opens a file or a socket. Deny by default:
//! what has no row in [`access`] is refused, and so is whoever is not named in it. Followed: OWASP ASVS 5.0 (V6 to V8),
//! NIST SP 800-63B (passwords), RFC 6238 (one-time codes); what applies and what is missing stands in `docs/security.md`.

pub mod access;
pub mod audit;
pub mod house;
pub mod io;
pub mod secret;
pub mod session;
pub mod store;
pub mod throttle;

use serde::{Deserialize, Serialize};

/// What somebody is at this station. A person may be several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Watches.
    Viewer,
    /// Plans, launches, flies.
    Pilot,
    /// Watches over pilots: stops, sends home, judges anomalies, plans; launches nothing.
    Supervisor,
    /// Answers for the record: sees pictures and who did what; flies nothing.
    Evidence,
    /// Makes people; sees nothing of a flight.
    Admin,
}

impl Role {
    /// All, in the order of a list.
    pub const ALL: [Role; 5] = [
        Role::Viewer,
        Role::Pilot,
        Role::Supervisor,
        Role::Evidence,
        Role::Admin,
    ];

    /// Its word, also that of the console's dictionaries.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Pilot => "pilot",
            Role::Supervisor => "supervisor",
            Role::Evidence => "evidence",
            Role::Admin => "admin",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        Role::ALL
            .into_iter()
            .find(|r| r.key() == s)
            .ok_or_else(|| format!("{s} is no role: viewer, pilot, supervisor, evidence or admin"))
    }
}

/// Why somebody was refused. The key is a sentence of the console's dictionaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// Nobody is logged in.
    LogIn,
    /// The session is over: password and one-time code are asked again.
    LogInAgain,
    /// The screen is locked.
    Locked,
    /// Not this role's.
    NotAllowed,
    /// Name, password or one-time code: which of them is not told.
    Wrong,
    /// Too many tries: this many seconds.
    Wait(u64),
    /// The code for a first login is wrong, used or too old.
    CodeWrong,
    /// The telephone's code does not fit.
    TotpWrong,
    /// Shorter than [`secret::MIN_PASSWORD`].
    PasswordShort,
    /// Longer than [`secret::MAX_PASSWORD`].
    PasswordLong,
    /// On the list of those that are tried first.
    PasswordCommon,
    /// Holds the person's own name.
    PasswordName,
    /// Somebody has this name.
    NameTaken,
    /// No name: empty, too long, or signs in it that cannot be seen.
    NameBad,
    /// Nobody has this name.
    Unknown,
    /// Nobody could make people any more.
    LastAdmin,
    /// A person without a role.
    NoRoles,
    /// The list is full.
    TooMany,
    /// The file of people cannot be read or written.
    StoreFailed,
    /// In somebody else's name.
    NotYou,
    /// The request cannot be read.
    BadRequest,
}

impl Denied {
    /// All, for the dictionaries' test.
    pub const ALL: [Denied; 21] = [
        Denied::LogIn,
        Denied::LogInAgain,
        Denied::Locked,
        Denied::NotAllowed,
        Denied::Wrong,
        Denied::Wait(0),
        Denied::CodeWrong,
        Denied::TotpWrong,
        Denied::PasswordShort,
        Denied::PasswordLong,
        Denied::PasswordCommon,
        Denied::PasswordName,
        Denied::NameTaken,
        Denied::NameBad,
        Denied::Unknown,
        Denied::LastAdmin,
        Denied::NoRoles,
        Denied::TooMany,
        Denied::StoreFailed,
        Denied::NotYou,
        Denied::BadRequest,
    ];

    /// The key of its sentence.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Denied::LogIn => "people.log_in",
            Denied::LogInAgain => "people.log_in_again",
            Denied::Locked => "people.locked",
            Denied::NotAllowed => "people.not_allowed",
            Denied::Wrong => "people.wrong",
            Denied::Wait(_) => "people.wait",
            Denied::CodeWrong => "people.code_wrong",
            Denied::TotpWrong => "people.totp_wrong",
            Denied::PasswordShort => "people.password_short",
            Denied::PasswordLong => "people.password_long",
            Denied::PasswordCommon => "people.password_common",
            Denied::PasswordName => "people.password_name",
            Denied::NameTaken => "people.name_taken",
            Denied::NameBad => "people.name_bad",
            Denied::Unknown => "people.unknown",
            Denied::LastAdmin => "people.last_admin",
            Denied::NoRoles => "people.no_roles",
            Denied::TooMany => "people.too_many",
            Denied::StoreFailed => "people.store_failed",
            Denied::NotYou => "people.not_you",
            Denied::BadRequest => "people.bad_request",
        }
    }

    /// The HTTP status that goes with it (RFC 9110; 423 of RFC 4918, 429 of RFC 6585).
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Denied::LogIn | Denied::LogInAgain | Denied::Wrong | Denied::CodeWrong => 401,
            Denied::NotAllowed | Denied::NotYou => 403,
            Denied::Unknown => 404,
            Denied::NameTaken | Denied::LastAdmin | Denied::TooMany => 409,
            Denied::Locked => 423,
            Denied::Wait(_) => 429,
            Denied::StoreFailed => 503,
            Denied::TotpWrong
            | Denied::PasswordShort
            | Denied::PasswordLong
            | Denied::PasswordCommon
            | Denied::PasswordName
            | Denied::NameBad
            | Denied::NoRoles
            | Denied::BadRequest => 400,
        }
    }
}
