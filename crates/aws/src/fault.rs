//! What went wrong with a call, sorted by what the caller can do about it.

use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// Longest text of a service that is kept, in bytes.
const DETAIL_BYTES_MAX: usize = 512;

/// A call that did not do what was asked, after its retries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{call} failed ({kind}): {detail}")]
pub struct CallFault {
    /// The call, such as `s3:GetObject`.
    pub call: &'static str,
    /// What the caller can do about it.
    pub kind: FaultKind,
    /// What the service said, or what the transport said.
    pub detail: String,
}

/// What the caller can do about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// There is no such thing (yet).
    Missing,
    /// Not allowed. S3 says so of missing objects too, to whoever may not list the bucket.
    Denied,
    /// Another writer came first.
    Conflict,
    /// Too many calls, or no answer, or a fault of the service: it may work later.
    Unavailable,
    /// The request itself is refused and will be each time.
    Refused,
}

impl FaultKind {
    /// Whether the same call can work later without a change of what is asked.
    #[must_use]
    pub const fn is_worth_a_retry(self) -> bool {
        !matches!(self, Self::Refused)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "not found",
            Self::Denied => "denied",
            Self::Conflict => "conflict",
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
        })
    }
}

/// Codes by which services say that they are asked too much, whatever the status.
const THROTTLING: [&str; 12] = [
    "KMSThrottling",
    "Throttled",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "LimitExceededException",
];
const MISSING: [&str; 6] = [
    "NoSuchKey",
    "NoSuchBucket",
    "NotFound",
    "NotFoundException",
    "ResourceNotFoundException",
    "AWS.SimpleQueueService.NonExistentQueue",
];
const CONFLICTS: [&str; 5] = [
    "PreconditionFailed",
    "ConditionalRequestConflict",
    "ConditionalCheckFailedException",
    "TransactionCanceledException",
    "TransactionConflictException",
];

/// Codes of credentials and clocks, which the next call has anew.
const PASSING: [&str; 5] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "RequestTimeout",
];

impl CallFault {
    /// Sorts what a client returned.
    pub(crate) fn of<E>(call: &'static str, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let (kind, detail) = match &error {
            SdkError::ServiceError(service) => {
                let meta = service.err().meta();
                let code = meta.code().unwrap_or_default();
                let status = service.raw().status().as_u16();
                let detail = format!("{status} {code} {}", meta.message().unwrap_or_default());
                (kind_of(code, status), detail)
            }
            SdkError::ResponseError(response) => {
                let status = response.raw().status().as_u16();
                (kind_of("", status), chain(&error))
            }
            SdkError::ConstructionFailure(_) => (FaultKind::Refused, chain(&error)),
            // Time is up, the connection broke, or the answer makes no sense.
            _ => (FaultKind::Unavailable, chain(&error)),
        };
        Self::new(call, kind, &detail)
    }

    pub(crate) fn new(call: &'static str, kind: FaultKind, detail: &str) -> Self {
        let mut detail = detail.trim().to_owned();
        detail.truncate(detail.floor_char_boundary(DETAIL_BYTES_MAX));
        Self { call, kind, detail }
    }
}

fn kind_of(code: &str, status: u16) -> FaultKind {
    if THROTTLING.contains(&code) || PASSING.contains(&code) {
        FaultKind::Unavailable
    } else if is_of_a_key(code) {
        // A key that is disabled, pending deletion or closed can be opened again.
        FaultKind::Denied
    } else if CONFLICTS.contains(&code) {
        FaultKind::Conflict
    } else if MISSING.contains(&code) {
        FaultKind::Missing
    } else {
        match status {
            403 => FaultKind::Denied,
            404 => FaultKind::Missing,
            408 | 429 | 500.. => FaultKind::Unavailable,
            409 | 412 => FaultKind::Conflict,
            // The bucket is in another Region than the caller thinks, which somebody can mend.
            300..400 => FaultKind::Unavailable,
            // An answer that says it worked but cannot be read.
            200..300 => FaultKind::Unavailable,
            _ => FaultKind::Refused,
        }
    }
}

/// Whether this is a code by which a service says that KMS refused it: `KMS.DisabledException` of S3, `KmsDisabled` of
/// SQS, `KMSInvalidState` of SNS.
fn is_of_a_key(code: &str) -> bool {
    code.get(..3)
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case("kms"))
}

/// An error with its causes: transports hide what happened behind "dispatch failure".
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    const CAUSES_MAX: usize = 6;
    let mut text = error.to_string();
    let mut cause = error.source();
    for _ in 0..CAUSES_MAX {
        let Some(known) = cause else { break };
        text.push_str(": ");
        text.push_str(&known.to_string());
        cause = known.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_sorted_by_what_can_be_done() {
        let check = |code, status, expected| assert_eq!(kind_of(code, status), expected, "{code}");
        check("SlowDown", 503, FaultKind::Unavailable);
        check("ThrottlingException", 400, FaultKind::Unavailable);
        check("ConditionalCheckFailedException", 400, FaultKind::Conflict);
        check("ResourceNotFoundException", 400, FaultKind::Missing);
        check("Throttled", 400, FaultKind::Unavailable);
        check("NoSuchKey", 404, FaultKind::Missing);
        check("AccessDenied", 403, FaultKind::Denied);
        check("InternalError", 500, FaultKind::Unavailable);
        check("ValidationException", 400, FaultKind::Refused);
        check("InvalidObjectState", 400, FaultKind::Refused);
        check("ExpiredToken", 400, FaultKind::Unavailable);
        check("PermanentRedirect", 301, FaultKind::Unavailable);
    }

    /// Files were set aside for good while the trail's key was disabled, which whoever disables it wants.
    #[test]
    fn what_a_disabled_key_refuses_comes_again() {
        for code in [
            "KMS.DisabledException",
            "KMS.KMSInvalidStateException",
            "KmsDisabled",
        ] {
            assert_eq!(kind_of(code, 400), FaultKind::Denied, "{code}");
            assert!(kind_of(code, 400).is_worth_a_retry());
        }
        assert_eq!(kind_of("KMSThrottling", 400), FaultKind::Unavailable);
    }
}
