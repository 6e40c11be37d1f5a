//! A principal's day: its rhythm gives the moments, its habits the calls, and changes alter both.

use std::borrow::Cow;

use crate::actor::Actor;
use crate::key::Key;
use crate::moment::Moment;
use crate::random::Random;
use crate::record::Record;

use super::call::{follow, refuse};
use super::change::{Bout, Effect};
use super::day::Day;
use super::dispersion::exponential;
use super::habit::Habit;
use super::keys::Keys;
use super::principal::{Class, Principal};
use super::world::World;

/// Ids that a change's label holds at most: the first ones.
pub(crate) const CHANGE_IDS_MAX: usize = 100;

/// The ids of the records that each change altered or added, by the change's index.
pub(crate) type Traces = Vec<Vec<String>>;

/// Appends the records of one principal's day. Each day has a stream of its own.
pub(crate) fn live(
    world: &World,
    index: usize,
    day: Day,
    out: &mut Vec<Record>,
    traces: &mut Traces,
) {
    let Some(principal) = world.principals.get(index) else {
        return;
    };
    let is_gone = principal.until.is_some_and(|until| until <= day.midnight);
    if is_gone || principal.since.is_some_and(|since| day.end() <= since) {
        return;
    }
    let mut random = world.random(&format!("principal {index} day {}", day.index));
    let factor = random.lognormal(principal.unrest);
    let volume = principal.volume * factor * growth(world, index, day);
    let mut moments = principal.rhythm.moments(day, volume, &mut random);
    moments.sort_unstable();
    for time in moments {
        if principal.is_there(time) {
            call(world, (index, principal), time, &mut random, out, traces);
        }
    }
}

/// Appends the records of the bouts that a change brings on this day.
pub(crate) fn bouts(
    world: &World,
    change_index: usize,
    day: Day,
    out: &mut Vec<Record>,
    traces: &mut Traces,
) {
    let Some(change) = world.changes.get(change_index) else {
        return;
    };
    for (number, bout) in change.bouts.iter().enumerate() {
        if day.has(bout.start) {
            let mut random = world.random(&format!("change {} bout {number}", change.id));
            play(
                world,
                (change_index, change.principal),
                bout,
                &mut random,
                out,
                traces,
            );
        }
    }
}

fn play(
    world: &World,
    (change, principal): (usize, usize),
    bout: &Bout,
    random: &mut Random,
    out: &mut Vec<Record>,
    traces: &mut Traces,
) {
    let Some(who) = world.principals.get(principal) else {
        return;
    };
    for _ in 0..bout.count {
        let time = bout.start + random.between(0, bout.seconds.max(1) - 1);
        let Some(actor) = portray(world, (principal, who), time, random) else {
            return;
        };
        let key = bout.habit.key.and_then(|key| world.keys.key(key));
        let from = out.len();
        if bout.refused {
            out.push(refuse(random, &actor, &bout.habit, key, time));
        } else if let Some((request, response)) = &bout.parameters {
            if let Some(key) = key {
                let parameters = (request.clone(), response.clone());
                let operation = bout.habit.operation;
                let made = super::call::change(random, &actor, operation, key, time, parameters);
                out.push(made);
            }
        } else {
            follow(random, &actor, &bout.habit, key, time, out);
        }
        trace(
            traces,
            change,
            out.get(from..).unwrap_or_default(),
            world.end(),
        );
    }
}

/// Notes the ids of records that the archive is going to hold: those before its end.
fn trace(traces: &mut Traces, change: usize, records: &[Record], end: Moment) {
    let Some(ids) = traces.get_mut(change) else {
        return;
    };
    let room = CHANGE_IDS_MAX.saturating_sub(ids.len());
    let within = records.iter().filter(|record| record.time < end);
    ids.extend(within.take(room).map(|record| record.id.clone()));
}

fn growth(world: &World, principal: usize, day: Day) -> f64 {
    world
        .changes_of(principal)
        .flat_map(|(_, change)| {
            let days = (day.midnight.0 - change.first.0) as f64 / 86_400.0;
            change.effects.iter().map(move |effect| match effect {
                Effect::Growth { daily, days_max } if days > 0.0 => {
                    exponential(daily * days.min(*days_max))
                }
                _ => 1.0,
            })
        })
        .product()
}

