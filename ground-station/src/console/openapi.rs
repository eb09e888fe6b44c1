//! The HTTP API in OpenAPI 3.1, written from the table that the router is built from: an endpoint without a row is in
//! neither. What bodies look like stands here.

use crate::incidents::{MAX_WORDS, Outcome};
use crate::people::access::{Endpoint, INTENTS, MESSAGES, Method, ROUTES, Row, STEPS, Who};
use crate::people::{Denied, Role, secret};
use axum::Json;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

pub(super) async fn document() -> Response {
    Json(whole()).into_response()
}

/// The document.
pub(super) fn whole() -> Value {
    let mut paths = Map::new();
    for row in &ROUTES {
        let item = paths.entry(row.path).or_insert_with(|| json!({}));
        if let Some(item) = item.as_object_mut() {
            item.insert(row.method.word().to_lowercase(), operation(row));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Patrol ground station",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Behind the officers' console. A change carries the session's cookie, the token of /api/hello in X-CSRF and our own Origin. Words never cross: reasons are codes with figures.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "__Host-patrol", "description": "patrol-PORT without TLS, on this machine only"},
                "token": {"type": "apiKey", "in": "header", "name": "X-CSRF"},
            },
            "schemas": {
                "Reason": {
                    "type": "object",
                    "required": ["code", "params"],
                    "properties": {
                        "code": {"type": "string"},
                        "params": {"type": "object"},
                        "at": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2, "description": "longitude, latitude"},
                    },
                },
                "Answer": {
                    "type": "object",
                    "required": ["accepted", "reason"],
                    "properties": {
                        "accepted": {"type": "boolean"},
                        "reason": {"oneOf": [{"$ref": "#/components/schemas/Reason"}, {"type": "null"}]},
                    },
                },
                "Roles": {
                    "type": "array",
                    "uniqueItems": true,
                    "items": {"enum": Role::ALL.map(Role::key)},
                },
                "Intent": intent(),
                "Step": step(),
            },
        },
    })
}

/// Kinds of intents with who may; their fields stand in web/API.md.
fn intent() -> Value {
    let who: Map<String, Value> = INTENTS
        .iter()
        .map(|(kind, who, _)| ((*kind).to_owned(), roles(who)))
        .collect();
    json!({
        "type": "object",
        "required": ["kind"],
        "properties": {
            "kind": {"enum": INTENTS.map(|i| i.0)},
            "aircraft": {"type": ["integer", "null"], "minimum": 0, "maximum": 255},
        },
        "x-roles": who,
        "x-from-a-locked-screen": INTENTS.iter().filter(|i| i.2).map(|i| i.0).collect::<Vec<_>>(),
    })
}

/// Kinds of steps with who may, and their fields.
fn step() -> Value {
    let who: Map<String, Value> = STEPS
        .iter()
        .map(|(kind, who)| ((*kind).to_owned(), roles(who)))
        .collect();
    let mut kinds: Vec<&str> = STEPS.iter().map(|s| s.0).collect();
    // One kind with two rows: who is sent decides.
    kinds.retain(|k| *k != "task_aircraft");
    let text = json!({"type": "string", "maxLength": MAX_WORDS});
    let whole = json!({"type": "integer", "minimum": 0, "maximum": u32::MAX});
    json!({
        "type": "object",
        "required": ["kind"],
        "properties": {
            "kind": {"enum": kinds},
            "words": text, "priority": {"enum": ["urgent", "high", "notice"]},
            "lat_deg": {"type": "number"}, "lon_deg": {"type": "number"}, "anomaly": {"type": "string"},
            "to": {"type": "object", "properties": {"aircraft": {"type": "integer", "minimum": 0, "maximum": 255}, "team": {"type": "string"}}},
            "owner": {"type": "string"}, "due_ms": {"type": "integer"}, "task": whole,
            "outcome": {"enum": Outcome::ALL.map(Outcome::word)}, "agree": {"type": "boolean"},
            "name": {"type": "string"}, "plan": {"type": "string"}, "every_min": whole, "whole": {"type": "boolean"},
            "mender": {"type": "string"}, "finding": whole,
        },
        "x-roles": who,
    })
}

