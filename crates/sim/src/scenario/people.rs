//! The life of people and of the pipeline: office hours, consoles, deployments.

use crate::actor::Actor;
use crate::json::Object;
use crate::key::{Key, Naming};
use crate::moment::{HOUR, MINUTE, Moment};

use super::applications::{INTERNAL, read_secret};
use super::calendar::{Calendar, is_office_time};
use super::cast::{Cast, GLOBAL, HOME, SHOP};
use super::stage::{Damage, Stage, Use};

/// Plays everybody who has office hours.
pub(crate) fn play<'a>(cast: &'a Cast, damage: &'a Damage, calendar: Calendar) -> Vec<Stage<'a>> {
    let mut stages = Vec::new();
    let people = [
        &cast.admin,
        &cast.developers[0],
        &cast.developers[1],
        &cast.auditor,
        &cast.analyst,
    ];
    for person in people {
        let mut stage = Stage::new(cast, damage, &person.session);
        for midnight in calendar.midnights().filter(|day| !day.is_weekend()) {
            work_day(&mut stage, person, midnight);
        }
        stages.push(stage);
    }
    let mut pipeline = Stage::new(cast, damage, "deploy");
    let times = calendar.moments(&mut pipeline.random, |time| {
        if is_office_time(time) { 0.2 } else { 0.0 }
    });
    for time in times {
        plan(&mut pipeline, time);
    }
    stages.push(pipeline);
    stages
}

/// A person signs in, then looks around in sittings of a few minutes.
fn work_day(stage: &mut Stage<'_>, person: &Actor, midnight: Moment) {
    if stage.random.chance(0.08) {
        return;
    }
    let arrival = midnight + 8 * HOUR + stage.random.between(0, 50 * MINUTE);
    sign_in(stage, person, arrival);
    for _ in 0..stage.random.between(2, 3) {
        let sitting = arrival + stage.random.between(4 * MINUTE, 7 * HOUR);
        if !is_office_time(sitting) {
            continue;
        }
        let set = person.name.split('_').nth(1).unwrap_or_default();
        match set {
            "DataAnalyst" => query(stage, person, sitting),
            "SecurityAudit" => audit(stage, person, sitting),
            "PlatformAdmin" => administer(stage, person, sitting),
            _ => develop(stage, person, sitting),
        }
    }
}

fn sign_in(stage: &mut Stage<'_>, person: &Actor, time: Moment) {
    let mut record = stage.other(person, time, "signin.amazonaws.com", "ConsoleLogin", None);
    record.event_type = "AwsConsoleSignIn";
    record.read_only = false;
    record.request_id = None;
    record.response_json = Some(Object::new().text("ConsoleLogin", "Success").finish());
    let login = Object::new()
        .text("MobileVersion", "No")
        .text("MFAUsed", "No");
    record.additional_json = Some(login.finish());
    // Only administrators take the global way in, and look at IAM, which logs there too.
    if person.name == stage.cast.admin.name {
        record.region = GLOBAL;
        let request = Object::new().text("pathPrefix", "/").finish();
        let source = "iam.amazonaws.com";
        let mut roles = stage.other(person, time + 35, source, "ListRoles", Some(request));
        roles.region = GLOBAL;
        stage.push(roles);
    }
    stage.push(record);
}

fn query(stage: &mut Stage<'_>, person: &Actor, start: Moment) {
    for step in 0..stage.random.between(2, 6) {
        let part = stage.random.hex(6);
        let call = Use {
            operation: "Decrypt",
            key: &stage.cast.keys.warehouse,
            naming: Naming::Arn,
            context: vec![(
                "aws:s3:arn",
                format!("arn:aws:s3:::nordlicht-warehouse/marts/sales/{part}.parquet"),
            )],
        };
        let time = start + step * 20 + stage.random.between(0, 15);
        stage.use_key(person, time, Some(INTERNAL), &call);
    }
}