fn call(
    world: &World,
    (index, principal): (usize, &Principal),
    time: Moment,
    random: &mut Random,
    out: &mut Vec<Record>,
    traces: &mut Traces,
) {
    let (habit, adopted_by) = choose(world, (index, principal), time, random);
    let Some(habit) = habit else {
        return;
    };
    let Some(actor) = portray(world, (index, principal), time, random) else {
        return;
    };
    let key = habit.key.and_then(|key| world.keys.key(key));
    let moved = key.map(|key| relocate(world, index, key, time));
    let key = moved.as_deref();
    let from = out.len();
    if principal.refused > 0.0 && random.chance(principal.refused) {
        out.push(refuse(random, &actor, &habit, key, time));
    } else {
        follow(random, &actor, &habit, key, time, out);
    }
    for (number, change) in world.changes_of(index) {
        let shows = adopted_by == Some(number)
            || change.is_on(time)
                && change.effects.iter().any(|effect| match effect {
                    Effect::Agent(_) | Effect::Addresses(_) | Effect::Network(_) => {
                        habit.via.is_none()
                    }
                    Effect::Region => key.is_some_and(|key| key.id.starts_with("mrk-")),
                    Effect::Hire | Effect::Growth { .. } => true,
                    Effect::Adopt(_) | Effect::Leave => false,
                });
        if shows {
            trace(
                traces,
                number,
                out.get(from..).unwrap_or_default(),
                world.end(),
            );
        }
    }
}

/// What the principal does now: one of its habits, one that a change brought, or something out of curiosity.
fn choose(
    world: &World,
    (index, principal): (usize, &Principal),
    time: Moment,
    random: &mut Random,
) -> (Option<Habit>, Option<usize>) {
    if principal.curiosity > 0.0 && random.chance(principal.curiosity) {
        let key = random.pick(&principal.reach, 0);
        let habit = principal.habits.first().cloned();
        let look = Habit::look(key, "DescribeKey", 1.0);
        let habit = match habit {
            Some(habit) if habit.key.is_some() && random.chance(0.25) => Habit {
                key: Some(key),
                ..habit
            },
            _ => look,
        };
        return (Some(habit), None);
    }
    let under_way = || {
        world
            .changes_of(index)
            .filter(|(_, change)| time >= change.first)
    };
    let left = under_way().any(|(_, change)| change.effects.contains(&Effect::Leave));
    let own = principal.habits.iter().map(|habit| (habit, None));
    let own = own.filter(|_| !left);
    let adopted = under_way().flat_map(|(number, change)| {
        change
            .effects
            .iter()
            .filter_map(move |effect| match effect {
                Effect::Adopt(habit) => Some((habit, Some(number))),
                _ => None,
            })
    });
    let all: Vec<(&Habit, Option<usize>)> = own.chain(adopted).collect();
    let at = random.weighted(all.iter().map(|(habit, _)| habit.weight));
    match all.get(at) {
        Some((habit, change)) => (Some((*habit).clone()), *change),
        None => (None, None),
    }
}

/// One of the principal's instances or tools, as changes have left it by now.
pub(crate) fn portray<'a>(
    world: &World,
    (index, principal): (usize, &'a Principal),
    time: Moment,
    random: &mut Random,
) -> Option<Cow<'a, Actor>> {
    let mut actor = Cow::Borrowed(principal.actor(random)?);
    for (_, change) in world.changes_of(index) {
        for effect in &change.effects {
            match effect {
                // People upgrade their programs; a browser looks after itself.
                Effect::Agent(agent)
                    if time >= change.first
                        && (principal.class != Class::Person
                            || !actor.agent.starts_with("Mozilla")) =>
                {
                    actor.to_mut().agent.clone_from(agent);
                }
                Effect::Addresses(addresses) if change.is_on(time) => {
                    relocate_actor(actor.to_mut(), addresses);
                }
                Effect::Network(addresses) if time >= change.first => {
                    relocate_actor(actor.to_mut(), addresses);
                }
                _ => {}
            }
        }
    }
    Some(actor)
}

fn relocate_actor(actor: &mut Actor, addresses: &[String]) {
    actor.addresses = addresses.to_vec();
    actor.endpoint = None;
}

fn relocate<'a>(world: &World, principal: usize, key: &'a Key, time: Moment) -> Cow<'a, Key> {
    let moved = world
        .changes_of(principal)
        .any(|(_, change)| change.is_on(time) && change.effects.contains(&Effect::Region));
    if moved {
        Cow::Owned(Keys::replica(key))
    } else {
        Cow::Borrowed(key)
    }
}
