//! `tags-changed`: a person changed the tags of a key.

use keytrail_event::Record;
use serde_json::Value;

use super::caller::{is_by_person, is_of_new_key};
use super::support::{
    cut, events_of_key, is_made_or_refused, is_owners_copy, is_refused_at_owner, key_argument,
    key_in_title, key_of, listed,
};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct TagsChanged;

const OPERATIONS: [&str; 2] = ["TagResource", "UntagResource"];

const ABOUT: About = About {
    id: "tags-changed",
    title: "A person changed a key's tags",
    severities: &[Severity::Low],
    attack: &[("TA0004", "T1548", "T1548")],
    practice: "who may use a key changes by its policy alone",
    side: Side::Owner,
    fires_when: "TagResource or UntagResource on a key, by anybody but an AWS service, a service-linked role, CloudFormation or a tool that names itself Terraform, OpenTofu or Pulumi, unless the caller created the key within the hour before. Refused calls fire too.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "recipientAccountId",
        "requestParameters.keyId",
        "requestParameters.tags[].tagKey",
        "requestParameters.tags[].tagValue",
        "requestParameters.tagKeys[]",
        "resources[].ARN",
        "userIdentity",
        "userIdentity.invokedBy",
        "userAgent",
    ],
};

impl Rule for TagsChanged {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        OPERATIONS
            .iter()
            .any(|operation| is_refused_at_owner(record, operation))
            && is_by_person(record)
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        let operation = record.operation.name();
        if !OPERATIONS.contains(&operation)
            || !is_owners_copy(record)
            || !is_made_or_refused(record)
            || !is_by_person(record)
        {
            return None;
        }
        let key = key_of(record, light);
        if is_of_new_key(record, key, light.past) {
            return None;
        }
        let tags = tags(&record.body()["requestParameters"]);
        let words = listed(tags.iter().map(String::as_str));
        let words = if words.is_empty() {
            "tags that the record does not name".to_owned()
        } else {
            words
        };
        let done = if operation == OPERATIONS[0] {
            "set"
        } else {
            "removed"
        };
        let title = format!("Tags of {} were {done}: {words}", key_in_title(key));
        let mut hit = Hit::of(record, Severity::Low, title)
            .key(key)
            .because(
                Evidence::new(
                    "tags",
                    format!("{done}: {words}. Policies can allow by a key's tags (aws:ResourceTag), so a tag can open a key"),
                )
                .observed(&words),
            );
        if record.outcome.is_success()
            && let Some(key) = key
        {
            hit = hit.next(format!(
                "See whether a policy names these tags: aws kms list-resource-tags --key-id {}, then the conditions of key and IAM policies",
                key_argument(key)
            ));
        }
        let hit = hit.next(events_of_key(key, record, 24));
        Some(hit.lower_if_refused(record, light))
    }
}

/// The tags of the request: `name=value` where they are set, `name` where they are removed.
fn tags(request: &Value) -> Vec<String> {
    let list = |name: &str| request[name].as_array().into_iter().flatten();
    let set = list("tags").filter_map(|tag| {
        let text = |names: [&str; 2]| names.iter().find_map(|name| tag[name].as_str());
        let name = cut(text(["tagKey", "TagKey"])?);
        Some(format!(
            "{name}={}",
            cut(text(["tagValue", "TagValue"]).unwrap_or_default())
        ))
    });
    let removed = list("tagKeys")
        .filter_map(Value::as_str)
        .map(|name| cut(name).to_owned());
    set.chain(removed).collect()
}
