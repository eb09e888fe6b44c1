//! The log of a program: on standard error, for people or as one JSON object a line. Level by `PATROL_LOG`.

use std::fmt;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Starts the log; once in a process, before anything is logged. A second call changes nothing.
pub fn init(json: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("PATROL_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_writer(std::io::stderr);
    let _ = if json {
        log.event_format(JsonLines).try_init()
    } else {
        log.try_init()
    };
}

/// One JSON object a line: level, message.
struct JsonLines;

struct Text(String);
impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _ctx: &FmtContext<'_, S, N>,
        mut w: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut text = Text(String::new());
        event.record(&mut text);
        let line =
            serde_json::json!({"level": event.metadata().level().as_str(), "message": text.0});
        writeln!(w, "{line}")
    }
}
