//! How an attack is put together: who, when, how much; then its steps.

use crate::actor::Actor;
use crate::moment::{DAY, HOUR, MINUTE, Moment};
use crate::organisation::day::Local;
use crate::organisation::habit::Habit;
use crate::organisation::life::portray;
use crate::organisation::places::{Tool, internet};
use crate::organisation::principal::{Class, Principal};
use crate::organisation::rhythm::Rhythm;
use crate::organisation::world::World;
use crate::random::Random;

use super::{Act, Attack, AttackKind, Step, Strength, creep, intrusion, sabotage, theft};

/// Nobody attacks before detection has had this many days to learn, in archives that are long enough.
const QUIET_DAYS: i64 = 16;

/// An attack in the making.
pub(crate) struct Plot<'a> {
    pub(crate) world: &'a World,
    pub(crate) strength: Strength,
    pub(crate) random: Random,
    pub(crate) start: Moment,
    kind: AttackKind,
    number: u32,
    share: f64,
    principal: String,
    actors: Vec<Actor>,
    steps: Vec<Step>,
}

impl<'a> Plot<'a> {
    /// The attack of this kind with this number, of `count`: their times spread over the archive.
    pub(crate) fn new(world: &'a World, kind: AttackKind, number: u32, count: u32) -> Option<Self> {
        let mut random = world.random(&format!("attack {} {number}", kind.name()));
        // Kinds begin with different strengths, so that few attacks of each are of all.
        let turn = number as usize + kind as usize;
        let strength = *Strength::ALL.get(turn % Strength::ALL.len())?;
        let share = (f64::from(number) + random.unit()) / f64::from(count.max(1));
        let mut plot = Self {
            world,
            strength,
            random,
            start: world.start,
            kind,
            number,
            share,
            principal: String::new(),
            actors: Vec::new(),
            steps: Vec::new(),
        };
        plot.begin(1);
        Some(plot)
    }

    /// All steps; none when the organisation has nobody to attack.
    pub(crate) fn plan(mut self) -> Option<Attack> {
        match self.kind {
            AttackKind::BurstTheft => theft::burst(&mut self),
            AttackKind::SlowTheft => theft::slow(&mut self),
            AttackKind::DirectUse => theft::direct(&mut self),
            AttackKind::DormantKey => theft::dormant(&mut self),
            AttackKind::WrongContext => theft::wrong_context(&mut self),
            AttackKind::Enumeration => intrusion::enumeration(&mut self),
            AttackKind::StolenCredentials => intrusion::stolen_credentials(&mut self),
            AttackKind::StolenSession => intrusion::stolen_session(&mut self),
            AttackKind::NewPrincipal => intrusion::new_principal(&mut self),
            AttackKind::GrantAbuse => sabotage::grant_abuse(&mut self),
            AttackKind::Sabotage => sabotage::sabotage(&mut self),
            AttackKind::Insider => creep::insider(&mut self),
            AttackKind::SlowRamp => creep::slow_ramp(&mut self),
        }?;
        self.steps.sort_by_key(|step| step.time);
        let mut keys: Vec<usize> = self.steps.iter().filter_map(|it| it.habit.key).collect();
        keys.sort_unstable();
        keys.dedup();
        let arns = keys.iter().filter_map(|key| self.world.keys.key(*key));
        Some(Attack {
            id: format!("{}-{}", self.kind.name(), self.number + 1),
            kind: self.kind,
            strength: self.strength,
            principal: self.principal,
            keys: arns.map(crate::key::Key::arn).collect(),
            actors: self.actors,
            steps: self.steps,
            times: Vec::new(),
            event_ids: Vec::new(),
        })
    }

    /// Sets the start so that so many days fit in: any time of the day.
    pub(crate) fn begin(&mut self, days: i64) {
        let quiet = QUIET_DAYS.min(self.world.days / 3);
        let room = (self.world.days - quiet - days).max(0) as f64;
        let day = quiet + (self.share * room) as i64;
        self.start = self.world.day(day).midnight + self.random.between(0, DAY - 90 * MINUTE);
    }

