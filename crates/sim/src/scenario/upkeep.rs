//! Changes that are no attack: rotations, a new key by the pipeline, grants that services open and close, mistakes,
//! and the console that sends all fields of a trail back unchanged.

use crate::actor::Actor;
use crate::json::{Object, array};
use crate::key::{Key, Naming};
use crate::moment::{DAY, HOUR, MINUTE, Moment};
use crate::request;

use super::calendar::Calendar;
use super::cast::{Cast, HOME, SHOP};
use super::people::look;
use super::stage::{Damage, KMS, Stage, Use};

/// Plays everything that is rare and harmless.
pub(crate) fn play<'a>(cast: &'a Cast, damage: &'a Damage, calendar: Calendar) -> Vec<Stage<'a>> {
    let mut stage = Stage::new(cast, damage, "upkeep");
    rotations(&mut stage, calendar);
    volumes(&mut stage, calendar);
    mistakes(&mut stage, calendar);
    // Deployments and consoles belong to weekdays: a third into the archive, the next one that is.
    let day = next_weekday(calendar, calendar.days / 3);
    feature_flags(&mut stage, calendar, day);
    save_trail(&mut stage, next_weekday(calendar, calendar.days / 2));
    vec![stage]
}

/// The midnight of the first day from this one on that is no weekend.
fn next_weekday(calendar: Calendar, index: i64) -> Moment {
    (0..3)
        .map(|more| calendar.day(index + more))
        .find(|day| !day.is_weekend())
        .unwrap_or_else(|| calendar.day(index))
}

fn rotations(stage: &mut Stage<'_>, calendar: Calendar) {
    let keys = &stage.cast.keys;
    let rotated = [
        (&keys.reports, 2),
        (&keys.parameters, 6),
        (&keys.warehouse, 11),
        (&keys.settlements, 15),
    ];
    for (key, day) in rotated.into_iter().filter(|(_, day)| *day < calendar.days) {
        let time = calendar.day(day) + stage.random.between(0, DAY - 1);
        stage.service_event(key, time, "RotateKey");
    }
}

/// Auto Scaling starts instances now and then: EC2 is granted the volumes' key, uses it and retires the grant.
fn volumes(stage: &mut Stage<'_>, calendar: Calendar) {
    for time in calendar.moments(&mut stage.random, |time| {
        if time.parts().hour == 17 { 0.6 } else { 0.02 }
    }) {
        let grant = stage.random.hex(64);
        let volume = format!("vol-0{}", stage.random.hex(16));
        open_grant(stage, time, &grant, &volume);
        let key = &stage.cast.keys.volumes;
        let call = Use {
            operation: "GenerateDataKeyWithoutPlaintext",
            key,
            naming: Naming::Arn,
            context: vec![("aws:ebs:id", volume)],
        };
        let scaling = &stage.cast.scaling;
        stage.use_key(scaling, time + 1, Some("ec2.amazonaws.com"), &call);
        let mut retire = stage.manage(scaling, time + 190, "RetireGrant", Some(key), None);
        retire.identity_json = scaling.identity(time, Some("autoscaling.amazonaws.com"));
        retire.origin = scaling.origin(time, Some("autoscaling.amazonaws.com"));
        let data = Object::new().text("grantId", &grant).finish();
        retire.additional_json = Some(data);
        stage.push(retire);
    }
}

fn open_grant(stage: &mut Stage<'_>, time: Moment, grant: &str, volume: &str) {
    const OPERATIONS: [&str; 7] = [
        "Decrypt",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyWithoutPlaintext",
        "ReEncryptFrom",
        "ReEncryptTo",
        "CreateGrant",
    ];
    let via = Some("autoscaling.amazonaws.com");
    let scaling = &stage.cast.scaling;
    let key = &stage.cast.keys.volumes;
    let context = Object::new().text("aws:ebs:id", volume).finish();
    let constraints = Object::new()
        .raw("encryptionContextSubset", &context)
        .finish();
    let instance = stage.random.hex(16);
    let grantee = format!("{SHOP}:aws:ec2-infrastructure:i-0{instance}");
    let request = Object::new()
        .text("keyId", &key.arn())
        .text("granteePrincipal", &grantee)
        .list("operations", &OPERATIONS)
        .raw("constraints", &constraints)
        .finish();
    let mut record = stage.draft(scaling, time, via, KMS, "CreateGrant");
    record.request_json = Some(request);
    record.response_json = Some(Object::new().text("grantId", grant).finish());
    record.resources = Some(vec![key.resource()]);
    record.read_only = false;
    stage.push(record);
}

/// People mistype aliases and try what they may not.
fn mistakes(stage: &mut Stage<'_>, calendar: Calendar) {
    let cast = stage.cast;
    for (index, day) in [1, 4, 8, 10, 14].into_iter().enumerate() {
        if day >= calendar.days {
            break;
        }
        let person = &cast.developers[index % 2];
        let time = next_weekday(calendar, day) + 13 * HOUR + stage.random.between(0, HOUR);
        if index % 2 == 0 {
            stage.refuse(person, time, "Decrypt", Some(&cast.keys.payments));
            continue;
        }
        let request = Object::new().text("keyId", "alias/order-data").finish();
        let mut record = stage.manage(person, time, "DescribeKey", None, Some(request));
        record.resources = None;
        record.error = Some((
            "NotFoundException",
            format!("Alias arn:aws:kms:{HOME}:{SHOP}:alias/order-data is not found."),
        ));
        stage.push(record);
    }
}

