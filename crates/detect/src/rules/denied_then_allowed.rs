//! `denied-then-allowed`: a key is refused, permissions change, the key is used by the same principal.

use keytrail_event::arn::Arn;
use keytrail_event::{EventTime, OperationClass, OutcomeFamily};
use std::collections::BTreeMap;

use super::caller::is_aws_principal;
use super::change_habits::ChangedIn;
use super::day::{DayCell, DayHit, DayLight};
use super::grant::Grantee;
use super::habits::HABIT_DAYS;
use super::lately::LATELY_SECONDS;
use super::sightings::{events_of, grouped, times_of};
use super::support::{cut, duration, key_argument, key_in_title};
use super::{About, Hit, Rule, Side};
use crate::account_day;
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct DeniedThenAllowed;

/// Seconds within which it all happens.
const WITHIN_SECONDS: i64 = LATELY_SECONDS;
/// Changes of a key that let somebody in.
const KEY_CHANGES: [&str; 2] = ["CreateGrant", "PutKeyPolicy"];

const ABOUT: About = About {
    id: "denied-then-allowed",
    title: "A refused principal was let in, and used the key",
    severities: &[Severity::Medium, Severity::High],
    attack: &[("TA0003", "T1098", "T1098")],
    practice: "who may use a key changes by a decision, not on the way",
    side: Side::Owner,
    fires_when: "A cryptographic call of a principal on a key is refused, then the key's policy is written, or a grant on it that may be the principal's, or a permission changed in IAM that may be (a policy written, attached, taken off or deleted, a version made the default, a group joined or left, a boundary set or removed), then such a call of the principal on the key succeeds, all within an hour, and none did between refusal and change. Medium when another principal made the change that makes such changes: on 3 earlier days, or on one where the refused principal used no key before the day.",
    reads: &[
        "eventSource",
        "eventName",
        "eventTime",
        "eventID",
        "errorCode",
        "recipientAccountId",
        "resources[].ARN",
        "requestParameters.keyId",
        "requestParameters.userName",
        "requestParameters.roleName",
        "requestParameters.groupName",
        "requestParameters.granteePrincipal",
        "requestParameters.policyDocument",
        "requestParameters.setAsDefault",
        "userIdentity",
    ],
};

/// A change of permissions.
#[derive(Debug, Clone, Copy)]
struct Change<'l> {
    at: EventTime,
    event_id: &'l str,
    operation: &'l str,
    principal: &'l str,
    /// The key it is about; `None` for IAM, which is about any.
    key: Option<&'l str>,
    /// The user or role that IAM lets in; empty where it may be anybody.
    target: &'l str,
    /// Whom a grant lets in; empty where it is none.
    grantee: &'l str,
}

impl Change<'_> {
    /// Whether it may have let the principal use the key.
    fn may_let_in(&self, principal: &str, key: &str) -> bool {
        self.key.is_none_or(|changed| changed == key)
            && (self.target.is_empty() || is_target(self.target, principal))
            && (self.grantee.is_empty() || Grantee::read(self.grantee).is(principal) != Some(false))
    }
}

/// A change that may have let a principal in that was refused within the hour before.
#[derive(Debug, Clone, Copy)]
struct Opening<'l> {
    refusal: EventTime,
    /// What was refused: [`permission_of`].
    permission: &'l str,
    change: Change<'l>,
}

impl Rule for DeniedThenAllowed {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let changes = changes(light);
        if changes.is_empty() {
            return Vec::new();
        }
        let openings = openings(&refusals(light, &changes), &changes);
        if openings.is_empty() {
            return Vec::new();
        }
        let who = |principal: &str, key: &str| {
            openings.contains_key(&(principal, key)) && !is_aws_principal(principal)
        };
        let used = light.cells_of_pairs(who, account_day::is_use, is_use);
        let by_pair = grouped(&used, |cell| Some((cell.principal, cell.key)));
        let hits = by_pair.iter().filter_map(|(pair, cells)| {
            let openings = openings.get(pair)?;
            let uses = uses(cells, openings);
            let mut chains = openings.iter().filter_map(|opening| {
                let (refusal, change) = (opening.refusal, opening.change);
                let uses = uses.get(opening.permission)?;
                let use_ = *uses.get(uses.partition_point(|at| *at < change.at))?;
                // Whoever uses the key behind the refusal all the same was not let in by the change.
                let next = uses.get(uses.partition_point(|at| *at <= refusal));
                let is_let_in = next.is_none_or(|next| *next >= change.at);
                let is_soon = use_.seconds_since(refusal) <= WITHIN_SECONDS;
                (is_let_in && is_soon).then_some((refusal, change, use_))
            });
            let first = chains.next()?;
            // A change that is nobody's habit says most, and those that are hide none.
            let is_none = |change| habit(pair.0, change, light).is_none();
            let chain = if is_none(first.1) {
                first
            } else {
                chains.find(|chain| is_none(chain.1)).unwrap_or(first)
            };
            hit(*pair, chain, cells, light)
        });
        hits.collect()
    }
}

