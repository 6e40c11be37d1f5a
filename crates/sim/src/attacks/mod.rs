//! Attacks on an organisation's keys, at several strengths, each with a label that names all its records.
//!
//! Every attack draws from a stream of its own and only adds records, so that the same organisation can be had with
//! and without it. What an attack would break for others (calls with a key that is disabled) is not played.

mod creep;
mod intrusion;
mod plot;
mod sabotage;
mod theft;

use crate::actor::Actor;
use crate::key::Key;
use crate::moment::Moment;
use crate::organisation::call;
use crate::organisation::day::Day;
use crate::organisation::habit::Habit;
use crate::organisation::places::HOME_ACCOUNT;
use crate::organisation::world::World;
use crate::organisation::{Category, Label};
use crate::random::Random;
use crate::record::Record;

use plot::Plot;

/// The kinds of attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttackKind {
    /// A role reads within minutes far more than it ever does, with the keys it has.
    BurstTheft,
    /// A role reads a little every day, with one key after another that it never used.
    SlowTheft,
    /// A role that uses a key only through a service calls Decrypt itself.
    DirectUse,
    /// Somebody uses a key that nobody has used for long.
    DormantKey,
    /// A role uses its key in the encryption context of somebody else.
    WrongContext,
    /// Somebody lists and looks at keys, and tries them in turn.
    Enumeration,
    /// Somebody grants the use of a key to whom it is not meant for.
    GrantAbuse,
    /// Somebody disables keys, schedules their deletion or opens their policies.
    Sabotage,
    /// A role's or user's credentials are used from elsewhere, with other tools.
    StolenCredentials,
    /// A person's session is used from elsewhere.
    StolenSession,
    /// A role that has just been made uses a sensitive key.
    NewPrincipal,
    /// A person reads at night, with the usual keys, tools and network.
    Insider,
    /// A role reads a little more every day: 13 percent.
    SlowRamp,
}

impl AttackKind {
    /// All kinds.
    pub const ALL: [Self; 13] = [
        Self::BurstTheft,
        Self::SlowTheft,
        Self::DirectUse,
        Self::DormantKey,
        Self::WrongContext,
        Self::Enumeration,
        Self::GrantAbuse,
        Self::Sabotage,
        Self::StolenCredentials,
        Self::StolenSession,
        Self::NewPrincipal,
        Self::Insider,
        Self::SlowRamp,
    ];

    /// Its name in labels and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BurstTheft => "burst-theft",
            Self::SlowTheft => "slow-theft",
            Self::DirectUse => "direct-use",
            Self::DormantKey => "dormant-key",
            Self::WrongContext => "wrong-context",
            Self::Enumeration => "enumeration",
            Self::GrantAbuse => "grant-abuse",
            Self::Sabotage => "sabotage",
            Self::StolenCredentials => "stolen-credentials",
            Self::StolenSession => "stolen-session",
            Self::NewPrincipal => "new-principal",
            Self::Insider => "insider",
            Self::SlowRamp => "slow-ramp",
        }
    }
}

/// How much of it there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strength {
    Low,
    Medium,
    High,
}

impl Strength {
    const ALL: [Self; 3] = [Self::Medium, Self::Low, Self::High];

    fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What one step does.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// The habit's call.
    Call,
    /// The habit's call, and IAM refuses it.
    Refused,
    /// A call that changes the key: parameters and response.
    Change(String, Option<String>),
}

/// One call of an attack.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) time: Moment,
    /// Index of the caller among the attack's actors.
    pub(crate) actor: usize,
    pub(crate) habit: Habit,
    pub(crate) act: Act,
}

/// One attack, step by step.
#[derive(Debug)]
pub(crate) struct Attack {
    id: String,
    kind: AttackKind,
    strength: Strength,
    principal: String,
    /// ARNs of the keys it is about.
    keys: Vec<String>,
    actors: Vec<Actor>,
    /// By time.
    steps: Vec<Step>,
    times: Vec<Moment>,
    event_ids: Vec<String>,
}

/// Plans `count` attacks of each kind.
pub(crate) fn plan(world: &World, kinds: &[AttackKind], count: u32) -> Vec<Attack> {
    let mut attacks = Vec::new();
    for kind in AttackKind::ALL {
        if kinds.contains(&kind) {
            let planned =
                (0..count).filter_map(|number| Plot::new(world, kind, number, count)?.plan());
            attacks.extend(planned);
        }
    }
    attacks
}

impl Attack {
    /// Appends the records of this day's steps.
    pub(crate) fn play(&mut self, world: &World, day: Day, out: &mut Vec<Record>) {
        let from = self.steps.partition_point(|step| step.time < day.midnight);
        let to = self.steps.partition_point(|step| step.time < day.end());
        let Some(steps) = self.steps.get(from..to).filter(|steps| !steps.is_empty()) else {
            return;
        };
        let mut random = world.random(&format!("{} day {}", self.id, day.index));
        let first = out.len();
        for step in steps {
            let key = step.habit.key.and_then(|key| world.keys.key(key));
            if let Some(actor) = self.actors.get(step.actor) {
                step.play(actor, key, &mut random, out);
            }
        }
        for record in out.get(first..).unwrap_or_default() {
            self.times.push(record.time);
            self.event_ids.push(record.id.clone());
        }
    }

    /// The moments of the first and the last step.
    #[cfg(test)]
    pub(crate) fn span(&self) -> Option<(Moment, Moment)> {
        Some((self.steps.first()?.time, self.steps.last()?.time))
    }

    /// The attack's label; none when no step of it fell into the archive's days.
    pub(crate) fn label(self) -> Option<Label> {
        let first = self.times.iter().min()?.0;
        let last = self.times.iter().max()?.0;
        Some(Label {
            id: self.id,
            kind: self.kind.name(),
            category: Category::Attack,
            strength: self.strength.name(),
            account: HOME_ACCOUNT.to_owned(),
            principal: self.principal,
            keys: self.keys,
            first,
            last,
            event_ids: self.event_ids,
        })
    }
}

impl Step {
    fn play(&self, actor: &Actor, key: Option<&Key>, random: &mut Random, out: &mut Vec<Record>) {
        match (&self.act, key) {
            (Act::Call, key) => call::follow(random, actor, &self.habit, key, self.time, out),
            (Act::Refused, key) => {
                out.push(call::refuse(random, actor, &self.habit, key, self.time));
            }
            (Act::Change(request, response), Some(key)) => {
                let parameters = (request.clone(), response.clone());
                let operation = self.habit.operation;
                let record = call::change(random, actor, operation, key, self.time, parameters);
                out.push(record);
            }
            (Act::Change(..), None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AttackKind;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        let mut names: Vec<&str> = AttackKind::ALL.iter().map(|kind| kind.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), AttackKind::ALL.len());
    }
}
