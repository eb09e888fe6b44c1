//! The one table: which role may use which endpoint, send which intent, hear which message. The router is built from it,
//! the guard looks every request up in it, and the OpenAPI document is written from it.

use super::{Denied, Role};
use crate::desk::Intent;
use crate::incidents::{Assignee, Step};
use std::collections::BTreeSet;

/// How a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Asks.
    Get,
    /// Changes: needs the token.
    Post,
}

impl Method {
    /// As HTTP writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
        }
    }
}

/// Who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Whoever opens the page: nothing of a flight, nothing of people.
    Anyone,
    /// Whoever has a session, for what concerns that session only.
    Own,
    /// Whoever has one of these roles.
    Roles(&'static [Role]),
}

/// Something the server does. A new one does not compile until it has a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    /// The page.
    Page,
    /// A file of the page.
    File,
    /// What the page needs to begin.
    Hello,
    /// Name, password, one-time code.
    Login,
    /// A first login: the code given, the password chosen.
    Enrol,
    /// A first login: the telephone shows the right code.
    EnrolConfirm,
    /// The session ends.
    Logout,
    /// The screen locks.
    Lock,
    /// The screen unlocks.
    Unlock,
    /// Somebody is at the screen.
    Here,
    /// One's own password.
    Password,
    /// One's own sessions.
    Sessions,
    /// One's other sessions end.
    SessionsEnd,
    /// The API in OpenAPI.
    OpenApi,
    /// The socket.
    Live,
    /// An anomaly's picture.
    Picture,
    /// The newest preview.
    Camera,
    /// An officer's click; its intent has a row of its own.
    Command,
    /// A plan file.
    Plan,
    /// A plan is made.
    PlanMake,
    /// A venue file is read.
    VenueImport,
    /// The recording's plan is flown again in the simulator.
    Refly,
    /// Older incidents.
    Incidents,
    /// One incident with all that was done.
    Incident,
    /// A step in an incident or in the patrol schedule; each kind has a row of its own.
    Step,
    /// The after-action report of the flight that is recorded or replayed.
    Report,
    /// All people.
    People,
    /// A new person.
    PeopleAdd,
    /// Other roles.
    PeopleRoles,
    /// Password and telephone are forgotten, a new code is given.
    PeopleReset,
    /// May not log in any more, or may again.
    PeopleDisable,
    /// Who did what.
    Audit,
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// What.
    pub endpoint: Endpoint,
    /// How.
    pub method: Method,
    /// Where; `{name}` is a part of the path.
    pub path: &'static str,
    /// Who.
    pub who: Who,
    /// Also from a locked screen.
    pub locked: bool,
    /// What it is for.
    pub summary: &'static str,
    /// What is written into the audit chain: every use, or denials only where the use shows nothing and changes nothing.
    pub audited: bool,
}

const WATCH: &[Role] = &[Role::Viewer, Role::Pilot, Role::Supervisor, Role::Evidence];
const FLY: &[Role] = &[Role::Pilot];
const CALM: &[Role] = &[Role::Pilot, Role::Supervisor];
const DUTY: &[Role] = &[Role::Pilot, Role::Supervisor, Role::Evidence];
const ADMIN: &[Role] = &[Role::Admin];
const AUDIT: &[Role] = &[Role::Supervisor, Role::Evidence, Role::Admin];
const ALL: &[Role] = &Role::ALL;

const fn row(
    endpoint: Endpoint,
    method: Method,
    path: &'static str,
    who: Who,
    summary: &'static str,
) -> Row {
    Row {
        endpoint,
        method,
        path,
        who,
        locked: false,
        summary,
        audited: true,
    }
}

const fn while_locked(mut r: Row) -> Row {
    r.locked = true;
    r
}

const fn quiet(mut r: Row) -> Row {
    r.audited = false;
    r
}

