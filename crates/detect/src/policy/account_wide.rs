//! Whether everyone of the key's account is let in, whatever their IAM policies say.

use super::action::ActionSet;
use super::address_ranges::is_narrow;
use super::caller::Caller;
use super::condition::{Condition, Family};
use super::document::{Effect, Policy, Statement};
use super::principal::Principal;

/// Keys that all principals of an account share.
const SHARED: [&str; 8] = [
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principaltype",
    "aws:requestedregion",
    "aws:resourceaccount",
    "aws:resourceorgid",
    "aws:securetransport",
    "aws:useragent",
];

/// Whether some `Allow` lets everyone of the key's account use, hand on or administer the key.
///
/// Delegation to the account's root does not: it leaves the choice to IAM policies. A statement for everyone with a
/// condition on the account leaves nothing to choose, unless another condition binds it, as `kms:ViaService` does in the
/// policies of AWS managed keys. What everyone of the world may do is for [`super::public_access`] to tell.
pub fn lets_in_whole_account(policy: &Policy, owner_account: &str) -> bool {
    let denied = policy
        .with_effect(Effect::Deny)
        .filter(|statement| denies_all_but_some(statement))
        .fold(ActionSet::NONE, |all, statement| {
            all.union(statement.actions)
        });
    let anyone = Caller {
        principal: &Principal::Account(owner_account.to_owned()),
        arn: None,
    };
    policy.with_effect(Effect::Allow).any(|statement| {
        let actions = statement.actions.minus(denied).beyond_discovery();
        statement.covers_key()
            && statement.principals.include_everyone()
            && !actions.is_empty()
            && anyone.meets(&statement.conditions, |condition| {
                condition.is_met_by_all_of(owner_account)
            })
    })
}

/// Whether it leaves of each account only those whom it passes by.
fn denies_all_but_some(statement: &Statement) -> bool {
    let spares_some = |condition: &Condition| {
        let is_narrow = match condition.family {
            Family::Address => is_narrow(&condition.values),
            _ => !condition.values.iter().any(|value| is_all_stars(value)),
        };
        condition.singles_out() && is_narrow
    };
    // `NotPrincipal` and `"*"` alike reach everyone but a few.
    statement.covers_key()
        && statement.principals.include_everyone()
        && statement.conditions.iter().all(spares_some)
}

impl Condition {
    /// Whether all of the account's principals may meet the condition when they call, of which only the account is known.
    fn is_met_by_all_of(&self, account: &str) -> bool {
        match self.key.as_str() {
            "kms:calleraccount" | "aws:principalaccount" => true,
            "aws:principalarn" => {
                self.is_negated() || self.values.iter().any(|arn| is_any_of(arn, account))
            }
            "aws:userid" | "aws:username" => {
                self.is_negated() || self.values.iter().any(|value| is_all_stars(value))
            }
            // Numbers and dates ask when and how, not who.
            _ => self.family == Family::Other || !self.leaves_somebody_out(),
        }
    }

    /// Whether a condition on anything else keeps some principals or some calls out: of a key that is not known, it is
    /// believed to.
    fn leaves_somebody_out(&self) -> bool {
        let is_open = match self.family {
            Family::TextPattern | Family::Arn => {
                self.values.iter().any(|value| is_all_stars(value))
            }
            Family::Address => !is_narrow(&self.values),
            // A switch that is off, or a key that must be absent, is how an ordinary call looks.
            Family::Bool => !self.has_only("true"),
            Family::Null => !self.has_only("false"),
            _ => false,
        };
        !is_open && !self.accepts_absence() && !self.is_negated() && !SHARED.contains(&self.key())
    }
}

/// Whether a pattern takes in everything.
fn is_all_stars(pattern: &str) -> bool {
    !pattern.is_empty() && pattern.bytes().all(|byte| byte == b'*')
}