/// The uses that may be of one of these openings, by permission and by time: none of the others is soon enough.
fn uses<'a>(cells: &[&DayCell<'a>], openings: &[Opening<'_>]) -> BTreeMap<&'a str, Vec<EventTime>> {
    let mut uses: BTreeMap<&str, Vec<EventTime>> = BTreeMap::new();
    let refusals = openings.iter().map(|opening| opening.refusal);
    let Some((from, last)) = refusals.clone().min().zip(refusals.max()) else {
        return uses;
    };
    let soon = from..=last.plus_seconds(WITHIN_SECONDS);
    for cell in cells {
        if cell.first_time() <= *soon.end() && cell.last_time() >= from {
            let of_permission = uses.entry(permission_of(cell.operation)).or_default();
            of_permission.extend(times_of(cell).filter(|at| soon.contains(at)));
        }
    }
    for times in uses.values_mut() {
        times.sort_unstable();
    }
    uses
}

/// The changes that may have let in a (principal, key) that was refused within the hour before, by time, each behind
/// its latest refusal of each permission: that and the first use after the change lie closest together.
fn openings<'l>(
    refused: &BTreeMap<(&'l str, &'l str), Refusals<'l>>,
    changes: &[Change<'l>],
) -> BTreeMap<(&'l str, &'l str), Vec<Opening<'l>>> {
    let of_pair = |(principal, key): (&str, &str), refused: &Refusals<'l>| {
        let changes = changes.iter();
        let changes = changes.filter(|change| change.may_let_in(principal, key));
        let behind_refusals = changes.flat_map(|change| {
            refused.iter().filter_map(|(permission, refusals)| {
                let refusal = *refusals.iter().rfind(|at| **at <= change.at)?;
                let is_soon = change.at.seconds_since(refusal) <= WITHIN_SECONDS;
                is_soon.then_some(Opening {
                    refusal,
                    permission,
                    change: *change,
                })
            })
        });
        behind_refusals.collect::<Vec<_>>()
    };
    refused
        .iter()
        .map(|(pair, refusals)| (*pair, of_pair(*pair, refusals)))
        .filter(|(_, openings)| !openings.is_empty())
        .collect()
}

/// When calls were refused, by the permission that they lacked.
type Refusals<'l> = BTreeMap<&'l str, Vec<EventTime>>;

/// What lets a principal make a call, roughly: policies and grants let read, write, or sign.
fn permission_of(operation: &str) -> &str {
    match operation {
        "Decrypt" | "ReEncrypt" => "Decrypt",
        "Encrypt" => "Encrypt",
        operation if operation.starts_with("GenerateDataKey") => "Encrypt",
        operation => operation,
    }
}

/// Whether a canonical principal is the user or role (`role/<name>`), or a session of it.
fn is_target(target: &str, principal: &str) -> bool {
    let Some((arn, (kind, name))) = Arn::parse(principal).zip(target.split_once('/')) else {
        return false;
    };
    let Some((resource, rest)) = arn.resource.split_once('/') else {
        return false;
    };
    // IAM tells no two names apart by case; without a name it may be any.
    let is_name = |found: &str| name.is_empty() || found.eq_ignore_ascii_case(name);
    match resource {
        "assumed-role" => kind == "role" && rest.split('/').next().is_some_and(is_name),
        resource => kind == resource && rest.rsplit('/').next().is_some_and(is_name),
    }
}

fn is_use(cell: &DayCell<'_>) -> bool {
    cell.class == OperationClass::Cryptographic && !cell.key.is_empty()
}

/// When cryptographic calls were refused, by principal and key, today and in the hour before, where some change followed
/// within the hour: most are followed by none. The changes are sorted by time.
fn refusals<'l>(
    light: &'l DayLight<'_>,
    changes: &[Change<'_>],
) -> BTreeMap<(&'l str, &'l str), Refusals<'l>> {
    let is_any_followed = |first: EventTime, last: EventTime| {
        let next = changes.partition_point(|change| change.at < first);
        let next = changes.get(next);
        next.is_some_and(|change| change.at.seconds_since(last) <= WITHIN_SECONDS)
    };
    let is_followed = |at| is_any_followed(at, at);
    let mut refused: BTreeMap<(&str, &str), Refusals<'_>> = BTreeMap::new();
    let evening = light.customs.lately.iter().filter(|call| call.is_refused);
    for call in evening.filter(|call| is_followed(call.at)) {
        let pair = (call.principal.as_str(), call.key.as_str());
        let refused = refused.entry(pair).or_default();
        let times = refused.entry(permission_of(&call.operation)).or_default();
        times.push(call.at);
    }
    let is_refused =
        |class, outcome| class == OperationClass::Cryptographic && outcome == OutcomeFamily::Denied;
    let who = |principal: &str| !is_aws_principal(principal);
    let cells = light.cells_by(who, is_refused, |cell| {
        is_any_followed(cell.first_time(), cell.last_time()) && is_use(cell)
    });
    for cell in &cells {
        let mut times = times_of(cell).filter(|at| is_followed(*at)).peekable();
        if times.peek().is_some() {
            let pair = (cell.principal, cell.key);
            let refused = refused.entry(pair).or_default();
            let known = refused.entry(permission_of(cell.operation)).or_default();
            known.extend(times);
        }
    }
    for times in refused.values_mut().flat_map(BTreeMap::values_mut) {
        times.sort_unstable();
    }
    refused
}