/// The table.
pub const ROUTES: [Row; 32] = {
    use Endpoint as E;
    use Method::{Get, Post};
    use Who::{Anyone, Own, Roles};
    [
        quiet(while_locked(row(E::Page, Get, "/", Anyone, "The page"))),
        quiet(while_locked(row(
            E::File,
            Get,
            "/{file}",
            Anyone,
            "A file of the page",
        ))),
        quiet(while_locked(row(
            E::Hello,
            Get,
            "/api/hello",
            Anyone,
            "Token, mode, language, and who is logged in",
        ))),
        while_locked(row(
            E::Login,
            Post,
            "/api/login",
            Anyone,
            "Log in with name, password and one-time code",
        )),
        while_locked(row(
            E::Enrol,
            Post,
            "/api/enrol",
            Anyone,
            "First login: give the code, choose a password, get a secret for the telephone",
        )),
        while_locked(row(
            E::EnrolConfirm,
            Post,
            "/api/enrol/confirm",
            Anyone,
            "First login: prove that the telephone shows the right code",
        )),
        while_locked(row(E::Logout, Post, "/api/logout", Own, "End this session")),
        while_locked(row(
            E::Lock,
            Post,
            "/api/lock",
            Own,
            "Lock this screen; flight and alarms go on",
        )),
        while_locked(row(
            E::Unlock,
            Post,
            "/api/unlock",
            Own,
            "Unlock this screen with password or one-time code",
        )),
        quiet(row(
            E::Here,
            Post,
            "/api/here",
            Own,
            "Somebody is at this screen: it does not lock by itself yet",
        )),
        row(
            E::Password,
            Post,
            "/api/me/password",
            Own,
            "Change one's own password",
        ),
        row(
            E::Sessions,
            Get,
            "/api/me/sessions",
            Own,
            "One's own sessions, the newest first",
        ),
        row(
            E::SessionsEnd,
            Post,
            "/api/me/sessions/end",
            Own,
            "End one's other sessions; asks the password",
        ),
        quiet(row(
            E::OpenApi,
            Get,
            "/api/openapi.json",
            Roles(ALL),
            "This document",
        )),
        while_locked(row(
            E::Live,
            Get,
            "/api/live",
            Roles(WATCH),
            "WebSocket: a snapshot, then every event; alarms go on while the screen is locked",
        )),
        row(
            E::Picture,
            Get,
            "/api/picture/{sha256}",
            Roles(WATCH),
            "An anomaly's picture",
        ),
        row(
            E::Camera,
            Get,
            "/api/camera/{aircraft}",
            Roles(WATCH),
            "The newest preview of an aircraft's camera",
        ),
        while_locked(row(
            E::Command,
            Post,
            "/api/command",
            Roles(CALM),
            "An officer's intent; each kind has its own row",
        )),
        row(E::Plan, Post, "/api/plan", Roles(CALM), "Load a plan file"),
        row(
            E::PlanMake,
            Post,
            "/api/plan/make",
            Roles(CALM),
            "Make a plan and load it",
        ),
        row(
            E::VenueImport,
            Post,
            "/api/venue/import",
            Roles(CALM),
            "Read a venue file",
        ),
        row(
            E::Refly,
            Post,
            "/api/refly",
            Roles(CALM),
            "In a replay: fly the recording's plan again in the simulator",
        ),
        row(
            E::Incidents,
            Get,
            "/api/incidents",
            Roles(WATCH),
            "Incidents older than those of the snapshot",
        ),
        row(
            E::Incident,
            Get,
            "/api/incidents/{number}",
            Roles(WATCH),
            "One incident with all that was done",
        ),
        row(
            E::Step,
            Post,
            "/api/step",
            Roles(CALM),
            "A step in an incident or in the patrol schedule; each kind has its own row",
        ),
        row(
            E::Report,
            Get,
            "/api/report",
            Roles(DUTY),
            "After-action report of the flight: one HTML file, to be printed",
        ),
        row(
            E::People,
            Get,
            "/api/people",
            Roles(ADMIN),
            "All people and their roles",
        ),
        row(
            E::PeopleAdd,
            Post,
            "/api/people",
            Roles(ADMIN),
            "Make a person; gives the code for the first login",
        ),
        row(
            E::PeopleRoles,
            Post,
            "/api/people/{name}/roles",
            Roles(ADMIN),
            "Give other roles",
        ),
        row(
            E::PeopleReset,
            Post,
            "/api/people/{name}/reset",
            Roles(ADMIN),
            "Forget password and telephone; gives a new code",
        ),
        row(
            E::PeopleDisable,
            Post,
            "/api/people/{name}/disable",
            Roles(ADMIN),
            "Shut somebody out, or let them in again",
        ),
        row(
            E::Audit,
            Get,
            "/api/audit",
            Roles(AUDIT),
            "Who did and saw what in this run, newest last",
        ),
    ]
};

/// The row of an endpoint.
#[must_use]
pub fn of(endpoint: Endpoint) -> Option<&'static Row> {
    ROUTES.iter().find(|r| r.endpoint == endpoint)
}