    /// Puts the start off until this hour comes by a person's own clock.
    pub(crate) fn at_local_hour(&mut self, person: &Principal, hour: i64) {
        if let Rhythm::Office { zone, .. } = person.rhythm {
            let now = Local::new(self.start, zone).hour();
            self.start = self.start + (hour - now).rem_euclid(24) * HOUR;
        }
    }

    /// One of three numbers, by strength, give or take a fifth.
    pub(crate) fn amount(&mut self, low: i64, medium: i64, high: i64) -> i64 {
        let amount = match self.strength {
            Strength::Low => low,
            Strength::Medium => medium,
            Strength::High => high,
        };
        let factor = 0.8 + 0.4 * self.random.unit();
        ((amount as f64 * factor).round() as i64).max(1)
    }

    /// Somebody of these classes who is here by now; the attacks of one kind take one after another.
    pub(crate) fn victim(
        &mut self,
        classes: &[Class],
        fits: impl Fn(&Principal) -> bool,
    ) -> Option<(usize, &'a Principal)> {
        let start = self.start;
        let mut all: Vec<(usize, &Principal)> = self.world.principals.iter().enumerate().collect();
        all.retain(|(_, it)| {
            classes.contains(&it.class) && fits(it) && it.is_there(start) && it.until.is_none()
        });
        let mut order = self.world.random(&format!("victims {}", self.kind.name()));
        order.shuffle(&mut all);
        let at = self.number as usize % all.len().max(1);
        let victim = all.get(at).copied()?;
        self.principal = victim.1.canonical();
        Some(victim)
    }

    /// The victim's own instance or tool at the attack's start, from its own network.
    pub(crate) fn at_home(&mut self, (index, principal): (usize, &Principal)) -> Option<usize> {
        let mut random = self.random.clone();
        let actor = portray(self.world, (index, principal), self.start, &mut random)?;
        Some(self.cast(actor.into_owned()))
    }

    /// The victim's credentials in other hands: from another network, with another tool.
    pub(crate) fn elsewhere(
        &mut self,
        (index, principal): (usize, &Principal),
        tool: Tool,
    ) -> Option<usize> {
        let mut random = self.random.clone();
        let actor = portray(self.world, (index, principal), self.start, &mut random)?;
        let addresses = internet(&mut self.random, 1);
        let release = self.random.between(0, 9);
        Some(self.cast(Actor {
            addresses,
            agent: tool.agent(release),
            endpoint: None,
            version: "1.11",
            ..actor.into_owned()
        }))
    }

    /// Adds a caller of the attack.
    pub(crate) fn cast(&mut self, actor: Actor) -> usize {
        self.actors.push(actor);
        self.actors.len() - 1
    }

    /// Says whose attack it is, when that is no principal of the organisation.
    pub(crate) fn blame(&mut self, principal: String) {
        self.principal = principal;
    }

    /// Adds one call.
    pub(crate) fn step(&mut self, time: Moment, actor: usize, habit: Habit, act: Act) {
        let step = Step {
            time,
            actor,
            habit,
            act,
        };
        self.steps.push(step);
    }

    /// Adds calls at random moments of a span.
    pub(crate) fn calls(
        &mut self,
        (start, seconds): (Moment, i64),
        count: i64,
        actor: usize,
        habit: &Habit,
    ) {
        for _ in 0..count {
            let time = start + self.random.between(0, seconds.max(1) - 1);
            self.step(time, actor, habit.clone(), Act::Call);
        }
    }
}

/// A habit of the principal that decrypts, the busiest first; any habit when none does.
pub(crate) fn reading(principal: &Principal) -> Option<&Habit> {
    let mut habits: Vec<&Habit> = principal.habits.iter().collect();
    habits.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    let decrypts = habits.iter().find(|habit| habit.operation == "Decrypt");
    decrypts.or(habits.first()).copied()
}

/// Customers' keys that the principal has no habit of using and does not reach.
pub(crate) fn strange_keys(plot: &Plot<'_>, principal: &Principal) -> Vec<usize> {
    let mut keys = plot.world.keys.customer_managed();
    keys.retain(|key| {
        !principal.reach.contains(key) && !principal.habits.iter().any(|it| it.key == Some(*key))
    });
    keys
}