fn roles(who: &[Role]) -> Value {
    who.iter().map(|r| r.key()).collect()
}

fn operation(row: &Row) -> Value {
    let mut responses = Map::new();
    responses.insert("200".into(), good(row.endpoint));
    let refusal = |what: &str| {
        json!({
            "description": what,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}},
        })
    };
    let mut say = |status: &str, answer: Value| {
        responses.entry(status.to_owned()).or_insert(answer);
    };
    // The gate's own refusals have no body.
    say(
        "403",
        json!({"description": "Not this role's; or another page's, or without its token"}),
    );
    say("404", json!({"description": "No such thing"}));
    say("503", json!({"description": "Busy or stopping"}));
    if row.who != Who::Anyone {
        say(
            "401",
            refusal("Nobody is logged in, or the session is over"),
        );
        if !row.locked {
            say("423", refusal("The screen is locked"));
        }
    }
    if row.method == Method::Post {
        say("413", json!({"description": "Too long"}));
    }
    for why in refusals(row.endpoint) {
        say(
            &why.status().to_string(),
            refusal("Refused, with the reason"),
        );
    }
    if row.path.contains("{file}") || row.path == "/" {
        say("304", json!({"description": "As it was"}));
    }
    if row.path.contains('{') {
        say("400", json!({"description": "The path cannot be read"}));
    }
    if matches!(
        row.endpoint,
        Endpoint::VenueImport
            | Endpoint::Incidents
            | Endpoint::Report
            | Endpoint::Plan
            | Endpoint::PlanMake
    ) {
        say("400", json!({"description": "The query cannot be read"}));
    }
    if row.endpoint == Endpoint::Live {
        say(
            "101",
            json!({"description": "The socket; its frames stand in web/API.md"}),
        );
        say(
            "400",
            json!({"description": "No upgrade to a WebSocket was asked for"}),
        );
        say(
            "426",
            json!({"description": "The connection cannot be upgraded"}),
        );
    }
    let (security, who) = match row.who {
        Who::Anyone => (json!([{}]), json!("anyone")),
        Who::Own => (json!([{"session": []}]), json!("whoever has a session")),
        Who::Roles(r) => (json!([{"session": []}]), roles(r)),
    };
    let mut op = json!({
        "operationId": format!("{:?}", row.endpoint),
        "summary": row.summary,
        "security": security,
        "x-roles": who,
        "x-from-a-locked-screen": row.locked,
        "responses": responses,
    });
    let Some(o) = op.as_object_mut() else {
        return op;
    };
    let mut parameters = parameters(row);
    if row.method == Method::Post {
        let token = json!({"name": "X-CSRF", "in": "header", "required": true, "schema": {"type": "string"}});
        parameters.push(token);
    }
    if !parameters.is_empty() {
        o.insert("parameters".into(), parameters.into());
    }
    if let Some(body) = body(row.endpoint) {
        o.insert("requestBody".into(), body);
    }
    if row.endpoint == Endpoint::Live {
        let messages: Map<String, Value> = MESSAGES
            .iter()
            .map(|(kind, who)| ((*kind).to_owned(), roles(who)))
            .collect();
        o.insert("x-messages".into(), messages.into());
    }
    op
}

fn good(e: Endpoint) -> Value {
    let kind = match e {
        Endpoint::Page => "text/html",
        Endpoint::File => "*/*",
        Endpoint::Picture | Endpoint::Camera => "image/*",
        Endpoint::Report => "text/html",
        Endpoint::Live => return json!({"description": "Never: it is upgraded"}),
        _ => "application/json",
    };
    let schema = match e {
        Endpoint::Hello => object(
            &[
                ("csrf", "string"),
                ("mode", "string"),
                ("version", "string"),
                ("state", "string"),
            ],
            &["csrf", "mode", "version", "state"],
        ),
        Endpoint::OpenApi => json!({"type": "object"}),
        Endpoint::People => object(&[("people", "array")], &["people"]),
        Endpoint::Audit => object(&[("lines", "array")], &["lines"]),
        Endpoint::Sessions => object(&[("sessions", "array")], &["sessions"]),
        Endpoint::Incidents => object(&[("incidents", "array")], &["incidents"]),
        Endpoint::Incident => object(
            &[("incident", "object"), ("deeds", "array")],
            &["incident", "deeds"],
        ),
        Endpoint::Page
        | Endpoint::File
        | Endpoint::Picture
        | Endpoint::Camera
        | Endpoint::Report => json!({}),
        _ => json!({"$ref": "#/components/schemas/Answer"}),
    };
    json!({"description": "Answered", "content": {kind: {"schema": schema}}})
}

