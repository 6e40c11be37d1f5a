//! The policy document: text in, statements out, never a panic.
//!
//! Reading is lenient where leniency can only add a finding: element names, principal kinds and the effect are
//! compared without regard to case, scalars stand for lists of one, numbers and booleans for their text. What AWS
//! would refuse and what would need a guess is an error value. A duplicate key of one spelling is the last one, as
//! for every JSON reader; the same element in two spellings is an error.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::action::{ActionClass, ActionSet, Allowed, Named};
use super::condition::Condition;
use super::error::PolicyError;
use super::principal::{Principal, Principals};
use super::resources::{Resources, matches_arn};

/// The longest policy that is read, in bytes: the 32 KiB that KMS allows, and an eighth more.
pub const POLICY_BYTES_MAX: usize = 36 * 1024;
/// The longest IAM policy that is read, in bytes: the 131,072 characters of up to two bytes that IAM's calls take. Its
/// quotas do not count white space.
pub const IAM_POLICY_BYTES_MAX: usize = 2 * 131_072;
/// The most statements that are read; 32 KiB hold fewer meaningful ones.
pub const STATEMENTS_MAX: usize = 512;
/// The longest piece of policy text that a sentence repeats, in bytes.
const SHOWN_BYTES_MAX: usize = 160;

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It takes access away, whatever else allows it.
    Deny,
    /// It gives access.
    Allow,
}

/// Which statement: its position and, where it has one, its `Sid`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatementName {
    /// The position in the policy, from 0.
    pub index: usize,
    /// The `Sid`, cut where it is too long to show.
    pub sid: Option<String>,
}

impl fmt::Display for StatementName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "statement {}", self.index + 1)?;
        match &self.sid {
            Some(sid) => write!(formatter, " ({sid:?})"),
            None => Ok(()),
        }
    }
}

/// One statement of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub(super) name: StatementName,
    pub(super) effect: Effect,
    pub(super) principals: Principals,
    pub(super) actions: ActionSet,
    pub(super) resources: Resources,
    covers_key: bool,
    pub(super) conditions: Vec<Condition>,
}

impl Statement {
    /// Which statement this is.
    pub fn name(&self) -> &StatementName {
        &self.name
    }

    /// Whether it allows or denies.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// Whom it speaks of.
    pub fn principals(&self) -> &Principals {
        &self.principals
    }

    /// The KMS actions that it speaks of.
    pub fn actions(&self) -> ActionSet {
        self.actions
    }

    /// Its conditions, all of which must hold.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// Whether it certainly speaks of the key the policy lies on: by `*` or, where that is known, by the key's ARN.
    ///
    /// A statement of a key policy without `Resource` has no effect, and KMS takes it all the same (KMS API Reference,
    /// PutKeyPolicy).
    pub fn covers_key(&self) -> bool {
        self.covers_key
    }

    /// Whether it speaks of anything: a statement without `Resource` does not.
    pub(super) fn names_resources(&self) -> bool {
        !self.resources.patterns.is_empty()
    }

    pub(super) fn covers_put_key_policy(&self) -> bool {
        self.actions.contains(ActionSet::PUT_KEY_POLICY)
    }

    fn parse(index: usize, value: &Value) -> Result<Self, PolicyError> {
        let Value::Object(object) = value else {
            return Err(PolicyError::Malformed {
                statement: index,
                element: "Statement",
            });
        };
        let elements = Elements {
            statement: index,
            object,
        };
        let sid = elements
            .find("Sid")?
            .and_then(Value::as_str)
            .filter(|sid| !sid.is_empty())
            .map(shown);
        let effect = match elements.find("Effect")?.and_then(Value::as_str) {
            Some(text) if text.eq_ignore_ascii_case("Allow") => Effect::Allow,
            Some(text) if text.eq_ignore_ascii_case("Deny") => Effect::Deny,
            _ => {
                return Err(PolicyError::Malformed {
                    statement: index,
                    element: "Effect",
                });
            }
        };
        let principals = match elements.either("Principal", "NotPrincipal")? {
            None => Principals::These(Vec::new()),
            Some((value, Named::Listed)) => {
                Principals::These(Principals::parse(value, index, "Principal")?)
            }
            Some((value, Named::AllBut)) => {
                Principals::AllBut(Principals::parse(value, index, "NotPrincipal")?)
            }
        };
        let allowed = if effect == Effect::Allow {
            Allowed::Yes
        } else {
            Allowed::No
        };
        let actions = match elements.either("Action", "NotAction")? {
            None => ActionSet::NONE,
            Some((value, named)) => {
                ActionSet::of_element(&scalar_texts(value, index, "Action")?, named, allowed)
            }
        };
        let resources = match elements.either("Resource", "NotResource")? {
            None => Resources {
                named: Named::Listed,
                patterns: Vec::new(),
            },
            Some((value, named)) => Resources {
                named,
                patterns: scalar_texts(value, index, "Resource")?,
            },
        };
        let conditions = match elements.find("Condition")? {
            None => Vec::new(),
            Some(value) => Condition::parse_all(value, index)?,
        };
        let name = StatementName { index, sid };
        Ok(Self {
            name,
            effect,
            principals,
            actions,
            covers_key: resources.match_any(|pattern| pattern == "*"),
            resources,
            conditions,
        })
    }
}

