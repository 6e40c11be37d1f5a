//! What teams change in their applications.

use super::plan::{NEWS, Planner};
use super::{Bout, Effect};
use crate::json::Object;
use crate::moment::{HOUR, MINUTE, Moment};
use crate::organisation::applications;
use crate::organisation::habit::{Habit, Resource};
use crate::organisation::keys::APPLICATIONS;
use crate::organisation::places::{Tool, internet, private};
use crate::organisation::principal::Class;
use crate::request;

impl Planner<'_> {
    pub(super) fn deploy(&mut self) {
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

    pub(super) fn new_key(&mut self) {
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

    /// One release, or a wave of them through a fleet.
    pub(super) fn agent_upgrade(&mut self) {
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

    pub(super) fn egress_change(&mut self) {
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

    pub(super) fn broken_deploy(&mut self) {
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

    /// One more role of an application, never seen before, that does what the others do.
    pub(super) fn new_service(&mut self) {
        let team = self.random.index(APPLICATIONS.len());
        let start = self.working_time();
        let word = self.random.pick(
            &["importer", "mailer", "archiver", "scorer", "sync"],
            "sync",
        );
        let name = format!("{word}-{}", self.number + 1);
        let mut service = applications::another(self.world.seed, &self.world.keys, team, &name);
        service.volume *= self.world.volume;
        service.since = Some(start);
        let keys: Vec<usize> = service
            .habits
            .iter()
            .filter_map(|habit| habit.key)
            .collect();
        self.world.principals.push(service);
        let who = self.world.principals.len() - 1;
        self.add(
            who,
            (start, start + NEWS),
            &keys,
            vec![Effect::Hire],
            Vec::new(),
        );
    }
}
