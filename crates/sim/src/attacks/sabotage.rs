//! Attacks on the keys themselves: given away, disabled, deleted, opened to all.

use crate::actor::Actor;
use crate::json::Object;
use crate::key::{Key, policy, statement};
use crate::moment::{DAY, HOUR, MINUTE, Moment};
use crate::organisation::call::naming;
use crate::organisation::habit::{Habit, Resource};
use crate::organisation::places::{DATA_ACCOUNT, HOME_ACCOUNT, STRANGER, Tool, internet};
use crate::organisation::principal::{Class, Principal, foreign};

use super::plot::{Plot, strange_keys};
use super::{Act, Strength};

/// Administrators, and pipelines that could.
fn may_administer(principal: &Principal) -> bool {
    principal.class == Class::Pipeline
        || principal
            .actors
            .iter()
            .any(|actor| actor.name.contains("PlatformAdmin"))
}

/// A grant to whom the key is not meant for: a role of the account, one of another account, a stranger; then its use.
pub(crate) fn grant_abuse(plot: &mut Plot<'_>) -> Option<()> {
    let victim = plot.victim(&[Class::Person, Class::Pipeline], may_administer)?;
    let actor = plot.at_home(victim)?;
    let own = plot.world.keys.of(plot.random.clone().index(22));
    let key = plot.random.pick(&[own.data, own.records], own.data);
    let account = match plot.strength {
        Strength::Low => HOME_ACCOUNT,
        Strength::Medium => DATA_ACCOUNT,
        Strength::High => STRANGER,
    };
    let name = plot
        .random
        .pick(&["data-mover", "sync", "reader"], "reader");
    let request = Object::new()
        .text("keyId", &plot.world.keys.key(key)?.id)
        .text(
            "granteePrincipal",
            &format!("arn:aws:iam::{account}:role/{name}"),
        )
        .list("operations", &["Decrypt", "GenerateDataKey", "CreateGrant"])
        .finish();
    let response = Object::new()
        .text("grantId", &plot.random.hex(64))
        .text("keyId", &plot.world.keys.key(key)?.arn())
        .finish();
    let grant = Habit::look(key, "CreateGrant", 1.0);
    plot.step(
        plot.start,
        actor,
        grant,
        Act::Change(request, Some(response)),
    );
    if plot.strength != Strength::Low {
        let grantee = grantee(plot, account, name)?;
        let grantee = plot.cast(grantee);
        let count = plot.amount(1, 8, 40);
        let habit = Habit::direct(key, "Decrypt", Resource::Bare, 1.0);
        plot.calls((plot.start + 4 * MINUTE, HOUR), count, grantee, &habit);
    }
    Some(())
}

fn grantee(plot: &mut Plot<'_>, account: &'static str, name: &str) -> Option<Actor> {
    let addresses = internet(&mut plot.random, 2);
    let seed = plot.world.seed;
    foreign(seed, account, name, &addresses, &mut plot.random)
        .into_iter()
        .next()
}

/// Disables keys, schedules their deletion, opens or closes their policies. Keys in daily use go on answering: what
/// breaks is not played.
pub(crate) fn sabotage(plot: &mut Plot<'_>) -> Option<()> {
    let victim = plot.victim(&[Class::Person, Class::Pipeline], may_administer)?;
    let actor = if plot.strength == Strength::High {
        plot.elsewhere(victim, Tool::Cli)?
    } else {
        plot.at_home(victim)?
    };
    let mut keys = strange_keys(plot, victim.1);
    if keys.is_empty() {
        keys = plot.world.keys.customer_managed();
    }
    plot.random.shuffle(&mut keys);
    let count = plot.amount(1, 3, 8) as usize;
    for key in keys.into_iter().take(count) {
        let time = plot.start + plot.random.between(0, 25 * MINUTE);
        let made = plot.world.keys.key(key)?;
        let (operation, request, response) = match plot.random.below(4) {
            0 => ("DisableKey", naming(&made.id), None),
            1 => (
                "ScheduleKeyDeletion",
                deletion(made),
                Some(scheduled(made, time)),
            ),
            2 => ("PutKeyPolicy", opened(made), None),
            _ => ("DisableKeyRotation", naming(&made.id), None),
        };
        let habit = Habit::look(key, operation, 1.0);
        plot.step(time, actor, habit, Act::Change(request, response));
    }
    Some(())
}

fn deletion(key: &Key) -> String {
    Object::new()
        .text("keyId", &key.id)
        .number("pendingWindowInDays", 7)
        .finish()
}

fn scheduled(key: &Key, time: Moment) -> String {
    Object::new()
        .text("keyId", &key.arn())
        .text("deletionDate", &(time + 7 * DAY).java_date())
        .text("keyState", "PendingDeletion")
        .number("pendingWindowInDays", 7)
        .finish()
}

fn opened(key: &Key) -> String {
    let root = format!("arn:aws:iam::{HOME_ACCOUNT}:root");
    let document = policy(&[
        statement("EnableIAMUserPermissions", &[root], &["kms:*"]),
        statement(
            "Transfer",
            &["*".to_owned()],
            &["kms:Decrypt", "kms:ReEncrypt*"],
        ),
    ]);
    Object::new()
        .text("keyId", &key.id)
        .text("policyName", "default")
        .text("policy", &document)
        .flag("bypassPolicyLockoutSafetyCheck", false)
        .finish()
}
