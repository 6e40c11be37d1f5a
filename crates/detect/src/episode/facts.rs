//! What was done in the course of an episode, as its evidence tells it.

use crate::bounds::{EPISODE_FACTS_MAX, EPISODE_STEPS_MAX};
use crate::finding::{Evidence, Finding};

/// Evidence of rules that says what was done and to whom. All other evidence says how much and since when, which
/// stands for the worst moment alone.
const FACTS: [&str; 32] = [
    "administration",
    "attestation",
    "bucket",
    "bucket_lifecycle",
    "cut_off",
    "dark_events",
    "delegable",
    "denied_use",
    "encrypted",
    "estimate",
    "external_principal",
    "file",
    "grant_id",
    "grant_operations",
    "grantee",
    "iam_statement",
    "key_account",
    "key_origin",
    "keys",
    "new_keys",
    "operation",
    "policy_change",
    "prepared",
    "principal_type",
    "public_statement",
    "retiring_principal",
    "source_key",
    "span",
    "tags",
    "target_key",
    "trail",
    "undone",
];

/// Evidence that says how many keys or grants were taken, or steps made: the more, the worse. Grants tell before the keys
/// they are of: many may be of one key.
const SIZES: [&str; 5] = ["cut_off", "encrypted", "new_keys", "grants", "keys"];

/// How much this evidence says was done at once, by kind, where it says so; more is greater.
pub(super) fn size(evidence: &[Evidence]) -> [u64; SIZES.len()] {
    SIZES.map(|feature| {
        let of_kind = evidence.iter().filter(|it| it.feature == feature);
        let numbers = of_kind.filter_map(|it| it.observed.as_deref()?.parse().ok());
        numbers.max().unwrap_or(0)
    })
}

/// Adds what this evidence says was done, unless the finding says so already, and the commands for it.
pub(super) fn add(finding: &mut Finding, evidence: &[Evidence], steps: &[String]) {
    let mut facts = finding
        .evidence
        .iter()
        .filter(|known| is_fact(known))
        .count();
    let mut is_new = false;
    for fact in evidence.iter().filter(|fact| is_fact(fact)) {
        let is_it = |known: &Evidence| (&known.feature, &known.text) == (&fact.feature, &fact.text);
        if finding.evidence.iter().any(is_it) {
            continue;
        }
        if facts >= EPISODE_FACTS_MAX {
            tell_bound(&mut finding.evidence);
            break;
        }
        facts += 1;
        is_new = true;
        finding.evidence.push(fact.clone());
    }
    if !is_new {
        return;
    }
    // What undoes it; where to look is told already.
    for step in steps.iter().filter(|step| step.contains("aws ")) {
        if finding.next_steps.len() < EPISODE_STEPS_MAX && !finding.next_steps.contains(step) {
            finding.next_steps.push(step.clone());
        }
    }
}

fn is_fact(evidence: &Evidence) -> bool {
    FACTS.contains(&evidence.feature.as_str())
}

fn tell_bound(evidence: &mut Vec<Evidence>) {
    let bound = Evidence::new(
        "bound",
        format!(
            "More was done than is told here (episode_facts_max = {EPISODE_FACTS_MAX}): read the events themselves"
        ),
    );
    if !evidence.contains(&bound) {
        evidence.push(bound);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_grants_of_one_key_are_more_than_few_of_several() {
        let of = |grants: u64, keys: u64| {
            let counted = |feature: &str, count| Evidence::new(feature, "").observed(count);
            size(&[counted("keys", keys), counted("grants", grants)])
        };
        assert!(of(500, 1) > of(3, 2));
        assert!(of(3, 2) > of(3, 1));
    }
}
