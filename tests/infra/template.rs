//! The template as JSON: short forms such as `!Sub` written out, merged keys merged.

use serde_json::{Map, Value, json};
use serde_norway::Value as Yaml;

/// Reads a template.
pub fn parse(text: &str) -> Value {
    let mut yaml: Yaml = serde_norway::from_str(text).unwrap();
    merge(&mut yaml);
    json(yaml)
}

/// `apply_merge` does not look into what stands behind a tag, so that is done here.
fn merge(yaml: &mut Yaml) {
    yaml.apply_merge().unwrap();
    match yaml {
        Yaml::Mapping(mapping) => mapping.iter_mut().for_each(|(_, value)| merge(value)),
        Yaml::Sequence(sequence) => sequence.iter_mut().for_each(merge),
        Yaml::Tagged(tagged) => merge(&mut tagged.value),
        _ => {}
    }
}

fn json(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = tag.trim_start_matches('!');
            let value = match (name, json(tagged.value)) {
                ("GetAtt", Value::String(path)) => {
                    let (resource, attribute) = path.split_once('.').unwrap();
                    json!([resource, attribute])
                }
                (_, value) => value,
            };
            let name = if name == "Ref" || name == "Condition" {
                name.to_owned()
            } else {
                format!("Fn::{name}")
            };
            Value::Object(Map::from_iter([(name, value)]))
        }
        Yaml::Mapping(mapping) => {
            let members = mapping.into_iter().map(|(key, value)| {
                let key = key.as_str().map(str::to_owned);
                (key.expect("keys are text"), json(value))
            });
            Value::Object(members.collect())
        }
        Yaml::Sequence(sequence) => sequence.into_iter().map(json).collect(),
        other => serde_json::to_value(other).unwrap(),
    }
}

/// The resources of this type, by name.
pub fn resources<'t>(
    template: &'t Value,
    kind: &'t str,
) -> impl Iterator<Item = (&'t str, &'t Value)> {
    let all = template["Resources"].as_object().unwrap().iter();
    all.filter(move |(_, resource)| resource["Type"] == kind)
        .map(|(name, resource)| (name.as_str(), resource))
}

/// The logical names that a value refers to, wherever in it.
pub fn references(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(value, &mut found);
    found.sort();
    found.dedup();
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match (name.as_str(), value) {
                    ("Ref", Value::String(name)) => found.push(name.clone()),
                    ("Fn::GetAtt", Value::Array(path)) => {
                        found.extend(path[0].as_str().map(str::to_owned));
                    }
                    ("Fn::Sub", Value::String(text)) => {
                        let names = text.split("${").skip(1);
                        let names = names.filter_map(|rest| rest.split(['}', '.']).next());
                        found.extend(names.map(str::to_owned));
                    }
                    (_, value) => collect(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}

/// A value that may be one or a list, as a list.
pub fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(values) => values.iter().collect(),
        one => vec![one],
    }
}
