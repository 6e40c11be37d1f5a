//! How a call ended.

use std::borrow::Cow;

use serde::Serialize;

/// How a call ended: it succeeded, or the error code the record gives.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Outcome<'a> {
    /// No `errorCode`.
    Success,
    /// The `errorCode`, as written.
    Error(Cow<'a, str>),
}

impl Outcome<'_> {
    /// `success` or the error code, as output shows it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Success => "success",
            Self::Error(code) => code,
        }
    }

    /// Whether the call succeeded.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Success)
    }

    /// The family of the outcome: what counts are kept by.
    #[must_use]
    pub fn family(&self) -> OutcomeFamily {
        match self {
            Self::Success => OutcomeFamily::Success,
            Self::Error(code) => OutcomeFamily::of_error(code),
        }
    }
}

/// Error codes that mean the same to a defender, as one. A small closed set, so that
/// text written by a caller cannot make new counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum OutcomeFamily {
    /// The call succeeded.
    Success,
    /// The caller was not allowed: AccessDenied and its relatives, a VPC endpoint policy included.
    Denied,
    /// The key is disabled, pending deletion, pending import or otherwise not usable.
    InvalidState,
    /// The key, alias or grant does not exist, as far as the caller may know.
    NotFound,
    /// Too many calls.
    Throttled,
    /// The ciphertext, the signature or the request itself is wrong.
    Invalid,
    /// Everything else, internal failures of the service among them.
    Other,
}

impl OutcomeFamily {
    /// The family of an `errorCode`. KMS codes come with and without `Exception`, `Client.` and `Error`.
    #[must_use]
    pub fn of_error(code: &str) -> Self {
        let code = code.strip_prefix("Client.").unwrap_or(code);
        match code {
            "AccessDenied"
            | "AccessDeniedException"
            | "UnauthorizedOperation"
            | "NotAuthorized"
            | "NotAuthorizedException"
            | "VpceAccessDenied"
            | "UnauthorizedAccess"
            | "Forbidden" => Self::Denied,
            "KMSInvalidStateException"
            | "DisabledException"
            | "KeyUnavailableException"
            | "CustomKeyStoreInvalidStateException"
            | "CloudHsmClusterInvalidConfigurationException"
            | "XksKeyInvalidConfigurationException"
            | "InvalidStateException" => Self::InvalidState,
            "NotFoundException"
            | "NotFound"
            | "ResourceNotFoundException"
            | "CustomKeyStoreNotFoundException"
            | "XksKeyNotFoundException" => Self::NotFound,
            "ThrottlingException"
            | "Throttling"
            | "ThrottledException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "LimitExceededException" => Self::Throttled,
            _ if code.starts_with("Invalid")
                || code.starts_with("Incorrect")
                || code.starts_with("Malformed")
                || code.starts_with("Validation")
                || code.starts_with("KMSInvalid")
                || code.starts_with("Unsupported") =>
            {
                Self::Invalid
            }
            _ => Self::Other,
        }
    }

    /// The family as output shows it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Denied => "denied",
            Self::InvalidState => "invalid-state",
            Self::NotFound => "not-found",
            Self::Throttled => "throttled",
            Self::Invalid => "invalid",
            Self::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_codes_find_their_family() {
        for (code, family) in [
            ("AccessDenied", OutcomeFamily::Denied),
            ("AccessDeniedException", OutcomeFamily::Denied),
            ("Client.UnauthorizedOperation", OutcomeFamily::Denied),
            ("VpceAccessDenied", OutcomeFamily::Denied),
            ("KMSInvalidStateException", OutcomeFamily::InvalidState),
            ("DisabledException", OutcomeFamily::InvalidState),
            ("NotFoundException", OutcomeFamily::NotFound),
            ("ThrottlingException", OutcomeFamily::Throttled),
            ("InvalidCiphertextException", OutcomeFamily::Invalid),
            ("KMSInvalidSignatureException", OutcomeFamily::Invalid),
            ("IncorrectKeyException", OutcomeFamily::Invalid),
            ("SomethingNew", OutcomeFamily::Other),
            ("", OutcomeFamily::Other),
        ] {
            assert_eq!(OutcomeFamily::of_error(code), family, "{code}");
        }
    }
}
