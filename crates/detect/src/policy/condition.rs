//! Conditions: one operator on one key, taken apart once.
//!
//! What a condition says about everyone is in `closing`, what it says about one caller in `caller` and `certainty`.

use std::fmt;

use serde_json::Value;

use super::document::{scalar_texts, shown};
use super::error::PolicyError;

/// What an operator compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// `StringEquals`.
    Text,
    /// `StringEqualsIgnoreCase`.
    TextIgnoringCase,
    /// `StringLike`.
    TextPattern,
    /// `ArnEquals` and `ArnLike`, which are one and the same.
    Arn,
    /// `IpAddress`.
    Address,
    /// `Bool`.
    Bool,
    /// `Null`.
    Null,
    /// Everything else: numbers, dates, bytes, and what is not known.
    Other,
}

/// How an operator treats a key with several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantifier {
    /// No prefix.
    Single,
    /// `ForAnyValue:`, false where the key is absent.
    AnyValue,
    /// `ForAllValues:`, true where the key is absent.
    AllValues,
}

/// Whether the operator is negated (`StringNotEquals`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sense {
    Positive,
    Negated,
}

/// Whether the operator ends in `IfExists`, true where the key is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absence {
    AsUsual,
    Accepted,
}

/// One operator on one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    operator: String,
    pub(super) key: String,
    pub(super) values: Vec<String>,
    pub(super) family: Family,
    pub(super) quantifier: Quantifier,
    sense: Sense,
    pub(super) absence: Absence,
}

impl Condition {
    pub(super) fn parse_all(value: &Value, statement: usize) -> Result<Vec<Self>, PolicyError> {
        const ELEMENT: &str = "Condition";
        let malformed = || PolicyError::Malformed {
            statement,
            element: ELEMENT,
        };
        let mut conditions = Vec::new();
        for (operator, keys) in value.as_object().ok_or_else(malformed)? {
            for (key, values) in keys.as_object().ok_or_else(malformed)? {
                let mut values = scalar_texts(values, statement, ELEMENT)?;
                values.sort();
                values.dedup();
                conditions.push(Self::new(operator, key, values));
            }
        }
        conditions.sort_by(|a, b| a.identity().cmp(&b.identity()));
        if conditions
            .windows(2)
            .any(|pair| pair[0].identity() == pair[1].identity())
        {
            return Err(PolicyError::Ambiguous {
                statement,
                element: ELEMENT,
            });
        }
        Ok(conditions)
    }

    pub(super) fn new(operator: &str, key: &str, values: Vec<String>) -> Self {
        let operator = operator.to_ascii_lowercase();
        let (quantifier, rest) = match operator.split_once(':') {
            Some(("foranyvalue", rest)) => (Quantifier::AnyValue, rest),
            Some(("forallvalues", rest)) => (Quantifier::AllValues, rest),
            _ => (Quantifier::Single, operator.as_str()),
        };
        let (absence, rest) = match rest.strip_suffix("ifexists") {
            Some(rest) => (Absence::Accepted, rest),
            None => (Absence::AsUsual, rest),
        };
        let (family, sense) = match rest {
            "stringequals" => (Family::Text, Sense::Positive),
            "stringnotequals" => (Family::Text, Sense::Negated),
            "stringequalsignorecase" => (Family::TextIgnoringCase, Sense::Positive),
            "stringnotequalsignorecase" => (Family::TextIgnoringCase, Sense::Negated),
            "stringlike" => (Family::TextPattern, Sense::Positive),
            "stringnotlike" => (Family::TextPattern, Sense::Negated),
            "arnequals" | "arnlike" => (Family::Arn, Sense::Positive),
            "arnnotequals" | "arnnotlike" => (Family::Arn, Sense::Negated),
            "ipaddress" => (Family::Address, Sense::Positive),
            "notipaddress" => (Family::Address, Sense::Negated),
            "bool" => (Family::Bool, Sense::Positive),
            "null" => (Family::Null, Sense::Positive),
            other if other.contains("not") => (Family::Other, Sense::Negated),
            _ => (Family::Other, Sense::Positive),
        };
        Self {
            key: key.to_ascii_lowercase(),
            values,
            family,
            quantifier,
            sense,
            absence,
            operator,
        }
    }

