//! Principals: whom a statement speaks of.

use std::fmt;

use keytrail_event::arn::is_account_id;
use serde_json::{Map, Value};

use super::document::scalar_texts;
use super::error::PolicyError;

/// One principal as a policy names it.
///
/// What cannot be told apart from everyone is everyone: AWS allows a wildcard only as the whole `*`, so any other
/// wildcard that leaves the account open (`arn:aws:iam::*:root`) is read as the widest thing that it could mean.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// `*`, or a wildcard that could be any account.
    Everyone,
    /// A whole account, as its root ARN or its twelve digits: the account may hand the access on by IAM policies.
    Account(String),
    /// A user, a role, a session or anything else of one account. A wildcard after the account stays in the ARN.
    Identity {
        /// The twelve digits of the account.
        account: String,
        /// The ARN as written.
        arn: String,
    },
    /// An AWS service.
    Service(String),
    /// An identity provider.
    Federated(String),
    /// The canonical user id of an account, as Amazon S3 knows it.
    CanonicalUser(String),
    /// The unique id of a user or role (`AIDA…`, `AROA…`), which does not tell its account.
    UniqueId(String),
    /// Text that is none of these; AWS would refuse it.
    Unrecognised(String),
}

impl Principal {
    /// Reads one value of the `AWS` entry, or a bare string.
    pub fn from_aws(text: &str) -> Self {
        if is_account_id(text) {
            return Self::Account(text.to_owned());
        }
        let has_wildcard = text.contains(['*', '?']);
        let fields: Vec<&str> = text.splitn(6, ':').collect();
        if let [prefix, _partition, service, _region, account, resource] = fields[..]
            && prefix.eq_ignore_ascii_case("arn")
            && is_account_id(account)
            && (has_wildcard || matches!(service, "iam" | "sts"))
        {
            let account = account.to_owned();
            return if resource.eq_ignore_ascii_case("root") && !has_wildcard {
                Self::Account(account)
            } else {
                Self::Identity {
                    account,
                    arn: text.to_owned(),
                }
            };
        }
        if has_wildcard {
            Self::Everyone
        } else if text.len() >= 16
            && text.starts_with('A')
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            Self::UniqueId(text.to_owned())
        } else {
            Self::Unrecognised(text.to_owned())
        }
    }

    fn from_entry(kind: &str, text: &str) -> Self {
        if text.contains(['*', '?']) && !kind.eq_ignore_ascii_case("AWS") {
            return Self::Everyone;
        }
        match kind.to_ascii_lowercase().as_str() {
            "aws" => Self::from_aws(text),
            "service" => Self::Service(text.to_ascii_lowercase()),
            "federated" => Self::Federated(text.to_owned()),
            "canonicaluser" => Self::CanonicalUser(text.to_owned()),
            _ => Self::Unrecognised(text.to_owned()),
        }
    }

    /// The account of the principal, where the policy tells it.
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Account(account) | Self::Identity { account, .. } => Some(account),
            Self::Federated(provider) => provider
                .split(':')
                .nth(4)
                .filter(|account| is_account_id(account)),
            _ => None,
        }
    }

    /// The value of `aws:PrincipalArn` when this principal calls, where that is certain.
    pub(super) fn principal_arn(&self) -> Option<String> {
        match self {
            Self::Account(account) => Some(format!("arn:aws:iam::{account}:root")),
            Self::Identity { arn, .. } if arn.split(':').nth(2) == Some("iam") => Some(arn.clone()),
            _ => None,
        }
    }

    /// Whether both are the same identity, although one may be a role and the other a session of it.
    pub fn is_same_identity(&self, other: &Self) -> bool {
        // The ARNs of two users or of two roles are equal or mean two; only a session's looks otherwise.
        let may_be = self.is_session() || other.is_session();
        let is_alike =
            || matches!((self.identity_key(), other.identity_key()), (Some(a), Some(b)) if a == b);
        self == other || (may_be && is_alike())
    }

    /// Whether a statement that names this principal speaks of the candidate.
    pub(super) fn takes_in(&self, candidate: &Self) -> bool {
        let is_of_account = matches!(
            (self, candidate),
            (Self::Account(whole), Self::Identity { account, .. }) if whole == account
        );
        *self == Self::Everyone || is_of_account || self.is_same_identity(candidate)
    }

    /// Whether it is one session, of a role or of another user.
    pub(super) fn is_session(&self) -> bool {
        matches!(self, Self::Identity { arn, .. } if arn.split(':').nth(2) == Some("sts"))
    }

    /// Account, kind and name: what a role's ARN (with its path) and a session's ARN (with its name) share.
    fn identity_key(&self) -> Option<(&str, &str, &str)> {
        let Self::Identity { account, arn } = self else {
            return None;
        };
        let resource = arn.splitn(6, ':').nth(5)?;
        let (kind, rest) = resource.split_once('/')?;
        let name = match kind {
            "assumed-role" => rest.split('/').next()?,
            _ => rest.rsplit('/').next()?,
        };
        let kind = if kind == "assumed-role" { "role" } else { kind };
        (!name.contains(['*', '?'])).then_some((account, kind, name))
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everyone => formatter.write_str("*"),
            Self::Account(account) => write!(formatter, "account {account}"),
            Self::Identity { arn, .. } => formatter.write_str(arn),
            Self::Service(name) => write!(formatter, "service {name}"),
            Self::Federated(provider) => write!(formatter, "federated {provider}"),
            Self::CanonicalUser(id) => write!(formatter, "canonical user {id}"),
            Self::UniqueId(id) => write!(formatter, "unique id {id}"),
            Self::Unrecognised(text) => write!(formatter, "unrecognised {text}"),
        }
    }
}

