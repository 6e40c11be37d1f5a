//! The life of the applications: services that call KMS for them, and what they call themselves.

use crate::actor::Actor;
use crate::json::Object;
use crate::key::Naming;
use crate::moment::{MINUTE, Moment};

use super::calendar::{Calendar, shop_rate};
use super::cast::{Cast, HOME, SHOP};
use super::platform;
use super::stage::{Damage, Stage, Use};

/// How S3 and Systems Manager appear in the records of calls that they pass on.
pub(crate) const INTERNAL: &str = "AWS Internal";
const SECRETS_MANAGER: &str = "secretsmanager.amazonaws.com";
const DYNAMODB: &str = "dynamodb.amazonaws.com";

/// Plays all applications and services of the organisation.
pub(crate) fn play<'a>(cast: &'a Cast, damage: &'a Damage, calendar: Calendar) -> Vec<Stage<'a>> {
    PROCESSES
        .iter()
        .map(|(name, process)| {
            let mut stage = Stage::new(cast, damage, name);
            process(&mut stage, calendar);
            stage
        })
        .collect()
}

type Process = fn(&mut Stage<'_>, Calendar);

const PROCESSES: [(&str, Process); 12] = [
    ("orders", orders),
    ("payments", payments),
    ("crm", crm_sync),
    ("reporting", reporting),
    ("invoices", invoices),
    ("web", web),
    ("backup", backup),
    ("warehouse", platform::warehouse),
    ("ledger", platform::ledger),
    ("cloudtrail", platform::cloudtrail),
    ("logs", platform::logs),
    ("sessions", platform::sessions),
];

fn orders(stage: &mut Stage<'_>, calendar: Calendar) {
    let cast = stage.cast;
    let table = vec![
        ("aws:dynamodb:tableName", "orders".to_owned()),
        ("aws:dynamodb:subscriberId", SHOP.to_owned()),
    ];
    for time in calendar.moments(&mut stage.random, |time| shop_rate(time, 2.2, 0.6)) {
        let call = Use {
            operation: "Decrypt",
            key: &cast.keys.orders,
            naming: Naming::Arn,
            context: table.clone(),
        };
        stage.use_key(&cast.orders_api, time, Some(DYNAMODB), &call);
    }
    for time in calendar.moments(&mut stage.random, |time| shop_rate(time, 0.8, 0.2)) {
        let basket = stage.random.between(10_000, 99_999);
        let call = Use {
            operation: "GenerateDataKey",
            key: &cast.keys.orders,
            naming: Naming::Alias,
            context: vec![
                ("service", "orders".to_owned()),
                ("basket", basket.to_string()),
            ],
        };
        stage.use_key(&cast.orders_api, time, None, &call);
    }
    for hour in calendar.hours().step_by(2) {
        read_secret(
            stage,
            &cast.orders_api,
            hour + 7 * MINUTE,
            "orders/database",
        );
    }
}

fn payments(stage: &mut Stage<'_>, calendar: Calendar) {
    let cast = stage.cast;
    for time in calendar.moments(&mut stage.random, |time| shop_rate(time, 2.2, 0.6)) {
        let operation = stage
            .random
            .pick(&["Decrypt", "Decrypt", "Encrypt"], "Decrypt");
        let tenant = stage.random.pick(&["eu-1", "eu-2", "eu-3"], "eu-1");
        let call = Use {
            operation,
            key: &cast.keys.payments,
            naming: Naming::Arn,
            context: vec![
                ("service", "payments".to_owned()),
                ("tenant", tenant.to_owned()),
            ],
        };
        stage.use_key(&cast.payments, time, None, &call);
    }
    for hour in calendar.hours().step_by(2) {
        read_secret(
            stage,
            &cast.payments,
            hour + 22 * MINUTE,
            "payments/gateway",
        );
    }
}

/// A secret is read: one record of Secrets Manager, one of KMS that it calls for the reader.
pub(crate) fn read_secret(stage: &mut Stage<'_>, actor: &Actor, base: Moment, secret: &str) {
    let cast = stage.cast;
    let time = base + stage.random.between(0, 40);
    let key = if secret.starts_with("console/") {
        &cast.keys.managed_secrets
    } else {
        &cast.keys.secrets
    };
    let suffix = match secret {
        "orders/database" => "Xa91kQ",
        "payments/gateway" => "bT30Zm",
        _ => "r8WuPe",
    };
    let arn = format!("arn:aws:secretsmanager:{HOME}:{SHOP}:secret:{secret}-{suffix}");
    let mut read = stage.other(
        actor,
        time,
        SECRETS_MANAGER,
        "GetSecretValue",
        Some(Object::new().text("secretId", secret).finish()),
    );
    if stage
        .damage
        .troubles
        .iter()
        .any(|t| t.key == key.arn() && time >= t.from)
    {
        read.error = Some((
            "DecryptionFailure",
            "Secrets Manager can't decrypt the protected secret text using the provided KMS key."
                .to_owned(),
        ));
    }
    stage.push(read);
    let call = Use {
        operation: "Decrypt",
        key,
        naming: Naming::Arn,
        context: vec![
            ("SecretARN", arn),
            (
                "SecretVersionId",
                "7C2F5B0E-91D4-4C0B-8E2A-5D6B0F3A1E77".to_owned(),
            ),
        ],
    };
    stage.use_key(actor, time, Some(SECRETS_MANAGER), &call);
}

fn crm_sync(stage: &mut Stage<'_>, calendar: Calendar) {
    let cast = stage.cast;
    for hour in calendar.hours() {
        let start = hour + 15 * MINUTE;
        let time = start + stage.random.between(0, 70);
        let part = stage.random.between(0, 63);
        let object = format!("customers/delta/part-{part:05}.parquet");
        s3_object(stage, &cast.crm_sync, time, "Decrypt", &object);
        if hour.parts().hour % 6 == 0 {
            let object = format!("customers/snapshot/{}.json", hour.stamp());
            s3_object(
                stage,
                &cast.crm_sync,
                start + 110,
                "GenerateDataKey",
                &object,
            );
        }
    }
}

/// An object of the customers' bucket is read or written: S3 calls KMS, and logs the object as a data event.
fn s3_object(
    stage: &mut Stage<'_>,
    actor: &Actor,
    time: Moment,
    operation: &'static str,
    object: &str,
) {
    let cast = stage.cast;
    let bucket = "nordlicht-customers";
    let arn = format!("arn:aws:s3:::{bucket}/{object}");
    let key = &cast.keys.customers;
    let call = Use {
        operation,
        key,
        naming: Naming::Arn,
        context: vec![("aws:s3:arn", arn.clone())],
    };
    stage.use_key(actor, time, Some(INTERNAL), &call);
    if operation != "GenerateDataKey" {
        return;
    }
    let request = Object::new()
        .text("bucketName", bucket)
        .text("Host", "nordlicht-customers.s3.eu-central-1.amazonaws.com")
        .text("x-amz-server-side-encryption", "aws:kms")
        .text("x-amz-server-side-encryption-aws-kms-key-id", &key.arn())
        .text("key", object);
    let mut record = stage.other(
        actor,
        time,
        "s3.amazonaws.com",
        "PutObject",
        Some(request.finish()),
    );
    record.category = "Data";
    record.read_only = false;
    let entry = Object::new()
        .text("type", "AWS::S3::Object")
        .text("ARN", &arn);
    record.resources = Some(vec![entry.finish()]);
    stage.push(record);
}

fn reporting(stage: &mut Stage<'_>, calendar: Calendar) {
    let cast = stage.cast;
    for hour in calendar.hours().filter(|hour| hour.parts().hour % 4 == 1) {
        let start = hour + 30 * MINUTE;
        for part in 0..3 {
            let time = start + part * 25 + stage.random.between(0, 20);
            let object = format!("sales/{}/{part}.csv", hour.folders());
            let call = Use {
                operation: if part == 2 {
                    "GenerateDataKey"
                } else {
                    "Decrypt"
                },
                key: &cast.keys.reports,
                naming: Naming::Arn,
                context: vec![(
                    "aws:s3:arn",
                    format!("arn:aws:s3:::nordlicht-reports/{object}"),
                )],
            };
            stage.use_key(&cast.reporting, time, Some(INTERNAL), &call);
        }
    }
}

fn invoices(stage: &mut Stage<'_>, calendar: Calendar) {
    let cast = stage.cast;
    let function = format!("arn:aws:lambda:{HOME}:{SHOP}:function:invoice-renderer");
    for time in calendar.moments(&mut stage.random, |time| shop_rate(time, 1.2, 0.1)) {
        let call = Use {
            operation: "Decrypt",
            key: &cast.keys.secrets,
            naming: Naming::Arn,
            context: vec![("aws:lambda:FunctionArn", function.clone())],
        };
        stage.use_key(&cast.invoices, time, None, &call);
    }
}

fn web(stage: &mut Stage<'_>, calendar: Calendar) {
    let cast = stage.cast;
    for hour in calendar.hours().step_by(2) {
        let time = hour + 41 * MINUTE + stage.random.between(0, 50);
        let name = stage
            .random
            .pick(&["session-secret", "smtp-password"], "session-secret");
        let request = Object::new()
            .text("name", &format!("/web/{name}"))
            .flag("withDecryption", true);
        let mut read = stage.other(
            &cast.web,
            time,
            "ssm.amazonaws.com",
            "GetParameter",
            Some(request.finish()),
        );
        let arn = format!("arn:aws:ssm:{HOME}:{SHOP}:parameter/web/{name}");
        let entry = Object::new()
            .text("accountId", SHOP)
            .text("ARN", &arn)
            .finish();
        read.resources = Some(vec![entry]);
        stage.push(read);
        let call = Use {
            operation: "Decrypt",
            key: &cast.keys.parameters,
            naming: Naming::Alias,
            context: vec![("PARAMETER_ARN", arn)],
        };
        stage.use_key(&cast.web, time, Some(INTERNAL), &call);
    }
    for time in calendar.moments(&mut stage.random, |_| 0.15) {
        let request = r#"{"instancesSet":{},"filterSet":{"items":[{"name":"tag:role","valueSet":{"items":[{"value":"web"}]}}]}}"#;
        let record = stage.other(
            &cast.web,
            time,
            "ec2.amazonaws.com",
            "DescribeInstances",
            Some(request.to_owned()),
        );
        stage.push(record);
    }
}

fn backup(stage: &mut Stage<'_>, calendar: Calendar) {
    let cast = stage.cast;
    for midnight in calendar.midnights() {
        for volume in 0..8 {
            let time = midnight + 90 * MINUTE + volume * 70 + stage.random.between(0, 40);
            let call = Use {
                operation: "GenerateDataKey",
                key: &cast.keys.backups,
                naming: Naming::AliasArn,
                context: vec![
                    ("vault", "nordlicht".to_owned()),
                    ("volume", volume.to_string()),
                ],
            };
            stage.use_key(&cast.backup, time, None, &call);
        }
    }
    for hour in calendar.hours().filter(|hour| hour.parts().hour % 2 == 0) {
        let time = hour + 48 * MINUTE + stage.random.between(0, 200);
        let volume = stage.random.between(0, 7);
        let call = Use {
            operation: "Decrypt",
            key: &cast.keys.backups,
            naming: Naming::Arn,
            context: vec![
                ("vault", "nordlicht".to_owned()),
                ("volume", volume.to_string()),
            ],
        };
        stage.use_key(&cast.backup, time, None, &call);
    }
}
