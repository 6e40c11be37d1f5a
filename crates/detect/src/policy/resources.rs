//! The resources that a statement speaks of.

use super::action::{Named, glob_matches};

/// What a statement's `Resource` says. A key policy lies on its key, so `*` is that key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resources {
    pub(super) named: Named,
    pub(super) patterns: Vec<String>,
}

impl Resources {
    /// Whether one of the patterns that are listed is such.
    pub(super) fn match_any(&self, is_match: impl Fn(&str) -> bool) -> bool {
        self.named == Named::Listed && self.patterns.iter().any(|pattern| is_match(pattern))
    }
}

/// Whether a pattern matches an ARN, field by field: what a `*` could take in beyond its field is not certain.
pub(super) fn matches_arn(pattern: &str, arn: &str) -> bool {
    let patterns: Vec<&str> = pattern.splitn(6, ':').collect();
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    patterns.len() == fields.len()
        && patterns
            .iter()
            .zip(&fields)
            .all(|(pattern, field)| glob_matches(pattern, field))
}
