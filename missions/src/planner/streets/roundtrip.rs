//! Tours seen as graphs: even places, one piece, a direction for every link, and a walk over them all.
//!
//! Walk: Hierholzer 1873. Directions: a reversal of a directed cycle keeps the balance, so the cheapest directions are
//! those without a negative cycle of reversals (Klein 1967; the windy postman's circulation, Win 1989).

use super::super::rounds::kit::{At, Dice, Sets, push_to, row};
use super::{Pass, StreetNetwork, matching};

/// Nearest places that are looked at from a place.
const NEAR: usize = 10;

/// A directed link of a round trip.
#[derive(Clone, Copy, Default)]
struct Link {
    from: usize,
    to: usize,
    /// A street flown along, or a way across.
    street: Option<Pass>,
}

/// There and back, halved: what a link costs before its direction is known.
fn either_way_s(net: &StreetNetwork, a: usize, b: usize) -> f64 {
    0.5 * (net.transit_s(a, b) + net.transit_s(b, a))
}

/// Which places are ends of streets.
fn used(net: &StreetNetwork) -> Vec<bool> {
    let mut out = vec![false; net.places()];
    for s in net.streets() {
        out.put(s.from, true);
        out.put(s.to, true);
    }
    out
}

/// Nearest used places of each used place, nearest first.
pub(super) fn near_places(net: &StreetNetwork) -> Vec<Vec<usize>> {
    let used = used(net);
    let all: Vec<usize> = (0..net.places()).filter(|i| used.at(*i)).collect();
    (0..net.places())
        .map(|a| {
            if !used.at(a) {
                return Vec::new();
            }
            let mut list: Vec<(f64, usize)> = all
                .iter()
                .filter(|b| **b != a)
                .map(|b| (either_way_s(net, a, *b), *b))
                .collect();
            let order =
                |x: &(f64, usize), y: &(f64, usize)| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1));
            if list.len() > NEAR {
                list.select_nth_unstable_by(NEAR, order);
                list.truncate(NEAR);
            }
            list.sort_by(order);
            list.into_iter().map(|x| x.1).collect()
        })
        .collect()
}

/// No tour is faster: every street in its faster direction, and the cheapest pairs of the odd places (of too many odd
/// places, half the way from each to its nearest).
///
/// Potentials on the places change no closed tour, so they may first even out what only the wind makes different
/// between there and back: then hardly anything is given away.
pub(super) fn bound_s(net: &StreetNetwork, near: &[Vec<usize>]) -> f64 {
    let anchor = net.streets().first().map_or(0, |s| s.from);
    let potential: Vec<f64> = (0..net.places())
        .map(|x| 0.5 * (net.transit_s(anchor, x) - net.transit_s(x, anchor)))
        .collect();
    let lift = |a: usize, b: usize| potential.at(a) - potential.at(b);
    let either = |a: usize, b: usize| {
        (net.transit_s(a, b) + lift(a, b))
            .min(net.transit_s(b, a) + lift(b, a))
            .max(0.0)
    };
    let sum_s: f64 = net
        .streets()
        .iter()
        .map(|s| (s.there_s + lift(s.from, s.to)).min(s.back_s + lift(s.to, s.from)))
        .sum();
    let odd = odd_places(net);
    if odd.len() <= matching::EXACT_UP_TO {
        let partner = matching::cheapest_pairs(odd.len(), &|a, b| either(odd.at(a), odd.at(b)));
        // Costs are matched in thousandths: half of one a pair may have been rounded away.
        let rounding_s = 0.0005 * super::super::rounds::bound::as_f64(odd.len());
        let pairs = partner
            .iter()
            .enumerate()
            .map(|(a, b)| 0.5 * either(odd.at(a), odd.at(*b)));
        return sum_s + (pairs.sum::<f64>() - rounding_s).max(0.0);
    }
    let halves = odd.iter().map(|a| {
        row(near, *a)
            .iter()
            .map(|b| either(*a, *b))
            .fold(f64::INFINITY, f64::min)
    });
    sum_s + 0.5 * halves.filter(|h| h.is_finite()).sum::<f64>()
}

