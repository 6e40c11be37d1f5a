//! KMS records: which principal uses which key, through which service, in which context, how often.
//!
//! The shares are those counted over 3,412 real KMS records: see each constant.

use crate::actor::Actor;
use crate::json::{Object, quoted};
use crate::key::{Key, Naming};
use crate::random::Random;
use crate::record::Record;

use super::place::{Builder, Voice};
use super::template::{HEX_8, OBJECT};
use super::world::World;
use super::zipf::Zipf;

/// Records of AWS services that act for themselves, with a `sharedEventID` (three of four in the data, most of
/// it from quiet accounts; busy ones have more principals of their own).
const SERVICES_SHARE: f64 = 0.6;
/// Records of principals that call KMS directly; all others come through a service and carry `invokedBy`.
const DIRECT_SHARE: f64 = 0.01;
/// Records of keys that a principal of another account uses.
const FOREIGN_SHARE: f64 = 0.01;
/// Records of failed calls.
const ERROR_SHARE: f64 = 0.005;
/// Records of keys administered or looked at.
const CONTROL_SHARE: f64 = 0.01;

/// Habits a busy principal has; the others have one.
const HABITS: usize = 3;
/// The busy principals of a place. They make nearly all of its records; each costs some 15 KB of memory.
const BUSY_PRINCIPALS: usize = 256;

/// AWS services that act for themselves: name, operation.
const SERVICES: [(&str, &str); 6] = [
    ("cloudtrail.amazonaws.com", "GenerateDataKey"),
    ("s3.amazonaws.com", "GenerateDataKey"),
    ("delivery.logs.amazonaws.com", "GenerateDataKey"),
    ("s3.amazonaws.com", "Decrypt"),
    ("dynamodb.amazonaws.com", "Decrypt"),
    ("workmail.eu-west-1.amazonaws.com", "Encrypt"),
];

/// Services that call KMS for a principal: name as records have it, operation.
const PATHS: [(&str, &str); 9] = [
    ("AWS Internal", "Decrypt"),
    ("AWS Internal", "GenerateDataKey"),
    ("s3.amazonaws.com", "Decrypt"),
    ("s3.amazonaws.com", "GenerateDataKey"),
    ("secretsmanager.amazonaws.com", "Decrypt"),
    ("dynamodb.amazonaws.com", "Decrypt"),
    ("kinesis.amazonaws.com", "GenerateDataKey"),
    ("ssm.amazonaws.com", "Decrypt"),
    ("s3.amazonaws.com", "ReEncrypt"),
];

/// Adds a place's KMS habits to its builder.
pub(crate) fn add(builder: &mut Builder<'_>, keys: &[&Key], principals: &[&Actor], world: &World) {
    let Some(&first) = keys.first() else {
        return;
    };
    own_services(builder, keys, first, world);
    let key_zipf = Zipf::new(keys.len());
    let zipf = Zipf::new(principals.len());
    let rest = 1.0 - SERVICES_SHARE - DIRECT_SHARE - FOREIGN_SHARE - CONTROL_SHARE;
    for (rank, actor) in principals.iter().enumerate() {
        let share = zipf.share(rank);
        let habits = if rank < BUSY_PRINCIPALS { HABITS } else { 1 };
        for _ in 0..habits {
            let key = key_zipf.pick(keys, first, &mut builder.random);
            let target = key_zipf.pick(keys, first, &mut builder.random);
            let (path, operation) = builder.random.pick(&PATHS, PATHS[0]);
            let weight = share * rest / habits as f64;
            let voice = Voice::Through(path);
            let mut record = builder.draft(actor, voice, "kms.amazonaws.com", operation);
            cipher(&mut record, key, target, path, &mut builder.random);
            add_with_failures(builder, actor, voice, record, key, weight);
        }
        if rank < BUSY_PRINCIPALS {
            let key = key_zipf.pick(keys, first, &mut builder.random);
            let mut record = builder.draft(actor, Voice::Own, "kms.amazonaws.com", "Decrypt");
            cipher(&mut record, key, key, "", &mut builder.random);
            let weight = share * DIRECT_SHARE;
            add_with_failures(builder, actor, Voice::Own, record, key, weight);
            control(builder, actor, key, share * CONTROL_SHARE);
        }
    }
    foreign(builder, first, world);
}

