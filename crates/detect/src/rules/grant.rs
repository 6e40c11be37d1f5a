//! A grant as CreateGrant asks for it: to whom, for what, under which constraint.

use std::collections::BTreeSet;

use keytrail_event::Record;
use keytrail_event::arn::{Arn, is_account_id};
use keytrail_event::principal::is_service_name;
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use super::Hit;
use super::caller::{is_aws, is_chosen_by_service};
use super::support::{argument, cut, events_of_key, is_owners_call, key_argument, listed};
use crate::finding::Evidence;
use crate::policy::Principal;

/// What names whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grantee<'a> {
    /// An AWS service, by its DNS name.
    Service(&'a str),
    /// What a service runs in an account (`<account>:aws:ec2-infrastructure:<instance>`).
    Infrastructure(&'a str),
    /// A whole account.
    Account(&'a str),
    /// A user, role or session.
    Identity(&'a str),
    /// A unique id, or text that tells no account.
    Unknown(&'a str),
}

impl<'a> Grantee<'a> {
    /// Reads a grant's principal.
    #[must_use]
    pub fn read(principal: &'a str) -> Self {
        let account = principal.split(':').next().unwrap_or(principal);
        match Arn::parse(principal) {
            Some(arn) if arn.resource == "root" && is_account_id(arn.account) => {
                Self::Account(arn.account)
            }
            Some(arn) if is_account_id(arn.account) => Self::Identity(principal),
            Some(_) => Self::Unknown(principal),
            None if is_account_id(principal) => Self::Account(principal),
            None if is_account_id(account) => Self::Infrastructure(account),
            None if is_service_name(principal) => Self::Service(principal),
            None => Self::Unknown(principal),
        }
    }

    /// The account, where the text tells one.
    #[must_use]
    pub fn account(self) -> Option<&'a str> {
        match self {
            Self::Infrastructure(account) | Self::Account(account) => Some(account),
            Self::Identity(arn) => Arn::parse(arn).map(|arn| arn.account),
            Self::Service(_) | Self::Unknown(_) => None,
        }
    }

    /// Whether this canonical principal acts under the grant. `None` where records cannot tell: a service's use shows
    /// whom it acted for, and a unique id shows nobody's name.
    #[must_use]
    pub fn is(self, principal: &str) -> Option<bool> {
        match self {
            Self::Service(_) | Self::Infrastructure(_) | Self::Unknown(_) => None,
            Self::Account(account) => Some(account_of(principal) == Some(account)),
            // A principal of another account often shows its account and id only.
            Self::Identity(arn) => Some(
                Principal::from_aws(arn).is_same_identity(&Principal::from_aws(principal))
                    || (principal.starts_with("ext:") && self.account() == account_of(principal)),
            ),
        }
    }
}

/// The account of a canonical principal.
fn account_of(principal: &str) -> Option<&str> {
    let account = match principal.strip_prefix("ext:") {
        Some(rest) => rest.split('/').next()?,
        None => Arn::parse(principal)?.account,
    };
    is_account_id(account).then_some(account)
}

/// The request of a CreateGrant.
#[derive(Debug, Clone, Copy)]
pub struct Grant<'a> {
    request: &'a Value,
}

impl<'a> Grant<'a> {
    /// The grant that this record's body asks for.
    #[must_use]
    pub fn of(body: &'a Value) -> Self {
        Self {
            request: &body["requestParameters"],
        }
    }

    /// Who may use the key; empty where the record does not say.
    #[must_use]
    pub fn grantee(self) -> &'a str {
        self.text("granteePrincipal")
            .or_else(|| self.text("granteeServicePrincipal"))
            .unwrap_or_default()
    }

    /// Who may retire the grant.
    #[must_use]
    pub fn retiring_principal(self) -> Option<&'a str> {
        self.text("retiringPrincipal")
    }

    fn text(self, field: &str) -> Option<&'a str> {
        self.request[field].as_str().filter(|text| !text.is_empty())
    }

    /// What the grant allows, sorted.
    #[must_use]
    pub fn operations(self) -> BTreeSet<&'a str> {
        let operations = self.request["operations"].as_array();
        let operations = operations.map_or(&[][..], Vec::as_slice).iter();
        operations.filter_map(Value::as_str).collect()
    }

    /// Whether it allows this operation.
    #[must_use]
    pub fn allows(self, operation: &str) -> bool {
        self.operations().contains(operation)
    }

    /// Whether it demands an encryption context: a constraint with at least one pair.
    #[must_use]
    pub fn demands_context(self) -> bool {
        let constraints = &self.request["constraints"];
        ["encryptionContextSubset", "encryptionContextEquals"]
            .iter()
            .any(|name| {
                constraints[*name]
                    .as_object()
                    .is_some_and(|pairs| !pairs.is_empty())
            })
    }

    /// What tells two grants of a key apart, beside their ids: grantee, operations and constraints.
    #[must_use]
    pub fn terms_hash(self) -> u64 {
        let operations: Vec<&str> = self.operations().into_iter().collect();
        // A tree's text has its members sorted.
        let constraints = match &self.request["constraints"] {
            Value::Null => String::new(),
            constraints => constraints.to_string(),
        };
        let text = [self.grantee(), &operations.join(","), &constraints].join("\n");
        xxh3_64(text.as_bytes())
    }

    /// What the grant allows, and under which condition.
    #[must_use]
    pub fn terms(self) -> Evidence {
        let operations = listed(self.operations());
        let constraints = self.request["constraints"].as_object();
        let binding = constraints.into_iter().flatten().filter(|(_, value)| {
            value.as_object().is_some_and(|pairs| !pairs.is_empty()) || value.is_string()
        });
        let binding: Vec<&str> = binding.map(|(name, _)| name.as_str()).collect();
        let closed = if binding.is_empty() {
            "with no encryption context demanded".to_owned()
        } else {
            format!("only with {}", listed(binding))
        };
        Evidence::new(
            "grant_operations",
            format!("The grant allows {operations}, {closed}"),
        )
        .observed(operations)
    }

    /// Whether an AWS service makes the grant for a resource of its own, which is when KMS sets
    /// `kms:GrantIsForAWSResource`. Records do not carry that key: they show that a service called, for itself or for
    /// somebody, or that the grantee is a service or what a service runs. No service has reason to let the very
    /// principal in that it calls for, and what a user told an orchestrator to grant is the user's.
    #[must_use]
    pub fn is_for_aws_resource(record: &Record<'_>, body: &Value) -> bool {
        let grant = Grant::of(body);
        match Grantee::read(grant.grantee()) {
            Grantee::Service(_) => true,
            Grantee::Infrastructure(account) => account == record.account,
            _ => is_aws(record) || (is_chosen_by_service(record) && !grant.is_to_caller(record)),
        }
    }

    /// Whether the grantee is the record's own principal; of a session, its role.
    #[must_use]
    pub fn is_to_caller(self, record: &Record<'_>) -> bool {
        let caller = Principal::from_aws(record.principal());
        match Grantee::read(self.grantee()) {
            Grantee::Identity(arn) => Principal::from_aws(arn).is_same_identity(&caller),
            _ => false,
        }
    }

    /// The account of the service-linked role that is the grantee, which only its service can assume.
    #[must_use]
    pub fn account_of_service_linked_role(self) -> Option<&'a str> {
        let arn = Arn::parse(self.grantee())?;
        let is_one = arn.service == "iam" && arn.resource.starts_with("role/aws-service-role/");
        is_one.then_some(arn.account)
    }
}

