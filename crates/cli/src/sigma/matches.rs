//! Which records match, gathered by what the findings will be about.

use std::collections::BTreeMap;

use keytrail_detect::distinct::{DistinctEvents, Element};
use keytrail_event::principal::IdentitySurroundings;
use keytrail_event::{EventTime, Identity, KeyName, event_hash, parse_whole};
use rsigma_eval::JsonEvent;
use serde_json::Value;

use super::FINDINGS_PER_RULE_MAX;
use super::load::SigmaRules;

/// First and last events whose ids are kept, each.
const ENDS_MAX: usize = 5;
/// Matched fields that a finding shows.
const FIELDS_MAX: usize = 10;
/// Longest text of a record that is repeated, in bytes.
const WORDS_BYTES_MAX: usize = 256;

/// What a finding will be about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// The account whose trail shows it.
    pub account: String,
    /// The canonical principal.
    pub principal: String,
    /// The canonical key, where the record names one.
    pub key: Option<String>,
}

/// The matches of one rule on one subject.
#[derive(Debug)]
pub struct Spell {
    /// The distinct events.
    pub events: DistinctEvents,
    /// The first and the last, each with its id.
    pub ends: Vec<(EventTime, String)>,
    /// The Region; `None` where there were several.
    pub region: Option<String>,
    /// What the first event was, and its fields that matched.
    pub first: Exemplar,
}

/// What a matching event was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exemplar {
    /// When.
    pub time: EventTime,
    /// Its id.
    pub id: String,
    /// `eventSource` and `eventName`.
    pub operation: String,
    /// The fields that matched, with their values.
    pub fields: Vec<(String, String)>,
}

/// The matches of all rules.
#[derive(Debug, Default)]
pub struct Matches {
    /// By rule.
    by_rule: BTreeMap<usize, BTreeMap<Subject, Spell>>,
    /// Records that the rules saw.
    pub records: u64,
    /// Records that could not be judged, since they have no time.
    pub timeless: u64,
    /// Matches that would have begun a finding too many, by rule.
    pub beyond: BTreeMap<usize, u64>,
}

impl Matches {
    /// Runs the rules over one record.
    pub fn take(&mut self, rules: &SigmaRules, text: &str) {
        let record = parse_whole(text);
        if !record.is_object() {
            // The reader tells what is no record.
            return;
        }
        self.records += 1;
        let results = rules.engine.evaluate(&JsonEvent::borrow(&record));
        if results.is_empty() {
            return;
        }
        let Some(time) = record["eventTime"].as_str().and_then(EventTime::parse) else {
            self.timeless += 1;
            return;
        };
        let id = text_of(&record, "eventID");
        let subject = Subject::of(&record);
        let element = Element::new(0, event_hash(Some(id).filter(|id| !id.is_empty()), text));
        for result in results {
            let number = result.header.rule_id.as_deref();
            let Some(rule) = number.and_then(|number| number.parse().ok()) else {
                continue;
            };
            let matched = result.as_detection().map(|body| &body.matched_fields[..]);
            let fields = matched.unwrap_or_default().iter().take(FIELDS_MAX);
            let fields = fields.map(|field| (field.field.clone(), value_in_words(&field.value)));
            let first = Exemplar {
                time,
                id: id.to_owned(),
                operation: [
                    text_of(&record, "eventSource"),
                    text_of(&record, "eventName"),
                ]
                .join(" "),
                fields: fields.collect(),
            };
            let spell = Spell {
                events: DistinctEvents::of(element),
                ends: vec![(time, id.to_owned())],
                region: record["awsRegion"].as_str().map(cut).map(str::to_owned),
                first,
            };
            self.add(rule, subject.clone(), spell);
        }
    }

    fn add(&mut self, rule: usize, subject: Subject, spell: Spell) {
        let of_rule = self.by_rule.entry(rule).or_default();
        let is_full = of_rule.len() >= FINDINGS_PER_RULE_MAX;
        match of_rule.get_mut(&subject) {
            Some(known) => known.merge(spell),
            None if !is_full => {
                of_rule.insert(subject, spell);
            }
            None => *self.beyond.entry(rule).or_default() += spell.events.count(),
        }
    }

    /// Adds the matches of a later file.
    pub fn merge(&mut self, later: Self) {
        self.records += later.records;
        self.timeless += later.timeless;
        for (rule, count) in later.beyond {
            *self.beyond.entry(rule).or_default() += count;
        }
        for (rule, subjects) in later.by_rule {
            for (subject, spell) in subjects {
                self.add(rule, subject, spell);
            }
        }
    }

    /// The matches, by rule and subject.
    pub fn into_spells(self) -> impl Iterator<Item = (usize, Subject, Spell)> {
        self.by_rule.into_iter().flat_map(|(rule, subjects)| {
            subjects
                .into_iter()
                .map(move |(subject, spell)| (rule, subject, spell))
        })
    }
}

impl Spell {
    /// Adds other matches on the same subject: the result does not depend on the order.
    fn merge(&mut self, other: Self) {
        self.events.merge(&other.events);
        self.ends.extend(other.ends);
        self.ends.sort();
        self.ends.dedup();
        if self.ends.len() > 2 * ENDS_MAX {
            self.ends.drain(ENDS_MAX..self.ends.len() - ENDS_MAX);
        }
        if self.region != other.region {
            self.region = None;
        }
        if other.first < self.first {
            self.first = other.first;
        }
    }
}

impl Subject {
    fn of(record: &Value) -> Self {
        let account = record["recipientAccountId"].as_str().map(cut);
        let surroundings = IdentitySurroundings {
            event_source: text_of(record, "eventSource"),
            is_service_event: record["eventType"] == "AwsServiceEvent",
            recipient_account: account,
        };
        let identity = Identity::read(&record["userIdentity"], surroundings);
        let resources = record["resources"].as_array();
        let key = resources
            .into_iter()
            .flatten()
            .find_map(|resource| KeyName::from_key_arn(resource["ARN"].as_str()?));
        Self {
            account: account
                .or(identity.account.as_deref())
                .unwrap_or_default()
                .to_owned(),
            principal: identity.principal.to_string(),
            key: key.map(|key| key.as_str().to_owned()),
        }
    }
}

/// A text of the record, cut: whoever made the call wrote it.
fn text_of<'r>(record: &'r Value, field: &str) -> &'r str {
    cut(record[field].as_str().unwrap_or_default())
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(WORDS_BYTES_MAX)]
}

fn value_in_words(value: &Value) -> String {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    cut(&text).to_owned()
}
