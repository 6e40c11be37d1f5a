//! Sabotage: an administrator's session gives keys away, breaks those in use, then turns the cameras off.

use crate::actor::Actor;
use crate::json::Object;
use crate::key::{Key, policy, statement};
use crate::moment::{DAY, HOUR, MINUTE, Moment};
use crate::record::Record;

use super::attack::{AttackKind, Labels};
use super::calendar::Calendar;
use super::cast::{Cast, HOME, SHOP, STRANGER};
use super::people::list;
use super::stage::{Damage, Stage, Trouble};
use super::upkeep::{create_key, put_policy, put_selectors};

const CLOUDTRAIL: &str = "cloudtrail.amazonaws.com";

/// When the sabotage begins: the archive's last evening, long after office hours.
fn begin(calendar: Calendar) -> Moment {
    calendar.day(calendar.days - 1) + 20 * HOUR + 12 * MINUTE
}

/// Seconds into the sabotage at which each blow falls.
mod at {
    pub(super) const GRANT: i64 = 95;
    pub(super) const OPEN: i64 = 210;
    pub(super) const LOCK_OUT: i64 = 330;
    pub(super) const REPOINT: i64 = 450;
    pub(super) const DISABLE: i64 = 610;
    pub(super) const DELETE: i64 = 685;
    pub(super) const MATERIAL: i64 = 770;
    pub(super) const DARK: i64 = 900;
}

/// What the sabotage does to everybody else's calls.
pub(crate) fn damage(cast: &Cast, calendar: Calendar) -> Damage {
    let start = begin(calendar);
    let keys = &cast.keys;
    let trouble = |key: &Key, from, code, message| Trouble {
        key: key.arn(),
        from: start + from,
        code,
        message,
    };
    const STATE: &str = "KMSInvalidStateException";
    Damage {
        troubles: vec![
            trouble(
                &keys.payments,
                at::DISABLE + 2,
                "DisabledException",
                "is disabled.",
            ),
            trouble(&keys.secrets, at::DELETE + 2, STATE, "is pending deletion."),
            trouble(&keys.backups, at::MATERIAL + 2, STATE, "is pending import."),
        ],
        repointed: Some((
            keys.orders.alias.clone(),
            start + at::REPOINT + 10,
            keys.planted.clone(),
        )),
    }
}

/// Plays the sabotage.
pub(crate) fn play<'a>(
    cast: &'a Cast,
    damage: &'a Damage,
    calendar: Calendar,
    labels: &mut Labels,
) -> Stage<'a> {
    let mut stage = Stage::new(cast, damage, "sabotage");
    let start = begin(calendar);
    let intruder = intruder(cast, start);
    labels.open(AttackKind::Sabotage, &intruder);
    let seen = vec![
        list(&mut stage, &intruder, start, "ListKeys"),
        list(&mut stage, &intruder, start + 4, "ListAliases"),
    ];
    labels.step("discovery", &[], seen);
    share(&mut stage, &intruder, start, labels);
    open_policies(&mut stage, &intruder, start, labels);
    repoint(&mut stage, &intruder, start, labels);
    break_keys(&mut stage, &intruder, start, labels);
    go_dark(&mut stage, &intruder, start, labels);
    stage
}

/// Labels the failed calls of the applications as the last step.
pub(crate) fn label_aftermath(
    cast: &Cast,
    damage: &Damage,
    labels: &mut Labels,
    records: &[Record],
) {
    let keys = &cast.keys;
    let broken = [&keys.payments, &keys.secrets, &keys.backups];
    let failed = records.iter().filter(|record| {
        record.error.as_ref().is_some_and(|(code, message)| {
            damage
                .troubles
                .iter()
                .any(|trouble| *code == trouble.code && message.starts_with(&trouble.key))
        })
    });
    labels.step(
        "broken-applications",
        &broken,
        failed.map(|record| record.id.clone()).collect(),
    );
}

/// The administrator's permission set and name, in a session of its own from another network.
fn intruder(cast: &Cast, start: Moment) -> Actor {
    Actor {
        addresses: vec!["203.0.113.9".to_owned()],
        agent:
            "aws-cli/2.15.38 Python/3.11.8 Linux/5.15.0-105-generic exe/x86_64.ubuntu.22 prompt/off"
                .to_owned(),
        signed_in: Some(start + -6 * MINUTE),
        ..cast.admin.clone()
    }
}

