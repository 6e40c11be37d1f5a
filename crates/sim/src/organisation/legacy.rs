//! Jobs that are shut down in the archive's first days. The keys they used are dormant from then on.

use crate::moment::{DAY, HOUR, Moment};
use crate::random::Random;

use super::habit::{Habit, Resource};
use super::keys::Keys;
use super::places::{Tool, private};
use super::principal::{Class, Principal, role};
use super::rhythm::Rhythm;

/// Adds the jobs: two dormant keys each.
pub(crate) fn add(seed: u64, start: Moment, keys: &Keys, out: &mut Vec<Principal>) {
    for (index, pair) in keys.dormant.chunks(2).enumerate() {
        let mut random = Random::stream(seed, &format!("legacy {index}"));
        let name = format!("legacy-job-{}", index + 1);
        let addresses = private(10 + index as i64, &mut random, 1);
        let actors = role(seed, &name, 12, (Tool::JavaOne, 0), &addresses, &mut random);
        let bucket = Resource::Bucket(format!("example-{name}"));
        let habits = pair
            .iter()
            .map(|key| Habit::through(*key, "Decrypt", bucket.clone(), 1.0));
        out.push(Principal {
            class: Class::Batch,
            actors,
            rhythm: Rhythm::Hourly {
                minute: random.between(0, 50),
            },
            volume: 40.0 * random.lognormal(0.4),
            unrest: 0.2,
            habits: habits.collect(),
            curiosity: 0.0,
            reach: Vec::new(),
            refused: 0.0,
            team: index,
            since: None,
            until: Some(start + random.between(2, 5) * DAY + random.between(0, 20) * HOUR),
        });
    }
}
