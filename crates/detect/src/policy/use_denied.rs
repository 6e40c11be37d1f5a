//! Denials of a key's use: whom a `Deny` keeps from what the key protects, whatever else lets them in.
//!
//! Only what is sure of a principal counts: conditions on its ARN or account, and such as no caller can meet for long,
//! as a date. Where a network, a service or an organisation decides, nobody is known to be shut out.

use keytrail_event::principal::is_service_name;
use keytrail_event::{Day, EventTime};

use super::action::ActionSet;
use super::caller::Caller;
use super::condition::{Absence, Condition, Family};
use super::document::{Effect, Policy, Statement, StatementName};
use super::principal::{Principal, Principals};

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

/// The statements of the policy that deny using its key at this moment, or from some later one on.
pub fn use_denials(policy: &Policy, at: EventTime) -> Vec<UseDenial<'_>> {
    let uses = USES.map(ActionSet::matching);
    let uses = uses.into_iter().fold(ActionSet::NONE, ActionSet::union);
    let denials = policy.with_effect(Effect::Deny);
    let of_use = denials.filter(|statement| {
        statement.covers_key() && statement.actions.intersects(uses) && !statement.is_over(at)
    });
    of_use.map(UseDenial).collect()
}

impl UseDenial<'_> {
    /// Which statement it is.
    pub fn statement(&self) -> &StatementName {
        self.0.name()
    }

    /// Whether it keeps this canonical principal from the key, now or from some date on.
    pub fn shuts_out(&self, principal: &str) -> bool {
        let principal = if is_service_name(principal) {
            Principal::Service(principal.to_owned())
        } else {
            Principal::from_aws(principal)
        };
        self.is_sure_of(&Caller::of(&principal))
    }

    /// Whether it keeps everyone of the account from the key, or everyone but whom it names: somebody whom no policy can
    /// name.
    pub fn is_of_everyone(&self, account: &str) -> bool {
        self.is_sure_of(&Caller {
            principal: &Principal::Account(account.to_owned()),
            arn: Some(format!("arn:aws:iam::{account}:role/\u{0}")),
        })
    }

    /// Whether it keeps everyone of the account from the key who does not call from some address. A perimeter has more
    /// conditions, which spare networks and services.
    pub fn is_of_all_but_an_address(&self, account: &str) -> bool {
        let is_address = |condition: &Condition| {
            condition.family == Family::Address
                && condition.is_negated()
                && condition.absence == Absence::AsUsual
        };
        self.reaches(&Principal::Account(account.to_owned()))
            && matches!(self.0.conditions.as_slice(), [only] if is_address(only))
    }

    /// Whether it is sure to hold for the caller, now or from some date on.
    fn is_sure_of(&self, caller: &Caller<'_>) -> bool {
        let is_service = matches!(caller.principal, Principal::Service(_));
        let is_sure = |condition: &Condition| {
            condition.is_of_time() || condition.is_of_all_but_few(is_service)
        };
        self.reaches(caller.principal) && caller.meets(&self.0.conditions, is_sure)
    }

    /// Whether it speaks of the principal. Who is denied the key in one session of a role, as after an incident, has it in
    /// the next one.
    fn reaches(&self, principal: &Principal) -> bool {
        let is_meant = |named: &Principal| !named.is_session() || named == principal;
        match &self.0.principals {
            Principals::These(these) => {
                (these.iter()).any(|named| is_meant(named) && named.takes_in(principal))
            }
            all_but @ Principals::AllBut(_) => all_but.reach(principal),
        }
    }
}

impl Condition {
    /// Whether time alone decides.
    pub(super) fn is_of_time(&self) -> bool {
        matches!(self.key.as_str(), "aws:currenttime" | "aws:epochtime")
    }

    /// Whether time alone decides, and it holds at this moment and later no more.
    pub(super) fn has_passed(&self, at: EventTime) -> bool {
        const UNTIL: [&str; 4] = [
            "datelessthan",
            "dateequals",
            "numericlessthan",
            "numericequals",
        ];
        let is_over = |value: &String| moment(value).is_some_and(|until| until < at);
        self.is_of_time()
            && UNTIL.iter().any(|word| self.operator().contains(word))
            && !self.values.is_empty()
            && self.values.iter().all(is_over)
    }

    /// Whether it holds for all but a few, whom no ARN tells: but one user's id, or but AWS services; for a service also
    /// where it holds for services alone. Services have no ARN and no id. Whoever calls KMS does so over TLS.
    pub(super) fn is_of_all_but_few(&self, is_service: bool) -> bool {
        match self.key.as_str() {
            "aws:userid" => self.is_negated(),
            "aws:principalarn" => is_service && self.is_negated(),
            "aws:principalisawsservice" => {
                self.is_switch(if is_service { "true" } else { "false" })
            }
            "aws:securetransport" => self.is_switch("true"),
            _ => false,
        }
    }
}

/// The moment that a condition names: a date with or without a time of day, or seconds since 1970.
fn moment(text: &str) -> Option<EventTime> {
    let seconds = || Some(EventTime::from_unix_seconds(text.parse().ok()?));
    let day = || Some(Day::parse(text)?.start());
    EventTime::parse(text).or_else(day).or_else(seconds)
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
        let at = EventTime::parse("2026-09-22T12:00:00Z").unwrap();
        let denials = use_denials(&policy, at);
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
            (
                but("aws:PrincipalIsAWSService", "Bool", "true"),
                service,
                (true, false),
            ),
            (
                but("aws:PrincipalIsAWSService", "Bool", "true"),
                APP,
                (false, false),
            ),
            // What everyone meets spares nobody.
            (
                but("kms:CallerAccount", "StringEquals", "111111111111"),
                APP,
                (true, true),
            ),
            (
                but(arn, "ArnLike", "arn:aws:iam::111111111111:*"),
                APP,
                (true, true),
            ),
            (
                but("aws:SecureTransport", "Bool", "true"),
                APP,
                (true, true),
            ),
            // What is over denies nobody, and a session is not its role.
            (
                but("aws:CurrentTime", "DateLessThan", "2026-09-22T00:00:00Z"),
                APP,
                (false, false),
            ),
            (
                but("aws:CurrentTime", "DateLessThan", "2026-09-21"),
                APP,
                (false, false),
            ),
            (
                but("aws:EpochTime", "NumericLessThan", "1600000000"),
                APP,
                (false, false),
            ),
            (
                but("aws:CurrentTime", "DateLessThan", "2026-09-23T00:00:00Z"),
                APP,
                (true, true),
            ),
            (
                app.replace(
                    "iam::111111111111:role/App",
                    "sts::111111111111:assumed-role/App/i-bad",
                ),
                APP,
                (false, false),
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