fn share(stage: &mut Stage<'_>, intruder: &Actor, start: Moment, labels: &mut Labels) {
    let key = &stage.cast.keys.settlements;
    let request = Object::new()
        .text("keyId", &key.id)
        .text(
            "granteePrincipal",
            &format!("arn:aws:iam::{STRANGER}:role/data-mover"),
        )
        .list("operations", &["Decrypt", "GenerateDataKey", "CreateGrant"])
        .finish();
    let time = start + at::GRANT;
    let mut record = stage.manage(intruder, time, "CreateGrant", Some(key), Some(request));
    let grant = stage.random.hex(64);
    record.response_json = Some(
        Object::new()
            .text("grantId", &grant)
            .text("keyId", &key.arn())
            .finish(),
    );
    let id = stage.push(record);
    labels.step("grant-external", &[key], vec![id]);
}

fn open_policies(stage: &mut Stage<'_>, intruder: &Actor, start: Moment, labels: &mut Labels) {
    let (customers, reports) = (&stage.cast.keys.customers, &stage.cast.keys.reports);
    let root = format!("arn:aws:iam::{SHOP}:root");
    let open = policy(&[
        statement("EnableIAMUserPermissions", &[root], &["kms:*"]),
        statement(
            "Transfer",
            &["*".to_owned()],
            &["kms:Decrypt", "kms:ReEncrypt*"],
        ),
    ]);
    let id = put_policy(stage, intruder, start + at::OPEN, customers, &open, false);
    labels.step("policy-public", &[customers], vec![id]);
    let own = statement("Owner", &[intruder.role_arn()], &["kms:*"]);
    let time = start + at::LOCK_OUT;
    let id = put_policy(stage, intruder, time, reports, &policy(&[own]), true);
    labels.step("policy-lockout", &[reports], vec![id]);
}

fn repoint(stage: &mut Stage<'_>, intruder: &Actor, start: Moment, labels: &mut Labels) {
    let (orders, planted) = (&stage.cast.keys.orders, &stage.cast.keys.planted);
    let time = start + at::REPOINT;
    let created = create_key(stage, intruder, time, planted, "");
    let request = Object::new()
        .text("aliasName", &orders.alias)
        .text("targetKeyId", &planted.id)
        .finish();
    let mut record = stage.manage(
        intruder,
        time + 9,
        "UpdateAlias",
        Some(planted),
        Some(request),
    );
    record.resources = Some(vec![orders.alias_resource(), planted.resource()]);
    let updated = stage.push(record);
    labels.step(
        "alias-repointed",
        &[orders, planted],
        vec![created, updated],
    );
}

fn break_keys(stage: &mut Stage<'_>, intruder: &Actor, start: Moment, labels: &mut Labels) {
    let keys = &stage.cast.keys;
    let named = |key: &Key| Object::new().text("keyId", &key.id);
    let time = start + at::DISABLE;
    let request = named(&keys.payments).finish();
    let disable = stage.manage(
        intruder,
        time,
        "DisableKey",
        Some(&keys.payments),
        Some(request),
    );
    let id = stage.push(disable);
    labels.step("key-disabled", &[&keys.payments], vec![id]);

    let time = start + at::DELETE;
    let request = named(&keys.secrets)
        .number("pendingWindowInDays", 7)
        .finish();
    let key = Some(&keys.secrets);
    let mut delete = stage.manage(intruder, time, "ScheduleKeyDeletion", key, Some(request));
    delete.response_json = Some(
        Object::new()
            .text("keyId", &keys.secrets.arn())
            .text("deletionDate", &(time + 7 * DAY).java_date())
            .text("keyState", "PendingDeletion")
            .number("pendingWindowInDays", 7)
            .finish(),
    );
    let id = stage.push(delete);
    labels.step("key-deletion-scheduled", &[&keys.secrets], vec![id]);

    let time = start + at::MATERIAL;
    let request = named(&keys.backups).finish();
    let key = Some(&keys.backups);
    let strip = stage.manage(
        intruder,
        time,
        "DeleteImportedKeyMaterial",
        key,
        Some(request),
    );
    let id = stage.push(strip);
    labels.step("material-deleted", &[&keys.backups], vec![id]);
}

fn go_dark(stage: &mut Stage<'_>, intruder: &Actor, start: Moment, labels: &mut Labels) {
    let trail = format!("arn:aws:cloudtrail:{HOME}:{SHOP}:trail/prod-audit");
    let time = start + at::DARK;
    let request = put_selectors(&trail, &["kms.amazonaws.com"]);
    let mut exclude = stage.other(
        intruder,
        time,
        CLOUDTRAIL,
        "PutEventSelectors",
        Some(request.clone()),
    );
    exclude.response_json = Some(request.replacen("trailName", "trailARN", 1));
    exclude.read_only = false;
    let id = stage.push(exclude);
    labels.step("trail-kms-excluded", &[], vec![id]);
    let request = Object::new().text("name", &trail).finish();
    let mut stop = stage.other(
        intruder,
        time + 70,
        CLOUDTRAIL,
        "StopLogging",
        Some(request),
    );
    stop.read_only = false;
    let id = stage.push(stop);
    labels.step("trail-stopped", &[], vec![id]);
}
