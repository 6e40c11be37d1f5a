//! What whoever runs the platform does now and then.

use super::plan::Planner;
use super::{Bout, Effect};
use crate::json::Object;
use crate::key::{Key, Naming};
use crate::moment::{DAY, HOUR, MINUTE, Moment};
use crate::organisation::call::naming;
use crate::organisation::habit::{Habit, Resource};
use crate::organisation::keys::APPLICATIONS;
use crate::organisation::places::HOME_ACCOUNT;
use crate::organisation::principal::Class;

impl Planner<'_> {
    pub(super) fn backfill(&mut self) {
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

    pub(super) fn failover(&mut self) {
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

    pub(super) fn restore(&mut self) {
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

    pub(super) fn growth(&mut self) {
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

    /// What administrators and pipelines change about keys, as it should be.
    pub(super) fn administration(&mut self) {
        let may = |name: &str| name.contains("PlatformAdmin") || name.contains("terraform");
        let mut all = self.of(&[Class::Person, Class::Pipeline]);
        all.retain(|index| {
            let who = self.world.principals.get(*index);
            who.is_some_and(|who| who.actors.iter().any(|actor| may(&actor.name)))
        });
        let who = self.random.pick(&all, 0);
        let start = self.working_time();
        let team = self.random.index(APPLICATIONS.len());
        let own = self.world.keys.of(team);
        let application = APPLICATIONS.get(team).copied().unwrap_or("orders");
        let role = format!("arn:aws:iam::{HOME_ACCOUNT}:role/{application}-worker");
        let dormant = self.world.keys.dormant.clone();
        let (operation, keys) = match self.random.below(4) {
            0 => ("DisableKey", vec![self.random.pick(&dormant, 0)]),
            1 => ("ScheduleKeyDeletion", vec![self.random.pick(&dormant, 0)]),
            2 => ("CreateGrant", vec![own.records]),
            _ => ("PutKeyPolicy", vec![own.data, own.records, own.secrets]),
        };
        let mut bouts = Vec::new();
        for (index, key) in keys.iter().enumerate() {
            let time = start + index as i64 * 20;
            let Some(made) = self.world.keys.key(*key) else {
                continue;
            };
            let parameters = match operation {
                "ScheduleKeyDeletion" => deletion(made, time),
                "CreateGrant" => grant(made, &role, &self.random.hex(64)),
                "PutKeyPolicy" => (policy(made, &role), None),
                _ => (naming(&made.id), None),
            };
            let look = Habit::look(*key, "DescribeKey", 1.0);
            bouts.push(Bout::new(time, 8, 1, look));
            bouts.push(Bout {
                parameters: Some(parameters),
                ..Bout::new(time + 10, 1, 1, Habit::look(*key, operation, 1.0))
            });
        }
        self.add(who, (start, start + 10 * MINUTE), &keys, Vec::new(), bouts);
    }
}

fn deletion(key: &Key, time: Moment) -> (String, Option<String>) {
    let request = Object::new()
        .text("keyId", &key.id)
        .number("pendingWindowInDays", 30);
    let response = Object::new()
        .text("keyId", &key.arn())
        .text("deletionDate", &(time + 30 * DAY).java_date())
        .text("keyState", "PendingDeletion")
        .number("pendingWindowInDays", 30);
    (request.finish(), Some(response.finish()))
}

fn grant(key: &Key, grantee: &str, id: &str) -> (String, Option<String>) {
    let request = Object::new()
        .text("keyId", &key.arn())
        .text("granteePrincipal", grantee)
        .list("operations", &["Decrypt", "GenerateDataKey"]);
    let response = Object::new().text("grantId", id).text("keyId", &key.arn());
    (request.finish(), Some(response.finish()))
}

fn policy(key: &Key, user: &str) -> String {
    Object::new()
        .text("keyId", &key.id)
        .text("policyName", "default")
        .text("policy", &key.safe_policy(&[user.to_owned()]))
        .flag("bypassPolicyLockoutSafetyCheck", false)
        .finish()
}