/// The principals of one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principals {
    /// `Principal`: these. Empty where the statement has no such element, as in an IAM policy.
    These(Vec<Principal>),
    /// `NotPrincipal`: everyone but these.
    AllBut(Vec<Principal>),
}

impl Principals {
    pub(super) fn parse(
        value: &Value,
        statement: usize,
        element: &'static str,
    ) -> Result<Vec<Principal>, PolicyError> {
        let mut principals = match value {
            Value::Object(entries) => Self::parse_entries(entries, statement, element)?,
            _ => scalar_texts(value, statement, element)?
                .iter()
                .map(|text| Principal::from_aws(text))
                .collect(),
        };
        principals.sort();
        principals.dedup();
        Ok(principals)
    }

    fn parse_entries(
        entries: &Map<String, Value>,
        statement: usize,
        element: &'static str,
    ) -> Result<Vec<Principal>, PolicyError> {
        let mut principals = Vec::new();
        for (kind, value) in entries {
            let texts = scalar_texts(value, statement, element)?;
            principals.extend(texts.iter().map(|text| Principal::from_entry(kind, text)));
        }
        Ok(principals)
    }

    /// Whether an `Allow` with these principals lets everyone in. `NotPrincipal` does, whomever it leaves out.
    pub fn include_everyone(&self) -> bool {
        match self {
            Self::These(principals) => principals.contains(&Principal::Everyone),
            Self::AllBut(_) => true,
        }
    }

    /// Whether a statement with these principals speaks of the candidate. A whole account takes in its identities.
    /// `NotPrincipal` is taken to spare an identity whose account it names, which AWS leaves open.
    pub(super) fn reach(&self, candidate: &Principal) -> bool {
        match self {
            Self::These(these) => these.iter().any(|one| one.takes_in(candidate)),
            Self::AllBut(these) => !these.iter().any(|one| one.takes_in(candidate)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn identity(account: &str, arn: &str) -> Principal {
        Principal::Identity {
            account: account.to_owned(),
            arn: arn.to_owned(),
        }
    }

    #[test]
    fn aws_principals_are_told_apart() {
        let account = || Principal::Account("111111111111".to_owned());
        let check = |text: &str, expected: Principal| {
            assert_eq!(Principal::from_aws(text), expected, "{text}");
        };
        check("*", Principal::Everyone);
        check("111111111111", account());
        check("arn:aws:iam::111111111111:root", account());
        check("arn:aws-us-gov:iam::111111111111:root", account());
        check("arn:aws:iam::*:root", Principal::Everyone);
        check("arn:aws:iam::11111111111?:root", Principal::Everyone);
        check("arn:*", Principal::Everyone);
        check(" *", Principal::Everyone);
        check("1111111111*", Principal::Everyone);
        let wide = "arn:aws:iam::111111111111:*";
        check(wide, identity("111111111111", wide));
        let any_partition = "arn:*:iam::111111111111:root";
        check(any_partition, identity("111111111111", any_partition));
        let role = "arn:aws:iam::111111111111:role/ops/Admin";
        check(role, identity("111111111111", role));
        check(
            "AROAEXAMPLEEXAMPLE123",
            Principal::UniqueId("AROAEXAMPLEEXAMPLE123".to_owned()),
        );
        check(
            "11111111111",
            Principal::Unrecognised("11111111111".to_owned()),
        );
        check(
            "arn:aws:s3:::bucket",
            Principal::Unrecognised("arn:aws:s3:::bucket".to_owned()),
        );
        check("", Principal::Unrecognised(String::new()));
    }

    #[test]
    fn a_session_is_its_role() {
        let role = Principal::from_aws("arn:aws:iam::111111111111:role/path/Admin");
        let session = Principal::from_aws("arn:aws:sts::111111111111:assumed-role/Admin/me");
        let user = Principal::from_aws("arn:aws:iam::111111111111:user/Admin");
        let elsewhere = Principal::from_aws("arn:aws:sts::222222222222:assumed-role/Admin/me");
        assert!(role.is_same_identity(&session));
        assert!(!role.is_same_identity(&user));
        assert!(!role.is_same_identity(&elsewhere));
    }

    #[test]
    fn maps_arrays_and_bare_strings_are_read() {
        let parse =
            |text: &str| Principals::parse(&serde_json::from_str(text).unwrap(), 0, "Principal");
        assert_eq!(parse(r#""*""#).unwrap(), [Principal::Everyone]);
        assert_eq!(parse(r#"{"aws": ["111111111111", "*"]}"#).unwrap().len(), 2);
        assert_eq!(
            parse(r#"{"AWS": 111111111111}"#).unwrap(),
            [Principal::Account("111111111111".to_owned())]
        );
        assert_eq!(parse(r#"{"Service": "*"}"#).unwrap(), [Principal::Everyone]);
        assert_eq!(parse(r#"{"*": "*"}"#).unwrap(), [Principal::Everyone]);
        assert!(parse(r#"{"AWS": [["*"]]}"#).is_err());
        assert!(parse("null").is_err());
    }

    #[test]
    fn reach_takes_an_account_for_its_identities() {
        let account = Principal::Account("111111111111".to_owned());
        let role = Principal::from_aws("arn:aws:iam::111111111111:role/Admin");
        assert!(Principals::These(vec![account.clone()]).reach(&role));
        assert!(!Principals::These(vec![role.clone()]).reach(&account));
        assert!(Principals::AllBut(vec![role.clone()]).reach(&account));
        assert!(!Principals::AllBut(vec![role.clone()]).reach(&role));
        assert!(!Principals::AllBut(vec![account]).reach(&role));
    }
}
