//! What a trail is set to, as CreateTrail and UpdateTrail tell it, and what a change takes away.

use keytrail_event::Record;
use keytrail_event::arn::{Arn, partition_of_region};
use keytrail_event::selection::CLOUDTRAIL;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::support::{cut, events_of_principal, is_refused};
use super::{Hit, Light};
use crate::finding::{Evidence, Severity};

/// Settings of a trail; `None` where no record told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailSettings {
    /// Whether it records every Region.
    pub multi_region: Option<bool>,
    /// Whether it records global services such as IAM.
    pub global_events: Option<bool>,
    /// Whether its files are vouched for by digests.
    pub validation: Option<bool>,
    /// Whether it records every account of the organisation.
    pub organisation: Option<bool>,
    /// The bucket it delivers to.
    pub bucket: Option<String>,
    /// The KMS key of its files; empty when there is none.
    pub key: Option<String>,
}

/// Something that a change took away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Narrowing {
    /// The setting, in words.
    pub setting: &'static str,
    /// What that means.
    pub meaning: &'static str,
    /// What it was; `None` when no record told.
    pub before: Option<String>,
    /// What it is.
    pub after: String,
}

/// Whether the record is of a call that sets a trail or an event data store.
pub fn sets_trail(record: &Record<'_>) -> bool {
    record.event_source == CLOUDTRAIL
        && matches!(
            record.operation.name(),
            "CreateTrail" | "UpdateTrail" | "CreateEventDataStore" | "UpdateEventDataStore"
        )
}

/// The ARN of the trail or event data store that a call of CloudTrail is about: as the record tells it, or in a refusal's
/// message; made from the name of a trail.
pub fn trail_arn(record: &Record<'_>, body: &Value) -> Option<String> {
    let (request, response) = (&body["requestParameters"], &body["responseElements"]);
    let named = [
        &response["trailARN"],
        &response["eventDataStoreArn"],
        &request["eventDataStore"],
        &request["trailName"],
        &request["name"],
    ];
    let named = named
        .into_iter()
        .find_map(Value::as_str)
        .or_else(|| trail_in_message(body["errorMessage"].as_str()?))?;
    let is_store = record.operation.name().ends_with("EventDataStore");
    if is_store || Arn::parse(named).is_some() {
        return Some(cut(named).to_owned());
    }
    let partition = partition_of_region(&record.region);
    let (region, account) = (&record.region, &record.account);
    Some(format!(
        "arn:{partition}:cloudtrail:{region}:{account}:trail/{}",
        cut(named)
    ))
}

/// The trail or event data store that a refusal names: such records carry no request.
pub fn trail_in_message(message: &str) -> Option<&str> {
    let mut words = message.split([' ', '"', ',']);
    words.find(|word| Arn::parse(word).is_some_and(|arn| arn.service == "cloudtrail"))
}

/// The attempt to change a trail or event data store that was refused, so that its record carries no request: what it
/// would have changed is not known.
pub fn refused_change(record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
    let body = record.body();
    if !is_refused(record) || !body["requestParameters"].is_null() {
        return None;
    }
    let operation = record.operation.name();
    let trail = trail_arn(record, body);
    let trail = trail
        .as_deref()
        .unwrap_or("a trail that the record does not name");
    let name = trail.rsplit('/').next().unwrap_or(trail);
    let named = Evidence::new("trail", format!("The call was about {trail}")).observed(trail);
    let text = format!(
        "What {operation} would have changed is in no record: a refused call carries no request"
    );
    let hit = Hit::of(record, Severity::High, format!("{operation} on {name}"))
        // Whoever is refused chooses the names: one finding tells of them all.
        .class(operation)
        .because(Evidence::new("operation", text).observed(operation))
        .because(named)
        .next(events_of_principal(record, 24));
    Some(hit.lower_if_refused(record, light))
}

impl TrailSettings {
    /// What the request sets.
    pub fn requested(body: &Value) -> Self {
        let request = &body["requestParameters"];
        Self {
            multi_region: either(request, "isMultiRegionTrail", "multiRegionEnabled"),
            global_events: truth(&request["includeGlobalServiceEvents"]),
            validation: truth(&request["enableLogFileValidation"]),
            organisation: either(request, "isOrganizationTrail", "organizationEnabled"),
            bucket: text(&request["s3BucketName"]),
            key: text(&request["kmsKeyId"]),
        }
    }