fn audit(stage: &mut Stage<'_>, person: &Actor, start: Moment) {
    let cast = stage.cast;
    trails(stage, person, start);
    list(stage, person, start + 15, "ListAliases");
    let keys = cast.keys.of_shop();
    for step in 0..3 {
        let key = stage.random.pick(&keys, &cast.keys.orders);
        let time = start + 30 + step * 25;
        look(stage, person, time, "GetKeyRotationStatus", key);
        look(stage, person, time + 5, "GetKeyPolicy", key);
    }
}

fn administer(stage: &mut Stage<'_>, person: &Actor, start: Moment) {
    let cast = stage.cast;
    list(stage, person, start, "ListKeys");
    list(stage, person, start + 1, "ListAliases");
    let key = stage.random.pick(&cast.keys.of_shop(), &cast.keys.orders);
    for (step, name) in [
        "DescribeKey",
        "GetKeyPolicy",
        "GetKeyRotationStatus",
        "ListGrants",
    ]
    .into_iter()
    .enumerate()
    {
        look(stage, person, start + 9 + step as i64, name, key);
    }
    if stage.random.chance(0.3) {
        trails(stage, person, start + 80);
    }
}

fn develop(stage: &mut Stage<'_>, person: &Actor, start: Moment) {
    let request = r#"{"maxResults":50,"filterSet":{},"instancesSet":{}}"#.to_owned();
    let record = stage.other(
        person,
        start,
        "ec2.amazonaws.com",
        "DescribeInstances",
        Some(request),
    );
    stage.push(record);
    if stage.random.chance(0.5) {
        read_secret(stage, person, start + 20, "console/staging");
    } else {
        list(stage, person, start + 30, "ListAliases");
    }
}

/// Terraform refreshes what it manages before it changes anything.
fn plan(stage: &mut Stage<'_>, start: Moment) {
    let cast = stage.cast;
    let deploy = &cast.deploy;
    let mut time = start;
    for key in cast.keys.of_shop().into_iter().take(5) {
        for operation in ["DescribeKey", "GetKeyPolicy", "GetKeyRotationStatus"] {
            look(stage, deploy, time, operation, key);
            time = time + stage.random.between(0, 1);
        }
        time = time + 1;
    }
    list(stage, deploy, time, "ListAliases");
}

/// A call that reads about one key.
pub(crate) fn look(
    stage: &mut Stage<'_>,
    actor: &Actor,
    time: Moment,
    operation: &'static str,
    key: &Key,
) -> String {
    let naming = match operation {
        "DescribeKey" => stage
            .random
            .pick(&[Naming::Id, Naming::Arn, Naming::Alias], Naming::Id),
        _ => Naming::Id,
    };
    let mut request = Object::new().text("keyId", &key.named(naming));
    if operation == "GetKeyPolicy" {
        request = request.text("policyName", "default");
    }
    let record = stage.manage(actor, time, operation, Some(key), Some(request.finish()));
    stage.push(record)
}

/// A call that lists the account's keys or aliases: it names no key.
pub(crate) fn list(
    stage: &mut Stage<'_>,
    actor: &Actor,
    time: Moment,
    operation: &'static str,
) -> String {
    let request = Object::new().number("limit", 100).finish();
    let record = stage.manage(actor, time, operation, None, Some(request));
    stage.push(record)
}

fn trails(stage: &mut Stage<'_>, person: &Actor, time: Moment) {
    let trail = format!("arn:aws:cloudtrail:{HOME}:{SHOP}:trail/prod-audit");
    let calls = [
        (
            "DescribeTrails",
            r#"{"trailNameList":[],"includeShadowTrails":true}"#.to_owned(),
        ),
        (
            "GetTrailStatus",
            Object::new().text("name", &trail).finish(),
        ),
    ];
    for (name, request) in calls {
        let record = stage.other(
            person,
            time,
            "cloudtrail.amazonaws.com",
            name,
            Some(request),
        );
        stage.push(record);
    }
}
