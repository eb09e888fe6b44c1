//! In a replay: the recording's plan flown again in the simulator, so that both tracks lie on one map. Who flies it is handed
//! to the console as a function; nothing here names the simulator.

use super::http::{App, refuse};
use crate::desk::Reason;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

/// What the page asks for.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ReflyWish {
    /// What goes wrong: a word of the rehearsal's cases, or `quiet`.
    pub case: String,
    /// Mean wind, m/s; with `wind_from_deg`.
    #[serde(default)]
    pub wind_mps: Option<f64>,
    /// Where the wind comes from, degrees from true north.
    #[serde(default)]
    pub wind_from_deg: Option<f64>,
    /// When it goes wrong, seconds after take-off.
    #[serde(default)]
    pub fault_s: Option<f64>,
    /// Everything random follows from it.
    #[serde(default)]
    pub seed: u64,
}

impl ReflyWish {
    /// Whether its figures are such that a world can be made of them.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let within = |v: Option<f64>, most: f64| v.is_none_or(|v| (0.0..=most).contains(&v));
        within(self.wind_mps, 30.0)
            && within(self.wind_from_deg, 360.0)
            && within(self.fault_s, 36_000.0)
            && self.wind_mps.is_some() == self.wind_from_deg.is_some()
    }
}

pub(super) async fn refly(State(app): State<App>, body: Bytes) -> Response {
    let Some((dir, with)) = app.site.shown.refly.clone() else {
        return refuse("refly.only_in_a_replay");
    };
    let wish = match serde_json::from_slice::<ReflyWish>(&body) {
        Ok(w) if w.is_sound() => w,
        _ => return refuse("desk.bad_request"),
    };
    let Ok(_one) = app.planning.try_acquire() else {
        return refuse("refusal.busy");
    };
    // Seconds of arithmetic: never on a task that serves others.
    match tokio::task::spawn_blocking(move || with(&dir, &wish)).await {
        Ok(Ok(again)) => {
            Json(json!({"accepted": true, "reason": null, "again": again})).into_response()
        }
        Ok(Err(e)) => {
            let reason = Reason::new("refly.failed").with("words", format!("{e:#}"));
            Json(json!({"accepted": false, "reason": reason})).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_world_can_be_made_of_is_no_wish() {
        let read = |text: &str| serde_json::from_str::<ReflyWish>(text).ok();
        let sound = |text: &str| read(text).is_some_and(|w| w.is_sound());
        assert!(sound(r#"{"case": "quiet"}"#));
        assert!(sound(
            r#"{"case": "link_lost", "wind_mps": 9, "wind_from_deg": 290, "fault_s": 60, "seed": 4}"#
        ));
        for bad in [
            r#"{}"#,
            r#"{"case": "quiet", "wind_mps": 9}"#,
            r#"{"case": "quiet", "wind_mps": -1, "wind_from_deg": 0}"#,
            r#"{"case": "quiet", "wind_mps": 1e9, "wind_from_deg": 0}"#,
            r#"{"case": "quiet", "fault_s": -4}"#,
            r#"{"case": "quiet", "dir": "/etc"}"#,
        ] {
            assert!(!sound(bad), "{bad}");
        }
    }
}
