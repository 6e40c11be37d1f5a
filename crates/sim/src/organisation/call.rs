//! Where habits become records.

use crate::actor::Actor;
use crate::json::Object;
use crate::key::Key;
use crate::moment::Moment;
use crate::random::Random;
use crate::record::{KMS, Record};
use crate::request;

use super::habit::{Habit, Resource};
use super::places::{DATA_ACCOUNT, HOME_ACCOUNT, HOME_REGION};

/// What EC2 and Auto Scaling ask a grant for.
const VOLUME_OPERATIONS: [&str; 7] = [
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
    "CreateGrant",
];

/// One call of this habit: the caller's record, and the owner's where key and caller are of different accounts. An
/// account outside the organisation delivers nothing here, so only the owner's record is left of it.
pub(crate) fn follow(
    random: &mut Random,
    actor: &Actor,
    habit: &Habit,
    key: Option<&Key>,
    time: Moment,
    out: &mut Vec<Record>,
) {
    let mut record = draft(random, actor, time, habit.via, habit.operation);
    let Some(key) = key else {
        record.resources = Some(Vec::new());
        out.push(record);
        return;
    };
    record.region = key.region;
    record.resources = Some(vec![key.resource()]);
    let name = key.named(habit.naming);
    match habit.operation {
        "CreateGrant" => {
            volume_grant(random, &mut record, &name);
        }
        "RetireGrant" => {
            let grant = random.hex(64);
            record.read_only = false;
            record.additional_json = Some(Object::new().text("grantId", &grant).finish());
        }
        operation if habit.resource == Resource::Nothing => {
            record.request_json = Some(about(operation, &name));
        }
        operation => {
            let context = habit.resource.context(time, random);
            record.request_json = Some(request::cryptographic(
                random, operation, key, &name, &context,
            ));
            if record.version == "1.11" {
                let material = Object::new().text("keyMaterialId", &key.material);
                record.additional_json = Some(material.finish());
            }
        }
    }
    log(random, actor, key.account, record, out);
}

/// A call of this habit that IAM refuses: no parameters, no resources, the key only in the message.
pub(crate) fn refuse(
    random: &mut Random,
    actor: &Actor,
    habit: &Habit,
    key: Option<&Key>,
    time: Moment,
) -> Record {
    let mut record = draft(random, actor, time, habit.via, habit.operation);
    record.region = key.map_or(HOME_REGION, |key| key.region);
    record.error = Some((
        "AccessDenied",
        request::refusal(&actor.arn_at(time), habit.operation, key),
    ));
    record
}

/// A call that changes a key or its policy, with its parameters and response.
pub(crate) fn change(
    random: &mut Random,
    actor: &Actor,
    operation: &'static str,
    key: &Key,
    time: Moment,
    (request, response): (String, Option<String>),
) -> Record {
    let mut record = draft(random, actor, time, None, operation);
    record.region = key.region;
    record.resources = Some(vec![key.resource()]);
    record.request_json = Some(request);
    record.response_json = response;
    if operation == "CreateAlias" {
        record.resources = Some(vec![key.resource(), key.alias_resource()]);
    }
    record.read_only = false;
    record
}

/// `requestParameters` that name a key and nothing else.
pub(crate) fn naming(name: &str) -> String {
    Object::new().text("keyId", name).finish()
}

fn about(operation: &str, name: &str) -> String {
    match operation {
        "GetKeyPolicy" => Object::new()
            .text("keyId", name)
            .text("policyName", "default")
            .finish(),
        "ListGrants" => Object::new()
            .text("keyId", name)
            .number("limit", 50)
            .finish(),
        _ => naming(name),
    }
}

fn draft(
    random: &mut Random,
    actor: &Actor,
    time: Moment,
    via: Option<&str>,
    name: &'static str,
) -> Record {
    Record::draft(actor, time, via, (KMS, name), HOME_REGION).with_ids(random, actor)
}

fn log(
    random: &mut Random,
    actor: &Actor,
    owner: &'static str,
    mut record: Record,
    out: &mut Vec<Record>,
) {
    if owner != actor.account {
        record.shared_id = Some(random.uuid());
        let mut owners = record.clone();
        owners.account = owner;
        owners.id = random.uuid();
        owners.identity_json = actor.foreign_identity(record.time);
        out.push(owners);
    }
    if [HOME_ACCOUNT, DATA_ACCOUNT].contains(&actor.account) {
        out.push(record);
    }
}

fn volume_grant(random: &mut Random, record: &mut Record, name: &str) {
    let volume = format!("vol-0{}", random.hex(16));
    let grantee = format!(
        "{HOME_ACCOUNT}:aws:ec2-infrastructure:i-0{}",
        random.hex(16)
    );
    let context = Object::new().text("aws:ebs:id", &volume).finish();
    let constraints = Object::new()
        .raw("encryptionContextSubset", &context)
        .finish();
    let request = Object::new()
        .text("keyId", name)
        .text("granteePrincipal", &grantee)
        .list("operations", &VOLUME_OPERATIONS)
        .raw("constraints", &constraints);
    let response = Object::new().text("grantId", &random.hex(64));
    record.read_only = false;
    record.request_json = Some(request.finish());
    record.response_json = Some(response.finish());
}
