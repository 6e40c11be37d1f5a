//! Whether a policy may let somebody use its key.

use super::action::ActionClass;
use super::certainty::{Certainty, certainty_of_all};
use super::document::{Effect, Policy};
use super::policy_denial::caller_of;
use super::principal::Principal;

/// Whether some `Allow` may let this user, role or session use the key for cryptography: by name, through its account or as
/// everyone, on whatever condition that does not certainly fail. What a `Deny` takes away again is not looked at.
pub fn may_use(policy: &Policy, arn: &str) -> bool {
    let user = Principal::from_aws(arn);
    let caller = caller_of(&user);
    policy.with_effect(Effect::Allow).any(|statement| {
        statement.covers_key()
            && statement.actions.classes().contains(&ActionClass::Crypto)
            && statement.principals.reach(&user)
            && certainty_of_all(&statement.conditions, caller.as_ref()) != Certainty::Fails
    })
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
    }
}