/// AWS services encrypt for many, never with the keys that AWS manages for other services.
fn own_services(builder: &mut Builder<'_>, keys: &[&Key], first: &Key, world: &World) {
    let account = builder.account;
    let customers: Vec<&Key> = keys
        .iter()
        .copied()
        .filter(|key| !key.alias.starts_with("alias/aws/"))
        .take(4)
        .collect();
    let keys = if customers.is_empty() {
        vec![first]
    } else {
        customers
    };
    let (zipf, key_zipf) = (Zipf::new(SERVICES.len()), Zipf::new(keys.len()));
    for (rank, (service, operation)) in SERVICES.into_iter().enumerate() {
        let actor = world.service(account, service);
        for (key_rank, key) in keys.iter().enumerate() {
            let weight = SERVICES_SHARE * zipf.share(rank) * key_zipf.share(key_rank);
            let mut record = builder.draft(&actor, Voice::Own, "kms.amazonaws.com", operation);
            cipher(&mut record, key, key, service, &mut builder.random);
            add_with_failures(builder, &actor, Voice::Own, record, key, weight);
        }
    }
}

/// The request of a cryptographic call and what it touches; `target` is the key that ReEncrypt encrypts to.
fn cipher(record: &mut Record, key: &Key, target: &Key, path: &str, random: &mut Random) {
    let context = context(path, record.account, record.region, random);
    let naming = if key.alias.starts_with("alias/aws/") {
        Naming::Alias
    } else {
        Naming::Arn
    };
    let name = key.named(naming);
    let key_first = random.chance(0.5);
    let request = Object::new();
    let algorithm = ("encryptionAlgorithm", "SYMMETRIC_DEFAULT");
    let request = match (record.name, key_first) {
        ("Decrypt", true) => request
            .raw("encryptionContext", &context)
            .text(algorithm.0, algorithm.1),
        ("Decrypt", false) => request
            .text(algorithm.0, algorithm.1)
            .raw("encryptionContext", &context),
        ("ReEncrypt", _) => request
            .text("sourceEncryptionAlgorithm", "SYMMETRIC_DEFAULT")
            .raw("sourceEncryptionContext", &context)
            .text("destinationKeyId", &target.arn())
            .text("destinationEncryptionAlgorithm", "SYMMETRIC_DEFAULT")
            .raw("destinationEncryptionContext", &context),
        ("GenerateDataKey", true) => request
            .text("keyId", &name)
            .raw("encryptionContext", &context)
            .text("keySpec", "AES_256"),
        ("GenerateDataKey", false) => request
            .raw("encryptionContext", &context)
            .text("keyId", &name)
            .number("numberOfBytes", 32),
        _ => request
            .raw("encryptionContext", &context)
            .text("keyId", &name),
    };
    record.request_json = Some(request.finish());
    record.resources = Some(vec![key.resource()]);
    if record.name == "ReEncrypt" {
        record.resources = Some(vec![key.resource(), target.resource()]);
    }
    if record.version == "1.11" {
        let material = Object::new().text("keyMaterialId", &key.material);
        record.additional_json = Some(material.finish());
    }
}

