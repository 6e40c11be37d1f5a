//! The life below the applications: the warehouse, logging, and the sessions that AWS hands out.

use crate::actor::Actor;
use crate::json::Object;
use crate::key::Naming;
use crate::moment::{DAY, HOUR, MINUTE, Moment};

use super::applications::INTERNAL;
use super::calendar::Calendar;
use super::cast::{DATA, HOME, SHOP};
use super::stage::{Stage, Use};

pub(crate) fn warehouse(stage: &mut Stage<'_>, calendar: Calendar) {
    let cast = stage.cast;
    for hour in calendar.hours().step_by(6) {
        let night = hour.parts().hour < 4;
        let count = stage.random.between(8, if night { 20 } else { 12 });
        for step in 0..count {
            let time = hour + 5 * MINUTE + step * 45 + stage.random.between(0, 40);
            let operation = stage
                .random
                .pick(&["Decrypt", "Decrypt", "GenerateDataKey"], "Decrypt");
            let part = stage.random.hex(6);
            let call = Use {
                operation,
                key: &cast.keys.warehouse,
                naming: Naming::Arn,
                context: vec![(
                    "aws:s3:arn",
                    format!(
                        "arn:aws:s3:::nordlicht-warehouse/facts/{}/{part}.parquet",
                        hour.folders()
                    ),
                )],
            };
            stage.use_key(&cast.etl, time, Some(INTERNAL), &call);
        }
    }
}

/// The ledger of the data account seals its transfers with a key of the shop: every call is logged in both.
pub(crate) fn ledger(stage: &mut Stage<'_>, calendar: Calendar) {
    let cast = stage.cast;
    for hour in calendar.hours().step_by(6) {
        for (minute, operation) in [(33, "Decrypt"), (34, "Encrypt"), (71, "Decrypt")] {
            let time = hour + minute * MINUTE + stage.random.between(0, 50);
            let call = Use {
                operation,
                key: &cast.keys.settlements,
                naming: Naming::Arn,
                context: vec![("ledger", "settlements".to_owned())],
            };
            stage.use_key(&cast.ledger, time, None, &call);
        }
    }
}

pub(crate) fn cloudtrail(stage: &mut Stage<'_>, calendar: Calendar) {
    let cast = stage.cast;
    let trail = format!("arn:aws:cloudtrail:{HOME}:{SHOP}:trail/prod-audit");
    for time in calendar.moments(&mut stage.random, |_| 0.7) {
        let name = stage.random.alphanumeric(16);
        let account = stage.random.pick(&[SHOP, DATA], SHOP);
        let object = format!(
            "arn:aws:s3:::nordlicht-audit/AWSLogs/{account}/CloudTrail/{HOME}/{}/{account}_CloudTrail_{HOME}_{}_{name}.json.gz",
            time.folders(),
            time.ceil(5 * MINUTE).stamp()
        );
        let call = Use {
            operation: "GenerateDataKey",
            key: &cast.keys.trail,
            naming: Naming::Arn,
            context: vec![
                ("aws:cloudtrail:arn", trail.clone()),
                ("aws:s3:arn", object),
            ],
        };
        stage.use_key(&cast.cloudtrail, time, None, &call);
    }
}

pub(crate) fn logs(stage: &mut Stage<'_>, calendar: Calendar) {
    let cast = stage.cast;
    // The jobs of the warehouse and the analysts' queries write logs; nobody else does.
    for time in calendar.moments(&mut stage.random, |time| match time.parts().hour % 6 {
        0 => 1.6,
        _ => 0.0,
    }) {
        let group = stage
            .random
            .pick(&["/aws-glue/jobs/output", "/aws/athena"], "/aws/athena");
        let call = Use {
            operation: "GenerateDataKey",
            key: &cast.keys.logs,
            naming: Naming::Arn,
            context: vec![(
                "aws:logs:arn",
                format!("arn:aws:logs:{HOME}:{DATA}:log-group:{group}"),
            )],
        };
        stage.use_key(&cast.logs, time, None, &call);
    }
}

/// AWS hands out the sessions that the roles work with: sts AssumeRole by the service that runs them.
pub(crate) fn sessions(stage: &mut Stage<'_>, calendar: Calendar) {
    let cast = stage.cast;
    let roles = [
        (&cast.orders_api, "ecs-tasks.amazonaws.com", 12),
        (&cast.payments, "ecs-tasks.amazonaws.com", 12),
        (&cast.crm_sync, "ecs-tasks.amazonaws.com", 12),
        (&cast.reporting, "ecs-tasks.amazonaws.com", 12),
        (&cast.invoices, "lambda.amazonaws.com", 12),
    ];
    for (role, service, hours) in roles {
        let caller = Actor {
            account: role.account,
            name: service.to_owned(),
            ..cast.cloudtrail.clone()
        };
        for index in 0..calendar.days * DAY / (hours * HOUR) {
            // Half an hour into each: by then the session of that time has surely begun.
            let time = role
                .session_at(calendar.start + (index + 1) * hours * HOUR)
                .created;
            if time >= calendar.start {
                assume_role(stage, &caller, role, time);
            }
        }
    }
}

fn assume_role(stage: &mut Stage<'_>, caller: &Actor, role: &Actor, time: Moment) {
    let session = role.session_at(time);
    let request = Object::new()
        .text("roleArn", &role.role_arn())
        .text("roleSessionName", &session.name);
    let credentials = Object::new()
        .text("accessKeyId", &session.access_key)
        .text("sessionToken", "SIMULATED")
        .text("expiration", &(time + 6 * HOUR).java_date())
        .finish();
    let assumed = Object::new()
        .text("assumedRoleId", &format!("{}:{}", role.id, session.name))
        .text("arn", &role.arn_at(time))
        .finish();
    let response = Object::new()
        .raw("credentials", &credentials)
        .raw("assumedRoleUser", &assumed);
    let resource = Object::new()
        .text("accountId", role.account)
        .text("type", "AWS::IAM::Role")
        .text("ARN", &role.role_arn())
        .finish();
    let mut record = stage.other(
        caller,
        time,
        "sts.amazonaws.com",
        "AssumeRole",
        Some(request.finish()),
    );
    record.response_json = Some(response.finish());
    record.resources = Some(vec![resource]);
    stage.push(record);
}
