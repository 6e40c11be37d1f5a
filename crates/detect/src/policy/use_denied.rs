//! Denials of a key's use: whom a `Deny` keeps from what the key protects, whatever else lets them in.
//!
//! Only what is sure of a principal counts: conditions on its ARN or account, and such as no caller can meet for long,
//! as a date. Where a network, a service or an organisation decides, nobody is known to be shut out.

use keytrail_event::principal::is_service_name;

use super::action::ActionSet;
use super::certainty::Certainty;
use super::condition::{Condition, Family};
use super::document::{Effect, Policy, Statement, StatementName};
use super::policy_denial::caller_of;
use super::principal::Principal;

/// What nobody can do without: to read what was encrypted, to sign, to agree on a secret.
const USES: [&str; 4] = [
    "kms:Decrypt",
    "kms:Sign",
    "kms:GenerateMac",
    "kms:DeriveSharedSecret",
];

/// A `Deny` of using the key.
#[derive(Debug, Clone, Copy)]
pub struct UseDenial<'p>(&'p Statement);

/// The statements of the policy that deny using its key.
pub fn use_denials(policy: &Policy) -> Vec<UseDenial<'_>> {
    let uses = USES.map(ActionSet::matching);
    let is_use = |actions: ActionSet| uses.iter().any(|use_of| actions.contains(*use_of));
    let denials = policy.with_effect(Effect::Deny);
    let of_use = denials.filter(|statement| statement.covers_key() && is_use(statement.actions));
    of_use.map(UseDenial).collect()
}

/// Whether some statement lets an AWS service use the key in its own name. Denials are for [`use_denials`].
pub fn lets_service_in(policy: &Policy, service: &str) -> bool {
    let service = Principal::Service(service.to_owned());
    let uses = ActionSet::matching("kms:GenerateDataKey*");
    policy.with_effect(Effect::Allow).any(|statement| {
        let is_use = !statement.actions.intersection(uses).is_empty();
        is_use && statement.names_resources() && statement.principals.reach(&service)
    })
}

impl UseDenial<'_> {
    /// Which statement it is.
    pub fn statement(&self) -> &StatementName {
        self.0.name()
    }

    /// Whether it keeps this canonical principal from the key, now or from some date on.
    pub fn shuts_out(&self, principal: &str) -> bool {
        let is_service = is_service_name(principal);
        let principal = if is_service {
            Principal::Service(principal.to_owned())
        } else {
            Principal::from_aws(principal)
        };
        let caller = caller_of(&principal);
        let holds = |condition: &Condition| match caller.as_ref().map(|it| condition.certainty(it))
        {
            Some(Certainty::Holds) => true,
            Some(Certainty::Fails) => false,
            Some(Certainty::Unknown) | None => {
                condition.is_of_time() || condition.is_of_all_but_few(is_service)
            }
        };
        self.0.principals.reach(&principal) && self.0.conditions.iter().all(holds)
    }

    /// Whether it keeps everyone of the account from the key, or everyone but whom it names.
    pub fn is_of_everyone(&self, account: &str) -> bool {
        let account = Principal::Account(account.to_owned());
        let is_named = |condition: &Condition| {
            condition.is_of_time()
                || condition.is_of_all_but_few(false)
                || !condition.spared_principal_arns().is_empty()
        };
        self.0.principals.reach(&account) && self.0.conditions.iter().all(is_named)
    }
}

impl Condition {
    /// Whether time alone decides.
    fn is_of_time(&self) -> bool {
        matches!(self.key.as_str(), "aws:currenttime" | "aws:epochtime")
    }

