//! Values of a configuration that have the right type and make no sense.

use std::fmt;

use keytrail_event::arn::is_account_id;
use keytrail_event::{REGION_HINT, is_region_name};

use super::Configuration;
use super::ranges::ranged;
use crate::behaviour::BEHAVIOURS;
use crate::glob_pattern::GlobPattern;
use crate::rules::RULES;

/// Every value that makes no sense.
#[must_use]
pub fn wrong_values(configuration: &Configuration) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let mut say = |path: Vec<Step<'static>>, message: String, hint| {
        wrong.push(Wrong {
            path,
            message,
            hint,
        });
    };
    let accounts = &configuration.organisation.accounts;
    for account in accounts.iter().filter(|account| !is_account_id(account)) {
        say(
            vec![Step::Key("organisation"), Step::Key("accounts")],
            format!("`{account}` is no account of the organisation"),
            "an account id is twelve digits, written as text: \"111122223333\"",
        );
    }
    let ids = &configuration.organisation.ids;
    for id in ids.iter().filter(|id| !is_organisation_id(id)) {
        say(
            vec![Step::Key("organisation"), Step::Key("ids")],
            format!("`{id}` is no id of an organisation"),
            "an organisation's id is `o-` and 10 to 32 small letters and digits: \"o-a1b2c3d4e5\"",
        );
    }
    for region in &configuration.organisation.allowed_regions {
        if !is_region_name(region) {
            say(
                vec![Step::Key("organisation"), Step::Key("allowed_regions")],
                format!("`{region}` is no Region"),
                REGION_HINT,
            );
        }
    }
    for of in ranged(configuration) {
        if !of.is_within() {
            say(
                vec![Step::Key(of.table), Step::Key(of.key)],
                format!(
                    "{} is out of bounds: it is a number from {} to {}",
                    of.value, of.min, of.max
                ),
                "docs/configuration.md says what it counts",
            );
        }
    }
    if configuration
        .behaviour
        .sensitive_keys
        .iter()
        .any(|key| key.trim().is_empty())
    {
        say(
            vec![Step::Key("behaviour"), Step::Key("sensitive_keys")],
            "a sensitive key is empty, and fits none".to_owned(),
            NAME_HINT,
        );
    }
    for rule in &configuration.shadow {
        if rule.contains('*') || !is_rule(rule) {
            say(
                vec![Step::Key("shadow")],
                format!("no rule is named `{rule}`"),
                "`keytrail rules list` names them all",
            );
        }
    }
    for (index, suppression) in configuration.suppress.iter().enumerate() {
        let step = |key| vec![Step::Key("suppress"), Step::Index(index), Step::Key(key)];
        if let Some(rule) = suppression.rule.as_deref().filter(|rule| !is_rule(rule)) {
            say(
                step("rule"),
                format!("no rule is named `{rule}`"),
                "`keytrail rules list` names them all",
            );
        }
        let patterns = [
            ("principal", &suppression.principal),
            ("key", &suppression.key),
            ("account", &suppression.account),
        ];
        for (key, message) in patterns.into_iter().filter_map(wrong_pattern) {
            say(step(key), message, NAME_HINT);
        }
        if !suppression.is_narrow() {
            say(
                step("until"),
                "a suppression names nothing in particular, and would hide every finding"
                    .to_owned(),
                "give it a rule, principal, key or account",
            );
        }
        let texts = [
            ("reason", &suppression.reason),
            ("owner", &suppression.owner),
        ];
        for (key, _) in texts.iter().filter(|(_, text)| text.trim().is_empty()) {
            say(
                step(key),
                format!("the {key} of a suppression is empty"),
                "who reads it later wants to know why it is there, and whom to ask",
            );
        }
    }
    for (index, change) in configuration.expected.iter().enumerate() {
        let step = |key| vec![Step::Key("expected"), Step::Index(index), Step::Key(key)];
        if change
            .from
            .as_ref()
            .is_some_and(|from| from.time() >= change.until.time())
        {
            say(
                step("from"),
                "an expected change ends before it begins".to_owned(),
                "`from` is the first moment of its window, `until` the first one after it",
            );
        }
        let patterns = [("principal", &change.principal), ("key", &change.key)];
        for (key, message) in patterns.into_iter().filter_map(wrong_pattern) {
            say(step(key), message, NAME_HINT);
        }
        if !change.is_narrow() {
            say(
                step("until"),
                "an expected change names nothing in particular, and would cover every finding"
                    .to_owned(),
                "give it a principal or a key",
            );
        }
        if change.reason.trim().is_empty() {
            say(
                step("reason"),
                "the reason of an expected change is empty".to_owned(),
                "who reads it later wants to know why it is there",
            );
        }
    }
    wrong
}