/// The body of a CreateGrant that was made, or refused, in the account that owns the key, by anybody but an AWS service
/// for a resource of its own, and not to a service-linked role of that account.
#[must_use]
pub fn made_by_hand<'r>(record: &'r Record<'_>) -> Option<&'r Value> {
    if !is_owners_call(record, "CreateGrant") {
        return None;
    }
    let body = record.body();
    let is_by_service = Grant::is_for_aws_resource(record, body)
        || Grant::of(body).account_of_service_linked_role() == Some(&*record.account);
    (!is_by_service).then_some(body)
}

/// The hit with the steps that end the grant and show what happens under it.
#[must_use]
pub fn with_steps(hit: Hit, record: &Record<'_>, body: &Value, key: Option<&str>) -> Hit {
    let hit = match (record.outcome.is_success(), key) {
        (true, Some(key)) => hit.next(format!(
            "If nobody planned this: aws kms revoke-grant --grant-id {} --key-id {}",
            argument(grant_id(body).unwrap_or_default(), "grant-id"),
            key_argument(key)
        )),
        _ => hit,
    };
    hit.next(events_of_key(key, record, 24))
}

/// The id of the grant that a record makes or ends: RetireGrant has it in `additionalEventData`.
#[must_use]
pub fn grant_id(body: &Value) -> Option<&str> {
    let places = [
        "responseElements",
        "requestParameters",
        "additionalEventData",
    ];
    let ids = places.iter().map(|place| body[*place]["grantId"].as_str());
    ids.flatten().find(|id| !id.is_empty()).map(cut)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ROLE: &str = "arn:aws:iam::444455556666:role/path/partner";

    #[test]
    fn the_account_of_a_grantee() {
        let owner = Some("444455556666");
        for (principal, account) in [
            (ROLE, owner),
            ("arn:aws:iam::444455556666:root", owner),
            (
                "arn:aws:sts::444455556666:assumed-role/partner/session",
                owner,
            ),
            ("arn:aws:sts::444455556666:federated-user/Bob", owner),
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
            assert_eq!(Grantee::read(principal).account(), account, "{principal}");
        }
    }

    #[test]
    fn who_acts_under_a_grant() {
        for (grantee, principal, acts) in [
            (ROLE, ROLE, Some(true)),
            (
                "arn:aws:sts::444455556666:assumed-role/partner/session",
                ROLE,
                Some(true),
            ),
            (ROLE, "arn:aws:iam::444455556666:role/other", Some(false)),
            (ROLE, "arn:aws:iam::444455556666:user/partner", Some(false)),
            (ROLE, "ext:444455556666/AROAEXAMPLE", Some(true)),
            (ROLE, "ext:111122223333/AROAEXAMPLE", Some(false)),
            ("444455556666", ROLE, Some(true)),
            ("arn:aws:iam::444455556666:root", ROLE, Some(true)),
            ("111122223333", ROLE, Some(false)),
            ("dynamodb.us-west-2.amazonaws.com", ROLE, None),
            ("444455556666:aws:ec2-infrastructure:i-81e2f56c", ROLE, None),
            ("AROAEXAMPLEID", ROLE, None),
        ] {
            assert_eq!(
                Grantee::read(grantee).is(principal),
                acts,
                "{grantee} {principal}"
            );
        }
    }

    #[test]
    fn terms_are_compared_without_regard_to_order() {
        let body = |operations: Value, constraints: Value| json!({"requestParameters": {"granteePrincipal": ROLE, "operations": operations, "constraints": constraints}});
        let a = body(
            json!(["Encrypt", "Decrypt"]),
            json!({"encryptionContextSubset": {"a": "1", "b": "2"}}),
        );
        let b = body(
            json!(["Decrypt", "Encrypt", "Decrypt"]),
            json!({"encryptionContextSubset": {"b": "2", "a": "1"}}),
        );
        let c = body(json!(["Decrypt", "Encrypt"]), Value::Null);
        assert_eq!(Grant::of(&a).terms_hash(), Grant::of(&b).terms_hash());
        assert_ne!(Grant::of(&a).terms_hash(), Grant::of(&c).terms_hash());
        assert!(Grant::of(&a).demands_context() && !Grant::of(&c).demands_context());
        let empty = body(json!([]), json!({"encryptionContextEquals": {}}));
        assert!(!Grant::of(&empty).demands_context());
    }

    #[test]
    fn the_grants_id_is_found_wherever_it_stands() {
        for (body, id) in [
            (json!({"responseElements": {"grantId": "a"}}), Some("a")),
            (
                json!({"requestParameters": {"grantId": "b"}, "responseElements": null}),
                Some("b"),
            ),
            (
                json!({"requestParameters": null, "additionalEventData": {"grantId": "c"}}),
                Some("c"),
            ),
            (json!({"responseElements": {"grantId": ""}}), None),
        ] {
            assert_eq!(grant_id(&body), id, "{body}");
        }
    }
}
