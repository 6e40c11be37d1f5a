//! Which changes happen, to whom and when.

use crate::json::Object;
use crate::key::Naming;
use crate::moment::{DAY, HOUR, MINUTE, Moment};
use crate::random::Random;
use crate::request;

use super::{Bout, Change, ChangeKind, Effect};
use crate::organisation::habit::{Habit, Resource};
use crate::organisation::keys::APPLICATIONS;
use crate::organisation::places::{Tool, home, internet, private};
use crate::organisation::principal::Class;
use crate::organisation::staff;
use crate::organisation::world::World;

/// How often each kind happens in sixty days.
const IN_SIXTY_DAYS: [(ChangeKind, f64); 13] = [
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
];

/// For so long a change that stays is news.
const NEWS: i64 = 2 * DAY;
/// And for people, who come to their new work by and by.
const PERSONAL_NEWS: i64 = 5 * DAY;

/// Names of people who are not here yet.
const NEWCOMERS: [&str; 12] = [
    "zoe", "viktor", "uma", "theo", "silke", "ruben", "quinn", "pia", "oskar", "nora", "mats",
    "livia",
];

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

struct Planner<'a> {
    world: &'a mut World,
    kind: ChangeKind,
    number: usize,
    random: Random,
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
        }
    }

    fn add(
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
    fn working_time(&mut self) -> Moment {
        let last = (self.world.days - 1).max(1);
        let mut day = self.random.between(1.min(last), last);
        for _ in 0..2 {
            if self.world.day(day).midnight.is_weekend() && day > 1 {
                day -= 1;
            }
        }
        self.world.day(day).midnight + self.random.between(8 * HOUR, 15 * HOUR)
    }

    fn any(&mut self, classes: &[Class]) -> Option<usize> {
        let all: Vec<usize> = self.of(classes);
        (!all.is_empty()).then(|| self.random.pick(&all, 0))
    }

    fn of(&self, classes: &[Class]) -> Vec<usize> {
        let all = self.world.principals.iter().enumerate();
        all.filter(|(_, principal)| classes.contains(&principal.class))
            .map(|(index, _)| index)
            .collect()
    }

    fn team(&self, principal: usize) -> usize {
        self.world.principals.get(principal).map_or(0, |it| it.team)
    }

    fn habit(&self, principal: usize) -> Option<Habit> {
        let habits = &self.world.principals.get(principal)?.habits;
        habits.first().cloned()
    }

    fn zone(&self, principal: usize) -> i64 {
        match self.world.principals.get(principal).map(|it| &it.rhythm) {
            Some(crate::organisation::rhythm::Rhythm::Office { zone, .. }) => *zone,
            _ => 0,
        }
    }

    fn deploy(&mut self) {
        let Some(who) = self.any(&[Class::Service, Class::Service, Class::Batch]) else {
            return;
        };
        let start = self.working_time();
        let (own, name) = (
            self.world.keys.of(self.team(who)),
            APPLICATIONS
                .get(self.team(who))
                .copied()
                .unwrap_or("orders"),
        );
        let word = self.random.pick(
            &["features", "reports", "exports", "drafts", "media"],
            "features",
        );
        let habit = match self.random.below(5) {
            0 => Habit::through(
                own.data,
                "GenerateDataKey",
                Resource::Bucket(format!("example-{name}-{word}")),
                0.2,
            ),
            1 => Habit::through(
                own.secrets,
                "Decrypt",
                Resource::Secret(format!("{name}/{word}-Zk41pQ")),
                0.1,
            ),
            2 => Habit::through(
                self.world.keys.shared_secrets,
                "Decrypt",
                Resource::Parameters(format!("/{name}/{word}")),
                0.1,
            ),
            3 => Habit::direct(
                own.records,
                "GenerateDataKey",
                Resource::Own(vec![
                    ("service", name.to_owned()),
                    ("kind", word.to_owned()),
                ]),
                0.2,
            ),
            _ => {
                let other = self.random.index(APPLICATIONS.len());
                let source = APPLICATIONS.get(other).copied().unwrap_or("orders");
                Habit::through(
                    self.world.keys.of(other).data,
                    "Decrypt",
                    Resource::Bucket(format!("example-{source}")),
                    0.2,
                )
            }
        };
        let keys: Vec<usize> = habit.key.into_iter().collect();
        self.add(
            who,
            (start, start + NEWS),
            &keys,
            vec![Effect::Adopt(habit)],
            Vec::new(),
        );
    }

    fn new_key(&mut self) {
        let (Some(pipeline), Some(who)) =
            (self.any(&[Class::Pipeline]), self.any(&[Class::Service]))
        else {
            return;
        };
        let start = self.working_time();
        let team = self.team(who);
        let name = APPLICATIONS.get(team).copied().unwrap_or("orders");
        let word = self
            .random
            .pick(&["vault", "exports", "profiles", "tokens"], "vault");
        let alias = format!("{name}-{word}-{}", self.number + 1);
        let key = self.world.keys.make(self.world.seed, &alias);
        let bouts = self.creation(key, start);
        self.add(
            pipeline,
            (start, start + 10 * MINUTE),
            &[key],
            Vec::new(),
            bouts,
        );
        let resource = Resource::Bucket(format!("example-{name}-{word}"));
        let colleagues: Vec<usize> = self
            .of(&[Class::Service, Class::Batch])
            .into_iter()
            .filter(|index| self.team(*index) == team)
            .collect();
        for who in colleagues {
            let first = start + self.random.between(10 * MINUTE, 20 * HOUR);
            let operation = self.random.pick(&["Decrypt", "GenerateDataKey"], "Decrypt");
            let habit = Habit::through(key, operation, resource.clone(), 0.3);
            self.add(
                who,
                (first, first + NEWS),
                &[key],
                vec![Effect::Adopt(habit)],
                Vec::new(),
            );
        }
        for scanner in self.of(&[Class::Scanner]) {
            let look = Effect::Adopt(Habit::look(key, "DescribeKey", 1.0));
            self.add(
                scanner,
                (start, start + NEWS),
                &[key],
                vec![look],
                Vec::new(),
            );
        }
    }

    fn creation(&self, key: usize, start: Moment) -> Vec<Bout> {
        let Some(made) = self.world.keys.key(key) else {
            return Vec::new();
        };
        let (request, response) = request::create_key(made, start, "by pipeline");
        let alias = Object::new()
            .text("aliasName", &made.alias)
            .text("targetKeyId", &made.id)
            .finish();
        let policy = Object::new()
            .text("keyId", &made.id)
            .text("policyName", "default")
            .text("policy", &made.safe_policy(&[]))
            .flag("bypassPolicyLockoutSafetyCheck", false)
            .finish();
        let rotation = Object::new()
            .text("keyId", &made.id)
            .number("rotationPeriodInDays", 365)
            .finish();
        let step = |seconds, operation, parameters| Bout {
            parameters: Some(parameters),
            ..Bout::new(start + seconds, 1, 1, Habit::look(key, operation, 1.0))
        };
        vec![
            step(0, "CreateKey", (request, Some(response))),
            step(2, "CreateAlias", (alias, None)),
            step(3, "EnableKeyRotation", (rotation, None)),
            step(5, "PutKeyPolicy", (policy, None)),
            Bout::new(start + 6, 3, 2, Habit::look(key, "DescribeKey", 1.0)),
        ]
    }

    fn new_hire(&mut self) {
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

    fn team_move(&mut self) {
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

    /// One release, or a wave of them through a fleet.
    fn agent_upgrade(&mut self) {
        let all = self.of(&[
            Class::Service,
            Class::Batch,
            Class::Pipeline,
            Class::Person,
            Class::User,
        ]);
        let start = self.working_time();
        let fleet = if self.random.chance(0.3) {
            self.random.between(3, 8)
        } else {
            1
        };
        for _ in 0..fleet {
            let who = self.random.pick(&all, 0);
            let agent = self
                .world
                .principals
                .get(who)
                .and_then(|it| it.actors.last())
                .map(|actor| actor.agent.clone());
            let Some(tool) = agent.as_deref().and_then(Tool::of) else {
                continue;
            };
            let next = if self.random.chance(0.5) {
                tool.successor()
            } else {
                tool
            };
            let first = start + self.random.between(0, 6 * HOUR);
            let effect = Effect::Agent(next.agent(9 + self.random.between(0, 9)));
            self.add(who, (first, first + NEWS), &[], vec![effect], Vec::new());
        }
    }

    fn egress_change(&mut self) {
        let Some(who) = self.any(&[Class::Service, Class::Batch, Class::User]) else {
            return;
        };
        let start = self.working_time();
        let addresses = if self.random.chance(0.5) {
            let second = self.random.between(130, 250);
            private(second, &mut self.random, 3)
        } else {
            internet(&mut self.random, 3)
        };
        self.add(
            who,
            (start, start + NEWS),
            &[],
            vec![Effect::Network(addresses)],
            Vec::new(),
        );
    }

    fn travel(&mut self) {
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

    fn on_call(&mut self) {
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

    fn broken_deploy(&mut self) {
        let Some(who) = self.any(&[Class::Service, Class::Batch, Class::Pipeline]) else {
            return;
        };
        let start = self.working_time();
        let minutes = self.random.between(8, 120);
        let keys = self.world.keys.customer_managed();
        let own = self.world.keys.of(self.team(who));
        let (key, resource) = if self.random.chance(0.6) {
            (own.secrets, Resource::Parameters("/settings".to_owned()))
        } else {
            (
                self.random.pick(&keys, own.data),
                Resource::Bucket("example-new-feature".to_owned()),
            )
        };
        let count = (30.0 * self.random.heavy(30.0)) as i64;
        let bout = Bout {
            refused: true,
            ..Bout::new(
                start,
                minutes * MINUTE,
                count,
                Habit::through(key, "Decrypt", resource, 1.0),
            )
        };
        self.add(
            who,
            (start, start + minutes * MINUTE),
            &[key],
            Vec::new(),
            vec![bout],
        );
    }

    fn backfill(&mut self) {
        let Some(who) = self.any(&[Class::Service, Class::Batch, Class::Batch]) else {
            return;
        };
        let Some(habit) = self.habit(who) else {
            return;
        };
        let start = self.working_time() + self.random.between(0, 8 * HOUR);
        let hours = self.random.between(1, 6);
        let count = (900.0 * self.random.heavy(6.0)) as i64;
        let keys: Vec<usize> = habit.key.into_iter().collect();
        let bout = Bout::new(start, hours * HOUR, count, habit);
        self.add(
            who,
            (start, start + hours * HOUR),
            &keys,
            Vec::new(),
            vec![bout],
        );
    }

    fn failover(&mut self) {
        let team = self.random.index(APPLICATIONS.len());
        let start = self.working_time();
        let last = start + self.random.between(2, 9) * HOUR;
        let key = self.world.keys.of(team).data;
        let members: Vec<usize> = self
            .of(&[Class::Service, Class::Batch])
            .into_iter()
            .filter(|index| self.team(*index) == team)
            .collect();
        for who in members {
            self.add(who, (start, last), &[key], vec![Effect::Region], Vec::new());
        }
    }

    fn restore(&mut self) {
        let who = if self.random.chance(0.5) {
            self.any(&[Class::Pipeline])
        } else {
            self.any(&[Class::Batch])
        };
        let Some(who) = who else {
            return;
        };
        let dormant = self.world.keys.dormant.clone();
        let key = if self.random.chance(0.6) {
            self.random.pick(&dormant, 0)
        } else {
            self.world.keys.backups
        };
        let start = self.working_time();
        let count = (12.0 * self.random.heavy(8.0)) as i64;
        let mut decrypt = Habit::through(
            key,
            "Decrypt",
            Resource::Bucket("example-restore".to_owned()),
            1.0,
        );
        decrypt.naming = Naming::Arn;
        let bouts = vec![
            Bout::new(start, MINUTE, 1, Habit::look(key, "DescribeKey", 1.0)),
            Bout::new(start + 2 * MINUTE, HOUR, count, decrypt),
        ];
        self.add(
            who,
            (start, start + HOUR + 2 * MINUTE),
            &[key],
            Vec::new(),
            bouts,
        );
    }

    fn growth(&mut self) {
        let Some(who) = self.any(&[Class::Service]) else {
            return;
        };
        let start = self.working_time().floor(DAY);
        let days = self.random.between(14, 30);
        let effect = Effect::Growth {
            daily: 0.02 + 0.025 * self.random.unit(),
            days_max: days as f64,
        };
        self.add(
            who,
            (start, start + days * DAY),
            &[],
            vec![effect],
            Vec::new(),
        );
    }
}
