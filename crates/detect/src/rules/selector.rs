//! Event selectors as PutEventSelectors and event data stores take them, and the events they take.

use std::collections::BTreeSet;

use keytrail_event::selection::KMS;
use serde_json::Value;

/// Callers named in conditions that are tried one by one.
const CALLERS_MAX: usize = 20;

/// An event that is tried against the selectors.
#[derive(Debug, Clone, Copy)]
pub struct Probe<'a> {
    pub operation: &'a str,
    pub is_read_only: bool,
    pub is_service_event: bool,
    pub from_console: bool,
    pub caller: &'a str,
}

impl Probe<'_> {
    /// The event's value of a selector's field; a management event of KMS has no others.
    fn value(&self, field: &str) -> Option<&str> {
        let truth = |is_so: bool| if is_so { "true" } else { "false" };
        match field {
            "eventCategory" => Some("Management"),
            "eventSource" => Some(KMS),
            "eventName" => Some(self.operation),
            "readOnly" => Some(truth(self.is_read_only)),
            "sessionCredentialFromConsole" => Some(truth(self.from_console)),
            "userIdentity.arn" => Some(self.caller),
            "eventType" if self.is_service_event => Some("AwsServiceEvent"),
            "eventType" => Some("AwsApiCall"),
            _ => None,
        }
    }
}

/// One selector of a request.
#[derive(Debug)]
pub enum Selector {
    /// `eventSelectors[]`.
    Basic {
        management: bool,
        excludes_kms: bool,
        reads: bool,
        writes: bool,
    },
    /// `advancedEventSelectors[]`.
    Advanced(Vec<Field>),
}

impl Selector {
    /// Whether the selector is about management events at all.
    pub fn asks_for_management_events(&self) -> bool {
        let names_them = |field: &Field| {
            let mut values = field.select.iter().map(|(_, value)| value);
            field.name == "eventCategory" && values.any(|value| value == "Management")
        };
        match self {
            Self::Basic { management, .. } => *management,
            Self::Advanced(fields) => fields.iter().any(names_them),
        }
    }

    /// Whether the selector records the event.
    pub fn takes(&self, probe: &Probe<'_>) -> bool {
        match self {
            Self::Basic {
                management,
                excludes_kms,
                reads,
                writes,
            } => {
                let wanted = if probe.is_read_only { *reads } else { *writes };
                *management && !*excludes_kms && wanted
            }
            Self::Advanced(fields) => fields.iter().all(|field| field.takes(probe)),
        }
    }
}

/// One `fieldSelectors[]` entry.
#[derive(Debug)]
pub struct Field {
    name: String,
    select: Vec<(Operator, String)>,
    deselect: Vec<(Operator, String)>,
}

#[derive(Debug, Clone, Copy)]
enum Operator {
    Equals,
    StartsWith,
    EndsWith,
}

impl Field {
    fn takes(&self, probe: &Probe<'_>) -> bool {
        let Some(value) = probe.value(&self.name) else {
            return self.select.is_empty();
        };
        let meets = |(operator, text): &(Operator, String)| match operator {
            Operator::Equals => value == text,
            Operator::StartsWith => value.starts_with(text.as_str()),
            Operator::EndsWith => value.ends_with(text.as_str()),
        };
        (self.select.is_empty() || self.select.iter().any(meets))
            && !self.deselect.iter().any(meets)
    }
}

/// Callers that some condition names: tried apart, since their calls may be all that goes dark.
pub fn named_callers(selectors: &[Selector]) -> BTreeSet<&str> {
    let fields = selectors.iter().flat_map(|selector| match selector {
        Selector::Advanced(fields) => fields.as_slice(),
        Selector::Basic { .. } => &[],
    });
    fields
        .filter(|field| field.name == "userIdentity.arn")
        .flat_map(|field| field.deselect.iter().map(|(_, value)| value.as_str()))
        .take(CALLERS_MAX)
        .collect()
}

/// The selectors of a request; `None` when it has none, so that nothing changes.
pub fn selectors_of(request: &Value) -> Option<Vec<Selector>> {
    let list = |name: &str| {
        member(request, name)?
            .as_array()
            .filter(|list| !list.is_empty())
    };
    let basic = list("eventSelectors").map(|list| list.iter().map(basic).collect());
    basic.or_else(|| list("advancedEventSelectors").map(|list| list.iter().map(advanced).collect()))
}

fn basic(selector: &Value) -> Selector {
    let kind = member(selector, "readWriteType")
        .and_then(Value::as_str)
        .unwrap_or("All");
    Selector::Basic {
        management: member(selector, "includeManagementEvents")
            .is_none_or(|value| !is_false(value)),
        excludes_kms: texts(selector, "excludeManagementEventSources").any(|source| source == KMS),
        reads: !kind.eq_ignore_ascii_case("WriteOnly"),
        writes: !kind.eq_ignore_ascii_case("ReadOnly"),
    }
}

fn advanced(selector: &Value) -> Selector {
    let fields = member(selector, "fieldSelectors").and_then(Value::as_array);
    let field = |value: &Value| {
        let values = |operators: [(&str, Operator); 3]| {
            let all = operators.into_iter().flat_map(|(name, operator)| {
                texts(value, name).map(move |text| (operator, text.to_owned()))
            });
            all.collect()
        };
        Field {
            name: member(value, "field")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            select: values([
                ("equals", Operator::Equals),
                ("startsWith", Operator::StartsWith),
                ("endsWith", Operator::EndsWith),
            ]),
            deselect: values([
                ("notEquals", Operator::Equals),
                ("notStartsWith", Operator::StartsWith),
                ("notEndsWith", Operator::EndsWith),
            ]),
        }
    };
    Selector::Advanced(fields.into_iter().flatten().map(field).collect())
}

/// A member of an object; records write `eventSelectors`, exports of the API `EventSelectors`.
fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let object = value.as_object()?;
    object.get(name).or_else(|| {
        object
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    })
}

fn texts<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v str> {
    member(value, name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

fn is_false(value: &Value) -> bool {
    value == &Value::Bool(false)
        || value
            .as_str()
            .is_some_and(|text| text.eq_ignore_ascii_case("false"))
}