fn parameters(row: &Row) -> Vec<Value> {
    let mut all: Vec<Value> = row
        .path
        .split('/')
        .filter_map(|p| p.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            let schema = match name {
                "sha256" => json!({"type": "string", "pattern": "^[0-9a-f]{64}$"}),
                "number" => json!({"type": "integer", "minimum": 1, "maximum": u32::MAX}),
                "aircraft" => json!({"type": "integer", "minimum": 0, "maximum": 255}),
                _ => json!({"type": "string", "minLength": 1}),
            };
            json!({"name": name, "in": "path", "required": true, "schema": schema})
        })
        .collect();
    if row.endpoint == Endpoint::Incidents {
        let before = json!({"type": "integer", "minimum": 1, "maximum": u32::MAX});
        all.push(json!({"name": "before", "in": "query", "schema": before}));
    }
    if row.endpoint == Endpoint::Report {
        all.push(json!({"name": "lang", "in": "query", "schema": {"enum": ["zh-CN", "en"]}}));
        let most = crate::report::MAX_AHEAD_MIN;
        let minutes = json!({"type": "integer", "minimum": -most, "maximum": most});
        all.push(json!({"name": "ahead_min", "in": "query", "schema": minutes}));
        all.push(json!({"name": "check", "in": "query", "schema": {"type": "boolean"}}));
    }
    if row.endpoint == Endpoint::VenueImport {
        all.push(json!({"name": "name", "in": "query", "schema": {"type": "string"}}));
        all.push(json!({"name": "datum", "in": "query", "schema": {"enum": ["", "wgs84", "gcj02", "bd09"]}}));
    }
    if matches!(row.endpoint, Endpoint::Plan | Endpoint::PlanMake) {
        let schema = json!({"type": "integer", "minimum": 0, "maximum": 255});
        all.push(json!({"name": "aircraft", "in": "query", "schema": schema}));
    }
    all
}

fn object(fields: &[(&str, &str)], required: &[&str]) -> Value {
    let properties: Map<String, Value> = fields
        .iter()
        .map(|(name, kind)| ((*name).to_owned(), json!({"type": kind})))
        .collect();
    json!({"type": "object", "properties": properties, "required": required})
}

