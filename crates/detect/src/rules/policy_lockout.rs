//! `policy-lockout`: a key policy takes a key out of its owner's hands.

use keytrail_event::Record;
use keytrail_event::arn::is_account_id;
use serde_json::Value;

use super::caller::is_of_new_key;
use super::day::KeyUse;
use super::policy_leaves_out::{USED_DAYS, left_out};
use super::policy_put::{is_policy_refused, key_given, policy_before, writes_policy};
use super::policy_put_back::put_back;
use super::seen_policy::{SeenPolicy, administrator_names, certain};
use super::support::{cut, events_of_key, key_argument, key_in_title};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};
use crate::policy::{LockoutReason, Policy, RootDelegation, diff, lockout};

/// The rule.
pub struct PolicyLockout;

/// Changes against the policy before that evidence spells out.
const CHANGES_SHOWN_MAX: usize = 5;

const ABOUT: About = About {
    id: "policy-lockout",
    title: "A key policy locks the key's owner out",
    severities: &[
        Severity::Low,
        Severity::Medium,
        Severity::High,
        Severity::Critical,
    ],
    attack: &[("TA0040", "T1486", "T1486")],
    practice: "the account keeps control of its keys",
    side: Side::Owner,
    fires_when: "PutKeyPolicy, CreateKey or ReplicateKey with bypassPolicyLockoutSafetyCheck=true; or whose policy takes the account's permission to change it away from a policy that had it (high when it becomes conditional, or is denied to all but some callers); or leaves the caller as the only one (high when others may on a condition), only other accounts, or nobody able to change it. Where the caller is the only one and the policy before was not seen: medium, unless somebody else used the key in the 28 days before whom the policy denies the key or does not let in. A refused call fires one severity lower.",
    reads: &[
        "eventName",
        "errorCode",
        "recipientAccountId",
        "requestParameters.keyId",
        "requestParameters.policy",
        "requestParameters.bypassPolicyLockoutSafetyCheck",
        "responseElements.keyMetadata.arn",
        "responseElements.replicaKeyMetadata.arn",
        "responseElements.replicaPolicy",
        "resources[].ARN",
        "userIdentity",
    ],
};

impl Rule for PolicyLockout {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        is_policy_refused(record)
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        if !writes_policy(record) {
            return None;
        }
        let key = key_given(record, light);
        let bypasses = bypasses_the_check(record.body());
        // Whose key it is decides who is locked out.
        let policy = light.written.of(record).and_then(Result::ok);
        let policy = policy.filter(|_| is_account_id(&record.account));
        let before = policy_before(record, light);
        // A caller that is left alone may always have been alone.
        let is_unsure = before.is_none() && !bypasses && record.operation.name() != "CreateKey";
        let left_out = policy
            .filter(|_| is_unsure)
            .and_then(|policy| left_out(policy, record, key?, light));
        let may_be_old = is_unsure && left_out.is_none();
        let reasons = policy.map_or_else(Vec::new, |policy| {
            let now = light.written.seen(policy, record);
            let is_new =
                record.operation.name() == "CreateKey" || is_of_new_key(record, key, light.past);
            // Without a policy before, a missing delegation alone may always have been missing.
            let is_lost =
                bypasses || (!is_new && before.is_some_and(|before| before.delegates_to_account));
            new_reasons(policy, record, before, is_lost, is_new)
                .into_iter()
                .map(|reason| {
                    let severity = severity_of(&reason, is_lost, may_be_old);
                    (severity, reason_evidence(&reason))
                })
                .chain(changes(before, now))
                .collect()
        });
        let is_lockout = reasons.iter().any(|(severity, _)| severity.is_some());
        if !bypasses && !is_lockout {
            return put_back(record, light);
        }
        let worst = reasons.iter().filter_map(|(severity, _)| *severity).max();
        let severity = if bypasses {
            Severity::Critical
        } else {
            worst.unwrap_or(Severity::Critical)
        };
        let of = format!("The policy of {}", key_in_title(key));
        let title = match worst {
            Some(Severity::Critical) => format!("{of} locks its owner out"),
            Some(Severity::Medium) => format!("{of} leaves it to its caller alone"),
            Some(_) => format!("{of} ties its owner's control to a condition"),
            None => format!("{of} was written without the lockout check"),
        };
        let mut hit = Hit::of(record, severity, title).key(key);
        if bypasses {
            hit = hit.because(bypass_evidence(is_lockout));
        }
        hit.evidence
            .extend(reasons.into_iter().map(|(_, evidence)| evidence));
        if is_unsure {
            hit.evidence.push(unsure_evidence(left_out.as_ref()));
        }
        Some(with_steps(hit, record, key, is_lockout).lower_if_refused(record, light))
    }
}

