//! `grant-external`: a grant lets a principal of another account use a key.

use keytrail_event::Record;
use serde_json::Value;

use super::grant::{Grant, Grantee, with_steps};
use super::grant_ended::ended;
use super::grant_ledger::OpenGrant;
use super::support::{cut, is_owners_call, is_refused_at_owner, key_in_title, key_of};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct GrantExternal;

const OPERATION: &str = "CreateGrant";

const ABOUT: About = About {
    id: "grant-external",
    title: "A grant lets another account use a key",
    severities: &[Severity::Low, Severity::Medium, Severity::High],
    attack: &[("TA0003", "T1098", "T1098")],
    practice: "keys serve known accounts only",
    side: Side::Owner,
    fires_when: "CreateGrant whose granteePrincipal is of an account that neither owns the key nor stands in organisation.accounts, and is no AWS service. Medium when only the retiringPrincipal is. A refused call fires one severity lower. A principal whose account the record does not tell (a bare AROA… id) does not fire.",
    reads: &[
        "eventName",
        "errorCode",
        "recipientAccountId",
        "requestParameters.granteePrincipal",
        "requestParameters.retiringPrincipal",
        "requestParameters.operations",
        "requestParameters.constraints",
        "responseElements.grantId",
        "requestParameters.grantId",
        "additionalEventData.grantId",
        "resources[].ARN",
        "userIdentity",
    ],
};

impl Rule for GrantExternal {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        is_refused_at_owner(record, OPERATION)
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        if !is_owners_call(record, OPERATION) {
            return ended(record, light, class_of);
        }
        let body = record.body();
        let grantee = outsider(record, light, body, "granteePrincipal");
        let retiring = outsider(record, light, body, "retiringPrincipal");
        let (severity, (principal, account)) = match (grantee, retiring) {
            (Some(grantee), _) => (Severity::High, grantee),
            (None, Some(retiring)) => (Severity::Medium, retiring),
            (None, None) => return None,
        };
        let key = key_of(record, light);
        let role = if grantee.is_some() {
            "to"
        } else {
            "that can be retired by"
        };
        let title = format!("Grant on {} {role} account {account}", key_in_title(key));
        let grantee_field = if grantee.is_some() {
            "grantee"
        } else {
            "retiring_principal"
        };
        // Another account, or a grant of another weight, is a problem of its own.
        let class = class_over(account, |operation| Grant::of(body).allows(operation));
        let mut hit = Hit::of(record, severity, title).key(key).class(class).because(
            Evidence::new(
                grantee_field,
                format!("{principal} is of account {account}, which neither owns the key nor is in organisation.accounts"),
            )
            .observed(principal)
            .expected(&*record.account),
        );
        hit.evidence.push(Grant::of(body).terms());
        if Grant::of(body).allows("CreateGrant") {
            hit = hit.because(Evidence::new(
                "delegable",
                "The grantee may grant what it was granted to anybody; revoking this grant does not end those",
            ));
        }
        hit = with_steps(hit, record, body, key)
            .next("If the account is yours, add it to organisation.accounts in keytrail.toml.");
        Some(hit.lower_if_refused(record, light))
    }
}

/// The principal of this field and its account, when that neither owns the key nor is in the organisation.
fn outsider<'b>(
    record: &Record<'_>,
    light: &Light<'_>,
    body: &'b Value,
    field: &str,
) -> Option<(&'b str, &'b str)> {
    let principal = body["requestParameters"][field].as_str()?;
    let account = Grantee::read(principal).account()?;
    let is_known =
        account == record.account || light.configuration.organisation.accounts.contains(account);
    (!is_known).then_some((cut(principal), account))
}

/// The class of the finding over an open grant, as far as its grantee tells; one that only an outsider may retire is not
/// told that it ended.
fn class_of(grant: &OpenGrant) -> Option<String> {
    let account = Grantee::read(&grant.grantee).account()?;
    let allows = |operation: &str| grant.operations.iter().any(|known| known == operation);
    Some(class_over(account, allows))
}

/// The account, and how much a grant opens, so that a harmless one hides no other, and deploys that grant the same to
/// ever new roles make one finding.
fn class_over(account: &str, allows: impl Fn(&str) -> bool) -> String {
    const READS: [&str; 4] = ["Decrypt", "ReEncryptFrom", "DeriveSharedSecret", "Sign"];
    let weight = if allows("CreateGrant") {
        "hands-on"
    } else if READS.into_iter().any(allows) {
        "reads"
    } else {
        "other"
    };
    format!("{account} {weight}")
}

/// Whether the grantee is an outsider: `grant-external` then tells of the grant, with all its terms.
pub fn is_to_outsider(record: &Record<'_>, light: &Light<'_>, body: &Value) -> bool {
    outsider(record, light, body, "granteePrincipal").is_some()
}