/// The row of a request; `None`: it has none and is refused. Exact parts go before `{names}`.
#[must_use]
pub fn find(method: &str, path: &str) -> Option<&'static Row> {
    let fits = |r: &&Row| {
        let (mut want, mut got) = (r.path.split('/'), path.split('/'));
        loop {
            match (want.next(), got.next()) {
                (None, None) => return true,
                (Some(w), Some(g)) if w == g || (w.starts_with('{') && !g.is_empty()) => {}
                _ => return false,
            }
        }
    };
    // HEAD is GET without the body.
    let method = if method == "HEAD" { "GET" } else { method };
    ROUTES
        .iter()
        .filter(|r| r.method.word() == method)
        .filter(fits)
        .min_by_key(|r| r.path.matches('{').count())
}

/// Whether a row lets these roles in. `roles`: `None` without a session.
///
/// # Errors
/// Why not.
pub fn allows(row: &Row, roles: Option<&BTreeSet<Role>>, locked: bool) -> Result<(), Denied> {
    may(row.who, row.locked, roles, locked)
}

fn may(
    who: Who,
    while_locked: bool,
    roles: Option<&BTreeSet<Role>>,
    locked: bool,
) -> Result<(), Denied> {
    let named = match who {
        Who::Anyone => return Ok(()),
        Who::Own => None,
        Who::Roles(named) => Some(named),
    };
    let Some(roles) = roles else {
        return Err(Denied::LogIn);
    };
    if named.is_some_and(|named| !named.iter().any(|r| roles.contains(r))) {
        return Err(Denied::NotAllowed);
    }
    if locked && !while_locked {
        return Err(Denied::Locked);
    }
    Ok(())
}

/// An officer's intent without its figures. A new one does not compile until it has a row.
#[must_use]
pub fn intent_kind(intent: &Intent) -> &'static str {
    match intent {
        Intent::Hold { .. } => "hold",
        Intent::Resume { .. } => "resume",
        Intent::Return { .. } => "return",
        Intent::Launch { .. } => "launch",
        Intent::LandAt { .. } => "land_at",
        Intent::Look { .. } => "look",
        Intent::Confirm { .. } => "confirm",
        Intent::Dismiss { .. } => "dismiss",
        Intent::Acknowledge { .. } => "acknowledge",
        Intent::Shelve { .. } => "shelve",
        Intent::Preflight { .. } => "preflight",
        Intent::Upload { .. } => "upload",
        Intent::HandOver { .. } => "hand_over",
        Intent::TakeControl { .. } => "take_control",
        Intent::OverrideRehearsal { .. } => "override_rehearsal",
        Intent::Replay { .. } => "replay",
    }
}

/// Who may want what. Stopping is one press from a locked screen too: a password must not stand before it.
pub const INTENTS: [(&str, &[Role], bool); 16] = [
    ("hold", CALM, true),
    ("return", CALM, false),
    ("resume", FLY, false),
    ("launch", FLY, false),
    ("land_at", FLY, false),
    ("look", FLY, false),
    ("upload", FLY, false),
    ("take_control", FLY, false),
    ("hand_over", CALM, false),
    ("preflight", CALM, false),
    ("confirm", CALM, false),
    ("dismiss", CALM, false),
    // Alarms go on while the screen is locked.
    ("acknowledge", CALM, true),
    ("shelve", CALM, false),
    // Whoever flies does not answer for what the rehearsal found.
    ("override_rehearsal", &[Role::Supervisor], false),
    ("replay", CALM, false),
];

/// Whether these roles may want this.
///
/// # Errors
/// Why not; an intent without a row is refused.
pub fn allows_intent(kind: &str, roles: &BTreeSet<Role>, locked: bool) -> Result<(), Denied> {
    let Some((_, who, while_locked)) = INTENTS.iter().find(|i| i.0 == kind) else {
        return Err(Denied::NotAllowed);
    };
    may(Who::Roles(who), *while_locked, Some(roles), locked)
}

/// A step of an incident or a patrol by its kind. A new one has a word, and is refused until it has a row.
#[must_use]
pub fn step_kind(step: &Step) -> &'static str {
    match step {
        // Whoever sends an aircraft must be one who may fly.
        Step::Task {
            to: Assignee::Aircraft(_),
            ..
        } => "task_aircraft",
        _ => step.word(),
    }
}