/// Places at which an odd number of streets ends.
fn odd_places(net: &StreetNetwork) -> Vec<usize> {
    let mut odd = vec![false; net.places()];
    for s in net.streets() {
        odd.put(s.from, !odd.at(s.from));
        odd.put(s.to, !odd.at(s.to));
    }
    (0..net.places()).filter(|i| odd.at(*i)).collect()
}

/// A first tour.
pub(super) fn construct(net: &StreetNetwork, near: &[Vec<usize>], dice: &mut Dice) -> Vec<Pass> {
    let odd = odd_places(net);
    let partner =
        matching::cheapest_pairs(odd.len(), &|a, b| either_way_s(net, odd.at(a), odd.at(b)));
    let mut across: Vec<(usize, usize)> = partner
        .iter()
        .enumerate()
        .filter(|(a, b)| a < b)
        .map(|(a, b)| (odd.at(a), odd.at(*b)))
        .collect();
    join_pieces(net, &mut across);
    // Any directions will do for a start: a walk over the links gives balanced ones.
    let mut links: Vec<Link> = net
        .streets()
        .iter()
        .enumerate()
        .map(|(street, s)| Link {
            from: s.from,
            to: s.to,
            street: Some(Pass {
                street,
                reversed: false,
            }),
        })
        .collect();
    links.extend(across.iter().map(|(from, to)| Link {
        from: *from,
        to: *to,
        street: None,
    }));
    let links = balanced(net.places(), &links);
    finish(net, near, links, dice)
}

/// Chooses the directions of a tour's links anew, and another order of the same links.
pub(super) fn redirect(
    net: &StreetNetwork,
    near: &[Vec<usize>],
    tour: &[Pass],
    dice: &mut Dice,
) -> Vec<Pass> {
    let mut links = Vec::with_capacity(tour.len() * 2);
    for (i, pass) in tour.iter().enumerate() {
        links.push(Link {
            from: net.start(*pass),
            to: net.end(*pass),
            street: Some(*pass),
        });
        if let Some(next) = tour.get(i + 1).or_else(|| tour.first())
            && net.end(*pass) != net.start(*next)
        {
            links.push(Link {
                from: net.end(*pass),
                to: net.start(*next),
                street: None,
            });
        }
    }
    finish(net, near, links, dice)
}

fn finish(
    net: &StreetNetwork,
    near: &[Vec<usize>],
    mut links: Vec<Link>,
    dice: &mut Dice,
) -> Vec<Pass> {
    cancel(net, near, &mut links);
    walk(net.places(), &links, dice)
        .into_iter()
        .filter_map(|i| links.at(i).street)
        .collect()
}

/// Cost, a way across to drop, another to drop, ways to add.
type Joint = (f64, Option<usize>, Option<usize>, [(usize, usize); 2]);

/// Adds ways across until all streets hang together, the smallest piece first, each time by the cheapest of: a way
/// there and back; two ways across exchanged; a way across led through a place of the other piece.
fn join_pieces(net: &StreetNetwork, across: &mut Vec<(usize, usize)>) {
    let n = net.places();
    let used = used(net);
    let mut sets = Sets::new(n);
    for s in net.streets() {
        sets.join(s.from, s.to);
    }
    for (a, b) in across.iter() {
        sets.join(*a, *b);
    }
    loop {
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); n];
        for i in (0..n).filter(|i| used.at(*i)) {
            let root = sets.find(i);
            push_to(&mut members, root, i);
        }
        let mut pieces: Vec<&Vec<usize>> = members.iter().filter(|m| !m.is_empty()).collect();
        if pieces.len() < 2 {
            return;
        }
        pieces.sort_by_key(|m| (m.len(), m.first().copied()));
        let small = pieces.first().map_or(&[][..], |m| m.as_slice());
        let mut inside = vec![false; n];
        for i in small {
            inside.put(*i, true);
        }
        let others: Vec<usize> = (0..n).filter(|i| used.at(*i) && !inside.at(*i)).collect();
        let d = |a: usize, b: usize| either_way_s(net, a, b);
        let mut best: Joint = (f64::INFINITY, None, None, [(0, 0); 2]);
        for a in small {
            for b in &others {
                let s = 2.0 * d(*a, *b);
                if s < best.0 {
                    best = (s, None, None, [(*a, *b), (*b, *a)]);
                }
            }
        }
        for (i, (a, b)) in across.iter().enumerate() {
            let here = inside.at(*a);
            let through: &[usize] = if here { &others } else { small };
            for x in through {
                let s = d(*a, *x) + d(*x, *b) - d(*a, *b);
                if s < best.0 {
                    best = (s, Some(i), None, [(*a, *x), (*x, *b)]);
                }
            }
            if here {
                for (j, (p, q)) in across.iter().enumerate().filter(|(_, w)| !inside.at(w.0)) {
                    let gone = d(*a, *b) + d(*p, *q);
                    for (p, q) in [(*p, *q), (*q, *p)] {
                        let s = d(*a, p) + d(*b, q) - gone;
                        if s < best.0 {
                            best = (s, Some(i), Some(j), [(*a, p), (*b, q)]);
                        }
                    }
                }
            }
        }
        if !best.0.is_finite() {
            return;
        }
        let [(a, b), _] = best.3;
        sets.join(a, b);
        let mut drop: Vec<usize> = best.1.into_iter().chain(best.2).collect();
        drop.sort_unstable();
        for i in drop.into_iter().rev() {
            let (p, q) = across.swap_remove(i);
            // They were one piece each through this way too; both ends meet again through the new ways.
            sets.join(p, q);
        }
        for (p, q) in best.3 {
            sets.join(p, q);
            across.push((p, q));
        }
    }
}

