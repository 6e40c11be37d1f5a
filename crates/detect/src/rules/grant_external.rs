//! `grant-external`: a grant lets a principal of another account use a key.

use keytrail_event::Record;

use super::grant::{Grant, Grantee, with_steps};
use super::support::{
    cut, is_made_or_refused, is_owners_copy, is_refused_at_owner, key_in_title, key_of,
};
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
        if record.operation.name() != OPERATION
            || !is_owners_copy(record)
            || !is_made_or_refused(record)
        {
            return None;
        }
        let body = record.body();
        let request = &body["requestParameters"];
        let external = |field: &str| {
            let principal = request[field].as_str()?;
            let account = Grantee::read(principal).account()?;
            let is_known = account == record.account
                || light.configuration.organisation.accounts.contains(account);
            (!is_known).then_some((cut(principal), account))
        };
        let grantee = external("granteePrincipal");
        let retiring = external("retiringPrincipal");
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
        let mut hit = Hit::of(record, severity, title).key(key).class(account).because(
            Evidence::new(
                grantee_field,
                format!("{principal} is of account {account}, which neither owns the key nor is in organisation.accounts"),
            )
            .observed(principal)
            .expected(&*record.account),
        );
        hit.evidence.push(Grant::of(body).terms());
        hit = with_steps(hit, record, body, key)
            .next("If the account is yours, add it to organisation.accounts in keytrail.toml.");
        Some(hit.lower_if_refused(record, light))
    }
}