/// Who may do which step. What only the station says (`task_refused`) has no row.
pub const STEPS: [(&str, &[Role]); 17] = [
    ("open", CALM),
    ("link", CALM),
    ("note", CALM),
    ("task", CALM),
    ("task_aircraft", FLY),
    ("arrive", CALM),
    ("extend", CALM),
    ("outcome", CALM),
    // That it is another person's than the outcome's is asked by the core.
    ("review", &[Role::Supervisor]),
    ("close", CALM),
    ("reopen", CALM),
    ("patrol_add", &[Role::Supervisor]),
    ("patrol_change", &[Role::Supervisor]),
    ("patrol_stop", &[Role::Supervisor]),
    ("patrol_flown", CALM),
    ("found", CALM),
    ("mended", CALM),
];

/// Whether these roles may do a step of this kind.
///
/// # Errors
/// Why not; a step without a row is refused.
pub fn allows_step(kind: &str, roles: &BTreeSet<Role>, locked: bool) -> Result<(), Denied> {
    let Some((_, who)) = STEPS.iter().find(|s| s.0 == kind) else {
        return Err(Denied::NotAllowed);
    };
    may(Who::Roles(who), false, Some(roles), locked)
}

/// What goes over the socket to the page, and who hears it. A page that is locked goes on hearing: its alarms are made of
/// these. From the page nothing is taken.
pub const MESSAGES: [(&str, &[Role]); 12] = [
    ("snapshot", WATCH),
    ("aircraft", WATCH),
    ("anomaly", WATCH),
    ("preflight", WATCH),
    ("plan", WATCH),
    ("venue", WATCH),
    ("rehearsal", WATCH),
    ("event", WATCH),
    ("incident", WATCH),
    ("patrol", WATCH),
    ("replay", WATCH),
    ("batch", WATCH),
];

/// Whether these roles hear a message of this type; one without a row is heard by nobody.
#[must_use]
pub fn hears(kind: &str, roles: &BTreeSet<Role>) -> bool {
    MESSAGES
        .iter()
        .any(|(k, who)| *k == kind && who.iter().any(|r| roles.contains(r)))
}

/// Whether somebody counts as an officer who sits at the desk: who only watches does not keep an aircraft flying.
#[must_use]
pub fn sits(roles: &BTreeSet<Role>) -> bool {
    roles.contains(&Role::Pilot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_and_what_has_none_is_refused() {
        for r in &ROUTES {
            assert_eq!(of(r.endpoint), Some(r), "{r:?} stands twice");
            let path = r
                .path
                .replace("{file}", "console.js")
                .replace("{name}", "王");
            let path = path.replace("{sha256}", "ab").replace("{aircraft}", "1");
            let path = path.replace("{number}", "7");
            assert_eq!(find(r.method.word(), &path), Some(r), "{path}");
        }
        for (method, path) in [
            ("GET", "/api/nothing"),
            ("GET", "/api"),
            ("GET", "/api/people/王/roles"),
            ("GET", "/api/command"),
            ("POST", "/"),
            ("PUT", "/api/command"),
            ("DELETE", "/api/people/王"),
            ("GET", "/a/b"),
            ("GET", "//"),
            ("GET", "/api/picture/"),
            ("POST", "/api/people//roles"),
        ] {
            let row = find(method, path);
            // `/api` is the name of a file that is not there.
            assert!(
                row.is_none_or(|r| r.endpoint == Endpoint::File),
                "{method} {path}"
            );
        }
    }

    #[test]
    fn nothing_that_changes_or_shows_a_flight_is_open_to_anyone() {
        let open: Vec<_> = ROUTES.iter().filter(|r| r.who == Who::Anyone).collect();
        let paths: Vec<_> = open.iter().map(|r| r.path).collect();
        assert_eq!(
            paths,
            [
                "/",
                "/{file}",
                "/api/hello",
                "/api/login",
                "/api/enrol",
                "/api/enrol/confirm"
            ]
        );
        for r in &ROUTES {
            let nobody = allows(r, Some(&BTreeSet::new()), false);
            assert_eq!(nobody.is_ok(), !matches!(r.who, Who::Roles(_)), "{r:?}");
        }
    }

    #[test]
    fn a_message_without_a_row_is_heard_by_nobody() {
        let all: BTreeSet<Role> = Role::ALL.into();
        assert!(hears("batch", &all));
        assert!(!hears("keys", &all));
        assert!(!hears("anomaly", &[Role::Admin].into()));
        assert!(allows_intent("arm", &all, false).is_err());
        assert!(allows_step("task_refused", &all, false).is_err());
        assert!(allows_step("delete", &all, false).is_err());
    }
}
