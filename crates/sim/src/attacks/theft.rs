//! Thefts with the victim's own rights, from where the victim always calls: bursts, slow ones, detours.

use crate::key::Naming;
use crate::moment::{DAY, HOUR, MINUTE};
use crate::organisation::habit::{Habit, Resource};
use crate::organisation::principal::{Class, Principal};

use super::plot::{Plot, reading, strange_keys};

const SERVERS: [Class; 2] = [Class::Service, Class::Batch];

/// Somebody on a host of the service reads what it can within minutes.
pub(crate) fn burst(plot: &mut Plot<'_>) -> Option<()> {
    let victim = plot.victim(&SERVERS, |it| reading(it).is_some())?;
    let actor = plot.at_home(victim)?;
    let habit = reading(victim.1)?.clone();
    let count = plot.amount(250, 800, 3_000);
    let seconds = plot.amount(30, 20, 25) * MINUTE;
    plot.calls((plot.start, seconds), count, actor, &habit);
    Some(())
}

/// One strange key after another, a few calls a day.
pub(crate) fn slow(plot: &mut Plot<'_>) -> Option<()> {
    let days = plot.amount(6, 8, 10);
    plot.begin(days);
    let victim = plot.victim(&[Class::Service, Class::Batch, Class::User], |_| true)?;
    let actor = plot.at_home(victim)?;
    let mut keys = strange_keys(plot, victim.1);
    plot.random.shuffle(&mut keys);
    let mut keys = keys.into_iter();
    let midnight = plot.start.floor(DAY);
    let clock = plot.start.0 - midnight.0;
    for day in 0..days {
        for _ in 0..plot.amount(1, 1, 2) {
            let key = keys.next()?;
            let word = plot.random.hex(4);
            let bucket = Resource::Bucket(format!("example-{word}"));
            let habit = Habit::through(key, "Decrypt", bucket, 1.0);
            let count = plot.amount(4, 12, 25);
            let from = midnight + day * DAY + clock;
            plot.calls((from, 80 * MINUTE), count, actor, &habit);
        }
    }
    Some(())
}

fn uses_a_service(principal: &Principal) -> bool {
    principal
        .habits
        .iter()
        .any(|habit| habit.via.is_some() && habit.operation == "Decrypt")
}

/// Ciphertext was copied; now it is decrypted without the service it belongs to.
pub(crate) fn direct(plot: &mut Plot<'_>) -> Option<()> {
    let classes = [Class::Service, Class::Batch, Class::Person];
    let victim = plot.victim(&classes, uses_a_service)?;
    let actor = plot.at_home(victim)?;
    let habit = victim
        .1
        .habits
        .iter()
        .find(|it| it.via.is_some() && it.operation == "Decrypt")?;
    let habit = Habit {
        via: None,
        ..habit.clone()
    };
    let count = plot.amount(4, 30, 150);
    plot.calls((plot.start, 35 * MINUTE), count, actor, &habit);
    Some(())
}

/// A key that nobody has used for long opens an archive that nobody remembers.
pub(crate) fn dormant(plot: &mut Plot<'_>) -> Option<()> {
    let classes = [Class::Service, Class::Pipeline, Class::Person, Class::User];
    let victim = plot.victim(&classes, |_| true)?;
    let actor = plot.at_home(victim)?;
    let key = plot.random.pick(&plot.world.keys.dormant, 0);
    let bucket = Resource::Bucket("example-old-archive".to_owned());
    let habit = Habit::through(key, "Decrypt", bucket, 1.0);
    let count = plot.amount(2, 10, 50);
    plot.calls((plot.start, HOUR), count, actor, &habit);
    Some(())
}

/// The key is right, the caller is right; what is decrypted belongs to another tenant, bucket or table.
pub(crate) fn wrong_context(plot: &mut Plot<'_>) -> Option<()> {
    let victim = plot.victim(&SERVERS, |it| reading(it).is_some_and(has_context))?;
    let actor = plot.at_home(victim)?;
    let usual = reading(victim.1)?.clone();
    let word = plot.random.hex(5);
    let resource = match &usual.resource {
        Resource::Bucket(bucket) => Resource::Bucket(format!("{bucket}-restricted-{word}")),
        Resource::Table(table) => Resource::Table(format!("{table}-vip-{word}")),
        Resource::Secret(secret) => Resource::Secret(format!("{secret}-root-{word}")),
        Resource::Parameters(path) => Resource::Parameters(format!("{path}/root-{word}")),
        Resource::Function(function) => Resource::Function(format!("{function}-admin-{word}")),
        Resource::Own(pairs) => {
            let mut pairs = pairs.clone();
            if let Some((_, value)) = pairs.last_mut() {
                *value = format!("tenant-{word}");
            }
            Resource::Own(pairs)
        }
        other => other.clone(),
    };
    let habit = Habit {
        resource,
        naming: Naming::Arn,
        ..usual
    };
    let count = plot.amount(3, 15, 80);
    plot.calls((plot.start, 50 * MINUTE), count, actor, &habit);
    Some(())
}

fn has_context(habit: &Habit) -> bool {
    !matches!(
        habit.resource,
        Resource::Nothing | Resource::Bare | Resource::Volumes | Resource::Trail
    )
}
