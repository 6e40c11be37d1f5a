//! What closed days held of the records that rules judge, remembered by hash.

use std::collections::BTreeMap;

use foldhash::fast::RandomState;
use hashbrown::HashSet;
use keytrail_event::Day;

use crate::bounds::CLOSED_HASHES_MAX;
use crate::notable::Group;
use crate::tally::Tally;

/// Hashes of the records and groups of closed days, so that a copy delivered afterwards is known for
/// one. The earliest days are forgotten when there are too many: a copy of theirs counts as new,
/// which costs a second judgement of its day and changes nothing.
#[derive(Debug, Default)]
pub(crate) struct Closed {
    by_day: BTreeMap<Day, Vec<u64>>,
    all: HashSet<u64, RandomState>,
}

impl Closed {
    /// Remembers what the days up to this one held when they closed.
    pub fn remember(&mut self, tally: &Tally, through: Day) {
        let notables = tally.notables.iter();
        for (hash, notable) in notables.filter(|(_, notable)| notable.time.day() <= through) {
            self.insert(notable.time.day(), hash);
        }
        let groups = tally.groups.iter();
        for (hash, group) in groups.filter(|(_, group)| group.hour.day() <= through) {
            for event in events_of(hash, group).into_iter().flatten() {
                self.insert(group.hour.day(), event);
            }
        }
        while self.all.len() > CLOSED_HASHES_MAX {
            let Some((_, forgotten)) = self.by_day.pop_first() else {
                break;
            };
            for hash in forgotten {
                self.all.remove(&hash);
            }
        }
    }

    fn insert(&mut self, day: Day, hash: u64) {
        if self.all.insert(hash) {
            self.by_day.entry(day).or_default().push(hash);
        }
    }

    /// Drops of a tally for closed days what they held already.
    pub fn drop_known(&self, late: &mut Tally) {
        late.notables.retain(|hash, _| !self.all.contains(&hash));
        late.groups.retain(|hash, group| {
            let events = events_of(hash, group);
            events.is_none_or(|mut events| events.any(|event| !self.all.contains(&event)))
        });
    }
}

/// A hash for each event of a group; `None` where there are so many that they are only estimated.
fn events_of(hash: u64, group: &Group) -> Option<impl Iterator<Item = u64>> {
    let events = group.events.exact()?;
    Some(events.iter().map(move |event| event.mixed_with(hash)))
}
