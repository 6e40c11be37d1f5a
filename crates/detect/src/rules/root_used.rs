//! `root-used`: the account's root user calls KMS.

use keytrail_event::{OperationClass, PrincipalType, Record};

use super::support::{cut, events_of_principal, is_made_or_refused, key_in_title, key_of};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct RootUsed;

const ABOUT: About = About {
    id: "root-used",
    title: "The account's root user called KMS",
    severities: &[Severity::Medium, Severity::High],
    attack: &[("TA0001", "T1078.004", "T1078.004")],
    practice: "keys are used by roles with least privilege, never by root",
    side: Side::Caller,
    fires_when: "The root user of the account calls KMS, itself or through a service. A refused call fires one severity lower. Looking at keys is one finding, using or changing a key one finding per key.",
    reads: &[
        "eventName",
        "errorCode",
        "recipientAccountId",
        "userIdentity.type",
        "userIdentity.accountId",
        "userIdentity.arn",
        "userIdentity.invokedBy",
        "sourceIPAddress",
        "resources[].ARN",
    ],
};

impl Rule for RootUsed {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        is_root_of_account(record) && is_made_or_refused(record)
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        if !record.is_kms() || !is_root_of_account(record) || !is_made_or_refused(record) {
            return None;
        }
        let operation = cut(record.operation.name());
        let looks = record.operation.class() == OperationClass::Discovery;
        let key = key_of(record, light).filter(|_| !looks);
        let path = record.service_path();
        let is_direct = path == keytrail_event::source::DIRECT;
        let mut title = match (looks, key) {
            (true, _) => "The root user looked at keys".to_owned(),
            (false, None) => format!("The root user called {operation}"),
            (false, Some(_)) => {
                format!("The root user called {operation} on {}", key_in_title(key))
            }
        };
        if !is_direct {
            title.push_str(&format!(" through {path}"));
        }
        let path_text = if is_direct {
            "The root user called KMS itself".to_owned()
        } else {
            format!(
                "{path} called KMS for the root user: somebody is signed in as root and used that service"
            )
        };
        let mut hit = Hit::of(record, Severity::High, title)
            .key(key)
            .because(
                Evidence::new(
                    "principal_type",
                    format!("userIdentity.type is Root; {operation}"),
                )
                .observed("Root")
                .expected("a role"),
            )
            .because(Evidence::new("service_path", path_text).observed(path));
        if looks {
            hit = hit.class("discovery");
        }
        if let Some(source) = record.source.as_deref().filter(|_| is_direct) {
            let text = format!("The call came from {}", cut(source));
            hit = hit.because(Evidence::new("source", text).observed(cut(source)));
        }
        let hit = hit
            .next("Ask the holders of the root credentials whether this was one of them. If not: change the root password, delete root access keys, check its MFA.")
            .next(events_of_principal(record, 24));
        Some(hit.lower_if_refused(record, light))
    }
}

/// Whether the caller is the root user of the account the record was delivered to.
fn is_root_of_account(record: &Record<'_>) -> bool {
    record.identity.principal_type == PrincipalType::Root
        && !record.identity.is_foreign_to(&record.account)
}