/// The changes that can have let somebody in, by time.
fn changes<'l>(light: &'l DayLight<'_>) -> Vec<Change<'l>> {
    let from = light.day.start().plus_seconds(-WITHIN_SECONDS);
    let of_keys = light
        .past
        .changes
        .iter()
        .filter(|change| change.is_made && KEY_CHANGES.contains(&&*change.operation));
    let of_keys = of_keys.map(|change| Change {
        at: change.at,
        event_id: &change.event_id,
        operation: &change.operation,
        principal: &change.principal,
        key: Some(&change.key),
        target: "",
        grantee: &change.grantee,
    });
    let of_iam = light.past.services.iam_changes().map(|change| Change {
        at: change.at,
        event_id: &change.event_id,
        operation: &change.operation,
        principal: &change.principal,
        key: None,
        target: &change.target,
        grantee: "",
    });
    let mut changes: Vec<Change<'_>> = of_keys
        .chain(of_iam)
        .filter(|change| (from..light.day.end()).contains(&change.at))
        .collect();
    changes.sort_unstable_by_key(|change| (change.at, change.event_id));
    changes
}

fn hit(
    (principal, key): (&str, &str),
    (refused, change, used): (EventTime, Change<'_>, EventTime),
    cells: &[&DayCell<'_>],
    light: &DayLight<'_>,
) -> Option<DayHit> {
    let name = key_in_title(Some(key));
    let operation = cut(change.operation);
    let by = if change.principal == principal {
        "the same principal".to_owned()
    } else {
        cut(change.principal).to_owned()
    };
    let habit = habit(principal, change, light);
    let severity = if habit.is_some() {
        Severity::Medium
    } else {
        Severity::High
    };
    let title = format!(
        "{name} was refused, then {operation}, then used, within {}",
        duration(used.seconds_since(refused))
    );
    let mut hit = Hit::about(Some(principal), Some(key), severity, title)
        .because(Evidence::new("refused", format!("A call on the key was refused to the principal at {refused}")).observed(refused))
        .because(
            Evidence::new("change", format!("{operation} by {by} at {}", change.at)).observed(change.event_id),
        )
        .because(Evidence::new("used", format!("The principal's call on the key succeeded at {used}")).observed(used))
        .next(format!("See what lets the principal in now: aws kms get-key-policy --policy-name default --key-id {0}, and aws kms list-grants --key-id {0}", key_argument(key)))
        .next("Ask who decided it: a change request, or somebody who found a way?")
        .next(events_of(principal, refused, 1));
    hit.evidence.extend(habit);
    let ends = cells.iter().flat_map(|cell| [cell.first(), cell.last()]);
    let use_id = ends
        .filter(|end| end.time == used)
        .map(|end| end.event_id.text().into_owned())
        .min()
        .unwrap_or_default();
    let is_today = |at: EventTime| at >= light.day.start();
    let events = [
        (refused, "", is_today(refused)),
        (change.at, change.event_id, is_today(change.at)),
        (used, use_id.as_str(), true),
    ];
    DayHit::over(hit, cells.first().map(|cell| cell.region), events)
}

/// That the change is the work of whoever made it, as it is of those who deploy: what is set up anew is refused at first.
fn habit(principal: &str, change: Change<'_>, light: &DayLight<'_>) -> Option<Evidence> {
    if change.principal == principal {
        return None;
    }
    let changed = match change.key {
        Some(_) => ChangedIn::key_by(change.operation)?,
        None => ChangedIn::Iam,
    };
    let habits = &light.customs.change_habits;
    let days = habits.days(change.principal, changed, change.at.day());
    let is_new = !light.uses.knows(principal);
    let enough = if is_new { 1 } else { HABIT_DAYS };
    (days >= enough).then(|| {
        let by = cut(change.principal);
        let caller = if is_new {
            ", and the refused principal used no key before the day"
        } else {
            ""
        };
        let text = format!("{by} made such changes before, on days: {days}{caller}");
        Evidence::new("habit", text).observed(days)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_of_somebody_else_lets_nobody_in() {
        let role = "arn:aws:iam::111122223333:role/ops/app";
        let session =
            "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/ann";
        for (target, principal, expected) in [
            ("role/app", role, true),
            ("role/ops", role, false),
            ("user/", role, false),
            ("user/", "arn:aws:iam::111122223333:user/eve", true),
            ("user/app", role, false),
            ("role/AWSReservedSSO_Admin_0123456789abcdef", session, true),
            ("role/ann", session, false),
            ("user/eve", "arn:aws:iam::111122223333:user/eve", true),
            ("role/app", "ext:444455556666/AROAX", false),
        ] {
            assert_eq!(
                is_target(target, principal),
                expected,
                "{target} {principal}"
            );
        }
    }
}
