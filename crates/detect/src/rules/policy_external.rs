//! `policy-external`: a key policy newly lets another account in.

use std::collections::BTreeSet;

use keytrail_event::Record;

use super::policy_put::{PolicyPut, cut_party, home_of, is_policy_refused, outsiders};
use super::policy_put_back::put_back;
use super::support::{cut, key_in_title, listed};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};
use crate::policy::{ExternalAllow, Home, Party};

/// The rule.
pub struct PolicyExternal;

/// Statements that evidence spells out.
const SHOWN_MAX: usize = 8;

const ABOUT: About = About {
    id: "policy-external",
    title: "A key policy newly lets another account in",
    severities: &[Severity::Low, Severity::Medium, Severity::High],
    attack: &[("TA0003", "T1098", "T1098")],
    practice: "keys serve known accounts only",
    side: Side::Owner,
    fires_when: "PutKeyPolicy, CreateKey or ReplicateKey whose policy allows more than discovery to an account that neither owns the key nor stands in organisation.accounts, to an organisation that does not stand in organisation.ids, to a network, an identity provider or, by a condition, a unique id, and the policy before (of a replica, that of its primary) did not. Medium when the policy before was not seen, of a replica only where the request gives none, and for organisations alone while organisation.ids is empty. A refused call fires one severity lower.",
    reads: &[
        "eventName",
        "errorCode",
        "recipientAccountId",
        "requestParameters.keyId",
        "requestParameters.policy",
        "responseElements.keyMetadata.arn",
        "responseElements.replicaKeyMetadata.arn",
        "responseElements.replicaPolicy",
        "resources[].ARN",
        "userIdentity",
    ],
};

impl Rule for PolicyExternal {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        is_policy_refused(record)
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        let put = PolicyPut::read(record, light)?;
        let home = home_of(record, light.configuration);
        let new = put.new_outsiders(&home);
        if new.is_empty() {
            return put_back(record, light);
        }
        let is_known = put.before.is_some() || is_written_for_new_key(record);
        let severity = if is_known && !may_be_own_organisation(&new, &home) {
            Severity::High
        } else {
            Severity::Medium
        };
        Some(hit(record, &put, (&new, &home), severity, is_known).lower_if_refused(record, light))
    }
}

/// Whether all that is let in are organisations, and nobody said which is the owner's: an organisation that a policy names
/// is nearly always that one.
fn may_be_own_organisation(new: &[ExternalAllow], home: &Home<'_>) -> bool {
    home.organisations.is_empty()
        && new
            .iter()
            .all(|allow| matches!(allow.party, Party::Organisation(_)))
}

/// Whether the record makes a key and says itself what its policy is to be: there is no policy before.
fn is_written_for_new_key(record: &Record<'_>) -> bool {
    match record.operation.name() {
        "CreateKey" => true,
        "ReplicateKey" => !record.body()["requestParameters"]["policy"].is_null(),
        _ => false,
    }
}

fn hit(
    record: &Record<'_>,
    put: &PolicyPut<'_>,
    (new, home): (&[ExternalAllow], &Home<'_>),
    severity: Severity,
    is_known: bool,
) -> Hit {
    let parties: BTreeSet<String> = new.iter().map(|allow| cut_party(&allow.party)).collect();
    let whom = listed(parties.iter().map(String::as_str));
    let lets = if is_known { "now lets in" } else { "lets in" };
    let title = format!(
        "The policy of {} {lets} {}",
        key_in_title(put.key),
        cut(&whom)
    );
    // Another party, or more for the same one, is a problem of its own. Of all that the policy lets in, whichever policy
    // was known before: a record that comes late changes what is new.
    let all = outsiders(put.policy, home);
    let opened = all
        .iter()
        .map(|allow| format!("{} {}", cut_party(&allow.party), allow.actions));
    let class: BTreeSet<String> = opened.collect();
    let class: Vec<String> = class.into_iter().collect();
    let mut hit = Hit::of(record, severity, title)
        .key(put.key)
        .class(class.join("\n"));
    for allow in new.iter().take(SHOWN_MAX) {
        hit = hit.because(
            Evidence::new("external_principal", cut(&allow.text))
                .observed(cut_party(&allow.party))
                .expected(format!("account {}", record.account)),
        );
    }
    let more = new.len().saturating_sub(SHOWN_MAX);
    if more > 0 {
        hit = hit.because(Evidence::new(
            "external_principal",
            format!("{more} more such statements"),
        ));
    }
    if !is_known {
        hit = hit.because(Evidence::new(
            "policy_before",
            "The policy before is in no record read so far: whether this is new is not known",
        ));
    }
    if may_be_own_organisation(new, home) {
        hit = hit.because(Evidence::new(
            "organisation",
            "Whose organisation it is, the policy does not tell, and no organisation is configured",
        ));
    }
    let mut hit = put.with_steps(hit, record);
    if new
        .iter()
        .any(|allow| matches!(allow.party, Party::Account(_)))
    {
        hit =
            hit.next("If the account is yours, add it to organisation.accounts in keytrail.toml.");
    }
    if new
        .iter()
        .any(|allow| matches!(allow.party, Party::Organisation(_)))
    {
        hit = hit.next("If the organisation is yours, add its id to organisation.ids in keytrail.toml: aws organizations describe-organization shows it.");
    }
    hit
}