/// The ways in which this policy locks its owner out and the one before, where it was seen, did not. Whoever makes a key
/// (`is_new`) may make it without delegation, and let others change its policy on a condition.
fn new_reasons(
    policy: &Policy,
    record: &Record<'_>,
    before: Option<&SeenPolicy>,
    is_lost: bool,
    is_new: bool,
) -> Vec<LockoutReason> {
    let caller = Some(record.principal()).filter(|principal| principal.starts_with("arn:"));
    let (delegation, worse): (Vec<_>, Vec<_>) = lockout(policy, &record.account, caller)
        .into_iter()
        .partition(|reason| matches!(reason, LockoutReason::RootDelegationMissing(_)));
    let now = administrator_names(policy);
    let is_told = |reason: &LockoutReason| match reason {
        // Whoever comes or goes on a condition makes it no worse.
        LockoutReason::CallerOnlyCertainAdministrator(_) => {
            let is_same = |before: &SeenPolicy| certain(&before.administrators).eq(certain(&now));
            !is_new && !before.is_some_and(is_same)
        }
        _ => before.is_none_or(|before| before.administrators != now),
    };
    let worse: Vec<_> = worse.into_iter().filter(is_told).collect();
    if is_lost || !worse.is_empty() {
        delegation.into_iter().chain(worse).collect()
    } else {
        Vec::new()
    }
}

/// How grave a reason is; a missing delegation that is not lost only explains another one. A caller that is left alone,
/// and may have been alone before, keeps what it had: KMS checked that it can still change the policy.
fn severity_of(reason: &LockoutReason, is_lost: bool, may_be_old: bool) -> Option<Severity> {
    Some(match reason {
        LockoutReason::RootDelegationMissing(_) if !is_lost => return None,
        LockoutReason::CallerOnlyAdministrator(_)
        | LockoutReason::CallerOnlyCertainAdministrator(_)
            if may_be_old =>
        {
            Severity::Medium
        }
        LockoutReason::RootDelegationMissing(
            RootDelegation::Conditional(_) | RootDelegation::DeniedUnless { .. },
        )
        | LockoutReason::CallerOnlyCertainAdministrator(_) => Severity::High,
        _ => Severity::Critical,
    })
}

fn reason_evidence(reason: &LockoutReason) -> Evidence {
    let feature = match reason {
        LockoutReason::RootDelegationMissing(_) => "root_delegation",
        _ => "administrators",
    };
    Evidence::new(feature, sentence(&reason.to_string()))
        .expected("the account may change the policy")
}

/// What is known of a change whose policy before is not.
fn unsure_evidence(left_out: Option<&KeyUse>) -> Evidence {
    let Some(used) = left_out else {
        return Evidence::new(
            "policy_before",
            format!(
                "The policy before is in no record read so far: who could change it is not known. Nobody whom this one leaves out was seen to use the key in the {USED_DAYS} days before"
            ),
        );
    };
    let who = cut(&used.principal);
    Evidence::new(
        "policy_before",
        format!(
            "The policy before is in no record read so far, but {who} used the key, last seen at {}, and this one does not let it in",
            used.last
        ),
    )
    .observed(who)
}

fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// What changed against the policy before; explains, and is no reason by itself.
fn changes(before: Option<&SeenPolicy>, now: &SeenPolicy) -> Vec<(Option<Severity>, Evidence)> {
    let Some(before) = before else {
        return Vec::new();
    };
    let changes = diff(&before.digest, &now.digest);
    let shown = changes.iter().take(CHANGES_SHOWN_MAX).map(|change| {
        let text = format!("Since the policy of {}: {}", before.at, cut(&change.text));
        (None, Evidence::new("policy_change", text))
    });
    shown.collect()
}

fn bypass_evidence(is_lockout: bool) -> Evidence {
    let text = if is_lockout {
        "KMS was told not to check that the caller can still change the policy"
    } else {
        "KMS was told not to check that the caller can still change the policy; the policy itself does not lock the account out"
    };
    Evidence::new("bypass_policy_lockout_safety_check", text)
        .observed("true")
        .expected("false")
}

fn with_steps(hit: Hit, record: &Record<'_>, key: Option<&str>, is_lockout: bool) -> Hit {
    let last = events_of_key(key, record, 24);
    if !record.outcome.is_success() {
        return hit.next(last);
    }
    let argument = key.map_or_else(|| "<key>".to_owned(), key_argument);
    if !is_lockout {
        let step = format!(
            "Check that the right people can still change the policy: aws kms get-key-policy --policy-name default --key-id {argument}"
        );
        return hit.next(step).next(last);
    }
    hit.next(format!(
        "Try at once, as whoever still can, to give the account its permission back: aws kms put-key-policy --policy-name default --policy file://policy.json --key-id {argument}"
    ))
    .next("If nobody can change the policy any more, open a case with AWS Support as the account's root user; copy the data the key protects while it still decrypts.")
    .next(last)
}

/// Whether a call asks KMS not to check that its caller can still change the policy.
pub fn bypasses_the_check(body: &Value) -> bool {
    match &body["requestParameters"]["bypassPolicyLockoutSafetyCheck"] {
        Value::Bool(bypasses) => *bypasses,
        Value::String(text) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}
