//! The recorded words of a station, said again to the simulated autopilots: do they answer as the real ones did?
//!
//! The captures (`ap_quirks.tlog`, `px4_quirks.tlog`) hold what a probing station sent to ArduCopter 4.7 and PX4 1.15 and
//! what those answered. Compared are the answers of the mission and command protocols, with their results and in their
//! order; streams, texts and parameters that an autopilot sends by itself are not. Data: `PATROL_DATA`.

mod recording;

use link::frame::Frame;
use link::items::WireItem;
use recording::{Recording, capture, read};
use sim::autopilot::AutopilotKind;

const MISSION_CURRENT: u32 = 42;

/// An answer, as far as it is compared.
fn answer(kind: AutopilotKind, f: &Frame) -> Option<String> {
    let mut b = [0u8; 16];
    for (to, from) in b.iter_mut().zip(f.payload()) {
        *to = *from;
    }
    let half = |i: usize| u16::from_le_bytes([b[i], b[i + 1]]);
    Some(match f.header().msg_id {
        39 | 73 => {
            let (seq, list, it) = WireItem::from_frame(f)?;
            let name = if f.header().msg_id == 73 {
                "MISSION_ITEM_INT"
            } else {
                "MISSION_ITEM"
            };
            format!(
                "{name} {seq} of {list:?}: command {} frame {} current {} go on {} p1 {} z {}",
                it.command, it.frame, it.current, it.autocontinue, it.p[0], it.z
            )
        }
        40 => format!(
            "MISSION_REQUEST {} of {} to {}/{}",
            half(0),
            b[4],
            b[2],
            b[3]
        ),
        51 => format!(
            "MISSION_REQUEST_INT {} of {} to {}/{}",
            half(0),
            b[4],
            b[2],
            b[3]
        ),
        44 => format!("MISSION_COUNT {} of {} to {}/{}", half(0), b[4], b[2], b[3]),
        47 => format!("MISSION_ACK {} of {} to {}/{}", b[2], b[3], b[0], b[1]),
        77 => format!("COMMAND_ACK {} to {}: {}", half(0), b[8], b[2]),
        // PX4 says it by itself all the time.
        MISSION_CURRENT if kind == AutopilotKind::ArduPilot => {
            format!("MISSION_CURRENT {} of {}, state {}", half(0), half(2), b[4])
        }
        _ => return None,
    })
}

/// One message of a station with what followed it.
struct Exchange {
    at_s: f64,
    said: String,
    answers: Vec<String>,
}

fn captured(kind: AutopilotKind, r: &Recording) -> Vec<Exchange> {
    let mut out: Vec<Exchange> = Vec::new();
    for (t, f) in &r.frames {
        if f.header().system == r.vehicle {
            if let (Some(e), Some(a)) = (out.last_mut(), answer(kind, f)) {
                e.answers.push(a);
            }
        } else if f.header().msg_id != 0 {
            out.push(exchange(*t, f));
        }
    }
    out
}

fn exchange(t: u64, f: &Frame) -> Exchange {
    let said = match WireItem::from_frame(f) {
        Some((seq, list, it)) => format!(
            "{} {seq} of {list:?} command {}",
            f.decode().name(),
            it.command
        ),
        None if f.header().msg_id == 76 => {
            let mut b = [0u8; 30];
            for (to, from) in b.iter_mut().zip(f.payload()) {
                *to = *from;
            }
            let command = u16::from_le_bytes([b[28], b[29]]);
            let p1 = f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
            format!("COMMAND_LONG {command} ({p1})")
        }
        None => format!("{} {:02x?}", f.decode().name(), f.payload()),
    };
    Exchange {
        at_s: t as f64 * 1e-6,
        said,
        answers: Vec::new(),
    }
}

fn replayed(kind: AutopilotKind, r: &Recording) -> Vec<Exchange> {
    let out = std::cell::RefCell::new(Vec::<Exchange>::new());
    r.replay(
        kind,
        sim::vehicle::AirframeSpec::default(),
        |t, f| {
            if f.header().msg_id != 0 {
                out.borrow_mut().push(exchange(t, f));
            }
        },
        |_, f| {
            if let (Some(e), Some(a)) = (out.borrow_mut().last_mut(), answer(kind, f)) {
                e.answers.push(a);
            }
        },
    );
    out.into_inner()
}

fn compare(kind: AutopilotKind, name: &str) {
    let Some(bytes) = capture(name) else { return };
    let r = read(&bytes);
    let (theirs, ours) = (captured(kind, &r), replayed(kind, &r));
    assert_eq!(theirs.len(), ours.len());
    // Also where ours answered and theirs did not.
    let asked: Vec<(&Exchange, &Exchange)> = theirs
        .iter()
        .zip(&ours)
        .filter(|(t, o)| !t.answers.is_empty() || !o.answers.is_empty())
        .collect();
    let unequal: Vec<_> = asked
        .iter()
        .filter(|(t, o)| t.answers != o.answers)
        .collect();
    let equal = asked.len() - unequal.len();
    let percent = equal as f64 / asked.len() as f64 * 100.0;
    println!(
        "{kind:?}: {equal} of {} equal ({percent:.1} %)",
        asked.len()
    );
    for (t, o) in &unequal {
        println!(
            "  {:.3} s {}\n    real: {:?}\n    ours: {:?}",
            t.at_s, t.said, t.answers, o.answers
        );
    }
    assert!(
        asked.len() > 200,
        "the capture holds some 250 exchanges: {}",
        asked.len()
    );
    assert!(percent >= 90.0, "{kind:?}: {percent:.1} %");
}

#[test]
fn ours_answers_as_arducopter_did() {
    compare(AutopilotKind::ArduPilot, "ap_quirks.tlog");
}

#[test]
fn ours_answers_as_px4_did() {
    compare(AutopilotKind::Px4, "px4_quirks.tlog");
}