    /// What the trail is set to after the call, given what was known before. The answer of a call
    /// that was made tells every setting; a call that failed shows only what it asked for.
    pub fn after(record: &Record<'_>, body: &Value, before: Option<&Self>) -> Self {
        let response = &body["responseElements"];
        let requested = Self::requested(body);
        let answered = if record.outcome.is_success() && response.is_object() {
            Self {
                multi_region: either(response, "isMultiRegionTrail", "multiRegionEnabled"),
                global_events: truth(&response["includeGlobalServiceEvents"]),
                validation: truth(&response["logFileValidationEnabled"]),
                organisation: either(response, "isOrganizationTrail", "organizationEnabled"),
                bucket: text(&response["s3BucketName"]),
                // An answer without a key is one of a trail without a key.
                key: Some(text(&response["kmsKeyId"]).unwrap_or_default()),
            }
        } else {
            Self::default()
        };
        let known = before.cloned().unwrap_or_default();
        // A key that a refused request names by id or alias may be the one that is set.
        let key = requested
            .key
            .filter(|key| key.is_empty() || key.starts_with("arn:"));
        Self {
            multi_region: answered
                .multi_region
                .or(requested.multi_region)
                .or(known.multi_region),
            global_events: answered
                .global_events
                .or(requested.global_events)
                .or(known.global_events),
            validation: answered
                .validation
                .or(requested.validation)
                .or(known.validation),
            organisation: answered
                .organisation
                .or(requested.organisation)
                .or(known.organisation),
            bucket: answered.bucket.or(requested.bucket).or(known.bucket),
            key: answered.key.or(key).or(known.key),
        }
    }

    /// Whether a request for a trail that is not known is meant to take away what it switches off: it sets one or two
    /// things only; or it switches several off and leaves the trail's bucket alone, which the console and
    /// CloudFormation send along with every other setting, changed or not.
    pub fn is_pointed(&self, record: &Record<'_>) -> bool {
        let switches = SWITCHES.map(|(.., setting)| setting(self));
        let set = switches.iter().filter(|is_on| is_on.is_some()).count()
            + usize::from(self.bucket.is_some())
            + usize::from(self.key.is_some());
        let off = switches.iter().filter(|is_on| **is_on == Some(false));
        // An event data store has no bucket. What forms of the console send is not known of all of them.
        let may_tell = record.operation.name() == "UpdateTrail"
            && record.body()["sessionCredentialFromConsole"] != "true";
        set <= 2 || (may_tell && self.bucket.is_none() && off.count() >= 2)
    }

    /// What the trail no longer has, against what was known of it.
    pub fn narrowed(&self, before: &Self) -> Vec<Narrowing> {
        let mut narrowings = self.switched_off(|setting| setting(before) == Some(true));
        let moved = |setting, meaning, was: &Option<String>, is: &Option<String>| {
            let (Some(was), Some(is)) = (was, is) else {
                return None;
            };
            (was != is).then(|| Narrowing {
                setting,
                meaning,
                before: Some(named(was)),
                after: named(is),
            })
        };
        narrowings.extend(moved(BUCKET.0, BUCKET.1, &before.bucket, &self.bucket));
        // A first key takes nothing away.
        let had_key = before.key.as_ref().is_some_and(|key| !key.is_empty());
        let meaning = match &self.key {
            Some(key) if key.is_empty() => KEY_GONE,
            _ => KEY.1,
        };
        narrowings.extend(moved(KEY.0, meaning, &before.key, &self.key).filter(|_| had_key));
        narrowings
    }

    /// What a request takes away of a trail that is not known: all that it switches off, and the bucket.
    pub fn narrowed_unknown(&self) -> Vec<Narrowing> {
        let mut narrowings = self.switched_off(|_| true);
        for narrowing in &mut narrowings {
            narrowing.before = None;
        }
        // A key may be the trail's first, which takes nothing away.
        narrowings.extend(self.bucket.as_ref().map(|bucket| Narrowing {
            setting: BUCKET.0,
            meaning: BUCKET.1,
            before: None,
            after: named(bucket),
        }));
        narrowings
    }

    fn switched_off(&self, was_on: impl Fn(fn(&Self) -> Option<bool>) -> bool) -> Vec<Narrowing> {
        let switches = SWITCHES
            .iter()
            .filter(|(.., setting)| setting(self) == Some(false) && was_on(*setting));
        let narrowings = switches.map(|(setting, meaning, _)| Narrowing {
            setting,
            meaning,
            before: Some("on".to_owned()),
            after: "off".to_owned(),
        });
        narrowings.collect()
    }
}

type Switch = (
    &'static str,
    &'static str,
    fn(&TrailSettings) -> Option<bool>,
);

const SWITCHES: [Switch; 4] = [
    (
        "multi-Region recording",
        "other Regions go dark",
        |settings| settings.multi_region,
    ),
    ("global service events", "IAM and STS go dark", |settings| {
        settings.global_events
    }),
    (
        "log file validation",
        "nobody can tell whether files were changed or deleted",
        |settings| settings.validation,
    ),
    (
        "organisation trail",
        "the organisation's other accounts go dark",
        |settings| settings.organisation,
    ),
];
const BUCKET: (&str, &str) = ("bucket", "files go where their readers do not look");
const KEY: (&str, &str) = (
    "encryption key",
    "files are readable for whoever may use the new key, and for nobody once it is gone",
);
const KEY_GONE: &str = "files are readable for whoever can read the bucket";

fn named(text: &str) -> String {
    if text.is_empty() {
        "none".to_owned()
    } else {
        text.to_owned()
    }
}

/// A switch as trails or as event data stores call it.
fn either(settings: &Value, of_trail: &str, of_store: &str) -> Option<bool> {
    truth(&settings[of_trail]).or_else(|| truth(&settings[of_store]))
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(|text| cut(text).to_owned())
}