    /// Whether it holds for all but a few, whom no ARN tells: but one user's id, or but AWS services. Services have no
    /// ARN and no id.
    fn is_of_all_but_few(&self, is_service: bool) -> bool {
        match self.key.as_str() {
            "aws:userid" => self.is_negated(),
            "aws:principalarn" => is_service && self.is_negated(),
            "aws:principalisawsservice" => {
                !is_service && self.family == Family::Bool && self.has_only("false")
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const APP: &str = "arn:aws:iam::111111111111:role/App";

    fn shuts_out(deny: &str, principal: &str) -> (bool, bool) {
        let text = format!(
            r#"{{"Statement": [{{"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}},
                {{"Effect": "Deny", "Resource": "*", {deny}}}]}}"#
        );
        let policy = Policy::parse(&text).unwrap();
        let denials = use_denials(&policy);
        let shut = denials.iter().any(|denial| denial.shuts_out(principal));
        let all = denials
            .iter()
            .any(|denial| denial.is_of_everyone("111111111111"));
        (shut, all)
    }

    #[test]
    fn whom_a_denial_shuts_out() {
        let all = r#""Principal": "*", "Action": ["kms:Decrypt", "kms:ReEncrypt*"]"#;
        let app =
            r#""Principal": {"AWS": "arn:aws:iam::111111111111:role/App"}, "Action": "kms:*""#;
        let root = r#""Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "kms:*""#;
        let but = |key: &str, operator: &str, value: &str| {
            format!(r#"{all}, "Condition": {{"{operator}": {{"{key}": "{value}"}}}}"#)
        };
        let arn = "aws:PrincipalArn";
        let service = "cloudtrail.amazonaws.com";
        for (deny, principal, expected) in [
            (all.to_owned(), APP, (true, true)),
            (all.to_owned(), service, (true, true)),
            (app.to_owned(), APP, (true, false)),
            (
                app.to_owned(),
                "arn:aws:iam::111111111111:role/Other",
                (false, false),
            ),
            (root.to_owned(), APP, (true, true)),
            (
                but(arn, "ArnNotEquals", "arn:aws:iam::111111111111:role/Me"),
                APP,
                (true, true),
            ),
            (
                but(arn, "ArnNotEquals", "arn:aws:iam::111111111111:role/Me"),
                service,
                (true, true),
            ),
            (
                but(arn, "ArnNotLike", "arn:aws:iam::111111111111:role/A*"),
                APP,
                (false, true),
            ),
            (but(arn, "ArnEquals", APP), APP, (true, false)),
            (
                but("aws:userid", "StringNotLike", "AROAME:*"),
                APP,
                (true, true),
            ),
            (
                but("aws:CurrentTime", "DateGreaterThan", "2026-09-22T00:00:00Z"),
                APP,
                (true, true),
            ),
            (
                but("aws:PrincipalIsAWSService", "BoolIfExists", "false"),
                APP,
                (true, true),
            ),
            (
                but("aws:PrincipalIsAWSService", "BoolIfExists", "false"),
                service,
                (false, true),
            ),
            // Perimeters and hardening: who is shut out nobody can tell.
            (
                but("aws:PrincipalOrgID", "StringNotEquals", "o-a1b2c3d4e5"),
                APP,
                (false, false),
            ),
            (
                but("aws:PrincipalAccount", "StringNotEquals", "111111111111"),
                APP,
                (false, false),
            ),
            (
                but("aws:SourceVpce", "StringNotEquals", "vpce-1a2b3c4d"),
                APP,
                (false, false),
            ),
            (
                but("aws:SecureTransport", "Bool", "false"),
                APP,
                (false, false),
            ),
            (
                but(
                    "kms:ViaService",
                    "StringNotEquals",
                    "s3.eu-west-1.amazonaws.com",
                ),
                APP,
                (false, false),
            ),
            (
                but("aws:TokenIssueTime", "DateLessThan", "2026-09-22T00:00:00Z"),
                APP,
                (false, false),
            ),
            (
                all.replace("kms:Decrypt", "kms:Encrypt"),
                APP,
                (false, false),
            ),
        ] {
            assert_eq!(shuts_out(&deny, principal), expected, "{deny} {principal}");
        }
    }
}
