//! What changes in people's lives.

use super::plan::{PERSONAL_NEWS, Planner};
use super::{Bout, Effect};
use crate::moment::{DAY, HOUR, MINUTE};
use crate::organisation::habit::Habit;
use crate::organisation::keys::APPLICATIONS;
use crate::organisation::places::{home, internet};
use crate::organisation::principal::Class;
use crate::organisation::staff;

/// Names of people who are not here yet.
const NEWCOMERS: [&str; 12] = [
    "zoe", "viktor", "uma", "theo", "silke", "ruben", "quinn", "pia", "oskar", "nora", "mats",
    "livia",
];

impl Planner<'_> {
    pub(super) fn new_hire(&mut self) {
        let Some(name) = NEWCOMERS.get(self.number) else {
            return;
        };
        let start = self.working_time();
        let set = self.random.pick(
            &["Developer", "Developer", "DataAnalyst", "Support"],
            "Developer",
        );
        let index = self.random.index(APPLICATIONS.len());
        let mut person = staff::hire(self.world.seed, &self.world.keys, set, name, index);
        person.volume *= self.world.volume;
        person.since = Some(start);
        self.world.principals.push(person);
        let who = self.world.principals.len() - 1;
        self.add(
            who,
            (start, start + PERSONAL_NEWS),
            &[],
            vec![Effect::Hire],
            Vec::new(),
        );
    }

    pub(super) fn team_move(&mut self) {
        let all: Vec<usize> = self
            .of(&[Class::Person])
            .into_iter()
            .filter(|index| {
                let person = self.world.principals.get(*index);
                person.is_some_and(|person| {
                    person.since.is_none()
                        && person.curiosity > 0.0
                        && person
                            .actors
                            .iter()
                            .any(|actor| actor.name.contains("Developer"))
                })
            })
            .collect();
        let who = self.random.pick(&all, 0);
        let start = self.working_time();
        let team =
            (self.team(who) + 1 + self.random.index(APPLICATIONS.len() - 1)) % APPLICATIONS.len();
        let (habits, _, _) = staff::work("Developer", &self.world.keys, team, &mut self.random);
        let keys: Vec<usize> = habits.iter().filter_map(|habit| habit.key).collect();
        let mut effects = vec![Effect::Leave];
        effects.extend(habits.into_iter().map(Effect::Adopt));
        self.add(
            who,
            (start, start + PERSONAL_NEWS),
            &keys,
            effects,
            Vec::new(),
        );
    }

    pub(super) fn travel(&mut self) {
        let Some(who) = self.any(&[Class::Person]) else {
            return;
        };
        let start = self.working_time().floor(DAY);
        let days = self.random.between(2, 9);
        let addresses = internet(&mut self.random, 2);
        self.add(
            who,
            (start, start + days * DAY),
            &[],
            vec![Effect::Addresses(addresses)],
            Vec::new(),
        );
    }

    pub(super) fn on_call(&mut self) {
        let Some(who) = self.any(&[Class::Person]) else {
            return;
        };
        let clock = self.random.between(0, 4) * HOUR - self.zone(who) * HOUR;
        let start = self.working_time().floor(DAY) + clock + self.random.between(0, HOUR);
        let minutes = self.random.between(25, 100);
        let own = self.world.keys.of(self.team(who));
        let habit = self.habit(who);
        let mut bouts = vec![Bout::new(
            start,
            minutes * MINUTE,
            self.random.between(2, 9),
            Habit::look(own.data, "DescribeKey", 1.0),
        )];
        if let Some(habit) = habit {
            let count = self.random.between(6, 40);
            bouts.push(Bout::new(start, minutes * MINUTE, count, habit));
        }
        let mut line = self.world.random(&format!("line of {who}"));
        let addresses = if self.random.chance(0.3) {
            vec![home(&mut line)]
        } else {
            Vec::new()
        };
        let effects = if addresses.is_empty() {
            Vec::new()
        } else {
            vec![Effect::Addresses(addresses)]
        };
        self.add(
            who,
            (start, start + minutes * MINUTE),
            &[own.data],
            effects,
            bouts,
        );
    }
}
