//! `cross-account-use`: a principal of another account uses a key for the first time.

use keytrail_event::{KeyName, OperationClass, PrincipalType, Record};

use super::support::{cut, events_of_key, key_argument, key_in_title, learning_evidence};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct CrossAccountUse;

const ABOUT: About = About {
    id: "cross-account-use",
    title: "Another account uses a key for the first time",
    severities: &[Severity::Low, Severity::Medium],
    attack: &[("TA0010", "T1537", "T1537")],
    practice: "keys serve known accounts only",
    side: Side::Owner,
    fires_when: "A principal of another account that is not an AWS service makes a cryptographic call, GetPublicKey or CreateGrant with a key, and no principal of that account was seen to do so before. Low when the account is one of organisation.accounts, and, where none are configured, while the owner's account is known for less than 7 days with records.",
    reads: &[
        "eventName",
        "errorCode",
        "recipientAccountId",
        "resources[].ARN",
        "requestParameters.sourceKeyId",
        "requestParameters.destinationKeyId",
        "userIdentity.type",
        "userIdentity.accountId",
        "userIdentity.arn",
        "userIdentity.invokedBy",
    ],
};

impl Rule for CrossAccountUse {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        foreign_use(record).is_some()
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        let (key, account) = foreign_use(record)?;
        let key = light.past.resolve(key.as_str());
        if light.past.has_foreign_user(key, account, record.time) {
            return None;
        }
        let accounts = &light.configuration.organisation.accounts;
        let (is_known, is_configured) = (accounts.contains(account), !accounts.is_empty());
        // In its first days every account that ever comes is new, unless somebody said whom to expect.
        let is_learning = !is_configured && !light.past.customs.is_account_known();
        let severity = if is_known || is_learning {
            Severity::Low
        } else {
            Severity::Medium
        };
        let operation = cut(record.operation.name());
        let title = format!(
            "First {operation} by account {account} with {}",
            key_in_title(Some(key))
        );
        let whose = match (is_known, is_configured) {
            (true, _) => "an account of the organisation",
            (false, true) => "an account outside the organisation",
            (false, false) => "another account (no organisation is configured)",
        };
        let mut hit = Hit::of(record, severity, title)
            .key(Some(key))
            .class(account)
            .because(
                Evidence::new(
                    "caller_account",
                    format!("Account {account} is {whose}; it was not seen to use this key before"),
                )
                .observed(account)
                .expected(&*record.account),
            )
            .because(
                Evidence::new(
                    "operation",
                    format!("{operation} by {}", cut(record.principal())),
                )
                .observed(operation),
            );
        if is_learning {
            hit = hit.because(learning_evidence());
        }
        let path = record.service_path();
        if path != keytrail_event::source::DIRECT {
            hit = hit.because(
                Evidence::new("service_path", format!("The call came through {path}"))
                    .observed(path),
            );
        }
        let argument = key_argument(key);
        Some(
            hit.next(format!(
                "See what lets the account in: aws kms get-key-policy --policy-name default --key-id {argument}, and aws kms list-grants --key-id {argument}"
            ))
            .next(events_of_key(Some(key), record, 24))
            .next("If the account is yours, add it to organisation.accounts in keytrail.toml."),
        )
    }
}

/// The key of this account that a principal of another account used, and that account.
pub fn foreign_use<'r>(record: &'r Record<'_>) -> Option<(&'r KeyName, &'r str)> {
    let identity = &record.identity;
    let account = identity
        .account
        .as_deref()
        .filter(|account| *account != record.account)?;
    let is_use = record.operation.class() == OperationClass::Cryptographic
        || matches!(record.operation.name(), "GetPublicKey" | "CreateGrant");
    let is_service =
        record.is_service_event || identity.principal_type == PrincipalType::AWSService;
    if !record.is_kms() || !record.outcome.is_success() || !is_use || is_service {
        return None;
    }
    // ReEncrypt names two keys; the copy at hand is of the account that owns one of them.
    [&record.key, &record.destination_key]
        .into_iter()
        .flatten()
        .find(|key| key.account() == record.account)
        .map(|key| (key, account))
}