/// The same links, directed so that as many come as go at every place: along a walk over each piece.
fn balanced(places: usize, links: &[Link]) -> Vec<Link> {
    let mut at: Vec<Vec<usize>> = vec![Vec::new(); places];
    for (i, l) in links.iter().enumerate() {
        push_to(&mut at, l.from, i);
        push_to(&mut at, l.to, i);
    }
    let mut done = vec![false; links.len()];
    let mut out = links.to_vec();
    for start in 0..places {
        let mut here = start;
        // Leave by any unused link; with even degrees the way ends only where it began, and then another round begins.
        while let Some(i) = at.get_mut(here).and_then(Vec::pop) {
            if done.at(i) {
                continue;
            }
            done.put(i, true);
            let l = links.at(i);
            let turned = l.from != here;
            let to = if turned { l.from } else { l.to };
            out.put(
                i,
                Link {
                    from: here,
                    to,
                    street: l.street.map(|p| Pass {
                        reversed: p.reversed != turned,
                        ..p
                    }),
                },
            );
            here = to;
        }
    }
    out
}

/// Reverses cycles of links for as long as that saves time; ways across may also be doubled or both copies dropped.
fn cancel(net: &StreetNetwork, near: &[Vec<usize>], links: &mut Vec<Link>) {
    /// What a push of two units along an arc does.
    #[derive(Clone, Copy, Default)]
    struct Arc {
        from: usize,
        to: usize,
        cost_s: f64,
        flip: Option<usize>,
    }
    // A limit: every cycle saves time, but there may be very many that save next to nothing.
    for _ in 0..links.len() + 100 {
        let mut arcs: Vec<Arc> = Vec::with_capacity(links.len() + near.len() * NEAR);
        for (i, l) in links.iter().enumerate() {
            let cost_s = match l.street {
                Some(p) => {
                    net.pass_s(Pass {
                        reversed: !p.reversed,
                        ..p
                    }) - net.pass_s(p)
                }
                None => net.transit_s(l.to, l.from) - net.transit_s(l.from, l.to),
            };
            arcs.push(Arc {
                from: l.from,
                to: l.to,
                cost_s,
                flip: Some(i),
            });
        }
        for (a, list) in near.iter().enumerate() {
            for b in list {
                // Two more ways across from b to a undo what reversing a link a → b does to the balance.
                arcs.push(Arc {
                    from: a,
                    to: *b,
                    cost_s: 2.0 * net.transit_s(*b, a),
                    flip: None,
                });
            }
        }
        let froms: Vec<usize> = arcs.iter().map(|a| a.from).collect();
        let n = net.places();
        let mut dist = vec![0.0f64; n];
        let mut via = vec![usize::MAX; n];
        let mut found = Vec::new();
        // Bellman 1958, Ford 1956; the parents are searched for a cycle after each pass (Cherkassky, Goldberg 1999).
        for _ in 0..=n {
            let mut changed = false;
            for (i, a) in arcs.iter().enumerate() {
                let d = dist.at(a.from) + a.cost_s;
                if d < dist.at(a.to) - 1e-7 {
                    dist.put(a.to, d);
                    via.put(a.to, i);
                    changed = true;
                }
            }
            if !changed {
                break;
            }
            found = parent_cycles(&via, &froms);
            if !found.is_empty() {
                break;
            }
        }
        if found.is_empty() {
            return;
        }
        for cycle in found {
            for i in cycle {
                let arc = arcs.at(i);
                match arc.flip {
                    Some(l) => {
                        let old = links.at(l);
                        links.put(
                            l,
                            Link {
                                from: old.to,
                                to: old.from,
                                street: old.street.map(|p| Pass {
                                    reversed: !p.reversed,
                                    ..p
                                }),
                            },
                        );
                    }
                    None => {
                        for _ in 0..2 {
                            links.push(Link {
                                from: arc.to,
                                to: arc.from,
                                street: None,
                            });
                        }
                    }
                }
            }
        }
        drop_idle(net, links);
    }
}

