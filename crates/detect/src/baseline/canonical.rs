//! What kind of principal a canonical principal is, and who its peers are.
//!
//! Networks, agents, service paths, contexts and keys are already canonical in the cells; here the
//! principal's own name is read.

use std::borrow::Cow;

use keytrail_event::principal::{AWS_INTERNAL, is_service_name};
use serde::{Deserialize, Serialize};

/// The kind of a principal: what it is compared with where its own history says too little.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Class {
    /// An AWS service, or KMS itself: it acts account-wide.
    Service,
    /// A service-linked role.
    ServiceLinked,
    /// A role of a workload, a pipeline or people who assume it.
    Role,
    /// A person behind IAM Identity Center.
    Person,
    /// An IAM user.
    User,
    /// A principal of another account.
    Foreign,
    /// The root user, federated users and whatever else there is.
    Other,
}

impl Class {
    /// All classes, in order.
    pub const ALL: [Self; 7] = [
        Self::Service,
        Self::ServiceLinked,
        Self::Role,
        Self::Person,
        Self::User,
        Self::Foreign,
        Self::Other,
    ];

    /// The class in words, as a plural.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Service => "AWS services",
            Self::ServiceLinked => "service-linked roles",
            Self::Role => "roles",
            Self::Person => "people behind Identity Center",
            Self::User => "IAM users",
            Self::Foreign => "principals of other accounts",
            Self::Other => "principals of its kind",
        }
    }
}

/// The class of a canonical principal seen in this account.
#[must_use]
pub fn class_of(principal: &str, account: &str) -> Class {
    if principal == AWS_INTERNAL || is_service_name(principal) {
        return Class::Service;
    }
    if principal.starts_with("ext:") {
        return Class::Foreign;
    }
    let Some(arn) = Parts::of(principal) else {
        return Class::Other;
    };
    if arn.account != account && !arn.account.is_empty() {
        return Class::Foreign;
    }
    match arn.kind {
        "role" if arn.path.starts_with("aws-service-role/") => Class::ServiceLinked,
        "role" => Class::Role,
        "assumed-role" => Class::Person,
        "user" => Class::User,
        _ => Class::Other,
    }
}

/// The peer group of a canonical principal: its permission set, the path or first token of its role's
/// name, `service-linked`, `iam-user`, or `ext:<account>`.
#[must_use]
pub fn peer_group<'p>(principal: &'p str, class: Class) -> Cow<'p, str> {
    let name = Parts::of(principal);
    match (class, name) {
        (Class::Service, _) => Cow::Borrowed("service"),
        (Class::ServiceLinked, _) => Cow::Borrowed("service-linked"),
        (Class::User, _) => Cow::Borrowed("iam-user"),
        (Class::Person, Some(arn)) => {
            let role = arn.path.split('/').next().unwrap_or(arn.path);
            Cow::Owned(format!("permission-set:{}", permission_set(role)))
        }
        (Class::Role, Some(arn)) => match arn.path.rsplit_once('/') {
            Some((path, name)) if path.starts_with("aws-reserved/") => {
                Cow::Owned(format!("permission-set:{}", permission_set(name)))
            }
            Some((path, _)) => Cow::Owned(format!("path:{path}")),
            None => Cow::Owned(format!("role:{}", first_token(arn.path))),
        },
        (Class::Foreign, Some(arn)) => Cow::Owned(format!("ext:{}", arn.account)),
        (Class::Foreign, None) => Cow::Borrowed(principal.split('/').next().unwrap_or(principal)),
        _ => Cow::Borrowed("other"),
    }
}

/// `AWSReservedSSO_<permission set>_<hash>` without its ends.
fn permission_set(role: &str) -> &str {
    let set = role.strip_prefix("AWSReservedSSO_").unwrap_or(role);
    set.rsplit_once('_').map_or(set, |(set, _)| set)
}

/// The first word of a role's name: `orders` of `orders-api-prod`, `Orders` of `OrdersApi`.
fn first_token(name: &str) -> &str {
    let bytes = name.as_bytes();
    let is_end = |place: usize| {
        let byte = bytes[place];
        !byte.is_ascii_alphanumeric()
            || (byte.is_ascii_uppercase() && bytes[place - 1].is_ascii_lowercase())
    };
    let end = (1..bytes.len()).find(|place| is_end(*place));
    name.get(..end.unwrap_or(bytes.len())).unwrap_or(name)
}

/// The parts of an IAM or STS ARN that matter here.
struct Parts<'p> {
    account: &'p str,
    /// `role`, `assumed-role`, `user`, `root`, `federated-user`.
    kind: &'p str,
    /// What follows the kind.
    path: &'p str,
}

impl<'p> Parts<'p> {
    fn of(principal: &'p str) -> Option<Self> {
        let mut parts = principal.splitn(6, ':');
        if parts.next() != Some("arn") {
            return None;
        }
        let account = parts.nth(3)?;
        let resource = parts.next()?;
        let (kind, path) = resource.split_once('/').unwrap_or((resource, ""));
        Some(Self {
            account,
            kind,
            path,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(principal: &str, class: Class, group: &str) {
        assert_eq!(class_of(principal, "111122223333"), class, "{principal}");
        assert_eq!(peer_group(principal, class), group, "{principal}");
    }

    #[test]
    fn classes_and_groups() {
        check("s3.amazonaws.com", Class::Service, "service");
        check(
            "arn:aws:iam::111122223333:user/s3.amazonaws.com",
            Class::User,
            "iam-user",
        );
        check("aws-internal", Class::Service, "service");
        check(
            "arn:aws:iam::111122223333:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS",
            Class::ServiceLinked,
            "service-linked",
        );
        check(
            "arn:aws:iam::111122223333:role/orders-api-prod",
            Class::Role,
            "role:orders",
        );
        check(
            "arn:aws:iam::111122223333:role/OrdersApi",
            Class::Role,
            "role:Orders",
        );
        check(
            "arn:aws:iam::111122223333:role/payments/worker",
            Class::Role,
            "path:payments",
        );
        check(
            "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_DataScience_0123456789abcdef/ada@example.com",
            Class::Person,
            "permission-set:DataScience",
        );
        check("arn:aws:iam::111122223333:user/ci", Class::User, "iam-user");
        check("arn:aws:iam::111122223333:root", Class::Other, "other");
        check(
            "arn:aws:iam::444455556666:role/vendor",
            Class::Foreign,
            "ext:444455556666",
        );
        check("ext:444455556666/AROAX", Class::Foreign, "ext:444455556666");
        check("unknown:Directory", Class::Other, "other");
        check("arn:aws", Class::Other, "other");
        check("arn:aws:iam::111122223333:role/é", Class::Role, "role:é");
    }
}