/// A policy that has been read.
///
/// ```
/// use keytrail_detect::policy::{Policy, public_access};
///
/// let text = r#"{"Statement": {"Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": "kms:De*", "Resource": "*"}}"#;
/// let policy = Policy::parse(text)?;
/// let found = public_access(&policy);
/// assert_eq!(found[0].statement.index, 0);
/// # Ok::<(), keytrail_detect::policy::PolicyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    statements: Vec<Statement>,
}

impl Policy {
    /// Reads a policy from its JSON text.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        Self::parse_up_to(POLICY_BYTES_MAX, text)
    }

    /// Reads a policy of IAM from its JSON text.
    pub fn parse_iam(text: &str) -> Result<Self, PolicyError> {
        Self::parse_up_to(IAM_POLICY_BYTES_MAX, text)
    }

    fn parse_up_to(most: usize, text: &str) -> Result<Self, PolicyError> {
        let bytes = text.len();
        if bytes > most {
            return Err(PolicyError::TooLong { bytes, most });
        }
        let document: Value = serde_json::from_str(text).map_err(|error| PolicyError::NotJson {
            reason: error.to_string(),
        })?;
        let Value::Object(object) = &document else {
            return Err(PolicyError::NoStatements);
        };
        let elements = Elements {
            statement: 0,
            object,
        };
        let statements = match elements.find("Statement")? {
            Some(Value::Array(statements)) => statements.as_slice(),
            Some(statement @ Value::Object(_)) => std::slice::from_ref(statement),
            _ => return Err(PolicyError::NoStatements),
        };
        if statements.len() > STATEMENTS_MAX {
            return Err(PolicyError::TooManyStatements {
                statements: statements.len(),
            });
        }
        let statements = statements
            .iter()
            .enumerate()
            .map(|(index, value)| Statement::parse(index, value));
        Ok(Self {
            statements: statements.collect::<Result<_, _>>()?,
        })
    }

    /// The policy as it lies on the key of this ARN: a statement may name it so, instead of `*`.
    #[must_use]
    pub fn on_key(mut self, arn: &str) -> Self {
        for statement in &mut self.statements {
            let is_named = statement
                .resources
                .match_any(|pattern| matches_arn(pattern, arn));
            statement.covers_key |= is_named;
        }
        self
    }

    /// The statements, in the order of the document.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// The ARNs of users, roles and sessions that an `Allow` names for cryptography or for making grants, sorted: as a
    /// principal, or as the only callers that a condition on `aws:PrincipalArn` lets through.
    pub fn named_users(&self) -> Vec<String> {
        let users = self.with_effect(Effect::Allow).filter(|statement| {
            let classes = statement.actions.classes();
            statement.names_resources()
                && (classes.contains(&ActionClass::Crypto) || classes.contains(&ActionClass::Grant))
        });
        let mut arns: Vec<String> = users
            .flat_map(|statement| {
                let principals = match &statement.principals {
                    Principals::These(principals) => principals.as_slice(),
                    Principals::AllBut(_) => &[],
                };
                let of_conditions = statement
                    .conditions
                    .iter()
                    .flat_map(Condition::named_principal_arns)
                    .map(|arn| Principal::from_aws(arn));
                principals.iter().cloned().chain(of_conditions)
            })
            .filter_map(|principal| match principal {
                Principal::Identity { arn, .. } => Some(arn),
                _ => None,
            })
            .collect();
        arns.sort();
        arns.dedup();
        arns
    }

    pub(super) fn with_effect(&self, effect: Effect) -> impl Iterator<Item = &Statement> {
        self.statements
            .iter()
            .filter(move |statement| statement.effect == effect)
    }
}

/// The elements of one JSON object, found by name without regard to case.
struct Elements<'a> {
    statement: usize,
    object: &'a Map<String, Value>,
}

impl<'a> Elements<'a> {
    fn find(&self, element: &'static str) -> Result<Option<&'a Value>, PolicyError> {
        let mut found = self
            .object
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(element));
        let first = found.next().map(|(_, value)| value);
        match found.next() {
            None => Ok(first),
            Some(_) => Err(PolicyError::Ambiguous {
                statement: self.statement,
                element,
            }),
        }
    }