/// Cycles among the parents, as lists of arcs; no place is in two of them.
fn parent_cycles(via: &[usize], froms: &[usize]) -> Vec<Vec<usize>> {
    let mut mark = vec![0usize; via.len()];
    let mut out = Vec::new();
    for start in 0..via.len() {
        let mut here = start;
        while mark.at(here) == 0 && via.at(here) != usize::MAX {
            mark.put(here, start + 1);
            here = froms.at(via.at(here));
        }
        if mark.at(here) == start + 1 && via.at(here) != usize::MAX {
            let mut cycle = Vec::new();
            let first = here;
            loop {
                let arc = via.at(here);
                cycle.push(arc);
                here = froms.at(arc);
                if here == first {
                    break;
                }
            }
            out.push(cycle);
        }
    }
    out
}

/// Drops pairs of opposite ways across that nothing hangs on.
fn drop_idle(net: &StreetNetwork, links: &mut Vec<Link>) {
    let mut ways: Vec<(usize, usize, usize)> = links
        .iter()
        .enumerate()
        .filter(|(_, l)| l.street.is_none())
        .map(|(i, l)| (l.from, l.to, i))
        .collect();
    ways.sort_unstable();
    let mut gone = vec![false; links.len()];
    for (a, b, i) in &ways {
        if a >= b || gone.at(*i) {
            continue;
        }
        let first = ways.partition_point(|w| (w.0, w.1) < (*b, *a));
        let back = ways
            .iter()
            .skip(first)
            .take_while(|w| (w.0, w.1) == (*b, *a))
            .find(|w| !gone.at(w.2));
        let Some((_, _, j)) = back else { continue };
        gone.put(*i, true);
        gone.put(*j, true);
        let mut sets = Sets::new(net.places());
        for (k, l) in links.iter().enumerate() {
            if !gone.at(k) {
                sets.join(l.from, l.to);
            }
        }
        if sets.find(*a) != sets.find(*b) {
            gone.put(*i, false);
            gone.put(*j, false);
        }
    }
    let mut k = 0;
    links.retain(|_| {
        k += 1;
        !gone.at(k - 1)
    });
}

/// A walk over all links, as their numbers in order; which of several ways out is taken first is drawn.
fn walk(places: usize, links: &[Link], dice: &mut Dice) -> Vec<usize> {
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); places];
    for (i, l) in links.iter().enumerate() {
        push_to(&mut out, l.from, i);
    }
    for list in &mut out {
        for i in (1..list.len()).rev() {
            list.swap(i, dice.below(i + 1));
        }
    }
    let mut stack: Vec<(usize, Option<usize>)> =
        links.first().map(|l| (l.from, None)).into_iter().collect();
    let mut order = Vec::with_capacity(links.len());
    while let Some((here, by)) = stack.last().copied() {
        if let Some(i) = out.get_mut(here).and_then(Vec::pop) {
            stack.push((links.at(i).to, Some(i)));
        } else {
            stack.pop();
            order.extend(by);
        }
    }
    order.reverse();
    order
}