/// The encryption context a service sends: per object, but for a few.
fn context(path: &str, account: &str, region: &str, random: &mut Random) -> String {
    let bucket = random.hex(8);
    let context = Object::new();
    let context = match path {
        "cloudtrail.amazonaws.com" => context
            .text(
                "aws:cloudtrail:arn",
                &format!("arn:aws:cloudtrail:{region}:{account}:trail/organisation-trail"),
            )
            .text(
                "aws:s3:arn",
                &format!("arn:aws:s3:::aws-cloudtrail-logs-{account}-{bucket}/AWSLogs/{account}/CloudTrail/{region}/{account}_CloudTrail_{region}_{OBJECT}{HEX_8}.json.gz"),
            ),
        "secretsmanager.amazonaws.com" => context
            .text(
                "SecretARN",
                &format!("arn:aws:secretsmanager:{region}:{account}:secret:production/{bucket}/database-credentials-{HEX_8}"),
            )
            .text("SecretVersionId", "2849C79D-E0B2-42C6-8E7B-566C6526005D"),
        "dynamodb.amazonaws.com" => context
            .text("aws:dynamodb:tableName", &format!("orders-{bucket}"))
            .text("aws:dynamodb:subscriberId", account),
        "kinesis.amazonaws.com" => context.text(
            "aws:kinesis:arn",
            &format!("arn:aws:kinesis:{region}:{account}:stream/ingest-{bucket}"),
        ),
        "ssm.amazonaws.com" => context.text(
            "PARAMETER_ARN",
            &format!("arn:aws:ssm:{region}:{account}:parameter/production/{bucket}/setting-{HEX_8}"),
        ),
        "workmail.eu-west-1.amazonaws.com" => context.text(
            "aws:workmail:arn",
            &format!("arn:aws:workmail:{region}:{account}:organization/m-{bucket}"),
        ),
        "" => context.text("service", "application").text("tenant", &bucket),
        _ => context.text(
            "aws:s3:arn",
            &format!("arn:aws:s3:::company-{bucket}-data-lake-production/tables/transactions/region={region}/part-{OBJECT}.snappy.parquet"),
        ),
    };
    context.finish()
}

/// A habit, and the few of its calls that fail.
fn add_with_failures(
    builder: &mut Builder<'_>,
    actor: &Actor,
    voice: Voice,
    record: Record,
    key: &Key,
    weight: f64,
) {
    let mut refused = record.clone();
    refused.error = Some((
        "AccessDenied",
        format!(
            "User: {} is not authorized to perform: kms:{} on resource: {} because no identity-based policy allows the kms:{} action",
            actor.canonical(),
            record.name,
            key.arn(),
            record.name
        ),
    ));
    refused.request_json = None;
    refused.resources = None;
    refused.additional_json = None;
    builder.add_kms(actor, voice, record, weight * (1.0 - ERROR_SHARE));
    builder.add_kms(actor, voice, refused, weight * ERROR_SHARE);
}

fn control(builder: &mut Builder<'_>, actor: &Actor, key: &Key, weight: f64) {
    for (operation, part) in [
        ("DescribeKey", 0.6),
        ("ListAliases", 0.2),
        ("PutKeyPolicy", 0.05),
        ("ListGrants", 0.15),
    ] {
        let mut record = builder.draft(actor, Voice::Own, "kms.amazonaws.com", operation);
        record.resources = Some(vec![key.resource()]);
        let request = Object::new().text("keyId", &key.id);
        record.request_json = Some(match operation {
            "ListAliases" => {
                record.resources = Some(Vec::new());
                Object::new().number("limit", 100).finish()
            }
            "PutKeyPolicy" => {
                record.read_only = false;
                request
                    .text("policyName", "default")
                    .raw("policy", &quoted(&key.safe_policy(&[actor.canonical()])))
                    .flag("bypassPolicyLockoutSafetyCheck", false)
                    .finish()
            }
            _ => request.finish(),
        });
        builder.add_kms(actor, Voice::Own, record, weight * part);
    }
}

/// Principals of the other accounts use this place's first key: the owner's side of it.
fn foreign(builder: &mut Builder<'_>, key: &Key, world: &World) {
    let strangers: Vec<&Actor> = world
        .principals
        .iter()
        .filter(|actor| actor.account != builder.account)
        .filter(|actor| !matches!(actor.kind, crate::actor::Kind::User))
        .take(8)
        .collect();
    for actor in &strangers {
        let mut record = builder.draft(actor, Voice::Foreign, "kms.amazonaws.com", "Decrypt");
        record.account = builder.account;
        cipher(&mut record, key, key, "", &mut builder.random);
        let weight = FOREIGN_SHARE / strangers.len() as f64;
        builder.add_kms(actor, Voice::Foreign, record, weight);
    }
}
