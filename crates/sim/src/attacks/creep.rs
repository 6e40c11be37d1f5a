//! Attacks that look like ordinary work: an insider at night, a slow ramp.

use crate::moment::{DAY, HOUR};
use crate::organisation::principal::Class;

use super::plot::{Plot, reading};

/// What a ramp grows by each day.
const DAILY: f64 = 1.13;

/// A person reads at night, with the usual keys, tools and network.
pub(crate) fn insider(plot: &mut Plot<'_>) -> Option<()> {
    plot.begin(2);
    let victim = plot.victim(&[Class::Person], |it| reading(it).is_some())?;
    let hour = plot.random.between(0, 3);
    plot.at_local_hour(victim.1, hour);
    let actor = plot.at_home(victim)?;
    let habit = reading(victim.1)?.clone();
    let count = plot.amount(10, 40, 150);
    plot.calls((plot.start, 2 * HOUR), count, actor, &habit);
    Some(())
}

/// Each day 13 percent more than the day before.
pub(crate) fn slow_ramp(plot: &mut Plot<'_>) -> Option<()> {
    let days = plot.amount(12, 16, 21);
    plot.begin(days);
    let victim = plot.victim(&[Class::Service, Class::Batch], |it| reading(it).is_some())?;
    let actor = plot.at_home(victim)?;
    let habit = reading(victim.1)?.clone();
    let midnight = plot.start.floor(DAY);
    let mut factor = 1.0;
    for day in 0..days {
        factor *= DAILY;
        let count = plot.random.poisson(victim.1.volume * (factor - 1.0));
        let start = midnight + day * DAY;
        // In the victim's own rhythm, so that only the amount tells.
        let day = plot.world.day((start.0 - plot.world.start.0) / DAY);
        let mut random = plot
            .world
            .random(&format!("ramp {} {}", victim.0, day.index));
        let moments = victim.1.rhythm.moments(day, victim.1.volume, &mut random);
        for _ in 0..count {
            let time = random.pick(&moments, start);
            plot.calls((time, 60), 1, actor, &habit);
        }
    }
    Some(())
}
