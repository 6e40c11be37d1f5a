//! `grant-external`: a grant lets a principal of another account use a key.

use keytrail_event::Record;
use keytrail_event::arn::{Arn, is_account_id};
use serde_json::Value;

use super::support::{
    argument, cut, events_of_key, is_made_or_refused, is_owners_copy, is_refused_at_owner,
    key_argument, key_in_title, key_of, listed,
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
            let account = account_of(principal)?;
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
        hit.evidence.push(terms(request));
        if record.outcome.is_success()
            && let Some(key) = key
        {
            let grant = body["responseElements"]["grantId"]
                .as_str()
                .unwrap_or_default();
            hit = hit.next(format!(
                "If nobody planned this: aws kms revoke-grant --grant-id {} --key-id {}",
                argument(grant, "grant-id"),
                key_argument(key)
            ));
        }
        hit = hit
            .next(events_of_key(key, record, 24))
            .next("If the account is yours, add it to organisation.accounts in keytrail.toml.");
        Some(hit.lower_if_refused(record, light))
    }
}

/// What the grant allows, and under which condition.
fn terms(request: &Value) -> Evidence {
    let operations = request["operations"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let operations = listed(operations.iter().filter_map(Value::as_str));
    let closed = match &request["constraints"] {
        Value::Object(constraints) if !constraints.is_empty() => {
            format!(
                "only with {}",
                listed(constraints.keys().map(String::as_str))
            )
        }
        _ => "with no encryption context demanded".to_owned(),
    };
    Evidence::new(
        "grant_operations",
        format!("The grant allows {operations}, {closed}"),
    )
    .observed(operations)
}

/// The account a grant's principal belongs to. AWS services and ids that tell no account have none.
fn account_of(principal: &str) -> Option<&str> {
    let account = match Arn::parse(principal) {
        Some(arn) => arn.account,
        // EC2 writes `<account>:aws:ec2-infrastructure:<instance>`; a whole account may stand alone.
        None => principal.split(':').next().unwrap_or(principal),
    };
    is_account_id(account).then_some(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_of_a_principal() {
        let owner = Some("444455556666");
        for (principal, account) in [
            ("arn:aws:iam::444455556666:role/partner", owner),
            ("arn:aws:iam::444455556666:root", owner),
            (
                "arn:aws:sts::444455556666:assumed-role/partner/session",
                owner,
            ),
            ("arn:aws:sts::444455556666:federated-user/Bob", owner),
            (
                "arn:aws:iam::444455556666:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
                owner,
            ),
            ("444455556666", owner),
            ("444455556666:aws:ec2-infrastructure:i-81e2f56c", owner),
            ("AROAEXAMPLEID", None),
            ("AIDAEXAMPLEID", None),
            ("AROAEXAMPLEID:444455556666", None),
            ("dynamodb.us-west-2.amazonaws.com", None),
            ("ec2.amazonaws.com.cn", None),
            ("arn:aws:iam::cloudfront:user/x", None),
            ("", None),
        ] {
            assert_eq!(account_of(principal), account, "{principal}");
        }
    }
}
