//! Key theft: a service role's credentials leave the network and read what that role never read.

use crate::actor::Actor;
use crate::json::Object;
use crate::key::{Key, Naming};
use crate::moment::{HOUR, MINUTE, Moment};
use crate::record::FieldOrder;

use super::attack::{AttackKind, Labels};
use super::calendar::Calendar;
use super::cast::Cast;
use super::people::{list, look};
use super::stage::{Damage, Stage, Use};

/// Calls of the burst, and how long it lasts.
const BURST_CALLS: i64 = 240;
const BURST_SECONDS: i64 = 12 * MINUTE;

/// When the theft begins: three nights before the archive's end.
fn begin(calendar: Calendar) -> Moment {
    calendar.day(calendar.days - 4) + 2 * HOUR + 41 * MINUTE
}

/// Plays the theft.
pub(crate) fn play<'a>(
    cast: &'a Cast,
    damage: &'a Damage,
    calendar: Calendar,
    labels: &mut Labels,
) -> Stage<'a> {
    let mut stage = Stage::new(cast, damage, "key-theft");
    let start = begin(calendar);
    let thief = thief(cast);
    labels.open(AttackKind::KeyTheft, &thief);
    discover(&mut stage, &thief, start, labels);
    denied(&mut stage, &thief, start + 9 * MINUTE, labels);
    burst(&mut stage, &thief, start + 14 * MINUTE, labels);
    stage
}

/// The same role, session and access key as the job that is running, from elsewhere and with other tools.
fn thief(cast: &Cast) -> Actor {
    Actor {
        addresses: vec!["203.0.113.77".to_owned()],
        endpoint: None,
        agent: "Boto3/1.34.84 md/Botocore#1.34.84 ua/2.0 os/linux#6.6.9-amd64 md/arch#x86_64 lang/python#3.11.8 md/pyimpl#CPython cfg/retry-mode#legacy Botocore/1.34.84".to_owned(),
        version: "1.11",
        order: FieldOrder::Delivered,
        ..cast.reporting.clone()
    }
}

fn discover(stage: &mut Stage<'_>, thief: &Actor, start: Moment, labels: &mut Labels) {
    let keys = &stage.cast.keys;
    let identity = stage.other(thief, start, "sts.amazonaws.com", "GetCallerIdentity", None);
    let mut ids = vec![stage.push(identity)];
    let mut time = start + 21;
    for operation in ["ListKeys", "ListAliases", "ListKeys"] {
        ids.push(list(stage, thief, time, operation));
        time = time + stage.random.between(2, 9);
    }
    let targets = keys.of_shop();
    for key in targets {
        ids.push(look(stage, thief, time, "DescribeKey", key));
        time = time + stage.random.between(1, 6);
    }
    for key in targets.into_iter().take(4) {
        ids.push(look(stage, thief, time, "GetKeyPolicy", key));
        ids.push(look(stage, thief, time + 2, "ListGrants", key));
        time = time + stage.random.between(4, 14);
    }
    labels.step("discovery", &targets, ids);
}

fn denied(stage: &mut Stage<'_>, thief: &Actor, start: Moment, labels: &mut Labels) {
    let keys = &stage.cast.keys;
    let targets: [&Key; 6] = [
        &keys.payments,
        &keys.orders,
        &keys.secrets,
        &keys.backups,
        &keys.settlements,
        &keys.trail,
    ];
    let mut time = start;
    let mut ids = Vec::new();
    for key in targets {
        for _ in 0..stage.random.between(1, 2) {
            ids.push(stage.refuse(thief, time, "Decrypt", Some(key)));
            time = time + stage.random.between(3, 17);
        }
    }
    let request = Object::new().text("keyId", "alias/payments").finish();
    let mut guess = stage.manage(thief, time, "Encrypt", None, Some(request));
    guess.read_only = true;
    guess.error = Some((
        "AccessDenied",
        format!(
            "User: {} is not authorized to perform: kms:Encrypt on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access",
            thief.arn_at(time)
        ),
    ));
    guess.resources = None;
    ids.push(stage.push(guess));
    labels.step("denied-sweep", &targets, ids);
}

fn burst(stage: &mut Stage<'_>, thief: &Actor, start: Moment, labels: &mut Labels) {
    let key = &stage.cast.keys.customers;
    let mut ids = Vec::new();
    for call in 0..BURST_CALLS {
        let time = start + call * BURST_SECONDS / BURST_CALLS + stage.random.between(0, 2);
        let object =
            format!("arn:aws:s3:::nordlicht-customers/customers/full/part-{call:05}.parquet");
        let call = Use {
            operation: "Decrypt",
            key,
            naming: Naming::Arn,
            context: vec![("aws:s3:arn", object)],
        };
        ids.push(stage.use_key(thief, time, None, &call));
    }
    labels.step("decrypt-burst", &[key], ids);
}