/// Whether the pattern is of all users or all roles of the account.
fn is_any_of(pattern: &str, account: &str) -> bool {
    let fields: Vec<&str> = pattern.splitn(6, ':').collect();
    match fields[..] {
        ["arn", _, _, _, of, "*" | "role/*" | "user/*"] => of == account || of == "*",
        _ => pattern == "*",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn conditions_that_bind_nobody_of_the_account() {
        let check = |conditions: &str, is_whole: bool| {
            let text = format!(
                r#"{{"Statement": {{"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*", "Condition": {conditions}}}}}"#
            );
            let found = lets_in_whole_account(&Policy::parse(&text).unwrap(), "111111111111");
            assert_eq!(found, is_whole, "{conditions}");
        };
        let with = |more: &str| {
            format!(r#"{{"StringEquals": {{"kms:CallerAccount": "111111111111"}}, {more}}}"#)
        };
        check(
            r#"{"StringEquals": {"kms:CallerAccount": ["111111111111", "222222222222"]}}"#,
            true,
        );
        check(
            r#"{"StringEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}}"#,
            true,
        );
        check(
            r#"{"StringEquals": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"}}"#,
            true,
        );
        check(
            r#"{"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:role/*"}}"#,
            true,
        );
        check(&with(r#""Bool": {"aws:SecureTransport": "true"}"#), true);
        check(&with(r#""Null": {"kms:ViaService": "true"}"#), true);
        check(
            &with(r#""DateGreaterThan": {"aws:TokenIssueTime": "2020-01-01T00:00:00Z"}"#),
            true,
        );
        check(
            &with(r#""StringNotLike": {"aws:userid": "AIDAEXAMPLEEXAMPLE12"}"#),
            true,
        );
        check(
            r#"{"StringEquals": {"kms:CallerAccount": "222222222222"}}"#,
            false,
        );
        check(
            r#"{"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:role/ops/*"}}"#,
            false,
        );
        check(
            r#"{"StringEquals": {"kms:CallerAccount": "111111111111", "kms:ViaService": "s3.eu-west-1.amazonaws.com"}}"#,
            false,
        );
        check(
            &with(r#""Bool": {"kms:GrantIsForAWSResource": "true"}"#),
            false,
        );
        check(
            &with(r#""StringLike": {"aws:userid": "AROAEXAMPLEEXAMPLE12:*"}"#),
            false,
        );
        check(
            &with(r#""StringLike": {"aws:PrincipalTag/team": "payments"}"#),
            false,
        );
    }

    #[test]
    fn a_deny_for_all_but_some_leaves_only_those() {
        let check = |condition: &str, is_whole: bool| {
            let allow = r#"{"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*",
                "Condition": {"StringEquals": {"kms:CallerAccount": "111111111111"}}}"#;
            let text = format!(
                r#"{{"Statement": [{allow}, {{"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*", "Condition": {condition}}}]}}"#
            );
            let found = lets_in_whole_account(&Policy::parse(&text).unwrap(), "111111111111");
            assert_eq!(found, is_whole, "{condition}");
        };
        check(
            r#"{"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:role/ops"}}"#,
            false,
        );
        check(
            r#"{"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}"#,
            false,
        );
        check(r#"{"NotIpAddress": {"aws:SourceIp": "0.0.0.0/0"}}"#, true);
        check(r#"{"StringNotLike": {"aws:userid": "*"}}"#, true);
        check(
            r#"{"StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}"#,
            true,
        );
        check(r#"{"Bool": {"aws:SecureTransport": "false"}}"#, true);
    }

    #[test]
    fn delegation_and_looking_are_no_opening() {
        let check = |statement: &str| {
            let text = format!(r#"{{"Statement": {statement}}}"#);
            let policy = Policy::parse(&text).unwrap();
            assert!(
                !lets_in_whole_account(&policy, "111111111111"),
                "{statement}"
            );
        };
        check(
            r#"{"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "kms:*", "Resource": "*"}"#,
        );
        check(
            r#"{"Effect": "Allow", "Principal": "*", "Action": ["kms:Describe*", "kms:List*"], "Resource": "*",
            "Condition": {"StringEquals": {"kms:CallerAccount": "111111111111"}}}"#,
        );
        check(
            r#"{"Effect": "Allow", "Principal": "*", "Action": "kms:*",
            "Condition": {"StringEquals": {"kms:CallerAccount": "111111111111"}}}"#,
        );
    }
}