fn body(e: Endpoint) -> Option<Value> {
    let text = |max: usize| json!({"type": "string", "maxLength": max});
    let closed = |mut schema: Value| {
        if let Some(s) = schema.as_object_mut() {
            s.insert("additionalProperties".into(), false.into());
        }
        schema
    };
    let schema = match e {
        Endpoint::Login => closed(object(
            &[
                ("name", "string"),
                ("password", "string"),
                ("totp", "string"),
            ],
            &["name", "password", "totp"],
        )),
        Endpoint::Enrol => closed(object(
            &[
                ("name", "string"),
                ("code", "string"),
                ("password", "string"),
            ],
            &["name", "code", "password"],
        )),
        Endpoint::EnrolConfirm => closed(object(
            &[("name", "string"), ("code", "string"), ("totp", "string")],
            &["name", "code", "totp"],
        )),
        Endpoint::Unlock => closed(object(&[("password", "string"), ("totp", "string")], &[])),
        Endpoint::Password => closed(json!({
            "type": "object",
            "properties": {"old": text(secret::MAX_PASSWORD), "new": text(secret::MAX_PASSWORD)},
            "required": ["old", "new"],
        })),
        Endpoint::SessionsEnd => closed(json!({
            "type": "object",
            "properties": {"password": text(secret::MAX_PASSWORD)},
            "required": ["password"],
        })),
        Endpoint::PeopleAdd => closed(json!({
            "type": "object",
            "properties": {"name": text(40), "roles": {"$ref": "#/components/schemas/Roles"}},
            "required": ["name", "roles"],
        })),
        Endpoint::PeopleRoles => closed(json!({
            "type": "object",
            "properties": {"roles": {"$ref": "#/components/schemas/Roles"}},
            "required": ["roles"],
        })),
        Endpoint::PeopleDisable => closed(object(&[("disabled", "boolean")], &["disabled"])),
        Endpoint::Command => json!({
            "type": "object",
            "properties": {"key": {"type": "string", "minLength": 1, "maxLength": 128}, "intent": {"$ref": "#/components/schemas/Intent"}},
            "required": ["key", "intent"],
        }),
        Endpoint::Step => json!({
            "type": "object",
            "properties": {
                "key": {"type": "string", "minLength": 1, "maxLength": 128},
                "about": {"type": ["integer", "null"], "minimum": 1, "maximum": u32::MAX, "description": "number of the incident or patrol; null where the step begins one"},
                "by": {"type": "string", "description": "only where nobody logs in: in whose name"},
                "step": {"$ref": "#/components/schemas/Step"},
            },
            "required": ["key", "step"],
        }),
        Endpoint::Plan => json!({"type": "object", "description": "plan.json"}),
        Endpoint::PlanMake => json!({
            "type": "object",
            "properties": {"pattern": {"type": ["string", "object"]}, "alt_m": {"type": "number"}, "speed_mps": {"type": "number"}},
            "required": ["pattern", "alt_m"],
        }),
        Endpoint::Refly => closed(json!({
            "type": "object",
            "properties": {
                "case": {"enum": ["quiet", "evening", "link_lost", "low_battery", "no_gnss", "companion_dead"]},
                "wind_mps": {"type": ["number", "null"], "minimum": 0, "maximum": 30},
                "wind_from_deg": {"type": ["number", "null"], "minimum": 0, "maximum": 360},
                "fault_s": {"type": ["number", "null"], "minimum": 0, "maximum": 36000},
                "seed": {"type": "integer", "minimum": 0},
            },
            "required": ["case"],
        })),
        Endpoint::VenueImport => {
            return Some(json!({
                "required": true,
                "content": {"application/octet-stream": {"schema": {"description": "A venue file"}}},
            }));
        }
        Endpoint::Page
        | Endpoint::File
        | Endpoint::Hello
        | Endpoint::Logout
        | Endpoint::Lock
        | Endpoint::Here
        | Endpoint::Sessions
        | Endpoint::OpenApi
        | Endpoint::Live
        | Endpoint::Picture
        | Endpoint::Camera
        | Endpoint::People
        | Endpoint::PeopleReset
        | Endpoint::Incidents
        | Endpoint::Incident
        | Endpoint::Report
        | Endpoint::Audit => return None,
    };
    Some(json!({"required": true, "content": {"application/json": {"schema": schema}}}))
}

/// What an endpoint may refuse beside what the gate does.
fn refusals(e: Endpoint) -> &'static [Denied] {
    use Denied as D;
    match e {
        Endpoint::Login | Endpoint::Unlock | Endpoint::SessionsEnd => {
            &[D::BadRequest, D::Wrong, D::Wait(0), D::StoreFailed]
        }
        Endpoint::Enrol => &[
            D::BadRequest,
            D::CodeWrong,
            D::Wait(0),
            D::TooMany,
            D::StoreFailed,
        ],
        Endpoint::EnrolConfirm => &[
            D::BadRequest,
            D::CodeWrong,
            D::TotpWrong,
            D::Wait(0),
            D::NameTaken,
        ],
        Endpoint::Password => &[D::BadRequest, D::Wrong, D::Wait(0), D::PasswordShort],
        Endpoint::Step => &[D::NotAllowed, D::NotYou],
        Endpoint::Command => &[D::NotAllowed, D::NotYou, D::Locked, D::LogInAgain],
        Endpoint::PeopleAdd => &[D::BadRequest, D::NameTaken, D::NoRoles, D::TooMany],
        Endpoint::PeopleRoles | Endpoint::PeopleDisable => {
            &[D::BadRequest, D::Unknown, D::LastAdmin]
        }
        Endpoint::PeopleReset => &[D::Unknown, D::LastAdmin],
        _ => &[],
    }
}
