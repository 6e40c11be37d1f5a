//! The kinds of identity.

use serde::Serialize;

/// The kind of identity, as `userIdentity.type` names it
/// (CloudTrail User Guide, "CloudTrail userIdentity element").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum PrincipalType {
    /// An IAM user.
    IAMUser,
    /// A role's session.
    AssumedRole,
    /// The account's root user.
    Root,
    /// An AWS service acting by itself.
    AWSService,
    /// Somebody of another account.
    AWSAccount,
    /// A federated user (`sts:GetFederationToken`).
    FederatedUser,
    /// A SAML identity.
    SAMLUser,
    /// A web identity.
    WebIdentityUser,
    /// A user of IAM Identity Center.
    IdentityCenterUser,
    /// A role itself.
    Role,
    /// A directory's user.
    Directory,
    /// CloudTrail says `Unknown`.
    Unknown,
    /// The identity has no type, or there is none.
    #[serde(rename = "absent")]
    Absent,
    /// A type that is not in this list.
    #[serde(rename = "other")]
    Other,
}

impl PrincipalType {
    pub(super) fn of(name: Option<&str>) -> Self {
        match name {
            None | Some("") => Self::Absent,
            Some("IAMUser") => Self::IAMUser,
            Some("AssumedRole") => Self::AssumedRole,
            Some("Root") => Self::Root,
            Some("AWSService") => Self::AWSService,
            Some("AWSAccount") => Self::AWSAccount,
            Some("FederatedUser") => Self::FederatedUser,
            Some("SAMLUser") => Self::SAMLUser,
            Some("WebIdentityUser") => Self::WebIdentityUser,
            Some("IdentityCenterUser") => Self::IdentityCenterUser,
            Some("Role") => Self::Role,
            Some("Directory") => Self::Directory,
            Some("Unknown") => Self::Unknown,
            Some(_) => Self::Other,
        }
    }

    /// The type as output shows it: CloudTrail's own word, `absent` or `other`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IAMUser => "IAMUser",
            Self::AssumedRole => "AssumedRole",
            Self::Root => "Root",
            Self::AWSService => "AWSService",
            Self::AWSAccount => "AWSAccount",
            Self::FederatedUser => "FederatedUser",
            Self::SAMLUser => "SAMLUser",
            Self::WebIdentityUser => "WebIdentityUser",
            Self::IdentityCenterUser => "IdentityCenterUser",
            Self::Role => "Role",
            Self::Directory => "Directory",
            Self::Unknown => "Unknown",
            Self::Absent => "absent",
            Self::Other => "other",
        }
    }
}
