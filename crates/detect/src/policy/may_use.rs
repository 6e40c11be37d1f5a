//! Whether a policy may let somebody use its key.

use super::action::{ActionClass, ActionSet};
use super::caller::Caller;
use super::condition::Condition;
use super::document::{Effect, Policy};
use super::principal::Principal;

/// Whether some `Allow` may let this user, role or session use the key for cryptography: by name, through its account or as
/// everyone, on conditions that hold, or that may because of how the key is used. What a `Deny` takes away again is for
/// [`use_denials`](super::use_denials).
pub fn may_use(policy: &Policy, arn: &str) -> bool {
    let user = Principal::from_aws(arn);
    let (caller, uses) = (Caller::of(&user), ActionSet::of_class(ActionClass::Crypto));
    policy.with_effect(Effect::Allow).any(|statement| {
        statement.is_about(uses, &caller)
            && caller.meets(&statement.conditions, Condition::is_of_ordinary_use)
    })
}

impl Condition {
    /// Whether those who use a key every day meet such conditions: on the service between, on what is encrypted, on the
    /// account or the organisation. What else nobody can tell, as a network or a tag, may be there to be met by nobody.
    fn is_of_ordinary_use(&self) -> bool {
        matches!(
            self.key.as_str(),
            "aws:principalorgid"
                | "aws:principalorgpaths"
                | "aws:resourceorgid"
                | "kms:calleraccount"
                | "kms:viaservice"
        ) || self.key.starts_with("kms:encryptioncontext")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn whoever_is_certainly_left_out_may_not() {
        let check = |principal: &str, condition: &str, may: bool| {
            let text = format!(
                r#"{{"Statement": {{"Effect": "Allow", "Principal": {principal}, "Action": "kms:Decrypt", "Resource": "*", "Condition": {condition}}}}}"#
            );
            let user = "arn:aws:iam::111111111111:role/App";
            let found = may_use(&Policy::parse(&text).unwrap(), user);
            assert_eq!(found, may, "{principal} {condition}");
        };
        let service = r#"{"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}"#;
        let of_others =
            r#"{"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:role/Other*"}}"#;
        let of_apps = r#"{"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:role/A*"}}"#;
        check(r#"{"AWS": "111111111111"}"#, "{}", true);
        check(
            r#"{"AWS": "arn:aws:sts::111111111111:assumed-role/App/x"}"#,
            "{}",
            true,
        );
        check(
            r#"{"AWS": "arn:aws:iam::111111111111:role/Other"}"#,
            "{}",
            false,
        );
        check(r#"{"AWS": "222222222222"}"#, "{}", false);
        check(r#""*""#, service, true);
        check(r#""*""#, of_apps, true);
        check(r#""*""#, of_others, false);
        for (condition, may) in [
            (
                r#"{"StringEquals": {"kms:EncryptionContext:app": "a"}}"#,
                true,
            ),
            (r#"{"StringEquals": {"aws:PrincipalOrgID": "o-1"}}"#, true),
            (r#"{"Bool": {"aws:SecureTransport": "false"}}"#, false),
            (
                r#"{"IpAddress": {"aws:SourceIp": "203.0.113.7/32"}}"#,
                false,
            ),
        ] {
            check(r#""*""#, condition, may);
        }
    }
}
