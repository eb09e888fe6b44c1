//! Row 25: sessions that end while the station speaks on, hand-overs, and nobody left. A slow or lost browser is the
//! console's, a shell: `tests/tests/console_words.rs` and the console's own tests.

use super::hostile::other;
use super::world::{Outcome, Stage, World, key};
use super::{Line, Run};
use ground_station::desk::{DeskEvent, Intent};
use link::control::HandOver;
use link::state::CauseWord;
use sim::autopilot::Mode;

/// The alarm's length, seconds.
const ALARM_S: f64 = 60.0;

pub const LINES: [Line; 3] = [
    apart(
        "25-no-officer",
        "the only officer's session ends; alarm; after 60 s and not before the plan's no-officer action (figure: s to it)",
        no_officer,
    ),
    apart(
        "25-back-in-time",
        "the session ends and comes back within the minute; alarm, then as before",
        back_in_time,
    ),
    apart(
        "25-handed-over",
        "one officer hands over to another station's; the new one has it and is obeyed, the old one refused",
        handed_over,
    ),
];

const fn apart(
    name: &'static str,
    asks: &'static str,
    f: fn(&Stage, u64) -> anyhow::Result<Outcome>,
) -> Line {
    Line {
        number: 25,
        name,
        asks,
        apart: true,
        run: Run::World(f),
    }
}

fn hand_over(w: &World) -> HandOver {
    w.desk()
        .aircraft(1)
        .and_then(|a| a.control.as_ref())
        .map_or(HandOver::None, |c| c.0.hand_over)
}
/// Station that has the aircraft and its officer, as the companion says and the first desk hears.
fn holder(w: &World) -> Option<(u8, String)> {
    let (c, _) = w.desk().aircraft(1)?.control.as_ref()?;
    c.holder.map(|(_, system, _)| (system, c.officer.clone()))
}
fn alarms(w: &World) -> bool {
    matches!(hand_over(w), HandOver::Alarm { .. }) && w.told(|e| e.code == "no_officer")
}

/// On patrol, held by officer Li at the first desk.
fn under_li(s: &Stage, seed: u64) -> World {
    let mut w = s.aloft(seed);
    w.rig.session(true);
    w.rig.command(&Intent::TakeControl {
        officer: "Li".into(),
    });
    w.mark();
    if w.until(4.0, |w| holder(w) == Some((255, "Li".into())))
        .is_none()
    {
        w.wrong(&format!("Li does not have it: {:?}", holder(&w)));
    }
    w.run_between(0.3, 3.0);
    w
}

/// The link is there, and nothing takes it for lost.
fn link_is_there(w: &mut World) {
    if w.text("link lost") {
        w.wrong("a lost session was taken for a lost link");
    }
}

fn no_officer(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = under_li(s, seed);
    w.mark();
    w.rig.session(false);
    let took = w.until(5.0, |w| alarms(w));
    let mut early = false;
    let acted = w.until(ALARM_S + 5.0, |w| {
        early |= w.mode() != Mode::Mission && w.since() < ALARM_S - 1.0;
        w.new_state()
            .is_some_and(|r| r.cause == CauseWord::NoOfficer)
            && matches!(w.mode(), Mode::Hold | Mode::Brake | Mode::Return)
    });
    if early {
        w.wrong("something was done before the minute was over");
    }
    if !acted.is_some_and(|t| (ALARM_S - 0.5..=ALARM_S + 2.0).contains(&t)) {
        w.wrong(&format!("the plan's action after {acted:?} s"));
    }
    if w.until(ALARM_S + 6.0, |w| hand_over(w) == HandOver::Acted)
        .is_none()
    {
        w.wrong("the ground was not told that the plan's action began");
    }
    link_is_there(&mut w);
    let mut o = w.end(took, 1.0, 6.0, true);
    o.figure = acted;
    Ok(o)
}

fn back_in_time(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = under_li(s, seed);
    w.mark();
    w.rig.session(false);
    let took = w.until(5.0, |w| alarms(w));
    w.run_between(1.0, 54.0);
    w.rig.session(true);
    let back_s = w.since();
    if w.until(back_s + 3.0, |w| {
        hand_over(w) == HandOver::None && holder(w) == Some((255, "Li".into()))
    })
    .is_none()
    {
        w.wrong(&format!(
            "Li is back and does not have it: {:?}",
            holder(&w)
        ));
    }
    w.until(ALARM_S + 4.0, |_| false);
    if w.mode() != Mode::Mission || w.told(|e| e.code == "no_officer_acted") {
        w.wrong("the flight did not go on as before");
    }
    link_is_there(&mut w);
    Ok(w.end(took, 1.0, 6.0, true))
}

fn handed_over(s: &Stage, seed: u64) -> anyhow::Result<Outcome> {
    let mut w = under_li(s, seed);
    w.rig.add_station(other(), Some(&key()))?;
    w.rig.second_session(true);
    w.run_between(3.0, 4.0);
    let asked = w.rig.command(&Intent::HandOver {
        from: "Li".into(),
        to: String::new(),
    });
    if !asked.accepted {
        w.wrong("the hand-over was not taken");
    }
    w.run_between(0.5, 20.0);
    w.mark();
    w.rig.second_command(&Intent::TakeControl {
        officer: "Wang".into(),
    });
    let took = w.until(6.0, |w| {
        holder(w) == Some((252, "Wang".into())) && hand_over(w) == HandOver::None
    });
    // Whoever has it is obeyed; whoever gave it away is refused and told. (A hold would be anybody's: a way to safety.)
    w.rig.second_command(&Intent::Hold { aircraft: Some(1) });
    let begin_s = w.since();
    if w.until(begin_s + 4.0, |w| {
        matches!(w.mode(), Mode::Hold | Mode::Brake)
    })
    .is_none()
    {
        w.wrong("the one who has it is not obeyed");
    }
    let modes = w.modes.len();
    w.rig.command(&Intent::Resume { aircraft: 1 });
    let begin_s = w.since();
    if w.until(begin_s + 4.0, |w| w.text("255 refused")).is_none() {
        w.wrong("the first station was not told that it has no control");
    }
    if w.modes.iter().skip(modes).any(|(_, m)| *m == Mode::Mission) {
        w.wrong("an order of the first station was carried out");
    }
    for e in w.rig.take_second_events() {
        if let DeskEvent::Log(l) = e
            && l.code == "no_officer_acted"
        {
            w.wrong("the plan's action began although somebody has it");
        }
    }
    link_is_there(&mut w);
    Ok(w.end(took, 1.0, 6.0, true))
}
