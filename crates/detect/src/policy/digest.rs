//! A policy in at most 2 KiB: what is kept of it, so that the next one can be compared.
//!
//! A digest does not depend on the order, the number, the names or the spelling of statements: it says who may do
//! what under which conditions. What does not fit is first shortened (long texts become hashes, which still compare)
//! and then folded into one hash, the last statements first, denials never before permissions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::action::{ActionSet, Named};
use super::document::{Effect, Policy, Statement, shown};
use super::principal::{Principal, Principals};

/// The longest JSON form of a digest, in bytes.
pub const DIGEST_BYTES_MAX: usize = 2 * 1024;
/// What the braces of a digest and its overflow take of that, in bytes.
const DIGEST_FRAME_BYTES: usize = 96;
/// How a digest begins the principal of a statement for everyone but a few.
pub(super) const EVERYONE_BUT: &str = "everyone but ";
/// Texts longer than this are hashed where a digest is too long, in bytes; a hash takes as many.
const TEXT_BYTES_MAX: usize = 17;

/// A policy, normalised and short. Equal digests mean policies that say the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// Who may do what, sorted.
    #[serde(rename = "l")]
    pub(super) lines: Vec<Line>,
    /// What did not fit.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub(super) overflow: Option<Overflow>,
}

impl Digest {
    /// Whether a part of the policy did not fit, so that changes there are seen but not told.
    pub fn has_overflow(&self) -> bool {
        self.overflow.is_some()
    }
}

/// Who may or may not do what, under which restrictions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Line {
    #[serde(rename = "e")]
    pub(super) effect: Effect,
    #[serde(rename = "a")]
    pub(super) actions: ActionSet,
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) restrictions: Vec<Restriction>,
    #[serde(rename = "p")]
    pub(super) principals: Vec<String>,
}

/// A condition, a `Resource` that is not the key, or that there is none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Restriction {
    #[serde(rename = "o")]
    operator: String,
    #[serde(rename = "k")]
    key: String,
    #[serde(rename = "v")]
    values: BTreeSet<String>,
    #[serde(rename = "n", default, skip_serializing_if = "std::ops::Not::not")]
    negated: bool,
}

impl Restriction {
    /// Whether whatever passes this restriction passes the other one too. A restriction without values is like no
    /// other: what AWS makes of it is not known.
    pub(super) fn implies(&self, other: &Self) -> bool {
        let is_comparable = (&self.operator, &self.key, self.values.is_empty())
            == (&other.operator, &other.key, other.values.is_empty());
        let is_stricter = || {
            let (mine, theirs) = (short_set(&self.values), short_set(&other.values));
            if self.negated {
                mine.is_superset(&theirs)
            } else {
                mine.is_subset(&theirs)
            }
        };
        is_comparable && (self.values == other.values || is_stricter())
    }

    /// The restriction of a statement without `Resource`, which never has an effect.
    fn of_no_resource() -> Self {
        Self {
            operator: "resource".to_owned(),
            key: String::new(),
            values: BTreeSet::new(),
            negated: false,
        }
    }

    pub(super) fn is_of_no_resource(&self) -> bool {
        self.operator == "resource" && self.values.is_empty()
    }
}

impl fmt::Display for Restriction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<&str> = self.values.iter().map(String::as_str).collect();
        write!(
            formatter,
            "{} {} {}",
            self.operator,
            self.key,
            shown(&values.join(", "))
        )
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Overflow {
    #[serde(rename = "l")]
    lines: usize,
    #[serde(rename = "h")]
    hash: u64,
}

/// The digest of a policy.
pub fn digest(policy: &Policy) -> Digest {
    let mut lines = normalised_lines(policy);
    let fits = |lines: &[Line]| {
        lines.iter().map(json_bytes).sum::<usize>() + DIGEST_FRAME_BYTES <= DIGEST_BYTES_MAX
    };
    if fits(&lines) {
        return Digest {
            lines,
            overflow: None,
        };
    }
    for line in &mut lines {
        line.principals = line.principals.iter().map(|text| short(text)).collect();
        line.principals.sort();
        for restriction in &mut line.restrictions {
            restriction.values = short_set(&restriction.values);
        }
        line.restrictions.sort();
    }
    lines.sort();
    let (mut kept, mut used, mut folded) = (Vec::new(), DIGEST_FRAME_BYTES, Vec::new());
    for line in lines {
        let bytes = json_bytes(&line);
        if used + bytes <= DIGEST_BYTES_MAX {
            used += bytes;
            kept.push(line);
        } else {
            folded.push(line);
        }
    }
    let text = serde_json::to_string(&folded).unwrap_or_default();
    let overflow = (!folded.is_empty()).then(|| Overflow {
        lines: folded.len(),
        hash: xxh3_64(text.as_bytes()),
    });
    Digest {
        lines: kept,
        overflow,
    }
}

