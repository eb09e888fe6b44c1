//! Chain heads of records: ours to every aircraft, theirs into our record.

use super::{Desk, DeskEvent};
use link::patrol::{MavMessage as Patrol, PATROL_HEAD_DATA};
use link::record::chain::Head;
use link::record::heads::{Heads, Heard, Offer};

impl Desk {
    pub(super) fn recorded(&mut self, flight: &str, head: Head) {
        match &mut self.heads {
            Some((h, known)) if h.flight() == flight => *known = head,
            _ => self.heads = Some((Heads::new(flight), head)),
        }
    }

    /// Offers our head to every aircraft that is heard, when it is time.
    pub(super) fn tell_heads(&mut self) {
        let now = self.now.mono;
        let Some((heads, head)) = &mut self.heads else {
            return;
        };
        let mut say = Vec::new();
        for (i, a) in self.aircraft.iter().enumerate() {
            let (true, Some(system)) = (a.link_up(now), a.telemetry.system) else {
                continue;
            };
            if let Some(d) = heads
                .offer(now, *head, a.id)
                .and_then(|o| o.to_data(false, system))
            {
                say.push((i, d));
            }
        }
        for (i, d) in say {
            self.send(i, Patrol::PATROL_HEAD(d));
        }
    }

    pub(super) fn head(&mut self, i: usize, d: &PATROL_HEAD_DATA) {
        let now = self.now.mono;
        let Some(id) = self.aircraft.get(i).map(|a| a.id) else {
            return;
        };
        // Nobody records: nothing can be kept, and nothing is said to be.
        let (Some((heads, _)), Some((offer, receipt))) = (&mut self.heads, Offer::of(d)) else {
            return;
        };
        if receipt {
            if let Some(r) = heads.receipted(id, &format!("aircraft {id}"), &offer) {
                self.event(DeskEvent::Receipted(r));
            }
            return;
        }
        match heads.offered(now, id, &offer) {
            Heard::Keep => self.event(DeskEvent::Head {
                aircraft: id,
                offer,
            }),
            Heard::Receipt => self.receipt_head(i, &offer),
            Heard::Nothing => {}
        }
    }

    pub(super) fn head_kept(&mut self, aircraft: u8, offer: &Offer, durable: bool) {
        let Some((heads, _)) = &mut self.heads else {
            return;
        };
        if !durable {
            return heads.not_kept(aircraft, offer);
        }
        heads.kept(aircraft, offer);
        if let Some(i) = self.aircraft.iter().position(|a| a.id == aircraft) {
            self.receipt_head(i, offer);
        }
    }

    fn receipt_head(&mut self, i: usize, offer: &Offer) {
        let system = self.aircraft.get(i).and_then(|a| a.telemetry.system);
        if let Some(d) = offer.to_data(true, system.unwrap_or(0)) {
            self.send(i, Patrol::PATROL_HEAD(d));
        }
    }
}