/// What a name or pattern of one is.
const NAME_HINT: &str = "write a whole name, or a part of it with * for any characters";

/// What is wrong with a pattern, and the key it stands under.
fn wrong_pattern(
    (key, pattern): (&'static str, &Option<String>),
) -> Option<(&'static str, String)> {
    let pattern = pattern.as_deref()?;
    if pattern.trim().is_empty() {
        return Some((key, format!("the {key} is empty, and fits no finding")));
    }
    let is_account = pattern.contains('*') || is_account_id(pattern);
    (key == "account" && !is_account).then(|| {
        (
            key,
            format!("`{pattern}` is no account, which is twelve digits"),
        )
    })
}

/// Whether this is an id as AWS Organizations gives them (API Reference, Organization).
fn is_organisation_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.strip_prefix("o-")
        .is_some_and(|id| (10..=32).contains(&id.len()) && id.bytes().all(is_plain))
}

/// What is wrong with a value that has the right type, and the key it stands under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Names of tables and keys, and the numbers of tables in arrays, from 0.
    pub path: Vec<Step<'static>>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: &'static str,
}

/// A step to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'k> {
    /// A name in a table.
    Key(&'k str),
    /// A place in an array, from 0.
    Index(usize),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", written(&self.path), self.message)
    }
}

/// A path as people write it: `suppress[0].until`.
#[must_use]
pub fn written(path: &[Step<'_>]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text.extend([".", key]),
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

/// Whether a rule or behaviour has this id, or fits this pattern of ids. Which Sigma rules there are, only the run
/// that reads them knows.
#[must_use]
pub fn is_rule(id: &str) -> bool {
    let rules = RULES.iter().map(|rule| rule.about().id);
    let mut known = rules.chain(BEHAVIOURS.iter().map(|behaviour| behaviour.id));
    if id.starts_with("sigma:") {
        return true;
    }
    if !id.contains('*') {
        return known.any(|known| known == id);
    }
    let pattern = GlobPattern::from(id);
    known.any(|known| pattern.matches(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn organisations_are_named_by_their_ids() {
        for id in ["o-a1b2c3d4e5".to_owned(), format!("o-{}", "a".repeat(32))] {
            assert!(is_organisation_id(&id), "{id}");
        }
        for id in [
            "o-a1b2c3d4e".to_owned(),
            format!("o-{}", "a".repeat(33)),
            "o-A1B2C3D4E5".to_owned(),
            "o-a1b2c3d4e5/r-ab12".to_owned(),
            "o-*".to_owned(),
            "111122223333".to_owned(),
            String::new(),
        ] {
            assert!(!is_organisation_id(&id), "{id}");
        }
    }

    #[test]
    fn a_suppression_fits_some_findings_and_not_all() {
        let wrong = |names: serde_json::Value| {
            let mut suppression = serde_json::json!({
                "until": "2027-01-01", "reason": "known", "owner": "platform",
            });
            let fields = suppression.as_object_mut().unwrap();
            fields.extend(names.as_object().unwrap().clone());
            let configuration = serde_json::json!({ "suppress": [suppression] });
            let configuration = serde_json::from_value(configuration).unwrap();
            let wrong = wrong_values(&configuration);
            wrong.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        for narrow in [
            serde_json::json!({ "rule": "key-*" }),
            serde_json::json!({ "rule": "*", "account": "111122223333" }),
            serde_json::json!({ "account": "1111*" }),
            serde_json::json!({ "key": "*-4bcf-*", "principal": "*" }),
        ] {
            assert!(wrong(narrow.clone()).is_empty(), "{narrow}");
        }
        let nothing = "suppress[0].until: a suppression names nothing in particular, and would hide every finding";
        assert_eq!(wrong(serde_json::json!({})), [nothing]);
        assert_eq!(
            wrong(serde_json::json!({ "rule": "*", "key": "**" })),
            [nothing]
        );
        assert_eq!(
            wrong(serde_json::json!({ "principal": "", "account": "1111" })),
            [
                "suppress[0].principal: the principal is empty, and fits no finding",
                "suppress[0].account: `1111` is no account, which is twelve digits",
            ]
        );
    }

    #[test]
    fn ids_and_patterns_name_rules() {
        for id in ["key-disabled", "rate-pair", "key-*", "*", "sigma:any"] {
            assert!(is_rule(id), "{id}");
        }
        for id in ["", "key-disable", "nothing-*"] {
            assert!(!is_rule(id), "{id}");
        }
    }
}