    fn either(
        &self,
        listed: &'static str,
        all_but: &'static str,
    ) -> Result<Option<(&'a Value, Named)>, PolicyError> {
        match (self.find(listed)?, self.find(all_but)?) {
            (None, None) => Ok(None),
            (Some(value), None) => Ok(Some((value, Named::Listed))),
            (None, Some(value)) => Ok(Some((value, Named::AllBut))),
            (Some(_), Some(_)) => Err(PolicyError::Ambiguous {
                statement: self.statement,
                element: listed,
            }),
        }
    }
}

/// The texts of a scalar or of a list of scalars.
pub(super) fn scalar_texts(
    value: &Value,
    statement: usize,
    element: &'static str,
) -> Result<Vec<String>, PolicyError> {
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(value) => Ok(value.to_string()),
        _ => Err(PolicyError::Malformed { statement, element }),
    };
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        value => Ok(vec![text(value)?]),
    }
}

/// A piece of policy text short enough to show; its writer may be an attacker.
pub(super) fn shown(text: &str) -> String {
    if text.len() <= SHOWN_BYTES_MAX {
        return text.to_owned();
    }
    let mut end = SHOWN_BYTES_MAX;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn bounds_and_malformed_documents_are_error_values() {
        let malformed = |element| PolicyError::Malformed {
            statement: 0,
            element,
        };
        let ambiguous = |element| PolicyError::Ambiguous {
            statement: 0,
            element,
        };
        let check = |text: &str, expected: PolicyError| {
            assert_eq!(Policy::parse(text).unwrap_err(), expected, "{text}");
        };
        check(
            &" ".repeat(POLICY_BYTES_MAX + 1),
            PolicyError::TooLong {
                bytes: POLICY_BYTES_MAX + 1,
                most: POLICY_BYTES_MAX,
            },
        );
        check("[]", PolicyError::NoStatements);
        check("{}", PolicyError::NoStatements);
        check(r#"{"Statement": "x"}"#, PolicyError::NoStatements);
        let many = format!(r#"{{"Statement": [{}0]}}"#, "0,".repeat(STATEMENTS_MAX));
        check(
            &many,
            PolicyError::TooManyStatements {
                statements: STATEMENTS_MAX + 1,
            },
        );
        check(r#"{"Statement": [1]}"#, malformed("Statement"));
        check(r#"{"Statement": {}}"#, malformed("Effect"));
        check(r#"{"Statement": {"Effect": "Maybe"}}"#, malformed("Effect"));
        check(
            r#"{"Statement": {"Effect": "Allow", "Action": {}}}"#,
            malformed("Action"),
        );
        check(
            r#"{"Statement": {"Effect": "Allow", "Principal": [[]]}}"#,
            malformed("Principal"),
        );
        check(
            r#"{"Statement": {"Effect": "Allow", "Condition": "x"}}"#,
            malformed("Condition"),
        );
        check(
            r#"{"Statement": {"Effect": "Allow", "Condition": {"StringEquals": 1}}}"#,
            malformed("Condition"),
        );
        check(
            r#"{"Statement": {"Effect": "Allow", "effect": "Deny"}}"#,
            ambiguous("Effect"),
        );
        check(
            r#"{"Statement": {"Effect": "Deny", "Action": "*", "NotAction": "*"}}"#,
            ambiguous("Action"),
        );
        assert!(matches!(
            Policy::parse("{").unwrap_err(),
            PolicyError::NotJson { .. }
        ));
        assert!(matches!(
            Policy::parse(&"[".repeat(5_000)).unwrap_err(),
            PolicyError::NotJson { .. }
        ));
    }

    #[test]
    fn element_names_are_read_without_regard_to_case() {
        let text = r#"{"statement": {"EFFECT": "allow", "principal": "*", "ACTION": "KMS:*", "sid": "S"}}"#;
        let policy = Policy::parse(text).unwrap();
        let statement = &policy.statements()[0];
        assert_eq!(statement.effect(), Effect::Allow);
        assert!(statement.principals().include_everyone());
        assert_eq!(statement.actions(), ActionSet::EVERY);
        assert_eq!(statement.name().to_string(), "statement 1 (\"S\")");
    }

    #[test]
    fn an_iam_policy_reads_too() {
        let text = r#"{"Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "arn:aws:kms:*:*:key/*"}]}"#;
        let policy = Policy::parse(text).unwrap();
        assert_eq!(
            *policy.statements()[0].principals(),
            Principals::These(Vec::new())
        );
        assert!(!policy.statements()[0].covers_key());
    }

    #[test]
    fn shown_text_is_cut_between_characters() {
        let text = "é".repeat(200);
        assert!(shown(&text).len() <= SHOWN_BYTES_MAX + "…".len());
    }
}