    /// What a policy may say only once: AWS does not tell which of two spellings would win.
    fn identity(&self) -> (&str, &str) {
        (&self.operator, &self.key)
    }

    /// The operator in lower case, with its prefix and suffix.
    pub fn operator(&self) -> &str {
        &self.operator
    }

    /// The condition key in lower case.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The values, sorted.
    pub fn values(&self) -> &[String] {
        &self.values
    }

    pub(super) fn is_negated(&self) -> bool {
        self.sense == Sense::Negated
    }

    /// Whether it holds for calls without the key, however it compares.
    pub(super) fn accepts_absence(&self) -> bool {
        self.absence == Absence::Accepted || self.quantifier == Quantifier::AllValues
    }

    /// Whether it compares texts, patterns or ARNs.
    pub(super) fn is_of_texts(&self) -> bool {
        use Family::{Arn, Text, TextIgnoringCase, TextPattern};
        matches!(self.family, Text | TextIgnoringCase | TextPattern | Arn)
    }

    /// Whether it asks for a switch to be just so.
    pub(super) fn is_switch(&self, word: &str) -> bool {
        self.family == Family::Bool && self.has_only(word)
    }

    /// Whether every value is this one, and there is one.
    pub(super) fn has_only(&self, expected: &str) -> bool {
        !self.values.is_empty()
            && self
                .values
                .iter()
                .all(|value| value.eq_ignore_ascii_case(expected))
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} {} {}",
            self.operator,
            self.key,
            shown(&self.values.join(", "))
        )
    }
}

#[cfg(test)]
impl Condition {
    /// The condition of these words.
    pub(super) fn sample(operator: &str, key: &str, values: &[&str]) -> Self {
        let values = values.iter().map(|value| (*value).to_owned());
        Self::new(operator, key, values.collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(text: &str) -> Result<Vec<Condition>, PolicyError> {
        Condition::parse_all(&serde_json::from_str(text).unwrap(), 0)
    }

    #[test]
    fn operators_are_taken_apart_without_regard_to_case() {
        let parsed = parse(
            r#"{"ForAllValues:StringNotLikeIfExists": {"AWS:PrincipalOrgPaths": ["b", "a", "b"]}}"#,
        );
        let condition = &parsed.unwrap()[0];
        assert_eq!(condition.family, Family::TextPattern);
        assert_eq!(condition.quantifier, Quantifier::AllValues);
        assert_eq!(condition.absence, Absence::Accepted);
        assert!(condition.is_negated());
        assert_eq!(
            condition.to_string(),
            "forallvalues:stringnotlikeifexists aws:principalorgpaths a, b"
        );
    }

    #[test]
    fn one_key_in_two_spellings_is_an_error() {
        let twice =
            r#"{"StringLike": {"kms:CallerAccount": "111111111111", "KMS:CallerAccount": "*"}}"#;
        assert_eq!(
            parse(twice),
            Err(PolicyError::Ambiguous {
                statement: 0,
                element: "Condition"
            })
        );
        assert!(
            parse(
                r#"{"StringLike": {"kms:CallerAccount": "1"}, "Null": {"kms:CallerAccount": "1"}}"#
            )
            .is_ok()
        );
    }

    #[test]
    fn scalars_are_texts() {
        let parsed =
            parse(r#"{"Bool": {"aws:SecureTransport": false}, "NumericLessThan": {"x": 3}}"#)
                .unwrap();
        assert!(parsed[0].has_only("FALSE"));
        assert_eq!(parsed[1].values(), ["3"]);
        assert!(parse(r#"{"Bool": {"aws:SecureTransport": null}}"#).is_err());
    }
}
