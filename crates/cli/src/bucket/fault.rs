//! What went wrong with a bucket, in words, and what the user can do.

use keytrail_aws::connection::Missing;
use keytrail_aws::{CallFault, FaultKind};
use keytrail_report::escape;

use super::Location;
use crate::failure::UsageError;

/// Codes of S3 for credentials that are over or unknown.
const CREDENTIALS_OVER: [&str; 4] = [
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
];
/// Codes of S3 for a bucket of another Region.
const OTHER_REGION: [&str; 4] = [
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "PermanentRedirect",
    "TemporaryRedirect",
];

/// The error of what is missing before anything is asked.
pub fn missing(missing: &Missing) -> UsageError {
    match missing {
        Missing::Credentials(why) => {
            let why = why.as_ref().map(|why| format!(": {}", escape::terminal(why)));
            UsageError::new(format_args!(
                "no credentials for AWS{}",
                why.unwrap_or_default()
            ))
        }
        .hint("log in as for the AWS command line: `aws sso login`, AWS_PROFILE, or AWS_ACCESS_KEY_ID and its kin"),
        Missing::Region => UsageError::new("no Region for AWS")
            .hint("set AWS_REGION to the Region of the bucket, or `region` in the profile"),
    }
}

/// The error of a call: `what` failed at this place.
pub fn told(fault: &CallFault, what: &str, place: &Location) -> UsageError {
    let shown = place.to_string();
    let message = format!(
        "{what} `{}`: {}",
        escape::terminal(&shown),
        escape::terminal(&fault.detail)
    );
    let error = UsageError::new(message).hint(hint(fault, what));
    match fault.kind {
        FaultKind::Unavailable => error.not_finished(),
        FaultKind::Missing | FaultKind::Denied | FaultKind::Conflict | FaultKind::Refused => error,
    }
}

fn hint(fault: &CallFault, what: &str) -> &'static str {
    let is_any = |codes: &[&str]| codes.iter().any(|code| fault.detail.contains(code));
    if is_any(&CREDENTIALS_OVER) {
        return "the credentials are over or unknown: log in again (`aws sso login`), or choose others with AWS_PROFILE";
    }
    // An answer to a redirection has no code where it has no text.
    if is_any(&OTHER_REGION) || fault.detail.starts_with("301") {
        return "the bucket is in another Region: set AWS_REGION to it";
    }
    match fault.kind {
        FaultKind::Missing => {
            "check the bucket's name; AWS_PROFILE and AWS_ENDPOINT_URL say where it is looked for"
        }
        FaultKind::Denied if what == "cannot write" => {
            "the caller needs s3:PutObject there, and kms:GenerateDataKey where the bucket is encrypted with a key"
        }
        FaultKind::Denied => {
            "the caller needs s3:ListBucket on the bucket, s3:GetObject on its objects, and kms:Decrypt where they are encrypted with a key; AWS_PROFILE chooses the caller"
        }
        FaultKind::Unavailable => {
            "S3 did not answer: try again, and look at the network, HTTPS_PROXY and AWS_ENDPOINT_URL"
        }
        FaultKind::Conflict | FaultKind::Refused => {
            "S3 refused the request as it is: check the place, and AWS_REGION"
        }
    }
}