/// The pipeline makes a key for feature flags, names it, lets it rotate and tells who may use it; from then on the
/// invoices' function does.
fn feature_flags(stage: &mut Stage<'_>, calendar: Calendar, day: Moment) {
    let cast = stage.cast;
    let (deploy, key) = (&cast.deploy, &cast.keys.flags);
    let start = day + 9 * HOUR + 12 * MINUTE;
    create_key(stage, deploy, start, key, "Feature flags");
    name_key(stage, deploy, start + 2, key);
    let request = Object::new()
        .text("keyId", &key.id)
        .number("rotationPeriodInDays", 365)
        .finish();
    let rotation = stage.manage(
        deploy,
        start + 3,
        "EnableKeyRotation",
        Some(key),
        Some(request),
    );
    stage.push(rotation);
    let policy = key.safe_policy(&[cast.invoices.role_arn(), cast.web.role_arn()]);
    put_policy(stage, deploy, start + 5, key, &policy, false);
    look(stage, deploy, start + 6, "DescribeKey", key);
    let first = start + HOUR;
    for time in calendar.moments(&mut stage.random, |_| 0.25) {
        if time < first {
            continue;
        }
        let call = Use {
            operation: "Decrypt",
            key,
            naming: Naming::Arn,
            context: vec![("flags", "production".to_owned())],
        };
        stage.use_key(&cast.invoices, time, None, &call);
    }
}

/// CreateKey with a policy that delegates to the account's root.
pub(crate) fn create_key(
    stage: &mut Stage<'_>,
    actor: &Actor,
    time: Moment,
    key: &Key,
    description: &str,
) -> String {
    let (request, response) = request::create_key(key, time, description);
    let mut record = stage.manage(actor, time, "CreateKey", Some(key), Some(request));
    record.response_json = Some(response);
    stage.push(record)
}

/// CreateAlias: its resources are the key, then the alias.
pub(crate) fn name_key(stage: &mut Stage<'_>, actor: &Actor, time: Moment, key: &Key) -> String {
    let request = Object::new()
        .text("aliasName", &key.alias)
        .text("targetKeyId", &key.id)
        .finish();
    let mut record = stage.manage(actor, time, "CreateAlias", Some(key), Some(request));
    record.resources = Some(vec![key.resource(), key.alias_resource()]);
    stage.push(record)
}

/// PutKeyPolicy: the policy is a JSON string within the JSON.
pub(crate) fn put_policy(
    stage: &mut Stage<'_>,
    actor: &Actor,
    time: Moment,
    key: &Key,
    policy: &str,
    bypass: bool,
) -> String {
    let request = Object::new()
        .text("keyId", &key.id)
        .text("policyName", "default")
        .text("policy", policy)
        .flag("bypassPolicyLockoutSafetyCheck", bypass)
        .finish();
    let record = stage.manage(actor, time, "PutKeyPolicy", Some(key), Some(request));
    stage.push(record)
}

/// The administrator opens the trail in the console and saves it as it is: every field is sent, none is new.
fn save_trail(stage: &mut Stage<'_>, day: Moment) {
    let admin = &stage.cast.admin;
    let arn = format!("arn:aws:cloudtrail:{HOME}:{SHOP}:trail/prod-audit");
    let key = stage.cast.keys.trail.arn();
    let fields = |trail: Object| {
        trail
            .text("s3BucketName", "nordlicht-audit")
            .flag("includeGlobalServiceEvents", true)
            .flag("isMultiRegionTrail", true)
            .text("kmsKeyId", &key)
            .flag("isOrganizationTrail", false)
    };
    let request = fields(Object::new().text("name", &arn))
        .flag("enableLogFileValidation", true)
        .finish();
    let response = fields(
        Object::new()
            .text("name", "prod-audit")
            .text("trailARN", &arn),
    )
    .flag("logFileValidationEnabled", true)
    .finish();
    let time = day + 10 * HOUR + 31 * MINUTE;
    // The console reads the selectors first, and saves all fields it shows.
    let selectors = Object::new().text("trailName", &arn).finish();
    let get = stage.other(
        admin,
        time,
        "cloudtrail.amazonaws.com",
        "GetEventSelectors",
        Some(selectors),
    );
    stage.push(get);
    let mut record = stage.other(
        admin,
        time + 44,
        "cloudtrail.amazonaws.com",
        "UpdateTrail",
        Some(request),
    );
    record.response_json = Some(response);
    record.read_only = false;
    stage.push(record);
    let put = put_selectors(&arn, &[]);
    let mut record = stage.other(
        admin,
        time + 45,
        "cloudtrail.amazonaws.com",
        "PutEventSelectors",
        Some(put.clone()),
    );
    record.response_json = Some(put.replacen("trailName", "trailARN", 1));
    record.read_only = false;
    stage.push(record);
}

/// The parameters of PutEventSelectors that log everything but management events of the named services.
pub(crate) fn put_selectors(trail: &str, excluded: &[&str]) -> String {
    let selector = Object::new()
        .text("readWriteType", "All")
        .flag("includeManagementEvents", true)
        .raw("dataResources", "[]")
        .list("excludeManagementEventSources", excluded)
        .finish();
    Object::new()
        .text("trailName", trail)
        .raw("eventSelectors", &array(&[selector]))
        .finish()
}
