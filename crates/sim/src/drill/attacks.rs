//! What a drill can play, and the findings that each attack must lead to.

use std::fmt;

use crate::json::Object;
use crate::key::{policy, statement};
use crate::label::Label;
use crate::moment::{DAY, HOUR, Moment};
use crate::random::Random;

use super::DrillOptions;
use super::call::{Call, Caller};

/// An attack that a drill plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DrillAttack {
    /// Three keys are scheduled for deletion after the shortest wait.
    KeyDeletion,
    /// A key policy is opened to everyone.
    PolicyPublic,
    /// A grant lets a stranger's account use a key.
    GrantExternal,
    /// Somebody looks at all keys, and decrypts with one of them in a burst.
    KeyTheft,
    /// Six keys are tried and refused.
    DeniedSweep,
    /// The trail is stopped.
    TrailStopped,
}

impl DrillAttack {
    /// Every attack there is.
    pub const ALL: [Self; 6] = [
        Self::KeyDeletion,
        Self::PolicyPublic,
        Self::GrantExternal,
        Self::KeyTheft,
        Self::DeniedSweep,
        Self::TrailStopped,
    ];

    /// Its stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeyDeletion => "key-deletion",
            Self::PolicyPublic => "policy-public",
            Self::GrantExternal => "grant-external",
            Self::KeyTheft => "key-theft",
            Self::DeniedSweep => "denied-sweep",
            Self::TrailStopped => "trail-stopped",
        }
    }
}

impl fmt::Display for DrillAttack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One attack while it is played: its caller, its records and what they promise.
pub(super) struct Stage<'o> {
    options: &'o DrillOptions,
    attack: DrillAttack,
    start: Moment,
    random: Random,
    caller: Caller,
    /// The text of each record.
    pub(super) records: Vec<String>,
    /// Time and id of each record.
    events: Vec<(Moment, String)>,
    pub(super) labels: Vec<Label>,
}

impl<'o> Stage<'o> {
    pub(super) fn new(options: &'o DrillOptions, attack: DrillAttack, start: Moment) -> Self {
        let name = format!("{attack} {} {}", options.account, options.region);
        let mut random = Random::stream(options.now.unsigned_abs(), &name);
        let role = format!("keytrail-drill-{attack}-{}", random.hex(6));
        let signed_in = start + -HOUR;
        let (account, region) = (&options.account, &options.region);
        let caller = Caller::new(account, region, role, signed_in, &mut random);
        Self {
            options,
            attack,
            start,
            random,
            caller,
            records: Vec::new(),
            events: Vec::new(),
            labels: Vec::new(),
        }
    }

    fn key(&mut self) -> String {
        let (account, region) = (&self.options.account, &self.options.region);
        format!("arn:aws:kms:{region}:{account}:key/{}", self.random.uuid())
    }

    /// A call so many seconds into the drill.
    fn call(&mut self, seconds: i64, call: Call<'_>) {
        let time = self.start + seconds;
        let (text, id) = self.caller.record(time, call, &mut self.random);
        self.records.push(text);
        self.events.push((time, id));
    }

    /// The records from that one on must lead to a finding of this rule.
    fn promise(&mut self, rule: &'static str, keys: &[&str], from: usize) {
        let Some([first, .., last] | [first @ last]) = self.events.get(from..) else {
            return;
        };
        self.labels.push(Label {
            attack: format!("drill-{}", self.attack),
            kind: self.attack.name(),
            step: rule,
            account: self.options.account.clone(),
            region: self.options.region.clone(),
            principal: self.caller.canonical(),
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            first_seen: first.0.to_string(),
            last_seen: last.0.to_string(),
            event_ids: self.events[from..]
                .iter()
                .map(|(_, id)| id.clone())
                .collect(),
        });
    }
}

/// Plays the attack; all of it within 290 seconds.
pub(super) fn play(stage: &mut Stage<'_>) {
    match stage.attack {
        DrillAttack::KeyDeletion => delete_keys(stage),
        DrillAttack::PolicyPublic => open_policy(stage),
        DrillAttack::GrantExternal => share(stage),
        DrillAttack::KeyTheft => steal(stage),
        DrillAttack::DeniedSweep => try_keys(stage),
        DrillAttack::TrailStopped => stop_trail(stage),
    }
}

fn delete_keys(stage: &mut Stage<'_>) {
    let keys = [stage.key(), stage.key(), stage.key()];
    for (seconds, key) in [20, 75, 150].into_iter().zip(&keys) {
        let due = stage.start + seconds + 7 * DAY;
        let call = Call {
            operation: "ScheduleKeyDeletion",
            keys: &[key],
            request: Some(
                Object::new()
                    .text("keyId", key)
                    .number("pendingWindowInDays", 7),
            ),
            response: Some(
                Object::new()
                    .text("keyId", key)
                    .text("deletionDate", &due.java_date())
                    .text("keyState", "PendingDeletion")
                    .number("pendingWindowInDays", 7),
            ),
            ..Call::default()
        };
        stage.call(seconds, call);
        stage.promise("key-deletion-scheduled", &[key], stage.events.len() - 1);
    }
    let keys = keys.each_ref().map(String::as_str);
    stage.promise("key-deletion-bulk", &keys, 0);
}

