//! `iam-decrypt-all`: an IAM policy opens every key.

use keytrail_event::Record;
use keytrail_event::selection::IAM;
use serde_json::Value;

use super::support::{argument, cut, events_of_principal, is_made_or_refused};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};
use crate::policy::{Effect, Policy, allows_on_every_key, opening_actions};

/// The rule.
pub struct IamDecryptAll;

/// The calls that write a policy, and the field that names what they write it to.
const OPERATIONS: [(&str, &str); 5] = [
    ("CreatePolicy", "policyName"),
    ("CreatePolicyVersion", "policyArn"),
    ("PutGroupPolicy", "groupName"),
    ("PutRolePolicy", "roleName"),
    ("PutUserPolicy", "userName"),
];

const ABOUT: About = About {
    id: "iam-decrypt-all",
    title: "An IAM policy opens every key",
    severities: &[Severity::Low, Severity::Medium, Severity::High],
    attack: &[("TA0003", "T1098", "T1098")],
    practice: "least privilege in key policies",
    side: Side::Caller,
    fires_when: "PutUserPolicy, PutRolePolicy, PutGroupPolicy, CreatePolicy or CreatePolicyVersion writes a policy that allows kms:Decrypt, kms:ReEncrypt* or kms:CreateGrant (kms:* and * among them) on every key with no condition that binds. Medium for a policy version that is not made the default, and for a policy that cannot be read. An inline policy that is written again as it was does not fire. A refused call fires one severity lower.",
    reads: &[
        "eventSource",
        "eventName",
        "errorCode",
        "requestParameters.policyDocument",
        "requestParameters.policyName",
        "requestParameters.policyArn",
        "requestParameters.userName",
        "requestParameters.roleName",
        "requestParameters.groupName",
        "requestParameters.setAsDefault",
        "requestParameters.omitted",
        "userIdentity",
    ],
};

impl Rule for IamDecryptAll {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        if record.event_source != IAM || !is_made_or_refused(record) {
            return None;
        }
        let operation = record.operation.name();
        let (_, target) = OPERATIONS.iter().find(|(name, _)| *name == operation)?;
        let body = record.body();
        let request = &body["requestParameters"];
        let target = cut(request[*target]
            .as_str()
            .unwrap_or("a policy without a name"));
        let policy = match document(request)?
            .and_then(|text| Policy::parse_iam(&text).map_err(|error| error.to_string()))
        {
            Ok(policy) => policy,
            Err(why) => return Some(unreadable(record, light, target, &why)),
        };
        let open = allows_on_every_key(&policy, opening_actions());
        let first = open.first()?;
        // A deploy that changes nothing opens nothing.
        if record.outcome.is_success() && light.past.services.inline_policies.says(record) {
            return None;
        }
        let is_in_force = operation != "CreatePolicyVersion" || is_true(&request["setAsDefault"]);
        let severity = if is_in_force {
            Severity::High
        } else {
            Severity::Medium
        };
        let title = format!(
            "{operation} for {target} allows {} on every key",
            first.actions
        );
        let mut hit = Hit::of(record, severity, title).key(None).class(target);
        for one in open.iter().take(SHOWN_MAX) {
            hit = hit.because(
                Evidence::new("iam_statement", cut(&one.text))
                    .observed(one.actions)
                    .expected("named keys, or a condition such as kms:ViaService"),
            );
        }
        if !is_in_force {
            hit = hit.because(
                Evidence::new(
                    "set_as_default",
                    "The version is not the default: it takes effect when it is made that",
                )
                .observed("false"),
            );
        }
        if record.outcome.is_success() {
            hit = hit.next(format!(
                "Name the keys, or bind the statement with kms:ViaService or kms:ResourceAliases; see who has it: aws iam list-entities-for-policy, or aws iam get-role-policy, for {}",
                argument(target, "policy")
            ));
        }
        Some(
            hit.next(events_of_principal(record, 24))
                .lower_if_refused(record, light),
        )
    }
}

/// Whether what a call of IAM writes may let somebody use a key: a policy is attached to nobody yet when it is made, and
/// a version counts when it is the default. What is not at hand, or cannot be read, may.
pub fn may_let_in(record: &Record<'_>) -> bool {
    let request = &record.body()["requestParameters"];
    match record.operation.name() {
        "CreatePolicy" => false,
        "CreatePolicyVersion" if !request.is_null() && !is_true(&request["setAsDefault"]) => false,
        "CreatePolicyVersion" | "PutGroupPolicy" => {
            let text = document(request).and_then(Result::ok);
            let policy = text.and_then(|text| Policy::parse_iam(&text).ok());
            policy.is_none_or(|policy| {
                let mut allows = policy
                    .statements()
                    .iter()
                    .filter(|statement| statement.effect() == Effect::Allow);
                allows.any(|statement| !statement.actions().beyond_discovery().is_empty())
            })
        }
        // What it replaces may have denied the very user or role that was refused.
        _ => true,
    }
}

/// Statements that evidence spells out.
const SHOWN_MAX: usize = 4;

/// What IAM took and Keytrail cannot read may say anything.
fn unreadable(record: &Record<'_>, light: &Light<'_>, target: &str, why: &str) -> Hit {
    let operation = record.operation.name();
    let title = format!("{operation} for {target} cannot be read");
    let text = format!("Whether it opens every key is not known: {why}");
    let hit = Hit::of(record, Severity::Medium, title)
        .key(None)
        .class(format!("{target} unreadable"))
        .because(Evidence::new("policy", text));
    let hit = hit.next(format!(
        "Read it: aws iam get-policy-version, or aws iam get-role-policy, for {}",
        argument(target, "policy")
    ));
    hit.next(events_of_principal(record, 24))
        .lower_if_refused(record, light)
}

/// The policy's text: plain in records, URL-encoded in some exports, an object in others. `None` where the record has
/// none, and the reason where it had one that cannot be read.
pub fn document(request: &Value) -> Option<Result<String, String>> {
    match &request["policyDocument"] {
        Value::String(text) if text.trim_start().starts_with('%') => {
            Some(percent_decoded(text).ok_or_else(|| "its URL encoding is broken".to_owned()))
        }
        Value::String(text) => Some(Ok(text.clone())),
        object @ Value::Object(_) => Some(Ok(object.to_string())),
        // CloudTrail leaves out what is larger than 100 KB.
        _ if is_true(&request["omitted"]) => {
            Some(Err("CloudTrail left it out of the record".to_owned()))
        }
        _ => None,
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                (high * 16 + low) as u8
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(yes) => *yes,
        Value::String(text) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_in_every_form() {
        let plain = r#"{"Statement":[]}"#;
        for (value, text) in [
            (json!(plain), Some(Ok(plain))),
            (json!("%7B%22Statement%22%3A%5B%5D%7D"), Some(Ok(plain))),
            (json!({"Statement": []}), Some(Ok(plain))),
            (json!("%7"), Some(Err(()))),
            (json!("%zz"), Some(Err(()))),
            (json!(null), None),
        ] {
            let read = document(&json!({"policyDocument": value}));
            let read = read.as_ref().map(|text| text.as_deref().map_err(|_| ()));
            assert_eq!(read, text, "{value}");
        }
        assert!(document(&json!({"omitted": true, "originalSize": 200_000})).is_some());
    }
}
