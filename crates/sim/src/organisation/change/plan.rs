//! Which changes happen, to whom and when.

use super::{Bout, Change, ChangeKind, Effect};
use crate::moment::{DAY, HOUR, Moment};
use crate::organisation::habit::Habit;
use crate::organisation::principal::Class;
use crate::organisation::rhythm::Rhythm;
use crate::organisation::world::World;
use crate::random::Random;

/// How often each kind happens in sixty days.
const IN_SIXTY_DAYS: [(ChangeKind, f64); 15] = [
    (ChangeKind::Deploy, 14.0),
    (ChangeKind::NewKey, 5.0),
    (ChangeKind::NewHire, 5.0),
    (ChangeKind::TeamMove, 4.0),
    (ChangeKind::AgentUpgrade, 9.0),
    (ChangeKind::EgressChange, 5.0),
    (ChangeKind::Travel, 5.0),
    (ChangeKind::OnCall, 7.0),
    (ChangeKind::BrokenDeploy, 5.0),
    (ChangeKind::Backfill, 5.0),
    (ChangeKind::Failover, 2.0),
    (ChangeKind::Restore, 3.0),
    (ChangeKind::Growth, 3.0),
    (ChangeKind::NewService, 6.0),
    (ChangeKind::Administration, 7.0),
];

/// For so long a change that stays is news.
pub(super) const NEWS: i64 = 2 * DAY;
/// And for people, who come to their new work by and by.
pub(super) const PERSONAL_NEWS: i64 = 5 * DAY;

/// Plans all changes of the archive's days.
pub(crate) fn plan(world: &mut World) {
    for (kind, often) in IN_SIXTY_DAYS {
        let mut random = world.random(&format!("changes {}", kind.name()));
        let mean = often * world.days as f64 / 60.0;
        // The fraction is a chance, so that short archives have a few of the rare kinds too.
        let count = (mean + random.unit()).floor() as usize;
        for number in 0..count {
            let random = world.random(&format!("change {} {number}", kind.name()));
            let mut planner = Planner {
                world,
                kind,
                number,
                random,
                parts: 0,
            };
            planner.plan();
        }
    }
}

/// A change in the making.
pub(super) struct Planner<'a> {
    pub(super) world: &'a mut World,
    kind: ChangeKind,
    pub(super) number: usize,
    pub(super) random: Random,
    parts: u8,
}

impl Planner<'_> {
    fn plan(&mut self) {
        match self.kind {
            ChangeKind::Deploy => self.deploy(),
            ChangeKind::NewKey => self.new_key(),
            ChangeKind::NewHire => self.new_hire(),
            ChangeKind::TeamMove => self.team_move(),
            ChangeKind::AgentUpgrade => self.agent_upgrade(),
            ChangeKind::EgressChange => self.egress_change(),
            ChangeKind::Travel => self.travel(),
            ChangeKind::OnCall => self.on_call(),
            ChangeKind::BrokenDeploy => self.broken_deploy(),
            ChangeKind::Backfill => self.backfill(),
            ChangeKind::Failover => self.failover(),
            ChangeKind::Restore => self.restore(),
            ChangeKind::Growth => self.growth(),
            ChangeKind::NewService => self.new_service(),
            ChangeKind::Administration => self.administration(),
        }
    }

    /// Adds the change's part in one principal's life.
    pub(super) fn add(
        &mut self,
        principal: usize,
        (first, last): (Moment, Moment),
        keys: &[usize],
        effects: Vec<Effect>,
        bouts: Vec<Bout>,
    ) {
        let part = match self.parts {
            0 => String::new(),
            part => char::from(b'a' + part.min(25)).to_string(),
        };
        self.parts += 1;
        self.world.changes.push(Change {
            id: format!("{}-{}{part}", self.kind.name(), self.number + 1),
            kind: self.kind,
            principal,
            first,
            last,
            keys: keys.to_vec(),
            effects,
            bouts,
        });
    }

    /// A moment within the archive's days, a second day at the earliest; a working day if there is one near.
    pub(super) fn working_time(&mut self) -> Moment {
        let last = (self.world.days - 1).max(1);
        let mut day = self.random.between(1.min(last), last);
        for _ in 0..2 {
            if self.world.day(day).midnight.is_weekend() && day > 1 {
                day -= 1;
            }
        }
        self.world.day(day).midnight + self.random.between(8 * HOUR, 15 * HOUR)
    }

    /// Somebody of these classes.
    pub(super) fn any(&mut self, classes: &[Class]) -> Option<usize> {
        let all: Vec<usize> = self.of(classes);
        (!all.is_empty()).then(|| self.random.pick(&all, 0))
    }

    /// Everybody of these classes who is here all the time.
    pub(super) fn of(&self, classes: &[Class]) -> Vec<usize> {
        let all = self.world.principals.iter().enumerate();
        let all = all.filter(|(_, it)| classes.contains(&it.class));
        let all = all.filter(|(_, it)| it.since.is_none() && it.until.is_none());
        all.map(|(index, _)| index).collect()
    }

    pub(super) fn team(&self, principal: usize) -> usize {
        self.world.principals.get(principal).map_or(0, |it| it.team)
    }

    pub(super) fn habit(&self, principal: usize) -> Option<Habit> {
        let habits = &self.world.principals.get(principal)?.habits;
        habits.first().cloned()
    }

    pub(super) fn zone(&self, principal: usize) -> i64 {
        match self.world.principals.get(principal).map(|it| &it.rhythm) {
            Some(Rhythm::Office { zone, .. }) => *zone,
            _ => 0,
        }
    }
}