/// Explodes the statements into one row for each principal, unites the actions of equal rows, and gathers the
/// principals of what is equal otherwise: however a policy was cut into statements, the lines are the same.
fn normalised_lines(policy: &Policy) -> Vec<Line> {
    let mut rows: BTreeMap<(Effect, Vec<Restriction>, String), ActionSet> = BTreeMap::new();
    for statement in policy
        .statements()
        .iter()
        .filter(|statement| !statement.actions.is_empty())
    {
        let restrictions = restrictions_of(statement);
        for principal in principal_texts(&statement.principals) {
            let actions = rows
                .entry((statement.effect, restrictions.clone(), principal))
                .or_default();
            *actions = actions.union(statement.actions);
        }
    }
    let mut lines: BTreeMap<(Effect, ActionSet, Vec<Restriction>), Vec<String>> = BTreeMap::new();
    for ((effect, restrictions, principal), actions) in rows {
        lines
            .entry((effect, actions, restrictions))
            .or_default()
            .push(principal);
    }
    let lines = lines.into_iter();
    lines
        .map(|((effect, actions, restrictions), principals)| Line {
            effect,
            actions,
            restrictions,
            principals,
        })
        .collect()
}

fn principal_texts(principals: &Principals) -> Vec<String> {
    match principals {
        Principals::These(principals) => principals.iter().map(Principal::to_string).collect(),
        Principals::AllBut(principals) => {
            let spared: Vec<String> = principals.iter().map(Principal::to_string).collect();
            vec![format!("{EVERYONE_BUT}{}", spared.join(", "))]
        }
    }
}

fn restrictions_of(statement: &Statement) -> Vec<Restriction> {
    let conditions = statement.conditions.iter().map(|condition| Restriction {
        operator: condition.operator().to_owned(),
        key: condition.key().to_owned(),
        values: condition.values().iter().cloned().collect(),
        negated: condition.is_negated(),
    });
    let mut restrictions: Vec<Restriction> = conditions.collect();
    if !statement.names_resources() {
        restrictions.push(Restriction::of_no_resource());
    } else if !statement.covers_key() {
        let negated = statement.resources.named == Named::AllBut;
        restrictions.push(Restriction {
            operator: if negated { "notresource" } else { "resource" }.to_owned(),
            key: String::new(),
            values: statement.resources.patterns.iter().cloned().collect(),
            negated,
        });
    }
    restrictions.sort();
    restrictions
}

fn json_bytes(line: &Line) -> usize {
    serde_json::to_string(line).map_or(DIGEST_BYTES_MAX, |text| text.len() + 1)
}

/// A text, or its hash where it is longer than one. The hash of a hash is itself.
pub(super) fn short(text: &str) -> String {
    if text.len() <= TEXT_BYTES_MAX {
        text.to_owned()
    } else {
        format!("#{:016x}", xxh3_64(text.as_bytes()))
    }
}

/// Whether two texts are the same, one or both of which may have been shortened.
pub(super) fn is_same_short(one: &str, other: &str) -> bool {
    let is_long = |text: &str| text.len() > TEXT_BYTES_MAX;
    // Two texts that are both as long as they were, or both hashes, are compared as they are.
    one == other || (is_long(one) != is_long(other) && short(one) == short(other))
}

fn short_set(texts: &BTreeSet<String>) -> BTreeSet<String> {
    texts.iter().map(|text| short(text)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn digest_of(statements: &str) -> Digest {
        digest(&Policy::parse(&format!(r#"{{"Statement": [{statements}]}}"#)).unwrap())
    }

    #[test]
    fn wording_makes_no_difference() {
        let split = r#"{"Sid": "A", "Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": ["kms:Encrypt"], "Resource": "*"},
            {"Effect": "Allow", "Principal": {"AWS": ["222222222222", "111111111111"]}, "Action": "KMS:DECRYPT", "Resource": "*"},
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:root"}, "Action": "kms:Encrypt", "Resource": "*"}"#;
        let whole = r#"{"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::111111111111:root", "222222222222"]},
            "Action": ["kms:Decr?pt", "kms:Encrypt"], "Resource": ["*"]}"#;
        assert_eq!(digest_of(split), digest_of(whole));
    }

    #[test]
    fn a_digest_survives_its_json() {
        let digest = digest_of(
            r#"{"Effect": "Deny", "NotPrincipal": {"AWS": "111111111111"}, "Action": "*"},
            {"Effect": "Allow", "Principal": "*", "NotAction": "kms:List*", "NotResource": "x",
             "Condition": {"StringNotLike": {"kms:ViaService": ["b", "a"]}}}"#,
        );
        let text = serde_json::to_string(&digest).unwrap();
        assert_eq!(serde_json::from_str::<Digest>(&text).unwrap(), digest);
    }
}
