//! Intruders: they look around, come from elsewhere with what they stole, or make themselves a role.

use crate::moment::{HOUR, MINUTE};
use crate::organisation::habit::{Habit, Resource};
use crate::organisation::places::{Tool, internet, private};
use crate::organisation::principal::{Class, named, role};

use super::plot::{Plot, reading, strange_keys};
use super::{Act, Strength};

/// Tools that intruders bring.
const TOOLS: [Tool; 4] = [Tool::Boto, Tool::Cli, Tool::Go, Tool::Curl];

/// Lists everything, looks at much, and tries some.
pub(crate) fn enumeration(plot: &mut Plot<'_>) -> Option<()> {
    let classes = [Class::Service, Class::Batch, Class::User, Class::Pipeline];
    let victim = plot.victim(&classes, |it| {
        !it.habits
            .iter()
            .any(|habit| habit.operation == "DescribeKey")
    })?;
    let actor = plot.at_home(victim)?;
    let seconds = plot.amount(50, 20, 8) * MINUTE;
    let span = (plot.start, seconds);
    let lists = plot.amount(1, 2, 4);
    for operation in ["ListKeys", "ListAliases"] {
        plot.calls(span, lists, actor, &Habit::list(operation, 1.0));
    }
    let mut keys = strange_keys(plot, victim.1);
    plot.random.shuffle(&mut keys);
    let looks = plot.amount(8, 25, 70) as usize;
    let tries = plot.amount(3, 10, 30) as usize;
    for key in keys.iter().take(looks) {
        plot.calls(span, 1, actor, &Habit::look(*key, "DescribeKey", 1.0));
        if plot.strength != Strength::Low && plot.random.chance(0.5) {
            plot.calls(span, 1, actor, &Habit::look(*key, "GetKeyPolicy", 1.0));
        }
    }
    for key in keys.iter().take(tries) {
        let time = plot.start + plot.random.between(0, seconds - 1);
        let habit = Habit::direct(*key, "Decrypt", Resource::Bare, 1.0);
        plot.step(time, actor, habit, Act::Refused);
    }
    Some(())
}

/// A role's or user's keys leave the network and do from elsewhere what they may.
pub(crate) fn stolen_credentials(plot: &mut Plot<'_>) -> Option<()> {
    let classes = [Class::Service, Class::Batch, Class::User];
    let victim = plot.victim(&classes, |it| reading(it).is_some())?;
    let tool = plot.random.pick(&TOOLS, Tool::Boto);
    let actor = plot.elsewhere(victim, tool)?;
    let habit = Habit {
        via: None,
        ..reading(victim.1)?.clone()
    };
    let count = plot.amount(3, 20, 100);
    plot.calls((plot.start, 40 * MINUTE), count, actor, &habit);
    if plot.strength != Strength::Low {
        plot.calls(
            (plot.start, 5 * MINUTE),
            1,
            actor,
            &Habit::list("ListAliases", 1.0),
        );
    }
    Some(())
}

/// A person's session, copied from the browser.
pub(crate) fn stolen_session(plot: &mut Plot<'_>) -> Option<()> {
    plot.begin(2);
    let victim = plot.victim(&[Class::Person], |it| reading(it).is_some())?;
    // While the person is signed in: from nine in the morning on, by the own clock.
    let hour = plot.random.between(9, 17);
    plot.at_local_hour(victim.1, hour);
    let tool = plot
        .random
        .pick(&[Tool::Browser, Tool::Cli, Tool::Boto], Tool::Cli);
    let actor = plot.elsewhere(victim, tool)?;
    let span = (plot.start, HOUR);
    let looks = plot.amount(1, 3, 6);
    for operation in ["ListAliases", "ListKeys"] {
        plot.calls(span, looks, actor, &Habit::list(operation, 1.0));
    }
    let usual = reading(victim.1)?.clone();
    let count = plot.amount(3, 15, 60);
    plot.calls(span, count, actor, &usual);
    for key in victim.1.reach.iter().take(3) {
        plot.calls(span, looks, actor, &Habit::look(*key, "DescribeKey", 1.0));
        let direct = Habit::direct(*key, "Decrypt", Resource::Bare, 1.0);
        plot.calls(span, looks, actor, &direct);
    }
    Some(())
}

/// A role that was made today reads with a key that few may use.
pub(crate) fn new_principal(plot: &mut Plot<'_>) -> Option<()> {
    let team = plot.random.index(22);
    let own = plot.world.keys.of(team);
    let key = plot.random.pick(&[own.records, own.secrets], own.records);
    let word = plot.random.hex(4);
    let title = plot.random.pick(
        &[
            "lambda-exec",
            "temporary-admin",
            "support-access",
            "ec2-debug",
        ],
        "temporary-admin",
    );
    let name = format!("{title}-{word}");
    let is_inside = plot.random.chance(0.5);
    let addresses = if is_inside {
        private(20 + team as i64, &mut plot.random, 1)
    } else {
        internet(&mut plot.random, 1)
    };
    let tool = plot.random.pick(&TOOLS, Tool::Boto);
    let made = role(
        plot.world.seed,
        &name,
        1,
        (tool, 2),
        &addresses,
        &mut plot.random,
    );
    let actor = named(made, "session").into_iter().next()?;
    plot.blame(actor.canonical());
    let actor = plot.cast(actor);
    let count = plot.amount(3, 20, 120);
    let habit = Habit::direct(key, "Decrypt", Resource::Bare, 1.0);
    plot.calls((plot.start, 45 * MINUTE), count, actor, &habit);
    Some(())
}
