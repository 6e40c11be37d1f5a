//! Who the principal is, from what an identity tells of itself.

use std::borrow::Cow;

use super::{AWS_INTERNAL, IdentitySurroundings, PrincipalType, cut};
use crate::arn::Arn;

/// Role names that IAM Identity Center gives to permission sets begin so.
const IDENTITY_CENTER_ROLE_PREFIX: &str = "AWSReservedSSO_";

/// What of an identity's texts decides who the principal is.
pub(super) struct Clues<'a> {
    pub(super) arn: Option<&'a str>,
    /// What the ARN says, if it is a session's.
    pub(super) session: Option<AssumedRole<'a>>,
    pub(super) principal_id: Option<&'a str>,
    pub(super) issuer_arn: Option<&'a str>,
    pub(super) account: Option<&'a str>,
    pub(super) on_behalf_of: Option<&'a str>,
    pub(super) invoked_by: Option<&'a str>,
    pub(super) type_name: Option<&'a str>,
}

impl<'a> Clues<'a> {
    pub(super) fn principal(
        &self,
        principal_type: PrincipalType,
        at: IdentitySurroundings<'a>,
    ) -> Cow<'a, str> {
        match principal_type {
            PrincipalType::AWSService => {
                Cow::Borrowed(self.invoked_by.unwrap_or_else(|| cut(at.event_source)))
            }
            PrincipalType::Absent if self.arn.is_none() => Cow::Borrowed(AWS_INTERNAL),
            _ => self
                .role_principal()
                .or_else(|| self.arn.map(Cow::Borrowed))
                .or_else(|| self.without_arn(principal_type, at.recipient_account))
                .unwrap_or_else(|| {
                    Cow::Owned(format!("unknown:{}", self.type_name.unwrap_or("absent")))
                }),
        }
    }

    /// The role behind a session; behind Identity Center, the session itself.
    fn role_principal(&self) -> Option<Cow<'a, str>> {
        match (&self.session, self.issuer_arn) {
            (Some(session), _) if session.is_a_person() => self.arn.map(Cow::Borrowed),
            (_, Some(issuer)) if Arn::parse(issuer).is_some_and(|arn| is_role(arn)) => {
                Some(Cow::Borrowed(issuer))
            }
            (Some(session), _) => Some(Cow::Owned(session.role_arn())),
            (None, _) => None,
        }
    }

    fn without_arn(
        &self,
        principal_type: PrincipalType,
        recipient_account: Option<&str>,
    ) -> Option<Cow<'a, str>> {
        match principal_type {
            PrincipalType::SAMLUser | PrincipalType::WebIdentityUser => {
                self.principal_id.map(Cow::Borrowed)
            }
            PrincipalType::IdentityCenterUser => self
                .on_behalf_of
                .map(|user| Cow::Owned(format!("identity-center:{user}"))),
            _ => {
                let account = self.account?;
                let is_foreign = principal_type == PrincipalType::AWSAccount
                    || recipient_account.is_some_and(|recipient| recipient != account);
                let id = self.principal_id.filter(|_| is_foreign)?;
                let id = id.split_once(':').map_or(id, |(before, _)| before);
                Some(Cow::Owned(format!("ext:{account}/{id}")))
            }
        }
    }
}

/// `arn:aws:sts::<account>:assumed-role/<role>/<session>`, taken apart.
pub(super) struct AssumedRole<'a> {
    arn: Arn<'a>,
    role: &'a str,
    pub(super) session: &'a str,
}

impl<'a> AssumedRole<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let arn = Arn::parse(text).filter(|arn| arn.service == "sts")?;
        let (role, session) = arn
            .resource
            .strip_prefix("assumed-role/")?
            .split_once('/')?;
        Some(Self { arn, role, session })
    }

    /// Whether a person behind Identity Center has it: then the session is the principal, not the role.
    pub(super) fn is_a_person(&self) -> bool {
        self.role.starts_with(IDENTITY_CENTER_ROLE_PREFIX)
    }

    /// The role's ARN, without the path that the session's ARN does not carry.
    pub(super) fn role_arn(&self) -> String {
        let Arn {
            partition, account, ..
        } = self.arn;
        format!("arn:{partition}:iam::{account}:role/{}", self.role)
    }
}

/// Only roles issue sessions whose name must not count; the "issuer" of a user's temporary
/// credentials is the user.
fn is_role(arn: Arn<'_>) -> bool {
    arn.service == "iam" && arn.resource.starts_with("role/")
}