fn open_policy(stage: &mut Stage<'_>) {
    let key = stage.key();
    let root = format!("arn:aws:iam::{}:root", stage.options.account);
    let open = policy(&[
        statement("EnableIAMUserPermissions", &[root], &["kms:*"]),
        statement("Drill", &["*".to_owned()], &["kms:Decrypt"]),
    ]);
    let call = Call {
        operation: "PutKeyPolicy",
        keys: &[&key],
        request: Some(
            Object::new()
                .text("keyId", &key)
                .text("policyName", "default")
                .text("policy", &open)
                .flag("bypassPolicyLockoutSafetyCheck", false),
        ),
        ..Call::default()
    };
    stage.call(45, call);
    stage.promise("policy-public", &[&key], 0);
}

fn share(stage: &mut Stage<'_>) {
    let key = stage.key();
    // Nobody's account, unless it is the drill's own.
    let stranger = match stage.options.account.as_str() {
        "999999999999" => "888888888888",
        _ => "999999999999",
    };
    let grantee = format!("arn:aws:iam::{stranger}:role/keytrail-drill");
    let grant = stage.random.hex(64);
    let call = Call {
        operation: "CreateGrant",
        keys: &[&key],
        request: Some(
            Object::new()
                .text("keyId", &key)
                .text("granteePrincipal", &grantee)
                .list("operations", &["Decrypt"]),
        ),
        response: Some(Object::new().text("grantId", &grant).text("keyId", &key)),
        ..Call::default()
    };
    stage.call(60, call);
    stage.promise("grant-external", &[&key], 0);
}

fn steal(stage: &mut Stage<'_>) {
    let keys: Vec<String> = (0..6).map(|_| stage.key()).collect();
    for (seconds, operation) in [(5, "ListKeys"), (8, "ListAliases")] {
        let call = Call {
            operation,
            read_only: true,
            request: Some(Object::new().number("limit", 100)),
            ..Call::default()
        };
        stage.call(seconds, call);
    }
    let mut seconds = 12;
    for key in &keys {
        for operation in ["DescribeKey", "GetKeyPolicy"] {
            let mut request = Object::new().text("keyId", key);
            if operation == "GetKeyPolicy" {
                request = request.text("policyName", "default");
            }
            let call = Call {
                operation,
                read_only: true,
                keys: &[key],
                request: Some(request),
                ..Call::default()
            };
            stage.call(seconds, call);
            seconds += 4;
        }
    }
    let names: Vec<&str> = keys.iter().map(String::as_str).collect();
    stage.promise("discovery-sweep", &names, 0);
    let Some(key) = names.first() else { return };
    for part in 0..40 {
        let object = format!("arn:aws:s3:::keytrail-drill/part-{part:02}");
        let context = Object::new().text("aws:s3:arn", &object);
        let call = Call {
            operation: "Decrypt",
            read_only: true,
            keys: &[key],
            request: Some(
                Object::new()
                    .raw("encryptionContext", &context.finish())
                    .text("encryptionAlgorithm", "SYMMETRIC_DEFAULT"),
            ),
            ..Call::default()
        };
        stage.call(90 + part * 4, call);
    }
    stage.promise("theft-chain", &[key], 0);
}

fn try_keys(stage: &mut Stage<'_>) {
    let keys: Vec<String> = (0..6).map(|_| stage.key()).collect();
    for (number, key) in (0..).zip(&keys) {
        let call = Call {
            operation: "Decrypt",
            read_only: true,
            refused: Some(key),
            ..Call::default()
        };
        stage.call(10 + number * 15, call);
    }
    let names: Vec<&str> = keys.iter().map(String::as_str).collect();
    stage.promise("denied-sweep", &names, 0);
}

fn stop_trail(stage: &mut Stage<'_>) {
    // A finding is told by its trail: each drill has its own.
    let name = format!("keytrail-drill-{}", stage.random.hex(6));
    let (account, region) = (&stage.options.account, &stage.options.region);
    let trail = format!("arn:aws:cloudtrail:{region}:{account}:trail/{name}");
    let call = Call {
        source: "cloudtrail.amazonaws.com",
        operation: "StopLogging",
        request: Some(Object::new().text("name", &trail)),
        ..Call::default()
    };
    stage.call(120, call);
    stage.promise("trail-stopped", &[], 0);
}
